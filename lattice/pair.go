package lattice

import (
	"iter"
	"reflect"
	"unsafe"
)

// Pair is the plain domain of [PairOf] and [DominatingPairOf].
type Pair[A, B any] struct {
	First  A
	Second B
}

// PairOf merges pairs part by part; the order is the product order. Lawful where
// both parts are. Spinach, Table 2 (Pair).
func PairOf[A, B any](a Merge[A], b Merge[B]) Merge[Pair[A, B]] { return pairMerge[A, B]{a, b} }

type pairMerge[A, B any] struct {
	a Merge[A]
	b Merge[B]
}

func (m pairMerge[A, B]) MergeIn(target *Pair[A, B], delta Pair[A, B]) bool {
	first := m.a.MergeIn(&target.First, delta.First)
	second := m.b.MergeIn(&target.Second, delta.Second)
	return first || second
}

func (m pairMerge[A, B]) Compare(a, b Pair[A, B]) Order {
	o := m.a.Compare(a.First, b.First)
	if o == Incomparable {
		return o
	}
	return o & m.b.Compare(a.Second, b.Second)
}

func (m pairMerge[A, B]) Clone(v Pair[A, B]) Pair[A, B] {
	return Pair[A, B]{m.a.Clone(v.First), m.b.Clone(v.Second)}
}

func (m pairMerge[A, B]) valueJoin() func(x, y Pair[A, B]) (Pair[A, B], bool) {
	a, b := valueJoinOf(m.a), valueJoinOf(m.b)
	if a == nil || b == nil {
		return nil
	}
	return func(x, y Pair[A, B]) (Pair[A, B], bool) {
		first, rose := a(x.First, y.First)
		second, alsoRose := b(x.Second, y.Second)
		return Pair[A, B]{first, second}, rose || alsoRose
	}
}

func (m pairMerge[A, B]) Caps() Caps[Pair[A, B]] {
	a, b := CapsOf(m.a), CapsOf(m.b)
	c := pairCodec(a, b)
	c.Join = func(x, y Pair[A, B]) Pair[A, B] { return Join[Pair[A, B]](m, x, y) }
	if a.Bottom != nil && b.Bottom != nil {
		c.Bottom = func() Pair[A, B] { return Pair[A, B]{a.Bottom(), b.Bottom()} }
	}
	if a.Top != nil && b.Top != nil {
		c.Top = func() Pair[A, B] { return Pair[A, B]{a.Top(), b.Top()} }
	}
	if a.Diff != nil && b.Diff != nil {
		c.Diff = func(base, v Pair[A, B]) Pair[A, B] {
			return Pair[A, B]{a.Diff(base.First, v.First), b.Diff(base.Second, v.Second)}
		}
	}
	if c.Bottom != nil && a.Atoms != nil && b.Atoms != nil {
		c.Atoms = func(v Pair[A, B]) iter.Seq[Pair[A, B]] { return pairAtoms(a, b, v) }
	}
	return c
}

func pairAtoms[A, B any](a Caps[A], b Caps[B], v Pair[A, B]) iter.Seq[Pair[A, B]] {
	return func(yield func(Pair[A, B]) bool) {
		for x := range a.Atoms(v.First) {
			if !yield(Pair[A, B]{x, b.Bottom()}) {
				return
			}
		}
		for y := range b.Atoms(v.Second) {
			if !yield(Pair[A, B]{a.Bottom(), y}) {
				return
			}
		}
	}
}

// pairCodec codes a pair as its parts, one after the other.
func pairCodec[A, B any](a Caps[A], b Caps[B]) Caps[Pair[A, B]] {
	var c Caps[Pair[A, B]]
	if a.Append == nil || a.Decode == nil || b.Append == nil || b.Decode == nil {
		return c
	}
	c.Append = func(dst []byte, v Pair[A, B]) []byte { return b.Append(a.Append(dst, v.First), v.Second) }
	c.Decode = func(src []byte) (Pair[A, B], []byte, error) {
		x, rest, err := a.Decode(src)
		if err != nil {
			return Pair[A, B]{}, src, err
		}
		y, rest, err := b.Decode(rest)
		if err != nil {
			return Pair[A, B]{}, src, err
		}
		return Pair[A, B]{x, y}, rest, nil
	}
	return c
}

