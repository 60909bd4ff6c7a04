package handout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
	"github.com/joinery-go/joinery/sim/campaign/examples/lease"
	"github.com/joinery-go/joinery/sim/handout"
)

const (
	seeds    = 120
	patience = 2 * time.Minute
)

// folder is a bucket in a folder, of a lease that is broken.
func folder(t *testing.T) *handout.Campaign {
	t.Helper()
	b, err := snapshot.NewFolder(t.TempDir(), snapshot.FolderOptions{})
	require.NoError(t, err)
	return &handout.Campaign{Bucket: b, Protocol: lease.With(lease.FromNow), Of: "a broken lease", Seeds: seeds, Piece: 40}
}

// notes are what workers say.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, text)
}

func (n *notes) count(of string) (found int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.lines {
		if strings.HasPrefix(line, of) {
			found++
		}
	}
	return found
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

func worker(c *handout.Campaign, q *handout.Queue, name string, said *notes) *handout.Worker {
	return &handout.Worker{
		Campaign: c, Queue: q, Name: name, Incarnation: name + "-1", Replays: 300, Lease: time.Second, Idle: 300 * time.Millisecond, Note: said.add,
	}
}

// finished fails a test unless everything is done, and returns what the bucket holds.
func finished(t *testing.T, c *handout.Campaign) *distributed.State {
	t.Helper()
	left, err := handout.Outstanding(c)
	require.NoError(t, err)
	require.Empty(t, left)
	g, err := distributed.Gather(c.Bucket)
	require.NoError(t, err)
	require.Empty(t, g.Amiss)
	require.Equal(t, uint64(seeds), g.State.Finished(""))
	require.NotEmpty(t, g.State.Failures)
	for class, f := range g.State.Failures {
		came, err := handout.Result(c.Bucket, handout.Bisect, f.Tape)
		require.NoError(t, err, class)
		assert.LessOrEqual(t, came.Operations, f.Operations)
		assert.Equal(t, came.Faults > 0, came.Decision != "", "the last fault that it takes is named: %+v", came)
		assert.Equal(t, came.Operations > 0, came.Operation != "", "and the last operation: %+v", came)
		assert.Equal(t, f.Tape, came.Tape)
	}
	return &g.State
}

// plain is what the campaign comes to with one worker and no server.
func plain(t *testing.T) *distributed.State {
	t.Helper()
	c, said := folder(t), new(notes)
	require.NoError(t, worker(c, nil, "alone", said).Work(t.Context()))
	s := finished(t, c)
	assert.Positive(t, said.count("shrink "))
	assert.Positive(t, said.count("bisect "))
	assert.Positive(t, said.count("run seeds "))
	return s
}

// same fails a test unless two campaigns have run the same seeds and found the same classes of
// failures. Of which seed the smallest tape is depends on which was shrunk first.
func same(t *testing.T, want, got *distributed.State) {
	t.Helper()
	assert.Equal(t, want.Seeds, got.Seeds)
	assert.Equal(t, want.Classes(), got.Classes())
}

func connect(t *testing.T, url string) *handout.Queue { return connectFor(t, url, time.Second) }

// connectFor is a connection over which a task is another's after so long without a sign of
// life, four of which are given in that time: on a busy machine they come late.
func connectFor(t *testing.T, url string, wait time.Duration) *handout.Queue {
	t.Helper()
	q, err := handout.Connect(url, "campaign", wait)
	require.NoError(t, err)
	t.Cleanup(q.Close)
	return q
}

// TestHandedOut: a server shares the work out between workers, each task to one of them; what
// is found is what one finds alone.
func TestHandedOut(t *testing.T) {
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	assert.True(t, s.JetStreamConfig().SyncAlways)
	c, said := folder(t), new(notes)
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		w := worker(c, connect(t, s.ClientURL()), name, said)
		w.Idle = patience // they do what they are handed, and nothing else
		all.Go(func() { assert.NoError(t, w.Work(t.Context())) })
	}
	all.Wait()
	same(t, plain(t), finished(t, c))
	assert.Equal(t, 3, said.count("run seeds "), "%s", said)
	assert.Zero(t, said.count("going on"), "%s", said)
}

