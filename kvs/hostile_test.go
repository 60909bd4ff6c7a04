package kvs_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/host"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// direct gives a replica a client's request, has what it persists be durable at once,
// and returns its answer, nil if there is none.
func (c *cluster) direct(node int, q wire.Request) (answer *wire.Response) {
	c.t.Helper()
	c.do(node, kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
	for at := 0; at < len(c.bag); {
		f := c.bag[at]
		switch {
		case f.node == node && f.ev.Kind == kvs.EventPersisted:
			c.bag = slices.Delete(c.bag, at, at+1)
			f.ev.NowMS = c.now
			c.do(node, f.ev)
		case f.node < 0:
			c.bag = slices.Delete(c.bag, at, at+1)
			var err error
			answer, err = wire.DecodeResponse(f.ev.Msg)
			require.NoError(c.t, err)
		default:
			at++
		}
	}
	return answer
}

// TestClientWithAMadClock: a client's hybrid time is followed as far as the host's
// clock vouches for it and no further, and the refusal is of that request alone.
func TestClientWithAMadClock(t *testing.T) {
	for _, mad := range []uint64{1 << 62, 1<<64 - 1, (1000 + 60_000 + 1) << 16} {
		for _, isPut := range []bool{false, true} {
			c := newCluster(t, 2, 1, 2, 1)
			q := put(66, 1, "register", "k", []byte("mad"))
			q.Put, q.Clock = isPut, mad
			resp := c.direct(0, q)
			require.NotNil(t, resp)
			assert.Equal(t, wire.StatusClockAhead, resp.Status)
			assert.Equal(t, "clock ahead", resp.Status.String())
			assert.Contains(t, resp.Detail, "at most 60000 ms")
			assert.Less(t, resp.Clock, uint64(1001<<16), "and has not moved the replica's clock")

			resp = c.direct(0, put(1, 1, "register", "k", []byte("honest")))
			require.Equal(t, wire.StatusOK, resp.Status)
			c.settle()
			got := c.read(1, "k", "register")
			assert.Contains(t, string(got.Value), "honest", "the write reaches the other replica")
			_, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, c.disks[0])
			require.NoError(t, err, "and the disk can be read")
		}
	}
}

// TestClientWithAMadStamp: so is the time that a client gives to its write, or to a repeat of it.
func TestClientWithAMadStamp(t *testing.T) {
	for _, again := range []bool{false, true} {
		c := newCluster(t, 2, 1, 2, 1)
		resp := c.direct(0, stamped(put(66, 1, "register", "k", []byte("mad")), (1000+60_001)<<16, again))
		require.NotNil(t, resp)
		assert.Equal(t, wire.StatusClockAhead, resp.Status)
		assert.Contains(t, resp.Detail, "at most 60000 ms")
		assert.Less(t, resp.Clock, uint64(1001<<16), "and has not moved the replica's clock")

		resp = c.direct(0, stamped(put(66, 2, "register", "k", []byte("near")), (1000+60_000)<<16|0xffff, false))
		assert.Equal(t, wire.StatusOK, resp.Status)
	}
}

// TestClockIsFollowed: times up to the bound are followed, and what the replica has
// met already is accepted whatever its own clock says.
func TestClockIsFollowed(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	q := put(1, 1, "register", "k", []byte("a"))
	q.Clock = (1000+60_000)<<16 | 0xffff
	resp := c.direct(0, q)
	require.Equal(t, wire.StatusOK, resp.Status)
	assert.Greater(t, resp.Clock, q.Clock)
	c.now = 5 // the wall clock goes back
	q = put(1, 2, "register", "k", []byte("b"))
	q.Clock = resp.Clock
	assert.Equal(t, wire.StatusOK, c.direct(0, q).Status)
	c.now = 1000
	c.settle()
	assert.Contains(t, string(c.read(1, "k", "register").Value), "b", "peers follow further than clients are")
}

