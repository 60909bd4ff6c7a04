package history

import (
	"fmt"
	"slices"
	"strings"
)

// Transactions in Jepsen's form: an operation whose value is a list of
// micro-operations [f key value], where f is :r, :w or :append. What it read stands
// in the value of its completion.

// txnEntry is one entry of such a log.
type txnEntry struct {
	kind    eventType
	process int64 // noProcess if it has none
	object  string
	keyed   bool // one of Jepsen's independent keys, which object names
	micro   []ednNode
	hasList bool // the value is a list at all: an entry may have none
}

const noProcess int64 = -1

// recordedTxn is a transaction under way, or done.
type recordedTxn struct {
	process     int64
	incarnation int32
	object      string
	line        int32
	call, end   int64
	outcome     Outcome
	micro       []microOp
	reads       bool // micro has what was read
}

// microOp is [f key value].
type microOp struct {
	fn  Func
	key string
	v   Value
}

// txnEvents pairs the entries of a log of transactions. Time is the number of the
// entry, as in an eventLog.
type txnEvents struct {
	r     *reading
	line  int
	clock int64
	txns  []recordedTxn
	procs map[int64]*txnProcess
	maxID int64
	lists lists
	ops   int
	// Completions whose invocation is not in the log: how many, and where the first.
	unbegun, unbegunAt int
	unnamed            bool // entries have no process
	// Reads of transactions whose completion has no value: how many, and the line of the first.
	unread, unreadAt int
}

type txnProcess struct {
	open        int // its open transaction, or -1
	incarnation int32
	last        int64 // when its last entry was
}

func newTxnEvents(r *reading) *txnEvents {
	return &txnEvents{r: r, procs: make(map[int64]*txnProcess), lists: make(lists)}
}

// isOpen reports whether a process is in a transaction.
func (l *txnEvents) isOpen(process int64) bool {
	p := l.procs[process]
	return p != nil && p.open >= 0
}

// isMicroOp reports whether a value looks like [f key value].
func isMicroOp(n ednNode) bool {
	if n.kind != ednList || len(n.items) < 2 || len(n.items) > 3 {
		return false
	}
	_, known := microFunc(n.items[0])
	return known
}

func microFunc(n ednNode) (Func, bool) {
	if n.kind != ednKeyword && n.kind != ednString {
		return "", false
	}
	switch strings.TrimPrefix(n.str, ":") {
	case "r", "read":
		return Read, true
	case "w", "write":
		return Write, true
	case "append":
		return Append, true
	}
	return "", false
}

// looksLikeTxn reports whether a value is a list of micro-operations, one at least, or
// such a list behind an independent key: as in entries without an :f, and in those of a
// :read or :write that is one all the same, if their names are keywords.
func looksLikeTxn(v ednNode, anyName bool) bool {
	if v.kind != ednList || len(v.items) == 0 {
		return false
	}
	first := v.items[0]
	if isKeyedTxn(v) {
		first = v.items[1].items[0]
	}
	return isMicroOp(first) && (anyName || first.items[0].kind == ednKeyword)
}

func isKeyedTxn(v ednNode) bool {
	return len(v.items) == 2 && !isMicroOp(v.items[0]) && v.items[1].kind == ednList &&
		len(v.items[1].items) > 0 && isMicroOp(v.items[1].items[0])
}

// entryOf takes the value of an entry apart.
func (l *txnEvents) entryOf(kind eventType, process int64, v ednNode) (txnEntry, error) {
	e := txnEntry{kind: kind, process: process, hasList: v.kind == ednList, micro: v.items}
	switch {
	case v.kind != ednList && v.kind != ednNil:
		return e, fmt.Errorf("%w: the value of a transaction is %s, not a list of micro-operations", ErrFormat, clip([]byte(v.text)))
	case e.hasList && isKeyedTxn(v):
		e.keyed, e.object, e.micro = true, keyOf(ednValue(v.items[0])), v.items[1].items
	}
	return e, nil
}

