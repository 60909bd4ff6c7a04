package flow

import (
	"fmt"
	"iter"
)

// Map hands on f of each element. On an edge of elements f may be any function; on
// an edge of joined deltas it must be claimed a morphism, see [Claim].
//
// f must be pure: it runs again on an element after it has panicked.
func Map[A, B any](d Delta[A], f func(A) B, claims ...Claim) Delta[B] {
	n := lost(d.Graph()).add("map", elementRule)
	n.image = true
	n.setClaim(f, claims)
	n.need(f != nil, "a nil function")
	return delta(n, &mapOp[A, B]{n: n, intake: take(d, n), f: f})
}

type mapOp[A, B any] struct {
	n *node
	intake[A]
	up  pusher[A] // in, where elements go one by one
	f   func(A) B
	out []B
	i   int // the element of rest that f is given
}

func (o *mapOp[A, B]) pull() ([]B, status) {
	if st := o.fill(); st != ready {
		return nil, st
	}
	if cap(o.out) < len(o.rest) {
		o.out = make([]B, len(o.rest))
	}
	out := o.out[:len(o.rest)]
	o.n.busy.Store(true)
	o.run(o.rest, out)
	o.n.busy.Store(false)
	o.rest, o.i = nil, 0
	return out, ready
}

// run continues where a panic stopped it.
func (o *mapOp[A, B]) run(in []A, out []B) {
	f := o.f
	for i := o.i; i < len(in); i++ {
		o.i = i
		out[i] = f(in[i])
	}
}

// Filter hands on the elements of which keep is true. keep must be pure.
func Filter[T any](d Delta[T], keep func(T) bool, claims ...Claim) Delta[T] {
	n := lost(d.Graph()).add("filter", elementRule)
	n.setClaim(keep, claims)
	n.need(keep != nil, "a nil predicate")
	return delta(n, &filterOp[T]{n: n, intake: take(d, n), keep: keep})
}

type filterOp[T any] struct {
	n *node
	intake[T]
	up   pusher[T]
	keep func(T) bool
	out  []T
	i, k int
}

func (o *filterOp[T]) pull() ([]T, status) {
	for {
		if st := o.fill(); st != ready {
			return nil, st
		}
		if cap(o.out) < len(o.rest) {
			o.out = make([]T, len(o.rest))
		}
		out := o.out[:len(o.rest)]
		o.n.busy.Store(true)
		o.run(o.rest, out)
		o.n.busy.Store(false)
		k := o.k
		o.rest, o.i, o.k = nil, 0, 0
		if k > 0 {
			return out[:k], ready
		}
	}
}

func (o *filterOp[T]) run(in, out []T) {
	k, keep := o.k, o.keep
	for i := o.i; i < len(in); i++ {
		o.i, o.k = i, k
		v := in[i]
		out[k] = v
		if keep(v) {
			k++
		}
	}
	o.k = k
}

// FilterMap hands on what f makes of each element for which it reports true. f
// must be pure.
func FilterMap[A, B any](d Delta[A], f func(A) (B, bool), claims ...Claim) Delta[B] {
	n := lost(d.Graph()).add("filter-map", elementRule)
	n.setClaim(f, claims)
	n.need(f != nil, "a nil function")
	return delta(n, &filterMapOp[A, B]{n: n, intake: take(d, n), f: f})
}

type filterMapOp[A, B any] struct {
	n *node
	intake[A]
	up  pusher[A]
	f   func(A) (B, bool)
	out []B
	i   int
}

func (o *filterMapOp[A, B]) pull() ([]B, status) {
	for {
		if st := o.fill(); st != ready {
			return nil, st
		}
		o.n.busy.Store(true)
		o.run(o.rest)
		o.n.busy.Store(false)
		out := o.out
		o.rest, o.i, o.out = nil, 0, o.out[:0]
		if len(out) > 0 {
			return out, ready
		}
	}
}

func (o *filterMapOp[A, B]) run(in []A) {
	for o.i < len(in) {
		v, ok := o.f(in[o.i])
		if ok {
			o.out = append(o.out, v)
		}
		o.i++
	}
}

// Flatten hands on the elements of each slice.
func Flatten[T any](d Delta[[]T]) Delta[T] {
	n := lost(d.Graph()).add("flatten", elementRule)
	return delta(n, &flattenOp[T]{n: n, intake: take(d, n)})
}

type flattenOp[T any] struct {
	n *node
	intake[[]T]
	cur []T
}

func (o *flattenOp[T]) pull() ([]T, status) {
	for len(o.cur) == 0 {
		if st := o.fill(); st != ready {
			return nil, st
		}
		o.cur, o.rest = o.rest[0], o.rest[1:]
	}
	k := min(len(o.cur), o.n.g.opt.Batch)
	vs := o.cur[:k:k]
	o.cur = o.cur[k:]
	return vs, ready
}

// FlatMap hands on what f yields for each element. f must be pure, and one element
// must not yield more than Options.Held, or the run ends with [ErrBound].
func FlatMap[A, B any](d Delta[A], f func(A) iter.Seq[B], claims ...Claim) Delta[B] {
	n := lost(d.Graph()).add("flat-map", elementRule)
	n.setClaim(f, claims)
	n.need(f != nil, "a nil function")
	return delta(n, &flatMapOp[A, B]{n: n, intake: take(d, n), f: f})
}

type flatMapOp[A, B any] struct {
	n *node
	intake[A]
	f   func(A) iter.Seq[B]
	buf []B // what one element yielded
	cur []B // what is left of buf
}

func (o *flatMapOp[A, B]) pull() ([]B, status) {
	for len(o.cur) == 0 {
		if st := o.fill(); st != ready {
			return nil, st
		}
		if !o.expand(o.rest[0]) {
			return nil, o.n.stop(fmt.Errorf("%w: one element yields more than Held = %d", ErrBound, o.n.g.opt.Held), "")
		}
		o.cur, o.rest = o.buf, o.rest[1:]
	}
	k := min(len(o.cur), o.n.g.opt.Batch)
	vs := o.cur[:k:k]
	o.cur = o.cur[k:]
	return vs, ready
}

func (o *flatMapOp[A, B]) expand(v A) (fits bool) {
	o.buf = o.buf[:0]
	o.n.busy.Store(true)
	seq := o.f(v)
	fits = true
	for u := range seq {
		if len(o.buf) == o.n.g.opt.Held {
			fits = false
			break
		}
		o.buf = append(o.buf, u)
	}
	o.n.busy.Store(false)
	return fits
}
