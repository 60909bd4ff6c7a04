package operators

import (
	"fmt"

	"github.com/joinery-go/joinery/laws"
)

// The laws that some classes have, and those of claims.

// split deals the input to two instances. The second one comes to life and ends while the
// first is at work.
func (o *operator) split() laws.Law[Feed] {
	text := "two instances that are dealt the input come to the same fold together"
	if o.in == States {
		text = "two instances that get a part of the state each come to the same fold together"
	}
	return o.law("split", text, func(b *bench) verdict {
		left, right := b.dealt()
		if left == nil {
			return vacuous
		}
		if o.in == States {
			left, right = []any{b.total(left)}, []any{b.total(right)}
		}
		return b.compared(func() (result, string) {
			out := b.beside(left, right)
			r := result{out: out, fold: b.fold(b.bottom(), out)}
			return r, "fold of op(" + b.elements(left) + ") and op(" + b.elements(right) + ")"
		})
	})
}

// beside is what two instances emit, of which the second one is made, fed and done when
// the first has taken half of what it gets.
func (b *bench) beside(left, right []any) (out []any) {
	ran := false
	b.drive(left, func(taken int) bool {
		if !ran && taken >= len(left)/2 {
			ran = true
			out = append(out, b.run(right)...)
		}
		return true
	}, func(v any) bool {
		out = append(out, b.b.copy(v))
		return true
	})
	if !ran {
		out = append(out, b.run(right)...) // the first asked for no more
	}
	return out
}

// monotone compares what some of the input comes to with what all of it does.
func (o *operator) monotone() laws.Law[Feed] {
	return o.law("monotone", "more input never comes to less: the fold of some of it is below that of all", func(b *bench) verdict {
		word := b.word()
		if len(word) == 0 {
			return vacuous
		}
		few, all := b.fed(word[:b.pick(0, len(word))]), b.fed(word)
		if b.below(few.fold, all.fold) {
			if len(all.out) == 0 {
				return vacuous
			}
			return holds
		}
		if !b.same(all.fold, b.fed(word).fold) {
			return vacuous // that is the business of fresh
		}
		return fails(func() laws.Sides {
			return laws.Sides{LeftExpr: b.call(few), Left: b.came(few), RightExpr: b.call(all), Right: b.came(all)}
		})
	})
}

// rises is about states that are emitted. Where deltas are taken, they come again too.
func (o *operator) rises() laws.Law[Feed] {
	return o.law("rises", "of the states emitted, each contains those before it", func(b *bench) verdict {
		word := b.word()
		if o.in == Deltas {
			word = b.again(word)
		}
		out := b.run(word)
		for i := range out {
			if i == 0 || b.below(b.lifted(out[i-1]), b.lifted(out[i])) {
				continue
			}
			return fails(func() laws.Sides {
				return laws.Sides{
					LeftExpr: fmt.Sprintf("state %d of op(%s)", i, b.elements(word)), Left: b.b.show(out[i-1]),
					RightExpr: "the state after it", Right: b.b.show(out[i]),
				}
			})
		}
		if len(out) == 0 {
			return vacuous
		}
		return holds
	})
}

// emitsOnce is about operators that remember what they have emitted.
func (o *operator) emitsOnce() laws.Law[Feed] {
	return o.law("once", "no element is emitted twice, also where elements come again", func(b *bench) verdict {
		word := b.again(b.word())
		out := b.run(word)
		for i := range out {
			for j := range i {
				if b.b.equal(out[j], out[i]) {
					return fails(func() laws.Sides {
						return laws.Sides{
							LeftExpr: "op(" + b.elements(word) + ")", Left: b.came(result{out: out, fold: b.fold(nil, out)}),
							RightExpr: fmt.Sprintf("elements %d and %d", j+1, i+1), Right: "the same: " + b.b.show(out[i]),
						}
					})
				}
			}
		}
		if len(out) == 0 {
			return vacuous
		}
		return holds
	})
}

// quiet runs the operator in a cycle.
func (o *operator) quiet() laws.Law[Feed] {
	text := "a cycle becomes quiet, in which what raises the fold comes back as input"
	if o.once {
		text = "a cycle becomes quiet, in which what is emitted comes back as input"
	}
	return o.law("quiet", text, func(b *bench) verdict {
		back, last := b.cycle(b.word())
		if back > o.within {
			return fails(func() laws.Sides {
				return laws.Sides{
					LeftExpr: "fed back", Left: fmt.Sprintf("more than %s, the last of them %s", plural(o.within), b.a.show(last)),
					RightExpr: "the cycle", Right: "must be quiet by then",
				}
			})
		}
		if back == 0 {
			return vacuous
		}
		return holds
	})
}

// cycle counts how many elements are fed back, up to one more than the cycle is allowed.
func (b *bench) cycle(word []any) (back int, last any) {
	queue := append([]any{}, word...)
	state, emitted := b.bottom(), 0
	b.op.run(func() (any, bool) {
		if len(queue) == 0 || back > b.op.within {
			return nil, false
		}
		next := queue[0]
		queue = queue[1:]
		return b.a.copy(next), true
	}, func(v any) bool {
		if emitted++; emitted > maxEmitted {
			panic(fmt.Sprintf("the operator emits more than %d elements in a cycle", maxEmitted))
		}
		if back > b.op.within {
			return false
		}
		more := b.joined(state, b.lifted(v))
		grew := !b.same(more, state)
		state = more
		if a, ok := b.op.feedback(b.b.copy(v)); ok && (grew || b.op.once) {
			back++
			last = a
			queue = append(queue, a)
		}
		return true
	})
	return back, last
}

func plural(n int) string {
	if n == 1 {
		return "1 element"
	}
	return fmt.Sprintf("%d elements", n)
}
