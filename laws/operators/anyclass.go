package operators

import (
	"sync/atomic"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// The laws of operators of all classes: what is asked of every one.

// How often the same is fed again: at first, and once it was seen to make a difference, so
// that a smaller case does not hold by luck.
const (
	freshAtFirst   = 2
	freshSuspected = 50
)

// fresh is about what instances share, and about operators that depend on the order of a
// map, a clock or chance.
func (o *operator) fresh() laws.Law[Feed] {
	suspected := new(atomic.Bool)
	return o.law("fresh", "a fresh instance that is fed the same comes to the same fold", func(b *bench) verdict {
		word := b.word()
		if len(word) == 0 {
			return vacuous
		}
		times := freshAtFirst
		if suspected.Load() {
			times = freshSuspected
		}
		plain := b.fed(word)
		for range times {
			if again := b.fed(word); !b.same(plain.fold, again.fold) {
				suspected.Store(true)
				return fails(func() laws.Sides {
					return laws.Sides{LeftExpr: b.call(plain), Left: b.came(plain), RightExpr: b.call(again) + ", again", Right: b.came(again)}
				})
			}
		}
		if len(plain.out) == 0 {
			return vacuous
		}
		return holds
	})
}

// leavesInputs is about elements taken: who reads the same stream has them too.
func (o *operator) leavesInputs() laws.Law[Feed] {
	return o.law("inputs", "an element taken is left as it was", func(b *bench) verdict {
		word := b.word()
		if len(word) == 0 {
			return vacuous
		}
		lent := make([]any, len(word))
		prints := make([]uint64, len(word))
		for i, v := range word {
			lent[i] = b.a.copy(v)
			prints[i] = b.a.print(lent[i])
		}
		b.lend(len(lent), func(i int) any { return lent[i] }, always, func(any) bool { return true })
		for i := range lent {
			if b.a.print(lent[i]) == prints[i] {
				continue
			}
			return fails(func() laws.Sides {
				after := b.a.show(lent[i])
				if after == b.a.show(word[i]) {
					after += ", changed where it is not shown"
				}
				return laws.Sides{LeftExpr: "an element as it is taken", Left: b.a.show(word[i]), RightExpr: "it at the end", Right: after}
			})
		}
		return holds
	})
}

// leavesOutputs is about elements given: who got one may keep it.
func (o *operator) leavesOutputs() laws.Law[Feed] {
	return o.law("outputs", "an element given is left as it was", func(b *bench) verdict {
		var out, before []any
		var prints []uint64
		b.drive(b.word(), always, func(v any) bool {
			out, before = append(out, v), append(before, b.b.copy(v))
			prints = append(prints, b.b.print(v))
			return true
		})
		for i := range out {
			if b.b.print(out[i]) == prints[i] {
				continue
			}
			return fails(func() laws.Sides {
				after := b.b.show(out[i])
				if after == b.b.show(before[i]) {
					after += ", changed where it is not shown"
				}
				return laws.Sides{LeftExpr: "an element as it is emitted", Left: b.b.show(before[i]), RightExpr: "it at the end", Right: after}
			})
		}
		if len(out) == 0 {
			return vacuous
		}
		return holds
	})
}

func (o *operator) duplicates() laws.Law[Feed] {
	return o.equation("duplicates", "elements that come again, at once or later, leave the fold as it is", (*bench).again)
}

func (o *operator) order() laws.Law[Feed] {
	return o.equation("order", "elements in another order come to the same fold", (*bench).shuffled)
}

func (o *operator) batches() laws.Law[Feed] {
	text := "elements joined to batches come to the same fold"
	if o.in == States {
		text = "states may be left out that later ones contain"
	}
	return o.equation("batches", text, (*bench).batched)
}

// delta compares with a computation from everything at once.
func (o *operator) delta() laws.Law[Feed] {
	if o.recompute == nil {
		return o.equation("delta", "one element after another comes to what their join comes to", (*bench).whole)
	}
	return o.law("delta", "one element after another comes to what Recompute does of all", func(b *bench) verdict {
		if len(b.inputs) == 0 {
			return vacuous
		}
		return b.compared(func() (result, string) {
			all := make([]any, len(b.inputs))
			for i, v := range b.inputs {
				all[i] = b.a.copy(v)
			}
			state := o.recompute(all)
			return result{fold: state, computed: true}, "Recompute(" + b.elements(b.inputs) + ")"
		})
	})
}

// whole is the join of all inputs as the only element.
func (b *bench) whole(word []any) []any {
	if len(word) < 2 {
		return nil
	}
	return []any{b.total(b.inputs)}
}

// total is the join of some inputs.
func (b *bench) total(some []any) any {
	all := some[0]
	for _, v := range some[1:] {
		all = b.joinInputs(all, v)
	}
	return all
}

// resume is about a crash: what was emitted before it has reached the fold, and the input
// is replayed from a point before it.
func (o *operator) resume() laws.Law[Feed] {
	text := "after a crash, an instance without memory and a replay from any earlier point come to the same fold" + heldBack
	switch {
	case o.late || o.sealed():
		text = "after a crash, an instance without memory and a replay of all come to the same fold"
	case o.remembers():
		text = "after a crash, an instance as it was at some point and a replay from there, or from earlier, come to the same fold" + heldBack
	}
	return o.law("resume", text, func(b *bench) verdict {
		word := b.word()
		if len(word) == 0 {
			return vacuous
		}
		crash, point, from := b.crash(len(word))
		return b.compared(func() (result, string) {
			before := b.until(word, crash)
			after := b.resumed(word, point, from)
			r := result{word: word, out: append(before, after...)}
			r.fold = b.fold(b.bottom(), r.out)
			return r, b.crashed(word, crash, point, from)
		})
	})
}

// heldBack is told to who may have written an operator of batches, which is right as it is
// where it is declared.
const heldBack = "; an operator that holds elements back is declared Late, in one line by the option operators.Late(), and gets all of its input again"

// remembers reports that an instance that lost its memory has lost what it needs.
func (o *operator) remembers() bool { return o.class != lattice.IsMorphism && o.in == Deltas }

// crash says after how many elements an instance of a word of n crashes, of how many its
// successor has the memory, and with which element the replay begins.
func (b *bench) crash(n int) (crash, point, from int) {
	crash = 1 + b.pick(0, n)
	switch {
	case b.op.late || b.op.sealed():
		return crash, 0, 0
	case b.op.remembers():
		point = b.pick(1, crash+1)
		return crash, point, b.pick(2, point+1)
	}
	return crash, 0, b.pick(1, crash+1)
}

// until is what is emitted until the element after the first n is asked for.
func (b *bench) until(word []any, n int) (out []any) {
	crashed := false
	b.drive(word, func(taken int) bool {
		crashed = crashed || taken == n
		return !crashed
	}, func(v any) bool {
		if !crashed {
			out = append(out, b.b.copy(v))
		}
		return !crashed
	})
	return out
}

// resumed is what an instance emits that has the memory of the first point elements and is
// fed those that begin with from.
func (b *bench) resumed(word []any, point, from int) (out []any) {
	replay := append(append([]any{}, word[:point]...), word[from:]...)
	replaying := point == 0
	b.drive(replay, func(taken int) bool {
		replaying = replaying || taken == point
		return true
	}, func(v any) bool {
		if replaying {
			out = append(out, b.b.copy(v))
		}
		return true
	})
	return out
}

func (b *bench) crashed(word []any, crash, point, from int) string {
	text := "fold of op(" + b.elements(word[:crash]) + ") until it crashes, and of op(" + b.elements(word[from:]) + ")"
	if point > 0 {
		text += " with the memory of " + b.elements(word[:point])
	}
	return text
}

// stops is about who reads a sequence and has seen enough.
func (o *operator) stops() laws.Law[Feed] {
	return o.law("stops", "when no more is wanted, no element is emitted, and none is taken", func(b *bench) verdict {
		word := b.word()
		n := len(b.run(word))
		if n == 0 {
			return vacuous
		}
		wanted := 1 + b.pick(0, n)
		out, taken, emitted := 0, 0, 0
		b.drive(word, func(int) bool {
			if out >= wanted {
				taken++
			}
			return taken <= len(word)
		}, func(any) bool {
			if out++; out > wanted {
				emitted++
			}
			return out < wanted
		})
		if taken == 0 && emitted == 0 {
			return holds
		}
		return fails(func() laws.Sides {
			return laws.Sides{
				LeftExpr: "elements wanted", Left: plural(wanted),
				RightExpr: "after these", Right: plural(emitted) + " emitted, " + plural(taken) + " asked for",
			}
		})
	})
}

// releases is about operators that pull their input and do not stop: what produces it waits
// for ever, and what it has opened stays open.
func (o *operator) releases() laws.Law[Feed] {
	return o.law("releases", "an operator that returns has let go of its input: an iter.Pull of it is stopped", func(b *bench) verdict {
		word := b.word()
		wanted, emitted := 1+b.pick(0, len(word)+1), 0
		released := b.drive(word, always, func(any) bool {
			emitted++
			return emitted < wanted
		})
		switch {
		case released && emitted == 0:
			return vacuous
		case released:
			return holds
		}
		return fails(func() laws.Sides {
			return laws.Sides{
				LeftExpr: "op(" + b.elements(word) + ")", Left: "has returned, of " + plural(wanted) + " wanted",
				RightExpr: "its input", Right: "is still in use",
			}
		})
	})
}
