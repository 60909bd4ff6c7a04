package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// Who the members are is a lattice (package member), and each replica goes by what it knows of
// it, its view. It begins with the nodes of [Config.Ring] and what an operator says in
// [Config.Members]. It rises by what an operator asks for at any replica ([EventMember]), by
// what peers tell, and by what the node says of itself: that it is active, once it has what
// others hold, and that it is gone, once others have what it holds (seats.go). A rise is
// persisted before the replica goes by it, and told to others only after, so that what a
// replica has said under a view holds after a crash. Each checkpoint has the view once more.
//
// A view also has the factors that have been decided ([EventFactor]): how many replicas a partition
// is to have, beyond those of the ring, and how many of them on nodes of the disk tier
// ([ring.Ring.OnDisk]). Whoever comes to own a partition by that, or does not own it any more, is
// seated as where members come and go. So a partition moves to the other tier by two decisions: by
// the first it has replicas in both, and by the second, once those that have come hold and serve it,
// in the new one only.
//
// Views are told where they differ. Every gossip message has the name of its sender's view,
// so that whoever gets one sees that; then each tells the other all of its view, less and less
// often while no answer comes. Sets are small: a node takes about three bytes. While all go by
// the nodes of their ring, nothing of that is stored, and nothing sent but where a peer is silent
// for long: then the others are asked, who may know that it is gone. A factor takes nine bytes at most.
//
// A node whose disk was taken back goes by an older view again, and its peers take it for one that
// goes by theirs until they hear otherwise. With whom it shares a partition it exchanges gossip. One
// that shares none is reached in two other ways: it asks its peers once a node speaks to it that it
// does not know, and peers ask now and then whoever joins or leaves by their view.
//
// A peer is believed as far as it is a member by the receiver's view and what it tells is well
// formed. Only such a message makes a view rise: of a node that nobody has named by an operator's
// word nothing is taken. A node that is gone is told so, and nothing else is exchanged with it:
// what its disk still has may be what others have collected in the meantime.
//
// Whoever operates a store must not start a node again that is gone. One that is started with its
// disk knows that its life is over. One that has lost its disk, too, goes by the nodes of the ring
// until it speaks with anybody else, and what clients write to it by then is lost.

// rise is a view that is being persisted; its token is 0 if there is none.
type rise struct {
	view  member.View
	token uint64
}

// stranger is a node that is no member as far as the replica knows, and whether it spoke; at which
// tick peers are asked for it next, at the earliest.
type stranger struct {
	spoke bool
	next  uint64
}

// View is who the members are, as far as the replica goes by it. The caller must not change it.
func (r *Replica) View() member.Set { return r.view.Members }

// ViewName is the name of all that the replica goes by, its view and its factors ([member.View.Name]);
// 0 while that is the nodes of the ring.
func (r *Replica) ViewName() uint64 { return r.viewName }

// Factors is how many replicas partitions are to have, as far as that was decided and the replica
// goes by it. The caller must not change it.
func (r *Replica) Factors() member.Factors { return r.view.Factors }

// Serves reports whether the replica serves reads of a partition: it owns that by its view, and
// has what the other owners held when it came to.
func (r *Replica) Serves(id ring.Partition) bool {
	p := r.held(id)
	return !r.going() && r.place.Owns(r.cfg.Self, id) && (p == nil || p.serves())
}

// Keeps reports whether the replica keeps all that it holds of a partition: it owns that, or did,
// and has not handed over all of it.
func (r *Replica) Keeps(id ring.Partition) bool {
	p := r.held(id)
	return p != nil && p.keeps()
}

// Placement is where partitions lie by the replica's view.
func (r *Replica) Placement() *member.Placement { return r.place }

// Settled reports whether the replica knows of no change under way: none is being persisted,
// nobody joins or leaves, and it holds what it is to hold and nothing else.
func (r *Replica) Settled() bool { return r.rise.token == 0 && !r.moving && !r.view.Members.Moving() }

