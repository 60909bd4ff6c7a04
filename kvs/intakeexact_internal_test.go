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

// asking is node 1 of two, incarnation 9, which has asked node 2, incarnation 5, for pieces of
// partition 0, and is number 3 of its asks.
func asking(t *testing.T) (n *half, p *partition) {
	t.Helper()
	n = newHalf(t, 1, 9, 1, 2, nil, nil)
	p = n.r.partition(0)
	p.log.ObservePeer(2, 5, gossip.Digest{Known: gossip.Dots{{Origin: 5, Lo: 1, Hi: 4}}})
	p.needs(0, needNothing)
	p.offers, p.fetching = []int{0}, true
	n.r.asks, n.r.fetches = 3, 1
	n.r.peers[0].fetch = fetch{on: true, part: 0, number: 3, wait: askTicks, until: n.r.tick + askTicks}
	n.r.begin()
	return n, p
}

// pieceOf is the piece that answers that ask: registers under keys, of writes of incarnation 5.
func pieceOf(t *testing.T, change func(x *wire.Piece), keys ...string) *wire.Piece {
	t.Helper()
	k, _ := kind.Default().Find("register")
	x := &wire.Piece{Origin: 5, To: 9, Ask: 3, First: true, Applied: gossip.Dots{{Origin: 5, Lo: 1, Hi: 4}}}
	for i, key := range keys {
		v, err := k.Mutate(kind.Update{Arg: []byte(key), Clock: uint64(9 + i), Origin: 5}, nil)
		require.NoError(t, err)
		x.Values = append(x.Values, wire.HeldValue{Key: key, Kind: "register", Value: v.Append(nil), Writes: session.Matrix{{Origin: 5, Seq: uint64(1 + i)}}})
	}
	if change != nil {
		change(x)
	}
	return x
}

// TestSnapshotsThatNameAllOrNot: pieces of which some values are not named, and pieces that name
// all, are not of one snapshot: it begins anew, with whoever offers one again.
func TestSnapshotsThatNameAllOrNot(t *testing.T) {
	for _, before := range []uint64{0, 1} {
		for _, now := range []uint64{0, 1} {
			n, p := asking(t)
			first := pieceOf(t, func(x *wire.Piece) { x.Buried, x.Ask = before, 2 }, "a")
			in, err := new(intake).with(n.r, first, first.Append(nil))
			require.NoError(t, err)
			p.intake = in
			next := pieceOf(t, func(x *wire.Piece) { x.Buried, x.First = now, false }, "b")
			require.NoError(t, n.r.takePiece(p, 0, next.Append(nil)))
			if before == now {
				require.NotNil(t, p.intake)
				assert.Len(t, p.intake.pieces, 2)
				assert.Equal(t, []int{0}, p.offers)
				assert.Equal(t, before, p.intake.buried)
				continue
			}
			assert.Nil(t, p.intake, "%d and %d", before, now)
			assert.Empty(t, p.offers)
			assert.False(t, n.r.peers[0].fetch.on || p.fetching)
			assert.Zero(t, n.r.fetches)
			assert.Empty(t, n.r.out, "nothing of it is kept")
		}
	}
}

// TestForgottenSessionsStayForgotten: a snapshot of a peer that has forgotten fewer sessions, or more,
// has no effect on what is forgotten here, or has it forgotten here too.
func TestForgottenSessionsStayForgotten(t *testing.T) {
	for of, want := range map[uint64]uint64{7 << 16: 8 << 16, 8 << 16: 8 << 16, 9 << 16: 9 << 16} {
		n, _ := asking(t)
		n.r.sessions.forgotten = 8 << 16
		n.r.learn(pieceOf(t, func(x *wire.Piece) { x.Forgotten = of }, "a"))
		assert.Equal(t, want, n.r.sessions.forgotten)
	}
}

