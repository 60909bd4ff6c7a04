package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestSpoiled spoils a file that the archive has not got yet, in its header or in its last
// record, while an engine has it open: the archive never gets it, under a hash that what is
// spoiled has too, and the error names the file. two must have two published files of one
// level merged, whose extension is ext.
func TestSpoiled(t *testing.T, two func(store.Options) (store.Engine, error), ext string) {
	for _, at := range []int64{3, 9, 13, 22, -3} { // what it is, its version, its number, its checksum; a record
		for _, moment := range []struct {
			name string
			test func(*testing.T, *spoiling)
		}{
			{"set since", testSpoiledSince}, {"merged, and uploaded behind", testSpoiledBehind},
			{"merged, and its segments gone", testSpoiledOwn},
		} {
			t.Run(fmt.Sprintf("%s, at %d", moment.name, at), func(t *testing.T) {
				s := &spoiling{d: newDisk(t), two: two, ext: ext, at: at}
				s.a = snapshot.New(mustFolder(t, s.d))
				s.h = &hooked{Archive: s.a}
				s.open(t)
				moment.test(t, s)
				require.NoError(t, s.e.Close())
			})
		}
	}
}

// spoiling is an engine whose files are spoiled at one place.
type spoiling struct {
	d   *disk.FS
	two func(store.Options) (store.Engine, error)
	ext string
	at  int64
	a   *snapshot.Archive
	h   *hooked
	q   *store.Queue
	e   store.Engine
}

func (s *spoiling) open(t *testing.T) {
	var err error
	s.q, err = store.NewQueue(4)
	require.NoError(t, err)
	s.e, err = s.two(store.Options{Dir: "dir", FS: s.d, Archive: s.h, Scheduler: s.q})
	require.NoError(t, err)
}

// publish sets a key and takes a snapshot.
func (s *spoiling) publish(t *testing.T, key string) store.Version {
	require.NoError(t, s.e.Set([]byte(key), []byte("value")))
	v, err := s.e.Snapshot()
	require.NoError(t, err)
	return v
}

// files are the engine's files of records, the youngest last.
func (s *spoiling) files(t *testing.T) []string {
	names, err := s.d.List("dir")
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, "."+s.ext) })
	slices.Sort(names)
	return names
}

// spoil spoils the youngest file and returns its name.
func (s *spoiling) spoil(t *testing.T) string {
	names := s.files(t)
	name := names[len(names)-1]
	f, err := s.d.OpenReadWrite(path.Join("dir", name), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	at := s.at
	if at < 0 {
		at += info.Size()
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	require.NoError(t, err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b[:], at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return name
}

// refused takes a snapshot of what is spoiled.
func (s *spoiling) refused(t *testing.T, name string) {
	latest, err := s.a.Latest()
	require.NoError(t, err)
	before, err := s.d.List("bucket")
	require.NoError(t, err)
	for range 2 {
		_, err = s.e.Snapshot()
		require.Error(t, err)
		require.True(t, errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFormat), "%v", err)
		require.ErrorContains(t, err, name)
	}
	now, err := s.a.Latest()
	require.NoError(t, err)
	require.Equal(t, latest, now)
	after, err := s.d.List("bucket")
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing went into the bucket")
}

func testSpoiledSince(t *testing.T, s *spoiling) {
	s.publish(t, "old")
	before := len(s.files(t))
	// Long, so that no engine writes it again for the sake of what is beside it.
	require.NoError(t, s.e.Set([]byte("new"), bytes.Repeat([]byte("value"), 600)))
	require.NoError(t, s.e.Sync())
	if len(s.files(t)) == before { // closing makes the file
		require.NoError(t, s.e.Close())
		s.open(t)
	}
	require.Len(t, s.files(t), before+1)
	s.refused(t, s.spoil(t))
}

// merged has a version of two files, and steps on until they are one.
func (s *spoiling) merged(t *testing.T) (v store.Version) {
	for _, key := range []string{"a", "b"} {
		v = s.publish(t, key)
	}
	s.untilMerged(t)
	return v
}

func (s *spoiling) untilMerged(t *testing.T) {
	for before := s.e.Stats().Merges; s.e.Stats().Merges == before; {
		ran, err := s.q.Step()
		require.NoError(t, err)
		require.True(t, ran)
	}
	require.Len(t, s.files(t), 1)
}

func testSpoiledBehind(t *testing.T, s *spoiling) {
	s.merged(t)
	uploads := 0
	s.h.upload = func() error { uploads++; return nil }
	name := s.spoil(t)
	_, err := s.q.Drain(maxSteps)
	require.ErrorContains(t, err, name)
	require.Zero(t, uploads)
	require.Equal(t, 1, s.e.Size().Spoiled)
	v := s.publish(t, "c") // the archive has what it was merged from
	elsewhere, err := s.two(store.Options{Dir: "elsewhere", FS: s.d, Archive: s.a})
	require.NoError(t, err)
	require.NoError(t, elsewhere.Restore(v))
	for _, key := range []string{"a", "b", "c"} {
		got, err := elsewhere.Get([]byte(key))
		require.NoError(t, err)
		require.Equal(t, "value", string(got))
	}
	require.NoError(t, elsewhere.Close())
}

// testSpoiledOwn goes back to a version of two files, which become one again, and has the
// archive drop that version: nothing else than the file is there to publish.
func testSpoiledOwn(t *testing.T, s *spoiling) {
	v := s.merged(t)
	_, err := s.q.Drain(maxSteps)
	require.NoError(t, err)
	s.publish(t, "c")
	require.NoError(t, s.e.Restore(v))
	s.untilMerged(t)
	_, err = s.a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	s.refused(t, s.spoil(t))
}