// add takes the next entry.
func (l *txnEvents) add(e txnEntry) error {
	l.clock++
	if e.process == noProcess {
		return l.addUnnamed(e)
	}
	if e.process < 0 || e.process > maxProcess {
		return fmt.Errorf("%w: process number %d is not within 0…%d", ErrFormat, e.process, maxProcess)
	}
	p := l.procs[e.process]
	if p == nil {
		p = &txnProcess{open: -1}
		l.procs[e.process] = p
		l.maxID = max(l.maxID, e.process)
	}
	defer func() { p.last = l.clock }()
	if e.kind == invoke {
		if p.open >= 0 {
			return fmt.Errorf("%w: process %d, in a transaction", ErrOverlap, e.process)
		}
		p.open = len(l.txns)
		return l.begin(e, p.incarnation, l.clock)
	}
	if p.open < 0 {
		// It began when the process had ended its last one, at the earliest.
		if l.unbegun++; l.unbegun == 1 {
			l.unbegunAt = l.line
		}
		p.open = len(l.txns)
		if err := l.begin(e, p.incarnation, p.last); err != nil {
			return err
		}
	}
	t := &l.txns[p.open]
	p.open = -1
	if e.kind == indeterminate {
		p.incarnation++
	}
	return l.end(t, e)
}

// addUnnamed takes an entry without a process: what completes is a transaction of a
// session of its own, and nothing is known of when it began.
func (l *txnEvents) addUnnamed(e txnEntry) error {
	l.unnamed = true
	if e.kind == invoke {
		return nil
	}
	if err := l.begin(e, int32(len(l.txns)), 0); err != nil {
		return err
	}
	return l.end(&l.txns[len(l.txns)-1], e)
}

func (l *txnEvents) begin(e txnEntry, incarnation int32, call int64) error {
	t := recordedTxn{
		process: e.process, incarnation: incarnation, object: e.object, line: int32(l.line), call: call, end: Pending, outcome: Unknown,
	}
	var err error
	if t.micro, err = l.microOps(e, false); err != nil {
		return err
	}
	l.txns = append(l.txns, t)
	return nil
}

// end completes a transaction. The value of the completion is what counts, if it has
// one: a client may know only then what it did.
func (l *txnEvents) end(t *recordedTxn, e txnEntry) error {
	if e.hasList && e.object != t.object {
		return fmt.Errorf("%w: process %d ends a transaction of key %q, but had begun one of key %q", ErrUnmatchedReturn, e.process, e.object, t.object)
	}
	if e.hasList && (len(e.micro) > 0 || e.kind == completed) {
		micro, err := l.microOps(e, e.kind == completed)
		if err != nil {
			return err
		}
		l.ops -= len(t.micro)
		t.micro, t.reads = micro, e.kind == completed
	}
	switch e.kind {
	case completed:
		t.outcome, t.end = OK, l.clock
	case failed:
		t.outcome, t.end = Failed, l.clock
	}
	return nil
}

// microOps reads the micro-operations of an entry; what they read, too, if it is asked
// for.
func (l *txnEvents) microOps(e txnEntry, reads bool) ([]microOp, error) {
	if l.ops += len(e.micro); l.ops > l.r.Limits.Ops {
		return nil, fmt.Errorf("%w: more than %d", ErrTooMany, l.r.Limits.Ops)
	}
	all := make([]microOp, 0, len(e.micro))
	for _, n := range e.micro {
		m, err := l.microOp(n, reads)
		if err != nil {
			return nil, err
		}
		if e.keyed {
			m.key = e.object + "/" + m.key
		}
		all = append(all, m)
	}
	return all, nil
}

func (l *txnEvents) microOp(n ednNode, reads bool) (microOp, error) {
	bad := func(why string) (microOp, error) {
		return microOp{}, fmt.Errorf("%w: micro-operation %s: %s", ErrFormat, clip([]byte(n.text)), why)
	}
	if n.kind != ednList || len(n.items) < 2 || len(n.items) > 3 {
		return bad("it is not [f key value]")
	}
	fn, known := microFunc(n.items[0])
	if !known {
		return microOp{}, fmt.Errorf("%w: %w: micro-operation %s: %s is none of :r, :w and :append",
			ErrFormat, ErrUnknownOp, clip([]byte(n.text)), clip([]byte(n.items[0].text)))
	}
	m := microOp{fn: fn, key: keyOf(ednValue(n.items[1]))}
	if fn == Read && !reads {
		return m, nil
	}
	if len(n.items) < 3 {
		if fn != Read {
			return bad("its value is missing")
		}
		return m, nil
	}
	v := n.items[2]
	if fn == Read && v.kind == ednList {
		m.v = l.lists.read(m.key, v.items)
		return m, nil
	}
	m.v = ednValue(v)
	if fn != Read && m.v.IsNil() {
		return bad("it puts nil, which is what is there before anything was put")
	}
	return m, nil
}

// lists shares the memory of lists of which one is a prefix of another one, as are
// those that reads of one key return: by key, the longest one so far. A Value never
// changes, and only what lies beyond it is written.
type lists map[string][]Value

