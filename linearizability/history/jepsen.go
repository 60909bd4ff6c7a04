package history

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// decodeJepsen reads EDN operation maps over registers, sets and counters, bare
// or in one vector or list. Functions are :read, :write and :cas of registers,
// :add, :remove and :read of sets, :add, :inc, :dec and :read of counters; what an
// object is shows in how it is used. Values are whatever EDN they are; an
// invocation with [k v] is of v on the object k (Jepsen's independent keys).
// Entries of processes that are not numbers (the nemesis) are skipped, whatever
// they hold. A failed :cas counts as a mismatch unless it carries an :error of its
// own. Where entries have a :time it must not run backwards.
func decodeJepsen(r io.Reader, lim Limits) (*History, []int32, error) {
	forms := newEDNSplitter(r, lim.RecordBytes)
	d := &jepsenDecoder{log: newEventLog(lim), time: math.MinInt64}
	for {
		form, line, err := forms.next()
		if errors.Is(err, io.EOF) {
			return d.log.history()
		}
		if err == nil {
			d.log.line = line
			err = d.entry(form)
		}
		if err != nil {
			return nil, nil, at(line, err)
		}
	}
}

// jepsenDecoder turns operation maps into events.
type jepsenDecoder struct {
	log  *eventLog
	time int64 // the latest :time
}

// entry takes one operation map. The fields that bear on consistency are
// :process, :type, :f, :value, :error and :time; all others are ignored.
func (d *jepsenDecoder) entry(form []byte) error {
	if !utf8.Valid(form) {
		return fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	entry, err := readEDN(string(form))
	if err != nil {
		if word := ednFieldWord(string(form), ":process"); word != "" && word[0] == ':' {
			return nil // what the nemesis says need not be EDN
		}
		return err
	}
	process := entry.field("process")
	if process.kind == ednNil {
		return fmt.Errorf("%w: operation map without :process", ErrFormat)
	}
	if process.kind != ednInt {
		return nil
	}
	if t := entry.field("time"); t.kind == ednInt {
		if t.num < d.time {
			return fmt.Errorf("%w: :time %d after %d", ErrClock, t.num, d.time)
		}
		d.time = t.num
	}
	kindWord := entry.field("type")
	kind, ok := parseEventType(kindWord.str)
	if !ok || kindWord.kind != ednKeyword {
		return fmt.Errorf("%w: :type %s", ErrFormat, clip([]byte(kindWord.text)))
	}
	e := event{kind: kind, process: process.num, refused: entry.field("error").kind != ednNil}
	if err := d.describe(&e, entry); err != nil {
		return err
	}
	return d.log.add(e)
}

// jepsenFunc is what the word of an :f does.
func jepsenFunc(word string) (Func, bool) {
	switch word {
	case "read", "write", "cas", "add", "remove":
		return Func(word), true
	case "inc", "increment", "dec", "decrement":
		return Inc, true
	}
	return "", false
}

// describe fills in function, key and value of an event.
func (d *jepsenDecoder) describe(e *event, entry ednNode) (err error) {
	fn, v := entry.field("f"), entry.field("value")
	known := false
	if e.fn, known = jepsenFunc(fn.str); fn.kind != ednKeyword || !known {
		return fmt.Errorf("%w: %w: :f %s is not an operation on a register, a set or a counter", ErrFormat, ErrUnknownOp, clip([]byte(fn.text)))
	}
	isPair := func(n ednNode) bool { return n.kind == ednList && len(n.items) == 2 }
	if isPair(v) && (e.fn != CAS || v.items[1].kind == ednList) && (e.kind == invoke || d.log.keyed(e.process)) {
		e.keyed = true
		e.key, v = ednKey(v.items[0]), v.items[1]
	}
	e.value = ednValue(v)
	if e.kind != invoke { // completions of puts need not repeat the argument
		return nil
	}
	switch {
	case e.fn == CAS && !isPair(v):
		return fmt.Errorf("%w: :cas :value %s is not [old new]", ErrFormat, clip([]byte(v.text)))
	case e.fn == Inc && v.kind == ednNil:
		e.value = Int(1)
	case e.fn == Inc && v.kind != ednInt:
		return fmt.Errorf("%w: :%s :value %s is not an integer", ErrFormat, fn.str, clip([]byte(v.text)))
	}
	if n, _ := e.value.AsInt(); e.fn == Inc && strings.HasPrefix(fn.str, "dec") {
		e.value = Int(-n)
	}
	return nil
}

// ednValue converts an EDN value. Lists, vectors and sets become lists, sets in
// order. Registers hold opaque values, so whatever else is neither nil nor a
// 64-bit integer nor a string becomes the string of its text: equal texts are
// equal values. The keyword :nil, which some clients print for an absent value, is
// nil.
func ednValue(n ednNode) Value {
	switch n.kind {
	case ednNil:
		return Nil
	case ednInt:
		return Int(n.num)
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
	}
	return Str(n.text)
}

func ednKey(n ednNode) string {
	k := ednValue(n)
	if s, ok := k.AsStr(); ok {
		return s
	}
	return k.String()
}
