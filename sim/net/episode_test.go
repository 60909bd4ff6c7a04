package net

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
)

// decided is a tape of one episode, decided at tick 2.
func decided(c sim.Class, v uint64) choice.Source {
	return tape(choice.Decision{Site: episodeSites[c], Key: sim.NetworkKey(2, uint64(c)), Value: v})
}

// flood has node 0 send a message a millisecond for a while, starting at 0.
func flood(t *testing.T, b *bench, n int) {
	t.Helper()
	for id := range n {
		b.send(t, sim.Time(id)*sim.Millisecond, uint64(id))
	}
	require.NoError(t, b.RunUntil(5*sim.Second))
}

func TestBurstLosesMostMessagesOfOneLinkForAWhile(t *testing.T) {
	b := build(t, 2, Options{Faults: AskEvery}, decided(sim.Burst, 1))
	flood(t, b, 250)
	var lost []sim.Time
	for _, l := range b.Losses() {
		require.Equal(t, "burst", l.Why)
		lost = append(lost, l.At)
	}
	first, last := lost[0], lost[len(lost)-1]
	require.GreaterOrEqual(t, first, 100*sim.Millisecond, "it begins within the tick")
	require.Less(t, last-first, 100*sim.Millisecond, "and lasts up to two grids")
	share := float64(len(lost)) / float64((last-first)/sim.Millisecond)
	require.InDelta(t, 0.75, share, 0.2, "three in four are lost")
	require.Equal(t, int64(1), b.Stats().Decided[sim.Burst], "one decision, however many are lost")
	require.Equal(t, int64(len(lost)), b.Stats().Effective[sim.Burst])
	// The other direction is the other answer.
	b = build(t, 2, Options{Faults: AskEvery}, decided(sim.Burst, 2))
	flood(t, b, 250)
	require.Len(t, b.log, 250)
}

func TestClogHoldsMessagesAndReleasesThemInABurst(t *testing.T) {
	for shape := range uint64(clogShapes) {
		b := build(t, 3, Options{Faults: AskEvery, Spread: -1}, decided(sim.Clog, 1+shape))
		b.to = 1
		if shape == clogInto {
			b.to = 0
			for id := range uint64(250) {
				require.NoError(t, b.Inject(sim.Time(id)*sim.Millisecond, 1, id))
			}
			require.NoError(t, b.RunUntil(5*sim.Second))
		} else {
			flood(t, b, 250)
		}
		require.Len(t, b.log, 250, "nothing is lost")
		held := b.Stats().Effective[sim.Clog]
		require.GreaterOrEqual(t, held, int64(20), "shape %d", shape)
		// What was held arrives within one latency of one moment.
		var burst []sim.Time
		for _, a := range b.log {
			if late := a.at - sim.Time(a.id)*sim.Millisecond; late > b.net.Latency(0, 1) {
				burst = append(burst, a.at)
			}
		}
		require.Less(t, slices.Max(burst)-slices.Min(burst), 2*sim.Millisecond)
		require.False(t, slices.IsSortedFunc(b.log, func(x, y arrival) int { return int(x.id) - int(y.id) }), "in no order")
	}
}

func TestASwizzledClogReleasesLinksAtMomentsOfTheirOwn(t *testing.T) {
	b := build(t, 5, Options{Faults: AskEvery}, decided(sim.Clog, 1+clogSwizzle))
	require.NoError(t, b.RunUntil(149*sim.Millisecond))
	until := map[sim.Time]bool{}
	for _, l := range b.net.links {
		if l.clogged > 0 {
			until[l.clogged] = true
		}
	}
	require.Greater(t, len(until), 5)
}

// reach lists who hears whom at present.
func reach(b *bench) (open map[string]bool) {
	open = map[string]bool{}
	for i := range sim.NodeID(b.Nodes()) {
		for j := range sim.NodeID(b.Nodes()) {
			if i != j && b.net.Open(i, j) {
				open[fmt.Sprint(int(i), int(j))] = true
			}
		}
	}
	return open
}

