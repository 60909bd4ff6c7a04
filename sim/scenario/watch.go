package scenario

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// watchers are the oracles of a run.
type watchers struct {
	acks         oracle.Acks
	agreement    oracle.Agreement
	availability oracle.Availability
	beliefs      oracle.Beliefs
	clocks       oracle.Clocks
	deadlines    oracle.Deadlines
	deletes      oracle.Deletes
	forgetting   oracle.Forgetting
	liveness     oracle.Liveness
	lost         oracle.LostWrites
	monotonic    oracle.Monotonic
	kinds        oracle.OneKind
	placement    oracle.Placement
	refused      oracle.Refused
	serving      oracle.Serving
	stamps       oracle.Stamps
	storage      oracle.Storage
	sums         oracle.Sums

	oracles []oracle.Oracle // those that watch the run
}

// always appends the oracles that watch every run.
func (w *watchers) always(to []oracle.Oracle) []oracle.Oracle {
	w.availability.Lost, w.availability.Sums, w.acks.Lost = &w.lost, &w.sums, &w.lost
	w.storage.Lost, w.deletes.Lost, w.forgetting.Lost, w.placement.Lost = &w.lost, &w.lost, &w.lost, &w.lost
	return append(to, &w.placement, &w.kinds, &w.lost, &w.liveness, &w.agreement, &w.clocks, &w.stamps, &w.sums, &w.availability, &w.acks, &w.storage, &w.deletes,
		&w.beliefs, &w.deadlines, &w.forgetting, &w.refused, &w.serving)
}

// tell tells every oracle that watches.
func (r *run) tell(what func(o oracle.Oracle)) {
	for _, o := range r.oracles {
		what(o)
	}
}

// accepted tells of a write that a live replica accepts, and notes the stamp of a
// register's, so that a write whose answer is lost has one too. A write that nobody
// asked for is told of by what becomes of it.
func (r *run) accepted(n ring.NodeID, e *gossip.Entry) {
	if r.stranger(e.Client) {
		r.others.Accepted(n, r.ring.PartitionOf(e.Key), e)
		return
	}
	at := r.at(e.Req)
	if at < 0 || r.recorded[at].Type == "" {
		return
	}
	w := oracle.Write{Node: n, At: at, Operation: &r.ops[at], Partition: r.ring.PartitionOf(e.Key), Names: r.named[at], Entry: e}
	r.tell(func(o oracle.Oracle) { o.Accepted(&w) })
	if r.recorded[at].Type == history.Register {
		r.stamped(at, e)
	}
}

// stamped notes the stamp of a register's write, which all that serve it agree on.
func (r *run) stamped(at int, e *gossip.Entry) {
	k, _ := r.kinds.Find(e.Kind)
	v := r.value(k)
	if err := k.DecodeInto(v, e.Delta); err != nil {
		r.fail(Violation{Oracle: "answer", Kind: e.Kind, Node: -1, Message: fmt.Sprintf("the delta of write #%d: %v", e.Req, err)})
		return
	}
	got, err := workload.ReadingOf(history.Register, v, r.setup.Tagged, &r.elems)
	was := &r.recorded[at].Stamp
	switch {
	case err != nil:
		r.fail(Violation{Oracle: "answer", Kind: e.Kind, Node: -1, Message: fmt.Sprintf("the delta of write #%d: %v", e.Req, err)})
	case *was != history.Stamp{} && *was != got.Stamp:
		r.fail(Violation{Oracle: "request", Kind: e.Kind, Node: -1, Message: fmt.Sprintf("write #%d is served with the stamp %v, and with %v", e.Req, *was, got.Stamp)})
	}
	*was = got.Stamp
}

// asked tells of a request that has come to a replica, if it is for one operation of the run.
func (r *run) asked(n ring.NodeID, msg []byte) {
	k, body, err := wire.Open(msg)
	if err != nil || k != wire.MsgRequest {
		return
	}
	q, err := r.reading.Request(body)
	if err != nil || r.stranger(q.Client) {
		return
	}
	if at := r.at(q.Req); at >= 0 {
		x := oracle.Asked{Node: n, Operation: &r.ops[at], Request: q}
		r.tell(func(o oracle.Oracle) { o.Asked(&x) })
	}
}

// responded tells of an answer that a replica sends.
func (r *run) responded(n ring.NodeID, msg []byte) {
	resp := &r.sent
	if err := resp.Decode(msg); err != nil {
		r.fail(Violation{Oracle: "answer", Kind: "message", Node: int(n), Message: err.Error()})
		return
	}
	at := r.at(resp.Req)
	if at < 0 {
		r.fail(Violation{Oracle: "answer", Kind: "request", Node: int(n), Message: fmt.Sprintf("node %d answers request %d, which nobody has made", n, resp.Req)})
		return
	}
	x := oracle.Sent{Node: n, Operation: &r.ops[at], Response: resp}
	r.tell(func(o oracle.Oracle) { o.Responded(&x) })
}

// What follows makes a run an [oracle.Cluster].

func (r *run) Nodes() int                       { return r.setup.Nodes }
func (r *run) Level() session.Level             { return r.level }
func (r *run) Others() *oracle.Others           { return &r.others }
func (r *run) Ring() *ring.Ring                 { return r.ring }
func (r *run) Kinds() *kind.Kinds               { return r.kinds }
func (r *run) Operations() []workload.Operation { return r.ops }
func (r *run) Fail(v Violation)                 { r.fail(v) }

// Mark is nothing where a run has no world, as that of a twin on goroutines.
func (r *run) Mark(name string) {
	if r.world != nil {
		r.world.Mark(name)
	}
}

func (r *run) Running(n ring.NodeID) *kvs.Replica {
	if a, ok := r.world.Actor(sim.NodeID(n)).(*replica); ok {
		return a.core
	}
	return nil
}

// Store is nil for a node that has not run yet: its store is that of an earlier run.
func (r *run) Store(n ring.NodeID) *kvs.Replica {
	if int(n) >= len(r.replicas) || r.replicas[n].stored != r { // it is yet to start
		return nil
	}
	return &r.replicas[n].store
}

func (r *run) Up(n ring.NodeID) bool {
	_, up := r.world.Actor(sim.NodeID(n)).(*replica)
	return up
}
