package elastic_test

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/elastic"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// The two owners of a partition have little time left, and others have: a third one is asked for, of
// the first node, until some node goes by it.
func ExampleController() {
	rg, err := ring.New([]ring.NodeID{1, 2, 3, 4}, 1, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := elastic.New(elastic.Options{Ring: rg, Targets: targets(), PeriodMS: 10_000, AskMS: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	for period := range uint64(2) {
		for i, n := range rg.Nodes() {
			s := elastic.Sample{Node: n, View: member.View{Members: member.Of(rg)}, Settled: true, Capacity: 1 << 30, UpUS: (1 + period) * 10_000_000}
			if s.Demand.Origin = uint64(n); rg.Owns(n, 0) {
				served := (1 + period) * 9000
				s.BusyUS, s.TookUS = served*1000, served*10_000
				s.Demand.Served, s.Demand.Partitions = served, []kvs.PartitionDemand{{Partition: 0, Served: served, Keys: 5, Bytes: 5000}}
			}
			if err := c.Observe(&s); err != nil {
				fmt.Println(i, err)
			}
		}
		asks, d, err := c.Tick(period * 10_000)
		if err != nil {
			fmt.Println(err)
		}
		for _, a := range asks {
			fmt.Println("ask node", a.To, "for", a.Event.Factor)
		}
		for _, why := range d.Why {
			fmt.Println(why)
		}
	}
	// Output:
	// ask node 1 for partition 0: 3 replicas by decision 1
	// keys were used more than their replicas can bear, or had fewer than 2: 1
}
