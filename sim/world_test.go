package sim

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// script is an actor made of functions, for tests.
type script struct {
	start     func(c *Context)
	receive   func(c *Context, from NodeID, msg []byte)
	timer     func(c *Context, id TimerID)
	onInput   func(c *Context, id uint64)
	persisted func(c *Context, token uint64)
}

func (s *script) Start(c *Context) {
	if s.start != nil {
		s.start(c)
	}
}

func (s *script) Receive(c *Context, from NodeID, msg []byte) {
	if s.receive != nil {
		s.receive(c, from, msg)
	}
}

func (s *script) Timer(c *Context, id TimerID) {
	if s.timer != nil {
		s.timer(c, id)
	}
}

func (s *script) Input(c *Context, id uint64) {
	if s.onInput != nil {
		s.onInput(c, id)
	}
}

func (s *script) Persisted(c *Context, token uint64) {
	if s.persisted != nil {
		s.persisted(c, token)
	}
}

func world(t testing.TB, o Options) *World {
	t.Helper()
	o.AssertKeys = true
	w, err := New(o)
	require.NoError(t, err)
	return w
}

func same(s *script) func(NodeID) Actor { return func(NodeID) Actor { return s } }

func TestMessageArrivesAfterLatencyWithItsBytes(t *testing.T) {
	var log []string
	s := &script{}
	s.onInput = func(c *Context, id uint64) {
		msg := []byte(fmt.Sprintf("op %d", id))
		c.Send(1, 7, msg)
		msg[0] = 'X' // the world has its own copy
		c.Send(0, 8, nil)
	}
	s.receive = func(c *Context, from NodeID, msg []byte) {
		log = append(log, fmt.Sprintf("%v %v<-%v kind %d %q", c.Now(), c.Self(), from, c.Kind(), msg))
	}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.Inject(5*Millisecond, 0, 9))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, []string{`5.000001ms n0<-n0 kind 8 ""`, `6ms n1<-n0 kind 7 "op 9"`}, log)
	require.Equal(t, Second, w.Now())
	require.Equal(t, int64(2), w.Stats().Messages)
	require.Equal(t, int64(4), w.Stats().Bytes)
}

func TestTimerFiresOnceAtTheGridAndMoves(t *testing.T) {
	var fired []Time
	s := &script{}
	s.start = func(c *Context) {
		c.After(1500*Microsecond, 1)
		c.After(10*Millisecond, 2)
		c.After(3*Millisecond, 2) // moves 2 earlier
		c.After(1*Millisecond, 3)
		c.After(9*Millisecond, 3) // moves 3 later
		c.After(4*Millisecond, 4)
		c.Cancel(4)
		c.Cancel(99)
	}
	s.timer = func(c *Context, id TimerID) { fired = append(fired, c.Now()*10+Time(id)) }
	w := world(t, Options{Nodes: 1, Factory: same(s)})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, []Time{2*Millisecond*10 + 1, 3*Millisecond*10 + 2, 9*Millisecond*10 + 3}, fired)
}

func TestTimerGridsOfNodesAreShifted(t *testing.T) {
	at := map[NodeID]Time{}
	s := &script{
		start: func(c *Context) { c.After(2*Millisecond, 1) },
		timer: func(c *Context, _ TimerID) { at[c.Self()] = c.Now() },
	}
	w := world(t, Options{Nodes: 4, Factory: same(s)})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, map[NodeID]Time{0: 2 * Millisecond, 1: 2250 * Microsecond, 2: 2500 * Microsecond, 3: 2750 * Microsecond}, at)
}

func TestTimerOfZeroMovesTimeForward(t *testing.T) {
	n := 0
	s := &script{start: func(c *Context) { c.After(0, 1) }}
	s.timer = func(c *Context, _ TimerID) { n++; c.After(-5, 1) }
	w := world(t, Options{Nodes: 1, Factory: same(s)})
	require.NoError(t, w.RunUntil(10*Millisecond))
	require.Equal(t, 10, n)
}

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

func TestChoicesOfAnActorAreKeyedByLineage(t *testing.T) {
	run := func(skip bool) map[string]uint64 {
		keys := map[string]uint64{}
		var where string
		src := sourceFunc(func(p choice.Point) uint64 { keys[where+p.Site] = p.Key; return 0 })
		s := &script{}
		s.onInput = func(c *Context, id uint64) {
			where = fmt.Sprintf("op%d ", id)
			c.Choose("one", 1) // not asked
			c.Choose("first", 2)
			c.Send(1, MsgKind(id), nil)
		}
		s.receive = func(c *Context, _ NodeID, _ []byte) {
			where = fmt.Sprintf("msg%d ", c.Kind())
			c.Choose("second", 5)
		}
		w := world(t, Options{Nodes: 2, Factory: same(s), Source: src})
		if !skip {
			require.NoError(t, w.Inject(1, 0, 1))
		}
		require.NoError(t, w.Inject(2, 0, 2))
		require.NoError(t, w.RunUntil(Second))
		return keys
	}
	all, part := run(false), run(true)
	require.Len(t, all, 4)
	require.Len(t, part, 2)
	for name, k := range part {
		require.Equal(t, all[name], k, name)
	}
}

