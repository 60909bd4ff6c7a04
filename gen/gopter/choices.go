// Package gengopter joins generators made of choices with those of gopter
// (github.com/leanovate/gopter), in both directions.
//
// [Of] and [Tuple] make a generator of gopter out of a [gen.Gen] or a
// [gen.Source], so that pooled, correlated and reachable tuples can be the
// arguments of prop.ForAll. Their random numbers are those of gopter's
// parameters: gopter's seed makes everything. Their values shrink. A shrinker of
// gopter is given a value and has to find smaller ones; states have no such way
// back to what made them, and need none here: each value remembers its tape of
// choices, the tape is made smaller by [choice.Minimise], and the generator is run
// on what is left. So correlated values stay correlated while they shrink.
//
// [From] makes a [gen.Gen] out of a generator of gopter: a type that has one
// already can be checked by package laws, under rapid too.
//
// What to know of gopter itself, as of 2026. Its last release is v0.2.11 of April
// 2024, also the last commit; it predates type parameters. Values travel as
// interface{}, and prop.ForAll formats each of them with %+v in each test, passed
// ones included, which costs more than most merges. MaxShrinkCount bounds the
// shrinks that succeed, not those that are tried (here [MaxCandidates] does).
// Arguments are shrunk one after another and each once, so arguments that must stay
// equal belong into one Tuple. Gen.Map, FlatMap, CombineGens(…).Map and
// Weighted lose the shrinker or the sieve of what they are made of; SliceOf and
// MapOf shrink every element by the shrinker of the first, which here knows its own
// value alone: collections are better made by package gen. The shrinker of maps
// walks them in the order of the runtime, so that one seed of gopter may end in
// different counterexamples; those of this package do not. Sizes (MinSize,
// MaxSize) are not consulted: a [gen.Gen] states its own bounds.
package gengopter

import (
	"math/bits"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen/choice"
)

// Choices is a [choice.Source] that answers with the random numbers of gopter. It
// is as safe for concurrent use as the generator of the numbers.
type Choices struct{ params *gopter.GenParameters }

// FromParameters returns the source of choices that draws from p.Rng.
func FromParameters(p *gopter.GenParameters) Choices { return Choices{p} }

// Choose answers p: uniformly, or skewed where the point asks for it.
func (c Choices) Choose(p choice.Point) uint64 {
	switch {
	case p.N <= 1:
		return 0
	case p.Rare == 0:
		return c.below(p.N)
	case c.params.Rng.Uint32() >= p.Rare:
		return 0
	}
	return 1 + c.below(p.N-1)
}

// below is uniform in [0, n) but for a bias under n/2^64.
func (c Choices) below(n uint64) uint64 {
	hi, _ := bits.Mul64(c.params.Rng.Uint64(), n)
	return hi
}

// Recorder is [Choices] that keeps every answer, for properties that judge and
// shrink on their own: see [Minimise]. It is for one goroutine at a time.
type Recorder struct{ tape choice.Tape }

// Reset begins a new tape that draws from p.Rng.
func (r *Recorder) Reset(p *gopter.GenParameters) {
	r.tape.Src, r.tape.Answers = FromParameters(p), r.tape.Answers[:0]
}

// Choose answers p and keeps the answer. [Recorder.Reset] comes first.
func (r *Recorder) Choose(p choice.Point) uint64 { return r.tape.Choose(p) }

// Answers are those given since the last reset, zeros included. They are
// overwritten after the next one.
func (r *Recorder) Answers() []uint64 { return r.tape.Answers }
