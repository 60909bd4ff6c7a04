package flow

import "fmt"

// Loop is an edge that leads back: what [Loop.Close] is given comes out of it. A
// cycle needs an operator that merges ([Unique], a join, or [Fold] and [Changes]),
// so that it comes to rest. It does if its functions make finitely many different
// elements: the nodes that can be reached, say. Where they can go on for ever, as lengths
// of paths do around a cycle of roads, the cycle has to lead through a Fold by a merge
// that says which of them count (the least for each node), and Changes, behind which a
// function must be a morphism ([Convert]).
type Loop[T any] struct {
	n     *node // the end that elements come out of
	front []T
	back  []T
	end   bool
	shut  bool
}

// NewLoop is a loop that is still open, and the edge that comes out of it.
func NewLoop[T any](g *Graph) (*Loop[T], Delta[T]) {
	n := lost(g).add("loop", loopRule)
	l := &Loop[T]{n: n}
	n.g.loops = append(n.g.loops, loopEnd{n: n, finish: l.finish})
	return l, delta(n, l)
}

// unbounded is a remedy for elements of which there are more than a graph may hold.
func (g *Graph) unbounded() string {
	if len(g.loops) == 0 {
		return ""
	}
	return "if what goes around the loop goes on for ever, lead it through a Fold by a merge that says which of it counts, Changes, and a Convert"
}

// Close leads d back. The loop holds at most Options.Held elements and a batch.
func (l *Loop[T]) Close(d Delta[T]) {
	n := l.n.g.add("close", closeRule)
	if l.shut {
		n.fail(fmt.Errorf("%w: %v is closed already", ErrArgument, l.n), "use Union")
		return
	}
	l.shut = true
	in := read(d, n, "")
	connect(newOutlet[T](n, false), l.n, "")
	n.task = &task{n: n, run: func() status { return l.feed(n, in) }}
}

func (l *Loop[T]) feed(n *node, in puller[T]) status {
	vs, st := in.pull()
	if st != ready {
		return st
	}
	if len(l.back) == 0 {
		l.n.wake()
	}
	l.back = append(l.back, vs...)
	if len(l.front)+len(l.back) > n.g.opt.Held {
		return n.stop(fmt.Errorf("%w: more than Held = %d elements wait in the loop", ErrBound, n.g.opt.Held), n.g.unbounded())
	}
	return ready
}

func (l *Loop[T]) pull() ([]T, status) {
	if len(l.front) == 0 {
		l.front, l.back = l.back, nil
	}
	if len(l.front) == 0 {
		if l.end {
			return nil, done
		}
		return nil, pending
	}
	k := min(len(l.front), l.n.g.opt.Batch)
	vs := l.front[:k:k]
	l.front = l.front[k:]
	return vs, ready
}

// finish says that nothing will come any more, if the loop is empty.
func (l *Loop[T]) finish() {
	l.end, l.n.ends = true, true
	l.n.wake()
}
