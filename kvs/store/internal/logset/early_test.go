package logset

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// syncsFS is a file system that asks before it syncs a log, and before it reads one that was made
// since the set was opened.
type syncsFS struct {
	vfs.FS
	ask  func() error
	read func()
}

func (s *syncsFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, c)
	if err != nil || !strings.HasSuffix(name, "."+logExt) {
		return f, err
	}
	return &syncsFile{f, s}, nil
}

type syncsFile struct {
	vfs.File
	fs *syncsFS
}

func (f *syncsFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fs.read != nil {
		f.fs.read()
	}
	return f.File.ReadAt(p, off)
}

func (f *syncsFile) Sync() error {
	if f.fs.ask != nil {
		if err := f.fs.ask(); err != nil {
			return err
		}
	}
	return f.File.Sync()
}

// openLog is a set with a log that is open, of files of that many bytes. Its harden syncs the log.
func openLog(t *testing.T, fs *syncsFS, mu *sync.Mutex, segment int64) (*Set, *File, *store.Queue) {
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	base, err := store.Options{Dir: "dir", FS: fs, Scheduler: q}.WithDefaults()
	require.NoError(t, err)
	var s *Set
	var f *File
	s, err = Open(Options{
		Options: base, Engine: "test", Type: 'T', SegmentBytes: segment, FanIn: 3, MaxBacklog: 4, StepRecords: 5,
	}, mu, func() error { return s.Sync(f) })
	require.NoError(t, err)
	f = s.NewLog()
	require.NoError(t, s.Create(f, nil))
	return s, f, q
}

// logOne adds a record with a value of so many bytes to a log.
func logOne(t *testing.T, s *Set, f *File, bytes int) {
	off := f.Length()
	b := record.Append(nil, f.Salt(), off, record.Record{Kind: record.Value, Key: []byte("key"), Value: make([]byte, bytes)})
	require.NoError(t, s.Write(f, b))
	f.Grow(len(b))
	s.Noted(f, record.Value, []byte("key"), off, len(b))
}

// dueLog is a set with a log so long that the index is to be saved.
func dueLog(t *testing.T, fs *syncsFS, mu *sync.Mutex) (*Set, *File) {
	s, f, _ := openLog(t, fs, mu, 1024)
	for !s.due(0) {
		logOne(t, s, f, 300)
	}
	return s, f
}

// TestSyncsWhileALogGrows writes 4 MiB of a log: from then on the background is to sync it, and
// does so while the engine is not locked.
func TestSyncsWhileALogGrows(t *testing.T) {
	fs, mu := &syncsFS{FS: newDisk(t)}, sync.Mutex{}
	s, f, q := openLog(t, fs, &mu, 32<<20)
	rest(t, s)
	require.Nil(t, s.Job())
	for f.unsynced < 4<<20 {
		require.False(t, s.unsynced())
		require.Nil(t, s.Job())
		logOne(t, s, f, 64<<10)
	}
	require.True(t, s.unsynced())
	free := 0
	fs.ask = func() error {
		require.True(t, mu.TryLock())
		mu.Unlock()
		free++
		return nil
	}
	offer := s.Job()
	require.NotNil(t, offer)
	offer()
	done, err := q.Drain(1)
	require.NoError(t, err)
	require.True(t, done, "there is no more to do")
	require.Equal(t, 1, free)
	require.Zero(t, f.unsynced)
	fs.ask = nil
	closeSet(t, s)
}

// TestSyncsEarly has the index saved: the log is synced first while the engine is not locked, and
// what the sync with the lock finds is synced.
func TestSyncsEarly(t *testing.T) {
	fs, mu := &syncsFS{FS: newDisk(t)}, sync.Mutex{}
	s, f := dueLog(t, fs, &mu)
	var free []bool
	var left []int64
	fs.ask = func() error {
		unlocked := mu.TryLock()
		if unlocked {
			mu.Unlock()
		}
		free, left = append(free, unlocked), append(left, f.unsynced)
		return nil
	}
	_, err := s.step()
	require.NoError(t, err)
	require.NotNil(t, s.check, "the index is being saved")
	require.Equal(t, []bool{true, false}, free)
	require.Equal(t, []int64{0, 0}, left)
	fs.ask = nil
	rest(t, s)
	require.NotZero(t, s.saved.number)
	closeSet(t, s)
}

// TestEarlySyncFails has the sync without the lock fail, and a second sync of the same log, of
// somebody who asks meanwhile, succeed, as on a system that tells of a lost write once: he must not
// take the log for durable.
func TestEarlySyncFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	fs, mu := &syncsFS{FS: newDisk(t)}, sync.Mutex{}
	s, f := dueLog(t, fs, &mu)
	locked, synced, asked := make(chan struct{}), make(chan error, 1), false
	fs.ask = func() error {
		if asked {
			return nil
		}
		asked = true
		if !mu.TryLock() {
			t.Error("the engine is locked while the log is synced first")
			return broken
		}
		mu.Unlock()
		go func() {
			mu.Lock()
			defer mu.Unlock()
			close(locked)
			synced <- s.Sync(f)
		}()
		<-locked
		return broken
	}
	_, err := s.step()
	require.False(t, t.Failed())
	require.ErrorIs(t, err, store.ErrFailed)
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, <-synced, broken)
	require.ErrorIs(t, s.Ready("set"), broken)
	mu.Lock()
	defer mu.Unlock()
	require.ErrorIs(t, s.Close(nil), broken)
}
