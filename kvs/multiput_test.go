package kvs_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// puts has a node asked for several writes, whose records are durable at once, and returns the
// answers by number.
func (g *rig) puts(node int, m wire.MultiPut) map[uint64]wire.Response {
	answers := map[uint64]wire.Response{}
	core := g.hosts[node].Core()
	var take func(out []kvs.Effect)
	take = func(out []kvs.Effect) {
		var tokens []uint64
		for _, e := range out {
			switch e.Kind {
			case kvs.EffectRespond:
				a, err := wire.DecodeResponse(bytes.Clone(e.Msg))
				require.NoError(g.t, err)
				answers[a.Req] = *a
			case kvs.EffectPersist:
				tokens = append(tokens, e.Token)
			}
		}
		for _, token := range tokens {
			take(core.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: g.now, Token: token}))
		}
	}
	take(core.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: m.Encode()}))
	return answers
}

func several(level session.Level, puts ...wire.Put) wire.MultiPut {
	for i := range puts {
		puts[i].Req, puts[i].Stamp = uint64(i+1), 900<<16+uint64(i)
	}
	return wire.MultiPut{Client: 1, Level: level, Puts: puts}
}

// TestMultiPut: each write has a dot, an answer and a place in the order of its session: a
// later one depends on those before, as far as its level says.
func TestMultiPut(t *testing.T) {
	for _, level := range []session.Level{session.Eventual, session.MonotonicWrites, session.Causal} {
		g := newRig(t, 3, 4, 3, kvs.Config{})
		keys := keysOf(g.cfg.Ring)
		m := several(level,
			wire.Put{Key: keys[0], Kind: "register", Arg: []byte("a")}, wire.Put{Key: keys[1], Kind: "counter", Arg: kind.Amount(2)},
			wire.Put{Key: keys[1], Kind: "counter", Arg: kind.Amount(3)}, wire.Put{Key: keys[2], Kind: "addwins", Arg: []byte("e")})
		answers := g.puts(0, m)
		require.Len(t, answers, 4)
		var dots []causal.Dot
		for req := uint64(1); req < 5; req++ {
			a := answers[req]
			require.Equal(t, wire.StatusOK, a.Status)
			dots = append(dots, a.Dot)
			if level == session.Causal {
				assert.Len(t, a.Deps, []int{1, 2, 2, 3}[req-1], "a mark for each partition so far")
			}
		}
		assert.Equal(t, uint64(2), dots[2].Seq)
		again := m
		again.Again = true
		for req, a := range g.puts(0, again) {
			assert.Equal(t, answers[req].Dot, a.Dot, "it is served once")
		}
		for range 4 {
			g.tick()
		}
		for n := range 3 {
			c := g.get(n, "counter", keys[1])
			sum, err := kind.CounterSum(valueOf[kind.Counter](t, &c, "counter"))
			require.NoError(t, err)
			assert.Equal(t, int64(5), sum)
			assert.True(t, g.get(n, "register", keys[0]).Found && g.get(n, "addwins", keys[2]).Found)
		}
	}
}

// TestMultiPutEnds: what is refused ends it; what stands before is served, and a repeat, here
// or elsewhere, goes on from there in order.
func TestMultiPutEnds(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{})
	require.Equal(t, wire.StatusOK, g.ask(0, put(9, 1, "set", "s", []byte("e"))).Status)
	m := several(session.Causal,
		wire.Put{Key: "a", Kind: "register", Arg: []byte("a")}, wire.Put{Key: "s", Kind: "register", Arg: []byte("b")},
		wire.Put{Key: "c", Kind: "register", Arg: []byte("c")})
	answers := g.puts(0, m)
	assert.Equal(t, wire.StatusOK, answers[1].Status)
	assert.Equal(t, wire.StatusKindMismatch, answers[2].Status)
	assert.Equal(t, wire.StatusSkipped, answers[3].Status)
	assert.False(t, g.get(0, "register", "c").Found)
	for _, bad := range []func(m *wire.MultiPut){
		func(m *wire.MultiPut) { m.Clock = 1 << 61 },
		func(m *wire.MultiPut) { m.Client = 0 },
		func(m *wire.MultiPut) { m.Deps = session.Matrix{{Partition: 0, Origin: 5, Seq: 5}} },
	} {
		m := several(session.Causal, wire.Put{Key: "x", Kind: "set", Arg: []byte("a")}, wire.Put{Key: "y", Kind: "set", Arg: []byte("a")})
		bad(&m)
		answers := g.puts(1, m)
		assert.Len(t, answers, 2)
		assert.NotEqual(t, wire.StatusOK, answers[1].Status)
		assert.Equal(t, wire.StatusSkipped, answers[2].Status)
		assert.False(t, g.get(1, "set", "x").Found || g.get(1, "set", "y").Found)
	}
	ahead := several(session.Causal, wire.Put{Key: "x", Kind: "set", Arg: []byte("a")}, wire.Put{Key: "y", Kind: "set", Arg: []byte("a")})
	ahead.Client, ahead.Puts[1].Stamp = 3, 1<<61
	answers = g.puts(1, ahead)
	assert.Equal(t, wire.StatusOK, answers[1].Status)
	assert.Equal(t, wire.StatusClockAhead, answers[2].Status)
}
