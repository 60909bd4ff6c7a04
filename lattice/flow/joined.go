package flow

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// Batch joins up to n deltas into one. What is behind it sees joins of deltas, and
// which ones depends on when they came, so that functions there must be claimed
// morphisms. evidence says how it is known that m is the join of a lattice.
func Batch[T any](d Delta[T], m lattice.Merge[T], n int, evidence ...Evidence) Delta[T] {
	nd := lost(d.Graph()).add("batch", batchRule)
	asks(nd, "", m)
	nd.into = m
	nd.setEvidence(m, lattice.OfSemilattice, lattice.IsMorphism, evidence)
	nd.need(m != nil, "a nil merge")
	nd.need(n > 0, "a batch of nothing")
	m = orNone(m)
	return delta(nd, &batchOp[T]{n: nd, intake: take(d, nd), m: m, merge: lattice.BatchOf(m), size: max(n, 1)})
}

type batchOp[T any] struct {
	n *node
	intake[T]
	m     lattice.Merge[T]
	merge func(*T, []T) bool
	size  int
	out   []T
	fresh bool // out was not handed on
}

func (o *batchOp[T]) pull() ([]T, status) {
	if st := o.fill(); st != ready {
		return nil, st
	}
	if !o.fresh {
		o.out, o.fresh = o.out[:0], true
	}
	o.n.busy.Store(true)
	for len(o.rest) > 0 {
		k := min(len(o.rest), o.size)
		v := o.m.Clone(o.rest[0])
		o.merge(&v, o.rest[1:k])
		o.out = append(o.out, v)
		o.rest = o.rest[k:]
	}
	o.n.busy.Store(false)
	o.fresh = false
	return o.out, ready
}

// Convert hands on f of each delta: another representation of the same lattice, or
// any morphism into another one, from the lattice of f.From to that of f.To. It may stand where only the join of its input is
// determined. f.F must be pure, and neither change its argument nor keep it.
func Convert[A, B any](d Delta[A], f lattice.Function[A, B], evidence ...Evidence) Delta[B] {
	n := lost(d.Graph()).add("convert", elementRule)
	asks(n, "", f.From)
	n.setFunction(f.F, f.From, f.To, evidence)
	n.claimed, n.image, n.into = true, true, f.To
	n.need(f.F != nil && f.From != nil && f.To != nil, "a function needs F, From and To")
	return delta(n, &mapOp[A, B]{n: n, intake: take(d, n), f: f.F})
}

// Explode hands on the elements of each set, those of one set in ascending order.
// It leads from deltas of which only the join is determined back to elements: those
// of a join of sets are those of the sets. Deltas that are joined otherwise, by
// lattice.IntersectOf say, have no elements that are determined.
func Explode[E cmp.Ordered](d Delta[map[E]struct{}]) Delta[E] {
	n := lost(d.Graph()).add("explode", explodeRule)
	asks(n, "", lattice.SetOf[E]())
	return delta(n, &explodeOp[E]{n: n, intake: take(d, n)})
}

type explodeOp[E cmp.Ordered] struct {
	n *node
	intake[map[E]struct{}]
	buf []E
	cur []E
}

func (o *explodeOp[E]) pull() ([]E, status) {
	for len(o.cur) == 0 {
		if st := o.fill(); st != ready {
			return nil, st
		}
		o.buf = o.buf[:0]
		for e := range o.rest[0] {
			o.buf = append(o.buf, e)
		}
		slices.Sort(o.buf)
		o.cur, o.rest = o.buf, o.rest[1:]
	}
	k := min(len(o.cur), o.n.g.opt.Batch)
	vs := o.cur[:k:k]
	o.cur = o.cur[k:]
	return vs, ready
}

// Debottom hands on the values of the deltas that have one: None is the ⊥ that
// merges into nothing. It is a morphism that drops what cannot change a join.
func Debottom[T any](d Delta[lattice.Option[T]]) Delta[T] {
	n := lost(d.Graph()).add("debottom", elementRule)
	n.claim, n.claimed, n.image = built(lattice.IsMorphism), true, true
	return delta(n, &filterMapOp[lattice.Option[T], T]{
		n: n, intake: take(d, n), f: func(o lattice.Option[T]) (T, bool) { return o.Val, o.Some },
	})
}

// Bimorphism hands on deltas whose join is f of the join of left and the join of
// right. f must be a morphism in each argument: each delta of one side meets the
// whole other side, f(δa, b) and f(a, δb). f must be pure, and neither change its
// arguments nor keep them. evidence says how it is known that f is a bimorphism.
func Bimorphism[A, B, C any](left Delta[A], right Delta[B], a lattice.Merge[A], b lattice.Merge[B], f func(A, B) C, evidence ...Evidence) Delta[C] {
	n := lost(left.Graph()).add("bimorphism", biRule)
	asks(n, "left", a)
	asks(n, "right", b)
	var pairs lattice.Merge[lattice.Pair[A, B]]
	if n.need(a != nil && b != nil, "a nil merge"); a != nil && b != nil {
		pairs = lattice.PairOf(a, b)
	}
	n.setFunction(f, pairs, nil, evidence)
	n.need(f != nil, "a nil function")
	o := &bimorphism[A, B, C]{n: n, f: f, flip: func(b B, a A) C { return f(a, b) }}
	o.left = half[A]{in: read(left, n, "left"), m: orNone(a)}
	o.right = half[B]{in: read(right, n, "right"), m: orNone(b)}
	return delta(n, o)
}

// half is one side of a bimorphism.
type half[T any] struct {
	in   puller[T]
	m    lattice.Merge[T]
	rest []T
	all  T
	has  bool
	end  bool
}

func (h *half[T]) fill() {
	if len(h.rest) > 0 || h.end {
		return
	}
	vs, st := h.in.pull()
	switch st {
	case ready:
		h.rest = vs
	case done:
		h.end = true
	}
}

// take merges v and reports whether it was new.
func (h *half[T]) take(v T) bool {
	if !h.has {
		h.all, h.has = h.m.Clone(v), true
		return true
	}
	return h.m.MergeIn(&h.all, v)
}

type bimorphism[A, B, C any] struct {
	n      *node
	f      func(A, B) C
	flip   func(B, A) C
	left   half[A]
	right  half[B]
	out    []C
	handed bool
}

func (o *bimorphism[A, B, C]) pull() ([]C, status) {
	if o.handed {
		o.out, o.handed = o.out[:0], false
	}
	for {
		o.left.fill()
		o.right.fill()
		if len(o.left.rest)+len(o.right.rest) == 0 {
			break
		}
		o.n.busy.Store(true)
		cross(&o.out, o.n.g.opt.Batch, &o.left, &o.right, o.f)
		cross(&o.out, o.n.g.opt.Batch, &o.right, &o.left, o.flip)
		o.n.busy.Store(false)
		if len(o.out) > 0 {
			o.handed = true
			return o.out, ready
		}
	}
	if o.left.end && o.right.end {
		return nil, done
	}
	return nil, pending
}

// cross lets the new deltas of one side meet the whole of the other. A delta is
// merged only after f has returned, and put aside only after that: should f or the
// merge panic, the delta is new again.
func cross[A, B, C any](out *[]C, batch int, s *half[A], other *half[B], f func(A, B) C) {
	for len(s.rest) > 0 && len(*out) < batch {
		v := s.rest[0]
		if other.has && (!s.has || !s.m.Compare(v, s.all).Leq()) {
			*out = append(*out, f(v, other.all))
		}
		s.take(v)
		s.rest = s.rest[1:]
	}
}
