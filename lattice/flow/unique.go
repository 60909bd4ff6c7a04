package flow

import "fmt"

// Unique hands on the elements that did not come before. It is a merge into the
// set of all elements, so a cycle through it comes to rest where its domain is
// finite. It remembers at most Options.Held elements.
func Unique[T comparable](d Delta[T]) Delta[T] {
	n := lost(d.Graph()).add("unique", absorbRule)
	return delta(n, &uniqueOp[T]{n: n, intake: take(d, n), seen: make(map[T]struct{})})
}

type uniqueOp[T comparable] struct {
	n *node
	intake[T]
	out  []T
	seen map[T]struct{}
}

func (o *uniqueOp[T]) pull() ([]T, status) {
	o.out = o.out[:0]
	for len(o.out) == 0 {
		if st := o.fill(); st != ready {
			return nil, st
		}
		o.n.busy.Store(true) // an element behind an interface may be none that is compared
		fits := o.run()
		o.n.busy.Store(false)
		if !fits && len(o.out) == 0 {
			return nil, o.n.stop(fmt.Errorf("%w: more than Held = %d distinct elements", ErrBound, o.n.g.opt.Held), o.n.g.unbounded())
		}
	}
	return o.out, ready
}

// run stops before an element that it has no room for.
func (o *uniqueOp[T]) run() bool {
	for len(o.rest) > 0 {
		v := o.rest[0]
		if _, ok := o.seen[v]; !ok {
			if len(o.seen) == o.n.g.opt.Held {
				return false
			}
			o.seen[v] = struct{}{}
			o.out = append(o.out, v)
		}
		o.rest = o.rest[1:]
	}
	return true
}
