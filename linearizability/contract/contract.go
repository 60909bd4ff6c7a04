// Package contract judges recorded histories by what users ask of single objects
// rather than by an order of all operations: a set must not lose what was added, a
// queue must hand out what was put in, a lock must have one holder, a bank must keep its
// total. These are the contracts of Jepsen's checkers and of Maelstrom's workloads,
// each in time near to linear, and each tells what was lost, stale, duplicated or
// unexpected. Where an implementation is known to differ from this one, the contract
// says so.
//
// The package compares what clients were told with what they did. It searches no order,
// so that a history may satisfy a contract without being linearizable; package
// linearizability decides that. Operations of other types than a contract's are not its
// business: Describes tells, and the caller refuses them.
//
// Sources: Kingsbury, Jepsen (jepsen.checker, jepsen.tests.bank) and Maelstrom
// (workloads g-set, broadcast, pn-counter, unique-ids).
package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Kind is what is wrong.
type Kind string

// The kinds of anomalies.
const (
	Lost       Kind = "lost"        // confirmed, and gone for good
	Stale      Kind = "stale"       // confirmed, and missed by a read that began later
	Duplicated Kind = "duplicated"  // there more often than was asked for
	Unexpected Kind = "unexpected"  // nobody ever tried to put it there
	Premature  Kind = "premature"   // handed out before anybody put it in
	OutOfRange Kind = "wrong sum"   // no subset of the increments comes to it
	WrongTotal Kind = "wrong total" // money came or went
	Negative   Kind = "negative balance"
	Unreadable Kind = "no balance" // not a number
	Shared     Kind = "held by two"
	NotHeld    Kind = "released without being held"
)

// Anomaly is all that is wrong with one object in one way.
type Anomaly struct {
	Kind   Kind
	Object string          // such as: set "x"
	Values []history.Value // each value that it is about, once, in the order of appearance
	Text   string          // how the first one shows, in a sentence
	// Ops are positions of operations that show the first one by themselves, ascending:
	// without any one of them, and without what rests on it, nothing is wrong.
	Ops []int
	// Harmless says that the contract allows it, though people want to know.
	Harmless bool
}

// shown is how many values an anomaly names.
const shown = 8

// String is the anomaly in a sentence.
func (a Anomaly) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", a.Object, a.Kind)
	for i, v := range a.Values[:min(len(a.Values), shown)] {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", v)
	}
	if more := len(a.Values) - shown; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	if a.Text != "" {
		fmt.Fprintf(&b, "; %s", a.Text)
	}
	return b.String()
}

// Result is what a contract says of a history: it is broken by anomalies that are not
// harmless, and kept where there is none and nothing is open.
type Result struct {
	Anomalies []Anomaly // by object in the order of appearance
	Open      string    // why the contract cannot be said to be kept; empty if it can
}

// Broken returns the anomalies that the contract does not allow.
func (r Result) Broken() []Anomaly {
	return slices.DeleteFunc(slices.Clone(r.Anomalies), func(a Anomaly) bool { return a.Harmless })
}

// Contract is what a type of object owes its users.
type Contract struct {
	Name       string
	Doc        string // one line: what a history must satisfy
	Complexity string
	Needs      string // what it must contain for a verdict
	typ        history.Type
	funcs      []history.Func
	judge      func(o *object, r *Result)
}

// Describes reports whether the operation is one of the contract's.
func (c Contract) Describes(o *history.Op) bool {
	return o.Type == c.typ && slices.Contains(c.funcs, o.Func)
}

// Type is the type of the objects that the contract is of.
func (c Contract) Type() history.Type { return c.typ }

// Judge judges a valid history, of whose operations the contract describes all.
func (c Contract) Judge(h *history.History) Result {
	r, _ := c.JudgeUntil(h, func() bool { return false })
	return r
}

// JudgeUntil is Judge, but for stop, which is asked now and then: the result is of the
// whole history unless it said yes once, and of the objects that were done by then if it did.
func (c Contract) JudgeUntil(h *history.History, stop func() bool) (r Result, whole bool) {
	over := &ending{ask: stop}
	for _, o := range objects(h) {
		if over.yet(askEvery) {
			break
		}
		o.over = over
		known := len(r.Anomalies)
		if c.judge(o, &r); over.said { // what it says of this one is not to be relied on
			r.Anomalies = r.Anomalies[:known]
		}
	}
	if over.said {
		r.Open = "stopped before all was looked at"
		return r, false
	}
	return r, true
}

// askEvery is after how many operations it is asked whether to stop.
const askEvery = 4096

// ending remembers that it is to be stopped.
type ending struct {
	ask  func() bool
	left int
	said bool
}

func (e *ending) yet(operations int) bool {
	if e.left += operations; e.left >= askEvery && !e.said {
		e.left, e.said = 0, e.ask()
	}
	return e.said
}

