package flow_test

import (
	"context"
	"fmt"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// A pipeline that reacts: votes come while it runs, a threshold on their state fires once
// there are three, and whoever subscribes late begins with what there is.
func Example_reactive() {
	g := flow.New("quorum", flow.Options{Batch: 1})
	votes, d := flow.NewInput[string](g, 10)
	ballots := flow.Map(d, func(name string) map[string]struct{} { return map[string]struct{}{name: {}} })
	all := flow.Fold(ballots, lattice.SetOf[string]())
	quorum := flow.Threshold(all, map[string]struct{}{"ann": {}, "bob": {}, "cal": {}})

	s, err := flow.Start(g)
	check(err)
	_, err = flow.Subscribe(quorum, func(reached bool) { fmt.Println("quorum", reached) })
	check(err)
	vote := func(name string) {
		check(votes.Push(name))
		_, err := s.Settle(context.Background())
		check(err)
	}
	vote("ann")
	vote("cal")
	vote("ann") // a vote that comes twice counts once
	_, err = flow.Subscribe(all, func(names map[string]struct{}) { fmt.Println("late sees", len(names)) })
	check(err)
	vote("bob")
	// Output:
	// quorum false
	// late sees 2
	// late sees 3
	// quorum true
}
