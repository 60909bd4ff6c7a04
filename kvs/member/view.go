package member

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/joinery-go/joinery/lattice"
)

// View is what a replica goes by: who the members are, and how many replicas partitions are to
// have. It is the product of both lattices, and ⊥ is the zero View. What is said in the package's
// documentation of sets and of why nothing is lost holds of views: placement is a function of
// them, and they only rise.
type View struct {
	Members Set
	Factors Factors
}

// Raise is the join of v and other. It may share memory with either, and changes neither.
func (v View) Raise(other View) View {
	v.Members = v.Members.Raise(other.Members)
	if !v.Factors.include(other.Factors) {
		risen := v.Factors.Clone()
		risen.MergeIn(other.Factors)
		v.Factors = risen
	}
	return v
}

// Includes reports whether v is other, or above it.
func (v View) Includes(other View) bool {
	return v.Members.Includes(other.Members) && v.Factors.include(other.Factors)
}

func (f Factors) include(other Factors) bool {
	return factors.Compare(f, other)&lattice.Greater != 0
}

// Name is a number that tells views apart: the hash of the encoding, never 0. Two views have the
// same one with a probability of about 2⁻⁶⁴.
func (v View) Name() uint64 { return max(xxhash.Sum64(v.Append(nil)), 1) }

// Append appends the encoding of v: that of its members and, if it has any, of its factors. So it
// is one only where nothing follows.
func (v View) Append(dst []byte) []byte {
	dst = v.Members.Append(dst)
	if len(v.Factors) > 0 {
		dst = v.Factors.Append(dst)
	}
	return dst
}

// DecodeView reads a view, which is all of src. Errors wrap [ErrDecode].
func DecodeView(src []byte) (v View, err error) {
	members, rest, err := Decode(src)
	if err != nil {
		return View{}, err
	}
	v.Members = members
	if len(rest) == 0 {
		return v, nil
	}
	if v.Factors, rest, err = DecodeFactors(rest); err != nil {
		return View{}, err
	}
	if len(rest) > 0 || len(v.Factors) == 0 {
		return View{}, fmt.Errorf("%w: %d factors, and %d bytes behind them", ErrDecode, len(v.Factors), len(rest))
	}
	return v, nil
}
