package mutants

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

const toyPath = "example.org/toy"

func quiet(string) {}

// subject opens the module made for tests with one of its programs.
func subject(t *testing.T, program, simulation string, patterns ...string) (*Builder, *Subject, []*mechanical.Mutation) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds programs; skipped by -short")
	}
	b, err := Open(t.Context(), filepath.Join("testdata", "toy"), toyPath, program)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	s, err := b.Subject(t.Context(), simulation, patterns...)
	require.NoError(t, err)
	return b, s, mechanical.Mutations(toyPath, s.Packages)
}

// Mutants behind a switch do what each of them does in a build of its own; with the
// switch off the program does what the clean one does.
func TestSwitchIsApart(t *testing.T) {
	b, s, all := subject(t, "./cmd/probe", "./ops", "./ops")
	var order []*mechanical.Mutation
	for _, m := range mechanical.Order(all, 1) {
		if m.Switchable() {
			order = append(order, m)
		}
	}
	sample, err := b.Draw(t.Context(), s, order, 0, quiet)
	require.NoError(t, err)
	assert.Equal(t, len(order), sample.Drawn)
	assert.Equal(t, sample.Drawn, len(sample.Mutants)+sample.Broken+sample.Equivalent+sample.Duplicates)
	assert.Positive(t, sample.Broken, "some must not compile")
	assert.Positive(t, sample.Equivalent, "some must make no difference")
	assert.Positive(t, sample.Duplicates, "some must be the same as others")

	run := func(program string, variables ...string) string {
		e, err := limited(t.Context(), limitsFor(0), b.dir, variables, program)
		require.NoError(t, err)
		return strconv.Itoa(e.code) + "\n" + string(e.stdout)
	}
	clean := run(b.clean)
	shared := sample.Mutants[0].build.program
	assert.Equal(t, clean, run(shared))
	differ := 0
	for _, d := range sample.Mutants {
		if run(shared, mechanical.Switch+"="+strconv.Itoa(d.number)) != clean {
			differ++
		}
	}
	assert.Greater(t, differ, len(sample.Mutants)/2, "what the probe prints must tell mutants apart")
	t.Logf("%d mutants of %d mutations, %d seen by the probe; %d do not compile, %d equivalent, %d duplicates",
		len(sample.Mutants), sample.Drawn, differ, sample.Broken, sample.Equivalent, sample.Duplicates)

	for _, d := range sample.Mutants[:4] {
		apart, err := b.alone(t.Context(), s, d.Mutation)
		require.NoError(t, err, d.Name)
		assert.Equal(t, run(apart.program), run(shared, mechanical.Switch+"="+strconv.Itoa(d.number)), "%s: %s", d.Name, d.Now)
	}
	// What was taken out does not compile, or makes no difference, by itself either.
	kept := make(map[*mechanical.Mutation]bool)
	for _, d := range sample.Mutants {
		kept[d.Mutation] = true
	}
	tried := 0
	for _, m := range order {
		if kept[m] || tried == 4 {
			continue
		}
		tried++
		apart, err := b.alone(t.Context(), s, m)
		if err != nil {
			assert.True(t, errors.Is(err, ErrBuild) || errors.Is(err, ErrNoEffect), "%s: %v", m.Name, err)
			continue
		}
		// The program may differ, as in the order of its functions, where what it does
		// is what another one does.
		twin := slices.ContainsFunc(sample.Mutants, func(d *Derived) bool {
			return run(apart.program) == run(shared, mechanical.Switch+"="+strconv.Itoa(d.number))
		})
		assert.True(t, twin || run(apart.program) == clean, "%s: %s", m.Name, m.Now)
	}
}

// A sample is what the seed says, and mutations outside of functions are built apart.
func TestDraw(t *testing.T) {
	b, s, all := subject(t, "./cmd/probe", "./ops", "./ops")
	draw := func(n int) (names []string) {
		sample, err := b.Draw(t.Context(), s, mechanical.Order(all, 3), n, quiet)
		require.NoError(t, err)
		require.Len(t, sample.Mutants, n)
		for _, d := range sample.Mutants {
			names = append(names, d.Name)
		}
		return names
	}
	small := draw(5)
	assert.Equal(t, small, draw(5))
	assert.Equal(t, small, draw(9)[:5])

	outside := func(name string) *Sample {
		i := slices.IndexFunc(all, func(m *mechanical.Mutation) bool { return m.Name == name })
		require.GreaterOrEqual(t, i, 0)
		sample, err := b.Draw(t.Context(), s, all[i:i+1], 0, quiet)
		require.NoError(t, err)
		return sample
	}
	apart := outside("ops.table/constant/3")
	require.Len(t, apart.Mutants, 1)
	assert.False(t, apart.Mutants[0].build.shared)
	assert.Equal(t, 1, outside("ops.unused/constant/1").Equivalent)
}

