package kvs

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// Versions are those of the protocol between replicas ([wire.Version]) that a replica uses. It reads
// all that are not newer than Newest, and writes that one to whoever is known to read it.
//
// A store is brought to a newer program node by node, back as well as forth: each node of the newer
// one is started with Oldest as the version of the older one, until no node runs that any more. Such
// a replica writes Oldest to a peer until it hears the peer write something newer, and tells each
// peer now and then, by a message of its newest version without contents, that it reads that: who
// does not leaves it unread. What an incarnation reads is forgotten with it, and a peer that stays
// silent is written to in Oldest, so that a node may come back with the older program. With Oldest the same as Newest nothing of this is needed, and peers
// that run an older program do not understand a word.
//
// What is on disks is the same in both versions that there are, but for factors of partitions
// ([EventFactor]), which an older program does not read: so they are refused until Oldest is a version
// that knows of them. So are nodes of the disk tier that are to join, which it would place as others.
type Versions struct {
	Oldest, Newest wire.Version // zero is [wire.Newest], and Oldest is Newest where it is zero
}

// settle fills in what is not said.
func (v *Versions) settle() error {
	if v.Newest == 0 {
		v.Newest = wire.Newest
	}
	if v.Oldest == 0 {
		v.Oldest = v.Newest
	}
	if v.Oldest < wire.Oldest || v.Oldest > v.Newest || v.Newest > wire.Newest {
		return fmt.Errorf("%w: versions %d to %d, want some of %d to %d", ErrConfig, v.Oldest, v.Newest, wire.Oldest, wire.Newest)
	}
	return nil
}

// tiersKnown refuses nodes of the disk tier from the beginning while an older program may run, to which
// they are nodes as others. A store that has such numbers from before there were tiers says by
// [ring.Tiered] that the disk tier begins after them.
func (c *Config) tiersKnown() error {
	if c.Speaks.Oldest >= wire.Factored {
		return nil
	}
	for _, n := range append(c.Members.In(member.Joining, member.Active, member.Leaving), c.Ring.Nodes()...) {
		if c.Ring.OnDisk(n) {
			return fmt.Errorf("%w: node %d is of the disk tier, of which version %d does not know", ErrConfig, n, c.Speaks.Oldest)
		}
	}
	return nil
}

// maxTellGap is how many ticks lie between messages that tell a peer of the newest version.
const maxTellGap = 256

// reads notes that an incarnation of the peer has written a version, and so reads it.
func (l *peerLink) reads(origin uint64, v wire.Version) {
	switch {
	case origin > l.readsAs:
		l.readsAs, l.version, l.told, l.toldGap = origin, v, 0, 1
	case origin == l.readsAs:
		l.version = max(l.version, v)
	}
}

// speaks is the version in which a peer is written to.
func (r *Replica) speaks(to ring.NodeID) wire.Version {
	v := r.cfg.Speaks
	if v.Oldest == v.Newest {
		return v.Newest
	}
	at := r.peer(to)
	if at < 0 || r.peers[at].backoffTicks == maxOfferGap {
		return v.Oldest
	}
	if l := &r.peers[at]; l.readsAs < max(l.origin, r.floors.peers[at].origin) {
		return v.Oldest // it has begun anew, maybe with an older program, and has written no gossip yet
	}
	return min(max(r.peers[at].version, v.Oldest), v.Newest)
}

// tellVersion tells peers that may write an older version that this replica reads a newer one.
func (r *Replica) tellVersion() {
	v := r.cfg.Speaks
	if v.Oldest == v.Newest {
		return
	}
	for at := range r.peers {
		l := &r.peers[at]
		if l.version >= v.Newest || l.gone || r.gone() || r.tick < l.told {
			continue
		}
		l.toldGap = min(max(2*l.toldGap, 1), maxTellGap)
		l.told = r.tick + l.toldGap
		from := len(r.wire)
		r.wire = wire.AppendGossipAs(r.wire, v.Newest, r.cfg.Self, r.cfg.Origin, r.viewName, nil)
		r.emit(Effect{Kind: EffectSend, To: l.id, Sends: wire.MsgGossip, Msg: r.written(from)})
	}
}
