package kvs_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestAcknowledgedElsewhere: that a subscriber has seen updates of another incarnation does not
// acknowledge those of this one, whatever their numbers.
func TestAcknowledgedElsewhere(t *testing.T) {
	node, _ := owner(t)
	n := newTold(t, node, nil)
	m := wire.Subscribe{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50}
	require.Len(t, n.ask(t, &m), 1)
	m.Origin, m.Seen = 6, 40
	assert.Empty(t, n.ask(t, &m))
	assert.Empty(t, n.add(t, "a"), "the first is not acknowledged")
	assert.False(t, n.r.Quiet())
	m.Origin, m.Seen = 7, 1
	u := n.ask(t, &m)
	require.Len(t, u, 1)
	assert.True(t, u[0].Found)
}

// TestSentAgainOnlyWhatIsCovered: an update that is sent again has the value as it is then, and
// so waits as the first one has, where the session may not see that yet.
func TestSentAgainOnlyWhatIsCovered(t *testing.T) {
	node, _ := owner(t)
	n := newTold(t, node, nil)
	m := wire.Subscribe{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50, Level: session.Causal}
	require.Len(t, n.ask(t, &m), 1)
	q := past(put(9, 1, "set", "k", []byte("effect")), session.Matrix{{Partition: 0, Origin: 7, Seq: 2}})
	n.step(t, kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
	for range 20 {
		assert.Empty(t, n.tick(t), "its cause is not held")
	}
	n.add(t, "cause")
	var told []*wire.Update
	for range 20 {
		told = append(told, n.tick(t)...)
	}
	require.NotEmpty(t, told)
	for _, u := range told {
		assert.True(t, u.Found)
	}
}

// TestCheckpointUnderWayIsCloned: a replica that is cloned while a checkpoint is given, and its
// clone, go on alike and apart: each gives the rest of it.
func TestCheckpointUnderWayIsCloned(t *testing.T) {
	cfg := alone(t, 5)
	cfg.BatchBytes, cfg.CheckpointBytes = 60, 900
	r, err := kvs.New(cfg, nil)
	require.NoError(t, err)
	clones, given := 0, 0
	var queue []kvs.Event
	do := func(on *kvs.Replica, ev kvs.Event) []kvs.Effect {
		ev.NowMS = 1000
		return effects(on.Step(ev))
	}
	note := func(out []kvs.Effect) {
		for _, e := range out {
			if e.Kind == kvs.EffectPersist {
				queue = append(queue, kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
			}
		}
	}
	parts := func(out []kvs.Effect) (n int) {
		for _, e := range out {
			if e.Kind == kvs.EffectPersist && wire.IsCheckpoint(e.Msg) {
				n++
			}
		}
		return n
	}
	for req := uint64(1); req < 300; req++ {
		q := put(1, req, "set", fmt.Sprintf("k%02d", req*7%40), fmt.Appendf(nil, "%d", req))
		ev := kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()}
		out := do(r, ev)
		note(out)
		for len(queue) > 0 {
			next := queue[0]
			queue = queue[1:]
			clone := r.Clone()
			out, also := do(r, next), do(clone, next)
			require.Len(t, also, len(out))
			for i := range out {
				require.Equal(t, out[i], also[i])
			}
			require.Equal(t, r.AppendState(nil), clone.AppendState(nil))
			if parts(out) > 0 {
				clones++
				given += parts(out)
			}
			note(out)
		}
	}
	assert.Greater(t, clones, 10)
	assert.Greater(t, given, 10)
}

// TestPieceThatComesEarly: a piece of a snapshot that comes before its turn is kept as it was,
// whatever becomes of the memory in which it came.
func TestPieceThatComesEarly(t *testing.T) {
	c := filled(t, 3, 3, 40)
	p := c.ring.PartitionOf("s0")
	c.lose(0, 0)
	r := c.replicas[0]
	burst := pieces(t, r, c.replicas[1], p, c.now)
	require.Greater(t, len(burst), 3)
	for i := len(burst) - 1; i >= 0; i-- { // the first comes last
		in := bytes.Clone(burst[i])
		out := effects(r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: in}))
		for at := range in {
			in[at] = 0xff
		}
		for _, e := range out {
			if e.Kind == kvs.EffectPersist {
				r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: e.Token})
			}
		}
	}
	assert.Equal(t, uint64(1), r.Stats().Snapshots)
	assert.Zero(t, r.Stats().Rejected)
	for name, value := range holdings(c.replicas[1]) {
		if _, key, _ := strings.Cut(name, " "); c.ring.PartitionOf(key) == p {
			assert.Equal(t, value, holdings(r)[name], name)
		}
	}
}

