package kvs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// stamped is q with a stamp, and again marks a repeat.
func stamped(q wire.Request, stamp uint64, again bool) wire.Request {
	q.Stamp, q.Again = stamp, again
	return q
}

// counted is the counter under key at a node.
func (c *cluster) counted(node int, key string) int64 {
	v := c.replicas[node].Look(key, "counter")
	if v == nil {
		return 0
	}
	n, _ := kind.Get[kind.Counter](v)
	sum, err := kind.CounterSum(n)
	require.NoError(c.t, err)
	return sum
}

// give has a request reach a node at once.
func (c *cluster) give(node int, q wire.Request) {
	c.do(node, kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: q.Encode()})
}

// TestRepeatCountsOnce: a write that is asked of two replicas, or of all, of which none has
// heard of another, counts once at each when they have met, in whatever order they do; so
// it does where the session has gone on meanwhile by more than is remembered of it, where
// a replica starts again, and where one is brought up by a snapshot.
func TestRepeatCountsOnce(t *testing.T) {
	for seed := range uint64(40) {
		c := newCluster(t, 3, 1, 3, seed)
		c.lossy = seed%2 == 0
		want := int64(0)
		for round := range uint64(6) {
			stamp, n := (2000+10*round)<<16, int64(round+1)
			if seed%3 == 0 {
				n = -n
			}
			first := c.choose(3, 0)
			req := 1 + round*10
			c.give(first, stamped(put(7, req, "counter", "c", kind.Amount(n)), stamp, false))
			c.give((first+1)%3, stamped(put(7, req, "counter", "c", kind.Amount(n)), stamp, true))
			if round%2 == 0 {
				c.give((first+2)%3, stamped(put(7, req, "counter", "c", kind.Amount(n)), stamp, true))
			}
			want += n
			for i := range uint64(9) { // the session goes on
				c.give(first, stamped(put(7, req+1+i, "set", "s", []byte{byte(i)}), stamp+1+i, false))
			}
			for range c.choose(60, 0) {
				c.step()
			}
			if seed%4 == 3 {
				c.crash(c.choose(3, 0))
			}
		}
		c.settle()
		c.agree()
		if seed%5 == 4 {
			c.lose(c.choose(3, 0), 0)
			c.settle()
			c.agree()
		}
		for node := range 3 {
			if seed%4 != 3 { // what a crash took was not acknowledged
				require.Equal(t, want, c.counted(node, "c"), "seed %d, node %d", seed, node)
			}
		}
	}
}

// TestRepeatMetInSnapshot: a write and its repeat count once where their replicas did not
// hear of each other for so long that the session has gone on by more than its last few
// requests and their logs hold neither, so that they meet in a snapshot.
func TestRepeatMetInSnapshot(t *testing.T) {
	snapshots := uint64(0)
	for seed := range uint64(40) {
		c := newCluster(t, 3, 1, 3, seed)
		c.check = []int{0, 200}[seed%2]
		c.cfg = func(cfg *kvs.Config) { cfg.MaxLog = 3 }
		for node := range 3 {
			c.crash(node)
		}
		c.settle()
		away := c.choose(3, 0)
		hears := func() { // all that the node that is away would hear or say is lost
			for range 30 {
				c.step()
				c.bag = slices.DeleteFunc(c.bag, func(f flight) bool {
					return f.ev.Kind == kvs.EventMessage && (f.node == away) != (f.ev.From == ring.NodeID(away))
				})
			}
		}
		first := (away + 1) % 3
		n := 1 - 2*int64(seed%2)
		c.give(first, stamped(put(7, 1, "counter", "c", kind.Amount(n)), 2000<<16, seed%3 == 0))
		c.give(away, stamped(put(7, 1, "counter", "c", kind.Amount(n)), 2000<<16, seed%3 != 0))
		for req := range uint64(12) {
			c.give(first, stamped(put(7, 2+req, "set", "s", []byte{byte(req)}), (2001+req)<<16, false))
			c.give(away, stamped(put(8, 2+req, "set", "t", []byte{byte(req)}), (2001+req)<<16, false))
			hears()
		}
		if seed%4 == 3 {
			c.crash(c.choose(3, 0))
		}
		c.settle()
		c.agree()
		for node := range 3 {
			require.Equal(t, n, c.counted(node, "c"), "seed %d, node %d", seed, node)
			snapshots += c.replicas[node].Stats().Snapshots
		}
	}
	assert.GreaterOrEqual(t, snapshots, uint64(40), "one a seed at least")
}

