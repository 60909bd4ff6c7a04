package kind

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/lattice"
)

// MultiValueSpec is the kind "multivalue": a register that keeps every value which no write
// has replaced. It has the domain of [AddWins]. A put replaces the values that its writer had
// read, which [Assign] names, and no others, so that of two that did not know of each other
// both stand; it looks at nothing that its replica holds, so any replica takes it, and a
// repeat of it is the same write. A delete takes away the values that it finds. (Shapiro et
// al., 2011, the multi-value register; DeCandia et al., "Dynamo", SOSP'07.)
func MultiValueSpec() Spec[AddWins] {
	s := AddWinsSpec()
	s.Name = "multivalue"
	s.Mutate = func(u Update, _ AddWins) (AddWins, error) {
		replaced, content, err := assignment(u.Arg)
		if err != nil {
			return nil, err
		}
		AddWinsMerge().MergeIn(&replaced, AddWins{{Key: u.Origin, Val: Adds{{Key: u.Clock, Val: Added{Second: content}}}}})
		return replaced, nil
	}
	return s
}

// Assign is the argument of a put to a multi-value register: content in place of all values
// that read has, which is what the writer was answered last, or nil.
func Assign(read AddWins, content string) []byte {
	var names [][2]uint64
	for _, w := range read {
		for _, a := range w.Val {
			if !a.Val.First {
				names = append(names, [2]uint64{w.Key, a.Key})
			}
		}
	}
	b := varint.Append(nil, uint64(len(names)))
	for _, n := range names {
		b = varint.Append(varint.Append(b, n[0]), n[1])
	}
	return append(b, content...)
}

// assignment reads such an argument: what it replaces, as taken away, and the content.
func assignment(arg []byte) (replaced AddWins, content string, err error) {
	n, rest, err := length(arg)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrArgument, err)
	}
	for range n {
		var writer, clock uint64
		if writer, rest, err = number(rest); err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrArgument, err)
		}
		if clock, rest, err = number(rest); err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrArgument, err)
		}
		gone := lattice.Entry[uint64, Added]{Key: clock, Val: Added{First: true}}
		last := len(replaced) - 1
		switch {
		case last >= 0 && replaced[last].Key == writer:
			adds := &replaced[last].Val
			if clock <= (*adds)[len(*adds)-1].Key {
				return nil, "", fmt.Errorf("%w: %w", ErrArgument, errOrder)
			}
			*adds = append(*adds, gone)
		case last >= 0 && writer < replaced[last].Key:
			return nil, "", fmt.Errorf("%w: %w", ErrArgument, errOrder)
		default:
			replaced = append(replaced, lattice.Entry[uint64, Adds]{Key: writer, Val: Adds{gone}})
		}
	}
	return slices.Clip(replaced), string(rest), nil
}
