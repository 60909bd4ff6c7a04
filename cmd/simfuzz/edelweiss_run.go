package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/tapes"
	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/trial"
	"github.com/joinery-go/joinery/sim/campaign"
	simedelweiss "github.com/joinery-go/joinery/sim/edelweiss"
)

// edelweissTrials are the trials of a program. What is counted does not depend on the
// number of workers: up to the first failing seed, or all.
type edelweissTrials struct {
	program *edelweissProgram
	o       edelweissOptions
	disks   trial.Disks // nil without --engine

	mu      sync.Mutex
	next    int
	stop    int // trials from here on do not count
	reports map[int]*trial.Report
	failed  error // of the first failing seed
	at      int   // which that is
	started time.Time
	took    time.Duration
	shrunk  *trial.Shrunk
}

func (t *edelweissTrials) run(ctx context.Context) {
	interrupted := ctx
	stop := func() bool { return interrupted.Err() != nil }
	t.started, t.reports, t.stop = time.Now(), map[int]*trial.Report{}, t.o.seeds
	if last := lastSeed(t.o.seed, t.o.seeds) - t.o.seed; t.stop > 0 {
		t.stop = min(t.stop, int(min(last, maxEdelweissSeeds-1))+1)
	}
	if t.o.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.o.limit)
		defer cancel()
	}
	workers := t.o.workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(workers, max(1, t.stop)) {
		wg.Go(func() {
			for {
				i, ok := t.take(ctx)
				if !ok {
					return
				}
				o := t.options(i)
				o.Stop = stop
				report, err := trial.Run(t.program.original, t.program.rewritten, t.program.load, o)
				t.put(i, report, err)
			}
		})
	}
	wg.Wait()
	t.took = time.Since(t.started)
}

func (t *edelweissTrials) options(i int) trial.Options {
	o := trial.Options{Seed: t.o.seed + uint64(i), Faults: true, Disks: t.disks}
	if t.disks != nil {
		o.Engine = t.o.engine
	}
	return o
}

func (t *edelweissTrials) take(ctx context.Context) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next >= t.stop || ctx.Err() != nil {
		return 0, false
	}
	t.next++
	return t.next - 1, true
}

func (t *edelweissTrials) put(i int, report *trial.Report, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(err, eval.ErrStop) {
		t.stop = min(t.stop, i) // whoever interrupts it learns nothing of this one
		if t.failed != nil && t.at >= t.stop {
			t.failed = nil
		}
		return
	}
	t.reports[i] = report
	if err != nil && i < t.stop {
		t.failed, t.at, t.stop = err, i, i
	}
}

// line is the progress.
func (t *edelweissTrials) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("edelweiss: %s: %s, %d seeds", t.program.name, command.Since(t.started), len(t.reports))
}

// count adds up what the seeds before the failing one gave.
func (t *edelweissTrials) count(sum *edelweissJSON) {
	sum.Seconds = t.took.Seconds()
	for i, r := range t.reports {
		if i > t.stop || i == t.stop && t.failed == nil {
			continue
		}
		sum.Seeds++
		if t.failed != nil && i == t.at {
			continue // it did not come to its end
		}
		if r.Converged {
			sum.Compared++
		}
		if r.Arrived {
			sum.Arrived++
		}
		sum.Timesteps += r.Ticks
		sum.Tuples += r.Original
		sum.Live += r.Tuples
		sum.Reclaimed += r.Reclaimed
		sum.Intervals += r.Intervals
	}
}