// TestRepeatOfForgottenSession: a write whose repeat was served long ago, by a session that
// has been forgotten since for being idle, takes the repeat's place when it comes.
func TestRepeatOfForgottenSession(t *testing.T) {
	c := newCluster(t, 4, 1, 3, 1)
	c.cfg = func(cfg *kvs.Config) { cfg.MaxIdleMS = 10_000 }
	for node := range 4 {
		c.crash(node)
	}
	c.settle()
	stranger := 0
	for c.ring.Owns(ring.NodeID(stranger), 0) {
		stranger++
	}
	owner := int(c.ring.Owners(0)[0])
	q := put(7, 1, "counter", "c", kind.Amount(5))
	c.give(owner, stamped(q, 2000<<16, true))
	c.settle()
	c.now += 60_000
	for range 60 {
		c.step()
	}
	require.Equal(t, wire.StatusForgotten, c.direct(owner, stamped(q, 2000<<16, true)).Status)
	c.give(stranger, stamped(q, 2000<<16, false))
	c.settle()
	c.agree()
	assert.Equal(t, int64(5), c.counted(owner, "c"))
}

// TestRepeatIsToldAfterAStart: a replica that keeps values outside, and starts on a disk
// with a write and its repeat, tells the others, who may have forgotten the write; and no
// row that is to be taken back waits for somebody to read it.
func TestRepeatIsToldAfterAStart(t *testing.T) {
	owed := 0
	for seed := range uint64(60) {
		c := keeping(t, 3, 1, 3, seed, 200, 0)
		for round := range uint64(4) {
			stamp, req := (2000+100*round)<<16, 1+20*round
			q := put(7, req, "counter", "c", kind.Amount(1))
			again, first := c.choose(3, 0), 0
			for first = c.choose(3, 0); first == again; first = c.choose(3, 0) {
			}
			c.give(first, stamped(q, stamp, false))
			c.give(again, stamped(q, stamp, true))
			for range c.choose(40, 0) {
				c.step()
			}
			for i := range uint64(8) { // the session goes on
				c.give(first, stamped(put(7, req+1+i, "set", "s", []byte{byte(i)}), stamp+1+i, false))
				for range c.choose(12, 0) {
					c.step()
				}
			}
			if round == 3 { // no checkpoint takes them back on its way
				c.check = 1 << 30
			}
			c.crash(again)
			owed += c.replicas[again].Owed()
			for range c.choose(60, 0) {
				c.step()
			}
		}
		c.settle()
		for node, r := range c.replicas {
			require.Zero(t, r.Owed(), "seed %d, node %d", seed, node)
		}
		c.agree()
		sums := []int64{c.counted(0, "c"), c.counted(1, "c"), c.counted(2, "c")}
		require.LessOrEqual(t, sums[0], int64(4), "seed %d: %v", seed, sums)
	}
	assert.Positive(t, owed)
}

// TestRepeatedRegister: a write to a register that two replicas serve is one: what was
// written between them is not overwritten by it.
func TestRepeatedRegister(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	c.ask(0, stamped(put(1, 1, "register", "r", []byte("a")), 2000<<16, false))
	c.settle()
	c.ask(0, stamped(put(2, 1, "register", "r", []byte("b")), 3000<<16, false))
	c.settle()
	c.lose(1, 0)
	before := len(c.bag)
	c.give(1, stamped(put(1, 1, "register", "r", []byte("a")), 2000<<16, true))
	require.Greater(t, len(c.bag), before, "it is served again, as node 1 has heard of nothing yet")
	c.settle()
	for node := range 2 {
		got, _ := kind.Get[kind.Register](c.replicas[node].Look("r", "register"))
		assert.Equal(t, "b", got.Second.Second.Val, "node %d", node)
	}
}

