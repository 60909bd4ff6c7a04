package kvs_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
)

// direct gives a replica a client's request, has what it persists be durable at once,
// and returns its answer, nil if there is none.
func (c *cluster) direct(node int, q kvs.Request) (answer *kvs.Response) {
	c.t.Helper()
	effects := c.replicas[node].Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
	for len(effects) > 0 {
		var token uint64
		for _, e := range effects {
			switch e.Kind {
			case kvs.EffectRespond:
				var err error
				answer, err = kvs.DecodeResponse(e.Msg)
				require.NoError(c.t, err)
			case kvs.EffectPersist:
				token = e.Token
				c.disks[node] = append(c.disks[node], bytes.Clone(e.Msg))
			}
		}
		if token == 0 {
			break
		}
		effects = c.replicas[node].Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: token})
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
			assert.Equal(t, kvs.StatusClockAhead, resp.Status)
			assert.Equal(t, "clock ahead", resp.Status.String())
			assert.Contains(t, resp.Detail, "at most 60000 ms")
			assert.Less(t, resp.Clock, uint64(1001<<16), "and has not moved the replica's clock")

			resp = c.direct(0, put(1, 1, "register", "k", []byte("honest")))
			require.Equal(t, kvs.StatusOK, resp.Status)
			c.settle()
			got := c.read(1, "k", "register")
			assert.Contains(t, string(got.Value), "honest", "the write reaches the other replica")
			_, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kvs.DefaultKinds()}, c.disks[0])
			require.NoError(t, err, "and the disk can be read")
		}
	}
}

// TestClockIsFollowed: times up to the bound are followed, and what the replica has
// met already is accepted whatever its own clock says.
func TestClockIsFollowed(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	q := put(1, 1, "register", "k", []byte("a"))
	q.Clock = (1000+60_000)<<16 | 0xffff
	resp := c.direct(0, q)
	require.Equal(t, kvs.StatusOK, resp.Status)
	assert.Greater(t, resp.Clock, q.Clock)
	c.now = 5 // the wall clock goes back
	q = put(1, 2, "register", "k", []byte("b"))
	q.Clock = resp.Clock
	assert.Equal(t, kvs.StatusOK, c.direct(0, q).Status)
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
	require.Equal(t, kvs.StatusOK, c.direct(1, put(1, 1, "register", "k", []byte("early"))).Status)
	c.now = right
	for range 500 {
		c.step()
		c.now = right
	}
	assert.Empty(t, holdings(c.replicas[0]))
	assert.Positive(t, c.replicas[0].Stats().Ahead)
	resp := c.direct(0, put(2, 1, "register", "k", []byte("mine")))
	assert.Less(t, resp.Clock, (right+1)<<16)
	pieces, _ := c.replicas[1].Pieces(0)
	ahead := c.replicas[0].Stats().Ahead
	for _, msg := range pieces {
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
	pieces, _ := c.replicas[1].Pieces(p)
	c.ask(1, put(9, 1, "set", "s1", []byte("new")))
	var gossip []byte
	for gossip == nil {
		c.step()
		for _, f := range c.bag {
			if f.node == 0 && f.ev.Kind == kvs.EventMessage && f.ev.From == 1 && kvs.KindOf(f.ev.Msg) == kvs.MsgGossip {
				gossip = f.ev.Msg
			}
		}
	}
	q := put(8, 1, "set", "s1", []byte("as a peer"))
	victim := c.replicas[0]
	before := victim.AppendState(nil)
	for name, ev := range map[string]kvs.Event{
		"gossip of a client":          {Kind: kvs.EventRequest, Msg: gossip},
		"a snapshot of a client":      {Kind: kvs.EventRequest, Msg: pieces[0]},
		"gossip of a stranger":        {Kind: kvs.EventMessage, From: 9, Msg: gossip},
		"a snapshot of a stranger":    {Kind: kvs.EventMessage, From: 9, Msg: pieces[0]},
		"gossip in another's name":    {Kind: kvs.EventMessage, From: 2, Msg: gossip},
		"pieces in another's name":    {Kind: kvs.EventMessage, From: 2, Msg: pieces[0]},
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
		r, err := kvs.New(kvs.Config{Self: 1, Origin: 1, First: true, Ring: liar.ring, Kinds: kvs.DefaultKinds()}, nil)
		require.NoError(t, err)
		r.Start()
		liar.replicas[1] = r
		for i := range uint64(3) {
			liar.direct(1, put(5, 1+i, "set", "k", []byte("invented")))
		}
		c := newCluster(t, 2, 1, 2, 1)
		var lies [][]byte
		if snapshot {
			lies, _ = r.Pieces(0)
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
			c.carryOut(0, c.replicas[0].Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: msg}))
		}
		assert.Positive(t, c.replicas[0].Stats().Rejected)
		require.Equal(t, kvs.StatusOK, c.direct(0, put(6, 1, "set", "k", []byte("real"))).Status)
		c.settle()
		assert.Contains(t, string(c.read(0, "k", "set").Value), "real")
		assert.Contains(t, string(c.read(1, "k", "set").Value), "real")
	}
}
