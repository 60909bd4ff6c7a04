package causal

import (
	"cmp"
	"maps"
	"slices"
)

// intersect is the set of numbers in both.
func (s Spans) intersect(t Spans) Spans {
	var both Spans
	i, j := 0, 0
	for i < len(s) && j < len(t) {
		if lo, hi := max(s[i].Lo, t[j].Lo), min(s[i].Hi, t[j].Hi); lo <= hi {
			both = append(both, Span{lo, hi})
		}
		if s[i].Hi < t[j].Hi {
			i++
		} else {
			j++
		}
	}
	return both
}

// meets reports whether any number is in both.
func (s Spans) meets(t Spans) bool {
	i, j := 0, 0
	for i < len(s) && j < len(t) {
		if max(s[i].Lo, t[j].Lo) <= min(s[i].Hi, t[j].Hi) {
			return true
		}
		if s[i].Hi < t[j].Hi {
			i++
		} else {
			j++
		}
	}
	return false
}

// one is the set of one number.
func one(seq uint64) Spans { return Spans{{seq, seq}} }

// intersect is the set of dots in both; it shares memory with neither.
func (v Dots) intersect(w Dots) Dots {
	if len(w) < len(v) {
		v, w = w, v
	}
	var both Dots
	//joinery:anyorder origins are intersected independently of each other
	for o, s := range v {
		if x := s.intersect(w[o]); len(x) > 0 {
			if both == nil {
				both = make(Dots)
			}
			both[o] = x
		}
	}
	return both
}

// within reports whether every dot of v is in w.
func (v Dots) within(w Dots) bool {
	//joinery:anyorder a conjunction
	for o, s := range v {
		if !subset(s, w[o]) {
			return false
		}
	}
	return true
}

// minus is the set of dots in v that are not in w; it shares memory with neither.
func (v Dots) minus(w Dots) Dots {
	d := make(Dots)
	//joinery:anyorder origins differ independently of each other
	for o, s := range v {
		if x := s.minus(w[o]); len(x) > 0 {
			d[o] = x
		}
	}
	return d
}

// join adds the dots of w to v, which must not be nil.
func (v Dots) join(w Dots) { dotsMerge{}.MergeIn(&v, w) }

// joinSpans adds the numbers s of an origin to v, which must not be nil.
func (v Dots) joinSpans(origin uint64, s Spans) {
	t := v[origin]
	for _, x := range s {
		t.insert(x)
	}
	if len(t) > 0 {
		v[origin] = t
	}
}

// strike takes the numbers s of an origin out of v.
func (v Dots) strike(origin uint64, s Spans) {
	have, ok := v[origin]
	if !ok || len(s) == 0 {
		return
	}
	if rest := have.minus(s); len(rest) > 0 {
		v[origin] = rest
	} else {
		delete(v, origin)
	}
}

// empty reports whether v has no dot; a well-formed set stores no empty origin.
func (v Dots) empty() bool {
	//joinery:anyorder a conjunction
	for _, s := range v {
		if len(s) > 0 {
			return false
		}
	}
	return true
}

// atMost reports whether v has no more than n dots. Their number may not fit 64
// bits.
func (v Dots) atMost(n uint64) bool {
	//joinery:anyorder a sum
	for _, s := range v {
		for _, x := range s {
			if x.Hi-x.Lo >= n {
				return false
			}
			n -= x.Hi - x.Lo + 1
		}
	}
	return true
}

// each yields the dots in ascending order until yield returns false, and reports
// whether it never did.
func (v Dots) each(yield func(Dot) bool) bool {
	for _, o := range v.Origins() {
		for _, x := range v[o] {
			for n := x.Lo; ; n++ {
				if !yield(Dot{o, n}) {
					return false
				}
				if n == x.Hi {
					break
				}
			}
		}
	}
	return true
}

// dotsOf is the set of one dot.
func dotsOf(d Dot) Dots { return Dots{d.Origin: one(d.Seq)} }

// Compare orders dots by origin, then by sequence number: negative, zero or
// positive as d stands before, at or after e. It is no causal order.
func (d Dot) Compare(e Dot) int {
	switch {
	case d == e:
		return 0
	case d.Origin < e.Origin || d.Origin == e.Origin && d.Seq < e.Seq:
		return -1
	}
	return 1
}

// sortedDots lists the dots of a map in ascending order.
func sortedDots[V any](m map[Dot]V) []Dot {
	dots := make([]Dot, 0, len(m))
	for d := range m {
		dots = append(dots, d)
	}
	slices.SortFunc(dots, Dot.Compare)
	return dots
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
