package scenario

import (
	"errors"
	"fmt"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/subscription"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// watcher is a node that subscribes to a key of the plan, and goes to another owner when one
// is silent. What it is told by one incarnation must rise, and contain what it was told
// before as far as the level promises that; at rest it must have been told what there is.
// What it takes must be made upon all that it had taken before: by a life of the subscription
// that had told the last of it, or upon a message that acknowledged that.
type watcher struct {
	run    *run
	number int // from 0
	sub    *subscription.Subscription
	key    workload.Key
	owners []ring.NodeID
	away   bool       // it was last told that the replica does not own the key, where members come and go
	at     int        // which of them is followed
	silent int        // ticks since it was heard
	told   kind.Value // by the incarnation that is followed, last
	by     uint64     // that incarnation
	asked  uint64     // the incarnation that the last message of the run was for; 0 if none ran
	ended  bool       // the key has another kind there
	leaves int        // ticks until it ends the subscription and begins another one; 0 is never
	sent   []heard    // by the number of a message, from 1: what it acknowledged
}

// heard is an update: the incarnation that made it, and its number there. 0 is none.
type heard struct{ origin, version uint64 }

const (
	watchTick  = 40 * sim.Millisecond
	watchLease = 4   // ticks of a replica, of 20 ms: less than a watcher waits for a word
	lastLease  = 500 // of the last message: until the cluster is at rest
	patience   = 3   // ticks that a watcher waits for a word
	watchOn    = 500 * sim.Millisecond
)

// watcher is the watcher of that number.
func (m *memory) watcher(r *run, number int) *watcher {
	for len(m.watching) <= number {
		m.watching = append(m.watching, new(watcher))
	}
	w := m.watching[number]
	keys := workload.Keys(r.ops)
	if len(keys) == 0 {
		*w = watcher{run: r, number: number, ended: true}
		return w
	}
	draw := choice.Mix(choice.MixString(r.setup.Seed, "watch"), uint64(number))
	*w = watcher{run: r, number: number, key: keys[draw%uint64(len(keys))], sent: w.sent}
	w.owners = r.ring.Owners(r.ring.PartitionOf(w.key.Name))
	w.at = int(draw>>32) % len(w.owners)
	if draw>>40%3 == 0 {
		w.leaves = 2 + int(draw>>48%8)
	}
	w.subscribe(1)
	return w
}

// subscribe begins a subscription under a number.
func (w *watcher) subscribe(number uint64) {
	k, _ := w.run.kinds.Find(w.key.Kind())
	var err error
	w.sub, err = subscription.New(uint64(w.run.firstWatcher()+w.number)+1, number, w.key.Name, k, w.run.level.Served(), w.owners[w.at])
	if err != nil {
		w.run.err = err
	}
	w.silent, w.told, w.sent = 0, nil, w.sent[:0]
}

// firstWatcher is the number of the first session that is a watcher's, from 0.
func (r *run) firstWatcher() int { return r.setup.Sessions + r.setup.Nodes }

// Start begins to watch.
func (w *watcher) Start(c *sim.Context) {
	if w.sub != nil {
		c.After(sim.Time(1+w.number)*watchTick/4, 1)
	}
}

// Input takes nothing: a watcher has no operations.
func (w *watcher) Input(*sim.Context, uint64) {}

// Timer goes on with the subscription.
func (w *watcher) Timer(c *sim.Context, _ sim.TimerID) {
	if w.silent++; w.silent > patience {
		if w.run.setup.Elastic != nil { // others may own it by now
			w.owners = w.run.ring.Owners(w.run.ring.PartitionOf(w.key.Name))
		}
		w.at = (w.at + 1) % len(w.owners)
		w.sub.Follow(w.owners[w.at])
		w.silent, w.told = 0, nil
		c.Mark(markFollowed)
	}
	if w.leaves--; w.leaves == 0 {
		end := w.sub.End()
		c.Send(sim.NodeID(w.sub.Node()), sim.MsgKind(wire.MsgSubscribe), end.Encode())
		w.subscribe(end.Number + 1)
	}
	if c.Now() < w.run.horizonTime()+watchOn {
		w.send(c, watchLease)
		c.After(watchTick, 1)
		return
	}
	w.asked = w.run.originAt(w.sub.Node())
	w.send(c, lastLease)
}

func (w *watcher) send(c *sim.Context, lease uint64) {
	w.sent = append(w.sent, w.heard())
	c.Send(sim.NodeID(w.sub.Node()), sim.MsgKind(wire.MsgSubscribe), w.sub.Message(lease).Encode())
}

// Receive takes an update.
func (w *watcher) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	u, err := wire.DecodeUpdate(msg)
	if err != nil {
		if w.run.setup.Faults[sim.Corrupt] == sim.Off {
			w.fail(ring.NodeID(from), "message", err.Error())
		}
		c.Mark(markRejected)
		return
	}
	before := w.heard()
	known, _, _ := w.value()
	grew, err := w.sub.Take(ring.NodeID(from), u)
	var refused *subscription.Refusal
	switch {
	case errors.Is(err, subscription.ErrRefused) && errors.As(err, &refused):
		w.refused(refused)
		return
	case err != nil:
		w.fail(ring.NodeID(from), "update", err.Error())
		return
	case ring.NodeID(from) != w.sub.Node():
		return
	}
	w.silent, w.away = 0, false
	if w.heard() != before { // it is taken
		w.upon(u, before)
		w.rises(u, known)
	}
	if grew {
		c.Mark(markTold)
	}
	if lease := uint64(watchLease); w.asked == 0 {
		w.send(c, lease)
	} else {
		w.send(c, lastLease)
	}
}

