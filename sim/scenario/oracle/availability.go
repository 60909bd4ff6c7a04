package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// Availability is the oracle of refusals and failures. A request that is amiss is
// refused, for what is wrong with it. Any other is served, but for
//
//   - a read at a level whose reads wait that has done so in vain, after the fence only if a disk has
//     lost something in the run, or of a session of which so many may wait already that a
//     replica takes no more,
//   - a write that asks for owners, of which fewer have it by its deadline, or where as many
//     others wait as may,
//   - a write to a replica that does not own the partition and has taken as many as it may,
//     before the fence,
//   - one of another kind than the key has, if a write of that kind has been accepted, and
//     after the fence only if none of its own kind has been acknowledged and kept,
//   - a repeat of an increment, to a replica that does not own the partition,
//   - a write to a register that comes late, to a replica that has promised to write nothing as
//     early as its stamp, or may have,
//   - an amount by which the sum of the replica's own amounts would pass 64 bits,
//   - a write that would bring its value above the bound, if all that was ever accepted for
//     the key and the write come to more together; and none is accepted that alone does.
//
// And nothing else fails, or stays without an answer, after the faults have ended and the
// replicas have come to rest; nor in all of the run, if no fault took effect and messages
// and logs have room.
type Availability struct {
	base
	Lost *LostWrites
	Sums *Sums

	// Waiting is how many reads may wait at a replica, one fewer of one session, and
	// HandOver how many writes to a partition one takes that does not own it; 0 is any number.
	Waiting, HandOver int
	ValueBytes        int // beyond which no write may bring a value; 0 is the default of the store
	Persist           int // bytes of writes that may be on their way to a disk before others are refused; 0 is any number

	accepted []typedKey
	bytes    []int // of deltas, for each of these
	kept     []keptWrite
	usage    kvs.Usage
	had      []gossip.Dots // scratch: by partition, what a node held when it started to read its disk
	undone   []gossip.Dots // by partition: what such a start did not find any more
	tooLate  []uint64      // ids of operations that a replica refused while it had promised to write nothing before some time
	clogged  []uint64      // ids of operations that a replica refused while so much was on its way to its disk
	excused  []uint64      // ids of operations that were refused, or came to nothing, with reason
}

type typedKey struct{ key, kind string }

// keptWrite is an acknowledged write.
type keptWrite struct {
	typedKey
	id uint64
}

// Begin forgets an earlier run.
func (o *Availability) Begin(c Cluster) {
	o.base.Begin(c)
	o.accepted, o.bytes, o.kept, o.clogged, o.excused = o.accepted[:0], o.bytes[:0], o.kept[:0], o.clogged[:0], o.excused[:0]
	o.tooLate = o.tooLate[:0]
	o.had, o.undone = nil, make([]gossip.Dots, c.Ring().Partitions())
}

// Reading notes what the store of a node holds, so that it can be told what it holds no more.
func (o *Availability) Reading(n ring.NodeID) { o.had = o.dots(n) }

// Restarted notes what a node has not found on its disk.
func (o *Availability) Restarted(n ring.NodeID, _ Missing) { o.undo(n) }

// Rewound notes what is no more on a disk.
func (o *Availability) Rewound(n ring.NodeID) { o.undo(n) }

// undo notes what a node held when it started to read its disk, and does not hold now. Barriers are
// among that: of these nobody but the replicas knows.
func (o *Availability) undo(n ring.NodeID) {
	for p, now := range o.dots(n) {
		if p < len(o.had) {
			o.undone[p].MergeIn(o.had[p].Without(now))
		}
	}
	o.had = nil
}

// dots are what the store of a node holds, by partition; nil if there is none.
func (o *Availability) dots(n ring.NodeID) []gossip.Dots {
	store := o.Store(n)
	if store == nil {
		return nil
	}
	store.Usage(&o.usage)
	dots := make([]gossip.Dots, len(o.undone))
	for i := range o.usage.Partitions {
		dots[o.usage.Partitions[i].Partition] = o.usage.Partitions[i].Dots.Clone()
	}
	return dots
}

