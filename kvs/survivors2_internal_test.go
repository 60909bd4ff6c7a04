package kvs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestWhichOfTwoWritesOfARequestIsRemembered: one's own, then one that is held, then the later dot.
func TestWhichOfTwoWritesOfARequestIsRemembered(t *testing.T) {
	served := func(origin, seq uint64) *wire.Served { return &wire.Served{Dot: causal.Dot{Origin: origin, Seq: seq}} }
	for _, c := range []struct {
		x, y *wire.Served
		want bool
	}{
		{served(1, 1), served(2, 1), true}, {served(2, 1), served(1, 1), false}, {served(1, 2), served(1, 1), false},
		{served(3, 1), served(5, 9), true}, {served(5, 9), served(3, 1), false},
		{served(5, 9), served(4, 9), true}, {served(4, 9), served(5, 9), false}, {served(5, 9), served(5, 8), true}, {served(5, 8), served(5, 9), false},
	} {
		b := bounds{self: 1, holds: func(x *wire.Served) bool { return x.Dot.Origin == 3 }}
		assert.Equal(t, c.want, b.prefers(c.x, c.y), "%v and not %v", c.x.Dot, c.y.Dot)
	}
}

// TestCheckpointOfBeforeSeats: of a checkpoint that does not say what had been handed over, the partitions
// that the ring gives to others are left out once there is a view, and no others.
func TestCheckpointOfBeforeSeats(t *testing.T) {
	for _, c := range []struct{ moved, viewed, owned, restored bool }{
		{false, true, false, false}, {true, true, false, true}, {false, false, false, true}, {false, true, true, true},
	} {
		r := bench(t, ours)
		id := ring.Partition(0)
		for r.cfg.Ring.Owns(1, id) != c.owned || !c.owned && r.held(id) != nil {
			id++
			require.Less(t, int(id), r.cfg.Ring.Partitions())
		}
		if r.viewName = 0; c.viewed {
			r.viewName = 7
		}
		part := wire.CheckpointPart{Of: id, Last: true, Moved: c.moved}
		part.Applied.Add(causal.Dot{Origin: 77, Seq: 1})
		require.NoError(t, r.restore(&recoveredPart{of: id, parts: []wire.CheckpointPart{part}, whole: true}, &recovery{}))
		p := r.held(id)
		assert.Equal(t, c.restored, p != nil && p.applied.Contains(causal.Dot{Origin: 77, Seq: 1}), "%+v", c)
	}
}

// TestSizeIsOfAllThatIsHeld: the size of a value that was encoded is its own, unless more of it is
// being persisted.
func TestSizeIsOfAllThatIsHeld(t *testing.T) {
	for pending, want := range []int{7, 3} {
		s := slot{size: 3}
		p := partition{pending: pending}
		p.sized(&s, 7)
		assert.Equal(t, want, s.size, "%d pending", pending)
	}
}

// TestMissingPieceIsWaitedForAWhile: once the last piece of an ask is there, those before it are waited
// for two ticks, or for as long as before if that is less; while others come behind, for as long.
func TestMissingPieceIsWaitedForAWhile(t *testing.T) {
	for _, c := range []struct {
		more        bool
		until, want uint64
	}{{false, 20, lateTicks}, {false, 1, 1}, {true, 20, 20}} {
		n, _ := asking(t)
		f := &n.r.peers[0].fetch
		f.until = n.r.tick + c.until
		late := pieceOf(t, func(x *wire.Piece) { x.First, x.At, x.More = false, 2, c.more }, "a")
		_, body, err := wire.Open(wire.AppendSnapshot(nil, 2, late))
		require.NoError(t, err)
		require.True(t, n.r.receivePiece(0, body))
		require.True(t, f.on)
		assert.Len(t, f.early, 1)
		assert.Equal(t, n.r.tick+c.want, f.until, "%+v", c)
	}
}

// TestRepeatOfWhatMayBeForgotten: of two writes that served a request a replica remembers the one that it
// does not hold, and has forgotten one of its own. A repeat is refused; while nothing of the session was
// forgotten it is served once more, and where what is remembered is held it is answered.
func TestRepeatOfWhatMayBeForgotten(t *testing.T) {
	for _, c := range []struct {
		forgotten uint64
		held      bool
		want      wire.Status
		served    bool
	}{{5, false, wire.StatusForgotten, false}, {4, false, wire.StatusOK, true}, {5, true, wire.StatusOK, false}} {
		n := newHalf(t, 1, 1, 1, 1, nil, nil)
		p := n.r.partition(0)
		other := causal.Dot{Origin: 9, Seq: 1}
		if c.held {
			p.applied.Add(other)
		}
		n.r.note(wire.Served{Client: 7, Req: c.forgotten, Clock: 800 << 16})
		n.r.note(wire.Served{Client: 7, Req: 5, Partition: 0, Dot: other, Clock: 900 << 16})
		q := wire.Request{Client: 7, Req: 5, Put: true, Again: true, Stamp: 1000 << 16, Key: "k", Kind: "set", Arg: []byte("e")}
		before := p.seq
		out := n.r.Step(Event{Kind: EventRequest, Msg: q.Encode(), NowMS: n.now})
		out = append(slices.Clone(out), n.r.Step(Event{Kind: EventPersisted, Token: n.r.token, NowMS: n.now})...)
		assert.Equal(t, c.served, p.seq > before, "%+v", c)
		answered := false
		for _, e := range out {
			if e.Kind == EffectRespond {
				a, err := wire.DecodeResponse(e.Msg)
				require.NoError(t, err)
				assert.Equal(t, c.want, a.Status, "%+v: %s", c, a.Detail)
				answered = true
			}
		}
		assert.True(t, answered, "%+v", c)
	}
}
