package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/snapshot/s3bucket"
	"github.com/joinery-go/joinery/sim/disk"
)

const racing = "JOINERY_SNAPSHOT_RACE"

// TestMain lets the test's own binary be a process of a race for a bucket: a folder, or one of an
// object store at an address.
func TestMain(m *testing.M) {
	if bucket := os.Getenv(racing); bucket != "" {
		rounds := 0
		if _, err := fmt.Sscan(os.Getenv(racing+"_ROUNDS"), &rounds); err != nil {
			panic(err)
		}
		won, err := race(bucket, rounds)
		fmt.Println(won)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func patient(int) error { time.Sleep(50 * time.Microsecond); return nil }

// bucketAt opens the bucket that racing processes share, which is a folder's name, or s3:// and the
// address of an object store.
func bucketAt(name string) (store.Bucket, error) {
	address, remote := strings.CutPrefix(name, "s3://")
	if !remote {
		return snapshot.NewFolder(name, snapshot.FolderOptions{Wait: patient, Tries: 100000})
	}
	c, err := s3Client(address, http.DefaultTransport)
	if err != nil {
		return nil, err
	}
	return s3bucket.Open(s3bucket.Options{Client: c, Bucket: "bucket", Prefix: "a/b"})
}

// race publishes rounds times the version after the one it sees, and counts how often
// it was the one that did.
func race(bucket string, rounds int) (won int, err error) {
	b, err := bucketAt(bucket)
	if err != nil {
		return 0, err
	}
	a := snapshot.New(b)
	for i := range rounds {
		seen, err := a.Latest()
		if err != nil {
			return won, err
		}
		_, _, err = publishDraft(a, draft(seen, fmt.Sprint(os.Getpid(), " ", i)))
		switch {
		case err == nil:
			won++
		case !errors.Is(err, store.ErrConflict):
			return won, err
		}
	}
	return won, nil
}

// TestTwoProcessesRace counts that each version has one publisher, in a folder and in an object
// store that this process serves.
func TestTwoProcessesRace(t *testing.T) {
	for _, kind := range []string{"folder", "S3"} {
		t.Run(kind, func(t *testing.T) {
			bucket := filepath.Join(t.TempDir(), "bucket")
			if kind == "S3" {
				c := serveS3(t)
				bucket = "s3://" + c.EndpointURL().Host
			}
			rounds := 100
			if *long {
				rounds = 1000
			} else if testing.Short() {
				rounds = 20
			}
			testTwoProcesses(t, bucket, rounds)
		})
	}
}

// testTwoProcesses has two processes race for a bucket.
func testTwoProcesses(t *testing.T, bucket string, rounds int) {
	var out [2]bytes.Buffer
	var cmds [2]*exec.Cmd
	for i := range cmds {
		cmds[i] = exec.CommandContext(t.Context(), os.Args[0])
		cmds[i].Env = append(os.Environ(), racing+"="+bucket, fmt.Sprint(racing, "_ROUNDS=", rounds))
		cmds[i].Stdout, cmds[i].Stderr = &out[i], os.Stderr
		require.NoError(t, cmds[i].Start())
	}
	won := 0
	for i := range cmds {
		require.NoError(t, cmds[i].Wait())
		var n int
		_, err := fmt.Sscan(out[i].String(), &n)
		require.NoError(t, err)
		require.Positive(t, n)
		won += n
	}
	b, err := bucketAt(bucket)
	require.NoError(t, err)
	vs := whole(t, b)
	require.Len(t, vs, won)
	require.Equal(t, store.Version(won), vs[len(vs)-1], "each version is of one that says so")
	t.Logf("%d tries, %d versions", 2*rounds, won)
}

func newFolder(t *testing.T, o snapshot.FolderOptions) *snapshot.Folder {
	t.Helper()
	b, err := snapshot.NewFolder("bucket", o)
	require.NoError(t, err)
	return b
}

func TestFolder(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	b := newFolder(t, snapshot.FolderOptions{FS: d})
	_, err = b.Get("seg-none")
	require.ErrorIs(t, err, store.ErrNoObject)
	require.NoError(t, b.Put("seg-one", 3, strings.NewReader("one")))
	require.NoError(t, b.Put("man-two", 3, strings.NewReader("two")))
	require.NoError(t, b.Put("seg-one", 3, strings.NewReader("One")))
	for _, r := range []string{"short", "too long"} {
		require.ErrorIs(t, b.Put("seg-bad", 6, strings.NewReader(r)), store.ErrCorrupt)
		_, err = b.Get("seg-bad")
		require.ErrorIs(t, err, store.ErrNoObject)
	}
	for _, name := range []string{"", "HEAD", "seg-../../x", "seg-a/b", "other", "seg-ä"} {
		require.ErrorIs(t, b.Put(name, 0, strings.NewReader("")), store.ErrOptions, name)
		_, err := b.Get(name)
		require.ErrorIs(t, err, store.ErrOptions, name)
		require.ErrorIs(t, b.Delete(name), store.ErrOptions, name)
	}
	names, err := b.List("")
	require.NoError(t, err)
	require.Equal(t, []string{"man-two", "seg-one"}, names)
	d.PowerCut() // all of it was durable
	b = newFolder(t, snapshot.FolderOptions{FS: d})
	r, err := b.Get("seg-one")
	require.NoError(t, err)
	p, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "One", string(p))
	require.NoError(t, b.Delete("seg-one"))
	require.NoError(t, b.Delete("seg-one"))
	names, err = b.List("seg-")
	require.NoError(t, err)
	require.Empty(t, names)
}

// unlocked is a file system on which no lock can be made.
type unlocked struct {
	vfs.FS
	why error
}

func (u unlocked) Lock(name string) (io.Closer, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: u.why}
}

