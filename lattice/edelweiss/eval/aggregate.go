package eval

import (
	"math"
	"math/bits"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// aggregator keeps the groups of one clause whose head aggregates. A derivation
// is a choice of a tuple for each literal of the body; each counts once.
type aggregator struct {
	head   []el.Term
	into   target
	groups map[string]*aggregate
	dirty  []*aggregate
	key    []byte
}

// aggregate is one group: the head's columns that do not aggregate, and what the
// others come to.
type aggregate struct {
	enc    string
	tuple  el.Tuple // the group's columns; others are not meant
	n      int
	sums   []total
	bags   []bag
	out    el.Tuple // the tuple that is counted in the target, nil if none does
	queued bool
}

func newAggregator(head []el.Term, into target) *aggregator {
	return &aggregator{head: head, into: into, groups: map[string]*aggregate{}}
}

// add counts derivations of out, whose aggregated columns hold the arguments.
func (a *aggregator) add(out el.Tuple, sign int) {
	a.key = a.key[:0]
	for i, t := range a.head {
		if t.Kind != el.Aggregate {
			a.key = out[i].Append(a.key)
		}
	}
	g := a.groups[string(a.key)]
	if g == nil {
		g = &aggregate{enc: string(a.key), tuple: slices.Clone(out),
			sums: make([]total, len(a.head)), bags: make([]bag, len(a.head))}
		a.groups[g.enc] = g
	}
	g.n += sign
	for i, t := range a.head {
		if t.Kind != el.Aggregate {
			continue
		}
		switch t.Name {
		case "sum":
			g.sums[i].add(out[i].Int(), sign)
		case "min", "max":
			g.bags[i].add(out[i], sign)
		}
	}
	if !g.queued {
		g.queued = true
		a.dirty = append(a.dirty, g)
		if s := a.into.settles(); s != nil {
			s.stirred = true
		}
	}
}

// flush brings the target up to date with the groups that changed.
func (a *aggregator) flush() {
	for _, g := range a.dirty {
		g.queued = false
		var now el.Tuple
		if g.n > 0 {
			now = a.result(g)
		} else {
			delete(a.groups, g.enc)
		}
		if now != nil && g.out != nil && now.Compare(g.out) == 0 {
			continue
		}
		a.count(g.out, -1)
		a.count(now, 1)
		g.out = now
	}
	a.dirty = a.dirty[:0]
}

func (a *aggregator) count(t el.Tuple, sign int) {
	if t == nil {
		return
	}
	a.into.add(t, t.Append(nil), sign)
}

func (a *aggregator) result(g *aggregate) el.Tuple {
	out := slices.Clone(g.tuple)
	for i, t := range a.head {
		if t.Kind != el.Aggregate {
			continue
		}
		switch t.Name {
		case "count":
			out[i] = el.Number(int64(g.n))
		case "sum":
			out[i] = el.Number(g.sums[i].clamp())
		case "min":
			out[i] = g.bags[i][0].v
		case "max":
			out[i] = g.bags[i][len(g.bags[i])-1].v
		}
	}
	return out
}

// total is a sum of 128 bits, so that what was added can be taken away again.
type total struct {
	hi int64
	lo uint64
}

func (s *total) add(n int64, sign int) {
	hi, lo := n>>63, uint64(n)
	var carry uint64
	if sign > 0 {
		s.lo, carry = bits.Add64(s.lo, lo, 0)
		s.hi += hi + int64(carry)
	} else {
		s.lo, carry = bits.Sub64(s.lo, lo, 0)
		s.hi -= hi + int64(carry)
	}
}

// clamp is the sum, or the nearest number of 64 bits.
func (s *total) clamp() int64 {
	switch {
	case s.hi == 0 && s.lo <= math.MaxInt64, s.hi == -1 && s.lo > math.MaxInt64:
		return int64(s.lo)
	case s.hi < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// bag is a multiset, ascending.
type bag []counted

type counted struct {
	v el.Value
	n int
}

func (b *bag) add(v el.Value, sign int) {
	i, found := slices.BinarySearchFunc(*b, v, func(c counted, v el.Value) int { return c.v.Compare(v) })
	if !found {
		*b = slices.Insert(*b, i, counted{v: v})
	}
	if (*b)[i].n += sign; (*b)[i].n == 0 {
		*b = slices.Delete(*b, i, i+1)
	}
}
