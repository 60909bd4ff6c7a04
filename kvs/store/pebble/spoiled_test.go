package pebble_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/pebble"
)

func spoiledKey(i int) []byte { return fmt.Appendf(nil, "key-%05d", i) }

// made is a directory in which keys were set by an engine that was closed, and Pebble's files of
// an extension in it, the last made last.
func made(t *testing.T, ext string, keys, memtable int) (o pebble.Options, files []string) {
	t.Helper()
	o = pebble.Options{Options: store.Options{Dir: t.TempDir(), Durability: store.GroupCommit}, MemtableBytes: memtable}
	e, err := pebble.Open(o)
	require.NoError(t, err)
	for i := range keys {
		require.NoError(t, e.Set(spoiledKey(i), bytes.Repeat([]byte{byte(i)}, 200)))
	}
	require.NoError(t, e.Close())
	files, err = filepath.Glob(filepath.Join(o.Dir, "*.pebble", "*"+ext))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	slices.Sort(files)
	return o, files
}

// flip flips a bit of a file.
func flip(t *testing.T, name string, at int) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Greater(t, len(b), at)
	b[at] ^= 4
	require.NoError(t, os.WriteFile(name, b, 0o600))
}

// TestSpoiledTable reads tables of which the disk has spoiled a bit: the error says so, and the
// process goes on.
func TestSpoiledTable(t *testing.T) {
	o, tables := made(t, ".sst", 1000, 64<<10)
	for _, name := range tables {
		flip(t, name, 300)
	}
	e, err := pebble.Open(o)
	require.NoError(t, err)
	corrupt := 0
	for i := range 1000 {
		v, err := e.Get(spoiledKey(i))
		if err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
			corrupt++
			continue
		}
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, 200), v)
	}
	require.Positive(t, corrupt)
	if err := e.Close(); err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt, "a compaction may have met it")
	}
}

// TestCompactionOfSpoiledTable sets more until a compaction meets a table that the disk has
// spoiled: sets are refused then, and do not wait for a compaction that never succeeds.
func TestCompactionOfSpoiledTable(t *testing.T) {
	o, tables := made(t, ".sst", 1000, 64<<10)
	for _, name := range tables {
		flip(t, name, 300)
	}
	e, err := pebble.Open(o)
	require.NoError(t, err)
	for i := 0; err == nil; i++ {
		require.Less(t, i, 1_000_000, "every set was taken")
		err = e.Set(spoiledKey(i%1000), bytes.Repeat([]byte{byte(i)}, 300))
	}
	require.ErrorIs(t, err, store.ErrFailed)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorIs(t, e.Close(), store.ErrCorrupt)
}

func TestMissingTable(t *testing.T) {
	o, tables := made(t, ".sst", 1000, 64<<10)
	require.NoError(t, os.Remove(tables[len(tables)-1]))
	_, err := pebble.Open(o)
	require.ErrorIs(t, err, store.ErrMissing)
}

// TestSpoiledLog opens a directory in whose log a bit has flipped, with blocks behind it that say
// that it was synced: what was set is not taken for never written.
func TestSpoiledLog(t *testing.T) {
	o, logs := made(t, ".log", 2000, 4<<20)
	flip(t, logs[len(logs)-1], 300)
	_, err := pebble.Open(o)
	require.ErrorIs(t, err, store.ErrCorrupt)
}
