package trial_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
)

// TestConvergingOfShipped: what is found to converge is what people say does, or less
// where only the program's meaning shows it.
func TestConvergingOfShipped(t *testing.T) {
	found := 0
	for _, name := range programs.Names() {
		p, err := programs.Load(name)
		require.NoError(t, err)
		ends, others := trial.Converging(p)
		found += len(ends)
		assert.Subset(t, trial.Workloads[name].Converges, ends, name)
		for _, o := range others {
			assert.Contains(t, el.Print(p), o.Rule, name)
			assert.Positive(t, o.Pos.Line)
		}
	}
	assert.Equal(t, 6, found)
}

const convergeDecls = `.decl n(a: node) sealed
.decl i(k: number) input
.decl j(k: number) input
.decl t(k: number) table
.decl u(k: number) table
.decl s(k: number) scratch
.decl c(@a: node, k: number) channel
.decl o(k: number) output
`

// TestConverging holds, rule by rule, what may make an end depend on timing.
func TestConverging(t *testing.T) {
	for _, c := range []struct {
		rules, cause string // "" if o converges
	}{
		{"t(k) :- i(k). o(k) :- t(k).", ""},
		{"t(k) @next :- i(k). o(k) :- t(k).", ""},
		{"t(k) :- i(k). u(k) :- t(l), k := mod(l, 3), t(k). o(k) :- u(k).", ""},
		{"t(k) :- i(k). u(k) :- j(k). o(k) :- t(k), !u(k).", ""},
		{"t(k) :- i(k). o(count()) :- t(_).", ""},
		{"s(k) :- i(k), n(_). t(k) :- s(k). o(k) :- t(k).", ""},
		{"t(k) :- i(k). c(a, k) @async :- t(k), n(a). u(k) :- c(_, k). o(k) :- u(k).", ""},
		{"t(k) :- i(k). s(k) @next :- t(k). o(k) :- s(k).", ""},
		{"t(k) :- i(k). u(k) :- j(k). s(k) :- t(k), !u(k). o(k) :- t(k), !s(k).", ""},

		{"o(k) :- i(k).", "o(k) :- i(k)."},
		{"t(k) :- i(k), j(k). o(k) :- t(k).", "t(k) :- i(k), j(k)."},
		{"t(k) :- i(k), u(k). u(k) :- j(k). o(k) :- t(k).", "t(k) :- i(k), u(k)."},
		{"t(k) :- i(k). u(k) @next :- t(k), !u(1). o(k) :- t(k), !u(k).", "u(k) @next :- t(k), !u(1)."},
		{"t(k) :- i(k). u(count()) :- t(_). o(k) :- u(k).", "u(count()) :- t(_)."},
		{"t(k) :- i(k). u(k) :- n(_), t(k) else k = 0. o(k) :- u(k).", "u(k) :- n(_), t(k) else k = 0."},
		{"t(k) :- i(k). u(k) :- j(k). c(a, k) @async :- t(k), n(a), !u(k). u(k) :- c(_, k). o(k) :- u(k).",
			"c(a, k) @async :- t(k), n(a), !u(k)."},
		{"c(a, k) @async :- u(k), n(a). t(k) :- c(_, k). u(k) :- i(k), t(k). u(k) :- i(k), j(k). o(k) :- t(k).", "u(k) :- i(k), t(k)."},
		{"s(k) @next :- i(k). t(k) :- s(k). o(k) :- t(k).", "s(k) @next :- i(k)."},
		{"t(k) :- i(k). s(k) @next :- t(k), !s(k). o(k) :- s(k).", "s(k) @next :- t(k), !s(k)."},
	} {
		p, err := el.Parse(convergeDecls + c.rules)
		require.NoError(t, err, c.rules)
		require.NoError(t, el.Check(p), c.rules)
		ends, others := trial.Converging(p)
		if c.cause == "" {
			assert.Equal(t, []string{"o"}, ends, "%s %v", c.rules, others)
			assert.Empty(t, others)
			continue
		}
		assert.Empty(t, ends, c.rules)
		require.Len(t, others, 1)
		assert.Equal(t, c.cause, others[0].Rule, c.rules)
		assert.Contains(t, others[0].String(), ": o may end differently by timing alone: "+c.cause)
	}
}

// TestGenericSeesWhatIsNotSent: a rewritten program that deletes what it has not sent is
// found, although whoever gets nothing outputs the same in each timestep.
func TestGenericSeesWhatIsNotSent(t *testing.T) {
	p, r := rewritten(t, "broadcast_fixed")
	load, err := trial.Generic(p, 3)
	require.NoError(t, err)
	text := el.Print(r.Program)
	const condition = ", !sbuf_live(k0)"
	require.Equal(t, 1, strings.Count(text, condition))
	bad, err := el.Parse(strings.Replace(text, condition, "", 1))
	require.NoError(t, err)
	err = firstFailure(p, bad, load, trial.Options{Faults: true, Alone: true})
	require.ErrorIs(t, err, trial.ErrUnsent)
	assert.Equal(t, "message never arrives: chn", trial.Signature(err))
}

// firstFailure is the error of the first of some seeds that has one.
func firstFailure(p, bad *el.Program, load *trial.Workload, o trial.Options) error {
	for o.Seed = 1; o.Seed < 50; o.Seed++ {
		if _, err := trial.Run(p, bad, load, o); err != nil {
			return err
		}
	}
	return nil
}

