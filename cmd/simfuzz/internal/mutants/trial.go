package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/joinery-go/joinery/cmd/simfuzz/internal/mutants/mechanical"
)

// Oracles that a campaign has beside those of its runs: the program itself notices.
const (
	OraclePanic = "panic" // the program panics
	OracleError = "error" // the program gives up with an error
	OracleLimit = "limit" // the program takes far more time or memory than without the mutant
)

// ErrClean is returned where the source without a mutant does not hold, so that
// nothing can be said of mutants.
var ErrClean = errors.New("the clean source does not hold")

// Bench tries mutants: it knows what the clean source does.
type Bench struct {
	b       *Builder
	s       *Subject
	options CampaignOptions

	clean time.Duration     // of the processor, that a campaign takes
	tests map[string]limits // of the tests of a package
	// Unsteady are packages whose tests fail because of the switch itself, without a
	// mutant behind it: they are not asked about mutants that share a build.
	Unsteady map[string]string // what they say

	// First leaves a mutant once anyone has noticed it: the first seeds, the tests, or the
	// other seeds, in this order.
	First bool
}

// Trial is what came of one mutant.
type Trial struct {
	Simulated bool   // a campaign was run
	Campaign  bool   // and noticed
	Oracle    string // that noticed
	Seed      uint64 // that found it
	Seeds     int64  // run until then, or in all
	Alone     bool   // the seed fails by itself, not only behind those before it

	Tests  []string // packages whose tests ran
	Test   string   // the package and test that failed; "" if none did
	Called []string // which of "campaign" and "tests" called the mutated function; nil where that is not known

	Seconds float64
}

// Found reports whether anything noticed the mutant.
func (t Trial) Found() bool { return t.Campaign || t.Test != "" }

// NewBench has the clean source run the campaign and the tests that mutants will run,
// and the source of a sample with no mutant switched on do the same.
func (b *Builder) NewBench(ctx context.Context, s *Subject, sample *Sample, c CampaignOptions, tell func(string)) (*Bench, error) {
	k := &Bench{b: b, s: s, options: c, tests: make(map[string]limits), Unsteady: make(map[string]string)}
	var shared *build
	simulated := false
	for _, d := range sample.Mutants {
		if d.build.shared {
			shared = d.build
		}
		simulated = simulated || d.build.program != ""
	}
	generous := limits{processor: time.Hour, elapsed: 2 * time.Hour, memory: memoryLimit}
	if simulated {
		tell("running the campaign without a mutant")
		if err := k.cleanCampaign(ctx, shared, generous); err != nil {
			return nil, err
		}
	}
	for _, t := range s.tests {
		tell("running the tests of " + t.pkg + " without a mutant")
		e, err := k.runTest(ctx, generous, t, s.clean.tests[t.pkg], nil)
		if err != nil {
			return nil, err
		}
		if e.code != 0 {
			return nil, fmt.Errorf("%w: tests of %s: %s", ErrClean, t.pkg, failedTest(e))
		}
		k.tests[t.pkg] = limitsFor(e.processor)
		if shared == nil || shared.tests[t.pkg] == "" {
			continue
		}
		if e, err = k.runTest(ctx, limitsFor(4*e.processor), t, shared.tests[t.pkg], nil); err != nil {
			return nil, err
		}
		if e.code != 0 {
			k.Unsteady[t.pkg] = failedTest(e)
		}
	}
	return k, nil
}

// cleanCampaign runs the campaign with the clean program and with a shared one with no
// mutant switched on: both must hold, and do the same.
func (k *Bench) cleanCampaign(ctx context.Context, shared *build, l limits) error {
	clean, err := k.fuzz(ctx, l, k.b.clean, nil, k.options.Seed, k.options.Seeds, k.options.Flags)
	if err != nil {
		return err
	}
	if clean.oracle != "" {
		return fmt.Errorf("%w: seed %d: %s", ErrClean, clean.seed, clean.oracle)
	}
	k.clean = clean.processor
	if shared == nil || shared.program == "" {
		return nil
	}
	off, err := k.fuzz(ctx, limitsFor(4*clean.processor), shared.program, nil, k.options.Seed, k.options.Seeds, k.options.Flags)
	if err != nil {
		return err
	}
	if off.oracle != "" || off.sum.Deliveries != clean.sum.Deliveries || off.sum.Operations != clean.sum.Operations {
		return fmt.Errorf("%w: with the switch in place and no mutant on, the campaign does not take the same course: %d deliveries for %d, oracle %q",
			ErrClean, off.sum.Deliveries, clean.sum.Deliveries, off.oracle)
	}
	return nil
}

