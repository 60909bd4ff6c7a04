package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
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
	value   Value  // what stands there
	pair    bool   // the value is a list of two, which may be a key and a value
	key     string // where the entry has a field for it
	negate  bool   // a decrement
	final   bool   // of the reads after the system has settled, as Maelstrom marks them
	refused bool   // a failure with a reason other than a mismatch: says nothing of the value
}

// eventLog pairs events into operations. Time
// is the number of the event, which is all that an event log says of real time.
// What values mean is settled at the end, since it takes all of them to tell.
type eventLog struct {
	r     *reading
	pairs Pairs
	line  int // of the event to come
	clock int64
	ops   []Op    // Arg and Out are what stood at the beginning and at the end
	begun []begun // by operation
	procs map[int64]*process
	maxID int64
	fence int64 // when the first final read began; 0 if none did
}

// begun is what the log remembers of an operation beside the operation.
type begun struct {
	line, end   int32 // where it begins and ends; end is 0 if it does not
	incarnation int32 // of its process
	argPair     bool
	outPair     bool
	negate      bool
	drop        bool // it says nothing, leave it out
}

type process struct {
	open        int // its open operation, or -1
	incarnation int32
	ended       int64 // when it last ended one
}

func newEventLog(r *reading, pairs Pairs) *eventLog {
	return &eventLog{r: r, pairs: pairs, procs: make(map[int64]*process)}
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
		switch l.r.Unmatched {
		case UnmatchedSkip:
			if l.r.unmatched++; l.r.unmatched == 1 {
				l.r.unmatchedAt = l.line
			}
			return nil
		case UnmatchedBegin:
			if l.r.begun++; l.r.begun == 1 {
				l.r.begunAt = l.line
			}
			var err error
			if p, err = l.assumeBegun(e, p); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: process %d ends a %s that it did not begin (Options.Unmatched; --unmatched begin takes it to have begun "+
				"when its process had ended what it did before, --unmatched skip leaves it out)", ErrUnmatchedReturn, e.process, e.fn)
		}
	}
	return l.end(e, p)
}

// assumeBegun begins what ends without a beginning, when its process had ended what it did
// before. What is asked for a value began without one.
func (l *eventLog) assumeBegun(e event, p *process) (*process, error) {
	var ended int64
	if p != nil {
		ended = p.ended
	}
	if e.fn.answers() {
		e.value, e.pair = Nil, false
	}
	if err := l.begin(e, p); err != nil {
		return nil, err
	}
	if !e.final { // which begins when all others have ended
		l.ops[len(l.ops)-1].Call = ended
	}
	return l.procs[e.process], nil
}

func (l *eventLog) begin(e event, p *process) error {
	if most := l.r.Limits.Ops; len(l.ops) >= most {
		return fmt.Errorf("%w: more than %d", ErrTooMany, most)
	}
	if p == nil {
		p = &process{open: -1}
		l.procs[e.process] = p
		l.maxID = max(l.maxID, e.process)
	}
	if p.open >= 0 {
		return fmt.Errorf("%w: process %d, in a %s", ErrOverlap, e.process, l.ops[p.open].Func)
	}
	p.open = len(l.ops)
	if e.final && e.fn == Read && l.fence == 0 {
		l.fence = l.clock
	}
	l.ops = append(l.ops, Op{
		Session: int(e.process), Node: -1, Type: Register, Func: e.fn, Key: e.key, Arg: e.value,
		Call: l.clock, Return: Pending, Outcome: Unknown,
	})
	l.begun = append(l.begun, begun{line: int32(l.line), incarnation: p.incarnation, argPair: e.pair, negate: e.negate})
	return nil
}

func (l *eventLog) end(e event, p *process) error {
	op, b := &l.ops[p.open], &l.begun[p.open]
	if op.Func != e.fn {
		return fmt.Errorf("%w: process %d ends a %s, but had begun a %s", ErrUnmatchedReturn, e.process, e.fn, op.Func)
	}
	p.open, p.ended = -1, l.clock
	op.Out, b.outPair, b.end = e.value, e.pair, int32(l.line)
	switch e.kind {
	case completed:
		op.Outcome, op.Return = OK, l.clock
	case failed:
		op.Outcome, op.Return = Failed, l.clock
		// One that failed for a stated reason of its own is evidence of nothing.
		b.drop = e.refused && op.Func == CAS
	case indeterminate:
		// The operation stays open for ever, so whoever uses this process
		// number from here on is a session of its own.
		p.incarnation++
	}
	return nil
}

