package gengopter

import "errors"

// Errors of generators that come from gopter, as [gen.Draw.Err] has them.
var (
	// ErrDiscarded says that a generator of gopter gave no value that passes its
	// sieve (SuchThat) in [MaxTries] tries.
	ErrDiscarded = errors.New("gengopter: every value was discarded")
	// ErrType says that a generator of gopter gave a value of another type.
	ErrType = errors.New("gengopter: value of another type")
	// ErrPanic says that a generator of gopter panicked.
	ErrPanic = errors.New("gengopter: generator panicked")
)
