package contract

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// running is a sum of amounts by the time from which they count.
type running struct {
	times []int64
	sums  []int64 // sums[i] is that of the first i
}

func newRunning(at map[int64]int64) running {
	var s running
	for t := range at { //joinery:anyorder sorted below
		s.times = append(s.times, t)
	}
	slices.Sort(s.times)
	s.sums = make([]int64, len(s.times)+1)
	for i, t := range s.times {
		s.sums[i+1] = s.sums[i] + at[t]
	}
	return s
}

// before is the sum of what counts from a time before t.
func (s *running) before(t int64) int64 {
	n, _ := slices.BinarySearch(s.times, t)
	return s.sums[n]
}

// until is the sum of what counts from t or a time before.
func (s *running) until(t int64) int64 {
	n, here := slices.BinarySearch(s.times, t)
	if here {
		n++
	}
	return s.sums[n]
}

// sums are those of the increments of a counter: called, and returned, up and down.
type sums struct{ calledUp, calledDown, returnedUp, returnedDown running }

// sumsOf adds up the increments; false if that passes 64 bits.
func sumsOf(o *object) (s sums, ok bool) {
	var at [4]map[int64]int64
	for i := range at {
		at[i] = make(map[int64]int64)
	}
	all, ok := int64(0), true
	o.each(history.Inc, func(_ int, op *history.Op) {
		n, _ := op.Arg.AsInt()
		if op.Outcome == history.Failed {
			return
		}
		if n == math.MinInt64 || all > math.MaxInt64-max(n, -n) {
			ok = false
			return
		}
		all += max(n, -n)
		down := 0
		if n < 0 {
			down = 1
		}
		at[down][op.Call] += n
		if op.Outcome == history.OK {
			at[2+down][op.Return] += n
		}
	})
	return sums{newRunning(at[0]), newRunning(at[1]), newRunning(at[2]), newRunning(at[3])}, ok
}

const tooMuch = ": its increments add up to more than 64 bits"

// amount is what a read of a counter returned; nil is 0.
func amount(op *history.Op) (int64, bool) {
	n, ok := op.Out.AsInt()
	return n, ok || op.Out.IsNil()
}

// counterBounds is the contract of jepsen.checker/counter: a read is at least the sum of
// the increments that had returned when it began, and at most the sum of those called
// until it returned, failed ones left out. jepsen.checker/counter refuses decrements;
// here they count on the other side each: those that may have happened lower the lower
// bound, and those that surely have lower the upper one.
func counterBounds(o *object, r *Result) {
	s, ok := sumsOf(o)
	if !ok {
		r.Open = o.name + tooMuch
		return
	}
	wrong := found(OutOfRange)
	o.each(history.Read, func(i int, op *history.Op) {
		if op.Outcome != history.OK {
			return
		}
		low := s.returnedUp.before(op.Call) + s.calledDown.until(op.Return)
		high := s.calledUp.until(op.Return) + s.returnedDown.before(op.Call)
		if n, isInt := amount(op); !isInt || n < low || n > high {
			wrong.add(op.Out, func() (string, []int) {
				return fmt.Sprintf("#%d read %s; the increments that had returned when it began, and those called until it returned, allow %d to %d",
					op.Index, op.Out, low, high), o.untouched(i)
			})
		}
	})
	o.report(r, wrong)
}

// untouched is the read at i, which by itself is wrong of a counter that nobody has
// touched unless it returned 0; then an increment that had returned goes with it.
func (o *object) untouched(i int) []int {
	read := o.op(i)
	if n, isInt := amount(read); !isInt || n != 0 {
		return []int{i}
	}
	for _, j := range o.at {
		inc := o.op(j)
		if n, _ := inc.Arg.AsInt(); n != 0 && inc.Func == history.Inc && inc.Outcome == history.OK && inc.Return < read.Call {
			return []int{j, i}
		}
	}
	panic("contract: a counter that nobody has touched was read as 0, which is right")
}

// finalSums is the contract of Maelstrom's pn-counter and g-counter: a final read is the
// sum of all increments that returned, and of any of the indeterminate ones. Final are
// the reads that begin at the last fence or later (those that Maelstrom marks), and
// without a fence those that begin after every increment that ended had. An increment
// that a final read overlaps may or may not be in it.
func finalSums(o *object, r *Result) {
	final := int64(math.MinInt64)
	if n := len(o.h.Fences); n > 0 {
		final = o.h.Fences[n-1]
	} else {
		o.each(history.Inc, func(_ int, op *history.Op) {
			if op.Outcome != history.Unknown {
				final = max(final, op.Return+1)
			}
		})
	}
	if _, ok := sumsOf(o); !ok {
		r.Open = o.name + tooMuch
		return
	}
	p := newPossible(o)
	wrong, any := found(OutOfRange), false
	o.each(history.Read, func(i int, op *history.Op) {
		if op.Outcome != history.OK || op.Call < final || r.Open != "" {
			return
		}
		any = true
		fits := p.at(op)
		if !fits {
			r.Open = o.name + ": the indeterminate increments span too much to try their sums"
			return
		}
		n, isInt := amount(op)
		if isInt && p.sums.Has(n) {
			return
		}
		wrong.add(op.Out, func() (string, []int) {
			return fmt.Sprintf("#%d, a final read, returned %s; the increments come to %d%s", op.Index, op.Out, p.sure, p.unsure()), o.untouched(i)
		})
	})
	if !any && r.Open == "" {
		r.Open = o.name + ": no read begins after the last fence, or without one after all increments"
	}
	o.report(r, wrong)
}

// possible are the sums that a read may return.
type possible struct {
	o             *object
	ends          []*history.Op // increments that returned, by when
	calls         []*history.Op // all that may have happened, by when they were called
	surely, maybe int           // the numbers of both that sums is of
	sure          int64         // the sum of those that surely happened
	open          []*history.Op
	sums          models.SubsetSums
}

func newPossible(o *object) *possible {
	p := &possible{o: o, surely: none}
	o.each(history.Inc, func(_ int, op *history.Op) {
		if op.Outcome == history.Failed {
			return
		}
		p.calls = append(p.calls, op)
		if op.Outcome == history.OK {
			p.ends = append(p.ends, op)
		}
	})
	slices.SortStableFunc(p.ends, func(a, b *history.Op) int { return cmp.Compare(a.Return, b.Return) })
	return p
}

// at makes sums those of the read; false if they span too much.
func (p *possible) at(read *history.Op) bool {
	surely, _ := slices.BinarySearchFunc(p.ends, read.Call, func(op *history.Op, t int64) int { return cmp.Compare(op.Return, t) })
	maybe := len(p.calls)
	for maybe > 0 && p.calls[maybe-1].Call > read.Return {
		maybe--
	}
	if surely == p.surely && maybe == p.maybe {
		return true
	}
	p.surely, p.maybe, p.sure, p.open = surely, maybe, 0, p.open[:0]
	for _, op := range p.ends[:surely] {
		n, _ := op.Arg.AsInt()
		p.sure += n
	}
	for _, op := range p.calls[:maybe] {
		if op.Outcome == history.Unknown || op.Return >= read.Call {
			p.open = append(p.open, op)
		}
	}
	if !p.sums.Reset(p.sure, p.open, nil) {
		return false
	}
	for _, op := range p.open {
		n, _ := op.Arg.AsInt()
		p.sums.Add(n)
	}
	return true
}

// unsure says what else may count.
func (p *possible) unsure() string {
	if len(p.open) == 0 {
		return ""
	}
	return fmt.Sprintf(", with or without any of %d of unknown outcome", len(p.open))
}
