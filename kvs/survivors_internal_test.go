package kvs

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestItemsOfAMessage: items go in one message up to BatchBytes, and up to 64 KiB however small that is.
func TestItemsOfAMessage(t *testing.T) {
	for _, c := range []struct{ batch, value, items, messages int }{
		{200, 1000, 20, 1}, {200, 40_000, 4, 4}, {1 << 20, 40_000, 4, 1}, {100_000, 40_000, 4, 2},
	} {
		n := newHalf(t, 1, 1, 4, 2, nil, func(cfg *Config) { cfg.BatchBytes = c.batch })
		items := make([]wire.Item, c.items)
		for i := range items {
			items[i] = wire.Item{Partition: ring.Partition(i % 4), Entries: []gossip.Entry{{
				Dot: causal.Dot{Origin: 1, Seq: 1}, Clock: 1, Key: "k", Kind: "set", Delta: make([]byte, c.value),
			}}}
		}
		n.r.begin()
		n.r.send(2, items)
		assert.Len(t, n.r.out, c.messages, "%+v", c)
	}
}

// TestStateHasWhatPeersAreToldOf: two replicas that hold the same, and have come to it in another
// order, tell their peers other parts of it, and are in other states.
func TestStateHasWhatPeersAreToldOf(t *testing.T) {
	states := map[string]bool{}
	for _, order := range [][2]uint64{{5, 6}, {6, 5}} {
		n := newHalf(t, 1, 1, 1, 2, nil, func(cfg *Config) { cfg.MaxKnown = 1 })
		p := n.r.partition(0)
		for i, origin := range order {
			p.applied.Add(causal.Dot{Origin: origin, Seq: 1})
			p.rev++
			p.changes.Note(origin, p.rev, i+1, n.r.cfg.MaxKnown)
		}
		require.True(t, p.changes.On())
		states[string(n.r.AppendState(nil))] = true
	}
	assert.Len(t, states, 2)
}

// TestFollowsTheWriteThatIsHeld: what comes behind a write of a batch depends on that of the writes that
// have served it which the replica holds, though it knows of another one.
func TestFollowsTheWriteThatIsHeld(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	p := n.r.partition(0)
	held := causal.Dot{Origin: 6, Seq: 1}
	p.applied.Add(held)
	for _, again := range []bool{false, true} {
		dot := causal.Dot{Origin: 5, Seq: 1}
		if again {
			dot = held
		}
		n.r.note(wire.Served{Client: 7, Req: 1, Again: again, Partition: 0, Dot: dot, Clock: 9})
	}
	q := wire.Request{Client: 7, Req: 1, Level: session.Causal}
	assert.True(t, n.r.follow(&q))
	assert.Equal(t, session.Matrix{{Partition: 0, Origin: 6, Seq: 1}}, q.Deps)
	p.applied = nil
	q.Deps = nil
	assert.False(t, n.r.follow(&q), "it holds neither")
	assert.Empty(t, q.Deps)
}

// TestSeatsOfOthersAreNotMade: a replica makes no room for partitions that it neither owns nor owned.
func TestSeatsOfOthersAreNotMade(t *testing.T) {
	r := bench(t, ours)
	before := make([]bool, 64)
	for id := range ring.Partition(64) {
		before[id] = r.held(id) != nil
	}
	view := member.View{Members: r.view.Members.Raised(4, member.In(1, member.Leaving))}
	r.reseat(view)
	made := 0
	for id := range ring.Partition(64) {
		needed := before[id] || r.place.Owns(1, id)
		assert.Equal(t, needed, r.held(id) != nil, "partition %d", id)
		if !needed {
			made++
		}
	}
	assert.Positive(t, made)
}

