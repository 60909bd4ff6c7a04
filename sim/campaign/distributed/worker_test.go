package distributed_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// TestAlone: one worker runs every seed once.
func TestAlone(t *testing.T) {
	c := new(clock)
	c.done(t, newBucket(), "a", 1000)
}

// TestTwoWorkers: workers in turns share the seeds out between them: as many claims of two
// come to twice as many distinct seeds as those of one.
func TestTwoWorkers(t *testing.T) {
	const claims, size = 50, 20
	distinct := func(names ...string) float64 {
		c, b := new(clock), newBucket()
		var workers []*distributed.Worker
		for _, name := range names {
			workers = append(workers, c.join(t, b, name))
		}
		for range claims {
			var held []distributed.Claim
			for _, w := range workers { // all have claims at once
				claim, ok, _, err := w.Claim(t.Context(), 1, 1_000_000, size)
				require.NoError(t, err)
				require.True(t, ok)
				held = append(held, claim)
			}
			for i, w := range workers {
				batch, _, _ := run(t.Context(), held[i].From, held[i].To-held[i].From+1)
				require.NoError(t, w.Publish(t.Context(), held[i], batch))
			}
		}
		g, err := distributed.Gather(b)
		require.NoError(t, err)
		return float64(g.State.Finished(""))
	}
	assert.GreaterOrEqual(t, distinct("a", "b"), 1.8*distinct("a"))
}

// TestKilled: a worker that is killed at any of its operations on the bucket, before or after
// that takes place, loses nothing that it had published, and its seeds are run by another.
func TestKilled(t *testing.T) {
	const seeds = 300
	killed := errors.New("killed")
	for _, took := range []bool{false, true} {
		for at := 2; at < 40; at++ {
			c, b := new(clock), newBucket()
			w, err := distributed.Join(t.Context(), c.options(&faulty{bucket: b, at: at, err: killed, took: took, ever: true}, "a"))
			require.NoError(t, err)
			var published distributed.State
			job := distributed.Job{Seeds: seeds, Run: run, Progress: func(s *distributed.State) { published = distributed.Merge().Clone(*s) }}
			if _, err = w.Run(t.Context(), job); err != nil {
				require.ErrorIs(t, err, killed)
			}
			g, err := distributed.Gather(b)
			require.NoError(t, err)
			assert.True(t, distributed.Merge().Compare(published, g.State).Leq(), "what was published is there")
			after := c.done(t, b, "b", seeds)
			assert.True(t, distributed.Merge().Compare(published, *after).Leq())
		}
	}
}

// TestAnswerLost: an operation that fails once, having taken place or not, is tried again,
// and counts once.
func TestAnswerLost(t *testing.T) {
	for _, took := range []bool{false, true} {
		for at := 1; at < 30; at++ {
			c, b := new(clock), newBucket()
			f := &faulty{bucket: b, at: at, err: errors.New("no answer"), took: took}
			complete, err := c.join(t, f, "a").Run(t.Context(), distributed.Job{Seeds: 200, Run: run})
			require.NoError(t, err, "operation %d", at)
			require.True(t, complete)
			c.done(t, b, "b", 200)
		}
	}
}

// TestPoison: a seed that kills every worker is abandoned, all others are run.
func TestPoison(t *testing.T) {
	const seeds, poison = 200, 137
	c, b := new(clock), newBucket()
	deaths := 0
	for n := 0; ; n++ {
		require.Less(t, n, 40, "it comes to an end")
		w := c.join(t, b, fmt.Sprintf("w%d", n))
		died := false
		for {
			claim, ok, open, err := w.Claim(t.Context(), 1, seeds, 64)
			require.NoError(t, err)
			if !ok && !open {
				break
			}
			if !ok {
				require.NoError(t, c.wait(t.Context(), 10*time.Second))
				continue
			}
			if died = claim.From <= poison && poison <= claim.To; died {
				deaths++
				break
			}
			batch, _, _ := run(t.Context(), claim.From, claim.To-claim.From+1)
			require.NoError(t, w.Publish(t.Context(), claim, batch))
		}
		if !died {
			break
		}
	}
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Equal(t, uint64(seeds-1), g.State.Finished(""))
	assert.Equal(t, causal.Spans{{Lo: poison, Hi: poison}}, g.State.Lost(""))
	assert.Less(t, deaths, 12)
	assert.Empty(t, g.State.Failures["time"], "it is no failure")
}

