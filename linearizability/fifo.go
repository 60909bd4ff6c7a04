package linearizability

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

const byPairs = "pairs of values and intervals that are never empty, since no value is put in twice"

// passed is what happened to one value of a queue: positions of its enqueue and its
// dequeue, -1 where there is none, and what real time says of them.
type passed struct {
	value         history.Value
	in, out       int
	inCall, inEnd int64 // of the enqueue; inEnd is Pending if its outcome is unknown
	outCall       int64 // of the dequeue; Pending if it never came out
	outEnd        int64
}

// fifoQueue decides linearizability of a queue into which no value is put twice, by the
// four patterns of Henzinger, Sezgin and Vafeiadis ("Aspect-oriented linearizability
// proofs", CONCUR 2013): a value that comes out and was never put in, or comes out
// twice; two values of which the one was put in surely first and surely did not come out
// first; a dequeue that found the queue empty, though at every instant of it some value
// was surely in it. A dequeue of unknown outcome may have taken a value that never came
// out; where there are such, each value that must have been taken needs one of its own
// that began in time. O(n log n).
type fifoQueue struct {
	m      *meter
	h      *history.History
	name   string
	values []passed
	empty  []int   // dequeues that found nothing
	unsure []int64 // when dequeues of unknown outcome were called, ascending
}

// decideFIFO judges the operations at these positions, of one object; fits is false where
// it cannot: a value is put in twice, or dequeues of unknown outcome stand beside some
// that found nothing.
func decideFIFO(m *meter, h *history.History, at []int) (r result, fits bool) {
	q := &fifoQueue{m: m, h: h, name: fmt.Sprintf("%s %q", h.Ops[at[0]].Type, h.Ops[at[0]].Key)}
	if r, fits = q.gather(at); !fits || r.status != OK {
		return r, fits
	}
	order := q.outOfOrder()
	if m.mustStop(0) {
		return result{}, true
	}
	if order.status == Violation && len(q.unsure) > 0 {
		if len(q.empty) > 0 {
			return result{}, false
		}
		return q.takenUnseen(), true
	}
	if order.status == Violation {
		return order, true
	}
	if r = q.neverEmpty(); r.status == Violation && len(q.unsure) > 0 {
		return result{}, false
	}
	return r, true
}

func (q *fifoQueue) op(i int) *history.Op { return &q.h.Ops[i] }

func (q *fifoQueue) broken(at []int, why string, args ...any) result {
	slices.Sort(at)
	at = slices.DeleteFunc(slices.Compact(at), func(i int) bool { return i < 0 })
	return result{status: Violation, method: byPairs, witness: at, reason: q.name + ": " + fmt.Sprintf(why, args...)}
}

// gather pairs enqueues with dequeues.
func (q *fifoQueue) gather(at []int) (r result, fits bool) {
	numbers := make(map[string]int)
	for n, i := range at {
		if q.m.mustStopAt(n) {
			return result{}, false
		}
		o := q.op(i)
		if o.Func != history.Enqueue {
			continue
		}
		k := o.Arg.Key()
		if _, twice := numbers[k]; twice {
			return result{}, false
		}
		numbers[k] = len(q.values)
		q.values = append(q.values, passed{
			value: o.Arg, in: i, out: -1, inCall: o.Call, inEnd: effect(o), outCall: history.Pending, outEnd: history.Pending,
		})
	}
	for n, i := range at {
		if q.m.mustStopAt(n) {
			return result{}, false
		}
		o := q.op(i)
		switch {
		case o.Func == history.Enqueue:
			continue
		case o.Outcome == history.Unknown:
			q.unsure = append(q.unsure, o.Call)
			continue
		case o.Out.IsNil():
			q.empty = append(q.empty, i)
			continue
		}
		n, known := numbers[o.Out.Key()]
		if !known {
			return q.broken([]int{i}, "#%d took out %s, which nobody had put in", o.Index, o.Out), true
		}
		v := &q.values[n]
		switch {
		case v.out >= 0:
			return q.broken([]int{v.in, v.out, i}, "#%d and #%d both took out %s, which #%d put in once",
				q.op(v.out).Index, o.Index, o.Out, q.op(v.in).Index), true
		case o.Return < v.inCall:
			return q.broken([]int{v.in, i}, "#%d took out %s and had returned before #%d, which put it in, was called",
				o.Index, o.Out, q.op(v.in).Index), true
		}
		v.out, v.outCall, v.outEnd = i, o.Call, o.Return
	}
	return result{status: OK, method: byPairs}, true
}

// overtakes are, by value, the earliest return of a dequeue of a value that was surely
// put in later, and that value; Pending and -1 if there is none.
func (q *fifoQueue) overtakes() (ends []int64, by []int) {
	later := make([]int, len(q.values)) // by call of the enqueue
	for n := range later {
		later[n] = n
	}
	sortLooking(q.m, later, func(a, b int) int { return cmp.Compare(q.values[a].inCall, q.values[b].inCall) })
	first := make([]int, len(later)+1) // of later[n:], the one whose dequeue returned first
	first[len(later)] = -1
	for n := len(later) - 1; n >= 0; n-- {
		if first[n] = first[n+1]; first[n] < 0 || q.values[later[n]].outEnd < q.values[first[n]].outEnd {
			first[n] = later[n]
		}
	}
	ends, by = make([]int64, len(q.values)), make([]int, len(q.values))
	for a := range q.values {
		if q.m.mustStopAt(a) {
			by[a], ends[a] = -1, history.Pending
			continue
		}
		n, _ := slices.BinarySearchFunc(later, q.values[a].inEnd, func(b int, t int64) int {
			if q.values[b].inCall <= t {
				return -1
			}
			return 1
		})
		if ends[a], by[a] = history.Pending, first[n]; by[a] >= 0 {
			ends[a] = q.values[by[a]].outEnd
		}
	}
	return ends, by
}