// TestAnswersNameNothingThatMayBeLost: of a batch that is repeated the replica holds the later write, and
// has heard of the earlier one, which it serves once more. The answer to the later one names that, and
// waits until it is durable, be it of the same partition or of another; one from memory does not wait.
func TestAnswersNameNothingThatMayBeLost(t *testing.T) {
	for _, c := range []struct {
		ack   session.Ack
		level session.Level
		other bool // partition
		early bool
	}{
		{session.AckDurable, session.PRAM, false, false}, {session.AckDurable, session.Causal, true, false},
		{session.AckDurable, session.MonotonicWrites, false, false}, {session.AckMemory, session.PRAM, false, true},
		{session.AckDurable, session.Eventual, false, true},
	} {
		n := newHalf(t, 1, 1, 8, 2, nil, nil)
		keys := [2]string{"k", "k"}
		for i := 0; c.other && n.r.cfg.Ring.PartitionOf(keys[1]) == n.r.cfg.Ring.PartitionOf(keys[0]); i++ {
			keys[1] = fmt.Sprint("l", i)
		}
		m := wire.MultiPut{Client: 7, Again: true, Level: c.level, Ack: c.ack}
		for i, key := range keys {
			req, dot := uint64(1+i), causal.Dot{Origin: 9, Seq: uint64(1 + i)}
			p := n.r.partition(n.r.cfg.Ring.PartitionOf(key))
			if i == 1 {
				p.applied.Add(dot)
			}
			n.r.note(wire.Served{Client: 7, Req: req, Partition: p.id, Dot: dot, Clock: 1000 << 16})
			m.Puts = append(m.Puts, wire.Put{Req: req, Stamp: 1000<<16 + req, Key: key, Kind: "set", Arg: []byte("e")})
		}
		answered := func(effects []Effect) (reqs []uint64) {
			for _, e := range effects {
				if e.Kind == EffectRespond {
					a, err := wire.DecodeResponse(e.Msg)
					require.NoError(t, err)
					require.Equal(t, wire.StatusOK, a.Status, a.Detail)
					reqs = append(reqs, a.Req)
				}
			}
			return reqs
		}
		early := answered(n.r.Step(Event{Kind: EventRequest, Msg: m.Encode(), NowMS: n.now}))
		heard := wire.AppendGossip(nil, 2, 2, []wire.Item{{Digest: gossip.Digest{Known: gossip.Dots{{Origin: 2, Lo: 1, Hi: 1}}}}})
		early = append(early, answered(n.r.Step(Event{Kind: EventMessage, From: 2, Msg: heard, NowMS: n.now}))...)
		assert.Equal(t, c.early, slices.Contains(early, 2), "%+v", c)
		late := answered(n.r.Step(Event{Kind: EventPersisted, Token: n.r.token, NowMS: n.now}))
		assert.ElementsMatch(t, []uint64{1, 2}, append(early, late...), "%+v", c)
	}
}

// TestQuietOnceReadValuesAreLetGo: a replica whose last step has read more than is to stay in memory has
// that to let go of yet; what is not kept outside stays.
func TestQuietOnceReadValuesAreLetGo(t *testing.T) {
	for _, c := range []struct {
		bytes, dirty int
		busy         bool
	}{{16, 0, false}, {17, 0, true}, {17, 16, true}, {17, 17, false}} {
		n := newHalf(t, 1, 1, 1, 2, nil, func(cfg *Config) { cfg.CacheBytes = 16 })
		k := &keeper{r: n.r, bytes: c.bytes, dirty: c.dirty}
		assert.Equal(t, c.busy, k.busy(), "%+v", c)
	}
}

// TestStateHasWhatWasForgotten: what a partition says of tombstones that were forgotten is in the state,
// and what comes behind it.
func TestStateHasWhatWasForgotten(t *testing.T) {
	states := map[string]bool{}
	for _, buried := range []uint64{0, 5, 6} {
		for _, writes := range []session.Matrix{nil, {{Partition: 0, Origin: 9, Seq: 1}}} {
			for _, waits := range []bool{false, true} {
				n := newHalf(t, 1, 1, 1, 2, nil, nil)
				p := n.r.partition(0)
				p.buried, p.buriedWrites = buried, writes
				if waits {
					p.waiting = []waiter{{req: &wire.Request{Client: 7}, deadline: 9}}
				}
				if buried > 0 || writes == nil {
					states[string(n.r.AppendState(nil))] = true
				}
			}
		}
	}
	assert.Len(t, states, 10)
}

