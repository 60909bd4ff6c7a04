package gen

import (
	"errors"
	"fmt"

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
	from := func(w *lookahead, n int) (T, int, error) {
		w.first(n)
		return draw(w, g)
	}
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
	enough := func(w *lookahead, n int) (v T, used int, err error) {
		words := w.first(n)
		v, used, err = f(words)
		if err == nil && used > len(words) {
			return v, len(words), errOverrun
		}
		return v, max(0, min(used, len(words))), err
	}
	return func(d *Draw) T { return ofWords(d, site, enough) }
}

// ofWords has f make a value of the first answers of one site, so many of them, and asks for
// just those that it used. f is called again with more where they did not suffice
// ([errOverrun]), and with those that follow where nothing came of them ([ErrNoValue]).
func ofWords[T any](d *Draw, site string, f func(w *lookahead, n int) (v T, used int, err error)) (none T) {
	w := &d.look
	w.begin(d, site)
	for range attempts {
		v, used, err := f(w, w.atFirst())
		for n := 8 * fewWords; err == errOverrun; n *= 4 {
			if n > MaxWords {
				d.Fail(ErrTooLong)
				return none
			}
			v, used, err = f(w, n)
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
