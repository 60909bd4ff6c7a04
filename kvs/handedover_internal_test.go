package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestGuestsAreNoOwners: a write is answered for owners, and one that is none counts for nothing,
// whatever it says to hold.
func TestGuestsAreNoOwners(t *testing.T) {
	owner, _ := strangers(t)
	owner.ask(wire.Request{Client: 7, Req: 1, Put: true, Key: "s", Kind: "set", Arg: []byte("a")})
	p, other := owner.r.partition(0), owner.r.peers[0].id
	d := causal.Dot{Origin: owner.r.cfg.Origin, Seq: 1}
	require.True(t, p.applied.Contains(d))
	p.log.Invite(other)
	p.log.ObservePeer(other, 9, gossip.Digest{Known: p.applied})
	assert.Equal(t, 1, p.owners(d, owner.r.peers))
	p.shared[0] = true
	assert.Equal(t, 2, p.owners(d, owner.r.peers))
}

// TestNothingIsLetGoOfEarly: a partition is handed over once all owners hold what there is, what is
// being persisted included; and a node is gone once all that it took is, and nothing is on its way
// to the disk. Once it says so, it takes nothing.
func TestNothingIsLetGoOfEarly(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	p := n.hold(t, "r", causal.Dot{Origin: 5, Seq: 1}, 100<<16, false)
	p.log.ObservePeer(2, 2, gossip.Digest{Known: p.applied})
	p.links[0].heard = true
	all := func(int) bool { return true }
	assert.True(t, p.handedOver(n.r.peers, all))
	p.pending = 1
	assert.False(t, p.handedOver(n.r.peers, all))
	p.pending = 0

	leaving := n.r.view.Raise(member.View{Members: n.r.view.Members.Raised(1, member.In(1, member.Leaving))})
	require.NoError(t, n.r.goBy(leaving))
	p.owned = false
	p.log.Reclaim()
	require.Zero(t, p.log.Len())
	assert.True(t, n.r.mayLeave())
	n.r.batches = append(n.r.batches, &batch{part: p})
	assert.False(t, n.r.mayLeave(), "a record may not be durable yet")
	n.r.batches = nil

	require.False(t, n.r.going())
	n.r.raise(member.View{Members: leaving.Members.Raised(1, member.In(1, member.Gone))})
	assert.False(t, n.r.gone(), "by a view that is not durable yet")
	assert.True(t, n.r.going())
	n.r.begin()
	n.r.requested((&wire.Request{Client: 7, Req: 1, Put: true, Key: "s", Kind: "set", Arg: []byte("a")}).Encode())
	require.Len(t, n.r.out, 1)
	a, err := wire.DecodeResponse(n.r.out[0].Msg)
	require.NoError(t, err)
	assert.Equal(t, wire.StatusNotOwner, a.Status)
}

// TestViewsAreGoneByOnceDurable: a replica goes by a view from when the record of it is durable.
func TestViewsAreGoneByOnceDurable(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	n.r.raise(member.View{Members: n.r.view.Members.Raised(2, member.In(1, member.Leaving))})
	token := n.r.rise.token
	require.NotZero(t, token)
	n.r.risen(token - 1)
	assert.Zero(t, n.r.viewName)
	n.r.risen(token)
	assert.Equal(t, member.Leaving, n.r.View().At(2).Phase())
}

// TestLivesThatAreOverAreNotHeard: once a node is gone, or in a later life, nothing of what its
// incarnations say that were heard before counts.
func TestLivesThatAreOverAreNotHeard(t *testing.T) {
	for _, to := range []member.State{member.In(1, member.Gone), member.In(2, member.Joining)} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		n.r.peers[0].origin, n.r.peers[0].sure = 2, 2
		before := n.r.view.Members
		require.NoError(t, n.r.goBy(member.View{Members: before.Raised(2, to)}))
		n.r.meetMembers(before)
		assert.Equal(t, uint64(2), n.r.peers[0].floor, "%v", to)
		msg := wire.AppendGossip(nil, 2, 2, []wire.Item{{Digest: gossip.Digest{Known: gossip.Dots{{Origin: 2, Lo: 1, Hi: 1}}}}})
		rejected := n.r.Stats().Rejected
		n.r.message(2, msg)
		assert.Equal(t, rejected+1, n.r.Stats().Rejected, "%v", to)
	}
}

// TestEveryRowTakenBackIsTold: and each names the first write, so that nobody takes a row back who
// lacks that.
func TestEveryRowTakenBackIsTold(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	k, ok := n.r.cfg.Kinds.Find("counter")
	require.True(t, ok)
	p := n.r.partition(0)
	first := causal.Dot{Origin: 5, Seq: 1}
	for i, key := range []string{"c1", "c2"} {
		row := n.r.row(7, uint64(i)+1)
		v, err := k.Mutate(kind.Update{Arg: kind.Amount(5), Origin: row}, nil)
		require.NoError(t, err)
		p.apply(&gossip.Entry{Dot: causal.Dot{Origin: 5, Seq: uint64(i) + 1}, Key: key, Kind: "counter", Delta: v.Append(nil)}, v, 0, 8)
		n.r.takeBack(p, key, k, row, first)
		assert.Zero(t, n.sum(t, key))
	}
	require.Len(t, n.r.taken, 2)
	n.r.begin()
	n.r.tellTaken()
	keys := map[string]bool{}
	for _, b := range n.r.batches {
		e := &b.entries[0]
		keys[e.Key] = true
		assert.Equal(t, session.Matrix{{Origin: 5, Seq: 1}}, e.Deps)
		assert.False(t, p.early(e))
		assert.True(t, newHalf(t, 2, 2, 1, 2, nil, nil).r.partition(0).early(e), "where the first write is not held")
	}
	assert.Equal(t, map[string]bool{"c1": true, "c2": true}, keys)
}

