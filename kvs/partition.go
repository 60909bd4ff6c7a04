package kvs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// cell is what is held under one key. It has one slot, save where replicas that
// did not know of each other created the key with different kinds: then it keeps
// them all, ascending by kind, and each is served by its name.
type cell struct {
	key   string
	slots []slot
	one   [1]slot // the memory of slots, mostly
	ahead bool    // the checkpoint under way has it, before its turn, or is not to have it
}

// slot is the value of one kind, with the writes that are in it, as far as the last of
// each origin, and what these depend on. That is kept by value and not by partition, so
// that a write which is lost for good blocks the reads that depend on it and no others.
type slot struct {
	kind   string
	val    kind.Value     // for whoever does not know kept: see [partition.value]
	kept   *kept          // where the value is; nil if that is in val and nowhere else
	size   int            // of the value, encoded, about; see [Replica.outgrown]
	rev    uint64         // grows with the value, for subscribers
	writes session.Matrix // of this partition alone, but for those that a cut in deps names
	deps   session.Matrix
	tomb   bool   // it waits to be forgotten, see [tombs]
	until  uint64 // where it does: no write in it is later, in hybrid time
}

// ownID names what this origin wrote of a kind under a key.
type ownID struct{ kind, key string }

func (id ownID) compare(other ownID) int {
	return cmp.Or(strings.Compare(id.kind, other.kind), strings.Compare(id.key, other.key))
}

// partition is what a replica holds of one partition.
type partition struct {
	id            ring.Partition
	owned         bool
	fresh         bool        // see seats.go, as of the next two
	retiring      bool        // it was owned, and all is kept
	dropped       bool        // this incarnation has owned it, and is no owner
	sources       sources     // while it is fresh, see sources.go
	forgone       gossip.Dots // see [partition.withholds]; not changed once made
	shared        []bool      // by peer: it owns the partition too
	cells         cells
	localDeltas   map[ownID]kind.Value // the join of this origin's deltas
	seq           uint64               // last sequence number given out by this origin
	applied       gossip.Dots          // durable and visible
	cuts          session.Matrix       // by origin, the last of its barriers in applied
	doubt         session.Matrix       // cuts that may name some of gap, see [partition.passed]
	gap           gossip.Dots          // lost here, or where a snapshot came from
	inFlight      gossip.Dots          // being persisted, or were since nothing was
	log           *gossip.Log
	rev           uint64 // how many dots are in applied, which names its state
	changes       gossip.Changes
	links         []link     // by peer
	advertisedRev []uint64   // by peer: the rev that it was last told
	pendingAcks   []int      // peers to be told as soon as nothing is coming, ascending
	values        *valuePool // the replica's
	keeper        *keeper    // the replica's; nil if all values are in memory
	demanded      uint64     // requests of clients that were served of it, see demand.go
	pending       int        // records being persisted
	persisting    int        // bytes of the entries in them
	waiting       []waiter
	subs          []*subscription // in the order in which they came

	need         []need         // by peer: what it needs, or we of it, before deltas do
	open         int            // how many needs this replica has to see to
	logTruncated bool           // a delta may be gone from the log that a peer lacks
	handed       handed         // since the running checkpoint gave the partition, or the last one did
	handedBefore handed         // before that, until the log is truncated
	intake       *intake        // a snapshot of which pieces have come; nil mostly
	offers       []int          // peers that offer one, ascending
	fetching     bool           // one of them is asked for pieces
	hazy         []ownID        // values that a start has to have peers fetch, see [Replica.touch]
	tombs        *tombs         // the replica's
	buried       uint64         // the latest time of a tombstone that was forgotten; 0 is none
	buriedWrites session.Matrix // the last writes in those, of each origin
	buriedDeps   session.Matrix // what they depend on
	giving       *giving        // to the checkpoint under way, which has some of it; nil mostly
	fold         *folding       // a snapshot that is visible and not folded in yet; nil mostly
}

// link is what is known of what a peer has been told. Origin and confirmed are kept once
// digests are parts.
type link struct {
	origin    uint64 // the newest incarnation of the peer that has said something
	confirmed uint64 // up to which rev that one has all; see [gossip.Digest]
	offered   uint64 // tick before which no snapshot is offered again
	served    bool   // all of one was sent, and the peer has not said since what it holds
	heard     bool   // it has said, since the view has risen and under the same one, what it holds
}

// handed is what became of deltas that were handed over, of which the disk still has the
// records.
type handed struct {
	gone bool // some are gone from the log, since owners had them
	lost bool // an owner has lost some since
}

// and is what became of either.
func (h handed) and(g handed) handed { return handed{h.gone || g.gone, h.lost || g.lost} }

// regressed notes that an owner has lost some of what it held.
func (h *handed) regressed() { h.lost = h.lost || h.gone }

// need is what has to be done before deltas are offered to a peer.
type need uint8

const (
	needNothing  need = iota
	needDigest        // it has not answered what it holds
	needSnapshot      // it lacks what the log no longer has
)

