package kvs_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// secret is that of the replicas of every test, and notary that of a replica.
var (
	secret = []byte("0123456789abcdef")
	notary = session.NewNotary(secret)
)

// past is a session's request with a past that some replica has vouched for.
func past(q wire.Request, m session.Matrix) wire.Request {
	q.Level, q.Deps, q.Proof = session.Causal, m, notary.ProveBoth(m, nil)
	return q
}

// cluster hosts replicas in the plainest way: every effect that is on its way
// lies in one bag, and a seed picks which one happens next, is lost, or happens
// twice.
type cluster struct {
	t        testing.TB
	src      choice.Source
	n        uint64
	ring     *ring.Ring
	replicas []*kvs.Replica
	hosts    []host.Host
	origins  uint64
	disks    [][][]byte
	before   []int      // by node: where in its disk the record of token 1 is, or was
	cut      []int      // by node: how many records have been truncated
	full     [][][]byte // by node: what its disk would be without checkpoints
	bag      []flight
	answers  map[uint64]map[uint64]*wire.Response // by client and request
	now      uint64
	lossy    bool
	accepted int
	batch    int // BatchBytes of replicas that start
	restarts int // that replicas asked for
	check    int // CheckpointBytes of replicas that start
	written  int // bytes of records

	keeping bool     // values are kept outside of memory
	outside []*shelf // by node: where

	dead map[int]bool // nodes that are no more, or not yet; nothing reaches them

	unreadable int // how many records of its disk a replica that starts cannot read

	cfg       func(*kvs.Config) // changes that of replicas that start
	onAccept  func(client uint64, p ring.Partition, origin, seq uint64, element string)
	onRespond func(node int, a *wire.Response) // when the replica has just answered
}

type flight struct {
	node int // destination replica, -1 for a client
	ev   kvs.Event
	disk bool
}

func newCluster(t testing.TB, nodes, partitions, rf int, seed uint64) *cluster {
	ids := make([]ring.NodeID, nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	r, err := ring.New(ids, partitions, rf)
	require.NoError(t, err)
	c := &cluster{
		t: t, src: choice.Seeded(seed), ring: r, now: 1000, answers: make(map[uint64]map[uint64]*wire.Response),
		replicas: make([]*kvs.Replica, nodes), hosts: make([]host.Host, nodes), disks: make([][][]byte, nodes),
		before: make([]int, nodes), cut: make([]int, nodes), full: make([][][]byte, nodes),
		outside: make([]*shelf, nodes),
	}
	for i := range ids {
		c.start(i)
	}
	return c
}

func (c *cluster) choose(n int, permille int) int {
	c.n++
	return int(c.src.Choose(choice.Point{Site: "test", Key: c.n, N: uint64(n), Rare: choice.Permille(permille)}))
}

func (c *cluster) start(node int) {
	first := c.replicas[node] == nil
	var r *kvs.Replica
	err := kvs.ErrOriginUsed
	for errors.Is(err, kvs.ErrOriginUsed) {
		c.origins++
		cfg := kvs.Config{
			Self: ring.NodeID(node), Origin: c.origins, First: first, Ring: c.ring, Kinds: kind.Default(), Secret: secret,
			BatchBytes: c.batch, CheckpointBytes: c.check, Unreadable: c.unreadable,
		}
		if c.keeping {
			if c.outside[node] == nil {
				c.outside[node] = newShelf(c.origins)
			}
			cfg.Values, cfg.CacheBytes = c.outside[node], 16
		}
		if c.cfg != nil {
			c.cfg(&cfg)
		}
		r, err = kvs.New(cfg, c.disks[node])
	}
	require.NoError(c.t, err)
	c.before[node] = len(c.disks[node])
	c.replicas[node], c.hosts[node] = r, host.New(r, env{c, node})
	c.did(node, c.hosts[node].Start())
}

// crash loses the replica's memory and whatever was still on its way to it from
// its own disk or timer.
func (c *cluster) crash(node int) {
	keep := c.bag[:0]
	for _, f := range c.bag {
		if f.node != node || f.ev.Kind == kvs.EventMessage || f.ev.Kind == kvs.EventRequest {
			keep = append(keep, f)
		}
	}
	c.bag = keep
	if s := c.outside[node]; s != nil {
		s.crash(c.choose(1+len(s.fresh), 0))
	}
	c.start(node)
}

// lose crashes the replica and takes its disk back to its first records.
func (c *cluster) lose(node, keep int) {
	c.disks[node] = c.disks[node][:min(keep, len(c.disks[node]))]
	c.full[node] = slices.Clone(c.disks[node])
	c.crash(node)
}

// env carries out the effects of a node: they go into the bag.
type env struct {
	c    *cluster
	node int
}

func (e env) Send(to ring.NodeID, _ wire.MessageKind, msg []byte) {
	e.c.post(flight{node: int(to), ev: kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(e.node), Msg: bytes.Clone(msg)}})
}

