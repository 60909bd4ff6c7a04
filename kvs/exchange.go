package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
)

// gossip offers each peer what it may lack, and tells it what this replica holds
// where that has changed. A peer that stays silent is offered less and less
// often. What is told may get lost: a peer that missed it offers the same deltas
// again, and is told again.
func (r *Replica) gossip() {
	for _, peer := range r.peers {
		due := r.tick >= peer.next
		offered := false
		budget := r.cfg.BatchBytes
		var items []item
		for _, p := range r.parts {
			if !r.cfg.Ring.Owns(peer.id, p.id) {
				continue
			}
			it := item{partition: p.id, known: p.applied}
			if due && budget > 0 {
				it.entries = p.log.Missing(nil, peer.id, budget, r.mayOffer)
			}
			for i := range it.entries {
				budget -= it.entries[i].Size()
			}
			if len(it.entries) == 0 && (!p.owned || p.told[peer.id] == p.rev) {
				continue
			}
			offered = offered || len(it.entries) > 0
			r.stats.Offered += uint64(len(it.entries))
			p.told[peer.id] = p.rev
			items = append(items, it)
		}
		if len(items) > 0 {
			r.send(peer.id, items)
		}
		if offered {
			peer.next = r.tick + peer.gap
			peer.gap = min(peer.gap*2, maxOfferGap)
		}
	}
}

// mayOffer holds deltas of other origins back for a while: their own origin
// offers them too, and mostly comes first.
func (r *Replica) mayOffer(e gossip.Entry, since uint64) bool {
	return e.Dot.Origin == r.cfg.Origin || r.tick >= since+r.cfg.ForwardTicks
}

func (r *Replica) send(to ring.NodeID, items []item) {
	g := gossipMessage{from: r.cfg.Self, items: items}
	r.emit(Effect{Kind: EffectSend, To: to, Msg: g.encode()})
}

// receive takes in what a peer holds and offers. Deltas become durable first,
// then visible; only then is the peer told.
func (r *Replica) receive(g *gossipMessage) {
	for _, peer := range r.peers {
		if peer.id == g.from {
			peer.gap, peer.next = 1, 0
		}
	}
	for i := range g.items {
		it := &g.items[i]
		if int(it.partition) >= r.cfg.Ring.Partitions() {
			r.stats.Rejected++
			continue
		}
		p := r.partition(it.partition)
		r.stats.Reclaimed += uint64(p.log.Knows(g.from, it.known))
		p.release()
		if !p.owned {
			continue
		}
		if it.pull || len(it.entries) > 0 {
			p.oweTo(g.from)
		}
		r.take(p, it.entries)
		if p.pending == 0 {
			r.payDebts(p)
		}
	}
}

// take persists the entries that are new here.
func (r *Replica) take(p *partition, entries []gossip.Entry) {
	b := &batch{part: p}
	for _, e := range entries {
		if p.applied.Contains(e.Dot) || p.coming.Contains(e.Dot) {
			r.stats.Duplicates++
			continue
		}
		delta, err := r.decodeDelta(e)
		if err != nil || r.cfg.Ring.PartitionOf(e.Key) != p.id {
			r.stats.Rejected++
			continue
		}
		r.clock.meet(e.Clock)
		r.remember(e.Client, e.Req)
		b.entries = append(b.entries, e)
		b.deltas = append(b.deltas, delta)
	}
	if len(b.entries) > 0 {
		r.persist(b)
	}
}

// payDebts tells the peers that await it what this partition holds.
func (r *Replica) payDebts(p *partition) {
	for _, peer := range p.owe {
		p.told[peer] = p.rev
		r.send(peer, []item{{partition: p.id, known: p.applied}})
	}
	p.owe = p.owe[:0]
}