// known finds who the members are before anything is recovered: partitions are placed by that.
func (r *Replica) known(records [][]byte) error {
	fixed := member.View{Members: member.Of(r.cfg.Ring)}
	r.view, r.place = fixed, member.Fixed(r.cfg.Ring)
	told, lives := member.View{Members: r.cfg.Members}, false
	for i, rec := range records {
		if !wire.IsMembersRecord(rec) {
			continue
		}
		life, v, err := wire.MembersRecord(rec)
		if err == nil {
			err = r.placeable(v)
		}
		if err != nil {
			return fmt.Errorf("record %d of %d: %w", i+1, len(records), err)
		}
		lives = lives || life == r.cfg.Life
		r.route.views = append(r.route.views, v)
		r.onDisk = r.onDisk.Raise(v)
	}
	if r.cfg.Life > 1 && len(records) > 0 && !lives {
		return fmt.Errorf("%w: the disk is not of life %d of the node; start with an empty one", ErrConfig, r.cfg.Life)
	}
	if view := fixed.Raise(told).Raise(r.onDisk); !fixed.Includes(view) {
		return r.goBy(view)
	}
	return nil
}

// placeable is why a view cannot be of this store, nil if it can: by what its factors say of
// partitions.
func (r *Replica) placeable(v member.View) error {
	if err := v.Factors.Lawful(r.cfg.Ring.Partitions(), r.cfg.Ring.Replicas()); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrMessage, err)
	}
	return nil
}

// goBy makes a view the replica's, and places partitions by it.
func (r *Replica) goBy(view member.View) error {
	place, err := view.PlaceBy(r.cfg.Ring)
	if err != nil {
		return err
	}
	r.view, r.place, r.viewName = view, place, view.Name()
	return nil
}

// self is the state of this life of the node. A later one is the end of it.
func (r *Replica) self() member.State { return r.selfIn(r.view) }

func (r *Replica) selfIn(view member.View) member.State {
	at := view.Members.At(r.cfg.Self)
	if at.Life() > r.cfg.Life {
		return member.In(r.cfg.Life, member.Gone)
	}
	return at
}

// gone reports whether the node's life is over, by what it goes by.
func (r *Replica) gone() bool { return r.self().Phase() == member.Gone }

// going reports whether it is over, or about to be: nothing is to come to what it holds.
func (r *Replica) going() bool {
	return r.gone() || r.rise.token > 0 && r.selfIn(r.rise.view).Phase() == member.Gone
}

// raise persists a view that is above the replica's.
func (r *Replica) raise(view member.View) {
	r.rise.view = r.view.Raise(r.rise.view).Raise(view)
	from := len(r.wire)
	r.wire = wire.AppendMembersRecord(r.wire, r.cfg.Life, r.rise.view)
	r.record(from)
	r.rise.token = r.token
}

// risen goes by the view that is durable by now, if it is.
func (r *Replica) risen(token uint64) {
	if r.rise.token == 0 || token < r.rise.token {
		return
	}
	view := r.rise.view // above the replica's
	r.rise = rise{}
	r.onDisk = view
	r.reseat(view)
}

// change takes what an operator asks for. [member.Set.With] of the replica's view says beforehand
// whether that would be refused; that a node of the disk tier joins is, too, while peers may run a
// program that knows of no tiers, and would place partitions otherwise ([Config.Speaks]).
func (r *Replica) change(c member.Change) {
	members, err := r.view.Raise(r.rise.view).Members.With(c)
	early := c.To == member.Joining && r.cfg.Ring.OnDisk(c.Node) && r.cfg.Speaks.Oldest < wire.Factored
	if err != nil || early || r.going() {
		r.stats.Rejected++
		return
	}
	r.raise(member.View{Members: members})
}

