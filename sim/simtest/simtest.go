// Package simtest fuzzes simulated protocols in go test, in one line:
//
//	func TestLease(t *testing.T) { simtest.Fuzz(t, lease.Protocol()) }
//
// It runs a number of seeds, so that the outcome is that of the code and of nothing else,
// shrinks the first that fails, and says which operations and faults it takes, with a
// diagram if that is short and the command that runs it again. The failure is kept below
// testdata, and from then on replayed first, until it is deleted.
//
// It is for tests alone, and fails by testing.T only. It decides nothing that package
// campaign does not.
package simtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/joinery-go/joinery/sim/campaign"
)

// DefaultSeeds is how many seeds Fuzz runs unless it is told; with -short it is a fifth
// of what it is.
const DefaultSeeds = 1000

// Option changes what Fuzz does.
type Option func(*options)

type options struct {
	campaign.Options
	dir     string
	replays int
	keep    bool
	partial bool
	wrong   []string // options that cannot be
}

// must notes an option that cannot be.
func (o *options) must(yes bool, format string, args ...any) {
	if !yes {
		o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
	}
}

// Seeds has it run so many seeds, from the first one on; with -short a fifth of them, and
// at least one.
func Seeds(first, n uint64) Option {
	return func(o *options) {
		o.must(first > 0 && n > 0, "Seeds(%d, %d): want a first seed of 1 or more, and 1 seed or more", first, n)
		o.Seed, o.Options.Seeds = first, n
	}
}

// Workers has it run so many seeds at once; by default it is as many as there are
// processors. The outcome does not depend on it.
func Workers(n int) Option {
	return func(o *options) {
		o.must(n > 0, "Workers(%d): want 1 or more", n)
		o.Options.Workers = n
	}
}

// Strategy has choices made another way, see [campaign.Strategies].
func Strategy(name string) Option { return func(o *options) { o.Options.Strategy = name } }

// Dir has failures kept in another folder than testdata/sim.
func Dir(path string) Option { return func(o *options) { o.dir = path } }

// KeepNothing has failures reported alone.
func KeepNothing() Option { return func(o *options) { o.keep = false } }

// Replays bounds the runs that shrinking takes, [campaign.DefaultReplays] by default.
func Replays(n int) Option {
	return func(o *options) {
		o.must(n > 0, "Replays(%d): want 1 or more", n)
		o.replays = n
	}
}

// NeedNotReachAll accepts that no seed came to some of the protocol's points, or of the
// faults that it bears. Without it that fails the test, unless that runs with -short.
func NeedNotReachAll() Option { return func(o *options) { o.partial = true } }

const defaultDir = "testdata/sim"

// Fuzz runs a protocol. Below the test are a subtest for each failure that was kept
// earlier, named kept/NAME, and one for all seeds, named seeds.
func Fuzz(t *testing.T, p campaign.Protocol, opts ...Option) {
	t.Helper()
	o := options{dir: defaultDir, keep: true}
	o.Options.Seeds, o.Options.Workers, o.Failures = DefaultSeeds, runtime.GOMAXPROCS(0), 1
	for _, opt := range opts {
		opt(&o)
	}
	if len(o.wrong) > 0 {
		t.Fatalf("simtest: %s", strings.Join(o.wrong, "; "))
	}
	if testing.Short() {
		o.Options.Seeds = max(o.Options.Seeds/5, 1)
		o.partial = true
	}
	kept, err := filepath.Glob(filepath.Join(o.dir, p.Name, "*.json"))
	if err != nil {
		t.Fatalf("simtest: %v", err)
	}
	slices.Sort(kept)
	if len(kept) > 0 {
		t.Run("kept", func(t *testing.T) {
			for _, path := range kept {
				t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) { Holds(t, p, path) })
			}
		})
	}
	t.Run("seeds", func(t *testing.T) { fuzz(t, &p, o) })
}

// FuzzBytes has go test -fuzz write the choices of a protocol's runs, see
// [campaign.Protocol.RunBytes]:
//
//	func FuzzLease(f *testing.F) { simtest.FuzzBytes(f, lease.Protocol()) }
//
// What a campaign found can be what it begins with: the flag --export-seeds of the command
// campaign writes it, for testdata/fuzz/FuzzLease.
func FuzzBytes(f *testing.F, p campaign.Protocol) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tape, res, err := p.RunBytes(t.Context(), data)
		if err != nil {
			t.Fatalf("simtest: %v", err)
		}
		for _, v := range res.Violations {
			t.Error(v)
		}
		if len(res.Violations) == 0 {
			return
		}
		if err := tape.Write(t.Output()); err != nil {
			t.Errorf("simtest: write the tape: %v", err)
		}
	})
}

