package gen

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Source fills a tuple with values that belong together. Values of a tuple share
// no mutable state.
type Source[T any] func(d *Draw, tuple []T)

// Independent draws each value apart from the others.
func Independent[T any](g Gen[T]) Source[T] {
	return func(d *Draw, tuple []T) {
		for i := range tuple {
			tuple[i] = g(d)
		}
	}
}

// A source that joins, copies or splices values is made once, for values in interfaces, and
// not for every type: the table of merges in package laws/shipped and the gallery in
// laws/zoo have dozens. What is compiled for a type is the way in and out.

// inAny is g for values in interfaces.
//
//go:noinline
func inAny[T any](g Gen[T]) Gen[any] {
	if g, ok := any(g).(Gen[any]); ok {
		return g
	}
	return func(d *Draw) any { return g(d) }
}

// outOf is a source of Ts made of one of values in interfaces.
//
//go:noinline
func outOf[T any](s Source[any]) Source[T] {
	if s, ok := any(s).(Source[T]); ok {
		return s
	}
	return func(d *Draw, tuple []T) {
		x := make([]any, len(tuple))
		s(d, x)
		for i, v := range x {
			tuple[i], _ = v.(T) // where T is an interface, v may be nil
		}
	}
}

// cloneAny is clone for values in interfaces.
//
//go:noinline
func cloneAny[T any](clone func(T) T) func(any) any {
	if clone == nil {
		return nil
	}
	if clone, ok := any(clone).(func(any) any); ok {
		return clone
	}
	return func(v any) any {
		t, _ := v.(T)
		return clone(t)
	}
}

// joinAny is join for values in interfaces.
//
//go:noinline
func joinAny[T any](join func(a, b T) T) func(a, b any) any {
	if join, ok := any(join).(func(a, b any) any); ok {
		return join
	}
	return func(a, b any) any {
		x, _ := a.(T)
		y, _ := b.(T)
		return join(x, y)
	}
}

// Spliced draws the first value of a tuple, and each of the others as one before it with
// a part drawn anew, or apart from it; see [splicer].
func Spliced[T any](g Gen[T]) Source[T] { return outOf[T](spliced(inAny(g))) }

//go:noinline
func spliced(g Gen[any]) Source[any] {
	return func(d *Draw, tuple []any) {
		d.made.n = 0
		for i := range tuple {
			tuple[i] = splice(d, g, 1)
		}
	}
}

// poolSize bounds how many distinct values a pooled tuple has, and how many base
// values a correlated one: three are enough for a tie next to a difference.
const poolSize = 3

// Pooled draws up to three values and lets each place of the tuple pick one of
// them: ties are likely. clone copies a picked value; nil is for values that can
// be copied by assignment.
func Pooled[T any](g Gen[T], clone func(T) T) Source[T] {
	return outOf[T](pooled(inAny(g), cloneAny(clone)))
}

//go:noinline
func pooled(g Gen[any], clone func(any) any) Source[any] {
	return func(d *Draw, tuple []any) {
		var pool [poolSize]any
		d.made.n = 0
		drawn := 0
		for i := range tuple {
			// The choice reaches past what was drawn, so that 0 is a tie with the
			// first value and new values come in order; two of them make a new
			// value, since a tuple of nothing but ties says little.
			at := 0
			if drawn > 0 {
				at = min(d.Index("pool", poolChoices(drawn, len(tuple))), drawn)
			}
			if at == drawn {
				pool[at] = splice(d, g, 1)
				drawn++
				tuple[i] = pool[at]
				continue
			}
			tuple[i] = copied(pool[at], clone)
		}
	}
}

// poolChoices is how many choices a place of a pooled tuple has, after so many values were
// drawn: of a pair half are ties, since pairs that differ come of the other sources.
func poolChoices(drawn, places int) int {
	if places == 2 {
		return 2
	}
	return min(drawn+2, poolSize)
}

// Correlated draws up to three base values and makes each place of the tuple the join
// of some of them, so that comparable values, chains and equal joins are likely.
// A panic of join ends the drawing: [Draw.Err] is then a [*JoinPanic].
func Correlated[T any](g Gen[T], join func(a, b T) T, clone func(T) T) Source[T] {
	return outOf[T](correlated(inAny(g), joinAny(join), cloneAny(clone)))
}

