package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// beyond is a past of a partition that no replica of a rig has: that of sequence number seq of
// an origin that is there.
func beyond(p ring.Partition, origin, seq uint64) session.Matrix {
	return session.Matrix{{Partition: p, Origin: origin, Seq: seq}}
}

// waitsFor is a request for keys of kind set whose session has seen m.
func waitsFor(client uint64, wait uint64, m session.Matrix, keys ...string) wire.MultiGet {
	return wire.MultiGet{
		Client: client, Req: 1, Level: session.Causal, Wait: wait, Deps: m, Proof: notary.ProveBoth(m, nil), Keys: names("set", keys...),
	}
}

// TestMultiGetDeadline: requests for several keys are given up at the tick of their deadline,
// as reads are, neither earlier nor later, and leave nothing among those that wait.
func TestMultiGetDeadline(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{MaxWaiting: 4, MaxEach: 4})
	never := beyond(0, 1, 9)
	for range 3 { // more rounds than there is room for, were some counted on
		for client := uint64(1); client <= 3; client++ {
			require.Nil(t, g.multi(0, waitsFor(client, 5, never, "k", "l")))
		}
		q := past(wire.Request{Client: 4, Req: 1, Kind: "set", Key: "k", Wait: 5}, never)
		require.Nil(t, g.ask(0, q))
		before := g.answers
		for tick := 1; tick <= 5; tick++ {
			assert.Equal(t, before, g.answers, "before tick %d", tick)
			g.tick()
		}
		assert.Equal(t, before+4, g.answers)
		var u kvs.Usage
		g.hosts[0].Core().Usage(&u)
		assert.Zero(t, u.Waiting)
	}
}

// TestMultiGetKeepsItsPast: what a request that waits has seen stays what it was when others
// come.
func TestMultiGetKeepsItsPast(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	core := g.hosts[0].Core()
	next := causal.Dot{Origin: core.Origin(), Seq: 1}
	require.Nil(t, g.multi(0, waitsFor(1, 50, beyond(0, next.Origin, 1), "k")))
	require.Nil(t, g.multi(0, waitsFor(2, 0, beyond(0, next.Origin, 9), "k")), "it is given up with the next tick")
	g.tick()
	before := g.answers
	a := g.ask(0, put(3, 1, "set", "k", []byte("a")))
	require.Equal(t, next, a.Dot)
	assert.Equal(t, before+2, g.answers, "the write's, and that of who has waited for it")
}

// TestMultiGetOfKeysNotHeld: a replica answers for the keys that it holds, at once where its
// session has seen nothing of these that it lacks, whatever it has seen of the others; and
// says of the others that it does not hold them, though it has writes to hand over.
func TestMultiGetOfKeysNotHeld(t *testing.T) {
	g := newRig(t, 3, 8, 1, kvs.Config{})
	var mine, other string
	for _, k := range keysOf(g.cfg.Ring) {
		if g.cfg.Ring.Owns(0, g.cfg.Ring.PartitionOf(k)) {
			mine = k
		} else {
			other = k
		}
	}
	for n := 1; n < 3; n++ {
		g.down[n] = true
	}
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1, "set", other, []byte("a"))).Status)
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 2, "set", mine, []byte("b"))).Status)
	seen := beyond(g.cfg.Ring.PartitionOf(other), 2, 7)
	for _, m := range []wire.MultiGet{waitsFor(1, 50, seen, other, mine), {Client: 1, Req: 3, Keys: names("set", other, mine)}} {
		a := g.multi(0, m)
		require.NotNil(t, a, "level %v", m.Level)
		assert.Equal(t, wire.StatusNotOwner, a.Results[0].Status)
		assert.False(t, a.Results[0].Found)
		assert.Empty(t, a.Results[0].Value)
		assert.True(t, a.Results[1].Found)
	}
}

