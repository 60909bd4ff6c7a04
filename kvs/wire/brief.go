package wire

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
)

// The deltas of a gossip message are mostly like those before them: the next one of an origin, of a
// kind that came before, a little later. From version 9 on the first byte of each says in what it
// is like the one before, which is left out; the first is held against an entry without anything.
// What is alike has to be left out, so that equal messages are equal bytes.
const (
	briefNext   = 1 << iota // the number after that of the one before, of the same origin
	briefKey                // the same key
	briefKind               // the same kind
	briefClient             // the same session
	briefDeps               // the same dependencies
	briefEnd
)

// likeness is what of e is left out behind before.
func likeness(before, e *gossip.Entry) (flags byte) {
	if e.Dot.Origin == before.Dot.Origin && e.Dot.Seq == before.Dot.Seq+1 {
		flags |= briefNext
	}
	if e.Key == before.Key {
		flags |= briefKey
	}
	if e.Kind == before.Kind {
		flags |= briefKind
	}
	if e.Client == before.Client {
		flags |= briefClient
	}
	if slices.Equal(e.Deps, before.Deps) {
		flags |= briefDeps
	}
	return flags
}

// appendBrief appends entries, each by what differs from the one before.
func appendBrief(b []byte, entries []gossip.Entry) []byte {
	b = varint.Append(b, uint64(len(entries)))
	before := &gossip.Entry{}
	for i := range entries {
		e := &entries[i]
		flags := likeness(before, e)
		b = append(b, flags)
		if flags&briefNext == 0 {
			b = varint.Append(varint.Append(b, e.Dot.Origin), e.Dot.Seq)
		}
		b = varint.Append(b, zigzag(e.Clock-before.Clock))
		if flags&briefKey == 0 {
			b = AppendString(b, e.Key)
		}
		if flags&briefKind == 0 {
			b = AppendString(b, e.Kind)
		}
		b = AppendString(b, e.Delta)
		if flags&briefDeps == 0 {
			b = e.Deps.Append(b)
		}
		if flags&briefClient == 0 {
			b = varint.Append(b, e.Client)
		}
		b = appendReq(b, e.Req, e.Again)
		before = e
	}
	return b
}

// zigzag has differences near zero be small numbers, whichever way they go.
func zigzag(difference uint64) uint64 { return difference<<1 ^ -(difference >> 63) }

func unzigzag(n uint64) uint64 { return n>>1 ^ -(n & 1) }

// brief appends to out entries whose delta and dependencies share the memory of message and buffer.
func (r *reader) brief(out []gossip.Entry, in *DecodeBuffer) []gossip.Entry {
	var none gossip.Entry
	for range r.count(4) {
		out = slices.Grow(out, 1)
		out = out[:len(out)+1]
		e, before := &out[len(out)-1], &none
		if len(out) > 1 {
			before = &out[len(out)-2]
		}
		r.unlike(e, before, in)
		if r.err != nil {
			return out[:0]
		}
	}
	return out
}

// unlike reads an entry that stands behind before.
func (r *reader) unlike(e, before *gossip.Entry, in *DecodeBuffer) {
	flags := r.byte()
	if e.Dot = before.Dot; flags&briefNext != 0 {
		e.Dot.Seq++
	} else {
		e.Dot.Origin, e.Dot.Seq = r.uvarint(), r.uvarint()
	}
	if e.Clock = before.Clock + unzigzag(r.uvarint()); e.Clock > MaxClock {
		r.fail("a hybrid time out of range")
	}
	if e.Key = before.Key; flags&briefKey == 0 {
		e.Key = in.keys.of(r.bytes(MaxKey))
	}
	if e.Kind = before.Kind; flags&briefKind == 0 {
		e.Kind = in.kinds.of(r.bytes(kind.MaxName))
	}
	e.Delta = r.bytes(MaxMessage)
	if e.Deps = before.Deps; flags&briefDeps == 0 {
		e.Deps = r.matrix(&in.marks)
	}
	if e.Client = before.Client; flags&briefClient == 0 {
		e.Client = r.uvarint()
	}
	e.Req, e.Again = r.req()
	switch {
	case e.Dot.Seq == 0:
		r.fail("a dot without a number")
	case flags >= briefEnd || flags != likeness(before, e):
		r.fail("a delta that says otherwise of what is like the one before")
	}
}