// tb is what the functions here need of a test.
type tb interface {
	Helper()
	Name() string
	Context() context.Context
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// fuzz runs all seeds and reports the first that fails.
func fuzz(t tb, p *campaign.Protocol, o options) {
	t.Helper()
	r, err := p.Fuzz(t.Context(), o.Options)
	if err != nil {
		t.Fatalf("simtest: %v", err)
		return
	}
	t.Logf("%s: %d seeds from %d, %d deliveries, %d operations; %d seeds run twice with one trace",
		p.Name, r.Seeds, r.First, r.Deliveries, r.Operations, r.Twice)
	for _, res := range r.Failures {
		t.Errorf("%s", failure(t, p, res, o))
		return
	}
	if never := r.NeverReached(); len(never) > 0 && !o.partial {
		t.Errorf("%s: in %d seeds never once: %s\n(simtest.NeedNotReachAll accepts that)", p.Name, r.Seeds, strings.Join(never, ", "))
	}
}

// failure shrinks and keeps a failing seed, and says all that is known of it.
func failure(t tb, p *campaign.Protocol, res *campaign.Result, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: seed %d fails\n", p.Name, res.Seed)
	for _, v := range res.Violations {
		fmt.Fprintf(&b, "  %s\n", indent(v.String()))
	}
	ctx := context.WithoutCancel(t.Context())
	tape, _, err := p.Record(ctx, res)
	if err != nil && !errors.Is(err, campaign.ErrUnsteady) {
		fmt.Fprintf(&b, "it cannot be recorded: %v\n", err)
		return b.String()
	}
	again := fmt.Sprintf("run it again with:\n  go test -run '%s' # with simtest.Seeds(%d, 1)", pattern(t.Name()), res.Seed)
	if err != nil {
		fmt.Fprintf(&b, "it has no smaller form: %v\n%s\n", err, again)
		return b.String()
	}
	if len(tape.Violations) == 0 { // what was found is that it has two traces
		fmt.Fprintf(&b, "%s\n", again)
		return b.String()
	}
	if res.Violations[0].Oracle == campaign.OracleTime {
		b.WriteString("no smaller form is looked for, since no run of it ends\n")
	} else {
		small, err := p.Shrink(ctx, tape, o.replays)
		if err != nil {
			fmt.Fprintf(&b, "it cannot be shrunk: %v\n%s\n", err, again)
			return b.String()
		}
		b.WriteString(describe(small))
		tape = small.Tape
	}
	if !o.keep {
		fmt.Fprintf(&b, "%s\n", again)
		return b.String()
	}
	name := fmt.Sprintf("seed-%d", res.Seed)
	path := filepath.Join(o.dir, p.Name, name+".json")
	if err := write(path, tape); err != nil {
		fmt.Fprintf(&b, "it is not kept: %v\n%s\n", err, again)
		return b.String()
	}
	root := strings.TrimSuffix(t.Name(), "/seeds")
	fmt.Fprintf(&b, "kept in %s; replay with:\n  go test -run '%s'\n", path, pattern(root+"/kept/"+name))
	return b.String()
}

// describe says what a shrunk failure consists of.
func describe(s *campaign.Shrunk) string {
	var b strings.Builder
	fmt.Fprintf(&b, "shrunk to %v in %d replays:\n", s, s.Replays)
	for _, line := range s.Lines() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	for _, v := range s.Result.Violations {
		fmt.Fprintf(&b, "  %s\n", indent(v.String()))
	}
	b.WriteString(s.Result.ShortDiagram())
	return b.String()
}

func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

// pattern is what -run takes for one test, all its parts quoted.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

func write(path string, t *campaign.Tape) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return campaign.ReplaceFile(path, t.Write)
}

// Holds fails a test unless the tape in a file replays without a violation. A tape that
// cannot be read, or is of another protocol or version, fails it too. Where the trace is
// not that of the tape, the test says so and goes by the violations: other code recorded
// the tape.
func Holds(t testing.TB, p campaign.Protocol, path string) {
	t.Helper()
	holds(t, &p, path)
}

func holds(t tb, p *campaign.Protocol, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("simtest: %v", err)
		return
	}
	defer f.Close()
	tape, _, err := campaign.LoadTape(f, p)
	if err != nil {
		t.Fatalf("%s: %v (delete it, if its failure is not to be replayed any more)", path, err)
		return
	}
	res, err := p.Replay(t.Context(), tape)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
		return
	}
	if res.TraceHash != tape.TraceHash {
		t.Logf("%s: trace %s, not that of the tape, %s: other code recorded it", path, campaign.FormatHash(res.TraceHash), campaign.FormatHash(tape.TraceHash))
	}
	if len(res.Violations) == 0 {
		return
	}
	var b strings.Builder
	for _, v := range res.Violations {
		b.WriteString("\n" + v.String())
	}
	if picture := res.ShortDiagram(); picture != "" {
		b.WriteString("\n" + picture)
	}
	t.Fatalf("%s:%s", path, b.String())
}
