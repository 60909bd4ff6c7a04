package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

func del(client, req uint64, kind, key string, arg []byte) wire.Request {
	q := put(client, req, kind, key, arg)
	q.Delete = true
	return q
}

// get reads a key of a rig.
func (g *rig) get(node int, kind, key string) wire.Response {
	a := g.ask(node, wire.Request{Client: 1 << 40, Req: 1, Kind: kind, Key: key})
	require.NotNil(g.t, a)
	require.Equal(g.t, wire.StatusOK, a.Status)
	return *a
}

// TestDeleted: a key that is deleted reads as absent, and as deleted; what is written to it
// later is found; a kind that only grows refuses.
func TestDeleted(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	req := uint64(0)
	for name, arg := range map[string][]byte{"register": []byte("v"), "counter": kind.Amount(5), "addwins": []byte("e")} {
		for _, later := range []bool{false, true} {
			req++
			require.Equal(t, wire.StatusOK, g.ask(0, put(1, req, name, name, arg)).Status)
			g.tick()
			a := g.get(1, name, name)
			assert.True(t, a.Found && !a.Deleted, "%s, later %v", name, later)
			req++
			require.Equal(t, wire.StatusOK, g.ask(1, del(1, req, name, name, nil)).Status)
			for range 4 {
				g.tick()
			}
			for n := range 3 {
				a := g.get(n, name, name)
				assert.True(t, !a.Found && a.Deleted && a.Held() && len(a.Value) > 0, "%s at %d, later %v", name, n, later)
			}
		}
	}
	for n := range 3 {
		assert.Equal(t, 3, g.hosts[n].Core().Tombstones())
	}
	require.Equal(t, wire.StatusOK, g.ask(0, put(1, 100, "set", "set", []byte("e"))).Status)
	assert.Equal(t, wire.StatusBadRequest, g.ask(0, del(1, 101, "set", "set", nil)).Status)
	assert.Equal(t, wire.StatusBadRequest, g.ask(0, del(1, 102, "register", "register", []byte("x"))).Status)
	assert.Equal(t, wire.StatusKindMismatch, g.ask(0, del(1, 103, "counter", "set", nil)).Status)
	a := g.get(0, "register", "never")
	assert.False(t, a.Found || a.Deleted || a.Held())
}

// TestDeletedByStranger: a delete of a register is taken by any replica, as a put is, and one
// that looks at what is held by owners alone.
func TestDeletedByStranger(t *testing.T) {
	g := newRig(t, 3, 1, 1, kvs.Config{ForwardTicks: 1})
	owner := int(g.cfg.Ring.Owners(0)[0])
	stranger := (owner + 1) % 3
	require.Equal(t, wire.StatusOK, g.ask(owner, put(1, 1, "register", "r", []byte("v"))).Status)
	q := del(1, 2, "register", "r", nil)
	q.Clock = g.answer.Clock
	require.Equal(t, wire.StatusOK, g.ask(stranger, q).Status)
	for range 6 {
		g.tick()
	}
	assert.True(t, g.get(owner, "register", "r").Deleted)
	assert.Equal(t, wire.StatusNotOwner, g.ask(stranger, del(1, 3, "counter", "c", nil)).Status)
}

