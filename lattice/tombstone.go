package lattice

import "iter"

// TombstoneSet is the plain domain of [TombstoneSetOf]: what is in the set, and
// what was removed from it for good. The two are disjoint; a value that has an
// element in both is not of the domain.
type TombstoneSet[E comparable] struct {
	Live map[E]struct{}
	Dead map[E]struct{}
}

// Contains reports whether e is in the set: added and not removed.
func (s TombstoneSet[E]) Contains(e E) bool {
	_, live := s.Live[e]
	_, dead := s.Dead[e]
	return live && !dead
}

// Add is the delta that puts e into a set. It does nothing to a set from which e
// was ever removed.
func (TombstoneSet[E]) Add(e E) TombstoneSet[E] {
	return TombstoneSet[E]{Live: map[E]struct{}{e: {}}, Dead: map[E]struct{}{}}
}

// Remove is the delta that takes e out of a set for good, whether it was there or
// not.
func (TombstoneSet[E]) Remove(e E) TombstoneSet[E] {
	return TombstoneSet[E]{Live: map[E]struct{}{}, Dead: map[E]struct{}{e: {}}}
}

// TombstoneSetOf merges two-phase sets: each element goes from absent to live to
// dead and never back, so a removal wins over every addition, earlier, concurrent
// or later. The order is that chain for each element, ⊥ is the empty set and there
// is no ⊤. A merge costs O(|delta|). Tombstones are never given back; where an
// element may return, use an add-wins or remove-wins set of package causal.
// (Shapiro et al. 2011, 2P-Set; Hydro's SetUnionWithTombstones.)
func TombstoneSetOf[E comparable]() Merge[TombstoneSet[E]] {
	return As[TombstoneSet[E]](TombstoneMapOf[E](Unit())) // values that say nothing
}

// TombstoneMap is the plain domain of [TombstoneMapOf]: the values of the keys
// that are there, and the keys that were removed for good. No key is in both.
type TombstoneMap[K comparable, V any] struct {
	Live map[K]V
	Dead map[K]struct{}
}

// Get is the value of k, if it is there.
func (s TombstoneMap[K, V]) Get(k K) (V, bool) {
	v, live := s.Live[k]
	if _, dead := s.Dead[k]; dead {
		var none V
		return none, false
	}
	return v, live
}

// Put is the delta that joins v into the value of k, in a map from which k was
// never removed. It shares with v what v shares.
func (TombstoneMap[K, V]) Put(k K, v V) TombstoneMap[K, V] {
	return TombstoneMap[K, V]{Live: map[K]V{k: v}, Dead: map[K]struct{}{}}
}

// Remove is the delta that takes k out of a map for good, and its value with it.
func (TombstoneMap[K, V]) Remove(k K) TombstoneMap[K, V] {
	return TombstoneMap[K, V]{Live: map[K]V{}, Dead: map[K]struct{}{k: {}}}
}

// TombstoneMapOf merges maps whose keys can be removed once and for all: each key
// goes from absent through the states of m to dead. Below its removal a key's
// order is that of [MapOf] (a key at ⊥ of m lies strictly above the absent key);
// above it the value is gone. A merge costs O(|delta|) merges of values. (Hydro's
// MapUnionWithTombstones.)
func TombstoneMapOf[K comparable, V any](m Merge[V]) Merge[TombstoneMap[K, V]] {
	return tombstoneMapMerge[K, V]{
		live: MapOf[K](m).(mapMerge[K, V]),
		dead: SetOf[K]().(setMerge[K]),
	}
}

type tombstoneMapMerge[K comparable, V any] struct {
	live mapMerge[K, V]
	dead setMerge[K]
}

func (m tombstoneMapMerge[K, V]) MergeIn(target *TombstoneMap[K, V], delta TombstoneMap[K, V]) (grew bool) {
	if m.mergeLive(target, delta) {
		grew = true
	}
	//joinery:anyorder keys are removed independently of each other
	for k := range delta.Dead {
		delete(target.Live, k)
	}
	return m.dead.MergeIn(&target.Dead, delta.Dead) || grew
}