// heard is the update that was taken last.
func (w *watcher) heard() heard {
	origin, version := w.sub.Heard()
	return heard{origin, version}
}

// upon holds an update that is taken to be made upon the one that was taken before.
func (w *watcher) upon(u *wire.Update, before heard) {
	same := u.Origin == before.origin && u.Since < before.version
	if at := int(u.Sent) - 1; !same && (at >= len(w.sent) || w.sent[at] != before) {
		w.fail(w.sub.Node(), "upon", fmt.Sprintf("update %d of %q is taken, which is made upon message %d, of before the last one that was taken", u.Version, w.key.Name, u.Sent))
	}
}

// refused judges a refusal: by a kind that the key has there, or for want of what the
// session must be shown.
func (w *watcher) refused(x *subscription.Refusal) {
	w.silent, w.away = 0, false
	switch {
	case x.Status == wire.StatusKindMismatch && w.otherKind():
		w.ended = true
	case x.Status == wire.StatusUnavailable && w.run.level.Served().Waits():
	case x.Status == wire.StatusNotOwner && w.run.Moves(): // another one is, by now
		w.silent, w.away = patience, true
	default:
		w.fail(x.Node, "refused", x.Error())
	}
}

// otherKind reports whether operations of the plan give the key another kind.
func (w *watcher) otherKind() bool {
	for _, k := range workload.Keys(w.run.ops) {
		if k.Name == w.key.Name && k.Type != w.key.Type {
			return true
		}
	}
	return false
}

// value is what the watcher has been told, nil if it was refused in the beginning.
func (w *watcher) value() (v kind.Value, found, told bool) {
	if w.sub == nil {
		return nil, false, false
	}
	return w.sub.Value()
}

// rises holds the value of an update to that of the one before by the same incarnation, and,
// where reads are monotonic, to all that the watcher has been told.
func (w *watcher) rises(u *wire.Update, known kind.Value) {
	k, _ := w.run.kinds.Find(w.key.Kind())
	v := k.New()
	if u.Held() {
		var err error
		if v, err = k.Decode(u.Value); err != nil {
			return // told already
		}
	}
	// What is told of a key that is deleted may be said of all that was written until some
	// time, and what was forgotten is not told again.
	gone := w.run.Forgotten(w.key.Name, w.key.Kind())
	v, known = oracle.Over(v, gone), oracle.Over(known, gone)
	if k.Absent(known) {
		known = k.New()
	}
	if w.told = oracle.Over(w.told, gone); w.told != nil && k.Absent(w.told) {
		w.told = nil
	}
	if w.told != nil && w.by == u.Origin {
		if o := w.told.Compare(v); o != lattice.Less && o != lattice.Equal {
			w.fail(w.sub.Node(), "falls", fmt.Sprintf("update %d of %q tells less than the one before", u.Version, w.key.Name))
		}
	}
	settling := w.run.lost.Unjudged(w.key.Name) || w.run.lost.Repeated(w.key.Name) // a sum may show what no dot says
	if w.run.level.Served().Guarantees()&session.MR != 0 && !settling && !known.Compare(v).Leq() {
		w.fail(w.sub.Node(), "back", fmt.Sprintf("update %d of %q tells less than the subscriber has been told", u.Version, w.key.Name))
	}
	w.told, w.by = v, u.Origin
}

// atRest looks whether the watcher has been told what the replica holds that it follows.
func (w *watcher) atRest() {
	if w.ended || w.away || w.asked == 0 || w.run.originAt(w.sub.Node()) != w.asked {
		return // it was told by a process that is no more
	}
	if w.run.level.Served().Waits() && w.run.lost.Lossy() {
		return // it may wait for what is lost
	}
	core := w.run.replicas[w.sub.Node()].core
	held := core.Value(w.key.Name, w.key.Kind())
	v, found, told := w.value()
	if told {
		gone := w.run.Forgotten(w.key.Name, w.key.Kind())
		k, _ := w.run.kinds.Find(w.key.Kind())
		held, v = oracle.Over(held, gone), oracle.Over(v, gone)
		if k.Absent(v) && (held == nil || k.Absent(held)) {
			return // how that was told is all one
		}
	}
	switch {
	case !told:
		w.fail(w.sub.Node(), "silent", fmt.Sprintf("at rest, the subscriber of %q has been told nothing", w.key.Name))
	case held == nil && found && !w.run.lost.Lossy():
		w.fail(w.sub.Node(), "found", fmt.Sprintf("at rest, the subscriber of %q has been told a value, and there is none", w.key.Name))
	case held != nil && (!found || !held.Compare(v).Leq()):
		w.fail(w.sub.Node(), "behind", fmt.Sprintf("at rest, the subscriber of %q has not been told all that there is", w.key.Name))
	case held != nil && held.Compare(v) != lattice.Equal && !w.run.lost.Lossy():
		w.fail(w.sub.Node(), "ahead", fmt.Sprintf("at rest, the subscriber of %q has been told more than there is", w.key.Name))
	}
}

func (w *watcher) fail(n ring.NodeID, what, message string) {
	w.run.fail(Violation{Oracle: "subscription", Kind: what, Op: string(w.key.Type), Node: int(n), Message: message})
}

// originAt is the incarnation that runs at a node, 0 if none does.
func (r *run) originAt(n ring.NodeID) uint64 {
	if r.Up(n) && r.replicas[n].core != nil {
		h := r.replicas[n]
		return h.origin
	}
	return 0
}

// horizonTime is when faults end.
func (r *run) horizonTime() sim.Time { return sim.Time(r.setup.HorizonMS) * sim.Millisecond }
