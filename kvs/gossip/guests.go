package gossip

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/kvs/ring"
)

// Owners of a partition may change while its log has deltas. Who is no owner any more may
// still hold what owners lack: the log remembers what such a guest says that it holds, so that
// this can be fetched, and counts on it for nothing.

// SetOwners has the log be one of a partition held by owners from now on, seen from self. What
// is known of peers that stay is kept. Those that are no owners any more become guests, unless
// gone says that they are not to be heard of again.
func (l *Log) SetOwners(self ring.NodeID, owners []ring.NodeID, gone func(ring.NodeID) bool) {
	l.peers = slices.DeleteFunc(l.peers, func(p peer) bool { return gone(p.id) })
	for i := range l.peers {
		p := &l.peers[i]
		p.guest = !slices.Contains(owners, p.id)
	}
	for _, o := range owners {
		if o != self && l.peer(o) == nil {
			l.peers = append(l.peers, peer{id: o})
		}
	}
	slices.SortFunc(l.peers, func(a, b peer) int { return cmp.Compare(a.id, b.id) })
}

// Invite has the log remember what a peer says that it holds which is no owner. For one of
// which that is so already, it changes nothing.
func (l *Log) Invite(id ring.NodeID) {
	if l.peer(id) == nil {
		l.peers = append(l.peers, peer{id: id, guest: true})
		slices.SortFunc(l.peers, func(a, b peer) int { return cmp.Compare(a.id, b.id) })
	}
}

// Hosts reports whether the log remembers what a peer says that it holds.
func (l *Log) Hosts(id ring.NodeID) bool { return l.peer(id) != nil }

// Forget forgets what a peer has said, as one does that has never been heard of.
func (l *Log) Forget(id ring.NodeID) {
	if p := l.peer(id); p != nil {
		*p = peer{id: id, guest: p.guest}
	}
}

// Dots are those of the deltas that are kept.
func (l *Log) Dots() (held Dots) {
	for i := range l.segments {
		s := &l.segments[i]
		for k := range s.entries[s.head:] {
			held.Add(s.entries[s.head+k].Dot)
		}
	}
	return held
}
