package net

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// talker sends the number of each operation it is given to its target, and logs
// what arrives at whom.
type talker struct {
	to  func(id uint64) sim.NodeID
	log *[]arrival
}

type arrival struct {
	at       sim.Time
	from, to sim.NodeID
	id       byte
}

func (a talker) Start(*sim.Context)              {}
func (a talker) Timer(*sim.Context, sim.TimerID) {}
func (a talker) Input(c *sim.Context, id uint64) { c.Send(a.to(id), 1, []byte{byte(id)}) }
func (a talker) Receive(c *sim.Context, from sim.NodeID, msg []byte) {
	id := byte(255) // of a message that lost it
	if len(msg) > 0 {
		id = msg[0]
	}
	*a.log = append(*a.log, arrival{c.Now(), from, c.Self(), id})
}

// bench is a world of talkers on a network.
type bench struct {
	*sim.World
	net *Net
	log []arrival
	to  sim.NodeID
}

func build(t testing.TB, nodes int, o Options, src choice.Source) *bench {
	t.Helper()
	n, err := New(o)
	require.NoError(t, err)
	b := &bench{net: n, to: 1}
	b.World, err = sim.New(sim.Options{
		Nodes: nodes, Net: n, Source: src, AssertKeys: true, Trace: sim.TraceOptions{Records: 1000},
		Factory: func(sim.NodeID) sim.Actor { return talker{func(uint64) sim.NodeID { return b.to }, &b.log} },
	})
	require.NoError(t, err)
	return b
}

// send has node 0 send id at a time.
func (b *bench) send(t testing.TB, at sim.Time, id uint64) {
	t.Helper()
	require.NoError(t, b.Inject(at, 0, id))
}

// messageKey is the key of the message that operation id sends, found by asking.
func messageKey(t testing.TB, id uint64) sim.Key {
	t.Helper()
	var key sim.Key
	src := spy(func(p choice.Point) uint64 {
		if p.Site == "net.drop" {
			key = p.Key
		}
		return 0
	})
	b := build(t, 2, Options{Faults: AskAll}, src)
	b.send(t, 1, id)
	require.NoError(t, b.RunUntil(10*sim.Millisecond))
	require.NotZero(t, key)
	return key
}

type spy func(choice.Point) uint64

func (f spy) Choose(p choice.Point) uint64 { return f(p) }

func tape(ds ...choice.Decision) choice.Source { return choice.NewReplay(ds) }

func TestBenignLinkIsAFIFOOfFixedLatency(t *testing.T) {
	for _, f := range []Faults{{}, AskAll} {
		b := build(t, 3, Options{Faults: f}, nil)
		for id := range uint64(20) {
			b.send(t, sim.Time(id)*100*sim.Microsecond, id)
		}
		require.NoError(t, b.RunUntil(sim.Second))
		require.Len(t, b.log, 20)
		for id, a := range b.log {
			require.Equal(t, arrival{sim.Time(id)*100*sim.Microsecond + b.net.Latency(0, 1), 0, 1, byte(id)}, a)
		}
		require.Zero(t, b.Stats().Decided)
	}
}

func TestLatenciesLieInTheirRange(t *testing.T) {
	b := build(t, 5, Options{Latency: 3 * sim.Millisecond, Spread: 2 * sim.Millisecond}, nil)
	seen := map[sim.Time]bool{}
	for i := range sim.NodeID(5) {
		for j := range sim.NodeID(5) {
			l := b.net.Latency(i, j)
			require.GreaterOrEqual(t, l, 3*sim.Millisecond)
			require.Less(t, l, 5*sim.Millisecond)
			seen[l] = true
		}
	}
	require.Greater(t, len(seen), 20)
	b = build(t, 2, Options{Spread: -1}, nil)
	require.Equal(t, sim.Millisecond, b.net.Latency(0, 1))
}

func TestDropLosesOneMessage(t *testing.T) {
	key := messageKey(t, 2)
	b := build(t, 2, Options{Faults: AskAll}, tape(choice.Decision{Site: "net.drop", Key: key, Value: 1}))
	for id := range uint64(4) {
		b.send(t, sim.Time(id)*sim.Millisecond, id)
	}
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, []byte{0, 1, 3}, ids(b.log))
	require.Equal(t, int64(1), b.Stats().Decided[sim.Drop])
	require.Equal(t, int64(1), b.Stats().Effective[sim.Drop])
}

