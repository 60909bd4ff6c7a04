package gengopter

import (
	"fmt"
	"reflect"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// Of makes a generator of gopter out of g. Its values are of type T and shrink.
//
// A generator of gopter cannot return an error. If g cannot draw (it needs rapid,
// say), the generator panics with an error, which gopter's properties report as
// their own.
func Of[T any](g gen.Gen[T]) gopter.Gen { return generator(g) }

// Tuple makes a generator of gopter out of a source of tuples. Its values are of
// type []T and have length n; they shrink together. For errors see [Of].
func Tuple[T any](s gen.Source[T], n int) gopter.Gen {
	return generator(func(d *gen.Draw) []T {
		tuple := make([]T, n)
		s(d, tuple)
		return tuple
	})
}

func generator[V any](draw func(*gen.Draw) V) gopter.Gen {
	t := reflect.TypeFor[V]()
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var tape Recorder
		tape.Reset(p)
		v, err := drawn(draw, &tape)
		if err != nil {
			panic(fmt.Errorf("gengopter: drawing a %v: %w", t, err))
		}
		s := &shrinking[V]{draw: draw, tape: tape.Answers(), held: v, left: p.MaxShrinkCount}
		return &gopter.GenResult{Result: v, ResultType: t, Shrinker: s.shrinker, Sieve: isA[V]}
	}
}

// drawn runs a generator on src from the beginning.
func drawn[V any](draw func(*gen.Draw) V, src choice.Source) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	d := gen.NewDraw(src)
	v = draw(d)
	return v, d.Err()
}

// isA is the sieve of a generator of Vs. Without a sieve, gopter takes a nil in an
// interface for a value that was discarded.
func isA[V any](v any) bool {
	_, ok := as[V](v)
	return ok
}

// as is v as a V; nil is a V where V is an interface.
func as[V any](v any) (V, bool) {
	t, ok := v.(V)
	if !ok && v == nil {
		ok = reflect.TypeFor[V]().Kind() == reflect.Interface
	}
	return t, ok
}
