package kvs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// newTieredTown is a town of which nodes from disks on are of the disk tier.
func newTieredTown(t testing.TB, nodes, disks, partitions, rf int, seed uint64) *town {
	w := newTown(t, nodes, partitions, rf, seed)
	var err error
	w.ring, err = ring.Tiered(w.ring.Nodes(), partitions, rf, ring.NodeID(disks), nil)
	require.NoError(t, err)
	w.bag, w.keys = nil, keysOf(w.ring)
	for n := range nodes {
		w.replicas[n], w.disks[n], w.outside[n] = nil, nil, nil
		w.start(n)
	}
	return w
}

// vector has somebody ask a node for a number of replicas in each tier.
func (w *town) vector(at int, p ring.Partition, epoch uint32, memory, disk int) {
	d := member.Decision{Partition: p, Epoch: epoch, Replicas: memory, Disk: disk}
	w.factors.MergeIn(member.Factors{{Key: p, Val: d.Factor()}})
	w.do(at, kvs.Event{Kind: kvs.EventFactor, NowMS: w.now, Factor: d})
}

// settles lets clients write until nothing is under way of what was decided, at any replica; after each
// step, somebody serves p.
func (w *town) settles(p ring.Partition, factor member.Factor) {
	w.t.Helper()
	for i := range 100_000 {
		if i%40 == 0 {
			w.write(w.choose(len(w.replicas), 0))
		}
		w.step()
		require.True(w.t, slices.ContainsFunc(w.replicas, func(r *kvs.Replica) bool { return r.Serves(p) }), "nobody serves partition %d", p)
		if !slices.ContainsFunc(w.replicas, func(r *kvs.Replica) bool { return !r.Settled() || r.Factors().At(p) != factor }) {
			return
		}
	}
	w.t.Fatalf("a decision does not settle:\n%s", w.state())
}

// TestDemotedAndPromotedUnderLoad: a partition goes from memory to disk and back, each time by two
// decisions, the second one once the first has settled. It is served at each step of the way, nothing
// that was acknowledged is lost, and in the end only the nodes of the tier hold it.
func TestDemotedAndPromotedUnderLoad(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTieredTown(t, 6, 3, 4, 2, seed)
		w.lossy = seed%2 == 1
		w.often(seed)
		w.run(400, 10)
		const p = 1
		inMemory := slices.Clone(w.replicas[0].Placement().Owners(p))
		require.Len(t, inMemory, 2)
		require.Less(t, slices.Max(inMemory), ring.NodeID(3))
		for i, v := range [][2]int{{2, 2}, {0, 2}, {2, 2}, {2, 0}} {
			epoch := uint32(i + 1)
			before := w.replicas[0].Placement().Owners(p)
			w.vector(w.choose(6, 0), p, epoch, v[0], v[1])
			w.settles(p, member.VectorOf(epoch, v[0], v[1]))
			owners := w.replicas[0].Placement().Owners(p)
			require.Len(t, owners, v[0]+v[1])
			for _, n := range owners {
				require.Equal(t, v[0] == 0 || n >= 3, n >= 3, "node %d by %v", n, v)
				require.True(t, w.replicas[n].Serves(p))
			}
			if len(owners) < len(before) {
				for _, n := range owners {
					require.Contains(t, before, n, "whoever stays was there before others go")
				}
			}
		}
		w.run(100, 10)
		w.rest()
		require.Equal(t, inMemory, w.replicas[0].Placement().Owners(p))
		for n := range 3 {
			require.Empty(t, held(w.replicas[3+n], p), "node %d is of the disk tier", 3+n)
		}
		letGo := uint64(0)
		for _, r := range w.replicas {
			letGo += r.Stats().LetGo
		}
		require.Positive(t, letGo)
		require.Positive(t, w.restarts, "who has let go of it owns it again")
	})
}

// TestTiersWithMembers: partitions go to either tier, also in one step, by the word of whoever is
// asked, while nodes of both come and go, crash at any step, and messages are lost.
func TestTiersWithMembers(t *testing.T) {
	each(t, 40, func(t *testing.T, seed uint64) {
		w := newTieredTown(t, 5, 3, 4, 2, seed)
		w.lossy = true
		w.often(seed)
		w.run(400, 10)
		vectors := [][2]int{{2, 0}, {0, 2}, {2, 2}, {1, 2}, {3, 1}, {0, member.MaxDisk}, {2, 3}}
		epoch := uint32(0)
		for i := range 8 {
			epoch++
			v := vectors[w.choose(len(vectors), 0)]
			if at := w.choose(len(w.replicas), 0); !w.dead[at] {
				w.vector(at, ring.Partition(w.choose(4, 0)), epoch, v[0], v[1])
			}
			w.run(100+w.choose(300, 0), 10)
			switch i {
			case 1:
				w.join(0) // of the disk tier
			case 3:
				w.change(1, member.Change{Node: ring.NodeID(2 + w.choose(3, 0)), To: member.Leaving})
			}
			if n := w.choose(len(w.replicas), 0); !w.dead[n] {
				w.crash(n)
			}
		}
		epoch++
		for p := range ring.Partition(4) { // what was asked of one that went down may be lost
			v := vectors[w.choose(len(vectors), 0)]
			for n, r := range w.replicas {
				if r.View().At(ring.NodeID(n)).Phase() != member.Gone {
					w.vector(n, p, epoch, v[0], v[1])
				}
			}
		}
		w.run(500, 10)
		w.rest()
		for p := range ring.Partition(4) {
			assert.Equal(t, w.factors.At(p), w.replicas[0].Factors().At(p), "partition %d", p)
		}
	})
}