// TestPeerWithAMadClock: deltas and snapshots of a peer whose clock is too far ahead
// are put off until it is not.
func TestPeerWithAMadClock(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	right := c.now
	c.now += 200_000
	require.Equal(t, wire.StatusOK, c.direct(1, put(1, 1, "register", "k", []byte("early"))).Status)
	c.now = right
	for range 500 {
		c.step()
		c.now = right
	}
	assert.Empty(t, holdings(c.replicas[0]))
	assert.Positive(t, c.replicas[0].Stats().Ahead)
	resp := c.direct(0, put(2, 1, "register", "k", []byte("mine")))
	assert.Less(t, resp.Clock, (right+1)<<16)
	ahead := c.replicas[0].Stats().Ahead
	for _, msg := range pieces(t, c.replicas[0], c.replicas[1], 0, right) {
		assert.Empty(t, c.replicas[0].Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: right, Msg: msg}))
	}
	assert.Greater(t, c.replicas[0].Stats().Ahead, ahead)
	c.now = right + 100_000
	c.settle()
	c.agree()
	assert.Contains(t, string(c.read(0, "k", "register").Value), "early")
}

// TestPeerMessagesOfMembersOnly: what a client sends, or a stranger, or one peer in
// the name of another, is no word of a peer.
func TestPeerMessagesOfMembersOnly(t *testing.T) {
	c := filled(t, 3, 3, 0)
	p := c.ring.PartitionOf("s1")
	first := pieces(t, c.replicas[0], c.replicas[1], p, c.now)[0]
	c.ask(1, put(9, 1, "set", "s1", []byte("new")))
	var gossip []byte
	for gossip == nil {
		c.step()
		for _, f := range c.bag {
			if f.node == 0 && f.ev.Kind == kvs.EventMessage && f.ev.From == 1 && wire.KindOf(f.ev.Msg) == wire.MsgGossip {
				gossip = f.ev.Msg
			}
		}
	}
	q := put(8, 1, "set", "s1", []byte("as a peer"))
	victim := c.replicas[0]
	before := victim.AppendState(nil)
	for name, ev := range map[string]kvs.Event{
		"gossip of a client":          {Kind: kvs.EventRequest, Msg: gossip},
		"a snapshot of a client":      {Kind: kvs.EventRequest, Msg: first},
		"gossip of a stranger":        {Kind: kvs.EventMessage, From: 9, Msg: gossip},
		"a snapshot of a stranger":    {Kind: kvs.EventMessage, From: 9, Msg: first},
		"gossip in another's name":    {Kind: kvs.EventMessage, From: 2, Msg: gossip},
		"pieces in another's name":    {Kind: kvs.EventMessage, From: 2, Msg: first},
		"gossip of the replica's own": {Kind: kvs.EventMessage, From: 0, Msg: gossip},
		"a request of a peer":         {Kind: kvs.EventMessage, From: 1, Msg: q.Encode()},
	} {
		ev.NowMS = c.now
		rejected := victim.Stats().Rejected
		assert.Empty(t, victim.Step(ev), name)
		assert.Equal(t, rejected+1, victim.Stats().Rejected, name)
		assert.Equal(t, before, victim.AppendState(nil), name)
	}
	assert.NotEmpty(t, victim.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: gossip}), "its own it may say")
}

