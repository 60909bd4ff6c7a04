package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byInclusion = "inclusion of what reads returned, since nothing is ever removed"

// growSet decides linearizability of a set that is only added to. Then reads that
// return more come later, so that what they returned forms a chain, and each element
// comes in between the last read without it and the first read with it. Operations fall
// into steps: a step of adds, then one of the reads that show just what was added so far,
// and so on, at last adds that no read shows. An order exists iff no operation returned
// before one of an earlier step was called. Of several adds of an element the one called
// first is the one that adds it, and the others may come at any time from then on; adds of
// unknown outcome need not come at all.
// O(n log n + elements read).
type growSet struct {
	m    *meter
	h    *history.History
	name string
	ids  map[string]int
	ints map[int64]int
	// dense stands for ints where what is added are integers close together: by integer less
	// lowest, 1 + the element.
	dense  []int32
	lowest int64
	names  []history.Value // by element
	adds   [][]int         // by element: positions of its adds, in the order of their calls
	reads  []setRead       // by size
	step   []int           // by element: the first of the distinct reads, counted from 1, that shows it; 0 if none
}

// setRead is a read, and the elements that it returned.
type setRead struct {
	at   int
	step int // that of the latest of its elements
	has  []int32
}

// decideGrowSet judges the operations at these positions, of one object. Positions in the
// result are those in h.
func decideGrowSet(m *meter, h *history.History, at []int) result {
	s := &growSet{m: m, h: h, ids: make(map[string]int), ints: make(map[int64]int)}
	s.makeDense(at)
	s.name = fmt.Sprintf("%s %q", h.Ops[at[0]].Type, h.Ops[at[0]].Key)
	if r := s.gather(at); r.status != OK {
		return r
	}
	if r := s.chain(); r.status != OK {
		return r
	}
	return s.inSteps()
}

// makeDense makes the table of dense, if integers allow for it.
func (s *growSet) makeDense(at []int) {
	lowest, highest, adds := int64(math.MaxInt64), int64(math.MinInt64), 0
	for _, i := range at {
		o := &s.h.Ops[i]
		if o.Func != history.Add {
			continue
		}
		n, isInt := o.Arg.AsInt()
		if !isInt {
			return
		}
		lowest, highest, adds = min(lowest, n), max(highest, n), adds+1
	}
	if adds > 0 && uint64(highest)-uint64(lowest) < 8*uint64(adds) {
		s.lowest, s.dense = lowest, make([]int32, highest-lowest+1)
	}
}

// known is the element that an integer is by the table; -1 if it is none.
func (s *growSet) known(n int64, isInt bool) int {
	if !isInt || !s.inTable(n) {
		return -1
	}
	return int(s.dense[n-s.lowest]) - 1
}

// inTable reports whether the table has a place for the integer, however far away it is.
func (s *growSet) inTable(n int64) bool {
	return n >= s.lowest && uint64(n)-uint64(s.lowest) < uint64(len(s.dense))
}

// of is the element that a value is, a new one if it was not there.
func (s *growSet) of(v history.Value) int {
	n, isInt := v.AsInt()
	if e := s.known(n, isInt); e >= 0 {
		return e
	}
	if isInt && s.inTable(n) {
		s.names, s.adds = append(s.names, v), append(s.adds, nil)
		s.dense[n-s.lowest] = int32(len(s.names))
		return len(s.names) - 1
	}
	key := ""
	id, known := s.ints[n]
	if !isInt {
		key = v.Key()
		id, known = s.ids[key]
	}
	if known {
		return id
	}
	id = len(s.names)
	if isInt {
		s.ints[n] = id
	} else {
		s.ids[key] = id
	}
	s.names, s.adds = append(s.names, v), append(s.adds, nil)
	return id
}

func (s *growSet) broken(why string, args []any, at ...int) result {
	slices.Sort(at)
	return result{status: Violation, method: byInclusion, witness: slices.Compact(at), reason: s.name + ": " + fmt.Sprintf(why, args...)}
}

// gather sorts out adds and reads, of which none may show an element twice, or one that
// nobody adds.
func (s *growSet) gather(at []int) result {
	for _, i := range at {
		if o := &s.h.Ops[i]; o.Func == history.Add {
			n := s.of(o.Arg)
			s.adds[n] = append(s.adds[n], i)
		}
	}
	added := len(s.names)
	last := make([]int, added) // by element: 1 + the read that showed it last
	for _, i := range at {
		o := &s.h.Ops[i]
		if o.Func != history.Read {
			continue
		}
		list, isList := o.Out.AsList()
		if !isList && !o.Out.IsNil() {
			return s.broken("#%d read %s, which is no set", []any{o.Index, o.Out}, i)
		}
		if s.m.mustStop(4 * (8 + len(list))) {
			return result{}
		}
		r := setRead{at: i, has: make([]int32, len(list))}
		for k := range list { // values are wide: none is copied on the way
			n := s.known(list[k].AsInt())
			if n < 0 {
				n = s.of(list[k])
			}
			if n >= added {
				return s.broken("#%d read %s, which nobody had added", []any{o.Index, list[k]}, i)
			}
			if last[n] == i+1 {
				return s.broken("#%d shows %s twice", []any{o.Index, list[k]}, append([]int{i}, s.adds[n]...)...)
			}
			r.has[k], last[n] = int32(n), i+1
		}
		s.reads = append(s.reads, r)
	}
	return result{status: OK, method: byInclusion}
}

