package scenario

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// bits is a set of numbers below 64, which can be merged rightly or not.
type bits struct {
	set   uint64
	fault string
}

func (b *bits) MergeIn(delta kind.Value) bool {
	d := delta.(*bits)
	switch b.fault {
	case "keeps":
		return false
	case "panics":
		panic("no room")
	}
	grew := d.set&^b.set != 0
	b.set |= d.set
	return grew
}

func (b *bits) Compare(other kind.Value) lattice.Order {
	if b.fault == "panics" {
		panic("cannot compare")
	}
	x, y := b.set, other.(*bits).set
	var o lattice.Order
	if x&^y == 0 {
		o |= lattice.Less
	}
	if y&^x == 0 {
		o |= lattice.Greater
	}
	return o
}

func (b *bits) Clone() kind.Value        { c := *b; return &c }
func (b *bits) Append(dst []byte) []byte { return binary.BigEndian.AppendUint64(dst, b.set) }

func distinct(fault string, sets ...uint64) (all []oracle.Distinct) {
	for _, s := range sets {
		all = append(all, oracle.Distinct{Value: &bits{s, fault}, Text: string(rune('a' + len(all)))})
	}
	return all
}

// TestJoins: what is joined of the values held in the end is what nobody has shown; a
// merge that depends on who merges into whom, or panics, is said to be at fault.
func TestJoins(t *testing.T) {
	joins, note := joinsOf(distinct("", 1, 2, 4, 3), []int{0, 1, 2})
	assert.Empty(t, note)
	var sets []uint64
	for _, j := range joins {
		sets = append(sets, j.Value.(*bits).set)
	}
	assert.Equal(t, []uint64{5, 6}, sets, "3 has been shown")

	joins, note = joinsOf(distinct("", 1, 2), []int{1, -1})
	assert.Empty(t, joins, "one holds nothing")
	assert.Empty(t, note)

	_, note = joinsOf(distinct("keeps", 1, 2), []int{0, 1})
	assert.Contains(t, note, "The merge is at fault: merging b into a gives ")
	_, note = joinsOf(distinct("panics", 1, 2), []int{0, 1})
	assert.Equal(t, "Merging what they hold panics: no room.", note)

	rows, wrong := below(distinct("", 1, 2, 3))
	require.Empty(t, wrong)
	assert.Equal(t, [][]bool{{true, false, true}, {false, true, true}, {false, false, true}}, rows)
	_, wrong = below(distinct("panics", 1, 2))
	assert.Equal(t, "comparing its states panics: cannot compare", wrong)
}