// TestRepeatIsAnswered: a repeat is answered like the write was, by whoever has that; one
// that came with another replica's write not yet durable, when it is.
func TestRepeatIsAnswered(t *testing.T) {
	c := newCluster(t, 3, 1, 3, 1)
	q := stamped(put(1, 1, "counter", "c", kind.Amount(5)), 2000<<16, false)
	c.ask(0, q)
	c.settle()
	first := c.answers[1][1]
	require.NotNil(t, first)
	q.Again = true
	for node := range 3 {
		got := c.direct(node, q)
		require.NotNil(t, got, "node %d", node)
		assert.Equal(t, first.Dot, got.Dot)
		assert.Equal(t, first.Clock, got.Clock)
		assert.Equal(t, wire.StatusOK, got.Status)
	}
	assert.Equal(t, int64(5), c.counted(2, "c"))
	q.Stamp = 0
	q.Req = 2
	assert.Equal(t, wire.StatusBadRequest, c.direct(0, q).Status, "a repeat without a stamp cannot be told from another write")
}

// TestForgottenByRule: a session is forgotten when it has been idle for so long, or so
// many others have written since; what it then repeats is refused by name and not served
// again, and so is a request from before its last few; a new write of it is served. That
// holds after a restart, too.
func TestForgottenByRule(t *testing.T) {
	c := newCluster(t, 1, 1, 1, 1)
	c.check = 100
	c.cfg = func(cfg *kvs.Config) { cfg.MaxSessions, cfg.MaxIdleMS = 3, 10_000 }
	c.crash(0)
	ask := func(client, req, stamp uint64, again bool) wire.Status {
		q := stamped(put(client, req, "counter", "c", kind.Amount(1)), stamp<<16, again)
		c.ask(0, q)
		c.settle()
		require.NotNil(t, c.answers[client][req], "session %d, request %d", client, req)
		return c.answers[client][req].Status
	}
	served := int64(0)
	serve := func(client, req, stamp uint64) {
		require.Equal(t, wire.StatusOK, ask(client, req, stamp, false))
		served++
	}
	refused := func(what string, client, req, stamp uint64, again bool) {
		require.Equal(t, wire.StatusForgotten, ask(client, req, stamp, again), what)
		require.Equal(t, served, c.counted(0, "c"), what)
	}
	for req := range uint64(9) {
		serve(1, 1+req, 1000+req)
	}
	refused("from before the last few", 1, 1, 1000, true)
	require.Equal(t, wire.StatusOK, ask(1, 9, 1008, true), "the last one is known")
	for client := range uint64(3) {
		serve(2+client, 1, 2000+client)
	}
	refused("three others wrote since", 1, 9, 1008, true)
	c.crash(0)
	refused("after a restart", 1, 9, 1008, true)
	serve(1, 10, 2100)
	now := c.now
	c.now += 20_000
	for range 50 {
		c.step()
	}
	refused("idle for too long", 1, 10, 2100, true)
	refused("idle for too long", 4, 1, 2002, true)
	serve(4, 2, now+20_000)
}