func TestSiblingsHaveTheirOwnKeys(t *testing.T) {
	s := &script{onInput: func(c *Context, _ uint64) {
		for range 3 {
			c.Send(1, 5, []byte("x"))
			c.Send(0, 5, []byte("x"))
			c.Send(1, 6, []byte("x"))
			c.Choose("again", 2)
		}
	}}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.Inject(1, 0, 1))
	require.NoError(t, w.RunUntil(Second), "AssertKeys finds no key twice")
	require.Equal(t, int64(9), w.Stats().Messages)
}

func TestAssertKeysFindsAnOperationInjectedTwice(t *testing.T) {
	w := world(t, Options{Nodes: 2, Factory: same(&script{})})
	require.NoError(t, w.Inject(1, 0, 1))
	require.NoError(t, w.Inject(2, 1, 1))
	require.ErrorIs(t, w.RunUntil(Second), ErrKeyTwice)
	require.ErrorIs(t, w.RunUntil(2*Second), ErrKeyTwice, "the first error stays")
}

func TestBoundsAreErrorsThatNameThem(t *testing.T) {
	flood := func(f func(c *Context)) func(NodeID) Actor {
		return same(&script{onInput: func(c *Context, _ uint64) { f(c) }})
	}
	forever := &script{start: func(c *Context) { c.After(1, 1) }}
	forever.timer = func(c *Context, _ TimerID) { c.After(1, 1) }
	cases := []struct {
		name string
		o    Options
	}{
		{"events of a run", Options{Factory: same(forever), Limits: Limits{Events: 10}}},
		{"pending events", Options{Factory: flood(func(c *Context) {
			for i := range 20 {
				c.Send(0, MsgKind(i), nil)
			}
		}), Limits: Limits{Queue: 10}}},
		{"message bytes", Options{Factory: flood(func(c *Context) { c.Send(0, 0, make([]byte, 11)) }), Limits: Limits{MessageBytes: 10}}},
		{"timers of one node", Options{Factory: flood(func(c *Context) {
			for i := range TimerID(20) {
				c.After(1, i)
			}
		}), Limits: Limits{Timers: 10}}},
		{"children of one event", Options{Factory: flood(func(c *Context) {
			for range 20 {
				c.Choose("x", 2)
			}
		}), Limits: Limits{Children: 10}}},
		{"kept decisions", Options{Factory: flood(func(c *Context) {
			for range 20 {
				c.Choose("x", 2)
			}
		}), Source: sourceFunc(func(choice.Point) uint64 { return 1 }), Decisions: true, Limits: Limits{Decisions: 10}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Nodes = 1
			w := world(t, tc.o)
			require.NoError(t, w.Inject(1, 0, 1))
			err := w.RunUntil(Second)
			require.ErrorIs(t, err, ErrBound)
			require.ErrorContains(t, err, tc.name)
			require.ErrorContains(t, err, "10")
			_, err = w.Step()
			require.ErrorIs(t, err, ErrBound)
		})
	}
}

func TestMisuseIsAnError(t *testing.T) {
	w := world(t, Options{Nodes: 1, Factory: same(&script{onInput: func(c *Context, _ uint64) { c.Send(3, 0, nil) }})})
	require.ErrorIs(t, w.Inject(1, 1, 1), ErrNode)
	require.ErrorIs(t, w.Crash(-1), ErrNode)
	require.ErrorIs(t, w.Restart(5), ErrNode)
	require.ErrorIs(t, w.Inject(Forever+1, 0, 1), ErrBound)
	require.NoError(t, w.RunUntil(10))
	require.ErrorIs(t, w.Inject(1, 0, 1), ErrPast)
	require.ErrorIs(t, w.RunUntil(1), ErrPast)
	require.NoError(t, w.Inject(20, 0, 1), "none of these stopped the world")
	require.ErrorIs(t, w.RunUntil(30), ErrNode)

	w = world(t, Options{Nodes: 1, Factory: func(NodeID) Actor { return plainActor{} }})
	require.NoError(t, w.Inject(1, 0, 1))
	require.ErrorIs(t, w.RunUntil(2), ErrNoInput)

	w = world(t, Options{Nodes: 1, Factory: func(NodeID) Actor { return nil }})
	require.ErrorIs(t, w.RunUntil(2), ErrOptions)

	w = world(t, Options{Nodes: 1, Factory: same(&script{start: func(c *Context) { c.Choose("x", 2) }}),
		Source: sourceFunc(func(choice.Point) uint64 { return 2 })})
	require.ErrorIs(t, w.RunUntil(2), ErrAnswer)

	own := errors.New("own")
	w = world(t, Options{Nodes: 1, Factory: same(&script{start: func(c *Context) { c.Fail(own) }})})
	require.ErrorIs(t, w.RunUntil(2), own)
}

