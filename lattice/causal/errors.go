package causal

import "errors"

// Errors of mutators and queries. A mutator that returns one has made no delta.
var (
	// ErrDot: the dot given to a mutator names no event, or one that the state
	// knows already. Two events under one dot would destroy each other.
	ErrDot = errors.New("causal: the dot is not fresh")
	// ErrOverflow: a counter or clock has no room for the result.
	ErrOverflow = errors.New("causal: overflow")
	// ErrStamp: a write with the zero stamp, which stands for "never written".
	ErrStamp = errors.New("causal: the zero stamp is no time of a write")
)