// attempt is what came of a campaign.
type attempt struct {
	oracle    string // "" if nothing was noticed
	seed      uint64 // by it; not known of a panic, an error or a limit
	sum       line
	done      int64 // seeds that the last line of progress counted, of a limit
	processor time.Duration
}

// fuzz runs count seeds from first on, and stops at the first that fails.
func (k *Bench) fuzz(ctx context.Context, l limits, program string, variables []string, first, count uint64, flags []string) (attempt, error) {
	args := append([]string{
		"run", "--json", "--keep=false", "--failures", "1", "--seed", strconv.FormatUint(first, 10), "--seeds", strconv.FormatUint(count, 10),
	}, flags...)
	e, err := limited(ctx, l, k.b.dir, variables, program, args...)
	if err != nil {
		return attempt{}, fmt.Errorf("fuzz: %w", err)
	}
	a := attempt{processor: e.processor}
	lines, err := readLines(e.stdout)
	if err == nil && len(lines) > 0 && e.code >= 0 && e.code <= 2 {
		if a.sum = lines[len(lines)-1]; a.sum.Kind == "summary" {
			if v, found := firstViolation(lines, Mutant{}); found {
				a.oracle, a.seed = v.Oracle, v.Seed
			}
			return a, nil
		}
	}
	switch {
	case e.limited:
		a.oracle, a.done = OracleLimit, counted(e.stderr)
	case e.code == 3:
		a.oracle = OracleError
	default:
		a.oracle = OraclePanic
	}
	return a, nil
}

// progressLine is the line in which a campaign tells how many seeds it has counted.
var progressLine = regexp.MustCompile(`(?m)^[0-9]+s: ([0-9]+) seeds,`)

