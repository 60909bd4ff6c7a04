package history

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// JSONLVersion is the version that EncodeJSONL writes and Decode accepts.
const JSONLVersion = 1

const (
	kindHeader = "history"
	kindOp     = "op"
	kindFence  = "fence"
	kindFooter = "end"

	opPrefix = `{"kind":"op",` // as EncodeJSONL writes it

	mostUnknown = 100 // unknown fields of different names that are noted
)

type wireHeader struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Name    text   `json:"name,omitempty"`
	Tagged  bool   `json:"tagged"`
	Initial Value  `json:"initial,omitzero"`
	Untimed bool   `json:"untimed,omitempty"`
}

// wireSession is a number or a name.
type wireSession struct {
	number int
	name   text
}

// MarshalJSON implements json.Marshaler.
func (s wireSession) MarshalJSON() ([]byte, error) {
	if s.name != "" {
		return s.name.MarshalJSON()
	}
	return strconv.AppendInt(nil, int64(s.number), 10), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *wireSession) UnmarshalJSON(src []byte) error {
	if len(src) > 0 && (src[0] == '"' || src[0] == '{') {
		if err := s.name.UnmarshalJSON(src); err != nil {
			return fmt.Errorf("session: %w", err)
		}
		if s.name == "" {
			return fmt.Errorf("session: the name is empty")
		}
		return nil
	}
	n, err := strconv.ParseInt(string(src), 10, strconv.IntSize)
	if err != nil {
		return fmt.Errorf("session %s is neither an integer nor a string", clip(src))
	}
	s.number = int(n)
	return nil
}

type wireOp struct {
	Kind    string      `json:"kind"`
	Session wireSession `json:"session"`
	Node    *int        `json:"node,omitempty"`
	Type    text        `json:"type"`
	Func    text        `json:"func"`
	Key     text        `json:"key"`
	Arg     Value       `json:"arg,omitzero"`
	Out     Value       `json:"out,omitzero"`
	Call    *int64      `json:"call"`
	Return  *int64      `json:"return,omitempty"`
	Outcome string      `json:"outcome,omitempty"`
	Tag     uint64      `json:"tag,omitempty"`
	Saw     []uint64    `json:"saw,omitzero"`
	Stamp   Stamp       `json:"stamp,omitzero"`
	Txn     uint64      `json:"txn,omitempty"`
}

type wireFence struct {
	Kind string `json:"kind"`
	At   int64  `json:"at"`
}

type wireFooter struct {
	Kind   string `json:"kind"`
	Ops    int    `json:"ops"`
	Fences int    `json:"fences"`
}

