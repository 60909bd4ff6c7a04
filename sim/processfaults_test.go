package sim

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

// fate is a tape of one fault of a node at a tick of the grid of process faults.
func fate(c Class, site string, n NodeID, tick int64, v uint64) choice.Source {
	return choice.NewReplay([]choice.Decision{{Site: site, Key: processFaultKey(c, n, tick), Value: v}})
}

func clockAnswer(kind, magnitude int, back bool) uint64 {
	v := uint64((kind*clockMagnitudes+magnitude)*2) + 1
	if back {
		v++
	}
	return v
}

// clocks runs one node whose timer reads both clocks each millisecond.
func clocks(t *testing.T, tick int64, v uint64, heal Time) (mono, wall map[Time]Time, fired []Time, w *World) {
	t.Helper()
	mono, wall = map[Time]Time{}, map[Time]Time{}
	s := &script{start: func(c *Context) { c.After(Millisecond, 1) }}
	s.timer = func(c *Context, _ TimerID) {
		mono[c.Now()/Millisecond], wall[c.Now()/Millisecond] = c.Monotonic(), c.Wall()
		fired = append(fired, c.Now())
		c.After(Millisecond, 1)
	}
	w = world(t, Options{Nodes: 1, Factory: same(s), ProcessFaults: ProcessFaultOptions{Clock: Low},
		Source: fate(Clock, "sim.clock", 0, tick, v)})
	require.NoError(t, w.Heal(heal))
	require.NoError(t, w.RunUntil(300*Millisecond))
	return mono, wall, fired, w
}

func TestAWallClockStepsAndTheMonotonicOneDoesNot(t *testing.T) {
	for magnitude := range clockMagnitudes {
		for _, back := range []bool{false, true} {
			mono, wall, _, w := clocks(t, 2, clockAnswer(clockSteps, magnitude, back), Second)
			size := Millisecond << (2 * magnitude)
			if back {
				size = -size
			}
			require.Equal(t, 99*Millisecond, wall[99])
			require.Equal(t, 101*Millisecond+size, wall[101])
			require.Equal(t, 101*Millisecond, mono[101])
			require.Positive(t, w.Stats().Effective[Clock])
		}
	}
	_, wall, _, _ := clocks(t, 0, clockAnswer(clockSteps, 1, true), Second)
	require.Equal(t, -3*Millisecond, wall[1], "at tick 0 a step is an offset from the start")
}

func TestADriftingClockRunsAtItsRateWithoutAJump(t *testing.T) {
	mono, wall, fired, _ := clocks(t, 2, clockAnswer(clockDrifts, 4, false), 200*Millisecond)
	require.Equal(t, 99*Millisecond, mono[99])
	require.Equal(t, wall[150], mono[150])
	require.Equal(t, 150*Millisecond+5*Millisecond, mono[150], "a tenth too fast for 50 ms")
	require.Equal(t, 250*Millisecond+10*Millisecond, mono[250], "healed, it keeps what it is off by")
	require.NotEmpty(t, fired)
	c := clock{}
	c.drift(0, 100_000)
	require.Equal(t, 90*Millisecond, c.real(100*Millisecond), "its timers are short")
	c.drift(0, -100_000)
	require.Equal(t, 110*Millisecond, c.real(100*Millisecond))
	require.InDelta(t, 1.1*(1<<61), float64((&clock{ppm: 100_000}).monotonic(1<<61)), 1<<10, "no overflow")
}

func TestAFrozenWallClockStandsAndThenCatchesUp(t *testing.T) {
	mono, wall, _, _ := clocks(t, 2, clockAnswer(clockFreezes, 2, false), Second)
	for at := Time(101); at < 116; at++ {
		require.Equal(t, 100*Millisecond, wall[at])
		require.Equal(t, at*Millisecond, mono[at])
	}
	require.Equal(t, 117*Millisecond, wall[117])
}

