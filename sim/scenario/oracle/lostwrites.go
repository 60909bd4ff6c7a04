package oracle

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice/causal"
)

// What a lost disk voids, or a record that cannot be read, is worked out at the moment of the loss, by looking into
// every replica, so that no more is forgiven than no store could have saved:
//
//   - A write that was on that disk and that no other replica holds durably may be
//     lost: its outcome becomes unknown. A message under way does not count, since
//     it may be lost too. A replica that is no owner counts as long as some owner
//     has never held the write, for only then is it sure to keep it. Where members come
//     and go, one that holds it may still let go by the word of nodes that gave it, and
//     lost their disks after: then the write is lost at that later moment.
//   - A request that is repeated to a replica which has served it, lost it with its
//     disk, and not got it back yet, is served a second time. By then the others may have
//     forgotten that it was served a first time, as every owner had it. A counter may then
//     count the operation twice, and its history is judged no more; that its replicas agree
//     still is. The same holds of a counter of which a write is lost, or could not be
//     read, and a later one of its origin is not, which has it in its sum; and of a counter
//     of which a write is lost that another replica has served too, since a snapshot may
//     have brought the sum of the lost one without its dot, so that nobody can tell that
//     the two are one. A request that is repeated to another replica counts once when the
//     cluster is at rest, whoever has heard of it; reads of that counter before are not
//     judged, since they may show it twice.
//
//   - A node that is gone, and has lost its disk, goes by the ring when it starts again. What
//     clients write to it then may be lost once it learns that it is gone.
//   - A write that is answered from memory is lost in a crash of the replica that has taken
//     it, if it was on no disk then.
//
// Reads that depend on a lost write stay bound by the causal models: they may fail,
// but not be answered as if it had not been.

// LostWrites is the oracle that a replica which starts again on a disk that is whole has
// what it had shown, and that a request is served once by a replica that has it. It also
// knows what lost disks may have undone, so that it can be forgiven.
type LostWrites struct {
	base
	accepted []acceptance
	lost     []int    // positions of operations that lost disks may have undone
	rewound  uint16   // by node: its disk was lost
	twice    []string // keys of counters of which an operation was served twice, or shows without its dot
	repeated []int    // positions of increments that two replicas have served
	lossy    bool     // a disk was lost, or could not be read in part
}

// acceptance is a write that a replica accepted.
type acceptance struct {
	node      ring.NodeID
	partition ring.Partition
	dot       causal.Dot
	at        int    // the position of the operation
	again     bool   // it has a row of its own
	memory    bool   // it was to be answered before it is on a disk
	lost      uint16 // by node, as bits: its disk had the write and has lost it
	spare     uint16 // by node, as bits: it held the write when another disk lost it, and is not known to have let go
	had       bool   // scratch: its node had it when it started to read its disk
	kept      bool   // scratch: and was to hand it over
}

// MarkLost is the situation that a write is lost with the last disk that held it.
const MarkLost = "write lost with the last disk that held it"

// MarkUnsynced is the situation that a write which was answered from memory is lost in a
// crash.
const MarkUnsynced = "write answered from memory and lost in a crash"

// Begin forgets the writes of an earlier run.
func (o *LostWrites) Begin(c Cluster) {
	*o = LostWrites{base: base{c}, accepted: o.accepted[:0], lost: o.lost[:0], twice: o.twice[:0], repeated: o.repeated[:0]}
}