type plainActor struct{}

func (plainActor) Start(*Context)                   {}
func (plainActor) Receive(*Context, NodeID, []byte) {}
func (plainActor) Timer(*Context, TimerID)          {}

func TestOptionsAreChecked(t *testing.T) {
	ok := Options{Nodes: 1, Factory: same(&script{})}
	for name, change := range map[string]func(*Options){
		"Nodes":       func(o *Options) { o.Nodes = 0 },
		"too many":    func(o *Options) { o.Nodes = maxNodes + 1 },
		"Factory":     func(o *Options) { o.Factory = nil },
		"Level":       func(o *Options) { o.Crash.Level = NumLevels },
		"disk level":  func(o *Options) { o.DiskFaults = NumLevels },
		"crash nodes": func(o *Options) { o.Crash.Nodes = 2 },
		"MaxDown":     func(o *Options) { o.Crash.MaxDown = -1 },
		"grid":        func(o *Options) { o.TimerGrid = -1 },
		"records":     func(o *Options) { o.Trace.Records = -1 },
		"limits":      func(o *Options) { o.Limits.Queue = -1 },
	} {
		o := ok
		change(&o)
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions, name)
	}
	o := ok
	o.Net = &Perfect{}
	_, err := New(o)
	require.ErrorIs(t, err, ErrOptions)
}

// gossiper is a small chatty protocol for determinism tests.
func gossiper() Actor {
	s := &script{}
	heard := 0
	s.start = func(c *Context) { c.After(Time(1+c.Self())*Millisecond, 1) }
	s.timer = func(c *Context, _ TimerID) {
		to := NodeID((int(c.Self()) + 1 + c.Choose("peer", c.Nodes()-1)) % c.Nodes())
		c.Send(to, 1, []byte{byte(heard), byte(heard >> 8)})
		c.After(3*Millisecond, 1)
	}
	s.receive = func(c *Context, from NodeID, msg []byte) {
		heard += 1 + int(msg[0])&1
		c.Mark(fmt.Sprintf("heard %d", from))
		c.Note("heard %d", heard)
	}
	return s
}

func gossipWorld(t testing.TB, src choice.Source, trace TraceOptions) *World {
	return world(t, Options{Nodes: 4, Factory: func(NodeID) Actor { return gossiper() }, Source: src, Trace: trace,
		Crash: CrashOptions{Level: Extreme}, Decisions: true})
}

func TestSameChoicesSameTrace(t *testing.T) {
	run := func(src choice.Source, procs int) *World {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		w := gossipWorld(t, src, TraceOptions{Hashes: 1 << 20})
		require.NoError(t, w.RunUntil(2*Second))
		return w
	}
	first := run(choice.Seeded(1), 1)
	again := run(choice.Seeded(1), 2)
	require.Equal(t, first.Hash(), again.Hash())
	require.Equal(t, -1, FirstDivergence(first.Hashes(), again.Hashes()))
	require.Equal(t, first.Marks(), again.Marks())
	require.Positive(t, first.Stats().Effective[Crash])

	var tape []choice.Decision
	for _, d := range first.Decisions() {
		tape = append(tape, d.Decision)
	}
	replayed := run(choice.NewReplay(tape), 2)
	require.Equal(t, first.Hash(), replayed.Hash(), "the decisions other than 0 are the whole run")

	other := run(choice.Seeded(2), 1)
	require.NotEqual(t, first.Hash(), other.Hash())
	at := FirstDivergence(first.Hashes(), other.Hashes())
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, first.Hashes()[:at], other.Hashes()[:at])
	require.NotEqual(t, first.Hashes()[at], other.Hashes()[at])
}

