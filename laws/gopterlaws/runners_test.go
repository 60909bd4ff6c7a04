package gopterlaws_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/gopterlaws"
)

// TestMain keeps rapid from writing fail files for the failures that tests here
// provoke on purpose.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// recorder is a test that keeps what it is told.
type recorder struct {
	name   string
	lines  []string
	failed bool
}

type stopped struct{}

// run calls f until it returns or gives up through FailNow.
func (r *recorder) run(f func()) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(stopped); !ok {
				panic(v)
			}
		}
	}()
	f()
}

func (r *recorder) text() string { return strings.Join(r.lines, "\n") + "\n" }
func (r *recorder) add(s string) { r.lines = append(r.lines, s) }

func (r *recorder) Helper()                           {}
func (r *recorder) Name() string                      { return r.name }
func (r *recorder) Logf(format string, args ...any)   { r.add(fmt.Sprintf(format, args...)) }
func (r *recorder) Log(args ...any)                   { r.add(fmt.Sprint(args...)) }
func (r *recorder) Skipf(format string, args ...any)  { r.Logf(format, args...); r.SkipNow() }
func (r *recorder) Skip(args ...any)                  { r.Log(args...); r.SkipNow() }
func (r *recorder) SkipNow()                          { panic(stopped{}) }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *recorder) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *recorder) Fatalf(format string, args ...any) { r.Logf(format, args...); r.FailNow() }
func (r *recorder) Fatal(args ...any)                 { r.Log(args...); r.FailNow() }
func (r *recorder) FailNow()                          { r.failed = true; panic(stopped{}) }
func (r *recorder) Fail()                             { r.failed = true }
func (r *recorder) Failed() bool                      { return r.failed }

var _ rapid.TB = (*recorder)(nil)

// fault is a faulty merge with the set that finds it, its types forgotten, so that
// faults of all sets go into one table.
type fault struct {
	name, law string
	// Both check the set, or the one law of it, from a seed and say what each
	// failing law has to say.
	gopter, rapid func(t *testing.T, only string, seed int64) map[string]string
}

func faulty[S any](name, law string, set laws.Set[S], source gen.Source[S]) fault {
	each := func(t *testing.T, only string, check func(*recorder, *laws.Trial)) map[string]string {
		t.Helper()
		trials, _, err := laws.Trials(set, source)
		require.NoError(t, err)
		said := map[string]string{}
		for _, trial := range trials {
			id := trial.Law().ID
			if only != "" && id != only {
				continue
			}
			r := &recorder{name: "TestFault/" + id}
			r.run(func() { check(r, trial) })
			if r.failed {
				said[id] = r.text()
			}
		}
		return said
	}
	return fault{
		name: name, law: law,
		gopter: func(t *testing.T, only string, seed int64) map[string]string {
			return each(t, only, func(r *recorder, trial *laws.Trial) {
				gopterlaws.CheckLaw(r, trial, gopterlaws.Seed(seed), gopterlaws.Tests(cases))
			})
		},
		rapid: func(t *testing.T, only string, seed int64) map[string]string {
			setFlag(t, "rapid.seed", strconv.FormatInt(seed, 10))
			checks := cases
			if testing.Short() {
				checks *= 5 // of which rapid takes a fifth
			}
			setFlag(t, "rapid.checks", strconv.Itoa(checks))
			return each(t, only, func(r *recorder, trial *laws.Trial) { trial.CheckRapid(r) })
		},
	}
}

// cases is how many a law both runners get.
const cases = 200

// setFlag sets a flag of rapid for the rest of the test. Tests that use it must not
// run in parallel.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}

var (
	headline = regexp.MustCompile(`law ([a-z/-]+) (does not hold|was never exercised|was too rarely exercised)`)
	binding  = regexp.MustCompile(`(?m)^ *    ([abcd]) = (.*)$`)
)

// blamed is the law that a report is about.
func blamed(report string) string {
	if m := headline.FindStringSubmatch(report); m != nil {
		return m[1]
	}
	return ""
}

// size is the length of the states of a counterexample as they are printed.
func size(report string) int {
	n := 0
	_, where, _ := strings.Cut(report, "where\n")
	for _, m := range binding.FindAllStringSubmatch(where, -1) {
		n += len(m[2])
	}
	return n
}