// TestSameName: a second worker of a name waits to see whether the first is at work, is
// refused if it is, and takes its place if not; the first, come to itself, publishes what it
// has and ends.
func TestSameName(t *testing.T) {
	c, b := new(clock), newBucket()
	first := c.join(t, b, "a")
	claim, ok, _, err := first.Claim(t.Context(), 1, 100, 50)
	require.NoError(t, err)
	require.True(t, ok)

	o := c.options(b, "a")
	o.Incarnation = "2"
	o.Wait = func(ctx context.Context, d time.Duration) error {
		require.NoError(t, first.Live(ctx))
		return c.wait(ctx, d)
	}
	_, err = distributed.Join(t.Context(), o)
	require.ErrorIs(t, err, distributed.ErrName)
	assert.Contains(t, err.Error(), "give this one another name")

	o.Wait = c.wait
	second, err := distributed.Join(t.Context(), o)
	require.NoError(t, err, "the first has said nothing for a minute")
	again, ok, _, err := second.Claim(t.Context(), 1, 100, 50)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, claim.From, again.From, "the seeds of the first come first")

	batch, _, _ := run(t.Context(), claim.From, claim.To-claim.From+1)
	require.ErrorIs(t, first.Publish(t.Context(), claim, batch), distributed.ErrName)
	batch, _, _ = run(t.Context(), again.From, again.To-again.From+1)
	require.NoError(t, second.Publish(t.Context(), again, batch))
	require.NoError(t, second.Leave(t.Context()))
	require.NoError(t, first.Leave(t.Context()))
	c.done(t, b, "b", 100)
}

// TestRefused: buckets that cannot be used, or hold something else, are errors that say so,
// and what they hold stays.
func TestRefused(t *testing.T) {
	c := new(clock)
	denied := &faulty{bucket: newBucket(), at: 1, err: fs.ErrPermission, ever: true}
	_, err := distributed.Join(t.Context(), c.options(denied, "a"))
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.Contains(t, err.Error(), "the bucket cannot be used")

	for name, head := range map[string]string{
		"of an archive": "joinery snapshots 3\n", "of another kind": `{"versions":[]}`, "of another version": `{"joinery_campaign":9}`,
		"damaged": `{"joinery_campaign":1,"seeds":{"":[[5,1]]}}`, "with more in it": `{"joinery_campaign":1,"of":"x","extra":1}`,
	} {
		b := newBucket()
		require.NoError(t, b.SwapHead("", []byte(head)))
		_, err := distributed.Join(t.Context(), c.options(b, "a"))
		require.ErrorIs(t, err, distributed.ErrForeign, name)
		assert.Contains(t, err.Error(), "give the campaign a bucket, a folder or a prefix of its own", name)
		assert.Equal(t, head, string(b.head), name)
		_, err = distributed.Gather(b)
		require.ErrorIs(t, err, distributed.ErrForeign, name)
	}

	b := newBucket()
	b.objects["seg-of-something-else"] = []byte("stays")
	c.join(t, b, "a")
	other := c.options(b, "b")
	other.Of = "something else"
	_, err = distributed.Join(t.Context(), other)
	require.ErrorIs(t, err, distributed.ErrCampaign)
	assert.Equal(t, "stays", string(b.objects["seg-of-something-else"]))

	for _, wrong := range []func(o *distributed.Options){
		func(o *distributed.Options) { o.Bucket = nil }, func(o *distributed.Options) { o.Of = "" }, func(o *distributed.Options) { o.Name = "a#b" },
		func(o *distributed.Options) { o.Lease = -1 }, func(o *distributed.Options) { o.Commit = "\xff" }, func(o *distributed.Options) { o.Of = strings.Repeat("x", 5000) },
	} {
		o := c.options(newBucket(), "a")
		wrong(&o)
		_, err := distributed.Join(t.Context(), o)
		require.Error(t, err)
	}
}

