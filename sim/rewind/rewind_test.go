package rewind_test

import (
	"errors"
	"math"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/rewind"
)

// votes is a protocol small enough to be gone through by hand: one node, a ballot each
// millisecond, each a choice of two answers. It fails once more than half of the
// ballots are 1, or if the first is and a later one too.
type votes struct{ got uint64 }

const ballots = 5

func (v *votes) Start(c *sim.Context) { c.After(sim.Millisecond, 1) }
func (v *votes) Receive(*sim.Context, sim.NodeID, []byte) {
}

func (v *votes) Timer(c *sim.Context, id sim.TimerID) {
	v.got |= uint64(c.Choose("vote", 2)) << (id - 1)
	if id < ballots {
		c.After(sim.Millisecond, id+1)
	}
}

func fails(got uint64) bool {
	n := bits.OnesCount64(got)
	return n > ballots/2 || got&1 == 1 && n >= 2
}

// run is one run of it, and the decisions that were not 0.
func run(source func(now func() sim.Time) choice.Source) (failed bool, asked []sim.TimedDecision, err error) {
	v := &votes{}
	var w *sim.World
	now := func() sim.Time { return w.Now() }
	w = new(sim.World)
	err = w.Reset(sim.Options{
		Nodes: 1, Factory: func(sim.NodeID) sim.Actor { return v }, Source: source(now), Decisions: true,
		TimerGrid: sim.Millisecond,
	})
	if err == nil {
		err = w.RunUntil(20 * sim.Millisecond)
	}
	return fails(v.got), w.Decisions(), err
}

func play(source func(now func() sim.Time) choice.Source) (bool, error) {
	failed, _, err := run(source)
	return failed, err
}

// tapeOf is a run in which the ballots of got are 1.
func tapeOf(t *testing.T, got uint64) []sim.TimedDecision {
	t.Helper()
	asked := 0
	_, ds, err := run(func(func() sim.Time) choice.Source {
		return sourceFunc(func(choice.Point) uint64 { asked++; return got >> (asked - 1) & 1 })
	})
	require.NoError(t, err)
	require.Equal(t, ballots, asked)
	require.Len(t, ds, bits.OnesCount64(got))
	return ds
}

type sourceFunc func(choice.Point) uint64

func (f sourceFunc) Choose(p choice.Point) uint64 { return f(p) }

// exactly is the share of all ends of a run that fail, if its first ballots are fixed.
func exactly(fixed uint64, first int) float64 {
	n := 0
	for rest := range uint64(1) << (ballots - first) {
		if fails(fixed&(1<<first-1) | rest<<first) {
			n++
		}
	}
	return float64(n) / float64(int(1)<<(ballots-first))
}

// TestPoints holds the estimates to what going through every end of the run gives.
func TestPoints(t *testing.T) {
	const got, draws = 0b01101, 4000
	tape := tapeOf(t, got)
	var plain []choice.Decision
	for _, d := range tape {
		plain = append(plain, d.Decision)
	}
	var at []sim.Time
	for i := range ballots + 1 {
		at = append(at, sim.Time(i)*sim.Millisecond+sim.Millisecond/2)
	}
	o := rewind.Options{Draws: draws, Seed: 7}
	failed, err := rewind.Points(play, plain, at, o)
	require.NoError(t, err)
	for i, n := range failed {
		want := exactly(got, i)
		// Hoeffding: beyond this with a chance below 1e-6 for all six together.
		assert.InDelta(t, want, float64(n)/draws, math.Sqrt(math.Log(12e6)/(2*draws)), "after %d ballots", i)
	}
	assert.Equal(t, draws, failed[ballots], "with all fixed it is the run itself")
	assert.Less(t, failed[0], draws)

	again, err := rewind.Points(play, plain, at, o)
	require.NoError(t, err)
	assert.Equal(t, failed, again, "one seed, one answer")
	other, err := rewind.Points(play, plain, at, rewind.Options{Draws: draws, Seed: 8})
	require.NoError(t, err)
	assert.NotEqual(t, failed, other)
}

// TestChoices: with a ballot and without it, by going through the rest.
func TestChoices(t *testing.T) {
	const got, draws = 0b01101, 4000
	tape := tapeOf(t, got)
	effects, err := rewind.Choices(play, tape, rewind.Options{Draws: draws, Seed: 7})
	require.NoError(t, err)
	require.Len(t, effects, 3)
	for i, ballot := range []int{0, 2, 3} {
		near := math.Sqrt(math.Log(12e6) / (2 * draws))
		assert.InDelta(t, exactly(got, ballot+1), float64(effects[i].With)/draws, near)
		assert.InDelta(t, exactly(got&^(1<<ballot), ballot+1), float64(effects[i].Without)/draws, near)
		assert.Equal(t, fails(got&^(1<<ballot)), effects[i].StillFails)
	}
	assert.False(t, effects[0].StillFails, "two ballots are left, without the first")
	assert.True(t, effects[1].StillFails, "the first is left, and another")
}

func TestRefuses(t *testing.T) {
	for _, draws := range []int{0, -1, rewind.MaxDraws + 1} {
		_, err := rewind.Points(play, nil, nil, rewind.Options{Draws: draws})
		require.ErrorIs(t, err, rewind.ErrOptions)
		_, err = rewind.Choices(play, nil, rewind.Options{Draws: draws})
		require.ErrorIs(t, err, rewind.ErrOptions)
	}
	broken := errors.New("no room")
	_, err := rewind.Points(func(func(func() sim.Time) choice.Source) (bool, error) { return false, broken }, nil, []sim.Time{1}, rewind.Options{Draws: 1})
	require.ErrorIs(t, err, broken)
}

