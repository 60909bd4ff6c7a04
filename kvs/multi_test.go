package kvs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// multi has a node asked for several keys, and returns what it answers at once, nil if
// nothing.
func (g *rig) multi(node int, m wire.MultiGet) *wire.MultiAnswer {
	out := g.hosts[node].Core().Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: m.Encode()})
	return multiAnswer(g.t, out)
}

func multiAnswer(t testing.TB, out []kvs.Effect) *wire.MultiAnswer {
	for _, e := range out {
		if e.Kind == kvs.EffectRespond {
			a, err := wire.DecodeMultiAnswer(bytes.Clone(e.Msg))
			require.NoError(t, err)
			return a
		}
	}
	return nil
}

func names(kind string, keys ...string) (n []wire.ValueName) {
	for _, k := range keys {
		n = append(n, wire.ValueName{Key: k, Kind: kind})
	}
	return n
}

// TestMultiGet: each key is answered for itself: found, deleted, not there, of another kind,
// of a kind that there is not, or not held.
func TestMultiGet(t *testing.T) {
	g := newRig(t, 3, 8, 2, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	var mine, others []string
	for p, k := range keys {
		if g.cfg.Ring.Owns(0, g.cfg.Ring.PartitionOf(k)) {
			mine = append(mine, keys[p])
		} else {
			others = append(others, keys[p])
		}
	}
	require.True(t, len(mine) >= 4 && len(others) >= 1)
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1, "register", mine[0], []byte("v"))).Status)
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 2, "addwins", mine[1], []byte("e"))).Status)
	require.Equal(t, wire.StatusOK, g.ask(0, del(1, 3, "addwins", mine[1], nil)).Status)
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 4, "set", mine[2], []byte("e"))).Status)
	m := wire.MultiGet{Client: 1, Req: 5}
	m.Keys = append(names("register", mine[0]), names("addwins", mine[1])...)
	m.Keys = append(m.Keys, names("register", mine[2], mine[3], others[0], mine[0])...)
	m.Keys = append(m.Keys, names("none", mine[0])...)
	a := g.multi(0, m)
	require.NotNil(t, a)
	require.Equal(t, wire.StatusOK, a.Status)
	require.Len(t, a.Results, 7)
	want := []wire.Result{
		{Found: true}, {Deleted: true}, {Status: wire.StatusKindMismatch}, {}, {Status: wire.StatusNotOwner}, {Found: true}, {Status: wire.StatusBadRequest},
	}
	for i, x := range a.Results {
		assert.Equal(t, want[i].Status, x.Status, "%d", i)
		assert.Equal(t, want[i].Found, x.Found, "%d", i)
		assert.Equal(t, want[i].Deleted, x.Deleted, "%d", i)
		assert.Equal(t, g.cfg.Ring.PartitionOf(m.Keys[i].Key), x.Partition)
		assert.Equal(t, x.Found || x.Deleted, len(x.Value) > 0)
	}
	single := g.get(0, "register", mine[0])
	assert.Equal(t, single.Value, a.Results[0].Value)
	assert.Equal(t, single.Value, a.Response(5).Value)
}

// TestMultiGetIsBounded: an answer has no more bytes of values than a message bears; what does
// not fit says so. As many requests may wait as reads may.
func TestMultiGetIsBounded(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{MaxWaiting: 4, MaxEach: 2})
	m := wire.MultiGet{Client: 1, Req: 9}
	for i := range uint64(10) {
		key := fmt.Sprint("k", i)
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1+i, "register", key, make([]byte, 900<<10))).Status)
		m.Keys = append(m.Keys, names("register", key)...)
	}
	a := g.multi(0, m)
	require.NotNil(t, a)
	found, large := 0, 0
	for _, x := range a.Results {
		if x.Found {
			found++
		}
		if x.Status == wire.StatusTooLarge {
			large++
			assert.False(t, x.Found || x.Deleted || len(x.Value) > 0)
		}
	}
	assert.Equal(t, [2]int{4, 6}, [2]int{found, large})

	g = newRig(t, 3, 1, 3, kvs.Config{MaxWaiting: 6, MaxEach: 3})
	s := &session.Session{Level: session.Causal}
	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 1, "set", "k", []byte("a"))).Status)
	m = wire.MultiGet{Client: 1, Level: session.Causal, Wait: 50, Clock: s.Clock(), Keys: names("set", "k", "l")}
	m.Deps, m.Proof = s.Past()
	for i := range uint64(9) {
		m.Client, m.Req = 1+i%3, 2+i
		a := g.multi(1, m)
		assert.Equal(t, i < 6, a == nil, "%d", i)
		if a != nil {
			assert.Equal(t, wire.StatusBusy, a.Status)
			assert.Empty(t, a.Results)
		}
	}
	m.Wait = 1 << 40
	assert.Equal(t, wire.StatusBadRequest, g.multi(1, m).Status)
	m.Wait, m.Clock = 5, 1<<61
	assert.Equal(t, wire.StatusClockAhead, g.multi(1, m).Status)
	m.Clock, m.Proof = 0, session.Proof{}
	assert.Equal(t, wire.StatusBadRequest, g.multi(1, m).Status)
	assert.False(t, g.hosts[1].Core().Quiet())
	before := g.answers
	for range 60 {
		g.now += 20
		require.NoError(t, g.hosts[1].Do(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}))
	}
	assert.Equal(t, before+6, g.answers)
}

