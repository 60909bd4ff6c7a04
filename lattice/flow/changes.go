package flow

import "github.com/joinery-go/joinery/lattice"

// Changes hands on what s has gained: deltas whose join is s. Where the merge of s
// has a Diff they are small; otherwise each is the whole value. Only their join is
// determined, so that functions on them must be claimed morphisms.
func Changes[T any](s State[T]) Delta[T] {
	n := lost(s.Graph()).add("changes", changesRule)
	o := &changes[T]{n: n, up: readState(s, n, "")}
	o.diff = lattice.CapsOf(o.up.m).Diff
	return delta(n, o)
}

type changes[T any] struct {
	n    *node
	up   *cell[T]
	seen uint64
	diff func(base, v T) T
	base T
	some bool // base holds what was handed on
	out  [1]T
}

func (o *changes[T]) pull() ([]T, status) {
	if !o.up.has || o.seen == o.up.ver {
		if o.up.done {
			return nil, done
		}
		return nil, pending
	}
	ver := o.up.ver
	switch {
	case o.diff == nil || !o.some:
		o.out[0] = o.up.m.Clone(o.up.val)
		if o.diff != nil {
			o.base, o.some = o.up.m.Clone(o.up.val), true
		}
	default:
		o.out[0] = o.diff(o.base, o.up.val)
		o.some = false // should the merge panic, base may have more than was handed on
		o.up.m.MergeIn(&o.base, o.out[0])
		o.some = true
	}
	o.seen = ver
	return o.out[:], ready
}
