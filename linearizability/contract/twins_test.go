package contract

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// The contracts again, tried by brute force: every order of the operations that real
// time allows, every subset of those that may not count, or every pair of them.

// orders calls do for every order of the operations in which none comes after one that
// was called when it had returned; those that may be left out are, in some.
func orders(ops []*history.Op, optional func(*history.Op) bool, do func(order []*history.Op)) {
	var order []*history.Op
	used := make([]bool, len(ops))
	var extend func()
	extend = func() {
		complete := true
		for i, o := range ops {
			complete = complete && (used[i] || optional(o))
		}
		if complete {
			do(order)
		}
		for i, o := range ops {
			if used[i] {
				continue
			}
			first := true
			for j, p := range ops {
				first = first && (used[j] || j == i || optional(p) || p.Return >= o.Call)
			}
			if !first {
				continue
			}
			used[i] = true
			order = append(order, o)
			extend()
			order = order[:len(order)-1]
			used[i] = false
		}
	}
	extend()
}

func pick(h *history.History, is func(*history.Op) bool) (ops []*history.Op) {
	for i := range h.Ops {
		if is(&h.Ops[i]) {
			ops = append(ops, &h.Ops[i])
		}
	}
	return ops
}

func unsure(o *history.Op) bool { return o.Outcome == history.Unknown }
func okay(fn history.Func) func(*history.Op) bool {
	return func(o *history.Op) bool { return o.Func == fn && o.Outcome == history.OK }
}

func shows(read *history.Op, v history.Value) (count int) {
	list, _ := read.Out.AsList()
	for _, e := range list {
		if e.Equal(v) {
			count++
		}
	}
	return count
}

// everything is each value that is added, put in or read.
func everything(h *history.History) (vs []history.Value) {
	for i := range h.Ops {
		o := &h.Ops[i]
		list, isList := o.Out.AsList()
		if !isList {
			list = []history.Value{o.Out}
		}
		vs = append(vs, append(slices.Clone(list), o.Arg)...)
	}
	set, _ := history.SetOf(vs...).AsList()
	return set
}

func tried(h *history.History, fn history.Func, v history.Value) bool {
	return len(pick(h, func(o *history.Op) bool { return o.Func == fn && o.Arg.Equal(v) })) > 0
}

func plainSet(h *history.History) bool {
	var last *history.Op
	for _, r := range pick(h, okay(history.Read)) {
		if last == nil || r.Return >= last.Return {
			last = r
		}
	}
	if last == nil {
		return true
	}
	holds := true
	for _, v := range everything(h) {
		always := true // in every order it was added before the read
		ops := append(pick(h, func(o *history.Op) bool { return okay(history.Add)(o) && o.Arg.Equal(v) }), last)
		orders(ops, unsure, func(order []*history.Op) { always = always && order[0] != last })
		if always && shows(last, v) == 0 || shows(last, v) > 0 && !tried(h, history.Add, v) {
			holds = false
		}
	}
	return holds
}

func plainSetFull(h *history.History, linearizable bool) bool {
	reads := pick(h, okay(history.Read))
	for _, v := range everything(h) {
		confirms := pick(h, func(o *history.Op) bool {
			return o.Outcome == history.OK && (o.Func == history.Add && o.Arg.Equal(v) || o.Func == history.Read && shows(o, v) > 0)
		})
		for _, r := range reads {
			if shows(r, v) > 0 && (shows(r, v) > 1 || !tried(h, history.Add, v)) {
				return false
			}
			if shows(r, v) > 0 || !tried(h, history.Add, v) {
				continue
			}
			missed := slices.ContainsFunc(confirms, func(c *history.Op) bool { return c.Return < r.Call })
			again := slices.ContainsFunc(reads, func(p *history.Op) bool { return shows(p, v) > 0 && p.Index > r.Index })
			if missed && (linearizable || !again) {
				return false
			}
		}
	}
	return true
}

// subsetSums are the sums that the read may return: of every subset of the increments
// called until it returned that has those which had returned when it began.
func subsetSums(h *history.History, r *history.Op) []int64 {
	sums := []int64{0}
	for _, o := range pick(h, func(o *history.Op) bool {
		return o.Func == history.Inc && o.Outcome != history.Failed && o.Call <= r.Return
	}) {
		n, _ := o.Arg.AsInt()
		with := slices.Clone(sums)
		for i := range with {
			with[i] += n
		}
		if surely := o.Outcome == history.OK && o.Return < r.Call; surely {
			sums = nil
		}
		sums = append(sums, with...)
	}
	return sums
}

