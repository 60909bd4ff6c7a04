package storetest

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// counting counts what is asked of a bucket and what it gives.
type counting struct {
	*snapshot.Folder
	requests, bytes int64
	fail            error // of all reading, if not nil
}

func (c *counting) count(r io.ReadCloser, err error) (io.ReadCloser, error) {
	c.requests++
	if c.fail != nil {
		if err == nil {
			err = r.Close()
		}
		return nil, fmt.Errorf("%w: %w", c.fail, err)
	}
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r, (*counter)(&c.bytes)), r}, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (c *counting) Get(name string) (io.ReadCloser, error) { return c.count(c.Folder.Get(name)) }

func (c *counting) GetRange(name string, off, n int64) (io.ReadCloser, error) {
	return c.count(c.Folder.GetRange(name, off, n))
}

func (c *counting) Head() ([]byte, string, error) {
	b, tag, err := c.Folder.Head()
	c.requests++
	c.bytes += int64(len(b))
	return b, tag, err
}

// FirstGet is what opening an engine lazily at a version of so many keys asks of the
// bucket until a first get is answered.
type FirstGet struct{ Requests, Bytes int64 }

// TestFirstGet publishes a version of each number of keys, opens it lazily in another
// directory, and counts what a first get costs: it must not exceed twice what it costs
// at the least number of keys. Nothing may have been fetched that was not read.
func TestFirstGet(t *testing.T, open func(store.Options) (store.Engine, error), keys ...int) {
	lessOften(t)
	var least FirstGet
	for i, n := range keys {
		got := firstGet(t, open, n)
		t.Logf("%d keys: %d requests, %d bytes until the first get is answered", n, got.Requests, got.Bytes)
		if i == 0 {
			least = got
		}
		require.LessOrEqual(t, got.Requests, 2*least.Requests)
		require.LessOrEqual(t, got.Bytes, 2*least.Bytes)
	}
}

func firstGet(t *testing.T, open func(store.Options) (store.Engine, error), n int) FirstGet {
	d, err := disk.NewFS(disk.FSOptions{MaxBytes: 1 << 30})
	require.NoError(t, err)
	b := &counting{Folder: mustFolder(t, d)}
	e, err := open(store.Options{Dir: "dir", FS: d, Archive: snapshot.New(b)})
	require.NoError(t, err)
	key := func(i int) []byte { return fmt.Appendf(nil, "key %012d", i) }
	for i := range n {
		require.NoError(t, e.Set(key(i), fmt.Appendf(nil, "%08d", i)))
	}
	_, err = e.Snapshot()
	require.NoError(t, err)
	require.NoError(t, e.Close())
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	b.requests, b.bytes = 0, 0
	e, err = open(store.Options{Dir: "elsewhere", FS: d, Archive: snapshot.New(b), Lazy: true, Scheduler: q})
	require.NoError(t, err)
	v, err := e.Get(key(n / 3))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%08d", n/3), string(v))
	got := FirstGet{b.requests, b.bytes}
	require.Positive(t, e.Size().Away)
	require.Zero(t, e.Size().Disk)
	require.Positive(t, q.Len(), "the rest comes in the background")
	done, err := q.Drain(maxSteps)
	require.NoError(t, err)
	require.True(t, done)
	require.Zero(t, e.Size().Away)
	for _, i := range []int{0, n / 2, n - 1} {
		b.requests = 0
		v, err := e.Get(key(i))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%08d", i), string(v))
		require.Zero(t, b.requests, "all of it is here")
	}
	require.NoError(t, e.Close())
	return got
}