// TestNoPieceIsTakenThatNobodyAskedFor: which pieces are left as those of another ask.
func TestNoPieceIsTakenThatNobodyAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *Replica)
		change func(x *wire.Piece)
		taken  bool
	}{
		"as asked":             {func(*Replica) {}, func(*wire.Piece) {}, true},
		"of another ask":       {func(*Replica) {}, func(x *wire.Piece) { x.Ask-- }, false},
		"to another":           {func(*Replica) {}, func(x *wire.Piece) { x.To-- }, false},
		"nothing is asked for": {func(r *Replica) { r.peers[0].fetch = fetch{} }, func(x *wire.Piece) { x.Ask = 0 }, false},
		"of another partition": {func(r *Replica) { r.peers[0].fetch.part = 1 }, func(*wire.Piece) {}, false},
		"all has come":         {func(r *Replica) { r.peers[0].fetch.stopped = true }, func(*wire.Piece) {}, false},
		"it has come":          {func(r *Replica) { r.peers[0].fetch.next = 1 }, func(*wire.Piece) {}, false},
		"of one that is over":  {func(r *Replica) { r.floors.peers[0].origin = 6 }, func(*wire.Piece) {}, false},
		"from ahead":           {func(*Replica) {}, func(x *wire.Piece) { x.Clock = 1 << 50 }, false},
	} {
		n, p := asking(t)
		c.before(n.r)
		n.r.peers[0].backoffTicks = maxOfferGap
		x := pieceOf(t, c.change, "a")
		out := n.r.Step(Event{Kind: EventMessage, From: 2, NowMS: n.now, Msg: wire.AppendSnapshot(nil, 2, x)})
		assert.EqualValues(t, 1, n.r.peers[0].backoffTicks, "%s: the peer is not silent", name)
		assert.Equal(t, c.taken, p.intake != nil, name)
		assert.Equal(t, c.taken, len(out) > 0, name)
		s := n.r.Stats()
		assert.Equal(t, !c.taken, s.Duplicates+s.Ahead > 0, name)
		assert.Zero(t, s.Rejected, name)
	}
}

// TestLiesOfASnapshotAreCutOut: dots of this incarnation that it has not given out are neither
// believed nor persisted, be they told as held or as lost; a value with such a write is refused.
func TestLiesOfASnapshotAreCutOut(t *testing.T) {
	lie := gossip.Dots{{Origin: 5, Lo: 1, Hi: 4}, {Origin: 9, Lo: 1, Hi: 3}}
	for name, change := range map[string]func(x *wire.Piece){
		"held": func(x *wire.Piece) { x.Applied = lie },
		"lost": func(x *wire.Piece) { x.Gap, x.Doubt = lie, session.Matrix{{Origin: 5, Seq: 2}} },
		"both": func(x *wire.Piece) { x.Applied, x.Gap, x.Doubt = lie, lie, session.Matrix{{Origin: 5, Seq: 2}} },
	} {
		n, p := asking(t)
		require.NoError(t, n.r.takePiece(p, 0, pieceOf(t, change, "a").Append(nil)), name)
		assert.Equal(t, uint64(1), n.r.stats.Rejected, name)
		require.Equal(t, EffectPersist, n.r.out[0].Kind)
		_, x, err := n.r.in.StoredPiece(n.r.out[0].Msg)
		require.NoError(t, err)
		for _, dots := range []gossip.Dots{x.Applied, x.Gap, p.intake.base, p.intake.gap} {
			assert.Empty(t, dots.Of(9), name)
		}
		assert.NotEmpty(t, x.Applied.Of(5))
	}
	n, p := asking(t)
	err := n.r.takePiece(p, 0, pieceOf(t, func(x *wire.Piece) { x.Values[0].Writes = session.Matrix{{Origin: 9, Seq: 1}} }, "a").Append(nil))
	require.ErrorIs(t, err, wire.ErrMessage)
	p.seq = 1
	err = n.r.takePiece(p, 0, pieceOf(t, func(x *wire.Piece) { x.Values[0].Writes = session.Matrix{{Origin: 9, Seq: 1}} }, "a").Append(nil))
	assert.NoError(t, err)
}

