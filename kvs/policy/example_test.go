package policy_test

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/policy"
)

// A key asks more than the two nodes can do on which it lies, while others have time.
func ExampleDecide() {
	targets := policy.Targets{
		LatencyMS: 5, StorageHigh: 0.8, StorageLow: 0.3, BusyHigh: 0.7, BusyLow: 0.1,
		MinFactor: 2, MaxNodes: [2]int{8, 8}, Promote: 100, Demote: 10, Settle: 3, MaxMoves: 100,
	}
	metrics := policy.Metrics{
		LatencyMS: 40,
		Nodes: []policy.Node{
			{ID: 1, Bytes: 400, Capacity: 1000, Busy: 0.95}, {ID: 2, Bytes: 400, Capacity: 1000, Busy: 0.95},
			{ID: 3, Bytes: 400, Capacity: 1000, Busy: 0.2}, {ID: 4, Bytes: 400, Capacity: 1000, Busy: 0.2},
		},
		Keys: []policy.Key{{Name: "front page", Bytes: 20, Accesses: 50_000, Factor: 2, Work: 1.9}},
	}
	decision, _, err := policy.Decide(&metrics, &targets, policy.State{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range decision.Factors {
		fmt.Printf("%s: %d replicas\n", f.Key, f.Replicas)
	}
	for _, why := range decision.Why {
		fmt.Println(why)
	}
	// Output:
	// front page: 3 replicas
	// keys were used more than their replicas can bear, or had fewer than 2: 1
}
