package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// When the view rises, be it that members come and go or that a partition is to have more replicas
// or fewer, partitions are seated anew, in place. What a replica is to a partition is one of these:
//
//	owner      it owns it by its view, and says what it holds
//	  fresh    so, and it has not got yet what the other owners held when it became one: it
//	           refuses reads, and does all else. Where none of the owners held the partition
//	           before, it waits for what all members hold (sources.go)
//	retiring   it did own it: it keeps all, says what it holds, gives snapshots, and takes in
//	           nothing but what clients write. It lets go once every owner has told it, under the
//	           same view, to hold all of it (package member)
//	other      it hands over, through its log, what clients write
//
// So a write is reclaimed from logs only when the owners by the old placement and by the next one
// have it, and whoever loses a partition is a source of snapshots until nobody needs it. Owners
// take such a source for a guest ([gossip.Log.Invite]): they fetch from it, and count on it for
// nothing; but for what they lack while they are sourceless.
//
// A node that joins says that it is active once none of its partitions is fresh. One that leaves
// says that it is gone once all of its partitions could be let go of, and all that clients wrote to
// it has been handed over; from when that is being persisted on, it takes nothing in. A replica
// whose node is gone holds nothing in memory, and its disk is not read by anybody.
//
// One that has let go of a partition and comes to own it again asks to be started anew: what it had
// told of its incarnation is not true any more. One that never owned it forgets what it has handed
// over, of which it has told nobody, and begins with what its log holds.
//
// A retiring replica to which clients write without a pause may not find the moment at which owners
// have all of it, and goes on. That loses nothing.

// keeps reports whether all is kept that is held of p, for others to count on.
func (p *partition) keeps() bool { return p.owned || p.retiring }

// serves reports whether reads of p are served.
func (p *partition) serves() bool { return p.owned && !p.fresh }

// notServed is why a read of p is refused that is not served.
func (r *Replica) notServed(p *partition) string {
	return fmt.Sprintf("partition %d is held by nodes %v", p.id, r.place.Owners(p.id))
}

// reseat goes by a view that has risen.
func (r *Replica) reseat(view member.View) {
	before, place := r.view, r.place
	if err := r.goBy(view); err != nil {
		r.stats.Rejected++ // unreachable: sets and rings have the same bounds
		return
	}
	r.idleUntil = 0
	r.countDecided(before.Factors)
	r.meetMembers(before.Members)
	if r.gone() {
		r.end()
		return
	}
	for id := range ring.Partition(r.cfg.Ring.Partitions()) {
		owns := r.place.Owns(r.cfg.Self, id)
		p := r.held(id)
		if p == nil && !owns {
			continue
		}
		if p == nil {
			p = r.partition(id)
			p.owned = place.Owns(r.cfg.Self, id) // it was, or is to become one
		}
		r.findSources(p, placedView{before, place})
		if !r.seat(p, owns) {
			r.emit(Effect{Kind: EffectRestart})
			return
		}
	}
	for _, p := range r.parts { // those that were asked may be gone
		if p.intake != nil {
			r.abandonIntake(p)
		}
		r.fetch(p)
	}
	r.moving = true
	r.progress()
}

// countDecided counts the decisions that are others than before.
func (r *Replica) countDecided(before member.Factors) {
	for _, e := range r.view.Factors {
		if e.Val != before.At(e.Key) {
			r.stats.Decided++
		}
	}
}

// meetMembers has a peer for each other node of the view that is not gone. The positions of peers
// stay; one that is gone keeps its own until the next start.
func (r *Replica) meetMembers(before member.Set) {
	for _, e := range r.view.Members {
		at := r.peer(e.Key)
		switch gone := e.Val.Phase() == member.Gone; {
		case e.Key == r.cfg.Self || at < 0 && gone:
		case at < 0:
			r.addPeer(e.Key)
		default:
			l := &r.peers[at]
			if before.At(e.Key).Life() < e.Val.Life() || gone && !l.gone {
				r.partWith(at)
				l.outlived()
			}
			l.gone = gone
		}
	}
}

// addPeer makes room for a peer that has not been one.
func (r *Replica) addPeer(n ring.NodeID) {
	r.peers = append(r.peers, peerLink{id: n, backoffTicks: 1, viewBackoff: 1})
	r.floors.peers = append(r.floors.peers, peerFloor{id: n})
	for _, p := range r.parts {
		p.shared = append(p.shared, false)
		p.advertisedRev = append(p.advertisedRev, 0)
		p.links = append(p.links, link{})
		p.need = append(p.need, needNothing)
	}
}

