package kind

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/lattice"
)

// The decoders of the shipped domains into memory that is used again. They accept
// what the codecs of their merges accept, no more and no less, which tests hold.

// number reads an unsigned integer in the one encoding that it has.
func number(src []byte) (uint64, []byte, error) {
	n, end := varint.Next(src, 0)
	if end < 0 {
		return 0, src, errNotNumber
	}
	return n, src[end:], nil
}

// length reads how many items follow, each of at least a byte.
func length(src []byte) (int, []byte, error) {
	n, rest, err := number(src)
	if err != nil {
		return 0, src, err
	}
	if n > uint64(len(rest)) {
		return 0, src, fmt.Errorf("%w: a length exceeds the input", ErrDecode)
	}
	return int(n), rest, nil
}

// text reads a string; it is was, without an allocation, if it equals that.
func text(was string, src []byte) (string, []byte, error) {
	n, rest, err := length(src)
	if err != nil {
		return "", src, err
	}
	if was != string(rest[:n]) {
		was = string(rest[:n])
	}
	return was, rest[n:], nil
}

// DecodeNumbers reads a set of numbers, as [lattice.OrderedSetOf] encodes it, in
// the memory of dst.
func DecodeNumbers(dst []uint64, src []byte) (set []uint64, rest []byte, err error) {
	n, rest, err := length(src)
	if err != nil {
		return dst[:0], src, err
	}
	set = dst[:0]
	for i := range n {
		var x uint64
		if x, rest, err = number(rest); err != nil {
			return dst[:0], src, err
		}
		if i > 0 && x <= set[i-1] {
			return dst[:0], src, errOrder
		}
		set = append(set, x)
	}
	return set, rest, nil
}

var (
	errNotTruth  = fmt.Errorf("%w: neither yes nor no", ErrDecode)
	errNotNumber = fmt.Errorf("%w: not a number", ErrDecode)
	errOrder     = fmt.Errorf("%w: elements do not ascend", ErrDecode)
)

func registerInto(dst *Register, src []byte) (rest []byte, err error) {
	if dst.First, rest, err = number(src); err != nil {
		return src, err
	}
	if dst.Second.First, rest, err = number(rest); err != nil {
		return src, err
	}
	content := &dst.Second.Second
	if len(rest) == 0 || rest[0] > 1 {
		return src, errNotTruth
	}
	if content.Some = rest[0] == 1; !content.Some {
		content.Val = ""
		return rest[1:], nil
	}
	content.Val, rest, err = text(content.Val, rest[1:])
	return rest, err
}

func setInto(dst *GrowSet, src []byte) ([]byte, error) {
	n, rest, err := length(src)
	if err != nil {
		return src, err
	}
	was := (*dst)[:cap(*dst)]
	set := was[:0]
	for i := range n {
		var s string
		if i < len(was) {
			s = was[i]
		}
		if s, rest, err = text(s, rest); err != nil {
			return src, err
		}
		if i > 0 && s <= set[i-1] {
			return src, errOrder
		}
		set = append(set, s)
	}
	*dst = set
	return rest, nil
}

// entriesInto reads entries that ascend by key, in the memory of dst, whose values into reads.
func entriesInto[V any](dst *[]lattice.Entry[uint64, V], src []byte, into func(*V, []byte) ([]byte, error)) ([]byte, error) {
	n, rest, err := length(src)
	if err != nil {
		return src, err
	}
	all := (*dst)[:0]
	for i := range n {
		if i < cap(all) {
			all = all[:i+1]
		} else {
			all = append(all, lattice.Entry[uint64, V]{})
		}
		e := &all[i]
		if e.Key, rest, err = number(rest); err != nil {
			return src, err
		}
		if i > 0 && e.Key <= all[i-1].Key {
			return src, errOrder
		}
		if rest, err = into(&e.Val, rest); err != nil {
			return src, err
		}
	}
	*dst = all
	return rest, nil
}

func sumsInto(dst *Sums, src []byte) ([]byte, error) { return entriesInto(dst, src, sumInto) }

func sumInto(dst *Sum, src []byte) (rest []byte, err error) {
	if dst.First, rest, err = number(src); err != nil {
		return src, err
	}
	dst.Second, rest, err = number(rest)
	return rest, err
}

func counterInto(dst *Counter, src []byte) ([]byte, error) {
	rest, err := sumsInto(&dst.First, src)
	if err != nil {
		return src, err
	}
	return sumsInto(&dst.Second, rest)
}
