package kvs_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// filled is a cluster at rest, whose replicas have reclaimed what each wrote.
func filled(t *testing.T, nodes, rf int, batch int) *cluster {
	c := newCluster(t, nodes, 2, rf, 7)
	for node := range nodes {
		c.batch = batch
		c.lose(node, 0) // takes the batch, and nothing is written yet
	}
	for i := range uint64(12) {
		c.ask(int(i)%nodes, put(1+i%3, 1+i, "set", fmt.Sprintf("s%d", i%4), []byte{byte('a' + i)}))
		c.ask(int(i)%nodes, put(4+i%3, 1+i, "counter", fmt.Sprintf("c%d", i%4), kind.Amount(1<<i)))
	}
	c.settle()
	return c
}

// agree asks that all owners of each partition hold the same.
func (c *cluster) agree() {
	c.t.Helper()
	for p := range c.ring.Partitions() {
		owners := c.ring.Owners(ring.Partition(p))
		of := func(n ring.NodeID) map[string]string {
			out := make(map[string]string)
			c.replicas[n].Each(func(q ring.Partition, key, kind string, v kind.Value) {
				if q == ring.Partition(p) {
					out[kind+" "+key] = string(v.Append(nil))
				}
			})
			return out
		}
		want := of(owners[0])
		for _, o := range owners[1:] {
			require.Equal(c.t, want, of(o), "partition %d at nodes %d and %d", p, owners[0], o)
			require.Equal(c.t, c.replicas[owners[0]].Applied(ring.Partition(p)), c.replicas[o].Applied(ring.Partition(p)))
		}
	}
}

// TestAmnesiac: a replica that has lost its disk is brought up by snapshots, in
// one piece or in many, with losses and repeats or without, and knows then which
// requests had been served.
func TestAmnesiac(t *testing.T) {
	for _, batch := range []int{0, 40} {
		for seed := range uint64(6) {
			c := filled(t, 3, 3, batch)
			c.lossy = seed > 0
			before := holdings(c.replicas[0])
			c.n = seed * 1_000_000
			c.lose(0, 0)
			require.Empty(t, holdings(c.replicas[0]))
			assert.False(t, c.replicas[0].Quiet(), "it waits for its peers")
			for range 60 {
				c.step()
			}
			c.settle()
			assert.Equal(t, before, holdings(c.replicas[0]))
			assert.Positive(t, c.replicas[0].Stats().Snapshots)
			c.agree()
			accepted := c.accepted
			c.ask(0, put(1, 10, "set", "s1", []byte("j")))
			c.ask(0, put(4, 10, "counter", "c1", kind.Amount(1<<9)))
			c.settle()
			assert.Equal(t, accepted, c.accepted, "a repeated request is absorbed")

			// What came by snapshot lies on its disk, and passes on.
			c.crash(0)
			assert.Equal(t, before, holdings(c.replicas[0]), "before any peer can have answered")
			c.lose(1, 0)
			c.lose(2, 0)
			c.settle()
			assert.Equal(t, before, holdings(c.replicas[1]))
			c.agree()
		}
	}
}

// TestSnapshotBringsDependencies: what a write depends on, and has been lost for ever,
// keeps causal reads of it waiting at a replica that has the write by a snapshot as it
// does at one that took it; and reads of what does not depend on it are answered.
func TestSnapshotBringsDependencies(t *testing.T) {
	c := newCluster(t, 3, 2, 3, 1)
	p := c.ring.PartitionOf("s")
	same := "other"
	for c.ring.PartitionOf(same) != p {
		same += "x"
	}
	c.ask(1, past(put(1, 1, "set", "s", []byte("a")), session.Matrix{{Partition: p, Origin: 99, Seq: 5}}))
	c.ask(1, put(3, 1, "set", same, []byte("b")))
	c.settle()
	c.lose(0, 0)
	c.settle()
	require.Positive(t, c.replicas[0].Stats().Snapshots)
	require.NotEmpty(t, holdings(c.replicas[0]))
	for node := range uint64(3) {
		c.ask(int(node), wire.Request{Client: 2, Req: 1 + node, Level: session.Causal, Key: "s", Kind: "set", Wait: 3})
		c.ask(int(node), wire.Request{Client: 4, Req: 1 + node, Level: session.Causal, Key: same, Kind: "set", Wait: 3})
		for range 1000 {
			c.step()
		}
		require.NotNil(t, c.answers[2][1+node])
		assert.Equal(t, wire.StatusUnavailable, c.answers[2][1+node].Status, "node %d", node)
		other := c.answers[4][1+node]
		require.NotNil(t, other)
		require.Equal(t, wire.StatusOK, other.Status, "node %d", node)
		assert.Len(t, other.Deps, 1, "its own write and nothing of the other")
		assert.Equal(t, notary.ProveBoth(other.Deps, nil), other.Proof)
	}
}