func TestDropToANodeThatIsDownHasNoEffect(t *testing.T) {
	key := messageKey(t, 2)
	b := build(t, 2, Options{Faults: AskAll}, tape(choice.Decision{Site: "net.drop", Key: key, Value: 1}))
	b.send(t, 1, 2)
	require.NoError(t, b.RunUntil(sim.Microsecond))
	require.NoError(t, b.Crash(1))
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, int64(1), b.Stats().Decided[sim.Drop])
	require.Zero(t, b.Stats().Effective[sim.Drop])
}

func TestDuplicateAddsCopies(t *testing.T) {
	key := messageKey(t, 2)
	for copies := 1; copies <= maxCopies; copies++ {
		for spread := range spreads {
			v := uint64(1 + spread*maxCopies + copies - 1)
			b := build(t, 2, Options{Faults: AskAll}, tape(choice.Decision{Site: "net.duplicate", Key: key, Value: v}))
			b.send(t, sim.Millisecond, 2)
			require.NoError(t, b.RunUntil(10*sim.Second))
			require.Len(t, b.log, 1+copies)
			for i, a := range b.log {
				require.Equal(t, byte(2), a.id)
				late := a.at - b.log[0].at
				require.Less(t, late, sim.Millisecond<<(2*spread))
				require.True(t, i > 0 || late == 0)
			}
			require.Equal(t, sim.Millisecond+b.net.Latency(0, 1), b.log[0].at, "the message itself is on time")
			require.Equal(t, int64(1), b.Stats().Decided[sim.Duplicate])
			require.Equal(t, int64(copies), b.Stats().Effective[sim.Duplicate])
		}
	}
}

func TestCopiesAreDelayedEachOnItsOwn(t *testing.T) {
	key := messageKey(t, 2)
	b := build(t, 2, Options{Faults: AskAll}, tape(
		choice.Decision{Site: "net.duplicate", Key: key, Value: 1},
		choice.Decision{Site: "net.delay", Key: sim.CopyKey(key, 1), Value: 8}))
	b.send(t, sim.Millisecond, 2)
	require.NoError(t, b.RunUntil(10*sim.Second))
	require.Len(t, b.log, 2)
	require.Equal(t, sim.Millisecond+b.net.Latency(0, 1), b.log[0].at)
	require.GreaterOrEqual(t, b.log[1].at-b.log[0].at, 64*sim.Millisecond)
	require.Equal(t, int64(1), b.Stats().Effective[sim.Delay])
	require.Equal(t, int64(1), b.Stats().Effective[sim.Duplicate])
}

func TestDelayLetsYoungerMessagesOvertake(t *testing.T) {
	key := messageKey(t, 0)
	for v := uint64(1); v <= delays; v++ {
		b := build(t, 2, Options{Faults: AskAll}, tape(choice.Decision{Site: "net.delay", Key: key, Value: v}))
		b.send(t, 0, 0)
		b.send(t, 100*sim.Microsecond, 1)
		require.NoError(t, b.RunUntil(20*sim.Second))
		require.Equal(t, []byte{1, 0}, ids(b.log))
		late := b.log[1].at - b.net.Latency(0, 1)
		require.GreaterOrEqual(t, late, sim.Millisecond/2<<(v-1))
		require.Less(t, late, sim.Millisecond<<(v-1))
		require.Equal(t, int64(1), b.Stats().Effective[sim.Delay])
	}
}

func TestReliableLinksHaveNoMessageFaults(t *testing.T) {
	always := spy(func(p choice.Point) uint64 {
		if p.Site == "net.partition" {
			return 0
		}
		return p.N - 1
	})
	b := build(t, 3, Options{Faults: AskAll, Reliable: func(from, to sim.NodeID) bool { return from == 0 && to == 1 }}, always)
	b.send(t, 0, 0)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, []byte{0}, ids(b.log))
	b.to = 2
	b.send(t, sim.Second, 1)
	require.NoError(t, b.RunUntil(2*sim.Second))
	require.Equal(t, []byte{0}, ids(b.log))
}

