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
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// decide has somebody ask a node for a factor.
func (w *town) decide(at int, p ring.Partition, epoch uint32, replicas int) {
	d := member.Decision{Partition: p, Epoch: epoch, Replicas: replicas}
	w.factors.MergeIn(member.Factors{{Key: p, Val: member.FactorOf(epoch, replicas)}})
	w.do(at, kvs.Event{Kind: kvs.EventFactor, NowMS: w.now, Factor: d})
}

// TestFactorRises: whoever comes to own a partition by a greater factor holds all of it in the end,
// and serves reads; nobody lets go of anything.
func TestFactorRises(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTown(t, 5, 4, 2, seed)
		w.lossy = seed%2 == 1
		w.run(1500, 10)
		w.decide(0, 1, 1, 4)
		w.decide(3, 2, 1, 900) // all of them
		w.run(1500, 10)
		w.rest()
		for p, want := range []int{2, 4, 5, 2} {
			owners := w.replicas[0].Placement().Owners(ring.Partition(p))
			require.Len(t, owners, want, "partition %d", p)
			for _, n := range owners {
				assert.True(t, w.replicas[n].Serves(ring.Partition(p)), "node %d, partition %d", n, p)
			}
		}
		for _, r := range w.replicas {
			assert.Zero(t, r.Stats().LetGo)
		}
	})
}

// TestFactorFalls: whoever does not own a partition any more hands over what it has, and lets go;
// the others hold all. It rises again to one that has let go, as a new incarnation.
func TestFactorFalls(t *testing.T) {
	each(t, 20, func(t *testing.T, seed uint64) {
		w := newTown(t, 5, 4, 2, seed)
		w.lossy = seed%2 == 1
		w.run(500, 10)
		w.decide(0, 1, 1, 5)
		w.run(1500, 10)
		w.rest()
		w.lossy = seed%2 == 1
		w.decide(2, 1, 2, 3)
		w.run(1500, 10)
		w.rest()
		letGo := uint64(0)
		for _, r := range w.replicas {
			letGo += r.Stats().LetGo
		}
		assert.Equal(t, uint64(2), letGo)
		assert.Zero(t, w.restarts)
		w.decide(4, 1, 3, 4)
		w.run(500, 10)
		w.rest()
		assert.Len(t, w.replicas[0].Placement().Owners(1), 4)
		assert.Equal(t, 1, w.restarts, "it owns again what it has let go of")
	})
}

// TestFactorsWithMembers: factors rise and fall at nodes that do not know of each other's, while
// nodes come and go, crash at any step, and messages are lost.
func TestFactorsWithMembers(t *testing.T) {
	each(t, 40, func(t *testing.T, seed uint64) {
		w := newTown(t, 4, 4, 2, seed)
		w.lossy = true
		w.often(seed)
		w.run(500, 10)
		epoch := uint32(0)
		some := func() {
			epoch++
			if at := w.choose(len(w.replicas), 0); !w.dead[at] {
				w.decide(at, ring.Partition(w.choose(4, 0)), epoch, 1+w.choose(6, 0))
			}
		}
		for i := range 8 {
			some()
			w.run(100+w.choose(300, 0), 10)
			switch i {
			case 1:
				w.join(0)
			case 3:
				w.change(1, member.Change{Node: ring.NodeID(2 + w.choose(2, 0)), To: member.Leaving})
			}
			if n := w.choose(len(w.replicas), 0); !w.dead[n] {
				w.crash(n)
			}
		}
		epoch++
		for p := range ring.Partition(4) { // what was asked of one that went down may be lost
			for n, r := range w.replicas {
				if r.View().At(ring.NodeID(n)).Phase() != member.Gone {
					w.decide(n, p, epoch, 1+w.choose(5, 0))
				}
			}
		}
		w.run(500, 10)
		w.rest()
		for p := range ring.Partition(4) {
			assert.Equal(t, w.factors.Replicas(p), w.replicas[0].Factors().Replicas(p), "partition %d", p)
		}
	})
}

