package lattice

import (
	"fmt"
	"iter"
	"reflect"
)

// LexPairOf merges pairs lexicographically, over any partial order of keys: the
// pair with the greater key wins whole, equal keys merge their values, and where
// the keys are incomparable the result is (k ⊔ k′, ⊥). Since k ⊔ k′ then lies
// above both keys, that is the least upper bound of the two pairs, so this is a
// lattice where [DominatingPairOf] is not one. The price is that the values of
// concurrent keys are forgotten; a merge that keeps them needs a causal context.
//
// ⊥ and ⊤ exist where both parts have them. A merge costs a Compare of keys and
// one merge of keys or values. (Baquero, Almeida, Cunha, Ferreira, "Composition in
// state-based replicated data types", 2017: the lexicographic product.)
//
// The values need a ⊥: LexPairOf panics over a merge that has none, which is an
// error of the program, not of its data. [WithBottom] gives a merge a ⊥.
func LexPairOf[K, V any](key Merge[K], val Merge[V]) Merge[Pair[K, V]] {
	bottom := CapsOf(val).Bottom
	if bottom == nil {
		panic(fmt.Sprintf("lattice.LexPairOf: the merge of values over %v has no ⊥; wrap it in WithBottom", reflect.TypeFor[V]()))
	}
	return lexMerge[K, V]{key, val, bottom}
}

type lexMerge[K, V any] struct {
	key    Merge[K]
	val    Merge[V]
	bottom func() V
}

func (m lexMerge[K, V]) MergeIn(target *Pair[K, V], delta Pair[K, V]) bool {
	switch m.key.Compare(target.First, delta.First) {
	case Less:
		*target = m.Clone(delta)
		return true
	case Greater:
		return false
	case Equal:
		return m.val.MergeIn(&target.Second, delta.Second)
	}
	m.key.MergeIn(&target.First, delta.First)
	target.Second = m.bottom()
	return true
}

func (m lexMerge[K, V]) Compare(a, b Pair[K, V]) Order {
	if o := m.key.Compare(a.First, b.First); o != Equal {
		return o
	}
	return m.val.Compare(a.Second, b.Second)
}

func (m lexMerge[K, V]) Clone(v Pair[K, V]) Pair[K, V] {
	return Pair[K, V]{m.key.Clone(v.First), m.val.Clone(v.Second)}
}

func (m lexMerge[K, V]) valueJoin() func(x, y Pair[K, V]) (Pair[K, V], bool) {
	key, val := valueJoinOf(m.key), valueJoinOf(m.val)
	if key == nil || val == nil {
		return nil
	}
	return func(x, y Pair[K, V]) (Pair[K, V], bool) {
		switch m.key.Compare(x.First, y.First) {
		case Less:
			return y, true
		case Greater:
			return x, false
		case Equal:
			second, rose := val(x.Second, y.Second)
			return Pair[K, V]{x.First, second}, rose
		}
		first, _ := key(x.First, y.First)
		return Pair[K, V]{first, m.bottom()}, true
	}
}

func (m lexMerge[K, V]) Caps() Caps[Pair[K, V]] {
	key, val := CapsOf(m.key), CapsOf(m.val)
	c := pairCodec(key, val)
	c.Join = func(x, y Pair[K, V]) Pair[K, V] { return Join[Pair[K, V]](m, x, y) }
	if key.Bottom != nil {
		c.Bottom = func() Pair[K, V] { return Pair[K, V]{key.Bottom(), m.bottom()} }
		c.Diff = func(base, v Pair[K, V]) Pair[K, V] { return m.diff(c.Bottom, key, val, base, v) }
	}
	if key.Top != nil && val.Top != nil {
		c.Top = func() Pair[K, V] { return Pair[K, V]{key.Top(), val.Top()} }
	}
	if c.Bottom != nil && key.Atoms != nil && val.Atoms != nil {
		c.Atoms = func(v Pair[K, V]) iter.Seq[Pair[K, V]] { return m.atoms(key, val, v) }
	}
	return c
}

func (m lexMerge[K, V]) diff(bottom func() Pair[K, V], key Caps[K], val Caps[V], base, v Pair[K, V]) Pair[K, V] {
	o := m.key.Compare(v.First, base.First)
	switch {
	case o == Less || o == Equal && m.val.Compare(v.Second, base.Second).Leq():
		return bottom()
	case o == Equal && val.Diff != nil:
		return Pair[K, V]{m.key.Clone(v.First), val.Diff(base.Second, v.Second)}
	case o != Equal && key.Diff != nil && (o == Incomparable || m.val.Compare(v.Second, m.bottom()).Leq()):
		// The value comes out as ⊥ from any key that lifts the base to v's key.
		return Pair[K, V]{key.Diff(base.First, v.First), m.bottom()}
	case o == Incomparable:
		return Pair[K, V]{m.key.Clone(v.First), m.bottom()}
	}
	return m.Clone(v)
}

// atoms of a value above ⊥ carry the whole key, since a lesser key would add
// nothing to it; at ⊥ the pair is as decomposable as its key is.
func (m lexMerge[K, V]) atoms(key Caps[K], val Caps[V], v Pair[K, V]) iter.Seq[Pair[K, V]] {
	return func(yield func(Pair[K, V]) bool) {
		some := false
		for a := range val.Atoms(v.Second) {
			some = true
			if !yield(Pair[K, V]{m.key.Clone(v.First), a}) {
				return
			}
		}
		if some {
			return
		}
		for k := range key.Atoms(v.First) {
			if !yield(Pair[K, V]{k, m.bottom()}) {
				return
			}
		}
	}
}
