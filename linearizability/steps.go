package linearizability

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const bySteps = "what must have taken effect by each return, the earliest due first, since all increments are of one amount"

// steps looks for an order of the operations of a counter whose increments are all of one
// amount, so that a value says how many came before. They take effect as late as they may:
// when one returns, or when a read returns that needs so many, and then those that return
// first, which loses nothing, as all do the same. Before each of them all reads take effect
// that were called and have the value so far. There is an order iff no read is left behind
// and none lacks an increment. O(n log n).
type steps struct {
	m       *meter
	h       *history.History
	amount  int64
	count   int64           // increments that took effect
	done    map[int]bool    // by position
	waiting []int           // increments called and not done, by their returns
	reads   map[int64][]int // called and not done, by how many increments they need
}

// decideSteps judges the operations at these positions, of one counter. fits is false
// where increments differ, or there is no order: a search then tells why.
func decideSteps(m *meter, h *history.History, at []int) (r result, fits bool) {
	s := &steps{m: m, h: h, done: make(map[int]bool, len(at)), reads: make(map[int64][]int)}
	for n, i := range at {
		if m.mustStopAt(n) {
			return result{}, false
		}
		switch o := &h.Ops[i]; o.Func {
		case history.Inc:
			n, _ := o.Arg.AsInt()
			if n == 0 || s.amount != 0 && n != s.amount {
				return result{}, false
			}
			s.amount = n
		case history.Read:
		default:
			return result{}, false
		}
	}
	if s.amount == 0 || !s.run(at) {
		return result{}, false
	}
	return result{status: OK, method: bySteps}, true
}

// needs is how many increments come before a read; false if no number of them gives what it
// returned.
func (s *steps) needs(i int) (int64, bool) {
	o := &s.h.Ops[i]
	n, isInt := o.Out.AsInt()
	if !isInt && !o.Out.IsNil() || n%s.amount != 0 || n/s.amount < 0 {
		return 0, false
	}
	return n / s.amount, true
}

func (s *steps) run(at []int) bool {
	calls := slices.Clone(at)
	sortLooking(s.m, calls, func(a, b int) int { return cmp.Compare(s.h.Ops[a].Call, s.h.Ops[b].Call) })
	returns := slices.DeleteFunc(slices.Clone(at), func(i int) bool { return s.h.Ops[i].Outcome != history.OK })
	sortLooking(s.m, returns, func(a, b int) int { return cmp.Compare(s.h.Ops[a].Return, s.h.Ops[b].Return) })
	called := 0
	for n, i := range returns {
		if s.m.mustStopAt(n) {
			return false
		}
		for ; called < len(calls) && s.h.Ops[calls[called]].Call <= s.h.Ops[i].Return; called++ {
			if !s.call(calls[called]) {
				return false
			}
		}
		if s.done[i] {
			continue
		}
		if s.h.Ops[i].Func == history.Inc {
			s.done[i] = true
			s.step()
			continue
		}
		due, _ := s.needs(i)
		for s.count < due {
			if !s.next() {
				return false
			}
		}
		if s.count > due {
			return false
		}
		s.done[i] = true
	}
	return true
}

// call has an operation wait; false if it is a read of what no number of increments gives.
func (s *steps) call(i int) bool {
	o := &s.h.Ops[i]
	if o.Func == history.Read {
		if o.Outcome != history.OK {
			return true
		}
		due, fits := s.needs(i)
		s.reads[due] = append(s.reads[due], i)
		return fits
	}
	if o.Outcome == history.Failed {
		return true
	}
	at, _ := slices.BinarySearchFunc(s.waiting, effect(o), func(j int, t int64) int { return cmp.Compare(effect(&s.h.Ops[j]), t) })
	s.waiting = slices.Insert(s.waiting, at, i)
	return true
}

// next has the increment that returns first take effect; false if none waits.
func (s *steps) next() bool {
	for len(s.waiting) > 0 {
		i := s.waiting[0]
		if s.waiting = s.waiting[1:]; !s.done[i] {
			s.done[i] = true
			s.step()
			return true
		}
	}
	return false
}

// step counts an increment, after the reads that come before it.
func (s *steps) step() {
	for _, i := range s.reads[s.count] {
		s.done[i] = true
	}
	delete(s.reads, s.count)
	s.count++
}
