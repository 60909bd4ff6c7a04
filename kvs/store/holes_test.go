package store_test

import (
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// readAll are the files of a directory.
func readAll(t *testing.T, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	names, err := fs.List(dir)
	require.NoError(t, err)
	all := map[string][]byte{}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		require.NoError(t, err)
		b, err := io.ReadAll(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		all[name] = b
	}
	return all
}

// diskOf is a file system with a directory of such files.
func diskOf(t *testing.T, dir string, files map[string][]byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	require.NoError(t, fs.MkdirAll(dir, 0o700))
	for n, b := range files {
		f, err := fs.Create(fs.PathJoin(dir, n), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		_, err = f.Write(append([]byte(nil), b...))
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return fs
}

// TestHolesOfLogsAreNotDamage syncs a log, sets more and has it synced again, and has a power cut lose any
// stretch of what came after the first sync, and keep what is behind: that was torn, and all is there
// that was synced first. A stretch of what was synced first is damage as long as something that was
// written after that sync can tell.
func TestHolesOfLogsAreNotDamage(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			e, err := engines[name](store.Options{Dir: "dir", FS: fs, Durability: store.None})
			require.NoError(t, err)
			set := func(from, to int) {
				for i := from; i < to; i++ {
					require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), []byte(strings.Repeat(fmt.Sprint(i), 20))))
				}
				require.NoError(t, e.Sync())
			}
			log := func() (name string, b []byte) {
				for n, all := range readAll(t, fs, "dir") {
					if strings.HasSuffix(n, ".log") {
						require.Empty(t, name)
						name, b = n, all
					}
				}
				return name, b
			}
			set(0, 5)
			_, first := log()
			set(5, 12)
			of, all := log()
			require.Greater(t, len(all), len(first)+200)
			files := readAll(t, fs, "dir")
			require.NoError(t, e.Close())

			damaged := 0
			hole := func(from, to int) {
				with := maps.Clone(files)
				with[of] = append([]byte(nil), all...)
				clear(with[of][from:to])
				cut := diskOf(t, "dir", with)
				e, err := engines[name](store.Options{Dir: "dir", FS: cut})
				if from < len(first) {
					require.ErrorIs(t, err, store.ErrCorrupt, "hole from %d to %d", from, to)
					damaged++
					return
				}
				require.NoError(t, err, "hole from %d to %d of %d, %d were synced", from, to, len(all), len(first))
				for i := range 5 {
					v, err := e.Get(fmt.Appendf(nil, "key %d", i))
					require.NoError(t, err)
					require.Equal(t, strings.Repeat(fmt.Sprint(i), 20), string(v))
				}
				require.NoError(t, e.Close())
			}
			for from := len(first); from+17 <= len(all); from += 3 { // a byte or two could be a bit that has flipped
				for _, n := range []int{17, 64, 200, len(all)} {
					hole(from, min(from+n, len(all)))
				}
			}
			for from := 64; from+20 < len(first); from += 7 { // behind the header
				hole(from, from+20)
			}
			require.Greater(t, damaged, 10)
		})
	}
}