// All lists the contracts.
func All() []Contract {
	sets := []history.Func{history.Add, history.Read}
	queues := []history.Func{history.Enqueue, history.Dequeue, history.Drain}
	return []Contract{
		{
			Name: "set", Doc: "the last read shows everything whose add had returned, and nothing that nobody tried to add",
			Complexity: "O(n + elements read)", Needs: "sets with add and a final read of everything",
			typ: history.Set, funcs: sets, judge: finalRead,
		},
		{
			Name: "set-full", Doc: "no element that an add or a read confirmed is missing for good; nothing is there twice, or unasked",
			Complexity: "O(n + elements read)", Needs: "sets with add, and reads of everything",
			typ: history.Set, funcs: sets, judge: func(o *object, r *Result) { everyRead(o, r, false) },
		},
		{
			Name: "set-full-linearizable", Doc: "as set-full, and every read that begins after an element was confirmed shows it",
			Complexity: "O(n + elements read)", Needs: "sets with add, and reads of everything",
			typ: history.Set, funcs: sets, judge: func(o *object, r *Result) { everyRead(o, r, true) },
		},
		{
			Name: "g-set", Doc: "as set-full: the contract of Maelstrom's g-set and of its broadcast",
			Complexity: "O(n + elements read)", Needs: "sets with add (or broadcast), and reads of everything",
			typ: history.Set, funcs: sets, judge: func(o *object, r *Result) { everyRead(o, r, false) },
		},
		{
			Name: "counter", Doc: "each read lies between the increments that had returned when it began and those called until it returned",
			Complexity: "O(n log n)", Needs: "counters with inc and read",
			typ: history.Counter, funcs: []history.Func{history.Inc, history.Read}, judge: counterBounds,
		},
		{
			Name: "pn-counter", Doc: "each final read is the sum of all increments, of indeterminate ones of some",
			Complexity: "O(n log n + indeterminate increments × what they span)", Needs: "counters with inc, and reads after a fence or after all increments",
			typ: history.Counter, funcs: []history.Func{history.Inc, history.Read}, judge: finalSums,
		},
		{
			Name: "queue", Doc: "every value that comes out had been put in, and comes out once for each time",
			Complexity: "O(n log n)", Needs: "queues with enqueue, dequeue and drain",
			typ: history.Queue, funcs: queues, judge: bag,
		},
		{
			Name: "total-queue", Doc: "everything that was put in comes out, and nothing else",
			Complexity: "O(n)", Needs: "queues with enqueue, dequeue and drain, empty in the end",
			typ: history.Queue, funcs: queues, judge: totalQueue,
		},
		{
			Name: "lock", Doc: "no two sessions hold the lock at a time, and only who holds it releases it",
			Complexity: "O(n log n)", Needs: "locks with acquire and release",
			typ: history.Lock, funcs: []history.Func{history.Acquire, history.Release}, judge: holds,
		},
		{
			Name: "bank", Doc: "all reads of the accounts come to one total, and no balance is negative",
			Complexity: "O(n + balances read)", Needs: "banks with reads of all balances; --initial with the balances at first makes it know the total",
			typ: history.Bank, funcs: []history.Func{history.Transfer, history.Read}, judge: balances,
		},
		{
			Name: "unique-ids", Doc: "no identifier is handed out twice",
			Complexity: "O(n)", Needs: "generate",
			typ: history.IDs, funcs: []history.Func{history.Generate}, judge: uniqueIDs,
		},
	}
}

// object is one object and its operations.
type object struct {
	h    *history.History
	name string
	at   []int // positions, ascending: in the order of their calls
	over *ending
}

func (o *object) op(i int) *history.Op { return &o.h.Ops[i] }

// each calls do for each operation of the function, with its position, unless it is to
// be stopped.
func (o *object) each(fn history.Func, do func(i int, op *history.Op)) {
	for _, i := range o.at {
		if o.over.yet(1) {
			return
		}
		if op := o.op(i); op.Func == fn {
			do(i, op)
		}
	}
}

func objects(h *history.History) []*object {
	type id struct {
		typ history.Type
		key string
	}
	var all []*object
	at := make(map[id]*object)
	for i := range h.Ops {
		k := id{h.Ops[i].Type, h.Ops[i].Key}
		o := at[k]
		if o == nil {
			o = &object{h: h, name: fmt.Sprintf("%s %q", k.typ, k.key)}
			at[k] = o
			all = append(all, o)
		}
		o.at = append(o.at, i)
	}
	return all
}

// finding is an anomaly in the making: the values of one kind, and the first of them.
type finding struct{ Anomaly }

// add notes a value; show gives the sentence and the operations if it is the first one.
func (f *finding) add(v history.Value, show func() (text string, ops []int)) {
	if len(f.Values) == 0 {
		f.Text, f.Ops = show()
		slices.Sort(f.Ops)
		f.Ops = slices.Compact(f.Ops)
	}
	f.Values = append(f.Values, v)
}

// report puts the findings that have any value into the result.
func (o *object) report(r *Result, findings ...*finding) {
	for _, f := range findings {
		if len(f.Values) > 0 {
			f.Object = o.name
			r.Anomalies = append(r.Anomalies, f.Anomaly)
		}
	}
}

func found(k Kind) *finding { return &finding{Anomaly{Kind: k}} }

// values numbers values in the order in which they are met.
type values struct {
	ints  map[int64]int
	other map[string]int
	all   []history.Value
}

func newValues() *values { return &values{ints: make(map[int64]int), other: make(map[string]int)} }

// of is the number of v, and whether it is new.
func (x *values) of(v history.Value) (n int, isNew bool) {
	next := len(x.all)
	if i, ok := v.AsInt(); ok {
		if n, ok = x.ints[i]; ok {
			return n, false
		}
		x.ints[i] = next
	} else {
		k := v.Key()
		if n, ok = x.other[k]; ok {
			return n, false
		}
		x.other[k] = next
	}
	x.all = append(x.all, v)
	return next, true
}
