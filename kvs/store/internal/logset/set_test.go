package logset

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestSlotsAreUsedAgain writes and merges many files: what says where they are stays
// in proportion to those that are there.
func TestSlotsAreUsedAgain(t *testing.T) {
	s := openSet(t, newDisk(t))
	for i := range 400 {
		addLog(t, s, i)
		rest(t, s)
		var live, want int64
		for _, f := range s.files {
			live += f.live
			require.Equal(t, f, s.slots[f.Slot()])
		}
		for _, p := range s.index.All() {
			want += int64(p.Size)
		}
		require.Equal(t, want, live, "what files hold that counts is what the index points at")
	}
	require.LessOrEqual(t, len(s.files), 12)
	require.LessOrEqual(t, len(s.slots), 16)
	closeSet(t, s)
}

func newDisk(t *testing.T) *disk.FS {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	return d
}

// openSet opens a set whose background work the test runs.
func openSet(t *testing.T, d vfs.FS) *Set {
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	base, err := store.Options{Dir: "dir", FS: d, Scheduler: q}.WithDefaults()
	require.NoError(t, err)
	var mu sync.Mutex
	s, err := Open(Options{
		Options: base, Engine: "test", Type: 'T', SegmentBytes: 1024, FanIn: 3, MaxBacklog: 4, StepRecords: 5,
	}, &mu, func() error { return nil })
	require.NoError(t, err)
	return s
}

// closeSet closes a set as its engine does.
func closeSet(t *testing.T, s *Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NoError(t, s.Close(nil))
}

// addLog adds a log of five records and seals it.
func addLog(t *testing.T, s *Set, i int) {
	f := s.NewLog()
	require.NoError(t, s.Create(f, nil))
	for j := range 5 {
		key, value := fmt.Appendf(nil, "key %d", (i+j)%20), fmt.Appendf(nil, "value %d", i)
		off := f.Length()
		b := record.Append(nil, f.Salt(), off, record.Record{Kind: record.Value, Key: key, Value: value})
		require.NoError(t, s.Write(f, b))
		f.Grow(len(b))
		s.Noted(f, record.Value, key, off, len(b))
	}
	require.NoError(t, s.Sync(f))
	require.NoError(t, s.Seal())
}

// rest does all background work.
func rest(t *testing.T, s *Set) {
	for more := true; more; {
		var err error
		more, err = s.step()
		require.NoError(t, err)
	}
}

// TestSavedAfterAMerge opens with a saved index, has older files merged and the youngest stay,
// and closes: the index is saved again, since the one on the disk is of files that are gone.
func TestSavedAfterAMerge(t *testing.T) {
	d := newDisk(t)
	s := openSet(t, d)
	for i := range 9 { // of level 0, three of which become one of level 1
		addLog(t, s, i)
		for want := int64((i + 1) / 3); s.Stats.Merges < want; {
			_, err := s.step()
			require.NoError(t, err)
		}
	}
	addLog(t, s, 9)
	last := s.files[len(s.files)-1].number
	closeSet(t, s)
	s = openSet(t, d)
	require.True(t, s.saved.whole)
	rest(t, s)
	require.Equal(t, int64(1), s.Stats.Merges)
	require.Equal(t, last, s.files[len(s.files)-1].number)
	closeSet(t, s)
	s = openSet(t, d)
	require.True(t, s.saved.whole)
	closeSet(t, s)
	before := s.saved
	s = openSet(t, d)
	closeSet(t, s)
	require.Equal(t, before, s.saved, "it is not written again")
}

// TestSavedAfterEachChange opens with a saved index that is whole, changes something, and closes: the next
// opening reads a whole one again, and nothing else.
func TestSavedAfterEachChange(t *testing.T) {
	for _, change := range []struct {
		name string
		do   func(t *testing.T, s *Set)
	}{
		{"nothing", func(*testing.T, *Set) {}},
		{"a log", func(t *testing.T, s *Set) { addLog(t, s, 10) }},
		{"an empty log", func(t *testing.T, s *Set) {
			require.NoError(t, s.Create(s.NewLog(), nil))
			require.NoError(t, s.Seal())
		}},
		{"a merge", func(t *testing.T, s *Set) { rest(t, s) }},
		{"a log and a merge", func(t *testing.T, s *Set) { addLog(t, s, 10); rest(t, s); addLog(t, s, 11) }},
		{"a version", func(t *testing.T, s *Set) {
			_, err := s.Snapshot()
			require.NoError(t, err)
		}},
		{"a restored version", func(t *testing.T, s *Set) {
			v, err := s.Snapshot()
			require.NoError(t, err)
			addLog(t, s, 10)
			require.NoError(t, s.Restore(v))
		}},
	} {
		t.Run(change.name, func(t *testing.T) {
			b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: newDisk(t)})
			require.NoError(t, err)
			open := func(d vfs.FS) *Set {
				s := openSet(t, d)
				s.opts.Archive = snapshot.New(b)
				closeSet(t, s)
				s, err := Open(s.opts, s.mu, s.harden)
				require.NoError(t, err)
				return s
			}
			d := newDisk(t)
			s := openSet(t, d)
			for i := range 4 {
				addLog(t, s, i)
			}
			closeSet(t, s)
			s = open(d)
			require.True(t, s.saved.whole)
			change.do(t, s)
			closeSet(t, s)
			s = openSet(t, d)
			require.True(t, s.saved.whole)
			require.Zero(t, s.fresh)
			for _, f := range s.files {
				require.Equal(t, f.length, f.known)
			}
			closeSet(t, s)
		})
	}
}