// Accepted takes note of the kinds that a key has, and that nothing is accepted amiss.
func (o *Availability) Accepted(w *Write) {
	if w.Operation.Amiss != "" {
		o.Fail(at("refusal", w.Node, w.Operation, "write #%d is accepted by node %d, though it is amiss: %s", w.Operation.ID, w.Node, w.Operation.Amiss))
	}
	if size := len(w.Entry.Delta); o.ValueBytes > 0 && size > o.ValueBytes && w.Operation.Type != history.Register && !w.Operation.Takes() { // what stands may be less, where it takes the place of what was there
		o.Fail(at("size", w.Node, w.Operation, "write #%d of %d bytes is accepted by node %d, values may have %d", w.Operation.ID, size, w.Node, o.ValueBytes))
	}
	k := typedKey{w.Entry.Key, w.Entry.Kind}
	i := slices.Index(o.accepted, k)
	if i < 0 {
		i = len(o.accepted)
		o.accepted, o.bytes = append(o.accepted, k), append(o.bytes, 0)
	}
	o.bytes[i] += len(w.Entry.Delta)
}

// outgrown reports whether an operation may have been refused since its value would pass the
// bound: no join of deltas has more bytes than all of them.
func (o *Availability) outgrown(x *workload.Operation) bool {
	const more = 64 // bytes of a delta beside the argument, at most
	arg, err := x.Argument(nil, true, nil)
	if err != nil {
		return false // unreachable: plans are parsed or drawn
	}
	total := len(arg) + more
	if x.Replaces() { // each value that it may name
		total += more * len(o.Operations())
	}
	if i := slices.Index(o.accepted, typedKey{x.Key, x.Kind()}); i >= 0 {
		total += o.bytes[i]
	}
	return o.ValueBytes > 0 && total > o.ValueBytes
}

// refusals are the answers that requests amiss must get.
var refusals = map[workload.Amiss]wire.Status{
	workload.NotOwner: wire.StatusNotOwner, workload.BadKind: wire.StatusBadRequest, workload.BadDeps: wire.StatusBadRequest,
	workload.BadClock: wire.StatusClockAhead, workload.BadWait: wire.StatusBadRequest, workload.BadAmount: wire.StatusBadRequest,
}

// Responded judges a threshold read that has waited in vain: something in its partition
// must be missing. It goes by every write that any replica has accepted, and not by what
// the session depends on, so that it does not rest on what is under test. A read after the
// fence, for which a session shows all its past, may wait for what is no write, and lost.
func (o *Availability) Responded(s *Sent) {
	n, resp := s.Node, s.Response
	if o.Persist > 0 && resp.Status == wire.StatusBusy {
		if core := o.Running(n); core != nil {
			if core.Usage(&o.usage); o.usage.Pending >= o.Persist {
				o.clogged = append(o.clogged, resp.Req)
			}
		}
	}
	if core := o.Running(n); resp.Status == wire.StatusForgotten && core != nil && core.Floor() > 0 {
		o.tooLate = append(o.tooLate, resp.Req)
	}
	if resp.Req >= workload.FirstFinal && o.Lost.Lossy() {
		return
	}
	lacks := func(p ring.Partition) bool { return !o.Lost.Complete(n, p) || o.behind(n, p) || o.Lost.Settling(p) }
	if resp.Status == wire.StatusUnavailable && s.Operation.Func == history.Read && !lacks(resp.Partition) && !slices.ContainsFunc(s.Batch, lacks) {
		o.Fail(Violation{Oracle: "availability", Kind: "unavailable", Op: string(history.Read), Node: int(n), Message: fmt.Sprintf(
			"node %d holds every write of partition %d, and refuses read #%d for want of some: %s", n, resp.Partition, resp.Req, resp.Detail)})
	}
}

// behind reports whether n, which holds every write of the partition, lacks a barrier, for
// which a read may have to wait: one that another replica holds, or one that was lost with
// a disk, or is a gap among the dots of its origin; or doubts one, as it may over what is
// lost.
func (o *Availability) behind(n ring.NodeID, p ring.Partition) bool {
	if o.Lost.Lossy() && o.doubts(n, p) {
		return true
	}
	if lost := o.undone[p]; len(lost) > 0 && !o.dots(n)[p].Includes(lost) {
		return true
	}
	mine := o.Store(n).Applied(p)
	for _, spans := range mine { //joinery:anyorder any of them will do
		if len(spans) > 1 || spans[0].Lo > 1 {
			return true
		}
	}
	for m := range o.Nodes() {
		if other := o.Store(ring.NodeID(m)); other != nil && !causal.DotsMerge().Compare(other.Applied(p), mine).Leq() {
			return true
		}
	}
	return false
}

// doubts reports whether n has cuts of the partition that may name what is lost.
func (o *Availability) doubts(n ring.NodeID, p ring.Partition) bool {
	core := o.Running(n)
	if core == nil {
		return false
	}
	core.Usage(&o.usage)
	return slices.ContainsFunc(o.usage.Partitions, func(u kvs.PartitionUsage) bool { return u.Partition == p && u.Doubted > 0 })
}

