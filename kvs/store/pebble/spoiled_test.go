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
	"github.com/joinery-go/joinery/kvs/store/snapshot"
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

// TestMissingLog opens a directory without its log: what was set is not taken for never written.
func TestMissingLog(t *testing.T) {
	o, logs := made(t, ".log", 100, 64<<10)
	for _, name := range logs {
		require.NoError(t, os.Remove(name))
	}
	_, err := pebble.Open(o)
	require.ErrorIs(t, err, store.ErrMissing)
}

// TestSpoiledLog flips bits of a log of one block, and of one of several: what was set is there, or
// the error says that it is not.
func TestSpoiledLog(t *testing.T) {
	for _, keys := range []int{40, 400} {
		o := pebble.Options{Options: store.Options{Dir: t.TempDir(), Durability: store.GroupCommit, GroupWrites: 8}}
		e, err := pebble.Open(o)
		require.NoError(t, err)
		for i := range keys {
			require.NoError(t, e.Set(spoiledKey(i), bytes.Repeat([]byte{byte(i)}, 200)))
		}
		require.NoError(t, e.Close())
		logs, err := filepath.Glob(filepath.Join(o.Dir, "*.pebble", "*.log"))
		require.NoError(t, err)
		last := slices.Max(logs) // the one before it may be there still
		name, err := filepath.Rel(o.Dir, last)
		require.NoError(t, err)
		info, err := os.Stat(last)
		require.NoError(t, err)
		refused, step := 0, int(info.Size())/80
		for at := 7; at < int(info.Size()); at += step {
			with := o
			with.Dir = t.TempDir()
			require.NoError(t, os.CopyFS(with.Dir, os.DirFS(o.Dir)))
			flip(t, filepath.Join(with.Dir, name), at)
			e, err := pebble.Open(with)
			if err != nil {
				require.ErrorIs(t, err, store.ErrCorrupt, "byte %d", at)
				refused++
				continue
			}
			for i := range keys {
				v, err := e.Get(spoiledKey(i))
				require.NoError(t, err)
				require.Equal(t, bytes.Repeat([]byte{byte(i)}, 200), v, "key %d, with byte %d spoiled", i, at)
			}
			require.NoError(t, e.Close())
		}
		require.Greater(t, refused, 70)
	}
}

// TestSpoiledMark flips each byte of the mark that something was set on top of a version: the next
// snapshot has what was set.
func TestSpoiledMark(t *testing.T) {
	bucket, err := snapshot.NewFolder(t.TempDir(), snapshot.FolderOptions{})
	require.NoError(t, err)
	o := pebble.Options{Options: store.Options{Dir: t.TempDir(), Archive: snapshot.New(bucket)}}
	e, err := pebble.Open(o)
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("k"), []byte("one")))
	_, err = e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Set([]byte("k"), []byte("two")))
	require.NoError(t, e.Close())
	marks, err := filepath.Glob(filepath.Join(o.Dir, "*.changed"))
	require.NoError(t, err)
	require.Len(t, marks, 1)
	info, err := os.Stat(marks[0])
	require.NoError(t, err)
	for at := range int(info.Size()) {
		b, err := snapshot.Open(bucket, snapshot.Options{Branch: fmt.Sprint("b", at)})
		require.NoError(t, err)
		require.NoError(t, o.Archive.(*snapshot.Archive).Clone(1, fmt.Sprint("b", at)))
		with := o
		with.Dir, with.Archive = t.TempDir(), b
		require.NoError(t, os.CopyFS(with.Dir, os.DirFS(o.Dir)))
		flip(t, filepath.Join(with.Dir, filepath.Base(marks[0])), at)
		e, err := pebble.Open(with)
		require.NoError(t, err)
		v, err := e.Snapshot()
		require.NoError(t, err)
		require.Equal(t, store.Version(2), v, "byte %d", at)
		require.NoError(t, e.Close())
	}
}

// TestSpoiledFooter flips the last bits of a table, all of its version and some of those that say
// where in it the rest is: what was set is there, or the error says that it is not.
func TestSpoiledFooter(t *testing.T) {
	const keys = 120
	o, tables := made(t, ".sst", keys, 16<<10)
	name, err := filepath.Rel(o.Dir, tables[len(tables)-1])
	require.NoError(t, err)
	whole, err := os.ReadFile(tables[len(tables)-1])
	require.NoError(t, err)
	refused := 0
	for bit := (len(whole) - 80) * 8; bit < len(whole)*8; bit++ {
		if bit < (len(whole)-12)*8 && bit%5 != 0 {
			continue
		}
		with := o
		with.Dir = t.TempDir()
		require.NoError(t, os.CopyFS(with.Dir, os.DirFS(o.Dir)))
		spoiled := slices.Clone(whole)
		spoiled[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, os.WriteFile(filepath.Join(with.Dir, name), spoiled, 0o600))
		if spoiledIsTold(t, with, keys) {
			refused++
		}
	}
	require.Greater(t, refused, 100)
}

// spoiledIsTold opens and reads, and reports that either was refused.
func spoiledIsTold(t *testing.T, o pebble.Options, keys int) (told bool) {
	t.Helper()
	e, err := pebble.Open(o)
	if err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
		return true
	}
	for i := range keys {
		v, err := e.Get(spoiledKey(i))
		if err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
			told = true
			continue
		}
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, 200), v, "key %d", i)
	}
	if err := e.Close(); err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt, "a compaction may have met it")
	}
	return told
}