// TestMultiGetIsOneMoment: at causal, a value is not shown with one that depends on a later
// state of it, in whatever order the keys are asked for; it waits for that.
func TestMultiGetIsOneMoment(t *testing.T) {
	g := newRig(t, 2, 8, 2, kvs.Config{})
	keys := keysOf(g.cfg.Ring)
	s := &session.Session{Level: session.Causal}
	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 1, "set", keys[0], []byte("cause"))).Status)
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 2, "set", keys[1], []byte("effect"))).Status)
	// Node 1 hears of the effect and not of the cause.
	core := g.hosts[1].Core()
	g.now += 20
	var msgs [][]byte
	for range 3 {
		for _, e := range g.hosts[0].Core().Step(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}) {
			if e.Kind == kvs.EffectSend {
				msgs = append(msgs, append([]byte(nil), e.Msg...))
			}
		}
	}
	feed := func(only int) (out []kvs.Effect) {
		for _, msg := range msgs {
			_, body, err := wire.Open(msg)
			require.NoError(t, err)
			gossip, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(msg), body)
			require.NoError(t, err)
			keep := gossip.Items[:0]
			for _, it := range gossip.Items {
				if it.Partition == g.cfg.Ring.PartitionOf(keys[only]) {
					keep = append(keep, it)
				}
			}
			part := wire.AppendGossip(nil, gossip.From, gossip.Origin, keep)
			for _, e := range core.Step(kvs.Event{Kind: kvs.EventMessage, From: 0, NowMS: g.now, Msg: part}) {
				if e.Kind == kvs.EffectPersist {
					token := e.Token
					for _, x := range core.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: g.now, Token: token}) {
						x.Msg = append([]byte(nil), x.Msg...)
						out = append(out, x)
					}
					break
				}
			}
		}
		return out
	}
	feed(1)
	require.NotNil(t, core.Look(keys[1], "set"))
	require.Nil(t, core.Look(keys[0], "set"))
	for i, order := range [][]string{{keys[0], keys[1]}, {keys[1], keys[0]}} {
		m := wire.MultiGet{Client: uint64(10 + i), Req: 1, Level: session.Causal, Wait: 50, Keys: names("set", order...)}
		require.Nil(t, g.multi(1, m), "it waits for the cause")
	}
	alone := g.multi(1, wire.MultiGet{Client: 20, Req: 1, Level: session.Causal, Wait: 50, Keys: names("set", keys[0])})
	require.NotNil(t, alone, "alone, the cause is just not there")
	eventual := g.multi(1, wire.MultiGet{Client: 21, Req: 1, Keys: names("set", keys[0], keys[1])})
	require.NotNil(t, eventual)
	answers := 0
	for _, e := range feed(0) {
		if e.Kind == kvs.EffectRespond {
			a, err := wire.DecodeMultiAnswer(e.Msg)
			require.NoError(t, err)
			answers++
			for _, x := range a.Results {
				assert.True(t, x.Found)
			}
			assert.NotEmpty(t, a.Deps)
		}
	}
	assert.Equal(t, 2, answers)
	assert.True(t, core.Quiet() || len(g.queue) == 0)
}

// TestMultiGetIsCloned: one that waits is part of the state, and a clone's goes on by itself.
func TestMultiGetIsCloned(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	s := &session.Session{Level: session.Causal}
	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 1, "set", "k", []byte("a"))).Status)
	core := g.hosts[1].Core()
	before := core.AppendState(nil)
	m := wire.MultiGet{Client: 1, Req: 2, Level: session.Causal, Wait: 5, Clock: s.Clock(), Keys: names("set", "k")}
	m.Deps, m.Proof = s.Past()
	require.Nil(t, g.multi(1, m))
	waits := core.AppendState(nil)
	assert.NotEqual(t, before, waits)
	clone := core.Clone()
	assert.Equal(t, waits, clone.AppendState(nil))
	for range 6 {
		g.now += 20
		clone.Step(kvs.Event{Kind: kvs.EventTick, NowMS: g.now})
	}
	var u kvs.Usage
	core.Usage(&u)
	assert.Equal(t, 1, u.Waiting)
	clone.Usage(&u)
	assert.Zero(t, u.Waiting)
	assert.Equal(t, waits, core.AppendState(nil))
}