// Answered judges an answer.
func (o *Availability) Answered(a *Answer) {
	s, x := a.Response.Status, a.Operation
	switch {
	case s == wire.StatusNotOwner && o.Moves() && x.ID < workload.FirstFinal:
		o.excused = append(o.excused, x.ID) // it did not own the key yet, or not any more
	case s == wire.StatusNotOwner && x.Counts() && len(x.Retries) > 0 && !o.Ring().Owns(a.Node, a.Response.Partition):
		o.excused = append(o.excused, x.ID) // it was asked again: owners tell whether it counts, and whether it is amiss
	case x.Amiss == workload.NotOwner && o.Moves(): // it did own the key
	case x.Amiss != "":
		mismatched := s == wire.StatusKindMismatch && x.Amiss == workload.BadAmount && o.otherKind(a)
		busy := s == wire.StatusBusy && x.Func != history.Read && (o.full(a.Node, a.Response.Partition) || o.manyWait(a.Node, x) || slices.Contains(o.clogged, x.ID))
		if s != refusals[x.Amiss] && !mismatched && !busy && !o.asBatch(a) && !(s == wire.StatusForgotten && o.late(a)) {
			o.Fail(at("refusal", a.Node, x, "#%d of %q is answered by %q, not %q, though it is amiss: %s", x.ID, x.Key, s, refusals[x.Amiss], x.Amiss))
		}
	case s == wire.StatusOK && a.Recorded.Outcome == history.OK:
		if x.Func != history.Read {
			o.kept = append(o.kept, keptWrite{typedKey{x.Key, x.Kind()}, x.ID})
		}
	case s == wire.StatusOK, // the value does not fit the history, which is judged where it is read
		s == wire.StatusSkipped && x.Batch != 0 && x.Func != history.Read, // one before was refused, and is judged
		s == wire.StatusKindMismatch && o.otherKind(a),
		s == wire.StatusTooLarge && x.Func != history.Read && o.outgrown(x),
		s == wire.StatusForgotten && o.late(a),
		s == wire.StatusBadRequest && x.Func == history.Inc && o.Sums.Overflow(a.Node, x):
		o.excused = append(o.excused, x.ID)
	case waits(x) && a.Level.Waits() && (s == wire.StatusUnavailable || s == wire.StatusBusy && o.mayWait(a.Node, x)):
		if o.Lost.Lossy() || s == wire.StatusBusy { // the session may depend on what no replica has, or others that wait
			o.excused = append(o.excused, x.ID)
		}
	case s == wire.StatusUnavailable && x.Func != history.Read && x.Ack.Owners() > 0, s == wire.StatusBusy && o.manyWait(a.Node, x):
		o.excused = append(o.excused, x.ID) // which [Acks] judges
	case s == wire.StatusBusy && x.Func != history.Read && slices.Contains(o.clogged, x.ID):
		o.excused = append(o.excused, x.ID)
	case s == wire.StatusBusy && x.Func != history.Read && x.ID < workload.FirstFinal && o.full(a.Node, a.Response.Partition):
		o.excused = append(o.excused, x.ID)
	default:
		o.Fail(Violation{Oracle: "availability", Kind: "refused", Op: string(x.Func), Node: int(a.Node), Message: fmt.Sprintf(
			"#%d of %q is refused: %v: %s", x.ID, x.Key, s, a.Response.Detail)})
	}
}

// asBatch reports whether an operation that is amiss is answered as those may be that it is
// asked for together with, which are judged themselves: it is skipped, since one before it was
// refused, or they all wait in vain, or have no room to.
func (o *Availability) asBatch(a *Answer) bool {
	x, s := a.Operation, a.Response.Status
	switch {
	case x.Batch == 0:
		return false
	case x.Func != history.Read:
		return s == wire.StatusSkipped
	}
	return (x.Amiss == workload.BadKind || x.Amiss == workload.NotOwner) && a.Level.Waits() && (s == wire.StatusUnavailable || s == wire.StatusBusy && o.mayWait(a.Node, x))
}

// late reports whether a write to a register may have been refused since its stamp is one
// before which the replica writes nothing.
func (o *Availability) late(a *Answer) bool {
	return slices.Contains(o.tooLate, a.Operation.ID) && a.Operation.Type == history.Register && a.Operation.Func != history.Read && a.Operation.ID < workload.FirstFinal
}

