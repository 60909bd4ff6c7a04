package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// replica hosts one replica of the store on a simulated node: it is the [host.Env] of
// the core. Only the disk outlives a crash.
type replica struct {
	run     *run
	id      ring.NodeID
	disk    *disk.Log
	engine  *engine      // nil if values are in memory
	core    *kvs.Replica // &store, once recovery has succeeded
	host    host.Host    // of core
	context *sim.Context // of the event at hand
	wall    uint64       // greatest wall time seen, in milliseconds
	stats   kvs.Stats    // when last looked at
	store   kvs.Replica
	stored  *run   // for which store was made
	events  int    // since the run began
	origin  uint64 // of core
	older   bool   // it runs the older program
}

const tickTimer sim.TimerID = 1

// clockBase is the physical time at which the world starts, in milliseconds.
const clockBase = 1_000_000

func (r *replica) nowMS(c *sim.Context) uint64 {
	ms := uint64(max(clockBase+int64(c.Wall()/sim.Millisecond), 0)) // a wall clock may be off, either way
	if ms < r.wall {
		c.Mark(markClockBack)
	}
	r.wall = max(r.wall, ms)
	return ms - ms%r.run.setup.ClockMS
}

// Start opens the disk and starts a new incarnation on what it holds.
func (r *replica) Start(c *sim.Context) {
	again := c.Incarnation() > 1
	if again {
		r.run.tell(func(o oracle.Oracle) { o.Reading(r.id) })
	}
	r.deployed(c)
	leave := r.during(c)
	err := r.recover(c, c.Incarnation())
	leave()
	switch {
	case err == nil:
	case c.Dead():
		return
	case r.engine != nil && passing(err):
		r.giveUp(c, err)
		return
	default:
		r.run.fail(Violation{Oracle: "recovery", Kind: "error", Node: int(r.id), Message: err.Error()})
		return
	}
	missing := r.damaged()
	if missing != nil && len(r.store.Lost()) == 0 {
		c.Mark(markUnreadable)
	}
	if again {
		r.run.tell(func(o oracle.Oracle) { o.Restarted(r.id, missing) })
	}
	if r.store.Stats().Unreadable != uint64(r.disk.Unreadable()) {
		r.run.fail(Violation{Oracle: "recovery", Kind: "unreadable", Node: int(r.id), Message: fmt.Sprintf(
			"node %d says that %d records could not be read, and there are %d", r.id, r.store.Stats().Unreadable, r.disk.Unreadable())})
	}
	if r.disk.Torn() > 0 {
		c.Mark(markTorn)
	}
	if r.disk.Repaired() > 0 {
		c.Mark(markRepaired)
	}
	if again {
		c.Mark(markRestarted)
	}
	r.core, r.stats, r.origin = &r.store, r.store.Stats(), originOf(r.id, c.Incarnation())
	defer r.caught("start")
	r.host, r.context = host.New(r.core, r), c
	r.ended(c, r.host.Start())
}

// Receive hands the core a message.
func (r *replica) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	// The core gets a copy, which is spoiled after the call: a duplicate shares msg.
	ev := kvs.Event{Kind: kvs.EventRequest, NowMS: r.nowMS(c), Msg: r.run.lent(msg), Asker: uint64(from) + 1}
	if int(from) < r.run.setup.Nodes {
		ev.Kind, ev.From = kvs.EventMessage, ring.NodeID(from)
	}
	if ev.Kind == kvs.EventRequest && r.core != nil {
		r.run.asked(r.id, msg)
	}
	if r.run.setup.Hostile {
		if from == r.run.hostileNode() {
			r.run.strange(r.id, msg)
		}
		r.unread(msg, ev.Kind == kvs.EventMessage, func() { r.step(c, ev) })
		return
	}
	r.step(c, ev)
}

// Timer is the core's tick.
func (r *replica) Timer(c *sim.Context, _ sim.TimerID) {
	if r.core == nil {
		return // recovery failed; the run has ended in a violation
	}
	r.do(c, kvs.Event{Kind: kvs.EventTick, NowMS: r.nowMS(c)})
	r.run.tell(func(o oracle.Oracle) { o.Ticked(r.id) })
}

