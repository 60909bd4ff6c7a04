package sim_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	simnet "github.com/joinery-go/joinery/sim/net"
)

// strategy runs a protocol once with a seed.
type strategy struct {
	name string
	run  func(p protocol, seed uint64) (string, *sim.World, error)
}

var strategies = []strategy{
	{"uniform", func(p protocol, seed uint64) (string, *sim.World, error) {
		p.faults, p.crash = simnet.AskAll, sim.Low
		return p.run(plan(seed), choice.Seeded(seed))
	}},
	{"swarm", func(p protocol, seed uint64) (string, *sim.World, error) {
		levels := choice.Seeded(choice.MixString(seed, "swarm"))
		p.faults, p.crash = simnet.Swarm(levels), sim.SwarmLevel(levels, sim.Crash)
		return p.run(plan(seed), choice.Seeded(seed))
	}},
	{"pct", func(p protocol, seed uint64) (string, *sim.World, error) {
		p.faults, p.crash = simnet.AskAll, sim.Low
		src, err := sim.NewPCT(seed, sim.PCTOptions{Steps: 40, Rest: choice.Seeded(seed)})
		if err != nil {
			return "", nil, err
		}
		return p.run(plan(seed), src)
	}},
	{"bytes", func(p protocol, seed uint64) (string, *sim.World, error) {
		return p.extreme().run(plan(seed), choice.FromBytes(randomBytes(seed, 2000)))
	}},
}

func randomBytes(seed uint64, n int) (data []byte) {
	for i := range uint64(n / 8) {
		data = binary.LittleEndian.AppendUint64(data, choice.Mix(seed, i))
	}
	return data
}

// TestEveryStrategyFindsEveryBug counts the seeds that each random strategy needs,
// replays what it found, and holds the protocol without a bug to the same seeds.
func TestEveryStrategyFindsEveryBug(t *testing.T) {
	for _, s := range strategies {
		for _, tc := range seeded {
			var needed []int
			last := 0
			for seed := uint64(0); len(needed) < 5; seed++ {
				require.Less(t, seed, uint64(600), "%s finds %s", s.name, tc.name)
				failed, w, err := s.run(protocol{bug: tc.bug}, seed)
				require.NoError(t, err)
				if failed != tc.verdict {
					continue
				}
				needed = append(needed, int(seed)+1-last)
				last = int(seed) + 1
				var ds []choice.Decision
				for _, d := range w.Decisions() {
					ds = append(ds, d.Decision)
				}
				again, err := protocol{bug: tc.bug}.replay(plan(seed), ds)
				require.NoError(t, err)
				require.Equal(t, failed, again.Signature, "%s, seed %d: a tape replays whatever made it", s.name, seed)
			}
			slices.Sort(needed)
			t.Logf("%-8s %-17s median %d seeds, worst %d", s.name, tc.name, needed[len(needed)/2], needed[len(needed)-1])
		}
		for seed := range uint64(60) {
			failed, _, err := s.run(protocol{}, seed)
			require.NoError(t, err)
			require.Empty(t, failed, "%s, seed %d", s.name, seed)
		}
	}
}

// TestExhaustiveFindsEveryDrop enumerates each way to drop messages of one
// operation: the bug shows in exactly one of the two that there are for one
// message, and never without the bug, however the first few messages fare.
func TestExhaustiveFindsEveryDrop(t *testing.T) {
	search := func(b bug, limit int) (failures, calls int, complete bool) {
		p := protocol{bug: b, faults: simnet.Faults{Drop: sim.Low}}
		calls, complete = choice.Exhaust(limit, func(src choice.Source) bool {
			failed, _, err := p.run([]operation{{sim.Millisecond, 1}}, src)
			require.NoError(t, err)
			if failed != "" {
				require.Equal(t, "lost", failed)
				failures++
			}
			return true
		})
		return failures, calls, complete
	}
	failures, calls, complete := search(noRetry, 100)
	require.True(t, complete)
	require.Equal(t, 3, calls, "the message is dropped, or its acknowledgement, or neither")
	require.Equal(t, 1, failures)
	// The retry is every 20 ms and faults end after 150.
	failures, calls, complete = search(none, 5000)
	require.True(t, complete)
	require.Zero(t, failures)
	require.Greater(t, calls, 100)
	t.Logf("%d schedules of drops hold", calls)
}

