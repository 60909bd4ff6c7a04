package pebble

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// lastLog is the last log of an engine that set that many keys and was closed, and its number.
// Bytes of values have the bits of always, and one more or none.
func lastLog(t *testing.T, keys int, d store.Durability, always byte) ([]byte, uint32) {
	t.Helper()
	fs := vfs.NewMem()
	e, err := Open(Options{Options: store.Options{Dir: "dir", FS: fs, Durability: d, GroupWrites: 5}})
	require.NoError(t, err)
	for i := range keys {
		require.NoError(t, e.Set([]byte{byte(i), 'k'}, bytes.Repeat([]byte{always | 1<<(i%8)}, 100)))
	}
	dir := e.home.Path(e.number, dirExt)
	require.NoError(t, e.Close())
	name, number, err := newestLog(fs, dir)
	require.NoError(t, err)
	b, err := catalog.ReadFile(fs, name, maxWALBytes)
	require.NoError(t, err)
	require.NoError(t, checkWAL(b, number))
	return b, number
}

// TestTornLogIsNotDamage tears a log of which nothing was synced before its end at each byte: the
// file is that short, or there are zeros from there on.
func TestTornLogIsNotDamage(t *testing.T) {
	b, number := lastLog(t, 60, store.None, 0)
	for at := range b {
		require.NoError(t, checkWAL(b[:at:at], number), "cut at %d", at)
		torn := bytes.Clone(b)
		clear(torn[at:])
		require.NoError(t, checkWAL(torn, number), "zeros from %d on", at)
	}
}

// TestHolesOfALogAreNotDamage has a crash keep chunks that were not synced yet, but for one before
// them: that is torn, wherever the hole is, also right behind what was synced. A hole before that is
// damage.
func TestHolesOfALogAreNotDamage(t *testing.T) {
	b, number := lastLog(t, 60, store.GroupCommit, 0)
	type chunk struct{ from, to, synced int }
	var chunks []chunk
	for at := 0; at < len(b); {
		size, synced, ok := walChunk(walRest(b, at), number)
		if !ok {
			break
		}
		chunks = append(chunks, chunk{at, at + size, int(synced)})
		at += size
	}
	require.Greater(t, len(chunks), 60)
	torn, right, damaged := 0, 0, 0
	for n := range chunks {
		last := chunks[n]
		for i := range chunks[:n] {
			hole := chunks[i]
			kept := bytes.Clone(b[:last.to])
			clear(kept[hole.from:hole.to])
			err := checkWAL(kept, number)
			if hole.from < last.synced {
				require.ErrorIs(t, err, store.ErrCorrupt, "hole at %d, %d bytes were synced", hole.from, last.synced)
				damaged++
				continue
			}
			require.NoError(t, err, "hole at %d, %d bytes were synced", hole.from, last.synced)
			torn++
			if hole.from == last.synced {
				right++
			}
		}
	}
	require.Greater(t, torn, 50)
	require.Greater(t, right, 20)
	require.Greater(t, damaged, 500)
}

// TestEachFlipOfALogIsFound flips each bit of a log, one after the other, none of which is the last
// one set in a sector.
func TestEachFlipOfALogIsFound(t *testing.T) {
	b, number := lastLog(t, 12, store.GroupCommit, 0x81)
	end := len(b)
	for end > 0 && b[end-1] == 0 {
		end--
	}
	end -= walOldHead // what says that the log ends is no chunk of it
	var missed []int
	for bit := range end * 8 {
		b[bit/8] ^= 1 << (bit % 8)
		if err := checkWAL(b, number); err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
		} else {
			missed = append(missed, bit)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
	require.Empty(t, missed)
}
