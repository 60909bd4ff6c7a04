package pipeline

import (
	"maps"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
)

// Ref names a value. Kinds are apart under a key, as they are in the store.
type Ref struct{ Key, Kind string }

// Held is a set of values by name: what a replica holds, or the one value of a delta,
// which needs no map. The zero Held holds nothing. Its order is that of maps whose
// absent values are below all others, ⊥ of their kind included: a store tells a key
// that was never written from one that holds an empty set.
type Held struct {
	ref Ref
	val kind.Value         // under ref; nil where there is none, or all has them
	all map[Ref]kind.Value // nil for a delta
}

// One is the Held of one value, which it shares.
func One(r Ref, v kind.Value) Held { return Held{ref: r, val: v} }

// Len is how many values are held.
func (h Held) Len() int {
	if h.val != nil {
		return 1
	}
	return len(h.all)
}

// Look is the value of that name, or nil. It is lent, and must not be changed.
func (h Held) Look(r Ref) kind.Value {
	if h.val != nil {
		if h.ref == r {
			return h.val
		}
		return nil
	}
	return h.all[r]
}

// Refs are the names of what is held, in no order.
func (h Held) Refs() map[Ref]struct{} {
	refs := make(map[Ref]struct{}, h.Len())
	if h.val != nil {
		refs[h.ref] = struct{}{}
	}
	//joinery:anyorder entries are set by their own keys
	for r := range h.all {
		refs[r] = struct{}{}
	}
	return refs
}

// HeldOf merges what is held, name by name. Values of one name must be of one kind.
func HeldOf() lattice.Merge[Held] { return heldMerge{} }

type heldMerge struct{}

func (heldMerge) MergeIn(target *Held, delta Held) (grew bool) {
	if target.all == nil && delta.Len() > 0 {
		target.all = make(map[Ref]kind.Value)
		if target.val != nil {
			target.all[target.ref] = target.val
		}
		target.ref, target.val = Ref{}, nil
	}
	if delta.val != nil {
		return target.join(delta.ref, delta.val)
	}
	//joinery:anyorder each name is merged by itself
	for r, v := range delta.all {
		grew = target.join(r, v) || grew
	}
	return grew
}

func (h *Held) join(r Ref, v kind.Value) (grew bool) {
	if old, ok := h.all[r]; ok {
		return old.MergeIn(v)
	}
	h.all[r] = v.Clone()
	return true
}

func (heldMerge) Compare(a, b Held) lattice.Order {
	return within(a, b)&lattice.Less | within(b, a).Dual()&lattice.Greater
}

// within is Less if a ⊑ b, and Incomparable otherwise.
func within(a, b Held) lattice.Order {
	leq := func(r Ref, v kind.Value) bool {
		other := b.Look(r)
		return other != nil && v.Compare(other).Leq()
	}
	if a.val != nil && !leq(a.ref, a.val) {
		return lattice.Incomparable
	}
	//joinery:anyorder all of them must be below
	for r, v := range a.all {
		if !leq(r, v) {
			return lattice.Incomparable
		}
	}
	return lattice.Less
}

func (heldMerge) Clone(h Held) Held {
	if h.val != nil {
		return One(h.ref, h.val.Clone())
	}
	all := maps.Clone(h.all)
	//joinery:anyorder entries are set by their own keys
	for r, v := range all {
		all[r] = v.Clone()
	}
	return Held{all: all}
}

// Caps is ⊥.
func (heldMerge) Caps() lattice.Caps[Held] {
	return lattice.Caps[Held]{Bottom: func() Held { return Held{} }}
}