// TestTiersDownToOneNode: with one node left of each tier, a partition that is to have two replicas
// has both, whichever tier it is to be in; and with a tier gone, the other one has them.
func TestTiersDownToOneNode(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64) {
		w := newTieredTown(t, 4, 2, 4, 2, seed)
		w.lossy = seed%2 == 1
		w.run(300, 10)
		w.vector(0, 1, 1, 2, 2)
		w.settles(1, member.VectorOf(1, 2, 2))
		w.vector(0, 1, 2, 0, 2)
		w.settles(1, member.VectorOf(2, 0, 2))
		leave := func(n ring.NodeID) {
			w.change(0, member.Change{Node: n, To: member.Leaving})
			w.run(300, 10)
			w.rest()
			w.lossy = seed%2 == 1
			w.dead[int(n)] = true
		}
		leave(3)
		require.Equal(t, []ring.NodeID{2}, w.replicas[0].Placement().Owners(1)[1:])
		require.Len(t, w.replicas[0].Placement().Owners(1), 2, "one of them in memory")
		leave(1)
		for p := range ring.Partition(4) {
			require.Equal(t, []ring.NodeID{0, 2}, w.replicas[0].Placement().Owners(p))
		}
		leave(2)
		for p := range ring.Partition(4) {
			require.Equal(t, []ring.NodeID{0}, w.replicas[0].Placement().Owners(p), "there is no disk tier")
		}
	})
}

// TestCrashWhileAPartitionChangesItsTier: once in the course of it a node starts again, at any
// message, with its disk or without: all is as without that.
func TestCrashWhileAPartitionChangesItsTier(t *testing.T) {
	const stride = 5
	at, done := 0, false
	for ; !done; at++ {
		done = !tierCrashAt(t, at*stride, ring.NodeID(1+at%4), at%3 == 0, 200*(at%2))
	}
	assert.Greater(t, at, 30)
}

// tierCrashAt has the victim crash as message number at is delivered, and reports whether there was
// one. Nodes 3 and 4 are of the disk tier.
func tierCrashAt(t *testing.T, at int, victim ring.NodeID, loses bool, checkpoint int) (crashed bool) {
	s := newTieredSeats(t, 4, 3, 2, 2, func(c *kvs.Config) { c.CheckpointBytes = checkpoint })
	messages := 0
	s.cut = func(standMessage) bool {
		if messages++; messages == at+1 {
			crashed = true
			if loses {
				s.nodes[victim].disk = nil
			}
			s.start(victim, false)
		}
		return false
	}
	key, want := s.keyOf(func(p ring.Partition) bool { return p == 1 }), []string(nil)
	for i := range 80 {
		if vector, ok := map[int][2]int{2: {2, 2}, 22: {0, 2}, 42: {2, 2}, 62: {2, 0}}[i]; ok {
			s.vector(1+(victim+ring.NodeID(i))%4, 1, uint32(1+i/20), vector[0], vector[1])
		}
		if i%5 == 0 {
			want = append(want, fmt.Sprint("e", i))
			s.write(1+(victim+ring.NodeID(i%3))%4, key, want[len(want)-1], wire.StatusOK)
		}
		s.some(1)
	}
	s.some(100)
	slices.Sort(want)
	for n := ring.NodeID(1); n <= 4; n++ {
		require.Equal(t, member.VectorOf(4, 2, 0), s.nodes[n].r.Factors().At(1), "node %d, message %d", n, at)
		require.True(t, s.nodes[n].r.Settled(), "node %d, message %d", n, at)
		if n < 3 {
			require.Equal(t, want, s.elements(n, key), "node %d, message %d", n, at)
		} else {
			require.Nil(t, s.elements(n, key), "node %d, message %d", n, at)
		}
	}
	return crashed
}

// newTieredSeats is seats of which nodes from disks on are of the disk tier.
func newTieredSeats(t *testing.T, nodes int, disks ring.NodeID, partitions, rf int, configure func(*kvs.Config)) *seats {
	s := newSeatsOf(t, nodes, partitions, rf, configure)
	var err error
	s.ring, err = ring.Tiered(s.ring.Nodes(), partitions, rf, disks, nil)
	require.NoError(t, err)
	s.queue = nil
	for n := ring.NodeID(1); int(n) <= nodes; n++ {
		s.nodes[n].disk = nil
		s.start(n, true)
	}
	return s
}