// Persisted tells the core that a record is durable, or what its engine keeps, or has the
// engine do what it has left for later.
func (r *replica) Persisted(c *sim.Context, token uint64) {
	if token >= hardenToken {
		r.hardened(c, token-hardenToken)
		return
	}
	if token == stepToken {
		r.worked(c)
		return
	}
	if err := r.disk.Synced(token); err != nil {
		r.giveUp(c, err)
		return
	}
	r.step(c, kvs.Event{Kind: kvs.EventPersisted, NowMS: r.nowMS(c), Token: token})
	r.run.tell(func(o oracle.Oracle) { o.Persisted(r.id) })
}

func (r *replica) step(c *sim.Context, ev kvs.Event) {
	if r.core == nil {
		return // recovery failed; the run has ended in a violation
	}
	if r.do(c, ev); r.core == nil {
		return
	}
	r.mark(c, r.core.Stats())
}

// do has the core take an event, and carries out what comes of it.
func (r *replica) do(c *sim.Context, ev kvs.Event) {
	defer r.caught(doing[ev.Kind])
	r.context = c
	if r.events++; r.run.cloning && r.events%cloneEvery == 0 {
		r.stray(ev)
	}
	leave := r.during(c)
	err := r.host.Do(ev)
	leave()
	wire.PoisonBytes(ev.Msg) // whoever keeps hold of it shows, and shows again from a tape
	r.core.Poison()
	r.ended(c, err)
}

// OracleClone names what [Runner.Again] finds of clones, and a plain run does not.
const OracleClone = "clone"

const (
	cloneEvery = 8 // events of a replica there are for each clone that is made of it
	spoiled    = 4 // forms of a message that it gets
)

// stray has a clone of the replica go on by itself: all that is being persisted is durable
// for it, and it takes the event at hand, after messages that this one may be spoiled to
// behind a checksum that fits. That must leave the replica as it was, now, and in all that
// it does with what the two might share; and nothing may have the clone panic.
func (r *replica) stray(ev kvs.Event) {
	if r.engine != nil {
		r.unkept(ev)
		return
	}
	before := r.core.AppendState(nil)
	clone := r.core.Clone()
	if !bytes.Equal(before, clone.AppendState(nil)) {
		r.run.fail(Violation{Oracle: OracleClone, Kind: "state", Node: int(r.id), Message: fmt.Sprintf("a clone of node %d is in another state", r.id)})
	}
	clone.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: ev.NowMS, Token: math.MaxUint64})
	if msg := ev.Msg; len(msg) > 0 {
		clone.Step(kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(r.run.setup.Nodes), NowMS: ev.NowMS, Msg: bytes.Clone(msg)}) // of no member
		for i := range uint64(spoiled) {
			draw := choice.Mix(choice.Mix(r.run.setup.Seed, uint64(r.events)), i)
			ev.Msg = wire.Spoil(msg, draw, draw>>32)
			clone.Step(ev)
			if ev.Kind == kvs.EventMessage {
				ev.Msg = r.run.lie(msg, r.origin, draw>>8)
				clone.Step(ev)
			}
		}
		ev.Msg = bytes.Clone(msg)
	}
	clone.Step(ev)
	r.serves(clone, ev.NowMS)
	r.bereft(ev.NowMS)
	clone.Poison()
	r.unchanged(before, r.core.AppendState(nil))
}

// unchanged holds a replica to the state that it was in before a clone of it went on.
func (r *replica) unchanged(before, after []byte) {
	if !bytes.Equal(before, after) {
		r.run.fail(Violation{Oracle: OracleClone, Kind: "original", Node: int(r.id), Message: fmt.Sprintf("node %d is in another state since its clone has taken an event", r.id)})
	}
}

// doing names what the core does with an event.
var doing = [...]string{
	kvs.EventMessage: "message", kvs.EventRequest: "request", kvs.EventTick: "tick", kvs.EventPersisted: "persisted",
	kvs.EventHardened: "hardened", kvs.EventMember: "member", kvs.EventFactor: "factor",
}

// mark notes what a step brought about.
func (r *replica) mark(c *sim.Context, after kvs.Stats) {
	before := &r.stats
	if after.Duplicates > before.Duplicates {
		c.Mark(markDuplicate)
	}
	if after.Reclaimed > before.Reclaimed {
		c.Mark(markReclaimed)
	}
	if after.Waited > before.Waited {
		c.Mark(markWaited)
	}
	if after.Rejected > before.Rejected {
		c.Mark(markRejected)
	}
	if after.Snapshots > before.Snapshots {
		c.Mark(markSnapshot)
	}
	if after.Decided > before.Decided {
		c.Mark(markDecided)
	}
	if after.LetGo > before.LetGo {
		c.Mark(markLetGo)
	}
	if after.Checkpoints > before.Checkpoints {
		c.Mark(markCheckpoint)
	}
	if after.Loaded > before.Loaded {
		c.Mark(markLoaded)
	}
	*before = after
}

