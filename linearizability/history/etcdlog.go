package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// etcdMarker stands before the fields of each event of an etcd log.
const etcdMarker = "jepsen.util - "

// decodeEtcdLog reads logs of this shape, fields separated by tabs or spaces:
//
//	INFO  jepsen.util - 3	:invoke	:cas	[1 4]
//	INFO  jepsen.util - 3	:fail	:cas	[1 4]
//	INFO  jepsen.util - 2	:info	:write	:timed-out
//
// One register, absent at first. Blank lines and events of processes that are
// not numbers (the nemesis) are skipped. A cas that fails has found another value
// (Options.FailedCAS); the value with which a write or cas ends well is the one that
// counts, if it is one.
func decodeEtcdLog(src io.Reader, r *reading) (*History, []int32, error) {
	lines := newLineReader(src, r.Limits.RecordBytes)
	events := newEventLog(r, PairsAreValues)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return events.history()
		}
		if err != nil {
			return nil, nil, at(lines.line, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		events.line = lines.line
		if err := addEtcdLine(events, line); err != nil {
			if lines.open && errors.Is(err, ErrFormat) {
				err = fmt.Errorf("%w: inside the last line: %w", ErrTruncated, err)
			}
			return nil, nil, at(lines.line, err)
		}
		r.noteOpen(lines, line)
	}
}

func addEtcdLine(events *eventLog, line []byte) error {
	if !utf8.Valid(line) {
		return fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	_, rest, ok := strings.Cut(string(line), etcdMarker)
	if !ok {
		return fmt.Errorf("%w: no %q in %s", ErrFormat, etcdMarker, clip(line))
	}
	if strings.Contains(rest, etcdMarker) {
		return fmt.Errorf("%w: two events in %s", ErrFormat, clip(line))
	}
	if strings.HasPrefix(rest, ":") {
		return nil // the nemesis is a process named by a keyword
	}
	fields := cutFields(rest, 4)
	if len(fields) != 4 {
		return fmt.Errorf("%w: %d fields where process, type, function and value are due", ErrFormat, len(fields))
	}
	proc, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return fmt.Errorf("%w: process %q is not a number", ErrFormat, fields[0])
	}
	kind, ok := parseEventType(strings.TrimPrefix(fields[1], ":"))
	if !ok {
		return fmt.Errorf("%w: event type %q", ErrFormat, fields[1])
	}
	e := event{kind: kind, process: proc, fn: Func(strings.TrimPrefix(fields[2], ":"))}
	switch {
	case events.r.ignores(string(e.fn)):
		if kind == invoke {
			events.r.ignored[string(e.fn)]++
		}
		return nil
	case e.fn != Read && e.fn != Write && e.fn != CAS:
		return fmt.Errorf("%w: %w: function %q; operations that do not matter can be left out (Options.Ignore, --ignore %s)",
			ErrFormat, ErrUnknownOp, fields[2], e.fn)
	case e.fn == Read && kind != completed:
		return events.add(e) // it begins with nothing, and a failure gives its reason there
	}
	if e.value, err = etcdValue(e.fn, fields[3]); err != nil && (kind == invoke || e.fn == Read) {
		return err
	}
	return events.add(e)
}

// cutFields splits s at white space into at most n fields; the last one keeps
// the spaces inside it, as in [1 4].
func cutFields(s string, n int) []string {
	var fields []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		end := strings.IndexAny(s, " \t")
		if end < 0 || len(fields) == n-1 {
			return append(fields, s)
		}
		fields = append(fields, s[:end])
		s = s[end:]
	}
	return fields
}

func etcdValue(fn Func, word string) (Value, error) {
	if fn != CAS {
		if word == "nil" && fn == Read {
			return Nil, nil
		}
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return Nil, fmt.Errorf("%w: value %q is not an integer", ErrFormat, word)
		}
		return Int(n), nil
	}
	inner, opened := strings.CutPrefix(word, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	parts := strings.Fields(inner)
	if !opened || !closed || len(parts) != 2 {
		return Nil, fmt.Errorf("%w: cas argument %q is not [old new]", ErrFormat, word)
	}
	var pair [2]Value
	for i, p := range parts {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			return Nil, fmt.Errorf("%w: cas argument %q is not [old new]", ErrFormat, word)
		}
		pair[i] = Int(n)
	}
	return List(pair[:]...), nil
}
