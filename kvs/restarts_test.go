package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
)

// kept is what a node at rest has of incarnations: spans of dots, origins of cuts, deltas,
// sessions, and bytes of all of its state.
func (g *rig) kept(node int) (spans, cuts, deltas, sessions, state int) {
	var u kvs.Usage
	core := g.hosts[node].Core()
	core.Usage(&u)
	for i := range u.Partitions {
		p := &u.Partitions[i]
		spans, cuts, deltas = spans+len(p.Dots), cuts+p.Cuts, deltas+p.Deltas
	}
	return spans, cuts, deltas, u.Sessions, len(core.AppendState(nil))
}

// TestWhatRestartsLeave: of an incarnation that has written nothing, nothing is left. One
// that has leaves, for good, a span of dots in each partition that it has written to, and a
// mark in each value: 18 bytes of encoded state for a write to one key, at each owner, and no
// delta, cut or session.
func TestWhatRestartsLeave(t *testing.T) {
	g := newRig(t, 3, 4, 3, kvs.Config{})
	g.keep = true
	require.NotNil(t, g.ask(0, put(1, 1, "set", "k", []byte("x"))))
	rest := func() {
		for range 8 {
			g.tick()
		}
	}
	rest()
	idle := make([]int, 0, 3)
	for i := range 120 {
		g.start(i % 3)
		g.run()
		rest()
		if i%40 == 39 {
			spans, cuts, deltas, sessions, state := g.kept(0)
			assert.Equal(t, [4]int{1, 0, 0, 1}, [4]int{spans, cuts, deltas, sessions})
			idle = append(idle, state)
		}
	}
	assert.InDelta(t, idle[0], idle[2], 24, "numbers of incarnations may take a byte more: %v", idle)

	after := map[int]int{}
	for _, restarts := range []int{30, 130} {
		g := restarted(t, restarts, kvs.Config{})
		for n := range 3 {
			spans, cuts, deltas, sessions, state := g.kept(n)
			assert.Equal(t, [4]int{restarts + 3, 0, 0, 3}, [4]int{spans, cuts, deltas, sessions}, "node %d", n)
			after[restarts] = max(after[restarts], state)
		}
	}
	each := float64(after[130]-after[30]) / 100
	t.Logf("%.1f bytes of state for each incarnation that has written", each)
	assert.Less(t, each, 20.0)
}
