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
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// newReplaced is four nodes, the last two of the disk tier, and a key of a partition that nodes 1 and 2
// own, or node 1 alone, by which rf is 1. The set under it has an element, which all owners hold.
func newReplaced(t *testing.T, rf int, configure func(*kvs.Config)) (s *seats, key string) {
	s = newTieredSeats(t, 4, 3, 8, rf, configure)
	key = s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(1, p) })
	s.write(1, key, "a", wire.StatusOK)
	s.some(20)
	return s, key
}

// decideFor has nodes hear of a decision about the partition of key, and of nothing else.
func (s *seats) decideFor(key string, epoch uint32, memory, disk int, nodes ...ring.NodeID) {
	for _, n := range nodes {
		s.vector(n, s.ring.PartitionOf(key), epoch, memory, disk)
	}
}

// read is the status of a read at a node. One that is served has an element.
func (s *seats) read(at ring.NodeID, key string) wire.Status {
	s.req++
	a := s.ask(at, wire.Request{Client: 9, Req: s.req, Key: key, Kind: "set"})
	if a.Status == wire.StatusOK {
		require.Equal(s.t, []string{"a"}, s.elements(at, key), "node %d serves as if there were nothing", at)
	}
	return a.Status
}

// between cuts off what is sent from some nodes to others, but for views.
func between(from, to func(ring.NodeID) bool) func(standMessage) bool {
	return func(m standMessage) bool {
		return from(m.from) && to(m.to) && wire.KindOf(m.b) != wire.MsgMembers
	}
}

func inMemory(n ring.NodeID) bool { return n < 3 }
func onDisk(n ring.NodeID) bool   { return n >= 3 }

// TestAllOwnersReplaced: by one decision a partition has other owners, none of which owned it before.
// They hear each other first, and refuse reads until they have heard those that retire too.
func TestAllOwnersReplaced(t *testing.T) {
	for _, rf := range []int{1, 2} {
		s, key := newReplaced(t, rf, func(*kvs.Config) {})
		s.cut = between(inMemory, onDisk)
		s.decideFor(key, 1, 0, 2, 1)
		for range 40 {
			s.some(1)
			for n := ring.NodeID(1); n <= 4; n++ {
				s.read(n, key)
			}
		}
		require.Equal(t, member.VectorOf(1, 0, 2), s.nodes[3].r.Factors().At(s.ring.PartitionOf(key)))
		for n := ring.NodeID(3); n <= 4; n++ {
			require.Equal(t, wire.StatusNotOwner, s.read(n, key), "node %d", n)
			require.False(t, s.nodes[n].r.Settled())
		}
		s.cut = func(standMessage) bool { return false }
		s.some(60)
		for n := ring.NodeID(1); n <= 4; n++ {
			want := wire.StatusNotOwner
			if n >= 3 {
				want = wire.StatusOK
			}
			assert.Equal(t, want, s.read(n, key), "node %d", n)
			assert.True(t, s.nodes[n].r.Settled() && s.nodes[n].r.Quiet(), "node %d", n)
			assert.Zero(t, s.nodes[n].restarts)
		}
		assert.Nil(t, s.elements(1, key))
	}
}

// TestDecisionOvertakesAnother: by a first decision a partition has one owner more, and by a second one,
// before that one has got anything, it is with the newcomers alone. Whoever has heard of both takes the
// first newcomer for a source, which is none.
func TestDecisionOvertakesAnother(t *testing.T) {
	for _, heard := range [][]ring.NodeID{{1, 2, 3, 4}, {1, 2, 3}, {1, 2, 4}, {3, 4}, {4}, {3}, {1, 3}, {}} {
		s, key := newReplaced(t, 1, func(*kvs.Config) {})
		s.cut = func(standMessage) bool { return true }
		first := ring.NodeID(3)
		s.decideFor(key, 1, 1, 1, heard...)
		s.some(1)
		s.cut = between(inMemory, onDisk)
		s.decideFor(key, 2, 0, 2, 1, 2, 3, 4)
		for range 40 {
			s.some(1)
			for n := ring.NodeID(1); n <= 4; n++ {
				s.read(n, key)
			}
		}
		require.NotEqual(t, wire.StatusOK, s.read(first, key), "heard by %v", heard)
		s.cut = func(standMessage) bool { return false }
		s.some(60)
		for n := ring.NodeID(3); n <= 4; n++ {
			assert.Equal(t, wire.StatusOK, s.read(n, key), "node %d, heard by %v", n, heard)
			assert.True(t, s.nodes[n].r.Settled() && s.nodes[n].r.Quiet(), "node %d", n)
		}
	}
}