func (e env) Respond(_ uint64, msg []byte) {
	if e.c.onRespond != nil {
		a, err := wire.DecodeResponse(msg)
		require.NoError(e.c.t, err)
		e.c.onRespond(e.node, a)
	}
	e.c.post(flight{node: -1, ev: kvs.Event{Kind: kvs.EventMessage, Msg: bytes.Clone(msg)}})
}

func (e env) Persist(token uint64, record []byte) error {
	// Durability is in order: the record is on the disk before any later one.
	e.c.disks[e.node] = append(e.c.disks[e.node], bytes.Clone(record))
	e.c.written += len(record)
	if !wire.IsCheckpoint(record) {
		e.c.full[e.node] = append(e.c.full[e.node], bytes.Clone(record))
	}
	e.c.bag = append(e.c.bag, flight{node: e.node, disk: true, ev: kvs.Event{Kind: kvs.EventPersisted, Token: token}})
	return nil
}

func (e env) Truncate(token uint64) {
	cut := e.c.before[e.node] + int(token) - 1
	e.c.disks[e.node] = e.c.disks[e.node][cut:]
	e.c.before[e.node] -= cut
	e.c.cut[e.node] += cut
}

func (e env) After(uint64) {
	e.c.bag = append(e.c.bag, flight{node: e.node, disk: true, ev: kvs.Event{Kind: kvs.EventTick}})
}

func (e env) Accepted(x *gossip.Entry) {
	e.c.accepted++
	if e.c.onAccept == nil {
		return
	}
	v, err := mustKind(e.c.t, x.Kind).Decode(x.Delta)
	require.NoError(e.c.t, err)
	if set, ok := kind.Get[kind.GrowSet](v); ok {
		e.c.onAccept(x.Client, e.c.ring.PartitionOf(x.Key), x.Dot.Origin, x.Dot.Seq, set[0])
	}
}

// do gives a node an event, and starts the node again if it asks for that.
func (c *cluster) do(node int, ev kvs.Event) { c.did(node, c.hosts[node].Do(ev)) }

func (c *cluster) did(node int, err error) {
	if errors.Is(err, host.ErrRestart) {
		c.restarts++
		c.crash(node)
		return
	}
	require.NoError(c.t, err)
}

// post sends a message, which may be lost or doubled.
func (c *cluster) post(f flight) {
	copies := 1
	if c.lossy {
		copies = []int{1, 0, 2}[c.choose(3, 300)]
	}
	for range copies {
		c.bag = append(c.bag, f)
	}
}

func (c *cluster) step() {
	if len(c.bag) == 0 {
		return
	}
	at := c.choose(len(c.bag), 0)
	f := c.bag[at]
	if f.disk { // a node's disk completes, and its timer fires, in order
		for i, g := range c.bag {
			if g.disk && g.node == f.node && g.ev.Kind == f.ev.Kind {
				at, f = i, g
				break
			}
		}
	}
	c.bag = append(c.bag[:at], c.bag[at+1:]...)
	if c.dead[f.node] {
		return
	}
	c.now += uint64(c.choose(3, 0))
	if f.node < 0 {
		resp, err := wire.DecodeResponse(f.ev.Msg)
		require.NoError(c.t, err)
		if c.answers[resp.Client] == nil {
			c.answers[resp.Client] = make(map[uint64]*wire.Response)
		}
		c.answers[resp.Client][resp.Req] = resp
		return
	}
	f.ev.NowMS = c.now
	if f.ev.Kind == kvs.EventHardened {
		c.outside[f.node].sync()
	}
	c.do(f.node, f.ev)
}

func (c *cluster) ask(node int, q wire.Request) {
	c.post(flight{node: node, ev: kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()}})
}

// settle stops the faults and runs until every replica is quiet and only timers
// are left.
func (c *cluster) settle() {
	c.lossy = false
	for range 200_000 {
		c.step()
		if c.quiet() {
			return
		}
	}
	c.t.Fatalf("the cluster did not become quiet")
}

func (c *cluster) quiet() bool {
	for _, f := range c.bag {
		if f.ev.Kind != kvs.EventTick {
			return false
		}
	}
	for i, r := range c.replicas {
		if !c.dead[i] && !r.Quiet() {
			return false
		}
	}
	return true
}

func (c *cluster) read(node int, key, kind string) *wire.Response {
	const reader = 1 << 40
	c.n++
	req := c.n
	c.ask(node, wire.Request{Client: reader, Req: req, Key: key, Kind: kind})
	for range 100_000 {
		if a := c.answers[reader][req]; a != nil {
			return a
		}
		c.step()
	}
	c.t.Fatalf("no answer to a read")
	return nil
}

// holdings lists everything a replica holds, in a form that compares.
func holdings(r *kvs.Replica) map[string]string {
	out := make(map[string]string)
	r.Each(func(_ ring.Partition, key, kind string, v kind.Value) { out[kind+" "+key] = string(v.Append(nil)) })
	return out
}
