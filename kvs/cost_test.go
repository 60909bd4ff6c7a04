package kvs_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// rig runs replicas without faults, for what their work costs: a record is durable at
// once, messages arrive in the order in which they were sent, and time passes a tick of
// every replica at a time. A node that is down gets nothing.
type rig struct {
	t        testing.TB
	cfg      kvs.Config
	hosts    []host.Host
	disks    [][][]byte
	down     []bool
	origins  uint64
	queue    []rigFlight
	answer   wire.Response // the last one
	answers  int
	bytes    int // between replicas
	messages int
	sent     []wire.MessageKind // kinds of these messages, where a test looks
	keep     bool               // records, so that nodes can start again
	now      uint64
	wrap     func(*rigEnv) host.Env // of a rig whose messages take another way
	shelves  []*shelf               // by node: where values are kept, if they are kept outside
	timed    *[]time.Duration       // where it is not nil, how long each step took of its thread's time is added
	kinds    *[]string              // and here what it was for
	receiver int                    // the node that is brought up, -1 if none is

	wroteCheckpoint int // records of checkpoints
	persisting      func(node, size int)
}

type rigFlight struct {
	to int
	ev kvs.Event
}

type rigEnv struct {
	*rig
	node int
}

func newRig(t testing.TB, nodes, partitions, rf int, cfg kvs.Config) *rig {
	ids := make([]ring.NodeID, nodes)
	for i := range ids {
		ids[i] = ring.NodeID(i)
	}
	r, err := ring.New(ids, partitions, rf)
	require.NoError(t, err)
	cfg.Ring, cfg.Kinds, cfg.Secret = r, kind.Default(), secret
	g := &rig{t: t, cfg: cfg, receiver: -1, hosts: make([]host.Host, nodes), disks: make([][][]byte, nodes), down: make([]bool, nodes), now: 1000}
	for n := range ids {
		g.start(n)
	}
	g.run()
	return g
}

// start begins a new incarnation of a node on what its disk has.
func (g *rig) start(node int) {
	g.origins++
	cfg := g.cfg
	cfg.Self, cfg.Origin, cfg.First = ring.NodeID(node), g.origins, g.hosts[node].Core() == nil
	if g.shelves != nil {
		cfg.Values = g.shelves[node]
	}
	r, err := kvs.New(cfg, g.disks[node])
	require.NoError(g.t, err)
	e := &rigEnv{g, node}
	g.hosts[node] = host.New(r, e)
	if g.wrap != nil {
		g.hosts[node] = host.New(r, g.wrap(e))
	}
	require.NoError(g.t, g.hosts[node].Start())
}

func (e *rigEnv) Send(to ring.NodeID, kind wire.MessageKind, msg []byte) {
	e.bytes += len(msg)
	e.messages++
	e.sent = append(e.sent, kind)
	if !e.down[to] {
		e.queue = append(e.queue, rigFlight{int(to), kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(e.node), Msg: bytes.Clone(msg)}})
	}
}

func (e *rigEnv) Respond(_ uint64, msg []byte) {
	e.answers++
	if wire.KindOf(msg) == wire.MsgMultiAnswer {
		return
	}
	require.NoError(e.t, e.answer.Decode(bytes.Clone(msg)))
}

func (e *rigEnv) Persist(token uint64, record []byte) error {
	if wire.IsCheckpoint(record) {
		e.wroteCheckpoint++
	}
	if e.persisting != nil {
		e.persisting(e.node, len(record))
	}
	if e.keep {
		e.disks[e.node] = append(e.disks[e.node], bytes.Clone(record))
	}
	e.queue = append(e.queue, rigFlight{e.node, kvs.Event{Kind: kvs.EventPersisted, Token: token}})
	return nil
}

func (e *rigEnv) Keep(slot uint64, value []byte) error {
	e.shelves[e.node].keep(slot, value)
	return nil
}

func (e *rigEnv) Harden(token uint64) error {
	e.shelves[e.node].sync()
	e.queue = append(e.queue, rigFlight{e.node, kvs.Event{Kind: kvs.EventHardened, Token: token}})
	return nil
}

