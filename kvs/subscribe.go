package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A subscription is a read that goes on: the subscriber is told the value that its key has,
// and then, whenever that grows, the value again. Each update has the ones before in it, so
// one that comes late, or twice, or is lost with another behind it, does no harm, and a
// subscriber that joins what it is told never goes backwards, whichever replica tells it.
//
// One update is on its way at a time. What grows until it is acknowledged comes with the
// next one, so that a slow subscriber costs one update and not one for each write; an update
// that is not acknowledged is sent again, less and less often. At a level whose reads wait,
// an update waits in the same way, and what it shows joins the session's past.
//
// A message of a subscriber may come when its subscription is over here, however long ago it
// was sent, and begins the subscription once more, with what the session had seen then. What
// that life of it tells may be made without what the session has seen since, and be less, if
// the replica has lost some of it. So an update says which life it is of, and the greatest
// number of a message which that life has had: by these the subscriber tells whether it is
// made upon all that the session has seen (package subscription). If it is not, it is left
// and not acknowledged; the next message joins what it lacks, and the update is made again.
//
// Nothing of it is on the disk: a replica that starts again has no subscriptions. It has
// each for as long as the subscriber says, and a subscriber that hears nothing goes to
// another owner, which begins with the value that it has.

// subscription is what an owner knows of a subscriber.
type subscription struct {
	q        wire.Request // the read that it stands for: Req is its number, Deps and Own what its session has seen
	asker    uint64       // see [Event]
	begun    uint64       // the later, the greater
	since    uint64       // the number of the last update, to whomever, before it began
	sent     uint64       // the greatest number of a message that it has had
	deadline uint64       // tick from which it is forgotten
	version  uint64       // of the last update sent; 0 is none
	told     bool         // one has been sent
	acked    uint64       // of the last one acknowledged
	rev      uint64       // of the slot, when that was made; see slot.rev
	found    bool         // that there was one
	next     uint64       // tick from which it is sent again
	backoff  uint64       // ticks between two of these
}

const maxUpdateGap = 16 // ticks between updates that are sent again, at most

// subscribe takes a subscriber's message.
func (r *Replica) subscribe(m *wire.Subscribe) {
	p := r.partition(r.cfg.Ring.PartitionOf(m.Key))
	of, at := r.subscriptionOf(m.Client)
	switch {
	case at >= 0 && m.Number < of.subs[at].q.Req: // late
		return
	case m.End:
		if at >= 0 && m.Number == of.subs[at].q.Req {
			r.unsubscribe(of, at)
		}
		return
	case at >= 0 && (m.Number > of.subs[at].q.Req || m.Key != of.subs[at].q.Key || m.Kind != of.subs[at].q.Kind || m.Level != of.subs[at].q.Level):
		r.unsubscribe(of, at)
		at = -1
	}
	q := wire.Request{
		Client: m.Client, Req: m.Number, Level: m.Level, Key: m.Key, Kind: m.Kind, Clock: m.Clock, Deps: m.Deps, Own: m.Own, Proof: m.Proof,
	}
	if status, detail := r.mayNotSubscribe(&q, p, m.Lease, at); status != wire.StatusOK {
		if at >= 0 {
			r.unsubscribe(p, at)
		}
		r.endSubscription(&q, p, status, detail)
		return
	}
	r.clock.Observe(m.Clock)
	again := at >= 0
	if !again {
		q.Deps, q.Own = q.Deps.Clone(), q.Own.Clone()
		p.subs = append(p.subs, &subscription{q: q, asker: r.asker, begun: r.begun, since: r.lastUpdate})
		r.subscribed++
		r.begun++
		at = len(p.subs) - 1
	}
	s := p.subs[at]
	s.deadline = max(s.deadline, r.tick+m.Lease) // one that comes late makes no lease shorter
	s.sent = max(s.sent, m.Sent)
	s.q.Deps.MergeIn(m.Deps) // of which another replica may have told it since
	s.q.Own.MergeIn(m.Own)
	if m.Origin == r.cfg.Origin {
		s.acked = max(s.acked, min(m.Seen, s.version))
	}
	if !r.updateSubscriber(p, s) {
		r.unsubscribe(p, at)
		return
	}
	if again && s.acked == s.version && s.behind(p) { // else it would look as if the replica were down
		r.endSubscription(&s.q, p, wire.StatusUnavailable, fmt.Sprintf("partition %d has not caught up with the session; the subscription stays", p.id))
	}
}