// counted is how many seeds a campaign had counted, in order, when it last said so.
func counted(stderr []byte) int64 {
	all := progressLine.FindAllSubmatch(stderr, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Try has the campaign and the tests run a mutant.
func (k *Bench) Try(ctx context.Context, d *Derived) (t Trial, err error) {
	started := time.Now()
	defer func() { t.Seconds = time.Since(started).Seconds() }()
	if d.build.shared {
		t.Called = []string{}
	}
	called := func(who string) ([]string, string) {
		if !d.build.shared {
			return nil, ""
		}
		file := filepath.Join(d.build.dir, "called-"+strconv.Itoa(d.number)+"-"+who)
		return []string{mechanical.Switch + "=" + strconv.Itoa(d.number), mechanical.ReachedFile + "=" + file}, file
	}
	note := func(who, file string) error {
		if _, err := os.Stat(file); err == nil {
			t.Called = append(t.Called, who)
		} else if file != "" && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	campaign := func(stages ...stage) error {
		if d.build.program == "" || !k.s.Simulated(d.Package) {
			return nil
		}
		variables, file := called("campaign")
		if err := k.tryCampaign(ctx, d, variables, &t, stages...); err != nil {
			return err
		}
		return note("campaign", file)
	}
	tests := func() error {
		variables, file := called("tests")
		if err := k.tryTests(ctx, d, variables, &t); err != nil {
			return err
		}
		return note("tests", file)
	}
	steps := []func() error{func() error { return campaign(scouting, rest) }, tests}
	if k.First {
		steps = []func() error{func() error { return campaign(scouting) }, tests, func() error { return campaign(rest) }}
	}
	for _, step := range steps {
		if k.First && t.Found() {
			break
		}
		if err := step(); err != nil {
			return t, fmt.Errorf("try mutant %s: %w", d.Name, err)
		}
	}
	slices.Sort(t.Called)
	t.Called = slices.Compact(t.Called)
	return t, nil
}

// tryTests has the tests of a mutant run it, until one fails.
func (k *Bench) tryTests(ctx context.Context, d *Derived, variables []string, t *Trial) error {
	for _, test := range k.s.testsOf(d.Package) {
		if k.Unsteady[test.pkg] != "" && d.build.shared {
			continue
		}
		t.Tests = append(t.Tests, test.pkg)
		e, err := k.runTest(ctx, k.tests[test.pkg], test, d.build.tests[test.pkg], variables)
		if err != nil {
			return err
		}
		if e.code != 0 {
			t.Test = strings.TrimPrefix(strings.TrimPrefix(test.pkg, k.b.module), "/") + " " + failedTest(e)
			break
		}
	}
	return nil
}

// stage is a part of a campaign.
type stage int

const (
	scouting stage = iota // the first [scout] seeds
	rest                  // those behind them
)

// scout is how many seeds a campaign begins with: most mutants fail among them, and one
// that loops is given up within the time that these take.
const scout = 64

// limits are those of a campaign of so many seeds.
func (k *Bench) limits(count uint64) limits {
	return limitsFor(time.Duration(float64(k.clean) * float64(count) / float64(max(k.options.Seeds, 1))))
}

// tryCampaign fuzzes a mutant in the stages given until it is noticed, finds the first seed
// that does, and runs that once more by itself.
func (k *Bench) tryCampaign(ctx context.Context, d *Derived, variables []string, t *Trial, stages ...stage) error {
	fuzz := func(from, n uint64, flags ...string) (attempt, error) {
		l := k.limits(n)
		if len(flags) > 0 { // one worker does the work of all
			l.elapsed *= time.Duration(runtime.GOMAXPROCS(0))
		}
		return k.fuzz(ctx, l, d.build.program, variables, from, n, slices.Concat(k.options.Flags, flags))
	}
	t.Simulated, t.Seeds = true, int64(k.options.Seeds)
	if !slices.Contains(stages, rest) {
		t.Seeds = min(t.Seeds, scout)
	}
	first, a, err := k.firstFailure(stages, fuzz)
	if err != nil || a.oracle == "" {
		return err
	}
	again, err := fuzz(first, 1)
	if err != nil {
		return err
	}
	if again.oracle != "" {
		t.Campaign, t.Alone, t.Oracle, t.Seed, t.Seeds = true, true, again.oracle, first, int64(first-k.options.Seed+1)
		return nil
	}
	// It may be what earlier seeds left behind that makes a later one fail: then one
	// worker, who runs all in a row, sees it again.
	again, err = fuzz(k.options.Seed, k.options.Seeds, "--workers", "1")
	if err != nil || again.oracle == "" {
		return err
	}
	t.Campaign, t.Oracle, t.Seed = true, again.oracle, again.seed
	switch again.oracle {
	case OraclePanic, OracleError: // which seed is not known
		t.Seed = k.options.Seed + k.options.Seeds - 1
	case OracleLimit:
		t.Seed = k.options.Seed + min(uint64(again.done), k.options.Seeds-1)
	}
	t.Seeds = int64(t.Seed - k.options.Seed + 1)
	return nil
}

// firstFailure looks for the first seed at which a mutant is noticed, among the first few
// and then among the others.
func (k *Bench) firstFailure(stages []stage, fuzz func(from, n uint64, flags ...string) (attempt, error)) (seed uint64, a attempt, err error) {
	var count uint64
	for _, s := range stages {
		if err != nil || a.oracle != "" {
			break
		}
		switch {
		case s == scouting:
			seed, count = k.options.Seed, min(scout, k.options.Seeds)
		case k.options.Seeds > scout:
			seed, count = k.options.Seed+scout, k.options.Seeds-scout
		default:
			continue
		}
		a, err = fuzz(seed, count)
	}
	if err != nil {
		return seed, a, err
	}
	switch a.oracle {
	case "":
	case OracleLimit:
		if a.done == 0 { // several workers came to the limit before the first line of progress
			if a, err = fuzz(seed, count, "--workers", "1"); err != nil {
				return seed, a, err
			}
		}
		seed += min(uint64(a.done), count-1)
	case OraclePanic, OracleError:
		// Seeds are independent: the first that fails by itself is found by halving.
		for count > 1 {
			half := count / 2
			low, err := fuzz(seed, half)
			if err != nil {
				return seed, a, err
			}
			if low.oracle != "" {
				count = half
			} else {
				seed, count = seed+half, count-half
			}
		}
	default:
		seed = a.seed
	}
	return seed, a, nil
}

// runTest runs a test binary in the folder of its package, until its first failure.
func (k *Bench) runTest(ctx context.Context, l limits, t test, binary string, variables []string) (ending, error) {
	args := append([]string{"-test.failfast", "-test.paniconexit0"}, t.flags...)
	e, err := limited(ctx, l, t.dir, variables, binary, args...)
	if err != nil {
		return e, fmt.Errorf("run the tests of %s: %w", t.pkg, err)
	}
	return e, nil
}

// testFailure is the line of a test that fails.
var testFailure = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

// failedTest is the first test that failed, or how else the binary ended.
func failedTest(e ending) string {
	switch m := testFailure.FindSubmatch(e.stdout); {
	case e.limited:
		return "(" + OracleLimit + ")"
	case m != nil:
		return string(m[1])
	case bytes.Contains(e.stderr, []byte("panic: ")), bytes.Contains(e.stdout, []byte("panic: ")):
		return "(" + OraclePanic + ")"
	}
	return "exit code " + strconv.Itoa(e.code) + ": " + lastLine(string(e.stdout)+string(e.stderr))
}
