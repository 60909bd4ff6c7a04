package scenario

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/net"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// twin is the store on goroutines in a bubble of testing/synctest: the same core,
// codec, plan, sessions and judges as under the simulator, a goroutine a replica
// and a session, channels for inboxes and timers for everything that takes time. Of
// the faults it has drops, copies and delays at the seed's levels; nodes do not
// crash and links are not cut, so it has less to do, not more. It is what a test of
// the store without the simulator would look like, and is no determinism.
type twin struct {
	*run
	mu         sync.Mutex // guards the run and the choices; one core has no use for finer locks
	src        choice.Source
	asked      uint64
	replicas   []*replica
	inboxes    []chan kvs.Event
	answers    []chan []byte // by session
	stop       chan struct{}
	deliveries atomic.Int64
	began      time.Time
	horizon    time.Duration
	rates      net.Rates
}

const (
	twinLatency = time.Millisecond
	twinDisk    = 200 * time.Microsecond
	twinInbox   = 1024
)

func (w *twin) now() time.Duration { return time.Since(w.began) }

// rare asks whether a fault strikes; w.mu is held.
func (w *twin) rare(site string, c sim.Class, permille [sim.NumLevels]int) bool {
	l := w.setup.Faults[c]
	if l == sim.Off || w.now() >= w.horizon {
		return false
	}
	w.asked++
	return w.src.Choose(choice.Point{Site: site, Key: w.asked, N: 2, Rare: choice.Permille(permille[l])}) != 0
}

// post has deliver called when a message that is sent now arrives, if it does.
func (w *twin) post(deliver func()) {
	copies := 1
	if w.rare("drop", sim.Drop, w.rates.Drop) {
		copies = 0
	} else if w.rare("duplicate", sim.Duplicate, w.rates.Duplicate) {
		copies = 2
	}
	for range copies {
		after := twinLatency
		if w.rare("delay", sim.Delay, w.rates.Delay) {
			after *= 10
		}
		time.AfterFunc(after, deliver)
	}
}

func (w *twin) toReplica(n int, ev kvs.Event) {
	select {
	case w.inboxes[n] <- ev:
	case <-w.stop:
	}
}

// serve is the goroutine of a replica.
func (w *twin) serve(n int) {
	for {
		select {
		case ev := <-w.inboxes[n]:
			w.deliveries.Add(1)
			w.mu.Lock()
			ev.NowMS = clockBase + uint64(w.now()/time.Millisecond)
			if err := w.replicas[n].host.Do(ev); err != nil {
				w.err = err
			}
			if ev.Kind == kvs.EventPersisted {
				w.tell(func(o oracle.Oracle) { o.Persisted(ring.NodeID(n)) })
			}
			w.mu.Unlock()
		case <-w.stop:
			return
		}
	}
}

// twinEnv carries out what the replica n decides.
type twinEnv struct {
	*twin
	n int
}

func (w twinEnv) Send(to ring.NodeID, _ wire.MessageKind, msg []byte) {
	msg = bytes.Clone(msg)
	w.post(func() {
		w.toReplica(int(to), kvs.Event{Kind: kvs.EventMessage, From: ring.NodeID(w.n), Msg: msg})
	})
}

func (w twinEnv) Respond(session uint64, msg []byte) {
	to := int(session) - 1
	msg = bytes.Clone(msg)
	w.post(func() {
		select {
		case w.answers[to] <- msg:
		case <-w.stop:
		}
	})
}

func (w twinEnv) Persist(token uint64, _ []byte) error {
	time.AfterFunc(twinDisk, func() { w.toReplica(w.n, kvs.Event{Kind: kvs.EventPersisted, Token: token}) })
	return nil
}

func (w twinEnv) After(ms uint64) {
	time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { w.toReplica(w.n, kvs.Event{Kind: kvs.EventTick}) })
}

func (w twinEnv) Truncate(uint64) {} // nothing starts again

func (w twinEnv) Accepted(e *gossip.Entry) { w.accepted(ring.NodeID(w.n), e) }

// Running is the replica n, none of which ever goes down.
func (w *twin) Running(n ring.NodeID) *kvs.Replica { return w.replicas[n].core }

// session is the goroutine of a session: it issues the operations at these
// positions, one after the other.
func (w *twin) session(s *sessionState) {
	for ; s.first < len(s.queue); s.first++ {
		o := &w.ops[s.current()]
		time.Sleep(time.Duration(o.At) - w.now())
		w.deliveries.Add(1)
		w.mu.Lock()
		q, err := w.ask(s, int64(w.now()))
		if err != nil {
			w.err = err
		}
		msg := bytes.Clone(q)
		w.post(func() { w.toReplica(o.Node, kvs.Event{Kind: kvs.EventRequest, Msg: msg}) })
		w.mu.Unlock()
		w.await(s, o)
	}
}