// TestFull: a bucket that takes no more, as on a full disk, ends the worker with what the
// bucket said; what was published before is there, and others go on once there is room.
func TestFull(t *testing.T) {
	c, b := new(clock), newBucket()
	full := errors.New("no space left on device")
	complete, err := c.join(t, &faulty{bucket: b, at: 12, err: full, ever: true}, "a").Run(t.Context(), distributed.Job{Seeds: 500, Run: run})
	require.ErrorIs(t, err, full)
	assert.False(t, complete)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Positive(t, g.State.Finished(""))
	c.done(t, b, "b", 500)
}

// TestConflicts: a head that others change all the time is tried for a while.
func TestConflicts(t *testing.T) {
	c := new(clock)
	_, err := distributed.Join(t.Context(), c.options(&faulty{bucket: newBucket(), at: 1, err: store.ErrConflict, ever: true}, "a"))
	require.ErrorIs(t, err, distributed.ErrBusy)
}

// TestInterrupted: what was finished is published, and the rest given back at once.
func TestInterrupted(t *testing.T) {
	c, b := new(clock), newBucket()
	ctx, cancel := context.WithCancel(t.Context())
	complete, err := c.join(t, b, "a").Run(ctx, distributed.Job{Seeds: 100, Run: func(_ context.Context, from, n uint64) (distributed.Batch, bool, error) {
		cancel()
		return run(ctx, from, n/2)
	}})
	require.NoError(t, err)
	assert.False(t, complete)
	at := c.at
	state := c.done(t, b, "b", 100)
	assert.Less(t, c.at.Sub(at), time.Minute, "nobody had to wait for a lease")
	assert.Len(t, state.Counters, 2)
}

// TestMergeAnyOrder: histories of workers, some of which die, in several buckets, give one
// state in whatever order their states are joined.
func TestMergeAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := distributed.Merge()
		var seen []distributed.State
		for i := range rapid.IntRange(1, 3).Draw(t, "buckets") {
			seen = append(seen, histories(t, fmt.Sprint(i))...)
		}
		var want distributed.State
		for _, s := range seen {
			m.MergeIn(&want, s)
		}
		order := rapid.Permutation(seen).Draw(t, "order")
		groups := make([]distributed.State, rapid.IntRange(1, 4).Draw(t, "groups"))
		for _, s := range order {
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				m.MergeIn(&groups[rapid.IntRange(0, len(groups)-1).Draw(t, "group")], s)
			}
		}
		var got distributed.State
		for _, s := range groups {
			m.MergeIn(&got, s)
		}
		if m.Compare(got, want) != lattice.Equal {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}

// histories are the states of a bucket after each step of workers that claim, publish, and
// die, as many as are drawn.
func histories(t *rapid.T, incarnation string) (seen []distributed.State) {
	c, b := new(clock), newBucket()
	held := make(map[string]*distributed.Claim)
	workers := make(map[string]*distributed.Worker)
	for step := range rapid.IntRange(1, 30).Draw(t, "steps") {
		name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "worker")
		w := workers[name]
		if w == nil {
			o := c.options(b, name)
			o.Incarnation = fmt.Sprintf("%s-%d", incarnation, step)
			var err error
			if w, err = distributed.Join(context.Background(), o); err != nil {
				t.Fatal(err)
			}
			workers[name] = w
		}
		switch claim := held[name]; {
		case rapid.IntRange(0, 9).Draw(t, "dies") == 9:
			delete(held, name)
			delete(workers, name)
		case claim == nil:
			got, ok, _, err := w.Claim(context.Background(), 1, 200, rapid.Uint64Range(1, 30).Draw(t, "size"))
			if ok && err == nil {
				held[name] = &got
			}
		default:
			batch, _, _ := run(context.Background(), claim.From, rapid.Uint64Range(0, claim.To-claim.From+1).Draw(t, "finished"))
			if err := w.Publish(context.Background(), *claim, batch); err != nil && !errors.Is(err, distributed.ErrName) {
				t.Fatal(err)
			}
			delete(held, name)
		}
		g, err := distributed.Gather(b)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, g.State)
	}
	return seen
}