// outOfOrder looks for a value that was surely put in before another one and surely did
// not come out before it.
func (q *fifoQueue) outOfOrder() result {
	ends, by := q.overtakes()
	for n := range q.values {
		a := &q.values[n]
		if ends[n] >= a.outCall {
			continue
		}
		b := &q.values[by[n]]
		out := "and never came out"
		if a.out >= 0 {
			out = fmt.Sprintf("and came out later, by #%d", q.op(a.out).Index)
		}
		return q.broken([]int{a.in, a.out, b.in, b.out}, "#%d took out %s, though %s was put in before it (#%d, then #%d) %s",
			q.op(b.out).Index, b.value, a.value, q.op(a.in).Index, q.op(b.in).Index, out)
	}
	return result{status: OK, method: byPairs}
}

// takenUnseen gives each value that was overtaken and never came out a dequeue of unknown
// outcome that was called before the other one came out.
func (q *fifoQueue) takenUnseen() result {
	ends, by := q.overtakes()
	var due []int
	for n := range q.values {
		switch a := &q.values[n]; {
		case ends[n] >= a.outCall:
		case a.out >= 0:
			b := &q.values[by[n]]
			return q.broken([]int{a.in, a.out, b.in, b.out}, "#%d took out %s, though %s was put in before it (#%d, then #%d) and came out later, by #%d",
				q.op(b.out).Index, b.value, a.value, q.op(a.in).Index, q.op(b.in).Index, q.op(a.out).Index)
		default:
			due = append(due, n)
		}
	}
	slices.SortStableFunc(due, func(a, b int) int { return cmp.Compare(ends[a], ends[b]) })
	for k, n := range due {
		if k >= len(q.unsure) || q.unsure[k] > ends[n] {
			a, b := &q.values[n], &q.values[by[n]]
			r := q.broken(nil, "#%d took out %s, though %s was put in before it (#%d, then #%d) and never came out, and dequeues of unknown outcome are too few to have taken it",
				q.op(b.out).Index, b.value, a.value, q.op(a.in).Index, q.op(b.in).Index)
			r.witness = nil // all of them bear on it
			return r
		}
	}
	return result{status: OK, method: byPairs}
}

// neverEmpty looks for a dequeue that found the queue empty, though some value was
// surely in it at each of its instants. A value surely is from the return of its enqueue
// to the call of its dequeue, without these two instants.
func (q *fifoQueue) neverEmpty() result {
	var held []int // values that surely are in it for a time, by its beginning
	for n := range q.values {
		if q.values[n].inEnd < q.values[n].outCall {
			held = append(held, n)
		}
	}
	sortLooking(q.m, held, func(a, b int) int { return cmp.Compare(q.values[a].inEnd, q.values[b].inEnd) })
	if q.m.mustStop(0) {
		return result{}
	}
	// A stretch is of values each of which is in the queue before the one before leaves.
	type stretch struct {
		from, to int64
		first    int // in held
	}
	var stretches []stretch
	for n, v := range held {
		last := len(stretches) - 1
		if last >= 0 && q.values[v].inEnd < stretches[last].to {
			stretches[last].to = max(stretches[last].to, q.values[v].outCall)
			continue
		}
		stretches = append(stretches, stretch{q.values[v].inEnd, q.values[v].outCall, n})
	}
	for _, i := range q.empty {
		d := q.op(i)
		n, _ := slices.BinarySearchFunc(stretches, d.Call, func(s stretch, t int64) int { return cmp.Compare(s.from, t) })
		if n == 0 || stretches[n-1].to <= d.Return {
			continue
		}
		return q.wasHeld(i, held[stretches[n-1].first:])
	}
	return result{status: OK, method: byPairs}
}

// wasHeld is the violation of the dequeue at i, which found the queue empty though the
// values of held, by their beginnings, leave it no instant. As few as suffice are told.
func (q *fifoQueue) wasHeld(i int, held []int) result {
	d := q.op(i)
	at := []int{i}
	var names []history.Value
	reach := int64(math.MinInt64)
	for n, covered := 0, d.Call; reach <= d.Return; covered = reach {
		best := -1
		for ; n < len(held) && q.values[held[n]].inEnd < covered; n++ {
			if v := held[n]; best < 0 || q.values[v].outCall > q.values[best].outCall {
				best = v
			}
		}
		v := &q.values[best]
		reach = v.outCall
		at, names = append(at, v.in, v.out), append(names, v.value)
	}
	if len(names) == 1 {
		return q.broken(at, "#%d found it empty, though %s was in it from before it began until after it returned", d.Index, names[0])
	}
	return q.broken(at, "#%d found it empty, though there was no instant of it at which none of %v was in it", d.Index, history.List(names...))
}