func TestJitterMakesTimersLateByLessThanItsSize(t *testing.T) {
	_, _, fired, w := clocks(t, 2, clockAnswer(clockJitters, 1, false), 200*Millisecond)
	late := 0
	for _, at := range fired {
		require.True(t, at >= 100*Millisecond && at <= 210*Millisecond || at%Millisecond == 0)
		if at%Millisecond != 0 {
			late++
		}
	}
	require.Greater(t, late, 10)
	require.GreaterOrEqual(t, w.Stats().Effective[Clock], int64(late))
}

// handled runs two nodes that get an input a millisecond and says when they did.
func handled(t *testing.T, o ProcessFaultOptions, src choice.Source, heal Time) (at map[NodeID][]Time, order []uint64, w *World) {
	t.Helper()
	at = map[NodeID][]Time{}
	s := &script{onInput: func(c *Context, id uint64) {
		at[c.Self()] = append(at[c.Self()], c.Now())
		if c.Self() == 1 {
			order = append(order, id)
		}
	}}
	w = world(t, Options{Nodes: 2, Factory: same(s), ProcessFaults: o, Source: src})
	for i := range 200 {
		require.NoError(t, w.Inject(Time(i)*Millisecond, NodeID(i%2), uint64(i)))
	}
	require.NoError(t, w.Heal(heal))
	require.NoError(t, w.RunUntil(2*Second))
	return at, order, w
}

func TestAPausedNodeDoesNothingAndThenAllInOrder(t *testing.T) {
	for length := range uint64(4) {
		at, order, w := handled(t, ProcessFaultOptions{Pause: Low}, fate(Pause, "sim.pause", 1, 2, 1+length), Second)
		d := 50 * Millisecond / 8 << length
		for i, when := range at[0] {
			require.Equal(t, Time(2*i)*Millisecond, when, "the other node goes on")
		}
		require.Len(t, at[1], 100, "nothing is lost")
		require.IsIncreasing(t, order)
		held := 0
		for i, when := range at[1] {
			due := Time(2*i+1) * Millisecond
			if due > 100*Millisecond && due < 100*Millisecond+d {
				held++
				require.Equal(t, 100*Millisecond+d, when)
			} else {
				require.Equal(t, due, when)
			}
		}
		require.Positive(t, held)
		require.Equal(t, int64(held), w.Stats().Effective[Pause])
	}
}

func TestASlowNodeTakesItsTimeForEachEvent(t *testing.T) {
	const cost = 2 // 4 ms an event, of which one comes every 2 ms
	at, order, w := handled(t, ProcessFaultOptions{Slow: Low}, fate(Slow, "sim.slow", 1, 2, 1+0*slowCosts+cost), Second)
	require.Len(t, at[1], 100)
	require.IsIncreasing(t, order)
	for i := 1; i < len(at[1]); i++ {
		if was := at[1][i-1]; was >= 101*Millisecond && was < 150*Millisecond {
			require.GreaterOrEqual(t, at[1][i]-was, 4*Millisecond)
		}
	}
	require.Positive(t, w.Stats().Effective[Slow])
	require.Equal(t, 199*Millisecond, at[1][99], "it has caught up")
}

func TestATimerOfAPausedNodeFiresOnceAndCanStillBeCancelled(t *testing.T) {
	fired := map[TimerID]int{}
	s := &script{start: func(c *Context) { c.After(101*Millisecond, 1); c.After(102*Millisecond, 2) }}
	s.timer = func(c *Context, id TimerID) {
		fired[id]++
		c.Cancel(2)
	}
	w := world(t, Options{Nodes: 1, Factory: same(s), ProcessFaults: ProcessFaultOptions{Pause: Low}, Source: fate(Pause, "sim.pause", 0, 2, 3)})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, map[TimerID]int{1: 1}, fired)
}

