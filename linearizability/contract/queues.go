package contract

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// passage is what happened to one value of a queue, as positions, one an occurrence.
type passage struct {
	attempts []int // enqueues, whatever came of them, in the order of their calls
	acked    []int // those of them that returned
	out      []int // dequeues and drains that returned it
}

// passages are those of all values of a queue, by their numbers. A dequeue of nil found
// the queue empty.
func passages(o *object) (*values, []passage) {
	x := newValues()
	var all []passage
	of := func(v history.Value) *passage {
		n, isNew := x.of(v)
		if isNew {
			all = append(all, passage{})
		}
		return &all[n]
	}
	for _, i := range o.at {
		op := o.op(i)
		if o.over.yet(1 + op.Out.Len()) {
			break
		}
		switch {
		case op.Func == history.Enqueue:
			p := of(op.Arg)
			p.attempts = append(p.attempts, i)
			if op.Outcome == history.OK {
				p.acked = append(p.acked, i)
			}
		case op.Outcome != history.OK || op.Out.IsNil():
		case op.Func == history.Dequeue:
			p := of(op.Out)
			p.out = append(p.out, i)
		default:
			list, _ := op.Out.AsList()
			for _, v := range list {
				p := of(v)
				p.out = append(p.out, i)
			}
		}
	}
	return x, all
}

// bag is the contract of jepsen.checker/queue with an unordered queue: whenever a
// dequeue returns a value, enqueues of it that were called by then are as many as the
// dequeues of it that have returned, whatever came of the enqueues. Drains are dequeues
// one after the other.
func bag(o *object, r *Result) {
	x, all := passages(o)
	unexpected, duplicated, premature := found(Unexpected), found(Duplicated), found(Premature)
	for n := range all {
		if o.over.yet(1) {
			return
		}
		p, v := &all[n], x.all[n]
		slices.SortStableFunc(p.out, func(a, b int) int { return cmp.Compare(o.op(a).Return, o.op(b).Return) })
		called := 0
		for k, i := range p.out {
			out := o.op(i)
			for called < len(p.attempts) && called <= k && o.op(p.attempts[called]).Call <= out.Return {
				called++
			}
			if called > k {
				continue
			}
			by := k + 1 // all that came out by then
			for by < len(p.out) && o.op(p.out[by]).Return == out.Return {
				by++
			}
			ops := slices.Concat(p.attempts[:called], fewest(p.out[:by], called))
			switch {
			case len(p.attempts) == 0:
				unexpected.add(v, func() (string, []int) {
					return fmt.Sprintf("#%d took out %s, which nobody tried to put in", out.Index, v), ops
				})
			case called == len(p.attempts):
				duplicated.add(v, func() (string, []int) {
					return fmt.Sprintf("#%d took out %s, which had come out %s before and was put in %s", out.Index, v, times(k), times(called)), ops
				})
			default:
				ops = append(ops, p.attempts[called])
				premature.add(v, func() (string, []int) {
					return fmt.Sprintf("#%d took out %s and had returned before #%d was called, which put it in",
						out.Index, v, o.op(p.attempts[called]).Index), ops
				})
			}
			break
		}
	}
	o.report(r, unexpected, duplicated, premature)
}

// fewest returns as few of the operations as return a value more than n times, given how
// often each does.
func fewest(out []int, n int) (ops []int) {
	count := make(map[int]int)
	for _, i := range out {
		count[i]++
	}
	ops = slices.Compact(slices.Sorted(slices.Values(out)))
	slices.SortStableFunc(ops, func(a, b int) int { return cmp.Compare(count[b], count[a]) })
	for m, i := range ops {
		if n -= count[i]; n < 0 {
			return ops[:m+1]
		}
	}
	return ops
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// totalQueue is the contract of jepsen.checker/total-queue: every value comes out as
// often as enqueues of it returned, and none that nobody tried to put in. What comes out
// more often than anybody tried to put it in is duplicated, which the contract allows. A
// dequeue of unknown outcome took out nothing, as in Jepsen, though it may have; a drain
// of unknown outcome leaves open what is lost, where Jepsen refuses the history.
func totalQueue(o *object, r *Result) {
	x, all := passages(o)
	lost, unexpected, duplicated := found(Lost), found(Unexpected), found(Duplicated)
	duplicated.Harmless = true
	unsure, taker := none, none
	for _, i := range o.at {
		switch op := o.op(i); {
		case op.Outcome != history.Unknown:
		case op.Func == history.Drain:
			unsure = i
		case op.Func == history.Dequeue && taker == none:
			taker = i
		}
	}
	for n := range all {
		p, v := &all[n], x.all[n]
		if len(p.acked) > len(p.out) {
			lost.add(v, func() (string, []int) {
				m := len(p.out)
				text := fmt.Sprintf("#%d put in %s, which never came out", o.op(p.acked[m]).Index, v)
				if m > 0 {
					text = fmt.Sprintf("%s was put in %s, but came out only %s", v, times(len(p.acked)), times(m))
				}
				if taker != none {
					text += fmt.Sprintf(" (dequeues of unknown outcome, the first of them #%d, count as taking out nothing, as in Jepsen, though one may have)", o.op(taker).Index)
				}
				return text, slices.Concat(p.acked[:m+1], p.out)
			})
		}
		switch {
		case len(p.out) <= len(p.attempts):
		case len(p.attempts) == 0:
			unexpected.add(v, func() (string, []int) {
				return fmt.Sprintf("#%d took out %s, which nobody tried to put in", o.op(p.out[0]).Index, v), p.out[:1]
			})
		default:
			duplicated.add(v, func() (string, []int) {
				return fmt.Sprintf("%s came out %s and was put in %s", v, times(len(p.out)), times(len(p.attempts))), slices.Concat(p.attempts, p.out)
			})
		}
	}
	if unsure != none {
		if len(lost.Values) > 0 {
			r.Open = fmt.Sprintf("%s: #%d, a drain of unknown outcome, may have taken out what seems lost", o.name, o.op(unsure).Index)
		}
		lost = found(Lost)
	}
	o.report(r, lost, unexpected, duplicated)
}
