package causal

import (
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/joinery-go/joinery/lattice"
)

// Dot names the Seq-th event of Origin; Seq counts from 1.
type Dot struct {
	Origin uint64
	Seq    uint64
}

// Span is the closed range of sequence numbers Lo..Hi, with 1 ≤ Lo ≤ Hi.
type Span struct{ Lo, Hi uint64 }

// Spans is a set of sequence numbers as ascending spans that neither overlap nor
// touch.
type Spans []Span

// locate returns the index of the first span that ends at or after seq.
func (s Spans) locate(seq uint64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].Hi >= seq })
}

// Contains reports whether seq is in the set, in O(log spans).
func (s Spans) Contains(seq uint64) bool {
	i := s.locate(seq)
	return i < len(s) && s[i].Lo <= seq
}

// Covers reports whether all of 1..n are in the set.
func (s Spans) Covers(n uint64) bool {
	return n == 0 || len(s) > 0 && s[0].Lo == 1 && s[0].Hi >= n
}

// Max is the greatest number in the set, or 0.
func (s Spans) Max() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Hi
}

// Count is how many numbers are in the set.
func (s Spans) Count() uint64 {
	n := uint64(0)
	for _, x := range s {
		n += x.Hi - x.Lo + 1
	}
	return n
}

// insert adds the span x in place, fusing what it overlaps or touches, and
// reports whether any number is new.
func (s *Spans) insert(x Span) bool {
	t := *s
	from := x.Lo
	if from > 1 {
		from-- // a span that ends just before x touches it
	}
	i := t.locate(from)
	j := i
	for j < len(t) && (t[j].Lo <= x.Hi || t[j].Lo-1 == x.Hi) {
		j++
	}
	if j == i+1 && t[i].Lo <= x.Lo && x.Hi <= t[i].Hi {
		return false
	}
	if j > i {
		x.Lo, x.Hi = min(x.Lo, t[i].Lo), max(x.Hi, t[j-1].Hi)
	}
	*s = slices.Replace(t, i, j, x)
	return true
}

// SpansMerge merges sets of sequence numbers by union; ⊥ is the empty set.
// Merging costs O(|delta|·|target|) in spans at worst, and is near constant where
// the delta extends the end. It offers no ⊤: all numbers there are make one span,
// but 2^64 atoms.
func SpansMerge() lattice.Merge[Spans] { return spansMerge{} }

type spansMerge struct{}

func (spansMerge) MergeIn(target *Spans, delta Spans) (grew bool) {
	for _, x := range delta {
		if target.insert(x) {
			grew = true
		}
	}
	return grew
}

func (spansMerge) Compare(a, b Spans) lattice.Order {
	o := lattice.Equal
	if !subset(a, b) {
		o &= lattice.Greater
	}
	if !subset(b, a) {
		o &= lattice.Less
	}
	return o
}

// subset reports a ⊆ b: since spans never touch, each of a lies in one of b.
func subset(a, b Spans) bool {
	j := 0
	for _, x := range a {
		for j < len(b) && b[j].Hi < x.Lo {
			j++
		}
		if j == len(b) || b[j].Lo > x.Lo || b[j].Hi < x.Hi {
			return false
		}
	}
	return true
}

func (spansMerge) Clone(v Spans) Spans { return slices.Clone(v) }

func (m spansMerge) Caps() lattice.Caps[Spans] {
	return lattice.Caps[Spans]{
		Bottom: func() Spans { return nil },
		Join:   func(a, b Spans) Spans { return lattice.Join[Spans](m, a, b) },
		Diff:   func(base, v Spans) Spans { return v.minus(base) },
		Atoms: func(v Spans) iter.Seq[Spans] {
			return func(yield func(Spans) bool) {
				for _, x := range v {
					for n := x.Lo; ; n++ {
						if !yield(Spans{{n, n}}) {
							return
						}
						if n == x.Hi {
							break
						}
					}
				}
			}
		},
		Append: appendSpans,
		Decode: decodeSpans,
	}
}