// chain checks that of any two reads one shows all that the other one does.
func (s *growSet) chain() result {
	slices.SortStableFunc(s.reads, func(a, b setRead) int { return cmp.Compare(len(a.has), len(b.has)) })
	s.step = make([]int, len(s.names))
	distinct := 0
	for n := range s.reads {
		r := &s.reads[n]
		if s.m.mustStop(8 + len(r.has)) {
			return result{}
		}
		if n > 0 && len(r.has) == len(s.reads[n-1].has) {
			for _, e := range r.has {
				if s.step[e] == 0 {
					return s.apart(s.reads[n-1], *r)
				}
			}
			r.step = s.reads[n-1].step
			continue
		}
		old := 0
		if len(r.has) > 0 { // the first step is of what shows nothing
			distinct++
			r.step = distinct
		}
		for _, e := range r.has {
			if s.step[e] > 0 {
				old++
			} else {
				s.step[e] = distinct
			}
		}
		if n > 0 && old < len(s.reads[n-1].has) {
			return s.apart(s.reads[n-1], *r)
		}
	}
	return result{status: OK}
}

// apart is the violation of two reads of which each shows what the other one does not.
func (s *growSet) apart(a, b setRead) result {
	only := func(a, b setRead) int32 {
		return a.has[slices.IndexFunc(a.has, func(e int32) bool { return !slices.Contains(b.has, e) })]
	}
	x, y := only(a, b), only(b, a)
	o, p := &s.h.Ops[a.at], &s.h.Ops[b.at]
	if b.at < a.at {
		x, y, o, p = y, x, p, o
	}
	return s.broken("#%d shows %s and not %s, #%d shows %s and not %s", []any{o.Index, s.names[x], s.names[y], p.Index, s.names[y], s.names[x]},
		slices.Concat([]int{a.at, b.at}, s.adds[x], s.adds[y])...)
}

// late is the operation called last in the steps so far, and its time.
type late struct {
	call    int64
	at      int
	element int // that it adds; -1 for a read
}

// inSteps goes through the steps. Adds of the k-th step come before reads of it.
func (s *growSet) inSteps() result {
	byStep := make([][]int, len(s.reads)+2)
	for e, k := range s.step {
		if k == 0 {
			k = len(byStep) - 1
		}
		byStep[k] = append(byStep[k], e)
	}
	before := late{call: math.MinInt64, at: -1}
	next := 0 // read
	for k, elements := range byStep {
		now := before
		for _, e := range elements {
			for _, i := range s.adds[e] {
				if effect(&s.h.Ops[i]) < before.call {
					return s.tooLate(before, i, e)
				}
			}
			// In the last step nothing comes after.
			if first := s.adds[e][0]; s.h.Ops[first].Call > now.call {
				now = late{s.h.Ops[first].Call, first, e}
			}
		}
		before = now
		for ; next < len(s.reads) && s.reads[next].step == k; next++ {
			i := s.reads[next].at
			if s.h.Ops[i].Return < before.call {
				return s.tooLate(before, i, -1)
			}
			if s.h.Ops[i].Call > now.call {
				now = late{s.h.Ops[i].Call, i, -1}
			}
		}
		before = now
	}
	return result{status: OK, method: byInclusion}
}

// tooLate is the violation of an operation that returned before one of an earlier step
// was called; element is what it adds, -1 for a read.
func (s *growSet) tooLate(before late, i, element int) result {
	o, p := &s.h.Ops[before.at], &s.h.Ops[i]
	pair := []int{before.at, i}
	switch {
	case before.element < 0 && element >= 0:
		return s.broken("#%d does not show %s, which #%d added and had returned when #%d began",
			[]any{o.Index, s.names[element], p.Index, o.Index}, append(pair, s.adds[element]...)...)
	case before.element < 0:
		more := s.shownOnlyBy(p, o)
		return s.broken("#%d shows %s and had returned when #%d began, which does not show it",
			[]any{p.Index, s.names[more], o.Index}, append(pair, s.adds[more]...)...)
	case element < 0: // which shows all of the steps before it
		return s.broken("#%d shows %s and had returned when #%d was called, which is the first that adds it",
			[]any{p.Index, s.names[before.element], o.Index}, append(pair, s.adds[before.element]...)...)
	}
	// Between the two comes a read that shows what the one adds, and not what the other one does.
	k := s.step[before.element]
	between := s.reads[slices.IndexFunc(s.reads, func(r setRead) bool { return r.step == k })].at
	pair = append(pair, between)
	return s.broken("#%d shows %s and not %s, but #%d adds %s and was called when #%d, with %s, had returned",
		[]any{s.h.Ops[between].Index, s.names[before.element], s.names[element], o.Index, s.names[before.element], p.Index, s.names[element]},
		slices.Concat(pair, s.adds[before.element], s.adds[element])...)
}

// shownOnlyBy is an element that p returned and o did not.
func (s *growSet) shownOnlyBy(p, o *history.Op) int32 {
	with, without := setRead{}, setRead{}
	for _, r := range s.reads {
		switch &s.h.Ops[r.at] {
		case p:
			with = r
		case o:
			without = r
		}
	}
	in := make(map[int32]bool, len(without.has))
	for _, e := range without.has {
		in[e] = true
	}
	return with.has[slices.IndexFunc(with.has, func(e int32) bool { return !in[e] })]
}
