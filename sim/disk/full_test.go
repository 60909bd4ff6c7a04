package disk

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFull: while there is no room nothing grows and nothing is made, but what is there can be
// overwritten, synced, renamed and removed; and there is room again as it says, or once something
// is gone.
func TestFull(t *testing.T) {
	room, late := int64(10), false
	var asked []int64
	f := newFS(t, FSOptions{Room: func(used int64) (int64, bool) {
		asked = append(asked, used)
		return room, late
	}})
	asked = nil
	a := put(t, f, "d/a", "abcd", true, true)
	require.Equal(t, []int64{0, 0, 4}, asked, "by the file, the write and the sync")
	n, err := a.Write([]byte("efghijkl"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, 6, n, "what fits is written")
	require.Equal(t, "abcdefghij", content(t, f, "d/a"))
	_, err = a.Write([]byte("k"))
	require.ErrorIs(t, err, syscall.ENOSPC, "it goes on behind that")
	_, err = f.Create("d/b", category)
	require.ErrorIs(t, err, syscall.ENOSPC)
	_, err = f.Stat("d/b")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, f.MkdirAll("d/f", 0o755), syscall.ENOSPC)
	require.NoError(t, f.MkdirAll("d/e", 0o755), "it is there")
	require.Equal(t, int64(4), f.Stats().Full)
	require.Zero(t, f.Stats().Errors, "no decision was asked for")

	_, err = a.WriteAt([]byte("AB"), 0)
	require.NoError(t, err)
	require.NoError(t, a.Sync())
	require.NoError(t, f.Rename("d/a", "d/c"))
	dirSync(t, f, "d")
	f.PowerCut()
	require.Equal(t, "ABcdefghij", content(t, f, "d/c"), "all that was there is durable")
	require.NoError(t, f.Remove("d/c"))
	b := put(t, f, "d/b", "0123456789", true, true)
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	room = 11
	_, err = b.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, b.Sync())
}

// TestFullLate: room that is found when bytes are written back only. What a sync finds none for
// is lost at a crash, and seen until then; what has not grown needs none.
func TestFullLate(t *testing.T) {
	room, late := int64(100), true
	f := newFS(t, FSOptions{Room: func(int64) (int64, bool) { return room, late }})
	a := put(t, f, "d/a", "abcd", true, true)
	room = 4
	_, err := a.WriteAt([]byte("AB"), 0)
	require.NoError(t, err)
	require.NoError(t, a.Sync(), "nothing is beyond the bound")
	_, err = a.Write([]byte("efgh"))
	require.NoError(t, err)
	require.ErrorIs(t, a.Sync(), syscall.ENOSPC)
	require.Equal(t, int64(1), f.Stats().Full)
	require.Equal(t, "ABcdefgh", content(t, f, "d/a"))
	room = 100
	require.NoError(t, a.Sync())
	f.PowerCut()
	require.Equal(t, "ABcd", content(t, f, "d/a"))
}
