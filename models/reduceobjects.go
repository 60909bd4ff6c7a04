package models

import (
	"github.com/joinery-go/joinery/linearizability/history"
)

// objectReducer reduces histories of objects with a sequential specification.
type objectReducer struct {
	*putIndex
	at      map[object][]int            // positions of the operations that bear on an order, by object
	changes map[object]map[string][]int // of sets: adds and removes, by element; of queues: enqueues and dequeues, by value
	adds    map[object]map[string]int   // how many of those put the value in
	takers  map[object][]int            // dequeues of unknown outcome
	whole   map[object]bool             // maps that are read as a whole
}

// reduceObjects is the reduction of models whose objects have sequential
// specifications. What can go without what else depends on the type:
//
//   - of registers an operation needs the possible sources of what it saw;
//   - from a set all adds and removes of an element go together, and the element out of
//     what reads returned, since what remains of a legal order is one of the other elements;
//   - from a queue all operations on a value go together, for the same reason. A dequeue of
//     unknown outcome may have taken any value that never came out;
//   - increments that had returned when a read of the counter began go, with their
//     amounts out of what it returned; those that it overlaps it needs;
//   - of other types what was seen needs every change called before.
func reduceObjects(h *history.History) Reduction {
	r := &objectReducer{
		putIndex: indexPuts(h), at: make(map[object][]int), changes: make(map[object]map[string][]int),
		adds: make(map[object]map[string]int), takers: make(map[object][]int), whole: make(map[object]bool),
	}
	for i := range h.Ops {
		if o := &h.Ops[i]; takesPart(o) {
			r.note(i, o)
		}
	}
	return Reduction{Support: r.support, Restrict: r.restrict}
}

func (r *objectReducer) note(i int, o *history.Op) {
	k := objectOf(o)
	r.at[k] = append(r.at[k], i)
	v, puts := o.Arg, true
	switch {
	case o.Type == history.Set && o.Func == history.Remove:
		puts = false
	case o.Type == history.Set && o.Func == history.Add, o.Type == history.Queue && o.Func == history.Enqueue:
	case o.Type == history.Queue && o.Outcome == history.Unknown:
		r.takers[k] = append(r.takers[k], i)
		return
	case o.Type == history.Queue && !o.Out.IsNil():
		v, puts = o.Out, false
	default:
		return
	}
	if r.changes[k] == nil {
		r.changes[k], r.adds[k] = make(map[string][]int), make(map[string]int)
	}
	name := v.Key()
	r.changes[k][name] = append(r.changes[k][name], i)
	if puts {
		r.adds[k][name]++
	}
}

func (r *objectReducer) support(i int) []int {
	o := &r.h.Ops[i]
	k := objectOf(o)
	switch {
	case o.Type == history.Register:
		if wanted := demanded(o); wanted != nil {
			return possibleSources(r.h, r.byKey[k], i, wanted)
		}
		return nil
	case o.Type == history.Set && o.Func != history.Read:
		return except(r.changes[k][o.Arg.Key()], i)
	case o.Type == history.Set, o.Type == history.Queue && o.Func == history.Dequeue && (o.Outcome == history.Unknown || o.Out.IsNil()):
		return nil
	case o.Type == history.Queue:
		v := o.Arg
		if o.Func == history.Dequeue {
			v = o.Out
		}
		need := except(r.changes[k][v.Key()], i)
		if in := r.adds[k][v.Key()]; o.Func == history.Enqueue && 2*in > len(r.changes[k][v.Key()]) {
			need = append(need, r.takers[k]...) // one of them may have taken it
		}
		return need
	case o.Func != history.Read:
		return nil
	}
	return r.changesBefore(i, k, o)
}

// changesBefore are the changes that a read may rest on: all that were called before
// it returned, but for increments that surely count, which its value can be relieved of.
func (r *objectReducer) changesBefore(i int, k object, o *history.Op) (need []int) {
	for _, j := range r.byKey[k] {
		p := &r.h.Ops[j]
		if j != i && p.Call <= effectiveReturn(o) && !(o.Type == history.Counter && surelyBefore(p, o)) {
			need = append(need, j)
		}
	}
	return need
}

// surelyBefore reports whether real time puts p before o.
func surelyBefore(p, o *history.Op) bool { return effectiveReturn(p) < o.Call }

// except copies the positions but for one.
func except(all []int, i int) (others []int) {
	for _, j := range all {
		if j != i {
			others = append(others, j)
		}
	}
	return others
}

func (r *objectReducer) restrict(kept []int) *history.History {
	sub := restrict(r.h)(kept)
	in := make(map[int]struct{}, len(kept))
	for _, i := range kept {
		in[i] = struct{}{}
	}
	for i := range sub.Ops {
		o := &sub.Ops[i]
		if o.Func != history.Read || o.Outcome != history.OK {
			continue
		}
		switch o.Type {
		case history.Set:
			r.forget(o, in)
		case history.Counter:
			r.relieve(o, in)
		}
	}
	return sub
}

// forget takes out of a set what was added by operations that are gone. An element that
// nobody ever added stays.
func (r *objectReducer) forget(o *history.Op, in map[int]struct{}) {
	list, _ := o.Out.AsList()
	k := objectOf(o)
	left := make([]history.Value, 0, len(list))
	for _, v := range list {
		name := v.Key()
		if r.adds[k][name] > 0 {
			if _, here := in[r.changes[k][name][0]]; !here {
				continue
			}
		}
		left = append(left, v)
	}
	if len(left) < len(list) {
		o.Out = history.List(left...)
	}
}

// relieve subtracts from a counter the increments that surely count and are gone. A read
// that is too low by them gives no more than it has, so that some remain to show it.
func (r *objectReducer) relieve(o *history.Op, in map[int]struct{}) {
	out, isInt := count(o.Out)
	if !isInt {
		return
	}
	gone, sure, up := int64(0), int64(0), true
	for _, j := range r.byKey[objectOf(o)] {
		p := &r.h.Ops[j]
		if n, _ := p.Arg.AsInt(); surelyBefore(p, o) {
			sure += n
			if _, here := in[j]; !here {
				gone += n
			}
		}
		n, _ := p.Arg.AsInt()
		up = up && n >= 0
	}
	if up && out < sure {
		gone = min(gone, max(out, 0))
	}
	if gone != 0 {
		o.Out = history.Int(out - gone)
	}
}