// TestOwnersAgainSearch: owners that have let go of a partition own it again by a decision that leaves out
// the owners in between. They start anew, and know by their disks that nobody else is there to go by: also
// after another start, be it behind a checkpoint or not. Once they have it, a start has them serve at once.
func TestOwnersAgainSearch(t *testing.T) {
	for _, checkpoint := range []int{0, 1} {
		for _, starts := range []int{0, 1, 2} {
			s, key := newReplaced(t, 2, func(c *kvs.Config) { c.CheckpointBytes = checkpoint })
			other := s.keyOf(func(p ring.Partition) bool { return p != s.ring.PartitionOf(key) && s.ring.Owns(1, p) })
			s.decideFor(key, 1, 0, 2, 3)
			for i := range 4 { // so that checkpoints leave nothing of the partition on the disks
				s.some(20)
				s.write(1, other, fmt.Sprint("x", i), wire.StatusOK)
				s.write(2, other, fmt.Sprint("z", i), wire.StatusOK)
			}
			s.some(20)
			s.nodes[1].restarts, s.nodes[2].restarts = 0, 0
			s.cut = between(onDisk, inMemory)
			s.decideFor(key, 2, 2, 0, 4)
			for i := range 60 {
				s.some(1)
				for n := ring.NodeID(1); n <= 4; n++ {
					s.read(n, key)
				}
				if i%20 == 19 && i/20 < starts {
					s.write(2, other, fmt.Sprint("y", i), wire.StatusOK) // so that a checkpoint is due
					s.some(5)
					s.start(1, false)
					s.start(2, false)
				}
			}
			require.Positive(t, s.nodes[1].restarts+s.nodes[2].restarts)
			if checkpoint > 0 {
				require.Nil(t, s.elements(1, key))
				require.Equal(t, wire.StatusNotOwner, s.read(1, key))
			}
			s.cut = func(standMessage) bool { return false }
			s.some(60)
			for n := ring.NodeID(1); n <= 2; n++ {
				assert.Equal(t, wire.StatusOK, s.read(n, key), "node %d", n)
				assert.Nil(t, s.elements(n+2, key), "node %d", n+2)
			}
			s.down[3], s.down[4] = true, true
			s.start(1, false)
			assert.Equal(t, wire.StatusOK, s.read(1, key), "it has had all, and does not ask for it again")
		}
	}
}

