package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A fresh owner waits for what the other owners hold. That is enough while one of them held the
// partition before, its source. If a decision leaves out all who own the partition, or one overtakes
// another, the owners are all fresh, and those that retire hold what there is. So an owner is sourceless
// which is fresh and has seen no source stay, from when it came to own the partition. It is caught up
// once each member that is not gone, owner or not, has said under its view what it holds, and it has
// all of that.
//
//   - It asks those that are no owners by a pull, which no owner under the same view sends them
//     otherwise. Who retires answers anyway. Who keeps nothing says so, once it has handed over what
//     it had from before it started: its answer has no dots.
//   - To peers it puts an item in front of what it says of the partition that names its own
//     incarnation in place of the peer's. A fresh owner that reads this under its view is sourceless
//     too: it may have taken the sender for its source. To a replica that hands over, the sender's
//     word does not mean yet that a write is lost.
//   - It stays sourceless under later views, until it is caught up, and, where it loses the partition
//     before, once it owns it again. A source that is gone was lost, or has handed over, and is waited
//     for no more, as any owner. If all are gone as the replica comes to own the partition, it is
//     sourceless only if another decision about that has come too, by which others may hold it.
//   - Nobody is sourceless while peers may run an older program, which would not answer. Decisions about
//     factors are refused then anyway.
//
// Why that is enough. Let y be sourceless, and have what each member z has said to hold at a time t(z)
// at which z went by y's view v. Suppose that y lacks a write that was claimed before all these times.
// Whoever held it at some time before its t(z) had let go of it by t(z), under a view u(z) that is not v, as y
// would have told it under v to hold the write. Take z such that no other of them has a view above
// u(z). An owner by the next placement of u(z) had told z under u(z) that it held the write. It let go as well
// before it went by v, and not under u(z), by which it is an owner: so under a view above u(z), a
// contradiction.
//
// A start ends that a partition is fresh (seats.go), unless by the views on the disk none of the owners
// stayed as the node came to own it. They are there in the order in which the replica went by them, as
// far back as the last checkpoint, which has the view from before that step too. Once all is caught up,
// the view is recorded again, so that a later start does not ask anew. So whoever has let go of a partition,
// and is started anew to own it again, knows whether anybody else is there to go by. That a peer has said
// to be sourceless, or that a source went in a later step, a start forgets.
//
// One case remains in which owners serve a partition that have not got it: that each of them takes
// another one for a source, as it has heard of the view by which that one owned the partition without it,
// and has missed the one by which it owned the partition without the other. It takes three changes on the
// way at once, of which each leaves out all owners by the one before.

// sources is what a fresh owner of a partition knows of who held it before. The zero value is that of
// one that is not fresh.
type sources struct {
	nodes []ring.NodeID // who owned it before, and has ever since; not changed once made
	away  bool          // others that did are no owners any more, and not gone
	none  bool          // it is sourceless, also where it has lost the partition since
}

// route is what a replica keeps of the views that it went by.
type route struct {
	before member.View   // from before a partition came to be sourceless; zero mostly
	views  []member.View // one after the other, as the records have said; nil once it has started
}

// placedView is a view, and where partitions lie by it.
type placedView struct {
	view  member.View
	place *member.Placement
}

// step goes from one view to a later one at a replica that owned the partition or not, and was fresh.
func (s *sources) step(id ring.Partition, self ring.NodeID, was, is placedView, owned, fresh bool) {
	owns := is.place.Owns(self, id)
	switch {
	case owns && !owned && s.none: // it had lost it before it was caught up
		return
	case owns && !owned:
		*s = sources{nodes: was.place.Owners(id)}
	case !fresh:
		return
	}
	var stay []ring.NodeID
	for _, n := range s.nodes {
		before, at := was.view.Members.At(n), is.view.Members.At(n)
		switch lost := at.Phase() == member.Gone || at.Life() > before.Life(); {
		case is.place.Owns(n, id) && !lost:
			stay = append(stay, n)
		case !lost, !owned && was.view.Factors.At(id) != is.view.Factors.At(id):
			s.away = true // it retires, or is gone, and may have handed over by a decision in between
		}
	}
	s.nodes, s.none = stay, s.none || len(stay) == 0 && s.away
}

// findSources goes by the replica's view, at p, which was seated by another one.
func (r *Replica) findSources(p *partition, was placedView) {
	if !r.othersAnswer() {
		return
	}
	none := p.sources.none
	p.sources.step(p.id, r.cfg.Self, was, placedView{r.view, r.place}, p.owned, p.fresh)
	if p.sources.none && !none && len(r.route.before.Members) == 0 {
		r.route.before = was.view
	}
}

// othersAnswer reports whether those that are no owners say so to an owner that asks: peers that run an
// older program may not ([Config.Speaks]).
func (r *Replica) othersAnswer() bool { return r.cfg.Speaks.Oldest >= wire.Factored }

// append writes what is known.
func (s *sources) append(dst []byte) []byte {
	if len(s.nodes) == 0 && !s.away && !s.none {
		return dst
	}
	dst = wire.AppendBool(wire.AppendBool(append(dst, 'f'), s.away), s.none)
	for _, n := range s.nodes {
		dst = varint.Append(append(dst, 'n'), uint64(n))
	}
	return dst
}

// searches reports whether p is to be had from whoever holds it, owner or not.
func (p *partition) searches() bool { return p.fresh && p.sources.none }

