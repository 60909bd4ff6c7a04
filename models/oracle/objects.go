package oracle

import (
	"math/rand/v2"
	"sort"

	"github.com/joinery-go/joinery/linearizability/history"
)

// LinearizableObjects tries every order of the operations on each object that
// respects real time, replaying each order from the start on a plain register,
// slice or map. With lww set, registers keep the write of greatest stamp.
func LinearizableObjects(h *history.History, lww bool) bool {
	for _, name := range objects(h) {
		r := &Registers{}
		for i := range h.Ops {
			o := &h.Ops[i]
			silent := o.Outcome == history.Failed && o.Func != history.CAS || o.Func == history.Read && o.Outcome != history.OK
			if object(o) == name && !silent {
				r.ops = append(r.ops, o)
			}
		}
		if !r.someReplay(lww) {
			return false
		}
	}
	return true
}

// someReplay looks for an order that respects real time.
func (r *Registers) someReplay(lww bool) bool {
	before := make([]uint32, len(r.ops))
	for i, o := range r.ops {
		for j, p := range r.ops {
			if p.Outcome != history.Unknown && p.Return < o.Call {
				before[i] |= 1 << j
			}
		}
	}
	return r.someOrderOf(before, func(i int, order []int) bool {
		return r.replay(append(append([]int{}, order...), i), lww)
	})
}

// someOrderOf looks for an order that extends before, over every choice of the
// indeterminate operations that happened.
func (r *Registers) someOrderOf(before []uint32, fits func(next int, order []int) bool) bool {
	var unsure uint32
	for i, o := range r.ops {
		if o.Outcome == history.Unknown {
			unsure |= 1 << i
		}
	}
	r.source = make([]int, len(r.ops))
	for left := unsure; ; left = (left - 1) & unsure {
		if r.orders(r.all()&^left, before, fits) {
			return true
		}
		if left == 0 {
			return false
		}
	}
}

// SequentialObjects tries every order of the operations on all objects together
// that keeps to the order of each session, except that nothing waits for an
// indeterminate operation, replaying each order from the start.
func SequentialObjects(h *history.History) bool {
	r := &Registers{initial: h.Initial}
	for i := range h.Ops {
		o := &h.Ops[i]
		silent := o.Outcome == history.Failed && o.Func != history.CAS || o.Func == history.Read && o.Outcome != history.OK
		if !silent {
			r.ops = append(r.ops, o)
		}
	}
	before := make([]uint32, len(r.ops))
	for i, o := range r.ops {
		for j, p := range r.ops[:i] {
			if p.Session == o.Session && p.Outcome != history.Unknown {
				before[i] |= 1 << j
			}
		}
	}
	return r.someOrderOf(before, func(i int, order []int) bool {
		var same []int
		for _, j := range order {
			if object(r.ops[j]) == object(r.ops[i]) {
				same = append(same, j)
			}
		}
		return r.replay(append(same, i), false)
	})
}

// replay runs the order on plain data and reports whether the answers fit.
func (r *Registers) replay(order []int, lww bool) bool {
	value := r.initial // of a register
	var stamp history.Stamp
	var list []history.Value
	entries := map[string]history.Value{}
	var sum int64
	text := ""
	drop := func(v history.Value) {
		var kept []history.Value
		for _, e := range list {
			if !e.Equal(v) {
				kept = append(kept, e)
			}
		}
		list = kept
	}
	for _, i := range order {
		o := r.ops[i]
		known := o.Outcome == history.OK
		pair, _ := o.Arg.AsList()
		switch string(o.Type) + " " + string(o.Func) {
		case "register read":
			if !value.Equal(o.Out) {
				return false
			}
		case "register write":
			later := o.Stamp.Compare(stamp) > 0 || o.Stamp == stamp && o.Arg.Compare(value) > 0
			if !lww || later {
				value, stamp = o.Arg, o.Stamp
			}
		case "register cas":
			if value.Equal(pair[0]) != (o.Outcome != history.Failed) {
				return false
			}
			if o.Outcome != history.Failed {
				value = pair[1]
			}
		case "set read", "multi-value read":
			if !history.SetOf(list...).Equal(asList(o.Out)) {
				return false
			}
		case "text read":
			if out, _ := o.Out.AsStr(); out != text {
				return false
			}
		case "text write":
			text, _ = o.Arg.AsStr()
		case "text append":
			more, _ := o.Arg.AsStr()
			text += more
		case "set add":
			drop(o.Arg)
			list = append(list, o.Arg)
		case "set remove":
			drop(o.Arg)
		case "counter inc":
			n, _ := o.Arg.AsInt()
			sum += n
		case "counter read":
			if n, _ := o.Out.AsInt(); n != sum {
				return false
			}
		case "multi-value write":
			gone, _ := pair[1].AsList()
			for _, v := range gone {
				drop(v)
			}
			drop(pair[0])
			list = append(list, pair[0])
		case "map write":
			entries[pair[0].Key()] = o.Arg
		case "map remove":
			delete(entries, o.Arg.Key())
		case "map read":
			if !readsMap(o, entries) {
				return false
			}
		case "queue enqueue":
			list = append(list, o.Arg)
		case "queue dequeue":
			var front history.Value
			if len(list) > 0 {
				front, list = list[0], list[1:]
			}
			if known && !front.Equal(o.Out) {
				return false
			}
		}
	}
	return true
}

func readsMap(o *history.Op, entries map[string]history.Value) bool {
	if o.Arg.IsNil() {
		var all []history.Value
		for _, e := range entries { //joinery:anyorder made a set below
			all = append(all, e)
		}
		return history.SetOf(all...).Equal(asList(o.Out))
	}
	pair, _ := entries[o.Arg.Key()].AsList()
	if len(pair) == 0 {
		return o.Out.IsNil()
	}
	return pair[1].Equal(o.Out)
}

