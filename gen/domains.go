package gen

import (
	"cmp"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// OptionOf draws nothing or a value, the domain of [lattice.WithBottom] and
// [lattice.WithTop]. Nothing is simplest.
func OptionOf[T any](g Gen[T]) Gen[lattice.Option[T]] {
	return func(d *Draw) lattice.Option[T] {
		if d.Choose("option", 3) == 0 {
			return lattice.None[T]()
		}
		return lattice.Some(g(d))
	}
}

// PointOf draws the domain of [lattice.PointOf]: unset, simplest; a value; or the
// conflict, in a sixth of the draws.
func PointOf[T comparable](g Gen[T]) Gen[lattice.Point[T]] {
	return func(d *Draw) lattice.Point[T] {
		switch d.Choose("point", 6) {
		case 0:
			return lattice.Point[T]{}
		case 5:
			return lattice.Point[T]{State: lattice.Conflict}
		}
		return lattice.PointAt(g(d))
	}
}

// TombstoneSetOf draws the domain of [lattice.TombstoneSetOf]: each atom is
// absent, live or dead.
func TombstoneSetOf[E comparable](atoms ...E) Gen[lattice.TombstoneSet[E]] {
	return func(d *Draw) lattice.TombstoneSet[E] {
		s := lattice.TombstoneSet[E]{Live: map[E]struct{}{}, Dead: map[E]struct{}{}}
		for _, e := range atoms {
			switch d.Choose("tombstone", 3) {
			case 1:
				s.Live[e] = struct{}{}
			case 2:
				s.Dead[e] = struct{}{}
			}
		}
		return s
	}
}

// TombstoneMapOf draws the domain of [lattice.TombstoneMapOf]: each key is absent,
// dead, or has a value.
func TombstoneMapOf[K comparable, V any](g Gen[V], keys ...K) Gen[lattice.TombstoneMap[K, V]] {
	return func(d *Draw) lattice.TombstoneMap[K, V] {
		s := lattice.TombstoneMap[K, V]{Live: map[K]V{}, Dead: map[K]struct{}{}}
		for _, k := range keys {
			switch d.Choose("tombstone", 3) {
			case 1:
				s.Live[k] = g(d)
			case 2:
				s.Dead[k] = struct{}{}
			}
		}
		return s
	}
}

// PartitionOf draws the domain of [lattice.PartitionOf] by uniting at most n pairs.
func PartitionOf[E cmp.Ordered](g Gen[E], n int) Gen[lattice.Partition[E]] {
	m := lattice.PartitionOf[E]()
	return func(d *Draw) lattice.Partition[E] {
		p := lattice.Partition[E]{}
		for range d.Index("partition.len", n+1) {
			x := g(d)
			m.MergeIn(&p, lattice.Unite(x, g(d)))
		}
		return p
	}
}

// Versions draws version vectors of at most origins origins, which are numbered
// from 1, and at most count events of each.
func Versions(origins, count int) Gen[causal.Version] {
	return func(d *Draw) causal.Version {
		v := causal.Version{}
		for o := range origins {
			if n := d.Choose("version", uint64(count)+1); n > 0 {
				v[uint64(o)+1] = n
			}
		}
		return v
	}
}

// Dots draws sets of dots, gaps included, of at most origins origins, numbered
// from 1, and of the first count events of each.
func Dots(origins, count int) Gen[causal.Dots] {
	return func(d *Draw) causal.Dots {
		v := causal.Dots{}
		for o := range origins {
			for n := range count {
				if d.Choose("dot", 2) == 1 {
					v.Add(causal.Dot{Origin: uint64(o) + 1, Seq: uint64(n) + 1})
				}
			}
		}
		return v
	}
}

// Hybrids draws hybrid timestamps with small parts, so that they tie.
func Hybrids() Gen[causal.Hybrid] {
	return func(d *Draw) causal.Hybrid {
		return causal.Hybrid{Wall: d.Choose("hybrid.wall", 3), Logical: uint32(d.Choose("hybrid.logical", 3))}
	}
}