//go:noinline
func correlated(g Gen[any], join func(a, b any) any, clone func(any) any) Source[any] {
	return func(d *Draw, tuple []any) {
		var base [poolSize]any
		var uses [poolSize]int // that are to come
		var lent [poolSize]bool
		var few [4]uint64
		var masks []uint64
		d.made.n = 0
		if len(tuple) <= len(few) {
			masks = few[:len(tuple)]
		} else {
			masks = make([]uint64, len(tuple))
		}
		chooseBases(d, masks)
		for _, mask := range masks {
			for j := range base {
				if mask>>j&1 == 0 {
					continue
				}
				if uses[j] == 0 {
					base[j] = splice(d, g, 2)
				}
				uses[j]++
			}
		}
		for i, mask := range masks {
			first := true
			for j := range base {
				if mask>>j&1 == 0 {
					continue
				}
				uses[j]--
				switch {
				case !first:
					tuple[i], lent[j] = joinSafely(d, join, tuple[i], base[j]), true
				case uses[j] == 0 && !lent[j]: // nobody else holds it: a join may return an operand
					tuple[i] = base[j]
				default:
					tuple[i] = copied(base[j], clone)
				}
				first = false
			}
		}
	}
}

// chooseBases chooses, for each place of a tuple, of which base values it is the join: a set
// of bits. Of two base values a pair is a chain or a tie, and drawing is most of what a case
// costs; one pair in twenty or so is made of a third as well, which both may have in common.
func chooseBases(d *Draw, masks []uint64) {
	const ofTwo, ofThree = 1<<2 - 1, 1<<poolSize - 1 // sets that are not empty
	if len(masks) != 2 {
		for i := range masks {
			masks[i] = 1 + d.Choose("joinof", ofThree)
		}
		return
	}
	const often = 100 * ofTwo * ofTwo
	sets, v := uint64(ofTwo), d.Choose("joinof", often+ofThree*ofThree)
	if v >= often {
		sets, v = ofThree, v-often
	}
	masks[0], masks[1] = 1+v/sets%sets, 1+v%sets
}

func copied[T any](v T, clone func(T) T) T {
	if clone == nil {
		return v
	}
	return clone(v)
}

// JoinPanic says that the join a source uses to correlate values panicked.
type JoinPanic struct {
	// Value is what was passed to panic.
	Value any
	// A and B are the operands.
	A, B any
}

// Error names the panic.
func (p *JoinPanic) Error() string { return fmt.Sprintf("gen: join panicked: %v", p.Value) }

// joinSafely keeps a panicking join from ending the whole check: rapid would
// report the panic without the states that caused it.
func joinSafely(d *Draw, join func(a, b any) any, a, b any) (j any) {
	defer func() {
		if v := recover(); v != nil {
			d.Fail(&JoinPanic{Value: v, A: a, B: b})
			j = a
		}
	}()
	joining(d, a, b)
	return join(a, b)
}

// Mixed draws each tuple in one of three ways, equally often: pooled, correlated
// or spliced. It is the source to use unless there is a reason for another.
func Mixed[T any](g Gen[T], join func(a, b T) T, clone func(T) T) Source[T] {
	return outOf[T](mixed(inAny(g), joinAny(join), cloneAny(clone)))
}

//go:noinline
func mixed(g Gen[any], join func(a, b any) any, clone func(any) any) Source[any] {
	return AnyOf(pooled(g, clone), correlated(g, join, clone), spliced(g))
}

// For is [Mixed] with the join and the copies of a merge. Where the merge is the
// one under test, its states are joins it made itself; to keep a faulty merge
// from hiding states, give the correct one.
func For[T any](m lattice.Merge[T], g Gen[T]) Source[T] {
	return outOf[T](mixedOf(func(d *Draw, do act, a, b any) any {
		x, _ := a.(T)
		switch do {
		case drawing:
			return g(d)
		case copying:
			return m.Clone(x)
		}
		y, _ := b.(T)
		return lattice.Join(m, x, y)
	}))
}

// act is what mixedOf asks for: one function of three is less to compile for each type
// than three.
type act uint8

const (
	drawing act = iota
	copying
	merging
)

//go:noinline
func mixedOf(f func(d *Draw, do act, a, b any) any) Source[any] {
	return mixed(func(d *Draw) any { return f(d, drawing, nil, nil) },
		func(a, b any) any { return f(nil, merging, a, b) },
		func(v any) any { return f(nil, copying, v, nil) })
}

// Unrelated draws each place of a tuple by s alone, as if for a tuple of one. Of a
// source whose tuples come from one history (see [Reachable]), it makes states of
// different histories, which may use one name for different events: states of the
// domain that no run brings together.
func Unrelated[T any](s Source[T]) Source[T] {
	return func(d *Draw, tuple []T) {
		for i := range tuple {
			s(d, tuple[i:i+1])
		}
	}
}

// AnyOf draws each tuple from one of the sources; the first is simplest.
func AnyOf[T any](first Source[T], rest ...Source[T]) Source[T] {
	sources := append([]Source[T]{first}, rest...)
	return func(d *Draw, tuple []T) { sources[d.Index("source", len(sources))](d, tuple) }
}
