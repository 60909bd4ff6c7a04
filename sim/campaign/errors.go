package campaign

import "errors"

// Errors of protocols and setups.
var (
	// ErrProtocol is wrapped when a protocol cannot be run as it is described, or its
	// functions ask for what there is not.
	ErrProtocol = errors.New("campaign: invalid protocol")
	// ErrSetup is wrapped when a setup describes no run.
	ErrSetup = errors.New("campaign: invalid setup")
)

// Errors of tapes.
var (
	// ErrTape is wrapped when a tape cannot be read or is not valid.
	ErrTape = errors.New("campaign: invalid tape")
	// ErrVersion is wrapped when a tape is of another protocol, or another version.
	ErrVersion = errors.New("campaign: tape of another protocol or version")
	// ErrUnsteady is wrapped when a run does not repeat from its own tape.
	ErrUnsteady = errors.New("campaign: the run does not repeat from its tape")
	// ErrHolds is wrapped when a tape that is to be shrunk or bisected does not fail.
	ErrHolds = errors.New("campaign: the tape does not fail")
)

// ErrExhausted is returned by workers of a [Pool] for seeds beyond the last.
var ErrExhausted = errors.New("campaign: there are no more seeds")

// ErrWorker is wrapped when a seed's code ends its goroutine instead of returning.
var ErrWorker = errors.New("campaign: a seed did not return")
