package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// Span is the closed range of sequence numbers Lo..Hi of an origin, 1 ≤ Lo ≤ Hi.
type Span struct{ Origin, Lo, Hi uint64 }

func (s Span) compare(t Span) int {
	return cmp.Or(cmp.Compare(s.Origin, t.Origin), cmp.Compare(s.Lo, t.Lo))
}

// Dots is a set of dots, range-compressed: spans that ascend by origin and number
// and neither overlap nor touch. It is [causal.Dots] kept flat. A replica compares
// and merges such sets with every message it gets, they are short, and this way
// that takes no hash and no allocation.
type Dots []Span

// locate returns the index of the first span that ends at or after the dot.
func (v Dots) locate(origin, seq uint64) int {
	lo, hi := 0, len(v)
	for lo < hi {
		if mid := lo + (hi-lo)/2; v[mid].Origin < origin || v[mid].Origin == origin && v[mid].Hi < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Contains reports whether d is in the set.
func (v Dots) Contains(d causal.Dot) bool {
	i := v.locate(d.Origin, d.Seq)
	return i < len(v) && v[i].Origin == d.Origin && v[i].Lo <= d.Seq
}

// Of is the part of v that is of one origin, in the memory of v.
func (v Dots) Of(origin uint64) Dots {
	from := v.locate(origin, 0)
	to := from
	for to < len(v) && v[to].Origin == origin {
		to++
	}
	return v[from:to]
}

// around reports whether d is in the set, and the last number of its origin up to
// which that holds for all from d on.
func (v Dots) around(d causal.Dot) (until uint64, in bool) {
	i := v.locate(d.Origin, d.Seq)
	switch {
	case i == len(v) || v[i].Origin != d.Origin:
		return math.MaxUint64, false
	case v[i].Lo <= d.Seq:
		return v[i].Hi, true
	}
	return v[i].Lo - 1, false
}

// Add adds d and reports whether it is new. A Seq of 0 names no event.
func (v *Dots) Add(d causal.Dot) bool {
	return d.Seq != 0 && v.insert(Span{d.Origin, d.Seq, d.Seq})
}

// insert adds the span x in place, fusing what it overlaps or touches, and
// reports whether any number is new.
func (v *Dots) insert(x Span) bool {
	t := *v
	from := x.Lo
	if from > 1 {
		from-- // a span that ends just before x touches it
	}
	i := t.locate(x.Origin, from)
	j := i
	for j < len(t) && t[j].Origin == x.Origin && (t[j].Lo <= x.Hi || t[j].Lo-1 == x.Hi) {
		j++
	}
	if j == i+1 && t[i].Lo <= x.Lo && x.Hi <= t[i].Hi {
		return false
	}
	if j > i {
		x.Lo, x.Hi = min(x.Lo, t[i].Lo), max(x.Hi, t[j-1].Hi)
	}
	*v = slices.Replace(t, i, j, x)
	return true
}

// MergeIn adds all of other and reports whether any dot is new. other is neither
// changed nor retained.
func (v *Dots) MergeIn(other Dots) (grew bool) {
	if len(*v) == 0 {
		*v = append(*v, other...)
		return len(other) > 0
	}
	for _, x := range other {
		if v.insert(x) {
			grew = true
		}
	}
	return grew
}

// Includes reports whether every dot of other is in the set. O(spans).
func (v Dots) Includes(other Dots) bool { return other.beyond(v) == 0 }

// beyond is how many dots of v are not in other. O(spans).
func (v Dots) beyond(other Dots) (n uint64) {
	j := 0
	for _, x := range v {
		n += x.Hi - x.Lo + 1
		for j < len(other) && (other[j].Origin < x.Origin || other[j].Origin == x.Origin && other[j].Hi < x.Lo) {
			j++
		}
		for k := j; k < len(other) && other[k].Origin == x.Origin && other[k].Lo <= x.Hi; k++ {
			n -= min(x.Hi, other[k].Hi) - max(x.Lo, other[k].Lo) + 1
		}
	}
	return n
}

// Below reports whether a dot of the origin with a number below seq is in the set.
func (v Dots) Below(origin, seq uint64) bool {
	of := v.Of(origin)
	return len(of) > 0 && of[0].Lo < seq
}

// Intersect is a new set of the dots that are in both. O(spans).
func (v Dots) Intersect(other Dots) (both Dots) {
	for i, j := 0, 0; i < len(v) && j < len(other); {
		a, b := v[i], other[j]
		if a.Origin == b.Origin && a.Lo <= b.Hi && b.Lo <= a.Hi {
			both = append(both, Span{a.Origin, max(a.Lo, b.Lo), min(a.Hi, b.Hi)})
		}
		if a.Origin < b.Origin || a.Origin == b.Origin && a.Hi < b.Hi {
			i++
		} else {
			j++
		}
	}
	return both
}

// Without is a new set of the dots of v that are not in other. O(spans).
func (v Dots) Without(other Dots) (rest Dots) {
	j := 0
	for _, x := range v {
		for j < len(other) && (other[j].Origin < x.Origin || other[j].Origin == x.Origin && other[j].Hi < x.Lo) {
			j++
		}
		lo := x.Lo
		for k := j; k < len(other) && other[k].Origin == x.Origin && other[k].Lo <= x.Hi; k++ {
			if other[k].Lo > lo {
				rest = append(rest, Span{x.Origin, lo, other[k].Lo - 1})
			}
			lo = other[k].Hi + 1
		}
		if lo != 0 && lo <= x.Hi {
			rest = append(rest, Span{x.Origin, lo, x.Hi})
		}
	}
	return rest
}

// Covers reports whether every event that the row counts is in the set.
func (v Dots) Covers(row session.Row) bool {
	i := 0
	for _, m := range row {
		for i < len(v) && v[i].Origin < m.Origin {
			i++
		}
		if i == len(v) || v[i].Origin != m.Origin || v[i].Lo != 1 || v[i].Hi < m.Seq {
			return false
		}
	}
	return true
}

// Causal is the set as the lattice room has it.
func (v Dots) Causal() causal.Dots {
	out := make(causal.Dots)
	for _, s := range v {
		out[s.Origin] = append(out[s.Origin], causal.Span{Lo: s.Lo, Hi: s.Hi})
	}
	return out
}

// Count is how many dots are in the set, modulo 2⁶⁴.
func (v Dots) Count() (n uint64) { return v.beyond(nil) }

// Clone returns an independent copy.
func (v Dots) Clone() Dots { return slices.Clone(v) }

// Append appends the encoding of v, which is that of [causal.Dots]: how many
// origins, then each with the number of its spans, and of each span the distance
// from the one before and its length, both less what is impossible.
func (v Dots) Append(dst []byte) []byte {
	origins := 0
	for i := range v {
		if i == 0 || v[i].Origin != v[i-1].Origin {
			origins++
		}
	}
	dst = varint.Append(dst, uint64(origins))
	for i := 0; i < len(v); {
		j := i + 1
		for j < len(v) && v[j].Origin == v[i].Origin {
			j++
		}
		dst = varint.Append(varint.Append(dst, v[i].Origin), uint64(j-i))
		for end := uint64(0); i < j; i++ {
			gap := v[i].Lo - end - 1
			if end > 0 {
				gap-- // spans do not touch
			}
			dst = varint.Append(varint.Append(dst, gap), v[i].Hi-v[i].Lo)
			end = v[i].Hi
		}
	}
	return dst
}

// Size is how many bytes [Dots.Append] appends, or a few more. O(spans).
func (v Dots) Size() int {
	n := number(uint64(len(v)))
	for i, x := range v {
		end := uint64(0)
		if i > 0 && v[i-1].Origin == x.Origin {
			end = v[i-1].Hi
		} else {
			n += number(x.Origin) + number(uint64(len(v)-i))
		}
		n += number(x.Lo-end) + number(x.Hi-x.Lo)
	}
	return n
}

// number is how many bytes x takes.
func number(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// ErrDecode is wrapped by every refusal to decode a set of dots.
var ErrDecode = errors.New("gossip: cannot decode dots")

var (
	errNumber   = fmt.Errorf("%w: not a number, or a count that exceeds the input", ErrDecode)
	errOrigins  = fmt.Errorf("%w: origins not ascending, or empty", ErrDecode)
	errOverflow = fmt.Errorf("%w: sequence number overflows", ErrDecode)
)

// DecodeDots reads a set from the front of src into dst, whose memory it uses and
// whose contents it forgets.
func DecodeDots(dst Dots, src []byte) (v Dots, rest []byte, err error) {
	origins, i := varint.Next(src, 0)
	if i < 0 || origins > uint64(len(src)-i)/4 {
		return nil, src, errNumber
	}
	v = dst[:0]
	prev := uint64(0)
	for k := range origins {
		var o, n uint64
		o, i = varint.Next(src, i)
		if n, i = varint.Next(src, i); i < 0 || n > uint64(len(src)-i)/2 {
			return nil, src, errNumber
		}
		if k > 0 && o <= prev || n == 0 {
			return nil, src, errOrigins
		}
		prev = o
		if v, i, err = decodeSpans(v, o, n, src, i); err != nil {
			return nil, src, err
		}
	}
	return v, src[i:], nil
}

// decodeSpans reads n spans of an origin at i and says where they end.
func decodeSpans(v Dots, origin, n uint64, src []byte, i int) (Dots, int, error) {
	end := uint64(0)
	for k := range n {
		var gap, length uint64
		gap, i = varint.Next(src, i)
		if length, i = varint.Next(src, i); i < 0 {
			return v, i, errNumber
		}
		lo := end + gap + 1
		if k > 0 {
			lo++
		}
		hi := lo + length
		if lo <= end || gap >= lo || hi < lo {
			return v, i, errOverflow
		}
		v = append(v, Span{origin, lo, hi})
		end = hi
	}
	return v, i, nil
}
