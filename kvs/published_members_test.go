package kvs_test

import (
	"fmt"
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

// This file has reports of nodes that join, leave, are replaced or go over to another one, and of
// what is lost, counted or told on the way; PUBLISHED.md lists them.

// seatedKeys are so many keys, of which each has an element that some node was given.
func (s *seats) seatedKeys(n int, at func(i int) ring.NodeID) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("key%02d", i))
		s.write(at(i), keys[i], "e", wire.StatusOK)
	}
	return keys
}

// holders is which nodes that are up serve a key, and show an element of it.
func (s *seats) holders(key, element string) (serve, show int) {
	for id := ring.NodeID(1); int(id) < len(s.nodes); id++ {
		if s.down[id] || !s.nodes[id].r.Serves(s.ring.PartitionOf(key)) {
			continue
		}
		serve++
		for _, e := range s.elements(id, key) {
			if e == element {
				show++
			}
		}
	}
	return serve, show
}

// settle lets rounds pass until no node that is up knows of a change under way.
func (s *seats) settle() {
	for range 400 {
		s.some(1)
		settled := true
		for id := ring.NodeID(1); int(id) < len(s.nodes); id++ {
			settled = settled && (s.down[id] || s.nodes[id].r.Settled())
		}
		if settled {
			s.some(20)
			return
		}
	}
	require.Fail(s.t, "a change does not come to its end")
}

// TestNodesJoinOneAfterAnother: a second node joins the first, which has values, and then a third;
// each has values of its own, and what owns a key by then shows all that was ever written to it, at
// any time at which it serves it. When the first one dies nothing is gone. In Horde the entries
// were gone when the second node joined, or those of the second when the third did; in Hazelcast a
// counter that was there before its second member was nowhere when the first was killed.
// (elixir-horde/horde #116, #258, hazelcast/hazelcast #13793.)
func TestNodesJoinOneAfterAnother(t *testing.T) {
	for _, size := range []int{0, 100} {
		s := newSeats(t, 1, 16, 2)
		s.size = size
		keys := s.seatedKeys(24, func(int) ring.NodeID { return 1 })
		all := func(when string) {
			for _, key := range keys {
				serve, show := s.holders(key, "e")
				require.Equal(t, serve, show, "%s, %s", key, when)
			}
		}
		for n := ring.NodeID(2); n <= 4; n++ {
			s.told = s.nodes[1].r.View()
			s.operate(1, n, member.Joining)
			s.add(n)
			for round := range 60 {
				s.cut = func(m standMessage) bool { // the values come late
					return round < 12 && m.to == n && wire.KindOf(m.b) != wire.MsgMembers
				}
				s.some(1)
				all(fmt.Sprint("while joins node ", n))
			}
			s.settle()
			for i := range 8 {
				keys = append(keys, fmt.Sprintf("of%d-%d", n, i))
				s.write(n, keys[len(keys)-1], "e", wire.StatusOK)
			}
			s.some(30)
			all(fmt.Sprint("node ", n, " has joined"))
		}
		s.down[1] = true
		s.told = s.nodes[2].r.View()
		s.operate(2, 1, member.Gone)
		s.settle()
		for _, key := range keys {
			serve, show := s.holders(key, "e")
			assert.Equal(t, 2, serve, key)
			assert.Equal(t, 2, show, key)
		}
	}
}

