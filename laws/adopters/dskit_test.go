package adopters_test

import (
	"fmt"
	"testing"

	"github.com/grafana/dskit/kv/memberlist"
	"github.com/grafana/dskit/ring"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// gossiped merges a state that came by gossip into a copy.
func gossiped[S memberlist.Mergeable](a, b S) S {
	merged, _ := gossip(a, b)
	return merged
}

// gossip is gossiped with the change that Merge returns, for others to be told.
func gossip[S memberlist.Mergeable](a, b S) (merged S, change memberlist.Mergeable) {
	merged = cloned(a)
	change, err := merged.Merge(cloned(b), false)
	if err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged, change
}

// cloned is Clone with the map that a ring has, which Clone leaves nil where it is
// empty: see TestDskitRingCloneOfEmpty.
func cloned[S memberlist.Mergeable](v S) S {
	c := v.Clone()
	if d, ok := c.(*ring.Desc); ok && d.Ingesters == nil {
		d.Ingesters = map[string]ring.InstanceDesc{}
	}
	return c.(S)
}

// tellsChange is the law that whoever knows a and is told of the change learns b.
func tellsChange[S memberlist.Mergeable]() laws.Law[S] {
	type probe = laws.Probe[S]
	told := func(a, b S) (merged, told S) {
		merged, change := gossip(a, b)
		if change == nil {
			return merged, a
		}
		return merged, gossiped(a, change.(S))
	}
	return laws.Law[S]{
		ID: "gossip/change", Statement: "a ⊔ change(a, b) = a ⊔ b", Arity: 2,
		Eval: func(p *probe, x []S) laws.Outcome {
			if merged, told := told(x[0], x[1]); !p.Equal(merged, told) {
				return laws.Fails
			}
			return laws.Holds
		},
		Explain: func(p *probe, x []S) laws.Sides {
			merged, told := told(x[0], x[1])
			return laws.Sides{LeftExpr: "a ⊔ change(a, b)", Left: p.Show(told), RightExpr: "a ⊔ b", Right: p.Show(merged)}
		},
	}
}

func ringLaws() laws.Set[*ring.Desc] {
	same := func(a, b *ring.Desc) bool { return a.Equal(b) }
	return laws.Add(laws.Func(gossiped[*ring.Desc], laws.Equal(same)), tellsChange[*ring.Desc]())
}

func partitionLaws() laws.Set[*ring.PartitionRingDesc] {
	same := func(a, b *ring.PartitionRingDesc) bool { return a.Equal(b) }
	return laws.Add(laws.Func(gossiped[*ring.PartitionRingDesc], laws.Equal(same)), tellsChange[*ring.PartitionRingDesc]())
}

// ringOf is what one instance writes of itself.
func ringOf(name string, e ring.InstanceDesc) *ring.Desc {
	e.Id = name
	return &ring.Desc{Ingesters: map[string]ring.InstanceDesc{name: e}}
}

// lifetime is what an instance says of itself in a second.
type lifetime func(t *rapid.T, instance int, second int64) ring.InstanceDesc

// drawRing draws what a process knows that heard of up to three instances, in any
// order: of each what it said in some second.
func drawRing(entry lifetime) *rapid.Generator[*ring.Desc] {
	return rapid.Custom(func(t *rapid.T) *ring.Desc {
		d := ring.NewDesc()
		for _, i := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "order") {
			second := rapid.Int64Range(0, 5).Draw(t, "second")
			if second == 0 {
				continue // not heard of
			}
			e := entry(t, i, second)
			e.Addr, e.Zone, e.Timestamp = fmt.Sprintf("10.0.0.%d:9095", i), "a", second
			d = gossiped(d, ringOf(fmt.Sprintf("ingester-%d", i), e))
		}
		return d
	})
}

// alone is an instance that no other shares tokens with, and that changes its state
// once a second at most.
func alone(_ *rapid.T, instance int, second int64) ring.InstanceDesc {
	states := []ring.InstanceState{ring.PENDING, ring.JOINING, ring.ACTIVE, ring.LEAVING, ring.LEFT}
	e := ring.InstanceDesc{State: states[second-1]}
	if e.State != ring.PENDING && e.State != ring.LEFT {
		e.Tokens = []uint32{uint32(10 * instance), uint32(10*instance + 1)}
	}
	return e
}

// colliding is an instance with a token that all chose: they joined at one time, and
// did not know of each other.
func colliding(t *rapid.T, instance int, second int64) ring.InstanceDesc {
	e := alone(t, instance, second)
	if len(e.Tokens) > 0 {
		e.Tokens[1] = 100
	}
	return e
}

// hurried is an instance that may become active in the second in which it joins.
func hurried(t *rapid.T, instance int, second int64) ring.InstanceDesc {
	e := alone(t, instance, second)
	if e.State == ring.JOINING && rapid.Bool().Draw(t, "active") {
		e.State = ring.ACTIVE
	}
	return e
}

