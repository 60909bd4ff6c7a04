package history

import (
	"fmt"
	"math"
)

// maxProcess bounds the process numbers of imported histories: session numbers
// of restarted processes are handed out above the largest one.
const maxProcess = math.MaxInt32

// eventType is one of the four words of a Jepsen event.
type eventType uint8

const (
	invoke eventType = iota
	completed
	failed
	indeterminate
)

func parseEventType(word string) (eventType, bool) {
	switch word {
	case "invoke":
		return invoke, true
	case "ok":
		return completed, true
	case "fail":
		return failed, true
	case "info":
		return indeterminate, true
	}
	return 0, false
}

// event is one line of an event log: the beginning or the end of an operation.
type event struct {
	kind    eventType
	process int64
	fn      Func
	key     string
	value   Value // what was given (puts) or seen (completed reads)
	refused bool  // a failure with a reason other than a mismatch: says nothing of the value
}

// eventLog pairs events into operations over registers. Time is the number of
// the event, which is all that an event log says of real time.
type eventLog struct {
	lim   Limits
	clock int64
	ops   []Op
	drop  []bool // by operation: say nothing, leave out
	procs map[int64]*process
	incs  []int // by operation: incarnation of its process
	maxID int64
}

type process struct {
	open        int // its open operation, or -1
	incarnation int
}

func newEventLog(lim Limits) *eventLog {
	return &eventLog{lim: lim, procs: make(map[int64]*process)}
}

// add takes the next event.
func (l *eventLog) add(e event) error {
	if e.process < 0 || e.process > maxProcess {
		return fmt.Errorf("%w: process number %d is not within 0…%d", ErrFormat, e.process, maxProcess)
	}
	l.clock++
	p := l.procs[e.process]
	if e.kind == invoke {
		return l.begin(e, p)
	}
	if p == nil || p.open < 0 {
		return fmt.Errorf("%w: process %d ends a %s that it did not begin", ErrUnmatchedReturn, e.process, e.fn)
	}
	return l.end(e, p)
}

func (l *eventLog) begin(e event, p *process) error {
	if len(l.ops) >= l.lim.Ops {
		return fmt.Errorf("%w: more than %d", ErrTooMany, l.lim.Ops)
	}
	if p == nil {
		p = &process{open: -1}
		l.procs[e.process] = p
		l.maxID = max(l.maxID, e.process)
	}
	if p.open >= 0 {
		return fmt.Errorf("%w: process %d, in a %s", ErrOverlap, e.process, l.ops[p.open].Func)
	}
	op := Op{
		Session: int(e.process), Node: -1, Type: Register, Func: e.fn, Key: e.key,
		Call: l.clock, Return: Pending, Outcome: Unknown,
	}
	if op.IsPut() {
		op.Arg = e.value
	}
	p.open = len(l.ops)
	l.ops = append(l.ops, op)
	l.drop = append(l.drop, false)
	l.incs = append(l.incs, p.incarnation)
	return nil
}

func (l *eventLog) end(e event, p *process) error {
	at := p.open
	op := &l.ops[at]
	// A completion need not repeat the key; one that does must repeat it right.
	if op.Func != e.fn || e.key != "" && op.Key != e.key {
		return fmt.Errorf("%w: process %d ends a %s of key %q, but had begun a %s of key %q",
			ErrUnmatchedReturn, e.process, e.fn, e.key, op.Func, op.Key)
	}
	p.open = -1
	switch e.kind {
	case completed:
		op.Outcome, op.Return = OK, l.clock
		if !op.IsPut() {
			op.Out = e.value
		}
	case failed:
		op.Outcome, op.Return = Failed, l.clock
		// A failed CAS is evidence that the old value did not match. One that
		// failed for a stated reason of its own is evidence of nothing.
		l.drop[at] = e.refused && op.Func == CAS
	case indeterminate:
		// The operation stays open for ever, so whoever uses this process
		// number from here on is a session of its own.
		p.incarnation++
	}
	return nil
}

// history returns the operations, sessions numbered: a process keeps its number,
// and what follows an indeterminate operation of a process gets a fresh one
// above all of them, in order of appearance.
func (l *eventLog) history() (*History, error) {
	if len(l.ops) == 0 {
		return nil, ErrEmpty
	}
	type incarnation struct {
		process, n int
	}
	fresh := make(map[incarnation]int)
	h := &History{Ops: make([]Op, 0, len(l.ops))}
	for i, op := range l.ops {
		if n := l.incs[i]; n > 0 {
			id := incarnation{op.Session, n}
			if _, ok := fresh[id]; !ok {
				fresh[id] = int(l.maxID) + 1 + len(fresh)
			}
			op.Session = fresh[id]
		}
		if l.drop[i] {
			continue
		}
		op.Index = len(h.Ops)
		h.Ops = append(h.Ops, op)
	}
	if err := h.Validate(); err != nil {
		return nil, err
	}
	return h, nil
}
