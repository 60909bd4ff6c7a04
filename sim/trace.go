package sim

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
)

// Record is one event of a recorded trace.
type Record struct {
	At   Time
	Kind EventKind
	Node NodeID // the node that handled it, or None
	From NodeID // the sender of a message, or None
	Msg  MsgKind
	Key  Key
	Aux  uint64 // timer, operation or token
	Copy uint16 // copy number of a message
	Size int    // payload bytes
	Hash uint64 // trace hash after this event
	Note string // the line of an EventNote

	Sent   Time    // when a message was sent
	Causes Classes // the faults that made a message's arrival what it was
}

// Loss is a message of a recorded trace that did not arrive.
type Loss struct {
	At       Time // when it was lost: at sending, or when it would have arrived
	From, To NodeID
	Msg      MsgKind
	Key      Key
	Why      string // the fault classes, or "down" for a node that was
}

// traceState folds the delivered events into a hash and keeps what was asked for.
type traceState struct {
	hash      uint64
	events    int64
	recording bool
	max       int
	records   []Record
	cut       int64 // records not kept
	keep      int
	hashes    []uint64
	sent      map[Key]Time // when a message under way was sent; nil unless recording
	losses    []Loss       // at most max
}

func (t *traceState) reset(o TraceOptions) {
	*t = traceState{recording: o.Records > 0, max: o.Records, keep: o.Hashes, records: t.records[:0], hashes: t.hashes[:0], losses: t.losses[:0]}
	if t.recording {
		t.sent = make(map[Key]Time)
	}
}

// sending notes when the message named key was sent, while there is room for what
// becomes of it.
func (t *traceState) sending(key Key, at Time) {
	if t.recording && len(t.records) < t.max {
		t.sent[key] = at
	}
}

// lost notes a message that does not arrive.
func (t *traceState) lost(l Loss) {
	if t.recording && len(t.losses) < t.max {
		t.losses = append(t.losses, l)
	}
}

// Three odd constants with balanced bits, so that equal fields of one event do
// not cancel out.
const (
	foldA = 0x9e3779b97f4a7c15
	foldB = 0xd6e8feb86659fd93
	foldC = 0xa0761d6478bd642f
)

// fold multiplies two words into one. Unlike a chain of Mix it leaves the hash of
// an event independent of the hash so far, so the processor overlaps them.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// payloadHash folds b eight bytes at a time.
func payloadHash(b []byte) uint64 {
	h := uint64(len(b)) ^ foldC
	for ; len(b) >= 8; b = b[8:] {
		h = fold(h^foldA, binary.LittleEndian.Uint64(b)^foldB)
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return fold(h^foldB, tail^foldA)
}

// deliver folds one delivered event into the trace.
func (t *traceState) deliver(ev *event, payload []byte) {
	who := uint64(ev.kind)<<56 | uint64(ev.msg)<<40 | uint64(ev.extra)<<24
	at := fold(uint64(ev.at)^foldA, (who^uint64(ev.node+1)<<12^uint64(ev.from+1))^foldB)
	what := fold(ev.key^foldC, payloadHash(payload)^ev.aux^foldA)
	t.hash = choice.Mix(t.hash, at^bits.RotateLeft64(what, 23))
	t.events++
	if len(t.hashes) < t.keep {
		t.hashes = append(t.hashes, t.hash)
	}
	if t.recording {
		t.add(Record{At: ev.at, Kind: ev.kind, Node: ev.node, From: ev.from, Msg: ev.msg,
			Key: ev.key, Aux: ev.aux, Copy: ev.extra, Size: len(payload), Hash: t.hash,
			Sent: t.sent[ev.key], Causes: ev.fate})
		delete(t.sent, ev.key)
	}
}

func (t *traceState) note(at Time, n NodeID, s string) {
	t.add(Record{At: at, Kind: EventNote, Node: n, From: None, Hash: t.hash, Note: s})
}

func (t *traceState) add(r Record) {
	if len(t.records) >= t.max {
		t.cut++
		return
	}
	t.records = append(t.records, r)
}

// Line writes the record in one line, the same in every run:
//
//	time  node  what  [key]  hash
//
// where time is in virtual nanoseconds, key is the lineage key and hash the trace
// hash after the event, both in hexadecimal. kindName may be nil.
func (r Record) Line(kindName func(MsgKind) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%14d  %-4s ", int64(r.At), r.Node)
	switch r.Kind {
	case EventNote:
		fmt.Fprintf(&b, "# %s", r.Note)
		return b.String()
	case EventMessage:
		fmt.Fprintf(&b, "msg from %s %s %d bytes", r.From, nameKind(kindName, r.Msg), r.Size)
		if r.Copy > 0 {
			fmt.Fprintf(&b, " copy %d", r.Copy)
		}
	case EventTimer, EventInput, EventCompleted, EventStart:
		fmt.Fprintf(&b, "%s %d", r.Kind, r.Aux)
	default:
		b.WriteString(r.Kind.String())
	}
	fmt.Fprintf(&b, "  [%016x]  %016x", r.Key, r.Hash)
	return b.String()
}

func nameKind(f func(MsgKind) string, k MsgKind) string {
	if f != nil {
		if s := f(k); s != "" {
			return s
		}
	}
	return fmt.Sprintf("kind %d", k)
}

// FirstDivergence returns the index of the first event whose hash differs between
// two runs, each given by its [World.Hashes], or -1 if one is a prefix of the
// other and they are equally long. O(log n): the hashes are cumulative, so once
// apart two runs stay apart.
func FirstDivergence(a, b []uint64) int {
	lo, hi := 0, min(len(a), len(b))
	for lo < hi {
		mid := (lo + hi) / 2
		if a[mid] == b[mid] {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(a) && lo == len(b) {
		return -1
	}
	return lo
}
