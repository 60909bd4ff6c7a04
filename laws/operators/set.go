package operators

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// setOf is what an operator is asked: what follows from its class, its edges and its
// claims.
func setOf(o *operator) laws.Custom[Feed] {
	c := laws.Custom[Feed]{Name: "operator", Err: o.err, Show: o.show}
	if o.err != nil {
		return c
	}
	ask := func(l laws.Law[Feed], why string) {
		if why == "" {
			c.Laws = append(c.Laws, l)
		} else {
			c.Absent = append(c.Absent, laws.Absence{ID: l.ID, Why: why})
		}
	}
	unless := func(ok bool, why string) string {
		if ok {
			return ""
		}
		return why
	}
	single := unless(!o.sealed() || o.in == Deltas, "what waits for its input to be complete gets one state")
	ask(o.fresh(), "")
	ask(o.leavesInputs(), "")
	ask(o.leavesOutputs(), "")
	ask(o.givesBack(), unless(o.lent, "Lent is not declared: elements taken may be kept"))
	ask(o.duplicates(), "")
	ask(o.order(), single)
	ask(o.batches(), first(single, unless(o.join != nil, "no Join is given, so that elements are not joined to batches")))
	ask(o.split(), unless(o.class == lattice.IsMorphism, fmt.Sprintf("a part of the input is no substitute for the whole where the class is %v", o.class)))
	ask(o.delta(), unless(o.recompute != nil || o.join != nil && single == "", "neither Recompute nor a Join of deltas is given, to compute from the whole input at once"))
	ask(o.monotone(), unless(!o.sealed(), "the class is non-monotone"))
	ask(o.rises(), unless(o.out == States, "the elements given are deltas"))
	ask(o.emitsOnce(), unless(o.once, "Once is not claimed"))
	ask(o.quiet(), unless(o.cyclic, "there is no Feedback"))
	ask(o.resume(), "")
	ask(o.stops(), unless(o.sequence, "only who reads a sequence can stop"))
	ask(o.releases(), unless(o.sequence, "only who reads a sequence can let go of it"))
	return c
}

// sealed reports that the operator must wait until its input is complete.
func (o *operator) sealed() bool { return o.class == lattice.NonMonotone }

func first(reasons ...string) string {
	for _, why := range reasons {
		if why != "" {
			return why
		}
	}
	return ""
}

// verdict is what came of judging a feed, and for what fails both sides of the law.
type verdict struct {
	outcome laws.Outcome
	sides   func() laws.Sides
}

var (
	holds   = verdict{outcome: laws.Holds}
	vacuous = verdict{outcome: laws.Vacuous}
)

func fails(sides func() laws.Sides) verdict { return verdict{laws.Fails, sides} }

// law is a law about feeds.
func (o *operator) law(id, text string, judge func(b *bench) verdict) laws.Law[Feed] {
	return laws.Law[Feed]{
		ID: "operator/" + id, Statement: text, Arity: 1,
		Eval: func(_ *laws.Probe[Feed], x []Feed) laws.Outcome {
			defer o.judging.enter(x[0])()
			b := o.bench(x[0])
			v := judge(b)
			if v.outcome != laws.Fails { // what fails may keep the bench for its sides
				o.benches.Put(b)
			}
			return v.outcome
		},
		Explain: func(_ *laws.Probe[Feed], x []Feed) laws.Sides {
			if v := judge(o.bench(x[0])); v.sides != nil {
				return v.sides()
			}
			return laws.Sides{
				LeftExpr: "first", Left: "it did not hold",
				RightExpr: "again", Right: "it holds: the outcome depends on more than what is fed",
			}
		},
	}
}

// equation is the law that feeding another word comes to the same. other is nil where
// there is none for a feed.
func (o *operator) equation(id, text string, other func(b *bench, word []any) []any) laws.Law[Feed] {
	return o.law(id, text, func(b *bench) verdict {
		word := b.word()
		noisy := other(b, word)
		if noisy == nil {
			return vacuous
		}
		return b.compared(func() (result, string) {
			r := b.fed(noisy)
			return r, b.call(r)
		})
	})
}

// compared compares the fold of the word with that of something else that is done with
// an operator. It says nothing of operators whose instances are not fresh, which is the
// business of that law, nor where nothing is emitted.
func (b *bench) compared(other func() (r result, expr string)) verdict {
	plain := b.fed(b.word())
	if !b.same(plain.fold, b.fed(b.word()).fold) {
		return vacuous
	}
	r, expr := other()
	switch {
	case !b.same(plain.fold, r.fold):
		return fails(func() laws.Sides {
			return laws.Sides{LeftExpr: b.call(plain), Left: b.came(plain), RightExpr: expr, Right: b.came(r)}
		})
	case len(plain.out) == 0 && len(r.out) == 0:
		return vacuous
	}
	return holds
}

// call is how a report writes that a word was fed.
func (b *bench) call(r result) string { return "fold of op(" + b.elements(r.word) + ")" }

func (b *bench) elements(word []any) string {
	shown := make([]string, len(word))
	for i, v := range word {
		shown[i] = b.a.show(v)
	}
	return listed(shown)
}

// came is what it came to.
func (b *bench) came(r result) string {
	out := make([]string, len(r.out))
	for i, v := range r.out {
		out[i] = b.b.show(v)
	}
	switch {
	case r.computed:
		return b.s.show(r.fold)
	case r.fold == nil:
		return "nothing: no element is emitted"
	case len(out) == 0:
		return b.s.show(r.fold) + ": no element is emitted"
	}
	return b.s.show(r.fold) + ", of " + listed(out)
}