// subscriptionOf is where the subscription of a session is, -1 if it has none here.
func (r *Replica) subscriptionOf(client uint64) (p *partition, at int) {
	if r.subscribed > 0 {
		for _, p := range r.parts {
			if at := slices.IndexFunc(p.subs, func(s *subscription) bool { return s.q.Client == client }); at >= 0 {
				return p, at
			}
		}
	}
	return nil, -1
}

// mayNotSubscribe is why a subscription is refused, StatusOK if it is not. at is where it is
// among those of p, if it is one of them.
func (r *Replica) mayNotSubscribe(q *wire.Request, p *partition, lease uint64, at int) (s wire.Status, detail string) {
	_, known := r.cfg.Kinds.Find(q.Kind)
	_, other := p.slot(q.Key, q.Kind)
	switch limit := r.cfg.MaxAheadMS / 2; {
	case r.clock.ahead(q.Clock, r.now, limit):
		return wire.StatusClockAhead, tooFarAhead(q.Clock, r.now, limit)
	case q.Client == 0:
		return wire.StatusBadRequest, "a subscription of session 0, which there is not"
	case !known:
		return wire.StatusBadRequest, fmt.Sprintf("unknown kind %q", q.Kind)
	case len(q.Deps)+len(q.Own) > 0 && !r.notary().VouchesBoth(q.Deps, q.Own, q.Proof):
		return wire.StatusBadRequest, "dependencies that no replica vouches for; show those of the last update, with its proof"
	case lease == 0 || lease > r.cfg.MaxWaitTicks:
		return wire.StatusBadRequest, fmt.Sprintf("a lease of %d ticks, want 1 to %d", lease, r.cfg.MaxWaitTicks)
	case !p.serves():
		return wire.StatusNotOwner, r.notServed(p)
	case other != "":
		return wire.StatusKindMismatch, other
	case at < 0 && r.subscribed >= r.cfg.MaxSubscriptions && !r.makeRoom():
		return wire.StatusBusy, fmt.Sprintf("%d subscriptions, and no room for more", r.subscribed)
	}
	return wire.StatusOK, ""
}

// makeRoom ends the newest subscription of the asker that has most, if that has two more
// than the one whose request is at hand, and reports whether it has. O(n log n) in all
// subscriptions.
func (r *Replica) makeRoom() bool {
	var askers []uint64
	own := 0
	for _, p := range r.parts {
		for _, s := range p.subs {
			if askers = append(askers, s.asker); s.asker == r.asker {
				own++
			}
		}
	}
	slices.Sort(askers)
	var greedy uint64
	most := 0
	for i := 0; i < len(askers); {
		n := i + 1
		for n < len(askers) && askers[n] == askers[i] {
			n++
		}
		if n-i > most {
			greedy, most = askers[i], n-i
		}
		i = n
	}
	if most < own+2 {
		return false
	}
	var of *partition
	at := 0
	for _, p := range r.parts {
		for i, s := range p.subs {
			if s.asker == greedy && (of == nil || s.begun > of.subs[at].begun) {
				of, at = p, i
			}
		}
	}
	q := of.subs[at].q
	r.unsubscribe(of, at)
	r.endSubscription(&q, of, wire.StatusBusy, fmt.Sprintf("%d subscriptions, of which %d came from where this one did, and others ask", r.subscribed+1, most))
	return true
}

// unsubscribe forgets the subscription of p at a position.
func (r *Replica) unsubscribe(p *partition, at int) {
	p.subs = slices.Delete(p.subs, at, at+1)
	r.subscribed--
}

// endSubscription tells a subscriber why it gets no updates here, or none yet.
func (r *Replica) endSubscription(q *wire.Request, p *partition, status wire.Status, detail string) {
	r.sendUpdate(&wire.Update{Origin: r.cfg.Origin, Response: wire.Response{
		Client: q.Client, Req: q.Req, Status: status, Clock: r.clock.last, Partition: p.id, Detail: detail,
	}})
}

func (r *Replica) sendUpdate(u *wire.Update) {
	from := len(r.wire)
	r.wire = u.Append(r.wire)
	if len(r.wire)-from > wire.MaxMessage { // owners have joined what they took apart
		size := len(u.Value)
		r.wire = r.wire[:from]
		*u = wire.Update{Origin: u.Origin, Response: wire.Response{
			Client: u.Client, Req: u.Req, Status: wire.StatusTooLarge, Clock: u.Clock, Partition: u.Partition,
			Detail: fmt.Sprintf("the value has %d bytes, a message at most %d", size, wire.MaxMessage),
		}}
		r.wire = u.Append(r.wire)
	}
	r.emit(Effect{Kind: EffectRespond, Client: u.Client, Msg: r.written(from)})
}

