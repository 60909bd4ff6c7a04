package gengopter

import (
	"fmt"
	"math"
	"math/rand"
	"reflect"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// MaxTries is how often [From] asks a generator of gopter for a value that passes
// its sieve.
const MaxTries = 100

// mostSize keeps the size within what math/rand takes for an int32.
const mostSize = math.MaxInt32 - 1

// From makes a [gen.Gen] out of a generator of gopter, whose values must be of
// type T. maxSize bounds its slices, maps and strings: they have at most maxSize
// elements. The size itself is drawn, so that it shrinks: in half of the values all
// collections have that size, in the others at most that.
//
// The random numbers of gopter are choices then. Two thirds of the values are made
// of few of them, so that values drawn apart tie in some of their parts, on which
// merges fail; the others are as g makes them. Collections shrink towards the empty
// one, picks towards the first alternative, and numbers towards the low end of
// their range; a number that must be large to fail may end anywhere above.
// gopter's own shrinkers, which look at values, are not asked. A value that the
// sieve of g discards is drawn again, at most [MaxTries] times. Errors are those of
// [gen.Draw.Err]: [ErrDiscarded], [ErrType], [ErrPanic].
//
// g must not hand out one mutable value twice, as gen.Const of a map would:
// [gen.Map] with a clone makes it safe.
func From[T any](g gopter.Gen, maxSize int) gen.Gen[T] {
	return func(d *gen.Draw) T {
		v, err := take[T](g, d, min(max(0, maxSize), mostSize))
		if err != nil {
			var zero T
			d.Fail(err)
			return zero
		}
		return v
	}
}

func take[T any](g gopter.Gen, d *gen.Draw, maxSize int) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	words := &words{draw: d, any: d.Choose("gopter.words", 3) == 2}
	size := d.Index("gopter.size", maxSize+1)
	params := gopter.GenParameters{MinSize: size, MaxSize: size, Rng: rand.New(words)}
	if d.Index("gopter.upto", 2) == 1 {
		params.MinSize, params.MaxSize = 0, size+1 // which is exclusive if it is not alone
	}
	for range MaxTries {
		result := g(&params)
		got, ok := result.Retrieve()
		if ok {
			v, ok = as[T](got)
			if !ok {
				return v, fmt.Errorf("%w: %T, and %v is wanted", ErrType, got, reflect.TypeFor[T]())
			}
			return v, nil
		}
		words.tries++
	}
	return v, fmt.Errorf("%w in %d tries", ErrDiscarded, MaxTries)
}

// words is a rand.Source made of choices: the random numbers of one value.
type words struct {
	draw *gen.Draw
	// any says that every word can be any; otherwise it is one of few.
	any bool
	// asked is how many words were asked for.
	asked uint64
	// tries is how many values were discarded. It stirs the words of further tries,
	// because a tape that has come to its end would else repeat the discarded value
	// for ever.
	tries uint64
}

const (
	wordBits = 63
	highFrom = 32 // where rand.Int31 takes its bits
	fewWords = 4
)

// Int63 is the next word. gopter takes numbers from its low end, and math/rand
// picks and lengths from bit 32 on: so both ends are choices of their own, or alike
// in small words. Uniform choices make the word uniform where it can be any.
func (w *words) Int63() int64 {
	w.asked++
	var word uint64
	if w.any {
		word = w.draw.Choose("gopter.low", 1<<highFrom) | w.draw.Choose("gopter.high", 1<<(wordBits-highFrom))<<highFrom
	} else if word = w.draw.Choose("gopter.few", fewWords); word < fewWords-1 {
		word |= word << highFrom
	} else {
		// The last of the few is a large one, the same in all values.
		word = choice.Mix(0, w.asked) >> (64 - wordBits)
	}
	if w.tries > 0 {
		word ^= choice.Mix(w.tries, w.asked) >> (64 - wordBits)
	}
	return int64(word)
}

// Seed does nothing: the words are those of the tape. rand.Source asks for it.
func (w *words) Seed(int64) {}
