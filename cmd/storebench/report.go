package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/cmd/storebench/internal/report"
)

// reported says what a report is made of.
type reported struct {
	measure.Work
	names  []string // of measure.Names
	rounds int
	full   bool
	out    string
	line   string // the command that makes it again
}

func (c *cli) reportCommand() *cobra.Command {
	var r reported
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Measure everything and write one page that answers the five questions",
		Long: "report makes all measurements of the other commands, under all workloads, and writes into --out one page with the plots in it, " +
			"index.html, the same as report.md, each plot as SVG and PNG, and the figures as CSV. Interrupted, it writes what was measured. --engines " +
			"counts for each of them: what an engine does not have, as lazy opening, is measured on the others.\n\n" +
			fmt.Sprintf("By default the sizes are such that it takes some minutes, of which much is waiting for the disk; --full takes those that the store's "+
				"figures are given for, and many times as long: %d snapshots in a row in place of %d, and %d rounds of global snapshots in place of %d. Sizes that are given "+
				"count with --full too. Recovery is of a tenth of the keys, all, and four times as many; lazy opening of a tenth and ten times as many; "+
				"global snapshots of a tenth, and all.", fullRepeats.series, briefRepeats.series, fullRepeats.globals, briefRepeats.globals),
		Example: "  storebench report --out report\n  storebench report --full --dir /mnt/disk",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, r.Work); err != nil {
				return err
			}
			if r.full {
				fullSizes(cmd, &r.Work)
			}
			r.line = commandLine(cmd, "keys", "updates", "value-bytes", "seed", "rounds")
			return c.ended(c.report(r))
		},
	}
	workFlags(cmd, &r.Work, 20_000, 100_000)
	listFlag(cmd, &r.names, "engines", measure.Names(), "what is measured")
	command.NumberFlag(cmd.Flags(), &r.rounds, "rounds", 3, 1, 10_000, "how often engines are compared, and snapshots of all fractions taken")
	cmd.Flags().BoolVar(&r.full, "full", false, fmt.Sprintf("take %d keys, %d updates, and %d snapshots in a row", fullKeys, fullUpdates, fullRepeats.series))
	cmd.Flags().StringVarP(&r.out, "out", "o", "storebench-report", "`DIRECTORY` to write")
	return cmd
}

// The sizes of a full report.
const (
	fullKeys    = 100_000
	fullUpdates = 1_000_000
)

// fullSizes makes those sizes full that were not given.
func fullSizes(cmd *cobra.Command, w *measure.Work) {
	if !cmd.Flags().Changed("keys") {
		w.Keys = fullKeys
	}
	if !cmd.Flags().Changed("updates") {
		w.Updates = fullUpdates
	}
}

// repeats are how often things are done whose number no flag says.
type repeats struct {
	series     int // snapshots in a row
	globals    int // rounds of global snapshots
	recoveries int // of workers
}

// What a full report repeats, and one that is not.
var (
	fullRepeats  = repeats{series: 200, globals: 10, recoveries: 5}
	briefRepeats = repeats{series: 20, globals: 3, recoveries: 2}
)

// repeats are those of the report.
func (r reported) repeats() repeats {
	if r.full {
		return fullRepeats
	}
	return briefRepeats
}