func (w *twin) await(s *sessionState, o *workload.Operation) {
	deadline := time.NewTimer(time.Duration(timeout))
	defer deadline.Stop()
	var resp wire.Response
	for {
		select {
		case msg := <-w.answers[s.number]:
			w.deliveries.Add(1)
			if err := resp.Decode(msg); err != nil || resp.Req != o.ID {
				continue
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.answered(s, o.Node, &resp, int64(w.now()))
			return
		case <-deadline.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.unanswered(s, int64(w.now()))
			return
		}
	}
}

// sessions runs operations from first on, each session in a goroutine, and waits
// for all of them.
func (w *twin) sessions(first int) {
	var states []*sessionState
	for at := first; at < len(w.ops); at++ {
		n := w.ops[at].Session
		for len(states) <= n {
			s := &sessionState{number: len(states)}
			if s.state.Level = w.level; s.number >= w.setup.Sessions {
				s.state.Level = 0
			}
			states = append(states, s)
		}
		states[n].queue = append(states[n].queue, at)
	}
	for len(w.answers) < len(states) {
		w.answers = append(w.answers, make(chan []byte, twinInbox))
	}
	var wg sync.WaitGroup
	for _, s := range states {
		wg.Go(func() { w.session(s) })
	}
	wg.Wait()
}

// rest waits until no replica has anything left to do.
func (w *twin) rest() {
	for quiet := false; !quiet; {
		time.Sleep(time.Duration(quietFor))
		w.mu.Lock()
		quiet = true
		for _, r := range w.replicas {
			quiet = quiet && r.core.Quiet()
		}
		w.mu.Unlock()
	}
}

// disagree reports whether owners of a key hold different values.
func (w *twin) disagree() bool {
	for _, k := range workload.Keys(w.ops) {
		var first []byte
		for i, o := range w.ring.Owners(w.ring.PartitionOf(k.Name)) {
			var b []byte
			if v := w.replicas[o].core.Look(k.Name, string(k.Type)); v != nil {
				b = v.Append(nil)
			}
			if i == 0 {
				first = b
			} else if !bytes.Equal(first, b) {
				return true
			}
		}
	}
	return false
}

// runTwin runs and judges a seed on goroutines and returns its deliveries.
func runTwin(t *testing.T, m *memory, seed uint64) (deliveries int64) {
	setup := draw(Config{}, seed, 0)
	setup.LateMS, setup.Moves, setup.Decisions = 0, nil, nil
	rg, err := m.ring(&setup)
	if err != nil {
		t.Fatal(err)
	}
	plan := workload.Draw(choice.Seeded(choice.MixString(seed, "plan")), setup.workload(), rg, &m.plan)
	setup.Operations = len(plan)
	r, err := newRun(m, setup, plan)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &twin{
			run: r, src: choice.Seeded(seed), stop: make(chan struct{}), began: time.Now(), rates: net.DefaultRates(),
			horizon: time.Duration(setup.HorizonMS) * time.Millisecond,
		}
		for n := range setup.Nodes {
			h := m.replica(r, sim.NodeID(n), new(device))
			if err := h.store.Reset(h.config(1), nil); err != nil {
				t.Fatal(err)
			}
			h.core = &h.store
			w.replicas, w.inboxes = append(w.replicas, h), append(w.inboxes, make(chan kvs.Event, twinInbox))
		}
		w.tell(func(o oracle.Oracle) { o.Begin(w) })
		var wg sync.WaitGroup
		for n := range w.replicas {
			w.mu.Lock()
			w.replicas[n].host = host.New(w.replicas[n].core, twinEnv{w, n})
			if err := w.replicas[n].host.Start(); err != nil {
				w.err = err
			}
			w.mu.Unlock()
			wg.Go(func() { w.serve(n) })
		}
		w.sessions(0)
		if left := w.horizon - w.now(); left > 0 {
			time.Sleep(left)
		}
		w.rest()
		fence := int64(w.now())
		if w.disagree() {
			t.Errorf("seed %d: replicas differ at rest", seed)
		}
		w.final()
		close(w.stop)
		wg.Wait()
		deliveries = w.deliveries.Load()
		w.judge(t, fence)
	})
	return deliveries
}

// final has every owner read once more.
func (w *twin) final() {
	first := len(w.ops)
	id, at := uint64(workload.FirstFinal), sim.Time(w.now())+finalGap
	for _, k := range workload.Keys(w.ops) {
		for i, owner := range w.ring.Owners(w.ring.PartitionOf(k.Name)) {
			w.add(workload.Operation{ID: id, At: at, Session: w.setup.Sessions + i, Node: int(owner), Func: "read", Type: k.Type, Key: k.Name})
			id++
		}
		at += finalGap
	}
	w.sessions(first)
}

func (w *twin) judge(t *testing.T, fence int64) {
	if w.err != nil {
		t.Fatal(w.err)
	}
	h, _ := w.makeHistory([]int64{fence})
	res := &Result{history: h}
	if err := w.checkAll(t.Context(), res); err != nil {
		t.Fatal(err)
	}
	for _, v := range w.failed {
		t.Errorf("seed %d: %v", w.setup.Seed, v)
	}
}

// inTest runs f in a test of its own, which is what synctest wants, and reports
// whether it passed.
func inTest(f func(t *testing.T)) bool {
	return testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "twin", F: f}})
}

// bareTwin passes n messages among five goroutines in virtual time, two tokens a
// goroutine, each hop taking a millisecond: [sim.BareLoop] on goroutines.
func bareTwin(n int64) (handled int64) {
	const nodes = 5
	var chans [nodes]chan []byte
	for i := range chans {
		chans[i] = make(chan []byte, 2*nodes)
	}
	var wg sync.WaitGroup
	counts := [nodes]int64{}
	for i := range chans {
		wg.Go(func() {
			for m := range chans[i] {
				if counts[i]++; counts[i] == n/nodes {
					return
				}
				time.Sleep(time.Millisecond)
				chans[(i+1)%nodes] <- m
			}
		})
	}
	for i := range 2 * nodes {
		chans[i%nodes] <- []byte("token")
	}
	wg.Wait()
	for _, c := range counts {
		handled += c
	}
	return handled
}

// TestTwinHolds: the twin is a fair one, since it runs whole plans and the judges
// find nothing.
func TestTwinHolds(t *testing.T) {
	var m memory
	for seed := range uint64(8) {
		if got := runTwin(t, &m, seed); got < 200 {
			t.Errorf("seed %d: %d deliveries", seed, got)
		}
	}
}
