package adopters_test

import (
	"fmt"
	"testing"

	"github.com/grafana/dskit/ring"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// mergeRing is Merge of what came by gossip. It returns the change, for others to be
// told.
func mergeRing(d, other *ring.Desc) (*ring.Desc, error) {
	change, err := d.Merge(other, false)
	if change == nil {
		return nil, err
	}
	return change.(*ring.Desc), err
}

func mergePartitions(d, other *ring.PartitionRingDesc) (*ring.PartitionRingDesc, error) {
	change, err := d.Merge(other, false)
	if change == nil {
		return nil, err
	}
	return change.(*ring.PartitionRingDesc), err
}

// gossiped is a with b merged into it; neither is written into.
func gossiped(a, b ring.Desc) ring.Desc {
	merged, b := copyRing(a), copyRing(b)
	if _, err := mergeRing(&merged, &b); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

// copyRing is Clone with the map that a ring has, which Clone leaves nil where it is
// empty: see TestDskitRingCloneOfEmpty.
func copyRing(d ring.Desc) ring.Desc {
	c := d.Clone().(*ring.Desc)
	if c.Ingesters == nil {
		c.Ingesters = map[string]ring.InstanceDesc{}
	}
	return *c
}

func copyPartitions(d ring.PartitionRingDesc) ring.PartitionRingDesc {
	return *d.Clone().(*ring.PartitionRingDesc)
}

var (
	ringOptions = []laws.Option{
		laws.Clone(copyRing), laws.Equal(func(a, b ring.Desc) bool { return a.Equal(b) }),
		laws.AllowSharing(), // of the versions of an instance, which nobody writes into
		laws.NoLeastDiff("the change is of whole instances, with the tokens that they have after it"),
	}
	partitionOptions = []laws.Option{
		laws.Clone(copyPartitions), laws.Equal(func(a, b ring.PartitionRingDesc) bool { return a.Equal(b) }),
		laws.NoLeastDiff("the change is of whole partitions, also where a state or a lock alone changed"),
	}
)

// ringOf is what one instance writes of itself.
func ringOf(name string, e ring.InstanceDesc) ring.Desc {
	e.Id = name
	return ring.Desc{Ingesters: map[string]ring.InstanceDesc{name: e}}
}

// lifetime is what an instance says of itself in a second.
type lifetime func(t *rapid.T, instance int, second int64) ring.InstanceDesc

// drawRing draws what a process knows that heard of up to three instances, in any
// order: of each what it said in some second.
func drawRing(entry lifetime) *rapid.Generator[ring.Desc] {
	return rapid.Custom(func(t *rapid.T) ring.Desc {
		d := *ring.NewDesc()
		for _, i := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "order") {
			second := rapid.Int64Range(0, 5).Draw(t, "second")
			if second == 0 {
				continue // not heard of
			}
			e := entry(t, i, second)
			e.Addr, e.Timestamp, e.Versions = fmt.Sprintf("10.0.0.%d:9095", i), second, map[uint64]uint64{1: 2}
			d = gossiped(d, ringOf(fmt.Sprintf("ingester-%d", i), e))
		}
		return d
	})
}

// alone is an instance that no other shares tokens with, and that changes its state
// once a second at most, but that it may leave in the second in which it begins to: of
// two such states all take the second. It comes back.
func alone(t *rapid.T, instance int, second int64) ring.InstanceDesc {
	states := []ring.InstanceState{ring.PENDING, ring.JOINING, ring.ACTIVE, ring.LEAVING, ring.ACTIVE}
	e := ring.InstanceDesc{State: states[second-1]}
	if e.State == ring.LEAVING && rapid.Bool().Draw(t, "left") {
		e.State = ring.LEFT
	}
	if e.State != ring.PENDING && e.State != ring.LEFT {
		e.Tokens = []uint32{uint32(10 * instance), uint32(10*instance + 1)}
	}
	return e
}

// colliding is an instance with a token that others chose, too, at another time or the same: one
// of two that there are, and the other one the next time. They did not know of each other.
func colliding(t *rapid.T, instance int, second int64) ring.InstanceDesc {
	e := alone(t, instance, second)
	if len(e.Tokens) > 0 {
		e.Tokens[1] = 100 + uint32(instance+int(second))%2
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

// ringLaws are those of methods, without the law of zero values: a ring is made by
// NewDesc, and without its map it is none.
func ringLaws() laws.Set[ring.Desc] {
	return without(laws.Method[ring.Desc](mergeRing, ringOptions...), "inplace/empty-target")
}

func partitionLaws() laws.Set[ring.PartitionRingDesc] {
	return without(laws.Method[ring.PartitionRingDesc](mergePartitions, partitionOptions...), "inplace/empty-target")
}

func TestDskitRingHolds(t *testing.T) {
	laws.Check(t, ringLaws(), drawn(drawRing(alone), gossiped, copyRing), cases())
}

func TestDskitRingTokensCollide(t *testing.T) {
	fails(t, ringLaws(), drawn(drawRing(colliding), gossiped, copyRing), "method/associative", "method/commutative")
}

func TestDskitRingTwiceASecond(t *testing.T) {
	fails(t, ringLaws(), drawn(drawRing(hurried), gossiped, copyRing), "method/commutative")
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
	merge := func() { _, _ = ring.NewDesc().Clone().Merge(&x, false) }
	assert.PanicsWithError(t, "assignment to entry in nil map", merge)
	_, err := ring.NewDesc().Merge(&x, false)
	assert.NoError(t, err)
}

// The versions of an instance are one map in the argument and in the result.
func TestDskitRingShares(t *testing.T) {
	d, x := ring.NewDesc(), ringOf("x", ring.InstanceDesc{Timestamp: 1, Versions: map[uint64]uint64{1: 2}})
	_, err := d.Merge(&x, false)
	require.NoError(t, err)
	x.Ingesters["x"].Versions[1] = 3
	assert.Equal(t, map[uint64]uint64{1: 3}, d.Ingesters["x"].Versions)
}

// drawPartitions draws what a process knows of two partitions and two owners. Both may
// be deleted in the second of another change, which all then take for the later, and
// come back. Where they are hurried, a partition may also become active and inactive in
// one second.
func drawPartitions(hurried bool) *rapid.Generator[ring.PartitionRingDesc] {
	return rapid.Custom(func(t *rapid.T) ring.PartitionRingDesc {
		d := *ring.NewPartitionRingDesc()
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
			if second == 2 && rapid.Bool().Draw(t, "owner deleted") {
				o.State = ring.OwnerDeleted
			}
			d.Owners[fmt.Sprintf("owner-%d", i)] = o
		}
		return d
	})
}

func drawPartition(t *rapid.T, id int32, second int64, hurried bool) ring.PartitionDesc {
	states := []ring.PartitionState{ring.PartitionPending, ring.PartitionActive, ring.PartitionInactive, ring.PartitionActive}
	locked := rapid.Int64Range(0, 2).Draw(t, "lock second")
	p := ring.PartitionDesc{
		Id: id, Tokens: []uint32{uint32(id), uint32(id + 10)}, State: states[second-1], StateTimestamp: second,
		StateChangeLocked: locked == 1, StateChangeLockedTimestamp: locked,
	}
	switch {
	case second == 3 && rapid.Bool().Draw(t, "deleted"):
		p.State = ring.PartitionDeleted
	case second == 2 && hurried && rapid.Bool().Draw(t, "inactive"):
		p.State = ring.PartitionInactive
	}
	return p
}

func joinPartitions(a, b ring.PartitionRingDesc) ring.PartitionRingDesc {
	merged := copyPartitions(a)
	if _, err := mergePartitions(&merged, &b); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

func TestDskitPartitionsHold(t *testing.T) {
	laws.Check(t, partitionLaws(), drawn(drawPartitions(false), joinPartitions, copyPartitions), cases())
}

func TestDskitPartitionsTwiceASecond(t *testing.T) {
	fails(t, partitionLaws(), drawn(drawPartitions(true), joinPartitions, copyPartitions), "method/commutative")
}
