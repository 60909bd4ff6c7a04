package kvs

import (
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A replica that starts cannot know whether its disk is whole. So it asks every
// peer what it holds, by which the peer hears in turn what this incarnation holds,
// and forgets what it believed of earlier ones.

// askAll has every peer of every owned partition asked.
func (r *Replica) askAll() {
	for id := range r.cfg.Ring.Partitions() {
		if r.place.Owns(r.cfg.Self, ring.Partition(id)) {
			p := r.partition(ring.Partition(id))
			for at, shared := range p.shared {
				if shared {
					p.needs(at, needDigest)
				}
			}
		}
	}
}

// needs notes what has to be done before deltas are offered to peer at. A replica
// that does not own the partition leaves it to the owners to bring one up.
func (p *partition) needs(at int, n need) {
	counts := func(n need) bool { return n == needDigest || n == needSnapshot && p.keeps() }
	if counts(p.need[at]) {
		p.open--
	}
	if p.need[at] = n; counts(n) {
		p.open++
	}
}

// updatePeerState works out whether peer at lacks what the log has no more, now that it has been observed.
func (p *partition) updatePeerState(at int, id ring.NodeID) {
	if p.logTruncated && p.log.NeedsSnapshot(id, p.applied) {
		p.needs(at, needSnapshot)
	} else {
		p.needs(at, needNothing)
	}
}

// observePeer takes the digest of a peer, what it holds. One that names this incarnation
// answers its question.
func (r *Replica) observePeer(p *partition, from int, g *wire.Gossip, it *wire.Item, sourceless bool) {
	reclaimed, regressed, took := p.log.ObservePeer(g.From, g.Origin, it.Digest)
	r.stats.Reclaimed += uint64(reclaimed)
	if regressed {
		p.handed.regressed()
		p.handedBefore.regressed()
	}
	p.handed.gone = p.handed.gone || reclaimed > 0
	p.confirm(from, g.Origin, r.cfg.Origin, it)
	r.answerRepeats() // which may have waited for the peer to have a write
	if !p.shared[from] {
		r.hearOther(p, from, g, it, took)
		return
	}
	if !took {
		return
	}
	if sourceless && !p.keeps() {
		return // what it does not hold may not be lost
	}
	if r.heardOf(p, from, g.View, it.PeerIncarnation); !p.keeps() {
		p.regain(r.peers)
	}
	p.logTruncated = p.logTruncated || regressed
	if p.need[from] == needDigest && r.moving && p.asksUnder(r) && !p.links[from].heard {
		return // it may have said so before it went by this view
	}
	if p.need[from] == needDigest && it.PeerIncarnation == r.cfg.Origin || p.need[from] != needDigest && p.logTruncated {
		p.updatePeerState(from, g.From)
	}
	if l := &p.links[from]; l.served { // it has the last snapshot by now, and may lack what came since
		l.served, l.offered = false, 0
	}
	if len(p.doubt) > 0 {
		r.wake(p) // what it has said to hold may be all that a doubted cut names
	}
	if p.intake != nil { // and this was the last peer to be heard, maybe
		r.abandonIntake(p)
	}
}

// meet sees to what peer at needs before deltas of p.
func (r *Replica) meet(p *partition, at int, it *wire.Item) {
	if p.need[at] == needSnapshot && p.keeps() {
		it.Offer, it.Pull = r.offer(p, at), p.retiring // nobody tells one that is no owner of what it has got since
		return
	}
	if !p.keeps() && p.orphaned() {
		if p.handed.lost || p.handedBefore.lost {
			r.emit(Effect{Kind: EffectRestart})
		} else {
			p.abandon(r.peers)
		}
	}
	it.Pull = true
}

// orphaned reports whether a replica that does not own the partition holds writes
// that no owner can take: each has lost earlier ones that it had handed over.
func (p *partition) orphaned() bool {
	for at, shared := range p.shared {
		if shared && p.need[at] != needSnapshot {
			return false
		}
	}
	return p.log.Len() > 0
}

// abandon forgets the writes that this replica, which does not own the partition, had
// handed over, where every owner has lost them and the disk has them no more either:
// only so can it offer what it still holds.
func (p *partition) abandon(peers []peerLink) {
	var held gossip.Dots
	for e := range p.log.All() {
		held.Add(e.Dot)
	}
	p.applied = held // of which it tells nobody, so that rev need not name it
	for at, shared := range p.shared {
		if shared && p.need[at] != needDigest {
			p.updatePeerState(at, peers[at].id)
		}
	}
}
