package shrink_test

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim/shrink"
)

// A run that fails if "withdraw" comes after "deposit" and the message with key 7
// is dropped.
func ExampleMinimise() {
	run := func(ops []string, ds []choice.Decision) (shrink.Outcome, error) {
		d, w := slices.Index(ops, "deposit"), slices.Index(ops, "withdraw")
		dropped := slices.ContainsFunc(ds, func(d choice.Decision) bool { return d.Site == "net.drop" && d.Key == 7 })
		if d >= 0 && w > d && dropped {
			return shrink.Outcome{Signature: "balance: negative"}, nil
		}
		return shrink.Outcome{}, nil
	}
	ops := []string{"open", "deposit", "read", "read", "withdraw", "close"}
	tape := []choice.Decision{{Site: "net.delay", Key: 3, Value: 9}, {Site: "net.drop", Key: 7, Value: 1}, {Site: "sim.crash", Key: 4, Value: 2}}
	least, err := shrink.Minimise(ops, tape, run, shrink.Options[string]{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(least.Signature, least.Ops, least.Decisions)
	// Output:
	// balance: negative [deposit withdraw] [{net.drop 7 1}]
}