// TestSourcelessWaitForWhoMayHoldIt: new owners, of whom none owned the partition before, wait for each
// member, and for none that is gone or has lost its disk. What was only there is lost.
func TestSourcelessWaitForWhoMayHoldIt(t *testing.T) {
	for name, c := range map[string]struct {
		then   func(s *seats)
		serves bool // afterwards
		holds  bool // what there was
	}{
		"who retires is down": {func(s *seats) { s.down[1] = true }, false, false},
		"it comes back":       {func(s *seats) { s.down[1] = true; s.some(40); s.down[1] = false }, true, true},
		"it comes back without its disk": {func(s *seats) {
			s.down[1] = true
			s.some(40)
			s.down[1] = false
			s.nodes[1].disk = nil
			s.start(1, false)
		}, true, false},
		"it is declared gone":            {func(s *seats) { s.down[1] = true; s.operate(3, 1, member.Gone) }, true, false},
		"it leaves":                      {func(s *seats) { s.operate(3, 1, member.Leaving) }, true, true},
		"another is down":                {func(s *seats) { s.down[2] = true }, false, true},
		"another is declared gone":       {func(s *seats) { s.down[2] = true; s.operate(3, 2, member.Gone) }, true, true},
		"another has lost its disk":      {func(s *seats) { s.nodes[2].disk = nil; s.start(2, false) }, true, true},
		"one that joins is not there":    {func(s *seats) { s.operate(3, 9, member.Joining) }, false, true},
		"one that joined is not to come": {func(s *seats) { s.operate(3, 9, member.Joining); s.some(10); s.operate(3, 9, member.Gone) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, key := newReplaced(t, 1, func(*kvs.Config) {})
			s.cut = between(inMemory, onDisk)
			s.decideFor(key, 1, 0, 2, 1)
			s.some(20)
			require.Equal(t, wire.StatusNotOwner, s.read(3, key))
			require.Equal(t, []string{"a"}, s.elements(1, key))
			c.then(s)
			s.cut = func(standMessage) bool { return false }
			s.some(80)
			for n := ring.NodeID(3); n <= 4; n++ {
				require.Equal(t, c.serves, s.nodes[n].r.Serves(s.ring.PartitionOf(key)), "node %d", n)
				if c.holds {
					require.Equal(t, []string{"a"}, s.elements(n, key), "node %d", n)
				} else {
					require.Nil(t, s.elements(n, key), "node %d", n)
				}
				require.Equal(t, c.serves, s.nodes[n].r.Settled(), "node %d", n)
			}
		})
	}
}

// TestLostOwnersAreNotSearched: the only owner is declared gone, and another node comes to own the partition.
// Nobody can hold it, so that it is served at once, though one more node is down.
func TestLostOwnersAreNotSearched(t *testing.T) {
	s := newSeats(t, 4, 8, 1)
	p := s.ring.PartitionOf(s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(1, p) }))
	after, err := member.Place(s.told.Raised(1, member.In(1, member.Gone)), 8, 1)
	require.NoError(t, err)
	owner := after.Owners(p)[0]
	s.down[1], s.down[2+(owner-1)%3] = true, true
	s.operate(owner, 1, member.Gone)
	s.some(2)
	assert.True(t, s.nodes[owner].r.Serves(p))
}

// TestWhoRetiresLosesItsDisk: new owners have heard what a node holds that retires, and it loses that
// before they have it: they ask it again, and wait no more for what nobody holds.
func TestWhoRetiresLosesItsDisk(t *testing.T) {
	s, key := newReplaced(t, 1, func(*kvs.Config) {})
	s.cut = func(m standMessage) bool { // they hear what it holds, and get none of it
		return inMemory(m.from) && onDisk(m.to) && bytes.Contains(m.b, []byte(key))
	}
	s.decideFor(key, 1, 0, 2, 1)
	s.some(40)
	for n := ring.NodeID(3); n <= 4; n++ {
		require.Equal(t, wire.StatusNotOwner, s.read(n, key))
		require.Nil(t, s.elements(n, key))
	}
	require.Equal(t, []string{"a"}, s.elements(1, key))
	s.nodes[1].disk = nil
	s.start(1, false)
	s.cut = func(standMessage) bool { return false }
	s.some(80)
	for n := ring.NodeID(3); n <= 4; n++ {
		assert.True(t, s.nodes[n].r.Serves(s.ring.PartitionOf(key)), "node %d", n)
		assert.True(t, s.nodes[n].r.Settled(), "node %d", n)
		assert.Nil(t, s.elements(n, key))
	}
}

