package kvs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// logged is how many deltas a replica has yet to see acknowledged.
func (g *rig) logged(node int) int { return g.hosts[node].Core().Logged(0) }

// TestLogIsBounded: deltas that a peer lacks are kept up to a bound, in count or in
// bytes, also by a replica that starts again; beyond it they go, and the peer is brought
// up by a snapshot when it comes back.
func TestLogIsBounded(t *testing.T) {
	for _, cfg := range []kvs.Config{{MaxLog: 50}, {MaxLogBytes: 50 * 56}, {}} {
		g := newRig(t, 3, 1, 3, cfg)
		g.keep = true
		g.down[2] = true
		most := 0
		for i := range uint64(400) {
			require.Equal(t, wire.StatusOK, g.ask(int(i%2), put(1+i%2, 1+i, "set", "k", fmt.Appendf(nil, "%d", i))).Status)
			if i%10 == 0 {
				g.tick()
			}
			for n := range 2 {
				most = max(most, g.logged(n))
			}
		}
		g.start(0)
		g.run()
		for range 8 {
			most = max(most, g.logged(0))
			g.tick()
		}
		bounded := cfg.MaxLog+cfg.MaxLogBytes > 0
		if bounded {
			assert.LessOrEqual(t, most, 50)
			assert.Positive(t, g.stats(1).Shed)
		} else {
			assert.Equal(t, 400, most)
		}
		for n := range 2 {
			assert.Equal(t, most > 50, g.stats(n).Shed == 0)
		}
		g.down[2] = false
		for range 60 {
			g.tick()
		}
		assert.Equal(t, bounded, g.stats(2).Snapshots > 0)
		for n := range 3 {
			assert.True(t, g.hosts[n].Core().Quiet())
			assert.Equal(t, holdings(g.hosts[0].Core()), holdings(g.hosts[n].Core()))
			assert.Zero(t, g.logged(n))
		}
	}
}

// TestHandOverIsBounded: a replica that owns nothing of a partition refuses writes to it
// when too many wait for its owners, and takes them again when these have come back.
func TestHandOverIsBounded(t *testing.T) {
	for name, cfg := range map[string]kvs.Config{"count": {MaxHandOver: 5, MaxLog: 1}, "bytes": {MaxLogBytes: 5 * 55}} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, 4, 1, 3, cfg)
			stranger := 0
			for g.cfg.Ring.Owns(ring.NodeID(stranger), 0) {
				stranger++
			}
			down := func(is bool) {
				for _, o := range g.cfg.Ring.Owners(0) {
					g.down[o] = is
				}
			}
			down(true)
			for i := range uint64(5) {
				require.Equal(t, wire.StatusOK, g.ask(stranger, put(1, 1+i, "counter", "c", kind.Amount(1))).Status)
			}
			refused := put(1, 6, "counter", "c", kind.Amount(1))
			answer := g.ask(stranger, refused)
			require.Equal(t, wire.StatusBusy, answer.Status)
			assert.Contains(t, answer.Detail, "5 writes to partition 0 wait to be handed over")
			assert.Equal(t, 5, g.logged(stranger), "none is forgotten")
			down(false)
			for range 40 {
				g.tick()
			}
			assert.Equal(t, wire.StatusOK, g.ask(stranger, refused).Status)
			for range 40 {
				g.tick()
			}
			owner := int(g.cfg.Ring.Owners(0)[0])
			v, err := mustKind(t, "counter").Decode(g.ask(owner, wire.Request{Client: 9, Req: 1, Kind: "counter", Key: "c"}).Value)
			require.NoError(t, err)
			counter, _ := kind.Get[kind.Counter](v)
			sum, err := kind.CounterSum(counter)
			require.NoError(t, err)
			assert.Equal(t, int64(6), sum)
		})
	}
}

// TestBacklogDoesNotCost: a write with an owner down makes the logs of the others look
// at no more deltas when 40,000 are kept than when 400 are, and sends no more bytes.
func TestBacklogDoesNotCost(t *testing.T) {
	visited, sent := map[int]uint64{}, map[int]int{}
	for _, behind := range []int{400, 40_000} {
		g := newRig(t, 3, 1, 3, kvs.Config{})
		g.down[2] = true
		req := uint64(0)
		write := func() {
			req++
			g.ask(int(req%2), put(1+req%2, req, "set", "k", []byte{byte(req % 7)}))
			if req%10 == 0 {
				g.tick()
			}
		}
		for range behind {
			write()
		}
		before, bytes := g.hosts[0].Core().Visited(0)+g.hosts[1].Core().Visited(0), g.bytes
		for range 1600 {
			write()
		}
		visited[behind] = g.hosts[0].Core().Visited(0) + g.hosts[1].Core().Visited(0) - before
		sent[behind] = g.bytes - bytes
	}
	assert.Less(t, visited[40_000], visited[400]*5/4)
	assert.Less(t, sent[40_000], sent[400]*5/4)
}