func TestAnOutageStrikesSeveralNodesAtOneInstant(t *testing.T) {
	sizes := map[int]bool{}
	for group := range uint64(outageGroups) {
		w := world(t, Options{Nodes: 5, Factory: same(&script{}), ProcessFaults: ProcessFaultOptions{Outage: Low},
			Source: fate(Outage, "sim.outage", 0, 2, 1+group)})
		require.NoError(t, w.RunUntil(100*Millisecond-1))
		require.Zero(t, w.Stats().Effective[Outage])
		require.NoError(t, w.RunUntil(100*Millisecond))
		down := 0
		for i := range NodeID(5) {
			if !w.Up(i) {
				down++
			}
		}
		require.GreaterOrEqual(t, down, 2)
		sizes[down] = true
		require.Equal(t, int64(down), w.Stats().Effective[Outage])
		require.NoError(t, w.RunUntil(Second))
		for i := range NodeID(5) {
			require.True(t, w.Up(i), "all come back by themselves")
		}
	}
	require.Greater(t, len(sizes), 1)
}

// ledger is a device that keeps tokens.
type ledger struct {
	durable []uint64
	crashes int
}

func (l *ledger) Complete(token uint64) { l.durable = append(l.durable, token) }
func (l *ledger) Crash(*CrashContext)   { l.crashes++ }
func (l *ledger) Rewind(keep, of int)   { l.durable = l.durable[:len(l.durable)*keep/of] }

// midCrashed runs a node that on input 1 sends four messages, or has a token
// persisted and then sends, and crashes within the event of the kind given.
func midCrashed(t *testing.T, kind EventKind, v uint64) (got []string, told int, l *ledger, w *World) {
	t.Helper()
	l = &ledger{}
	var key Key
	s := &script{}
	s.onInput = func(c *Context, _ uint64) {
		if kind == EventCompleted {
			c.Complete(Millisecond, 7)
			return
		}
		for i := range 4 {
			c.Send(1, MsgKind(i), []byte{byte('a' + i)})
		}
	}
	s.persisted = func(c *Context, _ uint64) { told++; c.Send(1, 1, []byte("told")) }
	s.receive = func(_ *Context, _ NodeID, msg []byte) { got = append(got, string(msg)) }
	run := func(src choice.Source) {
		got, told, *l = nil, 0, ledger{}
		w = world(t, Options{Nodes: 2, Factory: same(s), ProcessFaults: ProcessFaultOptions{MidCrash: Low}, Source: src,
			Trace: TraceOptions{Records: 100}, Device: func(n NodeID) Device {
				if n == 0 {
					return l
				}
				return &ledger{}
			}})
		require.NoError(t, w.Inject(10*Millisecond, 0, 1))
		require.NoError(t, w.RunUntil(Second))
	}
	run(choice.Benign)
	records, _ := w.Records()
	for _, r := range records {
		if r.Kind == kind && r.Node == 0 && key == 0 {
			key = r.Key
		}
	}
	run(choice.NewReplay([]choice.Decision{{Site: "sim.midcrash", Key: branch(key, branchMidCrash), Value: v}}))
	return got, told, l, w
}

func TestACrashWithinAnEventLeavesItsFirstEffects(t *testing.T) {
	for effects := range uint64(midEffects) {
		got, _, l, w := midCrashed(t, EventInput, 1+effects)
		require.Len(t, got, int(min(effects, 4)), "what was sent before the crash arrives")
		require.Equal(t, 1, l.crashes)
		require.Equal(t, int64(1), w.Stats().Effective[MidCrash])
		require.True(t, w.Up(0), "it is back")
	}
}

func TestACrashBetweenPersistAndSend(t *testing.T) {
	got, told, l, _ := midCrashed(t, EventCompleted, 1)
	require.Equal(t, []uint64{7}, l.durable, "it is durable")
	require.Zero(t, told, "and the node never heard so")
	require.Empty(t, got)
	got, told, l, _ = midCrashed(t, EventCompleted, 2)
	require.Equal(t, []uint64{7}, l.durable)
	require.Equal(t, 1, told)
	require.Equal(t, []string{"told"}, got)
}