// TestLostDiskWhileAFactorFalls: as a partition comes to have fewer owners, and one that stays has
// lost its disk, the one that is pushed out brings it up anew before it lets go: it is the only one
// that has what was acknowledged.
func TestLostDiskWhileAFactorFalls(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		s := newSeats(t, 3, 8, 1)
		if restarts {
			s.size = 1
			s.start(1, false)
			s.start(2, false)
			s.start(3, false)
		}
		key := s.keyOf(func(p ring.Partition) bool { return p == 5 })
		all := s.owners(5, 3)
		stays, second, third := all[0], all[1], all[2]
		s.decide(1, 5, 1, 3)
		s.some(40)
		for i, n := range all {
			s.write(n, key, fmt.Sprint("e", i), wire.StatusOK)
		}
		s.some(40)
		for _, n := range all {
			require.Equal(t, []string{"e0", "e1", "e2"}, s.elements(n, key), "node %d", n)
		}
		s.down[second] = true
		s.cut = func(m standMessage) bool { return m.from == stays && wire.KindOf(m.b) != wire.MsgMembers }
		s.decide(third, 5, 2, 1)
		s.some(40)
		require.False(t, s.nodes[third].r.Placement().Owns(third, 5))
		require.True(t, s.nodes[third].r.Keeps(5), "nobody has said under the new view to hold all")
		if restarts {
			s.start(third, false)
			s.some(4)
		}
		s.nodes[stays].disk = nil
		s.start(stays, false)
		s.cut = func(standMessage) bool { return false }
		s.some(60)
		assert.Equal(t, []string{"e0", "e1", "e2"}, s.elements(stays, key))
		assert.Nil(t, s.elements(third, key))
		assert.False(t, s.nodes[third].r.Keeps(5))
		s.down[second] = false
		s.some(60)
		assert.Nil(t, s.elements(second, key), "it hears of the decision late")
		assert.True(t, s.nodes[second].r.Settled() && s.nodes[second].r.Quiet())
	}
}

// TestFactorUnderPartition: a factor rises on one side of a partition of the network and falls on
// the other, both by the same number: once it is over, the greater one holds for all. What either
// side wrote is held by all owners.
func TestFactorUnderPartition(t *testing.T) {
	s := newSeats(t, 4, 8, 2)
	key, all := s.keyOf(func(p ring.Partition) bool { return p == 3 }), s.owners(3, 4)
	s.decide(1, 3, 1, 3)
	s.write(all[0], key, "before", wire.StatusOK)
	s.some(40)
	side := func(n ring.NodeID) bool { return n == all[0] || n == all[3] }
	s.cut = func(m standMessage) bool { return side(m.from) != side(m.to) }
	s.decide(all[3], 3, 2, 4)
	s.decide(all[1], 3, 2, 1)
	s.some(40)
	assert.Equal(t, []string{"before"}, s.elements(all[3], key), "it has got what its side holds")
	assert.False(t, s.nodes[all[3]].r.Serves(3), "it cannot know what the other side holds")
	assert.True(t, s.nodes[all[2]].r.Keeps(3), "its owners have not all said to hold what it does")
	for i, n := range all {
		s.write(n, key, fmt.Sprint("e", i), wire.StatusOK)
	}
	s.some(40)
	s.cut = func(standMessage) bool { return false }
	s.some(80)
	for _, n := range all {
		assert.Equal(t, member.FactorOf(2, 4), s.nodes[n].r.Factors().At(3))
		assert.Equal(t, []string{"before", "e0", "e1", "e2", "e3"}, s.elements(n, key), "node %d", n)
		assert.True(t, s.nodes[n].r.Serves(3))
	}
}

// TestCrashWhileAFactorRisesAndFalls: once in the course of it a node starts again, at any message,
// with its disk or without: all is as without that, as every write is at a node that keeps its disk.
func TestCrashWhileAFactorRisesAndFalls(t *testing.T) {
	const stride = 3
	at, done := 0, false
	for ; !done; at++ {
		done = !crashAt(t, at*stride, ring.NodeID(1+at%4), at%3 == 0, 200*(at%2))
	}
	assert.Greater(t, at, 40)
}

// crashAt has the victim crash as message number at is delivered, and reports whether there was one.
func crashAt(t *testing.T, at int, victim ring.NodeID, loses bool, checkpoint int) (crashed bool) {
	s := newSeats(t, 4, 2, 2)
	s.size = checkpoint
	for n := ring.NodeID(1); n <= 4; n++ {
		s.start(n, true)
	}
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
		switch i {
		case 2:
			s.decide(1+victim%4, 1, 1, 4)
		case 22:
			s.decide(1+(victim+1)%4, 1, 2, 3)
		case 42:
			s.decide(1+(victim+2)%4, 1, 3, 4)
		case 62:
			s.decide(1+victim%4, 1, 4, 2)
		}
		if i%5 == 0 {
			want = append(want, fmt.Sprint("e", i))
			s.write(1+(victim+ring.NodeID(i%3))%4, key, want[len(want)-1], wire.StatusOK)
		}
		s.some(1)
	}
	s.some(100)
	slices.Sort(want)
	for i, n := range s.owners(1, 4) {
		require.Equal(t, member.FactorOf(4, 2), s.nodes[n].r.Factors().At(1), "node %d, message %d", n, at)
		require.True(t, s.nodes[n].r.Settled(), "node %d, message %d", n, at)
		if i < 2 {
			require.Equal(t, want, s.elements(n, key), "node %d, message %d", n, at)
		} else {
			require.Nil(t, s.elements(n, key), "node %d, message %d", n, at)
		}
	}
	return crashed
}

// decide has somebody ask node at for a factor.
func (s *seats) decide(at ring.NodeID, p ring.Partition, epoch uint32, replicas int) {
	d := member.Decision{Partition: p, Epoch: epoch, Replicas: replicas}
	s.take(at, s.nodes[at].r.Step(kvs.Event{Kind: kvs.EventFactor, NowMS: s.now, Factor: d}))
}

