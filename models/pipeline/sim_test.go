package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/models/pipeline"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
	simnet "github.com/joinery-go/joinery/sim/net"
)

const (
	storeNodes = 4
	partitions = 6
	copies     = 2
	puts       = 120
)

var secret = []byte("0123456789abcdef")

// compared is what the nodes of a run share.
type compared struct {
	ring  *ring.Ring
	kinds *kind.Kinds
	seed  uint64
	err   error
	// What came to pass, so that a run which compares nothing fails.
	puts, messages, pieces, restarts, checks int
	// mute leaves messages out, by number, to see that the comparison notices.
	mute func(n int) bool
}

// node is a replica of the store, and beside it the path, which gets what the store's
// host gets: the records of the disk at a start, the writes that the store accepts, and
// the messages of its peers.
type node struct {
	*compared
	c    *sim.Context
	core *kvs.Replica
	host host.Host
	path *pipeline.Path
}

func (n *node) fail(c *sim.Context, err error) {
	if err != nil && n.err == nil {
		n.err = fmt.Errorf("node %d at %v: %w", c.Self(), c.Now(), err)
	}
}

func (n *node) Start(c *sim.Context) {
	n.c = c
	self, origin := ring.NodeID(c.Self()), uint64(c.Self()+1)<<32|c.Incarnation()
	records := disk.Of(c).Records()
	core, err := kvs.New(kvs.Config{Self: self, Origin: origin, First: c.Incarnation() == 1, Ring: n.ring, Kinds: n.kinds, Secret: secret, CheckpointBytes: -1}, records)
	n.fail(c, err)
	n.path, err = pipeline.New(pipeline.Options{
		Self: self, Origin: origin, Ring: n.ring, Kinds: n.kinds, Room: 1 << 12, Send: func(ring.NodeID, []byte) {},
	})
	n.fail(c, err)
	for _, r := range records {
		n.fail(c, n.path.Recover(append([]byte(nil), r...)))
	}
	if c.Incarnation() > 1 {
		n.restarts++
	}
	n.core, n.host = core, host.New(core, n)
	n.ended(c, n.host.Start())
}

func (n *node) do(c *sim.Context, ev kvs.Event) {
	n.c, ev.NowMS = c, 1_000_000+uint64(c.Now()/sim.Millisecond)
	n.ended(c, n.host.Do(ev))
}

// ended checks after every event that the store holds nothing that the path does not.
func (n *node) ended(c *sim.Context, err error) {
	if err != nil {
		c.Abort() // a restart was asked for, or the disk has failed
		return
	}
	n.fail(c, n.path.Settle(context.Background()))
	n.fail(c, n.path.Gossip(context.Background()))
	n.fail(c, n.below())
}

// below is an error if the store holds, of what it owns, a value that is not below the
// path's.
func (n *node) below() error {
	var found error
	err := n.path.Held(func(h pipeline.Held) {
		n.core.Each(func(p ring.Partition, key, kind string, v kind.Value) {
			ref := pipeline.Ref{Key: key, Kind: kind}
			if w := h.Look(ref); n.ring.Owns(ring.NodeID(n.c.Self()), p) && found == nil && (w == nil || !v.Compare(w).Leq()) {
				found = fmt.Errorf("the store holds more of %v than the path", ref)
			}
			n.checks++
		})
	})
	if err != nil {
		return err
	}
	return found
}

func (n *node) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	n.messages++
	if wire.KindOf(msg) == wire.MsgSnapshot {
		n.pieces++
	}
	if n.mute == nil || !n.mute(n.messages) {
		n.fail(c, n.path.Deliver(pipeline.Message{From: ring.NodeID(from), Bytes: append([]byte(nil), msg...)}))
	}
	n.do(c, kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(from), Msg: msg})
}