// partWith forgets all that a life of a peer has said that is over.
func (r *Replica) partWith(at int) {
	id := r.peers[at].id
	r.floors.peers[at].restart()
	for _, p := range r.parts {
		p.log.Forget(id)
		r.leave(p, at)
		p.needs(at, needNothing)
		p.links[at], p.advertisedRev[at] = link{}, 0
		p.pendingAcks = slices.DeleteFunc(p.pendingAcks, func(peer int) bool { return peer == at })
	}
}

// end lets go of everything: the node is gone.
func (r *Replica) end() {
	for _, p := range r.parts {
		r.stopServing(p)
		p.owned, p.retiring, p.fresh, p.sources = false, false, false, sources{}
		for at := range p.shared {
			p.shared[at], p.need[at] = false, needNothing
			r.leave(p, at)
		}
		p.recount()
		p.pendingAcks = p.pendingAcks[:0]
		p.log.Reset(r.cfg.Self, nil)
		r.drop(p)
	}
	r.repeats, r.taken, r.moving = r.repeats[:0], r.taken[:0], false
	r.floors.mark, r.tombs.queue, r.tombs.batch = floorMark{}, tombQueue{}, nil
}

// seat seats p by the replica's view, in which it owns it or not. It reports false where that takes
// a new incarnation.
func (r *Replica) seat(p *partition, owns bool) bool {
	switch {
	case owns && !p.owned && p.dropped:
		return false
	case owns && !p.owned && !p.retiring:
		p.owned, p.fresh = true, true // so that what is left of deletes is noted
		p.forgetHandedOver(r)
	case owns && !p.owned:
		p.owned, p.retiring, p.fresh = true, false, true
	case !owns && p.owned:
		r.stopServing(p)
		p.owned, p.fresh = false, false
		p.retiring = len(p.applied) > 0 || p.pending > 0
		p.intake = nil
		for at := range r.peers {
			r.leave(p, at)
		}
	}
	gone := func(n ring.NodeID) bool { at := r.peer(n); return at >= 0 && r.peers[at].gone }
	p.log.SetOwners(r.cfg.Self, r.place.Owners(p.id), gone)
	for at := range r.peers {
		was := p.shared[at]
		p.shared[at] = r.place.Owns(r.peers[at].id, p.id)
		p.links[at].heard = false
		switch {
		case !p.shared[at], !p.keeps() && p.need[at] == needDigest:
			p.need[at] = needNothing
		case p.asksUnder(r):
			p.need[at] = needDigest
		case !was && p.keeps():
			p.need[at] = needDigest
		}
		if p.shared[at] && !was && len(p.applied) > 0 {
			p.logTruncated = true
			p.advertisedRev[at] = 0
		}
	}
	p.recount()
	r.stats.Reclaimed += uint64(p.log.Reclaim())
	r.shed(p)
	r.answerRepeats()
	p.release()
	return true
}

// asksUnder reports whether p is to be told by its owners, under the present view, what they hold.
func (p *partition) asksUnder(r *Replica) bool {
	return p.fresh || p.retiring || p.owned && r.self().Phase() == member.Leaving
}

// recount counts the needs anew that this replica has to see to.
func (p *partition) recount() {
	p.open = 0
	for _, n := range p.need {
		if n == needDigest || n == needSnapshot && p.keeps() {
			p.open++
		}
	}
}

// stopServing tells whoever waits at p, or is subscribed there, to go to an owner.
func (r *Replica) stopServing(p *partition) {
	p.fresh = true // so that nothing is answered
	r.wakeMulti(p)
	r.settle(p, func(w waiter) bool {
		r.refuse(w.req, p, wire.StatusNotOwner, r.notServed(p))
		return true
	})
	for len(p.subs) > 0 {
		q := p.subs[0].q
		r.unsubscribe(p, 0)
		r.endSubscription(&q, p, wire.StatusNotOwner, r.notServed(p))
	}
}

