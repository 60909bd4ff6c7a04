package reports_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// full has the tests run the numbers of cases and seeds that the log is about; without it
// they run a share of them.
var full = flag.Bool("reports.full", os.Getenv("REPORTS_FULL") != "", "try each report in 100 runs, and 10,000 cases")

var update = flag.Bool("update", false, "write REPORTS.md instead of comparing with it")

// scaled is the whole number under -reports.full and the share of it otherwise.
func scaled(whole, share int) int {
	if *full {
		return whole
	}
	return share
}

// A report is a defect of a merge that somebody reported in public, written small in Go
// of our own, and tried as a user would: through a one-line door, with a generator of
// ordinary states, and no option but those that the type itself asks for.
type report struct {
	where, defect string
	// door is the one it was tried through, with what was declared.
	door string
	// law is the ID of the law that finds it; "" where none does, and why says why.
	law, why string
	// faulty is the set of the door with its source of states.
	faulty laws.Suite
	// correct runs the door on the merge without the fault.
	correct func(t *testing.T, o laws.Option)
}

// doorOf is a set with the source that its door draws from, where the merge joins states.
func doorOf[S any](set laws.Set[S], join func(a, b S) S, states *rapid.Generator[S]) laws.Suite {
	clone := func(v S) S { return *deep.CloneBox(&v).(*S) }
	return laws.NewSuite(set.Name(), set, gen.Mixed(gen.FromRapid(states), join, clone), nil)
}

// byMethod is a join made of a method.
func byMethod[S any](merge func(dst *S, o *S)) func(a, b S) S {
	return func(a, b S) S {
		t := *deep.CloneBox(&a).(*S)
		merge(&t, deep.CloneBox(&b).(*S))
		return t
	}
}

func reports() []report {
	return slices.Concat(sketchReports(), clockReports(), memoryReports(), replicaReports(), aggregateReports(), furtherReports())
}

// tried is what came of looking for a defect from many seeds.
type tried struct {
	found, runs, cases int
}

func (r report) try(t *testing.T, runs int) (got tried) {
	t.Helper()
	for seed := range uint64(runs) {
		o := laws.RunOptions{Seed: seed, Cases: laws.DefaultCases, Replays: 1, Only: r.law}
		run := r.faulty.Run(o)
		require.NoError(t, run.Err)
		got.runs++
		if !run.OK() {
			got.found++
			res, _ := run.Result(r.law)
			got.cases += res.Cases
		}
	}
	return got
}

// Each defect is found by its law in every run, or in none, and then the log says why; and
// no door complains of the merge without it.
func TestReports(t *testing.T) {
	var log strings.Builder
	log.WriteString(reportsHead)
	for _, r := range reports() {
		t.Run(r.where, func(t *testing.T) {
			got := r.try(t, scaled(100, 3))
			if r.law == "" {
				require.NotEmpty(t, r.why)
				assert.Zero(t, got.found, "found after all")
				fmt.Fprintf(&log, "| %s | %s | %s | not found: %s | %d of %d | |\n", linked(r.where), r.defect, r.door, r.why, got.found, got.runs)
			} else {
				assert.Equal(t, got.runs, got.found, "%s must fail", r.law)
				fmt.Fprintf(&log, "| %s | %s | %s | `%s` | %d of %d | %.1f |\n", linked(r.where), r.defect, r.door, r.law, got.found, got.runs, float64(got.cases)/float64(max(1, got.found)))
			}
			r.correct(t, laws.Cases(scaled(10_000, 200)))
		})
	}
	if !*full || t.Failed() {
		return
	}
	if *update {
		require.NoError(t, os.WriteFile("REPORTS.md", []byte(log.String()), 0o644))
		return
	}
	want, err := os.ReadFile("REPORTS.md")
	require.NoError(t, err, "make it with go test -reports.full -update")
	assert.Equal(t, string(want), log.String())
}

// Every report is in the log, whose figures TestReports makes where -reports.full is given.
func TestReportsAreLogged(t *testing.T) {
	text, err := os.ReadFile("REPORTS.md")
	require.NoError(t, err)
	assert.Equal(t, len(reports()), strings.Count(string(text), "](https://github.com/"))
	for _, r := range reports() {
		assert.Contains(t, string(text), "| "+linked(r.where)+" | "+r.defect+" | "+r.door+" |")
	}
}

// linked is a reference as a link: owner/name#number.
func linked(where string) string {
	repo, number, _ := strings.Cut(where, "#")
	return fmt.Sprintf("[%s](https://github.com/%s/issues/%s)", where, repo, number)
}

const reportsHead = `# Public reports of merge defects, tried through the one-line doors

Each row is a report from a public tracker. Its defect was written anew in a few lines of Go, in the files ` + "`*_test.go`" + ` here, and
tried as a user of ` + "`laws`" + ` would try it: one door, ordinary generators, no tuning; a run judges 1,000 cases a law. The merge without the defect
passes every law of its door in 10,000 cases. The table is made, and compared, by

    go test -timeout 1h ./laws/zoo/reports -reports.full          # -update writes it

| report | defect | door | found by | in runs | cases on average |
|---|---|---|---|---|---|
`
