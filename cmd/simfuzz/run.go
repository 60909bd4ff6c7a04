package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario"
)

// runFlags are the flags of simfuzz run.
type runFlags struct {
	seed     uint64
	seeds    uint64
	limit    time.Duration
	workers  int
	nodes    int
	faults   string
	level    string
	strategy string
	depth    int
	ops      int
	failures int
	keep     bool
	out      string
	json     bool
}

const (
	defaultLimit = 10 * time.Second
	gcPercent    = 400
)

func (c *cli) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Fuzz the store: seeds become clusters, faults and histories, and are judged",
		Long: "run fuzzes the key-value store in a simulated world, one seed after the other, and judges every run:\n" +
			"what each read saw, convergence after the faults, causal order, liveness, and a share by porcupine.\n" +
			"A failing seed leaves a folder under --out with a tape that replays it. The exit code is 0 if nothing is\n" +
			"violated, 1 on a violation, 2 if histories were left undecided, more than 1% of those for porcupine, or a campaign of 2000 seeds\n" +
			"or more never came to one of the situations or faults that it must reach.",
		Example: "  simfuzz run --for 1m\n  simfuzz run --seed 1 --seeds 5000 --level causal --nodes 5",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.fuzz(f, cmd.Flags().Changed("seed")) },
	}
	fl := cmd.Flags()
	fl.Uint64Var(&f.seed, "seed", 0, "first seed (default: one that differs from run to run, and is printed)")
	fl.Uint64Var(&f.seeds, "seeds", 0, "how many seeds to run (default: as many as --for allows)")
	fl.DurationVar(&f.limit, "for", 0, "how long to run (default 10s, or until --seeds are done)")
	fl.IntVar(&f.workers, "workers", 0, "how many seeds to run at once (default: the number of processors)")
	fl.IntVar(&f.nodes, "nodes", 0, fmt.Sprintf("replicas, %d to %d (default: drawn for each seed, 3 to 5)", scenario.MinNodes, scenario.MaxNodes))
	fl.IntVar(&f.ops, "operations", 0, fmt.Sprintf("client operations of a seed, %d to %d (default: drawn for each seed, %d to %d; with more, porcupine is not asked)",
		scenario.MinOperations, scenario.MaxOperations, scenario.MinOperations, scenario.UsualOperations))
	fl.StringVar(&f.faults, "faults", "swarm", "how hard faults strike: "+strings.Join(scenario.FaultLevels(), ", ")+
		", and single classes behind it, as in swarm,corrupt=off or off,crash=extreme,disk=low; unexcused behind it forgives no write for a lost disk; classes: "+strings.Join(scenario.FaultClasses(), " "))
	fl.StringVar(&f.level, "level", "", "consistency level of the sessions: "+strings.Join(session.Levels(), ", ")+" (default: drawn for each seed)")
	fl.StringVar(&f.strategy, "strategy", "swarm", "how choices are made: "+strings.Join(scenario.Strategies(), ", "))
	fl.IntVar(&f.depth, "depth", 3, "ordering constraints that the strategy pct looks for")
	fl.StringVar(&f.out, "out", "runs", "folder for the runs of failing seeds")
	fl.IntVar(&f.failures, "failures", maxFailed, "failing seeds after which to stop")
	fl.BoolVar(&f.keep, "keep", true, "keep a folder of each failing seed, and shrink it; without, failures are only counted")
	fl.BoolVar(&f.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

func (f *runFlags) config() (scenario.Config, error) {
	cfg := scenario.Config{Nodes: f.nodes, Operations: f.ops, Level: f.level, Faults: f.faults, Strategy: f.strategy, Depth: f.depth}
	switch {
	case f.workers < 0 || f.workers > 1024:
		return cfg, usagef("--workers %d: want 1 to 1024", f.workers)
	case f.limit < 0:
		return cfg, usagef("--for %v: want a positive duration", f.limit)
	case f.failures < 1 || f.failures > 10_000:
		return cfg, usagef("--failures %d: want 1 to 10000", f.failures)
	case f.out == "":
		return cfg, usagef("--out: want a folder")
	}
	if err := cfg.Validate(); err != nil {
		return cfg, usageError{err.Error()}
	}
	return cfg, nil
}

// fuzz runs a campaign and reports it.
func (c *cli) fuzz(f runFlags, seedGiven bool) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if f.keep {
		if err := checkWritable(f.out); err != nil {
			return err
		}
	}
	if !seedGiven {
		f.seed = uint64(rand.Uint32())
	}
	if f.seeds == 0 && f.limit == 0 {
		f.limit = defaultLimit
	}
	cfg.Base = f.seed
	k := &campaign{cfg: cfg, first: f.seed, seeds: f.seeds, limit: f.limit, workers: f.workers, most: f.failures}
	if k.workers == 0 {
		k.workers = runtime.GOMAXPROCS(0)
	}
	if !f.json {
		c.printf("fuzzing from seed %d with %d workers\n", f.seed, k.workers)
	}
	p := startProgress(c.err, k.line)
	if os.Getenv("GOGC") == "" {
		// Seeds leave a few dozen kilobytes of garbage each and hardly anything alive,
		// so that collecting less often costs a few megabytes and saves time.
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	err = k.run(c.ctx)
	p.finish()
	all, keptErr := c.keep(k, f)
	if f.json {
		if err := c.printJSON(k.summary()); err != nil {
			return err
		}
	} else {
		c.printSummary(k)
		c.printFailures(k, all)
	}
	switch {
	case k.totals.Violations > 0:
		c.worsen(exitViolated)
	case c.ctx.Err() != nil:
		c.worsen(exitInterrupted)
	case k.totals.Undecided*100 > k.totals.Undecided+k.totals.Decided, len(k.notReached()) > 0:
		c.worsen(exitUndecided)
	}
	if err != nil {
		return err
	}
	if keptErr != nil {
		return keptErr
	}
	if k.totals.Seeds == 0 && c.ctx.Err() == nil {
		return fmt.Errorf("run: no seed was finished within %v; give --for more time", f.limit)
	}
	return nil
}

// kept is what is left of a failing seed.
type kept struct {
	tape   string           // path; "" if it could not be written
	shrunk *scenario.Shrunk // nil if there was no time for it
	small  string           // path of the shrunk tape
}

// keep records the failing seeds, writes their folders and shrinks them. It
// returns the first error met.
func (c *cli) keep(k *campaign, f runFlags) (all []kept, first error) {
	for _, res := range k.failed {
		var one kept
		var err error
		if f.keep {
			one, err = c.keepOne(res, f)
		}
		if err != nil && first == nil {
			first = err
		}
		all = append(all, one)
		if !f.json {
			continue
		}
		if err := c.printJSON(one.json(res)); err != nil && first == nil {
			first = err
		}
	}
	return all, first
}

const shrinkReplays = 400

func (c *cli) keepOne(res *scenario.Result, f runFlags) (one kept, err error) {
	tape, again, err := scenario.Record(context.WithoutCancel(c.ctx), res)
	if errors.Is(err, scenario.ErrRebase) {
		return keepUnsteady(res, tape, again, f, err)
	}
	if err != nil {
		return one, err
	}
	if one.tape, err = writeRun(f.out, res.Seed, tape, again); err != nil || len(again.Violations) == 0 {
		return one, err // a trace that differs from run to run has no smaller form
	}
	if one.shrunk, err = scenario.Shrink(c.ctx, tape, shrinkReplays); err != nil {
		if c.ctx.Err() != nil {
			err = nil // interrupted: the whole tape is kept
		}
		return one, err
	}
	one.small = filepath.Join(filepath.Dir(one.tape), "shrunk.json")
	return one, replaceFile(one.small, one.shrunk.Tape)
}

// keepUnsteady keeps a seed whose runs differ: what was said of it and where two runs
// part, with the tape and the trace of one more. That it does not repeat is an
// error of its own only where it was not what was found.
func keepUnsteady(res *scenario.Result, tape *scenario.Tape, again *scenario.Result, f runFlags, rebase error) (one kept, err error) {
	again.Violations = res.Violations
	if one.tape, err = writeRun(f.out, res.Seed, tape, again); err != nil {
		return one, err
	}
	if slices.ContainsFunc(res.Violations, func(v scenario.Violation) bool { return v.Oracle == oracleDeterminism }) {
		return one, nil
	}
	return one, rebase
}

type violationJSON struct {
	Kind             string `json:"kind"`
	Seed             uint64 `json:"seed"`
	Oracle           string `json:"oracle"`
	Signature        string `json:"signature"`
	Message          string `json:"message"`
	TraceHash        string `json:"trace_hash"`
	Tape             string `json:"tape"`
	ShrunkTape       string `json:"shrunk_tape,omitempty"`
	ShrunkOperations *int   `json:"shrunk_operations"`
	ShrunkExceptions *int   `json:"shrunk_exceptions"`
	ShrunkReplays    *int   `json:"shrunk_replays"`
}

func (one kept) json(res *scenario.Result) violationJSON {
	v := res.Violations[0]
	out := violationJSON{
		Kind: "violation", Seed: res.Seed, Oracle: v.Oracle, Signature: v.Signature(), Message: v.Message,
		TraceHash: scenario.FormatHash(res.TraceHash), Tape: one.tape, ShrunkTape: one.small,
	}
	if s := one.shrunk; s != nil {
		ops, exceptions := len(s.Tape.Operations), len(s.Tape.Decisions)
		out.ShrunkOperations, out.ShrunkExceptions, out.ShrunkReplays = &ops, &exceptions, &s.Replays
	}
	return out
}

// summaryJSON is the last line of run --json.
type summaryJSON struct {
	Kind            string             `json:"kind"`
	Seed            uint64             `json:"seed"`
	Seeds           int64              `json:"seeds"`
	Deliveries      int64              `json:"deliveries"`
	Operations      int64              `json:"operations"`
	Violations      int64              `json:"violations"`
	Undecided       int64              `json:"undecided"`
	Seconds         float64            `json:"seconds"`
	DeliveriesPerS  float64            `json:"deliveries_per_second"`
	MarksHit        int                `json:"marks_hit"`
	MarksTotal      int                `json:"marks_total"`
	Porcupine       int64              `json:"porcupine_decided"`
	PorcupineSeeds  int64              `json:"porcupine_seeds"`
	Untagged        int64              `json:"untagged"`
	Twice           int64              `json:"run_twice"`
	FewestNodes     int                `json:"fewest_nodes"`
	FewestOps       int64              `json:"fewest_operations"`
	NoConcurrent    int64              `json:"seeds_without_reads_after_concurrent_writes"`
	NoFault         int64              `json:"seeds_without_effective_fault"`
	FaultEffective  map[string]float64 `json:"fault_effective"`
	MarksNotReached []string           `json:"marks_not_reached"`
	NotReached      []string           `json:"not_reached"` // what fails the campaign, if it is long
	Exhausted       bool               `json:"exhausted"`   // by the strategy of that name
	RestBytes       float64            `json:"bytes_to_converge"`
	MostBytes       int64              `json:"most_bytes_to_converge"`
	LongestRestMS   int64              `json:"longest_rest_ms"`
}

func (k *campaign) summary() summaryJSON {
	t := &k.totals
	seconds := k.took.Seconds()
	s := summaryJSON{
		Kind: "summary", Seed: k.first, Seeds: t.Seeds, Deliveries: t.Deliveries, Operations: t.Operations,
		Violations: t.Violations, Undecided: t.Undecided, Seconds: seconds,
		DeliveriesPerS: float64(t.Deliveries) / seconds, Porcupine: t.Decided, PorcupineSeeds: t.Searched,
		Untagged: t.Untagged, Twice: t.Twice, FewestNodes: t.FewestNodes, FewestOps: t.FewestOps,
		NoConcurrent: t.NoConcurrent, NoFault: t.NoFault, FaultEffective: make(map[string]float64),
		MarksNotReached: []string{}, NotReached: append([]string{}, k.notReached()...),
		RestBytes: share(t.RestBytes, t.Seeds), MostBytes: t.MostBytes, LongestRestMS: int64(t.LongestRest / sim.Millisecond),
		Exhausted: k.last > 0 && k.first+uint64(t.Seeds) == k.last,
	}
	for i, class := range scenario.FaultClasses() {
		s.FaultEffective[class] = share(t.Effective[i], t.Seeds)
	}
	for _, m := range scenario.Marks() {
		s.MarksTotal++
		if t.Marks[m] > 0 {
			s.MarksHit++
		} else {
			s.MarksNotReached = append(s.MarksNotReached, m)
		}
	}
	return s
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func (c *cli) printSummary(k *campaign) {
	s := k.summary()
	c.printf("seeds        %d from %d: %d untagged, %d run twice with one trace\n", s.Seeds, s.Seed, s.Untagged, s.Twice)
	c.printf("simulated    %d deliveries and %d operations in %.1fs, %.2f M deliveries/s\n",
		s.Deliveries, s.Operations, s.Seconds, s.DeliveriesPerS/1e6)
	c.printf("every seed   at least %d replicas and %d operations; %d without a read after concurrent writes, %d without a fault that took effect\n",
		s.FewestNodes, s.FewestOps, s.NoConcurrent, s.NoFault)
	c.printf("rest         after the faults ended in at most %d ms of virtual time, %.0f bytes between replicas until then, at most %d\n",
		s.LongestRestMS, s.RestBytes, s.MostBytes)
	c.printf("faults       changed the trace in this share of seeds:")
	comma := ""
	for i, class := range scenario.FaultClasses() {
		if scenario.Borne(sim.Class(i)) {
			c.printf("%s %s %.0f%%", comma, class, 100*s.FaultEffective[class])
			comma = ","
		}
	}
	c.printf("\nporcupine    decided %d histories, in %.1f%% of the seeds; left %d undecided (%.2f%%)\n",
		s.Porcupine, 100*share(s.PorcupineSeeds, s.Seeds), s.Undecided, 100*share(s.Undecided, s.Undecided+s.Porcupine))
	c.printf("situations   %d of %d reached", s.MarksHit, s.MarksTotal)
	if len(s.MarksNotReached) > 0 {
		c.printf("; not: %s", strings.Join(s.MarksNotReached, ", "))
	}
	if missing := k.notReached(); len(missing) > 0 {
		c.printf("\nincomplete   in %d seeds never once: %s", s.Seeds, strings.Join(missing, ", "))
	}
	if s.Exhausted {
		c.printf("\nexhausted    every schedule with one exception from the benign one of seed %d", k.first)
	}
	c.printf("\nviolations   %d\n", s.Violations)
	if c.ctx.Err() != nil {
		c.printf("interrupted: the above is what was finished\n")
	}
}

func (c *cli) printFailures(k *campaign, all []kept) {
	replay := ""
	for i, res := range k.failed {
		c.printf("\nseed %d\n", res.Seed)
		for _, v := range res.Violations {
			c.printf("  %s\n", v)
		}
		one := all[i]
		if one.tape != "" {
			c.printf("  kept in %s\n", filepath.Dir(one.tape))
			replay = one.tape
		}
		if one.small != "" {
			c.printShrunk(one.shrunk, "  ")
			replay = one.small
		}
	}
	if len(k.failed) >= k.most {
		c.printf("\nstopped after %d failing seeds\n", len(k.failed))
	}
	if replay != "" {
		c.printf("\nreplay with:\ngo run ./cmd/simfuzz replay %s\n", replay)
	}
}

// printShrunk prints what a small tape consists of, and its diagram if that is short.
func (c *cli) printShrunk(s *scenario.Shrunk, indent string) {
	t := s.Tape
	c.printf("%sshrunk to %d operations and %d faults in %d replays:\n", indent, len(t.Operations), len(t.Decisions), s.Replays)
	for _, o := range t.Operations {
		c.printf("%s  %s\n", indent, o)
	}
	for _, d := range t.Decisions {
		c.printf("%s  %s = %d\n", indent, d.Site, d.Value)
	}
	for row := range strings.Lines(s.Result.ShortDiagram()) {
		c.printf("%s  %s", indent, row)
	}
}
