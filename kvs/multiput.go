package kvs

import (
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// multiPut serves several writes of a session, in their order, each as a request of its own;
// see [wire.MultiPut]. It ends with the first that is refused, so that a repeat never finds a
// later one served and an earlier one not. Each has a record of its own, of which a host makes
// all durable by one sync; what one record for all would save, BenchmarkMultiPutRecords says.
func (r *Replica) multiPut(m *wire.MultiPut) {
	q := wire.Request{
		Client: m.Client, Put: true, Again: m.Again, Level: m.Level, Ack: m.Ack, Clock: m.Clock, Wait: m.Wait,
		Deps: m.Deps.Clone(), Own: m.Own.Clone(), Proof: m.Proof,
	}
	going := true
	for i := range m.Puts {
		x := &m.Puts[i]
		q.Req, q.Stamp, q.Key, q.Kind, q.Arg = x.Req, x.Stamp, x.Key, x.Kind, x.Arg
		if !going {
			r.refuse(&q, r.partition(r.cfg.Ring.PartitionOf(q.Key)), wire.StatusSkipped, "an earlier write of the same request was refused")
			continue
		}
		if i == 0 {
			r.request(&q)
		} else if k, p, ok := r.admits(&q); ok { // what its session shows has been looked at
			r.put(&q, p, k)
		}
		going = r.follow(&q)
	}
}

// follow has the writes of a session that come behind q depend on it, as far as the level
// says, and reports whether q has been served.
func (r *Replica) follow(q *wire.Request) bool {
	s := r.sessions.of[q.Client]
	if s == nil {
		return false
	}
	for _, x := range s.served(q.Req) {
		p := r.held(x.Partition)
		if p == nil || !p.applied.Contains(x.Dot) && !p.inFlight.Contains(x.Dot) {
			continue
		}
		mark := markOf(x.Partition, x.Dot)
		if q.Level.Guarantees()&(session.RYW|session.MW) != 0 {
			q.Deps.MergeIn(mark[:])
		}
		if q.Level.Apart() {
			q.Own.MergeIn(mark[:])
		}
		return true
	}
	return false
}