// waits reports whether an operation waits, at a level whose reads do.
func waits(x *workload.Operation) bool { return x.Func == history.Read || x.Sees() }

// mayWait reports whether so many earlier reads of the session of x, or of all, may still
// wait at n that one more is refused: a session that gives up does not take its reads back.
func (o *Availability) mayWait(n ring.NodeID, x *workload.Operation) bool {
	each, all := mostEach, mostWaiting
	if o.Waiting > 0 {
		each, all = o.Waiting-1, o.Waiting
	}
	reads, others := 0, o.Others().Reads(n)
	for i := range o.Operations() {
		switch y := &o.Operations()[i]; {
		case !waits(y) || y.ID == x.ID:
		case y.Session == x.Session && y.ID < x.ID:
			reads++
		case y.Session != x.Session:
			others++ // sessions do not take turns
		}
	}
	return (reads >= each || reads+others >= all) && (x.ID < workload.FirstFinal || o.Lost.Lossy())
}

// manyWait reports whether x is a write that asks for owners, or one that is repeated and may be
// under way from another replica, and so many others are that
// n may refuse it.
func (o *Availability) manyWait(n ring.NodeID, x *workload.Operation) bool {
	waits := func(y *workload.Operation) bool {
		return y.Ack.Owners() > 0 || len(y.Retries) > 0 && y.Func != history.Read
	}
	others := o.Others().Owners(n)
	for i := range o.Operations() {
		if y := &o.Operations()[i]; y.ID != x.ID && waits(y) {
			others++
		}
	}
	return waits(x) && o.Waiting > 0 && others >= o.Waiting
}

// full reports whether a node that does not own the partition may have as many writes to
// hand over as it takes.
func (o *Availability) full(n ring.NodeID, p ring.Partition) bool {
	if o.Moves() { // it may have owned the partition, and taken what others wrote
		return o.HandOver > 0
	}
	return o.HandOver > 0 && !o.Ring().Owns(n, p) && o.Lost.acceptedBy(n, p)+o.Others().AcceptedBy(n, p) >= o.HandOver
}

// otherKind reports whether a refusal for the kind of a key is right, as far as can be
// told from outside of the replica.
func (o *Availability) otherKind(a *Answer) bool {
	x := a.Operation
	own := typedKey{x.Key, x.Kind()}
	if a.Response.Detail == own.kind || !slices.Contains(o.accepted, typedKey{x.Key, a.Response.Detail}) {
		return false
	}
	if o.Forgotten(x.Key, x.Kind()) != nil {
		return true // it was deleted, and then the key free for any kind
	}
	return x.ID < workload.FirstFinal || !slices.ContainsFunc(o.kept, func(k keptWrite) bool {
		return k.typedKey == own && !o.Lost.Forgiven(o.position(k.id))
	})
}

// position is that of a planned operation.
func (o *Availability) position(id uint64) int {
	ops := o.Operations()
	i, _ := slices.BinarySearchFunc(ops, id, func(x workload.Operation, id uint64) int { return cmp.Compare(x.ID, id) })
	return i
}

// Excused reports whether an operation was refused, or came to nothing, with reason.
func (o *Availability) Excused(id uint64) bool { return slices.Contains(o.excused, id) }

// sees reports whether an operation is a delete of what it has seen, which waits as a read
// does.
func (o *Availability) sees(id uint64) bool {
	ops := o.Operations()
	at := slices.IndexFunc(ops, func(x workload.Operation) bool { return x.ID == id })
	return at >= 0 && ops[at].Sees()
}

// Ended looks for what failed where nothing may.
func (o *Availability) Ended(e *End) {
	for i := range e.History.Ops {
		x := &e.History.Ops[i]
		if x.Outcome == history.OK || e.Planned[i] >= workload.FirstFinal && slices.Contains(e.Stopped, x.Node) {
			continue
		}
		if x.Txn != 0 { // it may be aborted, or see what is
			continue
		}
		if e.Planned[i] < workload.FirstFinal && (!e.Faultless || e.Throttled && (!x.IsPut() || o.sees(e.Planned[i]))) || o.Excused(e.Planned[i]) {
			continue
		}
		when := "after the faults had ended"
		if e.Faultless {
			when = "in a run without faults"
		}
		o.Fail(Violation{Oracle: "availability", Kind: "failed", Op: string(x.Func), Node: x.Node, Message: fmt.Sprintf(
			"#%d of %q is not served %s: %v", e.Planned[i], x.Key, when, x.Outcome)})
	}
}