func TestDskitRingHolds(t *testing.T) {
	laws.Check(t, ringLaws(), drawn(drawRing(alone), gossiped[*ring.Desc], cloned[*ring.Desc]), cases())
}

func TestDskitRingTokensCollide(t *testing.T) {
	fails(t, ringLaws(), drawn(drawRing(colliding), gossiped[*ring.Desc], cloned[*ring.Desc]),
		"semilattice/associative", "semilattice/commutative")
}

func TestDskitRingTwiceASecond(t *testing.T) {
	fails(t, ringLaws(), drawn(drawRing(hurried), gossiped[*ring.Desc], cloned[*ring.Desc]), "semilattice/commutative")
}

// Two instances have one token, and the one that wins it leaves. Who has heard of both
// keeps the token from the other, who has heard of the leaving alone does not.
func TestDskitRingTokenIsLost(t *testing.T) {
	x := ringOf("x", ring.InstanceDesc{Timestamp: 1, State: ring.ACTIVE, Tokens: []uint32{7}})
	xLeft := ringOf("x", ring.InstanceDesc{Timestamp: 2, State: ring.LEFT})
	y := ringOf("y", ring.InstanceDesc{Timestamp: 1, State: ring.ACTIVE, Tokens: []uint32{7}})
	assert.Empty(t, gossiped(gossiped(x, y), xLeft).Ingesters["y"].Tokens)
	assert.Equal(t, []uint32{7}, gossiped(x, gossiped(y, xLeft)).Ingesters["y"].Tokens)

	lost, kept := gossiped(gossiped(x, y), xLeft), gossiped(y, xLeft)
	assert.Empty(t, gossiped(lost, kept).Ingesters["y"].Tokens)
	assert.Equal(t, []uint32{7}, gossiped(kept, lost).Ingesters["y"].Tokens, "each keeps what it has")
}

// Of two states of one second each replica keeps its own.
func TestDskitRingOneSecond(t *testing.T) {
	joining := ringOf("x", ring.InstanceDesc{Timestamp: 1, State: ring.JOINING})
	active := ringOf("x", ring.InstanceDesc{Timestamp: 1, State: ring.ACTIVE})
	assert.Equal(t, ring.JOINING, gossiped(joining, active).Ingesters["x"].State)
	assert.Equal(t, ring.ACTIVE, gossiped(active, joining).Ingesters["x"].State)
}

// Merging into the clone of a ring that nobody has joined.
func TestDskitRingCloneOfEmpty(t *testing.T) {
	x := ringOf("x", ring.InstanceDesc{Timestamp: 1})
	merge := func() { _, _ = ring.NewDesc().Clone().Merge(x, false) }
	assert.PanicsWithError(t, "assignment to entry in nil map", merge)
	_, err := ring.NewDesc().Merge(x, false)
	assert.NoError(t, err)
}

// drawPartitions draws what a process knows of two partitions and two owners. Where
// they are hurried, a partition may become active and inactive in one second.
func drawPartitions(hurried bool) *rapid.Generator[*ring.PartitionRingDesc] {
	return rapid.Custom(func(t *rapid.T) *ring.PartitionRingDesc {
		d := ring.NewPartitionRingDesc()
		for id := range int32(2) {
			if second := rapid.Int64Range(0, 4).Draw(t, "partition second"); second > 0 {
				d.Partitions[id] = drawPartition(t, id, second, hurried)
			}
		}
		for i := range 2 {
			second := rapid.Int64Range(0, 3).Draw(t, "owner second")
			if second == 0 {
				continue
			}
			o := ring.OwnerDesc{OwnedPartition: int32(second % 2), State: ring.OwnerActive, UpdatedTimestamp: second}
			if second == 3 {
				o.State = ring.OwnerDeleted
			}
			d.Owners[fmt.Sprintf("owner-%d", i)] = o
		}
		return d
	})
}

func drawPartition(t *rapid.T, id int32, second int64, hurried bool) ring.PartitionDesc {
	states := []ring.PartitionState{ring.PartitionPending, ring.PartitionActive, ring.PartitionInactive, ring.PartitionDeleted}
	locked := rapid.Int64Range(0, 2).Draw(t, "lock second")
	p := ring.PartitionDesc{
		Id: id, Tokens: []uint32{uint32(id), uint32(id + 10)}, State: states[second-1], StateTimestamp: second,
		StateChangeLocked: locked == 1, StateChangeLockedTimestamp: locked,
	}
	if hurried && p.State == ring.PartitionActive && rapid.Bool().Draw(t, "inactive") {
		p.State = ring.PartitionInactive
	}
	return p
}

func TestDskitPartitionsHold(t *testing.T) {
	laws.Check(t, partitionLaws(), drawn(drawPartitions(false), gossiped[*ring.PartitionRingDesc], cloned[*ring.PartitionRingDesc]), cases())
}

func TestDskitPartitionsTwiceASecond(t *testing.T) {
	fails(t, partitionLaws(), drawn(drawPartitions(true), gossiped[*ring.PartitionRingDesc], cloned[*ring.PartitionRingDesc]),
		"semilattice/commutative")
}
