package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// request serves a client: a write is accepted here whoever owns its key, a read
// is answered by owners only, as is a delete that takes away what it sees. Such a delete
// waits, as a read does, until there is here what its session must see.
func (r *Replica) request(q *wire.Request) {
	k, p, ok := r.admits(q)
	if !ok {
		return
	}
	if len(q.Deps)+len(q.Own) > 0 && !r.notary().VouchesBoth(q.Deps, q.Own, q.Proof) {
		r.refuse(q, p, wire.StatusBadRequest, "dependencies that no replica vouches for; show those of the last answer, with its proof")
		return
	}
	if q.Put && !(q.Delete && k.Sees()) {
		r.put(q, p, k)
		return
	}
	if !p.serves() { // it has nothing to read, nor for a delete to see
		r.refuse(q, p, wire.StatusNotOwner, r.notServed(p))
		return
	}
	if q.Level.Waits() && r.waitsTooLong(q, p) {
		return
	}
	if q.Level.Waits() && !r.covers(p, q) {
		r.await(q, p)
		return
	}
	r.covered(q, p, k)
}

// admits refuses a request whose times are too far ahead, or of a kind that there is not,
// and reports whether it has not.
func (r *Replica) admits(q *wire.Request) (k kind.Kind, p *partition, ok bool) {
	p = r.partition(r.cfg.Ring.PartitionOf(q.Key))
	if limit := r.cfg.MaxAheadMS / 2; r.clock.ahead(q.Clock, r.now, limit) {
		r.refuse(q, p, wire.StatusClockAhead, tooFarAhead(q.Clock, r.now, limit))
		return nil, p, false
	}
	if limit := r.cfg.MaxAheadMS / 2; q.Put && r.clock.ahead(q.Stamp, r.now, limit) {
		r.refuse(q, p, wire.StatusClockAhead, tooFarAhead(q.Stamp, r.now, limit))
		return nil, p, false
	}
	r.clock.Observe(q.Clock)
	if k, ok = r.cfg.Kinds.Find(q.Kind); !ok {
		r.refuse(q, p, wire.StatusBadRequest, fmt.Sprintf("unknown kind %q", q.Kind))
	}
	return k, p, ok
}

// covered serves a request of which p has what it must see: a read, or a delete.
func (r *Replica) covered(q *wire.Request, p *partition, k kind.Kind) {
	if q.Put {
		r.put(q, p, k)
		return
	}
	r.answer(q, p)
}

// waitsTooLong refuses a request that would wait for longer than may be, and reports
// whether it has.
func (r *Replica) waitsTooLong(q *wire.Request, p *partition) bool {
	if q.Wait <= r.cfg.MaxWaitTicks {
		return false
	}
	r.refuse(q, p, wire.StatusBadRequest, fmt.Sprintf("a wait of %d ticks, want at most %d", q.Wait, r.cfg.MaxWaitTicks))
	return true
}

// notary vouches for the pasts of sessions. A replica that serves none has none.
func (r *Replica) notary() *session.Notary {
	if !r.sealer.Of(r.cfg.Secret) {
		r.sealer = session.NewNotary(r.cfg.Secret)
	}
	return r.sealer
}

func (r *Replica) refuse(q *wire.Request, p *partition, s wire.Status, detail string) {
	r.respond(&wire.Response{Client: q.Client, Req: q.Req, Status: s, Clock: r.clock.last, Partition: p.id, Detail: detail})
}

