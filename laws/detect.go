package laws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// Mutant is a merge with a known fault.
type Mutant[T any] struct {
	Name  string
	Merge lattice.Merge[T]
	// Law is the law, or the set of laws, that must find it; "" is any.
	Law string
}

// DetectOptions say how often a check is tried.
type DetectOptions struct {
	// Seeds is how many runs there are, from seed 0 up; 0 means 20.
	Seeds int
	// Cases is how many tuples a law and run; 0 means 200.
	Cases int
	// Replays bounds the shrinking of each run; see [RunOptions].
	Replays int
}

func (o DetectOptions) withDefaults() DetectOptions {
	if o.Seeds <= 0 {
		o.Seeds = 20
	}
	if o.Cases <= 0 {
		o.Cases = 200
	}
	return o
}

// Detection is a table of what it took to find each mutant, after ETNA (Shi,
// Keles, Goldstein, Pierce, Lampropoulos, "Etna", ICFP'23).
type Detection struct{ Rows []Detected }

// Detected is one mutant over all seeds.
type Detected struct {
	Mutant, Law string
	// Found is in how many of Seeds runs the law failed.
	Found, Seeds int
	// Min, Median and Max are of the cases it took, in the runs that found it.
	Min, Median, Max int
	// Sizes are the sizes of the shrunk counterexamples, ascending, and
	// Least how many of them have the least size.
	Sizes []int
	Least int
	// Err is a set-up error.
	Err error
}

// OK reports that every run found the mutant.
func (d Detected) OK() bool { return d.Err == nil && d.Found == d.Seeds }

// OK reports that every mutant was found in every run.
func (d Detection) OK() bool {
	return !slices.ContainsFunc(d.Rows, func(r Detected) bool { return !r.OK() })
}

// String is the table, a line a mutant.
func (d Detection) String() string {
	width := len("MUTANT")
	for _, r := range d.Rows {
		width = max(width, len([]rune(r.Mutant)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s %-28s %9s %22s %18s\n", width, "MUTANT", "LAW", "FOUND", "CASES min/median/max", "SHRUNK TO LEAST")
	for _, r := range d.Rows {
		if r.Err != nil {
			fmt.Fprintf(&b, "%-*s %v\n", width, r.Mutant, r.Err)
			continue
		}
		fmt.Fprintf(&b, "%-*s %-28s %9s %22s", width, r.Mutant, r.Law, fmt.Sprintf("%d/%d", r.Found, r.Seeds), fmt.Sprintf("%d/%d/%d", r.Min, r.Median, r.Max))
		if r.Found > 0 {
			fmt.Fprintf(&b, " %18s", fmt.Sprintf("%d of %d, size %d", r.Least, r.Found, r.Sizes[0]))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Detect tries the suite of a faulty merge from many seeds and says what it took
// the law, or set of laws, to find the fault.
func Detect(name string, s Suite, law string, o DetectOptions) Detected {
	o = o.withDefaults()
	d := Detected{Mutant: name, Law: law, Seeds: o.Seeds}
	var cases []int
	for seed := range o.Seeds {
		r := s.Run(RunOptions{Seed: uint64(seed), Cases: o.Cases, Replays: o.Replays, Only: law})
		if r.Err != nil {
			d.Err = r.Err
			return d
		}
		for _, res := range r.Results {
			if res.Failure != nil && named(law, res.Failure.Law) {
				cases = append(cases, res.Cases)
				d.Sizes = append(d.Sizes, res.Failure.Size)
				break
			}
		}
	}
	slices.Sort(cases)
	slices.Sort(d.Sizes)
	d.Found = len(cases)
	if d.Found > 0 {
		d.Min, d.Median, d.Max = cases[0], cases[len(cases)/2], cases[len(cases)-1]
		for d.Least < len(d.Sizes) && d.Sizes[d.Least] == d.Sizes[0] {
			d.Least++
		}
	}
	return d
}

// Detects checks the checker: each mutant must be found from every seed, by its
// law where it names one. It logs the table and fails for every mutant that
// survived a run.
func Detects[T any](t testing.TB, set func(lattice.Merge[T]) Set[T], source gen.Source[T], mutants []Mutant[T], o DetectOptions) Detection {
	t.Helper()
	var table Detection
	for _, m := range mutants {
		table.Rows = append(table.Rows, Detect(m.Name, NewSuite(m.Name, set(m.Merge), source, nil), m.Law, o))
	}
	t.Logf("\n%v", table)
	for _, r := range table.Rows {
		if !r.OK() {
			t.Errorf("mutant %s: found by %q in %d of %d runs, %v", r.Mutant, r.Law, r.Found, r.Seeds, r.Err)
		}
	}
	return table
}
