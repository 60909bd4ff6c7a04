package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// bucket is the plain twin of a bucket: a map. before, if not nil, is called before
// each operation, as by a process that is stalled there while others go on.
type bucket struct {
	mu      sync.Mutex // of objects, for uploads at once
	objects map[string][]byte
	head    []byte
	tag     int
	before  func()
}

func newBucket() *bucket { return &bucket{objects: map[string][]byte{}} }

func (b *bucket) turn() {
	if b.before != nil {
		b.before()
	}
}

func (b *bucket) Put(name string, size int64, r io.Reader) error {
	b.turn()
	p, err := io.ReadAll(r)
	if err == nil && int64(len(p)) != size {
		err = errors.New("not the size announced")
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[name] = p
	return nil
}

func (b *bucket) Get(name string) (io.ReadCloser, error) {
	b.turn()
	p, ok := b.objects[name]
	if !ok {
		return nil, store.ErrNoObject
	}
	return io.NopCloser(bytes.NewReader(p)), nil
}

func (b *bucket) Delete(name string) error {
	b.turn()
	delete(b.objects, name)
	return nil
}

func (b *bucket) List(prefix string) (names []string, err error) {
	b.turn()
	for name := range b.objects {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (b *bucket) Head() ([]byte, string, error) {
	b.turn()
	if b.tag == 0 {
		return nil, "", nil
	}
	return b.head, fmt.Sprint(b.tag), nil
}

func (b *bucket) SwapHead(tag string, data []byte) error {
	b.turn()
	if now := fmt.Sprint(b.tag); tag != now && (tag != "" || b.tag != 0) {
		return store.ErrConflict
	}
	b.head, b.tag = bytes.Clone(data), b.tag+1
	return nil
}

func source(content string) store.Source {
	return store.Source{
		Segment: store.Segment{Hash: sha256.Sum256([]byte(content)), Length: int64(len(content))},
		Open:    func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(content))), nil },
	}
}

func draft(seen store.Version, contents ...string) store.Draft {
	at := store.Ref{Version: seen}
	d := store.Draft{Seen: at, Parent: at, Engine: "test", Format: 1}
	for _, c := range contents {
		d.Segments = append(d.Segments, source(c))
	}
	return d
}

// publishDraft publishes by number, and counts bytes of segments and their indexes.
func publishDraft(a *snapshot.Archive, d store.Draft) (store.Version, int64, error) {
	r, n, _, err := a.PublishCounted(d)
	return r.Version, n, err
}

// whole reads all that every version names.
func whole(t require.TestingT, b store.Bucket) []store.Version {
	return wholeOf(t, snapshot.New(b))
}

// wholeOf reads all that every version of a branch names.
func wholeOf(t require.TestingT, a *snapshot.Archive) []store.Version {
	vs, err := a.Versions()
	require.NoError(t, err)
	for _, v := range vs {
		m, err := a.Manifest(v)
		require.NoError(t, err)
		require.Equal(t, v, m.Version)
		for _, s := range m.Segments {
			r, err := a.Open(v, s)
			require.NoError(t, err, "version %s", v)
			p, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, s.Hash, store.Hash(sha256.Sum256(p)))
		}
	}
	return vs
}

func TestPublishAndCollect(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	v, err := a.Latest()
	require.NoError(t, err)
	require.Zero(t, v)
	_, err = a.Manifest(store.Latest)
	require.ErrorIs(t, err, store.ErrVersion)
	v, n, err := publishDraft(a, draft(0, "one", "two"))
	require.NoError(t, err)
	require.Equal(t, store.Version(1), v)
	require.Equal(t, int64(6), n)
	v, n, err = publishDraft(a, draft(1, "two", "three"))
	require.NoError(t, err)
	require.Equal(t, store.Version(2), v)
	require.Equal(t, int64(5), n, "the archive has two")
	_, _, err = publishDraft(a, draft(1, "four"))
	require.ErrorIs(t, err, store.ErrConflict)
	require.Equal(t, []store.Version{1, 2}, whole(t, b))
	_, err = a.Collect(snapshot.Retention{})
	require.ErrorIs(t, err, store.ErrOptions)
	c, err := a.Collect(snapshot.Retention{Last: 1, Versions: []store.Version{1}})
	require.NoError(t, err)
	require.Equal(t, snapshot.Collected{Kept: 5}, c)
	c, err = a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	require.Equal(t, snapshot.Collected{Versions: 1, Objects: 2, Kept: 3}, c)
	require.Equal(t, []store.Version{2}, whole(t, b))
	_, err = a.Manifest(1)
	require.ErrorIs(t, err, store.ErrVersion)
	_, err = a.Open(2, source("one").Segment)
	require.ErrorIs(t, err, store.ErrMissingSegment)
	only := draft(2, "one")
	only.Segments[0].Open = nil
	_, _, err = publishDraft(a, only)
	require.ErrorIs(t, err, store.ErrMissingSegment)
	v, n, err = publishDraft(a, draft(2, "one"))
	require.NoError(t, err)
	require.Equal(t, store.Version(3), v)
	require.Equal(t, int64(3), n, "one was collected")
	require.Equal(t, []store.Version{2, 3}, whole(t, b))
}

