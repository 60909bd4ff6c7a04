package causal

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/joinery-go/joinery/lattice"
)

// Stamp is when and where a write was made: ordered by time, then by origin. With
// one clock an origin, stamps are unique. The zero Stamp stands for "never".
type Stamp struct {
	Time   Hybrid
	Origin uint64
}

// Compare is negative, zero or positive as s is before, equal to or after t.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(s.Time.Compare(t.Time), cmp.Compare(s.Origin, t.Origin))
}

// LWW is a last-writer-wins register: the value written last, or the removal that
// came after it, with its stamp. The zero LWW was never written. Where Deleted is
// set or the stamp is zero, Val is the zero V; anything else is not of the domain.
type LWW[V cmp.Ordered] struct {
	Stamp   Stamp
	Deleted bool
	Val     V
}

// Get is the value, if there is one.
func (r LWW[V]) Get() (V, bool) { return r.Val, !r.Deleted && r.Stamp != Stamp{} }

// Write is the register with v written at the stamp: the delta of a write, whatever
// the state. The stamp must not be zero.
func (LWW[V]) Write(at Stamp, v V) (LWW[V], error) {
	if at == (Stamp{}) {
		return LWW[V]{}, ErrStamp
	}
	return LWW[V]{Stamp: at, Val: v}, nil
}

// Clear is the register emptied at the stamp, which must not be zero.
func (LWW[V]) Clear(at Stamp) (LWW[V], error) {
	if at == (Stamp{}) {
		return LWW[V]{}, ErrStamp
	}
	return LWW[V]{Stamp: at, Deleted: true}, nil
}

// Compatible reports whether two registers can belong to one run: what has one
// stamp is one write. The laws of the merge hold without that.
func (r LWW[V]) Compatible(s LWW[V]) bool { return r.Stamp != s.Stamp || r.compare(s) == 0 }

// compare is a total order. Two writes with one stamp, which one run does not make,
// are ordered too, since a tie that nothing breaks is broken by arrival.
func (r LWW[V]) compare(s LWW[V]) int {
	c := r.Stamp.Compare(s.Stamp)
	switch {
	case c != 0 || r.Stamp == Stamp{}:
		return c
	case r.Deleted != s.Deleted:
		if s.Deleted {
			return -1
		}
		return 1
	}
	return cmp.Compare(r.Val, s.Val)
}

// LWWOf merges last-writer-wins registers to the one with the later stamp; with
// equal stamps a removal wins over a value, and the greater value over the lesser.
// That is a chain, lawful on all states; ⊥ is the register that was never written,
// ⊤ its removal at the end of time. (Johnson and Thomas, RFC 677, 1975; Shapiro et
// al. 2011, section 3.2.1.)
func LWWOf[V cmp.Ordered]() lattice.Merge[LWW[V]] { return lwwMerge[V]{} }

type lwwMerge[V cmp.Ordered] struct{}

func (lwwMerge[V]) MergeIn(target *LWW[V], delta LWW[V]) bool {
	if target.compare(delta) >= 0 {
		return false
	}
	*target = delta
	return true
}

func (lwwMerge[V]) Compare(a, b LWW[V]) lattice.Order { return chainOrder(a.compare(b)) }

func (lwwMerge[V]) Clone(v LWW[V]) LWW[V] { return v }

// The first byte of an encoded register.
const (
	lwwUnset = iota
	lwwValue
	lwwDeleted
)

func (m lwwMerge[V]) Caps() lattice.Caps[LWW[V]] {
	val := lattice.CapsOf(lattice.Max[V]())
	return chainCaps(m, lattice.Caps[LWW[V]]{
		Bottom: func() LWW[V] { return LWW[V]{} },
		Top: func() LWW[V] {
			return LWW[V]{Stamp: Stamp{hybridMerge{}.Caps().Top(), math.MaxUint64}, Deleted: true}
		},
		Append: func(dst []byte, v LWW[V]) []byte {
			switch {
			case v.Stamp == Stamp{}:
				return append(dst, lwwUnset)
			case v.Deleted:
				return appendStamp(append(dst, lwwDeleted), v.Stamp)
			}
			return val.Append(appendStamp(append(dst, lwwValue), v.Stamp), v.Val)
		},
		Decode: func(src []byte) (LWW[V], []byte, error) { return decodeLWW(val, src) },
	})
}

func appendStamp(dst []byte, s Stamp) []byte {
	return binary.AppendUvarint(appendHybrid(dst, s.Time), s.Origin)
}

func decodeLWW[V cmp.Ordered](val lattice.Caps[V], src []byte) (LWW[V], []byte, error) {
	if len(src) == 0 || src[0] > lwwDeleted {
		return LWW[V]{}, src, fmt.Errorf("%w: not a register", ErrDecode)
	}
	if src[0] == lwwUnset {
		return LWW[V]{}, src[1:], nil
	}
	v := LWW[V]{Deleted: src[0] == lwwDeleted}
	var rest []byte
	var err error
	if v.Stamp.Time, rest, err = decodeHybrid(src[1:]); err != nil {
		return LWW[V]{}, src, err
	}
	if v.Stamp.Origin, rest, err = uvarint(rest); err != nil {
		return LWW[V]{}, src, err
	}
	if v.Stamp == (Stamp{}) {
		return LWW[V]{}, src, fmt.Errorf("%w: a write without a stamp", ErrDecode)
	}
	if !v.Deleted {
		if v.Val, rest, err = val.Decode(rest); err != nil {
			return LWW[V]{}, src, fmt.Errorf("%w: value: %w", ErrDecode, err)
		}
	}
	return v, rest, nil
}

// LWWMap is a map of last-writer-wins registers. A removed key stays as a register
// that was cleared, so that an older write does not bring it back.
type LWWMap[K cmp.Ordered, V cmp.Ordered] map[K]LWW[V]

// LWWMapOf merges last-writer-wins maps key by key with [LWWOf], as lattice.MapOf
// does.
func LWWMapOf[K cmp.Ordered, V cmp.Ordered]() lattice.Merge[LWWMap[K, V]] {
	return lattice.As[LWWMap[K, V]](lattice.MapOf[K](LWWOf[V]()))
}

// Get is the value of k, if there is one.
func (m LWWMap[K, V]) Get(k K) (V, bool) { return m[k].Get() }

// Keys lists the keys that have a value, in ascending order.
func (m LWWMap[K, V]) Keys() []K {
	keys := make([]K, 0, len(m))
	for _, k := range sortedKeys(m) {
		if _, ok := m.Get(k); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// Put is the delta that writes v under k at the stamp, which must not be zero.
func (m LWWMap[K, V]) Put(at Stamp, k K, v V) (LWWMap[K, V], error) {
	r, err := m[k].Write(at, v)
	if err != nil {
		return nil, err
	}
	return LWWMap[K, V]{k: r}, nil
}

// Remove is the delta that removes k at the stamp, which must not be zero.
func (m LWWMap[K, V]) Remove(at Stamp, k K) (LWWMap[K, V], error) {
	r, err := m[k].Clear(at)
	if err != nil {
		return nil, err
	}
	return LWWMap[K, V]{k: r}, nil
}

// Compatible is [LWW.Compatible] for every key that both have.
func (m LWWMap[K, V]) Compatible(n LWWMap[K, V]) bool {
	//joinery:anyorder a conjunction
	for k, r := range m {
		if s, ok := n[k]; ok && !r.Compatible(s) {
			return false
		}
	}
	return true
}