func TestResetLeavesNothingBehind(t *testing.T) {
	w := gossipWorld(t, choice.Seeded(1), TraceOptions{})
	require.NoError(t, w.RunUntil(Second))
	hash := w.Hash()
	w = gossipWorld(t, choice.Seeded(2), TraceOptions{Records: 10})
	require.NoError(t, w.RunUntil(777*Millisecond))
	o := Options{Nodes: 4, Factory: func(NodeID) Actor { return gossiper() }, Source: choice.Seeded(1), Crash: CrashOptions{Level: Extreme}}
	require.NoError(t, w.Reset(o))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, hash, w.Hash())
	recs, cut := w.Records()
	require.Empty(t, recs)
	require.Zero(t, cut)
	require.ErrorIs(t, w.Reset(Options{}), ErrOptions)
}

func TestHashSeesEveryField(t *testing.T) {
	base := event{at: 1, key: 2, aux: 3, node: 4, from: 5, kind: EventMessage, msg: 6, extra: 7}
	hash := func(ev event, payload string) uint64 {
		var s traceState
		s.deliver(&ev, []byte(payload))
		return s.hash
	}
	want := hash(base, "payload")
	seen := map[uint64]string{want: "base"}
	see := func(name string, h uint64) {
		require.NotContains(t, seen, h, name)
		seen[h] = name
	}
	for name, change := range map[string]func(*event){
		"at": func(e *event) { e.at++ }, "key": func(e *event) { e.key++ }, "aux": func(e *event) { e.aux++ },
		"node": func(e *event) { e.node++ }, "from": func(e *event) { e.from++ }, "kind": func(e *event) { e.kind++ },
		"msg": func(e *event) { e.msg++ }, "extra": func(e *event) { e.extra++ },
	} {
		ev := base
		change(&ev)
		see(name, hash(ev, "payload"))
	}
	for _, p := range []string{"", "payloae", "qayload", "payload\x00", "payloadpayload", "payloadpayloae", "0123456701234567"} {
		see(p, hash(base, p))
	}
}

func TestTraceText(t *testing.T) {
	names := func(k MsgKind) string { return map[MsgKind]string{1: "gossip"}[k] }
	w := world(t, Options{Nodes: 2, Factory: func(NodeID) Actor { return gossiper() }, Trace: TraceOptions{Records: 8}, KindName: names})
	require.NoError(t, w.RunUntil(10*Millisecond))
	var b, again bytes.Buffer
	require.NoError(t, w.WriteTrace(&b))
	require.NoError(t, w.WriteTrace(&again))
	require.Equal(t, b.String(), again.String())
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, lines, 9)
	require.Regexp(t, `^ +0  n0   start 1  \[[0-9a-f]{16}\]  [0-9a-f]{16}$`, lines[0])
	require.Regexp(t, `^ +1000000  n0   timer 1  \[`, lines[2])
	require.Regexp(t, `^ +2000000  n1   msg from n0 gossip 2 bytes  \[`, lines[3])
	require.Regexp(t, `^ +2000000  n1   # heard 1$`, lines[4])
	require.Regexp(t, `^… and \d+ more records, beyond the bound of 8$`, lines[8])
	require.ErrorContains(t, w.WriteTrace(brokenWriter{}), "broken")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestRecordingChangesNothing(t *testing.T) {
	plain := gossipWorld(t, choice.Seeded(5), TraceOptions{})
	kept := gossipWorld(t, choice.Seeded(5), TraceOptions{Records: 50, Hashes: 10})
	require.NoError(t, plain.RunUntil(Second))
	require.NoError(t, kept.RunUntil(Second))
	require.Equal(t, plain.Hash(), kept.Hash())
	require.Equal(t, plain.Events(), kept.Events())
	require.Len(t, kept.Hashes(), 10)
}

func TestFirstDivergence(t *testing.T) {
	require.Equal(t, -1, FirstDivergence(nil, nil))
	require.Equal(t, -1, FirstDivergence([]uint64{1, 2}, []uint64{1, 2}))
	require.Equal(t, 2, FirstDivergence([]uint64{1, 2}, []uint64{1, 2, 3}))
	require.Equal(t, 1, FirstDivergence([]uint64{1, 2, 3}, []uint64{1, 4, 5}))
	require.Equal(t, 0, FirstDivergence([]uint64{9}, []uint64{1}))
}

func TestSwarmLevels(t *testing.T) {
	require.Equal(t, Off, SwarmLevel(choice.Benign, Drop))
	seen := map[Level]bool{}
	for seed := range uint64(40) {
		seen[SwarmLevel(choice.Seeded(seed), Crash)] = true
	}
	require.Equal(t, map[Level]bool{Off: true, Low: true, Extreme: true}, seen)
}
