package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

func TestCrashLosesMemoryAndTimersAndRestartCountsUp(t *testing.T) {
	var log []string
	made := 0
	factory := func(NodeID) Actor {
		made++
		id := made
		return &script{
			start: func(c *Context) {
				log = append(log, fmt.Sprintf("start %d inc %d", id, c.Incarnation()))
				c.After(10*Millisecond, TimerID(id))
			},
			timer:   func(_ *Context, t TimerID) { log = append(log, fmt.Sprintf("timer %d", t)) },
			receive: func(_ *Context, _ NodeID, m []byte) { log = append(log, fmt.Sprintf("%d got %s", id, m)) },
			onInput: func(c *Context, _ uint64) { c.Send(0, 0, []byte("self")) },
		}
	}
	w := world(t, Options{Nodes: 1, Factory: factory})
	require.NoError(t, w.RunUntil(5*Millisecond))
	require.NoError(t, w.Inject(5*Millisecond, 0, 1))
	_, err := w.Step()
	require.NoError(t, err)
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.Crash(0))
	require.False(t, w.Up(0))
	require.Nil(t, w.Actor(0))
	require.NoError(t, w.Restart(0))
	require.NoError(t, w.Inject(20*Millisecond, 0, 2))
	require.NoError(t, w.RunUntil(Second))
	require.NoError(t, w.Restart(0))
	require.Equal(t, []string{"start 1 inc 1", "start 2 inc 2", "2 got self", "timer 2", "2 got self"}, log,
		"a message under way meets the next incarnation, a timer dies")
}

func TestMessagesAndOperationsAtANodeThatIsDownAreLost(t *testing.T) {
	s := &script{onInput: func(c *Context, _ uint64) { c.Send(1, 0, []byte("x")) }}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.RunUntil(1))
	require.NoError(t, w.Crash(1))
	require.NoError(t, w.Inject(2, 0, 1))
	require.NoError(t, w.Inject(2, 1, 2))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, int64(1), w.Stats().Lost)
	require.Equal(t, int64(1), w.InputsLost())
	require.NoError(t, w.Heal(2*Second))
	require.NoError(t, w.RunUntil(2*Second))
	require.True(t, w.Up(1))
	require.False(t, w.Faulty())
}

func TestARestartOvertakenByAnotherIsIdle(t *testing.T) {
	key := crashKey(rootCrash, 0, 1)
	tape := choice.NewReplay([]choice.Decision{{Site: "sim.crash", Key: key, Value: 1 + 4*crashOffsets}}) // down for at least 1.28 s
	starts := 0
	s := &script{start: func(*Context) { starts++ }}
	w := world(t, Options{Nodes: 1, Factory: same(s), Source: tape, Crash: CrashOptions{Level: Low}})
	require.NoError(t, w.RunUntil(100*Millisecond))
	require.NoError(t, w.Restart(0))
	require.NoError(t, w.RunUntil(200*Millisecond))
	require.True(t, w.Up(0))
	require.NoError(t, w.Crash(0))
	require.NoError(t, w.RunUntil(5*Second))
	require.False(t, w.Up(0), "the first crash's restart does not end the second crash")
	require.Equal(t, 2, starts)
}

// TestCrashFaults checks a decided crash: within its tick, a live node, down for
// its pause, back by itself.
func TestCrashFaults(t *testing.T) {
	key := crashKey(rootCrash, 1, 3)
	tape := choice.NewReplay([]choice.Decision{{Site: "sim.crash", Key: key, Value: 1 + 2*crashOffsets + 4}})
	var starts []Time
	s := &script{start: func(c *Context) {
		if c.Self() == 1 {
			starts = append(starts, c.Now())
		}
	}}
	w := world(t, Options{Nodes: 3, Factory: same(s), Source: tape, Crash: CrashOptions{Level: Low}, Trace: TraceOptions{Records: 100}})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, int64(1), w.Stats().Decided[Crash])
	require.Equal(t, int64(1), w.Stats().Effective[Crash])
	recs, _ := w.Records()
	var crash Record
	for _, r := range recs {
		if r.Kind == EventCrash {
			crash = r
		}
	}
	require.Equal(t, NodeID(1), crash.Node)
	require.GreaterOrEqual(t, crash.At, 150*Millisecond+4*50*Millisecond/8)
	require.Less(t, crash.At, 150*Millisecond+5*50*Millisecond/8)
	require.Len(t, starts, 2)
	pause := starts[1] - crash.At
	require.GreaterOrEqual(t, pause, 16*5*Millisecond)
	require.Less(t, pause, 32*5*Millisecond)
}

func TestCrashBounds(t *testing.T) {
	down, most := map[NodeID]bool{}, 0
	var w *World
	s := &script{}
	s.start = func(c *Context) { down[c.Self()] = true }
	always := sourceFunc(func(p choice.Point) uint64 { return p.N - 1 }) // longest pause
	w = world(t, Options{Nodes: 5, Factory: same(s), Source: always, Crash: CrashOptions{Level: Extreme, Nodes: 4, MaxDown: 2}})
	for at := Time(0); at < Second; at += Millisecond {
		require.NoError(t, w.RunUntil(at))
		n := 0
		for i := range NodeID(5) {
			if !w.Up(i) && at > 0 {
				n++
			}
		}
		most = max(most, n)
		require.True(t, at == 0 || w.Up(4), "node 4 cannot crash")
	}
	require.Equal(t, 2, most)
}

type sourceFunc func(choice.Point) uint64

func (f sourceFunc) Choose(p choice.Point) uint64 { return f(p) }

func TestHealEndsFaults(t *testing.T) {
	always := sourceFunc(func(p choice.Point) uint64 { return p.N - 1 })
	s := &script{}
	w := world(t, Options{Nodes: 3, Factory: same(s), Source: always, Crash: CrashOptions{Level: Low}})
	require.NoError(t, w.Heal(120*Millisecond))
	require.NoError(t, w.RunUntil(119*Millisecond))
	require.False(t, w.Up(0))
	since, err := w.RunUntilQuiet(Second)
	require.NoError(t, err)
	require.Equal(t, 120*Millisecond, since)
	for i := range NodeID(3) {
		require.True(t, w.Up(i))
	}
	require.ErrorIs(t, w.Heal(1), ErrPast)
}

func TestRunUntilQuiet(t *testing.T) {
	s := &script{
		start: func(c *Context) { c.After(Millisecond, 1) },
		timer: func(c *Context, _ TimerID) {
			if c.Now() < 50*Millisecond {
				c.Send(1-c.Self(), 0, nil)
			}
			c.After(Millisecond, 1) // an idle timer does not disturb the quiet
		},
	}
	w := world(t, Options{Nodes: 2, Factory: same(s), Quiet: 20 * Millisecond})
	_, err := w.RunUntilQuiet(40 * Millisecond)
	require.ErrorIs(t, err, ErrNotQuiet)
	require.ErrorContains(t, err, "40ms")
	since, err := w.RunUntilQuiet(Second)
	require.NoError(t, err)
	require.Equal(t, 50500*Microsecond, since, "the last message was sent at 49.5 ms")
	require.Equal(t, 70500*Microsecond, w.Now())
}