// TestEndedIncarnationsLeaveTheMessages: a write costs as many bytes between replicas
// after 100 restarts as before, but for larger numbers, whoever takes it.
func TestEndedIncarnationsLeaveTheMessages(t *testing.T) {
	sent := map[int]int{}
	for _, restarts := range []int{0, 100} {
		g := restarted(t, restarts, kvs.Config{})
		require.Len(t, g.hosts[0].Core().Applied(0), restarts+3, "each incarnation has written")
		g.bytes = 0
		for req := range uint64(30) {
			require.NotNil(t, g.ask(int(req%3), put(1+req%3, uint64(restarts)+3+req, "set", "k", []byte("x"))))
			for range 4 {
				g.tick()
			}
		}
		sent[restarts] = g.bytes / 30
		for n := range 3 {
			assert.True(t, g.hosts[n].Core().Quiet())
			assert.Equal(t, g.hosts[0].Core().Applied(0), g.hosts[n].Core().Applied(0))
			assert.Zero(t, g.logged(n))
		}
	}
	assert.Less(t, sent[100], sent[0]+60)
}

// TestRefusedWritesLeaveNothing: what a client asks for and does not get takes no room.
func TestRefusedWritesLeaveNothing(t *testing.T) {
	c := newCluster(t, 1, 1, 1, 1)
	require.Equal(t, wire.StatusOK, c.direct(0, put(1, 1, "counter", "c", kind.Amount(1))).Status)
	before := len(c.replicas[0].AppendState(nil))
	for i := range uint64(200) {
		got := c.direct(0, put(2, 1+i, "counter", fmt.Sprintf("c%d", i), []byte{0xff}))
		require.Equal(t, wire.StatusBadRequest, got.Status)
	}
	assert.Less(t, len(c.replicas[0].AppendState(nil)), before+16, "the clock may be longer")
}

// TestPersistingIsBounded: while the disk is slow, an owner takes writes of clients and
// deltas of peers up to a bound in bytes, and one that owns nothing up to what it may keep to
// be handed over. Once the disk has come to it, what was refused is taken, and what was put
// off comes.
func TestPersistingIsBounded(t *testing.T) {
	const each, room = 1000, 10
	for name, c := range map[string]struct {
		cfg   kvs.Config
		owner bool
	}{
		"owner": {kvs.Config{MaxPersistBytes: room * each}, true}, "other": {kvs.Config{MaxPersistBytes: room * each}, false},
		"to hand over": {kvs.Config{MaxLogBytes: room * each}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, 3, 1, 2, c.cfg)
			node := 0
			for g.cfg.Ring.Owns(ring.NodeID(node), 0) != c.owner {
				node++
			}
			write := func(req uint64) wire.Request { return put(1, req, "register", "r", make([]byte, each)) }
			taken := uint64(0)
			for g.answers = 0; g.answers == 0; taken++ { // nothing is durable
				require.Less(t, taken, uint64(2*room))
				q := write(1 + taken)
				require.NoError(t, g.hosts[node].Do(kvs.Event{Kind: kvs.EventRequest, NowMS: g.now, Msg: q.Encode()}))
			}
			assert.Equal(t, wire.StatusBusy, g.answer.Status)
			assert.InDelta(t, room, taken-1, 1)
			var u kvs.Usage
			g.hosts[node].Core().Usage(&u)
			assert.InDelta(t, room*each, u.Pending, 2*each)
			g.run()
			for range 20 {
				g.tick()
			}
			g.hosts[node].Core().Usage(&u)
			assert.Zero(t, u.Pending)
			assert.Equal(t, wire.StatusOK, g.ask(node, write(taken)).Status)
		})
	}
}

// TestDeltasArePutOff: what a peer offers while too much is being persisted is not taken, and
// comes later.
func TestDeltasArePutOff(t *testing.T) {
	g := newRig(t, 2, 4, 2, kvs.Config{MaxPersistBytes: 3000, BatchBytes: 1000})
	for i := range uint64(40) {
		require.Equal(t, wire.StatusOK, g.ask(0, put(1, 1+i, "set", fmt.Sprint("k", i), make([]byte, 900))).Status)
	}
	var stalled []rigFlight // events of the disk of node 1, which comes to nothing for long
	for range 100 {
		require.NoError(t, g.hosts[0].Do(kvs.Event{Kind: kvs.EventTick, NowMS: g.now}))
		for len(g.queue) > 0 {
			f := g.queue[0]
			if g.queue = g.queue[1:]; f.to == 1 && f.ev.Kind == kvs.EventPersisted {
				stalled = append(stalled, f)
				continue
			}
			f.ev.NowMS = g.now
			require.NoError(t, g.hosts[f.to].Do(f.ev))
		}
		var u kvs.Usage
		g.hosts[1].Core().Usage(&u)
		require.LessOrEqual(t, u.Pending, 3000+2000)
	}
	assert.Positive(t, g.stats(1).Deferred)
	g.queue = append(g.queue, stalled...)
	for range 200 {
		g.tick()
	}
	assert.True(t, g.hosts[0].Core().Quiet())
	assert.Equal(t, holdings(g.hosts[0].Core()), holdings(g.hosts[1].Core()))
}
