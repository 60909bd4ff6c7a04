package flow

import "github.com/joinery-go/joinery/lattice"

// Fold merges all elements: the state is their join. It is the only operator that
// crosses from a Delta to a State edge. Where m has a ⊥, the state is ⊥ before the
// first element; otherwise there is none. With Options.Batch = 1 each growth is
// published, otherwise one growth a batch. evidence says how it is known that m is
// the join of a lattice; without any it is assumed.
func Fold[T any](d Delta[T], m lattice.Merge[T], evidence ...Evidence) State[T] {
	n := lost(d.Graph()).add("fold", foldRule)
	asks(n, "", m)
	n.setEvidence(m, lattice.OfSemilattice, lattice.IsMorphism, evidence)
	n.need(m != nil, "a nil merge")
	if m == nil {
		m = noMerge[T]{}
	}
	f := &foldOp[T]{n: n, intake: take(d, n), m: m, batch: lattice.BatchOf(m)}
	s := newState(n, m)
	f.cell = s.cell
	if bottom := lattice.CapsOf(m).Bottom; bottom != nil {
		f.cell.begin(bottom())
	}
	n.task = &task{n: n, run: f.run, start: f.start}
	return s
}

type foldOp[T any] struct {
	n *node
	intake[T]
	each  pusher[T] // where elements go one by one
	take  func(T)
	m     lattice.Merge[T]
	batch func(*T, []T) bool
	cell  *cell[T]
	owed  bool // grew, and a panic kept the growth from being published
}

func (f *foldOp[T]) run() status {
	if f.cell.done {
		return done
	}
	f.cell.resume()
	if f.each != nil {
		return f.single()
	}
	st := f.fill()
	if st == done {
		f.cell.finish()
	}
	if st != ready {
		return st
	}
	f.n.busy.Store(true)
	owed := f.owed || !f.cell.has
	f.owed = true // should the merge panic, it may have grown
	f.first(f.rest[0])
	grew := f.batch(&f.cell.val, f.rest)
	f.n.busy.Store(false)
	f.rest, f.owed = nil, false
	if grew || owed {
		f.cell.publish()
	}
	return ready
}

// first takes v as the state where there is no ⊥.
func (f *foldOp[T]) first(v T) {
	if !f.cell.has {
		f.cell.val, f.cell.has = f.m.Clone(v), true
	}
}

// noMerge stands for a nil merge, in a graph that will not start.
type noMerge[T any] struct{}

func (noMerge[T]) MergeIn(*T, T) bool           { return false }
func (noMerge[T]) Compare(_, _ T) lattice.Order { return lattice.Equal }
func (noMerge[T]) Clone(v T) T                  { return v }