// TestWholeDiskIsCheap: a replica that comes back with its whole disk says so, and
// is sent nothing that it has.
func TestWholeDiskIsCheap(t *testing.T) {
	c := filled(t, 3, 3, 0)
	peers := func() (offered, again uint64) {
		for _, r := range c.replicas[1:] {
			offered += r.Stats().Offered
			again += r.Stats().Duplicates
		}
		return offered, again
	}
	offered, again := peers()
	c.crash(0)
	c.settle()
	o, a := peers()
	assert.Equal(t, offered, o)
	assert.Equal(t, again, a)
	assert.Zero(t, c.replicas[0].Stats().Offered, "nor does it send what they have")
	assert.Zero(t, c.replicas[0].Stats().Snapshots)
}

// TestFirstStartAsksNobody: nodes that have never run exchange nothing.
func TestFirstStartAsksNobody(t *testing.T) {
	c := newCluster(t, 3, 4, 3, 1)
	for _, f := range c.bag {
		assert.NotEqual(t, kvs.EventMessage, f.ev.Kind)
	}
	assert.True(t, c.quiet())
	c.crash(1)
	assert.False(t, c.replicas[1].Quiet())
	c.settle()
}

// TestLostDisks runs writes through loss, repetition, reordering, crashes, and
// disks that are lost or taken back at half of them: the cluster comes to rest, and
// its replicas agree.
func TestLostDisks(t *testing.T) {
	snapshots, restarts := uint64(0), 0
	for seed := range uint64(80) {
		c := newCluster(t, 3+int(seed%3), 3, 3, seed)
		if seed%2 == 1 {
			c.batch = 60
		}
		if seed%4 > 1 { // snapshots take long, and logs forget meanwhile
			c.batch = 60
			c.cfg = func(cfg *kvs.Config) {
				cfg.SnapshotPieces, cfg.MaxLog, cfg.MaxKnown, cfg.MaxPast = 1+int(seed%3), 3, 1, 2
			}
		}
		c.lossy = true
		for round := range uint64(10) {
			for client := range uint64(3) {
				node := c.choose(len(c.replicas), 0)
				c.ask(node, put(10+client, round+1, "set", "s", fmt.Appendf(nil, "%d.%d", client, round)))
				c.ask(node, put(20+client, round+1, "register", "r", fmt.Appendf(nil, "%d.%d", client, round)))
			}
			for range 60 {
				c.step()
			}
			switch node := c.choose(len(c.replicas), 0); c.choose(4, 0) {
			case 0:
				c.crash(node)
			case 1:
				c.lose(node, 0)
			case 2:
				c.lose(node, c.choose(1+len(c.disks[node]), 0))
			}
		}
		c.settle()
		c.agree()
		for _, r := range c.replicas {
			snapshots += r.Stats().Snapshots
		}
		restarts += c.restarts
	}
	assert.Greater(t, snapshots, uint64(20))
	t.Logf("%d snapshots taken in by the last incarnations, %d replicas restarted to hand over once more", snapshots, restarts)
}