// DominatingPairOf merges versioned values as published: the pair with the
// greater key wins whole; where the keys are equal or incomparable, keys and
// values are merged part by part. (Spinach, Table 2, DominatingPair; with Max
// for a key this is last-writer-wins, Figure 4.)
//
// It is a lattice where the keys are totally ordered. Over a partial order of
// keys, vector clocks above all, it is NOT: merging is not associative. With
// a = ([1,0], x), c = ([2,0], z) and b = ([0,1], y), (a⊔b)⊔c keeps x, since a⊔b
// is concurrent with c and the values are merged; but a⊔(b⊔c) drops x, since
// b⊔c dominates a. Nor is its Compare the order that the merge induces. The
// laws refute it there, and a test shows that they do.
func DominatingPairOf[K, V any](key Merge[K], val Merge[V]) Merge[Pair[K, V]] {
	return dominatingMerge[K, V]{key, val}
}

type dominatingMerge[K, V any] struct {
	key Merge[K]
	val Merge[V]
}

func (m dominatingMerge[K, V]) MergeIn(target *Pair[K, V], delta Pair[K, V]) bool {
	switch m.key.Compare(target.First, delta.First) {
	case Less:
		*target = m.Clone(delta)
		return true
	case Greater:
		return false
	case Equal:
		return m.val.MergeIn(&target.Second, delta.Second)
	}
	first := m.key.MergeIn(&target.First, delta.First)
	second := m.val.MergeIn(&target.Second, delta.Second)
	return first || second
}

func (m dominatingMerge[K, V]) Compare(a, b Pair[K, V]) Order {
	if o := m.key.Compare(a.First, b.First); o != Equal {
		return o
	}
	return m.val.Compare(a.Second, b.Second)
}

func (m dominatingMerge[K, V]) Clone(v Pair[K, V]) Pair[K, V] {
	return Pair[K, V]{m.key.Clone(v.First), m.val.Clone(v.Second)}
}

func (m dominatingMerge[K, V]) stamped() (number reflect.Kind, text uintptr) {
	key, ok1 := m.key.(chainer)
	val, ok2 := m.val.(chainer)
	if !ok1 || !ok2 {
		return reflect.Invalid, 0
	}
	number, lesser := key.chain()
	if kind, lesserText := val.chain(); kind != reflect.String || lesser || lesserText {
		return reflect.Invalid, 0
	}
	return number, unsafe.Offsetof(Pair[K, V]{}.Second)
}

func (m dominatingMerge[K, V]) less() func(x, y Pair[K, V]) bool { return pairLess(m.key, m.val) }

func (m dominatingMerge[K, V]) valueJoin() func(x, y Pair[K, V]) (Pair[K, V], bool) {
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
		first, rose := key(x.First, y.First)
		second, alsoRose := val(x.Second, y.Second)
		return Pair[K, V]{first, second}, rose || alsoRose
	}
}

func (m dominatingMerge[K, V]) Caps() Caps[Pair[K, V]] {
	key, val := CapsOf(m.key), CapsOf(m.val)
	c := pairCodec(key, val)
	c.Join = func(x, y Pair[K, V]) Pair[K, V] { return Join[Pair[K, V]](m, x, y) }
	if key.Bottom != nil && val.Bottom != nil {
		c.Bottom = func() Pair[K, V] { return Pair[K, V]{key.Bottom(), val.Bottom()} }
		c.Diff = func(base, v Pair[K, V]) Pair[K, V] {
			if m.Compare(v, base).Leq() {
				return c.Bottom()
			}
			return m.Clone(v)
		}
	}
	if key.Top != nil && val.Top != nil {
		c.Top = func() Pair[K, V] { return Pair[K, V]{key.Top(), val.Top()} }
	}
	return c
}
