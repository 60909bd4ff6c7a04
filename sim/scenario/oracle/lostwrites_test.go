package oracle_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/oracle"
)

// TestSumsOfTheLost: once a write to a counter is lost, the next one of its origin, which
// has it in its sum, makes the counter one that is not judged; what has a row of its own,
// or is of another origin, key or type, does not.
func TestSumsOfTheLost(t *testing.T) {
	for name, c := range map[string]struct {
		of       history.Type
		key      string
		origin   uint64
		lost     bool
		again    bool
		unjudged bool
	}{
		"sum":          {of: history.Counter, key: "c", lost: true, unjudged: true},
		"not lost":     {of: history.Counter, key: "c"},
		"row":          {of: history.Counter, key: "c", lost: true, again: true},
		"other origin": {of: history.Counter, key: "c", lost: true, origin: 99},
		"other key":    {of: history.Counter, key: "d", lost: true},
		"set":          {of: history.Set, key: "c", lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			first, later := op(1, history.Inc, history.Counter, "c", "5"), op(2, history.Inc, c.of, c.key, "7")
			if c.of == history.Set {
				first = op(1, history.Add, history.Set, "c", "x")
			}
			f := cluster(t, first, later)
			n := f.owner("c", 0)
			var o oracle.LostWrites
			o.Begin(f)
			arg := kind.Amount(5)
			if c.of == history.Set {
				arg = []byte("x")
			}
			f.write(t, &o, n, 0, arg, true)
			o.Reading(n)
			if c.lost {
				f.start(t, n)
			}
			o.Rewound(n)
			assert.Equal(t, c.lost, o.Forgiven(0))
			origin := uint64(n) + 1
			if c.origin != 0 {
				origin = c.origin
			}
			assert.False(t, o.Unjudged("c"))
			o.Accepted(&oracle.Write{Node: n, At: 1, Operation: &f.ops[1], Partition: f.ring.PartitionOf(c.key), Entry: &gossip.Entry{
				Dot: causal.Dot{Origin: origin, Seq: 2}, Key: c.key, Kind: string(c.of), Again: c.again,
			}})
			assert.Equal(t, c.unjudged, o.Unjudged("c"))
			assert.Empty(t, f.failed)
		})
	}
}

// TestLostBehindALaterWrite: a write to a counter that is lost while another replica holds
// a later one of its origin shows in that one's sum.
func TestLostBehindALaterWrite(t *testing.T) {
	for _, held := range []bool{false, true} {
		f := cluster(t, op(1, history.Inc, history.Counter, "c", "5"), op(2, history.Inc, history.Counter, "c", "7"))
		n, other, p := f.owner("c", 0), f.owner("c", 1), f.ring.PartitionOf("c")
		later := &gossip.Entry{Dot: causal.Dot{Origin: uint64(n) + 1, Seq: 2}, Clock: 9, Client: 2, Req: 2, Key: "c", Kind: "counter"}
		delta, err := mustFind(t, "counter").Mutate(kind.Update{Arg: kind.Amount(12), Origin: uint64(n) + 1}, nil)
		require.NoError(t, err)
		later.Delta = delta.Append(nil)
		var o oracle.LostWrites
		o.Begin(f)
		f.write(t, &o, n, 0, kind.Amount(5), true)
		o.Accepted(&oracle.Write{Node: n, At: 1, Operation: &f.ops[1], Partition: p, Entry: later})
		if held {
			f.take(t, other, n, p, *later)
		}
		o.Reading(n)
		f.start(t, n)
		o.Rewound(n)
		assert.True(t, o.Forgiven(0))
		assert.Equal(t, held, o.Unjudged("c"))
		assert.Empty(t, f.failed)
	}
}

