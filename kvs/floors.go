package kvs

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// What is left of something deleted has to stand against earlier writes, and may be
// forgotten once none can come any more. That is what nodes promise each other here, all
// nodes of the ring, as each takes writes of any key. tombstones.go has what is forgotten
// by it. A promise has four stages, each of which a node says when it has heard all others
// say the one before, so that what is said last holds everywhere:
//
//	want   a node has tombstones of this time that are old enough by its clock
//	ready  so is the time by the clock of the node
//	floor  all are ready: the node issues no write of this time or before any more. That is
//	       durable before it is said. A request with such a stamp is refused by
//	       [wire.StatusForgotten], if its kind is one that the promise is for
//	clean  all have promised that: what the node had then, every owner holds by now
//
// All nodes are those of a view that are not gone. Where the view rises the promises stay, and what
// is clean has to be seen to anew: [wire.Promise].Era is of one view as of one incarnation of each
// node. A node that itself has something to hand over or to get, by its view, promises nothing more
// until it has. One that joins keeps what those have promised that it hears of, and counts its own
// promises as known once it has heard all. Each of them that was there when something was forgotten
// has promised that, as it said so before it went by the view with the one that joins.
//
// Nothing runs out. A node that is away is heard to say nothing, and what is deleted
// meanwhile stays; messages are sent again, less and less often, until they are confirmed,
// and none is sent while nobody wants anything.
//
// Why no write of time s or before comes to an owner that lacks it, once all nodes say
// clean at s. Let i(n) be the incarnation by which node n says so; all go by the same i
// ([wire.Promise].Era), which is to say that each had heard of i(n) when it began to see
// to it that all is clean. From then on it takes nothing from earlier incarnations of n:
// not directly, and, as it takes deltas only if they are sent to its own incarnation, not
// after a start either. A write w of time s or before was issued by an incarnation j of n.
//
//   - j = i(n): before its floor, so that w is among what i(n) had, and all owners hold it.
//   - j < i(n): where w is, some node m had it, or it was under way from j. If m had it
//     when it saw to it that all is clean, all owners hold it. The first that got it later
//     got it from a message that was under way, of an incarnation that had it before: if
//     that was one of i, all owners held w before that was clean; if an earlier one, the
//     message was refused.
//   - j > i(n): j has started since. A replica that starts may have lost its promise with
//     its disk, or that may be an old one. Until every other node has told it what it has
//     ever promised ([wire.Floors].Most, which is durable with each before that says
//     clean) it refuses stamps that are older than LateMS by its own clock, as no earlier
//     incarnation can have promised more than that. So j issues no w.
//
// A node that is gone has handed over all that it had before it said so, and what was under way from
// it is refused. One that joins later issues no w, for what it has heard of promises, or for its
// clock, until it has. And where a partition comes to owners that had nothing of it they get it from
// others by a snapshot, which names what there is (tombstones.go).
//
// Three things are relied on that this package cannot see to. A clock of a host must not go
// back by more than it has gone on since the promise, together with its disk, while others
// cannot be reached; that of a node that joins must not be behind those of others by as much as
// LateMS, until it has heard all of them. And a disk must not be put back once its node has run without it: what
// it alone had is lost, and would come as if it were new.
type floors struct {
	own     wire.Promise // as told
	floor   uint64       // promised; told once it is durable
	stored  uint64       // token of the record that is to make it so; 0 is none
	storing uint64       // what that record says
	peers   []peerFloor  // by peer
	mark    floorMark
}

// peerFloor is what a node has said.
type peerFloor struct {
	id     ring.NodeID
	origin uint64 // the newest incarnation heard of
	said   wire.Promise
	most   uint64 // the greatest floor of any incarnation
	knows  bool   // it has told this incarnation what it had promised
	told   uint64 // Rev of this replica's promise that it has confirmed
	reply  bool   // it waits for what has been heard of it
	next   uint64 // tick before which nothing is sent again
	gap    uint64 // ticks between two messages
}

// floorMark is what a replica sees to before it says clean.
type floorMark struct {
	on    bool
	floor uint64
	era   uint64
	token uint64          // of the record behind all that was being persisted
	saved []floorHoldings // by partition, once taken
	taken bool
}

type floorHoldings struct {
	p    *partition
	dots gossip.Dots
}

// promises is the floor below which no write is issued here, for sure.
func (r *Replica) promises() uint64 {
	f := &r.floors
	if r.promisesKnown() {
		return f.floor
	}
	return max(f.floor, r.lateBefore()) // it may have promised that much, and lost it
}

// Floor is the time in hybrid time up to which this replica refuses writes to registers, since it has
// promised others that none comes, or may have.
func (r *Replica) Floor() uint64 { return r.promises() }