// TestInventedWrites: a peer that offers writes of this incarnation which it has not
// made, as deltas or in a snapshot, would have it take its own next ones for repeats.
func TestInventedWrites(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		liar := newCluster(t, 2, 1, 2, 1)
		// The other cluster's node 1 runs under the origin of this one's node 0.
		r, err := kvs.New(kvs.Config{Self: 1, Origin: 1, First: true, Ring: liar.ring, Kinds: kind.Default(), Secret: secret}, nil)
		require.NoError(t, err)
		liar.replicas[1], liar.hosts[1] = r, host.New(r, env{liar, 1})
		require.NoError(t, liar.hosts[1].Start())
		for i := range uint64(3) {
			liar.direct(1, put(5, 1+i, "set", "k", []byte("invented")))
		}
		c := newCluster(t, 2, 1, 2, 1)
		var lies [][]byte
		if snapshot {
			a, asker := askOf(t, c.replicas[0], c.replicas[1].Origin(), 0, invented, c.now)
			lies = r.Serve(0, 0, asker, a)
		} else {
			for range 3 {
				for _, e := range r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now}) {
					if e.Kind == kvs.EffectSend {
						lies = append(lies, bytes.Clone(e.Msg))
					}
				}
			}
		}
		require.NotEmpty(t, lies)
		for _, msg := range lies {
			c.do(0, kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msg})
		}
		assert.Positive(t, c.replicas[0].Stats().Rejected)
		require.Equal(t, wire.StatusOK, c.direct(0, put(6, 1, "set", "k", []byte("real"))).Status)
		c.settle()
		assert.Contains(t, string(c.read(0, "k", "set").Value), "real")
		assert.Contains(t, string(c.read(1, "k", "set").Value), "real")
	}
}

// waits is a read that waits at node 0 for what never comes.
func waits(client, req, ticks uint64) wire.Request {
	return past(wire.Request{Client: client, Req: req, Kind: "set", Key: "k", Wait: ticks}, session.Matrix{{Origin: 77, Seq: 1}})
}

// TestWaitIsBounded: a client cannot have a read wait for ever, nor take the places
// of others with reads that wait.
func TestWaitIsBounded(t *testing.T) {
	c := newCluster(t, 1, 1, 1, 1)
	for _, ticks := range []uint64{4097, 1<<64 - 1} {
		resp := c.direct(0, waits(66, 1, ticks))
		require.NotNil(t, resp)
		assert.Equal(t, wire.StatusBadRequest, resp.Status)
		assert.Contains(t, resp.Detail, "at most 4096")
	}
	assert.Nil(t, c.direct(0, waits(66, 2, 4096)), "it waits")
	for range 4096 {
		require.False(t, c.replicas[0].Quiet())
		c.replicas[0].Step(kvs.Event{Kind: kvs.EventTick, NowMS: c.now})
	}
	assert.True(t, c.replicas[0].Quiet())

	busy := 0
	for i := range uint64(2000) {
		if resp := c.direct(0, waits(66, 10+i, 4096)); resp != nil {
			require.Equal(t, wire.StatusBusy, resp.Status)
			busy++
		}
	}
	assert.Equal(t, 2000-16, busy)
	for client := range uint64(1024 - 16) {
		require.Nil(t, c.direct(0, waits(100+client, 1, 4096)), "all others may wait")
	}
	resp := c.direct(0, waits(99, 1, 4096))
	require.NotNil(t, resp)
	assert.Equal(t, wire.StatusBusy, resp.Status)
	assert.Contains(t, resp.Detail, "1024 reads")
}

// TestKindIsSettledInFlight: the kind of a key is that of the first write accepted,
// though that is still being persisted; by a client, a peer, or within a snapshot.
func TestKindIsSettledInFlight(t *testing.T) {
	counter := put(2, 1, "counter", "k", kind.Amount(1))
	refused := func(r *kvs.Replica) bool {
		out := r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: counter.Encode()})
		if len(out) != 1 || out[0].Kind != kvs.EffectRespond {
			return false
		}
		resp, err := wire.DecodeResponse(out[0].Msg)
		require.NoError(t, err)
		assert.Equal(t, "set", resp.Detail)
		return resp.Status == wire.StatusKindMismatch
	}
	c := newCluster(t, 2, 1, 2, 1)
	first := put(1, 1, "set", "k", []byte("x"))
	require.Len(t, c.replicas[0].Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: first.Encode()}), 2)
	assert.True(t, refused(c.replicas[0]))
	same := put(3, 1, "set", "k", []byte("y"))
	assert.Len(t, c.replicas[0].Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: same.Encode()}), 2, "one of the same kind is accepted")

	c = newCluster(t, 2, 1, 2, 1)
	require.Equal(t, wire.StatusOK, c.direct(1, first).Status)
	for _, msg := range pieces(t, c.replicas[0], c.replicas[1], 0, 1000) {
		require.NotEmpty(t, c.replicas[0].Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: msg}))
	}
	assert.True(t, refused(c.replicas[0]), "the snapshot is being persisted")

	c = newCluster(t, 2, 1, 2, 1)
	require.Equal(t, wire.StatusOK, c.direct(1, first).Status)
	for _, e := range c.replicas[1].Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1000}) {
		if e.Kind == kvs.EffectSend {
			c.replicas[0].Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: 1000, Msg: e.Msg})
		}
	}
	assert.True(t, refused(c.replicas[0]), "the delta is being persisted")
}

