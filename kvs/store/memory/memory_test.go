package memory_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/storetest"
	"github.com/joinery-go/joinery/sim/disk"
)

var suite = storetest.Engine{
	Name:         memory.Name,
	Open:         func(o store.Options) (store.Engine, error) { return memory.Open(memory.Options{Options: o}) },
	Durabilities: []store.Durability{store.None, store.OnSnapshot},
}

func TestSuite(t *testing.T) { storetest.Test(t, suite) }

func TestResize(t *testing.T) { storetest.TestResize(t, suite) }

func TestDamage(t *testing.T) { storetest.TestDamage(t, suite) }

func TestConcurrent(t *testing.T) { storetest.TestConcurrent(t, suite.Open) }

// TestSpoiledDumpIsNotPublished spoils each byte of the dump between a Sync and the
// Snapshot. The state is in memory, so the version must be whole all the same.
func TestSpoiledDumpIsNotPublished(t *testing.T) {
	for at := int64(0); ; at++ {
		d, err := disk.NewFS(disk.FSOptions{})
		require.NoError(t, err)
		f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
		require.NoError(t, err)
		o := store.Options{Dir: "dir", FS: d, Archive: snapshot.New(f)}
		e, err := suite.Open(o)
		require.NoError(t, err)
		require.NoError(t, e.Set([]byte("key"), []byte("value")))
		require.NoError(t, e.Sync())
		dump, err := d.OpenReadWrite(fmt.Sprintf("dir/%08d.dump", 1), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		info, err := dump.Stat()
		require.NoError(t, err)
		if at == info.Size() {
			break
		}
		var b [1]byte
		_, err = dump.ReadAt(b[:], at)
		require.NoError(t, err)
		b[0] ^= 4
		_, err = dump.WriteAt(b[:], at)
		require.NoError(t, err)
		require.NoError(t, dump.Close())
		v, err := e.Snapshot()
		require.NoError(t, err)
		o.Dir = "other"
		other, err := suite.Open(o)
		require.NoError(t, err)
		require.NoError(t, other.Restore(v))
		got, err := other.Get([]byte("key"))
		require.NoError(t, err)
		require.Equal(t, "value", string(got))
		require.NoError(t, e.Close())
		_, err = suite.Open(store.Options{Dir: "dir", FS: d})
		require.NoError(t, err, "the dump was written again")
	}
}
