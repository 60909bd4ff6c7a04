package causal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// Version is a version vector: per origin how many of its events are known. An
// origin at 0 and an absent one mean the same; the merges of this package store
// neither.
type Version map[uint64]uint64

// VersionMerge merges version vectors origin by origin to the greater count. ⊥
// is the empty vector. Compare is the causal order: Incomparable is concurrent.
func VersionMerge() lattice.Merge[Version] { return versionMerge{} }

type versionMerge struct{}

func (versionMerge) MergeIn(target *Version, delta Version) (grew bool) {
	if *target == nil {
		*target = make(Version, len(delta))
	}
	//joinery:anyorder origins are merged independently of each other
	for o, n := range delta {
		if n > (*target)[o] {
			(*target)[o] = n
			grew = true
		}
	}
	return grew
}

func (versionMerge) Compare(a, b Version) lattice.Order {
	o := lattice.Equal
	//joinery:anyorder the orders of the origins are combined by AND
	for k, n := range a {
		switch m := b[k]; {
		case n > m:
			o &= lattice.Greater
		case n < m:
			o &= lattice.Less
		}
	}
	//joinery:anyorder the orders of the origins are combined by AND
	for k, m := range b {
		if m > a[k] {
			o &= lattice.Less
		}
	}
	return o
}

func (versionMerge) Clone(v Version) Version {
	c := make(Version, len(v))
	//joinery:anyorder a copy
	for o, n := range v {
		if n > 0 {
			c[o] = n
		}
	}
	return c
}

func (m versionMerge) Caps() lattice.Caps[Version] {
	return lattice.Caps[Version]{
		Bottom: func() Version { return Version{} },
		Join:   func(a, b Version) Version { return lattice.Join[Version](m, a, b) },
		Diff: func(base, v Version) Version {
			d := make(Version)
			//joinery:anyorder origins differ independently of each other
			for o, n := range v {
				if n > base[o] {
					d[o] = n
				}
			}
			return d
		},
		Atoms: func(v Version) iter.Seq[Version] {
			return func(yield func(Version) bool) {
				for _, o := range sortedOrigins(v) {
					if !yield(Version{o: v[o]}) {
						return
					}
				}
			}
		},
		Append: appendVersion,
		Decode: decodeVersion,
	}
}

// ErrDecode is wrapped by every decoding error of this package.
var ErrDecode = errors.New("causal: cannot decode")

func uvarint(src []byte) (uint64, []byte, error) {
	n, w := binary.Uvarint(src)
	if w <= 0 || w > 1 && src[w-1] == 0 {
		return 0, src, fmt.Errorf("%w: not a number", ErrDecode)
	}
	return n, src[w:], nil
}

// count reads how many items follow, each of which takes at least size bytes.
func count(src []byte, size int) (int, []byte, error) {
	n, rest, err := uvarint(src)
	if err != nil {
		return 0, src, err
	}
	if n > uint64(len(rest)/size) {
		return 0, src, fmt.Errorf("%w: count exceeds the input", ErrDecode)
	}
	return int(n), rest, nil
}

// appendSpans writes each span as its distance from the one before and its
// length, both less what is impossible, so that every encoding is of one value.
func appendSpans(dst []byte, v Spans) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	end := uint64(0)
	for i, x := range v {
		gap := x.Lo - end - 1
		if i > 0 {
			gap-- // spans do not touch
		}
		dst = binary.AppendUvarint(dst, gap)
		dst = binary.AppendUvarint(dst, x.Hi-x.Lo)
		end = x.Hi
	}
	return dst
}

func decodeSpans(src []byte) (Spans, []byte, error) {
	n, rest, err := count(src, 2)
	if err != nil || n == 0 {
		return nil, rest, err
	}
	v := make(Spans, 0, n)
	end := uint64(0)
	for i := range n {
		var gap, length uint64
		if gap, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		if length, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		lo := end + gap + 1
		if i > 0 {
			lo++
		}
		hi := lo + length
		if lo <= end || gap >= lo || hi < lo {
			return nil, src, fmt.Errorf("%w: sequence number overflows", ErrDecode)
		}
		v = append(v, Span{lo, hi})
		end = hi
	}
	return v, rest, nil
}

func appendDots(dst []byte, v Dots) []byte {
	origins := v.Origins()
	n := 0
	for _, o := range origins {
		if len(v[o]) > 0 {
			n++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for _, o := range origins {
		if len(v[o]) > 0 {
			dst = appendSpans(binary.AppendUvarint(dst, o), v[o])
		}
	}
	return dst
}

func decodeDots(src []byte) (Dots, []byte, error) {
	n, rest, err := count(src, 4)
	if err != nil {
		return nil, src, err
	}
	v := make(Dots, n)
	prev := uint64(0)
	for i := range n {
		var o uint64
		if o, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		var s Spans
		if s, rest, err = decodeSpans(rest); err != nil {
			return nil, src, err
		}
		if i > 0 && o <= prev || len(s) == 0 {
			return nil, src, fmt.Errorf("%w: origins not ascending, or empty", ErrDecode)
		}
		prev = o
		v[o] = s
	}
	return v, rest, nil
}

func appendVersion(dst []byte, v Version) []byte {
	origins := sortedOrigins(v)
	dst = binary.AppendUvarint(dst, uint64(len(origins)))
	for _, o := range origins {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, o), v[o])
	}
	return dst
}

func decodeVersion(src []byte) (Version, []byte, error) {
	n, rest, err := count(src, 2)
	if err != nil {
		return nil, src, err
	}
	v := make(Version, n)
	prev := uint64(0)
	for i := range n {
		var o, seq uint64
		if o, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		if seq, rest, err = uvarint(rest); err != nil {
			return nil, src, err
		}
		if i > 0 && o <= prev || seq == 0 {
			return nil, src, fmt.Errorf("%w: origins not ascending, or at zero", ErrDecode)
		}
		prev = o
		v[o] = seq
	}
	return v, rest, nil
}

// sortedOrigins lists the origins of v that have events, ascending.
func sortedOrigins(v Version) []uint64 {
	out := make([]uint64, 0, len(v))
	for o, n := range v {
		if n > 0 {
			out = append(out, o)
		}
	}
	slices.Sort(out)
	return out
}
