package flow

import (
	"errors"
	"fmt"
)

// Errors of building a graph, which [Verify] and [Start] report.
var (
	// ErrDangling is an edge that nothing reads, or a loop that nothing closes.
	ErrDangling = errors.New("dangling edge")
	// ErrConsumed is a Delta edge with two readers; [Tee] makes two edges of one.
	ErrConsumed = errors.New("edge has a reader already")
	// ErrForeign is an edge of another graph, or the zero value of an edge.
	ErrForeign = errors.New("edge of another graph")
	// ErrArgument is an argument that an operator cannot work with, such as a nil function.
	ErrArgument = errors.New("unusable argument")
	// ErrNonMonotone is a non-monotone step on an edge that may still grow.
	ErrNonMonotone = errors.New("non-monotone step before a seal")
	// ErrClass is a function on an edge that asks for more than the function's class gives.
	ErrClass = errors.New("class used where it may not be")
	// ErrEvidence is evidence of something else than what it stands beside.
	ErrEvidence = errors.New("evidence of something else")
	// ErrCycle is a cycle in which nothing merges, or one with a seal that waits for itself.
	ErrCycle = errors.New("cycle that cannot come to rest")
	// ErrStarted is a graph that was started already.
	ErrStarted = errors.New("graph was started already")
)

// Errors of running a graph.
var (
	// ErrPanic is a function given to an operator that panicked.
	ErrPanic = errors.New("function panicked")
	// ErrBusy is an operator whose function has not returned; see [Scheduler.Busy].
	ErrBusy = errors.New("function has not returned")
	// ErrBound is a bound that was reached; the text says which.
	ErrBound = errors.New("bound reached")
	// ErrFull is an input or a channel without room; what was offered was not accepted.
	ErrFull = errors.New("no room")
	// ErrDeadlock is a cycle of channels that are full, each of whose senders waits for the
	// next. Another run comes to the same.
	ErrDeadlock = errors.New("cycle of full channels")
	// ErrClosed is an input or a channel that takes no more.
	ErrClosed = errors.New("closed")
	// ErrFell is a State edge whose next value is not above the one before.
	ErrFell = errors.New("state did not rise")
	// ErrSealBroken is a value that grew after the condition of [SealWhen] had come, or after
	// a packet of it was the last.
	ErrSealBroken = errors.New("input grew after it was sealed")
	// ErrSource is an error of what a source reads.
	ErrSource = errors.New("source failed")
	// ErrPacket is a packet that a network channel cannot decode.
	ErrPacket = errors.New("malformed packet")
	// ErrCanceled is a run that its context ended; it may be run again.
	ErrCanceled = errors.New("run canceled")
)

// OperatorError is an error of one operator of a graph.
type OperatorError struct {
	// Operator names the operator, as [Verify] and the drawings do.
	Operator string
	// Err is the cause.
	Err error
	// Remedy says what would help; empty where the cause says it.
	Remedy string
}

// Error is operator, cause and remedy.
func (e *OperatorError) Error() string {
	text := fmt.Sprintf("flow: operator %s: %v", e.Operator, e.Err)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap is the cause.
func (e *OperatorError) Unwrap() error { return e.Err }