// TestLateRepeatIsRefused: a replica that owns nothing of a counter serves a write, hands it
// over, and the owners forget its session for being idle. Its repeat reaches another that
// has met the session since, elsewhere, and has never heard of that write: it would count
// twice, and is refused. One that comes sooner counts once.
func TestLateRepeatIsRefused(t *testing.T) {
	for _, late := range []bool{false, true} {
		c := newCluster(t, 4, 2, 2, 1)
		c.cfg = func(cfg *kvs.Config) { cfg.MaxIdleMS = 10_000 }
		for node := range 4 {
			c.crash(node)
		}
		c.settle()
		keys := [2]string{}
		for i := 0; keys[0] == "" || keys[1] == ""; i++ {
			k := fmt.Sprint("c", i)
			keys[c.ring.PartitionOf(k)] = k
		}
		var strangers []int
		for n := range 4 {
			if !c.ring.Owns(ring.NodeID(n), 0) {
				strangers = append(strangers, n)
			}
		}
		now := c.now
		first := put(7, 1, "counter", keys[0], kind.Amount(5))
		c.give(strangers[0], stamped(first, now<<16, false))
		c.settle()
		c.now += 2_000
		if late {
			c.now += 10_000
		}
		c.give(strangers[1], stamped(put(7, 2, "counter", keys[1], kind.Amount(1)), c.now<<16, false))
		c.settle()
		status := c.direct(strangers[1], stamped(first, now<<16, true)).Status
		c.settle()
		if late {
			require.Equal(t, wire.StatusForgotten, status)
		} else {
			require.Equal(t, wire.StatusNotOwner, status, "owners tell whether it counts")
		}
		owner := int(c.ring.Owners(0)[0])
		unheard := stamped(put(8, 1, "counter", keys[0], kind.Amount(7)), now<<16, true)
		status, want := c.direct(owner, unheard).Status, int64(5)
		if late {
			require.Equal(t, wire.StatusForgotten, status)
		} else {
			require.Equal(t, wire.StatusOK, status)
			want += 7
		}
		c.settle()
		c.agree()
		assert.Equal(t, want, c.counted(owner, keys[0]))
	}
}

// TestSessionsCostNoMore: what is kept of sessions, in memory and in a checkpoint, does
// not grow with how many there have been.
func TestSessionsCostNoMore(t *testing.T) {
	size := func(sessions uint64) int {
		c := newCluster(t, 1, 1, 1, 1)
		c.cfg = func(cfg *kvs.Config) { cfg.MaxSessions = 50 }
		c.crash(0)
		for i := range sessions {
			c.ask(0, stamped(put(1000+i, 1, "register", fmt.Sprint(i%10), []byte("x")), (1000+i)<<16, false))
			c.settle()
		}
		return len(c.replicas[0].AppendState(nil))
	}
	few, many := size(100), size(1000)
	assert.Less(t, many, few*5/4)
}

// TestTakenBackWaitsForTheFirst: an entry that takes a repeat back is left by a replica
// that lacks the first write, and taken once that is held.
func TestTakenBackWaitsForTheFirst(t *testing.T) {
	c := newCluster(t, 2, 1, 2, 1)
	k, _ := kind.Default().Find("counter")
	delta := func(origin uint64, n int64) []byte {
		v, err := k.Mutate(kind.Update{Arg: kind.Amount(n), Origin: origin}, k.New())
		require.NoError(t, err)
		return v.Append(nil)
	}
	row, err := k.Decode(delta(1<<63|5, 4))
	require.NoError(t, err)
	first := gossip.Entry{Dot: causal.Dot{Origin: 77, Seq: 1}, Clock: 5, Key: "c", Kind: "counter", Delta: delta(77, 4), Client: 1, Req: 1}
	taken := gossip.Entry{
		Dot: causal.Dot{Origin: 77, Seq: 2}, Clock: 6, Key: "c", Kind: "counter", Delta: k.Settle(1<<63|5, row).Append(nil),
		Deps: session.Matrix{{Origin: 77, Seq: 1}},
	}
	hear := func(e gossip.Entry) {
		items := []wire.Item{{Entries: []gossip.Entry{e}}}
		c.do(0, kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: wire.AppendGossip(nil, 1, 77, items)})
		for range 20 {
			c.step()
		}
	}
	hear(taken)
	assert.Equal(t, uint64(1), c.replicas[0].Stats().Ahead)
	assert.False(t, c.replicas[0].Has(0, taken.Dot))
	hear(first)
	hear(taken)
	assert.True(t, c.replicas[0].Has(0, taken.Dot))
	assert.Equal(t, int64(4), c.counted(0, "c"))
}

