package flow

import (
	"context"
	"fmt"
	"iter"
)

// ForEach calls f with each element. f runs again on an element after it has
// panicked.
func ForEach[T any](d Delta[T], f func(T)) {
	n := lost(d.Graph()).add("for-each", sinkRule)
	n.need(f != nil, "a nil function")
	o := &forEach[T]{n: n, intake: take(d, n), f: f}
	n.task = &task{n: n, run: o.run}
}

type forEach[T any] struct {
	n *node
	intake[T]
	f func(T)
}

func (o *forEach[T]) run() status {
	if st := o.fill(); st != ready {
		return st
	}
	o.n.busy.Store(true)
	for len(o.rest) > 0 {
		o.f(o.rest[0])
		o.rest = o.rest[1:]
	}
	o.n.busy.Store(false)
	return ready
}

// Output keeps the elements of an edge until they are taken.
type Output[T any] struct {
	n    *node
	in   puller[T]
	buf  []T
	next int // of buf; those before it were taken
	ends bool
}

// Collect is an output of d. It keeps at most Options.Held elements and a batch;
// when they are not taken, the run ends with [ErrBound], and goes on once they are.
func Collect[T any](d Delta[T]) *Output[T] {
	n := lost(d.Graph()).add("collect", sinkRule)
	o := &Output[T]{n: n, in: read(d, n, "")}
	n.task = &task{n: n, run: o.run}
	return o
}

func (o *Output[T]) run() status {
	if o.next*2 >= len(o.buf) {
		o.buf, o.next = append(o.buf[:0], o.buf[o.next:]...), 0
	}
	if len(o.buf)-o.next >= o.n.g.opt.Held {
		return o.n.stop(fmt.Errorf("%w: more than Held = %d elements wait in the output", ErrBound, o.n.g.opt.Held), "take them")
	}
	in, st := o.in.pull()
	o.ends = o.ends || st == done
	o.buf = append(o.buf, in...)
	return st
}

// Take is what came since the last Take.
func (o *Output[T]) Take() []T {
	vs := o.buf[o.next:]
	o.buf, o.next = nil, 0
	return vs
}

// All runs the graph as far as its elements are asked for: a pipeline as an
// ordinary iterator. An error comes with the zero element and ends the sequence.
// Where the graph waits for input, All waits too, until ctx is canceled. The body of
// the loop may run the graph itself, and so may the iterator of another output: what
// comes meanwhile is in the sequence. What is left where the body ends the loop, or
// panics, stays in the output.
func (o *Output[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			for o.next < len(o.buf) {
				v := o.buf[o.next]
				o.next++
				if !yield(v, nil) {
					return
				}
			}
			if o.ends {
				return
			}
			if err := o.advance(ctx); err != nil {
				var zero T
				yield(zero, err)
				return
			}
		}
	}
}

// advance runs the graph until the output has something or ends.
func (o *Output[T]) advance(ctx context.Context) error {
	s := o.n.g.sched
	if s == nil {
		return o.n.err(ErrArgument, "Start the graph first")
	}
	return s.run(ctx, func() bool { return o.next < len(o.buf) || o.ends })
}
