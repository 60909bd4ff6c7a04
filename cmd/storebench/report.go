package main

import (
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

func (c *cli) reportCommand() *cobra.Command {
	var w measure.Work
	var out string
	var names []string
	var rounds int
	var full bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Measure everything and write one page that answers the five questions",
		Long: "report makes all measurements of the other commands, under all workloads, and writes into --out one page with the plots in it, " +
			"index.html, the same as report.md, each plot as SVG and PNG, and the figures as CSV. Interrupted, it writes what was measured.\n\n" +
			"By default the sizes are such that it takes some minutes, of which much is waiting for the disk; --full takes those that the store's " +
			"figures are given for, and many times as long. Sizes that are given count with --full too.",
		Example: "  storebench report --out report\n  storebench report --full --dir /mnt/disk",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w); err != nil {
				return err
			}
			if full {
				fullSizes(cmd, &w)
			}
			return c.ended(c.report(w, names, rounds, out))
		},
	}
	workFlags(cmd, &w, 20_000, 100_000)
	listFlag(cmd, &names, "engines", measure.Names(), "what is measured")
	command.NumberFlag(cmd.Flags(), &rounds, "rounds", 3, 1, 10_000, "how often engines are compared, and snapshots of all fractions taken")
	cmd.Flags().BoolVar(&full, "full", false, fmt.Sprintf("take %d keys and %d updates", fullKeys, fullUpdates))
	cmd.Flags().StringVarP(&out, "out", "o", "storebench-report", "`DIRECTORY` to write")
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

// report measures everything and writes it, also if it was interrupted.
func (c *cli) report(w measure.Work, names []string, rounds int, out string) error {
	d := report.Data{
		Machine: fmt.Sprintf("On %s/%s with %d processors, %s.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Command: fmt.Sprintf("storebench report --keys %d --updates %d --value-bytes %d --seed %d --rounds %d --out DIR", w.Keys, w.Updates,
			w.ValueBytes, w.Seed, rounds),
		Work: fmt.Sprintf("%d keys of 16 bytes, values of %d bytes, %d operations.", w.Keys, w.ValueBytes, w.Updates),
	}
	// What cannot be written is told before all is measured.
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("%w: %w", report.ErrWrite, err)
	}
	measured := c.measureAll(w, names, rounds, &d)
	d.Interrupted = measured != nil
	if err := report.Write(out, d); err != nil {
		return errors.Join(measured, err)
	}
	c.printf("%s\n", filepath.Join(out, "index.html"))
	return measured
}

// part is a part of the report that is measured by itself.
type part struct {
	name string
	run  func(measure.Progress) error
}

// measureAll fills in the measurements, as far as they come, a part after the other, and tells
// of each part when it is done.
func (c *cli) measureAll(w measure.Work, names []string, rounds int, d *report.Data) error {
	var engines []string
	for _, n := range names {
		if n != measure.MapName {
			engines = append(engines, n)
		}
	}
	parts := c.compareParts(w, names, rounds, d)
	parts = append(parts, part{"parameters", func(p measure.Progress) error {
		return measure.RunSweeps(c.ctx, w, measure.SweepNames(), p, func(r measure.Swept) error {
			d.Swept = append(d.Swept, r)
			return nil
		})
	}}, part{"snapshots", func(p measure.Progress) error {
		w := w
		w.Updates = 0 // each changed key once
		s := measure.SnapshotWork{Work: w, Fractions: []float64{0.01, 0.1, 0.5}, Rounds: rounds}
		return measure.Snapshots(c.ctx, s, engines, p, func(r measure.Snapped) error {
			d.Snapped = append(d.Snapped, r)
			return nil
		})
	}})
	parts = append(parts, c.recoveryParts(w, engines, d)...)
	started := time.Now()
	for i, p := range parts {
		if err := c.shown(fmt.Sprintf("%s, part %d of %d", p.name, i+1, len(parts)), p.run); err != nil {
			return err
		}
		c.printed("storebench: report: %s, part %d of %d, is measured after %s", p.name, i+1, len(parts), command.Since(started))
	}
	return nil
}

// compareParts compare engines, a workload a part.
func (c *cli) compareParts(w measure.Work, names []string, rounds int, d *report.Data) []part {
	var parts []part
	for _, k := range measure.Kinds() {
		parts = append(parts, part{k.Name, func(p measure.Progress) error {
			return measure.Compare(c.ctx, w, k, names, rounds, p, func(r measure.Compared) error {
				d.Compared = append(d.Compared, r)
				return nil
			})
		}})
	}
	return parts
}

// recoveryParts open directories after a close, and those of engines that can be had so, as a
// crash leaves them.
func (c *cli) recoveryParts(w measure.Work, engines []string, d *report.Data) []part {
	keys := []int{max(1, w.Keys/10), w.Keys, w.Keys * 4}
	var parts []part
	for _, what := range []string{"recovery", "recovery after a crash"} {
		work := measure.RecoveryWork{
			Work: w, EachKeys: keys, EachValueBytes: []int{w.ValueBytes, w.ValueBytes * 10}, Crashed: what != "recovery",
		}
		names := engines
		if work.Crashed {
			names = slices.DeleteFunc(slices.Clone(engines), func(n string) bool { return !measure.CanCrash(n) })
		}
		parts = append(parts, part{what, func(p measure.Progress) error {
			return measure.Recoveries(c.ctx, work, names, p, func(r measure.Recovered) error {
				d.Recovered = append(d.Recovered, r)
				return nil
			})
		}})
	}
	return parts
}

// shown runs a measurement under its progress.
func (c *cli) shown(what string, run func(measure.Progress) error) error {
	p := c.startProgress(what)
	defer p.finish()
	return run(p.at)
}