// TestLostButServedElsewhere: of an increment that was lost with its disk, and that another
// replica has served too, before the loss or after it, nobody can tell whether a snapshot
// still has it in a sum. Such a counter is not judged; a set is, and so is a counter of
// which nobody else has served what was lost.
func TestLostButServedElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		of            history.Type
		before, after bool
		unjudged      bool
	}{
		"before":       {of: history.Counter, before: true, unjudged: true},
		"after":        {of: history.Counter, after: true, unjudged: true},
		"by one alone": {of: history.Counter},
		"set":          {of: history.Set, before: true},
	} {
		t.Run(name, func(t *testing.T) {
			write, arg := op(1, history.Inc, history.Counter, "c", "5"), kind.Amount(5)
			if c.of == history.Set {
				write, arg = op(1, history.Add, history.Set, "c", "x"), []byte("x")
			}
			f := cluster(t, write)
			n, other := f.owner("c", 0), f.owner("c", 1)
			var o oracle.LostWrites
			o.Begin(f)
			f.write(t, &o, n, 0, arg, true)
			repeat := &oracle.Write{Node: other, Operation: &f.ops[0], Partition: f.ring.PartitionOf("c"), Entry: &gossip.Entry{
				Dot: causal.Dot{Origin: uint64(other) + 1, Seq: 1}, Key: "c", Kind: string(c.of), Again: true,
			}}
			if c.before {
				o.Accepted(repeat)
			}
			assert.False(t, o.Unjudged("c"))
			o.Reading(n)
			f.start(t, n)
			o.Rewound(n)
			assert.True(t, o.Forgiven(0))
			if c.after {
				o.Accepted(repeat)
			}
			assert.Equal(t, c.unjudged, o.Unjudged("c"))
			assert.Empty(t, f.failed)
		})
	}
}

// TestLostBeforeHandOver: a replica that does not own a partition hands over what its log
// has. If the record of a write is gone from that, and a checkpoint has it in a value, it is
// lost all the same, unless an owner has it; and a fault of the store where nothing was
// damaged.
func TestLostBeforeHandOver(t *testing.T) {
	for name, c := range map[string]struct {
		damaged, owned, lost bool
		failed               []string
	}{
		"damaged":           {damaged: true, lost: true},
		"an owner has it":   {damaged: true, owned: true},
		"nothing is amiss":  {failed: []string{"recovery/set/add/2"}},
		"for nothing, owns": {owned: true, failed: []string{"recovery/set/add/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := cluster(t, op(1, history.Add, history.Set, "s", "x"))
			n, owner, p := f.owner("s", 3), f.owner("s", 0), f.ring.PartitionOf("s")
			var o oracle.LostWrites
			o.Begin(f)
			f.write(t, &o, n, 0, []byte("x"), true)
			dot := causal.Dot{Origin: uint64(n) + 1, Seq: 1}
			require.True(t, f.stores[n].Holds(p, dot))
			if c.owned {
				v, err := mustFind(t, "set").Mutate(kind.Update{Arg: []byte("x")}, nil)
				require.NoError(t, err)
				e := gossip.Entry{Dot: dot, Clock: 9, Client: 1, Req: 1, Key: "s", Kind: "set", Delta: v.Append(nil)}
				f.take(t, owner, n, p, e)
			}
			o.Reading(n)
			part := wire.CheckpointPart{Origin: uint64(n) + 1, Number: 1, Of: p, Applied: gossip.Dots{{Origin: dot.Origin, Lo: 1, Hi: 1}}, Last: true}
			sessions := wire.CheckpointPart{Origin: uint64(n) + 1, Number: 1, Sessions: true, Last: true}
			f.restart(t, n, wire.AppendCheckpoint(nil, &part), wire.AppendCheckpoint(nil, &sessions))
			require.True(t, f.stores[n].Has(p, dot))
			require.False(t, f.stores[n].Holds(p, dot))
			var missing oracle.Missing
			if c.damaged {
				missing = func(q ring.Partition, d causal.Dot) bool { return q == p && d == dot }
			}
			o.Restarted(n, missing)
			assert.Equal(t, c.lost, o.Forgiven(0))
			assert.Equal(t, c.failed, f.failed)
		})
	}
}