// TestTimedSeesWhatIsNotSent: so it is where no output must end alike, which is found by
// what the original would send and does not arrive.
func TestTimedSeesWhatIsNotSent(t *testing.T) {
	p, err := el.Parse(convergeDecls + "t(k) :- i(k). c(a, k) @async :- t(k), n(a). u(k) :- c(_, k), j(k). o(k) :- u(k).")
	require.NoError(t, err)
	ends, _ := trial.Converging(p)
	require.Empty(t, ends)
	bad, err := el.Parse(el.Print(p) + "t(k) @delete :- t(k).")
	require.NoError(t, err)
	load, err := trial.Generic(p, 3)
	require.NoError(t, err)
	require.ErrorIs(t, firstFailure(p, bad, load, trial.Options{Faults: true}), trial.ErrUnsent)
	report, err := trial.Run(p, p, load, trial.Options{Seed: 1, Faults: true})
	require.NoError(t, err)
	assert.True(t, report.Arrived)
	assert.False(t, report.Converged)
}

// TestGenericSeesWhatIsSentBesides: what a rewritten program sends and the original does
// not is seen by the world of originals alone, since the original beside it gets it too.
func TestGenericSeesWhatIsSentBesides(t *testing.T) {
	p, err := el.Parse(convergeDecls + "t(k) :- i(k). c(a, k) @async :- t(k), n(a). u(k) :- c(_, k). o(k) :- u(k).")
	require.NoError(t, err)
	bad, err := el.Parse(el.Print(p) + "c(a, l) @async :- t(k), n(a), l := add(k, 1).")
	require.NoError(t, err)
	load, err := trial.Generic(p, 3)
	require.NoError(t, err)
	require.NoError(t, firstFailure(p, bad, load, trial.Options{Alone: true}))
	require.ErrorIs(t, firstFailure(p, bad, load, trial.Options{}), trial.ErrDiverged)
}

// TestGenericEnds: programs of which all is rewritten, part or nothing end alike, and the
// report says whether that was looked at.
func TestGenericEnds(t *testing.T) {
	for rules, compared := range map[string]bool{
		"t(k) :- i(k). c(a, k) @async :- t(k), n(a). u(k) :- c(_, k). o(k) :- u(k).":               true,
		"t(k) :- i(k). c(a, k) @async :- t(k), n(a). s(k) :- c(_, k). u(k) :- s(k). o(k) :- u(k).": true, // sent for ever
		"t(k) :- i(k). u(k) :- j(k), t(k). o(k) :- u(k).":                                          false,
	} {
		p, err := el.Parse(convergeDecls + rules)
		require.NoError(t, err)
		r, err := reclaim.Rewrite(p, reclaim.All)
		require.NoError(t, err)
		load, err := trial.Generic(p, 3)
		require.NoError(t, err)
		seen := 0
		for seed := uint64(1); seed <= 20; seed++ {
			report, err := trial.Run(p, r.Program, load, trial.Options{Seed: seed, Faults: true})
			require.NoError(t, err, "%s seed %d", rules, seed)
			seen += count(report.Converged)
		}
		assert.Equal(t, compared, seen > 0, rules)
	}
}

// TestNumberAnywhereInTheKey: what arrived is remembered as ranges wherever the number
// stands in the channel's key, and never costs more than what it lets go.
func TestNumberAnywhereInTheKey(t *testing.T) {
	for _, key := range []string{"@a: node, k: number", "k: number, @a: node"} {
		args := strings.NewReplacer("@a: node", "a", "k: number", "k").Replace(key)
		p, err := el.Parse(strings.NewReplacer("KEY", key, "ARGS", args, "MESSAGE", strings.Replace(args, "a", "_", 1)).Replace(
			".decl n(a: node) sealed\n.decl i(k: number) input\n.decl t(k: number) table\n.decl u(k: number => l: number) table\n" +
				".decl c(KEY) channel\n.decl o(k: number => l: number) output\n" +
				"t(k) :- i(k).\nc(ARGS) @async :- t(k), n(a).\nu(k, 0) :- c(MESSAGE).\no(k, l) :- u(k, l)."))
		require.NoError(t, err)
		r, err := reclaim.Rewrite(p, reclaim.All)
		require.NoError(t, err)
		require.NoError(t, certify.Check(p, r.Program, r.Certificate))
		assert.Equal(t, el.Range, r.Program.Collection("c_approx").Kind)
		load, err := trial.Generic(p, 3)
		require.NoError(t, err)
		report, err := trial.Run(p, r.Program, load, trial.Options{Seed: 1})
		require.NoError(t, err)
		assert.True(t, report.Converged)
		assert.Positive(t, report.Reclaimed)
	}
}

// TestStoppedInTheRewritten: a trial that is stopped in a timestep of the rewritten
// program, which the original has taken, says so and finds nothing.
func TestStoppedInTheRewritten(t *testing.T) {
	p, err := el.Parse(convergeDecls + "t(k) :- i(k). o(k) :- t(k).")
	require.NoError(t, err)
	long, err := el.Parse(el.Print(p) + ".decl x(k: number) table\nx(0) :- t(_).\nx(l) :- x(k), k < 20000, l := add(k, 1).")
	require.NoError(t, err)
	load, err := trial.Generic(p, 1)
	require.NoError(t, err)
	_, err = trial.Run(p, long, load, trial.Options{Seed: 1, Stop: func() bool { return true }})
	require.ErrorIs(t, err, eval.ErrStop)
	require.Empty(t, trial.Signature(err))
	_, err = trial.Run(p, long, load, trial.Options{Seed: 1})
	require.NoError(t, err)
}