// keepEdelweiss writes the folder of the failing seed and shrinks it.
func (c *cli) keepEdelweiss(o edelweissOptions, t *edelweissTrials, sum *edelweissJSON) error {
	if t.failed == nil {
		return nil
	}
	sum.Error, sum.Signature = t.failed.Error(), trial.Signature(t.failed)
	seed := t.options(t.at).Seed
	sum.Seed = &seed
	if sum.Signature == "" || !o.keep {
		return nil
	}
	p := command.StartProgress(c.err, func() string { return fmt.Sprintf("edelweiss: keeping failing seed %d of %s", seed, t.program.name) })
	defer p.Finish()
	e := t.program
	tape, again, err := trial.Record(e.name, e.original, e.rewritten, e.load, t.options(t.at))
	if err != nil {
		return fmt.Errorf("%s: seed %d: %w", e.name, seed, err)
	}
	if sum.Tape, err = c.writeEdelweiss(o.out, tape, again); err != nil {
		return err
	}
	if t.shrunk, err = tape.Shrink(c.ctx, shrinkReplays); err != nil {
		return fmt.Errorf("%s: seed %d: %w", e.name, seed, err)
	}
	operations, exceptions := len(t.shrunk.Tape.Operations), len(t.shrunk.Tape.Decisions)
	sum.ShrunkOperations, sum.ShrunkExceptions = &operations, &exceptions
	small := filepath.Join(filepath.Dir(sum.Tape), "shrunk.json")
	if err := c.replaceEdelweiss(small, t.shrunk.Tape); err != nil {
		return err
	}
	sum.ShrunkTape = small
	return nil
}

// writeEdelweiss writes the run folder of a failing seed, whole or not at all, and
// returns the path of its tape.
func (c *cli) writeEdelweiss(dir string, t *trial.Tape, r *trial.Replayed) (tape string, err error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("--out %s: write seed %d of %s: %w", command.ShellWord(dir), t.Options.Seed, t.Name, err)
	}
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}
	}
	ops := ""
	for _, o := range t.Operations {
		ops += o.String() + "\n"
	}
	name := filepath.Base(t.Name)
	tape, err = c.folder(dir).Write(fmt.Sprintf("%s-seed-%d", name[:len(name)-len(filepath.Ext(name))], t.Options.Seed), []campaign.File{
		{Name: "tape.json", Write: t.Write},
		{Name: "violations.txt", Write: text(t.Signature + "\n  " + r.Err.Error() + "\n")},
		{Name: "ops.txt", Write: text(ops)},
		{Name: "original.dl", Write: text(el.Print(t.Original))},
		{Name: "rewritten.dl", Write: text(el.Print(t.Rewritten))},
		{Name: "trace.txt", Write: r.WriteTrace},
		{Name: "diagram.txt", Write: r.WriteDiagram},
		{Name: "replay_test.go", Write: text(simedelweiss.Test(t, "tape.json"))},
	})
	if err != nil {
		return fail(err)
	}
	return tape, nil
}

// replaceEdelweiss writes a tape to path: whole, or not at all.
func (c *cli) replaceEdelweiss(path string, t *trial.Tape) error {
	temp, err := os.MkdirTemp(filepath.Dir(path), ".tape-*")
	if err != nil {
		return err
	}
	part := filepath.Join(temp, "tape.json")
	if err = c.writeFile(part, t.Write); err == nil {
		err = os.Rename(part, path)
	}
	return errors.Join(err, os.RemoveAll(temp))
}

// printKept says where a failing seed is kept and how to run it again.
func (c *cli) printKept(sum *edelweissJSON, s *trial.Shrunk) {
	if sum.Tape == "" {
		return
	}
	best := sum.Tape
	if s != nil {
		c.printSmall(s)
	}
	if sum.ShrunkTape != "" {
		best = sum.ShrunkTape
	}
	c.printf("replay with:\n%s\n", c.command("edelweiss", "replay", best))
}

// printSmall prints what a small tape consists of.
func (c *cli) printSmall(s *trial.Shrunk) {
	c.printf("shrunk to %d operations and %d faults in %d replays:\n", len(s.Tape.Operations), len(s.Tape.Decisions), s.Replays)
	for _, o := range s.Tape.Operations {
		c.printText("  ", o.String())
	}
	for _, d := range s.Tape.Decisions {
		c.printf("  %s %016x = %d\n", d.Site, d.Key, d.Value)
	}
	c.printText("  ", s.Replayed.Err.Error())
}

func (c *cli) edelweissReplayCommand() *cobra.Command {
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Run a tape of edelweiss again and print its trace",
		Long: "replay runs a recorded tape of \"simfuzz edelweiss\" once more: the programs are in it. It prints every event of the rewritten program's world, what is " +
			"violated, and the trace hash. A trace other than the tape's means that other code recorded it: the exit code is then 2 unless something is violated.",
		Args: tapes.OneTape,
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		t, err := readEdelweissTape(args[0])
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		return c.replayEdelweiss(args[0], t, asJSON, quiet)
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of the trace")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "leave out the trace")
	return cmd
}