// Accepted takes note of a write. It must not be one that its replica has.
func (o *LostWrites) Accepted(w *Write) {
	for i := range o.accepted {
		a := &o.accepted[i]
		switch {
		case a.at != w.At:
		case o.has(w.Node, a) || a.dot.Origin == w.Entry.Dot.Origin && !o.Forgiven(a.at): // else it was handed over, lost there, and given up
			o.Fail(Violation{Oracle: "request", Kind: w.Entry.Kind, Op: string(w.Operation.Func), Node: int(w.Node), Message: fmt.Sprintf(
				"write #%d is served again by node %d, which holds it, or is about to", w.Operation.ID, w.Node)})
		case (a.lost&(1<<w.Node) != 0 || o.Forgiven(a.at) || o.Moves() && o.lossy && a.node == w.Node) && w.Operation.Counts():
			o.count(a) // where members come and go it may have handed it over before it lost it
		case w.Operation.Counts():
			o.repeated = append(o.repeated, w.At)
		}
	}
	if o.LostDisk(w.Node) && o.Moves() && !slices.Contains(o.Ring().Nodes(), w.Node) {
		o.lost = append(o.lost, w.At) // it may have lost with its disk that it is gone, and learn so yet
	}
	o.accepted = append(o.accepted, acceptance{node: w.Node, partition: w.Partition, dot: w.Entry.Dot, at: w.At, again: w.Entry.Again, memory: w.Operation.Ack == session.AckMemory})
	for b, i := &o.accepted[len(o.accepted)-1], 0; i < len(o.accepted)-1; i++ {
		if a := &o.accepted[i]; a.lost != 0 && o.carries(b, a) && o.Forgiven(a.at) {
			o.count(a) // its replica, which has it no more, remembers the sum of its own writes
		}
	}
}

// Reading notes which writes the store of a node has, so that it can be told which it
// has no more.
func (o *LostWrites) Reading(n ring.NodeID) {
	for i := range o.accepted {
		a := &o.accepted[i]
		a.had, a.kept = o.has(n, a), o.keeps(n, a)
	}
}

// gone calls visit for each write that the store of a node had and has no more, or was to
// hand over and does not.
func (o *LostWrites) gone(n ring.NodeID, visit func(a *acceptance)) {
	for i := range o.accepted {
		if a := &o.accepted[i]; a.had && !o.has(n, a) && !o.Moves() || a.kept && !o.keeps(n, a) {
			visit(a)
		}
	}
}

// Rewound works out what may be lost.
func (o *LostWrites) Rewound(n ring.NodeID) {
	o.lossy = true
	o.rewound |= 1 << n
	o.gone(n, func(a *acceptance) { o.lose(n, a) })
}

// subsumed looks for a later write of the same counter that node n still has and that
// carries the sum of all that its incarnation had written. Then the counter shows a write
// that could not be read, and nothing says so.
func (o *LostWrites) subsumed(n ring.NodeID, a *acceptance) {
	for i := range o.accepted {
		if b := &o.accepted[i]; o.carries(b, a) && o.has(n, b) {
			o.count(a)
			return
		}
	}
}

// carries reports whether the write b has the write a in its sum.
func (o *LostWrites) carries(b, a *acceptance) bool {
	ops := o.Operations()
	return !a.again && !b.again && b.dot.Origin == a.dot.Origin && b.dot.Seq > a.dot.Seq && ops[a.at].Counts() && ops[b.at].Counts() && ops[b.at].Key == ops[a.at].Key
}

// count has the history of the counter of a not be judged any more.
func (o *LostWrites) count(a *acceptance) {
	if key := o.Operations()[a.at].Key; !slices.Contains(o.twice, key) {
		o.twice = append(o.twice, key)
	}
}

// servedElsewhere reports whether the increment a has been served by another replica too.
func (o *LostWrites) servedElsewhere(a *acceptance) bool {
	return o.Operations()[a.at].Counts() && slices.ContainsFunc(o.accepted, func(b acceptance) bool {
		return b.at == a.at && b.dot != a.dot
	})
}

func (o *LostWrites) lose(n ring.NodeID, a *acceptance) {
	a.lost |= 1 << n
	if !o.held(a) {
		o.undone(a)
		return
	}
	for i := range o.Nodes() {
		if m := ring.NodeID(i); o.keeps(m, a) {
			a.spare |= 1 << m
		}
	}
}

// undone notes that a write may be lost, as nobody holds it any more.
func (o *LostWrites) undone(a *acceptance) {
	o.Mark(MarkLost)
	o.lost = append(o.lost, a.at)
	if o.servedElsewhere(a) {
		o.count(a)
	}
	for i := range o.Nodes() {
		if n := ring.NodeID(i); o.Store(n) != nil {
			o.subsumed(n, a)
		}
	}
}

// Persisted looks whether the node has let go: a node that leaves does so once that is durable.
func (o *LostWrites) Persisted(n ring.NodeID) { o.letGo(n) }

// Ticked looks whether the node has let go, by what a message said.
func (o *LostWrites) Ticked(n ring.NodeID) { o.letGo(n) }