// partitioned runs three nodes with one partition decided at tick 2 and returns
// when each ordered pair of nodes could not reach each other.
func partitioned(t *testing.T, v uint64) (cut map[string]sim.Time, b *bench) {
	t.Helper()
	b = build(t, 4, Options{Faults: AskAll, Partitionable: 3}, tape(choice.Decision{Site: "net.partition", Key: sim.NetworkKey(2, 0), Value: v}))
	cut = map[string]sim.Time{}
	for at := sim.Time(0); at < 2*sim.Second; at += sim.Millisecond {
		require.NoError(t, b.RunUntil(at))
		for i := range sim.NodeID(4) {
			for j := range sim.NodeID(4) {
				if !b.net.Open(i, j) {
					require.GreaterOrEqual(t, at, 100*sim.Millisecond)
					cut[fmt.Sprintf("%v>%v", i, j)] += sim.Millisecond
				}
			}
		}
	}
	require.Equal(t, int64(1), b.Stats().Decided[sim.Partition])
	return cut, b
}

func answer(shape, detail, duration int) uint64 {
	return uint64(1 + (duration*details+detail)*shapes + shape)
}

func TestPartitionShapes(t *testing.T) {
	keys := func(m map[string]sim.Time) (out []string) {
		for _, k := range []string{"n0>n1", "n0>n2", "n0>n3", "n1>n0", "n1>n2", "n1>n3", "n2>n0", "n2>n1", "n2>n3", "n3>n0", "n3>n1", "n3>n2"} {
			if m[k] > 0 {
				out = append(out, k)
			}
		}
		return out
	}
	cut, _ := partitioned(t, answer(isolate, 1, 0))
	require.Equal(t, []string{"n0>n1", "n1>n0", "n1>n2", "n2>n1"}, keys(cut))
	cut, _ = partitioned(t, answer(isolate, 4, 0))
	require.Equal(t, []string{"n0>n1", "n1>n0", "n1>n2", "n2>n1"}, keys(cut), "details beyond the nodes wrap around")
	cut, _ = partitioned(t, answer(deaf, 2, 0))
	require.Equal(t, []string{"n0>n2", "n1>n2"}, keys(cut))
	cut, _ = partitioned(t, answer(mute, 2, 0))
	require.Equal(t, []string{"n2>n0", "n2>n1"}, keys(cut))
	for detail := range details {
		cut, _ = partitioned(t, answer(split, detail, 0))
		require.Len(t, keys(cut), 4, "of three nodes, one is apart: four directed links")
		cut, _ = partitioned(t, answer(oneWay, detail, 0))
		require.Len(t, keys(cut), 2)
	}
}

func TestPartitionLastsItsDuration(t *testing.T) {
	for duration := range durations {
		cut, b := partitioned(t, answer(mute, 0, duration))
		length := cut["n0>n1"]
		require.GreaterOrEqual(t, length, 50*sim.Millisecond<<duration-sim.Millisecond)
		require.LessOrEqual(t, length, 100*sim.Millisecond<<duration+sim.Millisecond)
		require.Equal(t, length, cut["n0>n2"])
		var text bytes.Buffer
		require.NoError(t, b.WriteTrace(&text))
		require.Contains(t, text.String(), "# partition {n0} is not heard by {n1 n2} for ")
		require.Contains(t, text.String(), "# links restored: ")
	}
}

func TestPartitionBlocksAtSendingAndAtArrival(t *testing.T) {
	cases := map[string]struct {
		crash     bool
		effective int64
	}{"live": {false, 2}, "down": {true, 0}}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := build(t, 2, Options{Faults: AskAll, Latency: 20 * sim.Millisecond, Spread: -1},
				tape(choice.Decision{Site: "net.partition", Key: sim.NetworkKey(2, 0), Value: answer(isolate, 0, 0)}))
			var from, until sim.Time
			for at := sim.Time(0); until == 0; at += 100 * sim.Microsecond {
				require.NoError(t, b.RunUntil(at))
				switch open := b.net.Open(0, 1); {
				case !open && from == 0:
					from = at
				case open && from != 0:
					until = at
				}
			}
			// The same world once more, now knowing when.
			b = build(t, 2, Options{Faults: AskAll, Latency: 20 * sim.Millisecond, Spread: -1},
				tape(choice.Decision{Site: "net.partition", Key: sim.NetworkKey(2, 0), Value: answer(isolate, 0, 0)}))
			b.send(t, from-25*sim.Millisecond, 1)  // through before
			b.send(t, from-10*sim.Millisecond, 2)  // hit in flight
			b.send(t, until-10*sim.Millisecond, 3) // hit at sending
			b.send(t, until, 4)
			require.NoError(t, b.RunUntil(from-2*sim.Millisecond))
			if tc.crash {
				require.NoError(t, b.Crash(1))
			}
			require.NoError(t, b.RunUntil(until+15*sim.Millisecond))
			require.NoError(t, b.Restart(1))
			require.NoError(t, b.RunUntil(sim.Second))
			require.Equal(t, []byte{1, 4}, ids(b.log))
			require.Equal(t, tc.effective, b.Stats().Effective[sim.Partition])
		})
	}
}