func (c *cli) replayEdelweiss(path string, t *trial.Tape, asJSON, quiet bool) error {
	r := t.Replay()
	signature, hash := trial.Signature(r.Err), fmt.Sprintf("%016x", r.Report.Hash)
	if r.Err != nil && signature == "" {
		return fmt.Errorf("replay %s: %w", path, r.Err)
	}
	same := r.Report.Hash == t.Hash
	out := tapes.ReplayLine{Kind: "replay", TraceHash: hash, SameTrace: same, Violations: []string{}}
	if signature != "" {
		out.Violations = append(out.Violations, signature)
		c.worsen(exitViolated)
	}
	if !same {
		c.worsen(exitUndecided)
		c.note("simfuzz: replay %s: not the trace of the tape, %016x: it was recorded by other code", path, t.Hash)
	}
	if asJSON {
		return c.printJSON(out)
	}
	if !quiet {
		if err := r.WriteTrace(c.out); err != nil {
			return err
		}
		c.printf("\n")
	}
	if signature != "" {
		c.field("violated", "%s", signature)
		c.printText("  ", r.Err.Error())
	}
	c.field("violations", "%d", len(out.Violations))
	c.field("trace hash", "%s", hash)
	return nil
}

// edelweissShrinkOptions are the flags of simfuzz edelweiss shrink.
type edelweissShrinkOptions struct {
	out     string
	replays int
	json    bool
}

func (c *cli) edelweissShrinkCommand() *cobra.Command {
	var o edelweissShrinkOptions
	cmd := &cobra.Command{
		Use:   "shrink TAPE -o OUT",
		Short: "Minimise a failing tape of edelweiss",
		Long: "shrink looks for the fewest operations and faults that still lead to the failure of a tape of \"simfuzz edelweiss\", and writes " +
			"the tape of that run to OUT. The exit code is that of its replay: 1, since it fails. Interrupted, it writes the smallest that it has found.",
		Args: tapes.OneTape,
		RunE: func(_ *cobra.Command, args []string) error { return c.shrinkEdelweiss(args[0], o) },
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "`FILE` to write the small tape to (default: shrunk.json beside the tape)")
	command.NumberFlag(cmd.Flags(), &o.replays, "replays", 1000, 1, 1_000_000, "runs that the search may take")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

func (c *cli) shrinkEdelweiss(path string, o edelweissShrinkOptions) error {
	if o.out == "" {
		o.out = filepath.Join(filepath.Dir(path), "shrunk.json")
	}
	t, err := readEdelweissTape(path)
	if err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	started := time.Now()
	p := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("shrink: %s, from %d operations and %d faults", command.Since(started), len(t.Operations), len(t.Decisions))
	})
	s, err := t.Shrink(c.ctx, o.replays)
	p.Finish()
	if err != nil {
		return fmt.Errorf("shrink %s: %w", path, err)
	}
	if err := c.replaceEdelweiss(o.out, s.Tape); err != nil {
		return fmt.Errorf("shrink: %w", err)
	}
	c.worsen(exitViolated)
	if o.json {
		return c.printJSON(tapes.ShrinkLine{
			Kind: "shrink", Operations: len(s.Tape.Operations), Exceptions: len(s.Tape.Decisions), Nodes: s.Tape.Load.Nodes,
			Replays: s.Replays, Seconds: time.Since(started).Seconds(), Settled: s.Settled, TraceHash: fmt.Sprintf("%016x", s.Tape.Hash),
			Violations: []string{s.Tape.Signature}, Others: []string{}, Tape: o.out,
		})
	}
	c.printf("from %d operations and %d faults\n", len(t.Operations), len(t.Decisions))
	c.printSmall(s)
	if !s.Settled {
		c.printf("stopped before it was done: there may be a smaller one\n")
	}
	c.printf("replay with:\n%s\n", c.command("edelweiss", "replay", o.out))
	return nil
}

func readEdelweissTape(path string) (*trial.Tape, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := simedelweiss.LoadTape(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