// EncodeJSONL writes h to w so that Decode("jsonl", …) yields an equal history,
// byte for byte whatever its keys and values hold; only sessions with names are
// numbered anew. An invalid history is an error wrapping ErrInvalid and nothing is
// written. O(size).
func EncodeJSONL(w io.Writer, h *History) error {
	if err := h.Validate(); err != nil {
		return fmt.Errorf("encode history %s: %w", h.Name, err)
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(wireHeader{kindHeader, JSONLVersion, text(h.Name), h.Tagged, h.Initial, h.Untimed})
	for i := 0; i < len(h.Ops) && err == nil; i++ {
		err = enc.Encode(toWire(&h.Ops[i]))
	}
	for i := 0; i < len(h.Fences) && err == nil; i++ {
		err = enc.Encode(wireFence{kindFence, h.Fences[i]})
	}
	if err == nil {
		err = enc.Encode(wireFooter{kindFooter, len(h.Ops), len(h.Fences)})
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("encode history %s: %w", h.Name, err)
	}
	return nil
}

func toWire(o *Op) wireOp {
	w := wireOp{
		Kind: kindOp, Session: wireSession{o.Session, text(o.Client)}, Type: text(o.Type), Func: text(o.Func), Key: text(o.Key),
		Arg: o.Arg, Out: o.Out, Call: &o.Call, Tag: o.Tag, Saw: o.Saw, Stamp: o.Stamp,
		Txn: o.Txn,
	}
	if o.Node != -1 {
		w.Node = &o.Node
	}
	if o.Return != Pending {
		w.Return = &o.Return
	}
	if o.Outcome != OK {
		w.Outcome = o.Outcome.String()
	}
	return w
}

func fromWire(w *wireOp, index int) (Op, error) {
	if w.Call == nil {
		return Op{}, fmt.Errorf("%w: an operation of session %s has no \"call\"",
			ErrUnmatchedReturn, cmp.Or(string(w.Session.name), strconv.Itoa(w.Session.number)))
	}
	o := Op{
		Index: index, Session: w.Session.number, Client: string(w.Session.name), Node: -1,
		Type: Type(w.Type), Func: Func(w.Func), Key: string(w.Key),
		Arg: w.Arg, Out: w.Out, Call: *w.Call, Return: Pending, Tag: w.Tag, Saw: w.Saw, Stamp: w.Stamp,
		Txn: w.Txn,
	}
	if w.Node != nil {
		o.Node = *w.Node
	}
	if w.Return != nil {
		o.Return = *w.Return
	}
	switch w.Outcome {
	case "":
		if w.Return == nil { // whoever waits for an answer does not know
			o.Outcome = Unknown
		}
	case OK.String():
		o.Outcome = OK
	case Failed.String():
		o.Outcome = Failed
	case Unknown.String():
		o.Outcome = Unknown
	default:
		return Op{}, fmt.Errorf("%w: no such outcome %q (want ok, failed, or unknown for what may have happened)", ErrFormat, w.Outcome)
	}
	return o, nil
}

// jsonlDecoder is a history in the making.
type jsonlDecoder struct {
	h       *History
	r       *reading
	lines   []int32 // by operation
	unknown []unknownField
	scanner jsonScanner
}

// unknownField is a field of records that this build does not know.
type unknownField struct {
	name  string
	line  int // the first one
	count int
}

func decodeJSONL(src io.Reader, r *reading) (*History, []int32, error) {
	lines := newLineReader(src, r.Limits.RecordBytes)
	d := &jsonlDecoder{h: &History{}, r: r}
	if err := d.header(lines); err != nil {
		return nil, nil, err
	}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil, nil, at(lines.line, fmt.Errorf("%w: no closing record after %d operations", ErrTruncated, len(d.h.Ops)))
		}
		if err != nil {
			return nil, nil, at(lines.line, err)
		}
		done, err := d.record(line, lines.line)
		if err != nil && lines.open && errors.Is(err, ErrFormat) {
			err = fmt.Errorf("%w: inside the last line: %w", ErrTruncated, err)
		}
		if err != nil {
			return nil, nil, at(lines.line, err)
		}
		if done {
			break
		}
	}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return d.finish()
		}
		if err == nil && len(bytes.TrimSpace(line)) > 0 {
			err = fmt.Errorf("%w: %s after the closing record", ErrFormat, clip(line))
		}
		if err != nil {
			return nil, nil, at(lines.line, err)
		}
	}
}

// finish orders what was read, numbers the sessions with names, and validates.
func (d *jsonlDecoder) finish() (*History, []int32, error) {
	for _, u := range d.unknown {
		d.r.note(u.line, "unknown field %q passed over, in %s", u.name, counted(u.count, "record"))
	}
	d.order()
	d.numberSessions()
	return validated(d.h, d.lines)
}

// order sorts operations by their calls, and fences.
func (d *jsonlDecoder) order() {
	h := d.h
	slices.Sort(h.Fences)
	byCall := func(a, b int) int { return cmp.Compare(h.Ops[a].Call, h.Ops[b].Call) }
	order := make([]int, len(h.Ops))
	for i := range order {
		order[i] = i
	}
	if slices.IsSortedFunc(order, byCall) {
		return
	}
	slices.SortStableFunc(order, byCall)
	ops, lines := make([]Op, 0, len(order)), make([]int32, 0, len(order))
	for n, i := range order {
		ops, lines = append(ops, h.Ops[i]), append(lines, d.lines[i])
		ops[n].Index = n
	}
	h.Ops, d.lines = ops, lines
}

// numberSessions gives sessions with names the least numbers that are free.
func (d *jsonlDecoder) numberSessions() {
	numbers, taken := make(map[string]int), make(map[int]bool)
	for i := range d.h.Ops {
		if o := &d.h.Ops[i]; o.Client == "" {
			taken[o.Session] = true
		}
	}
	next := 0
	for i := range d.h.Ops {
		o := &d.h.Ops[i]
		if o.Client == "" {
			continue
		}
		n, known := numbers[o.Client]
		if !known {
			for n = next; taken[n]; n++ {
			}
			numbers[o.Client], next = n, n+1
		}
		o.Session = n
	}
}

