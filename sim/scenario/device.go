package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// device is the disk of a replica, which the host watches go back in time: its log, and
// the files of its engine if it has one.
type device struct {
	*disk.Log
	engine *engine // nil if the replica keeps its values in memory
	run    *run
	node   sim.NodeID
}

// Crash loses what was not durable.
func (d *device) Crash(c *sim.CrashContext) {
	d.Log.Crash(c)
	if d.engine != nil {
		d.engine.crashed(c)
	}
}

var _ sim.Rewinder = (*device)(nil)

// Rewind takes the disk back, and notes what may be lost by that. The store of the
// node, which is down, becomes what it would recover from what is left.
func (d *device) Rewind(keep, of int) {
	r, h := d.run, d.run.replicas[d.node]
	r.tell(func(o oracle.Oracle) { o.Reading(h.id) })
	d.Log.Rewind(keep, of)
	var err error
	if d.engine != nil {
		err = d.engine.rewind(d.Log.Written())
	}
	if err == nil {
		err = h.recover(nil, inspecting)
	}
	if err != nil {
		r.fail(Violation{Oracle: "recovery", Kind: "error", Node: int(h.id), Message: err.Error()})
		return
	}
	r.tell(func(o oracle.Oracle) { o.Rewound(h.id) })
}

// inspecting is the incarnation, of none that runs, that looks into a disk.
const inspecting = 1 << 32

// recover makes the store what an incarnation finds on the disk. Without a context it is
// one that only looks.
func (r *replica) recover(c *sim.Context, incarnation uint64) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("panic: %v%s", what, origin())
		}
	}()
	records := lend(r.disk.Records())
	cfg := r.config(incarnation)
	cfg.Unreadable = r.disk.Unreadable()
	if e := r.engine; e != nil {
		var s *host.Slots
		if c != nil {
			s, err = e.open(cfg.Origin)
		} else {
			s, err = e.look(cfg.Origin)
		}
		if err != nil {
			return err
		}
		cfg.Values = s
	}
	r.stored = r.run
	if r.run.cloning && c != nil {
		r.misread(cfg, records)
		r.misfit(cfg)
	}
	err = r.store.Reset(cfg, records)
	for _, b := range records {
		wire.PoisonBytes(b)
	}
	return err
}

// misread starts other replicas on the records, one of which is another each time: what no
// disk makes of it, whose checksum would not fit, but another version of the store may have
// written. Such a start succeeds or says what is wrong, and does not panic. That none of
// the values can be had which an engine keeps is nothing that a start sees; that there is
// no engine it must see. Whatever is on a disk can be told by its contents.
func (r *replica) misread(cfg kvs.Config, records [][]byte) {
	if len(records) == 0 {
		return
	}
	amiss := func(what string) {
		r.run.fail(Violation{Oracle: OracleClone, Kind: "start", Node: int(r.id), Message: fmt.Sprintf("node %d starts on a record that is another one: %s", r.id, what)})
	}
	defer func() {
		if what := recover(); what != nil {
			amiss(fmt.Sprintf("panic: %v%s", what, origin()))
		}
	}()
	whole := new(wire.DecodeBuffer)
	for _, rec := range lend(records) {
		if _, err := whole.Contents(rec); err != nil {
			amiss("it cannot be told what is in it: " + err.Error())
		}
		if err := confused(rec); err != nil {
			amiss(err.Error())
		}
	}
	for i := range uint64(misread) {
		draw := choice.Mix(choice.Mix(r.run.setup.Seed, uint64(r.events)), i)
		other := lend(records)
		if r.engine != nil {
			if cfg.Values = (unkept{r.engine.slots.ID(), draw >> 60}); i == 0 {
				cfg.Values = nil
			}
		}
		at := int(draw % uint64(len(other)))
		other[at] = misspell(other[at], draw>>16)
		made, err := kvs.New(cfg, other)
		switch {
		case err == nil:
			made.Start()
			made.Step(kvs.Event{Kind: kvs.EventTick, NowMS: clockBase})
		case errors.Is(err, wire.ErrMessage), errors.Is(err, kvs.ErrOriginUsed), errors.Is(err, kvs.ErrConfig) && r.engine != nil && i == 0:
		case errors.Is(err, kvs.ErrConfig) && cfg.Life > 1 && wire.IsMembersRecord(records[at]): // it says of which life the disk is
		default:
			amiss(err.Error())
		}
	}
}

// misread is how many other replicas are started.
const misread = 12

// misspell flips a bit of a record, cuts it short, or has it go on from there once more.
func misspell(record []byte, draw uint64) []byte {
	at, how := int(draw%uint64(len(record))), draw>>32%10
	switch how {
	case 8:
		return record[:at]
	case 9:
		return append(record, record[at:]...)
	}
	record[at] ^= 1 << how
	return record
}

// lend copies records, so that they can be overwritten after the call.
func lend(records [][]byte) [][]byte {
	out := make([][]byte, len(records))
	for i, b := range records {
		out[i] = bytes.Clone(b)
	}
	return out
}