// TestPiecesOfWhoHasBegunAnew: of an ask that two incarnations of a peer answer, as the network
// brought it to the second one too, no pieces of both are put together, be they met in order or not.
// Nothing of that is wrong: what is missing is asked for anew, and taken from the second.
func TestPiecesOfWhoHasBegunAnew(t *testing.T) {
	for _, early := range []bool{false, true} {
		n, p := asking(t)
		give := func(change func(x *wire.Piece), key string) []Effect {
			x := pieceOf(t, change, key)
			return n.r.Step(Event{Kind: EventMessage, From: 2, NowMS: n.now, Msg: wire.AppendSnapshot(nil, 2, x)})
		}
		first := func() []Effect { return give(func(x *wire.Piece) { x.More = true }, "a") }
		other := func() []Effect {
			return give(func(x *wire.Piece) { x.Origin, x.At, x.First, x.Applied, x.Last = 6, 1, false, nil, true }, "b")
		}
		var out []Effect
		if early {
			require.Empty(t, other())
			out = first()
		} else {
			first()
			out = other()
		}
		assert.Zero(t, n.r.stats.Rejected, "early: %v", early)
		assert.EqualValues(t, 1, n.r.stats.Duplicates)
		assert.Equal(t, []int{0}, p.offers)
		require.Len(t, p.intake.pieces, 1)
		require.NotEmpty(t, out)
		require.Equal(t, EffectSend, out[len(out)-1].Kind)
		_, body, err := wire.Open(out[len(out)-1].Msg)
		require.NoError(t, err)
		g, err := n.r.in.Gossip(wire.VersionOf(out[len(out)-1].Msg), body)
		require.NoError(t, err)
		require.NotNil(t, g.Items[0].Ask)
		assert.EqualValues(t, 4, g.Items[0].Ask.Number)
		assert.Equal(t, wire.Cursor{Key: "a", Kind: "register"}, g.Items[0].Ask.After)

		assert.Empty(t, other(), "it answers an ask that is over")
		give(func(x *wire.Piece) { x.Origin, x.Ask, x.First, x.Last = 6, 4, false, true }, "b")
		require.Len(t, p.intake.pieces, 2)
		assert.True(t, p.intake.whole)
		assert.Zero(t, n.r.stats.Rejected)
	}
}

// TestAsksAreRepeated: an ask that nothing comes of is made again after a while, and twice that,
// and given up after twice that again.
func TestAsksAreRepeated(t *testing.T) {
	n, p := asking(t)
	var at []uint64
	for n.r.fetches > 0 && n.r.tick < 100 {
		n.r.tick++
		n.r.begin()
		if n.r.chase(); len(n.r.out) > 0 {
			at = append(at, n.r.tick)
			require.Equal(t, n.r.asks, n.r.peers[0].fetch.number)
			require.Equal(t, []int{0}, p.offers)
		}
	}
	assert.Equal(t, []uint64{askTicks, 3 * askTicks}, at)
	assert.Equal(t, uint64(7*askTicks), n.r.tick)
	assert.Empty(t, p.offers)
	assert.False(t, p.fetching)

	n, p = asking(t)
	n.r.peers[0].fetch.stopped = true
	n.r.tick = 99
	n.r.chase()
	assert.Empty(t, n.r.out, "what has come is being persisted")
	n.r.peers[0].fetch.stopped = false
	n.r.peers[0].fetch.tries = askTries - 1
	p.intake = &intake{base: gossip.Dots{{Origin: 77, Lo: 1, Hi: 1}}}
	n.r.chase()
	assert.NotNil(t, p.intake, "another peer may go on")
	n, p = asking(t)
	n.r.viewName, n.r.tick = 7, 99
	n.r.peers[0].fetch.tries = askTries - 1
	p.intake = &intake{base: gossip.Dots{{Origin: 77, Lo: 1, Hi: 1}}}
	n.r.chase()
	assert.Nil(t, p.intake, "where members move, whoever had it may have let go of it")
}

