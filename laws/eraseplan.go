package laws

import (
	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// UpdatesSuite is the suite of [Updates] for tables: NewSuite(name, Updates(m, u,
// opts...), PlanSource(u), universe), compiled once for all types.
func UpdatesSuite[S, O any](name string, m lattice.Merge[S], u gen.Updates[S, O], universe gen.Universe[gen.Plan[O]], opts ...Option) Suite {
	k := eraseHistories(m, u, opts)
	return NewSuite(name, updatesOf(k), PlanSource(k.given), erasePlans(universe))
}

// DenotationSuite is the suite of [Denotation] for tables, as [UpdatesSuite] is that
// of [Updates].
func DenotationSuite[S, O, V any](name string, m lattice.Merge[S], u gen.Updates[S, O], q Query[S, V], model func(seen []gen.Event[O]) V,
	universe gen.Universe[gen.Plan[O]], opts ...Option) Suite {
	k := eraseHistories(m, u, opts)
	differ, err := differing(q, model)
	k.subject.fail(err)
	return NewSuite(name, denotationOf(k, func(s erased, seen []gen.Event[erased]) func() (got, want string) {
		events := make([]gen.Event[O], len(seen))
		for i, e := range seen {
			events[i] = gen.Retyped(e, opened[O](e.Op))
		}
		return differ(opened[S](s), events)
	}), PlanSource(k.given), erasePlans(universe))
}

// eraseHistories is newHistories over boxes, of states and of operations.
func eraseHistories[S, O any](m lattice.Merge[S], u gen.Updates[S, O], opts []Option) *histories[erased, erased] {
	s := erase(mergedOf(m, opts))
	k := historiesOf(&s.merged, eraseUpdates(guarded(u)), eraseUpdates(u))
	k.showOp = func(op erased) string { return deep.Literal(opened[O](op)) }
	k.subject.show = func(p gen.Plan[erased]) string {
		typed := make(gen.Plan[O], len(p))
		for i, step := range p {
			typed[i] = gen.Step[O]{Replica: step.Replica, Op: opened[O](step.Op), Merge: step.Merge, From: step.From}
		}
		return deep.Literal(typed)
	}
	return k
}

// eraseUpdates is the same data type over boxes.
func eraseUpdates[S, O any](u gen.Updates[S, O]) gen.Updates[erased, erased] {
	mutator := func(f func(S, int, O) S) func(erased, int, erased) erased {
		if f == nil {
			return nil
		}
		return func(s erased, replica int, op erased) erased {
			return erased{f(opened[S](s), replica, opened[O](op))}
		}
	}
	e := gen.Updates[erased, erased]{Delta: mutator(u.Delta), Apply: mutator(u.Apply)}
	if u.Start != nil {
		e.Start = func() erased { return erased{u.Start()} }
	}
	if u.Ops != nil {
		e.Ops = func(d *gen.Draw) erased { return erased{u.Ops(d)} }
	}
	return e
}

func erasePlans[O any](u gen.Universe[gen.Plan[O]]) gen.Universe[gen.Plan[erased]] {
	out := make(gen.Universe[gen.Plan[erased]], len(u))
	for i, p := range u {
		out[i] = make(gen.Plan[erased], len(p))
		for j, step := range p {
			out[i][j] = gen.Step[erased]{Replica: step.Replica, Op: erased{step.Op}, Merge: step.Merge, From: step.From}
		}
	}
	return out
}
