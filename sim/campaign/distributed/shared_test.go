package distributed_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// between is a bucket that others change between the reading of its head and the next change
// of it, once.
type between struct {
	*bucket
	others func()
}

func (b *between) SwapHead(tag string, data []byte) error {
	if do := b.others; do != nil {
		b.others = nil
		do()
	}
	return b.bucket.SwapHead(tag, data)
}

func claim(t *testing.T, w *distributed.Worker, n uint64) distributed.Claim {
	t.Helper()
	c, ok, _, err := w.Claim(t.Context(), 1, 1000, n)
	require.NoError(t, err)
	require.True(t, ok)
	return c
}

func publish(t *testing.T, w *distributed.Worker, c distributed.Claim, n uint64) {
	t.Helper()
	b, _, _ := run(t.Context(), c.From, n)
	require.NoError(t, w.Publish(t.Context(), c, b))
}

// TestRestIsGivenBack: the seeds of a claim that were not finished are the next to be claimed.
func TestRestIsGivenBack(t *testing.T) {
	c, b := new(clock), newBucket()
	one, two := c.join(t, b, "one"), c.join(t, b, "two")
	publish(t, one, claim(t, one, 20), 5)
	got := claim(t, two, 20)
	assert.Equal(t, uint64(6), got.From)
}

// TestOthersMeanwhile: what others publish between a worker's reading and its writing stays.
func TestOthersMeanwhile(t *testing.T) {
	c, b := new(clock), &between{bucket: newBucket()}
	one, two := c.join(t, b, "one"), c.join(t, b, "two")
	first, second := claim(t, one, 20), claim(t, two, 20)
	b.others = func() { publish(t, two, second, 20) }
	publish(t, one, first, 20)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Equal(t, uint64(40), g.State.Finished(""))
	assert.Equal(t, uint64(40*41/2), g.State.Count("sum"))
}

// TestInterruptedMeanwhile: what was finished before an interrupt is published, also where
// that takes a second try.
func TestInterruptedMeanwhile(t *testing.T) {
	c, b := new(clock), &between{bucket: newBucket()}
	one, two := c.join(t, b, "one"), c.join(t, b, "two")
	ctx, interrupt := context.WithCancel(t.Context())
	complete, err := one.Run(ctx, distributed.Job{Seeds: 100, Run: func(ctx context.Context, from, n uint64) (distributed.Batch, bool, error) {
		interrupt()
		b.others = func() { require.NoError(t, two.Live(t.Context())) }
		return run(ctx, from, min(n, 7))
	}})
	require.NoError(t, err)
	assert.False(t, complete)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Equal(t, uint64(7), g.State.Finished(""))
}

// TestCountersOfStarts: two starts of a worker on two buckets have counted by themselves.
func TestCountersOfStarts(t *testing.T) {
	c := new(clock)
	var buckets []store.Bucket
	for i, start := range []string{"first", "second"} {
		b := newBucket()
		o := c.options(b, "one")
		o.Incarnation = start
		w, err := distributed.Join(t.Context(), o)
		require.NoError(t, err)
		if i > 0 {
			publish(t, w, claim(t, w, 10), 0)
		}
		publish(t, w, claim(t, w, 10), 10)
		buckets = append(buckets, b)
	}
	g, err := distributed.Gather(buckets...)
	require.NoError(t, err)
	assert.Equal(t, uint64(2*55), g.State.Count("sum"))
}

// TestDeadlySeed: a seed of which three starts of a worker died is abandoned, and not before.
func TestDeadlySeed(t *testing.T) {
	c, b := new(clock), newBucket()
	for range 3 {
		require.Equal(t, uint64(1), claim(t, c.join(t, b, "mortal"), 1).From)
	}
	assert.Equal(t, uint64(2), claim(t, c.join(t, b, "mortal"), 1).From)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), g.State.Lost("").Count())
}

// TestLateForDead: seeds of a worker that was taken for dead, and that finished them all the
// same, are not run again.
func TestLateForDead(t *testing.T) {
	c, b := new(clock), newBucket()
	slow, other := c.join(t, b, "slow"), c.join(t, b, "other")
	had := claim(t, slow, 10)
	require.NoError(t, other.Live(t.Context()))
	c.at = c.at.Add(2 * time.Minute)
	half := claim(t, other, 10)
	require.Equal(t, uint64(5), half.To-half.From+1, "of what has killed somebody")
	batch, _, _ := run(t.Context(), had.From, 10)
	require.ErrorIs(t, slow.Publish(t.Context(), had, batch), distributed.ErrName)
	assert.Equal(t, uint64(11), claim(t, other, 10).From)
}

// TestDamagedTape: a tape that is not what its name says is none.
func TestDamagedTape(t *testing.T) {
	c, b := new(clock), newBucket()
	w := c.join(t, b, "one")
	publish(t, w, claim(t, w, 10), 10)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	f := g.State.Failures["class/1"]
	_, err = distributed.Tape(b, f)
	require.NoError(t, err)
	for name := range b.objects {
		b.objects[name] = []byte(strings.ToUpper(string(b.objects[name])))
	}
	_, err = distributed.Tape(b, f)
	require.ErrorIs(t, err, distributed.ErrTape)
	g, err = distributed.Gather(b)
	require.NoError(t, err)
	assert.Len(t, g.Amiss, 1)
	assert.Empty(t, g.State.Failures["class/1"].Tape)
}

// TestFailuresDiffer: of two failures that differ in anything one stays, whichever comes first.
func TestFailuresDiffer(t *testing.T) {
	hash := strings.Repeat("00", 32)
	whole := distributed.Failure{Operations: 2, Exceptions: 2, Bytes: 2, Tape: hash, Seed: 2, Commit: "b", Message: "b"}
	for what, change := range map[string]func(*distributed.Failure){
		"operations": func(f *distributed.Failure) { f.Operations-- }, "exceptions": func(f *distributed.Failure) { f.Exceptions-- },
		"operations for exceptions": func(f *distributed.Failure) { f.Operations, f.Exceptions = 1, 3 },
		"bytes":                     func(f *distributed.Failure) { f.Bytes-- }, "seed": func(f *distributed.Failure) { f.Seed-- },
		"commit": func(f *distributed.Failure) { f.Commit = "a" }, "message": func(f *distributed.Failure) { f.Message = "a" },
	} {
		smaller := whole
		change(&smaller)
		a := distributed.State{Failures: map[string]distributed.Failure{"x": whole}}
		b := distributed.State{Failures: map[string]distributed.Failure{"x": smaller}}
		m := distributed.Merge()
		assert.Equal(t, b.Failures, lattice.Join(m, a, b).Failures, what)
		assert.Equal(t, b.Failures, lattice.Join(m, b, a).Failures, what)
		assert.Equal(t, lattice.Less, m.Compare(a, b), what)
	}
}
