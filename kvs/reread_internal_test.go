package kvs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestForgottenStaysForgotten: up to which of its requests a session is forgotten does not
// fall when a lesser one is heard of late.
func TestForgottenStaysForgotten(t *testing.T) {
	var s sessions
	s.reset()
	yes := func(*wire.Served) bool { return true }
	b := bounds{self: 1, sessions: 10, taken: true, everywhere: yes, holds: yes}
	for _, req := range []uint64{2, 3, 4, 5, 6, 7, 1} {
		s.note(wire.Served{Client: 7, Req: req, Dot: causal.Dot{Origin: 1, Seq: req}, Clock: 1000 + req}, b)
	}
	for req := range uint64(3) {
		assert.True(t, s.mayBeForgotten(&wire.Request{Client: 7, Req: 1 + req}), "request %d", 1+req)
	}
	assert.False(t, s.mayBeForgotten(&wire.Request{Client: 7, Req: 8}))
}

// TestTouches: a hidden write may be in a value of which the last writes are not known, or
// stand behind a cut, or come after it of its origin.
func TestTouches(t *testing.T) {
	hidden := gossip.Dots{{Origin: 5, Lo: 3, Hi: 3}}
	of := func(origin, seq uint64) session.Matrix { return session.Matrix{{Origin: origin, Seq: seq}} }
	behind := session.Matrix{{Partition: session.Cuts, Origin: 9, Seq: 1}}
	assert.True(t, touches(hidden, of(5, 3), nil))
	assert.True(t, touches(hidden, of(5, 4), nil))
	assert.False(t, touches(hidden, of(5, 2), nil))
	assert.False(t, touches(hidden, of(6, 9), of(5, 3)))
	assert.True(t, touches(hidden, nil, nil))
	assert.True(t, touches(hidden, of(6, 9), behind))
	assert.False(t, touches(nil, nil, behind))
}

// TestHiddenInLaterPieces: a write that came to the sender while a snapshot was under way
// may be in the values that were sent after it, and is in none that was sent before: these
// are not marked, or replicas that take in each other's snapshots would do so for ever.
func TestHiddenInLaterPieces(t *testing.T) {
	n := newHalf(t, 1, 9, 1, 2, nil, nil)
	set, _ := kind.Default().Find("set")
	v, err := set.Mutate(kind.Update{Arg: []byte("x")}, nil)
	require.NoError(t, err)
	value := func(key string, origin uint64) []wire.HeldValue {
		return []wire.HeldValue{{Key: key, Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: origin, Seq: 1}}}}
	}
	before := gossip.Dots{{Origin: 5, Lo: 1, Hi: 1}, {Origin: 6, Lo: 1, Hi: 1}}
	after := append(before.Clone(), before[0])
	after[2].Origin = 7
	x := new(intake)
	for i, piece := range []*wire.Piece{
		{Origin: 2, To: 9, Ask: 1, First: true, Applied: before, Values: value("a", 5)},
		{Origin: 2, To: 9, Ask: 2, Applied: after, More: true, Values: value("b", 6)},
		{Origin: 2, To: 9, Ask: 2, At: 1, Last: true, Values: value("c", 7)},
	} {
		encoded := piece.Append(nil)
		read, err := n.r.in.Piece(encoded)
		require.NoError(t, err, i)
		x, err = x.with(n.r, &read, encoded)
		require.NoError(t, err, i)
	}
	hidden := func() (of []gossip.Dots) {
		x.siftAll()
		for _, key := range []string{"a", "b", "c"} {
			values := x.stagedOf(key)
			require.Len(t, values, 1, key)
			of = append(of, x.hidden[values[0].piece.answer])
		}
		return of
	}
	late := gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}}
	assert.Equal(t, []gossip.Dots{nil, late, late}, hidden())
	x.held = late
	assert.Equal(t, []gossip.Dots{nil, nil, nil}, hidden(), "it came otherwise")
}

// TestCredible: dots of this incarnation that it has not given out are cut off and are a lie;
// others are neither.
func TestCredible(t *testing.T) {
	p := &partition{seq: 5}
	span := func(origin, lo, hi uint64) gossip.Span { return gossip.Span{Origin: origin, Lo: lo, Hi: hi} }
	for _, c := range []struct {
		told, want gossip.Dots
		lie        bool
	}{
		{gossip.Dots{span(9, 1, 5), span(10, 1, 8)}, gossip.Dots{span(9, 1, 5), span(10, 1, 8)}, false},
		{gossip.Dots{span(9, 2, 6)}, gossip.Dots{span(9, 2, 5)}, true},
		{gossip.Dots{span(8, 1, 9), span(9, 6, 7)}, gossip.Dots{span(8, 1, 9)}, true},
		{gossip.Dots{}, gossip.Dots{}, false},
	} {
		got, lie := p.credible(9, c.told.Clone())
		assert.Equal(t, c.lie, lie, "%v", c.told)
		assert.ElementsMatch(t, c.want, got)
	}
}