// TestIntakeOfNobody: a snapshot in part is kept while an owner may finish it, or has not been
// heard, or a guest offers it.
func TestIntakeOfNobody(t *testing.T) {
	base := gossip.Dots{{Origin: 5, Lo: 1, Hi: 4}}
	for name, c := range map[string]struct {
		shared, hosted, offers bool
		need                   need
		known                  gossip.Dots
		whole, kept            bool
	}{
		"an owner has it":         {shared: true, known: base, kept: true},
		"an owner has some":       {shared: true, known: gossip.Dots{{Origin: 5, Lo: 2, Hi: 2}}, kept: true},
		"an owner has other":      {shared: true, known: gossip.Dots{{Origin: 6, Lo: 2, Hi: 2}}},
		"an owner is not heard":   {shared: true, need: needDigest, kept: true},
		"a guest offers it":       {hosted: true, offers: true, known: base, kept: true},
		"a guest does not":        {hosted: true, known: base},
		"one that is none offers": {offers: true},
		"it is being persisted":   {whole: true, kept: true},
	} {
		n, p := asking(t)
		n.r.peers[0].fetch, p.fetching, n.r.fetches, p.offers = fetch{}, false, 0, nil
		p.log.Reset(1, nil)
		if c.shared || c.hosted {
			p.log.Invite(2)
			p.log.ObservePeer(2, 5, gossip.Digest{Known: c.known})
		}
		p.shared[0], p.need[0] = c.shared, c.need
		if c.offers {
			p.offers = []int{0}
		}
		p.intake = &intake{base: base, from: 5, whole: c.whole}
		n.r.abandonIntake(p)
		assert.Equal(t, c.kept, p.intake != nil, name)
		if !c.kept {
			assert.Empty(t, p.offers, name)
		}
	}
}

// TestTouchedIsTold: that values were marked is told to peers that are told in parts what is held;
// a mark is one of a record, and names what the record names.
func TestTouchedIsTold(t *testing.T) {
	n := newHalf(t, 1, 9, 1, 2, nil, func(c *Config) { c.MaxKnown = 1 })
	p := n.r.partition(0)
	set, _ := kind.Default().Find("set")
	for i, key := range []string{"a", "b", "c"} {
		delta, err := set.Mutate(kind.Update{Arg: []byte(key)}, nil)
		require.NoError(t, err)
		e := gossip.Entry{Dot: causal.Dot{Origin: uint64(20 + i), Seq: 1}, Key: key, Kind: "set", Delta: delta.Append(nil)}
		p.apply(&e, delta, 0, 1)
	}
	require.True(t, p.changes.On())
	p.hazy = []ownID{{"set", "a"}, {"set", "c"}}
	n.r.begin()
	n.r.touch(p)
	require.Len(t, n.r.out, 1)
	x, err := n.r.in.Touched(n.r.out[0].Msg)
	require.NoError(t, err)
	dot := causal.Dot{Origin: 9, Seq: 1}
	assert.Equal(t, wire.Touched{Of: 0, Dot: dot, Names: []wire.ValueName{{Key: "a", Kind: "set"}, {Key: "c", Kind: "set"}}}, x)
	assert.Empty(t, p.hazy)
	before := p.rev
	n.r.Step(Event{Kind: EventPersisted, NowMS: n.now, Token: n.r.token})
	assert.Equal(t, before+1, p.rev)
	assert.True(t, p.logTruncated, "the log has no delta of it")
	part := p.changes.Digest(p.applied, p.rev, before)
	assert.Equal(t, gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}, part.Known)
	for key, marked := range map[string]bool{"a": true, "b": false, "c": true} {
		s, _ := p.slot(key, "set")
		assert.Equal(t, marked, session.Row(s.writes).Seq(9) == 1, key)
	}
	n.r.begin()
	n.r.touch(p)
	assert.Empty(t, n.r.out, "there is nothing left")
}