// updateAll tells the subscribers of p what has grown, as far as they have acknowledged what
// they were told before.
func (r *Replica) updateAll(p *partition) {
	for at := 0; at < len(p.subs); at++ {
		if s := p.subs[at]; !r.updateSubscriber(p, s) {
			r.unsubscribe(p, at)
			at--
		}
	}
}

// updateSubscriber tells a subscriber what it has not been told, if it may be told that now,
// and reports whether it goes on to be one.
func (r *Replica) updateSubscriber(p *partition, s *subscription) bool {
	if s.acked < s.version || !s.behind(p) || s.q.Level.Waits() && !r.covers(p, &s.q) {
		return true
	}
	s.version = r.nextUpdate()
	s.backoff = 1
	return r.tellSubscriber(p, s)
}

// nextUpdate numbers updates. All of an incarnation have one count, so that those of a
// subscription that it had forgotten in between are not taken for later ones.
func (r *Replica) nextUpdate() uint64 {
	r.lastUpdate++
	return r.lastUpdate
}

// behind reports whether the value has grown since the last update was made of it.
func (s *subscription) behind(p *partition) bool {
	held, _ := p.slot(s.q.Key, s.q.Kind)
	return s.isBehind(held)
}

func (s *subscription) isBehind(held *slot) bool {
	return !s.told || (held != nil) != s.found || held != nil && held.rev != s.rev
}

// tellSubscriber sends the last update, with the value as it is now, and reports whether the
// subscription goes on.
func (r *Replica) tellSubscriber(p *partition, s *subscription) bool {
	held, other := p.slot(s.q.Key, s.q.Kind)
	if held == nil && other != "" {
		r.endSubscription(&s.q, p, wire.StatusKindMismatch, other)
		return false
	}
	u := wire.Update{Origin: r.cfg.Origin, Version: s.version, Since: s.since, Sent: s.sent, Response: r.reading(&s.q, p, held)}
	if held == nil {
		u.Value = r.deletedUntil(p, s.q.Kind)
		u.Deleted = len(u.Value) > 0
	}
	s.q.Deps, s.q.Own = append(s.q.Deps[:0], u.Deps...), append(s.q.Own[:0], u.Own...)
	s.told, s.found, s.rev = true, held != nil, 0
	if held != nil {
		s.rev = held.rev
	}
	s.next = r.tick + s.backoff
	s.backoff = min(2*s.backoff, maxUpdateGap)
	r.stats.Updates++
	r.sendUpdate(&u)
	return u.Status == wire.StatusOK
}

// updateAgain sees to subscriptions that have come to their end, or whose last update was
// not acknowledged: that is sent again, or another in its place if the value has grown.
func (r *Replica) updateAgain() {
	if r.subscribed == 0 {
		return
	}
	for _, p := range r.parts {
		for at := 0; at < len(p.subs); at++ {
			s := p.subs[at]
			over := s.deadline <= r.tick
			due := s.acked < s.version && s.next <= r.tick && (!s.q.Level.Waits() || r.covers(p, &s.q))
			if due && s.behind(p) {
				s.version = r.nextUpdate()
			}
			if over || due && !r.tellSubscriber(p, s) {
				r.unsubscribe(p, at)
				at--
			}
		}
	}
}

// append writes what the subscription still decides, as seen from tick.
func (s *subscription) append(dst []byte, p *partition, tick uint64) []byte {
	dst = wire.AppendString(append(dst, 'u'), s.q.Encode())
	dst = varint.Append(varint.Append(dst, s.asker), s.begun)
	dst = varint.Append(varint.Append(dst, s.since), s.sent)
	dst = varint.Append(varint.Append(varint.Append(dst, s.deadline-min(tick, s.deadline)), s.version), s.acked)
	held, _ := p.rawSlot(s.q.Key, s.q.Kind)
	dst = wire.AppendBool(dst, s.isBehind(held))
	return varint.Append(varint.Append(dst, max(s.next, tick)-tick), s.backoff)
}

// clone is a copy that goes on apart from s.
func (s *subscription) clone() *subscription {
	c := *s
	c.q.Deps, c.q.Own = s.q.Deps.Clone(), s.q.Own.Clone()
	return &c
}
