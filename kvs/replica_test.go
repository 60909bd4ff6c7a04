package kvs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

func put(client, req uint64, kind, key string, arg []byte) wire.Request {
	return wire.Request{Client: client, Req: req, Put: true, Kind: kind, Key: key, Arg: arg}
}

// TestConverges runs writes of all kinds through loss, repetition, reordering and
// crashes, and asks that all owners end with one and the same state, that no
// acknowledged increment is lost and none counts twice, and that all deltas are
// reclaimed.
func TestConverges(t *testing.T) {
	acked := 0
	for seed := range uint64(60) {
		c := newCluster(t, 3+int(seed%3), 4, 3, seed)
		c.lossy = true
		low, high := int64(0), int64(0)
		const clients, rounds = 3, 8
		for round := range uint64(rounds) {
			for client := range uint64(clients) {
				node := c.choose(len(c.replicas), 0)
				arg := fmt.Sprintf("%d.%d", client, round)
				switch client {
				case 0:
					c.ask(node, put(1, round+1, "register", "r", []byte(arg)))
				case 1:
					c.ask(node, put(2, round+1, "set", "s", []byte(arg)))
				case 2:
					c.ask(node, put(3, round+1, "counter", "c", kind.Amount(1<<round)))
				}
			}
			for range 40 {
				c.step()
			}
			if round%3 == 1 {
				c.crash(c.choose(len(c.replicas), 0))
			}
		}
		c.settle()
		for req := range uint64(rounds) {
			high += 1 << req
			if a := c.answers[3][req+1]; a != nil && a.Status == wire.StatusOK {
				low |= 1 << req
				acked++
			}
		}
		for _, key := range []string{"r", "s", "c"} {
			owners := c.ring.Owners(c.ring.PartitionOf(key))
			want := holdings(c.replicas[owners[0]])
			for _, o := range owners[1:] {
				got := holdings(c.replicas[o])
				for k, v := range want {
					if k[len(k)-1:] == key {
						assert.Equal(t, v, got[k], "seed %d: %q at nodes %d and %d", seed, k, owners[0], o)
					}
				}
			}
		}
		owner := int(c.ring.Owners(c.ring.PartitionOf("c"))[0])
		resp := c.read(owner, "c", "counter")
		sum := int64(0)
		if resp.Found {
			v, err := mustKind(t, "counter").Decode(resp.Value)
			require.NoError(t, err)
			counter, ok := kind.Get[kind.Counter](v)
			require.True(t, ok)
			sum, err = kind.CounterSum(counter)
			require.NoError(t, err)
		}
		assert.Equal(t, low, sum&low, "seed %d: acknowledged increments %b, sum %b", seed, low, sum)
		assert.LessOrEqual(t, sum, high, "seed %d: an increment counts twice", seed)
	}
	assert.Greater(t, acked, 100, "the test must acknowledge writes to mean anything")
}

func mustKind(t testing.TB, name string) kind.Kind {
	k, ok := kind.Default().Find(name)
	require.True(t, ok)
	return k
}

// TestWriteBecomesVisibleWhenDurable shows the order of things: accepted,
// persisted, and only then readable and acknowledged.
func TestWriteBecomesVisibleWhenDurable(t *testing.T) {
	c := newCluster(t, 1, 1, 1, 1)
	r := c.replicas[0]
	q := put(7, 1, "set", "k", []byte("x"))
	effects := append([]kvs.Effect(nil), r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 5, Msg: q.Encode()})...)
	require.Len(t, effects, 2)
	assert.Equal(t, kvs.EffectAccept, effects[0].Kind)
	assert.Equal(t, kvs.EffectPersist, effects[1].Kind)
	assert.Empty(t, holdings(r), "not visible before it is durable")
	effects = r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: effects[1].Token})
	require.Len(t, effects, 1)
	assert.Equal(t, kvs.EffectRespond, effects[0].Kind)
	assert.Len(t, holdings(r), 1)
	answer := bytes.Clone(effects[0].Msg)
	effects = r.Step(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()})
	require.Len(t, effects, 1, "a repeated write is absorbed, and answered")
	assert.Equal(t, answer, effects[0].Msg)
	assert.Equal(t, uint64(1), r.Stats().Duplicates)
}

// TestDurableInOrder: a record that is durable makes all before it so, for a host
// that syncs several at once.
func TestDurableInOrder(t *testing.T) {
	r := newCluster(t, 1, 1, 1, 1).replicas[0]
	var last uint64
	for i := range uint64(3) {
		q := put(7, 1+i, "counter", "k", kind.Amount(1<<i))
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventRequest, Msg: q.Encode()}) {
			last = max(last, e.Token)
		}
	}
	var answered []uint64
	for _, e := range r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: last}) {
		resp, err := wire.DecodeResponse(e.Msg)
		require.NoError(t, err)
		answered = append(answered, resp.Req)
	}
	assert.Equal(t, []uint64{1, 2, 3}, answered)
	assert.Empty(t, r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: last - 1}), "late news of one before")
	assert.True(t, r.Quiet())
}

