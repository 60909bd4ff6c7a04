package storetest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestRotten spoils a record in each file of the extension, again and again while an
// engine works. What the disk has spoiled is lost, and nothing else is: every set is
// taken once background work had its turns, a get has the last value or says
// store.ErrCorrupt, and what is set again can be read again. The options must merge
// often.
func TestRotten(t *testing.T, open func(store.Options) (store.Engine, error), ext string) {
	d := newDisk(t)
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	e, err := open(store.Options{Dir: "dir", FS: d, Scheduler: q})
	require.NoError(t, err)
	const keys, rounds = 400, 6
	last := map[string]string{}
	set := func(i int) {
		k, v := fmt.Sprintf("key %d", i%keys), fmt.Sprintf("%0100d", i)
		err := e.Set([]byte(k), []byte(v))
		for turns := 0; errors.Is(err, store.ErrBackpressure); turns++ {
			require.Less(t, turns, 1000, "set %d is never taken: %v", i, err)
			turn(t, q)
			err = e.Set([]byte(k), []byte(v))
		}
		require.NoError(t, err)
		last[k] = v
	}
	lost, spoiled := 0, map[string]bool{}
	for i := range rounds * 500 {
		if i%500 == 250 {
			spoil(t, d, ext, spoiled)
		}
		set(i)
		k := fmt.Sprintf("key %d", i*7%keys)
		got, err := e.Get([]byte(k))
		if err != nil {
			require.ErrorIs(t, err, store.ErrCorrupt)
			lost++
			continue
		}
		require.Equal(t, last[k], string(got))
	}
	require.Positive(t, e.Stats().Merges)
	require.GreaterOrEqual(t, e.Size().Spoiled, rounds, "background work came to what cannot be read")
	require.LessOrEqual(t, e.Size().Files, 20+4*len(spoiled))
	require.Positive(t, lost, "something was lost")
	for i := range keys {
		set(rounds*500 + i)
	}
	for k, v := range last {
		got, err := e.Get([]byte(k))
		require.NoError(t, err)
		require.Equal(t, v, string(got))
	}
	require.NoError(t, e.Close())
}

// turn gives background work a turn, which may find something spoiled.
func turn(t *testing.T, q *store.Queue) {
	t.Helper()
	_, err := q.Drain(maxSteps)
	if err != nil {
		require.ErrorIs(t, err, store.ErrCorrupt)
	}
}

// spoil changes a byte in the middle of each file of the extension that is not spoiled
// yet, but of the youngest, which may be open, and notes it.
func spoil(t *testing.T, d *disk.FS, ext string, spoiled map[string]bool) {
	t.Helper()
	names, err := d.List("dir")
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, "."+ext) })
	slices.Sort(names)
	require.NotEmpty(t, names)
	for _, n := range names[:len(names)-1] {
		if spoiled[n] {
			continue
		}
		spoiled[n] = true
		f, err := d.OpenReadWrite(path.Join("dir", n), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		var b [1]byte
		_, err = f.ReadAt(b[:], info.Size()/2)
		require.NoError(t, err)
		b[0] ^= 0x40
		_, err = f.WriteAt(b[:], info.Size()/2)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}
