package roaring

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrDecode is wrapped by every decoding error of this package.
var ErrDecode = errors.New("roaring: cannot decode")

// chunk is how many numbers share their upper 16 bits. Runs are cut where a chunk
// ends: what a bitmap allocates, it allocates by the chunk, so that no encoding
// makes more than a small multiple of its length.
const chunk = 1 << 16

// appendSet writes how many runs there are and, for each, its distance from the
// one before and its length, both less what is impossible.
func appendSet(dst []byte, s Set) []byte {
	runs := 0
	s.runs(func(uint64, uint64) { runs++ })
	dst = binary.AppendUvarint(dst, uint64(runs))
	next := uint64(0)
	s.runs(func(lo, hi uint64) {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, lo-next), hi-lo)
		next = following(hi)
	})
	return dst
}

// following is the least number at which a run after one that ends at hi can begin:
// next to it only where a chunk ends.
func following(hi uint64) uint64 {
	if (hi+1)%chunk == 0 {
		return hi + 1
	}
	return hi + 2
}

// runs yields the runs of s, cut at the ends of chunks, in ascending order.
func (s Set) runs(yield func(lo, hi uint64)) {
	for start, end := range s.bits().Ranges() {
		for lo := uint64(start); lo < end; {
			cut := min(end, lo/chunk*chunk+chunk)
			yield(lo, cut-1)
			lo = cut
		}
	}
}

func decodeSet(src []byte) (Set, []byte, error) {
	n, rest, err := uvarint(src)
	if err != nil {
		return Set{}, src, err
	}
	if n > uint64(len(rest)/2) {
		return Set{}, src, fmt.Errorf("%w: count exceeds the input", ErrDecode)
	}
	s := Of()
	next := uint64(0)
	for range n {
		var gap, length uint64
		if gap, rest, err = uvarint(rest); err != nil {
			return Set{}, src, err
		}
		if length, rest, err = uvarint(rest); err != nil {
			return Set{}, src, err
		}
		if gap >= 1<<32 || length >= chunk {
			return Set{}, src, fmt.Errorf("%w: a run beyond 32 bits or its chunk", ErrDecode)
		}
		lo := next + gap
		hi := lo + length
		if hi >= 1<<32 || lo/chunk != hi/chunk {
			return Set{}, src, fmt.Errorf("%w: a run beyond 32 bits or its chunk", ErrDecode)
		}
		s.Bits.AddRange(lo, hi+1)
		next = following(hi)
	}
	return s, rest, nil
}

func uvarint(src []byte) (uint64, []byte, error) {
	n, w := binary.Uvarint(src)
	if w <= 0 || w > 1 && src[w-1] == 0 {
		return 0, src, fmt.Errorf("%w: not a number", ErrDecode)
	}
	return n, src[w:], nil
}