// lateBefore is the time that is LateMS ago.
func (r *Replica) lateBefore() uint64 {
	if r.now <= r.cfg.LateMS {
		return 0
	}
	return (r.now - r.cfg.LateMS) << logicalBits
}

// promisesKnown reports whether every other node has told this incarnation what it had promised.
func (r *Replica) promisesKnown() bool {
	if r.cfg.First && r.cfg.Life <= 1 && slices.Contains(r.cfg.Ring.Nodes(), r.cfg.Self) {
		return true // it was there when nobody had promised anything
	}
	for at := range r.peers {
		if !r.peers[at].gone && !r.floors.peers[at].knows {
			return false
		}
	}
	return true
}

// era names the view, and the incarnations of all nodes that have been heard of.
func (r *Replica) era() uint64 {
	const odd = 0x9e3779b97f4a7c15
	hash := uint64(0)
	mix := func(id ring.NodeID, origin uint64) {
		x := (uint64(id)+1)*odd ^ origin
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		hash += (x ^ x>>27) * 0x94d049bb133111eb
	}
	mix(r.cfg.Self, r.cfg.Origin)
	for i := range r.peers {
		if !r.peers[i].gone {
			mix(r.peers[i].id, r.floors.peers[i].origin)
		}
	}
	return hash ^ r.viewName
}

// least is the least of what all nodes say of one stage.
func (r *Replica) least(own uint64, of func(p *wire.Promise) uint64) uint64 {
	for i := range r.floors.peers {
		if !r.peers[i].gone {
			own = min(own, of(&r.floors.peers[i].said))
		}
	}
	return own
}

// forgettable is the time up to which no write can come any more.
func (r *Replica) forgettable() uint64 {
	era := r.era()
	if r.floors.own.Era != era || !r.fixed() {
		return 0
	}
	for i := range r.floors.peers {
		if !r.peers[i].gone && r.floors.peers[i].said.Era != era {
			return 0
		}
	}
	return r.least(r.floors.own.Clean, func(p *wire.Promise) uint64 { return p.Clean })
}

// promise goes on with what the node promises, with each tick.
func (r *Replica) promise() {
	f := &r.floors
	if !r.fixed() {
		r.stopForgetting()
		r.tellFloors()
		return
	}
	before := f.own
	f.own.Want = max(f.own.Want, r.wantForgotten())
	want := f.own.Want
	for i := range f.peers {
		if !r.peers[i].gone {
			want = max(want, f.peers[i].said.Want, f.peers[i].said.Ready) // by which others wait for this node, too
		}
	}
	if want == 0 && f.own.Rev == 0 {
		r.tellFloors()
		return
	}
	if want > f.own.Ready && want <= r.lateBefore() {
		f.own.Ready = want
	}
	if floor := r.least(f.own.Ready, func(p *wire.Promise) uint64 { return p.Ready }); floor > f.floor && f.stored == 0 && r.promisesKnown() {
		f.floor = floor
		r.clock.Observe(floor)
	}
	if f.floor > f.own.Floor && f.stored == 0 && r.promisesKnown() {
		f.storing, f.stored = f.floor, r.storeFloors()
	}
	r.markFloors()
	if f.own != before {
		f.own.Rev++
	}
	r.tellFloors()
}

// storeFloors asks for what is known of floors to be made durable, and returns the token.
func (r *Replica) storeFloors() uint64 {
	from := len(r.wire)
	r.wire = wire.AppendFloors(r.wire, r.nodeFloors())
	r.record(from)
	return r.token
}

// nodeFloors is what a disk has of floors.
func (r *Replica) nodeFloors() (floors []wire.NodeFloor) {
	if r.floors.floor > 0 {
		floors = append(floors, wire.NodeFloor{Node: r.cfg.Self, Origin: r.cfg.Origin, Floor: r.floors.floor})
	}
	for i := range r.peers {
		if p := &r.floors.peers[i]; p.origin > 0 || p.most > 0 {
			floors = append(floors, wire.NodeFloor{Node: r.peers[i].id, Origin: p.origin, Floor: p.most})
		}
	}
	return floors
}

// recoverFloors reads back what was known of floors.
func (r *Replica) recoverFloors(floors []wire.NodeFloor) {
	for _, x := range floors {
		if x.Node == r.cfg.Self {
			r.floors.floor = max(r.floors.floor, x.Floor)
			r.clock.Observe(x.Floor)
			continue
		}
		if at := r.peer(x.Node); at >= 0 {
			p := &r.floors.peers[at]
			p.origin, p.most = max(p.origin, x.Origin), max(p.most, x.Floor)
		}
	}
}