// TestFolderThatCannotBeLocked: where a lock cannot be made nobody waits for it, and why is said.
func TestFolderThatCannotBeLocked(t *testing.T) {
	for _, why := range []error{syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.ENOTDIR, syscall.EISDIR, syscall.EACCES, syscall.ENOENT} {
		d, err := disk.NewFS(disk.FSOptions{})
		require.NoError(t, err)
		b := newFolder(t, snapshot.FolderOptions{FS: unlocked{d, why}, Wait: func(int) error { return errors.New("it waits") }})
		for _, err := range []error{b.SwapHead("", []byte("x")), b.Put("seg-1", 1, strings.NewReader("x"))} {
			require.ErrorIs(t, err, why)
			require.NotErrorIs(t, err, store.ErrBusy)
		}
	}
}

func TestFolderHead(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	b := newFolder(t, snapshot.FolderOptions{FS: d})
	data, tag, err := b.Head()
	require.NoError(t, err)
	require.Empty(t, data)
	require.Empty(t, tag)
	require.ErrorIs(t, b.SwapHead("1", []byte("x")), store.ErrConflict)
	require.NoError(t, b.SwapHead("", []byte("first\nline")))
	require.ErrorIs(t, b.SwapHead("", []byte("x")), store.ErrConflict)
	d.PowerCut()
	b = newFolder(t, snapshot.FolderOptions{FS: d})
	data, first, err := b.Head()
	require.NoError(t, err)
	require.Equal(t, "first\nline", string(data))
	require.NoError(t, b.SwapHead(first, []byte("second")))
	require.NoError(t, b.SwapHead("2", []byte("first\nline")))
	err = b.SwapHead(first, []byte("x"))
	require.ErrorIs(t, err, store.ErrConflict, "the same content again is another head")
	require.ErrorContains(t, err, `revision "3", not "1"`, "what it is, and what was asked for")
	waits := 0
	busy := newFolder(t, snapshot.FolderOptions{FS: d, Tries: 5, Wait: func(int) error { waits++; return nil }})
	lock, err := d.Lock("bucket/HEAD.lock")
	require.NoError(t, err)
	require.ErrorIs(t, busy.SwapHead("3", []byte("x")), store.ErrBusy)
	require.Equal(t, 4, waits)
	require.NoError(t, lock.Close())
	require.NoError(t, busy.SwapHead("3", []byte("x")))
	stop := errors.New("enough")
	lock, err = d.Lock("bucket/HEAD.lock")
	require.NoError(t, err)
	busy = newFolder(t, snapshot.FolderOptions{FS: d, Wait: func(int) error { return stop }})
	require.ErrorIs(t, busy.SwapHead("4", []byte("x")), stop)
	require.NoError(t, lock.Close())
	_, err = snapshot.NewFolder("", snapshot.FolderOptions{FS: d})
	require.ErrorIs(t, err, store.ErrOptions)
}
