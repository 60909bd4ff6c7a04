package kvs

import (
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// peerLink paces what is offered to one peer.
type peerLink struct {
	id           ring.NodeID
	next         uint64 // tick before which nothing is offered again
	backoffTicks uint64 // ticks between offers while the peer is silent
	back         uint64 // tick at which it was heard again after a long silence; 0 mostly

	from ring.Partition // with which the next round begins, as the last one was cut short; 0 mostly

	fetch    fetch  // pieces of a snapshot, from there
	asker    uint64 // the incarnation of the peer that has asked for some last
	answered uint64 // the number of its ask

	origin      uint64 // the newest incarnation that has said by which view it goes
	floor       uint64 // incarnations up to that one are of a life that is over
	sure        uint64 // the newest incarnation that is known to be of the life in the view; see lives.go
	doubt       uint64 // incarnations up to that one may be of an earlier life
	view        uint64 // the name of the view by which it goes; 0 for that of the ring
	viewNext    uint64 // tick before which it is not told of this replica's again
	viewBackoff uint64 // ticks until the one after
	asks        bool   // it waits to be told

	version wire.Version // the newest in which readsAs has written to this replica; 0 is none yet
	readsAs uint64       // the newest incarnation that it has heard
	told    uint64       // tick before which the peer is not told of this replica's newest version again
	toldGap uint64       // ticks until the one after

	gone bool // and nothing but views is exchanged with it
}

const maxOfferGap = 16

// backOff puts off the next offer, the longer the longer the peer has been silent.
func (l *peerLink) backOff(tick uint64) {
	l.next = tick + l.backoffTicks
	l.backoffTicks = min(l.backoffTicks*2, maxOfferGap)
}

// heard ends a silence of the peer.
func (l *peerLink) heard(tick uint64) {
	if l.backoffTicks == maxOfferGap {
		l.back = tick
	}
	l.backoffTicks, l.next = 1, 0
}