// TestCutAwaitsItsOwnDisk: a cut is in use once its barriers are held, also here: where nobody
// else owns a partition, once they are durable.
func TestCutAwaitsItsOwnDisk(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{0}, 16, 1)
	require.NoError(t, err)
	r, err := kvs.New(kvs.Config{Origin: 5, First: true, Ring: rg, Kinds: kind.Default(), Secret: secret, MaxPast: 4}, nil)
	require.NoError(t, err)
	var held []uint64
	var answer wire.Response
	step := func(ev kvs.Event) {
		ev.NowMS = 1000
		for _, e := range effects(r.Step(ev)) {
			switch e.Kind {
			case kvs.EffectPersist:
				held = append(held, e.Token)
			case kvs.EffectRespond:
				require.NoError(t, answer.Decode(bytes.Clone(e.Msg)))
			}
		}
	}
	durable := func() {
		for len(held) > 0 {
			token := held[0]
			held = held[1:]
			step(kvs.Event{Kind: kvs.EventPersisted, Token: token})
		}
	}
	s := &session.Session{Level: session.Causal}
	req := uint64(0)
	do := func(q wire.Request) {
		req++
		q.Client, q.Req, q.Level, q.Clock, q.Wait = 7, req, session.Causal, s.Clock(), 5
		q.Deps, q.Proof = s.Past()
		step(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
		durable()
		require.Equal(t, wire.StatusOK, answer.Status)
		require.True(t, s.ObserveBoth(answer.Deps, nil, answer.Proof, answer.Clock))
	}
	keys := keysOf(rg)
	for _, k := range keys {
		do(put(7, 1, "set", k, []byte("a")))
	}
	read := func() (marks int) {
		req++
		q := wire.Request{Client: 7, Req: req, Key: keys[0], Kind: "set", Level: session.Causal, Clock: s.Clock(), Wait: 5}
		q.Deps, q.Proof = s.Past()
		step(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
		require.Equal(t, wire.StatusOK, answer.Status)
		return len(answer.Deps)
	}
	require.Equal(t, 16, read())
	for range 40 {
		step(kvs.Event{Kind: kvs.EventTick})
	}
	require.NotEmpty(t, held, "barriers are being persisted")
	assert.Equal(t, 16, read(), "and the cut is not in use")
	durable()
	step(kvs.Event{Kind: kvs.EventTick})
	assert.Equal(t, 1, read())
}

// TestDeleteMayGrow: a delete of what is as large as it may be is served, though what it leaves
// is larger: else nothing could ever be taken away.
func TestDeleteMayGrow(t *testing.T) {
	g := newRig(t, 1, 1, 1, kvs.Config{MaxValueBytes: 16})
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1, "counter", "c", kind.Amount(1<<55))).Status)
	grown := g.ask(0, put(1, 2, "counter", "c", kind.Amount(-1<<55)))
	require.Equal(t, wire.StatusTooLarge, grown.Status)
	a := g.ask(0, del(1, 3, "counter", "c", nil))
	require.Equal(t, wire.StatusOK, a.Status, a.Detail)
	got := g.get(0, "counter", "c")
	assert.True(t, got.Deleted)
	assert.Greater(t, len(got.Value), 16)
}