// TestMarkedAgain: after a start what was marked before is marked by the same dot, and what that
// names needs no other mark; what it does not name does.
func TestMarkedAgain(t *testing.T) {
	n := newHalf(t, 1, 9, 1, 2, nil, nil)
	p := n.r.partition(0)
	p.hold("a", "set")
	p.hold("b", "set")
	p.hazy = []ownID{{"set", "a"}, {"set", "b"}, {"register", "a"}}
	past := recovery{touched: []wire.Touched{{Of: 0, Dot: causal.Dot{Origin: 7, Seq: 2}, Names: []wire.ValueName{{Key: "a", Kind: "set"}}}}}
	n.r.markAgain(&past)
	assert.Equal(t, []ownID{{"set", "b"}, {"register", "a"}}, p.hazy)
	a, _ := p.slot("a", "set")
	b, _ := p.slot("b", "set")
	assert.Equal(t, uint64(2), session.Row(a.writes).Seq(7))
	assert.Empty(t, b.writes)
	assert.True(t, p.applied.Contains(causal.Dot{Origin: 7, Seq: 2}))
}

// TestWhatASnapshotSaysBesideValuesTakesRoom: the first piece has so much less of values as it has
// more of what was lost.
func TestWhatASnapshotSaysBesideValuesTakesRoom(t *testing.T) {
	values := func(spans uint64) int {
		n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.BatchBytes, c.SnapshotPieces = 2000, 16 })
		for i := range 120 {
			q := wire.Request{Client: 7, Req: uint64(1 + i), Put: true, Key: fmt.Sprintf("key %03d", i), Kind: "set", Arg: []byte("element")}
			require.Equal(t, wire.StatusOK, n.ask(q).Status)
		}
		p := n.r.partition(0)
		for i := range spans {
			p.gap.Add(causal.Dot{Origin: 100, Seq: 1 + 2*i})
		}
		if spans > 0 {
			p.doubt, p.cuts = session.Matrix{{Origin: 1, Seq: 1}}, session.Matrix{{Origin: 1, Seq: 1}}
		}
		n.r.begin()
		n.r.serve(p, 0, 33, &wire.Ask{Number: 1, Pieces: 16, Bytes: 1 << 20})
		require.Greater(t, len(n.r.out), 1)
		_, body, err := wire.Open(n.r.out[0].Msg)
		require.NoError(t, err)
		_, x, _, err := new(wire.DecodeBuffer).Snapshot(body)
		require.NoError(t, err)
		assert.Equal(t, spans > 0, len(x.Gap) > 0)
		assert.LessOrEqual(t, len(n.r.out[0].Msg), 2000)
		return len(x.Values)
	}
	none, much := values(0), values(400)
	assert.Greater(t, none, much+10)
	assert.NotZero(t, much)
}

// TestRepeatsInALog: the write that served a request first, among those in a log, one by one and
// many at once.
func TestRepeatsInALog(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	p := n.r.partition(0)
	for i, x := range []struct {
		client, req uint64
		again       bool
	}{{7, 1, false}, {7, 2, true}, {8, 1, true}, {7, 3, false}, {8, 3, false}, {0, 4, false}} {
		p.log.Add(&gossip.Entry{Dot: causal.Dot{Origin: 20, Seq: uint64(1 + i)}, Kind: "counter", Client: x.client, Req: x.req, Again: x.again}, 0)
	}
	many := p.firstsInLog()
	for q, want := range map[request]uint64{{7, 1}: 1, {7, 2}: 0, {8, 1}: 0, {7, 3}: 4, {8, 3}: 5, {7, 4}: 0, {8, 2}: 0} {
		for _, find := range []func(request) (causal.Dot, bool){p.firstInLog, many} {
			d, ok := find(q)
			assert.Equal(t, want > 0, ok, "%+v", q)
			assert.Equal(t, want, d.Seq, "%+v", q)
		}
	}
	_, ok := many(request{0, 4})
	assert.False(t, ok, "it is of no session")
}

