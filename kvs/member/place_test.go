package member_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

const partitions, rf = 16, 2

// plain is who holds partition p by a placement on nodes, worked out without a ring: the rf
// nodes of which the nearest of 64 points comes first, clockwise from the place of p.
func plain(nodes []ring.NodeID, p ring.Partition) []ring.NodeID { return nearestOf(nodes, p, rf) }

func nearestOf(nodes []ring.NodeID, p ring.Partition, most int) []ring.NodeID {
	place := func(letter byte, a, b uint64) uint64 {
		return xxhash.Sum64(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{letter}, a), b))
	}
	way := func(n ring.NodeID) (least uint64) {
		least = ^uint64(0)
		for v := range uint64(64) {
			least = min(least, place('n', uint64(n), v)-place('p', uint64(p), 0))
		}
		return least
	}
	sorted := slices.Clone(nodes)
	slices.SortFunc(sorted, func(a, b ring.NodeID) int {
		if way(a) < way(b) {
			return -1
		}
		return 1
	})
	return sorted[:min(most, len(sorted))]
}

// twin is who owns partition p in a set, from the words of the table in the package's
// documentation.
func twin(s member.Set, p ring.Partition) (old, next []ring.NodeID) {
	was, will := sides(s)
	return plain(was, p), plain(will, p)
}

// sides are the nodes that the old placement is over, and those that the next one is.
func sides(s member.Set) (was, will []ring.NodeID) {
	for _, e := range s {
		switch e.Val.Phase() {
		case member.Joining:
			will = append(will, e.Key)
		case member.Active:
			was, will = append(was, e.Key), append(will, e.Key)
		case member.Leaving:
			was = append(was, e.Key)
		case member.Gone:
		}
	}
	if len(was) == 0 {
		was = will
	}
	if len(will) == 0 {
		will = was
	}
	return was, will
}

// TestPlacementIsThatOfTheTwin in every set of four nodes.
func TestPlacementIsThatOfTheTwin(t *testing.T) {
	places := 0
	every(4, func(s member.Set) {
		place, err := member.Place(s, partitions, rf)
		require.NoError(t, err)
		for p := range ring.Partition(partitions) {
			old, next := twin(s, p)
			both := slices.Clone(next)
			for _, n := range old {
				if !slices.Contains(both, n) {
					both = append(both, n)
				}
			}
			require.Equal(t, len(both), len(place.Owners(p)))
			if len(both) > 0 {
				require.Equal(t, both, place.Owners(p), "partition %d in %v", p, s)
			}
			for n := ring.NodeID(0); n < 6; n++ {
				require.Equal(t, slices.Contains(both, n), place.Owns(n, p))
				require.Equal(t, slices.Contains(old, n), place.Held(n, p), "node %d, partition %d in %v", n, p, s)
				require.Equal(t, slices.Contains(next, n), place.Holds(n, p), "node %d, partition %d in %v", n, p, s)
			}
			places++
		}
		assert.Empty(t, place.Owners(partitions), "out of range")
	})
	assert.Equal(t, 5*5*5*5*partitions, places)
}

// TestOneStepTakesOverFromHolders: along the way of a node that joins, or leaves, whoever
// owns a partition by the next placement before the step is an owner after it, or another
// that is one was there too to take it over.
func TestOneStepTakesOverFromHolders(t *testing.T) {
	step := func(s member.Set, n ring.NodeID, to member.Phase) {
		before, err := member.Place(s, partitions, rf)
		require.NoError(t, err)
		after, err := member.Place(s.Raised(n, member.In(1, to)), partitions, rf)
		require.NoError(t, err)
		for p := range ring.Partition(partitions) {
			shared := slices.ContainsFunc(after.Owners(p), func(n ring.NodeID) bool { return before.Owns(n, p) })
			require.True(t, shared, "partition %d goes from %v to %v with node %d %v, in %v", p, before.Owners(p), after.Owners(p), n, to, s)
			if to == member.Joining || to == member.Leaving {
				for _, o := range before.Owners(p) {
					require.True(t, after.Owns(o, p), "partition %d is taken from node %d as node %d is %v", p, o, n, to)
				}
			}
		}
	}
	base := set(is(1, 1, member.Active), is(2, 1, member.Active), is(3, 1, member.Active))
	step(base, 4, member.Joining)
	step(base.Raised(4, member.In(1, member.Joining)), 4, member.Active)
	step(base, 3, member.Leaving)
	step(base.Raised(3, member.In(1, member.Leaving)), 3, member.Gone)
}

// TestFixedIsTheRing: while nobody joins or leaves, placement is that of the ring.
func TestFixedIsTheRing(t *testing.T) {
	r, err := ring.New([]ring.NodeID{3, 1, 2}, partitions, rf)
	require.NoError(t, err)
	of, err := member.Place(member.Of(r), r.Partitions(), r.Replicas())
	require.NoError(t, err)
	fixed := member.Fixed(r)
	for p := range ring.Partition(partitions) {
		assert.Equal(t, r.Owners(p), fixed.Owners(p))
		assert.Equal(t, r.Owners(p), of.Owners(p))
	}
	_, err = member.Place(member.Of(r), 0, rf)
	require.ErrorIs(t, err, ring.ErrConfig)
}