// TestWhatIsUnderWayCounts: a value is held to its bound with what is being persisted of it, also
// where nothing of it is durable yet.
func TestWhatIsUnderWayCounts(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.MaxValueBytes = 20 })
	ask := func(req uint64, arg string) wire.Status {
		q := wire.Request{Client: 7, Req: req, Put: true, Key: "s", Kind: "set", Arg: []byte(arg)}
		for _, e := range n.r.Step(Event{Kind: EventRequest, Msg: q.Encode(), NowMS: n.now}) {
			if e.Kind == EffectRespond {
				a, err := wire.DecodeResponse(e.Msg)
				require.NoError(t, err)
				return a.Status
			}
		}
		return wire.StatusOK
	}
	assert.Equal(t, wire.StatusOK, ask(1, "0123456789"))
	assert.Equal(t, wire.StatusTooLarge, ask(2, "9876543210"))
	assert.Equal(t, wire.StatusOK, ask(3, "0123456789"), "which adds nothing")
}

// TestCheckpointOfWhichAPartIsMissing: a partition of which a part cannot be read is left out of a
// checkpoint, and others are not: it would be said to hold what is not there.
func TestCheckpointOfWhichAPartIsMissing(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.CheckpointBytes = -1 })
	for i := range 40 {
		n.ask(wire.Request{Client: 7, Req: uint64(1 + i), Put: true, Key: string(rune('a' + i)), Kind: "set", Arg: []byte("an element of a set")})
	}
	p := n.r.partition(0)
	p.log.ObservePeer(2, 2, gossip.Digest{Known: p.applied})
	held := p.applied.Clone()
	n.r.cfg.CheckpointBytes, n.records = 1, nil
	n.r.begin()
	n.r.beginCheckpoint()
	n.take(n.r.out)
	require.NotZero(t, n.r.Stats().Checkpoints)
	require.Equal(t, held, newHalf(t, 1, 3, 1, 2, n.records, nil).r.partition(0).applied)
	lastPart := -1
	for i, rec := range n.records {
		if x, err := n.r.in.Checkpoint(rec); err == nil && !x.Sessions && x.Number == 1 {
			lastPart = i
			assert.True(t, x.Last || x.At > 0 || len(x.Applied) > 0)
			if x.Last {
				break
			}
		}
	}
	require.Positive(t, lastPart)
	short := append(append([][]byte{}, n.records[:lastPart]...), n.records[lastPart+1:]...)
	assert.Empty(t, newHalf(t, 1, 3, 1, 2, short, func(c *Config) { c.Unreadable = 1 }).r.partition(0).applied)
}

// TestUpdateIsAcknowledgedToItsIncarnation: what a subscriber says to have had of an earlier
// incarnation says nothing of what this one has told.
func TestUpdateIsAcknowledgedToItsIncarnation(t *testing.T) {
	n := newHalf(t, 1, 5, 1, 2, nil, func(c *Config) { c.First = true })
	n.ask(wire.Request{Client: 7, Req: 1, Put: true, Key: "s", Kind: "set", Arg: []byte("a")})
	m := wire.Subscribe{Client: 9, Number: 1, Sent: 1, Key: "s", Kind: "set", Lease: 50}
	n.ask(wire.Request{})
	n.take(n.r.Step(Event{Kind: EventRequest, Msg: m.Encode(), NowMS: n.now}))
	p := n.r.partition(0)
	require.Len(t, p.subs, 1)
	require.NotZero(t, p.subs[0].version)
	m.Sent, m.Origin, m.Seen = 2, 4, 100
	n.take(n.r.Step(Event{Kind: EventRequest, Msg: m.Encode(), NowMS: n.now}))
	assert.Zero(t, p.subs[0].acked)
	m.Sent, m.Origin, m.Seen = 3, 5, p.subs[0].version
	n.take(n.r.Step(Event{Kind: EventRequest, Msg: m.Encode(), NowMS: n.now}))
	assert.Equal(t, p.subs[0].version, p.subs[0].acked)
}

// TestSnapshotHoldsWhatAllItsStatesHave: pieces of two answers are of two states, and a snapshot
// that is whole holds for sure what both have.
func TestSnapshotHoldsWhatAllItsStatesHave(t *testing.T) {
	r := newHalf(t, 1, 1, 1, 2, nil, nil).r
	first := wire.Piece{Origin: 7, To: 1, Ask: 1, First: true, Applied: gossip.Dots{{Origin: 5, Lo: 1, Hi: 4}, {Origin: 6, Lo: 1, Hi: 1}}}
	x, err := (&intake{begun: 1, number: 1}).with(r, &first, first.Append(nil))
	require.NoError(t, err)
	other := wire.Piece{Origin: 8, To: 1, Ask: 2, Last: true, Applied: gossip.Dots{{Origin: 5, Lo: 1, Hi: 3}, {Origin: 9, Lo: 1, Hi: 1}}}
	x, err = x.with(r, &other, other.Append(nil))
	require.NoError(t, err)
	assert.True(t, x.whole)
	assert.Equal(t, gossip.Dots{{Origin: 5, Lo: 1, Hi: 3}}, x.base)
}
