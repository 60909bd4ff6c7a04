package handout_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
	"github.com/joinery-go/joinery/sim/handout"
)

// TestShrunkOnce: a tape that another was shrunk to is not shrunk again.
func TestShrunkOnce(t *testing.T) {
	c, said := folder(t), new(notes)
	require.NoError(t, worker(c, nil, "alone", said).Work(t.Context()))
	shrunk, smaller := map[string]bool{}, 0
	for _, line := range said.lines {
		if tape, found := strings.CutPrefix(line, "shrink "); found {
			tape, _, _ = strings.Cut(tape, ",")
			assert.False(t, shrunk[tape])
			shrunk[tape] = true
		}
	}
	for tape := range shrunk {
		came, err := handout.Result(c.Bucket, handout.Shrink, tape)
		require.NoError(t, err)
		if came.Smaller != tape {
			assert.False(t, shrunk[came.Smaller])
			smaller++
		}
	}
	assert.Positive(t, smaller)
}

// TestAbandonedIsNotOutstanding: a seed of which several workers have died is not handed out
// again.
func TestAbandonedIsNotOutstanding(t *testing.T) {
	c := folder(t)
	c.Seeds, c.Piece = 3, 1
	now := time.Unix(0, 0)
	for deaths := 0; ; deaths++ {
		require.Less(t, deaths, 9)
		d, err := distributed.Join(t.Context(), distributed.Options{
			Bucket: c.Bucket, Of: c.Of, Name: strings.Repeat("x", deaths+1), Incarnation: "1", Lease: time.Minute,
			Now: func() time.Time { return now }, Wait: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
		})
		require.NoError(t, err)
		now = now.Add(2 * time.Minute) // those before are dead
		_, ok, open, err := d.Claim(t.Context(), 2, 2, 1)
		require.NoError(t, err)
		if !ok && !open {
			break
		}
	}
	left, err := handout.Outstanding(c)
	require.NoError(t, err)
	assert.Equal(t, []handout.Task{{Kind: handout.Frontier, From: 1, To: 1}, {Kind: handout.Frontier, From: 3, To: 3}}, left)
}

// paused is a bucket that waits before the first change of its head, and tells each time that
// somebody looks what is left to be done, for which its objects are listed.
type paused struct {
	store.Bucket
	once  *sync.Once
	until func()
	look  func()
}

func (p *paused) SwapHead(tag string, data []byte) error {
	p.once.Do(p.until)
	return p.Bucket.SwapHead(tag, data)
}

func (p *paused) List(prefix string) ([]string, error) {
	p.look()
	return p.Bucket.List(prefix)
}

// TestAtItForLong: a worker that is at a task for longer than the server waits for a sign of
// life keeps it.
func TestAtItForLong(t *testing.T) {
	t.Parallel()
	const life = 5 * time.Second
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	c, said, once := folder(t), new(notes), new(sync.Once)
	c.Piece = seeds
	c.Bucket = &paused{c.Bucket, once, func() { time.Sleep(2 * life) }, func() {}}
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		w := worker(c, connectFor(t, s.ClientURL(), life), name, said)
		w.Idle, w.Lease = patience, patience
		all.Go(func() { assert.NoError(t, w.Work(t.Context())) })
	}
	all.Wait()
	finished(t, c)
	assert.Equal(t, 1, said.count("run seeds "), "%s", said)
}

// TestIdleSinceTheLast: how long a worker waits to be handed something counts from the end of
// what it did last, not from its start.
func TestIdleSinceTheLast(t *testing.T) {
	t.Parallel()
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	const idle = 8 * time.Second
	one, other := folder(t), new(handout.Campaign)
	one.Piece = seeds / 2
	*other = *one
	var mu sync.Mutex
	over, did, before := false, 0, -1 // what a has begun, and had when it looked last
	seen := make(chan struct{})
	release := sync.OnceFunc(func() { close(seen) })
	one.Bucket = &paused{one.Bucket, new(sync.Once), func() {
		time.Sleep(idle + time.Second)
		mu.Lock()
		defer mu.Unlock()
		over = true
	}, func() {
		mu.Lock()
		defer mu.Unlock()
		if over && did == before {
			release() // it has looked, was handed nothing, and looks again
		}
		before = did
	}}
	other.Bucket = &paused{other.Bucket, new(sync.Once), func() { <-seen }, func() {}}
	said := new(notes)
	a, b := worker(one, connectFor(t, s.ClientURL(), patience), "a", said), worker(other, connectFor(t, s.ClientURL(), patience), "b", said)
	a.Idle, b.Idle, a.Lease, b.Lease = idle, patience, patience, patience
	a.Note = func(text string) {
		said.add(text)
		mu.Lock()
		defer mu.Unlock()
		did++
	}
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	b.Note = func(text string) { said.add(text); begin() }
	var all sync.WaitGroup
	all.Go(func() { assert.NoError(t, b.Work(t.Context())) })
	<-begun
	all.Go(func() {
		defer release()
		assert.NoError(t, a.Work(t.Context()))
	})
	all.Wait()
	finished(t, one)
	assert.Equal(t, 2, said.count("run seeds "), "%s", said)
}

// TestFailedIsGivenBack: a task that cannot be done here stays with the server for others.
func TestFailedIsGivenBack(t *testing.T) {
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	c, said := folder(t), new(notes)
	d, err := distributed.Join(t.Context(), distributed.Options{
		Bucket: c.Bucket, Of: c.Of, Name: "b", Incarnation: "1", Now: time.Now, Wait: func(context.Context, time.Duration) error { return nil },
	})
	require.NoError(t, err)
	require.NoError(t, d.Publish(t.Context(), distributed.Claim{}, distributed.Batch{Failures: []distributed.Found{{Class: "x", Data: []byte("no tape")}}}))
	require.NoError(t, d.Leave(t.Context()))
	w := worker(c, connect(t, s.ClientURL()), "a", said)
	require.ErrorContains(t, w.Work(t.Context()), "tape")
	conn, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), "campaign")
	require.NoError(t, err)
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(1), info.State.Msgs, "%s", said)
}