// minus is the set of numbers in v that are not in base.
func (s Spans) minus(base Spans) Spans {
	var d Spans
	j := 0
	for _, x := range s {
		for j < len(base) && base[j].Hi < x.Lo {
			j++
		}
		lo, done := x.Lo, false
		for k := j; k < len(base) && base[k].Lo <= x.Hi; k++ {
			if base[k].Lo > lo {
				d = append(d, Span{lo, base[k].Lo - 1})
			}
			if base[k].Hi >= x.Hi {
				done = true
				break
			}
			lo = base[k].Hi + 1
		}
		if !done {
			d = append(d, Span{lo, x.Hi})
		}
	}
	return d
}

// Dots is a set of dots: per origin the sequence numbers seen. An origin with
// no spans is the same as an absent one and is not stored.
type Dots map[uint64]Spans

// Add adds d and reports whether it is new. A Seq of 0 names no event.
func (v Dots) Add(d Dot) bool {
	s := v[d.Origin]
	if d.Seq == 0 || !s.insert(Span{d.Seq, d.Seq}) {
		return false
	}
	v[d.Origin] = s
	return true
}

// Contains reports whether d is in the set.
func (v Dots) Contains(d Dot) bool { return v[d.Origin].Contains(d.Seq) }

// Covers reports whether every event that vv counts is in the set.
func (v Dots) Covers(vv Version) bool {
	//joinery:anyorder a conjunction
	for o, n := range vv {
		if !v[o].Covers(n) {
			return false
		}
	}
	return true
}

// Ceiling is the least version vector that covers the set: per origin the
// greatest sequence number in it.
func (v Dots) Ceiling() Version {
	c := make(Version, len(v))
	//joinery:anyorder entries are set by their own keys
	for o, s := range v {
		c[o] = s.Max()
	}
	return c
}

// Origins lists the origins in ascending order.
func (v Dots) Origins() []uint64 { return slices.Sorted(maps.Keys(v)) }

// DotsMerge merges sets of dots by union; ⊥ is the empty set.
func DotsMerge() lattice.Merge[Dots] { return dotsMerge{} }

// dotsMerge is MapOf over spans but for one thing: an origin without events and
// an absent origin are the same, and only the absent one is stored.
type dotsMerge struct{}

func (dotsMerge) MergeIn(target *Dots, delta Dots) (grew bool) {
	if *target == nil {
		*target = make(Dots, len(delta))
	}
	//joinery:anyorder origins are merged independently of each other
	for o, d := range delta {
		if len(d) == 0 {
			continue
		}
		s := (*target)[o]
		rose := false
		for _, x := range d {
			if s.insert(x) {
				rose = true
			}
		}
		if rose {
			(*target)[o] = s
			grew = true
		}
	}
	return grew
}

func (dotsMerge) Compare(a, b Dots) lattice.Order {
	o := lattice.Equal
	//joinery:anyorder the orders of the origins are combined by AND
	for k, s := range a {
		o &= SpansMerge().Compare(s, b[k])
	}
	//joinery:anyorder the orders of the origins are combined by AND
	for k, s := range b {
		if len(s) > 0 && len(a[k]) == 0 {
			o &= lattice.Less
		}
	}
	return o
}

func (dotsMerge) Clone(v Dots) Dots {
	c := make(Dots, len(v))
	//joinery:anyorder a copy
	for o, s := range v {
		if len(s) > 0 {
			c[o] = slices.Clone(s)
		}
	}
	return c
}

func (m dotsMerge) Caps() lattice.Caps[Dots] {
	return lattice.Caps[Dots]{
		Bottom: func() Dots { return Dots{} },
		Join:   func(a, b Dots) Dots { return lattice.Join[Dots](m, a, b) },
		Diff:   func(base, v Dots) Dots { return v.minus(base) },
		Atoms: func(v Dots) iter.Seq[Dots] {
			return func(yield func(Dots) bool) {
				for _, o := range v.Origins() {
					for a := range lattice.CapsOf(SpansMerge()).Atoms(v[o]) {
						if !yield(Dots{o: a}) {
							return
						}
					}
				}
			}
		},
		Append: appendDots,
		Decode: decodeDots,
	}
}