// TestDeletedStaysDeleted: what is deleted while an owner is away does not come back with it,
// be it told by deltas or by a snapshot, nor with an older write that it has taken meanwhile,
// nor when replicas start again; what is added besides stays. (KeyDB #83, Cassandra's
// resurrection.)
func TestDeletedStaysDeleted(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {MaxLog: 3}, {CheckpointBytes: 64}, {MaxLog: 3, CheckpointBytes: 64}} {
		g := newRig(t, 3, 1, 3, cfg)
		g.keep = true
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1, "register", "r", []byte("old"))).Status)
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 2, "addwins", "s", []byte("old"))).Status)
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 3, "counter", "c", kind.Amount(5))).Status)
		for range 4 {
			g.tick()
		}
		g.down[2] = true
		require.Equal(t, wire.StatusOK, g.ask(0, del(1, 4, "register", "r", nil)).Status)
		require.Equal(t, wire.StatusOK, g.ask(0, del(1, 5, "addwins", "s", nil)).Status)
		require.Equal(t, wire.StatusOK, g.ask(0, del(1, 6, "counter", "c", nil)).Status)
		for i := range uint64(8) {
			require.Equal(t, wire.StatusOK, g.ask(1, put(2, 1+i, "set", "other", []byte{byte('a' + i)})).Status)
			g.tick()
		}
		g.down[2], g.down[0], g.down[1] = false, true, true // what it hears of nobody, it does not know to be deleted
		require.Equal(t, wire.StatusOK, g.ask(2, put(3, 1, "addwins", "s", []byte("new"))).Status)
		require.Equal(t, wire.StatusOK, g.ask(2, put(3, 2, "counter", "c", kind.Amount(2))).Status)
		g.down[0], g.down[1] = false, false
		g.start(2)
		for range 60 {
			g.tick()
		}
		for round := range 2 {
			for n := range 3 {
				assert.True(t, g.get(n, "register", "r").Deleted, "%+v, node %d, round %d", cfg, n, round)
				s := g.get(n, "addwins", "s")
				assert.Equal(t, []string{"new"}, kind.Elements(valueOf[kind.AddWins](t, &s, "addwins")), "%+v, node %d, round %d", cfg, n, round)
				c := g.get(n, "counter", "c")
				sum, err := kind.CounterSum(valueOf[kind.Counter](t, &c, "counter"))
				require.NoError(t, err)
				assert.Equal(t, int64(2), sum, "%+v, node %d, round %d", cfg, n, round)
			}
			if cfg.CheckpointBytes == 0 { // a rig truncates nothing, and a checkpoint stands among its records
				for n := range 3 {
					g.start(n)
				}
				for range 20 {
					g.tick()
				}
			}
		}
	}
}

// TestDeleteWaits: at a level whose reads wait, a delete that takes away what it sees waits
// for what its session has written, several of them too, and gives up at its deadline.
func TestDeleteWaits(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	s := &session.Session{Level: session.Causal}
	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 1, "addwins", "s", []byte("a"))).Status)
	g.down[1], g.down[0], g.down[2] = false, true, true
	for req := uint64(2); req < 4; req++ {
		require.Nil(t, g.causal(s, 1, del(1, req, "addwins", "s", kind.Element("a"))), "it waits")
	}
	g.down[0], g.down[2] = false, false
	before := g.answers
	for range 20 {
		g.tick()
	}
	assert.Equal(t, before+2, g.answers)
	assert.Equal(t, wire.StatusOK, g.answer.Status)
	assert.True(t, g.get(1, "addwins", "s").Deleted)
	assert.Equal(t, uint64(2), g.stats(1).Deletes)

	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 4, "addwins", "s", []byte("b"))).Status)
	g.down[1], g.down[0], g.down[2] = false, true, true
	q := del(1, 5, "addwins", "s", nil)
	require.Nil(t, g.causal(s, 1, q))
	for range 110 {
		g.tick()
	}
	assert.Equal(t, wire.StatusUnavailable, g.answer.Status)
	assert.Equal(t, uint64(2), g.stats(1).Deletes)
	q.Wait, q.Level = 1<<40, session.Causal
	assert.Equal(t, wire.StatusBadRequest, g.ask(1, q).Status)
}

// TestTwoDeletesAtOnce: two that have waited and are served in one step are told of as two.
func TestTwoDeletesAtOnce(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	s := &session.Session{Level: session.Causal}
	g.down[1] = true
	require.Equal(t, wire.StatusOK, g.causal(s, 0, put(1, 1, "addwins", "s", []byte("a"))).Status)
	g.down[1], g.down[0] = false, true
	core := g.hosts[1].Core()
	past, proof := s.Past()
	for req := uint64(2); req < 4; req++ {
		q := del(1, req, "addwins", "s", nil)
		q.Level, q.Clock, q.Wait, q.Deps, q.Proof = session.Causal, s.Clock(), 100, past, proof
		core.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()})
	}
	var accepted []uint64
	node := 0
	for _, o := range g.hosts[node].Core().Step(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}) {
		if o.Kind == kvs.EffectSend && o.To == 1 {
			for _, e := range core.Step(kvs.Event{Kind: kvs.EventMessage, From: 0, NowMS: g.now, Msg: o.Msg}) {
				if e.Kind == kvs.EffectPersist {
					for _, x := range core.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: g.now, Token: e.Token}) {
						if x.Kind == kvs.EffectAccept {
							accepted = append(accepted, x.Entry.Req)
						}
					}
					break
				}
			}
		}
	}
	assert.Equal(t, []uint64{2, 3}, accepted)
}
