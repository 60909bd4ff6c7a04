package disk

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
)

func TestNamesLinksLocksAndDirectories(t *testing.T) {
	f := newFS(t, FSOptions{MaxBytes: 10})
	put(t, f, "d/a", "abc", true, true)
	require.NoError(t, f.Link("d/a", "d/b"))
	require.ErrorIs(t, f.Link("d/a", "d/b"), fs.ErrExist)
	require.NoError(t, f.Remove("d/a"))
	require.Equal(t, "abc", content(t, f, "d/b"))
	names, err := f.List("d")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "e"}, names)
	require.ErrorIs(t, f.Remove("d"), syscall.ENOTEMPTY)
	require.ErrorIs(t, f.Remove("d/zz"), fs.ErrNotExist)
	_, err = f.Create("nowhere/a", category)
	require.ErrorIs(t, err, fs.ErrNotExist)

	l, err := f.Lock("d/LOCK")
	require.NoError(t, err)
	_, err = f.Lock("d/LOCK")
	require.ErrorIs(t, err, syscall.EAGAIN)
	require.NoError(t, l.Close())
	_, err = f.Lock("d/LOCK")
	require.NoError(t, err)

	h, err := f.ReuseForWrite("d/b", "d/c", category)
	require.NoError(t, err)
	_, err = h.Write([]byte("X"))
	require.NoError(t, err)
	require.Equal(t, "Xbc", content(t, f, "d/c"))
	_, err = h.Write([]byte("0123456789"))
	require.ErrorIs(t, err, syscall.ENOSPC, "the bound on bytes")
	use, err := f.GetDiskUsage("d")
	require.NoError(t, err)
	require.Equal(t, vfs.DiskUsage{TotalBytes: 10, UsedBytes: 10}, use, "what fits is written")
	st, err := f.Stat("d/c")
	require.NoError(t, err)
	require.Equal(t, int64(10), st.Size())
	require.NoError(t, f.RemoveAll("d"))
	_, err = f.Stat("d/c")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, h.Close())
	require.ErrorIs(t, h.Sync(), fs.ErrClosed)
	_, err = NewFS(FSOptions{Crash: sim.NumLevels})
	require.ErrorIs(t, err, ErrOptions)
}

// TestWhatSurvivesIsTheSyncedWithSomeOfTheRest writes at random and holds each
// byte that a crash leaves to what may be there.
func TestADirectoryIsThereAsLongAsAFileInIt(t *testing.T) {
	f := newFS(t, FSOptions{})
	put(t, f, "d/e/a", "a", true, true)
	require.NoError(t, f.RemoveAll("d/e"))
	_, err := f.List("d/e")
	require.ErrorIs(t, err, fs.ErrNotExist)
	f.PowerCut() // which undoes the removal
	names, err := f.List("d/e")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
	names, err = f.List("d")
	require.NoError(t, err)
	require.Equal(t, []string{"e"}, names)

	f.CrashAt(f.Ops() + 1)
	require.ErrorIs(t, f.RemoveAll("d/e"), ErrCrashed)
	names, err = f.List("d/e")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
}

func TestMkdirAllLeavesNothingWhereItFails(t *testing.T) {
	f := newFS(t, FSOptions{})
	put(t, f, "d/file", "", false, false)
	require.ErrorIs(t, f.MkdirAll("d/file/x/y", 0o755), syscall.ENOTDIR)
	_, err := f.Stat("d/file/x")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
