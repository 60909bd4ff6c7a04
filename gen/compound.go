package gen

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// SliceOf draws slices of at most maxLen elements; the empty slice is simplest.
func SliceOf[T any](g Gen[T], maxLen int) Gen[[]T] {
	return func(d *Draw) []T {
		s := make([]T, d.Index("slice.len", maxLen+1))
		for i := range s {
			s[i] = g(d)
		}
		return s
	}
}

// AscendingOf draws strictly ascending slices, the domain of
// [lattice.OrderedSetOf]: at most maxLen elements are drawn, and repeated ones
// kept once.
func AscendingOf[E cmp.Ordered](g Gen[E], maxLen int) Gen[[]E] {
	elems := SliceOf(g, maxLen)
	return func(d *Draw) []E {
		s := elems(d)
		slices.Sort(s)
		return slices.Compact(s)
	}
}

// SetOf draws sets, the domain of [lattice.SetOf]: at most maxLen elements are
// drawn, and repeated ones kept once. The empty set is simplest.
func SetOf[E comparable](g Gen[E], maxLen int) Gen[map[E]struct{}] {
	return func(d *Draw) map[E]struct{} {
		n := d.Index("set.len", maxLen+1)
		s := make(map[E]struct{}, n)
		for range n {
			s[g(d)] = struct{}{}
		}
		return s
	}
}

// SubsetOf draws subsets of few atoms, each atom in or out by one choice, so that
// all subsets are about equally likely. The empty set is simplest.
func SubsetOf[E comparable](atoms ...E) Gen[map[E]struct{}] {
	return func(d *Draw) map[E]struct{} {
		s := make(map[E]struct{}, len(atoms))
		for _, e := range atoms {
			if d.Choose("subset.in", 2) == 1 {
				s[e] = struct{}{}
			}
		}
		return s
	}
}

// MapOf draws maps, the domain of [lattice.MapOf]: at most maxLen entries are
// drawn, and of those with one key the last is kept. The empty map is simplest.
func MapOf[K comparable, V any](key Gen[K], val Gen[V], maxLen int) Gen[map[K]V] {
	return func(d *Draw) map[K]V {
		n := d.Index("map.len", maxLen+1)
		m := make(map[K]V, n)
		for range n {
			k := key(d)
			m[k] = val(d)
		}
		return m
	}
}

// AscendingMapOf draws entries with strictly ascending keys, the domain of
// [lattice.OrderedMapOf].
func AscendingMapOf[K cmp.Ordered, V any](key Gen[K], val Gen[V], maxLen int) Gen[[]lattice.Entry[K, V]] {
	keys := AscendingOf(key, maxLen)
	return func(d *Draw) []lattice.Entry[K, V] {
		ks := keys(d)
		m := make([]lattice.Entry[K, V], len(ks))
		for i, k := range ks {
			m[i] = lattice.Entry[K, V]{Key: k, Val: val(d)}
		}
		return m
	}
}

// PairOf draws both parts of a pair, the domain of [lattice.PairOf] and
// [lattice.DominatingPairOf].
func PairOf[A, B any](first Gen[A], second Gen[B]) Gen[lattice.Pair[A, B]] {
	return func(d *Draw) lattice.Pair[A, B] {
		a := first(d)
		return lattice.Pair[A, B]{First: a, Second: second(d)}
	}
}
