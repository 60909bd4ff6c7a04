package history

import (
	"errors"
	"fmt"
)

// What can be wrong with a file, as opposed to its contents. Every decoder
// wraps one of these in a DecodeError; test with errors.Is.
var (
	// ErrUnknownFormat is returned for a format that Formats does not list.
	ErrUnknownFormat = errors.New("unknown history format")
	// ErrEmpty is returned for input without a single operation record.
	ErrEmpty = errors.New("no history in the input")
	// ErrTruncated is returned where the input ends inside a record, or before
	// the record that closes it.
	ErrTruncated = errors.New("history is cut short")
	// ErrFormat is returned for bytes that are not of the claimed format.
	ErrFormat = errors.New("malformed history")
	// ErrVersion is returned for a JSONL history of another version.
	ErrVersion = errors.New("history version not supported")
	// ErrTooLong is returned where a line or record passes its bound.
	ErrTooLong = errors.New("record too long")
	// ErrTooMany is returned where the number of operations passes its bound.
	ErrTooMany = errors.New("too many operations")
)

// What can be wrong with the events of a well-formed file.
var (
	// ErrUnmatchedReturn is returned for a completion without an invocation.
	ErrUnmatchedReturn = errors.New("return without a call")
	// ErrOverlap is returned where a process invokes while its previous
	// operation is still open.
	ErrOverlap = errors.New("call while the process has another open")
	// ErrClock is returned, and reported by a Recorder, for times that run
	// backwards.
	ErrClock = errors.New("clock ran backwards")
	// ErrUnknownOp is returned for an operation that no object type has, and for
	// one of another type than the rest of its object.
	ErrUnknownOp = errors.New("unknown operation")
	// ErrAmbiguous is returned for a history with two readings, between which an
	// option chooses.
	ErrAmbiguous = errors.New("history can be read in two ways")
	// ErrNotUnique is what stands in the way where values must tell puts apart,
	// and do not.
	ErrNotUnique = errors.New("values are not unique")
	// ErrInvalid is returned by Validate, and so by the JSONL codec, for a
	// history that breaks an invariant of the types.
	ErrInvalid = errors.New("invalid history")
	// ErrStopped is returned by ValidateUntil when it was told to stop.
	ErrStopped = errors.New("stopped before all was looked at")
)

// OpError is what is wrong with one operation of a history. Decoders turn the
// position into a line, see DecodeLines.
type OpError struct {
	Index int   // position in History.Ops
	Err   error // the cause, which names the operation
}

// Error is that of the cause.
func (e *OpError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// DecodeError says where decoding stopped and why.
type DecodeError struct {
	Name string // the input, as the caller named it
	Line int    // 1-based line at which the offending record starts; 0 if the whole input is meant
	Err  error  // the cause; wraps one of the sentinels of this package, or an error of the reader
}

// Error renders as "name:line: cause".
func (e *DecodeError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("decode history %s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("decode history %s:%d: %v", e.Name, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }
