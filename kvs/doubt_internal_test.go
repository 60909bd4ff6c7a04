package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// snapshotWithCut is a whole snapshot of partition 0 with a value that incarnation 7 wrote,
// a cut of that one, and a cut of an incarnation of which nothing is left to be held.
func snapshotWithCut(t *testing.T) *wire.Piece {
	t.Helper()
	set, ok := kind.Default().Find("set")
	require.True(t, ok)
	v, err := set.Mutate(kind.Update{Arg: []byte("a"), Origin: 7}, nil)
	require.NoError(t, err)
	return &wire.Piece{
		Origin: 7, To: 5, Ask: 1, First: true, Last: true,
		Applied: gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}, {Origin: 7, Lo: 1, Hi: 3}, {Origin: 8, Lo: 1, Hi: 2}},
		Cuts:    session.Matrix{{Origin: 6, Seq: 1}, {Origin: 7, Seq: 4}},
		Values:  []wire.HeldValue{{Key: "k", Kind: "set", Value: v.Append(nil), Writes: session.Matrix{{Origin: 7, Seq: 2}}}},
	}
}

// TestCutsOfWhatIsLost: where something is gone that a snapshot had left out, a cut that came
// with it stands for nothing until that is held again, here and with whoever gets a snapshot
// from here, and after the next start too. Where nothing is gone it stands for what it names.
func TestCutsOfWhatIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		held   gossip.Dots // when the snapshot came
		passed uint64      // the cut that counts
		cuts   int
	}{
		"nothing is gone": {nil, 4, 2},
		"some is":         {gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}, {Origin: 8, Lo: 1, Hi: 1}}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			stored := wire.StoredPiece{Begun: 5, Number: 1, Held: c.held, Encoded: snapshotWithCut(t).Append(nil)}
			n := newHalf(t, 1, 9, 1, 2, [][]byte{stored.Append(nil)}, func(cfg *Config) { cfg.CheckpointBytes = 1 })
			p := n.r.parts[0]
			doubt := func(p *partition) {
				t.Helper()
				assert.Len(t, p.cuts, c.cuts, "a cut of which nothing is held is not held")
				assert.Equal(t, uint64(4), p.cuts.Row(0).Seq(7), "later barriers are reached")
				assert.Equal(t, c.passed, p.passed(7))
				past := session.Matrix{{Partition: session.CutsOf(1), Origin: 7, Seq: 4}}
				assert.Equal(t, c.passed > 0, n.r.includes(p, past))
				assert.Equal(t, c.passed > 0, p.trusted().Row(0).Seq(7) > 0)
			}
			doubt(p)
			for range 40 { // and a checkpoint without the snapshot
				n.now += 20
				n.take(n.r.Step(Event{Kind: EventTick, NowMS: n.now}))
			}
			later := newHalf(t, 1, 25, 1, 2, n.records[1:], nil)
			doubt(later.r.parts[0])

			// A peer that has nothing asks for all, and later for the rest.
			peer := newHalf(t, 2, 33, 1, 2, nil, nil)
			ask := wire.Item{Ask: &wire.Ask{Number: 1, Pieces: 9, Bytes: 1 << 20}}
			n.out = nil
			n.take(n.r.Step(Event{Kind: EventMessage, From: 2, NowMS: n.now, Msg: wire.AppendGossip(nil, 2, 33, []wire.Item{ask})}))
			require.Len(t, n.out, 1)
			kind, body, err := wire.Open(n.out[0].Msg)
			require.NoError(t, err)
			require.Equal(t, wire.MsgSnapshot, kind)
			_, piece, _, err := new(wire.DecodeBuffer).Snapshot(body)
			require.NoError(t, err)
			in, err := new(intake).with(n.r, &piece, piece.Append(nil))
			require.NoError(t, err)
			peer.r.absorb(peer.r.parts[0], in)
			doubt(peer.r.parts[0])

			first := &wire.Piece{Origin: 50, First: true, Applied: p.applied, Cuts: p.cuts}
			in, err = new(intake).with(n.r, first, first.Append(nil))
			require.NoError(t, err)
			piece.First = false
			in, err = in.with(n.r, &piece, piece.Append(nil))
			require.NoError(t, err)
			peer = newHalf(t, 2, 33, 1, 2, nil, nil)
			peer.r.absorb(peer.r.parts[0], in)
			doubt(peer.r.parts[0])

			for _, d := range []causal.Dot{{Origin: 6, Seq: 1}, {Origin: 8, Seq: 1}} {
				p.applied.Add(d)
			}
			assert.Equal(t, uint64(4), p.passed(7), "all is held again")
			p.trustCuts()
			assert.Empty(t, p.doubt)
			assert.Empty(t, p.gap)
		})
	}
}