// letGo works out what is lost since a node has let go of it. A replica does that by the word of each
// owner by the next placement of its view, and such a word may have been on its way, or taken, when the
// disk went back of the node that gave it: the replica cannot know. So what it held then is lost with it
// if each of them had the write, and has lost it. Where one of them has not, it never held the write,
// and no such word was given, or it holds the write yet.
func (o *LostWrites) letGo(n ring.NodeID) {
	for i := range o.accepted {
		a, store := &o.accepted[i], o.Store(n)
		if a.spare&(1<<n) == 0 || store.Keeps(a.partition) {
			continue
		}
		a.spare &^= 1 << n
		place := store.Placement()
		kept := slices.ContainsFunc(place.Owners(a.partition), func(owner ring.NodeID) bool {
			return place.Holds(owner, a.partition) && a.lost&(1<<owner) == 0
		})
		if !kept && !o.held(a) && !o.Forgiven(a.at) {
			o.undone(a)
		}
	}
}

// held reports whether some replica is sure to bring the write back to the owners.
// The store of a node that is down is what it was at the crash: its disk has what that
// still held, and maybe more.
func (o *LostWrites) held(a *acceptance) bool {
	if o.Moves() {
		return o.heldByMover(a)
	}
	stranger, all := false, true // all owners have had it, and lost it
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		switch {
		case o.Store(n) == nil: // it is yet to start
		case o.Ring().Owns(n, a.partition):
			if o.has(n, a) {
				return true
			}
			all = all && a.lost&(1<<n) != 0
		default:
			stranger = stranger || o.Store(n).Holds(a.partition, a.dot)
		}
	}
	return stranger && !all
}

// heldByMover is held where members come and go. Whoever holds the write hands it over before
// it lets go. One that does not own the partition, by its own view, lets go by the word of the
// owners, and these may have given it before they lost their disks.
func (o *LostWrites) heldByMover(a *acceptance) bool {
	for i := range o.Nodes() {
		n := ring.NodeID(i)
		store := o.Store(n)
		if store == nil || !store.Holds(a.partition, a.dot) {
			continue
		}
		owners := store.Placement().Owners(a.partition)
		if slices.ContainsFunc(owners, func(owner ring.NodeID) bool { return owner == n || a.lost&(1<<owner) == 0 }) {
			return true
		}
	}
	return false
}

// LostDisk reports whether a node may have lost with its disk what it knew of members.
func (o *LostWrites) LostDisk(n ring.NodeID) bool { return o.rewound&(1<<n) != 0 }

// Restarted holds a replica to what it had shown, but for what could not be read, which
// may be lost.
func (o *LostWrites) Restarted(n ring.NodeID, missing Missing) {
	if missing != nil {
		o.lossy = true
		o.rewound |= 1 << n // what it knew of members may be among that, too
	}
	for i := range o.accepted {
		if a := &o.accepted[i]; missing != nil && missing(a.partition, a.dot) && !o.keeps(n, a) {
			o.subsumed(n, a) // shown before or not
		}
	}
	for i := range o.accepted { // a crash, and nothing else, may undo what was on no disk
		if a := &o.accepted[i]; a.memory && a.node == n && !a.had && !o.has(n, a) && a.lost&(1<<n) == 0 {
			o.lossy = true
			o.Mark(MarkUnsynced)
			o.lose(n, a)
		}
	}
	o.gone(n, func(a *acceptance) {
		if missing != nil && missing(a.partition, a.dot) {
			o.lose(n, a)
			return
		}
		if store := o.Store(n); o.Moves() && !store.Keeps(a.partition) && (store.Settled() || store.View().At(n).Phase() == member.Gone) {
			return // it is gone, by the word of others: they have it
		}
		x := &o.Operations()[a.at]
		o.Fail(Violation{Oracle: "recovery", Kind: string(x.Type), Op: string(x.Func), Node: int(n), Message: fmt.Sprintf(
			"node %d had write #%d and does not find it on its disk", n, x.ID)})
	})
	o.letGo(n)
}

