package member_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/ring"
)

// firstDisk is the boundary of tiers of these tests: among nodes 1 to 4, the last two are on disk.
const firstDisk = 3

func vector(p ring.Partition, epoch uint32, memory, disk int) member.Factors {
	return member.Factors{{Key: p, Val: member.VectorOf(epoch, memory, disk)}}
}

// tiered is who holds p on nodes, by the words of [ring.Tiered]: the nearest of each tier, and then,
// one by one, the nearest left of the memory tier, and of the disk tier, until there are least.
func tiered(nodes []ring.NodeID, p ring.Partition, memory, disk, least int) []ring.NodeID {
	var fast, slow []ring.NodeID
	for _, n := range nodes {
		if n < firstDisk {
			fast = append(fast, n)
		} else {
			slow = append(slow, n)
		}
	}
	fast, slow = nearestOf(fast, p, len(fast)), nearestOf(slow, p, len(slow))
	takenFast, takenSlow := min(memory, len(fast)), min(disk, len(slow))
	for takenFast+takenSlow < min(least, len(nodes)) {
		if takenFast < len(fast) {
			takenFast++
		} else {
			takenSlow++
		}
	}
	return append(slices.Clone(fast[:takenFast]), slow[:takenSlow]...)
}

// TestTiersPlaceAsTheTwin: in every set of two nodes of each tier, and with any vector, lawful or
// not, a partition has the owners that the twin gives it, by either placement.
func TestTiersPlaceAsTheTwin(t *testing.T) {
	r, err := ring.Tiered([]ring.NodeID{1, 2, 3, 4}, partitions, rf, firstDisk, nil)
	require.NoError(t, err)
	onDisk, spilled := 0, 0
	every(4, func(s member.Set) {
		var f member.Factors
		for p := range ring.Partition(partitions) {
			if m, d := int(p)%4, int(p)/4; m+d > 0 {
				f.MergeIn(vector(p, 1+uint32(p)%3, m, d))
			}
		}
		place, err := member.View{Members: s, Factors: f}.PlaceBy(r)
		require.NoError(t, err)
		was, will := sides(s)
		for p := range ring.Partition(partitions) {
			m, d := int(p)%4, int(p)/4
			old, next := tiered(was, p, m, d, rf), tiered(will, p, m, d, rf)
			both := slices.Clone(next)
			for _, n := range old {
				if !slices.Contains(both, n) {
					both = append(both, n)
				}
			}
			require.Empty(t, cmpOwners(both, place.Owners(p)), "partition %d in %v with %v", p, s, f.At(p))
			for n := range ring.NodeID(6) {
				require.Equal(t, slices.Contains(old, n), place.Held(n, p), "node %d, partition %d in %v", n, p, s)
				require.Equal(t, slices.Contains(next, n), place.Holds(n, p), "node %d, partition %d in %v", n, p, s)
				if n >= firstDisk && place.Holds(n, p) {
					if onDisk++; d == 0 {
						spilled++
					}
				}
			}
			require.GreaterOrEqual(t, len(next), min(rf, len(will)), "as many as are configured, of whatever tier")
		}
	})
	assert.Positive(t, spilled, "memory was short of nodes")
	assert.Greater(t, onDisk, spilled)
}

// TestTheNameIsTheTier: nodes are of the disk tier from a number on, on a ring or not.
func TestTheNameIsTheTier(t *testing.T) {
	plain, err := ring.New([]ring.NodeID{1, ring.FirstDisk - 1, ring.FirstDisk}, 8, 2)
	require.NoError(t, err)
	assert.Equal(t, ring.FirstDisk, plain.Disks())
	assert.False(t, plain.OnDisk(1) || plain.OnDisk(ring.FirstDisk-1))
	assert.True(t, plain.OnDisk(ring.FirstDisk) && plain.OnDisk(ring.MaxNode))
	for p := range ring.Partition(8) {
		assert.ElementsMatch(t, []ring.NodeID{1, ring.FirstDisk - 1}, plain.Owners(p), "memory holds what nobody has decided about")
	}
	assert.False(t, plain.Varied())
	place, err := member.View{Members: member.Of(plain), Factors: vector(3, 1, 0, 2)}.Place(8, 2)
	require.NoError(t, err)
	assert.Equal(t, ring.FirstDisk, place.Owners(3)[1])
	assert.Len(t, place.Owners(3), 2, "one in memory, for want of another node on disk")
	for _, v := range [][2]int{{0, 1}, {2, 1}, {3, 0}} {
		r, err := ring.Tiered([]ring.NodeID{1, 2}, 1, 2, firstDisk, func(ring.Partition) (int, int) { return v[0], v[1] })
		require.NoError(t, err)
		assert.True(t, r.Varied(), "%v", v)
		assert.Equal(t, ring.NodeID(firstDisk), r.Disks())
	}
}