// TestBarrierOfACutInDoubt: a replica that starts with the record of a barrier, and holds that by a
// snapshot, as it has lost some of what the barrier names, brings the barrier to a peer that holds all
// else. Nobody has what is lost, and both come to rest.
func TestBarrierOfACutInDoubt(t *testing.T) {
	lost := gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}, {Origin: 8, Lo: 1, Hi: 1}}
	barred := gossip.Entry{
		Dot: causal.Dot{Origin: 7, Seq: 3}, Clock: 1, Kind: barrier, Delta: varint.Append(varint.Append(nil, 4), 0),
		Deps: session.Matrix{{Origin: 8, Seq: 2}},
	}
	stored := wire.StoredPiece{Begun: 5, Number: 1, Held: lost, Encoded: snapshotWithCut(t).Append(nil)}
	records := [][]byte{wire.AppendRecord(nil, 0, []gossip.Entry{barred}), stored.Append(nil)}
	a := newHalf(t, 1, 9, 1, 2, records, nil)
	p := a.r.parts[0]
	require.Equal(t, gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}, {Origin: 8, Lo: 2, Hi: 2}}, p.applied)

	without := snapshotWithCut(t)
	without.Applied, without.Cuts = gossip.Dots{{Origin: 7, Lo: 1, Hi: 2}, {Origin: 8, Lo: 2, Hi: 2}}, nil
	stored = wire.StoredPiece{Begun: 6, Number: 1, Encoded: without.Append(nil)}
	b := newHalf(t, 2, 10, 1, 2, [][]byte{stored.Append(nil)}, nil)
	between(a, b, 60, nil)
	for _, n := range []*half{a, b} {
		held := n.r.parts[0]
		assert.True(t, held.applied.Contains(barred.Dot), "node %d", n.id)
		assert.Zero(t, held.passed(7), "node %d: the cut stands for nothing", n.id)
		assert.Zero(t, held.log.Len(), "node %d", n.id)
		assert.True(t, n.r.Quiet(), "node %d", n.id)
	}
}

