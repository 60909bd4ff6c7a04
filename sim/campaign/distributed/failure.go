package distributed

import (
	"cmp"

	"github.com/joinery-go/joinery/lattice"
)

// Failure is a failing seed, as the campaign knows it, of the class under which it stands.
type Failure struct {
	Operations int    // of the tape
	Exceptions int    // faults and choices of the tape
	Bytes      int    // of the tape; 0 without one
	Tape       string // SHA-256 in hexadecimal of the tape, which the bucket has; "" if it could not be kept
	Seed       uint64 // in which it was found
	Commit     string // of the code that found it
	Message    string // of what was violated
}

// compareFailures puts the smaller tape first, and none last. It is a total order on all
// fields, so two failures that are not one and the same differ by it.
func compareFailures(a, b Failure) int {
	kept := func(f Failure) int {
		if f.Tape == "" {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(kept(a), kept(b)),
		cmp.Compare(a.Operations+a.Exceptions, b.Operations+b.Exceptions),
		cmp.Compare(a.Operations, b.Operations),
		cmp.Compare(a.Bytes, b.Bytes),
		cmp.Compare(a.Tape, b.Tape),
		cmp.Compare(a.Seed, b.Seed),
		cmp.Compare(a.Commit, b.Commit),
		cmp.Compare(a.Message, b.Message),
	)
}

// smallerFailure merges to the lesser failure by compareFailures, so the order is reversed:
// a ⊑ b iff b is the smaller one. There is no ⊥.
func smallerFailure() lattice.Merge[Failure] { return failureMerge{} }

type failureMerge struct{}

func (failureMerge) MergeIn(target *Failure, delta Failure) bool {
	if compareFailures(delta, *target) >= 0 {
		return false
	}
	*target = delta
	return true
}

func (failureMerge) Compare(a, b Failure) lattice.Order {
	switch c := compareFailures(a, b); {
	case c > 0:
		return lattice.Less
	case c < 0:
		return lattice.Greater
	}
	return lattice.Equal
}

func (failureMerge) Clone(f Failure) Failure { return f }