// TestMoreOfEitherTierTakesFromNobody: along both steps of a move, whoever is to own the partition in
// the end comes beside those that do, and of those that stay nobody is taken anything from. So it is
// where tiers have no nodes, one or more of them.
func TestMoreOfEitherTierTakesFromNobody(t *testing.T) {
	r, err := ring.Tiered([]ring.NodeID{1}, partitions, rf, firstDisk, nil)
	require.NoError(t, err)
	lawful := [][2]int{{0, 0}, {2, 0}, {3, 0}, {0, 2}, {0, 3}, {1, 2}, {2, 1}, {2, 2}, {3, 3}}
	every(4, func(s member.Set) {
		for _, v := range lawful {
			for _, more := range lawful {
				m, d := v[0], v[1]
				if m == 0 && d == 0 {
					m = rf
				}
				if more[0] < m || more[1] < d {
					continue
				}
				var before member.Factors
				if v != [2]int{} {
					before = vector(5, 1, v[0], v[1])
				}
				was, err := member.View{Members: s, Factors: before}.PlaceBy(r)
				require.NoError(t, err)
				is, err := member.View{Members: s, Factors: vector(5, 2, more[0], more[1])}.PlaceBy(r)
				require.NoError(t, err)
				for _, o := range was.Owners(5) {
					require.True(t, is.Owns(o, 5), "node %d in %v from %v to %v", o, s, v, more)
				}
			}
		}
	})
}

// TestVectors: a decision has a number for each tier; of two of one number the one with more on disk
// counts, then the one with more in memory. One without any on disk is the number that it was before
// there were tiers.
func TestVectors(t *testing.T) {
	assert.Equal(t, 14, member.MaxDisk)
	for _, c := range []struct {
		f    member.Factor
		want string
	}{
		{member.VectorOf(7, 3, 0), "3 replicas by decision 7"},
		{member.VectorOf(7, 0, 2), "0 replicas in memory and 2 on disk by decision 7"},
		{member.VectorOf(1, member.MaxReplicas, member.MaxDisk), "4096 replicas in memory and 14 on disk by decision 1"},
	} {
		assert.Equal(t, c.want, c.f.String())
	}
	assert.Equal(t, member.Factor(7<<16|3), member.VectorOf(7, 3, 0))
	assert.Equal(t, member.FactorOf(7, 4096), member.VectorOf(7, 4096, 0))
	ascending := []member.Factor{
		member.VectorOf(1, 1, 0), member.VectorOf(1, member.MaxReplicas, 0), member.VectorOf(1, 0, 1), member.VectorOf(1, 2, 1), member.VectorOf(1, 0, 2),
		member.VectorOf(1, member.MaxReplicas, member.MaxDisk), member.VectorOf(2, 1, 0),
	}
	for i, f := range ascending[1:] {
		assert.Less(t, ascending[i], f)
	}
	m, d := vector(4, 1, 3, 2).Vector(4)
	assert.Equal(t, [2]int{3, 2}, [2]int{m, d})
	m, d = vector(4, 1, 3, 2).Vector(5)
	assert.Zero(t, m+d, "nobody has decided about that one")
}

// TestLawfulVectors: what a partition may have by its least number of replicas.
func TestLawfulVectors(t *testing.T) {
	for _, c := range []struct {
		m, d, least int
		lawful      bool
	}{
		{1, 0, 3, true}, {0, 3, 3, true}, {1, 3, 3, true}, {3, 1, 3, true}, {5, 5, 3, true},
		{0, 2, 3, false}, {2, 2, 3, false}, {0, 1, 2, false}, {1, 1, 2, false}, {1, 1, 1, true},
	} {
		err := append(vector(0, 1, 9, 0), vector(2, 1, c.m, c.d)...).Lawful(8, c.least)
		if c.lawful {
			assert.NoError(t, err, "%+v", c)
		} else {
			assert.ErrorIs(t, err, member.ErrChange, "%+v", c)
		}
	}
	assert.ErrorIs(t, vector(8, 1, 3, 0).Lawful(8, 2), member.ErrChange, "no such partition")
	assert.NoError(t, member.Factors(nil).Lawful(8, 2))
	for name, d := range map[string]member.Decision{
		"none at all": {Epoch: 1}, "fewer than none": {Epoch: 1, Replicas: 3, Disk: -1}, "fewer than none in memory": {Epoch: 1, Replicas: -1, Disk: 3},
		"too many on disk": {Epoch: 1, Disk: member.MaxDisk + 1}, "no number": {Disk: 2},
	} {
		_, err := member.Factors(nil).With(d, 8)
		assert.ErrorIs(t, err, member.ErrChange, name)
	}
	f, err := vector(2, 7, 3, 0).With(member.Decision{Partition: 2, Epoch: 7, Disk: 2}, 8)
	require.NoError(t, err)
	assert.Equal(t, vector(2, 7, 0, 2), f)
	assert.Equal(t, "partition 2: 0 replicas in memory and 2 on disk by decision 7", member.Decision{Partition: 2, Epoch: 7, Disk: 2}.String())
	_, err = f.With(member.Decision{Partition: 2, Epoch: 7, Replicas: 9, Disk: 1}, 8)
	assert.ErrorIs(t, err, member.ErrChange, "at once, for fewer on disk")
}