// TestThresholdRead shows that a read whose past has not arrived waits, is
// answered when it arrives, and fails at its deadline when it does not.
func TestThresholdRead(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	r := c.replicas[1]
	read := func(req uint64) wire.Request {
		return past(wire.Request{Client: 9, Req: req, Kind: "set", Key: "k", Wait: 2}, session.Matrix{{Origin: 1, Seq: 1}})
	}
	first := read(1)
	assert.Empty(t, r.Step(kvs.Event{Kind: kvs.EventRequest, Msg: first.Encode()}), "the read waits")
	assert.False(t, r.Quiet())
	var last *wire.Response
	for range 2 {
		for _, e := range r.Step(kvs.Event{Kind: kvs.EventTick}) {
			if e.Kind == kvs.EffectRespond {
				var err error
				last, err = wire.DecodeResponse(e.Msg)
				require.NoError(t, err)
			}
		}
	}
	require.NotNil(t, last, "the deadline passed")
	assert.Equal(t, wire.StatusUnavailable, last.Status)

	c.ask(0, put(8, 1, "set", "k", []byte("x")))
	second := read(2)
	second.Wait = 1000
	c.ask(1, second)
	for range 2000 {
		c.step()
	}
	got := c.answers[9][2]
	require.NotNil(t, got)
	assert.Equal(t, wire.StatusOK, got.Status)
	assert.True(t, got.Found)
	assert.Equal(t, session.Matrix{{Origin: 1, Seq: 1}}, got.Deps)
}

// TestDependenciesTravel shows transitivity: whoever reads a write comes to
// depend on what its writer had seen, on other keys too.
func TestDependenciesTravel(t *testing.T) {
	c := newCluster(t, 2, 8, 2, 1)
	alice := session.Session{Level: session.Causal}
	bob := session.Session{Level: session.Causal}
	ask := func(s *session.Session, client, req uint64, node int, isPut bool, key string) *wire.Response {
		deps, proof := s.Past()
		c.ask(node, wire.Request{
			Client: client, Req: req, Put: isPut, Level: session.Causal, Kind: "set", Key: key, Arg: []byte("x"),
			Clock: s.Clock(), Wait: 100, Deps: deps, Proof: proof,
		})
		for range 10_000 {
			if a := c.answers[client][req]; a != nil {
				require.True(t, s.ObserveBoth(a.Deps, nil, a.Proof, a.Clock))
				return a
			}
			c.step()
		}
		t.Fatal("no answer")
		return nil
	}
	photo := ask(&alice, 1, 1, 0, true, "photo")
	ask(&alice, 1, 2, 0, true, "comment")
	require.True(t, ask(&bob, 2, 1, 0, false, "comment").Found)
	bobs, _ := bob.Past()
	assert.True(t, gossip.Dots{{Origin: photo.Dot.Origin, Lo: 1, Hi: photo.Dot.Seq}}.Covers(bobs.Row(c.ring.PartitionOf("photo"))))
	assert.NotEmpty(t, bobs.Row(c.ring.PartitionOf("photo")), "bob depends on the photo though he never read it")
	assert.True(t, ask(&bob, 2, 2, 1, false, "photo").Found, "so the other replica must show it")
}

func TestRefusals(t *testing.T) {
	c := newCluster(t, 4, 1, 2, 1)
	owners := c.ring.Owners(0)
	other := 0
	for c.ring.Owns(ring.NodeID(other), 0) {
		other++
	}
	ask := func(node int, q wire.Request) *wire.Response {
		c.ask(node, q)
		for range 10_000 {
			if a := c.answers[q.Client][q.Req]; a != nil {
				return a
			}
			c.step()
		}
		t.Fatal("no answer")
		return nil
	}
	require.Equal(t, wire.StatusOK, ask(int(owners[0]), put(1, 1, "set", "k", []byte("x"))).Status)
	c.settle()

	mismatch := ask(int(owners[1]), put(1, 2, "counter", "k", kind.Amount(1)))
	assert.Equal(t, wire.StatusKindMismatch, mismatch.Status)
	assert.Equal(t, "set", mismatch.Detail)
	assert.Equal(t, wire.StatusKindMismatch, ask(int(owners[1]), wire.Request{Client: 1, Req: 3, Kind: "register", Key: "k"}).Status)
	assert.Equal(t, wire.StatusNotOwner, ask(other, wire.Request{Client: 1, Req: 4, Kind: "set", Key: "k"}).Status)
	assert.Equal(t, wire.StatusBadRequest, ask(0, put(1, 5, "queue", "k", nil)).Status)
	assert.Equal(t, wire.StatusBadRequest, ask(int(owners[0]), put(1, 6, "counter", "n", []byte("not an amount"))).Status)

	require.Equal(t, wire.StatusOK, ask(other, put(1, 7, "set", "k", []byte("y"))).Status, "any replica takes writes")
	c.settle()
	assert.Empty(t, holdings(c.replicas[other]), "a replica that does not own the key hands the write over and drops it")
	assert.Equal(t, holdings(c.replicas[owners[0]]), holdings(c.replicas[owners[1]]))
	assert.Contains(t, c.read(int(owners[0]), "k", "set").Value, byte('y'))
}

func TestConfigIsChecked(t *testing.T) {
	r, err := ring.New([]ring.NodeID{0, 1}, 4, 2)
	require.NoError(t, err)
	good := kvs.Config{Origin: 1, Ring: r, Kinds: kind.Default(), Secret: secret}
	_, err = kvs.New(good, nil)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*kvs.Config){
		"no ring":     func(c *kvs.Config) { c.Ring = nil },
		"no secret":   func(c *kvs.Config) { c.Secret = secret[:15] },
		"no kinds":    func(c *kvs.Config) { c.Kinds = nil },
		"no origin":   func(c *kvs.Config) { c.Origin = 0 },
		"not on ring": func(c *kvs.Config) { c.Self = 2 },
		"huge batch":  func(c *kvs.Config) { c.BatchBytes = wire.MaxMessage },
		"negative":    func(c *kvs.Config) { c.MaxWaiting = -1 },
	} {
		bad := good
		spoil(&bad)
		_, err := kvs.New(bad, nil)
		assert.ErrorIs(t, err, kvs.ErrConfig, name)
	}
	_, err = kvs.New(good, [][]byte{{9, 9, 9}})
	assert.ErrorIs(t, err, wire.ErrMessage, "a record of another version")
}