func TestARestartWithoutADiskOrWithAnOldOne(t *testing.T) {
	for v, want := range map[uint64]int{0: 8, 1: 0, 2: 6, 3: 4, 4: 2} {
		l := &ledger{}
		s := &script{onInput: func(c *Context, id uint64) { c.Complete(1, id) }}
		key := branch(crashKey(rootHostCrash, 0, int64(100*Millisecond)), branchRestore)
		w := world(t, Options{Nodes: 1, Factory: same(s), ProcessFaults: ProcessFaultOptions{Restore: Low},
			Device: func(NodeID) Device { return l },
			Source: choice.NewReplay([]choice.Decision{{Site: "sim.restore", Key: key, Value: v}})})
		for i := range uint64(8) {
			require.NoError(t, w.Inject(Time(i)*Millisecond, 0, i))
		}
		require.NoError(t, w.RunUntil(100*Millisecond))
		require.NoError(t, w.Crash(0))
		require.Len(t, l.durable, want, "answer %d", v)
		require.Equal(t, v != 0, w.Stats().Effective[Restore] == 1)
	}
}

func TestProcessFaultsAreAskedOnlyWhileTheyAreOnAndFaultsLast(t *testing.T) {
	all := ProcessFaultOptions{Clock: Low, Pause: Low, Slow: Low, Outage: Low, MidCrash: Low, Restore: Low}
	for _, o := range []ProcessFaultOptions{{}, all} {
		asked, late := map[string]int{}, 0
		var w *World
		src := sourceFunc(func(p choice.Point) uint64 {
			asked[p.Site]++
			if w != nil && w.Now() > 500*Millisecond {
				late++
			}
			return 0
		})
		s := &script{start: func(c *Context) { c.After(10*Millisecond, 1) }, timer: func(c *Context, _ TimerID) { c.After(10*Millisecond, 1) }}
		w = world(t, Options{Nodes: 3, Factory: same(s), ProcessFaults: o, Source: src, Device: func(NodeID) Device { return &ledger{} }})
		require.NoError(t, w.Heal(500*Millisecond))
		require.NoError(t, w.RunUntil(200*Millisecond))
		require.NoError(t, w.Crash(0))
		require.NoError(t, w.RunUntil(Second))
		require.Zero(t, late)
		want := 0
		if o == all {
			want = 6
		}
		require.Len(t, asked, want, fmt.Sprint(asked))
	}
	_, err := New(Options{Nodes: 1, Factory: same(&script{}), ProcessFaults: ProcessFaultOptions{Slow: NumLevels}})
	require.ErrorIs(t, err, ErrOptions)
}

func TestSeededProcessFaultsTakeEffectAndAreDeterministic(t *testing.T) {
	run := func() (*World, uint64) {
		s := &script{start: func(c *Context) { c.After(3*Millisecond, 1) }}
		s.timer = func(c *Context, _ TimerID) {
			c.Send((c.Self()+1)%3, 1, fmt.Append(nil, c.Wall()))
			c.Complete(Millisecond, uint64(c.Monotonic()))
			c.After(3*Millisecond, 1)
		}
		o := ProcessFaultOptions{Clock: Extreme, Pause: Extreme, Slow: Extreme, Outage: Extreme, MidCrash: Extreme, Restore: Extreme}
		w := world(t, Options{Nodes: 3, Factory: same(s), ProcessFaults: o, Source: choice.Seeded(3), Device: func(NodeID) Device { return &ledger{} }})
		require.NoError(t, w.RunUntil(5*Second))
		return w, w.Hash()
	}
	w, hash := run()
	for c := Clock; c <= Restore; c++ {
		require.Positive(t, w.Stats().Decided[c], c)
		require.Positive(t, w.Stats().Effective[c], c)
	}
	_, again := run()
	require.Equal(t, hash, again)
	require.Equal(t, "mid-crash", MidCrash.String())
}

func TestAnEventIsOneCacheLine(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(event{}), uintptr(64))
}

