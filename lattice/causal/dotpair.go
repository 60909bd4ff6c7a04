package causal

import "github.com/joinery-go/joinery/lattice"

// DotPairOf is the store of two stores under one context: a record of two fields.
// Nested, it gives a causal map whose keys each have a field of every kind, which
// is how a map of mixed kinds stays mergeable where two writers use one key for
// different kinds.
func DotPairOf[A, B any](a Store[A], b Store[B]) Store[lattice.Pair[A, B]] {
	return dotPair[A, B]{a, b}
}

type dotPair[A, B any] struct {
	a Store[A]
	b Store[B]
}

func (p dotPair[A, B]) clone(v lattice.Pair[A, B]) lattice.Pair[A, B] {
	return lattice.Pair[A, B]{First: p.a.clone(v.First), Second: p.b.clone(v.Second)}
}

func (p dotPair[A, B]) empty(v lattice.Pair[A, B]) bool {
	return p.a.empty(v.First) && p.b.empty(v.Second)
}

func (p dotPair[A, B]) merge(target *lattice.Pair[A, B], seen Dots, delta lattice.Pair[A, B], pending Dots) bool {
	first := p.a.merge(&target.First, seen, delta.First, pending)
	second := p.b.merge(&target.Second, seen, delta.Second, pending)
	return first || second
}

func (p dotPair[A, B]) drop(target *lattice.Pair[A, B], pending Dots) bool {
	first := p.a.drop(&target.First, pending)
	second := p.b.drop(&target.Second, pending)
	return first || second
}

func (p dotPair[A, B]) leq(a lattice.Pair[A, B], known Dots, b lattice.Pair[A, B]) bool {
	return p.a.leq(a.First, known, b.First) && p.b.leq(a.Second, known, b.Second)
}

func (p dotPair[A, B]) diff(base lattice.Pair[A, B], gone Dots, v lattice.Pair[A, B], out Dots) lattice.Pair[A, B] {
	return lattice.Pair[A, B]{
		First:  p.a.diff(base.First, gone, v.First, out),
		Second: p.b.diff(base.Second, gone, v.Second, out),
	}
}

func (p dotPair[A, B]) visit(v lattice.Pair[A, B], add func(uint64, Spans)) {
	p.a.visit(v.First, add)
	p.b.visit(v.Second, add)
}

func (p dotPair[A, B]) common(a, b lattice.Pair[A, B], out Dots) bool {
	return p.a.common(a.First, b.First, out) && p.b.common(a.Second, b.Second, out)
}

func (p dotPair[A, B]) caps() storeCaps[lattice.Pair[A, B]] {
	var c storeCaps[lattice.Pair[A, B]]
	a, b := p.a.caps(), p.b.caps()
	if a.atoms != nil && b.atoms != nil {
		c.atoms = func(v lattice.Pair[A, B], yield func(lattice.Pair[A, B], Dot) bool) bool {
			var noA A
			var noB B
			return a.atoms(v.First, func(x A, d Dot) bool {
				return yield(lattice.Pair[A, B]{First: x, Second: p.b.clone(noB)}, d)
			}) && b.atoms(v.Second, func(y B, d Dot) bool {
				return yield(lattice.Pair[A, B]{First: p.a.clone(noA), Second: y}, d)
			})
		}
	}
	if a.append != nil && b.append != nil {
		c.append = func(dst []byte, v lattice.Pair[A, B]) []byte { return b.append(a.append(dst, v.First), v.Second) }
		c.decode = func(src []byte) (v lattice.Pair[A, B], rest []byte, err error) {
			if v.First, rest, err = a.decode(src); err != nil {
				return lattice.Pair[A, B]{}, src, err
			}
			if v.Second, rest, err = b.decode(rest); err != nil {
				return lattice.Pair[A, B]{}, src, err
			}
			return v, rest, nil
		}
	}
	return c
}
