package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestHiddenAreWrites: a value of a snapshot is to be marked if it may have a write that is hidden,
// and not if it depends on one.
func TestHiddenAreWrites(t *testing.T) {
	hidden, other := session.Matrix{{Origin: 5, Seq: 3}}, session.Matrix{{Origin: 9, Seq: 1}}
	for _, c := range []struct {
		writes, deps session.Matrix
		same, want   bool
	}{
		{writes: hidden, deps: other, want: true},
		{writes: other, deps: hidden},
		{writes: hidden, deps: other, same: true},
		{writes: other},
		{deps: other, want: true}, // which writes it has is not known
	} {
		x := &intake{
			answers: []gossip.Dots{{{Origin: 5, Lo: 1, Hi: 3}, {Origin: 9, Lo: 1, Hi: 1}}}, base: gossip.Dots{{Origin: 5, Lo: 1, Hi: 2}, {Origin: 9, Lo: 1, Hi: 1}},
			staged: []stagedPiece{{values: []wire.HeldValue{{Key: "k", Kind: "set", Writes: c.writes, Deps: c.deps, Same: c.same}}}},
		}
		x.siftAll()
		assert.Equal(t, c.want, x.marks, "%+v", c)
	}
}

// TestRepeatsInASnapshotCountOnce: a counter is held with a write, and comes with a snapshot with a
// repeat of it. It is looked at, then folded in, and counts once both times.
func TestRepeatsInASnapshotCountOnce(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	require.Equal(t, wire.StatusOK, n.ask(wire.Request{Client: 7, Req: 1, Put: true, Key: "c", Kind: "counter", Arg: kind.Amount(5), Stamp: 1}).Status)
	p, row := n.r.partition(0), n.r.row(7, 1)
	k, _ := n.r.cfg.Kinds.Find("counter")
	again, err := k.Mutate(kind.Update{Arg: kind.Amount(5), Origin: row}, nil)
	require.NoError(t, err)
	values := []wire.HeldValue{{Key: "c", Kind: "counter", Value: again.Append(nil), Writes: session.Matrix{{Origin: 9, Seq: 1}}}}
	x := &intake{answers: []gossip.Dots{{{Origin: 9, Lo: 1, Hi: 1}}}, hidden: []gossip.Dots{nil}, staged: []stagedPiece{{values: values}}}
	p.fold = &folding{r: n.r, x: x, rows: []repeatMet{{row, causal.Dot{Origin: n.r.cfg.Origin, Seq: 1}}}, done: map[string]bool{}}
	sum := func() int64 {
		c, ok := kind.Get[kind.Counter](n.r.Look("c", "counter"))
		require.True(t, ok)
		s, err := kind.CounterSum(c)
		require.NoError(t, err)
		return s
	}
	assert.Equal(t, int64(5), sum())
	require.NotNil(t, p.cell("c"))
	require.True(t, p.fold.done["c"])
	assert.Equal(t, int64(5), sum())
}