// TestDoubtEnds: what is lost for good is no reason to doubt a cut for ever. A cut names no
// more than its maker held, and the maker's digest tells that once it includes the barrier; a
// snapshot whose sender doubts nothing brings all that the cut names; and a replica that holds
// all of it takes over nobody's doubt.
func TestDoubtEnds(t *testing.T) {
	held := gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}, {Origin: 8, Lo: 1, Hi: 1}}
	doubting := func() *half {
		stored := wire.StoredPiece{Begun: 5, Number: 1, Held: held, Encoded: snapshotWithCut(t).Append(nil)}
		n := newHalf(t, 1, 9, 1, 2, [][]byte{stored.Append(nil)}, nil)
		require.Zero(t, n.r.parts[0].passed(7))
		return n
	}
	absorb := func(n *half, piece *wire.Piece) {
		in, err := new(intake).with(n.r, piece, piece.Append(nil))
		require.NoError(t, err)
		in.held = n.r.parts[0].applied.Clone()
		n.r.absorb(n.r.parts[0], in)
	}
	for name, c := range map[string]struct {
		known  gossip.Dots // that the maker says it holds
		passed uint64
	}{
		"the maker has none of it": {gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}, 4},
		"the maker has some":       {gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}, {Origin: 8, Lo: 1, Hi: 2}}, 0},
		"not its barrier, maybe":   {gossip.Dots{{Origin: 7, Lo: 1, Hi: 2}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := doubting().r.parts[0]
			p.log.ObservePeer(2, 7, gossip.Digest{Known: c.known})
			assert.Equal(t, c.passed, p.passed(7))
			assert.Equal(t, c.passed > 0, len(p.trusted()) > 0)
			assert.Equal(t, c.passed == 0, len(p.doubt) > 0)
		})
	}
	t.Run("another incarnation says so", func(t *testing.T) {
		p := doubting().r.parts[0]
		p.log.ObservePeer(2, 23, gossip.Digest{Known: gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}}})
		assert.Zero(t, p.passed(7))
	})
	t.Run("a snapshot without doubt", func(t *testing.T) {
		n := doubting()
		whole := snapshotWithCut(t)
		whole.Applied = gossip.Dots{{Origin: 7, Lo: 1, Hi: 3}, {Origin: 8, Lo: 2, Hi: 3}} // nobody has the rest
		whole.Cuts = session.Matrix{{Origin: 7, Seq: 4}}
		absorb(n, whole)
		assert.Equal(t, uint64(4), n.r.parts[0].passed(7))
	})
	t.Run("doubt of another", func(t *testing.T) {
		n := newHalf(t, 1, 9, 1, 2, nil, nil)
		absorb(n, snapshotWithCut(t))
		require.Equal(t, uint64(4), n.r.parts[0].passed(7))
		theirs := snapshotWithCut(t)
		theirs.Applied.Add(causal.Dot{Origin: 8, Seq: 3})
		theirs.Doubt, theirs.Gap = session.Matrix{{Origin: 7, Seq: 4}}, gossip.Dots{{Origin: 99, Lo: 1, Hi: 1}}
		absorb(n, theirs)
		assert.Equal(t, uint64(4), n.r.parts[0].passed(7))
		assert.Empty(t, n.r.parts[0].gap)
		theirs.Applied.Add(causal.Dot{Origin: 8, Seq: 4})
		theirs.Cuts, theirs.Doubt = session.Matrix{{Origin: 7, Seq: 5}}, session.Matrix{{Origin: 7, Seq: 5}}
		absorb(n, theirs)
		assert.Zero(t, n.r.parts[0].passed(7), "of a later cut")
	})
}

// TestRepeatOfWhatIsHeld: a replica that holds a write, and hears after a restart that
// another one has served the same request, does not serve it again, in whichever order it
// learns of the two.
func TestRepeatOfWhatIsHeld(t *testing.T) {
	a := newHalf(t, 1, 1, 1, 2, nil, nil)
	mine := a.ask(incrementOf(1, "c", true))
	require.Equal(t, wire.StatusOK, mine.Status)
	other := wire.Served{Client: 7, Req: 1, Again: true, Dot: causal.Dot{Origin: 2, Seq: 1}, Clock: mine.Clock + 1}
	for _, again := range []bool{false, true} {
		later := newHalf(t, 1, 3, 1, 2, a.records, nil)
		if again { // all is learned from others
			later.r.sessions.reset()
		}
		later.r.note(other)
		if again {
			later.r.note(wire.Served{Client: 7, Req: 1, Again: true, Dot: mine.Dot, Clock: mine.Clock})
		}
		repeated := later.ask(incrementOf(1, "c", true))
		require.NotNil(t, repeated)
		assert.Equal(t, mine.Dot, repeated.Dot, "it is answered, and not served")
		assert.Equal(t, uint64(1), later.r.Stats().Duplicates)
	}
	// Learned of elsewhere first, and held since.
	fresh := newHalf(t, 2, 4, 1, 2, nil, nil)
	fresh.r.note(other)
	between(a, fresh, 10, nil)
	assert.Equal(t, mine.Dot, fresh.ask(incrementOf(1, "c", true)).Dot)
}

// TestMarksOfCuts: marks of cuts stand behind those of partitions.
func TestMarksOfCuts(t *testing.T) {
	of := func(p ring.Partition) session.Mark { return session.Mark{Partition: p, Origin: 1, Seq: 1} }
	assert.False(t, cuts(nil))
	assert.False(t, cuts(session.Matrix{of(0), of(session.Cuts - 1)}))
	assert.True(t, cuts(session.Matrix{of(session.Cuts)}))
	assert.True(t, cuts(session.Matrix{of(3), of(session.Cuts + 2)}))
}
