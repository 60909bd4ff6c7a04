package contract

import (
	"fmt"

	"github.com/joinery-go/joinery/linearizability/history"
)

const none = -1

// element is what is known of one element of a set, as positions; none where there is
// no such operation.
type element struct {
	attempt int // the first add, whatever came of it
	ack     int // the add that returned first
	seen    int // the read with it that returned first
	present int // the read with it that was called last
	absent  int // the read without it that was called last
	twice   int // the first read that has it more than once
}

// elements are those of a set and their fates.
type elements struct {
	*object
	*values
	known []element
}

func newElements(o *object) *elements { return &elements{object: o, values: newValues()} }

// of is the number of an element.
func (e *elements) of(v history.Value) int {
	n, isNew := e.values.of(v)
	if isNew {
		e.known = append(e.known, element{none, none, none, none, none, none})
	}
	return n
}

// addsOf notes the adds.
func (e *elements) addsOf() {
	e.each(history.Add, func(i int, op *history.Op) {
		x := &e.known[e.of(op.Arg)]
		if x.attempt == none {
			x.attempt = i
		}
		if op.Outcome == history.OK && (x.ack == none || op.Return < e.op(x.ack).Return) {
			x.ack = i
		}
	})
}

// contents are the elements that a read returned; nil is the empty set.
func (e *elements) contents(op *history.Op) []int {
	list, isList := op.Out.AsList()
	if !isList && !op.Out.IsNil() {
		list = []history.Value{op.Out} // nothing that anybody added, most likely
	}
	ns := make([]int, len(list))
	for i, v := range list {
		ns[i] = e.of(v)
	}
	return ns
}

// finalRead is the contract of jepsen.checker/set. The read that returned last shows
// every element whose add had returned, and none that nobody tried to add. Where adds go
// on until that read, jepsen.checker/set calls those lost that it need not show; here
// only an add that had returned when the read began counts. An add that failed was
// tried.
func finalRead(o *object, r *Result) {
	e := newElements(o)
	e.addsOf()
	last := none
	e.each(history.Read, func(i int, op *history.Op) {
		if op.Outcome == history.OK && (last == none || op.Return >= e.op(last).Return) {
			last = i
		}
	})
	if last == none {
		r.Open = o.name + " was never read"
		return
	}
	lost, unexpected := found(Lost), found(Unexpected)
	read := e.op(last)
	in := make(map[int]bool)
	for _, n := range e.contents(read) {
		if e.known[n].attempt == none && !in[n] {
			e.unasked(unexpected, n, last)
		}
		in[n] = true
	}
	for n := range e.known {
		x := &e.known[n]
		if x.ack != none && e.op(x.ack).Return < read.Call && !in[n] {
			lost.add(e.all[n], func() (string, []int) {
				return fmt.Sprintf("#%d added %s and had returned when #%d, the last read, began, which does not show it",
					e.op(x.ack).Index, e.all[n], read.Index), []int{x.ack, last}
			})
		}
	}
	o.report(r, lost, unexpected)
}

// unasked notes an element that nobody tried to add.
func (e *elements) unasked(f *finding, n, read int) {
	f.add(e.all[n], func() (string, []int) {
		return fmt.Sprintf("#%d read %s, which nobody tried to add", e.op(read).Index, e.all[n]), []int{read}
	})
}

// everyRead is the contract of jepsen.checker/set-full. An element is confirmed when an
// add of it, or a read that shows it, returns. It is lost if a read that began after
// that does not show it and no read that began later does, and stale if one does; with
// linearizable set, stale elements count. An element that a read shows twice, or that
// nobody tried to add, breaks the contract; jepsen.checker/set-full passes over the
// latter. Where no element is known to have stayed, nothing was shown.
func everyRead(o *object, r *Result, linearizable bool) {
	e := newElements(o)
	e.addsOf()
	unexpected := found(Unexpected)
	e.presence(unexpected)
	e.absence()
	lost, stale, duplicated := found(Lost), found(Stale), found(Duplicated)
	stale.Harmless = !linearizable
	stays := false
	for n := range e.known {
		x := &e.known[n]
		if x.attempt == none {
			continue
		}
		if x.twice != none {
			duplicated.add(e.all[n], func() (string, []int) {
				return fmt.Sprintf("#%d shows %s more than once", e.op(x.twice).Index, e.all[n]), []int{x.attempt, x.twice}
			})
		}
		switch at := e.confirmed(x); {
		case x.absent < x.present && (x.absent == none || at >= e.op(x.absent).Call):
			stays = true
		case x.absent == none || at >= e.op(x.absent).Call:
		case x.absent < x.present:
			stays = true
			stale.add(e.all[n], func() (string, []int) { return e.missed(n, "although later ones do") })
		default:
			lost.add(e.all[n], func() (string, []int) { return e.missed(n, "and neither does any later one") })
		}
	}
	if !stays && len(lost.Values) == 0 && r.Open == "" {
		r.Open = o.name + ": no element was shown to stay"
	}
	o.report(r, lost, stale, duplicated, unexpected)
}

// presence notes which reads show which elements.
func (e *elements) presence(unexpected *finding) {
	e.each(history.Read, func(i int, op *history.Op) {
		if op.Outcome != history.OK {
			return
		}
		met := make(map[int]bool)
		contents := e.contents(op)
		if e.over.yet(len(contents)) {
			return
		}
		for _, n := range contents {
			x := &e.known[n]
			if x.attempt == none && x.present == none {
				e.unasked(unexpected, n, i)
			}
			if met[n] && x.twice == none {
				x.twice = i
			}
			met[n] = true
			x.present = i // reads come in the order of their calls
			if x.seen == none || op.Return < e.op(x.seen).Return {
				x.seen = i
			}
		}
	})
}

// absence notes the last read without each element. Going backwards, what all reads so
// far have shown is no more than the last one of them shows: O(elements read).
func (e *elements) absence() {
	always := make([]int, len(e.known)) // in all reads so far
	for n := range always {
		always[n] = n
	}
	shown := make([]int, len(e.known)) // by element: 1 + the last read that was looked at
	for k := len(e.at) - 1; k >= 0; k-- {
		i := e.at[k]
		op := e.op(i)
		if op.Func != history.Read || op.Outcome != history.OK {
			continue
		}
		contents := e.contents(op)
		if e.over.yet(len(contents) + len(always)) {
			return
		}
		for _, n := range contents {
			shown[n] = i + 1
		}
		left := always[:0]
		for _, n := range always {
			if shown[n] == i+1 {
				left = append(left, n)
			} else {
				e.known[n].absent = i
			}
		}
		always = left
	}
}

// confirmed is the time from which the element is known to be there.
func (e *elements) confirmed(x *element) int64 {
	at := history.Pending
	if x.ack != none {
		at = e.op(x.ack).Return
	}
	if x.seen != none {
		at = min(at, e.op(x.seen).Return)
	}
	return at
}

// missed is the sentence, and the operations, of an element that its last read without
// it should show.
func (e *elements) missed(n int, rest string) (string, []int) {
	x, v := &e.known[n], e.all[n]
	read := e.op(x.absent)
	if x.ack != none && e.op(x.ack).Return < read.Call {
		return fmt.Sprintf("#%d added %s and had returned when #%d began, which does not show it, %s",
			e.op(x.ack).Index, v, read.Index, rest), []int{x.ack, x.absent}
	}
	return fmt.Sprintf("#%d read %s and had returned when #%d began, which does not show it, %s",
		e.op(x.seen).Index, v, read.Index, rest), []int{x.attempt, x.seen, x.absent}
}