// decodeRecord decodes one record. Its fields that are not known are noted, or with
// Options.Strict are an error.
func decodeRecord[T any](d *jsonlDecoder, line []byte, number int, into *T) error {
	if err := d.scanner.plain(line); err != nil {
		return err
	}
	err := strictJSON(line, into)
	if err == nil {
		return nil
	}
	// encoding/json has no type for the error of an unknown field: that it is one
	// shows in that a lenient reader finds no fault.
	var lenient T
	var fields map[string]json.RawMessage
	if d.r.Strict || json.Unmarshal(line, &lenient) != nil || json.Unmarshal(line, &fields) != nil {
		return fmt.Errorf("%w: %w", ErrFormat, inWords(err))
	}
	*into = lenient
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		field, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if strictJSON(field, new(T)) != nil {
			d.unknownField(name, number)
		}
	}
	return nil
}

// unknownField counts a field that is not known.
func (d *jsonlDecoder) unknownField(name string, line int) {
	for i := range d.unknown {
		if d.unknown[i].name == name {
			d.unknown[i].count++
			return
		}
	}
	if len(d.unknown) < mostUnknown {
		d.unknown = append(d.unknown, unknownField{name, line, 1})
	}
}

func (d *jsonlDecoder) header(lines *lineReader) error {
	line, err := lines.next()
	for err == nil && len(bytes.TrimSpace(line)) == 0 {
		line, err = lines.next()
	}
	if errors.Is(err, io.EOF) {
		return ErrEmpty
	}
	if err != nil {
		return at(lines.line, err)
	}
	kind, err := kindOf(line)
	if err != nil {
		return at(lines.line, err)
	}
	if kind != kindHeader {
		return at(lines.line, fmt.Errorf("%w: the first record has the kind %q; a file begins with {\"kind\":\"history\",\"version\":%d}", ErrFormat, kind, JSONLVersion))
	}
	var ver struct {
		Version int `json:"version"`
	}
	// The version is read leniently, and first: a later version may have fields
	// that this one does not know.
	if err := json.Unmarshal(line, &ver); err != nil {
		return at(lines.line, fmt.Errorf("%w: %w", ErrFormat, err))
	}
	if ver.Version != JSONLVersion {
		return at(lines.line, fmt.Errorf("%w: version %d, this build reads %d", ErrVersion, ver.Version, JSONLVersion))
	}
	var head wireHeader
	if err := decodeRecord(d, line, lines.line, &head); err != nil {
		return at(lines.line, err)
	}
	d.h.Name, d.h.Tagged, d.h.Initial, d.h.Untimed = string(head.Name), head.Tagged, head.Initial, head.Untimed
	return nil
}

// record adds one line to the history and reports whether it was the footer.
func (d *jsonlDecoder) record(line []byte, number int) (done bool, err error) {
	kind, err := kindOf(line)
	if err != nil {
		return false, err
	}
	h, most := d.h, d.r.Limits.Ops
	switch kind {
	case kindOp:
		if len(h.Ops) >= most {
			return false, fmt.Errorf("%w: more than %d", ErrTooMany, most)
		}
		var w wireOp
		if err := decodeRecord(d, line, number, &w); err != nil {
			return false, err
		}
		if w.Kind != kindOp {
			return false, fmt.Errorf("%w: record of kind %q and %q", ErrFormat, kindOp, w.Kind)
		}
		o, err := fromWire(&w, len(h.Ops))
		if err != nil {
			return false, err
		}
		h.Ops, d.lines = append(h.Ops, o), append(d.lines, int32(number))
		return false, o.validate(h.Tagged)
	case kindFence:
		if len(h.Fences) >= most {
			return false, fmt.Errorf("%w: more than %d fences", ErrTooMany, most)
		}
		var f wireFence
		if err := decodeRecord(d, line, number, &f); err != nil {
			return false, err
		}
		h.Fences = append(h.Fences, f.At)
	case kindFooter:
		var f wireFooter
		if err := decodeRecord(d, line, number, &f); err != nil {
			return false, err
		}
		if f.Ops != len(h.Ops) || f.Fences != len(h.Fences) {
			return false, fmt.Errorf("%w: closing record counts %d operations and %d fences, the file holds %d and %d",
				ErrTruncated, f.Ops, f.Fences, len(h.Ops), len(h.Fences))
		}
		return true, nil
	default:
		return false, fmt.Errorf("%w: record of kind %q", ErrFormat, kind)
	}
	return false, nil
}

// kindOf reads the kind of a record. Invalid UTF-8 is rejected here because
// encoding/json would replace it without a word.
func kindOf(line []byte) (string, error) {
	if !utf8.Valid(line) {
		return "", fmt.Errorf("%w: invalid UTF-8", ErrFormat)
	}
	if bytes.HasPrefix(line, []byte(opPrefix)) {
		return kindOp, nil // most lines; record looks at the kind again
	}
	var k struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(line, &k); err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrFormat, clip(line), err)
	}
	return k.Kind, nil
}
