package lsm_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// filesWith are the names of a directory with an extension.
func filesWith(t *testing.T, fsys vfs.FS, ext string) (names []string) {
	t.Helper()
	all, err := fsys.List("dir")
	require.NoError(t, err)
	for _, name := range all {
		if strings.HasSuffix(name, ext) {
			names = append(names, name)
		}
	}
	return names
}

// TestCrashesInARow crashes again and again with one set between: opening leaves the logs as
// they are, but not any number of them, and all that was synced is there, the last of a key.
func TestCrashesInARow(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d, Archive: snapshot.New(bucket)}}
	want := map[string]string{}
	most := 0
	for i := range 40 {
		e, err := lsm.Open(o)
		require.NoError(t, err)
		logs := len(filesWith(t, d, ".log"))
		most = max(most, logs)
		require.Equal(t, logs+len(filesWith(t, d, ".run")), e.Size().Files)
		for k, w := range want {
			v, err := e.Get([]byte(k))
			require.NoError(t, err)
			require.Equal(t, w, string(v), "key %s after %d crashes", k, i)
		}
		key := fmt.Sprint("key ", i%7)
		if i%5 == 4 {
			require.NoError(t, e.Set([]byte(key), nil))
			want[key] = ""
		} else {
			want[key] = fmt.Sprint("value ", i)
			require.NoError(t, e.Set([]byte(key), []byte(want[key])))
		}
		if i == 20 || i == 23 { // of logs of before, and of one that was begun
			_, err = e.Snapshot()
			require.NoError(t, err)
		}
		require.NoError(t, e.Sync())
		d.PowerCut()
	}
	require.Equal(t, 8, most)
	e, err := lsm.Open(o)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.Empty(t, filesWith(t, d, ".log"), "what is closed is in runs")
}

// TestOpeningLeavesTheLog opens after a crash, twice: the log stays as it is until the table is
// written out, and takes of memory what its options say.
func TestOpeningLeavesTheLog(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d}, MemtableBytes: 8 << 10}
	e, err := lsm.Open(o)
	require.NoError(t, err)
	for i := range 100 {
		require.NoError(t, e.Set(fmt.Append(nil, "key ", i%10), make([]byte, 200)))
	}
	require.NoError(t, e.Sync())
	logs := filesWith(t, d, ".log")
	require.Len(t, logs, 1)
	for range 2 {
		d.PowerCut()
		e, err = lsm.Open(o)
		require.NoError(t, err)
		require.Equal(t, logs, filesWith(t, d, ".log"))
		require.Empty(t, filesWith(t, d, ".run"))
		require.Less(t, e.Size().Memory, int64(16<<10), "of a log that is longer")
	}
	for i := 0; len(filesWith(t, d, ".run")) == 0; i++ {
		require.Less(t, i, 100)
		require.NoError(t, e.Set(fmt.Append(nil, "more ", i), make([]byte, 200)))
	}
	require.NotContains(t, filesWith(t, d, ".log"), logs[0])
	require.NoError(t, e.Close())
}

// TestSealedLogIsWhole spoils a log behind which there is another one: it was durable to its
// end, so what it lacks is no torn tail.
func TestSealedLogIsWhole(t *testing.T) {
	for _, cut := range []bool{false, true} {
		d, err := disk.NewFS(disk.FSOptions{})
		require.NoError(t, err)
		o := lsm.Options{Options: store.Options{Dir: "dir", FS: d}}
		for i := range 2 {
			e, err := lsm.Open(o)
			require.NoError(t, err)
			require.NoError(t, e.Set(fmt.Append(nil, "key ", i), make([]byte, 200)))
			require.NoError(t, e.Sync())
			d.PowerCut()
		}
		logs := filesWith(t, d, ".log")
		require.Len(t, logs, 2)
		first := "dir/" + min(logs[0], logs[1])
		if cut {
			f, err := d.Create(first, vfs.WriteCategoryUnspecified)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		} else {
			f, err := d.OpenReadWrite(first, vfs.WriteCategoryUnspecified)
			require.NoError(t, err)
			_, err = f.WriteAt(make([]byte, 100), 100)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{1}, 190)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		_, err = lsm.Open(o)
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.ErrorContains(t, err, first)
	}
}

// TestTornBatchGoesWhole cuts the last byte off a log, as a crash may that comes before the sync: of
// the batch that it was in nothing is left, and of those before nothing is lost.
func TestTornBatchGoesWhole(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	o := lsm.Options{Options: store.Options{Dir: "dir", FS: d}}
	e, err := lsm.Open(o)
	require.NoError(t, err)
	for _, keys := range []string{"ab", "cd", "ef"} {
		for _, key := range keys {
			require.NoError(t, e.Set([]byte(string(key)), []byte(keys)))
		}
		require.NoError(t, e.Sync())
	}
	d.PowerCut()
	logs := filesWith(t, d, ".log")
	require.Len(t, logs, 1)
	f, err := d.Open("dir/" + logs[0])
	require.NoError(t, err)
	b, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	f, err = d.Create("dir/"+logs[0], vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.Write(b[:len(b)-1])
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	e, err = lsm.Open(o)
	require.NoError(t, err)
	for key, want := range map[string]string{"a": "ab", "b": "ab", "c": "cd", "d": "cd", "e": "", "f": ""} {
		v, err := e.Get([]byte(key))
		require.NoError(t, err)
		require.Equal(t, want, string(v), "key %s", key)
	}
	require.NoError(t, e.Close())
}
