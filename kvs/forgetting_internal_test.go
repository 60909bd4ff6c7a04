package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// registerAt is a register that was written at that time, or deleted.
func registerAt(t *testing.T, clock uint64, deleted bool) kind.Value {
	t.Helper()
	k, ok := kind.Default().Find("register")
	require.True(t, ok)
	u := kind.Update{Clock: clock, Origin: 1}
	if deleted {
		v, err := k.Delete(u, nil)
		require.NoError(t, err)
		return v
	}
	u.Arg = []byte("v")
	v, err := k.Mutate(u, nil)
	require.NoError(t, err)
	return v
}

// hold has partition 0 of n hold a register, as written by a dot at that time.
func (n *half) hold(t *testing.T, key string, d causal.Dot, clock uint64, deleted bool) *partition {
	t.Helper()
	p := n.r.partition(0)
	v := registerAt(t, clock, deleted)
	p.apply(&gossip.Entry{Dot: d, Clock: clock, Key: key, Kind: "register", Delta: v.Append(nil)}, v, 0, 8)
	return p
}

// TestTombstoneIsAsLateAsItsLastWrite: a tombstone to which a later delete comes waits for that.
func TestTombstoneIsAsLateAsItsLastWrite(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, true)
	p := n.hold(t, "r", causal.Dot{Origin: 5, Seq: 2}, 200<<16, true)
	s, _ := p.slot("r", "register")
	assert.Equal(t, uint64(200<<16), s.until)
	assert.Equal(t, 1, n.r.Unburied())
}

// TestOwnerThatStartedAgainHoldsNothing: what an incarnation said to hold that has ended does not
// count once a later one has promised something.
func TestOwnerThatStartedAgainHoldsNothing(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	p := n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, true)
	p.log.ObservePeer(2, 2, gossip.Digest{Known: p.applied})
	h := floorHoldings{p, p.applied.Clone()}
	assert.True(t, n.r.everyOwnerHolds(h))
	n.r.receiveFloors(0, &wire.Floors{From: 2, Origin: 3, Own: wire.Promise{Rev: 1}})
	assert.False(t, n.r.everyOwnerHolds(h), "until the later one has said so, too")
	p.log.ObservePeer(2, 3, gossip.Digest{Known: p.applied})
	assert.True(t, n.r.everyOwnerHolds(h))
}

// TestNothingOfAnEndedIncarnationIsTaken: nor are deltas of one, by any replica that has heard a
// later one promise something; nor what is sent to another incarnation than this.
func TestNothingOfAnEndedIncarnationIsTaken(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	require.True(t, n.r.sentHere(0, 2, 1))
	assert.False(t, n.r.sentHere(0, 2, 4))
	n.r.receiveFloors(0, &wire.Floors{From: 2, Origin: 3, Own: wire.Promise{Rev: 1}})
	assert.False(t, n.r.sentHere(0, 2, 1))
	assert.True(t, n.r.sentHere(0, 3, 1))
}

// TestWhatWaitsIsSeenTo: what a replica holds that a write may come from is taken down before it
// says that all is clean: of a partition that it does not own, what waits to be handed over; and
// not while a snapshot is under way.
func TestWhatWaitsIsSeenTo(t *testing.T) {
	_, stranger := strangers(t)
	stranger.ask(wire.Request{Client: 7, Req: 1, Put: true, Key: "r", Kind: "register", Arg: []byte("v"), Stamp: 900 << 16})
	p := stranger.r.partition(0)
	require.Equal(t, 1, p.log.Len())
	m := new(floorMark)
	require.True(t, stranger.r.takeHoldings(m))
	require.Len(t, m.saved, 1)
	assert.Equal(t, p.applied, m.saved[0].dots)

	for name, under := range map[string]func(r *Replica){
		"nothing":  func(*Replica) {},
		"an ask":   func(r *Replica) { r.fetches = 1 },
		"a piece":  func(r *Replica) { r.partition(0).intake = new(intake) },
		"a record": func(r *Replica) { r.floors.mark.token = r.durable + 1 },
	} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, true)
		n.r.floors.mark = floorMark{on: true, floor: 100 << 16, era: n.r.era()}
		under(n.r)
		n.r.markFloors()
		assert.Equal(t, name == "nothing", n.r.floors.mark.taken, name)
	}
}