// TestAskTellsWhatIsHeld: an ask has the digest of the partition with it, which need not be told
// again.
func TestAskTellsWhatIsHeld(t *testing.T) {
	n, p := asking(t)
	p.applied, p.rev = gossip.Dots{{Origin: 5, Lo: 1, Hi: 2}}, 2
	p.intake = &intake{at: wire.Cursor{Key: "k", Kind: "set"}}
	n.r.ask(p, 0)
	assert.Equal(t, uint64(2), p.advertisedRev[0])
	require.Len(t, n.r.out, 1)
	_, body, err := wire.Open(n.r.out[0].Msg)
	require.NoError(t, err)
	g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(n.r.out[0].Msg), body)
	require.NoError(t, err)
	require.Len(t, g.Items, 1)
	assert.Equal(t, p.applied, g.Items[0].Digest.Known)
	assert.Equal(t, &wire.Ask{Number: 4, After: p.intake.at, Pieces: 1, Bytes: uint64(n.r.cfg.SnapshotBytes)}, g.Items[0].Ask)
}

// TestLookedIsBounded: no more values are looked at for an ask than the configuration says, once
// something is told from which the next ask can go on: a piece before, or a value.
func TestLookedIsBounded(t *testing.T) {
	for _, c := range []struct {
		seen   int
		at     uint32
		values int
		full   bool
	}{{2, 1, 1, false}, {3, 1, 1, false}, {4, 0, 0, false}, {4, 1, 0, true}, {4, 0, 1, true}, {9, 3, 2, true}} {
		n, _ := asking(t)
		n.r.cfg.SnapshotValues = 4
		o := &outgoing{r: n.r, seen: c.seen}
		o.piece.At, o.piece.Values = c.at, make([]wire.HeldValue, c.values)
		assert.Equal(t, c.full, o.looked(), "%+v", c)
		assert.Equal(t, c.full, o.full)
		assert.Equal(t, c.seen+1, o.seen)
	}
}

// TestPiecesAreInOrder: a value that has come before, in the same piece or an earlier one, or after the
// sessions, is refused.
func TestPiecesAreInOrder(t *testing.T) {
	for _, c := range []struct {
		before, now []string
		sessions    bool
		ok          bool
	}{
		{now: []string{"a", "b"}, ok: true}, {now: []string{"a", "a"}}, {now: []string{"b", "a"}},
		{before: []string{"a"}, now: []string{"b"}, ok: true}, {before: []string{"b"}, now: []string{"b"}}, {before: []string{"b"}, now: []string{"a"}},
		{before: []string{"a"}, now: []string{"b"}, sessions: true},
	} {
		n, _ := asking(t)
		in := new(intake)
		var err error
		if c.before != nil {
			first := pieceOf(t, nil, c.before...)
			in, err = in.with(n.r, first, first.Append(nil))
			require.NoError(t, err)
		}
		in.at.Sessions = c.sessions
		next := pieceOf(t, func(x *wire.Piece) {
			if x.First = c.before == nil; !x.First {
				x.At = 1
			}
		}, c.now...)
		_, err = in.with(n.r, next, next.Append(nil))
		if c.ok {
			assert.NoError(t, err, "%+v", c)
		} else {
			assert.ErrorIs(t, err, wire.ErrMessage, "%+v", c)
		}
	}
}

// TestRecoveredSnapshotWithoutItsBase: of a snapshot that a start finds whole, and from which was left out
// what is lost since, the rest is taken in, unless deletes had been forgotten where it comes from: it
// stands for them by naming nothing, and what is lost may be an earlier write.
func TestRecoveredSnapshotWithoutItsBase(t *testing.T) {
	for _, c := range []struct {
		buried uint64
		lost   bool
		taken  bool
	}{{0, false, true}, {0, true, true}, {7, false, true}, {7, true, false}} {
		n, p := asking(t)
		first := pieceOf(t, func(x *wire.Piece) { x.Last = true }, "a")
		in, err := new(intake).with(n.r, first, first.Append(nil))
		require.NoError(t, err)
		in.buried = c.buried
		in.held = gossip.Dots{{Origin: 6, Lo: 1, Hi: 1}}
		if !c.lost {
			p.applied.MergeIn(in.held)
		}
		past := recovery{taken: []recoveredIntake{{p, in}}}
		past.absorb(n.r)
		assert.Equal(t, c.taken, p.applied.Contains(causal.Dot{Origin: 5, Seq: 1}), "%+v", c)
		s, _ := p.slot("a", "register")
		assert.Equal(t, c.taken, s != nil, "%+v", c)
	}
}