// put accepts a write: it gets a dot, and is visible once its record is durable. It is
// acknowledged then, unless it asks for more or less.
func (r *Replica) put(q *wire.Request, p *partition, k kind.Kind) {
	again, ok := r.fresh(q, p, k)
	if !ok {
		return
	}
	if q.Stamp != 0 && q.Stamp <= r.promises() && k.Deleted(0) != nil {
		r.refuse(q, p, wire.StatusForgotten, "the stamp is older than what this replica has promised to write nothing before; what was deleted then may be forgotten")
		return
	}
	if r.full(q, p) || q.Ack.Owners() > 0 && r.waitsTooLong(q, p) {
		return
	}
	s, other := p.slot(q.Key, q.Kind)
	if s == nil && other == "" && p.pending > 0 {
		other = r.inFlight(p, q.Key, q.Kind)
	}
	if s == nil && other == "" {
		other = p.intake.otherKind(q.Key, q.Kind)
	}
	if other != "" {
		r.refuse(q, p, wire.StatusKindMismatch, other)
		return
	}
	r.clock.Observe(q.Stamp)
	now := r.clock.next(r.now)
	update, own := r.update(q, p, k, again, now)
	delta, err := r.mutate(q, p, s, k, update, own)
	if err != nil {
		r.refuse(q, p, wire.StatusBadRequest, err.Error())
		return
	}
	r.value = delta.Append(r.value[:0])
	if size := r.outgrown(p, s, q, k, delta); size > 0 && !q.Delete { // a delete has to go through
		r.refuse(q, p, wire.StatusTooLarge, fmt.Sprintf("%s %q would have %d bytes, limit %d; write to another key", q.Kind, q.Key, size, r.cfg.MaxValueBytes))
		return
	}
	if own != nil {
		own.MergeIn(delta)
		p.setLocalDelta(q.Key, k, own)
	}
	p.seq++
	dot := causal.Dot{Origin: r.cfg.Origin, Seq: p.seq}
	b := r.newBatch(p)
	q.Deps, q.Own = r.compact(q.Deps), r.compact(q.Own)
	b.entries = append(b.entries, gossip.Entry{
		Dot: dot, Clock: now, Key: q.Key, Kind: q.Kind,
		Delta: r.value, Deps: q.Level.Depends(q.Deps, q.Own), Client: q.Client, Req: q.Req, Again: again,
	})
	r.remember(p.id, &b.entries[0])
	r.arena.own(&b.entries[0])
	b.deltas = append(b.deltas, delta)
	b.answers = true
	b.respond = wire.Response{Client: q.Client, Req: q.Req, Clock: now, Partition: p.id, Dot: dot}
	if q.Level.Waits() {
		r.wrote(q, &b.respond, &b.past, &b.own)
	}
	p.demanded++
	r.accepts = append(r.accepts, b.entries[0])
	r.emit(Effect{Kind: EffectAccept, Client: q.Client, Entry: &r.accepts[len(r.accepts)-1]})
	r.persist(b)
	switch {
	case q.Ack == session.AckMemory:
		r.respond(&b.respond)
		b.answers = false
	case q.Ack.Owners() > 0:
		r.answerLater(q, &b.respond)
		b.answers = false
	}
}

// mutate is the delta of a write, s what is held of its kind, which is nil if nothing is.
func (r *Replica) mutate(q *wire.Request, p *partition, s *slot, k kind.Kind, u kind.Update, own kind.Value) (kind.Value, error) {
	if !q.Delete {
		return k.Mutate(u, own)
	}
	var seen kind.Value
	if s != nil && k.Sees() {
		seen = p.value(s)
	}
	d, err := k.Delete(u, seen)
	if err == nil {
		r.stats.Deletes++
	}
	return d, err
}

// full refuses a write for which there is no room, and reports whether it has.
func (r *Replica) full(q *wire.Request, p *partition) bool {
	switch {
	case r.going():
		r.refuse(q, p, wire.StatusNotOwner, fmt.Sprintf("node %d is no member any more; %s", r.cfg.Self, r.notServed(p)))
	case !p.owned && (p.log.Len()+p.pending >= r.cfg.MaxHandOver || p.log.Bytes()+p.persisting >= r.cfg.MaxLogBytes):
		r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d writes to partition %d wait to be handed over to nodes %v", p.log.Len()+p.pending, p.id, r.place.Owners(p.id)))
	case q.Ack.Owners() > 0 && len(r.repeats) >= r.cfg.MaxWaiting:
		r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d writes wait to be answered", len(r.repeats)))
	case r.persisting >= r.cfg.MaxPersistBytes:
		r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d bytes of writes are not durable yet, limit %d; ask again", r.persisting, r.cfg.MaxPersistBytes))
	default:
		return false
	}
	return true
}