// TestRepeatShowsOnceWhereTheFirstIs: a replica that has served a write never shows the
// repeat that another one has served beside it, from the moment that it hears of it.
func TestRepeatShowsOnceWhereTheFirstIs(t *testing.T) {
	for seed := range uint64(40) {
		c := newCluster(t, 3, 1, 3, seed)
		q := put(7, 1, "counter", "c", kind.Amount(5))
		c.give(0, stamped(q, 2000<<16, false))
		for range 20 {
			if c.counted(0, "c") == 5 {
				break
			}
			c.step()
		}
		c.give(1, stamped(q, 2000<<16, true))
		for range 300 {
			c.step()
			require.Equal(t, int64(5), c.counted(0, "c"), "seed %d", seed)
		}
		c.settle()
		c.agree()
	}
}

// TestRepeatInASnapshotOnDisk: a start on the record of a write, and on a snapshot that has
// a repeat of it and says nothing of its session any more, counts it once; and so does one
// on the snapshot and, behind it, the write.
func TestRepeatInASnapshotOnDisk(t *testing.T) {
	for _, client := range []uint64{1, 7} {
		c := newCluster(t, 2, 1, 2, 1)
		q := put(client, 1, "counter", "c", kind.Amount(5))
		served := func(node int, again bool) {
			x := stamped(q, 2000<<16, again)
			for _, e := range effects(c.replicas[node].Step(kvs.Event{Kind: kvs.EventRequest, NowMS: c.now, Msg: x.Encode()})) {
				if e.Kind == kvs.EffectPersist {
					c.disks[node] = append(c.disks[node], e.Msg)
					c.replicas[node].Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: c.now, Token: e.Token})
				}
			}
			require.Equal(t, int64(5), c.counted(node, "c"))
		}
		served(0, true)
		served(1, false)
		var snapshot [][]byte
		for at, msg := range c.replicas[0].Serve(0, 1, 9, all) {
			x := pieceOf(t, msg)
			x.Clients = nil
			s := wire.StoredPiece{Begun: 9, Number: 1, At: uint32(at), Encoded: x.Append(nil)}
			snapshot = append(snapshot, s.Append(nil))
		}
		for _, disk := range [][][]byte{slices.Concat(c.disks[1], snapshot), slices.Concat(snapshot, c.disks[1])} {
			for _, outside := range []bool{false, true} {
				cfg := kvs.Config{Self: 1, Origin: 1 << 20, Ring: c.ring, Kinds: kind.Default(), Secret: secret}
				if outside {
					cfg.Values = newShelf(1 << 20)
				}
				r, err := kvs.New(cfg, disk)
				require.NoError(t, err)
				c.replicas[1] = r
				for range 2 { // before and after it has been read
					assert.Equal(t, int64(5), c.counted(1, "c"), "client %d, outside: %v", client, outside)
					r.Start()
					assert.Equal(t, int64(5), c.counted(1, "c"), "client %d, outside: %v", client, outside)
					answer := answerOf(t, r, wire.Request{Client: 9, Req: 1, Kind: "counter", Key: "c"})
					sum, err := kind.CounterSum(valueOf[kind.Counter](t, answer, "counter"))
					require.NoError(t, err)
					assert.Equal(t, int64(5), sum)
				}
			}
		}
	}
}

// answerOf is what a replica answers a request with at once.
func answerOf(t *testing.T, r *kvs.Replica, q wire.Request) *wire.Response {
	t.Helper()
	for _, e := range r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}) {
		if e.Kind == kvs.EffectRespond {
			a, err := wire.DecodeResponse(e.Msg)
			require.NoError(t, err)
			return a
		}
	}
	require.Fail(t, "no answer")
	return nil
}
