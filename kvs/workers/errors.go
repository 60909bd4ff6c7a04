package workers

import "errors"

// Refusals, which change nothing.
var (
	// ErrConfig reports a configuration that describes no system.
	ErrConfig = errors.New("workers: invalid configuration")
	// ErrOp reports an operation that no worker could execute.
	ErrOp = errors.New("workers: invalid operation")
	// ErrFull reports an operation beyond the bound on those of a source that are not
	// final: submit it again once some are.
	ErrFull = errors.New("workers: too many operations are not final")
	// ErrCommand reports a command that the coordinator cannot carry out.
	ErrCommand = errors.New("workers: command refused")
)

// Damage, and what a process cannot go on after.
var (
	// ErrDecode reports bytes that are no message, record or catalog.
	ErrDecode = errors.New("workers: damaged encoding")
	// ErrEngine reports that a worker's engine failed: the process must end and start
	// again, with a higher incarnation.
	ErrEngine = errors.New("workers: the engine failed")
	// ErrProcedure reports a procedure that broke its contract: the number of values it
	// writes, or their size.
	ErrProcedure = errors.New("workers: a procedure broke its contract")
)
