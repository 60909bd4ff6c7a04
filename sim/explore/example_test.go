package explore_test

import (
	"fmt"

	"github.com/joinery-go/joinery/sim/explore"
)

// A flag is raised at node 0 and passed on; node 1 toggles at each message, where
// it should set. One duplicated message in scope is enough to see it.
func ExampleCluster() {
	c := explore.Cluster[bool]{
		Nodes: 2,
		Start: func(int) (bool, []explore.Message) { return false, nil },
		Step: func(self int, up bool, ev explore.Event) (bool, []explore.Message, error) {
			if ev.Kind == explore.Take {
				return true, []explore.Message{{To: 1 - self, Payload: "up"}}, nil
			}
			return !up, nil, nil
		},
		Append:     func(dst []byte, up bool) []byte { return fmt.Appendf(dst, "%t", up) },
		Inputs:     []explore.Input{{Node: 0}},
		Duplicates: 1,
		CheckEnd: func(up []bool) string {
			if up[0] != up[1] {
				return "the flags differ"
			}
			return ""
		},
	}
	r, err := c.Run(explore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Violation.What)
	for _, a := range r.Violation.Path {
		fmt.Println(a)
	}
	// Output:
	// the flags differ
	// take 0 at n0
	// duplicate n0→n1 "up"
	// deliver n0→n1 "up"
}
