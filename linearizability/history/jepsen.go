package history

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decodeJepsen reads operation maps in EDN or JSON, bare or in one vector or list: of
// transactions, see txnEvents, or of single operations. Their functions are
// :read, :write and :cas of registers, :add, :remove and :read of sets (and Maelstrom's
// :broadcast, which is an :add), :add, :inc, :dec and :read of counters, :enqueue,
// :dequeue and :drain of queues, :acquire and :release of locks, :transfer and :read of
// banks, :generate of ids; what an object is shows in how it is used. Values are whatever EDN they are; what a pair
// is, see Options.Pairs. The value with which a write, cas, add or remove ends well
// is the one that counts. Processes are numbers, or all of them
// strings; entries of others are skipped, whatever they hold, with a note unless it is the
// :nemesis. What failed did not happen, a :cas included
// (Options.FailedCAS). The order of the entries counts; where their :time runs
// backwards there is a note.
func decodeJepsen(src io.Reader, r *reading) (*History, []int32, error) {
	forms := newEDNSplitter(src, r.Limits.RecordBytes)
	d := &jepsenDecoder{r: r, log: newEventLog(r, r.Pairs), txns: newTxnEvents(r), time: math.MinInt64}
	for {
		form, line, err := forms.next()
		if errors.Is(err, io.EOF) {
			return d.history()
		}
		if err == nil {
			d.line = line
			if err = d.entry(form); err == nil && forms.open {
				r.noteCut(line, form)
			}
		}
		if err != nil {
			return nil, nil, at(line, err)
		}
	}
}

// jepsenDecoder turns operation maps into events, of single operations or of
// transactions.
type jepsenDecoder struct {
	r    *reading
	log  *eventLog
	txns *txnEvents
	line int   // of the entry
	time int64 // the latest :time
	// The first lines of either kind, 0 where there is none.
	singleAt, txnAt int
	// Processes with names that are no numbers, in order of appearance, and whether there are
	// others beside them.
	names    []string
	named    map[string]int64
	numbered bool
	// Entries of what is neither a client nor the nemesis: how many, the first line and name.
	passed, passedAt int
	passedName       string
	nemeses          int // entries of the nemesis
	// Where :time ran backwards: the first line, how often, by how much at most.
	backAt, backs int
	back          int64
}

