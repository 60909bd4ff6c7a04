package causal

import (
	"cmp"

	"github.com/joinery-go/joinery/lattice"
)

// ORMap is a map of causal CRDTs under one context. A key is there while what it
// holds has a live event.
type ORMap[K cmp.Ordered, S any] Causal[map[K]S]

// Keys lists the keys in ascending order.
func (m ORMap[K, S]) Keys() []K { return sortedKeys(m.Store) }

// At is what stands under k, with the context of the whole map; where nothing
// does, the store is the zero S. It converts to the type that the store belongs
// to, such as AWSet, and shares memory with the map: read it, do not merge into it.
func (m ORMap[K, S]) At(k K) Causal[S] { return Causal[S]{m.Store[k], m.Context} }

// ORMapMerge is the merge of a causal map, and makes the deltas that need to look
// inside its values.
type ORMapMerge[K cmp.Ordered, S any] struct {
	lattice.Merge[ORMap[K, S]]
	part Store[S]
}

// ORMapOf merges causal maps whose values are merged by a store: removing a key
// resets what stands under it, by taking away every event that the remover has
// seen there, and an update that the remover has not seen survives with its own
// effect only. All values share one context, so a reset leaves nothing behind, and
// a key that returns starts from ⊥. (Almeida et al. 2018, section 7.5; the maps of
// Riak and Akka.) Stores of maps nest: DotMapOf(DotMapOf(DotSet())).
func ORMapOf[K cmp.Ordered, S any](part Store[S]) ORMapMerge[K, S] {
	return ORMapMerge[K, S]{lattice.As[ORMap[K, S]](CausalOf(DotMapOf[K](part))), part}
}

// Caps lists what the merge can do besides merging.
func (m ORMapMerge[K, S]) Caps() lattice.Caps[ORMap[K, S]] { return lattice.CapsOf(m.Merge) }

// Update is the delta of an update under k. mutate gets what stands there (see
// [ORMap.At]) and returns its delta, or the error that Update then returns.
func (m ORMapMerge[K, S]) Update(state ORMap[K, S], k K, mutate func(Causal[S]) (Causal[S], error)) (ORMap[K, S], error) {
	d, err := mutate(state.At(k))
	if err != nil {
		return ORMap[K, S]{}, err
	}
	delta := ORMap[K, S]{map[K]S{}, d.Context}
	if !m.part.empty(d.Store) {
		delta.Store[k] = d.Store
	}
	return delta, nil
}

// Remove is the delta that takes away k with all events known under it here, and
// ⊥ where there are none. It needs no dot.
func (m ORMapMerge[K, S]) Remove(state ORMap[K, S], k K) ORMap[K, S] {
	return ORMap[K, S]{map[K]S{}, dotsIn(m.part, state.Store[k])}
}

// Clear is the delta that takes away all keys with all events known here.
func (m ORMapMerge[K, S]) Clear(state ORMap[K, S]) ORMap[K, S] {
	return ORMap[K, S]{map[K]S{}, dotsIn(DotMapOf[K](m.part), state.Store)}
}

// Compatible is [Compatible] for causal maps.
func (m ORMapMerge[K, S]) Compatible(a, b ORMap[K, S]) bool {
	return Compatible(DotMapOf[K](m.part), Causal[map[K]S](a), Causal[map[K]S](b))
}