// TestSameNameAgain: a node leaves, or dies and is said to be gone, and another one joins under its
// name, with an empty disk, also before all have heard that the first is gone; what the first had
// sent arrives late. The new one comes to hold what it is to hold, nothing of the old one counts,
// and nobody goes on to send it what was meant for that. In Horde the others went on to talk to the
// life that was over; in memberlist one that had left could not join again under its name, nor at
// another address; in libnetwork the word that the old one was gone, which came after the new one
// had joined, was taken for the new one's. (elixir-horde/horde #19, hashicorp/memberlist #140,
// #157, moby/libnetwork #2256.)
func TestSameNameAgain(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		for how := range 4 {
			heard := how%2 == 0 // else node 2 hears of both at once
			s := newSeatsOf(t, 4, 8, 2, func(c *kvs.Config) { c.MaxKnown = how / 2 })
			var late []standMessage
			s.stand.sent = func(m standMessage) {
				if m.from == 4 {
					late = append(late, m)
				}
			}
			keys := s.seatedKeys(16, func(i int) ring.NodeID { return ring.NodeID(1 + i%4) })
			s.some(30)
			if s.down[2] = !heard; leaves {
				s.operate(1, 4, member.Leaving)
			}
			if heard || !leaves { // else node 4 cannot leave, as node 2 is down
				s.some(60)
			}
			if s.stand.sent = nil; !leaves || !heard {
				s.down[4] = true
				s.told = s.nodes[1].r.View()
				s.operate(1, 4, member.Gone)
				s.some(20)
			}
			s.told, s.life = s.nodes[1].r.View(), 2
			s.operate(1, 4, member.Joining)
			if !heard { // and the rest know already, when the first late word comes
				s.down[4] = true
				s.some(10)
				s.down[4] = false
				for _, m := range late {
					s.take(m.to, s.nodes[m.to].r.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: s.now, From: 4, Msg: m.b}))
				}
				for p := range ring.Partition(8) {
					assert.Empty(t, append(s.nodes[1].r.Belief(p, 4).Known, s.nodes[3].r.Belief(p, 4).Known...), "what an earlier life holds")
				}
			}
			s.nodes[4].disk, s.nodes[4].restart = nil, false
			s.add(4)
			s.down[4], s.down[2] = false, false
			for i := range late {
				if s.queue = append(s.queue, late[i]); i%3 == 0 {
					s.some(1)
				}
			}
			s.settle()
			for i, key := range keys {
				s.write(ring.NodeID(1+i%4), key, "later", wire.StatusOK)
			}
			s.some(60)
			for _, key := range keys {
				for _, e := range []string{"e", "later"} {
					serve, show := s.holders(key, e)
					assert.Equal(t, 2, serve, key)
					assert.Equal(t, 2, show, "%s of %s, leaves %v, heard %v", e, key, leaves, heard)
				}
			}
			said := 0
			s.stand.sent = func(standMessage) { said++ }
			s.some(60)
			assert.Zero(t, said, "nobody has anything to say any more")
		}
	}
}

// TestAnsweredWhileOwnersChange: writes that ask for two owners are made all the time while a node
// joins, another leaves and a third dies. Each that is answered is at two nodes which keep it, at
// that moment and ever after, and at both owners in the end. In Scylla a write that the old
// owners had acknowledged was on fewer of the new ones than was asked for; in Riak recent writes
// were lost where much was handed over. (scylladb/scylladb #5252, #6126, basho/riak_kv #1754.)
func TestAnsweredWhileOwnersChange(t *testing.T) {
	s := newSeats(t, 4, 8, 2)
	type written struct {
		key, is string
		dot     func(n ring.NodeID) bool
	}
	asked, answered := map[uint64]written{}, map[uint64]written{}
	ask := func(i int) {
		s.req++
		key, e := fmt.Sprintf("key%02d", i%16), fmt.Sprint(i)
		at := ring.NodeID(1 + i%(len(s.nodes)-1))
		if s.down[at] || s.nodes[at].r.View().At(at).Phase() == member.Gone {
			return
		}
		asked[s.req] = written{key: key, is: e}
		q := wire.Request{Client: 5000 + s.req, Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte(e), Ack: session.Owners(2), Wait: 2000}
		s.take(at, s.nodes[at].r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
	}
	check := func() {
		for _, n := range s.nodes[1:] {
			for _, a := range n.answers {
				if a.Status == wire.StatusOK && a.Client > 5000 {
					w := asked[a.Client-5000]
					w.dot = func(n ring.NodeID) bool {
						r := s.nodes[n].r
						return r.Keeps(a.Partition) && r.Has(a.Partition, a.Dot)
					}
					answered[a.Client-5000] = w
				}
			}
			n.answers = nil
		}
		for id, w := range answered {
			keep := 0
			for n := range s.nodes[1:] {
				if !s.down[ring.NodeID(n+1)] && w.dot(ring.NodeID(n+1)) {
					keep++
				}
			}
			least := 2
			if s.down[2] {
				least = 1 // it died with its disk
			}
			require.GreaterOrEqual(t, keep, least, "write %d of %s", id, w.key)
		}
	}
	i := 0
	rounds := func(n int) {
		for range n {
			ask(i)
			i++
			s.some(1)
			check()
		}
	}
	rounds(10)
	s.operate(1, 5, member.Joining)
	s.add(5)
	rounds(50)
	s.told = s.nodes[1].r.View()
	s.operate(1, 3, member.Leaving)
	rounds(50)
	s.settle()
	check()
	s.down[2] = true
	s.told = s.nodes[1].r.View()
	s.operate(1, 2, member.Gone)
	rounds(50)
	s.settle()
	rounds(20)
	require.Greater(t, len(answered), 120)
	for id, w := range answered {
		serve, show := s.holders(w.key, w.is)
		assert.Equal(t, 2, serve)
		assert.Equal(t, 2, show, "write %d, %s of %s", id, w.is, w.key)
	}
}

// TestAnsweredOnceOneIsGone: of two owners one dies. A write that asks for two is unavailable at its
// deadline; once the dead one is said to be gone, that which waits and those that come are answered
// when the owner in its place has them, and the dead one counts for none. In Scylla writes had to
// reach one more than there was while a dead node was being removed, and none could; Akka went on to
// wait for nodes that were on their way out. (scylladb/scylladb #2535, akka/akka-core #30328.)
func TestAnsweredOnceOneIsGone(t *testing.T) {
	for dead := ring.NodeID(1); dead <= 3; dead++ {
		s := newSeats(t, 3, 8, 2)
		key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(dead, p) })
		at := dead%3 + 1
		put := func(wait uint64) {
			s.req++
			q := wire.Request{Client: 100 + s.req, Req: 1, Put: true, Key: key, Kind: "set", Arg: fmt.Appendf(nil, "%d", s.req), Ack: session.Owners(2), Wait: wait}
			s.nodes[at].answers = nil
			s.take(at, s.nodes[at].r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: s.now, Msg: q.Encode()}))
		}
		put(50)
		s.some(10)
		require.Len(t, s.nodes[at].answers, 1, "both are there")
		s.down[dead] = true
		put(8)
		s.some(12)
		require.Len(t, s.nodes[at].answers, 1)
		assert.Equal(t, wire.StatusUnavailable, s.nodes[at].answers[0].Status)
		put(400)
		s.some(20)
		assert.Empty(t, s.nodes[at].answers)
		s.operate(at, dead, member.Gone)
		s.some(60)
		require.Len(t, s.nodes[at].answers, 1, "node %d is gone", dead)
		assert.Equal(t, wire.StatusOK, s.nodes[at].answers[0].Status)
		put(50)
		s.some(10)
		require.Len(t, s.nodes[at].answers, 1)
		assert.Equal(t, wire.StatusOK, s.nodes[at].answers[0].Status)
		for n := ring.NodeID(1); n <= 3; n++ {
			if n != dead {
				assert.Len(t, s.elements(n, key), 4, "node %d", n)
			}
		}
	}
}