// TestSnapshotIsDurableFirst delivers the pieces of a snapshot by hand: nothing is
// visible before the last piece is durable, and then all is.
func TestSnapshotIsDurableFirst(t *testing.T) {
	c := filled(t, 2, 2, 40)
	p := c.ring.PartitionOf("s0")
	fresh := func(records [][]byte) *kvs.Replica {
		c.origins++
		r, err := kvs.New(kvs.Config{Self: 0, Origin: c.origins, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, records)
		require.NoError(t, err)
		r.Start()
		return r
	}
	r := fresh(nil)
	messages := pieces(t, r, c.replicas[1], p, c.now)
	require.Greater(t, len(messages), 3)
	slices.Reverse(messages) // in any order
	step := func(m []byte) []kvs.Effect {
		return r.Step(kvs.Event{Kind: kvs.EventMessage, From: 1, NowMS: c.now, Msg: m})
	}
	for _, m := range messages[:len(messages)-1] {
		for range 2 {
			assert.Empty(t, step(m), "the first is not there yet")
		}
	}
	out := effects(step(messages[len(messages)-1]))
	require.Len(t, out, len(messages))
	var records [][]byte
	asked := pieceOf(t, messages[0]).Ask
	for at, e := range out {
		require.Equal(t, kvs.EffectPersist, e.Kind)
		records = append(records, e.Msg)
		stored, x, err := new(wire.DecodeBuffer).StoredPiece(e.Msg)
		require.NoError(t, err)
		assert.Equal(t, []uint64{r.Origin(), asked, uint64(at)}, []uint64{stored.Begun, stored.Number, uint64(stored.At)}, "what tells it from those of another snapshot")
		assert.Equal(t, c.replicas[1].Origin(), x.Origin, "who has sent it")
		assert.Positive(t, x.Clock, "each brings the clock along: any may be the only one that comes")
		assert.Equal(t, pieceOf(t, messages[len(messages)-1]).Clock, x.Clock)
	}
	for _, m := range messages {
		assert.Empty(t, step(m), "it is being persisted")
	}
	for i, e := range out {
		assert.Empty(t, holdings(r))
		assert.False(t, r.Quiet())
		told := r.Step(kvs.Event{Kind: kvs.EventPersisted, Token: e.Token})
		if i < len(out)-1 {
			assert.Empty(t, told)
		} else {
			assert.NotEmpty(t, told, "its sender is told")
		}
	}
	assert.True(t, r.Held(p).Includes(c.replicas[1].Held(p)))
	want := make(map[string]string)
	c.replicas[1].Each(func(q ring.Partition, key, kind string, v kind.Value) {
		if q == p {
			want[kind+" "+key] = string(v.Append(nil))
		}
	})
	assert.Equal(t, want, holdings(r))

	assert.Equal(t, want, holdings(fresh(records)), "and recovery reads it back")
	assert.Empty(t, holdings(fresh(records[:len(records)-1])), "but not in part")
	assert.Empty(t, holdings(fresh(slices.Delete(slices.Clone(records), 1, 2))), "nor with a gap")
	torn := append(slices.Clone(records[:2]), records...)
	assert.Equal(t, want, holdings(fresh(torn)), "whatever a checkpoint has written twice")
}

// TestOfferToAnEarlierIncarnation: what was offered to a replica before it lost its
// disk may go on from where it is no more, so the next incarnation leaves it.
func TestOfferToAnEarlierIncarnation(t *testing.T) {
	c := filled(t, 2, 2, 0)
	key := "s0"
	c.ask(1, put(1, 100, "set", key, []byte("late")))
	var late []byte
	for late == nil {
		c.step()
		for _, f := range c.bag {
			if f.node == 0 && f.ev.Kind == kvs.EventMessage && wire.KindOf(f.ev.Msg) == wire.MsgGossip {
				late = f.ev.Msg
			}
		}
	}
	c.lose(0, 0)
	for _, e := range c.replicas[0].Step(kvs.Event{Kind: kvs.EventMessage, From: 1, Msg: late}) {
		assert.NotEqual(t, kvs.EffectPersist, e.Kind)
	}
	c.settle()
	c.agree()
	assert.Contains(t, c.read(0, key, "set").Value, byte('a'), "what came before it is there too")
}

// TestHandedOverAndLost: what a replica that is no owner has handed over, and every
// owner has lost, it still has on its disk. Once it holds another write, be it one
// that some owners had already, it notices, and starts anew from there.
func TestHandedOverAndLost(t *testing.T) {
	for _, between := range []bool{false, true} {
		c := newCluster(t, 4, 1, 3, 3)
		owners := c.ring.Owners(0)
		stranger := 0
		for c.ring.Owns(ring.NodeID(stranger), 0) {
			stranger++
		}
		c.ask(stranger, put(1, 1, "counter", "c", kind.Amount(1)))
		c.settle()
		require.Empty(t, holdings(c.replicas[stranger]))
		if between { // one owner does not get the second write before all lose their disks
			c.ask(stranger, put(1, 2, "counter", "c", kind.Amount(2)))
			for range 200 {
				c.step()
				c.bag = slices.DeleteFunc(c.bag, func(f flight) bool {
					return f.node == int(owners[2]) && f.ev.Kind == kvs.EventMessage
				})
			}
			require.Len(t, c.disks[owners[0]], 2)
			require.Len(t, c.disks[owners[2]], 1)
		}
		for _, o := range owners {
			c.lose(int(o), 0)
		}
		if !between {
			c.settle()
			require.False(t, c.read(int(owners[0]), "c", "counter").Found, "no owner has it, and none knows who had")
			c.ask(stranger, put(1, 2, "counter", "c", kind.Amount(2)))
		}
		c.settle()
		assert.Equal(t, 1, c.restarts)
		v, err := mustKind(t, "counter").Decode(c.read(int(owners[0]), "c", "counter").Value)
		require.NoError(t, err)
		counter, _ := kind.Get[kind.Counter](v)
		sum, err := kind.CounterSum(counter)
		require.NoError(t, err)
		assert.Equal(t, int64(3), sum)
		c.agree()
	}
}

// FuzzPiece: the record of a piece is refused or read as it was written, and a
// replica recovers from it or says why not.
func FuzzPiece(f *testing.F) {
	c := newCluster(f, 2, 2, 2, 1)
	c.ask(1, put(1, 1, "set", "k", []byte("x")))
	c.settle()
	for part := range c.ring.Partitions() {
		f.Add(recordsOf(f, c.replicas[1].Serve(ring.Partition(part), 0, uint64(9+part), all))[0])
	}
	f.Add([]byte{2, 0, 1, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := kvs.RecodePiece(b)
		if err != nil {
			assert.ErrorIs(t, err, wire.ErrMessage)
		} else {
			twice, err := kvs.RecodePiece(again)
			require.NoError(t, err)
			assert.Equal(t, again, twice)
		}
		if _, err := kvs.New(kvs.Config{Origin: 99, Ring: c.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{b}); err != nil && !errors.Is(err, kvs.ErrOriginUsed) {
			assert.ErrorIs(t, err, wire.ErrMessage)
		}
	})
}

// TestOneOwnerIsLost: where one owner has lost its disk, a replica that hands writes over
// goes on: the other owners have what it handed over before, and it does not start again.
func TestOneOwnerIsLost(t *testing.T) {
	g := newRig(t, 4, 1, 3, kvs.Config{MaxLog: 2})
	g.keep = true
	stranger := 0
	for g.cfg.Ring.Owns(ring.NodeID(stranger), 0) {
		stranger++
	}
	owners := g.cfg.Ring.Owners(0)
	write := func(req uint64) {
		require.Equal(t, wire.StatusOK, g.ask(stranger, put(1, req, "set", "s", []byte{byte(req)})).Status)
	}
	for req := range uint64(4) {
		write(1 + req)
		g.tick()
	}
	lost := int(owners[0])
	for _, o := range owners {
		g.down[o] = int(o) != lost // who could bring it up
	}
	g.disks[lost] = nil
	g.start(lost)
	held := g.hosts[stranger].Core().Held(0)
	for req := range uint64(4) {
		write(5 + req)
		g.tick() // which fails if the replica asks to be started again
	}
	assert.True(t, g.hosts[stranger].Core().Held(0).Includes(held), "and forgets nothing of what was handed over")
	for _, o := range owners {
		g.down[o] = false
	}
	for range 40 {
		g.tick()
	}
	for _, o := range owners {
		assert.Equal(t, holdings(g.hosts[owners[1]].Core()), holdings(g.hosts[o].Core()))
		assert.True(t, g.hosts[o].Core().Quiet())
	}
}