// damaged returns which writes may be missing on the disk of a replica, since a record
// that had them could not be read; nil if all could.
func (r *replica) damaged() oracle.Missing {
	lost, gone := r.disk.TakeLost(), r.store.Lost()
	if r.engine != nil {
		r.engine.hurt = r.engine.hurt || len(lost) > 0 // an older checkpoint may have been started from
		if len(gone) > 0 && !r.engine.hurt {
			r.run.fail(Violation{Oracle: "recovery", Kind: "value", Node: int(r.id), Message: fmt.Sprintf(
				"node %d leaves out partitions %v over lost values, and nothing has damaged them", r.id, gone)})
		}
	}
	if len(lost)+len(gone) == 0 {
		return nil
	}
	all, parts, dots := false, map[ring.Partition]bool{}, map[ring.Partition]gossip.Dots{}
	for _, p := range gone {
		parts[p] = true
	}
	for _, rec := range lost {
		held, err := new(wire.DecodeBuffer).Contents(rec)
		if err != nil {
			r.run.err = err
		}
		all = all || held.Sessions // without them, a checkpoint counts for nothing
		parts[held.Of] = parts[held.Of] || held.Whole
		d := dots[held.Of]
		for i := range held.Entries {
			d.Add(held.Entries[i].Dot)
		}
		dots[held.Of] = d
	}
	return func(p ring.Partition, d causal.Dot) bool { return all || parts[p] || dots[p].Contains(d) }
}

// config is that of a replica's incarnation.
func (r *replica) config(incarnation uint64) kvs.Config {
	known, past, pieces, window, looked, idle := 0, 0, 0, 0, 0, uint64(0)
	if r.run.setup.Log > 0 {
		known, past = 1, 2 // what is held is told in parts, and pasts are cut
	}
	if r.run.setup.Log > 0 && r.run.setup.Faults[sim.Clock] == sim.Off {
		idle = idleMS * uint64(r.run.setup.long())
	}
	if r.run.setup.BatchBytes > 0 {
		pieces, window = 2, 2*r.run.setup.BatchBytes // of a snapshot on their way, so that it takes several asks, and large values come in parts
	}
	if r.run.setup.BatchBytes > 0 || r.run.setup.Log > 0 {
		looked = 3 // of the values of a snapshot by a step, so that it is given, and folded in, by many
	}
	members, life := r.run.members(r.id)
	return kvs.Config{
		Self: r.id, Origin: originOf(r.id, incarnation), First: incarnation == 1,
		Ring: r.run.begins, Members: members, Life: life, Kinds: r.run.kinds, Secret: secret, BatchBytes: r.run.setup.BatchBytes, MaxLog: r.run.setup.Log, MaxKnown: known, MaxPast: past, SnapshotPieces: pieces, SnapshotBytes: window, SnapshotValues: looked, MaxIdleMS: idle,
		CheckpointBytes: r.run.setup.CheckpointBytes, CacheBytes: r.run.setup.CacheBytes,
		MaxWaiting: r.run.setup.Waiting, MaxEach: max(r.run.setup.Waiting-1, 0), MaxHandOver: r.run.setup.HandOver, MaxValueBytes: r.run.setup.ValueBytes,
		MaxPersistBytes: r.run.setup.Persist, MaxSubscriptions: r.run.setup.Subscribed, LateMS: r.run.setup.LateMS, Speaks: r.run.setup.speaks(r.older),
	}
}

// idleMS is for how long replicas with little memory remember a session in a run of usual
// length: half of it is longer than faults last, so that no session is refused what it
// repeats, and all of it is no longer than such a run takes to come to rest twice. What the
// network holds back for longer is refused.
const idleMS = 1600

// secret is that of the replicas of every run: the clients here do not guess.
var secret = []byte("the replicas of a simulated store")

// originOf names an incarnation of a node, the later the greater. A small number: it
// stands in every message and dot, there mostly as one byte.
func originOf(n ring.NodeID, incarnation uint64) uint64 {
	return incarnation<<4 | uint64(n) + 1 // MaxNodes is below 16
}

// caught makes a panic of the code under test a violation, and the end of its process.
// It is deferred around what runs that code.
func (r *replica) caught(during string) {
	what := recover()
	if what == nil {
		return
	}
	r.core = nil
	r.run.fail(Violation{Oracle: "panic", Kind: during, Node: int(r.id), Message: fmt.Sprintf("node %d panics: %v%s", r.id, what, origin())})
}

// origin is where in this module a panic that is being recovered from came from.
func origin() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for {
		f, more := frames.Next()
		if i := strings.Index(f.Function, "/joinery/"); i >= 0 {
			return fmt.Sprintf(", in %s, line %d", f.Function[i+len("/joinery/"):], f.Line)
		}
		if !more {
			return ""
		}
	}
}

// underTest reports whether an origin is in the store, or in the algebra under it.
func underTest(origin string) bool {
	return strings.HasPrefix(origin, ", in kvs") || strings.HasPrefix(origin, ", in lattice")
}
