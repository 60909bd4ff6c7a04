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
	decode    func(src io.Reader, r *reading) (*History, []int32, error)
	failedCAS FailedCAS // what a failed compare-and-set tells, by default
}

// formats is the table; its order is that of Formats.
func formats() []format {
	return []format{
		{"jsonl", decodeJSONL, FailedCASMismatch},
		{"jepsen", decodeJepsen, FailedCASAbsent},
		{"porcupine-etcd", decodeEtcdLog, FailedCASMismatch},
		{"plume", decodePlume, FailedCASMismatch},
		{"awdit", decodeAwdit, FailedCASMismatch},
		{"dbcop", decodeDBCop, FailedCASMismatch},
		{"cobra", decodeCobra, FailedCASMismatch},
		{"viper", decodeViper, FailedCASMismatch},
		{"etcd-robustness", decodeEtcdOperations, FailedCASMismatch},
		{"otlp", decodeOTLP, FailedCASMismatch},
	}
}

// autoFormat stands for the one that recognise finds.
var autoFormat = format{name: Auto}

// Formats lists the formats that are read: jsonl is this project's own and
// round-trips exactly; jepsen is EDN operation maps over registers, sets and counters;
// porcupine-etcd is the log text that ships with the porcupine module; plume and
// awdit are the texts of those two checkers, transactions over registers, and dbcop are
// its files of the same, in binary, JSON or text; cobra and viper are what clients of these two
// log, etcd-robustness the operations that etcd's robustness tests keep of a client, and
// otlp spans of OpenTelemetry. In each a
// byte order mark, lines that end in CRLF, and compression by gzip are no obstacle.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Decoded is a history with what is known of its source.
type Decoded struct {
	History *History
	Lines   []int32 // by operation: the line at which its record begins, from 1
	Notes   []Note  // what was passed over or assumed
}

// Decode reads one history of the given format, or of the one that it looks like
// (Auto), from r, with the default Options.
// The name stands for the input in messages and becomes History.Name where the
// format carries none. Every error but ErrUnknownFormat is a *DecodeError. Time
// O(bytes), and O(n log n) if operations do not stand in the order of their calls;
// memory O(history + one record).
func Decode(format, name string, r io.Reader) (*History, error) {
	return DecodeLimited(format, name, r, Limits{})
}

// DecodeLimited is Decode with other limits.
func DecodeLimited(format, name string, r io.Reader, lim Limits) (*History, error) {
	d, err := DecodeWith(format, name, r, Options{Limits: lim})
	if err != nil {
		return nil, err
	}
	return d.History, nil
}

// DecodeLines is DecodeLimited and says, by operation, at which line of the input
// its record begins, counted from 1: for messages about an operation (OpError).
func DecodeLines(format, name string, r io.Reader, lim Limits) (*History, []int32, error) {
	d, err := DecodeWith(format, name, r, Options{Limits: lim})
	if err != nil {
		return nil, nil, err
	}
	return d.History, d.Lines, nil
}

// DecodeWith is Decode with options, and says what it passed over or assumed.
func DecodeWith(format, name string, r io.Reader, o Options) (*Decoded, error) {
	all := formats()
	if format == Auto {
		all = append(all, autoFormat)
	}
	for _, f := range all {
		if f.name != format {
			continue
		}
		d, err := f.read(r, o)
		if err != nil {
			return nil, named(name, err)
		}
		if d.History.Name == "" {
			d.History.Name = name
		}
		return d, nil
	}
	return nil, fmt.Errorf("decode history %s: %w %q (known: %s)",
		name, ErrUnknownFormat, format, strings.Join(Formats(), ", "))
}

func (f format) read(src io.Reader, o Options) (*Decoded, error) {
	plain, err := unpack(src)
	if err != nil {
		return nil, err
	}
	if f.name == Auto {
		if f, plain, err = recognise(plain); err != nil {
			return nil, err
		}
	}
	r := newReading(o, f)
	h, lines, err := f.decode(plain, r)
	if err != nil {
		return nil, placed(err)
	}
	return &Decoded{History: h, Lines: r.finish(h, lines), Notes: r.notes}, nil
}

// placed puts an error that came before anything was read at the first line, as where
// compressed data is damaged at once. That there is nothing is at no line.
func placed(err error) error {
	de, is := err.(*DecodeError)
	switch {
	case is && de.Line > 0, errors.Is(err, ErrEmpty):
		return err
	case is:
		err = de.Err
	}
	return at(1, err)
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
