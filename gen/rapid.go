package gen

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// What can go wrong with a generator of rapid, as [Draw.Err] says it.
var (
	// ErrNoValue says that a filter let no value through in many tries.
	ErrNoValue = errors.New("gen: the rapid generator finds no suitable value")
	// ErrTooLong says that a value takes more choices than [MaxWords].
	ErrTooLong = errors.New("gen: the rapid generator takes too many choices for one value")
)

// GeneratorPanic says that a generator of rapid panicked, or gave up the test.
type GeneratorPanic struct{ Value any }

// Error names the panic.
func (p *GeneratorPanic) Error() string { return fmt.Sprintf("gen: generator panicked: %v", p.Value) }

// MaxWords bounds how many choices one value of a rapid generator may take.
const MaxWords = 1 << 20

// attempts is how often a generator whose filter lets nothing through is tried, each
// time with the choices that follow.
const attempts = 20

// FromRapid makes a Gen of a rapid generator. It draws from any source of choices: the
// words that rapid's generators consume are decisions of one site, "rapid". Under
// choice.FromRapid it draws from rapid itself.
func FromRapid[T any](g *rapid.Generator[T]) Gen[T] {
	from := func(words []uint64) (T, int, error) { return draw(words, g) }
	return func(d *Draw) (v T) {
		if d.rapid != nil {
			return g.Draw(d.rapid, "state")
		}
		return ofWords(d, "rapid", from)
	}
}

// OfWords makes a Gen of whatever makes values of numbers and says how many it used: f is
// given the answers to come of one site, each below 2^64−1, and reads them from the front,
// 0 being the simplest. Where it used more than it was given, it is called again with
// more; what it took for the missing ones does not matter. An error is that of [Draw.Err].
func OfWords[T any](site string, f func(words []uint64) (v T, used int, err error)) Gen[T] {
	enough := func(words []uint64) (v T, used int, err error) {
		v, used, err = f(words)
		if err == nil && used > len(words) {
			return v, len(words), errOverrun
		}
		return v, max(0, min(used, len(words))), err
	}
	return func(d *Draw) T { return ofWords(d, site, enough) }
}

// ofWords has f make a value of answers of one site, and asks for just those that it
// used. f is called again with more where they did not suffice ([errOverrun]), and with
// those that follow where nothing came of them ([ErrNoValue]).
func ofWords[T any](d *Draw, site string, f func(words []uint64) (v T, used int, err error)) (none T) {
	w := &d.look
	w.begin(d, site)
	for range attempts {
		v, used, err := f(w.first(max(w.typical, fewWords)))
		for n := 8 * fewWords; err == errOverrun; n *= 4 {
			if n > MaxWords {
				d.Fail(ErrTooLong)
				return none
			}
			v, used, err = f(w.first(n))
		}
		w.take(used)
		if err == nil {
			return v
		}
		if err != ErrNoValue {
			d.Fail(err)
			return none
		}
	}
	d.Fail(ErrNoValue)
	return none
}

// fewWords is how many words are looked at first, at least, and mostAtOnce how many at
// most.
const (
	fewWords   = 8
	mostAtOnce = 256
)

// lookahead is the answers that a Draw is about to get.
type lookahead struct {
	d       *Draw
	site    string
	peek    choice.Peeker // nil where answers must be asked for to be known
	unknown bool          // whether the source can peek
	words   []uint64
	typical int // how many are worth looking at at once; nothing that is drawn depends on it
}

func (w *lookahead) begin(d *Draw, site string) {
	w.d, w.site, w.words = d, site, w.words[:0]
	if w.unknown {
		w.peek, _ = choice.CanPeek(d.src)
		w.unknown = false
	}
}

// first returns the first n of the answers.
func (w *lookahead) first(n int) []uint64 {
	have := len(w.words)
	if n <= have {
		return w.words[:n]
	}
	w.words = slices.Grow(w.words, n-have)[:n]
	if w.peek == nil {
		for i := have; i < n; i++ {
			w.words[i] = w.d.Choose(w.site, math.MaxUint64)
		}
		return w.words
	}
	for i := have; i < n; {
		i += w.fill(i, w.words[i:n])
	}
	return w.words
}

// fill tells answers from the i-th on, as many as are replayed, or drawn, in a row.
func (w *lookahead) fill(i int, words []uint64) int {
	fresh := i
	if o := w.d.over; o != nil {
		var replayed int
		if replayed, fresh = o.peek(i, words); replayed > 0 {
			return replayed
		}
		words = words[:min(len(words), o.run(i))]
	}
	w.peek.Peek(w.site, w.d.asked+1+uint64(fresh), fresh, words)
	return len(words)
}

// take asks for the first n answers, which are then no longer ahead.
func (w *lookahead) take(n int) {
	w.typical = min(max(w.typical, n), mostAtOnce)
	if w.peek == nil {
		w.words = append(w.words[:0], w.words[n:]...)
		return
	}
	d, taken := w.d, w.words[:n]
	if d.keeping {
		d.answers = append(d.answers, taken...)
	}
	if d.plaining {
		d.plain = append(d.plain, taken...)
	}
	if d.over == nil {
		w.peek.Take(w.site, d.asked+1, taken)
		d.asked += uint64(n)
	}
	for i := 0; d.over != nil && i < n; {
		// Those that are replayed are asked of nobody.
		run := min(n-i, d.over.run(0))
		if d.over.fresh(d.over.at) {
			w.peek.Take(w.site, d.asked+1, taken[i:i+run])
			d.asked += uint64(run)
		}
		d.over.at += run
		i += run
	}
	w.words = w.words[:0]
}

// Rapid makes a plain generator of rapid out of g, for properties that are written
// by hand. The type of its draws is that of g.
func Rapid[T any](g Gen[T]) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T { return g(NewDraw(choice.FromRapid(t))) })
}

// RapidTuple makes a generator of tuples of n values out of a source.
func RapidTuple[T any](s Source[T], n int) *rapid.Generator[[]T] {
	return rapid.Custom(func(t *rapid.T) []T {
		tuple := make([]T, n)
		s(NewDraw(choice.FromRapid(t)), tuple)
		return tuple
	})
}