// TestUploadAhead uploads before publishing, with and without a collecting between.
func TestUploadAhead(t *testing.T) {
	for _, collect := range []bool{false, true} {
		b := newBucket()
		a := snapshot.New(b)
		_, _, err := publishDraft(a, draft(0, "first"))
		require.NoError(t, err)
		n, err := a.Upload(source("ahead"))
		require.NoError(t, err)
		require.Equal(t, int64(5), n)
		n, err = a.Upload(source("ahead"))
		require.NoError(t, err)
		require.Zero(t, n)
		if collect {
			c, err := snapshot.New(b).Collect(snapshot.Retention{Last: 1})
			require.NoError(t, err)
			require.Equal(t, 1, c.Objects)
		}
		_, n, err = publishDraft(a, draft(1, "ahead"))
		require.NoError(t, err)
		require.Equal(t, collect, n == 5)
		whole(t, b)
	}
}

// TestUploadAheadAgain uploads the same before and after a collecting, which has deleted it: then it
// is put again, and a version may rely on it.
func TestUploadAheadAgain(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	_, _, err := publishDraft(a, draft(0, "first"))
	require.NoError(t, err)
	for range 3 {
		for _, want := range []int64{5, 0} {
			n, err := a.Upload(source("ahead"))
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		c, err := snapshot.New(b).Collect(snapshot.Retention{Last: 1})
		require.NoError(t, err)
		require.Equal(t, 1, c.Objects)
	}
	_, err = a.Upload(source("ahead"))
	require.NoError(t, err)
	d := draft(1, "ahead")
	d.Segments[0].Open = nil
	v, n, err := publishDraft(a, d)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, []store.Version{1, v}, whole(t, b))
}

// act is what a process does; seen is what it knew before it began.
type act struct {
	name string
	do   func(b store.Bucket) error
}

func acts() []act {
	publish := func(contents ...string) func(store.Bucket) error {
		return func(b store.Bucket) error {
			a := snapshot.New(b)
			seen, err := a.Latest()
			if err != nil {
				return err
			}
			d := draft(seen, contents...)
			_, _, err = publishDraft(a, d)
			if errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		}
	}
	collect := func(b store.Bucket) error {
		_, err := snapshot.New(b).Collect(snapshot.Retention{Last: 1})
		return err
	}
	ahead := func(b store.Bucket) error {
		a := snapshot.New(b)
		if _, err := a.Upload(source("common")); err != nil {
			return err
		}
		seen, err := a.Latest()
		if err != nil {
			return err
		}
		if _, _, err = publishDraft(a, draft(seen, "common", "ahead")); errors.Is(err, store.ErrConflict) {
			return nil
		}
		return err
	}
	return []act{
		{"publish common", publish("common", "x")}, {"publish without", publish("y")}, {"collect", collect}, {"ahead", ahead},
	}
}

// TestStalled stalls a process at each of its operations on the bucket while another
// does all of its work, which is itself stalled at each of its operations while a
// third does: writers across a collecting, a collecting across writers, a collecting
// between upload and manifest, and uploads that were skipped since the segment was
// there. Every version that the head names must be whole at the end, and stay so
// over one more collecting. No clock is asked for anything.
func TestStalled(t *testing.T) {
	runs := 0
	for i, first := range acts() {
		for j, second := range acts() {
			for k, third := range acts() {
				if (raced || testing.Short()) && (i+j+k)%4 != 0 {
					continue
				}
				for at := 1; at < 14; at++ {
					for within := 1; within < 14; within++ {
						if !stalled(t, []act{first, second, third}, []int{at, within}) {
							break
						}
						runs++
					}
				}
			}
		}
	}
	require.Greater(t, runs, 500)
	t.Logf("%d schedules", runs)
}

// stalled runs acts nested at operations; it reports whether all of them came to run.
func stalled(t *testing.T, as []act, at []int) bool {
	t.Helper()
	b := newBucket()
	seed := snapshot.New(b)
	for i, c := range []string{"common", "old", "z"} {
		_, _, err := publishDraft(seed, draft(store.Version(i), c))
		require.NoError(t, err)
	}
	counts := make([]int, len(as))
	level := 0
	b.before = func() {
		counts[level]++
		if level < len(at) && counts[level] == at[level] {
			level++
			require.NoError(t, as[level].do(b), "%s at %d in %s", as[level].name, at[level-1], as[level-1].name)
			level--
		}
	}
	require.NoError(t, as[0].do(b), as[0].name)
	ran := counts[len(as)-1] > 0
	b.before = nil
	what := fmt.Sprintf("%s, at %d %s, at %d %s", as[0].name, at[0], as[1].name, at[1], as[2].name)
	vs := whole(t, b)
	require.NotEmpty(t, vs, what)
	_, err := snapshot.New(b).Collect(snapshot.Retention{Last: 2})
	require.NoError(t, err, what)
	whole(t, b)
	return ran
}