// TestFoundAgainIsOfTheStart: a write that a checkpoint has, and that is found again among the records
// behind it, counts as one that was there from the start.
func TestFoundAgainIsOfTheStart(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, nil)
	p := n.r.partition(0)
	e := gossip.Entry{Dot: causal.Dot{Origin: 9, Seq: 1}, Clock: 1, Key: "k", Kind: "set"}
	p.applied.Add(e.Dot)
	x := recovery{early: []recoveredEarly{{p: p, e: e}}}
	x.reach(8)
	assert.Empty(t, x.early)
	for got, since := range p.log.All() {
		assert.Equal(t, e.Dot, got.Dot)
		assert.Zero(t, since)
	}
	assert.Equal(t, 1, p.log.Len())
}

// TestSiftingIsBounded: a step looks at so many values, and at those of their piece.
func TestSiftingIsBounded(t *testing.T) {
	x := &intake{staged: make([]stagedPiece, 6), hidden: make([]gossip.Dots, 1)}
	for i := range x.staged {
		x.staged[i].values = make([]wire.HeldValue, 2)
	}
	for pass := 1; pass <= 2; pass++ {
		for room, at := range []int{0, 1, 1, 2, 2, 3, 3} {
			s := &sifting{any: gossip.Dots{{Origin: 9, Lo: 1, Hi: 1}}, pass: pass}
			assert.False(t, s.step(x, room))
			assert.Equal(t, []int{pass, at}, []int{s.pass, s.at}, "room for %d", room)
		}
	}
}

// TestWhoBeganAnewIsWrittenToInTheOldest: of a peer whose next incarnation has been heard by what it says of
// members or promises, and has written no gossip yet, it is not known what it reads: it may run an older
// program.
func TestWhoBeganAnewIsWrittenToInTheOldest(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.Speaks = Versions{wire.Oldest, wire.Newest} })
	v := n.r.cfg.Speaks
	require.Less(t, v.Oldest, v.Newest)
	l, f := &n.r.peers[0], &n.r.floors.peers[0]
	l.readsAs, l.version, l.origin, f.origin = 5, v.Newest, 5, 5
	assert.Equal(t, v.Newest, n.r.speaks(2))
	l.origin = 6
	assert.Equal(t, v.Oldest, n.r.speaks(2))
	l.origin, f.origin = 5, 6
	assert.Equal(t, v.Oldest, n.r.speaks(2))
	l.reads(6, v.Newest)
	assert.Equal(t, v.Newest, n.r.speaks(2))
}

// emptyShelf keeps no value.
type emptyShelf struct{}

func (emptyShelf) ID() uint64                 { return 1 }
func (emptyShelf) Get(uint64) ([]byte, error) { return nil, nil }

// TestOneSlotOneValue: of a checkpoint that names one place for two values, the second is refused.
func TestOneSlotOneValue(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(cfg *Config) { cfg.Values = emptyShelf{} })
	p := n.r.partition(0)
	named := func(key string, at uint64) error {
		return p.find(&wire.KeptValue{Key: key, Kind: "register", At: wire.Slot{Number: at, Origin: 1, Checkpoint: 1}, Bytes: 1}, 1, n.r)
	}
	require.NoError(t, named("a", 3))
	require.NoError(t, named("b", 2))
	assert.ErrorIs(t, named("c", 3), wire.ErrMessage)
	assert.ErrorIs(t, named("d", 2), wire.ErrMessage)
	assert.NoError(t, named("e", 1))
}