// forgetHandedOver has p hold what waits in its log to be handed over and nothing else. Nobody has
// been told that it holds more.
func (p *partition) forgetHandedOver(r *Replica) {
	held := p.log.Dots()
	if held.Includes(p.applied) {
		for e := range p.log.All() { // of which nothing was noted while others were to have it
			p.lookAt(e.Key, e.Kind, e.Clock)
		}
		return
	}
	entries := make([]gossip.Entry, 0, p.log.Len())
	for e := range p.log.All() {
		entries = append(entries, e)
	}
	forgone := p.applied.Without(held)
	gone := forgone.Clone()
	gone.MergeIn(p.gap)
	r.drop(p)
	p.forgone = forgone
	for i := range entries {
		delta, err := r.decodeDelta(&entries[i])
		if err != nil {
			r.stats.Rejected++ // unreachable: it was decoded when it came
			continue
		}
		if p.applied.Add(entries[i].Dot); entries[i].Kind == barrier {
			p.pass(&entries[i])
		} else {
			p.merge(&entries[i], delta)
		}
	}
	if len(p.cuts) > 0 { // they may name some of what is forgotten
		p.doubt, p.gap = p.cuts.Clone(), gone
	}
	p.rev = max(p.rev, p.applied.Count())
}

// withholds reports whether a peer is not to be offered what is held of p, yet: it lacks some of
// what this replica had handed over, and has forgotten, when it came to own the partition, or before it
// started. What was written to a counter since has that in its sum, which nobody is to show before it has
// the write. The owners that have it bring it to all; so it is until an owner has got back what any of
// them has said, under its view, to hold of it. The rest is lost.
func (p *partition) withholds(peer ring.NodeID) bool {
	return len(p.forgone) > 0 && !p.log.Known(peer).Includes(p.forgone)
}

// handedOverBefore is what a replica that starts may have handed over, as one that did not own the
// partition, and forgotten: the first writes of origins of which its log has later ones. Some of
// that may be lost for good, as nobody can tell here: then it is let go of once the owners say so.
func (p *partition) handedOverBefore() (forgone gossip.Dots) {
	of := uint64(0)
	for e := range p.log.All() {
		if e.Dot.Origin == of {
			continue
		}
		of = e.Dot.Origin
		if held := p.applied.Of(of); len(held) > 0 && held[0].Lo > 1 {
			forgone.MergeIn(gossip.Dots{{Origin: of, Lo: 1, Hi: held[0].Lo - 1}})
		}
	}
	return forgone
}

// regain sees whether what p has forgotten has come back, or is lost: what no owner says, under this
// view, to hold. To one that is no owner none of it comes back; owners bring it to each other.
func (p *partition) regain(peers []peerLink) {
	if len(p.forgone) == 0 {
		return
	}
	if (p.fresh || !p.owned) && !p.applied.Includes(p.forgone) {
		var held gossip.Dots
		for at := range p.shared {
			if !p.awaits(peers, at) {
				continue
			}
			if !p.links[at].heard {
				return
			}
			held.MergeIn(p.log.Known(peers[at].id).Intersect(p.forgone))
		}
		if p.forgone = held; !p.applied.Includes(held) {
			return
		}
	}
	p.forgone = nil
	p.dropEarly(peers)
}

// drop forgets what is held of p, but for its log.
func (r *Replica) drop(p *partition) {
	p.clearCells()
	p.applied, p.cuts, p.doubt, p.gap = p.applied[:0], nil, nil, nil
	p.buried, p.buriedWrites, p.buriedDeps = 0, nil, nil
	p.handed, p.handedBefore, p.logTruncated, p.hazy, p.intake, p.forgone = handed{}, handed{}, false, nil, nil, nil
	p.changes.Reset()
}

// forgot reports whether a write of this incarnation is held no more, since all owners had it when
// the replica let go of it, or when it came to own the partition.
func (r *Replica) forgot(p *partition, d causal.Dot) bool {
	return r.viewName != 0 && d.Origin == r.cfg.Origin && d.Seq <= p.seq && !p.applied.Contains(d) && !p.inFlight.Contains(d)
}

// caughtUp reports whether p has what every other owner held when it told that, under the present
// view, and, where it is sourceless, every other member.
func (p *partition) caughtUp(peers []peerLink) bool {
	for at := range p.shared {
		if p.lacks(peers, at) {
			return false
		}
	}
	return true
}

// handedOver reports whether each of the owners has told, under the present view, to hold all that
// is held of p, and there is one.
func (p *partition) handedOver(peers []peerLink, owner func(at int) bool) bool {
	if len(p.applied) == 0 && p.pending == 0 {
		return true
	}
	owners := 0
	for at := range p.shared {
		if !owner(at) {
			continue
		}
		if owners++; !p.links[at].heard || !p.log.Known(peers[at].id).Includes(p.applied) {
			return false
		}
	}
	return owners > 0 && p.pending == 0
}