// TestLazy restores a version of several pieces, large and small, lazily, and reads it
// while nothing, something and everything has been fetched, sets and publishes on top of
// it, cuts the power, and opens again, lazily and not. What cannot be read is an error
// that names the piece, and comes when the archive answers again.
func TestLazy(t *testing.T, open func(store.Options) (store.Engine, error)) {
	lessOften(t)
	d := newDisk(t)
	b := &counting{Folder: mustFolder(t, d)}
	a := snapshot.New(b)
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	e, err := open(store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q})
	require.NoError(t, err)
	held := map[string]string{}
	set := func(i, round int) {
		k, v := fmt.Sprintf("key %06d", i), fmt.Sprintf("%064d", i*1000+round)
		if (i+round)%11 == 0 {
			v = ""
		}
		require.NoError(t, e.Set([]byte(k), []byte(v)))
		held[k] = v
	}
	for round, n := range []int{3000, 2000, 30, 1} {
		for i := range n {
			set(i*(3000/n), round)
		}
		_, err := e.Snapshot()
		require.NoError(t, err)
	}
	m, err := a.Manifest(store.Latest)
	require.NoError(t, err)
	require.Len(t, m.Segments, 4)
	is := func() {
		for k, v := range held {
			got, err := e.Get([]byte(k))
			require.NoError(t, err)
			require.Equal(t, v, string(got), k)
		}
		for _, k := range []string{"", "key 00000", "key 000001x", "key 9", "a", "z"} {
			got, err := e.Get([]byte(k + " "))
			require.NoError(t, err)
			require.Nil(t, got)
		}
	}
	require.NoError(t, e.Close())
	lazy := func(dir string, yes bool) {
		if q, err = store.NewQueue(4); err != nil {
			t.Fatal(err)
		}
		e, err = open(store.Options{Dir: dir, FS: d, Archive: a, Scheduler: q, Lazy: yes})
		require.NoError(t, err)
	}
	lazy("lazy", true)
	require.Positive(t, e.Size().Away)
	is()
	for e.Size().Away > 0 { // with more and more of it here
		left := e.Size().Away
		_, err := q.Step()
		require.NoError(t, err)
		require.LessOrEqual(t, e.Size().Away, left)
		is()
		d.PowerCut()
		lazy("lazy", true)
		is()
	}
	require.NoError(t, e.Close())

	// On top of what is away: sets, snapshots that name it, and a restore.
	lazy("on top", true)
	v := m.Version
	for round := 10; round < 12; round++ {
		for i := range 40 {
			set(i*7, round)
		}
		if v, err = e.Snapshot(); err != nil {
			t.Fatal(err)
		}
		is()
	}
	require.Positive(t, e.Size().Away)
	_, err = a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	is()
	d.PowerCut()
	lazy("on top", true)
	is()
	require.NoError(t, e.Restore(v))
	is()

	// The archive does not answer.
	b.fail = fmt.Errorf("out of order")
	failed := false
	for k := range held {
		if _, err := e.Get([]byte(k)); err != nil {
			require.ErrorIs(t, err, b.fail)
			failed = true
		}
	}
	require.True(t, failed)
	_, err = q.Drain(maxSteps)
	require.ErrorIs(t, err, b.fail)
	require.ErrorIs(t, e.Stats().Background, b.fail)
	b.fail = nil
	is()
	_, err = q.Drain(maxSteps)
	require.NoError(t, err)
	require.Zero(t, e.Size().Away)
	require.NoError(t, e.Stats().Background)
	require.NoError(t, e.Close())

	// Not lazily any more: all of it comes at once.
	lazy("eager", true)
	require.Positive(t, e.Size().Away)
	require.NoError(t, e.Close())
	_, err = open(store.Options{Dir: "eager", FS: d})
	require.ErrorIs(t, err, store.ErrNoArchive)
	lazy("eager", false)
	require.Zero(t, e.Size().Away)
	is()

	// Its version is gone before it was fetched.
	require.NoError(t, e.Close())
	lazy("gone", true)
	other, err := open(store.Options{Dir: "other", FS: d, Archive: snapshot.New(b), Empty: true})
	require.NoError(t, err)
	require.NoError(t, other.Set([]byte("k"), []byte("v")))
	_, err = other.Snapshot()
	require.NoError(t, err)
	require.NoError(t, other.Close())
	_, err = a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	_, err = e.Get([]byte("key 000001"))
	require.ErrorIs(t, err, store.ErrVersion)
	require.NoError(t, e.Close())
}
