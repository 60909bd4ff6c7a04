package kvs

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A client that gets no answer asks again, at the same replica or another. That one may
// not have heard of the first write, and cannot without waiting for others. So it serves
// the request, and the two writes are made to come to one, whichever replica meets them
// in whichever order:
//
//   - A delta that depends on the request alone is the same at both. That of a set is.
//     That of a register is, since it is stamped with the time of the request, which the
//     session chose and repeats, and with the session, and not with the replica's.
//   - A counter's is not: it carries the sum of all that its origin was given. So the
//     repeat of a request that is not known is not added to that sum, but stands in a row
//     of its own, named by session and request. Several repeats have the same row. Where
//     the first write and a repeat of it meet, the row is taken back ([kind.Kind.Settle]).
//   - What a delete takes away is what it has seen. A repeat of it elsewhere may have seen
//     other writes; those that either has seen are taken away.
//
// A replica that has the row and gets the first write sees that from the value. One that
// has the first write and gets the row sees it from what it remembers of the session, which
// is kept until every owner has that write, and goes along with snapshots. Beyond that, or
// where there is too much to remember, it is told: a replica that takes a row back writes
// that down as an entry without a session, which names the first write in its dependencies,
// and which is taken only where that one is held. Until then, about a round of gossip, a
// replica that is told may show both. What it costs: a row of about 20 bytes in a counter
// for each write that was served twice or whose first replica stayed silent, and an entry
// in the logs by each owner that takes it back. Writes that are not repeated cost nothing.
//
// Where the first write is lost with its disk, and its sum has come to others in a snapshot
// under a dot of the receiver's, nobody can tell that the repeat is of it: such a counter
// shows both for good.
//
// Owners remember a request for as long as one of them may lack it, for each other's sake only. So a
// repeat that would stand in a row is served by owners: another replica may be cut off from all of
// them, and they hear of the row when they have forgotten that they have the first write. It refuses,
// unless it holds the write that served the request, and the client asks an owner. That it remembers
// the request is not enough: one that was an owner does so when it has let go of the write, and
// nobody remembers anything for its sake any more.

// fresh reports whether a write is to be served, and whether as one that may have been
// served elsewhere; if not, it has been answered, or will be.
func (r *Replica) fresh(q *wire.Request, p *partition, k kind.Kind) (again, ok bool) {
	var known []wire.Served
	if m := r.sessions.of[q.Client]; m != nil {
		known = m.served(q.Req)
	}
	elsewhere := k.Own() && !q.Delete && !p.serves() // a repeat is served, if it is
	switch {
	case q.Client == 0:
		r.refuse(q, p, wire.StatusBadRequest, "a write of session 0, which there is not")
	case len(known) > 0 && r.repeated(q, p, known):
	case r.sessions.mayBeForgotten(q): // be it another write that served it, and is held
		r.refuse(q, p, wire.StatusForgotten, "the request is older than what is remembered of its session; what came of it can only be read")
	case len(known) > 0 && !elsewhere:
		return true, true
	case q.Again && q.Stamp != 0 && r.late(q.Stamp):
		r.refuse(q, p, wire.StatusForgotten, "the repeat comes so late that others may have forgotten the session; what came of the write can only be read")
	case q.Stamp != 0 && q.Stamp < q.Clock:
		r.refuse(q, p, wire.StatusBadRequest, "a stamp that is earlier than what the session has met")
	case q.Again && q.Stamp == 0:
		r.refuse(q, p, wire.StatusBadRequest, "a repeat of a write that has no stamp, by which it could be told that it is one")
	case (q.Again || len(known) > 0) && elsewhere:
		r.refuse(q, p, wire.StatusNotOwner, "a repeat of a write that must count once is served by owners; "+r.notServed(p))
	default:
		return q.Again, true
	}
	return false, false
}

// late reports whether a write of that stamp is so old that a replica which has not met its
// session since may have forgotten it, or will have when it hears of what is served now:
// half of the time for which a session is remembered is for gossip.
func (r *Replica) late(stamp uint64) bool {
	return stamp>>logicalBits+r.cfg.MaxIdleMS/2 < r.now
}

// repeated deals with a request that is remembered, and reports whether it has.
// What was served elsewhere and is not held here is served once more.
func (r *Replica) repeated(q *wire.Request, p *partition, known []wire.Served) bool {
	r.stats.Duplicates++
	for _, x := range known {
		switch {
		case x.Partition != p.id:
			r.refuse(q, p, wire.StatusBadRequest, fmt.Sprintf("request %d of the session was a write to partition %d", q.Req, x.Partition))
			return true
		case p.applied.Contains(x.Dot), r.forgot(p, x.Dot):
			answer := r.answerRepeat(q, &x)
			switch {
			case p.owners(x.Dot, r.peers) >= q.Ack.Owners() && (q.Ack == session.AckMemory || r.durably(answer.Deps)):
				r.respond(&answer)
			case len(r.repeats) >= r.cfg.MaxWaiting && !r.answersLater(q):
				r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d writes wait to be answered", len(r.repeats)))
			case !r.waitsTooLong(q, p):
				r.answerLater(q, &answer)
			}
			return true
		}
	}
	for _, x := range known {
		switch {
		case !p.inFlight.Contains(x.Dot):
			continue
		case x.Dot.Origin == r.cfg.Origin && q.Ack == session.AckMemory: // its answer may be lost
			answer := r.answerRepeat(q, &x)
			r.respond(&answer)
		case x.Dot.Origin == r.cfg.Origin && (q.Ack.Owners() == 0 || len(r.repeats) >= r.cfg.MaxWaiting):
			// The write that is under way is answered; or has been, and is asked for again.
		case len(r.repeats) >= r.cfg.MaxWaiting && !r.answersLater(q):
			r.refuse(q, p, wire.StatusBusy, fmt.Sprintf("%d repeats wait for writes of others that are under way", len(r.repeats)))
		case q.Ack.Owners() > 0 && r.waitsTooLong(q, p):
		default:
			answer := r.answerRepeat(q, &x)
			r.answerLater(q, &answer)
		}
		return true
	}
	return false
}

