package gen

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
)

// Universe is every value of a small domain, simplest first, without
// repetitions. Parts of different values may share memory: who changes a value
// copies it first.
type Universe[T any] []T

// AnyIn picks values of a universe. clone copies them; nil is for values that can
// be copied by assignment. The universe must not be empty. (It is no method of Universe:
// methods are compiled for every type that there is a universe of.)
func AnyIn[T any](u Universe[T], clone func(T) T) Gen[T] {
	return func(d *Draw) T { return copied(u[d.Index("universe", len(u))], clone) }
}

// Bools is false and true.
func Bools() Universe[bool] { return Universe[bool]{false, true} }

// Range is lo, lo+1, … hi.
func Range[I Integer](lo, hi I) Universe[I] {
	var u Universe[I]
	for v := lo; v <= hi; v++ {
		u = append(u, v)
		if v == hi { // hi may be the greatest of its type
			break
		}
	}
	return u
}

// Values is the values given, in their order.
func Values[T any](vs ...T) Universe[T] { return vs }

// Subsets is all 2^n sets of n atoms, n ≤ 16: a longer list is cut there.
func Subsets[E comparable](atoms ...E) Universe[map[E]struct{}] {
	atoms = atoms[:min(len(atoms), maxAtoms)]
	u := make(Universe[map[E]struct{}], 0, 1<<len(atoms))
	for mask := range 1 << len(atoms) {
		s := make(map[E]struct{})
		for i, e := range atoms {
			if mask>>i&1 == 1 {
				s[e] = struct{}{}
			}
		}
		u = append(u, s)
	}
	return u
}

const maxAtoms = 16

// AscendingSubsets is all 2^n strictly ascending slices of n atoms, n ≤ 16: a
// longer list is cut there.
func AscendingSubsets[E cmp.Ordered](atoms ...E) Universe[[]E] {
	atoms = slices.Compact(slices.Sorted(slices.Values(atoms)))
	atoms = atoms[:min(len(atoms), maxAtoms)]
	u := make(Universe[[]E], 0, 1<<len(atoms))
	for mask := range 1 << len(atoms) {
		var s []E
		for i, e := range atoms {
			if mask>>i&1 == 1 {
				s = append(s, e)
			}
		}
		u = append(u, s)
	}
	return u
}

// Maps is every map from some of the keys to values of vals: (len(vals)+1)^len(keys)
// of them.
func Maps[K comparable, V any](keys []K, vals Universe[V]) Universe[map[K]V] {
	var u Universe[map[K]V]
	eachPartial(len(keys), len(vals), func(pick []int) {
		m := make(map[K]V)
		for i, p := range pick {
			if p > 0 {
				m[keys[i]] = vals[p-1]
			}
		}
		u = append(u, m)
	})
	return u
}

// AscendingMaps is [Maps] as entries with strictly ascending keys.
func AscendingMaps[K cmp.Ordered, V any](keys []K, vals Universe[V]) Universe[[]lattice.Entry[K, V]] {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	var u Universe[[]lattice.Entry[K, V]]
	eachPartial(len(keys), len(vals), func(pick []int) {
		var m []lattice.Entry[K, V]
		for i, p := range pick {
			if p > 0 {
				m = append(m, lattice.Entry[K, V]{Key: keys[i], Val: vals[p-1]})
			}
		}
		u = append(u, m)
	})
	return u
}

// eachPartial counts through all lists of n numbers in [0, k], the first one
// fastest; 0 stands for an absent key.
func eachPartial(n, k int, visit func(pick []int)) {
	pick := make([]int, n)
	for {
		visit(pick)
		i := 0
		for i < n && pick[i] == k {
			pick[i] = 0
			i++
		}
		if i == n {
			return
		}
		pick[i]++
	}
}

// Pairs is every pair of a value of as and one of bs.
func Pairs[A, B any](as Universe[A], bs Universe[B]) Universe[lattice.Pair[A, B]] {
	return Product(as, bs, func(a A, b B) lattice.Pair[A, B] { return lattice.Pair[A, B]{First: a, Second: b} })
}

// Product is make(a, b) for every a of as and b of bs.
func Product[A, B, T any](as Universe[A], bs Universe[B], make func(A, B) T) Universe[T] {
	var u Universe[T]
	for _, b := range bs {
		for _, a := range as {
			u = append(u, make(a, b))
		}
	}
	return u
}

// Every is all values that g can make, in the order of its choices, so simplest
// first; a value that several choices make occurs as often. complete is false if
// there are more than limit, and the universe is then the first limit of them. g
// must not need rapid.
func Every[T any](g Gen[T], limit int) (u Universe[T], complete bool) {
	_, complete = choice.Exhaust(limit, func(s choice.Source) bool {
		u = append(u, g(NewDraw(s)))
		return true
	})
	return u, complete
}