func plainCounter(h *history.History) bool {
	for _, r := range pick(h, okay(history.Read)) {
		sums := subsetSums(h, r)
		n, _ := r.Out.AsInt()
		if n < slices.Min(sums) || n > slices.Max(sums) {
			return false
		}
	}
	return true
}

func plainFinalSums(h *history.History) bool {
	for _, r := range pick(h, okay(history.Read)) {
		final := true
		if len(h.Fences) > 0 {
			final = r.Call >= h.Fences[len(h.Fences)-1]
		} else {
			for _, o := range pick(h, func(o *history.Op) bool { return o.Func == history.Inc && o.Outcome != history.Unknown }) {
				final = final && o.Return < r.Call
			}
		}
		n, _ := r.Out.AsInt()
		if final && !slices.Contains(subsetSums(h, r), n) {
			return false
		}
	}
	return true
}

// plainBag takes the operations on one value at a time, drains as dequeues of each of
// theirs.
func plainBag(h *history.History) bool {
	for _, v := range everything(h) {
		var ops []*history.Op
		for i := range h.Ops {
			o := h.Ops[i]
			switch {
			case o.Func == history.Enqueue && o.Arg.Equal(v):
				if o.Outcome != history.OK {
					o.Outcome, o.Return = history.Unknown, history.Pending
				}
				ops = append(ops, &o)
			case o.Outcome != history.OK || v.IsNil():
			case o.Func == history.Dequeue && o.Out.Equal(v):
				ops = append(ops, &o)
			case o.Func == history.Drain:
				for range shows(&o, v) {
					one := o
					ops = append(ops, &one)
				}
			}
		}
		any := false
		orders(ops, unsure, func(order []*history.Op) {
			in, right := 0, true
			for _, o := range order {
				if o.Func == history.Enqueue {
					in++
				} else if in--; in < 0 {
					right = false
				}
			}
			any = any || right
		})
		if !any {
			return false
		}
	}
	return true
}

func plainTotalQueue(h *history.History) bool {
	for _, v := range everything(h) {
		acked, out := 0, 0
		for i := range h.Ops {
			o := &h.Ops[i]
			switch {
			case o.Outcome != history.OK || v.IsNil():
			case o.Func == history.Enqueue && o.Arg.Equal(v):
				acked++
			case o.Func == history.Dequeue && o.Out.Equal(v):
				out++
			case o.Func == history.Drain:
				out += shows(o, v)
			}
		}
		if acked > out || out > 0 && !tried(h, history.Enqueue, v) {
			return false
		}
	}
	return true
}

func plainLock(h *history.History) bool {
	any := false
	ops := pick(h, func(o *history.Op) bool { return o.Outcome != history.Failed })
	orders(ops, unsure, func(order []*history.Op) {
		holder, right, last := -1, true, map[int]int{}
		for _, o := range order {
			right = right && o.Index >= last[o.Session]
			last[o.Session] = o.Index
			switch {
			case o.Func == history.Acquire && holder < 0:
				holder = o.Session
			case o.Func == history.Release && holder == o.Session:
				holder = -1
			default:
				right = false
			}
		}
		any = any || right
	})
	return any
}

func plainBank(h *history.History) bool {
	sum := func(v history.Value) (total int64, right bool) {
		entries, right := v.AsMap()
		for _, e := range entries {
			n, isInt := e[1].AsInt()
			right = right && isInt && n >= 0
			total += n
		}
		return total, right
	}
	accounts := func(v history.Value) (names []string) {
		entries, _ := v.AsMap()
		for _, e := range entries {
			names = append(names, e[0].Key())
		}
		return names
	}
	reads := pick(h, okay(history.Read))
	for _, a := range reads {
		total, right := sum(a.Out)
		if !right {
			return false
		}
		for _, b := range reads {
			if other, _ := sum(b.Out); other != total {
				return false
			}
		}
		if h.Initial.Kind() == history.KindMap {
			if due, _ := sum(h.Initial); total != due {
				return false
			}
			for _, name := range accounts(a.Out) {
				if !slices.Contains(accounts(h.Initial), name) {
					return false
				}
			}
		}
	}
	return true
}

func plainIDs(h *history.History) bool {
	for _, a := range pick(h, okay(history.Generate)) {
		for _, b := range pick(h, okay(history.Generate)) {
			if a != b && a.Out.Equal(b.Out) {
				return false
			}
		}
	}
	return true
}