// RandomObject returns a valid history of clients of one object of the type in
// overlapping intervals, each operation taking effect at an instant within, save
// for faults: answers taken from another instant. Always the same for a seed.
func RandomObject(seed uint64, typ history.Type, ops int, lww bool) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x6f626a))
	h := &history.History{Name: "random " + string(typ)}
	free := make([]int64, 3)
	at := map[int]int64{}
	small := func() history.Value { return history.Int(int64(1 + rng.IntN(2))) }
	for i := range ops {
		s := rng.IntN(len(free))
		o := history.Op{Session: s, Node: -1, Type: typ, Key: "o", Func: history.Read, Call: free[s] + int64(rng.IntN(3))}
		o.Return = o.Call + 2 + int64(rng.IntN(5))
		free[s] = o.Return + 1
		change := rng.IntN(2) == 0
		switch {
		case typ == history.Queue && change:
			o.Func, o.Arg = history.Enqueue, history.Int(int64(i))
		case typ == history.Queue:
			o.Func = history.Dequeue
		case typ == history.Text && change:
			o.Func, o.Arg = history.Append, history.Str(string(rune('a'+i)))
			if rng.IntN(4) == 0 {
				o.Func = history.Write
			}
		case typ == history.Map && !change && rng.IntN(3) > 0:
			o.Arg = small()
		case !change:
		case typ == history.Map && rng.IntN(3) == 0:
			o.Func, o.Arg = history.Remove, small()
		case typ == history.Map:
			o.Func, o.Arg = history.Write, history.List(small(), history.Int(int64(i)))
		case typ == history.Set && rng.IntN(3) == 0:
			o.Func, o.Arg = history.Remove, small()
		case typ == history.Set:
			o.Func, o.Arg = history.Add, small()
		case typ == history.Counter:
			o.Func, o.Arg = history.Inc, small()
		case typ == history.MultiValue:
			o.Func, o.Arg = history.Write, history.List(history.Int(int64(i)), history.List(history.Int(int64(rng.IntN(i+1)))))
		default:
			o.Func, o.Arg = history.Write, small()
			if lww {
				o.Stamp = history.Stamp{Clock: uint64(1 + rng.IntN(4)), Writer: uint64(s + 1)}
			}
		}
		if o.IsPut() && o.Func != history.Dequeue && rng.IntN(8) == 0 {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
		at[len(h.Ops)] = o.Call + int64(rng.IntN(3))
		h.Ops = append(h.Ops, o)
	}
	answer(rng, h, at, lww)
	s := &store{h: h}
	s.sortByCall()
	return h
}

// Answered returns the history with what operations returned filled in anew, most of it
// rightly, as RandomObject does. Always the same for a seed.
func Answered(h *history.History, seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x616e73))
	g := *h
	g.Ops = append([]history.Op{}, h.Ops...)
	at := map[int]int64{}
	for i := range g.Ops {
		o := &g.Ops[i]
		until := o.Return
		if until == history.Pending {
			until = o.Call + 6
		}
		at[i] = o.Call + rng.Int64N(until-o.Call+1)
	}
	answer(rng, &g, at, false)
	return &g
}

// answer fills in what operations returned, most of them rightly.
func answer(rng *rand.Rand, h *history.History, at map[int]int64, lww bool) {
	order := identity(len(h.Ops))
	sort.SliceStable(order, func(a, b int) bool { return at[order[a]] < at[order[b]] })
	r := &Registers{}
	for i := range h.Ops {
		r.ops = append(r.ops, &h.Ops[i])
	}
	for n, i := range order {
		o := &h.Ops[i]
		if o.IsPut() && o.Func != history.Dequeue {
			continue
		}
		until := n
		if rng.IntN(8) == 0 {
			until = rng.IntN(n + 1)
		}
		for _, guess := range guesses(h, o) {
			o.Out = guess
			if r.replay(append(append([]int{}, order[:until]...), i), lww) {
				break
			}
		}
	}
}

// texts are those that the arguments make, each used once or not at all, in any order.
func texts(args, so []history.Value) []history.Value {
	text := ""
	for _, v := range so {
		more, _ := v.AsStr()
		text += more
	}
	all := []history.Value{history.Str(text)}
	for i := range args {
		rest := append(append([]history.Value{}, args[:i]...), args[i+1:]...)
		all = append(all, texts(rest, append(append([]history.Value{}, so...), args[i]))...)
	}
	return all
}

// guesses lists the values that an operation may return.
func guesses(h *history.History, o *history.Op) []history.Value {
	var args []history.Value
	for i := range h.Ops {
		p := &h.Ops[i]
		pair, isPair := p.Arg.AsList()
		switch {
		case !p.IsPut() || p.Func == history.Remove || p.Func == history.Dequeue:
		case isPair && o.Type == history.Map && !o.Arg.IsNil():
			args = append(args, pair[1])
		case isPair && o.Type == history.MultiValue:
			args = append(args, pair[0])
		default:
			args = append(args, p.Arg)
		}
	}
	all := append([]history.Value{history.Nil}, args...)
	switch {
	case o.Type == history.Text:
		return texts(args, nil)
	case o.Type == history.Counter:
		for n := range int64(20) {
			all = append(all, history.Int(n))
		}
	case o.Type == history.Set || o.Type == history.MultiValue || o.Type == history.Map && o.Arg.IsNil():
		distinct, _ := history.SetOf(args...).AsList()
		for subset := range 1 << len(distinct) {
			var some []history.Value
			for n, v := range distinct {
				if subset>>n&1 == 1 {
					some = append(some, v)
				}
			}
			all = append(all, history.SetOf(some...))
		}
	}
	return all
}
