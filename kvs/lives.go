package kvs

import (
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// A node that is gone may join again, in another life of its id, and what its earlier lives have
// said counts for nothing from then on. An incarnation does not say in which life it is. Those of a
// later life are greater, so that a peer's earlier lives end with some incarnation, the floor. It
// need not be the greatest that this replica has heard when it learns of the new life: it may have
// heard that life itself by then, which knows first that it lives.
//
// What tells is the view by which an incarnation goes. One that goes by this replica's is in the
// life that the view says; one that goes by another may be in that life or in a later one, of which
// this replica has yet to learn. When it has, the first are below the floor, and the others in doubt:
// nothing is taken from them but who the members are, until they go by this replica's view. They are
// told of that, and asked for a message of gossip, be it an empty one, which names the view. An
// earlier life never sends one: once it has learnt of a later life it says who the members are, and
// no more.

// proves notes that an incarnation of the peer goes by a view. If it is own, the replica's, the
// incarnation is in the life that this says, and so is any later one.
func (l *peerLink) proves(origin, view, own uint64) {
	if view != own {
		return
	}
	l.sure = max(l.sure, origin)
	if origin <= l.doubt {
		l.doubt = origin - 1
	}
}

// doubtful reports whether an incarnation that goes by a view may be in a life that is over.
func (l *peerLink) doubtful(origin, view, own uint64) bool { return origin <= l.doubt && view != own }

// outlived notes that the peer is in another life, or in none.
func (l *peerLink) outlived() {
	l.floor = max(l.floor, l.sure)
	l.doubt = max(l.doubt, l.origin)
}

// tellAlive tells a node by which view this incarnation goes, which one of a life that is over does
// not.
func (r *Replica) tellAlive(to ring.NodeID) {
	if r.gone() {
		return
	}
	from := len(r.wire)
	r.wire = wire.AppendGossipAs(r.wire, r.speaks(to), r.cfg.Self, r.cfg.Origin, r.viewName, nil)
	r.emit(Effect{Kind: EffectSend, To: to, Sends: wire.MsgGossip, Msg: r.written(from)})
}
