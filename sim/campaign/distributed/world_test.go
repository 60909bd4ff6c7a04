package distributed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// bucket is one in memory.
type bucket struct {
	objects  map[string][]byte
	head     []byte
	revision int
}

func newBucket() *bucket { return &bucket{objects: make(map[string][]byte)} }

func (b *bucket) Put(name string, size int64, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		err = errors.New("another length")
	}
	b.objects[name] = data
	return err
}

func (b *bucket) Get(name string) (io.ReadCloser, error) {
	data, ok := b.objects[name]
	if !ok {
		return nil, store.ErrNoObject
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (b *bucket) Delete(name string) error { delete(b.objects, name); return nil }

func (b *bucket) List(prefix string) (names []string, err error) {
	for name := range b.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (b *bucket) Head() ([]byte, string, error) {
	if b.revision == 0 {
		return nil, "", nil
	}
	return b.head, strconv.Itoa(b.revision), nil
}

func (b *bucket) SwapHead(tag string, data []byte) error {
	if _, now, _ := b.Head(); now != tag {
		return store.ErrConflict
	}
	b.head, b.revision = data, b.revision+1
	return nil
}

// faulty is a bucket whose nth operation that changes it, from 1, goes wrong: err is its
// error, and took says that it takes place all the same.
type faulty struct {
	*bucket
	n, at int
	err   error
	took  bool
	ever  bool // and all after it
}

func (f *faulty) strike() bool {
	f.n++
	return f.n == f.at || f.ever && f.n > f.at
}

func (f *faulty) Put(name string, size int64, r io.Reader) error {
	if !f.strike() {
		return f.bucket.Put(name, size, r)
	}
	if f.took {
		_ = f.bucket.Put(name, size, r)
	}
	return f.err
}

func (f *faulty) SwapHead(tag string, data []byte) error {
	if !f.strike() {
		return f.bucket.SwapHead(tag, data)
	}
	if f.took {
		if err := f.bucket.SwapHead(tag, data); err != nil {
			return err
		}
	}
	return f.err
}

// clock is one for all workers of a test; to wait is to move it on.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.at = c.at.Add(d)
	return ctx.Err()
}

// options are those of a worker by name, on its first start.
func (c *clock) options(b store.Bucket, name string) distributed.Options {
	return distributed.Options{Bucket: b, Of: "counting", Name: name, Incarnation: "1", Lease: time.Minute, Now: c.now, Wait: c.wait}
}

// join is a worker that has begun.
func (c *clock) join(t *testing.T, b store.Bucket, name string) *distributed.Worker {
	t.Helper()
	w, err := distributed.Join(t.Context(), c.options(b, name))
	require.NoError(t, err)
	return w
}

// run is what seeds come to in these tests: one in ten fails, of one of three classes, in a
// tape that is longer for greater seeds.
func run(_ context.Context, from, n uint64) (distributed.Batch, bool, error) {
	b := distributed.Batch{Seeds: n, Counters: map[string]uint64{"sum": 0}}
	for seed := from; seed < from+n; seed++ {
		b.Counters["sum"] += seed
		if seed%10 == 0 {
			b.Failures = append(b.Failures, distributed.Found{
				Class: fmt.Sprintf("class/%d", seed%3), Data: []byte(fmt.Sprintf("tape of %d", seed)),
				Failure: distributed.Failure{Operations: int(seed), Seed: seed, Message: "what broke"},
			})
		}
	}
	return b, true, nil
}

// done runs claims of a worker until there are none, and expects that the campaign of so many
// seeds is whole, with all that one worker alone would have found and counted.
func (c *clock) done(t *testing.T, b store.Bucket, name string, seeds uint64) *distributed.State {
	t.Helper()
	complete, err := c.join(t, b, name).Run(t.Context(), distributed.Job{Seeds: seeds, Run: run})
	require.NoError(t, err)
	require.True(t, complete)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	require.Empty(t, g.Amiss)
	whole, _, _ := run(t.Context(), 1, seeds)
	require.Equal(t, seeds, g.State.Finished(""), "each seed once")
	require.Equal(t, whole.Counters["sum"], g.State.Count("sum"), "no seed was counted twice")
	want := make(map[string]distributed.Found)
	for _, f := range whole.Failures {
		if had, ok := want[f.Class]; !ok || f.Operations < had.Operations {
			want[f.Class] = f
		}
	}
	require.Len(t, g.State.Failures, len(want))
	for class, f := range want {
		require.Equal(t, f.Seed, g.State.Failures[class].Seed, class)
		require.Equal(t, string(f.Data), string(g.Tapes[g.State.Failures[class].Tape]), class)
	}
	return &g.State
}
