package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestFreshOwnerWithholdsWhatHidesMore: a node hands a counter's writes over, the last one not
// yet, and comes to own the partition. One of the owners has lost its disk, and the other one is
// down: the sum of that last write has in it what the owner that started anew lacks, so it is not
// told of it before it has got the first one back.
func TestFreshOwnerWithholdsWhatHidesMore(t *testing.T) {
	for _, lost := range []bool{false, true} {
		s := newSeats(t, 3, 16, 2)
		after, err := member.Place(s.told.Raised(3, member.In(1, member.Gone)), 16, 2)
		require.NoError(t, err)
		key := s.keyOf(func(p ring.Partition) bool {
			return s.ring.Owns(2, p) && s.ring.Owns(3, p) && after.Owns(1, p)
		})
		add := func(req uint64, amount int64) {
			a := s.ask(1, wire.Request{Client: 9, Req: req, Put: true, Key: key, Kind: "counter", Arg: kind.Amount(amount)})
			require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		}
		sum := func(at ring.NodeID) int64 {
			v := s.nodes[at].r.Value(key, "counter")
			if v == nil {
				return 0
			}
			c, _ := kind.Get[kind.Counter](v)
			n, err := kind.CounterSum(c)
			require.NoError(t, err)
			return n
		}
		add(1, 5)
		s.some(20)
		require.Equal(t, int64(5), sum(2))
		s.cut = func(m standMessage) bool { return wire.KindOf(m.b) != wire.MsgMembers }
		add(2, 7)
		s.operate(1, 3, member.Leaving)
		s.some(2)
		require.Equal(t, int64(12), sum(1), "its own sum has both")
		s.down[3] = true
		read := s.ask(1, wire.Request{Client: 8, Req: 1, Key: key, Kind: "counter"})
		assert.Equal(t, wire.StatusNotOwner, read.Status, "it has not got back what it has handed over")
		s.cut = func(m standMessage) bool { return false }
		s.nodes[2].disk = nil
		s.start(2, false)
		s.some(40)
		assert.Zero(t, sum(2), "it shows what it holds no write of")
		if lost { // with the other owner
			s.nodes[3].disk = nil
			s.start(3, false)
		}
		s.down[3] = false
		s.some(60)
		assert.Equal(t, int64(12), sum(2), "the last sum, in which the first write is")
	}
}

// TestOthersHideNothing: a replica that does not own a partition hands writes of a counter over to owners,
// of which one has lost earlier ones since. The sum of the last write has these in it, and that owner
// shows nothing of it before it has got them from the other one: be it that the replica has always been
// another, that it has started again, or that it did own the partition and has let go of it, before it
// had got anything back or after.
func TestOthersHideNothing(t *testing.T) {
	for _, how := range []string{"another", "starts", "let go", "let go of nothing"} {
		s := newSeats(t, 3, 16, 2)
		key := s.keyOf(func(p ring.Partition) bool { return s.ring.Owns(2, p) && s.ring.Owns(3, p) })
		id := s.ring.PartitionOf(key)
		req := uint64(0)
		add := func(amount int64) {
			req++
			a := s.ask(1, wire.Request{Client: 9, Req: req, Put: true, Key: key, Kind: "counter", Arg: kind.Amount(amount)})
			require.Equal(t, wire.StatusOK, a.Status, a.Detail)
		}
		shown := func(at ring.NodeID) int64 {
			if s.nodes[at].r.Value(key, "counter") == nil {
				return 0
			}
			return s.count(at, key)
		}
		decide := func(epoch uint32, replicas int) {
			s.take(1, s.nodes[1].r.Step(kvs.Event{Kind: kvs.EventFactor, NowMS: s.now, Factor: member.Decision{Partition: id, Epoch: epoch, Replicas: replicas}}))
			s.some(60)
		}
		add(5)
		s.some(20)
		switch how {
		case "starts":
			s.cut = func(m standMessage) bool { return m.from == 1 || m.to == 1 }
			add(7)
			s.some(2)
			n := s.nodes[1]
			n.disk = n.disk[len(n.disk)-1:] // as after a checkpoint, behind what was handed over
			s.start(1, false)
		case "let go":
			decide(1, 3)
			require.True(t, s.nodes[1].r.Serves(id))
			decide(2, 2)
			require.False(t, s.nodes[1].r.Keeps(id))
		}
		require.Equal(t, int64(5), shown(2), how)
		s.down[3] = true
		s.nodes[2].disk = nil
		s.start(2, false)
		s.cut = func(standMessage) bool { return false }
		if how == "let go of nothing" {
			s.some(20)
			decide(1, 3)
			require.False(t, s.nodes[1].r.Serves(id))
			s.cut = func(m standMessage) bool { return m.from == 2 }
			decide(2, 2)
			require.False(t, s.nodes[1].r.Keeps(id))
		}
		if how != "starts" {
			s.some(20) // it is heard to have lost what it had
			add(7)
		}
		s.some(40)
		assert.Zero(t, shown(2), "%s: it shows what it holds no write of", how)
		s.down[3], s.cut = false, func(standMessage) bool { return false }
		s.some(60)
		assert.Equal(t, int64(12), shown(2), how)
		assert.Equal(t, int64(12), shown(3), how)
	}
}
