package history

import (
	"fmt"
	"slices"
	"strings"
)

// Options say how a decoder is to read what its format leaves open. The zero
// Options are the defaults.
type Options struct {
	Limits Limits
	// Initial is what registers hold before their first write; Nil means absent,
	// unless the format has a way to say otherwise (the header of jsonl, the 0 of
	// plume), over which any other value prevails.
	Initial Value
	// FailedCAS says what a failed compare-and-set tells of the register.
	FailedCAS FailedCAS
	// NilReads says what a read that returned nil tells.
	NilReads NilReads
	// Pairs says what a pair is as the value of an operation; only jepsen leaves
	// that open.
	Pairs Pairs
	// Ignore are functions by the name that the format has for them, such as
	// "start-stage". Their operations are left out, and counted in a note each.
	Ignore []string
	// Unmatched says what to do with a completion of a single operation whose invocation is
	// not in the file; only jepsen and porcupine-etcd have such.
	Unmatched Unmatched
	// Strict makes fields of jsonl that this build does not know an error; they are
	// a note otherwise.
	Strict bool
}

// FailedCAS is what a failed compare-and-set tells of the register.
type FailedCAS uint8

const (
	// FailedCASByFormat is the default: mismatch for jsonl, as its operations are
	// defined, and for porcupine-etcd, whose logs have another word for what failed
	// otherwise; absent for jepsen, where a :fail did not happen and says nothing
	// more, for which Knossos takes it out.
	FailedCASByFormat FailedCAS = iota
	// FailedCASMismatch takes it as an observation: the old value was not there. One
	// of jepsen with an :error of its own is absent all the same.
	FailedCASMismatch
	// FailedCASAbsent takes it as never having been.
	FailedCASAbsent
)

// Unmatched is what to do with a completion without an invocation.
type Unmatched uint8

const (
	// UnmatchedRefuse is the default: it is an error (ErrUnmatchedReturn).
	UnmatchedRefuse Unmatched = iota
	// UnmatchedSkip leaves it out, and counts it in a note. What it wrote was then written
	// by nobody.
	UnmatchedSkip
	// UnmatchedBegin takes it to have begun when its process had ended what it did before, or
	// with the file, as is done with transactions, and counts it in a note. It may have begun
	// later, so that what real time forbids may be missed.
	UnmatchedBegin
)

// NilReads is what a read that returned nil tells.
type NilReads uint8

const (
	// NilIsEmpty is the default: the read found the register without a value, as
	// before its first write or after a write of nil, or the set or counter empty.
	NilIsEmpty NilReads = iota
	// NilIsUnknown takes it that the client did not note what the read returned, as
	// Knossos does: the read is left out.
	NilIsUnknown
)

// Pairs is what a value of two elements is, in the format jepsen.
type Pairs uint8

const (
	// PairsByUse is the default: a key and a value, as of Jepsen's independent keys,
	// if all operations that show it have one, and one value if none does. A history
	// in which some do and some do not is refused (ErrAmbiguous).
	PairsByUse Pairs = iota
	// PairsAreKeyed takes each pair that an operation begins with as a key and a
	// value; operations without one are of the object "".
	PairsAreKeyed
	// PairsAreValues takes each pair as one value; all operations are of one object.
	PairsAreValues
)

// Note is something that a decoder passed over or assumed, in words.
type Note struct {
	Line int // the first line that it is about, 0 if it is about all of them
	Text string
}

// String renders a note with its line, if it has one.
func (n Note) String() string {
	if n.Line == 0 {
		return n.Text
	}
	return fmt.Sprintf("line %d: %s", n.Line, n.Text)
}

// reading is one decoding under way.
type reading struct {
	Options
	ignored map[string]int // by function of Ignore: operations left out
	notes   []Note
	// Completions of single operations left out: how many, and the line of the first.
	unmatched, unmatchedAt int
	// Likewise reads of nil.
	nils, nilAt int
	// Likewise those whose beginning was assumed.
	begun, begunAt int
}

func newReading(o Options, f format) *reading {
	o.Limits = o.Limits.withDefaults()
	if o.FailedCAS == FailedCASByFormat {
		o.FailedCAS = f.failedCAS
	}
	r := &reading{Options: o, ignored: make(map[string]int)}
	r.Ignore = slices.Clone(o.Ignore)
	for i, fn := range r.Ignore {
		r.Ignore[i] = strings.TrimPrefix(fn, ":")
	}
	return r
}

func (r *reading) note(line int, format string, args ...any) {
	r.notes = append(r.notes, Note{line, fmt.Sprintf(format, args...)})
}

// noteOpen is the note of a last line that ends in a number and not in the end of a line: if
// the file was cut off there, another number may be meant, which nothing else tells.
func (r *reading) noteOpen(lines *lineReader, line []byte) {
	if lines.open {
		r.noteCut(lines.line, line)
	}
}

// noteCut is that note of a line of which it is known that it has no end.
func (r *reading) noteCut(number int, line []byte) {
	if n := len(line); n > 0 && line[n-1] >= '0' && line[n-1] <= '9' {
		r.note(number, "the file ends in this line; if it was cut off there, the last number may be another one")
	}
}

// countedWith is a number of things whose plural takes more than an s.
func countedWith(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// ignores reports whether a function is left out. Operations are to be counted by
// the caller.
func (r *reading) ignores(fn string) bool { return slices.Contains(r.Ignore, fn) }

// leaveNil counts a read of nil that is left out.
func (r *reading) leaveNil(line int) {
	if r.nils++; r.nilAt == 0 || line < r.nilAt {
		r.nilAt = line
	}
}

// finish leaves out what the options want gone, and says so. What a decoder had to
// leave out before it could understand the rest is gone already.
func (r *reading) finish(h *History, lines []int32) []int32 {
	kept := lines[:0]
	ops := h.Ops[:0]
	for i := range h.Ops {
		o := &h.Ops[i]
		switch {
		case r.ignores(string(o.Func)):
			r.ignored[string(o.Func)]++
			continue
		case o.Func == CAS && o.Outcome == Failed && r.FailedCAS == FailedCASAbsent:
			continue
		case o.Func == Read && o.Outcome == OK && o.Out.IsNil() && r.NilReads == NilIsUnknown:
			r.leaveNil(int(lines[i]))
			continue
		}
		o.Index = len(ops)
		ops, kept = append(ops, *o), append(kept, lines[i])
	}
	h.Ops = ops
	if !r.Initial.IsNil() {
		h.Initial = r.Initial
	}
	for _, fn := range r.Ignore {
		r.note(0, "%s %s left out, as asked", counted(r.ignored[fn], "operation"), fn)
	}
	if r.unmatched > 0 {
		r.note(r.unmatchedAt, "%s without a beginning in the file left out, as asked", counted(r.unmatched, "completion"))
	}
	if r.begun > 0 {
		r.note(r.begunAt, "%s without a beginning in the file; each is taken to have begun when its process had ended what it did before", counted(r.begun, "completion"))
	}
	if r.nils > 0 {
		r.note(r.nilAt, "%s of nil left out, as nil is unknown", counted(r.nils, "read"))
	}
	return kept
}