// TestInventedDependencies: dependencies that no replica vouches for are refused, by
// every owner, and are no other client's loss: what a client invents would make causal
// reads fail for ever, of the key that it writes and of all that is read after it.
func TestInventedDependencies(t *testing.T) {
	c := newCluster(t, 3, 2, 2, 1)
	honest := session.Session{Level: session.Causal}
	req := uint64(0)
	ask := func(q wire.Request) *wire.Response {
		req++
		node := int(c.ring.Owners(c.ring.PartitionOf(q.Key))[int(req)%2])
		q.Client, q.Req, q.Level, q.Kind, q.Wait = 1, req, session.Causal, "set", 50
		q.Deps, q.Proof = honest.Past()
		c.ask(node, q)
		for range 10_000 {
			if a := c.answers[1][req]; a != nil {
				require.Equal(t, wire.StatusOK, a.Status, a.Detail)
				require.True(t, honest.ObserveBoth(a.Deps, nil, a.Proof, a.Clock))
				return a
			}
			c.step()
		}
		t.Fatal("no answer")
		return nil
	}
	ask(wire.Request{Put: true, Key: "k", Arg: []byte("a")})
	real, proof := honest.Past()
	for i, invented := range []session.Matrix{
		{{Partition: 0, Origin: 99, Seq: 5}}, {{Partition: 1, Origin: 2, Seq: 1 << 62}}, {{Partition: 1 << 30, Origin: 1, Seq: 1}},
		append(real.Clone(), session.Mark{Partition: 7, Origin: 1, Seq: 1}),
	} {
		for _, isPut := range []bool{true, false} {
			q := put(66, uint64(1+i), "set", "k", []byte("poison"))
			q.Put, q.Deps, q.Proof = isPut, invented, proof
			if isPut {
				q.Level = session.Causal
			}
			resp := c.direct(0, q)
			require.NotNil(t, resp)
			assert.Equal(t, wire.StatusBadRequest, resp.Status)
			assert.Contains(t, resp.Detail, "vouches")
		}
	}
	for _, key := range []string{"k", "a", "b", "c"} {
		ask(wire.Request{Put: true, Key: key, Arg: []byte("z")})
		assert.True(t, ask(wire.Request{Key: key}).Found)
		assert.True(t, ask(wire.Request{Key: key}).Found)
	}
	c.settle()
	c.agree()
	assert.NotContains(t, string(c.read(int(c.ring.Owners(c.ring.PartitionOf("k"))[0]), "k", "set").Value), "poison")
}

// TestOriginUsed: an incarnation that is given the number of an earlier one, or one that
// a peer has made writes up for, does not start.
func TestOriginUsed(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	require.Equal(t, wire.StatusOK, c.direct(0, put(1, 1, "set", "k", []byte("x"))).Status)
	cfg := kvs.Config{Origin: 1, Ring: c.ring, Kinds: kind.Default(), Secret: secret}
	_, err := kvs.New(cfg, c.disks[0])
	require.ErrorIs(t, err, kvs.ErrOriginUsed)
	assert.ErrorContains(t, err, "take a later one")
	_, err = kvs.New(cfg, recordsOf(t, c.replicas[0].Serve(0, 1, 9, all)))
	require.ErrorIs(t, err, kvs.ErrOriginUsed)
	cfg.Origin = 2
	_, err = kvs.New(cfg, c.disks[0])
	require.NoError(t, err)
}