// markFloors sees to it that all that is here and may be as early as what all have promised
// is at every owner. It begins with what is being persisted, and with the incarnations by
// which the promises were made.
func (r *Replica) markFloors() {
	f := &r.floors
	m := &f.mark
	floor, era := r.least(f.own.Floor, func(p *wire.Promise) uint64 { return p.Floor }), r.era()
	if m.on && m.era != era {
		*m = floorMark{}
	}
	if !m.on && floor > 0 && (floor > f.own.Clean || f.own.Era != era || r.tombs.unmarked(floor, era)) && r.promisesKnown() {
		*m = floorMark{on: true, floor: floor, era: era, token: r.storeFloors()}
		return
	}
	if !m.on || !r.floorStored(m.token) {
		return
	}
	if !m.taken {
		if r.fetches > 0 || slices.ContainsFunc(r.parts, func(p *partition) bool { return p.intake != nil }) {
			return // a snapshot may bring something
		}
		if !r.takeHoldings(m) {
			r.emit(Effect{Kind: EffectRestart})
			return
		}
		r.tombs.marked(m.floor, m.era)
	}
	clean := true
	for _, h := range m.saved {
		if !r.everyOwnerHolds(h) {
			clean = false
			r.askOwners(h)
		}
	}
	if clean {
		f.own.Clean, f.own.Era = m.floor, m.era
		*m = floorMark{}
	}
}

// takeHoldings takes down what may go from here to others: what the replica holds; or, where it
// does not own the partition, what it has not handed over. What it had, and an owner has lost
// since, may be on its disk still, and go from there: it must start again then, and taken is
// false.
func (r *Replica) takeHoldings(m *floorMark) (taken bool) {
	for _, p := range r.parts {
		dots := p.applied
		if !p.owned {
			if p.handed.lost || p.handedBefore.lost {
				return false
			}
			dots = nil
			for e := range p.log.All() {
				dots.Add(e.Dot)
			}
		}
		if len(dots) > 0 {
			m.saved = append(m.saved, floorHoldings{p, dots.Clone()})
		}
	}
	m.taken = true
	return true
}

// askOwners asks the owners what they hold that are not known to hold what was here: one that has
// started again and not said that yet, or that has got it since from another, and owes it to nobody
// here to say so.
func (r *Replica) askOwners(h floorHoldings) {
	p := h.p
	for at, shared := range p.shared {
		if !shared || r.ownerHolds(h, at) || r.tick%askTicks != 0 {
			continue
		}
		r.items = r.withItem(r.items[:0], p, wire.Item{Partition: p.id, Pull: true, PeerIncarnation: p.log.PeerIncarnation(r.peers[at].id), Digest: r.digest(p, at)})
		p.advertisedRev[at] = p.rev
		r.send(r.peers[at].id, r.items)
		clear(r.items)
		r.items = r.items[:0]
	}
}

// floorStored reports whether the record of that token is durable, and all before it visible.
func (r *Replica) floorStored(token uint64) bool { return r.durable >= token }

// everyOwnerHolds reports whether each other owner is known to hold what was here.
func (r *Replica) everyOwnerHolds(h floorHoldings) bool {
	for at, shared := range h.p.shared {
		if shared && !r.ownerHolds(h, at) {
			return false
		}
	}
	return true
}

// ownerHolds reports whether an owner is known to hold what was here, in an incarnation that is no
// older than the one whose promise counts.
func (r *Replica) ownerHolds(h floorHoldings, at int) bool {
	id := r.peers[at].id
	return h.p.log.PeerIncarnation(id) >= r.floors.peers[at].origin && h.p.log.Known(id).Includes(h.dots)
}

// floorsDurable notes that all records up to that token are.
func (r *Replica) floorsDurable(token uint64) {
	r.durable = max(r.durable, token)
	if f := &r.floors; f.stored > 0 && token >= f.stored {
		f.stored = 0
		if f.storing > f.own.Floor {
			f.own.Floor = f.storing
			f.own.Rev++
		}
	}
}

// tellFloors tells the other nodes what they have not confirmed, and those that ask.
func (r *Replica) tellFloors() {
	era, known := r.era(), r.promisesKnown()
	for at := range r.floors.peers {
		p := &r.floors.peers[at]
		stale := !known && !p.knows && r.viewName != 0 || r.fixed() && r.floors.own.Rev > 0 && (p.told != r.floors.own.Rev || !p.knows || r.awaits(p, era))
		if r.gone() || r.peers[at].gone || !p.reply && (!stale || r.tick < p.next) {
			p.reply = p.reply && !r.gone() && !r.peers[at].gone
			continue
		}
		if stale {
			p.gap = min(max(2*p.gap, 1), maxOfferGap)
			p.next = r.tick + p.gap
		}
		p.reply = false
		m := wire.Floors{
			From: r.cfg.Self, Origin: r.cfg.Origin, Own: r.floors.own, Pull: stale,
			Heard: p.origin, Rev: p.said.Rev, Most: p.most,
		}
		from := len(r.wire)
		r.wire = m.Append(r.wire)
		r.emit(Effect{Kind: EffectSend, To: r.peers[at].id, Sends: wire.MsgFloors, Msg: r.written(from)})
	}
}