// answerRepeat is what the write x is answered with; valid until the next one is made.
func (r *Replica) answerRepeat(q *wire.Request, x *wire.Served) wire.Response {
	answer := wire.Response{Client: q.Client, Req: q.Req, Clock: x.Clock, Partition: x.Partition, Dot: x.Dot}
	if q.Level.Waits() {
		q.Deps, q.Own = r.compact(q.Deps), r.compact(q.Own)
		r.wrote(q, &answer, &r.past, &r.own)
	}
	return answer
}

// markOf is the mark of a write.
func markOf(p ring.Partition, d causal.Dot) [1]session.Mark {
	return [1]session.Mark{{Partition: p, Origin: d.Origin, Seq: d.Seq}}
}

// row names a request in values.
func (r *Replica) row(client, req uint64) uint64 {
	x := r.writer(client) + req*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31 | 1<<63 // no origin is that large, see [Config.Origin]
}

// update is what a mutator is to make a delta of: one that repeats of q share, where that
// can be, and else that of a row of its own if q may have been served elsewhere.
func (r *Replica) update(q *wire.Request, p *partition, k kind.Kind, again bool, now uint64) (u kind.Update, own kind.Value) {
	u = kind.Update{Arg: q.Arg, Clock: now, Origin: r.cfg.Origin}
	switch {
	case q.Delete && q.Stamp == 0: // it takes away, and adds nothing that a repeat could add twice
	case q.Delete:
		u.Clock, u.Origin = q.Stamp, r.writer(q.Client)
	case k.Own() && again:
		u.Origin = r.row(q.Client, q.Req)
	case k.Own():
		own = p.localDelta(q.Key, k)
	case q.Stamp != 0:
		u.Clock, u.Origin = q.Stamp, r.writer(q.Client)
	}
	return u, own
}

// unify has the write e, which has just become visible, and another one of the same
// request come to one.
func (r *Replica) unify(p *partition, e *gossip.Entry) {
	k, ok := r.cfg.Kinds.Find(e.Kind)
	if !ok || !k.Own() || e.Client == 0 {
		return
	}
	first := e.Dot
	if e.Again {
		if first, ok = r.firstHeld(p, request{e.Client, e.Req}, p.firstInLog); !ok {
			return
		}
	} else if !r.mayHaveRow(e) {
		return
	}
	r.takeBack(p, e.Key, k, r.row(e.Client, e.Req), first)
}

// firstHeld is the write that served a request first, if p holds it, as far as is
// remembered: the replica that served the repeat had not heard of that write, which is
// remembered until every owner has. Where it may have been forgotten nevertheless, since
// there was too much to remember, inLog looks for it in the log.
func (r *Replica) firstHeld(p *partition, q request, inLog func(request) (causal.Dot, bool)) (first causal.Dot, ok bool) {
	m := r.sessions.of[q.client]
	if m != nil {
		for _, x := range m.served(q.req) {
			if !x.Again && x.Partition == p.id && p.applied.Contains(x.Dot) {
				return x.Dot, true
			}
		}
	}
	if r.sessions.forgotten == 0 && (m == nil || q.req > m.low) {
		return causal.Dot{}, false
	}
	return inLog(q)
}

// request names one of a session.
type request struct{ client, req uint64 }

// firstInLog looks through the log for the write that served a request first. O(log).
func (p *partition) firstInLog(q request) (causal.Dot, bool) {
	for e := range p.log.All() {
		if e.Client == q.client && e.Req == q.req && !e.Again {
			return e.Dot, true
		}
	}
	return causal.Dot{}, false
}

// firstsInLog is [partition.firstInLog] for many requests, for which the log is looked
// through once.
func (p *partition) firstsInLog() func(request) (causal.Dot, bool) {
	var firsts map[request]causal.Dot
	return func(q request) (causal.Dot, bool) {
		if firsts == nil {
			firsts = make(map[request]causal.Dot)
			for e := range p.log.All() {
				if e.Client != 0 && !e.Again {
					firsts[request{e.Client, e.Req}] = e.Dot
				}
			}
		}
		d, ok := firsts[q]
		return d, ok
	}
}

