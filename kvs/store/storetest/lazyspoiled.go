package storetest

import (
	"fmt"
	"path"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestLazySpoiled opens a version of three pieces lazily, one of which the bucket has spoiled
// or lost: the other two are fetched, whichever it is, what they hold can be read, and what
// background work came to is said.
func TestLazySpoiled(t *testing.T, open func(store.Options) (store.Engine, error)) {
	for bad := range 3 {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("piece %d, lost %v", bad, lost), func(t *testing.T) {
				d := newDisk(t)
				a := snapshot.New(mustFolder(t, d))
				q, err := store.NewQueue(4)
				require.NoError(t, err)
				e, err := open(store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q})
				require.NoError(t, err)
				key := func(piece, i int) []byte { return fmt.Appendf(nil, "key %d %d", piece, i) }
				for piece := range 3 {
					for i := range 5 {
						require.NoError(t, e.Set(key(piece, i), fmt.Appendf(nil, "%0300d", piece)))
					}
					_, err = e.Snapshot()
					require.NoError(t, err)
				}
				m, err := a.Manifest(store.Latest)
				require.NoError(t, err)
				require.Len(t, m.Segments, 3)
				seg := m.Segments[bad]
				name := path.Join("bucket", "seg-"+seg.Hash.String()+"-1")
				if lost {
					require.NoError(t, d.Remove(name))
				} else {
					f, err := d.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
					require.NoError(t, err)
					_, err = f.WriteAt([]byte{0xff}, 100)
					require.NoError(t, err)
					require.NoError(t, f.Close())
				}
				q, err = store.NewQueue(4)
				require.NoError(t, err)
				e, err = open(store.Options{Dir: "lazy", FS: d, Archive: a, Scheduler: q, Lazy: true})
				require.NoError(t, err)
				failed := 0
				for range 5 { // an operation offers what is left to do
					if _, err := q.Drain(maxSteps); err != nil {
						failed++
						require.ErrorContains(t, e.Stats().Background, seg.Hash.String())
						require.ErrorContains(t, err, seg.Hash.String())
					}
					_, _ = e.Get(key(bad, 0)) // what is spoiled or lost, or its block's
				}
				require.Equal(t, 1, failed)
				require.Equal(t, seg.Length, e.Size().Away)
				require.Equal(t, 1, e.Size().Spoiled)
				for piece := range bad { // a get looks into younger pieces first
					_, err := e.Get(key(piece, 0))
					require.Error(t, err, "it may be in the piece that is not there")
				}
				for piece := bad + 1; piece < 3; piece++ {
					for i := range 5 {
						got, err := e.Get(key(piece, i))
						require.NoError(t, err)
						require.Equal(t, fmt.Sprintf("%0300d", piece), string(got))
					}
				}
				require.NoError(t, e.Close())
			})
		}
	}
}