// owners are the nodes of a partition by a factor, in order of preference.
func (s *seats) owners(p ring.Partition, replicas int) []ring.NodeID {
	r, err := ring.New(s.ring.Nodes(), s.ring.Partitions(), replicas)
	require.NoError(s.t, err)
	return r.Owners(p)
}

// TestReadsAndAcknowledgementsFollowAFactor: a partition that has come to have more replicas is read
// at any of them, and a write that asks for as many owners is answered, which waited before. Once it
// has fewer, whoever is none refuses reads.
func TestReadsAndAcknowledgementsFollowAFactor(t *testing.T) {
	s := newSeats(t, 4, 8, 2)
	key, all := s.keyOf(func(p ring.Partition) bool { return p == 6 }), s.owners(6, 4)
	n := s.nodes[all[0]]
	n.answers = nil
	q := wire.Request{Client: 9, Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte("e"), Ack: session.Owners(4), Wait: 1000}
	s.take(all[0], n.r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
	s.some(40)
	require.Empty(t, n.answers, "two owners have it")
	read := func(at ring.NodeID) wire.Status {
		s.req++
		return s.ask(at, wire.Request{Client: 8, Req: s.req, Key: key, Kind: "set"}).Status
	}
	assert.Equal(t, wire.StatusNotOwner, read(all[3]))
	s.decide(all[1], 6, 1, 4)
	s.some(40)
	require.Len(t, n.answers, 1)
	assert.Equal(t, wire.StatusOK, n.answers[0].Status)
	for _, at := range all {
		assert.Equal(t, wire.StatusOK, read(at))
		assert.Equal(t, []string{"e"}, s.elements(at, key))
		assert.Equal(t, uint64(1), s.nodes[at].r.Stats().Decided)
	}
	s.decide(all[3], 6, 2, 1)
	s.some(40)
	for i, at := range all {
		want := wire.StatusOK
		if i >= 2 {
			want = wire.StatusNotOwner
		}
		assert.Equal(t, want, read(at), "node %d", at)
		assert.Equal(t, uint64(2), s.nodes[at].r.Stats().Decided)
	}
}

// TestDecisionsAreChecked: what cannot be decided is refused, from an operator, from a peer and on a
// disk; what is known already changes nothing.
func TestDecisionsAreChecked(t *testing.T) {
	s := newSeats(t, 3, 8, 2)
	r := s.nodes[1].r
	ask := func(d member.Decision) (refused bool, records int) {
		before, had := r.Stats().Rejected, len(s.nodes[1].disk)
		s.take(1, r.Step(kvs.Event{Kind: kvs.EventFactor, NowMS: s.now, Factor: d}))
		return r.Stats().Rejected > before, len(s.nodes[1].disk) - had
	}
	for _, d := range []member.Decision{{Partition: 8, Epoch: 1, Replicas: 3}, {Partition: 1, Epoch: 0, Replicas: 3}, {Partition: 1, Epoch: 1, Replicas: 0}, {Partition: 1, Epoch: 1, Replicas: member.MaxReplicas + 1}} {
		refused, records := ask(d)
		assert.True(t, refused && records == 0, "%v", d)
	}
	refused, records := ask(member.Decision{Partition: 1, Epoch: 1, Replicas: 3})
	assert.False(t, refused)
	assert.Equal(t, 1, records, "a decision is on the disk before it counts")
	refused, records = ask(member.Decision{Partition: 1, Epoch: 1, Replicas: 3})
	assert.True(t, refused && records == 0, "once is enough")

	rejected := r.Stats().Rejected
	m := wire.Members{From: 2, Origin: s.nodes[2].r.Origin(), Set: s.told, Factors: member.Factors{{Key: 8, Val: member.FactorOf(1, 3)}}}
	s.take(1, r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 2, Msg: m.Append(nil)}))
	assert.Equal(t, rejected+1, r.Stats().Rejected)
	assert.Zero(t, r.Factors().At(8))
	s.nodes[1].disk = append(s.nodes[1].disk, standRecord{99, wire.AppendMembersRecord(nil, 1, m.View())})
	had := make([][]byte, len(s.nodes[1].disk))
	for i := range had {
		had[i] = s.nodes[1].disk[i].b
	}
	_, err := kvs.New(kvs.Config{Self: 1, Origin: 900, Ring: s.ring, Kinds: kind.Default(), Secret: secret}, had)
	require.ErrorIs(t, err, wire.ErrMessage)
	varied, err := ring.Varied(s.ring.Nodes(), 8, 2, func(ring.Partition) int { return 3 })
	require.NoError(t, err)
	_, err = kvs.New(kvs.Config{Self: 1, Origin: 900, Ring: varied, Kinds: kind.Default(), Secret: secret}, nil)
	require.ErrorIs(t, err, kvs.ErrConfig)
}
