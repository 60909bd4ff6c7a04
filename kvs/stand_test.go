package kvs_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// stand is replicas driven step by step, without a host: nodes from 1 on, of which each
// record can be made durable by itself, and each message held back.
type stand struct {
	t      *testing.T
	nodes  []*standNode // by node; the first is none
	ring   *ring.Ring
	cfg    func(*kvs.Config)
	now    uint64
	origin uint64
	queue  []standMessage
	sent   func(standMessage)
}

type standNode struct {
	r             *kvs.Replica
	disk, pending []standRecord
	slow          bool // records wait for flush
	answers       []wire.Response
	restart       bool // it has asked for one
	restarts      int
}

type standRecord struct {
	token uint64
	b     []byte
}

type standMessage struct {
	from, to ring.NodeID
	b        []byte
}

func newStand(t *testing.T, nodes, partitions, rf int, cfg func(*kvs.Config)) *stand {
	ids := make([]ring.NodeID, nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i + 1)
	}
	rg, err := ring.New(ids, partitions, rf)
	require.NoError(t, err)
	s := &stand{t: t, nodes: make([]*standNode, nodes+1), ring: rg, cfg: cfg, now: 1_000_000, origin: 100}
	for _, id := range ids {
		s.nodes[id] = new(standNode)
		s.start(id, true)
	}
	return s
}

// start begins a new incarnation of a node on what its disk has.
func (s *stand) start(id ring.NodeID, first bool) {
	n := s.nodes[id]
	s.origin++
	cfg := kvs.Config{Self: id, Origin: s.origin, First: first, Ring: s.ring, Kinds: kind.Default(), Secret: secret}
	if s.cfg != nil {
		s.cfg(&cfg)
	}
	records := make([][]byte, len(n.disk))
	for i := range n.disk {
		records[i], n.disk[i].token = n.disk[i].b, 0
	}
	r, err := kvs.New(cfg, records)
	require.NoError(s.t, err)
	n.r, n.pending = r, nil
	s.take(id, r.Start())
}

func (s *stand) take(id ring.NodeID, out []kvs.Effect) {
	n := s.nodes[id]
	for _, e := range out {
		switch e.Kind {
		case kvs.EffectSend:
			m := standMessage{id, e.To, bytes.Clone(e.Msg)}
			if s.sent != nil {
				s.sent(m)
			}
			s.queue = append(s.queue, m)
		case kvs.EffectRespond:
			var a wire.Response
			require.NoError(s.t, a.Decode(bytes.Clone(e.Msg)))
			n.answers = append(n.answers, a)
		case kvs.EffectPersist:
			n.pending = append(n.pending, standRecord{e.Token, bytes.Clone(e.Msg)})
		case kvs.EffectTruncate:
			keep := n.disk[:0]
			for _, x := range n.disk {
				if x.token >= e.Token {
					keep = append(keep, x)
				}
			}
			n.disk = keep
		case kvs.EffectRestart:
			n.restart = true
		}
	}
	for !n.slow && len(n.pending) > 0 {
		s.flush(id)
	}
}

// flush makes a node's next record durable.
func (s *stand) flush(id ring.NodeID) {
	n := s.nodes[id]
	x := n.pending[0]
	n.pending = n.pending[1:]
	n.disk = append(n.disk, x)
	s.take(id, n.r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: s.now, Token: x.token}))
}

func (s *stand) deliver() {
	for len(s.queue) > 0 {
		m := s.queue[0]
		s.queue = s.queue[1:]
		s.take(m.to, s.nodes[m.to].r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: m.from, Msg: m.b}))
	}
}

func (s *stand) tick(id ring.NodeID) {
	s.take(id, s.nodes[id].r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: s.now}))
}

// rounds lets all nodes tick, and delivers what they say; nodes that ask for it start again.
func (s *stand) rounds(n int) {
	for range n {
		s.now += 20
		for id := 1; id < len(s.nodes); id++ {
			s.tick(ring.NodeID(id))
		}
		s.deliver()
		for id := 1; id < len(s.nodes); id++ {
			if x := s.nodes[id]; x.restart {
				x.restart = false
				x.restarts++
				s.start(ring.NodeID(id), false)
				s.deliver()
			}
		}
	}
}

