package kvs

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// A write is answered once it is durable here, unless it asks for less, and is answered
// from memory, or for more. Then its answer waits until so many owners are known to have
// it: this replica, if it is one, and those peers that have said so, each counted once. At
// its deadline it is answered as unavailable, and the write stays: it is on this disk, and
// is offered to the owners as any other.
//
// The answers of repeats wait here too, for writes of others that are being persisted; and for what
// they say that the session depends on, which is not durable yet where an earlier write of the same
// batch had to be served once more.

// laterAnswer is the answer to a write, for when it is held here and by so many owners. Its
// pasts are not changed once kept.
type laterAnswer struct {
	wire.Response
	owners   int
	deadline uint64 // tick; of no meaning where no owners are asked for
}

// answerLater keeps an answer until what its request asks for has come about, unless
// it is kept already.
func (r *Replica) answerLater(q *wire.Request, answer *wire.Response) {
	if r.answersLater(q) {
		return
	}
	x := laterAnswer{*answer, q.Ack.Owners(), r.tick + q.Wait}
	x.Deps, x.Own = x.Deps.Clone(), x.Own.Clone()
	r.repeats = append(r.repeats, x)
}

// answersLater reports whether the answer to a request is kept.
func (r *Replica) answersLater(q *wire.Request) bool {
	return slices.ContainsFunc(r.repeats, func(x laterAnswer) bool { return x.Client == q.Client && x.Req == q.Req })
}

// durably reports whether nothing that a past names is only about to be durable here. That of a session
// has what its own writes depend on, too.
func (r *Replica) durably(past session.Matrix) bool {
	return !slices.ContainsFunc(past, func(m session.Mark) bool {
		p := r.held(m.Partition)
		return p != nil && p.inFlight.Contains(dotOf(m)) && !p.applied.Contains(dotOf(m))
	})
}

// answerRepeats gives the answers that have waited for what is now held, here or
// elsewhere. What is being persisted becomes visible, or the replica stops.
func (r *Replica) answerRepeats() {
	if len(r.repeats) == 0 {
		return
	}
	r.repeats = slices.DeleteFunc(r.repeats, func(x laterAnswer) bool {
		p := r.partition(x.Partition)
		if !p.applied.Contains(x.Dot) && !r.forgot(p, x.Dot) || p.owners(x.Dot, r.peers) < x.owners || !r.durably(x.Deps) {
			return false
		}
		r.respond(&x.Response)
		return true
	})
}

// owners is how many owners of p are known to have a write on their disks.
func (p *partition) owners(d causal.Dot, peers []peerLink) (n int) {
	if p.owned && p.applied.Contains(d) {
		n++
	}
	for at, shared := range p.shared {
		if shared && p.log.Known(peers[at].id).Contains(d) {
			n++
		}
	}
	return n
}

// expireWrites tells of the writes that have not come to as many owners as they asked for
// by their deadline.
func (r *Replica) expireWrites() {
	if len(r.repeats) == 0 {
		return
	}
	r.repeats = slices.DeleteFunc(r.repeats, func(x laterAnswer) bool {
		if x.owners == 0 || x.deadline > r.tick {
			return false
		}
		have := r.partition(x.Partition).owners(x.Dot, r.peers)
		r.respond(&wire.Response{
			Client: x.Client, Req: x.Req, Status: wire.StatusUnavailable, Clock: r.clock.last, Partition: x.Partition,
			Detail: fmt.Sprintf("%d owners of partition %d have the write, and %d were to; it stays", have, x.Partition, x.owners),
		})
		return true
	})
}

// append appends what decides what comes of the answer, as seen from tick.
func (x *laterAnswer) append(dst []byte, tick uint64) []byte {
	dst = wire.AppendString(append(dst, 'r'), x.Encode())
	if x.owners > 0 {
		dst = append(dst, byte(x.owners))
		dst = varint.Append(dst, x.deadline-min(tick, x.deadline))
	}
	return dst
}
