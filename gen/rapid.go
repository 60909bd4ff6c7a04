package gen

import (
	"errors"

	"pgregory.net/rapid"
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
