package laws_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// tried runs one law by hand, as another runner of properties would.
func tried(t *testing.T, trial *laws.Trial) (cases, exercised int, failure *laws.Failure, err error) {
	t.Helper()
	for seed := range uint64(100) {
		tape := choice.Tape{Src: choice.Seeded(seed)}
		v := trial.Judge(&tape)
		cases++
		switch v.Outcome {
		case laws.Holds:
			exercised++
		case laws.Fails:
			least := choice.Minimise(trial.Apart(v, tape.Answers), 2000, trial.FailsLike(v))
			failure, err = trial.Explain(v, least.Tape)
			return cases, exercised, failure, err
		}
	}
	return cases, exercised, nil, nil
}

// What a trial says of a law, Run says too, down to the states.
func TestTrialsAgreeWithRun(t *testing.T) {
	set := laws.Func(lastArrival)
	time, value := gen.Int(0, 9), gen.String("xy", 2)
	source := gen.Mixed(gen.Gen[lww](func(d *gen.Draw) lww { return lww{time(d), value(d)} }), lastArrival, nil)
	trials, absent, err := laws.Trials(set, source)
	require.NoError(t, err)
	assert.Empty(t, absent)
	report := laws.Run(set, source, laws.RunOptions{})
	require.Len(t, trials, len(report.Results))
	for i, trial := range trials {
		want := report.Results[i]
		assert.Equal(t, want.Law, trial.Law().ID)
		_, _, failure, err := tried(t, trial)
		require.NoError(t, err)
		require.Equal(t, want.Failure == nil, failure == nil, want.Law)
		if failure != nil {
			assert.ElementsMatch(t, []string{want.Failure.Where[0].Value, want.Failure.Where[1].Value},
				[]string{failure.Where[0].Value, failure.Where[1].Value})
			assert.Equal(t, want.Failure.Size, failure.Size)
		}
	}
}

func TestTrialsReportWhatRunReports(t *testing.T) {
	_, _, err := laws.Trials(laws.Set[int]{}, nil)
	assert.ErrorIs(t, err, laws.ErrSetup)
	_, absent, err := laws.Trials(laws.Bounded(lattice.Max[int]()), gen.Independent(gen.Int(0, 9)))
	require.NoError(t, err)
	assert.NotEmpty(t, absent)

	boom := errors.New("no states")
	trials, _, err := laws.Trials(laws.Semilattice(lattice.Max[int]()), func(d *gen.Draw, _ []int) { d.Fail(boom) })
	require.NoError(t, err)
	_, _, _, err = tried(t, trials[0])
	assert.ErrorIs(t, err, laws.ErrSetup)
	assert.ErrorIs(t, err, boom)

	// A refuted law is not made smaller into one that cannot be judged.
	slips, _, err := laws.Trials(laws.Func(func(a, b int) int {
		if a == 0 && b == 0 {
			panic("both are zero")
		}
		return a
	}), gen.Independent(gen.Int(0, 9)))
	require.NoError(t, err)
	_, _, refuted, err := tried(t, ofLaw(t, slips, "semilattice/commutative"))
	require.NoError(t, err)
	assert.Empty(t, refuted.Panic)
	assert.Equal(t, 2, refuted.Size)

	// Nothing of a merge that does not return is judged again.
	l := newLoop(t)
	stuck, _, err := laws.Trials(laws.Func(func(a, b int) int {
		if a == 2 && b == 3 {
			l.run()
		}
		return max(a, b)
	}, laws.Watch(l.watched)), gen.Independent(gen.Int(2, 3)))
	require.NoError(t, err)
	_, _, failure, err := tried(t, ofLaw(t, stuck, "semilattice/commutative"))
	require.NoError(t, err)
	assert.Contains(t, failure.String(), "the merge does not return")
	assert.Len(t, failure.Where, 2)
}

func TestTrialShortfall(t *testing.T) {
	set := laws.Add(laws.Semilattice(lattice.Max[int]()), laws.Law[int]{ID: "mine/often", Arity: 1, AtLeast: 500,
		Eval:    func(*laws.Probe[int], []int) laws.Outcome { return laws.Holds },
		Explain: func(*laws.Probe[int], []int) laws.Sides { return laws.Sides{} }})
	trials, _, err := laws.Trials(set, gen.Independent(gen.Int(0, 9)))
	require.NoError(t, err)
	often := trials[len(trials)-1]
	assert.Contains(t, often.Shortfall(100, 0), "was never exercised")
	assert.Contains(t, often.Shortfall(100, 49), "asks for 500 in a thousand")
	assert.Empty(t, often.Shortfall(100, 50))
	assert.Empty(t, trials[1].Shortfall(100, 1))

	out := &tape{name: "TestX/semilattice/commutative"}
	out.run(func() { trials[1].CheckRapid(out) })
	assert.False(t, out.failed, out.text())
}

// ofLaw is the trial of one law.
func ofLaw(t *testing.T, trials []*laws.Trial, id string) *laws.Trial {
	t.Helper()
	for _, trial := range trials {
		if trial.Law().ID == id {
			return trial
		}
	}
	t.Fatalf("no trial of %s", id)
	return nil
}