func (s *stand) ask(id ring.NodeID, q wire.Request) wire.Response {
	n := s.nodes[id]
	n.answers = nil
	s.take(id, n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
	require.Len(s.t, n.answers, 1)
	return n.answers[0]
}

// servedElsewhere is the entry of a write that a replica which is not of the stand has served.
func (s *stand) servedElsewhere(q wire.Request) gossip.Entry {
	rg, err := ring.New([]ring.NodeID{9}, s.ring.Partitions(), 1)
	require.NoError(s.t, err)
	r, err := kvs.New(kvs.Config{Self: 9, Origin: 99, First: true, Ring: rg, Kinds: kind.Default(), Secret: secret}, nil)
	require.NoError(s.t, err)
	for _, e := range r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}) {
		if e.Kind == kvs.EffectAccept {
			return *e.Entry
		}
	}
	require.Fail(s.t, "the write is refused")
	return gossip.Entry{}
}

// hear has a node send the others an entry.
func (s *stand) hear(from ring.NodeID, e gossip.Entry) {
	for id := range s.nodes {
		if to := ring.NodeID(id); id > 0 && to != from {
			item := wire.Item{Partition: s.ring.PartitionOf(e.Key), PeerIncarnation: s.nodes[id].r.Origin(), Entries: []gossip.Entry{e}}
			s.queue = append(s.queue, standMessage{from, to, wire.AppendGossip(nil, from, s.nodes[from].r.Origin(), []wire.Item{item})})
		}
	}
}

// count is what a node's counter shows.
func (s *stand) count(id ring.NodeID, key string) int64 {
	c, ok := kind.Get[kind.Counter](s.nodes[id].r.Value(key, "counter"))
	require.True(s.t, ok)
	sum, err := kind.CounterSum(c)
	require.NoError(s.t, err)
	return sum
}

// keyOf is a key whose partition is as wanted.
func (s *stand) keyOf(wanted func(p ring.Partition) bool) string {
	for i := range 10_000 {
		k := string([]byte{byte('a' + i%26), byte('a' + i/26%26), byte('a' + i/676)})
		if wanted(s.ring.PartitionOf(k)) {
			return k
		}
	}
	require.Fail(s.t, "no key is of such a partition")
	return ""
}

// TestRestartsEnd: a replica that owns nothing of a partition asks to be started again for
// what an owner has lost and its disk still has; not for what it hands over once more after
// each start, which would be for ever.
func TestRestartsEnd(t *testing.T) {
	size := 200
	s := newStand(t, 2, 8, 1, func(c *kvs.Config) { c.CheckpointBytes = size })
	key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(1, p) })
	own := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(2, p) })
	req := uint64(0)
	write := func(k string) wire.Response {
		req++
		a := s.ask(2, wire.Request{Client: 7, Req: req, Put: true, Key: k, Kind: "register", Arg: []byte("value")})
		require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		return a
	}
	for range 5 {
		write(key)
	}
	s.rounds(10)
	for range 40 { // so that a checkpoint comes behind what was handed over
		write(own)
		s.rounds(1)
	}
	s.nodes[1].disk = nil
	s.start(1, false)
	s.rounds(20)
	size = 0
	write(key)
	s.rounds(50)
	s.start(2, false)
	s.deliver()
	s.rounds(20)
	s.nodes[2].restarts = 0
	last := write(key)
	s.rounds(100)
	assert.LessOrEqual(t, s.nodes[2].restarts, 1)
	assert.True(t, s.nodes[1].r.Has(last.Partition, last.Dot), "the owner gets what was acknowledged")
}

// TestTakenBackIsTold: a row that is taken back is told of before a checkpoint counts that
// has the value without it: else whoever crashes in between finds nothing to take back, and
// the owners differ.
func TestTakenBackIsTold(t *testing.T) {
	untold := 0
	for size := 1; size < 400; size += 3 {
		untold += takenBackIsTold(t, size)
	}
	assert.Positive(t, untold)
}