func TestABridgeIsHeardByBothSides(t *testing.T) {
	for detail := range uint64(details) {
		b := build(t, 5, Options{Faults: AskEvery}, decided(sim.Bridge, 1+detail*bridgeShapes+bridgeTwo))
		require.NoError(t, b.RunUntil(150*sim.Millisecond))
		open := reach(b)
		require.Len(t, open, 20-8, "two sides of two, four pairs cut both ways")
		bridges := 0
		for i := range 5 {
			heard := 0
			for j := range 5 {
				require.Equal(t, open[fmt.Sprint(i, j)], open[fmt.Sprint(j, i)])
				if open[fmt.Sprint(i, j)] {
					heard++
				}
			}
			if heard == 4 {
				bridges++
			}
		}
		require.Equal(t, 1, bridges)
	}
}

func TestOverlappingMajorities(t *testing.T) {
	b := build(t, 5, Options{Faults: AskEvery}, decided(sim.Bridge, 1+bridgeMajors))
	require.NoError(t, b.RunUntil(150*sim.Millisecond))
	open, views := reach(b), map[string]bool{}
	for to := range 5 {
		view := ""
		for from := range 5 {
			if from == to || open[fmt.Sprint(from, to)] {
				view += fmt.Sprint(from)
			}
		}
		require.Len(t, view, 3, "each hears a majority, itself included")
		views[view] = true
	}
	require.Len(t, views, 5, "no two the same")
	require.Equal(t, sim.Bridge, b.net.CutBy(0, cutFrom0(b)))
}

// cutFrom0 is a node that does not hear node 0.
func cutFrom0(b *bench) sim.NodeID {
	to := sim.NodeID(1)
	for b.net.Open(0, to) {
		to++
	}
	return to
}

func TestAFlappingCutComesAndGoesAndIsGoneInTheEnd(t *testing.T) {
	for shape := range uint64(flapShapes) {
		b := build(t, 3, Options{Faults: AskEvery}, decided(sim.Flap, 1+3*details*flapShapes+shape))
		changes, was := 0, true
		for at := sim.Time(0); at < 2*sim.Second; at += sim.Millisecond {
			require.NoError(t, b.RunUntil(at))
			if is := b.net.Open(0, 1); is != was {
				changes, was = changes+1, is
			}
			require.Equal(t, b.net.Open(0, 1), b.net.Open(1, 0))
			require.True(t, b.net.Open(1, 2), "others are not concerned")
			require.True(t, shape == flapNode || b.net.Open(0, 2))
		}
		require.Greater(t, changes, 20)
		require.True(t, was)
		var text bytes.Buffer
		require.NoError(t, b.WriteDiagram(&text, sim.DiagramOptions{}))
		require.Contains(t, text.String(), "▒  flapping n0≁")
	}
}

func TestAFilterLosesOneKind(t *testing.T) {
	for i, want := range map[uint64]bool{0: true, 1: false} {
		b := build(t, 2, Options{Faults: AskEvery, Kinds: []sim.MsgKind{9, 1}}, decided(sim.Filter, 1+i))
		flood(t, b, 250)
		require.Equal(t, want, len(b.log) == 250)
		require.Equal(t, 250, len(b.log)+int(b.Stats().Effective[sim.Filter]))
	}
}

func TestCorruptionChangesBytesAndTruncationCutsThem(t *testing.T) {
	key := messageKey(t, 2)
	original := []byte{2}
	for v := uint64(1); v <= corruptions; v++ {
		got := [][]byte{}
		n, err := New(Options{Faults: AskEvery})
		require.NoError(t, err)
		w, err := sim.New(sim.Options{Nodes: 2, Net: n,
			Source:  tape(choice.Decision{Site: "net.corrupt", Key: key, Value: v}),
			Factory: func(sim.NodeID) sim.Actor { return keeper{&got} }})
		require.NoError(t, err)
		require.NoError(t, w.Inject(1, 0, 2))
		require.NoError(t, w.Inject(5, 0, 3))
		require.NoError(t, w.RunUntil(sim.Second))
		require.Len(t, got, 2)
		require.Equal(t, []byte{3}, got[1], "another message is as it was")
		if v%2 == 1 {
			require.Empty(t, got[0], "cut short")
		} else {
			require.Len(t, got[0], 1)
			require.NotZero(t, bits.OnesCount8(got[0][0]^original[0]))
		}
		require.Equal(t, int64(1), w.Stats().Effective[sim.Corrupt])
	}
}