// mergeLive merges the values of the keys that are not dead in the target.
func (m tombstoneMapMerge[K, V]) mergeLive(target *TombstoneMap[K, V], delta TombstoneMap[K, V]) bool {
	if !meets(target.Dead, delta.Live) {
		return m.live.MergeIn(&target.Live, delta.Live)
	}
	alive := make(map[K]V, len(delta.Live))
	//joinery:anyorder a filtered copy
	for k, v := range delta.Live {
		if _, dead := target.Dead[k]; !dead {
			alive[k] = v
		}
	}
	return m.live.MergeIn(&target.Live, alive)
}

// meets reports whether a key is in both maps, in the time of the smaller one.
func meets[K comparable, A, B any](a map[K]A, b map[K]B) bool {
	if len(b) < len(a) {
		return meets(b, a)
	}
	//joinery:anyorder a disjunction
	for k := range a {
		if _, ok := b[k]; ok {
			return true
		}
	}
	return false
}

func (m tombstoneMapMerge[K, V]) Compare(a, b TombstoneMap[K, V]) Order {
	o := m.dead.Compare(a.Dead, b.Dead) & m.below(a, b)
	return o & m.below(b, a).Dual()
}

// below clears the bit a ⊑ b where a key of a speaks against it, and the bit
// a ⊒ b where the value of a key in both does.
func (m tombstoneMapMerge[K, V]) below(a, b TombstoneMap[K, V]) Order {
	o := Equal
	//joinery:anyorder the orders of the keys are combined by AND
	for k, v := range a.Live {
		if w, ok := b.Live[k]; ok {
			o &= m.live.val.Compare(v, w)
		} else if _, dead := b.Dead[k]; !dead {
			o &= Greater
		}
	}
	return o
}

func (m tombstoneMapMerge[K, V]) Clone(v TombstoneMap[K, V]) TombstoneMap[K, V] {
	return TombstoneMap[K, V]{m.live.Clone(v.Live), m.dead.Clone(v.Dead)}
}

func (m tombstoneMapMerge[K, V]) Caps() Caps[TombstoneMap[K, V]] {
	live, dead := m.live.Caps(), m.dead.Caps()
	c := Caps[TombstoneMap[K, V]]{
		Bottom: func() TombstoneMap[K, V] { return TombstoneMap[K, V]{live.Bottom(), dead.Bottom()} },
		Join:   func(a, b TombstoneMap[K, V]) TombstoneMap[K, V] { return Join[TombstoneMap[K, V]](m, a, b) },
		Diff: func(base, v TombstoneMap[K, V]) TombstoneMap[K, V] {
			d := TombstoneMap[K, V]{live.Diff(base.Live, v.Live), dead.Diff(base.Dead, v.Dead)}
			//joinery:anyorder keys are removed independently of each other
			for k := range base.Dead {
				delete(d.Live, k)
			}
			return d
		},
	}
	if live.Atoms != nil && dead.Atoms != nil {
		c.Atoms = func(v TombstoneMap[K, V]) iter.Seq[TombstoneMap[K, V]] {
			return func(yield func(TombstoneMap[K, V]) bool) {
				for a := range live.Atoms(v.Live) {
					if !yield(TombstoneMap[K, V]{a, dead.Bottom()}) {
						return
					}
				}
				for a := range dead.Atoms(v.Dead) {
					if !yield(TombstoneMap[K, V]{live.Bottom(), a}) {
						return
					}
				}
			}
		}
	}
	if live.Append != nil && dead.Append != nil {
		c.Append = func(dst []byte, v TombstoneMap[K, V]) []byte {
			return dead.Append(live.Append(dst, v.Live), v.Dead)
		}
		c.Decode = func(src []byte) (TombstoneMap[K, V], []byte, error) {
			var v TombstoneMap[K, V]
			var rest []byte
			var err error
			if v.Live, rest, err = live.Decode(src); err != nil {
				return TombstoneMap[K, V]{}, src, err
			}
			if v.Dead, rest, err = dead.Decode(rest); err != nil {
				return TombstoneMap[K, V]{}, src, err
			}
			if meets(v.Live, v.Dead) {
				return TombstoneMap[K, V]{}, src, decodeErr("a key is both live and dead")
			}
			return v, rest, nil
		}
	}
	return c
}