// vector has somebody ask node at for a number of replicas in each tier.
func (s *seats) vector(at ring.NodeID, p ring.Partition, epoch uint32, memory, disk int) {
	d := member.Decision{Partition: p, Epoch: epoch, Replicas: memory, Disk: disk}
	s.take(at, s.nodes[at].r.Step(kvs.Event{Kind: kvs.EventFactor, NowMS: s.now, Factor: d}))
}

// TestUnlawfulVectors: fewer replicas on disk than are configured, without as many in memory, are
// refused of an operator, of a peer, and on a disk.
func TestUnlawfulVectors(t *testing.T) {
	s := newTieredSeats(t, 4, 3, 8, 2, func(*kvs.Config) {})
	r := s.nodes[1].r
	for _, v := range [][2]int{{0, 1}, {1, 1}, {0, member.MaxDisk + 1}, {0, 0}, {2, -1}} {
		before, had := r.Stats().Rejected, len(s.nodes[1].disk)
		s.vector(1, 1, 1, v[0], v[1])
		assert.Equal(t, before+1, r.Stats().Rejected, "%v", v)
		assert.Len(t, s.nodes[1].disk, had, "%v", v)
	}
	s.vector(1, 1, 1, 0, 2)
	assert.Equal(t, member.VectorOf(1, 0, 2), r.Factors().At(1))

	rejected := r.Stats().Rejected
	m := wire.Members{From: 2, Origin: s.nodes[2].r.Origin(), Set: s.told, Factors: member.Factors{{Key: 2, Val: member.VectorOf(1, 1, 1)}}}
	s.take(1, r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 2, Msg: m.Append(nil)}))
	assert.Equal(t, rejected+1, r.Stats().Rejected)
	assert.Zero(t, r.Factors().At(2))
	_, err := kvs.New(kvs.Config{Self: 1, Origin: 900, Ring: s.ring, Kinds: kind.Default(), Secret: secret}, [][]byte{wire.AppendMembersRecord(nil, 1, m.View())})
	require.ErrorIs(t, err, wire.ErrMessage)
	varied, err := ring.Tiered(s.ring.Nodes(), 8, 2, 3, func(ring.Partition) (int, int) { return 0, 2 })
	require.NoError(t, err)
	_, err = kvs.New(kvs.Config{Self: 1, Origin: 900, Ring: varied, Kinds: kind.Default(), Secret: secret}, nil)
	require.ErrorIs(t, err, kvs.ErrConfig)
}

// TestNoTiersWhileAnOlderProgramMayRun: a program that knows of no factors knows of no tiers, and would
// place partitions on a node of the disk tier: such a node does not join while one may run.
func TestNoTiersWhileAnOlderProgramMayRun(t *testing.T) {
	for _, oldest := range []wire.Version{wire.Oldest, wire.Factored} {
		s := newTieredSeats(t, 3, 4, 8, 2, func(c *kvs.Config) { c.Speaks.Oldest = oldest })
		r := s.nodes[1].r
		ask := func(n ring.NodeID) bool {
			before := r.Stats().Rejected
			s.take(1, r.Step(kvs.Event{Kind: kvs.EventMember, NowMS: s.now, Change: member.Change{Node: n, To: member.Joining}}))
			return r.Stats().Rejected == before && r.View().At(n).Phase() == member.Joining && r.View().At(n) != 0
		}
		assert.Equal(t, oldest >= wire.Factored, ask(4), "one of the disk tier, of version %d", oldest)
		before := r.Stats().Rejected
		s.vector(1, 1, 1, 0, 2)
		assert.Equal(t, oldest >= wire.Factored, r.Stats().Rejected == before)
	}
	rg, err := ring.Tiered([]ring.NodeID{1, 2, 3}, 8, 2, 3, nil)
	require.NoError(t, err)
	told, err := ring.Tiered([]ring.NodeID{1, 2}, 8, 2, 3, nil)
	require.NoError(t, err)
	for _, c := range []kvs.Config{{Ring: rg}, {Ring: told, Members: member.Of(rg)}} {
		c.Self, c.Origin, c.Kinds, c.Secret = 1, 1, kind.Default(), secret
		_, err = kvs.New(c, nil)
		require.NoError(t, err)
		c.Speaks.Oldest = wire.Oldest
		_, err = kvs.New(c, nil)
		require.ErrorIs(t, err, kvs.ErrConfig)
	}
	s := newTieredSeats(t, 3, 5, 8, 2, func(c *kvs.Config) { c.Speaks.Oldest = wire.Oldest })
	s.operate(1, 4, member.Joining)
	assert.Equal(t, member.In(1, member.Joining), s.nodes[1].r.View().At(4), "one of the memory tier joins")
}