// TestLostWithAllOwnersOfAMove: where members come and go, one that does not own a partition
// lets go of a write by the word of the owners. Once all of these have had it, and have lost
// it with their disks, it may be lost; and not before, nor while one of them never had it.
func TestLostWithAllOwnersOfAMove(t *testing.T) {
	for had := range 4 {
		f := cluster(t, op(1, history.Add, history.Set, "s", "x"))
		f.moves = true
		stranger, p := f.owner("s", 3), f.ring.PartitionOf("s")
		var o oracle.LostWrites
		o.Begin(f)
		f.write(t, &o, stranger, 0, []byte("x"), true)
		v, err := mustFind(t, "set").Mutate(kind.Update{Arg: []byte("x")}, nil)
		require.NoError(t, err)
		e := gossip.Entry{Dot: causal.Dot{Origin: uint64(stranger) + 1, Seq: 1}, Clock: 9, Client: 1, Req: 1, Key: "s", Kind: "set", Delta: v.Append(nil)}
		for i := range had {
			f.take(t, f.owner("s", i), stranger, p, e)
		}
		for i := range had {
			require.False(t, o.Forgiven(0), "%d of %d owners that had it have lost it", i, had)
			o.Reading(f.owner("s", i))
			f.start(t, f.owner("s", i))
			o.Rewound(f.owner("s", i))
		}
		assert.Equal(t, had == 3, o.Forgiven(0), "%d owners had it", had)
		assert.Empty(t, f.failed)
	}
}

// take has a node take in an entry from another, and makes it durable.
func (f *fake) take(t *testing.T, n, from ring.NodeID, p ring.Partition, e gossip.Entry) {
	t.Helper()
	msg := wire.AppendGossip(nil, from, uint64(from)+1, []wire.Item{{Partition: p, Entries: []gossip.Entry{e}}})
	for _, e := range f.stores[n].Step(kvs.Event{Kind: kvs.EventMessage, From: from, NowMS: 1, Msg: msg}) {
		if e.Kind == kvs.EffectPersist {
			f.stores[n].Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1, Token: e.Token})
		}
	}
	require.True(t, f.stores[n].Has(p, e.Dot))
}

// restart has a node start again on records.
func (f *fake) restart(t *testing.T, n ring.NodeID, records ...[]byte) {
	t.Helper()
	store, err := kvs.New(kvs.Config{Self: n, Origin: uint64(n) + 17, Ring: f.ring, Kinds: kind.Default(), Secret: []byte("sixteen bytes of it")}, records)
	require.NoError(t, err)
	f.stores[n] = store
}

func mustFind(t *testing.T, name string) kind.Kind {
	t.Helper()
	k, ok := kind.Default().Find(name)
	require.True(t, ok)
	return k
}

