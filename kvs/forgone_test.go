package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