// history returns the operations and their lines, sessions numbered: a process
// keeps its number, and what follows an indeterminate operation of a process gets
// a fresh one above all of them, in order of appearance.
func (l *eventLog) history() (*History, []int32, error) {
	if len(l.ops) == 0 {
		return nil, nil, ErrEmpty
	}
	if err := l.settleValues(); err != nil {
		return nil, nil, err
	}
	if err := l.settleTypes(); err != nil {
		return nil, nil, err
	}
	type incarnation struct {
		process int
		n       int32
	}
	fresh := make(map[incarnation]int)
	h := &History{Ops: make([]Op, 0, len(l.ops))}
	lines := make([]int32, 0, len(l.ops))
	for _, i := range l.byCall() {
		op, b := l.ops[i], &l.begun[i]
		if b.incarnation > 0 {
			id := incarnation{op.Session, b.incarnation}
			if _, ok := fresh[id]; !ok {
				fresh[id] = int(l.maxID) + 1 + len(fresh)
			}
			op.Session = fresh[id]
		}
		if b.drop {
			continue
		}
		op.Index = len(h.Ops)
		h.Ops, lines = append(h.Ops, op), append(lines, b.line)
	}
	if l.fence > 0 {
		h.Fences = []int64{l.fence}
	}
	return validated(h, lines)
}

// byCall are the operations in the order of their calls, which is that of the log unless
// some were assumed.
func (l *eventLog) byCall() []int {
	order := make([]int, len(l.ops))
	for i := range order {
		order[i] = i
	}
	if l.r.begun > 0 {
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(l.ops[i].Call, l.ops[j].Call) })
	}
	return order
}

// keyUse is what a log holds of one object, by which its type is known.
type keyUse struct {
	typ       Type // "" as long as it may still be any
	addOrRead bool // only operations so far that sets and counters share
	writes    bool // it is written, as registers and texts are
	counts    bool // a read returned a number
	collects  bool // a read returned a collection
	balances  bool // a read returned a map
	values    bool // a read returned what is no map
}

// settleTypes gives each operation the type of its object. An event log does not
// name types: compare-and-sets make a register, and so do writes where nothing is
// appended, as to a text; removals make a set, functions
// that only one type has that type, and an object that is added to is a counter if its reads return numbers and a set
// otherwise; one that is only read is a bank if all that it returns is maps, and else a
// register. An operation that does not fit is an error.
func (l *eventLog) settleTypes() error {
	uses := make(map[string]*keyUse)
	for i := range l.ops {
		o := &l.ops[i]
		u := uses[o.Key]
		if u == nil {
			u = &keyUse{}
			uses[o.Key] = u
		}
		var typ Type
		switch o.Func {
		case Write:
			u.writes = true
		case CAS:
			typ = Register
		case Append:
			typ = Text
		case Remove:
			typ = Set
		case Inc:
			typ = Counter
		case Enqueue, Dequeue, Drain:
			typ = Queue
		case Acquire, Release:
			typ = Lock
		case Transfer:
			typ = Bank
		case Generate:
			typ = IDs
		case Add:
			u.addOrRead = true
		case Read:
			kind := o.Out.Kind()
			u.counts = u.counts || kind == KindInt || kind == KindDecimal
			u.collects = u.collects || kind == KindList
			u.balances = u.balances || kind == KindMap
			u.values = u.values || kind != KindMap && kind != KindNil
		}
		now := cmp.Or(typ, u.typ)
		written := u.writes && (u.addOrRead || now != "" && now != Register && now != Text)
		if typ != "" && u.typ != "" && typ != u.typ || written || u.addOrRead && now != "" && now != Set && now != Counter {
			return at(int(l.begun[i].line), fmt.Errorf("%w: %s of %q, which is used as another type before", ErrUnknownOp, o.Func, o.Key))
		}
		if typ != "" {
			u.typ = typ
		}
	}
	for i := range l.ops {
		o, u := &l.ops[i], uses[l.ops[i].Key]
		if o.Type = u.settled(); o.Type == Counter && o.Func == Add {
			if o.Func = Inc; o.Arg.Kind() != KindInt {
				return at(int(l.begun[i].line), fmt.Errorf("%w: %s added to the counter %q", ErrUnknownOp, o.Arg, o.Key))
			}
		}
	}
	return nil
}

// settled is the type once everything was seen.
func (u *keyUse) settled() Type {
	switch {
	case u.typ != "":
		return u.typ
	case u.writes:
		return Register
	case u.addOrRead && u.counts && !u.collects:
		return Counter
	case u.addOrRead:
		return Set
	case u.balances && !u.values: // nobody puts anything there
		return Bank
	}
	return Register
}