// Input is a client that puts what the operation's number says.
func (n *node) Input(c *sim.Context, id uint64) {
	h := choice.MixString(n.seed, fmt.Sprint(id))
	q := wire.Request{Client: 1 + h%3 + 10*uint64(c.Self()), Req: id, Put: true, Kind: []string{"register", "set", "counter"}[h>>8%3]}
	q.Key = fmt.Sprint(q.Kind, h>>16%5)
	q.Arg = fmt.Append(nil, h>>24%7)
	if q.Kind == "counter" {
		q.Arg = kind.Amount(int64(h>>24%9) - 4)
	}
	n.do(c, kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
}

func (n *node) Timer(c *sim.Context, _ sim.TimerID) { n.do(c, kvs.Event{Kind: kvs.EventTick}) }

func (n *node) Persisted(c *sim.Context, token uint64) {
	if disk.Of(c).Synced(token) != nil {
		c.Abort()
		return
	}
	n.do(c, kvs.Event{Kind: kvs.EventPersisted, Token: token})
}

func (n *node) Send(to ring.NodeID, kind wire.MessageKind, msg []byte) {
	n.c.Send(sim.NodeID(to), sim.MsgKind(kind), msg)
}

func (n *node) Persist(token uint64, record []byte) error {
	return disk.Of(n.c).Append(n.c, token, record)
}

// Truncate is never called, as there are no checkpoints: the path reads records of writes.
func (n *node) Truncate(uint64) {}

func (n *node) After(ms uint64)        { n.c.After(sim.Time(ms)*sim.Millisecond, 1) }
func (n *node) Respond(uint64, []byte) {}

func (n *node) Accepted(e *gossip.Entry) {
	n.puts++
	own := *e
	own.Delta = append([]byte(nil), e.Delta...)
	own.Deps = e.Deps.Clone()
	n.fail(n.c, n.path.Accept(own))
}

// simulate runs the store and the paths under faults until all is quiet, and compares
// what they hold at the end.
func simulate(seed uint64, mute func(int) bool) (*compared, error) {
	ids := make([]ring.NodeID, storeNodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	rg, err := ring.New(ids, partitions, copies)
	if err != nil {
		return nil, err
	}
	net, err := simnet.New(simnet.Options{Faults: simnet.AskAll})
	if err != nil {
		return nil, err
	}
	run := &compared{ring: rg, kinds: kind.Default(), seed: seed, mute: mute}
	w, err := sim.New(sim.Options{
		Nodes: storeNodes, Source: choice.Seeded(seed), Net: net, Crash: sim.CrashOptions{Level: 1},
		Device:  func(sim.NodeID) sim.Device { return disk.NewLog(disk.Options{}) },
		Factory: func(sim.NodeID) sim.Actor { return &node{compared: run} },
	})
	if err != nil {
		return nil, err
	}
	for id := range uint64(puts) {
		at := choice.MixString(seed, fmt.Sprint("at", id))
		if err := w.Inject(sim.Time(id+1)*8*sim.Millisecond, sim.NodeID(at%storeNodes), id+1); err != nil {
			return nil, err
		}
	}
	horizon := sim.Time(puts) * 8 * sim.Millisecond
	// One node loses its disk halfway, so that snapshots are sent.
	if err := w.Wipe(horizon/2, sim.NodeID(seed%storeNodes)); err != nil {
		return nil, err
	}
	if err := w.Heal(horizon); err != nil {
		return nil, err
	}
	for until := horizon; ; until += 100 * sim.Millisecond {
		if until > horizon+60*sim.Second {
			return nil, fmt.Errorf("the store does not come to rest")
		}
		if err := w.RunUntil(until); err != nil {
			return nil, err
		}
		if rest(w) {
			break
		}
	}
	if run.err != nil {
		return run, run.err
	}
	return run, equal(w)
}

func rest(w *sim.World) bool {
	for id := range sim.NodeID(storeNodes) {
		if n := w.Actor(id).(*node); !w.Up(id) || n.core == nil || !n.core.Quiet() {
			return false
		}
	}
	return true
}

// equal is an error if some owner holds another value than its path.
func equal(w *sim.World) error {
	for id := range sim.NodeID(storeNodes) {
		n := w.Actor(id).(*node)
		store := make(map[pipeline.Ref]string)
		n.core.Each(func(p ring.Partition, key, kind string, v kind.Value) {
			if n.ring.Owns(ring.NodeID(id), p) {
				store[pipeline.Ref{Key: key, Kind: kind}] = string(v.Append(nil))
			}
		})
		path := make(map[pipeline.Ref]string)
		err := n.path.Held(func(h pipeline.Held) {
			for ref := range h.Refs() {
				path[ref] = string(h.Look(ref).Append(nil))
			}
		})
		if err != nil {
			return err
		}
		for ref := range path {
			if store[ref] != path[ref] {
				return fmt.Errorf("node %d: the store holds %q of %v, the path %q", id, store[ref], ref, path[ref])
			}
		}
		if len(store) != len(path) {
			return fmt.Errorf("node %d: the store holds %d values, the path %d", id, len(store), len(path))
		}
	}
	return nil
}

// What a simulated store's replicas are given, given to the path, comes to the same
// values at each owner; and at every event the store holds nothing that the path does
// not. Links drop, repeat, delay, reorder and corrupt, nodes crash, one loses its disk.
func TestStoreInSimulation(t *testing.T) {
	var all compared
	for seed := range uint64(200) {
		run, err := simulate(seed, nil)
		require.NoError(t, err, "seed %d", seed)
		all.puts += run.puts
		all.messages += run.messages
		all.pieces += run.pieces
		all.restarts += run.restarts
		all.checks += run.checks
	}
	t.Logf("%d puts, %d messages, %d pieces of snapshots, %d restarts, %d values compared", all.puts, all.messages, all.pieces, all.restarts, all.checks)
	for _, n := range []int{all.puts, all.messages, all.pieces, all.restarts, all.checks} {
		assert.Positive(t, n)
	}
}

// A path that does not get every message holds less than the store.
func TestSimulationNotices(t *testing.T) {
	noticed := 0
	for seed := range uint64(10) {
		if _, err := simulate(seed, func(n int) bool { return n%3 == 0 }); err != nil {
			noticed++
		}
	}
	assert.Equal(t, 10, noticed)
}
