package kind

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// AddWins is a set of strings of which elements can be taken away: by writer and hybrid
// time, which together name an add, what it has added. Both ascend. An add that has been
// taken away keeps its name, so that it does not come back. (Shapiro et al., "A
// comprehensive study of convergent and commutative replicated data types", 2011, the
// observed-remove set.)
type AddWins = []lattice.Entry[uint64, Adds]

// Adds are those of one writer, ascending by hybrid time.
type Adds = []lattice.Entry[uint64, Added]

// Added is an add: First says that it has been taken away, and Second is then "", else the
// element.
type Added = lattice.Pair[bool, string]

// AddWinsMerge merges add-wins sets add by add: one is in the set from when it is seen until
// it is seen to be taken away.
func AddWinsMerge() lattice.Merge[AddWins] {
	added := lattice.DominatingPairOf(lattice.Or(), lattice.Max[string]())
	return lattice.OrderedMapOf[uint64](lattice.OrderedMapOf[uint64](added))
}

// AddWinsSpec is the kind "addwins"; a put adds its argument. A delete takes away the adds
// that it finds in the set: of all elements, or, where it has an argument, of the one that
// [Element] names there. An add that it has not seen stays, also of the same element; one
// that it finds taken away it leaves to the delete which did that.
func AddWinsSpec() Spec[AddWins] {
	return Spec[AddWins]{
		Name: "addwins", Merge: AddWinsMerge(), Into: addWinsInto,
		Mutate: func(u Update, _ AddWins) (AddWins, error) {
			return AddWins{{Key: u.Origin, Val: Adds{{Key: u.Clock, Val: Added{Second: string(u.Arg)}}}}}, nil
		},
		Delete: remove, Sees: true,
		Absent: func(s AddWins) bool { return len(Elements(s)) == 0 },
	}
}

// element stands before the element in the argument of a delete, so that one of all
// elements has none, and one of "" is another.
const element = 'e'

// Element is the argument of a delete that is of one element.
func Element(e string) []byte { return append([]byte{element}, e...) }

func remove(u Update, seen AddWins) (AddWins, error) {
	if len(u.Arg) > 0 && u.Arg[0] != element {
		return nil, fmt.Errorf("%w: neither all of a set nor an element", ErrArgument)
	}
	var out AddWins
	for _, w := range seen {
		var gone Adds
		for _, a := range w.Val {
			if !a.Val.First && (len(u.Arg) == 0 || a.Val.Second == string(u.Arg[1:])) {
				gone = append(gone, lattice.Entry[uint64, Added]{Key: a.Key, Val: Added{First: true}})
			}
		}
		if len(gone) > 0 {
			out = append(out, lattice.Entry[uint64, Adds]{Key: w.Key, Val: gone})
		}
	}
	return out, nil
}

// Elements are those of the set, ascending, each once. O(n log n) for n adds.
func Elements(s AddWins) (elements []string) {
	for _, w := range s {
		for _, a := range w.Val {
			if !a.Val.First {
				elements = append(elements, a.Val.Second)
			}
		}
	}
	slices.Sort(elements)
	return slices.Compact(elements)
}

// errNotAll is what a delete of a kind that has no parts is refused by, if it names one.
var errNotAll = fmt.Errorf("%w: a delete of this kind is of all, and has none", ErrArgument)

// addWinsInto reads what the codec of the merge writes, in the memory of dst.
func addWinsInto(dst *AddWins, src []byte) ([]byte, error) { return entriesInto(dst, src, addsInto) }

func addsInto(dst *Adds, src []byte) ([]byte, error) { return entriesInto(dst, src, addedInto) }

func addedInto(dst *Added, src []byte) (rest []byte, err error) {
	if len(src) == 0 || src[0] > 1 {
		return src, errNotTruth
	}
	dst.First = src[0] == 1
	dst.Second, rest, err = text(dst.Second, src[1:])
	return rest, err
}