func (l lists) read(key string, items []ednNode) Value {
	longest := l[key]
	for i, n := range items {
		v := ednValue(n)
		switch {
		case i < len(longest) && longest[i].Equal(v):
		case i == len(longest):
			longest = append(longest, v)
		default:
			return Value{kind: KindList, list: ofNodes(items)}
		}
	}
	l[key] = longest
	return Value{kind: KindList, list: longest[:len(items):len(items)]}
}

func ofNodes(items []ednNode) []Value {
	list := make([]Value, 0, len(items))
	for _, n := range items {
		list = append(list, ednValue(n))
	}
	return list
}

// history returns the transactions, each as its operations, in the order in which they
// began; sessions are numbered as an eventLog does. Those of one independent key are
// sessions of their own, since nothing is asked of the order between keys.
func (l *txnEvents) history() (*History, []int32, error) {
	types, err := l.settleTypes()
	if err != nil {
		return nil, nil, err
	}
	l.notes()
	order := make([]int32, len(l.txns))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return int(l.txns[a].call - l.txns[b].call) })
	h := &History{Ops: make([]Op, 0, l.ops), Untimed: l.unnamed}
	lines := make([]int32, 0, l.ops)
	sessions := newSessionNumbers(l.maxID)
	for n, i := range order {
		t := &l.txns[i]
		session := sessions.of(t)
		for _, m := range t.micro {
			o := Op{
				Index: len(h.Ops), Session: session, Node: -1, Type: types[m.key], Func: m.fn, Key: m.key,
				Call: t.call, Return: t.end, Outcome: t.outcome, Txn: uint64(n + 1),
			}
			switch {
			case m.fn != Read:
				o.Arg = m.v
			case t.outcome == OK && t.reads:
				o.Out = m.v
			case t.outcome == OK: // what it read is nowhere
				if l.unread++; l.unread == 1 {
					l.unreadAt = int(t.line)
				}
				continue
			}
			h.Ops, lines = append(h.Ops, o), append(lines, t.line)
		}
	}
	if l.unread > 0 {
		l.r.note(l.unreadAt, "%s left out, of transactions that end without a :value", counted(l.unread, "read"))
	}
	if len(h.Ops) == 0 {
		return nil, nil, ErrEmpty
	}
	return validated(h, lines)
}

func (l *txnEvents) notes() {
	if l.unbegun > 0 {
		l.r.note(l.unbegunAt, "%s without a beginning in the file; each is taken to have begun when its process had ended what it did before", counted(l.unbegun, "completion"))
	}
	if l.unnamed {
		l.r.note(0, "the entries have no :process: every transaction is a session of its own, and nothing is known of real time")
	}
}

// settleTypes gives each key its type: what is appended to is a list, what is written a
// register, and what is only read a list if that is what reads of it return, or else
// what the other keys are.
func (l *txnEvents) settleTypes() (map[string]Type, error) {
	types := make(map[string]Type)
	appends := false
	for i := range l.txns {
		for _, m := range l.txns[i].micro {
			want := Register
			switch m.fn {
			case Read:
				continue
			case Append:
				want, appends = AppendList, true
			}
			if was, known := types[m.key]; known && was != want {
				return nil, at(int(l.txns[i].line), fmt.Errorf("%w: :%s of %q, which is used as another type before", ErrUnknownOp, m.fn, m.key))
			}
			types[m.key] = want
		}
	}
	for i := range l.txns {
		for _, m := range l.txns[i].micro {
			if _, known := types[m.key]; known {
				continue
			}
			if types[m.key] = Register; appends {
				types[m.key] = AppendList
			}
		}
	}
	return types, nil
}

// sessionNumbers numbers sessions: a process keeps its number, and what follows an
// indeterminate operation of a process, or is of another independent key, gets a fresh
// one above all of them, in order of appearance.
type sessionNumbers struct {
	fresh map[sessionName]int
	used  map[int64]sessionName // by process: whose session has its number
	next  int
}

type sessionName struct {
	process     int64
	incarnation int32
	object      string
}

func newSessionNumbers(maxID int64) *sessionNumbers {
	return &sessionNumbers{fresh: make(map[sessionName]int), used: make(map[int64]sessionName), next: int(maxID) + 1}
}

func (s *sessionNumbers) of(t *recordedTxn) int {
	name := sessionName{t.process, t.incarnation, t.object}
	if t.process != noProcess {
		if first, is := s.used[t.process]; !is || first == name {
			s.used[t.process] = name
			return int(t.process)
		}
	}
	n, known := s.fresh[name]
	if !known {
		n = s.next
		s.next++
		s.fresh[name] = n
	}
	return n
}
