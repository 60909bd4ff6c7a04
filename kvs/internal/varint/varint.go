// Package varint reads and writes the unsigned numbers of the store's encodings, which
// are those of encoding/binary. It differs from that package in three ways: a number
// has one encoding only, so that equal values encode equally; reading moves an index
// instead of a slice, which is what decoders of short messages spend their time on;
// and writing is a call, where the other is copied into each of a hundred places and
// the processor runs out of memory for code. It refuses signed numbers.
package varint

import "encoding/binary"

// Append appends the encoding of n.
//
//go:noinline
func Append(dst []byte, n uint64) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return binary.AppendUvarint(dst, n)
}

// Next reads the number at i, in the one encoding that it has, and says where it
// ends: -1 if there is none. From -1 on it reads nothing, so that a run of numbers
// can be checked once.
func Next(b []byte, i int) (uint64, int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return nextLong(b, i)
}

func nextLong(b []byte, i int) (uint64, int) {
	if i < 0 {
		return 0, -1
	}
	n := uint64(0)
	for shift := uint(0); i < len(b); shift += 7 {
		c := b[i]
		i++
		switch {
		case c >= 0x80 && shift < 63:
			n |= uint64(c&0x7f) << shift
		case c >= 0x80 || c == 0 && shift > 0 || shift == 63 && c > 1:
			return 0, -1 // too long, padded, or too large
		default:
			return n | uint64(c)<<shift, i
		}
	}
	return 0, -1
}
