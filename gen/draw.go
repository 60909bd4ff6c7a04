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

	recent [maxRecent]wideAnswer // the last answers of wide ranges, newest last
	known  int
}

// maxRecent bounds how many wide answers a tuple can repeat.
const maxRecent = 4

// wideAnswer is an answer of a range of width+1 values.
type wideAnswer struct{ width, n uint64 }

// NewDraw returns a Draw that begins with the first decision of src.
func NewDraw(src choice.Source) *Draw {
	d := new(Draw)
	d.Reset(src)
	return d
}

// Reset makes d begin anew with src, as if it came from [NewDraw].
func (d *Draw) Reset(src choice.Source) {
	*d = Draw{src: src}
	if r, ok := src.(interface{ T() *rapid.T }); ok {
		d.rapid = r.T()
	}
}

// Choose asks for a number in [0, n) at the named site; 0 must mean the simplest
// answer. With n ≤ 1 nothing is asked.
func (d *Draw) Choose(site string, n uint64) uint64 {
	if n <= 1 {
		return 0
	}
	d.asked++
	return d.src.Choose(choice.Point{Site: site, Key: d.asked, N: n})
}

// ChooseRare is Choose with the answer 0 except in about permille of a thousand
// cases.
func (d *Draw) ChooseRare(site string, n uint64, permille int) uint64 {
	if n <= 1 {
		return 0
	}
	d.asked++
	return d.src.Choose(choice.Point{Site: site, Key: d.asked, N: n, Rare: choice.Permille(permille)})
}

// Index is Choose for an index into n alternatives, n ≥ 1.
func (d *Draw) Index(site string, n int) int { return int(d.Choose(site, uint64(n))) }

// Asked is the number of decisions asked so far.
func (d *Draw) Asked() int { return int(d.asked) }

// again returns one of the recent answers of a range of this width, if there are
// any. Numbers of a wide range would else never tie inside a tuple unless the
// values that hold them do as a whole, and it is the tie of a part (two writes at
// one time) on which merges fail.
func (d *Draw) again(width uint64) (n uint64, ok bool) {
	var same [maxRecent]uint64
	count := 0
	for _, a := range d.recent[:d.known] {
		if a.width == width {
			same[count] = a.n
			count++
		}
	}
	if count == 0 {
		return 0, false
	}
	return same[d.Index("int.which", count)], true
}

// remember keeps an answer of a wide range for again, dropping the oldest.
func (d *Draw) remember(width, n uint64) {
	for _, a := range d.recent[:d.known] {
		if a == (wideAnswer{width, n}) {
			return
		}
	}
	if d.known == maxRecent {
		copy(d.recent[:], d.recent[1:])
		d.known--
	}
	d.recent[d.known] = wideAnswer{width, n}
	d.known++
}

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

// Err is the first thing that went wrong while drawing: [ErrNeedsRapid], or a
// [*JoinPanic]. What was drawn is then of no use.
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
// generator. It panics if the generator cannot work outside rapid.
func (g Gen[T]) Example(seed uint64) T {
	d := NewDraw(choice.Seeded(seed))
	v := g(d)
	if d.err != nil {
		panic(fmt.Sprintf("gen: Example: %v", d.err))
	}
	return v
}
