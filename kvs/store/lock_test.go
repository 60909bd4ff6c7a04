package store_test

import (
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// lockless is a file system on which files for locks cannot be made.
type lockless struct {
	vfs.FS
	err error
}

func (l lockless) Lock(name string) (io.Closer, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: l.err}
}

// TestLockThatCannotBe opens engines where the lock cannot be taken for want of room, of a disk
// that can be written, or of rights: that is said, and not that somebody has the directory
// open; a bucket does not wait for its turn, unless the disk or the process fails. Where somebody has it, that is said.
func TestLockThatCannotBe(t *testing.T) {
	for _, err := range []error{
		syscall.EROFS, syscall.ENOSPC, syscall.EISDIR, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EAGAIN,
	} {
		t.Run(err.Error(), func(t *testing.T) {
			d, held := simDisk(t, 0), err == syscall.EAGAIN
			waits := held || err == syscall.EIO || err == syscall.EMFILE || err == syscall.ENFILE // which may be another time
			for _, name := range allEngines {
				_, got := openSmall(name, store.Options{Dir: "dir", FS: lockless{d, err}})
				require.ErrorIs(t, got, err)
				if held {
					require.ErrorIs(t, got, store.ErrLocked)
				} else {
					require.NotErrorIs(t, got, store.ErrLocked)
				}
			}
			tries := 0
			f, e := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: lockless{d, err}, Tries: 70, Wait: func(int) error {
				tries++
				return nil
			}})
			require.NoError(t, e)
			got := f.SwapHead("", []byte("head"))
			require.ErrorIs(t, got, err)
			require.Equal(t, waits, tries > 0, fmt.Sprint(tries))
		})
	}
}