// machine says what it ran on.
func machine() string {
	return fmt.Sprintf("On %s/%s with %d processors, %s.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// report measures everything and writes it, also if it was interrupted.
func (c *cli) report(r reported) error {
	d := report.Data{
		Machine: machine(), Command: r.line,
		Work: fmt.Sprintf("%d keys of 16 bytes, values of %d bytes, %d operations.", r.Keys, r.ValueBytes, r.Updates),
	}
	// What cannot be written is told before all is measured.
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return fmt.Errorf("%w: %w", report.ErrWrite, err)
	}
	measured := c.measureAll(r.parts(c.ctx, &d))
	d.Interrupted = measured != nil
	if err := report.Write(r.out, d); err != nil {
		return errors.Join(measured, err)
	}
	c.printf("%s\n", filepath.Join(r.out, "index.html"))
	return measured
}

// part is a part of the report that is measured by itself.
type part struct {
	name string
	run  func(measure.Progress) error
}

// measureAll measures a part after the other, and tells of each when it is done.
func (c *cli) measureAll(parts []part) error {
	started := time.Now()
	for i, p := range parts {
		if err := c.shown(fmt.Sprintf("%s, part %d of %d", p.name, i+1, len(parts)), p.run); err != nil {
			return err
		}
		c.printed("storebench: report: %s, part %d of %d, is measured after %s", p.name, i+1, len(parts), command.Since(started))
	}
	return nil
}

// into is what takes results as they come.
func into[T any](list *[]T) func(T) error {
	return func(v T) error {
		*list = append(*list, v)
		return nil
	}
}

// parts are the measurements, each of those among the engines that have what it measures; they fill
// in the data as far as they come.
func (r reported) parts(ctx context.Context, d *report.Data) []part {
	var parts []part
	// add adds a part, if any of the names is among those that it knows.
	add := func(name string, known []string, run func([]string, measure.Progress) error) {
		if names := measure.Among(r.names, known); len(names) > 0 {
			parts = append(parts, part{name, func(p measure.Progress) error { return run(names, p) }})
		}
	}
	for _, k := range measure.Kinds() {
		add(k.Name, measure.Names(), func(names []string, p measure.Progress) error {
			return measure.Compare(ctx, r.Work, k, names, r.rounds, p, into(&d.Compared))
		})
	}
	add("parameters", measure.SweepEngines(), func(names []string, p measure.Progress) error {
		return measure.RunSweeps(ctx, r.Work, measure.SweepNames(names), p, into(&d.Swept))
	})
	add("snapshots", measure.Engines(), func(names []string, p measure.Progress) error {
		s := measure.SnapshotWork{Work: r.Work, Fractions: []float64{0.01, 0.1, 0.5}, Rounds: r.rounds}
		s.Updates = 0 // each changed key once
		return measure.Snapshots(ctx, s, names, p, into(&d.Snapped))
	})
	add("snapshots in a row", measure.Tiered(), func(names []string, p measure.Progress) error {
		return measure.SnapshotSeries(ctx, r.Work, 0.01, r.repeats().series, names, p, into(&d.Series))
	})
	for _, what := range []string{"recovery", "recovery after a crash"} {
		w := measure.RecoveryWork{
			Work: r.Work, EachKeys: ascending(1, r.Keys/10, r.Keys, r.Keys*4), EachValueBytes: []int{r.ValueBytes, r.ValueBytes * 10}, Crashed: what != "recovery",
		}
		known := measure.Engines()
		if w.Crashed {
			known = slices.DeleteFunc(known, func(n string) bool { return !measure.CanCrash(n) })
		}
		add(what, known, func(names []string, p measure.Progress) error {
			return measure.Recoveries(ctx, w, names, p, into(&d.Recovered))
		})
	}
	add("lazy opening", measure.LazyEngines(), func(names []string, p measure.Progress) error {
		w := measure.LazyWork{Work: r.Work, EachKeys: ascending(1, r.Keys/10, r.Keys*10), Rounds: lazyRounds}
		return measure.Lazies(ctx, w, names, p, into(&d.Lazied))
	})
	add("global snapshots", measure.GlobalEngines(), func(names []string, p measure.Progress) error {
		w := measure.GlobalWork{
			Dir: r.Dir, EachKeys: ascending(measure.LeastGlobalKeys, r.Keys/10, r.Keys), ValueBytes: max(leastGlobalValue, r.ValueBytes), Workers: globalWorkers,
			Rounds: r.repeats().globals, Recoveries: r.repeats().recoveries, Fraction: 0.01,
		}
		return measure.Globals(ctx, w, names, p, into(&d.Globaled))
	})
	return parts
}

// ascending are the numbers, each at least as large as that, and each once.
func ascending(least int, numbers ...int) []int {
	for i := range numbers {
		numbers[i] = max(least, numbers[i])
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// shown runs a measurement under its progress.
func (c *cli) shown(what string, run func(measure.Progress) error) error {
	p := c.startProgress(what)
	defer p.finish()
	return run(p.at)
}
