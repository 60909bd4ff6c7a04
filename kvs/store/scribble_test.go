package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// scribbling is a file system whose files change the bytes that they were given to write, once they
// have them, as the contract of vfs.File lets them.
type scribbling struct{ vfs.FS }

func (s scribbling) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return scribbled{f}, nil
}

func (s scribbling) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.file(s.FS.Create(name, c))
}

func (s scribbling) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return s.file(s.FS.ReuseForWrite(old, name, c))
}

func (s scribbling) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return s.file(s.FS.OpenReadWrite(name, c, o...))
}

type scribbled struct{ vfs.File }

func (s scribbled) Write(p []byte) (int, error) {
	n, err := s.File.Write(append([]byte(nil), p...)) // the one below may be such a file itself
	scribble(p)
	return n, err
}

func scribble(p []byte) {
	for i := range p {
		p[i] ^= 0x55
	}
}

// TestFilesMayScribble sets, reads, syncs, publishes, restores and opens again on files that change what
// they are given to write: no engine counts on those bytes any more.
func TestFilesMayScribble(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			fs := scribbling{vfs.NewMem()}
			q := newQueue(t)
			o := store.Options{Dir: "dir", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{}), Scheduler: q}
			e := mustOpen(t, name, o)
			r := rand.New(rand.NewPCG(3, 4))
			now, versions := map[string]string{}, map[store.Version]map[string]string{}
			holds := func(after string) {
				for i := range 25 {
					k := fmt.Sprintf("key %02d", i)
					v, err := e.Get([]byte(k))
					require.NoError(t, err, after)
					require.Equal(t, now[k], string(v), after)
				}
			}
			for i := range 600 {
				k, v := fmt.Sprintf("key %02d", r.IntN(25)), strings.Repeat(fmt.Sprint(i), r.IntN(30))
				put(t, e, q, k, v)
				now[k] = v
				switch {
				case i%100 == 99:
					require.NoError(t, e.Close())
					e = mustOpen(t, name, o)
					holds("reopened")
				case i%67 == 66:
					v := store.Version(1 + r.IntN(len(versions)))
					require.NoError(t, e.Restore(v))
					now = maps.Clone(versions[v])
					holds("restored")
				case i%40 == 39:
					v, err := e.Snapshot()
					require.NoError(t, err)
					versions[v] = maps.Clone(now)
					holds("snapshot")
				case i%7 == 6:
					require.NoError(t, e.Sync())
					holds("synced")
				}
			}
			require.Greater(t, len(versions), 8)
			require.NoError(t, e.Close())
		})
	}
}