// try draws the mutations of a name and tries each.
func try(t *testing.T, simulation string, c CampaignOptions, pattern string, names ...string) map[string]Trial {
	t.Helper()
	return tryUntil(t, false, simulation, c, pattern, names...)
}

// tryUntil is try, where first says whether who notices first is enough.
func tryUntil(t *testing.T, first bool, simulation string, c CampaignOptions, pattern string, names ...string) map[string]Trial {
	t.Helper()
	b, s, all := subject(t, "./cmd/toy", simulation, pattern)
	var chosen []*mechanical.Mutation
	for _, m := range all {
		if slices.Contains(names, m.Name) {
			chosen = append(chosen, m)
		}
	}
	require.Len(t, chosen, len(names))
	sample, err := b.Draw(t.Context(), s, chosen, 0, quiet)
	require.NoError(t, err)
	require.Len(t, sample.Mutants, len(names))
	k, err := b.NewBench(t.Context(), s, sample, c, quiet)
	require.NoError(t, err)
	assert.Empty(t, k.Unsteady)
	k.First = first
	out := make(map[string]Trial)
	for _, d := range sample.Mutants {
		trial, err := k.Try(t.Context(), d)
		require.NoError(t, err)
		trial.Seconds = 0
		out[d.Name] = trial
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = k.Try(stopped, sample.Mutants[0])
	require.ErrorIs(t, err, context.Canceled)
	return out
}

func TestTry(t *testing.T) {
	both := []string{"campaign", "tests"}
	tests := []string{toyPath + "/proto"}
	got := try(t, "./cmd/toy", CampaignOptions{Seed: 5, Seeds: 50}, "./proto",
		"proto.Merge/flip/1", "proto.Merge/off-by-one/1", "proto.Unused/constant/1", "proto.At/off-by-one/1", "proto.At/constant/1", "proto.Greater/flip/1")
	assert.Equal(t, map[string]Trial{
		"proto.Merge/flip/1": {
			Simulated: true, Campaign: true, Oracle: "upper-bound", Seed: 6, Seeds: 2, Alone: true, Called: both,
			Tests: tests, Test: "proto TestMerge",
		},
		"proto.Merge/off-by-one/1": {Simulated: true, Seeds: 50, Tests: tests, Called: both},
		"proto.Unused/constant/1":  {Simulated: true, Seeds: 50, Tests: tests, Called: []string{}},
		// Seed 10 is the first that reads at index 3.
		"proto.At/off-by-one/1": {
			Simulated: true, Campaign: true, Oracle: OraclePanic, Seed: 10, Seeds: 6, Alone: true, Called: both[:1], Tests: tests,
		},
		"proto.At/constant/1":  {Simulated: true, Seeds: 50, Called: both[:1], Tests: tests},
		"proto.Greater/flip/1": {Simulated: true, Seeds: 50, Called: both[1:], Tests: tests, Test: "proto TestGreater"},
	}, got)
}

// Where the first to notice is enough, nobody else is asked.
func TestTryUntilNoticed(t *testing.T) {
	both := []string{"campaign", "tests"}
	tests := []string{toyPath + "/proto"}
	got := tryUntil(t, true, "./cmd/toy", CampaignOptions{Seed: 5, Seeds: 80}, "./proto", "proto.Merge/flip/1", "proto.Merge/off-by-one/1", "proto.Greater/flip/1")
	assert.Equal(t, map[string]Trial{
		"proto.Merge/flip/1":       {Simulated: true, Campaign: true, Oracle: "upper-bound", Seed: 6, Seeds: 2, Alone: true, Called: both[:1]},
		"proto.Merge/off-by-one/1": {Simulated: true, Seeds: 80, Tests: tests, Called: both},
		"proto.Greater/flip/1":     {Simulated: true, Seeds: scout, Tests: tests, Test: "proto TestGreater", Called: both[1:]},
	}, got)
}

// Packages that the campaign does not run are left to tests.
func TestTryTestsOnly(t *testing.T) {
	got := try(t, "./cmd/toy", CampaignOptions{Seed: 5, Seeds: 50}, "./ops", "ops.Sum/arithmetic/1", "ops.Twice/arithmetic/1", "ops.limit/constant/1")
	tests := []string{toyPath + "/ops"}
	assert.Equal(t, map[string]Trial{
		"ops.Sum/arithmetic/1":   {Tests: tests, Test: "ops TestSum", Called: []string{"tests"}},
		"ops.Twice/arithmetic/1": {Tests: tests, Called: []string{}},
		"ops.limit/constant/1":   {Tests: tests}, // of its own build, which tells no calls
	}, got)
}

// A clean source that fails says nothing of mutants.
func TestBenchRefusesWhatFails(t *testing.T) {
	b, s, all := subject(t, "./cmd/toy", "./cmd/toy", "./proto")
	sample, err := b.Draw(t.Context(), s, all, 1, quiet)
	require.NoError(t, err)
	b.clean = sample.Mutants[0].build.program + "-that-is-not-there"
	_, err = b.NewBench(t.Context(), s, sample, CampaignOptions{Seeds: 5}, quiet)
	require.ErrorIs(t, err, ErrClean)
}

func TestLimited(t *testing.T) {
	t.Setenv(mechanical.Switch, "1")
	t.Setenv(mechanical.ReachedFile, "x")
	run := func(l limits, script string) ending {
		e, err := limited(t.Context(), l, t.TempDir(), []string{"WORD=mutant"}, "/bin/sh", "-c", script)
		require.NoError(t, err)
		return e
	}
	roomy := limits{processor: 100 * time.Second, elapsed: 200 * time.Second, memory: 1 << 32}
	e := run(roomy, "echo $WORD; echo oh >&2; exit 4")
	assert.Equal(t, "mutant\n", string(e.stdout))
	assert.Equal(t, "oh\n", string(e.stderr))
	assert.Equal(t, 4, e.code)
	assert.False(t, e.limited)

	assert.True(t, run(limits{processor: time.Second, elapsed: 200 * time.Second, memory: 1 << 32}, "while :; do :; done").limited)
	assert.True(t, run(limits{processor: 100 * time.Second, elapsed: 200 * time.Millisecond, memory: 1 << 32}, "exec sleep 100").limited)
	assert.Equal(t, "mutant\n", string(run(roomy, "echo $WORD$"+mechanical.Switch+"$"+mechanical.ReachedFile).stdout))
	assert.False(t, run(roomy, "kill -KILL $$").limited, "others may kill it, too")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := limited(ctx, roomy, t.TempDir(), nil, "/bin/sh", "-c", "exit 0")
	require.ErrorIs(t, err, context.Canceled)
	_, err = limited(t.Context(), roomy, filepath.Join(t.TempDir(), "gone"), nil, "/bin/sh", "-c", "exit 0")
	require.Error(t, err)
}

func TestCounted(t *testing.T) {
	assert.Equal(t, int64(0), counted(nil))
	assert.Equal(t, int64(1768), counted([]byte("5s: 12 seeds, 3 deliveries\n10s: 1768 seeds, 1414474 deliveries (0.27 M/s), 0 violations\n")))
}

func TestFailedTest(t *testing.T) {
	for want, e := range map[string]ending{
		"TestX":          {code: 1, stdout: []byte("    --- FAIL: TestY/sub\n--- FAIL: TestX (0.00s)\nFAIL\n")},
		"(panic)":        {code: 2, stderr: []byte("panic: oh\n")},
		"(limit)":        {code: -1, limited: true, stdout: []byte("--- FAIL: TestX\n")},
		"exit code 3: x": {code: 3, stdout: []byte("y\nx\n")},
	} {
		assert.Equal(t, want, failedTest(e))
	}
}

// What the compiler says of a schema that no mutant explains is an error.
func TestCompileBlamesMutants(t *testing.T) {
	b, s, all := subject(t, "./cmd/probe", "./ops", "./ops")
	i := slices.IndexFunc(all, func(m *mechanical.Mutation) bool { return m.Switchable() })
	set := map[int]*mechanical.Mutation{1: all[i]}
	schema, err := mechanical.NewSchema(b.root, toyPath, s.Packages, set)
	require.NoError(t, err)
	path := filepath.Join(b.root, "ops", "ops.go")
	schema.Files[path] = bytes.Replace(schema.Files[path], []byte("package ops"), []byte("package ops; var x int = true"), 1)
	_, _, err = b.compile(t.Context(), schema, set)
	require.ErrorIs(t, err, ErrBuild)
	assert.ErrorContains(t, err, "no mutant is to blame")
}
