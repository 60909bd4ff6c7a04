// Package gen makes values out of choices.
//
// A [Gen] reads bounded integers from a [Draw] and returns one value; a [Source]
// fills a whole tuple, which is what the laws are given. The difference matters:
// three values drawn apart from each other hardly ever tie, and hardly ever
// stand in a chain, and it is ties and chains on which faulty merges fail. So
// sources are pooled (the values of a tuple come from few distinct ones),
// correlated (they are joins of few base values), or a mix of these.
//
// The choice 0 always makes the simplest value, so whatever shrinks choices
// shrinks values. The package draws nothing from anywhere but its [Draw]: the
// same answers make the same values. It refuses to know about laws or stores.
package gen

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// Draw reads a [choice.Source] in sequence: the key of each decision is its
// ordinal. A Draw is used for one tuple and by one goroutine.
type Draw struct {
	src   choice.Source
	asked uint64
	err   error
	rapid *rapid.T

	onJoin func(a, b any) // nil unless somebody watches

	look    lookahead
	over    *overlay // nil unless answers are replayed
	answers []uint64 // those of the value that is drawn, while keeping is set
	keeping bool
	made    splicer

	plain    []uint64
	plaining bool
}

// NewDraw returns a Draw that begins with the first decision of src.
func NewDraw(src choice.Source) *Draw {
	d := new(Draw)
	d.Reset(src)
	return d
}

// Reset makes d begin anew with src, as if it came from [NewDraw].
func (d *Draw) Reset(src choice.Source) {
	d.src, d.asked, d.err, d.rapid, d.onJoin = src, 0, nil, nil, nil
	d.look.unknown = true
	d.over, d.answers, d.keeping, d.made.n = nil, d.answers[:0], false, 0
	d.plain, d.plaining = nil, false
	if r, ok := src.(interface{ T() *rapid.T }); ok {
		d.rapid = r.T()
	}
}

// Choose asks for a number in [0, n) at the named site; 0 must mean the simplest
// answer. With n ≤ 1 nothing is asked.
func (d *Draw) Choose(site string, n uint64) uint64 {
	return d.choose(choice.Point{Site: site, N: n})
}

// choose answers a point, from the answers that are replayed or from the source.
func (d *Draw) choose(p choice.Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	v, replayed := uint64(0), false
	if d.over != nil {
		v, replayed = d.over.next(p.N)
	}
	if !replayed {
		d.asked++
		p.Key = d.asked
		v = d.src.Choose(p)
	}
	if d.keeping {
		d.answers = append(d.answers, v)
	}
	if d.plaining {
		d.plain = append(d.plain, v)
	}
	return v
}

// ChooseRare is Choose with the answer 0 except in about permille of a thousand
// cases.
func (d *Draw) ChooseRare(site string, n uint64, permille int) uint64 {
	return d.choose(choice.Point{Site: site, N: n, Rare: choice.Permille(permille)})
}

// Index is Choose for an index into n alternatives, n ≥ 1.
func (d *Draw) Index(site string, n int) int { return int(d.Choose(site, uint64(n))) }

// Asked is the number of decisions asked so far.
func (d *Draw) Asked() int { return int(d.asked) }

// KeepPlain has the answers kept that make the same values without splicing; see
// [Draw.Plain]. It lasts until Reset.
func (d *Draw) KeepPlain() { d.plaining = true }

// Plain is the answers by which the values that were drawn since [Draw.KeepPlain] are
// drawn apart from each other: where a value was spliced from another, its answers stand
// in full. A case is better made smaller in that form, in which no value depends on
// another. It has no answers that were given by something else than choices.
func (d *Draw) Plain() []uint64 { return d.plain }

// OnJoin has f called with the operands before each join that a source makes to
// correlate states, so that a join that does not return can be named. It lasts
// until Reset.
func (d *Draw) OnJoin(f func(a, b any)) { d.onJoin = f }

// joining tells whoever watches.
func joining[T any](d *Draw, a, b T) {
	if d.onJoin != nil {
		d.onJoin(a, b)
	}
}

// Err is the first thing that went wrong while drawing: a [*JoinPanic], or what a
// generator of rapid ran into ([ErrNoValue], [ErrTooLong], a [*GeneratorPanic]). What was drawn is then of no use.
func (d *Draw) Err() error { return d.err }

// Fail records that drawing went wrong; the first failure is kept.
func (d *Draw) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Gen makes one value from choices. Values of two calls share no mutable state.
type Gen[T any] func(d *Draw) T

// Example draws a value from a seed, for documentation and for a first look at a
// generator. It panics if nothing can be drawn.
func Example[T any](g Gen[T], seed uint64) T {
	d := NewDraw(choice.Seeded(seed))
	v := g(d)
	if d.err != nil {
		panic(fmt.Sprintf("gen: Example: %v", d.err))
	}
	return v
}
