package kvs

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A value can grow with every write, and what holds it can not: an answer is one message,
// and a kept value one slot. So a write is refused that would bring the value above
// [Config.MaxValueBytes]. Owners may still come to more together, and then nothing that they
// have acknowledged is lost: records have no such bound, and in a snapshot the value goes in
// parts, see [outgoing.parts]. Only a read of one that no message can hold is refused.

// outgrown is how many bytes the value of s would have with delta, of which r.value has the
// encoding, if that is more than is allowed and more than it has; or 0. What is being
// persisted counts too.
//
// The size that a slot keeps is what was joined to it since it was last encoded, so that it
// is mostly too large and never too small, where values joined have no more bytes than both.
// The value is encoded where that passes the limit, and so no more often than once for that
// many bytes, save where the value is about as large as it may be.
func (r *Replica) outgrown(p *partition, s *slot, q *wire.Request, k kind.Kind, delta kind.Value) int {
	n, size := len(r.value), 0
	if s != nil {
		size = s.size
	} else {
		r.beingPersisted(p, q, func(e *gossip.Entry, _ kind.Value) { size += len(e.Delta) })
	}
	if size+n <= r.cfg.MaxValueBytes {
		if s != nil {
			s.size += n // it counts while it is being persisted, too
		}
		return 0
	}
	joined := k.New()
	if s != nil {
		joined = p.value(s).Clone()
	}
	r.beingPersisted(p, q, func(_ *gossip.Entry, delta kind.Value) { joined.MergeIn(delta) })
	r.value = joined.Append(r.value)
	before := len(r.value) - n
	joined.MergeIn(delta)
	r.value = joined.Append(r.value[:n])
	after := len(r.value) - n
	r.value = r.value[:n]
	if after > r.cfg.MaxValueBytes && after > before {
		if s != nil {
			s.size = before
		}
		return after
	}
	if s != nil {
		s.size = max(before, after)
	}
	return 0
}

// beingPersisted calls visit for the writes under the key of q, of its kind, that are not
// durable yet. O(records being persisted).
func (r *Replica) beingPersisted(p *partition, q *wire.Request, visit func(e *gossip.Entry, delta kind.Value)) {
	if p.pending == 0 {
		return
	}
	for _, b := range r.batches {
		if b.part != p {
			continue
		}
		for i := range b.entries {
			if e := &b.entries[i]; e.Key == q.Key && e.Kind == q.Kind {
				visit(e, b.deltas[i])
			}
		}
	}
}

// sized notes that the value of s has n bytes, encoded, unless there may be more of it that
// is being persisted.
func (p *partition) sized(s *slot, n int) {
	if p.pending == 0 {
		s.size = n
	}
}

// respondValue answers with a value, unless no message can hold it.
func (r *Replica) respondValue(q *wire.Request, p *partition, resp *wire.Response) {
	from, given := len(r.wire), len(r.out)
	r.respond(resp)
	if size := len(r.wire) - from; size > wire.MaxMessage {
		r.wire, r.out = r.wire[:from], r.out[:given]
		r.refuse(q, p, wire.StatusTooLarge, fmt.Sprintf("%s %q has %d bytes, and the answer %d, limit %d: owners have joined what they took apart; write to other keys", q.Kind, q.Key, len(resp.Value), size, wire.MaxMessage))
	}
}