// TestServerLost: wherever the server is killed, with or without what it knew, whether it comes
// back or not, the work is done, and nothing is lost that had been published.
func TestServerLost(t *testing.T) {
	want := plain(t)
	for _, back := range []string{"gone", "restarted", "restarted empty"} {
		for at := range 4 {
			t.Run(fmt.Sprintf("%s after %d", back, at), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				server := newProcess(t, dir)
				c, said := folder(t), new(notes)
				q := connect(t, server.url)
				w := worker(c, q, "a", said)
				done := 0
				w.Note = func(text string) {
					said.add(text)
					if strings.HasPrefix(text, "going on") {
						return
					}
					if done++; done != at+1 {
						return
					}
					server.kill(t)
					switch back {
					case "restarted empty":
						dir = t.TempDir()
						fallthrough
					case "restarted":
						server = startAt(t, dir, server.port)
					}
				}
				require.NoError(t, w.Work(t.Context()))
				same(t, want, finished(t, c))
			})
		}
	}
}

// TestNoServer: one that was never there changes nothing.
func TestNoServer(t *testing.T) {
	c, said := folder(t), new(notes)
	require.NoError(t, worker(c, connect(t, "nats://127.0.0.1:1"), "a", said).Work(t.Context()))
	same(t, plain(t), finished(t, c))
	assert.Positive(t, said.count("going on without the server"))
}

// dying is a bucket whose user dies at one of its operations, before or after it takes place.
type dying struct {
	store.Bucket
	mu    sync.Mutex
	at    int
	after bool
	die   func()
}

var errDead = errors.New("dead")

func (d *dying) step(op func() error) error {
	d.mu.Lock()
	d.at--
	now, dead := d.at == 0, d.at <= 0
	d.mu.Unlock()
	var err error
	if !dead || now && d.after {
		err = op()
	}
	if dead {
		d.die()
		return errDead
	}
	return err
}

func (d *dying) Put(name string, size int64, r io.Reader) error {
	return d.step(func() error { return d.Bucket.Put(name, size, r) })
}

func (d *dying) SwapHead(tag string, data []byte) error {
	return d.step(func() error { return d.Bucket.SwapHead(tag, data) })
}

// TestWorkerKilled: a worker that dies at any operation on the bucket loses nothing that it
// had published; what it was handed another does.
func TestWorkerKilled(t *testing.T) {
	want := plain(t)
	for at := 1; at <= 25; at += 3 {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(at, after), func(t *testing.T) {
				t.Parallel()
				s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
				require.NoError(t, err)
				defer s.Shutdown()
				c, said := folder(t), new(notes)
				q := connect(t, s.ClientURL())
				ctx, die := context.WithCancel(t.Context())
				mortal := *c
				mortal.Bucket = &dying{Bucket: c.Bucket, at: at, after: after, die: func() { q.Close(); die() }}
				_ = worker(&mortal, q, "mortal", said).Work(ctx) // it is dead
				before, err := distributed.Gather(c.Bucket)
				if !errors.Is(err, distributed.ErrEmpty) {
					require.NoError(t, err)
				}
				w := worker(c, connect(t, s.ClientURL()), "heir", said)
				require.NoError(t, w.Work(t.Context()))
				got := finished(t, c)
				same(t, want, got)
				if before != nil {
					assert.True(t, distributed.Merge().Compare(before.State, *got).Leq(), "what was published is there")
				}
			})
		}
	}
}

// TestSignsOfLife: a task is handed to nobody else while somebody gives signs of life, and to
// another once that one has died.
func TestSignsOfLife(t *testing.T) {
	t.Parallel()
	const life = 3 * time.Second
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	q := connectFor(t, s.ClientURL(), life)
	task := handout.Task{Kind: handout.Frontier, From: 1, To: 9}
	require.NoError(t, q.Offer(t.Context(), []handout.Task{task}))
	require.NoError(t, q.Offer(t.Context(), []handout.Task{task}), "it is one")
	first, ok, err := q.Take(t.Context(), time.Second)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, task, first.Task)
	stop := handout.Alive(q, first)
	_, ok, err = q.Take(t.Context(), 2*life)
	require.NoError(t, err)
	require.False(t, ok, "somebody is at it")
	stop()
	again, ok, err := q.Take(t.Context(), patience)
	require.NoError(t, err)
	require.True(t, ok, "nobody is")
	require.Equal(t, task, again.Task)
	require.NoError(t, handout.Done(t.Context(), again))
	_, ok, err = q.Take(t.Context(), 2*life)
	require.NoError(t, err)
	require.False(t, ok, "it is done")
}