// mayHaveRow reports whether a repeat of the request of e may have been served here: it is
// remembered, or such requests may have been forgotten. Else the value need not be read. A
// session that is remembered may be one that was forgotten, and has been met anew by e.
func (r *Replica) mayHaveRow(e *gossip.Entry) bool {
	m := r.sessions.of[e.Client]
	if m == nil || e.Req <= m.low || r.sessions.forgotten > 0 {
		return true
	}
	known := m.served(e.Req)
	return len(known) > 0 && known[len(known)-1].Again
}

// takenBack is a row that has been taken back, of which the other replicas are to be told.
type takenBack struct {
	partition ring.Partition
	key, kind string
	delta     kind.Value
	first     causal.Dot // that the row repeats
}

// takeBack takes back the row of a request under key, if there is something to take back,
// and remembers to tell of it.
func (r *Replica) takeBack(p *partition, key string, k kind.Kind, row uint64, first causal.Dot) {
	s := p.change(key, k.Name())
	if s == nil {
		return
	}
	if s.kept != nil && p.keeper.starting {
		p.keeper.owe(p, s.kept, owedRow{row, first})
		return
	}
	v := p.value(s)
	taken := k.Settle(row, v)
	if taken == nil {
		return
	}
	v.MergeIn(taken)
	p.grew(s, rowBytes)
	if p.owned {
		r.taken = append(r.taken, takenBack{p.id, key, k.Name(), taken, first})
	}
}

// rowBytes are about those of a row taken back.
const rowBytes = 40

// settleAll does so for all of p, where writes have come otherwise than one by one. It
// looks at values only where a repeat and its first write have met, or where a first write
// is in the log, of which the repeat may have been forgotten.
func (r *Replica) settleAll(p *partition) {
	rows := r.repeatsMet(p)
	r.settleLog(p)
	if len(rows) == 0 {
		return
	}
	f := folding{r: r, rows: rows}
	for c := range p.cells.from("") {
		f.settle(p, c)
	}
}

// repeatsMet are the repeats that are remembered of which p holds the first write, too.
func (r *Replica) repeatsMet(p *partition) (rows []repeatMet) {
	inLog := p.firstsInLog()
	for _, m := range r.sessions.ascending() {
		for i := range m.requests {
			x := &m.requests[i]
			if !x.Again || x.Partition != p.id || !p.applied.Contains(x.Dot) {
				continue
			}
			if first, ok := r.firstHeld(p, request{x.Client, x.Req}, inLog); ok {
				rows = append(rows, repeatMet{r.row(x.Client, x.Req), first})
			}
		}
	}
	return rows
}

// settleLog takes back the rows of which a write is in the log.
func (r *Replica) settleLog(p *partition) {
	inLog := p.firstsInLog()
	for e := range p.log.All() {
		k, ok := r.cfg.Kinds.Find(e.Kind)
		if !ok || e.Client == 0 || !k.Own() {
			continue
		}
		first, ok := e.Dot, true // of which the repeat may have been forgotten
		if e.Again {
			first, ok = r.firstHeld(p, request{e.Client, e.Req}, inLog)
		}
		if ok {
			r.takeBack(p, e.Key, k, r.row(e.Client, e.Req), first)
		}
	}
}

// tellTaken persists the entries that tell others of rows taken back.
func (r *Replica) tellTaken() {
	for i := range r.taken {
		x := &r.taken[i]
		p := r.partition(x.partition)
		p.seq++
		b := r.newBatch(p)
		mark := markOf(p.id, x.first)
		b.entries = append(b.entries, gossip.Entry{
			Dot: causal.Dot{Origin: r.cfg.Origin, Seq: p.seq}, Clock: r.clock.next(r.now), Key: x.key, Kind: x.kind,
			Delta: x.delta.Append(nil), Deps: mark[:],
		})
		b.deltas = append(b.deltas, x.delta.Clone())
		r.persist(b)
	}
	clear(r.taken)
	r.taken = r.taken[:0]
}

// early reports whether p cannot take e yet, since it lacks what e names.
func (p *partition) early(e *gossip.Entry) bool {
	switch {
	case e.Kind == barrier:
		return !p.reached(e)
	case e.Client != 0 || len(e.Deps) == 0:
		return false
	}
	return !p.applied.Contains(causal.Dot{Origin: e.Deps[0].Origin, Seq: e.Deps[0].Seq})
}

// dropEarly drops the entries from the log of which p, which holds them, lacks what they name: a start
// has not found that any more, or it was handed over, and forgotten, and has not come back. A peer takes
// such an entry only once it has what is lacking here; where nobody has, it would be kept for ever. A
// snapshot has what p holds, and which cuts are in doubt: it brings the entry to whoever lacks it. Who
// only hands over gives none, and what may come back is waited for.
func (p *partition) dropEarly(peers []peerLink) {
	if !p.keeps() || len(p.forgone) > 0 {
		return
	}
	var early []causal.Dot
	for e := range p.log.All() {
		if p.early(&e) {
			early = append(early, e.Dot)
		}
	}
	for _, d := range early {
		p.log.Drop(d)
	}
	if len(early) > 0 {
		p.truncated(peers)
	}
}
