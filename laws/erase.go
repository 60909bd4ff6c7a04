package laws

import (
	"iter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// erased is a state whose type has been forgotten. Tables check dozens of state
// types; the laws, their runners and the minimiser are then compiled once, for
// erased, and each type brings no more than a few small closures. (Compiled for
// each type of the shipped table, they made an archive of 130 MB.) The doors for
// users stay typed: they are one type at a time, and need no boxes.
type erased struct{ V any }

// opened is the state in the box.
func opened[T any](e erased) T {
	v, _ := e.V.(T)
	return v
}

// erase is the same merge over boxes.
func erase[T any](s *merged[T]) *subject[erased] {
	equal := s.equality()
	e := &subject[erased]{merged: merged[erased]{
		equal:    func(a, b *erased) bool { return equal(opened[T](*a), opened[T](*b)) },
		ownEqual: s.ownEqual,
		show:     func(v erased) string { return s.show(opened[T](v)) },
		copy:     func(v erased) erased { return erased{s.copy(opened[T](v))} },
		plain:    s.plain,
		chain:    s.chain, single: s.single, noLeastDiff: s.noLeastDiff, watchdog: s.watchdog, err: s.err,
		caps: eraseCaps(s.caps),
	}}
	if s.join != nil {
		e.join = func(a, b erased) erased { return erased{s.join(opened[T](a), opened[T](b))} }
	}
	if s.mergeIn != nil {
		e.mergeIn = func(target *erased, delta erased) bool {
			v := opened[T](*target)
			grew := s.mergeIn(&v, opened[T](delta))
			target.V = v
			return grew
		}
		e.guards = []Law[erased]{deltaUnchanged[erased](), cloneIndependent[erased](), deltaNotRetained[erased]()}
	}
	if s.compare != nil {
		e.compare = func(a, b erased) lattice.Order { return s.compare(opened[T](a), opened[T](b)) }
	}
	if s.clone != nil {
		e.clone = func(v erased) erased { return erased{s.clone(opened[T](v))} }
	}
	if s.valid != nil {
		e.valid = func(v erased) error { return s.valid(opened[T](v)) }
	}
	if b := s.bottomParts; b != nil {
		e.bottomParts = &bottomParts[erased]{choice: b.choice, pad: func(v erased) (erased, bool) {
			padded, ok := b.pad(opened[T](v))
			return erased{padded}, ok
		}}
	}
	return e
}

func eraseCaps[T any](c lattice.Caps[T]) lattice.Caps[erased] {
	var e lattice.Caps[erased]
	if c.Bottom != nil {
		e.Bottom = func() erased { return erased{c.Bottom()} }
	}
	if c.Top != nil {
		e.Top = func() erased { return erased{c.Top()} }
	}
	if c.Join != nil {
		e.Join = func(a, b erased) erased { return erased{c.Join(opened[T](a), opened[T](b))} }
	}
	if c.Batch != nil {
		e.Batch = func(target *erased, deltas []erased) bool {
			v, typed := opened[T](*target), make([]T, len(deltas))
			for i, d := range deltas {
				typed[i] = opened[T](d)
			}
			grew := c.Batch(&v, typed)
			target.V = v
			return grew
		}
	}
	if c.Diff != nil {
		e.Diff = func(base, v erased) erased { return erased{c.Diff(opened[T](base), opened[T](v))} }
	}
	if c.Atoms != nil {
		e.Atoms = func(v erased) iter.Seq[erased] {
			return func(yield func(erased) bool) {
				for a := range c.Atoms(opened[T](v)) {
					if !yield(erased{a}) {
						return
					}
				}
			}
		}
	}
	if c.Append != nil {
		e.Append = func(dst []byte, v erased) []byte { return c.Append(dst, opened[T](v)) }
	}
	if c.Decode != nil {
		e.Decode = func(src []byte) (erased, []byte, error) {
			v, rest, err := c.Decode(src)
			return erased{v}, rest, err
		}
	}
	return e
}

// eraseSource draws the same tuples, in boxes.
func eraseSource[T any](source gen.Source[T]) gen.Source[erased] {
	if source == nil {
		return nil
	}
	return func(d *gen.Draw, x []erased) {
		typed := make([]T, len(x))
		source(d, typed)
		for i, v := range typed {
			x[i] = erased{v}
		}
	}
}

func eraseUniverse[T any](u gen.Universe[T]) gen.Universe[erased] {
	out := make(gen.Universe[erased], len(u))
	for i, v := range u {
		out[i] = erased{v}
	}
	return out
}

// LatticeSuite is the suite of [Lattice] for tables: NewSuite(name, Lattice(m,
// opts...), source, universe), compiled once for all types.
func LatticeSuite[T any](name string, m lattice.Merge[T], source gen.Source[T], universe gen.Universe[T], opts ...Option) Suite {
	return NewSuite(name, latticeOf(erase(mergedOf(m, opts))), eraseSource(source), eraseUniverse(universe))
}

// fullSuite is the suite of [Full] for tables.
func fullSuite[T any](name string, m lattice.Merge[T], source gen.Source[T], universe gen.Universe[T], opts []Option) Suite {
	return NewSuite(name, fullOf(erase(mergedOf(m, opts))), eraseSource(source), eraseUniverse(universe))
}