// TestStateWithoutAValue: what a whole state does not name goes if that stands for all its writes,
// and stays if it has one of which the state does not know; and a value comes back with a state
// only if it has a write that was not here.
func TestStateWithoutAValue(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	n.hold(t, "old", causal.Dot{Origin: 5, Seq: 1}, 100<<16, false)
	p := n.hold(t, "new", causal.Dot{Origin: 5, Seq: 2}, 200<<16, false)
	p.absent(func(string, string) bool { return false }, p.applied.Clone(), gossip.Dots{{Origin: 5, Lo: 1, Hi: 1}})
	assert.Nil(t, n.r.Value("old", "register"))
	assert.NotNil(t, n.r.Value("new", "register"), "of which the state does not know")

	comes := wire.HeldValue{Key: "old", Kind: "register", Value: n.r.Value("new", "register").Append(nil), Writes: session.Matrix{{Origin: 5, Seq: 1}}}
	piece := &stagedPiece{values: []wire.HeldValue{comes}}
	f := &folding{r: n.r, x: &intake{answers: []gossip.Dots{{{Origin: 5, Lo: 1, Hi: 3}}}, hidden: []gossip.Dots{nil}}, had: p.applied}
	left := func() bool {
		_, ok := f.of(p, stagedValue{&comes, piece})
		return !ok
	}
	assert.False(t, left(), "nothing was forgotten")
	f.buried = true
	assert.True(t, left(), "it was held, and forgotten")
	comes.Writes[0].Seq = 3
	assert.False(t, left(), "it has a write that was not")
}

// TestAllThatWasForgottenIsDependedOn: sessions that find nothing depend on each tombstone that
// was forgotten, in reads of one key and of several; and a subscriber is told how far all is
// deleted, whatever else there is.
func TestAllThatWasForgottenIsDependedOn(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	for i, key := range []string{"r1", "r2"} {
		p := n.hold(t, key, causal.Dot{Origin: 5 + uint64(i), Seq: 1}, uint64(100+i)<<16, true)
		s, _ := p.slot(key, "register")
		n.r.begin()
		n.r.forget(&tombstone{p: p, key: key, kind: "register", clock: s.until}, s)
	}
	p := n.hold(t, "other", causal.Dot{Origin: 5, Seq: 2}, 150<<16, false)
	both := session.Matrix{{Origin: 5, Seq: 1}, {Origin: 6, Seq: 1}}
	assert.Equal(t, both, p.buriedWrites)

	var past session.Matrix
	n.r.sawForgotten(session.Causal, p, &past)
	assert.Equal(t, both, past)
	past = nil
	m := &wire.MultiGet{Client: 1, Req: 1, Level: session.Causal}
	n.r.result(m, wire.ValueName{Key: "r1", Kind: "register"}, new(wire.Result), nil, &past)
	assert.Equal(t, both, past, "of several keys at once")

	told, err := n.r.cfg.Kinds.Find("register")
	require.True(t, err)
	assert.Equal(t, told.Deleted(101<<16).Append(nil), n.r.deletedUntil(p, "register"))
	assert.Nil(t, n.r.deletedUntil(p, "set"))
	for kind, value := range map[string][]byte{"register": told.Deleted(101 << 16).Append(nil), "set": nil} {
		m := wire.Subscribe{Client: 5, Number: 1, Sent: 1, Key: "r1", Kind: kind, Lease: 50}
		effects := n.r.Step(Event{Kind: EventRequest, Msg: m.Encode(), NowMS: n.now})
		require.Len(t, effects, 1)
		u, err := wire.DecodeUpdate(effects[0].Msg)
		require.NoError(t, err)
		assert.Equal(t, []any{false, value != nil}, []any{u.Found, u.Deleted}, kind)
		assert.Equal(t, string(value), string(u.Value), kind)
	}
}

// TestCheckpointHasWhatWasPromised: what a checkpoint says of the whole replica, which the records
// before it may have been the only ones to say: the floors of nodes, and how far sessions are
// forgotten.
func TestCheckpointHasWhatWasPromised(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, false)
	n.r.floors.floor, n.r.sessions.forgotten = 300<<16, 200<<16
	n.r.floors.peers[0].origin, n.r.floors.peers[0].most = 2, 250<<16
	n.records = nil
	n.r.begin()
	n.r.checkpoint.logged = 1 << 30
	n.r.beginCheckpoint()
	n.take(n.r.out)
	require.NotZero(t, n.r.Stats().Checkpoints)

	again := newHalf(t, 1, 3, 1, 2, n.records, nil).r
	assert.Equal(t, uint64(300<<16), again.floors.floor)
	assert.Equal(t, uint64(250<<16), again.floors.peers[0].most)
	assert.Equal(t, uint64(2), again.floors.peers[0].origin)
	assert.Equal(t, uint64(200<<16), again.sessions.forgotten)
	assert.NotNil(t, again.Value("r", "register"))
}

// TestStampsUpToAPromise: a write of just the time of a promise is as early as what was promised
// not to come, and one later is not.
func TestStampsUpToAPromise(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	n.r.floors.floor = 900 << 16
	q := wire.Request{Client: 7, Req: 1, Put: true, Key: "r", Kind: "register", Arg: []byte("v"), Stamp: 900 << 16}
	assert.Equal(t, wire.StatusForgotten, n.ask(q).Status)
	q.Stamp++
	assert.Equal(t, wire.StatusOK, n.ask(q).Status)
}
