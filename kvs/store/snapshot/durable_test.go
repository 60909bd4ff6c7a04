package snapshot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// unsynced is a file system on which, once a head has its new content, the sync of the
// directory fails a number of times.
type unsynced struct {
	vfs.FS
	fails int
	armed bool
	dark  int // heads that cannot be read after that
}

var errUnsynced = errors.New("the directory cannot be synced")

type unsyncedDir struct {
	vfs.File
	fs *unsynced
}

func (u *unsynced) OpenDir(name string) (vfs.File, error) {
	f, err := u.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &unsyncedDir{f, u}, nil
}

func (d *unsyncedDir) Sync() error {
	if d.fs.armed {
		d.fs.armed = false
		d.fs.fails--
		return errUnsynced
	}
	return d.File.Sync()
}

func (u *unsynced) Rename(from, to string) error {
	err := u.FS.Rename(from, to)
	u.armed = strings.HasSuffix(to, "HEAD") && u.fails > 0
	return err
}

func (u *unsynced) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if strings.HasSuffix(name, "HEAD") && u.fails == 0 && u.dark > 0 {
		u.dark--
		return nil, errUnsynced
	}
	return u.FS.Open(name, o...)
}

// TestVersionIsDurable has the sync of a folder fail once the head has its new content,
// and cuts the power after Publish has returned a version: at once, or when it was asked
// for the same again.
func TestVersionIsDurable(t *testing.T) {
	for fails := 1; fails <= 3; fails++ {
		for dark := range 2 {
			t.Run(fmt.Sprint(fails, dark), func(t *testing.T) {
				d, err := disk.NewFS(disk.FSOptions{})
				require.NoError(t, err)
				u := &unsynced{FS: d}
				f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: u})
				require.NoError(t, err)
				a := snapshot.New(f)
				_, _, err = publishDraft(a, draft(0, "first"))
				require.NoError(t, err)
				u.fails, u.dark = fails, dark
				v, tries := store.Version(0), 0
				for ; v == 0; tries++ {
					require.Less(t, tries, 5)
					if v, _, err = publishDraft(a, draft(1, "second")); err != nil {
						require.ErrorIs(t, err, errUnsynced)
					}
				}
				require.Equal(t, store.Version(2), v)
				d.PowerCut()
				require.Equal(t, []store.Version{1, 2}, whole(t, f))
			})
		}
	}
}
