package smallscope

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// stubborn is a merge of sets that keeps what it has once that is more than one
// element: no merge at all.
type stubborn struct {
	lattice.Merge[kind.GrowSet]
}

func (s stubborn) MergeIn(target *kind.GrowSet, delta kind.GrowSet) bool {
	if len(*target) > 1 {
		return false
	}
	return s.Merge.MergeIn(target, delta)
}

// Caps are those of the merge within, so that it can be encoded.
func (s stubborn) Caps() lattice.Caps[kind.GrowSet] { return lattice.CapsOf(s.Merge) }

// TestExploreFindsTheShortestWay seeds a merge that is none: two writes do no harm
// in any order, and with three the shortest way to the fault is found, whatever is
// reduced.
func TestExploreFindsTheShortestWay(t *testing.T) {
	search := func(s Scope) *Explored {
		s.Kind = "set"
		require.NoError(t, s.validate())
		x, err := newExplorer(s)
		require.NoError(t, err)
		spec := kind.SetSpec()
		spec.Merge = stubborn{spec.Merge}
		set, err := kind.New(workload.Tag(spec))
		require.NoError(t, err)
		x.kinds, err = kind.NewKinds(set)
		require.NoError(t, err)
		r, err := x.search(t.Context(), nil)
		require.NoError(t, err)
		return r
	}
	fine := search(Scope{Nodes: 2, Writes: 2})
	assert.True(t, fine.Complete)
	assert.Empty(t, fine.Violation)
	for _, nodes := range []int{2, 3} {
		plain := search(Scope{Nodes: nodes, Writes: 3, Drops: 1, NoCommute: true, plain: true})
		for mix := range 8 {
			r := search(Scope{Nodes: nodes, Writes: 3, Drops: 1, NoCommute: mix&1 > 0, NoSymmetry: mix&2 > 0, EarlyDrops: mix&4 > 0})
			assert.False(t, r.Complete)
			assert.Equal(t, "a violation was found", r.Stopped)
			assert.Contains(t, r.Violation, "is not the join of the writes")
			assert.Len(t, r.Path, len(plain.Path), "mix %d: %v", mix, r.Path)
			assert.LessOrEqual(t, r.States, plain.States)
			assert.Equal(t, mix&2 == 0, r.Renamings > 1, r.Asymmetry)
		}
		// No way has fewer actions than all writes, and no rounds left to heal by.
		assert.Len(t, plain.Path, 3+nodes, "%v", plain.Path)
	}
}
