package flow

// Delta is an edge whose elements are deltas: what is downstream may see them
// again, in another order, and in other groups. It has one reader; [Tee] makes
// more. The zero value is no edge.
type Delta[T any] struct {
	out *outlet
	src puller[T]
}

// Named labels the operator that feeds the edge, for messages and drawings.
func (d Delta[T]) Named(label string) Delta[T] {
	if d.out != nil {
		d.out.n.label = label
	}
	return d
}

// Graph is the graph the edge belongs to; nil for the zero value.
func (d Delta[T]) Graph() *Graph {
	if d.out == nil {
		return nil
	}
	return d.out.n.g
}

// State is an edge whose each value contains those before: it only rises. Any
// number of operators and subscribers may read it. The zero value is no edge.
type State[T any] struct {
	out  *outlet
	cell *cell[T]
}

// Named labels the operator that feeds the edge, for messages and drawings.
func (s State[T]) Named(label string) State[T] {
	if s.out != nil {
		s.out.n.label = label
	}
	return s
}

// Graph is the graph the edge belongs to; nil for the zero value.
func (s State[T]) Graph() *Graph {
	if s.out == nil {
		return nil
	}
	return s.out.n.g
}

// status is what a pull came to.
type status uint8

const (
	ready   status = iota // here are elements
	pending               // none now; the reader will be woken
	done                  // none any more
)

// puller is the inner side of a Delta edge. What pull returns is lent until the
// next pull, must not be written to, has at most Options.Batch elements, and at
// least one where the status is ready. Who gets pending is woken when there may
// be more.
type puller[T any] interface {
	pull() ([]T, status)
}

// nothing stands for an edge that could not be connected.
type nothing[T any] struct{}

func (nothing[T]) pull() ([]T, status) { return nil, done }

func delta[T any](n *node, src puller[T]) Delta[T] {
	return Delta[T]{out: newOutlet[T](n, false), src: src}
}

// read connects n to d.
func read[T any](d Delta[T], n *node, port string) puller[T] {
	if !connect(d.out, n, port) {
		return nothing[T]{}
	}
	return d.src
}

// intake is an input and what was taken from it and not yet handed on.
type intake[T any] struct {
	in   puller[T]
	rest []T
}

// take connects n to d.
func take[T any](d Delta[T], n *node) intake[T] { return intake[T]{in: read(d, n, "")} }

// fill takes more where nothing is left; what it comes to is ready where there is something.
func (t *intake[T]) fill() status {
	if len(t.rest) > 0 {
		return ready
	}
	in, st := t.in.pull()
	if st == ready {
		t.rest = in
	}
	return st
}
