package command

import "slices"

// The exit codes of programs that look for violations, which scripts rely on.
const (
	ExitOK          = 0   // everything holds
	ExitViolated    = 1   // something is violated
	ExitUndecided   = 2   // undecided, inconclusive or incomplete
	ExitFailed      = 3   // the program itself failed: bad flags, bad input, no space
	ExitInterrupted = 130 // stopped by the user, nothing violated
	ExitClosedPipe  = 141 // nobody reads on, as with SIGPIPE
)

// ExitCodes are the codes of such programs for endings that are not their own findings.
func ExitCodes() Codes {
	return Codes{Usage: ExitFailed, Failed: ExitFailed, Write: ExitFailed, Interrupted: ExitInterrupted, ClosedPipe: ExitClosedPipe}
}

// Graver is the graver of two such codes: 1 over 3 over 141 over 130 over 2 over 0.
func Graver(a, b int) int {
	rank := []int{ExitOK, ExitUndecided, ExitInterrupted, ExitClosedPipe, ExitFailed, ExitViolated}
	if slices.Index(rank, b) > slices.Index(rank, a) {
		return b
	}
	return a
}
