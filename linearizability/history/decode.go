package history

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits bound what a decoder accepts. A zero field means its default.
type Limits struct {
	RecordBytes int // longest line (JSONL, logs) or map (EDN); default 16 MiB
	Ops         int // most operations; default 16 Mi
}

// The defaults of Limits.
const (
	DefaultRecordBytes = 16 << 20
	DefaultOps         = 16 << 20
)

func (l Limits) withDefaults() Limits {
	if l.RecordBytes <= 0 {
		l.RecordBytes = DefaultRecordBytes
	}
	if l.Ops <= 0 {
		l.Ops = DefaultOps
	}
	return l
}

// format is one row of the table of decoders.
type format struct {
	name string
	// decode returns the history and, by operation, the line at which its record
	// begins. Errors are *DecodeError without a Name, *OpError, or a reader's.
	decode func(r io.Reader, lim Limits) (*History, []int32, error)
}

// formats is the table; its order is that of Formats.
func formats() []format {
	return []format{
		{"jsonl", decodeJSONL},
		{"jepsen", decodeJepsen},
		{"porcupine-etcd", decodeEtcdLog},
		{"plume", decodePlume},
		{"awdit", decodeAwdit},
	}
}

// Formats lists the formats that Decode reads: jsonl is this project's own and
// round-trips exactly; jepsen is EDN operation maps over registers, sets and counters;
// porcupine-etcd is the log text that ships with the porcupine module; plume and
// awdit are the texts of those two checkers, transactions over registers.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Decode reads one history of the given format from r, within the default
// Limits. The name stands for the input in messages and becomes History.Name
// where the format carries none. Every error but ErrUnknownFormat is a
// *DecodeError. Time O(bytes); memory O(history + one record).
func Decode(format, name string, r io.Reader) (*History, error) {
	return DecodeLimited(format, name, r, Limits{})
}

// DecodeLimited is Decode with other limits.
func DecodeLimited(format, name string, r io.Reader, lim Limits) (*History, error) {
	h, _, err := DecodeLines(format, name, r, lim)
	return h, err
}

// DecodeLines is DecodeLimited and says, by operation, at which line of the input
// its record begins, counted from 1: for messages about an operation (OpError).
func DecodeLines(format, name string, r io.Reader, lim Limits) (*History, []int32, error) {
	for _, f := range formats() {
		if f.name != format {
			continue
		}
		h, lines, err := f.decode(r, lim.withDefaults())
		if err != nil {
			return nil, nil, named(name, err)
		}
		if h.Name == "" {
			h.Name = name
		}
		return h, lines, nil
	}
	return nil, nil, fmt.Errorf("decode history %s: %w %q (known: %s)",
		name, ErrUnknownFormat, format, strings.Join(Formats(), ", "))
}

// named completes an error with the name of the input.
func named(name string, err error) error {
	if de, ok := err.(*DecodeError); ok {
		return &DecodeError{Name: name, Line: de.Line, Err: de.Err}
	}
	return &DecodeError{Name: name, Err: err}
}

// at marks err with the line it belongs to; Decode adds the name.
func at(line int, err error) error { return &DecodeError{Line: line, Err: err} }

// validated validates a decoded history and places what is wrong with it.
func validated(h *History, lines []int32) (*History, []int32, error) {
	err := h.Validate()
	if err == nil {
		return h, lines, nil
	}
	var bad *OpError
	if errors.As(err, &bad) {
		err = at(int(lines[bad.Index]), err)
	}
	return nil, nil, err
}