// awaits reports whether there are tombstones that a node has not said yet to be needed no
// more: it may have started again, and know nothing of that.
func (r *Replica) awaits(p *peerFloor, era uint64) bool {
	return len(r.tombs.batch) > 0 && (p.said.Clean < r.floors.own.Want || p.said.Era != era)
}

// receiveFloors takes in what a node promises, and what it has heard.
func (r *Replica) receiveFloors(at int, m *wire.Floors) {
	p := &r.floors.peers[at]
	if m.Origin < p.origin {
		return // it has ended
	}
	if m.Origin > p.origin {
		p.origin, p.said, p.told, p.knows = m.Origin, wire.Promise{}, 0, false
		p.gap, p.next = 0, 0
	}
	if m.Own.Rev > p.said.Rev {
		p.said = m.Own
		p.most = max(p.most, m.Own.Floor)
		p.reply, p.gap, p.next = true, 0, 0
	}
	p.reply = p.reply || m.Pull
	if m.Heard == r.cfg.Origin {
		p.knows, p.told = true, max(p.told, m.Rev)
		floor := m.Most
		if r.viewName != 0 { // this node may be new, and what all others have promised holds for it too
			floor = max(floor, m.Own.Floor)
		}
		if floor > r.floors.floor {
			r.floors.floor = floor
			r.clock.Observe(floor)
		}
	}
}

// begun reports whether anything has been promised or heard.
func (f *floors) begun() bool {
	return f.own.Rev > 0 || f.floor > 0 || slices.ContainsFunc(f.peers, func(p peerFloor) bool { return p.origin > 0 || p.most > 0 })
}

// floorsBusy reports whether others are to be told something, or something is seen to.
func (r *Replica) floorsBusy() bool {
	f, fixed := &r.floors, r.fixed()
	if f.stored > 0 && fixed || f.mark.on {
		return true
	}
	for at := range f.peers {
		p := &f.peers[at]
		if p.reply || fixed && !r.peers[at].gone && f.own.Rev > 0 && (p.told != f.own.Rev || !p.knows) {
			return true
		}
	}
	return false
}

// append writes what decides about floors, as seen from tick.
func (r *Replica) appendFloors(dst []byte) []byte {
	f := &r.floors
	dst = varint.Append(varint.Append(f.own.Append(append(dst, 'f')), f.floor), f.stored)
	for i := range f.peers {
		p := &f.peers[i]
		dst = p.said.Append(varint.Append(varint.Append(varint.Append(dst, p.origin), p.most), p.told))
		dst = wire.AppendBool(wire.AppendBool(dst, p.knows), p.reply)
		dst = varint.Append(varint.Append(dst, max(p.next, r.tick)-r.tick), p.gap)
	}
	m := &f.mark
	if dst = wire.AppendBool(dst, m.on); m.on {
		dst = wire.AppendBool(varint.Append(varint.Append(dst, m.floor), m.era), m.taken)
		dst = varint.Append(dst, m.token-min(r.durable, m.token))
		for _, h := range m.saved {
			dst = h.dots.Append(varint.Append(dst, uint64(h.p.id)))
		}
	}
	return r.tombs.append(dst)
}

// fixed reports whether the replica has, by its view, nothing to hand over or to get, and no other view
// is coming.
func (r *Replica) fixed() bool { return r.rise.token == 0 && !r.moving && !r.gone() }

// stopForgetting gives up what was under way, since members come or go.
func (r *Replica) stopForgetting() {
	r.floors.mark = floorMark{}
	for _, x := range r.tombs.batch {
		r.tombs.queue.push(tombstone{p: x.p, key: x.key, kind: x.kind})
	}
	r.tombs.batch = nil
}

// restart forgets what a life of the node has said that is over.
func (p *peerFloor) restart() {
	*p = peerFloor{id: p.id, origin: p.origin, most: p.most}
}

// clone is a copy for a clone of the replica.
func (f *floors) clone(of *Replica) floors {
	c := *f
	c.peers = slices.Clone(f.peers)
	c.mark.saved = slices.Clone(f.mark.saved)
	for i := range c.mark.saved {
		c.mark.saved[i].p = of.byID[c.mark.saved[i].p.id]
	}
	return c
}
