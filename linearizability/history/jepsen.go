package history

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// decodeJepsen reads EDN operation maps over registers, bare or in one vector
// or list. Functions are :read, :write and :cas; values are whatever EDN they
// are, [k v] being value v of register k (Jepsen's independent keys). Entries of
// processes that are not numbers (the nemesis) are skipped. A failed :cas
// counts as a mismatch unless it carries an :error of its own.
func decodeJepsen(r io.Reader, lim Limits) (*History, error) {
	forms := newEDNSplitter(r, lim.RecordBytes)
	events := newEventLog(lim)
	for {
		form, line, err := forms.next()
		if errors.Is(err, io.EOF) {
			return events.history()
		}
		if err != nil {
			return nil, at(line, err)
		}
		e, skip, err := jepsenEvent(form)
		if err == nil && !skip {
			err = events.add(e)
		}
		if err != nil {
			return nil, at(line, err)
		}
	}
}

// jepsenEvent reads one operation map. The fields that bear on consistency are
// :process, :type, :f, :value and :error; all others are ignored.
func jepsenEvent(form []byte) (e event, skip bool, err error) {
	if !utf8.Valid(form) {
		return e, false, fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	entry, err := readEDN(string(form))
	if err != nil {
		return e, false, err
	}
	field := func(name string) (n ednNode) {
		n.kind = ednNil
		for i := 0; i < len(entry.items); i += 2 {
			if k := entry.items[i]; k.kind == ednKeyword && k.str == name {
				n = entry.items[i+1]
			}
		}
		return n
	}
	process := field("process")
	if process.kind == ednNil {
		return e, false, fmt.Errorf("%w: operation map without :process", ErrFormat)
	}
	if process.kind != ednInt {
		return e, true, nil
	}
	kindWord, fn := field("type"), field("f")
	kind, ok := parseEventType(kindWord.str)
	if !ok || kindWord.kind != ednKeyword {
		return e, false, fmt.Errorf("%w: :type %s", ErrFormat, clip([]byte(kindWord.text)))
	}
	e = event{kind: kind, process: process.num, fn: Func(fn.str), refused: field("error").kind != ednNil}
	if fn.kind != ednKeyword || e.fn != Read && e.fn != Write && e.fn != CAS {
		return e, false, fmt.Errorf("%w: :f %s is not an operation on a register", ErrFormat, clip([]byte(fn.text)))
	}
	e.key, e.value, err = jepsenValue(e, field("value"))
	return e, false, err
}

// jepsenValue splits the key off an independent value and converts the rest.
func jepsenValue(e event, v ednNode) (key string, _ Value, err error) {
	isPair := func(n ednNode) bool { return n.kind == ednList && len(n.items) == 2 }
	if isPair(v) && (e.fn != CAS || v.items[1].kind == ednList) {
		key, v = ednKey(v.items[0]), v.items[1]
	}
	if e.fn != CAS || isPair(v) {
		return key, ednValue(v), nil
	}
	if e.kind != invoke { // completions need not repeat the argument
		return key, Nil, nil
	}
	return "", Nil, fmt.Errorf("%w: :cas :value %s is not [old new]", ErrFormat, clip([]byte(v.text)))
}

// ednValue converts an EDN value. Registers hold opaque values, so whatever is
// neither nil nor a 64-bit integer nor a string nor a list becomes the string of
// its text: equal texts are equal values. The keyword :nil, which some clients
// print for an absent value, is nil.
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
	case ednList:
		list := make([]Value, 0, len(n.items))
		for _, e := range n.items {
			list = append(list, ednValue(e))
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
