package snapshot_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// situation is a writer that is stalled while others go on.
type situation struct {
	name string
	do   func(t *testing.T, open func() store.Bucket)
}

// seeded has versions 1 to 3 of the contents "common", "old", "z", all with "common".
func seeded(t *testing.T, b store.Bucket) {
	a := snapshot.New(b)
	for i, c := range []string{"c", "old", "z"} {
		_, _, err := publishDraft(a, draft(store.Version(i), "common", c))
		require.NoError(t, err)
	}
}

func collect(t *testing.T, b store.Bucket, last int) {
	_, err := snapshot.New(b).Collect(snapshot.Retention{Last: last})
	require.NoError(t, err)
}

func publish(t *testing.T, b store.Bucket, seen store.Version, contents ...string) {
	_, _, err := publishDraft(snapshot.New(b), draft(seen, contents...))
	require.NoError(t, err)
}

var situations = []situation{
	{"a writer is stalled until its number was published, collected and dropped", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() {
			for v := store.Version(3); v < 6; v++ {
				publish(t, other, v, "w")
				collect(t, other, 1)
			}
		})
		_, _, err := publishDraft(snapshot.New(b), draft(3, "mine"))
		require.ErrorIs(t, err, store.ErrConflict)
		require.Equal(t, []store.Version{6}, whole(t, other))
	}},
	{"a writer that is to make the first head is stalled until it was made and collected", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "put", "man-", func() {
			publish(t, other, 3, "w")
			collect(t, other, 1)
		})
		_, _, err := publishDraft(snapshot.New(b), draft(3, "mine"))
		require.ErrorIs(t, err, store.ErrConflict)
		require.Equal(t, []store.Version{4}, whole(t, other))
	}},
	{"collecting between upload and manifest", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "put", "man-", func() { collect(t, other, 1) })
		v, n, err := publishDraft(snapshot.New(b), draft(3, "mine"))
		require.NoError(t, err)
		require.Equal(t, store.Version(4), v)
		require.Equal(t, int64(8), n, "it was uploaded again")
		require.Equal(t, []store.Version{3, 4}, whole(t, other))
	}},
	{"collecting between manifest and head", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { collect(t, other, 1) })
		v, _, err := publishDraft(snapshot.New(b), draft(3, "mine"))
		require.NoError(t, err)
		require.Equal(t, store.Version(4), v)
		require.Equal(t, []store.Version{3, 4}, whole(t, other))
	}},
	{"collecting after an upload ahead", func(t *testing.T, open func() store.Bucket) {
		other := open()
		a := snapshot.New(open())
		_, err := a.Upload(source("ahead"))
		require.NoError(t, err)
		collect(t, other, 1)
		_, n, err := publishDraft(a, draft(3, "ahead"))
		require.NoError(t, err)
		require.Equal(t, int64(5), n)
		require.Equal(t, []store.Version{3, 4}, whole(t, other))
	}},
	{"an upload is skipped, and the version that had the segment is collected", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { collect(t, other, 1) })
		d := draft(3, "old")
		d.Parent.Version = 2
		_, n, err := publishDraft(snapshot.New(b), d)
		require.NoError(t, err)
		require.Equal(t, int64(3), n, "old went with version 2")
		require.Equal(t, []store.Version{3, 4}, whole(t, other))
	}},
	{"an upload is skipped, and only the archive had the segment", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { collect(t, other, 1) })
		d := draft(3, "old")
		d.Parent.Version, d.Segments[0].Open = 2, nil
		_, _, err := publishDraft(snapshot.New(b), d)
		require.ErrorIs(t, err, store.ErrMissingSegment)
		require.Equal(t, []store.Version{3}, whole(t, other))
	}},
	{"a collecting is stalled before it deletes, and others publish what it would", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "list", "seg-", func() {
			publish(t, other, 3, "old", "c")
			collect(t, other, 1)
			publish(t, other, 4, "c", "z")
		})
		collect(t, b, 1)
		require.Equal(t, []store.Version{4, 5}, whole(t, other))
	}},
	{"a collecting is stalled before its head is swapped, and others publish", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { publish(t, other, 3, "old") })
		collect(t, b, 1)
		require.Equal(t, []store.Version{4}, whole(t, other))
	}},
}