// waiter is a threshold read that awaits its past.
type waiter struct {
	req      *wire.Request
	deadline uint64 // tick
}

// reset makes p an empty partition, as seen from self, in the memory of what it
// was.
func (p *partition) reset(id ring.Partition, self ring.NodeID, r *member.Placement, peers []peerLink, vs *valuePool, k *keeper, t *tombs) {
	clear(p.localDeltas)
	log := p.log
	if log == nil {
		log = new(gossip.Log)
	}
	log.Reset(self, r.Owners(id))
	p.changes.Reset()
	*p = partition{
		id: id, owned: r.Owns(self, id), log: log, cells: p.cells, localDeltas: p.localDeltas, values: vs, keeper: k, tombs: t,
		applied: p.applied[:0], cuts: p.cuts[:0], doubt: p.doubt[:0], gap: p.gap[:0], inFlight: p.inFlight[:0],
		changes: p.changes, links: p.links[:0], shared: p.shared[:0], advertisedRev: p.advertisedRev[:0], pendingAcks: p.pendingAcks[:0], offers: p.offers[:0], waiting: p.waiting[:0], need: p.need[:0],
	}
	for i := range peers {
		p.shared = append(p.shared, r.Owns(peers[i].id, id))
		p.advertisedRev = append(p.advertisedRev, 0)
		p.links = append(p.links, link{})
		p.need = append(p.need, needNothing)
	}
}

// slot is what is held of kind under key, or the name of the kind that stands there
// instead. It is valid until something is placed under key.
func (p *partition) slot(key, kind string) (s *slot, other string) {
	c := p.cell(key)
	if c == nil {
		return nil, ""
	}
	return c.slot(kind)
}

// rawSlot is slot without what waits for key, which stays so.
func (p *partition) rawSlot(key, kind string) (s *slot, other string) {
	if c := p.cells.find(key); c != nil {
		return c.slot(kind)
	}
	return nil, ""
}

func (c *cell) slot(kind string) (s *slot, other string) {
	for i := range c.slots {
		if c.slots[i].kind == kind {
			return &c.slots[i], ""
		}
	}
	return nil, c.slots[0].kind
}

// change is slot, for one who is about to change it, or to place something there.
func (p *partition) change(key, kind string) *slot {
	c := p.cell(key)
	if c == nil {
		return nil
	}
	p.giving.preserve(p, c)
	s, _ := c.slot(kind)
	return s
}

// merge joins delta, the one of e, into the value of its kind under its key.
func (p *partition) merge(e *gossip.Entry, delta kind.Value) {
	s := p.change(e.Key, e.Kind)
	switch {
	case s == nil:
		s = p.place(e.Key, e.Kind, p.values.copyOf(e, delta), len(e.Delta))
	case s.val == nil: // it is outside, and joined to this when it is needed
		s.val, s.kept.rest = p.values.copyOf(e, delta), true
		p.grew(s, len(e.Delta))
	default:
		s.val.MergeIn(delta)
		p.grew(s, len(e.Delta))
	}
	write := [1]session.Mark{{Partition: p.id, Origin: e.Dot.Origin, Seq: e.Dot.Seq}}
	s.writes.MergeIn(write[:])
	s.deps.MergeIn(e.Deps)
	p.entomb(e.Key, s, e.Clock)
}

// place has v, of about so many bytes, held under key, where nothing of its kind is.
func (p *partition) place(key, kind string, v kind.Value, size int) *slot {
	s := p.hold(key, kind)
	s.val = v
	p.grew(s, size)
	return s
}

// grew notes that about n bytes were joined to what s has in memory.
func (p *partition) grew(s *slot, n int) {
	s.rev++
	if s.size += n; s.kept != nil {
		p.keeper.grew(s.kept, n)
	}
}

// hold makes room for a value under key, where nothing of its kind is.
func (p *partition) hold(key, kind string) *slot {
	c := p.cell(key)
	if c == nil {
		c = p.cells.add(key)
		p.fold.fresh(key)
		c.ahead = p.giving.awaits(key)
	}
	at, _ := slices.BinarySearchFunc(c.slots, kind, func(s slot, kind string) int { return strings.Compare(s.kind, kind) })
	c.slots = slices.Insert(c.slots, at, slot{kind: kind})
	if p.keeper != nil {
		c.slots[at].kept = &kept{cell: c}
	}
	return &c.slots[at]
}

// localDelta is the join of this origin's deltas for key, of a kind whose mutator looks at
// it.
func (p *partition) localDelta(key string, k kind.Kind) kind.Value {
	if v, ok := p.localDeltas[ownID{k.Name(), key}]; ok {
		return v
	}
	return k.New()
}

// setLocalDelta takes note of v, which [partition.localDelta] has given, with another delta. A
// write that is refused leaves nothing.
func (p *partition) setLocalDelta(key string, k kind.Kind, v kind.Value) {
	if p.localDeltas == nil {
		p.localDeltas = make(map[ownID]kind.Value)
	}
	p.localDeltas[ownID{k.Name(), key}] = v
}