// inFlight is the name of another kind that is being persisted under key, "" if none
// is. Which kind a key has is settled when the first write of it is accepted, not when
// that becomes visible.
func (r *Replica) inFlight(p *partition, key, kind string) (other string) {
	for _, b := range r.batches {
		if b.part != p {
			continue
		}
		for i := range b.entries {
			if e := &b.entries[i]; e.Key == key && e.Kind != kind && e.Kind != barrier {
				return e.Kind
			}
		}
	}
	return ""
}

// answer reads the value now held.
func (r *Replica) answer(q *wire.Request, p *partition) {
	s, other := p.slot(q.Key, q.Kind)
	if other != "" {
		r.refuse(q, p, wire.StatusKindMismatch, other)
		return
	}
	resp := r.reading(q, p, s)
	r.respondValue(q, p, &resp)
	p.demanded++
}

// reading is what a read of s is answered, which is nil if nothing is held; valid until the
// next one is made.
func (r *Replica) reading(q *wire.Request, p *partition, s *slot) wire.Response {
	resp := wire.Response{Client: q.Client, Req: q.Req, Clock: r.clock.last, Partition: p.id}
	if s != nil {
		v := p.value(s)
		k, _ := r.cfg.Kinds.Find(s.kind)
		resp.Deleted = k.Absent(v)
		resp.Found = !resp.Deleted
		r.value = v.Append(r.value[:0])
		resp.Value = r.value
		p.sized(s, len(r.value))
	}
	if q.Level.Waits() {
		r.saw(q, s, &resp)
	}
	return resp
}

// await keeps a threshold read, or a delete that is one, until the replica has caught up.
func (r *Replica) await(q *wire.Request, p *partition) {
	switch {
	case r.waiting >= r.cfg.MaxWaiting:
		r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d reads are waiting", r.waiting))
		return
	case r.waiting >= r.cfg.MaxEach && r.waitingOf(q.Client) >= r.cfg.MaxEach:
		r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d reads of the session are waiting", r.cfg.MaxEach))
		return
	}
	r.stats.Waited++
	r.waiting++
	// What q is made of is gone with its message, but for its strings.
	kept := *q
	kept.Arg, kept.Deps, kept.Own = slices.Clone(q.Arg), q.Deps.Clone(), q.Own.Clone()
	p.waiting = append(p.waiting, waiter{&kept, r.tick + q.Wait})
}

// waitingOf is how many reads of a session wait.
func (r *Replica) waitingOf(client uint64) (n int) {
	for _, p := range r.parts {
		for i := range p.waiting {
			if p.waiting[i].req.Client == client {
				n++
			}
		}
	}
	for _, w := range r.multis {
		if w.req.Client == client {
			n++
		}
	}
	return n
}

// wake answers the reads that p now covers, and tells subscribers what has grown, or may be
// told now.
func (r *Replica) wake(p *partition) {
	r.updateAll(p)
	r.wakeMulti(p)
	if len(p.waiting) == 0 {
		return
	}
	r.settle(p, func(w waiter) bool {
		if !r.covers(p, w.req) {
			return false
		}
		q := *w.req // which clones of the replica share
		q.Deps, q.Own = q.Deps.Clone(), q.Own.Clone()
		k, _ := r.cfg.Kinds.Find(q.Kind)
		r.covered(&q, p, k)
		return true
	})
}

// expire fails the reads whose deadline has passed, and tells of writes of which it has.
func (r *Replica) expire() {
	r.expireWrites()
	if r.waiting == 0 {
		return
	}
	r.expireMulti()
	for _, p := range r.parts {
		r.settle(p, func(w waiter) bool {
			if w.deadline > r.tick {
				return false
			}
			r.refuse(w.req, p, wire.StatusUnavailable, fmt.Sprintf("partition %d has not caught up with the session after %d ticks", p.id, w.req.Wait))
			return true
		})
	}
}

// settle removes the waiting reads of p that done has dealt with.
func (r *Replica) settle(p *partition, done func(waiter) bool) {
	keep := p.waiting[:0]
	for _, w := range p.waiting {
		if done(w) {
			r.waiting--
		} else {
			keep = append(keep, w)
		}
	}
	clear(p.waiting[len(keep):])
	p.waiting = keep
}