// TestNothingShrinks: a key has entries of all nodes, of which some leave, die, or start again.
// Whoever serves the key never shows fewer entries than it has shown before. In Akka.NET subscribers
// were told of a map with fewer entries than had ever been written, since a node that took what a
// removed one had written to its own account sent others what it had added since, and not the rest.
// (akkadotnet/akka.net #8219, #8220.)
func TestNothingShrinks(t *testing.T) {
	for removed := ring.NodeID(2); removed <= 4; removed++ {
		for _, dies := range []bool{true, false} {
			s := newSeats(t, 4, 4, 3)
			shown := map[ring.NodeID]int{}
			i := 0
			rounds := func(n int) {
				for range n {
					at := ring.NodeID(1 + i%4)
					if i++; !s.down[at] && s.nodes[at].r.View().At(at).Phase() == member.Active {
						s.write(at, "map", fmt.Sprintf("%03d", i), wire.StatusOK)
					}
					s.some(1)
					for n := ring.NodeID(1); n <= 4; n++ {
						if s.down[n] || !s.nodes[n].r.Serves(s.ring.PartitionOf("map")) {
							delete(shown, n)
							continue
						}
						now := len(s.elements(n, "map"))
						require.GreaterOrEqual(t, now, shown[n], "node %d, %d removed", n, removed)
						shown[n] = now
					}
				}
			}
			rounds(12)
			if dies {
				s.some(10)
				s.down[removed] = true
				s.operate(1, removed, member.Gone)
			} else {
				s.operate(1, removed, member.Leaving)
			}
			rounds(20)
			s.start(1, false) // on its disk, and by the view that is there
			delete(shown, 1)
			rounds(40)
			s.settle()
			for n := range shown {
				assert.Len(t, s.elements(n, "map"), len(s.elements(1, "map")), "node %d", n)
			}
		}
	}
}

// TestFallbackStartsAgain: a node that owns nothing of a key takes writes of it while all owners are
// down, and starts again itself. Then the owners are back, and nobody writes or reads: they get
// what it has. In Riak a node did not start the parts that it stood in for, so that what these
// had was handed over late or never. (basho/riak_core #154.)
func TestFallbackStartsAgain(t *testing.T) {
	for _, cfg := range []kvs.Config{{}, {CheckpointBytes: 1}, {CheckpointBytes: 200}} {
		for starts := 1; starts <= 3; starts++ {
			g := newRig(t, 4, 1, 3, cfg)
			g.keep = true
			far, own := g.strangerAndOwners()
			g.only(func() {
				for i := range uint64(6) {
					g.write(far, i, "set", "s", fmt.Appendf(nil, "%d", i))
					g.tick()
				}
				for range starts {
					g.ticks(6)
					g.start(far)
				}
				g.ticks(10)
			}, far)
			g.ticks(60)
			for _, n := range own {
				assert.Len(t, g.elementsOf(n, "s"), 6, "node %d, %d starts", n, starts)
			}
		}
	}
}

