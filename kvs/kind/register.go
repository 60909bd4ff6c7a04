package kind

import (
	"math"

	"github.com/joinery-go/joinery/lattice"
)

// Register is a last-writer-wins register: hybrid time, then writer, then value, each
// greater one winning; a delete writes no value, which is less than any. Its order is
// total, so a tie cannot be broken by arrival. The zero Register was never written.
type Register = lattice.Pair[uint64, lattice.Pair[uint64, lattice.Option[string]]]

// RegisterMerge merges registers to the one written last.
func RegisterMerge() lattice.Merge[Register] {
	return lattice.DominatingPairOf(lattice.Max[uint64](),
		lattice.DominatingPairOf(lattice.Max[uint64](), lattice.WithBottom(lattice.Max[string]())))
}

// RegisterSpec is the kind "register"; a put's argument is the value as is. A delete has a
// stamp as a put has, and stands against all that is written earlier, seen or not.
func RegisterSpec() Spec[Register] {
	return Spec[Register]{
		Name: "register", Merge: RegisterMerge(), Into: registerInto,
		Mutate: func(u Update, _ Register) (Register, error) { return stamped(u, lattice.Some(string(u.Arg))), nil },
		Delete: func(u Update, _ Register) (Register, error) {
			if len(u.Arg) > 0 {
				return Register{}, errNotAll
			}
			return stamped(u, lattice.None[string]()), nil
		},
		Absent: func(r Register) bool { return !r.Second.Second.Some },
		Deleted: func(clock uint64) Register {
			return Register{First: clock, Second: lattice.Pair[uint64, lattice.Option[string]]{First: math.MaxUint64}}
		},
	}
}

func stamped(u Update, content lattice.Option[string]) Register {
	return Register{First: u.Clock, Second: lattice.Pair[uint64, lattice.Option[string]]{First: u.Origin, Second: content}}
}
