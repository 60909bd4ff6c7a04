package storetest

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// orphan is a file system whose lock is free for the next who asks, as after its holder was
// killed, and whose files of records can be told to sync no more.
type orphan struct {
	vfs.FS
	stuck bool
}

var errStuck = errors.New("killed before it was synced")

func (o *orphan) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (o *orphan) Create(name string, w vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.Create(name, w)
	if err != nil {
		return nil, err
	}
	return &orphanFile{f, o}, nil
}

type orphanFile struct {
	vfs.File
	o *orphan
}

func (f *orphanFile) Sync() error {
	if f.o.stuck {
		return errStuck
	}
	return f.File.Sync()
}

// TestKilled kills the process once it has written what it set and before that is synced, opens
// the directory again, which finds what was written, and only then cuts the power. What was
// seen by then, and what the catalog says of it, must have been made durable.
func TestKilled(t *testing.T, open func(store.Options) (store.Engine, error)) {
	for sets := 1; sets <= 40; sets++ {
		d := newDisk(t)
		q, err := store.NewQueue(4)
		require.NoError(t, err)
		fs := &orphan{FS: d}
		o := store.Options{Dir: "dir", FS: fs, Durability: store.OnSnapshot, Scheduler: q}
		e, err := open(o)
		require.NoError(t, err)
		for i := range sets {
			require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), make([]byte, 150)))
			_, err = q.Drain(maxSteps)
			require.NoError(t, err)
		}
		require.NoError(t, e.Sync())
		require.NoError(t, e.Set([]byte("key"), []byte("written")))
		fs.stuck = true
		require.ErrorIs(t, e.Sync(), errStuck)
		fs.stuck = false
		read := func() map[string]string {
			e, err := open(o)
			require.NoError(t, err, "%d sets", sets)
			held := map[string]string{}
			for i := range sets {
				v, err := e.Get(fmt.Appendf(nil, "key %d", i))
				require.NoError(t, err)
				require.Len(t, v, 150)
			}
			v, err := e.Get([]byte("key"))
			require.NoError(t, err)
			held["key"] = string(v)
			return held
		}
		seen := read() // killed again
		d.PowerCut()
		require.Equal(t, seen, read(), "%d sets", sets)
	}
}