// keeps reports whether the node has the write, and hands it over yet if it is no owner.
// The record of a write that is to be handed over may be lost where a checkpoint has the
// write in a value: whoever starts from that cannot tell it from one that has been.
func (o *LostWrites) keeps(n ring.NodeID, a *acceptance) bool {
	store := o.Store(n)
	return store != nil && store.Holds(a.partition, a.dot)
}

// has reports whether the node has the write, or had it before it handed it over.
func (o *LostWrites) has(n ring.NodeID, a *acceptance) bool {
	store := o.Store(n)
	return store != nil && store.Has(a.partition, a.dot)
}

// Forgiven reports whether the operation at a position may have been undone.
func (o *LostWrites) Forgiven(at int) bool { return slices.Contains(o.lost, at) }

// Repeated reports whether an increment of the counter was served by two replicas. Until
// these have heard of each other, and all others of both, a read may show it twice: which
// of the two it is to take back, a replica may know only about a round of gossip after it
// has both. When the cluster is at rest it counts once.
func (o *LostWrites) Repeated(key string) bool {
	return slices.ContainsFunc(o.repeated, func(at int) bool { return o.Operations()[at].Key == key })
}

// Settling reports whether a counter of the partition is [LostWrites.Repeated]: replicas
// tell each other of what they take back, by entries that are nobody's operation.
func (o *LostWrites) Settling(p ring.Partition) bool {
	return slices.ContainsFunc(o.repeated, func(at int) bool { return o.Ring().PartitionOf(o.Operations()[at].Key) == p })
}

// Lossy reports whether something may have been lost for good, writes or what else replicas
// tell each other: a disk was lost, or could not be read in part.
func (o *LostWrites) Lossy() bool { return o.lossy }

// Unjudged reports whether the history of a key cannot be judged any more.
func (o *LostWrites) Unjudged(key string) bool { return slices.Contains(o.twice, key) }

// everHad is how many owners of the partition have, or had before they lost it with their
// disks, the write of a dot. Where members come and go, one that does not own the partition in
// the end may have had it, and let go of it.
func (o *LostWrites) everHad(p ring.Partition, d causal.Dot) (n int) {
	var lost uint16
	for i := range o.accepted {
		if a := &o.accepted[i]; a.partition == p && a.dot == d {
			lost = a.lost
		}
	}
	owners := o.Ring().Owners(p)
	if o.Moves() { // it may have been another's
		owners = owners[:0:0]
		for i := range o.Nodes() {
			owners = append(owners, ring.NodeID(i))
		}
	}
	for _, owner := range owners {
		goes := o.Moves() && !o.Ring().Owns(owner, p)
		if store := o.Store(owner); goes || lost&(1<<owner) != 0 || store != nil && store.Has(p, d) {
			n++
		}
	}
	return n
}

// lostBy reports whether the disk of a node had a write and has lost it.
func (o *LostWrites) lostBy(n ring.NodeID, p ring.Partition, d causal.Dot) bool {
	return slices.ContainsFunc(o.accepted, func(a acceptance) bool { return a.partition == p && a.dot == d && a.lost&(1<<n) != 0 })
}

// acceptedBy is how many writes to a partition a node has accepted.
func (o *LostWrites) acceptedBy(n ring.NodeID, p ring.Partition) (count int) {
	for i := range o.accepted {
		if a := &o.accepted[i]; a.node == n && a.partition == p {
			count++
		}
	}
	return count
}

// Served reports whether some replica has accepted the operation at a position.
func (o *LostWrites) Served(at int) bool {
	return slices.ContainsFunc(o.accepted, func(a acceptance) bool { return a.at == at })
}

// servedAgain reports whether some replica has served the operation at a position as a repeat.
func (o *LostWrites) servedAgain(at int) bool {
	return slices.ContainsFunc(o.accepted, func(a acceptance) bool { return a.at == at && a.again })
}

// Complete reports whether a node holds every write to a partition that any replica has
// accepted.
func (o *LostWrites) Complete(n ring.NodeID, p ring.Partition) bool {
	for i := range o.accepted {
		if a := &o.accepted[i]; a.partition == p && !o.has(n, a) {
			return false
		}
	}
	return true
}

// Counts is how many writes lost disks may have undone, and how many keys are not judged.
func (o *LostWrites) Counts() (writes, keys int) { return len(o.lost), len(o.twice) }
