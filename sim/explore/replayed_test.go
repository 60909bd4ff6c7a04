package explore

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// counting is a node of tallies that runs: it is changed in place.
type counting struct {
	n    tally
	self int
	of   Cluster[tally]
}

// running makes a cluster of nodes that run of one of values.
func running(of Cluster[tally], opaque bool) Cluster[*Past] {
	c := Replayed(func(self int) (Running, []Message, error) {
		n := &counting{self: self, of: of}
		node := Running{
			Step: func(ev Event) (out []Message, err error) {
				n.n, out, err = of.Step(self, n.n, ev)
				return out, err
			},
			Crash: func() (out []Message, err error) {
				n.n, out, err = of.Crashed(self, n.n)
				return out, err
			},
			View: func() any { return n.n },
		}
		if of.Timers != nil {
			node.Timers = func() []uint64 { return of.Timers(self, n.n) }
		}
		if of.CheckNode != nil {
			node.Check = func() string { return of.CheckNode(self, n.n) }
		}
		if !opaque {
			node.Append = func(dst []byte) []byte { return of.Append(dst, n.n) }
		}
		return node, nil, nil
	})
	c.Nodes, c.Inputs, c.Drops, c.Duplicates, c.Crashes, c.Firings = of.Nodes, of.Inputs, of.Drops, of.Duplicates, of.Crashes, of.Firings
	c.CheckEnd = func(nodes []*Past) string {
		var all []tally
		for _, p := range nodes {
			all = append(all, p.View.(tally))
		}
		return of.CheckEnd(all)
	}
	return c
}

// TestReplayedIsLikeCopied: nodes that run come to the states, the ends and the shortest
// failure of those that are values, of which they are made.
func TestReplayedIsLikeCopied(t *testing.T) {
	crashes := func(c *Cluster[tally]) {
		c.Crashes = 1
		c.Crashed = func(int, tally) (tally, []Message, error) { return tally{}, nil, nil }
		c.CheckEnd = func([]tally) string { return "" }
	}
	timers := func(c *Cluster[tally]) {
		c.Firings = 1
		c.Timers = func(_ int, n tally) []uint64 {
			if n.told {
				return nil
			}
			return []uint64{1}
		}
	}
	for name, change := range map[string]func(c *Cluster[tally]){
		"duplicates": func(c *Cluster[tally]) { c.Duplicates = 1 }, "drops": func(c *Cluster[tally]) { c.Drops = 1 }, "crashes": crashes, "timers": timers,
	} {
		for _, sum := range []bool{false, true} {
			t.Run(fmt.Sprint(name, sum), func(t *testing.T) {
				of := tallies(sum, Cluster[tally]{Inputs: []Input{{0, 1}, {1, 2}}})
				change(&of)
				want, err := of.Run(Options{})
				require.NoError(t, err)
				values := running(of, false)
				got, err := values.Run(Options{})
				require.NoError(t, err)
				require.Equal(t, want.States, got.States)
				require.Equal(t, want.Transitions, got.Transitions)
				require.Equal(t, want.Complete, got.Complete)
				require.Equal(t, want.Violation == nil, got.Violation == nil)
				if want.Violation != nil {
					require.Equal(t, want.Violation.What, got.Violation.What)
					require.Equal(t, want.Violation.Path, got.Violation.Path)
				}
				histories := running(of, true)
				opaque, err := histories.Run(Options{})
				require.NoError(t, err)
				require.GreaterOrEqual(t, opaque.States, got.States, "histories are told apart")
				if want.Violation != nil {
					require.Equal(t, want.Violation.What, opaque.Violation.What)
					require.Len(t, opaque.Violation.Path, len(want.Violation.Path))
				}
			})
		}
	}
}

// TestReplayedTellsWhatDoesNotRepeat: a node with a second source of truth is an error, and so
// is one that fails when it is run again.
func TestReplayedTellsWhatDoesNotRepeat(t *testing.T) {
	of := tallies(false, Cluster[tally]{Inputs: []Input{{-1, 1}, {-1, 2}}, Duplicates: 1})
	steps := 0
	for name, second := range map[string]func(n *counting) error{
		"another state": func(n *counting) error { n.n.own[n.self] += steps % 2; return nil },
		"an error": func(*counting) error {
			if steps > 20 {
				return errors.New("no more")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			steps = 0
			c := Replayed(func(self int) (Running, []Message, error) {
				n := &counting{self: self, of: of}
				return Running{
					Step: func(ev Event) (out []Message, err error) {
						steps++
						if n.n, out, err = of.Step(self, n.n, ev); err == nil {
							err = second(n)
						}
						return out, err
					},
					Append: func(dst []byte) []byte { return of.Append(dst, n.n) },
				}, nil, nil
			})
			c.Nodes, c.Inputs, c.Duplicates = of.Nodes, of.Inputs, of.Duplicates
			_, err := c.Run(Options{NoSymmetry: true})
			if name == "an error" {
				require.ErrorContains(t, err, "no more")
				return
			}
			require.ErrorIs(t, err, ErrReplay)
			require.ErrorContains(t, err, "time, chance, goroutines or the order of a map reach it")
		})
	}

	c := Replayed(func(int) (Running, []Message, error) { return Running{}, nil, errors.New("no room") })
	c.Nodes = 1
	r, err := c.Run(Options{})
	require.NoError(t, err)
	require.Equal(t, "it does not start: no room", r.Violation.What)
}