// awaits reports whether p is not caught up before peer at has said what it holds.
func (p *partition) awaits(peers []peerLink, at int) bool {
	return p.shared[at] || p.searches() && !peers[at].gone
}

// lacks reports whether p has not all yet of what peer at holds, who has to say that under the present
// view.
func (p *partition) lacks(peers []peerLink, at int) bool {
	return p.awaits(peers, at) && (!p.links[at].heard || !p.applied.Includes(p.log.Known(peers[at].id)))
}

// hearSourceless takes the word of an owner, under the same view, that it is sourceless.
func (r *Replica) hearSourceless(p *partition, from int) {
	if p.fresh && p.owned && p.shared[from] && r.othersAnswer() && !p.sources.none {
		p.sources.none, r.idleUntil = true, 0
	}
}

// withItem appends an item to those for a peer, behind one that says that p is sourceless, if it is.
func (r *Replica) withItem(items []wire.Item, p *partition, it wire.Item) []wire.Item {
	if p.searches() {
		items = append(items, wire.Item{Partition: p.id, PeerIncarnation: r.cfg.Origin})
	}
	return append(items, it)
}

// search asks peer at, which is no owner, what it holds.
func (r *Replica) search(p *partition, at int) wire.Item {
	return wire.Item{Partition: p.id, Pull: true, PeerIncarnation: p.log.PeerIncarnation(r.peers[at].id), Digest: r.digest(p, at)}
}

// hearOther takes what a peer has said that is no owner by this replica's view, in answer to this
// incarnation. One that keeps nothing has a digest without dots, and without a number; so has what it
// says while it hands writes over, but for that.
func (r *Replica) hearOther(p *partition, from int, g *wire.Gossip, it *wire.Item, took bool) {
	if !p.searches() || g.View != r.viewName || it.PeerIncarnation != r.cfg.Origin {
		return
	}
	nothing := len(it.Digest.Known) == 0 && it.Digest.Rev == 0 && len(it.Entries) == 0 && !it.Pull && !it.Offer && it.Ask == nil
	if nothing {
		p.log.Forget(g.From) // what it held before it let go is with others, or lost
	}
	p.links[from].heard = p.links[from].heard || took || nothing
}

// tellNothing answers an owner that asks a replica which keeps nothing of p, and is none by the view of
// both: one that is about to start anew, to own p again, does not.
func (r *Replica) tellNothing(p *partition, to int) {
	id := r.peers[to].id
	if r.place.Owns(r.cfg.Self, p.id) || r.handsOverOlder(p) {
		return
	}
	r.items = append(r.items[:0], wire.Item{Partition: p.id, PeerIncarnation: p.log.PeerIncarnation(id), Digest: r.digest(p, to)})
	r.send(id, r.items)
}

// handsOverOlder reports whether what p is to hand over has writes of other incarnations. Owners may have
// held those: a replica that starts, and is no owner any more, hands over all that it held if that is in
// its log. What clients write to it since is no more theirs than what is under way.
func (r *Replica) handsOverOlder(p *partition) bool {
	for e := range p.log.All() {
		if e.Dot.Origin != r.cfg.Origin {
			return true
		}
	}
	return false
}

// found notes that p is caught up. Once nothing is searched any more, the view is recorded once more.
func (r *Replica) found(p *partition) {
	searched := p.sources.none
	p.sources = sources{}
	if searched && !slices.ContainsFunc(r.parts, (*partition).searches) {
		r.route.before = member.View{}
		r.checkpointMembers()
	}
}

// sourcesStarted has partitions be sourceless that were when the node's last incarnation ended, as far
// as the views say by which it went, one after the other. Where one comes twice, all was caught up; one
// that is not above the one before is where a checkpoint begins. An error is that of a view that places
// nothing, by which no replica went.
func (r *Replica) sourcesStarted(views []member.View) error {
	if n := len(views); n > 0 && !views[n-1].Includes(r.view) {
		views = append(views, r.view)
	}
	if !r.othersAnswer() {
		views = nil
	}
	known := make([]sources, r.cfg.Ring.Partitions())
	var was placedView
	for i := 1; i < len(views); i++ {
		before, view := views[i-1], views[i]
		if !view.Includes(before) || before.Includes(view) {
			clear(known)
			r.route.before, was = member.View{}, placedView{}
			continue
		}
		is, err := r.placed(view)
		if err == nil && was.place == nil {
			was, err = r.placed(before)
		}
		if err != nil {
			return err
		}
		for id := range known {
			p, s := ring.Partition(id), &known[id]
			none := s.none
			s.step(p, r.cfg.Self, was, is, was.place.Owns(r.cfg.Self, p), none)
			if !s.none || !is.place.Owns(r.cfg.Self, p) {
				*s = sources{} // whoever has had a source is taken to have caught up
			} else if !none && len(r.route.before.Members) == 0 {
				r.route.before = before
			}
		}
		was = is
	}
	for _, p := range r.parts {
		switch {
		case p.owned && known[p.id].none:
			p.fresh, p.sources = true, known[p.id]
		case p.fresh:
			p.sources.nodes = slices.DeleteFunc(slices.Clone(r.place.Owners(p.id)), func(n ring.NodeID) bool { return n == r.cfg.Self })
		}
	}
	if !slices.ContainsFunc(r.parts, (*partition).searches) {
		r.route.before = member.View{}
	}
	return nil
}

// placed places partitions by a view that the replica has gone by.
func (r *Replica) placed(view member.View) (placedView, error) {
	place, err := view.PlaceBy(r.cfg.Ring)
	return placedView{view, place}, err
}
