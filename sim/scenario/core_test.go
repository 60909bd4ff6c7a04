package scenario

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// coreCall is one event that a replica is given.
type coreCall struct {
	node ring.NodeID
	ev   kvs.Event
}

// coreRun is what the replicas of a seed are given in a run of its plan without
// faults, and what it takes to give it to them again.
type coreRun struct {
	ring  *ring.Ring
	kinds *kind.Kinds
	nodes int
	calls []coreCall
}

func (c *coreRun) start(tb testing.TB, stores []kvs.Replica) {
	for n := range c.nodes {
		cfg := kvs.Config{Self: ring.NodeID(n), Origin: originOf(ring.NodeID(n), 1), First: true, Ring: c.ring, Kinds: c.kinds, Secret: secret}
		if err := stores[n].Reset(cfg, nil); err != nil {
			tb.Fatal(err)
		}
	}
}

// play gives the replicas all of it.
func (c *coreRun) play(tb testing.TB, stores []kvs.Replica) {
	c.start(tb, stores)
	for n := range c.nodes {
		stores[n].Start()
	}
	for i := range c.calls {
		stores[c.calls[i].node].Step(c.calls[i].ev)
	}
}

// coreWorld is what the replicas of a run without faults have under way.
type coreWorld struct {
	ms    uint64
	next  []coreCall // of the next millisecond
	ticks []uint64   // by node, when
}

// coreEnv carries out what one of them decides.
type coreEnv struct {
	*coreWorld
	node ring.NodeID
}

func (e coreEnv) Send(to ring.NodeID, _ wire.MessageKind, msg []byte) {
	e.next = append(e.next, coreCall{to, kvs.Event{Kind: kvs.EventMessage, From: e.node, Msg: bytes.Clone(msg)}})
}

func (e coreEnv) Persist(token uint64, _ []byte) error {
	e.next = append(e.next, coreCall{e.node, kvs.Event{Kind: kvs.EventPersisted, Token: token}})
	return nil
}

func (e coreEnv) Respond(uint64, []byte) {}
func (e coreEnv) Truncate(uint64)        {}
func (e coreEnv) After(ms uint64)        { e.ticks[e.node] = e.ms + ms }
func (e coreEnv) Accepted(*gossip.Entry) {}

// recordCore runs a seed's plan, millisecond by millisecond: what is sent or
// persisted in one arrives in the next. Sessions ask for no causality.
func recordCore(tb testing.TB, m *memory, stores []kvs.Replica, seed uint64) *coreRun {
	setup := draw(Config{}, seed, 0)
	setup.Moves, setup.Decisions, setup.Elastic = nil, nil, nil // nobody asks for any here
	rg, err := m.ring(&setup)
	if err != nil {
		tb.Fatal(err)
	}
	kinds, err := m.kinds(&setup)
	if err != nil {
		tb.Fatal(err)
	}
	plan := workload.Draw(choice.Seeded(choice.MixString(seed, "plan")), setup.workload(), rg, &m.plan)
	c := &coreRun{ring: rg, kinds: kinds, nodes: setup.Nodes}
	c.start(tb, stores)
	w := &coreWorld{ticks: make([]uint64, setup.Nodes)}
	hosts := make([]host.Host, setup.Nodes)
	ms := uint64(0)
	give := func(x coreCall) {
		x.ev.NowMS = clockBase + ms
		c.calls = append(c.calls, x)
		if err := hosts[x.node].Do(x.ev); err != nil {
			tb.Fatal(err)
		}
	}
	for n := range setup.Nodes {
		hosts[n] = host.New(&stores[n], coreEnv{w, ring.NodeID(n)})
		if err := hosts[n].Start(); err != nil {
			tb.Fatal(err)
		}
	}
	quiet := func() bool {
		for n := range setup.Nodes {
			if !stores[n].Quiet() {
				return false
			}
		}
		return true
	}
	for ; ms < setup.HorizonMS || len(w.next) > 0 || !quiet(); ms++ {
		if ms > setup.HorizonMS+1000 {
			tb.Fatalf("seed %d: no rest without faults", seed)
		}
		now := w.next
		w.ms, w.next = ms, nil
		for len(plan) > 0 && plan[0].At <= sim.Time(ms)*sim.Millisecond {
			o := &plan[0]
			q := wire.Request{Client: uint64(o.Session) + 1, Req: o.ID, Put: o.Func != history.Read, Key: o.Key, Kind: string(o.Type)}
			if q.Put {
				if q.Arg, err = o.Argument(nil, setup.Tagged, nil); err != nil {
					tb.Fatal(err)
				}
			}
			now = append(now, coreCall{ring.NodeID(o.Node), kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()}})
			plan = plan[1:]
		}
		for _, x := range now {
			give(x)
		}
		for n, at := range w.ticks {
			if at == ms {
				give(coreCall{ring.NodeID(n), kvs.Event{Kind: kvs.EventTick}})
			}
		}
	}
	return c
}

// TestCoreAlone has the core serve the plans that its benchmark measures: writes are gossiped.
func TestCoreAlone(t *testing.T) {
	var m memory
	stores := make([]kvs.Replica, 16)
	for seed := range uint64(64) {
		run := recordCore(t, &m, stores, seed)
		run.play(t, stores)
		served := uint64(0)
		for n := range run.nodes {
			served += stores[n].Stats().Offered
		}
		assert.NotZero(t, served, "seed %d", seed)
	}
}

// BenchmarkStoreCore is the floor under BenchmarkStore: the core of the store alone,
// given event by event what the plans of the same seeds make of it, with no fault,
// simulator, network, disk, client or judge around it. bare/floor is what bare/store
// would be if all of that were free: deliveries are those of the whole store's runs.
func BenchmarkStoreCore(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	var rn Runner
	stores := make([]kvs.Replica, 16)
	var runs []*coreRun
	var deliveries []int64
	for seed := range benchSeeds {
		runs = append(runs, recordCore(b, &rn.memory, stores, uint64(seed)))
		deliveries = append(deliveries, runSeeds(b, &rn, seed, 1))
	}
	bare, core := newTally(1), newTally(benchSeeds)
	at := 0
	for b.Loop() {
		bare.time(func() int64 { return sim.BareLoop(sliceBare) })
		for range sliceSeeds {
			core.time(func() int64 {
				runs[at%benchSeeds].play(b, stores)
				return deliveries[at%benchSeeds]
			})
			at++
		}
	}
	b.ReportMetric(bare.rate()/core.rate(), "bare/floor")
	b.ReportMetric(bare.atBest()/core.atBest(), "best-bare/floor")
}