// TestMultiGetSeesDeletes: who is shown that a key was deleted has seen the delete, and what it
// depends on, as who reads the key alone has.
func TestMultiGetSeesDeletes(t *testing.T) {
	g := newRig(t, 3, 4, 3, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	w := &session.Session{Level: session.Causal}
	require.Equal(t, wire.StatusOK, g.causal(w, 0, put(1, 1, "set", keys[0], []byte("cause"))).Status)
	require.Equal(t, wire.StatusOK, g.causal(w, 0, del(1, 2, "register", keys[1], nil)).Status)
	a := g.multi(0, wire.MultiGet{Client: 2, Req: 1, Level: session.Causal, Wait: 5, Keys: names("register", keys[1], keys[2])})
	require.NotNil(t, a)
	require.True(t, a.Results[0].Deleted)
	assert.Len(t, a.Deps, 2, "the delete, and what it depends on")
	r := g.ask(0, past(wire.Request{Client: 2, Req: 2, Key: keys[1], Kind: "register", Wait: 5}, nil))
	require.True(t, r.Deleted)
	assert.Equal(t, r.Deps, a.Deps)
}

// TestMultiGetMovesTheClock: a replica follows the time that a session has met, which the
// answer is not before.
func TestMultiGetMovesTheClock(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	met := uint64(1000+100)<<16 + 7 // the session has come from where it is later
	a := g.multi(0, wire.MultiGet{Client: 1, Req: 1, Clock: met, Keys: names("set", "k")})
	require.NotNil(t, a)
	assert.GreaterOrEqual(t, a.Clock, met)
	assert.Greater(t, g.ask(0, put(2, 1, "set", "k", []byte("a"))).Clock, met)
}

// TestMultiPutAtPRAM: at a level with two pasts, each of several writes joins both: a later one
// depends on those before, and the session has written all of them.
func TestMultiPutAtPRAM(t *testing.T) {
	g := newRig(t, 3, 4, 3, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	var deps [][]session.Mark
	m := several(session.PRAM,
		wire.Put{Key: keys[0], Kind: "register", Arg: []byte("a")}, wire.Put{Key: keys[1], Kind: "counter", Arg: kind.Amount(2)},
		wire.Put{Key: keys[2], Kind: "set", Arg: []byte("e")})
	for _, e := range g.hosts[0].Core().Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: m.Encode()}) {
		if e.Kind == kvs.EffectAccept {
			deps = append(deps, e.Entry.Deps.Clone())
		}
	}
	require.Len(t, deps, 3)
	for i := range deps {
		require.Len(t, deps[i], i)
		for _, d := range deps[i] {
			assert.Equal(t, uint64(1), d.Seq)
		}
	}
	g = newRig(t, 3, 4, 3, kvs.Config{})
	answers := g.puts(0, several(session.PRAM, m.Puts...))
	for req := 1; req <= 3; req++ {
		assert.Len(t, answers[uint64(req)].Own, req)
		assert.Len(t, answers[uint64(req)].Deps, req)
	}
}

// TestMultiPutRepeatedElsewhere: each write of a request that is repeated at a replica which has
// heard of none of them is one that may have been served: counters count it once.
func TestMultiPutRepeatedElsewhere(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	m := several(session.Eventual, wire.Put{Key: "a", Kind: "counter", Arg: kind.Amount(2)}, wire.Put{Key: "b", Kind: "counter", Arg: kind.Amount(3)})
	g.down[1] = true
	require.Len(t, g.puts(0, m), 2)
	m.Again = true
	g.down[0], g.down[1] = true, false
	require.Len(t, g.puts(1, m), 2)
	g.down[0] = false
	for range 40 {
		g.tick()
	}
	for n := range 3 {
		for i, want := range []int64{2, 3} {
			c := g.get(n, "counter", string(rune('a'+i)))
			sum, err := kind.CounterSum(valueOf[kind.Counter](t, &c, "counter"))
			require.NoError(t, err)
			assert.Equal(t, want, sum, "node %d", n)
		}
	}
}