// TestDeleteWaitsForAll: a node that has handed over the first increment of a counter hands over the
// second one, whose delta is the sum of both, to new owners. A delete is refused there until they have the
// first one too: it would take away what it has not seen.
func TestDeleteWaitsForAll(t *testing.T) {
	s, key := newReplaced(t, 1, func(*kvs.Config) {})
	counter := key
	for counter == key || s.ring.PartitionOf(counter) != s.ring.PartitionOf(key) {
		counter += "'"
	}
	write := func(at ring.NodeID, q wire.Request) wire.Status {
		s.req++
		q.Client, q.Req, q.Put, q.Key, q.Kind, q.Stamp = 100+s.req, 1, true, counter, "counter", s.now<<16
		return s.ask(at, q).Status
	}
	require.Equal(t, wire.StatusOK, write(2, wire.Request{Arg: kind.Amount(1)}))
	s.some(20)
	s.cut = between(func(n ring.NodeID) bool { return n == 1 }, onDisk)
	s.decideFor(key, 1, 0, 2, 1)
	s.some(20)
	require.Equal(t, wire.StatusOK, write(2, wire.Request{Arg: kind.Amount(1)}))
	s.some(20)
	for n := ring.NodeID(3); n <= 4; n++ {
		require.Equal(t, wire.StatusNotOwner, write(n, wire.Request{Delete: true}))
	}
	s.cut = func(standMessage) bool { return false }
	s.some(80)
	require.Equal(t, int64(2), s.count(3, counter))
	require.Equal(t, int64(2), s.count(4, counter))
	assert.Equal(t, wire.StatusOK, write(4, wire.Request{Delete: true}))
}

// TestNobodyServesAsIfEmpty: partitions go from any nodes to any others by decisions that follow each
// other at once, at whatever node, and messages are lost. Whoever serves a partition holds what all of
// its owners held in the beginning. Of a node that has started again, as it owns again what it had let go
// of, that is asked once it has got it.
func TestNobodyServesAsIfEmpty(t *testing.T) {
	searched := 0
	each(t, 60, func(t *testing.T, seed uint64) {
		w := newTieredTown(t, 6, 3, 4, 1+int(seed%2), seed)
		w.run(400, 10)
		w.rest()
		w.lossy = seed%4 < 2
		held, origins, anew := make([]gossip.Dots, 4), make([]uint64, 6), map[[2]int]bool{}
		for p := range held {
			held[p] = w.replicas[w.replicas[0].Placement().Owners(ring.Partition(p))[0]].Held(ring.Partition(p))
			require.NotEmpty(t, held[p])
		}
		vectors := [][2]int{{1, 0}, {0, 1}, {2, 0}, {0, 2}, {1, 1}}
		if seed%2 == 1 {
			vectors = [][2]int{{2, 0}, {0, 2}, {2, 2}, {3, 0}, {0, 3}, {1, 2}}
		}
		look := func() {
			for n, r := range w.replicas {
				for id := range ring.Partition(4) {
					at := [2]int{n, int(id)}
					switch has := r.Held(id).Includes(held[id]); {
					case has:
						delete(anew, at)
					case origins[n] != 0 && origins[n] != r.Origin():
						anew[at] = true
					}
					require.False(t, r.Serves(id) && !anew[at] && !r.Held(id).Includes(held[id]), "node %d serves partition %d, seed %d", n, id, seed)
				}
				origins[n] = r.Origin()
				searched += r.Searched()
			}
		}
		for epoch := range uint32(12) {
			v := vectors[w.choose(len(vectors), 0)]
			w.vector(w.choose(6, 0), ring.Partition(w.choose(2, 0)), 1+epoch, v[0], v[1])
			for range w.choose(400, 0) {
				w.step()
				look()
			}
		}
		for p := range ring.Partition(2) {
			v := vectors[w.choose(len(vectors), 0)]
			for n := range w.replicas {
				w.vector(n, p, 20, v[0], v[1])
			}
		}
		for range 3000 {
			w.step()
			look()
		}
		w.rest()
	})
	assert.Positive(t, searched)
}