// TestLostByTheWordOfTheRest: a node that leaves lets go by the word of all that are to hold the
// partition. Where each of them had a write, and has lost it with its disk while the node held it
// yet, the write is lost once the node has let go, and not before; where one of them never had
// it, or has it, no such word was given, or nothing is lost. Of the nodes the first leaves, and the
// last is the one that takes the write from a client.
func TestLostByTheWordOfTheRest(t *testing.T) {
	persisted := func(o *oracle.LostWrites, n ring.NodeID) { o.Persisted(n) }
	for name, c := range map[string]struct {
		had, lost, again []int // which nodes have it from the last one, lose their disks, and have it once more
		leaving          []int // which others leave as well
		dropped          []int // which have it no more in the end, by a fault
		stays            bool  // the first does not let go
		hook             func(o *oracle.LostWrites, n ring.NodeID)
		forgiven         bool
	}{
		"all lost it, seen by what is durable": {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, hook: persisted, forgiven: true},
		"all lost it, seen by a tick":          {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, hook: func(o *oracle.LostWrites, n ring.NodeID) { o.Ticked(n) }, forgiven: true},
		"all lost it, seen by a start":         {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, hook: func(o *oracle.LostWrites, n ring.NodeID) { o.Restarted(n, nil) }, forgiven: true},
		"another leaves, and never had it":     {had: []int{0, 2}, lost: []int{3, 2}, leaving: []int{1}, hook: persisted, forgiven: true},
		"it has lost it too":                   {had: []int{0, 1, 2}, lost: []int{3, 1, 2, 0}, hook: persisted, forgiven: true},
		"it has not let go":                    {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, stays: true, hook: persisted},
		"one never had it":                     {had: []int{0, 1}, lost: []int{3, 1}, hook: persisted},
		"one has it yet":                       {had: []int{0, 1, 2}, lost: []int{3, 1}, hook: persisted},
		"one has it again":                     {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, again: []int{1}, hook: persisted},
		"one has it again, and drops it":       {had: []int{0, 1, 2}, lost: []int{3, 1, 2}, again: []int{1}, dropped: []int{1}, hook: persisted},
		"never had it, and another drops it":   {had: []int{1, 2}, lost: []int{2}, again: []int{2}, dropped: []int{2}, hook: persisted},
	} {
		t.Run(name, func(t *testing.T) {
			f := cluster(t, op(1, history.Add, history.Set, "s", "x"))
			f.moves = true
			nodes, p := []ring.NodeID{f.owner("s", 0), f.owner("s", 1), f.owner("s", 2), f.owner("s", 3)}, f.ring.PartitionOf("s")
			var o oracle.LostWrites
			o.Begin(f)
			f.write(t, &o, nodes[3], 0, []byte("x"), true)
			v, err := mustFind(t, "set").Mutate(kind.Update{Arg: []byte("x")}, nil)
			require.NoError(t, err)
			e := gossip.Entry{Dot: causal.Dot{Origin: uint64(nodes[3]) + 1, Seq: 1}, Clock: 9, Client: 1, Req: 1, Key: "s", Kind: "set", Delta: v.Append(nil)}
			for _, i := range c.had {
				f.take(t, nodes[i], nodes[3], p, e)
			}
			lose := func(i int) {
				o.Reading(nodes[i])
				f.start(t, nodes[i])
				o.Rewound(nodes[i])
			}
			for _, i := range c.lost {
				require.False(t, o.Forgiven(0))
				lose(i)
			}
			for _, i := range c.again {
				f.take(t, nodes[i], nodes[3], p, e)
			}
			if c.had[0] != 0 { // the others lose it while one that has lost it has it again
				lose(1)
				lose(3)
			}
			c.hook(&o, nodes[0])
			require.Equal(t, slices.Contains(c.lost, 0), o.Forgiven(0), "the node that leaves, or another, holds it")
			if !c.stays {
				o.Reading(nodes[0])
				f.leave(t, nodes[0], c.leaving, nodes)
				require.False(t, f.stores[nodes[0]].Keeps(p))
				if c.had[0] == 0 {
					c.hook(&o, nodes[0])
				}
			}
			for _, i := range c.dropped {
				f.start(t, nodes[i])
			}
			c.hook(&o, nodes[0])
			assert.Equal(t, c.forgiven, o.Forgiven(0))
			writes, _ := o.Counts()
			assert.Equal(t, c.forgiven, writes == 1, "%d", writes)
			assert.Empty(t, f.failed)
		})
	}
}

// leave has a node know that it has left, and that some others leave, and hold nothing.
func (f *fake) leave(t *testing.T, n ring.NodeID, others []int, nodes []ring.NodeID) {
	t.Helper()
	members := member.Of(f.ring).Raised(n, member.In(1, member.Gone))
	for _, i := range others {
		members = members.Raised(nodes[i], member.In(1, member.Leaving))
	}
	store, err := kvs.New(kvs.Config{
		Self: n, Origin: uint64(n) + 17, Ring: f.ring, Kinds: kind.Default(), Secret: []byte("sixteen bytes of it"), Members: members, Life: 1,
	}, nil)
	require.NoError(t, err)
	f.stores[n] = store
}
