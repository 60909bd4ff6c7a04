package kvs_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestTwoThatAreGoneComeToRest: of nodes that leave one after the other, and run on, neither answers
// for ever what the other one says of members: a message that comes late, or twice, begins no talk
// without end.
func TestTwoThatAreGoneComeToRest(t *testing.T) {
	for _, anew := range []bool{false, true} {
		s := newSeats(t, 4, 4, 2)
		said := 0
		var late *standMessage
		s.sent = func(m standMessage) {
			if wire.KindOf(m.b) != wire.MsgMembers {
				return
			}
			if said++; m.from == 4 && m.to == 3 {
				late = &standMessage{from: m.from, to: m.to, b: bytes.Clone(m.b)}
			}
			require.Less(t, said, 10_000, "anew: %v", anew)
		}
		s.write(1, s.keyOf(func(p ring.Partition) bool { return p == 1 }), "element", wire.StatusOK)
		s.some(40)
		for _, n := range []ring.NodeID{4, 3} {
			s.operate(1, n, member.Leaving)
			s.some(200)
			require.Equal(t, member.Gone, s.nodes[1].r.View().At(n).Phase())
		}
		require.NotNil(t, late)
		for range 2 { // the first has the one that left before learn of the other
			s.queue = append(s.queue, *late)
			s.some(100)
			for n := ring.NodeID(3); anew && n <= 4; n++ { // it has the other for no peer, then
				s.start(n, false)
			}
		}
		s.queue = append(s.queue, *late)
		s.some(100)
		said = 0
		s.some(100)
		assert.Zero(t, said, "anew: %v", anew)
		for n := ring.NodeID(1); n <= 4; n++ {
			assert.True(t, s.nodes[n].r.Quiet(), "node %d, anew: %v", n, anew)
		}
	}
}

// TestGoneAndToldSo: a node whose life is over and that has lost with its disk that it is, is told so,
// as is one that asks.
func TestGoneAndToldSo(t *testing.T) {
	s := newSeats(t, 4, 4, 2)
	s.some(40)
	s.operate(1, 4, member.Leaving)
	s.some(200)
	require.Equal(t, member.Gone, s.nodes[4].r.View().At(4).Phase())
	s.start(4, true) // as one that has lost its disk
	s.some(300)
	assert.Equal(t, member.Gone, s.nodes[4].r.View().At(4).Phase())
	s.operate(2, 3, member.Leaving)
	s.some(300)
	for n := ring.NodeID(1); n <= 4; n++ {
		assert.True(t, s.nodes[n].r.Quiet(), "node %d", n)
	}
}
