package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A start reads no value that is kept outside. Where it finds that the row of a repeat is to
// be taken back from one ([Replica.takeBack]), the row is owed: it is taken back when the
// value is read, and values that owe are read a few with each tick, since other owners may
// have to be told.

const payEach = 16 // values that are read with each tick to take rows back

// owedRow is a row that is to be taken back from a value once that is read.
type owedRow struct {
	row   uint64
	first causal.Dot // that it repeats
}

// owing is a value from which rows are to be taken back.
type owing struct {
	p *partition
	x *kept
}

// owe has a row taken back from a value of p once that is read, which is soon, since the
// other owners may have to be told.
func (k *keeper) owe(p *partition, x *kept, row owedRow) {
	if len(x.rows) == 0 {
		k.owed = append(k.owed, owing{p, x})
	}
	x.rows = append(x.rows, row)
	k.grew(x, 0)
}

// pay reads some of the values from which rows are to be taken back.
func (k *keeper) pay() {
	for n := 0; len(k.owed) > 0 && n < payEach && k.failure == nil; n++ {
		o := k.owed[0]
		k.owed = slices.Delete(k.owed, 0, 1)
		if s := o.x.slot(); s != nil && len(o.x.rows) > 0 {
			o.p.value(s)
		}
	}
}

// settle takes back what rows are owed from v, which is what x has, and calls took with
// each that was there.
func (k *keeper) settle(x *kept, v kind.Value, name string, took func(row owedRow, taken kind.Value)) {
	known, _ := k.r.cfg.Kinds.Find(name)
	for _, row := range x.rows {
		if taken := known.Settle(row.row, v); taken != nil {
			v.MergeIn(taken)
			took(row, taken)
		}
	}
}

// settleRows takes back what rows are owed from the value of s, which is in memory, and
// remembers to tell of those that were there.
func (p *partition) settleRows(s *slot) {
	x, r := s.kept, p.keeper.r
	p.keeper.settle(x, s.val, s.kind, func(row owedRow, taken kind.Value) {
		p.keeper.grew(x, rowBytes)
		if p.owned {
			r.taken = append(r.taken, takenBack{p.id, x.cell.key, s.kind, taken, row.first})
		}
	})
	x.rows = nil
}

// unheard tells nobody.
func unheard(owedRow, kind.Value) {}