// decide takes a decision about a factor. [member.Factors.With] of the replica's factors says
// beforehand whether that would be refused, and so does [member.Factors.Lawful] of what comes of it;
// it is, too, while peers may run a program that knows of none ([Config.Speaks]).
func (r *Replica) decide(d member.Decision) {
	factors, err := r.view.Raise(r.rise.view).Factors.With(d, r.cfg.Ring.Partitions())
	if err != nil || r.placeable(member.View{Factors: factors}) != nil || r.going() || r.cfg.Speaks.Oldest < wire.Factored {
		r.stats.Rejected++
		return
	}
	r.raise(member.View{Factors: factors})
}

// receiveMembers takes what a peer tells of members; false rejects it.
func (r *Replica) receiveMembers(from int, v wire.Version, body []byte) bool {
	m, err := wire.DecodeMembers(v, body)
	peer := &r.peers[from]
	if err != nil || m.From != peer.id || r.placeable(m.View()) != nil {
		return false
	}
	if m.Origin <= peer.floor {
		peer.asks = peer.asks || r.unaware(&m)
		return false
	}
	view, fixed := m.View(), member.View{Members: member.Of(r.cfg.Ring)}
	name := view.Name()
	if view.Includes(fixed) && fixed.Includes(view) {
		name = 0
	}
	r.begunAnew(from, m.Origin)
	peer.goesBy(m.Origin, name)
	peer.asks = peer.asks || m.Ask
	if !r.view.Raise(r.rise.view).Includes(view) {
		r.raise(view)
	}
	return true
}

// unaware reports whether a node whose life is over is to be told who the members are for what it says
// of them: it asks, or does not know that its life is over. If it does, an answer would be answered
// in turn, without end, where this replica's life is over too.
func (r *Replica) unaware(m *wire.Members) bool {
	return m.Ask || m.Set.At(m.From) < r.view.Members.At(m.From)
}

// unawareOf is unaware of what can be read.
func (r *Replica) unawareOf(v wire.Version, body []byte) bool {
	m, err := wire.DecodeMembers(v, body)
	return err == nil && r.unaware(&m)
}

// begunAnew has a peer asked, of which an incarnation is heard that is newer than the last one, what
// that one holds of partitions that this replica retires from: it need not say so by itself, since
// this replica is no owner, and may have lost what the earlier one had.
func (r *Replica) begunAnew(at int, origin uint64) {
	l := &r.peers[at]
	if l.origin == 0 || origin <= l.origin {
		return
	}
	for _, p := range r.parts {
		if p.retiring && p.shared[at] && p.log.PeerIncarnation(l.id) < origin {
			p.links[at].heard = false
			p.needs(at, needDigest)
			r.idleUntil = 0
		}
	}
}

// goesBy notes which view an incarnation of the peer goes by.
func (l *peerLink) goesBy(origin, name uint64) {
	if origin < l.origin {
		return
	}
	if l.view != name || origin > l.origin {
		l.viewNext, l.viewBackoff = 0, 1
	}
	l.origin, l.view = origin, name
}

// tellMembers tells peers of the replica's view that do not go by it, as far as is known, or ask.
func (r *Replica) tellMembers() {
	if r.stranger.spoke && r.tick >= r.stranger.next {
		r.stranger = stranger{next: r.tick + maxOfferGap}
		r.wonder()
	}
	for i := range r.peers {
		l := &r.peers[i]
		differs := r.lacksView(l)
		if !differs && !l.gone && !r.gone() && r.tick%maxOfferGap == 0 && r.view.Members.At(l.id).Phase() != member.Active {
			r.tellOne(l.id, true) // it may have forgotten that it joins, or leaves
		}
		if !l.asks && (!differs || r.tick < l.viewNext) {
			continue
		}
		r.tellOne(l.id, differs || !l.gone && l.origin > l.floor && l.origin <= l.doubt) // two that are gone would ask each other for ever
		if l.asks {
			r.tellAlive(l.id)
		}
		l.asks, l.viewNext = false, r.tick+l.viewBackoff
		l.viewBackoff = min(2*l.viewBackoff, maxOfferGap)
	}
}