// TestDeleteSeesWhatIsOutside: a delete takes away what a value has, be that in memory or not,
// or in part.
func TestDeleteSeesWhatIsOutside(t *testing.T) {
	for _, warm := range []bool{false, true} {
		cfg := alone(t, 5)
		shelf := newShelf(7)
		cfg.Values, cfg.CacheBytes, cfg.CheckpointBytes = shelf, 1000, 200
		r, err := kvs.New(cfg, nil)
		require.NoError(t, err)
		var answer wire.Response
		var step func(ev kvs.Event)
		step = func(ev kvs.Event) {
			ev.NowMS = 1000
			for _, e := range effects(r.Step(ev)) {
				switch e.Kind {
				case kvs.EffectPersist:
					step(kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
				case kvs.EffectKeep:
					shelf.keep(e.Token, e.Msg)
				case kvs.EffectHarden:
					shelf.sync()
					step(kvs.Event{Kind: kvs.EventHardened, Token: e.Token})
				case kvs.EffectRespond:
					require.NoError(t, answer.Decode(bytes.Clone(e.Msg)))
				}
			}
		}
		ask := func(q wire.Request) {
			step(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
			require.Equal(t, wire.StatusOK, answer.Status, answer.Detail)
		}
		ask(put(1, 1, "addwins", "k", []byte("a")))
		for req := range uint64(60) {
			ask(put(1, 2+req, "set", fmt.Sprint("other", req%9), bytes.Repeat([]byte{byte(req)}, 30)))
			step(kvs.Event{Kind: kvs.EventTick})
		}
		require.Positive(t, r.Stats().Kept)
		if warm { // something of it is in memory
			ask(put(1, 90, "addwins", "k", []byte("b")))
		}
		ask(del(1, 91, "addwins", "k", nil))
		ask(wire.Request{Client: 1, Req: 92, Key: "k", Kind: "addwins"})
		assert.True(t, answer.Deleted)
		assert.Positive(t, r.Stats().Loaded)
	}
}

// TestDeleteThatWaitsIsCloned: what a delete that waits has seen is not touched in a clone when
// the replica serves it, and puts a cut in place of most of it.
func TestDeleteThatWaitsIsCloned(t *testing.T) {
	g, _, keys, _ := roamed(t, 64)
	core := g.hosts[0].Core()
	g.down[0] = true
	a := *g.ask(1, put(9, 1, "addwins", "d", []byte("e")))
	g.down[0] = false
	var seen session.Matrix
	for p := range ring.Partition(len(keys)) {
		seen.MergeIn(session.Matrix{{Partition: p, Origin: core.Origin(), Seq: 1}})
	}
	seen.MergeIn(session.Matrix{{Partition: a.Partition, Origin: a.Dot.Origin, Seq: a.Dot.Seq}})
	q := past(del(9, 2, "addwins", "d", nil), seen)
	q.Wait = 100
	require.Nil(t, g.ask(0, q), "it waits for what node 1 has")
	clone := core.Clone()
	waiting := clone.AppendState(nil)
	before := g.answers
	for range 40 {
		g.tick()
	}
	require.Equal(t, before+1, g.answers)
	assert.Less(t, len(g.answer.Deps), 10, "the cut is used")
	assert.True(t, g.get(0, "addwins", "d").Deleted)
	assert.Equal(t, waiting, clone.AppendState(nil))
}

// TestLeasesEndTogether: subscriptions whose leases end at one tick are all forgotten then, and
// what is due of another is sent at that tick; of those that can be told nothing any more at one
// growth all end with it, and the others are told.
func TestLeasesEndTogether(t *testing.T) {
	node, _ := owner(t)
	n := newTold(t, node, func(c *kvs.Config) { c.MaxSubscriptions = 5 })
	subscribe := func(client, lease uint64, kind string) {
		t.Helper()
		m := wire.Subscribe{Client: client, Number: 1, Sent: 1, Key: "k", Kind: kind, Lease: lease}
		u := n.ask(t, &m)
		require.Len(t, u, 1)
		require.Equal(t, wire.StatusOK, u[0].Status, u[0].Detail)
		m.Origin, m.Seen = 7, u[0].Version
		require.Empty(t, n.ask(t, &m))
	}
	for round := range uint64(2) {
		for client := range uint64(4) {
			subscribe(1+10*round+client, 5, "set")
		}
		subscribe(5+10*round, 7, "set")
		for tick := 1; tick <= 4; tick++ {
			require.Empty(t, n.tick(t))
		}
		u := n.add(t, fmt.Sprint("a", round))
		require.Len(t, u, 5)
		u = n.tick(t)
		require.Len(t, u, 1, "the one that stays is told again at the tick at which the others end")
		assert.Equal(t, 5+10*round, u[0].Client)
		n.tick(t)
		n.tick(t)
		assert.True(t, n.r.Quiet())
	}

	n = newTold(t, node, nil)
	for client := range uint64(4) {
		m := wire.Subscribe{Client: 20 + client, Number: 1, Sent: 1, Key: "k", Kind: []string{"counter", "counter", "counter", "set"}[client], Lease: 50}
		m.Level, m.Deps = session.Causal, session.Matrix{{Partition: 0, Origin: 7, Seq: 1}}
		m.Proof = notary.ProveBoth(m.Deps, nil)
		require.Empty(t, n.ask(t, &m), "the replica has yet to write what it has seen")
	}
	u := n.add(t, "a")
	require.Len(t, u, 4)
	for i := range u {
		assert.Equal(t, uint64(20+i), u[i].Client)
		assert.Equal(t, []wire.Status{wire.StatusKindMismatch, wire.StatusOK}[i/3], u[i].Status)
	}
}

// TestSubscriberThatMayNoMore: a subscriber whose message is refused is told so, and is none any
// more, though it was one before.
func TestSubscriberThatMayNoMore(t *testing.T) {
	node, _ := owner(t)
	for status, change := range map[wire.Status]func(m *wire.Subscribe){
		wire.StatusBadRequest: func(m *wire.Subscribe) { m.Lease = 0 },
		wire.StatusClockAhead: func(m *wire.Subscribe) { m.Clock = 1 << 61 },
	} {
		n := newTold(t, node, nil)
		m := wire.Subscribe{Client: 5, Number: 3, Sent: 1, Key: "k", Kind: "set", Lease: 50}
		u := n.ask(t, &m)
		require.Len(t, u, 1)
		m.Origin, m.Seen = 7, u[0].Version
		again := m
		change(&again)
		u = n.ask(t, &again)
		require.Len(t, u, 1)
		assert.Equal(t, status, u[0].Status)
		assert.Equal(t, []uint64{5, 3}, []uint64{u[0].Client, u[0].Req})
		assert.Empty(t, n.add(t, "a"), "it is no subscriber")
		assert.True(t, n.r.Quiet())
		u = n.ask(t, &m)
		require.Len(t, u, 1, "and may be one again")
		assert.True(t, u[0].Found)
	}
}

// TestSubscriptionIsState: what a subscription stands for, and what is still to be told, is part
// of a replica's state.
func TestSubscriptionIsState(t *testing.T) {
	node, _ := owner(t)
	states := map[string]bool{}
	count := 0
	for _, m := range []wire.Subscribe{
		{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50},
		{Client: 6, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50},
		{Client: 5, Number: 2, Sent: 1, Key: "k", Kind: "set", Lease: 50},
		{Client: 5, Number: 1, Sent: 1, Key: "l", Kind: "set", Lease: 50},
		{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "register", Lease: 50},
		{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 49},
		{Client: 5, Number: 1, Sent: 1, Key: "k", Kind: "set", Lease: 50, Level: session.Causal},
	} {
		m.Sent = 1
		n := newTold(t, node, nil)
		require.Len(t, n.ask(t, &m), 1)
		same := newTold(t, node, nil)
		require.Len(t, same.ask(t, &m), 1)
		require.Equal(t, n.r.AppendState(nil), same.r.AppendState(nil))
		states[string(n.r.AppendState(nil))] = true
		m.Origin, m.Seen = 7, 1
		require.Empty(t, n.ask(t, &m))
		states[string(n.r.AppendState(nil))] = true
		count += 2
	}
	assert.Len(t, states, count)
}