// entry takes one operation map. The fields that bear on consistency are
// :process, :type, :f, :value and :error; all others are ignored.
func (d *jepsenDecoder) entry(form []byte) error {
	if !utf8.Valid(form) {
		return fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	read, process0 := readEDN, func(text string) string { return ednFieldWord(text, ":process") }
	switch {
	case form[0] != '{':
		read, process0 = lineEntry, firstWord
	case isJSONEntry(form):
		read = readJSONEntry
	}
	entry, err := read(string(form))
	if err != nil {
		if word := process0(string(form)); word != "" && word[0] == ':' {
			d.nemeses++
			return nil // what the nemesis says need not be EDN
		}
		return err
	}
	process, fn, v := entry.field("process"), entry.field("f"), entry.field("value")
	isTxn := fn.isWord() && fn.str == "txn" || looksLikeTxn(v, fn.kind == ednNil) || process.kind == ednInt && d.txns.isOpen(process.num)
	switch {
	case process.kind == ednNil && isTxn:
		process.num = noProcess
	case process.kind == ednNil:
		return fmt.Errorf("%w: operation map without :process", ErrFormat)
	case process.kind == ednString && process.str != nemesis:
		if process.num, err = d.number(process.str); err != nil {
			return err
		}
	case process.kind != ednInt:
		if process.name() != nemesis && process.str != nemesis {
			d.passOver(process)
		} else {
			d.nemeses++
		}
		return nil
	default:
		d.numbered = true
	}
	if t := entry.field("time"); t.kind == ednInt {
		d.look(t.num)
	}
	kindWord := entry.field("type")
	kind, ok := parseEventType(kindWord.str)
	if !ok || !kindWord.isWord() {
		return fmt.Errorf("%w: :type %s", ErrFormat, clip([]byte(kindWord.text)))
	}
	if word := fn.name(); d.r.ignores(word) {
		if kind == invoke {
			d.r.ignored[word]++
		}
		return nil
	}
	if isTxn {
		return d.txn(kind, process.num, v)
	}
	return d.single(entry, kind, process.num)
}

// nemesis is the process that is no client.
const nemesis = "nemesis"

// number is the process of a client that has a string for it: the number that it writes, or
// else the next one in order of appearance, which must not be mixed with numbers.
func (d *jepsenDecoder) number(name string) (int64, error) {
	if n, err := strconv.ParseInt(name, 10, 64); err == nil {
		d.numbered = true
		return n, nil
	}
	n, known := d.named[name]
	if !known {
		if d.named == nil {
			d.named = make(map[string]int64)
		}
		n = int64(len(d.names))
		d.named[name] = n
		d.names = append(d.names, name)
	}
	return n, nil
}

// passOver counts an entry of a process that is neither a number nor a string.
func (d *jepsenDecoder) passOver(process ednNode) {
	if d.passed++; d.passed == 1 {
		d.passedAt, d.passedName = d.line, process.text
	}
}

// noteProcesses says how processes were taken, where that is not plain.
func (d *jepsenDecoder) noteProcesses() error {
	if d.passed > 0 {
		d.r.note(d.passedAt, "%s passed over, of processes that are neither numbers nor strings, as %s", countedWith(d.passed, "entry", "entries"), clip([]byte(d.passedName)))
	}
	if len(d.names) > 0 && d.numbered {
		return fmt.Errorf("%w: some processes are numbers, others are names, as %q: give all of them one or the other", ErrAmbiguous, d.names[0])
	}
	if len(d.names) > 0 {
		d.r.note(0, "processes are numbered in order of appearance: %s", clip([]byte(strings.Join(d.names, ", "))))
	}
	return nil
}

// txn takes an entry of a transaction.
func (d *jepsenDecoder) txn(kind eventType, process int64, v ednNode) error {
	if d.txnAt == 0 {
		d.txnAt = d.line
	}
	d.txns.line = d.line
	e, err := d.txns.entryOf(kind, process, v)
	if err != nil {
		return err
	}
	return d.txns.add(e)
}

// single takes an entry of an operation that stands alone.
func (d *jepsenDecoder) single(entry ednNode, kind eventType, process int64) error {
	if d.singleAt == 0 {
		d.singleAt = d.line
	}
	fn, v := entry.field("f"), entry.field("value")
	d.log.line = d.line
	e := event{
		kind: kind, process: process, refused: entry.field("error").kind != ednNil,
		value: ednValue(v), pair: v.kind == ednList && len(v.items) == 2, negate: strings.HasPrefix(fn.str, "dec"),
		final: entry.field("final?").text == "true",
	}
	if key := entry.field("key"); key.kind != ednNil {
		e.key, e.pair = keyOf(ednValue(key)), false
	}
	var ok bool
	if e.fn, ok = jepsenFunc(fn.str); !ok || !fn.isWord() {
		return fmt.Errorf("%w: %w: :f %s is not an operation on a register, a set, a counter, a queue, a lock, a bank or a generator of ids; operations that do not matter "+
			"can be left out (Options.Ignore, --ignore %s)", ErrFormat, ErrUnknownOp, clip([]byte(fn.text)), fn.name())
	}
	return d.log.add(e)
}

// history is that of the transactions, or of the single operations; not of both, whose
// models differ.
func (d *jepsenDecoder) history() (*History, []int32, error) {
	d.noteTime()
	if err := d.noteProcesses(); err != nil {
		return nil, nil, at(d.line, err)
	}
	switch {
	case d.txnAt == 0 && len(d.log.ops) == 0:
		return nil, nil, d.nothing()
	case d.txnAt == 0:
		return d.log.history()
	case d.singleAt > 0:
		return nil, nil, at(max(d.txnAt, d.singleAt), fmt.Errorf("%w: transactions (line %d) and single operations (line %d) in one history: "+
			"leave one of them out (Options.Ignore, --ignore txn or the name of the other)", ErrUnknownOp, d.txnAt, d.singleAt))
	}
	return d.txns.history()
}

// nothing is the error of a file without an operation of a client, and says what was there
// instead.
func (d *jepsenDecoder) nothing() error {
	var what []string
	if d.passed > 0 {
		what = append(what, fmt.Sprintf("%s of processes that are neither numbers nor strings, as %s at line %d: to Jepsen these are no clients",
			countedWith(d.passed, "entry", "entries"), clip([]byte(d.passedName)), d.passedAt))
	}
	if d.nemeses > 0 {
		what = append(what, countedWith(d.nemeses, "entry", "entries")+" of the nemesis")
	}
	if d.r.unmatched > 0 {
		what = append(what, counted(d.r.unmatched, "completion")+" without a beginning, left out as asked (Options.Unmatched, --unmatched begin)")
	}
	for _, fn := range d.r.Ignore {
		if n := d.r.ignored[fn]; n > 0 {
			what = append(what, fmt.Sprintf("%s %s, left out as asked", counted(n, "operation"), fn))
		}
	}
	if len(what) == 0 {
		return ErrEmpty
	}
	return fmt.Errorf("%w: no operation of a client; %s", ErrEmpty, strings.Join(what, "; "))
}

// look holds a :time against the latest one.
func (d *jepsenDecoder) look(t int64) {
	if t < d.time {
		if d.backs++; d.backs == 1 {
			d.backAt = d.line
		}
		d.back = max(d.back, d.time-t)
	}
	d.time = max(d.time, t)
}

func (d *jepsenDecoder) noteTime() {
	if d.backs > 0 {
		d.r.note(d.backAt, "time runs backwards, :time of %s is up to %d before that of an earlier one; the order of the entries counts",
			counted(d.backs, "line"), d.back)
	}
}

// jepsenFunc is what the word of an :f does.
func jepsenFunc(word string) (Func, bool) {
	switch word {
	case "read", "write", "cas", "add", "remove":
		return Func(word), true
	case "inc", "increment", "dec", "decrement":
		return Inc, true
	case "get": // of porcupine's logs of a store of texts, whose entries have a :key
		return Read, true
	case "put":
		return Write, true
	case "append":
		return Append, true
	case "broadcast": // of Maelstrom: to every node, and a read returns all of them
		return Add, true
	case "enqueue", "dequeue", "drain", "acquire", "release", "transfer", "generate":
		return Func(word), true
	}
	return "", false
}

// ednValue converts an EDN value. Lists, vectors and sets become lists, sets in
// order; numbers, truth values and maps what they are. Registers hold opaque
// values, so whatever is left (keywords, symbols, characters, ratios, tagged
// values) becomes the string of its text: equal texts are equal values. The keyword
// :nil, which some clients print for an absent value, is nil.
func ednValue(n ednNode) Value {
	switch n.kind {
	case ednNil:
		return Nil
	case ednInt:
		return Int(n.num)
	case ednScalar:
		return n.scalar
	case ednString:
		return Str(n.str)
	case ednKeyword:
		if n.str == "nil" {
			return Nil
		}
	case ednList, ednSet:
		list := make([]Value, 0, len(n.items))
		for _, e := range n.items {
			list = append(list, ednValue(e))
		}
		if n.kind == ednSet {
			return SetOf(list...)
		}
		return List(list...)
	case ednMap:
		entries := make([][2]Value, 0, len(n.items)/2)
		for i := 0; i < len(n.items); i += 2 {
			entries = append(entries, [2]Value{ednValue(n.items[i]), ednValue(n.items[i+1])})
		}
		return MapOf(entries...)
	}
	return Str(n.text)
}