// apply makes a durable entry visible.
func (p *partition) apply(e *gossip.Entry, delta kind.Value, tick uint64, maxKnown int) {
	if !p.applied.Add(e.Dot) {
		return
	}
	p.rev++
	p.changes.Note(e.Dot.Origin, p.rev, len(p.applied), maxKnown)
	if e.Kind == barrier {
		p.pass(e)
	} else {
		p.merge(e, delta)
	}
	p.log.Add(e, tick)
}

// recovered makes an entry visible that was found on the disk. A checkpoint before it may
// have it, whose own record of the deltas that peers may lack has been truncated: the one
// that is found here counts.
func (p *partition) recovered(e *gossip.Entry, delta kind.Value, maxKnown int) {
	p.apply(e, delta, 0, maxKnown)
	p.log.Add(e, 0)
}

// shed holds the log to a bound, and returns how many deltas it has forgotten for that.
// They are in what this replica holds of the partition, if it owns it, so that a peer
// which lacks them is brought up by a snapshot.
func (p *partition) shed(count, bytes int, peers []peerLink) (shed int) {
	if !p.keeps() || p.log.Len() <= count && p.log.Bytes() <= bytes {
		return 0
	}
	shed = p.log.Shed(count, bytes)
	p.truncated(peers)
	return shed
}

// truncated notes that the log lacks deltas that peers may need.
func (p *partition) truncated(peers []peerLink) {
	p.logTruncated = true
	for at := range peers {
		switch id := peers[at].id; {
		case !p.shared[at] || p.need[at] == needDigest:
		case p.log.PeerIncarnation(id) == 0:
			p.needs(at, needDigest)
		default:
			p.updatePeerState(at, id)
		}
	}
}

// covers reports whether a read may be answered: all of this partition is applied that its
// session must see, and that the writes depend on which it would see, as far as its level
// asks for either.
// What an origin wrote in the partition before a write counts among it, though it may
// have come from other sessions: a past tells no more apart.
func (r *Replica) covers(p *partition, q *wire.Request) bool {
	s, _ := p.slot(q.Key, q.Kind)
	return (!q.Level.Requires() || r.includes(p, q.Deps)) && (s == nil || !q.Level.Follows() || r.includes(p, s.deps))
}

// digest is what to tell a peer of what is held. A replica that does not own the partition
// says nothing: no one counts on it.
func (r *Replica) digest(p *partition, at int) gossip.Digest {
	if !p.keeps() {
		return gossip.Digest{Seen: p.log.Seen(r.peers[at].id)}
	}
	w := p.changes.Digest(p.applied, p.rev, p.links[at].confirmed)
	w.Seen = p.log.Seen(r.peers[at].id)
	return w
}

// confirm takes from a peer's digest what it has observed of this replica.
func (p *partition) confirm(at int, origin, self uint64, it *wire.Item) {
	l := &p.links[at]
	if !p.changes.On() || origin < l.origin {
		return
	}
	if origin > l.origin {
		*l = link{origin: origin, offered: l.offered, served: l.served, heard: l.heard}
	}
	switch {
	case it.PeerIncarnation == 0: // it has heard nothing, or has forgotten it since it learnt of another life
		l.confirmed = 0
	case it.PeerIncarnation == self && it.Digest.Seen <= p.rev:
		l.confirmed = max(l.confirmed, it.Digest.Seen)
	}
}

// addPendingAck remembers to tell peer what this partition holds.
func (p *partition) addPendingAck(peer int) {
	if !slices.Contains(p.pendingAcks, peer) {
		p.pendingAcks = append(p.pendingAcks, peer)
		slices.Sort(p.pendingAcks)
	}
}

// release drops what a replica that does not own the partition holds of it, once
// every owner has it. The sequence number stays: dots are not reused.
func (p *partition) release() {
	if !p.keeps() && p.log.Len() == 0 && p.pending == 0 {
		p.clearCells()
	}
}

// clearCells drops all values.
func (p *partition) clearCells() {
	p.fold = nil
	if p.keeper != nil {
		for c := range p.cells.from("") {
			for i := range c.slots {
				p.keeper.forget(c.slots[i].kept)
			}
		}
	}
	p.cells.clear(p.values)
}

// credible cuts from v, in place, the dots of this incarnation that it has not given
// out, and reports whether there were any. Were they believed, this replica's writes of
// these dots would be taken for repeats. What else is in v is not to be blamed: it may
// come from a peer that has believed a third.
func (p *partition) credible(origin uint64, v gossip.Dots) (cut gossip.Dots, lie bool) {
	cut = v[:0]
	for _, x := range v {
		if x.Origin == origin && x.Hi > p.seq {
			lie = true
			if x.Lo > p.seq {
				continue
			}
			x.Hi = p.seq
		}
		cut = append(cut, x)
	}
	return cut, lie
}