func TestHealOpensLinksAndAsksNoMore(t *testing.T) {
	asked := 0
	always := spy(func(p choice.Point) uint64 {
		asked++
		return p.N - 1
	})
	b := build(t, 5, Options{Faults: AskAll}, always)
	require.NoError(t, b.Heal(200*sim.Millisecond))
	require.NoError(t, b.RunUntil(199*sim.Millisecond))
	open := true
	for i := range sim.NodeID(5) {
		open = open && b.net.Open(i, (i+1)%5)
	}
	require.False(t, open)
	require.NoError(t, b.RunUntil(200*sim.Millisecond))
	for i := range sim.NodeID(5) {
		for j := range sim.NodeID(5) {
			require.True(t, b.net.Open(i, j))
		}
	}
	before := asked
	b.send(t, 300*sim.Millisecond, 7)
	require.NoError(t, b.RunUntil(5*sim.Second))
	require.Equal(t, []byte{7}, ids(b.log))
	require.Equal(t, before, asked)
}

func TestOverlappingPartitionsBothCount(t *testing.T) {
	b := build(t, 3, Options{Faults: AskAll}, tape(
		choice.Decision{Site: "net.partition", Key: sim.NetworkKey(2, 0), Value: answer(isolate, 0, 3)},
		choice.Decision{Site: "net.partition", Key: sim.NetworkKey(3, 0), Value: answer(isolate, 0, 0)}))
	closed := sim.Time(0)
	for at := sim.Time(0); at < 3*sim.Second; at += sim.Millisecond {
		require.NoError(t, b.RunUntil(at))
		if !b.net.Open(0, 1) {
			closed += sim.Millisecond
		}
	}
	require.GreaterOrEqual(t, closed, 399*sim.Millisecond, "the short one's end does not end the long one")
	require.True(t, b.net.Open(0, 1))
}

func TestSeededFaultsTakeEffectAtTheirRates(t *testing.T) {
	run := func(f Faults) sim.Stats {
		b := build(t, 4, Options{Faults: f}, choice.Seeded(11))
		for id := range uint64(2000) {
			b.send(t, sim.Time(id)*sim.Millisecond, id)
		}
		require.NoError(t, b.RunUntil(20*sim.Second))
		return b.Stats()
	}
	off := run(Faults{})
	require.Zero(t, off.Decided)
	require.Zero(t, off.Effective)
	low := run(Faults{Drop: sim.Low, Duplicate: sim.Low, Delay: sim.Low, Partition: sim.Low})
	high := run(Faults{Drop: sim.Extreme, Duplicate: sim.Extreme, Delay: sim.Extreme, Partition: sim.Extreme})
	for c := sim.Drop; c <= sim.Partition; c++ {
		require.Positive(t, low.Effective[c], c)
		require.Greater(t, high.Decided[c], 3*low.Decided[c], c)
	}
	require.InDelta(t, 0.02*2000, float64(low.Decided[sim.Drop]), 20)
}

func TestSwarmDrawsEachClass(t *testing.T) {
	require.Equal(t, Faults{}, Swarm(choice.Benign))
	seen := map[Faults]bool{}
	for seed := range uint64(2000) {
		seen[Swarm(choice.Seeded(seed))] = true
	}
	require.Len(t, seen, 81, "every combination comes up")
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{Faults: Faults{Drop: sim.NumLevels}},
		{Latency: -1},
		{Latency: maxLatency + 1},
		{Spread: maxLatency + 1},
		{Grid: -1},
		{Partitionable: -1},
	} {
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions)
	}
	n, err := New(Options{Partitionable: 3})
	require.NoError(t, err)
	_, err = sim.New(sim.Options{Nodes: 2, Net: n, Factory: func(sim.NodeID) sim.Actor { return talker{} }})
	require.ErrorIs(t, err, ErrOptions)
}

func ids(log []arrival) (out []byte) {
	for _, a := range log {
		out = append(out, a.id)
	}
	return out
}
