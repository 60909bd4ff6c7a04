package ring_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/ring"
)

// nearest is who holds a partition, worked out without a sorted circle: the nodes in the order
// in which the first of their 64 points comes, clockwise from the place of the partition. What
// disks hold depends on these hashes.
func nearest(nodes []ring.NodeID, p ring.Partition) []ring.NodeID {
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
	return sorted
}

// TestOwnersAreTheNearest, for any number of nodes and of replicas, few of which there are or
// more than nodes.
func TestOwnersAreTheNearest(t *testing.T) {
	for n := 1; n <= 6; n++ {
		for rf := 1; rf <= 7; rf++ {
			r, err := ring.New(nodes(n), 200, rf)
			require.NoError(t, err)
			assert.Equal(t, rf, r.Replicas())
			assert.Equal(t, 200, r.Partitions())
			assert.True(t, slices.IsSorted(r.Nodes()) && len(r.Nodes()) == n)
			for p := range ring.Partition(200) {
				want := nearest(r.Nodes(), p)[:min(rf, n)]
				require.Equal(t, want, r.Owners(p), "partition %d of %d nodes, %d replicas", p, n, rf)
				for id := range ring.NodeID(8) {
					require.Equal(t, slices.Contains(want, id), r.Owns(id, p))
				}
			}
			require.False(t, r.Owns(1, 200), "out of range")
		}
	}
}

// TestBoundsOfARing: as many nodes and partitions, and as great an id, as there may be, and one
// more; a refusal says which number is wrong.
func TestBoundsOfARing(t *testing.T) {
	const most, parts = 1 << 12, 1 << 16
	assert.Equal(t, ring.NodeID(1<<32-1-parts), ring.MaxNode)
	for _, c := range []struct {
		nodes          []ring.NodeID
		partitions, rf int
		want           string
	}{
		{nodes(most), 1, 1, ""},
		{nodes(most + 1), 1, 1, "ring: invalid configuration: 4097 nodes, want 1 to 4096"},
		{nil, 1, 1, "ring: invalid configuration: 0 nodes, want 1 to 4096"},
		{nodes(1), parts, 1, ""},
		{nodes(1), parts + 1, 1, "ring: invalid configuration: 65537 partitions, want 1 to 65536"},
		{nodes(1), 0, 1, "ring: invalid configuration: 0 partitions, want 1 to 65536"},
		{nodes(1), 1, 0, "ring: invalid configuration: replication factor 0, want at least 1"},
		{[]ring.NodeID{ring.MaxNode, 0}, 1, 1, ""},
		{[]ring.NodeID{ring.MaxNode + 1, 0}, 1, 1, "ring: invalid configuration: node 4294901760, want at most 4294901759"},
		{[]ring.NodeID{3, 1, 3}, 1, 1, "ring: invalid configuration: a node is listed twice in [3 1 3]"},
	} {
		r, err := ring.New(c.nodes, c.partitions, c.rf)
		if c.want == "" {
			require.NoError(t, err)
			assert.Len(t, r.Owners(0), 1)
			continue
		}
		require.EqualError(t, err, c.want)
		assert.Nil(t, r)
	}
	given := []ring.NodeID{3, 1, 2}
	_, err := ring.New(given, 1, 1)
	require.NoError(t, err)
	assert.Equal(t, []ring.NodeID{3, 1, 2}, given, "what is given is not changed")
}
