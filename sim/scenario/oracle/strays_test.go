package oracle_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// TestStrays: what a node holds that is gone, and has lost with its disk that it is, is where it does
// not belong for no fault of anybody; that of any other node is for one. What clients write to it is
// forgiven, if the disk was lost whole or in part.
func TestStrays(t *testing.T) {
	for name, c := range map[string]struct {
		moves, lost, cut, stays bool
		failed, forgiven        bool
	}{
		"lost":              {moves: true, lost: true, forgiven: true},
		"lost in part":      {moves: true, cut: true, forgiven: true},
		"nothing lost":      {moves: true, failed: true},
		"nobody moves":      {lost: true, failed: true},
		"it is to be there": {moves: true, lost: true, stays: true, failed: true},
	} {
		f := cluster(t, op(1, history.Add, history.Set, "k", "e"))
		stranger := f.owner("k", 3)
		if !c.stays { // it is gone by the ring that is to come
			var rest []ring.NodeID
			for _, n := range f.ring.Nodes() {
				if n != stranger {
					rest = append(rest, n)
				}
			}
			r, err := ring.New(rest, 4, 3)
			require.NoError(t, err)
			f.ring = r
		}
		f.moves = c.moves
		lost := new(oracle.LostWrites)
		lost.Begin(f)
		o := oracle.Placement{Lost: lost}
		o.Begin(f)
		switch {
		case c.lost:
			lost.Rewound(stranger)
		case c.cut:
			lost.Restarted(stranger, func(ring.Partition, causal.Dot) bool { return false })
		}
		f.write(t, lost, stranger, 0, []byte("e"), true)
		require.Less(t, int(stranger), f.Nodes())
		o.AtRest(&oracle.Rest{Came: true})
		held := oracle.Violation{Oracle: "placement", Kind: "stranger", Node: int(stranger)}.Signature()
		assert.Equal(t, c.failed, slices.Contains(f.failed, held), "%s: %v", name, f.failed)
		assert.Equal(t, c.forgiven, lost.Forgiven(0), name)
	}
}

// TestRowsWherePartitionsMove: a replica that has let go of a partition and owns it again may have
// served a request twice that came twice; one that owns it all along may not.
func TestRowsWherePartitionsMove(t *testing.T) {
	for _, moves := range []bool{false, true} {
		f := cluster(t, op(1, history.Inc, history.Counter, "c", "5"))
		f.moves = moves
		lost := new(oracle.LostWrites)
		lost.Begin(f)
		o := oracle.Storage{Lost: lost}
		o.Begin(f)
		n := f.owner("c", 0)
		f.again = true
		f.write(t, lost, n, 0, kind.Amount(5), true)
		f.failed = nil
		o.AtRest(&oracle.Rest{Came: true})
		rows := "storage/rows//" + string(rune('0'+n))
		if moves {
			assert.NotContains(t, f.failed, rows)
		} else {
			assert.Contains(t, f.failed, rows)
		}
	}
}
