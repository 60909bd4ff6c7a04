package operators

import (
	"fmt"
	"iter"
)

// runner runs a fresh instance of an operator. next is the next element taken, or false
// at the end of the input, and emit what the element given is passed to: it returns false
// if no more is wanted. It reports whether the operator has let go of its input.
type runner func(next func() (a any, ok bool), emit func(b any) (more bool)) (released bool)

// ofSeq runs functions of sequences.
func ofSeq[A, B any](op func(iter.Seq[A]) iter.Seq[B]) runner {
	return func(next func() (any, bool), emit func(any) bool) bool {
		held := 0
		input := func(yield func(A) bool) {
			held++
			defer func() { held-- }()
			for {
				if a, ok := next(); !ok || !yield(unbox[A](a)) {
					return
				}
			}
		}
		op(input)(func(b B) bool { return emit(&b) })
		return held == 0
	}
}

// ofEmit runs functions that are called with each element.
func ofEmit[A, B any](fresh func() func(a A, emit func(B))) runner {
	return func(next func() (any, bool), emit func(any) bool) bool {
		op := fresh()
		for {
			a, ok := next()
			if !ok {
				return true
			}
			done := false
			op(unbox[A](a), func(b B) {
				if done {
					panic("the operator calls an emit that it was given with an element before")
				}
				emit(&b)
			})
			done = true
		}
	}
}

// maxEmitted bounds what one instance emits in a case: a feed has a few dozen elements.
const maxEmitted = 1 << 16

// drive feeds a fresh instance copies of a word until the operator returns. asked is told
// how many elements were taken whenever another one is asked for, the end of the input
// included; it returns false to end the input there. emitted gets what is given. It reports
// whether the operator has let go of its input.
func (b *bench) drive(word []any, asked func(taken int) bool, emitted func(v any) bool) (released bool) {
	return b.lend(len(word), func(i int) any { return b.a.copy(word[i]) }, asked, emitted)
}

// lend is drive with n elements that element makes.
func (b *bench) lend(n int, element func(i int) any, asked func(taken int) bool, emitted func(v any) bool) (released bool) {
	taken, out := 0, 0
	return b.op.run(func() (any, bool) {
		if !asked(taken) || taken == n {
			return nil, false
		}
		taken++
		return element(taken - 1), true
	}, func(v any) bool {
		if out++; out > maxEmitted {
			panic(fmt.Sprintf("the operator emits more than %d elements of %d", maxEmitted, taken))
		}
		return emitted(v)
	})
}

func always(int) bool { return true }

// run lists what a fresh instance emits of a word, as copies made at once.
func (b *bench) run(word []any) (out []any) {
	b.drive(word, always, func(v any) bool {
		out = append(out, b.b.copy(v))
		return true
	})
	return out
}

// fold is the fold of what was emitted, onto a state, which is nil where there is none.
func (b *bench) fold(state any, out []any) any {
	for _, v := range out {
		state = b.joined(state, b.lifted(v))
	}
	return state
}

func (b *bench) lifted(v any) any { return b.op.lift(b.b.copy(v)) }

// joined is the join of two states, either of which may be nil: nothing.
func (b *bench) joined(x, y any) any {
	switch {
	case x == nil:
		return y
	case y == nil:
		return x
	}
	return b.op.merge(b.s.copy(x), b.s.copy(y))
}

// bottom is the state a fold begins with, nil for nothing.
func (b *bench) bottom() any {
	if b.op.start == nil {
		return nil
	}
	return b.op.start()
}

// result is what feeding a word came to.
type result struct {
	word, out []any
	fold      any
	computed  bool // by a plain function: nothing was emitted
}

func (b *bench) fed(word []any) result {
	out := b.run(word)
	return result{word: word, out: out, fold: b.fold(b.bottom(), out)}
}

// same compares two states, either of which may be nothing.
func (b *bench) same(x, y any) bool {
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	return b.s.equal(x, y)
}

// below reports x ⊑ y: joining x changes nothing of y.
func (b *bench) below(x, y any) bool { return b.same(b.joined(y, x), y) }
