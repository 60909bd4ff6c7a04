package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/ring"
)

func nodes(n int) []ring.NodeID {
	out := make([]ring.NodeID, n)
	for i := range out {
		out[i] = ring.NodeID(n - i) // not in order: order must not matter
	}
	return out
}

func TestPlacement(t *testing.T) {
	r, err := ring.New(nodes(7), 256, 3)
	require.NoError(t, err)
	held := map[ring.NodeID]int{}
	for p := range ring.Partition(256) {
		owners := r.Owners(p)
		require.Len(t, owners, 3)
		assert.NotEqual(t, owners[0], owners[1])
		assert.NotEqual(t, owners[1], owners[2])
		assert.NotEqual(t, owners[0], owners[2])
		for _, o := range owners {
			held[o]++
			assert.True(t, r.Owns(o, p))
		}
	}
	for _, n := range r.Nodes() {
		assert.InDelta(t, 256*3/7, held[n], 60, "node %d holds an even share", n)
	}
	assert.Nil(t, r.Owners(256), "out of range")
}

// TestAddingANodeMovesLittle is what a ring is for: the newcomer takes over
// some places and no other place changes hands.
func TestAddingANodeMovesLittle(t *testing.T) {
	before, err := ring.New(nodes(7), 512, 3)
	require.NoError(t, err)
	after, err := ring.New(nodes(8), 512, 3)
	require.NoError(t, err)
	moved := 0
	for p := range ring.Partition(512) {
		for _, o := range after.Owners(p) {
			if !before.Owns(o, p) {
				assert.Equal(t, ring.NodeID(8), o, "partition %d moved between old nodes", p)
				moved++
			}
		}
	}
	assert.InDelta(t, 512*3/8, moved, 80)
}

func TestPartitionOfIsStable(t *testing.T) {
	r, err := ring.New(nodes(1), 16, 3)
	require.NoError(t, err)
	used := map[ring.Partition]bool{}
	for i := range 200 {
		p := r.PartitionOf(fmt.Sprint("key", i))
		assert.Less(t, p, ring.Partition(16))
		used[p] = true
	}
	assert.Len(t, used, 16)
	assert.Equal(t, ring.Partition(0x3), r.PartitionOf("k"), "data on disk depends on this hash")
	assert.Equal(t, []ring.NodeID{1}, r.Owners(0), "one node holds everything whatever rf is")
}

func TestNewRefuses(t *testing.T) {
	for name, f := range map[string]func() (*ring.Ring, error){
		"no nodes":      func() (*ring.Ring, error) { return ring.New(nil, 1, 1) },
		"no partitions": func() (*ring.Ring, error) { return ring.New(nodes(1), 0, 1) },
		"too many":      func() (*ring.Ring, error) { return ring.New(nodes(1), 1<<16+1, 1) },
		"rf 0":          func() (*ring.Ring, error) { return ring.New(nodes(1), 1, 0) },
		"id too large":  func() (*ring.Ring, error) { return ring.New([]ring.NodeID{ring.MaxNode + 1}, 1, 1) },
		"twice":         func() (*ring.Ring, error) { return ring.New([]ring.NodeID{1, 1}, 1, 1) },
	} {
		_, err := f()
		assert.ErrorIs(t, err, ring.ErrConfig, name)
	}
}

// TestVaried: a partition with a greater factor has the owners that it has by the common one, and
// others behind them; all nodes at most, and never fewer than the common one.
func TestVaried(t *testing.T) {
	plain, err := ring.New(nodes(5), 64, 2)
	require.NoError(t, err)
	assert.False(t, plain.Varied())
	r, err := ring.Varied(nodes(5), 64, 2, func(p ring.Partition) int { return int(p) % 8 })
	require.NoError(t, err)
	assert.True(t, r.Varied())
	assert.Equal(t, 2, r.Replicas())
	for p := range ring.Partition(64) {
		want := min(max(2, int(p)%8), 5)
		full, err := ring.New(nodes(5), 64, want)
		require.NoError(t, err)
		assert.Equal(t, full.Owners(p), r.Owners(p))
		assert.Equal(t, plain.Owners(p), r.Owners(p)[:2])
		for n := range ring.NodeID(7) {
			owns := false
			for _, o := range r.Owners(p) {
				owns = owns || o == n
			}
			assert.Equal(t, owns, r.Owns(n, p))
		}
	}
	same, err := ring.Varied(nodes(5), 64, 2, func(ring.Partition) int { return 1 })
	require.NoError(t, err)
	assert.False(t, same.Varied())
}

// TestTiered: each tier is a ring of its own, and a partition has the first owners of either; whoever
// is short of rf is made up from the memory tier first.
func TestTiered(t *testing.T) {
	fast, slow := []ring.NodeID{1, 2, 3}, []ring.NodeID{10, 11, 12}
	inMemory, err := ring.New(fast, 64, 3)
	require.NoError(t, err)
	onDisk, err := ring.New(slow, 64, 3)
	require.NoError(t, err)
	both := append(append([]ring.NodeID(nil), slow...), fast...)
	for _, c := range []struct{ m, d, wantM, wantD int }{
		{0, 0, 2, 0}, {1, 0, 2, 0}, {3, 0, 3, 0}, {9, 0, 3, 0}, {0, 2, 0, 2}, {0, 1, 1, 1}, {1, 1, 1, 1}, {0, 9, 0, 3}, {2, 3, 2, 3}, {9, 9, 3, 3},
	} {
		r, err := ring.Tiered(both, 64, 2, 10, func(ring.Partition) (int, int) { return c.m, c.d })
		require.NoError(t, err)
		for p := range ring.Partition(64) {
			want := append(append([]ring.NodeID(nil), inMemory.Owners(p)[:c.wantM]...), onDisk.Owners(p)[:c.wantD]...)
			require.Equal(t, want, r.Owners(p), "%+v", c)
		}
	}
	alone, err := ring.Tiered(slow, 64, 2, 10, func(ring.Partition) (int, int) { return 3, 0 })
	require.NoError(t, err)
	for p := range ring.Partition(64) {
		require.Equal(t, onDisk.Owners(p)[:2], alone.Owners(p), "there is no memory")
	}
	one, err := ring.Tiered([]ring.NodeID{1, 10, 11}, 64, 3, 10, nil)
	require.NoError(t, err)
	assert.Equal(t, ring.NodeID(1), one.Owners(0)[0])
	assert.Len(t, one.Owners(0), 3)
	assert.False(t, one.Varied())
	assert.True(t, one.OnDisk(10) && one.OnDisk(99) && !one.OnDisk(9))
}
