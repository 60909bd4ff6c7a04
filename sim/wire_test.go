package sim_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/shrink"
)

// wire is a ten-line protocol with two versions: node 0 passes numbers to the
// others, by version 0 with the least significant byte first, by version 1 with
// the most significant. Each version reads what its like wrote: mixing them is the
// bug. Where messages say which version wrote them, both can be about at once.
type wire struct {
	says  bool
	heard *[]uint64
}

var orders = [...]binary.ByteOrder{binary.LittleEndian, binary.BigEndian}

func (wire) Start(*sim.Context)              {}
func (wire) Timer(*sim.Context, sim.TimerID) {}
func (w wire) Input(c *sim.Context, id uint64) {
	m := make([]byte, 9)
	orders[c.Version()].PutUint64(m, id)
	m[8] = byte(c.Version())
	c.Send(1, 1, m)
	c.Send(2, 1, m)
}
func (w wire) Receive(c *sim.Context, _ sim.NodeID, m []byte) {
	order := orders[c.Version()]
	if w.says {
		order = orders[m[8]]
	}
	*w.heard = append(*w.heard, order.Uint64(m))
}

// passNumbers runs operations under choices and says how the run failed, if it did:
// a number may be lost, but not misread.
func passNumbers(says bool, ops []uint64, src choice.Source, crash, version sim.Level) (string, *sim.World, error) {
	var heard []uint64
	program := func(sim.NodeID) sim.Actor { return wire{says, &heard} }
	w, err := sim.New(sim.Options{
		Nodes: 3, Source: src, Decisions: true, AssertKeys: true, Factory: program, Programs: []func(sim.NodeID) sim.Actor{program},
		Crash: sim.CrashOptions{Level: crash}, ProcessFaults: sim.ProcessFaultOptions{Version: version},
	})
	if err != nil {
		return "", nil, err
	}
	for _, id := range ops {
		if err := w.Inject(sim.Time(id)*10*sim.Millisecond, 0, id); err != nil {
			return "", nil, err
		}
	}
	if err := w.RunUntil(2 * sim.Second); err != nil {
		return "", nil, err
	}
	for _, n := range heard {
		if !slices.Contains(ops, n) {
			return "misread", w, nil
		}
	}
	return "", w, nil
}

// TestMixedVersionsAreFoundAndShrunk to one operation, one crash and one change of
// version, from each seed that finds them; without the class there is nothing to
// find, nor is there where messages say what they are.
func TestMixedVersionsAreFoundAndShrunk(t *testing.T) {
	ops := make([]uint64, 60)
	for i := range ops {
		ops[i] = uint64(i + 1)
	}
	found, mixed := 0, 0
	for seed := range uint64(200) {
		failed, w, err := passNumbers(false, ops, choice.Seeded(seed), sim.Extreme, sim.Extreme)
		require.NoError(t, err)
		mixed += min(int(w.Stats().Effective[sim.Version]), 1)
		for _, c := range []struct {
			says    bool
			version sim.Level
		}{{false, sim.Off}, {true, sim.Extreme}} {
			holds, _, err := passNumbers(c.says, ops, choice.Seeded(seed), sim.Extreme, c.version)
			require.NoError(t, err)
			require.Empty(t, holds)
		}
		if failed == "" || found == 5 {
			continue
		}
		found++
		var tape []choice.Decision
		for _, d := range w.Decisions() {
			tape = append(tape, d.Decision)
		}
		least, err := shrink.Minimise(ops, tape, func(ops []uint64, tape []choice.Decision) (shrink.Outcome, error) {
			failed, w, err := passNumbers(false, ops, choice.NewReplay(tape), sim.Low, sim.Low)
			if err != nil {
				return shrink.Outcome{}, err
			}
			return shrink.Outcome{Signature: failed, Asked: w.Decisions()}, nil
		}, shrink.Options[uint64]{Signature: failed, At: func(id uint64) sim.Time { return sim.Time(id) * 10 * sim.Millisecond }})
		require.NoError(t, err)
		t.Logf("seed %d: %d decisions to %v and %v in %d replays", seed, len(tape), least.Ops, least.Decisions, least.Replays)
		require.True(t, least.Settled)
		require.Len(t, least.Ops, 1)
		require.Len(t, least.Decisions, 2)
		require.Equal(t, "sim.crash", least.Decisions[0].Site)
		require.Equal(t, "sim.version", least.Decisions[1].Site)
		require.Equal(t, uint64(2), least.Decisions[1].Value, "1 + version 1")
	}
	require.Equal(t, 5, found)
	require.Greater(t, mixed, 100)
}