// TestCannotBeDone: of a task that cannot be done the others are, and why is said.
func TestCannotBeDone(t *testing.T) {
	c, said := folder(t), new(notes)
	require.NoError(t, worker(c, nil, "a", said).Work(t.Context()))
	g, err := distributed.Gather(c.Bucket)
	require.NoError(t, err)
	later := *c
	later.Protocol.Version++
	later.Seeds += 40
	class := g.State.Classes()[0]
	f := g.State.Failures[class]
	f.Seed, f.Operations, f.Tape = 1, 0, ""
	d, err := distributed.Join(t.Context(), distributed.Options{
		Bucket: c.Bucket, Of: c.Of, Name: "b", Incarnation: "1", Now: time.Now, Wait: func(context.Context, time.Duration) error { return nil },
	})
	require.NoError(t, err)
	data := append(append([]byte(nil), g.Tapes[g.State.Failures[class].Tape]...), '\n')
	require.NoError(t, d.Publish(t.Context(), distributed.Claim{}, distributed.Batch{Failures: []distributed.Found{{Class: class, Failure: f, Data: data}}}))
	require.NoError(t, d.Leave(t.Context()))
	err = worker(&later, nil, "c", said).Work(t.Context())
	require.ErrorContains(t, err, "version")
	left, err := handout.Outstanding(&later)
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, handout.Shrink, left[0].Kind)
}

// TestServeRefused: a port in use is an error.
func TestServeRefused(t *testing.T) {
	s, err := handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: -1})
	require.NoError(t, err)
	defer s.Shutdown()
	var port int
	_, err = fmt.Sscanf(s.ClientURL(), "nats://127.0.0.1:%d", &port)
	require.NoError(t, err)
	_, err = handout.Serve(handout.ServeOptions{Dir: t.TempDir(), Port: port})
	require.ErrorContains(t, err, "port in use")
}

// process is a server in a process of its own.
type process struct {
	cmd  *exec.Cmd
	url  string
	port int
}

const serveDir, servePort = "HANDOUT_TEST_DIR", "HANDOUT_TEST_PORT"

// TestServerProcess is what such a process runs.
func TestServerProcess(t *testing.T) {
	dir := os.Getenv(serveDir)
	if dir == "" {
		return
	}
	var port int
	_, err := fmt.Sscan(os.Getenv(servePort), &port)
	require.NoError(t, err)
	s, err := handout.Serve(handout.ServeOptions{Dir: dir, Port: port})
	require.NoError(t, err)
	fmt.Println("serving at", s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or who started it ends
}

func newProcess(t *testing.T, dir string) *process { return startAt(t, dir, -1) }

func startAt(t *testing.T, dir string, port int) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestServerProcess$")
	cmd.Env = append(os.Environ(), serveDir+"="+dir, servePort+"="+fmt.Sprint(port))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &process{cmd: cmd}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	_, err = fmt.Fscanf(out, "serving at %s\n", &p.url)
	require.NoError(t, err)
	_, err = fmt.Sscanf(p.url, "nats://127.0.0.1:%d", &p.port)
	require.NoError(t, err)
	return p
}

// kill ends the process as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait() // it was killed
}

// TestProgram: two processes' worth of work on a folder, one of them the server, and bad calls.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	p := lease.With(lease.FromNow)
	run := func(args ...string) (int, string, string) {
		var out, errs strings.Builder
		code := handout.Run(t.Context(), p, args, &out, &errs)
		return code, out.String(), errs.String()
	}
	code, out, errs := run("--bucket", dir+"/bucket", "--seeds", "60", "--piece", "30", "--serve", dir+"/server", "--port", "-1")
	require.Zero(t, code, errs)
	for _, text := range []string{"serving at nats://127.0.0.1:", "run seeds 1 to 30\n", "run seeds 31 to 60\n", "shrink ", "bisect ", "nothing is left to do\n"} {
		assert.Contains(t, out, text)
	}
	code, out, errs = run("--bucket", dir+"/bucket", "--seeds", "60", "--piece", "30")
	require.Zero(t, code, errs)
	assert.Equal(t, "nothing is left to do\n", out)
	for _, args := range [][]string{{}, {"--bucket", dir, "more"}, {"--bucket", dir, "--nats", "x", "--serve", dir}, {"--bucket", dir, "--seeds", "0"}, {"--wrong"}} {
		code, _, errs = run(args...)
		assert.Equal(t, 2, code, args)
		assert.NotEmpty(t, errs)
	}
	require.NoError(t, os.WriteFile(dir+"/file", nil, 0o600))
	code, _, errs = run("--bucket", dir+"/file")
	assert.Equal(t, 1, code)
	assert.Contains(t, errs, "file")
}