// TestCheckpointInParts: the values of a partition come in records of about BatchBytes, and
// what is in none of them is in another.
func TestCheckpointInParts(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.CheckpointBytes = 1000 })
	for i := range 60 {
		q := wire.Request{Client: 7, Req: uint64(1 + i), Put: true, Key: fmt.Sprintf("key %02d", i), Kind: "set", Arg: []byte("element")}
		require.Equal(t, wire.StatusOK, n.ask(q).Status)
	}
	parts, values := 0, map[string]bool{}
	for _, rec := range n.records {
		if !wire.IsCheckpoint(rec) {
			continue
		}
		x, err := n.r.in.Checkpoint(rec)
		require.NoError(t, err)
		if x.Sessions || x.Number > 1 {
			continue
		}
		parts++
		assert.Less(t, len(rec), n.r.cfg.BatchBytes+100)
		for _, v := range x.Values {
			values[v.Key] = true
		}
	}
	assert.Greater(t, parts, 3)
	assert.Greater(t, len(values), 20)
}

// TestUnknownKindIsNamed: what a value is of, and where it is, stands in the error.
func TestUnknownKindIsNamed(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	_, err := n.r.keepValues(nil, 0, []wire.HeldValue{{Key: "the key", Kind: "none"}})
	assert.ErrorIs(t, err, wire.ErrMessage)
	assert.ErrorContains(t, err, `unknown kind "none", or key "the key" in partition 0`)
}

// lossy is a replica that starts on a snapshot of which something that it left out is gone.
func lossy(t *testing.T, held gossip.Dots) *half {
	stored := wire.StoredPiece{Begun: 5, Number: 1, Held: held, Encoded: snapshotWithCut(t).Append(nil)}
	return newHalf(t, 1, 9, 1, 2, [][]byte{stored.Append(nil)}, nil)
}

// TestCutsNameNoDoubtedCut: a cut stands for those of others that count, and for none that
// may name what is lost.
func TestCutsNameNoDoubtedCut(t *testing.T) {
	n := lossy(t, gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}, {Origin: 8, Lo: 1, Hi: 1}})
	p := n.r.parts[0]
	require.Zero(t, p.passed(7))
	n.r.begin()
	assert.Zero(t, n.r.writeBarrier(p, 1, 0).other.Row(0).Seq(7))
	for _, d := range []causal.Dot{{Origin: 6, Seq: 1}, {Origin: 8, Seq: 1}} {
		p.applied.Add(d)
	}
	assert.Equal(t, uint64(4), n.r.writeBarrier(p, 1, 0).other.Row(0).Seq(7))
}

// TestMarksBeforeACheckpointInPart: that values were marked is read back though a checkpoint
// was begun behind it and did not come to its end.
func TestMarksBeforeACheckpointInPart(t *testing.T) {
	n := lossy(t, gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}})
	marked := func(n *half) uint64 {
		s, _ := n.r.parts[0].slot("k", "set")
		require.NotNil(t, s)
		return s.writes.Row(0).Seq(9)
	}
	for range 3 {
		n.now += 20
		n.take(n.r.Step(Event{Kind: EventTick, NowMS: n.now}))
	}
	require.Positive(t, marked(n))
	part := wire.AppendCheckpoint(nil, &wire.CheckpointPart{Origin: 9, Number: 1, Clock: 1, Applied: n.r.parts[0].applied})
	later := newHalf(t, 1, 25, 1, 2, append(n.records, part), nil)
	assert.Equal(t, marked(n), marked(later))
}

// TestHalfASnapshotBuildsOnWhatIsHeld: pieces of a snapshot are gone on with by a later
// incarnation if what was held at the time is held, since they left that out.
func TestHalfASnapshotBuildsOnWhatIsHeld(t *testing.T) {
	for _, held := range []gossip.Dots{nil, {{Origin: 6, Lo: 1, Hi: 1}}} {
		piece := snapshotWithCut(t)
		piece.Last, piece.More = false, true
		stored := wire.StoredPiece{Begun: 5, Number: 1, Held: held, Encoded: piece.Append(nil)}
		n := newHalf(t, 1, 9, 1, 2, [][]byte{stored.Append(nil)}, nil)
		assert.Equal(t, held == nil, n.r.parts[0].intake != nil)
	}
}

// TestHeldStaysWhatItWas: what was held when a piece came does not grow with what comes
// later, though both are kept in memory that is written in place.
func TestHeldStaysWhatItWas(t *testing.T) {
	a, b := newHalf(t, 1, 1, 1, 2, nil, nil), newHalf(t, 2, 2, 1, 2, nil, nil)
	for i := range uint64(8) {
		a.ask(wire.Request{Client: 100 + i, Req: 1, Put: true, Key: fmt.Sprintf("k%d", i), Kind: "set", Arg: fmt.Appendf(nil, "%120d", i)})
	}
	between(a, b, 10, nil)
	b = newHalf(t, 2, 3, 1, 2, nil, nil) // its disk is lost
	b.out = nil
	b.ask(wire.Request{Client: 9, Req: 1, Put: true, Key: "own", Kind: "set", Arg: []byte("own")})
	looked := 0
	between(a, b, 40, func(_ *half, e Effect) {
		p := b.r.parts[0]
		if e.Sends != wire.MsgSnapshot || p.intake == nil || len(p.intake.held) == 0 {
			return
		}
		looked++
		before := p.intake.held.Clone()
		was := p.applied[0]
		p.applied[0].Hi++
		assert.Equal(t, before, p.intake.held)
		p.applied[0] = was
	})
	assert.Positive(t, looked)
}