// TestSubscriberOfOneThatStartedAgain: an owner starts again, with less than it had told, and
// numbers its updates anew. A subscriber that names the last number which it had from before is
// told the value, again until it has that, and then each growth. In Consul a watch went on from the
// index that it had, which the server came to once more only much later, and missed what lay
// between; and what different servers said went back and forth. (hashicorp/consul #2621, #7939.)
func TestSubscriberOfOneThatStartedAgain(t *testing.T) {
	node, _ := owner(t)
	for _, level := range []session.Level{session.Eventual, session.MonotonicReads} {
		for has := range 4 { // elements that it has again by then
			n, s := newTold(t, node, nil), subscriber(t, level, node)
			n.ask(t, s.Message(50))
			for _, u := range n.updates {
				_, err := s.Take(node, u)
				require.NoError(t, err)
			}
			elementsOf := "abc"
			for i := range elementsOf {
				for _, u := range append(n.ask(t, s.Message(50)), n.add(t, elementsOf[i:i+1])...) {
					_, err := s.Take(node, u)
					require.NoError(t, err)
				}
			}
			v, _, _ := s.Value()
			require.Equal(t, 3, elements(t, v))
			n = newTold(t, node, func(c *kvs.Config) { c.Origin = 8 })
			for i := range has {
				n.add(t, elementsOf[i:i+1])
			}
			if level != session.Eventual {
				continue // what it had seen is nowhere: it is told that, and nothing less
			}
			require.Len(t, n.ask(t, s.Message(50)), 1)
			require.Len(t, n.ask(t, s.Message(50)), 0, "it is on its way")
			var again []*wire.Update // the first is lost
			for range 20 {
				again = append(again, n.tick(t)...)
			}
			require.NotEmpty(t, again, "%d there again", has)
			_, err := s.Take(node, again[len(again)-1])
			require.NoError(t, err)
			v, _, _ = s.Value()
			assert.Equal(t, 3, elements(t, v), "nothing is taken back")
			n.ask(t, s.Message(50))
			told := n.add(t, "d")
			require.Len(t, told, 1)
			grew, err := s.Take(node, told[0])
			require.NoError(t, err)
			assert.True(t, grew)
			v, _, _ = s.Value()
			assert.Equal(t, 4, elements(t, v))
		}
	}
}

// TestOwnWritesElsewhere: a session writes at one node and reads at another, which is told of the
// write late, or by nobody as long as the first is down. It is answered with the write, or that it
// is not available, and with nothing older. In ChiselStore a follower passed a write on, and
// answered a read by itself before it had the write. (chiselstrike/chiselstore #32.)
func TestOwnWritesElsewhere(t *testing.T) {
	for _, level := range []session.Level{session.ReadYourWrites, session.PRAM, session.Causal} {
		for _, back := range []bool{true, false} {
			g := newRig(t, 3, 1, 3, kvs.Config{})
			s := &session.Session{Level: level}
			req := uint64(0)
			ask := func(node int, q wire.Request) *wire.Response {
				req++
				q.Client, q.Req, q.Kind, q.Key, q.Level, q.Clock, q.Wait = 7, req, "counter", "c", level, s.Clock(), 10
				if q.Put {
					q.Stamp = s.Stamp(g.now)
				}
				q.Deps, q.Proof = s.Past()
				q.Own = s.Own()
				a := g.ask(node, q)
				if a != nil && a.Status == wire.StatusOK {
					require.True(t, s.ObserveBoth(a.Deps, a.Own, a.Proof, a.Clock))
				}
				return a
			}
			for i := range int64(4) {
				g.alone(func() {
					require.NotNil(t, ask(0, wire.Request{Put: true, Arg: kind.Amount(1)}))
				}, 1, 2)
				before := g.answers
				g.alone(func() {
					require.Nil(t, ask(1, wire.Request{}), "it waits")
					if !back {
						g.ticks(20)
					}
				}, 0)
				g.ticks(20)
				require.Greater(t, g.answers, before)
				if !back {
					assert.Equal(t, wire.StatusUnavailable, g.answer.Status)
					continue
				}
				require.Equal(t, wire.StatusOK, g.answer.Status)
				require.True(t, s.ObserveBoth(g.answer.Deps, g.answer.Own, g.answer.Proof, g.answer.Clock))
				v, err := mustKind(t, "counter").Decode(g.answer.Value)
				require.NoError(t, err)
				c, _ := kind.Get[kind.Counter](v)
				n, err := kind.CounterSum(c)
				require.NoError(t, err)
				assert.Equal(t, 1+i, n)
			}
		}
	}
}
