package gen

import (
	"errors"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// ErrNeedsRapid says that a generator made by [FromRapid] was asked for a value
// by something that is not a rapid property. rapid keeps its source of bits
// closed, so its generators draw only inside rapid.Check.
var ErrNeedsRapid = errors.New("gen: a rapid generator draws only under choice.FromRapid, inside rapid.Check")

// FromRapid makes a Gen of a rapid generator. It works only where choices come
// from rapid; elsewhere it makes zero values and [Draw.Err] is [ErrNeedsRapid].
func FromRapid[T any](g *rapid.Generator[T]) Gen[T] {
	return func(d *Draw) T {
		if d.rapid == nil {
			d.Fail(ErrNeedsRapid)
			var zero T
			return zero
		}
		return g.Draw(d.rapid, "state")
	}
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