// TestExtent: what a number of runs has room for is within it, is no less than it must be,
// and leaves hardly any of it.
func TestExtent(t *testing.T) {
	whole := rewind.Extent{Draws: 40, Points: 16, Choices: 12}
	assert.Equal(t, int64(16*40+12*81), whole.Runs())
	assert.Equal(t, whole, whole.Within(whole.Runs()))
	for runs := range whole.Runs() {
		e := whole.Within(runs)
		require.LessOrEqual(t, e.Runs(), runs)
		if runs < 3*rewind.FewestDraws {
			require.Zero(t, e)
		} else {
			require.GreaterOrEqual(t, e.Points, 3)
			require.GreaterOrEqual(t, e.Draws, rewind.FewestDraws)
			one := whole.Points + 2*whole.Choices // one draw more of everything
			require.Less(t, runs-e.Runs(), int64(max(one, 2*rewind.FewestDraws+1)), "%d runs: %+v", runs, e)
		}
		require.False(t, e.Draws > rewind.FewestDraws && (e.Points < whole.Points || e.Choices < whole.Choices), "draws are cut first: %+v", e)
	}
	assert.Equal(t, rewind.Extent{Draws: 7, Points: 1}, rewind.Extent{Draws: 9, Points: 1}.Within(7), "there is but one point")
	assert.Zero(t, rewind.Extent{Points: 3, Choices: 2}.Within(2))
}

// TestSomeAreAsked: of many points and choices as many are asked as is said, with the
// answers that they have among all; and the progress is that of the runs that are made.
func TestSomeAreAsked(t *testing.T) {
	ds := tapeOf(t, 0b01111)
	var tape []choice.Decision
	at := []sim.Time{0}
	for _, d := range ds {
		tape = append(tape, d.Decision)
		at = append(at, d.At+1)
	}
	var told [][2]int
	o := rewind.Options{Draws: 20, Seed: 3}
	allPoints, err := rewind.Points(play, tape, at, o)
	require.NoError(t, err)
	allEffects, err := rewind.Choices(play, ds, o)
	require.NoError(t, err)

	o.Points, o.Choices, o.Progress = 3, 2, func(made, of int) { told = append(told, [2]int{made, of}) }
	points, err := rewind.Points(play, tape, at, o)
	require.NoError(t, err)
	assert.Equal(t, []int{allPoints[0], rewind.Unasked, allPoints[2], rewind.Unasked, allPoints[4]}, points)
	require.Len(t, told, 61)
	assert.Equal(t, [2]int{0, 60}, told[0])
	assert.Equal(t, [2]int{60, 60}, told[60])
	effects, err := rewind.Choices(play, ds, o)
	require.NoError(t, err)
	none := rewind.Effect{With: rewind.Unasked, Without: rewind.Unasked}
	assert.Equal(t, []rewind.Effect{allEffects[0], allEffects[1], none, none}, effects)
	assert.Equal(t, [2]int{82, 82}, told[len(told)-1])

	o.Points, o.Choices, told = 1, -1, nil
	points, err = rewind.Points(play, tape, at, o)
	require.NoError(t, err)
	assert.Equal(t, []int{allPoints[0], -1, -1, -1, -1}, points)
	effects, err = rewind.Choices(play, ds, o)
	require.NoError(t, err)
	assert.Equal(t, []rewind.Effect{none, none, none, none}, effects)
	assert.Equal(t, [2]int{0, 0}, told[len(told)-1], "no run, and it is over")
}

// TestTimes: the start, operations, what is just behind decisions, and the end of faults are
// each there once, in order; of too many the first and the last stay.
func TestTimes(t *testing.T) {
	after := func(at ...sim.Time) (ds []sim.TimedDecision) {
		for _, x := range at {
			ds = append(ds, sim.TimedDecision{At: x})
		}
		return ds
	}
	assert.Equal(t, []sim.Time{0, 100}, rewind.Times(100, nil, nil, 9))
	assert.Equal(t, []sim.Time{0, 8, 20, 31, 100}, rewind.Times(100, []sim.Time{31, 20, 0}, after(30, 7, 7), 5))
	assert.Equal(t, []sim.Time{0, 20, 150}, rewind.Times(100, []sim.Time{150, 8, 20}, after(7), 3))
}

// TestHalfOfTheRoomEach: where there is not room for all, points get half of it, or three of
// them, and choices what is left.
func TestHalfOfTheRoomEach(t *testing.T) {
	whole := rewind.Extent{Draws: rewind.FewestDraws, Points: 30, Choices: 30}
	const point, chosen = rewind.FewestDraws, 2*rewind.FewestDraws + 1
	assert.Equal(t, rewind.Extent{Draws: 5, Points: 10, Choices: 4}, whole.Within(2*10*point), "of 100 runs 50, and 44 of the others")
	assert.Equal(t, rewind.Extent{Draws: 5, Points: 3, Choices: 1}, whole.Within(3*point+chosen))
	assert.Equal(t, rewind.Extent{Draws: 5, Points: 3}, whole.Within(3*point))
	assert.Equal(t, rewind.Extent{}, whole.Within(3*point-1))
}