// TestMultiGetAtPRAM: a session with two pasts shows both, and is told both again.
func TestMultiGetAtPRAM(t *testing.T) {
	g := newRig(t, 3, 4, 3, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	a := g.puts(0, several(session.PRAM, wire.Put{Key: keys[0], Kind: "set", Arg: []byte("a")}))[1]
	require.NotEmpty(t, a.Own)
	b := g.multi(0, wire.MultiGet{
		Client: 1, Req: 2, Level: session.PRAM, Wait: 5, Clock: a.Clock, Deps: a.Deps, Own: a.Own, Proof: a.Proof, Keys: names("set", keys[0], keys[1]),
	})
	require.NotNil(t, b)
	require.Equal(t, wire.StatusOK, b.Status, b.Detail)
	assert.True(t, b.Results[0].Found)
	assert.Equal(t, a.Own, b.Own)
	assert.Equal(t, a.Deps, b.Deps)
	assert.True(t, notary.VouchesBoth(b.Deps, b.Own, b.Proof))
}

// TestMultiPutPassesAllOn: each write of a request is served as one that asks for all that the
// request does: at its level, acknowledged as it says, not before what its session has met, and
// for no longer than it would wait.
func TestMultiPutPassesAllOn(t *testing.T) {
	two := func() wire.MultiPut {
		return several(session.Eventual, wire.Put{Key: "a", Kind: "set", Arg: []byte("a")}, wire.Put{Key: "b", Kind: "set", Arg: []byte("b")})
	}
	g := newRig(t, 3, 1, 3, kvs.Config{})
	m := two()
	m.Ack, m.Wait = session.Owners(3), 4
	g.down[1], g.down[2] = true, true
	require.Empty(t, g.puts(0, m), "it waits for owners that are down")
	before := g.answers
	for tick := 1; tick <= 4; tick++ {
		assert.Equal(t, before, g.answers, "before tick %d", tick)
		g.tick()
	}
	assert.Equal(t, before+2, g.answers)
	m.Wait = 1 << 40
	assert.Equal(t, wire.StatusBadRequest, newRig(t, 3, 1, 3, kvs.Config{}).puts(0, m)[1].Status)

	g = newRig(t, 3, 1, 3, kvs.Config{})
	m = two()
	m.Clock = uint64(1000+100) << 16 // the session has come from where it is later
	for i := range m.Puts {
		m.Puts[i].Stamp += m.Clock
	}
	for req, a := range g.puts(0, m) {
		assert.Equal(t, wire.StatusOK, a.Status, a.Detail)
		assert.Greater(t, a.Clock, m.Clock+req-1)
	}
	m = two()
	m.Clock, m.Client = uint64(1000+100)<<16, 2
	assert.Equal(t, wire.StatusBadRequest, g.puts(0, m)[1].Status, "stamps that are earlier than what the session has met")

	g = newRig(t, 3, 1, 3, kvs.Config{})
	m = two()
	m.Ack = session.AckMemory
	answered := 0
	for _, e := range g.hosts[0].Core().Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: m.Encode()}) {
		if e.Kind == kvs.EffectRespond {
			answered++
		}
	}
	assert.Equal(t, 2, answered, "before any of it is durable")
}

// TestMultiGetRefused: a refusal names the request, the replica's time, and why.
func TestMultiGetRefused(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{MaxWaiting: 3, MaxEach: 2, MaxWaitTicks: 50})
	clock := g.ask(0, put(8, 1, "set", "k", []byte("a"))).Clock
	never := beyond(0, 1, 9)
	refused := func(m wire.MultiGet, s wire.Status, why string) {
		t.Helper()
		m.Req = 17
		a := g.multi(0, m)
		require.NotNil(t, a)
		assert.Contains(t, a.Detail, why)
		a.Detail = ""
		assert.Equal(t, &wire.MultiAnswer{Client: m.Client, Req: 17, Status: s, Clock: clock}, a)
	}
	m := waitsFor(1, 5, never, "k")
	m.Clock = 1 << 61
	refused(m, wire.StatusClockAhead, "this replica's clock is at 1000 ms")
	m = waitsFor(1, 5, never, "k")
	m.Proof = session.Proof{}
	refused(m, wire.StatusBadRequest, "no replica vouches")
	refused(waitsFor(1, 51, never, "k"), wire.StatusBadRequest, "a wait of 51 ticks, want at most 50")
	require.Nil(t, g.multi(0, waitsFor(1, 50, never, "k")))
	require.Nil(t, g.multi(0, waitsFor(1, 50, never, "k")))
	refused(waitsFor(1, 5, never, "k"), wire.StatusBusy, "2 reads of the session are waiting")
	require.Nil(t, g.multi(0, waitsFor(2, 50, never, "k")))
	refused(waitsFor(3, 5, never, "k"), wire.StatusBusy, "3 reads are waiting")
	var given []*wire.MultiAnswer
	for range 50 {
		g.now += 20
		for _, e := range g.hosts[0].Core().Step(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}) {
			if e.Kind == kvs.EffectRespond {
				given = append(given, multiAnswer(t, []kvs.Effect{e}))
			}
		}
	}
	require.Len(t, given, 3)
	for i, a := range given {
		assert.Contains(t, a.Detail, "the partitions of 1 keys have not caught up with the session after 50 ticks")
		a.Detail = ""
		assert.Equal(t, &wire.MultiAnswer{Client: []uint64{1, 1, 2}[i], Req: 1, Status: wire.StatusUnavailable, Clock: clock}, a)
	}
}