// Send is [host.Env.Send].
func (r *replica) Send(to ring.NodeID, kind wire.MessageKind, msg []byte) {
	if int(to) >= r.run.setup.Nodes {
		r.misaddressed(fmt.Sprintf("peer %d of %d", to, r.run.setup.Nodes))
		return
	}
	r.run.exchanged += int64(len(msg))
	r.context.Send(sim.NodeID(to), sim.MsgKind(kind), msg)
	if r.run.setup.Hostile && r.run.world.Faulty() {
		r.run.sends++
		if draw := choice.Mix(choice.MixString(r.run.setup.Seed, "garbled"), uint64(r.run.sends)); draw%garbledEvery == 0 {
			if other := r.run.garbled(msg, draw>>8); other != nil {
				r.context.Send(sim.NodeID(to), sim.MsgKind(kind), other)
			}
		}
	}
}

// Respond is [host.Env.Respond].
func (r *replica) Respond(session uint64, msg []byte) {
	if r.run.stranger(session) {
		r.context.Send(r.run.hostileNode(), sim.MsgKind(wire.MsgResponse), msg)
		return
	}
	if !r.run.has(session) {
		r.misaddressed(fmt.Sprintf("client %d", session))
		return
	}
	kind := wire.MsgUpdate
	if int(session)-1 < r.run.firstWatcher() {
		if kind = wire.KindOf(msg); kind == wire.MsgMultiAnswer {
			r.run.respondedBatch(r.id, msg)
		} else {
			kind = wire.MsgResponse
			r.run.responded(r.id, msg)
		}
	}
	r.context.Send(r.run.home(int(session)-1), sim.MsgKind(kind), msg)
}

// Persist is [host.Env.Persist].
func (r *replica) Persist(token uint64, record []byte) error {
	return r.disk.Append(r.context, token, record)
}

// Truncate is [host.Env.Truncate].
func (r *replica) Truncate(token uint64) { r.disk.Truncate(r.context, token) }

// After is [host.Env.After].
func (r *replica) After(ms uint64) { r.context.After(sim.Time(ms)*sim.Millisecond, tickTimer) }

// Accepted is [host.Env.Accepted].
func (r *replica) Accepted(e *gossip.Entry) {
	if !r.run.ring.Owns(r.id, r.run.ring.PartitionOf(e.Key)) {
		r.context.Mark(markHandedOver)
	}
	if !r.context.Dead() {
		r.run.accepted(r.id, e)
	}
}

// ended stops the process if its host has stopped.
func (r *replica) ended(c *sim.Context, err error) {
	if err != nil {
		if again := r.host.Do(kvs.Event{Kind: kvs.EventTick}); !errors.Is(again, host.ErrStopped) {
			r.run.fail(Violation{Oracle: "recovery", Kind: "stopped", Node: int(r.id), Message: fmt.Sprintf("node %d goes on after it has stopped over %v: %v", r.id, err, again)})
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, kvs.ErrValueLost):
		c.Mark(markValueLost)
		c.Note("stops: %v", err)
		c.Abort()
		if !r.engine.hurt {
			r.run.fail(Violation{Oracle: "recovery", Kind: "value", Node: int(r.id), Message: fmt.Sprintf(
				"node %d: nothing has damaged what was kept, and yet: %v", r.id, err)})
		}
	case errors.Is(err, host.ErrRestart) && r.host.Core().Failed() == nil:
		c.Mark(markStranded)
		c.Abort()
	default:
		r.giveUp(c, err)
	}
}

// misaddressed is a message to nobody: the replica believed a number that it made up, or
// that a link had spoiled.
func (r *replica) misaddressed(to string) {
	r.run.fail(Violation{Oracle: "address", Kind: "message", Node: int(r.id), Message: "a message goes to " + to + ", which there is not"})
}

// giveUp stops the process: it cannot know what its disk holds before it has read
// it again.
func (r *replica) giveUp(c *sim.Context, err error) {
	c.Mark(markDiskFailed)
	c.Note("stops: %v", err)
	if r.run.fenced {
		r.run.stopped = append(r.run.stopped, int(r.id))
	}
	c.Abort()
}