func takenBackIsTold(t *testing.T, size int) (untold int) {
	s := newStand(t, 3, 16, 2, func(c *kvs.Config) { c.CheckpointBytes = size })
	key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(1, p) && s.ring.Owns(2, p) })
	other := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(2, p) && s.ring.Owns(3, p) })
	write := func(at ring.NodeID, key string, req uint64) {
		a := s.ask(at, wire.Request{Client: 7, Req: req, Put: true, Key: key, Kind: "counter", Arg: kind.Amount(1), Stamp: 1_000_000<<16 + req})
		require.Equal(t, wire.StatusOK, a.Status, a.Detail)
	}
	write(1, key, 1)
	s.rounds(20)
	for req := range uint64(6) { // the session goes on where node 1 does not hear of it
		write(2, other, 2+req)
		s.rounds(1)
	}
	s.rounds(40)
	n := s.nodes[1]
	n.slow = true
	s.now += 20
	s.hear(3, s.servedElsewhere(wire.Request{Client: 7, Req: 1, Put: true, Again: true, Key: key, Kind: "counter", Arg: kind.Amount(1), Stamp: 1_000_000<<16 + 1}))
	s.deliver()
	for range 40 {
		if len(n.pending) > 0 {
			s.flush(1)
			s.deliver()
		}
		var u kvs.Usage
		n.r.Usage(&u)
		untold = max(untold, u.Untold)
		if untold > 0 && len(n.pending) == 0 {
			break
		}
	}
	n.slow = false
	s.queue = nil
	s.start(1, false) // before its next tick
	s.rounds(200)
	require.Equal(t, s.count(1, key), s.count(2, key), "checkpoints of %d bytes: the owners differ", size)
	return untold
}

// TestLateDigestIsNoAnswer: the questions of a start are lost, a digest comes that was meant
// for the incarnation before, and nobody writes any more.
func TestLateDigestIsNoAnswer(t *testing.T) {
	s := newStand(t, 2, 1, 2, nil)
	var late []standMessage
	s.sent = func(m standMessage) {
		if m.from == 2 {
			late = append(late, m)
		}
	}
	s.ask(1, wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "register", Arg: []byte("v")})
	s.rounds(10)
	s.sent = nil
	s.nodes[1].disk = nil
	s.start(1, false)
	s.queue = late
	s.deliver()
	s.rounds(500)
	assert.True(t, s.nodes[1].r.Knows("k", "register"))
}

// TestLargestBounds: a bound that is so large that sums with it would wrap is refused, and
// one that is as large as may be holds.
func TestLargestBounds(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{1}, 1, 1)
	require.NoError(t, err)
	for _, change := range []func(*kvs.Config){
		func(c *kvs.Config) { c.MaxIdleMS = math.MaxUint64 },
		func(c *kvs.Config) { c.MaxWaitTicks = math.MaxUint64 },
		func(c *kvs.Config) { c.ForwardTicks = math.MaxUint64 },
		func(c *kvs.Config) { c.Values = newShelf(0) },
	} {
		cfg := kvs.Config{Self: 1, Origin: 1, First: true, Ring: rg, Kinds: kind.Default(), Secret: secret}
		change(&cfg)
		_, err := kvs.New(cfg, nil)
		require.ErrorIs(t, err, kvs.ErrConfig)
	}
	s := newStand(t, 1, 1, 1, func(c *kvs.Config) { c.MaxIdleMS, c.MaxWaitTicks, c.ForwardTicks = 1<<45, 1<<48, 1<<48 })
	q := wire.Request{Client: 7, Req: 1, Put: true, Key: "k", Kind: "counter", Arg: kind.Amount(1), Stamp: 1_000_000 << 16}
	require.Equal(t, wire.StatusOK, s.ask(1, q).Status)
	s.rounds(2)
	q.Again = true
	assert.Equal(t, wire.StatusOK, s.ask(1, q).Status)
	assert.Equal(t, int64(1), s.count(1, "k"))
}