func (e *rigEnv) After(uint64)           {}
func (e *rigEnv) Truncate(uint64)        {} // what is kept is all
func (e *rigEnv) Accepted(*gossip.Entry) {}

// do has a node take a step.
func (g *rig) do(node int, ev kvs.Event) {
	if g.timed == nil {
		require.NoError(g.t, g.hosts[node].Do(ev))
		return
	}
	sent, records := len(g.sent), g.wroteCheckpoint
	began := threadTime()
	err := g.hosts[node].Do(ev)
	*g.timed = append(*g.timed, threadTime()-began)
	*g.kinds = append(*g.kinds, g.kindOf(node, ev, sent, records))
	g.sent = g.sent[:0]
	require.NoError(g.t, err)
}

// run carries out all that is under way.
func (g *rig) run() {
	for at := 0; at < len(g.queue); at++ {
		f := g.queue[at]
		if g.down[f.to] {
			continue
		}
		f.ev.NowMS = g.now
		g.do(f.to, f.ev)
	}
	clear(g.queue)
	g.queue = g.queue[:0]
}

// tick lets a tick pass at every node that is up.
func (g *rig) tick() {
	g.now += 20
	for n := range g.hosts {
		if !g.down[n] {
			g.do(n, kvs.Event{Kind: kvs.EventTick, NowMS: g.now})
		}
	}
	g.run()
}

// ask has a node serve a request, and returns what it answers at once.
func (g *rig) ask(node int, q wire.Request) *wire.Response {
	before := g.answers
	g.do(node, kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()})
	g.run()
	if g.answers == before {
		return nil
	}
	return &g.answer
}

func (g *rig) stats(node int) kvs.Stats { return g.hosts[node].Core().Stats() }

// BenchmarkOwnerDown is what a write costs, with its gossip, while one of three owners
// is down and that many writes behind: ten are made a tick.
func BenchmarkOwnerDown(b *testing.B) {
	for _, behind := range []int{0, 1000, 10_000, 40_000} {
		b.Run(fmt.Sprint(behind), func(b *testing.B) {
			g := newRig(b, 3, 1, 3, kvs.Config{})
			g.down[2] = true
			req := uint64(0)
			write := func() {
				req++
				g.ask(int(req%2), put(1+req%2, req, "set", fmt.Sprintf("k%d", req%100), []byte{byte(req % 7)}))
				if req%10 == 0 {
					g.tick()
				}
			}
			for range behind {
				write()
			}
			g.bytes = 0
			b.ResetTimer()
			b.ReportAllocs()
			for range b.N {
				write()
			}
			b.ReportMetric(float64(g.bytes)/float64(b.N), "B/write-between")
		})
	}
}

// restarted is a rig of three owners that have started again so many times, each time to
// write, and are at rest.
func restarted(t testing.TB, restarts int, cfg kvs.Config) *rig {
	g := newRig(t, 3, 1, 3, cfg)
	g.keep = true
	write := func(node int, req uint64) {
		g.ask(node, put(uint64(1+node), req, "set", "k", []byte{byte(node)}))
		for range 4 {
			g.tick()
		}
	}
	for i := range restarts {
		write(i%3, uint64(1+i))
		g.start(i % 3)
		g.run()
	}
	for n := range 3 {
		write(n, uint64(restarts+1)) // which tells that the others are there
		write(n, uint64(restarts+2))
	}
	return g
}

// BenchmarkRestarts is what a write costs, with its gossip, after so many restarts of
// owners that each had written: one is made every fourth tick.
func BenchmarkRestarts(b *testing.B) {
	for _, restarts := range []int{0, 12, 100, 400} {
		b.Run(fmt.Sprint(restarts), func(b *testing.B) {
			g := restarted(b, restarts, kvs.Config{})
			g.bytes = 0
			req := uint64(restarts + 2)
			b.ResetTimer()
			b.ReportAllocs()
			for range b.N {
				req++
				g.ask(0, put(1, req, "set", "k", []byte("x")))
				for range 4 {
					g.tick()
				}
			}
			b.ReportMetric(float64(g.bytes)/float64(b.N), "B/write-between")
		})
	}
}