// keeper keeps the bytes of what arrives.
type keeper struct{ got *[][]byte }

func (keeper) Start(*sim.Context)              {}
func (keeper) Timer(*sim.Context, sim.TimerID) {}
func (keeper) Input(c *sim.Context, id uint64) { c.Send(1, 1, []byte{byte(id)}) }
func (k keeper) Receive(_ *sim.Context, _ sim.NodeID, msg []byte) {
	*k.got = append(*k.got, append([]byte{}, msg...))
}

func TestABoundedQueueLosesWhatIsTooMuch(t *testing.T) {
	b := build(t, 2, Options{Queue: 3, Latency: 10 * sim.Millisecond, Spread: -1}, nil)
	for id := range uint64(5) {
		b.send(t, sim.Millisecond, id)
	}
	b.send(t, 11*sim.Millisecond, 9)
	b.send(t, 12*sim.Millisecond, 10)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, []byte{0, 1, 2, 9, 10}, ids(b.log), "what has arrived makes room")
	require.Equal(t, int64(2), b.Stats().Effective[sim.Queue])
}

func TestFIFOHoldsUpWhatIsBehindADelayedMessage(t *testing.T) {
	key := messageKey(t, 0)
	b := build(t, 2, Options{Faults: AskAll, FIFO: true}, tape(choice.Decision{Site: "net.delay", Key: key, Value: 6}))
	b.send(t, 0, 0)
	b.send(t, 100*sim.Microsecond, 1)
	require.NoError(t, b.RunUntil(sim.Second))
	require.Equal(t, []byte{0, 1}, ids(b.log))
	require.Equal(t, b.log[0].at+1, b.log[1].at)
}

func TestSparedKindsAndReliableLinksKnowOnlyCuts(t *testing.T) {
	always := spy(func(p choice.Point) uint64 {
		if p.Site == "net.partition" || p.Site == "net.bridge" || p.Site == "net.flap" {
			return 0
		}
		return p.N - 1
	})
	b := build(t, 2, Options{Faults: AskEvery, Kinds: []sim.MsgKind{1}, Spare: func(k sim.MsgKind) bool { return k == 1 }}, always)
	flood(t, b, 250)
	require.Len(t, b.log, 250)
}

func TestEpisodesEndWithTheFaults(t *testing.T) {
	always := spy(func(p choice.Point) uint64 {
		if p.Site == "net.drop" || p.Site == "net.corrupt" || p.Site == "net.duplicate" {
			return 0
		}
		return p.N - 1
	})
	b := build(t, 5, Options{Faults: AskEvery, Kinds: []sim.MsgKind{1}}, always)
	require.NoError(t, b.Heal(200*sim.Millisecond))
	require.NoError(t, b.RunUntil(200*sim.Millisecond))
	require.Len(t, reach(b), 20)
	b.log = nil
	for id := range uint64(50) {
		b.send(t, 201*sim.Millisecond+sim.Time(id), id)
	}
	require.NoError(t, b.RunUntil(5*sim.Second))
	require.Len(t, b.log, 50)
}

func TestSeededEpisodesTakeEffect(t *testing.T) {
	var f Faults
	f.Burst, f.Clog, f.Bridge, f.Flap, f.Filter, f.Corrupt = sim.Extreme, sim.Extreme, sim.Extreme, sim.Extreme, sim.Extreme, sim.Extreme
	b := build(t, 4, Options{Faults: f, Kinds: []sim.MsgKind{1, 2}}, choice.Seeded(4))
	for id := range uint64(3000) {
		b.send(t, sim.Time(id)*sim.Millisecond, id)
	}
	require.NoError(t, b.RunUntil(20*sim.Second))
	for _, c := range []sim.Class{sim.Burst, sim.Clog, sim.Bridge, sim.Flap, sim.Filter, sim.Corrupt} {
		require.Positive(t, b.Stats().Decided[c], c)
		require.Positive(t, b.Stats().Effective[c], c)
	}
	require.Equal(t, Faults{}, SwarmAll(choice.Benign))
}