// tellOne tells one node of the replica's view.
func (r *Replica) tellOne(to ring.NodeID, ask bool) {
	m := wire.Members{From: r.cfg.Self, Origin: r.cfg.Origin, Ask: ask, Set: r.view.Members, Factors: r.view.Factors}
	from := len(r.wire)
	r.wire = m.Append(r.wire)
	r.emit(Effect{Kind: EffectSend, To: to, Sends: wire.MsgMembers, Msg: r.written(from)})
}

// lacksView reports whether a peer is to be told of the replica's view without asking. A replica
// whose node is gone need not reach all, of whom some may be gone by then too: one will do, and
// whoever is heard going by another view.
func (r *Replica) lacksView(l *peerLink) bool {
	if l.gone || l.view == r.viewName {
		return false
	}
	return !r.gone() || !slices.ContainsFunc(r.peers, func(other peerLink) bool { return !other.gone && other.view == r.viewName })
}

// wonder asks the peers that are heard who the members are, where others have been silent for
// long: those may be gone. So may this node, and have lost with its disk that it is.
func (r *Replica) wonder() {
	for i := range r.peers {
		if l := &r.peers[i]; l.backoffTicks < maxOfferGap && !l.gone {
			r.tellOne(l.id, true)
		}
	}
}

// untold reports whether a peer is to be told of the replica's view.
func (r *Replica) untold() bool {
	for i := range r.peers {
		if l := &r.peers[i]; l.asks || r.lacksView(l) {
			return true
		}
	}
	return false
}

// checkpointMembers gives who the members are, if they are others than those of the ring.
func (r *Replica) checkpointMembers() {
	if r.viewName != 0 {
		views := []member.View{r.route.before, r.view}
		if len(r.route.before.Members) == 0 || !slices.ContainsFunc(r.parts, (*partition).searches) {
			views = views[1:]
		}
		for _, v := range views {
			from := len(r.wire)
			r.wire = wire.AppendMembersRecord(r.wire, r.cfg.Life, v)
			r.record(from)
		}
	}
}

// appendMembers writes what decides of members and seats; nothing while the view is the ring's and
// peers are not known to go by another one. That a stranger has spoken is left out: it has peers asked,
// at most.
func (r *Replica) appendMembers(dst []byte) []byte {
	if r.viewName == 0 && r.rise.token == 0 && !r.untold() {
		return dst
	}
	dst = wire.AppendBool(appendView(append(dst, 'v'), r.view), r.moving)
	if r.rise.token > 0 {
		dst = varint.Append(appendView(dst, r.rise.view), r.token-r.rise.token)
	}
	if len(r.route.before.Members) > 0 {
		dst = appendView(append(dst, 'b'), r.route.before)
	}
	for i := range r.peers {
		l := &r.peers[i]
		dst = varint.Append(varint.Append(varint.Append(append(dst, 'q'), uint64(l.id)), l.origin), l.floor)
		dst = varint.Append(varint.Append(dst, l.sure), l.doubt)
		dst = varint.Append(varint.Append(varint.Append(dst, l.view), max(l.viewNext, r.tick)-r.tick), l.viewBackoff)
		dst = wire.AppendBool(wire.AppendBool(dst, l.gone), l.asks)
	}
	for _, p := range r.parts {
		dst = wire.AppendBool(wire.AppendBool(wire.AppendBool(dst, p.fresh), p.retiring), p.dropped)
		dst = p.sources.append(dst)
		for i := range p.links {
			dst = wire.AppendBool(wire.AppendBool(dst, p.links[i].heard), p.shared[i])
		}
	}
	return dst
}

// appendView writes a view behind which something else may stand.
func appendView(dst []byte, v member.View) []byte {
	if dst = v.Members.Append(dst); len(v.Factors) > 0 {
		dst = append(v.Factors.Append(append(dst, 'F')), 'F')
	}
	return dst
}