// TestAnAbortedProcessDoesNoMoreAndComesBack: it is not counted as a fault.
func TestAnAbortedProcessDoesNoMoreAndComesBack(t *testing.T) {
	heard, starts := 0, 0
	s := &script{start: func(*Context) { starts++ }, receive: func(*Context, NodeID, []byte) { heard++ }}
	s.onInput = func(c *Context, _ uint64) {
		c.Send(1, 1, nil)
		c.Abort()
		require.True(t, c.Dead())
		c.Send(1, 2, nil)
	}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.Inject(Millisecond, 0, 1))
	require.NoError(t, w.RunUntil(3*Millisecond))
	require.False(t, w.Up(0))
	require.Equal(t, 1, heard)
	require.NoError(t, w.RunUntil(20*Millisecond))
	require.True(t, w.Up(0))
	require.Equal(t, 3, starts)
	require.Equal(t, Stats{Messages: 1}, w.Stats())
}

// TestStorageFaultsAreAskedByClass: each only where its level says so, more often
// at the extreme one, and not once the world is healed.
func TestStorageFaultsAreAskedByClass(t *testing.T) {
	asked := map[string]uint32{}
	run := func(o Options) map[string]uint32 {
		clear(asked)
		s := &script{onInput: func(c *Context, _ uint64) {
			for _, class := range []Class{Disk, DiskError, Rot, Drop} {
				c.StorageFault(class, class.String(), 2, 1000)
			}
		}}
		o.Nodes, o.Factory = 1, same(s)
		o.Source = sourceFunc(func(p choice.Point) uint64 { asked[p.Site] = p.Rare; return 1 })
		w := world(t, o)
		require.NoError(t, w.Heal(10*Millisecond))
		require.NoError(t, w.Inject(Millisecond, 0, 1))
		require.NoError(t, w.Inject(20*Millisecond, 0, 2))
		require.NoError(t, w.RunUntil(Second))
		for _, class := range []Class{Disk, DiskError, Rot} {
			require.LessOrEqual(t, w.Stats().Effective[class], int64(1), "not once healed")
		}
		return asked
	}
	require.Empty(t, run(Options{}))
	require.Equal(t, map[string]uint32{"disk": 1000}, run(Options{DiskFaults: Low}))
	require.Equal(t, map[string]uint32{"disk-error": 4000, "rot": 1000},
		run(Options{ProcessFaults: ProcessFaultOptions{DiskError: Extreme, Rot: Low}}))
}

// TestNothingOvertakesWhatAPausedNodeHasPutOff: neither when the pause is drawn out
// by another nor when the world is healed meanwhile.
func TestNothingOvertakesWhatAPausedNodeHasPutOff(t *testing.T) {
	pause := func(tick int64, length uint64) choice.Decision {
		return choice.Decision{Site: "sim.pause", Key: processFaultKey(Pause, 1, tick), Value: 1 + length}
	}
	for name, tc := range map[string]struct {
		tape []choice.Decision
		heal Time
	}{
		"drawn out":     {[]choice.Decision{pause(2, 4), pause(3, 5)}, Second}, // 100 to 200 ms, and 150 to 350
		"healed":        {[]choice.Decision{pause(2, 5)}, 180 * Millisecond},   // 100 to 300 ms
		"both":          {[]choice.Decision{pause(2, 4), pause(3, 5)}, 180 * Millisecond},
		"healed in two": {[]choice.Decision{pause(2, 4), pause(3, 5)}, 250 * Millisecond},
	} {
		at, order, w := handled(t, ProcessFaultOptions{Pause: Low}, choice.NewReplay(tc.tape), tc.heal)
		require.Len(t, order, 100, name)
		require.IsIncreasing(t, order, name)
		require.IsNonDecreasing(t, at[1], name)
		require.Zero(t, w.nodes[1].waiting)
		require.Positive(t, w.Stats().Effective[Pause])
	}
}