// TestSituations runs each of them on each kind of bucket. What the head names must be
// whole at the end, and stay so over one more collecting.
func TestSituations(t *testing.T) {
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			onBacks(t, func(t *testing.T, open func() store.Bucket) {
				seeded(t, open())
				s.do(t, open)
				whole(t, open())
				collect(t, open(), 2)
				whole(t, open())
			})
		})
	}
}

// TestOneWinner races two writers to the same next version, and has the archive
// collected now and then.
func TestOneWinner(t *testing.T) {
	for _, b := range backs() {
		t.Run(b.name, func(t *testing.T) {
			open, races := b.open(t), b.races
			if *long {
				races = 1000
			} else if testing.Short() {
				races = 60
			} else if raced {
				races = 150
			}
			archives := [2]*snapshot.Archive{snapshot.New(&sharedBucket{Bucket: open()}), nil}
			if b.name == "map" { // no two processes share one
				archives[0] = snapshot.New(&sharedBucket{Bucket: open(), mu: &oneMap})
				archives[1] = snapshot.New(&sharedBucket{Bucket: open(), mu: &oneMap})
			} else {
				archives[1] = snapshot.New(open())
			}
			for round := range races {
				var errs [2]error
				var wg sync.WaitGroup
				for i, a := range archives {
					wg.Go(func() {
						_, _, errs[i] = publishDraft(a, draft(store.Version(round), fmt.Sprint(round, i)))
					})
				}
				wg.Wait()
				won := 0
				for _, err := range errs {
					if err == nil {
						won++
					} else {
						require.ErrorIs(t, err, store.ErrConflict)
					}
				}
				require.Equal(t, 1, won, "round %d: %v", round, errs)
				if round%50 == 49 {
					_, err := archives[round/50%2].Collect(snapshot.Retention{Last: 2})
					require.NoError(t, err)
				}
			}
			vs := whole(t, open())
			require.Equal(t, store.Version(races), vs[len(vs)-1])
			t.Logf("%d races, %d versions", races, races)
		})
	}
}

var oneMap sync.Mutex

// sharedBucket holds a lock over each operation, if it has one.
type sharedBucket struct {
	store.Bucket
	mu *sync.Mutex
}

func (s *sharedBucket) locked() func() {
	if s.mu == nil {
		return func() {}
	}
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *sharedBucket) Put(name string, size int64, r io.Reader) error {
	defer s.locked()()
	return s.Bucket.Put(name, size, r)
}

func (s *sharedBucket) Get(name string) (io.ReadCloser, error) {
	defer s.locked()()
	return s.Bucket.Get(name)
}

func (s *sharedBucket) Delete(name string) error {
	defer s.locked()()
	return s.Bucket.Delete(name)
}

func (s *sharedBucket) List(prefix string) ([]string, error) {
	defer s.locked()()
	return s.Bucket.List(prefix)
}

func (s *sharedBucket) Head() ([]byte, string, error) {
	defer s.locked()()
	return s.Bucket.Head()
}

func (s *sharedBucket) SwapHead(tag string, data []byte) error {
	defer s.locked()()
	return s.Bucket.SwapHead(tag, data)
}

// TestClocksChangeNothing gives the files of a folder times of the past and of the
// future between all operations: every outcome is that of a folder left alone. (The
// clock of the S3 store of these tests goes back and forth anyway, and the package
// reads none.)
func TestClocksChangeNothing(t *testing.T) {
	history := func(turn bool) []string {
		dir := filepath.Join(t.TempDir(), "bucket")
		folder, err := snapshot.NewFolder(dir, snapshot.FolderOptions{})
		require.NoError(t, err)
		n := 0
		b := &hooked{folder, func(string, string) {
			if !turn {
				return
			}
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				n++
				at := time.Unix(int64(n%3)*2_000_000_000, 0)
				require.NoError(t, os.Chtimes(filepath.Join(dir, e.Name()), at, at))
			}
		}}
		var out []string
		note := func(args ...any) { out = append(out, fmt.Sprint(args...)) }
		a := snapshot.New(b)
		for v := range store.Version(6) {
			got, n, err := publishDraft(a, draft(v, "common", fmt.Sprint("of ", v)))
			note(got, " ", n, " ", err)
			c, err := a.Collect(snapshot.Retention{Last: 3})
			note(c, " ", err)
			n, err = a.Upload(source(fmt.Sprint("ahead ", v)))
			note(n, " ", err)
		}
		names, err := folder.List("")
		require.NoError(t, err)
		note(names)
		return out
	}
	require.Equal(t, history(false), history(true))
}
