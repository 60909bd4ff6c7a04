package operators

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
)

// CheckFlow checks an operator of package flow, or several in a row, whose elements are
// folded by m: build puts it behind an edge. It is checked twice, with elements that go
// through it one by one, and with batches of three, of which a crash loses what was
// taken. Options declare what else is to be said of it. For operators whose elements are
// no states there is [Check] with [OfDelta], [OfState] or [OfStates] as Seq.
func CheckFlow[A, S any](t laws.T, build func(flow.Delta[A]) flow.Delta[S], class lattice.Class, m lattice.Merge[S], inputs *rapid.Generator[A], opts ...Option) {
	t.Helper()
	if build == nil || m == nil {
		t.Fatalf("%v: CheckFlow needs what builds the operator, and the merge of the fold", laws.ErrSetup)
	}
	o, rest, err := declared(Operator[A, S, S]{
		Class: class, Merge: func(a, b S) S { return lattice.Join(m, a, b) }, Start: lattice.CapsOf(m).Bottom, Inputs: inputs,
	}, opts)
	t.Run("one by one", func(t *testing.T) {
		t.Helper()
		o := o
		o.Seq = OfDelta(build, flow.Options{Batch: 1})
		check(t, o, rest, err)
	})
	t.Run("in batches", func(t *testing.T) {
		t.Helper()
		o := o
		o.Seq, o.Late = OfDelta(build, flow.Options{Batch: 3}), true
		o.Feedback, o.Within = nil, 0 // a cycle waits for what is late
		check(t, o, rest, err)
	})
}

// OfDelta is an operator from a Delta edge to another as a function of sequences, each
// call of which builds and runs a graph. A graph that flow refuses, or that fails, is a
// panic with its error. With a Batch other than 1 elements are taken ahead, and the
// operator is [Operator.Late].
func OfDelta[A, B any](build func(flow.Delta[A]) flow.Delta[B], o flow.Options) func(iter.Seq[A]) iter.Seq[B] {
	return func(in iter.Seq[A]) iter.Seq[B] {
		return func(yield func(B) bool) {
			g := flow.New("operator", o)
			out := flow.Collect(build(flow.FromSeq(g, in)))
			s := started(g)
			defer closed(s)
			for v, err := range out.All(context.Background()) {
				if err != nil {
					panic(fmt.Errorf("operator: %w", err))
				}
				if !yield(v) {
					return
				}
			}
		}
	}
}

// OfState is an operator from a Delta edge to a State edge, whose values are those that a
// subscriber is told; see [OfDelta].
func OfState[A, S any](build func(flow.Delta[A]) flow.State[S], o flow.Options) func(iter.Seq[A]) iter.Seq[S] {
	return func(in iter.Seq[A]) iter.Seq[S] {
		return func(yield func(S) bool) {
			g := flow.New("operator", o)
			more := true
			// Whoever subscribes cannot stop the graph, but its input can end.
			wanted := func(yield func(A) bool) {
				for a := range in {
					if !yield(a) || !more {
						return
					}
				}
			}
			told(g, build(flow.FromSeq(g, wanted)), func(v S) bool {
				more = more && yield(v)
				return more
			})
		}
	}
}

// OfStates is an operator from a State edge, whose values are those taken, to another; see
// [OfDelta]. Elements taken are joined by m, so that one that is late is ignored, as it is
// behind a channel.
func OfStates[A, S any](m lattice.Merge[A], build func(flow.State[A]) flow.State[S], o flow.Options) func(iter.Seq[A]) iter.Seq[S] {
	return OfState(func(d flow.Delta[A]) flow.State[S] { return build(flow.Fold(d, m)) }, o)
}

// started starts a graph.
func started(g *flow.Graph) *flow.Scheduler {
	s, err := flow.Start(g)
	if err != nil {
		panic(fmt.Errorf("operator: %w", err))
	}
	return s
}

// closed closes what a graph that was not run to its end still reads.
func closed(s *flow.Scheduler) {
	if err := s.Close(); err != nil {
		panic(fmt.Errorf("operator: %w", err))
	}
}

// told tells the values of a State edge while the graph runs, until no more is wanted.
func told[S any](g *flow.Graph, state flow.State[S], tell func(S) (more bool)) {
	more := true
	if _, err := flow.Subscribe(state, func(v S) { more = tell(v) }); err != nil {
		panic(fmt.Errorf("operator: %w", err))
	}
	s := started(g)
	defer closed(s)
	for more {
		switch st, err := s.Step(); {
		case err != nil:
			panic(fmt.Errorf("operator: %w", err))
		case st != flow.Working:
			return
		}
	}
}