// progress sees to what is under way since the view has risen.
func (r *Replica) progress() {
	if !r.moving || r.rise.token > 0 {
		return
	}
	fresh, retiring := false, false
	for _, p := range r.parts {
		if p.fresh && p.caughtUp(r.peers) {
			p.fresh = false
			r.found(p)
			r.wake(p)
		}
		p.regain(r.peers)
		if p.retiring && p.giving == nil && p.handedOver(r.peers, func(at int) bool { return p.shared[at] }) {
			r.letGo(p)
		}
		fresh, retiring = fresh || p.fresh, retiring || p.retiring
	}
	switch phase := r.self().Phase(); {
	case phase == member.Joining && !fresh:
		r.raise(member.View{Members: r.view.Members.Raised(r.cfg.Self, member.In(r.cfg.Life, member.Active))})
	case phase == member.Leaving && r.mayLeave():
		r.raise(member.View{Members: r.view.Members.Raised(r.cfg.Self, member.In(r.cfg.Life, member.Gone))})
	default:
		r.moving = fresh || retiring || phase != member.Active
	}
}

// letGo forgets what is held of p, but for which writes of this incarnation it has handed over, as
// any replica remembers that does not own the partition: its later ones may have them in their sums,
// and are for owners that have them.
func (r *Replica) letGo(p *partition) {
	own := p.applied.Clone()
	own.MergeIn(p.forgone)
	own = own.Intersect(gossip.Dots{{Origin: r.cfg.Origin, Lo: 1, Hi: p.seq}})
	p.retiring, p.dropped = false, true
	r.stats.LetGo++
	p.log.Reclaim()
	r.drop(p)
	p.applied, p.handed.gone, p.logTruncated = own, len(own) > 0, len(own) > 0
	for at := range p.need {
		if p.need[at] = needNothing; p.shared[at] {
			p.updatePeerState(at, r.peers[at].id)
		}
	}
	p.recount()
}

// mayLeave reports whether others hold all that this replica holds.
func (r *Replica) mayLeave() bool {
	if len(r.batches) > 0 || len(r.taken) > 0 || len(r.repeats) > 0 {
		return false
	}
	for _, p := range r.parts {
		next := func(at int) bool { return p.shared[at] && r.place.Holds(r.peers[at].id, p.id) }
		switch {
		case p.owned && r.place.Holds(r.cfg.Self, p.id):
			return false // all leave: nobody would be there
		case p.fold != nil, p.keeps() && !p.handedOver(r.peers, next), !p.keeps() && p.log.Len() > 0:
			return false
		}
	}
	return true
}

// seatStarted says what is under way for a replica that starts, and drops from logs what nobody would
// take from there. An error is that of a record of members.
func (r *Replica) seatStarted() error {
	if err := r.takeSeats(); err != nil {
		return err
	}
	for _, p := range r.parts {
		p.dropEarly(r.peers)
	}
	return nil
}

func (r *Replica) takeSeats() error {
	views := r.route.views
	r.route.views = nil
	for _, p := range r.parts {
		if !p.owned {
			p.intake = nil // nobody goes on with it; the record of a view may be lost and those of pieces not
		}
		if !p.keeps() {
			p.forgone = p.handedOverBefore()
		}
	}
	if r.viewName == 0 {
		return nil
	}
	if r.gone() {
		r.end()
		return nil
	}
	r.moving = true
	for _, p := range r.parts {
		switch {
		case p.owned:
			p.forgone = p.handedOverBefore()
			p.fresh = r.self().Phase() == member.Joining && !r.place.Held(r.cfg.Self, p.id) || len(p.forgone) > 0
		case p.retiring:
			p.logTruncated = true
		}
	}
	if err := r.sourcesStarted(views); err != nil {
		return err
	}
	for _, p := range r.parts {
		if p.asksUnder(r) {
			for at, shared := range p.shared {
				if shared {
					p.need[at] = needDigest
				}
			}
		}
		p.recount()
	}
	return nil
}

// heardOf notes that an owner has said, under the view of that name, what it holds, in answer to
// this incarnation; or, as owners name no incarnation of one that keeps nothing, since it began.
func (r *Replica) heardOf(p *partition, from int, view, named uint64) {
	if view == r.viewName && (named == r.cfg.Origin || !p.keeps()) {
		p.links[from].heard = true
	}
}
