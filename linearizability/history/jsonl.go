package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The JSONL format: a header line, one line an operation or fence, a footer
// line. The footer carries the counts, so that a file cut at a line boundary is
// told from a complete one.
//
//	{"kind":"history","version":1,"name":"seed 7","tagged":true}
//	{"kind":"op","session":0,"node":1,"type":"set","func":"add","key":"k","arg":5,"call":1,"return":4,"tag":1}
//	{"kind":"fence","at":9}
//	{"kind":"end","ops":1,"fences":1}
//
// The index of an operation is its position. A missing "return" is Pending, a
// missing "outcome" is ok, a missing "node" is -1.

// JSONLVersion is the version that EncodeJSONL writes and Decode accepts.
const JSONLVersion = 1

const (
	kindHeader = "history"
	kindOp     = "op"
	kindFence  = "fence"
	kindFooter = "end"

	opPrefix = `{"kind":"op",` // as EncodeJSONL writes it
)

type wireHeader struct {
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Name    text   `json:"name,omitempty"`
	Tagged  bool   `json:"tagged"`
}

type wireOp struct {
	Kind    string   `json:"kind"`
	Session int      `json:"session"`
	Node    *int     `json:"node,omitempty"`
	Type    text     `json:"type"`
	Func    text     `json:"func"`
	Key     text     `json:"key"`
	Arg     Value    `json:"arg,omitzero"`
	Out     Value    `json:"out,omitzero"`
	Call    *int64   `json:"call"`
	Return  *int64   `json:"return,omitempty"`
	Outcome string   `json:"outcome,omitempty"`
	Tag     uint64   `json:"tag,omitempty"`
	Saw     []uint64 `json:"saw,omitzero"`
	Stamp   Stamp    `json:"stamp,omitzero"`
	Txn     uint64   `json:"txn,omitempty"`
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
// byte for byte whatever its keys and values hold. An invalid history is an
// error wrapping ErrInvalid and nothing is written. O(size).
func EncodeJSONL(w io.Writer, h *History) error {
	if err := h.Validate(); err != nil {
		return fmt.Errorf("encode history %s: %w", h.Name, err)
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(wireHeader{kindHeader, JSONLVersion, text(h.Name), h.Tagged})
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
		Kind: kindOp, Session: o.Session, Type: text(o.Type), Func: text(o.Func), Key: text(o.Key),
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
		return Op{}, fmt.Errorf("%w: an operation of session %d has no \"call\"", ErrUnmatchedReturn, w.Session)
	}
	o := Op{
		Index: index, Session: w.Session, Node: -1, Type: Type(w.Type), Func: Func(w.Func), Key: string(w.Key),
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
	case "", OK.String():
		o.Outcome = OK
	case Failed.String():
		o.Outcome = Failed
	case Unknown.String():
		o.Outcome = Unknown
	default:
		return Op{}, fmt.Errorf("%w: no such outcome %q", ErrFormat, w.Outcome)
	}
	return o, nil
}

// jsonlDecoder is a history in the making.
type jsonlDecoder struct {
	h     *History
	lim   Limits
	valid *validator
	lines []int32 // by operation
}

func decodeJSONL(r io.Reader, lim Limits) (*History, []int32, error) {
	lines := newLineReader(r, lim.RecordBytes)
	h := &History{}
	if err := readHeader(lines, h); err != nil {
		return nil, nil, err
	}
	d := &jsonlDecoder{h: h, lim: lim, valid: newValidator(h)}
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil, nil, at(lines.line, fmt.Errorf("%w: no closing record after %d operations", ErrTruncated, len(h.Ops)))
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
	if line, err := lines.next(); err == nil {
		return nil, nil, at(lines.line, fmt.Errorf("%w: %s after the closing record", ErrFormat, clip(line)))
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, at(lines.line, err)
	}
	return h, d.lines, nil
}

func readHeader(lines *lineReader, h *History) error {
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
		return at(lines.line, fmt.Errorf("%w: first record is %q, not a header", ErrFormat, kind))
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
	if err := strictJSON(line, &head); err != nil {
		return at(lines.line, fmt.Errorf("%w: %w", ErrFormat, err))
	}
	h.Name, h.Tagged = string(head.Name), head.Tagged
	return nil
}

// record adds one line to the history and reports whether it was the footer.
func (d *jsonlDecoder) record(line []byte, number int) (done bool, err error) {
	kind, err := kindOf(line)
	if err != nil {
		return false, err
	}
	malformed := func(err error) error { return fmt.Errorf("%w: %w", ErrFormat, err) }
	h := d.h
	switch kind {
	case kindOp:
		if len(h.Ops) >= d.lim.Ops {
			return false, fmt.Errorf("%w: more than %d", ErrTooMany, d.lim.Ops)
		}
		var w wireOp
		if err := strictJSON(line, &w); err != nil {
			return false, malformed(err)
		}
		if w.Kind != kindOp {
			return false, fmt.Errorf("%w: record of kind %q and %q", ErrFormat, kindOp, w.Kind)
		}
		o, err := fromWire(&w, len(h.Ops))
		if err != nil {
			return false, err
		}
		h.Ops, d.lines = append(h.Ops, o), append(d.lines, int32(number))
		return false, d.valid.next(len(h.Ops) - 1)
	case kindFence:
		if len(h.Fences) >= d.lim.Ops {
			return false, fmt.Errorf("%w: more than %d fences", ErrTooMany, d.lim.Ops)
		}
		var f wireFence
		if err := strictJSON(line, &f); err != nil {
			return false, malformed(err)
		}
		if n := len(h.Fences); n > 0 && f.At < h.Fences[n-1] {
			return false, fmt.Errorf("%w: %w: a fence at %d after one at %d", ErrInvalid, ErrClock, f.At, h.Fences[n-1])
		}
		h.Fences = append(h.Fences, f.At)
	case kindFooter:
		var f wireFooter
		if err := strictJSON(line, &f); err != nil {
			return false, malformed(err)
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