// TestCorruptSourceLeavesNothing publishes segments that are not what their hashes
// say: no name is taken by them.
func TestCorruptSourceLeavesNothing(t *testing.T) {
	for name, content := range map[string]string{"other": "onE", "short": "on", "long": "onee", "empty": ""} {
		b := newBucket()
		d := draft(0, "one", "two")
		d.Segments[0].Open = source(content).Open
		_, _, err := publishDraft(snapshot.New(b), d)
		if name == "long" { // the bytes announced are right; nobody asks for more
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, store.ErrCorrupt, name)
		names, err := b.List("")
		require.NoError(t, err)
		require.Empty(t, names, name)
	}
	b := newBucket()
	_, _, err := publishDraft(snapshot.New(b), draft(0, ""))
	require.NoError(t, err)
	whole(t, b)
	d := draft(1, "x")
	d.Segments[0].Length = 0
	_, _, err = publishDraft(snapshot.New(b), d)
	require.ErrorIs(t, err, store.ErrCorrupt)
}

// TestNeverSettles has others move the head at each swap.
func TestNeverSettles(t *testing.T) {
	b := newBucket()
	_, _, err := publishDraft(snapshot.New(b), draft(0, "x"))
	require.NoError(t, err)
	busy := &moving{b}
	_, _, err = publishDraft(snapshot.New(busy), draft(1, "y"))
	require.ErrorIs(t, err, store.ErrBusy)
	_, err = snapshot.New(busy).Collect(snapshot.Retention{Last: 1})
	require.ErrorIs(t, err, store.ErrBusy)
	require.Equal(t, []store.Version{1}, whole(t, b))
}

type moving struct{ *bucket }

func (m *moving) SwapHead(string, []byte) error { return store.ErrConflict }

// TestSpoiledManifestDeletesNothing collects where a manifest is missing or spoiled.
func TestSpoiledManifestDeletesNothing(t *testing.T) {
	for _, spoil := range []bool{true, false} {
		b := newBucket()
		a := snapshot.New(b)
		_, _, err := publishDraft(a, draft(0, "x"))
		require.NoError(t, err)
		_, _, err = publishDraft(a, draft(1, "y"))
		require.NoError(t, err)
		names, err := b.List("man-")
		require.NoError(t, err)
		for _, name := range names {
			if spoil {
				b.objects[name] = append(b.objects[name], ' ')
			} else {
				delete(b.objects, name)
			}
		}
		n := len(b.objects)
		_, err = snapshot.New(b).Collect(snapshot.Retention{Last: 1})
		require.Error(t, err)
		require.Equal(t, spoil, errors.Is(err, store.ErrCorrupt))
		require.Equal(t, !spoil, errors.Is(err, store.ErrMissing))
		require.Len(t, b.objects, n)
	}
}

// TestHistoryOfOneWriter holds an archive against a list of contents.
func TestHistoryOfOneWriter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBucket()
		a := snapshot.New(b)
		held := map[store.Version][]string{}
		var last store.Version
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0, 1:
				contents := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4).Draw(rt, "contents")
				v, _, err := publishDraft(a, draft(last, contents...))
				require.NoError(rt, err)
				require.Equal(rt, last+1, v)
				last = v
				held[v] = contents
			case 2:
				if _, err := a.Upload(source(rapid.SampledFrom([]string{"a", "b", "e"}).Draw(rt, "upload"))); err != nil {
					rt.Fatal(err)
				}
			case 3:
				keep := rapid.IntRange(1, 4).Draw(rt, "keep")
				_, err := a.Collect(snapshot.Retention{Last: keep})
				require.NoError(rt, err)
				for v := range held {
					if v+store.Version(keep) <= last {
						delete(held, v)
					}
				}
				segments := map[string]bool{}
				for _, contents := range held {
					for _, c := range contents {
						segments[c] = true
					}
				}
				names, err := b.List("seg-")
				require.NoError(rt, err)
				distinct := map[string]bool{}
				for _, n := range names {
					distinct[n[:68]] = true
				}
				if last > 0 {
					require.Len(rt, distinct, len(segments), "what no version names is gone")
				}
			}
			vs := whole(rt, b)
			require.Len(rt, vs, len(held))
			for _, v := range vs {
				m, err := a.Manifest(v)
				require.NoError(rt, err)
				require.Len(rt, m.Segments, len(held[v]))
				for i, s := range m.Segments {
					require.Equal(rt, source(held[v][i]).Segment, s)
				}
			}
		}
	})
}