// TestFromRapidSearchesSchedules is the one-line door for property tests.
func TestFromRapidSearchesSchedules(t *testing.T) {
	fake := &fakeTB{name: t.Name()}
	fake.check(func(t *rapid.T) {
		p := protocol{bug: noDedup, faults: simnet.Faults{Duplicate: sim.Extreme}}
		failed, w, err := p.run(plan(3), sim.FromRapid(t))
		if err != nil || failed != "" {
			t.Fatalf("%s %v after %d decisions", failed, err, len(w.Decisions()))
		}
	})
	require.True(t, fake.failed)
	require.Contains(t, fake.log.String(), "counted twice <nil> after 1 decisions")
}

// FuzzSchedule lets go test -fuzz write the schedule of the protocol without a bug.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte{})
	f.Add(randomBytes(1, 400))
	f.Fuzz(func(t *testing.T, data []byte) {
		failed, _, err := protocol{}.extreme().run(plan(uint64(len(data)%7)), choice.FromBytes(data))
		if err != nil || failed != "" {
			t.Fatalf("%q, %v", failed, err)
		}
	})
}

func TestPCTHoldsBackWholeLinks(t *testing.T) {
	p, err := sim.NewPCT(5, sim.PCTOptions{Depth: 3, Steps: 50, Slowest: 8})
	require.NoError(t, err)
	delay := choice.Point{Site: "net.delay", N: 13}
	first := map[sim.NodeID]uint64{}
	changed := 0
	for i := range 50 {
		to := sim.NodeID(1 + i%4)
		p.Observe(sim.Envelope{From: 0, To: to})
		v := p.Choose(delay)
		require.Equal(t, v, p.Choose(delay))
		was, known := first[to]
		if known && was != v {
			require.GreaterOrEqual(t, v, uint64(8), "a fallen link is slower than any other")
			changed++
		}
		first[to] = v
	}
	require.LessOrEqual(t, changed, 2, "as many changes as Depth less one")
	require.Positive(t, changed)
	require.Zero(t, p.Choose(choice.Point{Site: "net.drop", N: 2}), "the rest is benign unless said otherwise")
	_, err = sim.NewPCT(0, sim.PCTOptions{Depth: -1})
	require.ErrorIs(t, err, sim.ErrOptions)
}

// courier is a protocol with a bug that only a whole link can show: node 0 sends
// parcels to node 2 and then, by way of node 1, the bill, which node 2 wrongly
// trusts to come after at least one parcel.
type courier struct {
	parcels int
	early   bool
}

func (a *courier) Start(c *sim.Context) {
	if c.Self() == 0 {
		c.After(sim.Millisecond, 1)
	}
}

func (a *courier) Timer(c *sim.Context, _ sim.TimerID) {
	if a.parcels++; a.parcels <= 6 {
		c.Send(2, 1, []byte("parcel"))
		c.After(sim.Millisecond, 1)
		return
	}
	c.Send(1, 2, []byte("bill"))
}

func (a *courier) Receive(c *sim.Context, _ sim.NodeID, msg []byte) {
	switch {
	case c.Self() == 1:
		c.Send(2, 2, msg)
	case c.Kind() == 1:
		a.parcels++
	default:
		a.early = a.parcels == 0
	}
}

// TestPCTFindsWhatUniformDelaysDoNot compares the two on the courier.
func TestPCTFindsWhatUniformDelaysDoNot(t *testing.T) {
	found := func(source func(seed uint64) choice.Source) (n int) {
		for seed := range uint64(1000) {
			net, err := simnet.New(simnet.Options{Faults: simnet.Faults{Delay: sim.Low}})
			require.NoError(t, err)
			w, err := sim.New(sim.Options{Nodes: 3, Net: net, Source: source(seed),
				Factory: func(sim.NodeID) sim.Actor { return new(courier) }})
			require.NoError(t, err)
			_, err = w.RunUntilQuiet(20 * sim.Second)
			require.NoError(t, err)
			if w.Actor(2).(*courier).early {
				n++
			}
		}
		return n
	}
	uniform := found(choice.Seeded)
	pct := found(func(seed uint64) choice.Source {
		p, err := sim.NewPCT(seed, sim.PCTOptions{Steps: 8})
		require.NoError(t, err)
		return p
	})
	t.Logf("of 1000 seeds, uniform delays show the bug in %d, PCT in %d", uniform, pct)
	require.LessOrEqual(t, uniform, 2)
	require.Greater(t, pct, 100)
}
