package kvs

import (
	"math"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// gossip offers each peer what it may lack, and tells it what this replica holds
// where that has changed. A peer that stays silent is offered less and less
// often. What is told may get lost: a peer that missed it offers the same deltas
// again, and is told again. What a peer is offered at a time is bounded for all partitions
// together: where that does not reach all of them, the next round begins with those behind.
func (r *Replica) gossip() {
	if r.tick < r.idleUntil {
		return
	}
	silent := false
	for at := range r.peers {
		peer := &r.peers[at]
		due := r.tick >= peer.next
		offered := false
		budget := max(r.cfg.BatchBytes/int(peer.backoffTicks), 1) // what a silent peer is offered is mostly for nobody
		items, offers := r.items[:0], r.offers[:0]
		begin, from := r.partAt(peer.from), peer.from
		if due {
			from = 0
		}
		for i := range r.parts {
			p := r.parts[(begin+i)%len(r.parts)]
			told := !p.keeps() || p.advertisedRev[at] == p.rev
			if !p.shared[at] && due && p.lacks(r.peers, at) {
				items, offered = r.withItem(items, p, r.search(p, at)), true
				continue
			}
			if !p.shared[at] || told && (!due || budget <= 0 || p.log.Len() == 0 && p.open == 0) {
				continue
			}
			it := wire.Item{Partition: p.id, PeerIncarnation: p.log.PeerIncarnation(peer.id)}
			if due && budget > 0 {
				if p.withholds(peer.id) {
					it.Pull = true
				} else if p.need[at] == needNothing {
					from := len(offers)
					r.offerTo, r.offerSince = p.log.Known(peer.id), peer.back
					offers = p.log.Missing(offers, peer.id, budget, r.mayOffer)
					it.Entries = offers[from:]
					it.Pull = p.logTruncated && !p.keeps() // what it handed over may be lost here too
				} else {
					r.meet(p, at, &it)
				}
			}
			for i := range it.Entries {
				if budget -= it.Entries[i].Size(); budget <= 0 {
					from = p.id + 1
				}
			}
			if told && len(it.Entries) == 0 && !it.Pull && !it.Offer {
				continue
			}
			offered = offered || len(it.Entries) > 0 || it.Pull || it.Offer
			r.stats.Offered += uint64(len(it.Entries))
			p.advertisedRev[at], it.Digest = p.rev, r.digest(p, at)
			items = r.withItem(items, p, it)
		}
		if peer.from = from; offered {
			silent = silent || peer.backoffTicks == maxOfferGap
			peer.backOff(r.tick)
		}
		if len(items) == 0 {
			continue
		}
		r.send(peer.id, items)
		clear(items)
		clear(offers) // they hold on to memory
		r.items, r.offers = items[:0], offers[:0]
	}
	if silent {
		r.wonder()
	}
	r.idleUntil = r.nextDue()
}

// partAt is where the partitions begin that are not before id.
func (r *Replica) partAt(id ring.Partition) int {
	at, _ := slices.BinarySearchFunc(r.parts, id, func(p *partition, id ring.Partition) int { return int(p.id) - int(id) })
	return at
}

// nextDue is the tick before which no round would send anything, unless something
// happens: the round at hand has told all that could be, and no peer is due that may lack
// a delta.
func (r *Replica) nextDue() uint64 {
	until := uint64(math.MaxUint64)
	for _, p := range r.parts {
		for i := range r.peers {
			if p.shared[i] && (p.log.Len() > 0 || p.need[i] != needNothing) || !p.shared[i] && p.lacks(r.peers, i) {
				until = min(until, r.peers[i].next)
			}
		}
	}
	return until
}

// mayOffer holds deltas of other origins back for a while, and for as long where a peer is
// heard again after a long silence: their own origin offers them too, and mostly comes
// first. What only counts where something else is held
// waits for that: offered
// before that, it would be left, and could take the place of what it waits for.
func (r *Replica) mayOffer(e *gossip.Entry, since uint64) bool {
	switch {
	case e.Client != 0 || len(e.Deps) == 0:
	case e.Kind == barrier && !r.offerTo.Covers(e.Deps.Row(e.Deps[0].Partition)):
		return false
	case e.Kind != barrier && !r.offerTo.Contains(causal.Dot{Origin: e.Deps[0].Origin, Seq: e.Deps[0].Seq}):
		return false
	}
	return e.Dot.Origin == r.cfg.Origin || r.tick >= max(since, r.offerSince)+r.cfg.ForwardTicks
}

// leastMessage is how large a message may be, however small BatchBytes is.
const leastMessage = 64 << 10

// send tells a peer of items, in as many messages as it takes: one is of BatchBytes, unless
// one item alone has more. What is told of a partition is short where little of it has been
// lost, and there may be many partitions.
func (r *Replica) send(to ring.NodeID, items []wire.Item) {
	for len(items) > 0 {
		n, size := 0, 0
		for n < len(items) {
			next, more := n+1, items[n].Size()
			if next < len(items) && items[next].Partition == items[n].Partition {
				more += items[next].Size() // what stands in front of it says how it is to be taken
				next++
			}
			if n > 0 && size+more > max(r.cfg.BatchBytes, leastMessage) {
				break
			}
			n, size = next, size+more
		}
		from := len(r.wire)
		r.wire = wire.AppendGossipAs(r.wire, r.speaks(to), r.cfg.Self, r.cfg.Origin, r.viewName, items[:n])
		r.emit(Effect{Kind: EffectSend, To: to, Sends: wire.MsgGossip, Msg: r.written(from)})
		items = items[n:]
	}
}

// peer is the position of a node among the peers, or -1.
func (r *Replica) peer(id ring.NodeID) int {
	for i := range r.peers {
		if r.peers[i].id == id {
			return i
		}
	}
	return -1
}

// receive takes in what a peer holds and offers. Deltas become durable first,
// then visible; only then is the peer told.
func (r *Replica) receive(from int, g *wire.Gossip) {
	peer := &r.peers[from]
	peer.heard(r.tick)
	r.begunAnew(from, g.Origin)
	peer.goesBy(g.Origin, g.View)
	peer.proves(g.Origin, g.View, r.viewName)
	peer.asks = peer.asks || r.gone() && g.View != r.viewName
	sourceless := -1 // the partition of which the sender has said so
	for i := range g.Items {
		it := &g.Items[i]
		if int(it.Partition) >= r.cfg.Ring.Partitions() {
			r.stats.Rejected++
			continue
		}
		p := r.partition(it.Partition)
		if g.View == r.viewName && r.viewName != 0 && it.PeerIncarnation == g.Origin {
			sourceless = int(it.Partition)
			r.hearSourceless(p, from)
			continue
		}
		var lie bool
		if it.Digest.Known, lie = p.credible(r.cfg.Origin, it.Digest.Known); lie {
			r.stats.Rejected++
		}
		if r.viewName != 0 && p.owned && !p.shared[from] && len(it.Digest.Known) > 0 {
			p.log.Invite(g.From)
		}
		r.observePeer(p, from, g, it, sourceless == int(p.id))
		p.release()
		if !p.keeps() {
			if it.Pull && p.shared[from] && r.viewName != 0 && g.View == r.viewName {
				r.tellNothing(p, from)
			}
			continue
		}
		if it.Pull || len(it.Entries) > 0 {
			p.addPendingAck(from)
		}
		if p.owned && !r.going() && r.sentHere(from, g.Origin, it.PeerIncarnation) {
			r.take(p, it.Entries)
		}
		if it.Offer {
			r.offered(p, from)
		}
		if it.Ask != nil {
			r.serve(p, from, g.Origin, it.Ask)
		}
		if p.pending == 0 {
			r.flushAcks(p)
		}
	}
}

// sentHere reports whether what an incarnation of a peer offers, by what it knows of that
// incarnation of this node, may be taken. What was offered to an earlier one may have gaps,
// and what an incarnation of the peer sends that has ended may be what a promise says not to
// come any more ([floors]).
func (r *Replica) sentHere(from int, origin, to uint64) bool {
	return (to == r.cfg.Origin || to == 0 && r.cfg.First) && origin >= r.floors.peers[from].origin
}

// take persists the entries that are new here.
func (r *Replica) take(p *partition, entries []gossip.Entry) {
	if len(entries) == 0 {
		return
	}
	if r.persisting >= r.cfg.MaxPersistBytes {
		r.stats.Deferred += uint64(len(entries))
		return
	}
	b := r.newBatch(p)
	for i := range entries {
		e := &entries[i]
		if p.applied.Contains(e.Dot) || p.inFlight.Contains(e.Dot) {
			r.stats.Duplicates++
			continue
		}
		if e.Dot.Origin == r.cfg.Origin && e.Dot.Seq > p.seq {
			r.stats.Rejected++ // this incarnation has not written it
			continue
		}
		if r.clock.ahead(e.Clock, r.now, r.cfg.MaxAheadMS) {
			r.stats.Ahead++ // it is offered again, and taken once this host's clock has come near
			continue
		}
		if p.early(e) {
			r.stats.Ahead++ // it is offered again, and taken once what it names is held
			continue
		}
		delta, err := r.decodeDelta(e)
		if err != nil || e.Kind != barrier && r.cfg.Ring.PartitionOf(e.Key) != p.id {
			r.stats.Rejected++
			continue
		}
		r.clock.Observe(e.Clock)
		if e.Kind != barrier {
			r.remember(p.id, e)
		}
		b.entries = append(b.entries, *e)
		r.arena.own(&b.entries[len(b.entries)-1])
		b.deltas = append(b.deltas, delta)
	}
	if len(b.entries) > 0 {
		r.persist(b)
	} else {
		r.recycle(b)
	}
}

// flushAcks tells the peers that await it what this partition holds.
func (r *Replica) flushAcks(p *partition) {
	for _, peer := range p.pendingAcks {
		p.advertisedRev[peer] = p.rev
		r.items = r.withItem(r.items[:0], p, wire.Item{Partition: p.id, PeerIncarnation: p.log.PeerIncarnation(r.peers[peer].id), Digest: r.digest(p, peer)})
		r.send(r.peers[peer].id, r.items)
	}
	p.pendingAcks = p.pendingAcks[:0]
}
