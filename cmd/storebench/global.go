package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/cmd/storebench/internal/report"
)

func (c *cli) globalCommand() *cobra.Command {
	var w measure.GlobalWork
	var names []string
	var out string
	var json bool
	cmd := &cobra.Command{
		Use:   "global",
		Short: "Measure global snapshots of workers, recovery, and transactions",
		Long: "global has workers share out the keys, each over an engine of its own, with a coordinator that makes global versions of their " +
			"snapshots and stops none. It sets every key; then, over and over, it changes a part of the keys by transactions and passes a tick, in " +
			"which each worker takes a snapshot of its own; then a worker loses its state, and all go back to the last global version, from where " +
			"the source replays. In the end a thousand keys are compared with what was set. The engines take turns, round by round.\n\n" +
			"The snapshots of \"" + measure.DumpName + "\" write all keys each time, and its recovery reads them: that is the naive full dump, which the " +
			"last table compares with. A time of a snapshot is that of one worker's tick, and one of a transaction that until it is executed, without " +
			"the log of the source.",
		Example: "  storebench global\n  storebench global --keys 100000,1000000 --out global",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, measure.Work{Dir: w.Dir}); err != nil {
				return err
			}
			return c.ended(c.global(w, names, out, commandLine(cmd, "keys", "value-bytes", "workers", "rounds", "recoveries", "percent"), json))
		},
	}
	f := cmd.Flags()
	numbersFlag(cmd, &w.EachKeys, "keys", []int{10_000, 100_000}, measure.LeastGlobalKeys, maxKeys, "how many keys there are, of 16 bytes")
	command.NumberFlag(f, &w.ValueBytes, "value-bytes", 100, leastGlobalValue, maxValue, "the length of values")
	command.NumberFlag(f, &w.Workers, "workers", globalWorkers, 2, 64, "how many workers there are")
	command.NumberFlag(f, &w.Rounds, "rounds", 20, 1, 10_000, "how often keys change and a snapshot is taken")
	command.NumberFlag(f, &w.Recoveries, "recoveries", 10, 1, 10_000, "how often a worker loses its state")
	percent := 1
	command.NumberFlag(f, &percent, "percent", 1, 1, 100, "how many keys in a hundred change before a snapshot")
	cmd.PreRun = func(*cobra.Command, []string) { w.Fraction = float64(percent) / 100 }
	f.StringVar(&w.Dir, "dir", "", "`DIRECTORY` for temporary files, on the disk to be measured (default: the system's)")
	f.StringVarP(&out, "out", "o", "", "`DIRECTORY` in which to write a page with plots, too")
	listFlag(cmd, &names, "engines", measure.GlobalEngines(), "what is measured")
	jsonFlag(cmd, &json)
	return cmd
}

// globalWorkers is how many workers there are, and leastGlobalValue the shortest value that they
// can tell from another.
const globalWorkers, leastGlobalValue = 4, 8

// global measures, and prints and writes what was measured until it ended.
func (c *cli) global(w measure.GlobalWork, names []string, out, line string, json bool) error {
	if out != "" { // what cannot be written is told before all is measured
		if err := os.MkdirAll(out, 0o755); err != nil {
			return fmt.Errorf("%w: %w", report.ErrWrite, err)
		}
	}
	p := c.startProgress("global")
	var all []measure.Globaled
	err := measure.Globals(c.ctx, w, names, p.at, func(g measure.Globaled) error {
		all = append(all, g)
		if json {
			return command.PrintJSON(c.out, g)
		}
		return nil
	})
	p.finish()
	if !json && len(all) > 0 {
		c.printGlobals(all)
	}
	if out == "" || len(all) == 0 {
		return err
	}
	d := report.Data{
		Machine: machine(),
		Command: line,
		Work: fmt.Sprintf("%d workers in one process, values of %d bytes; %.0f%% of the keys change before each of %d snapshots.",
			w.Workers, w.ValueBytes, w.Fraction*100, w.Rounds),
		Interrupted: err != nil,
	}
	if failed := report.WriteGlobals(out, d, all); failed != nil {
		return errors.Join(err, failed)
	}
	if !json {
		c.printf("\n%s\n", filepath.Join(out, "index.html"))
	}
	return err
}

// brief writes a number of up to 99,999 with up to three digits after the point.
func brief(v float64) string {
	for digits, from := range []float64{100, 10, 1} {
		if v >= from {
			return fmt.Sprintf("%.*f", digits, v)
		}
	}
	return fmt.Sprintf("%.3f", v)
}

// printGlobals prints times, and then what they are in multiples of the full dump.
func (c *cli) printGlobals(all []measure.Globaled) {
	c.printf("%-9s %7s %13s %13s %11s %11s %7s\n", "engine", "keys", "snapshot ms", "recovery ms", "1 key µs", "3 keys µs", "kB")
	c.printGlobalRows(all, 1e3, 1e6, 1e-3)
	if against := measure.AgainstDump(all); len(against) > 0 {
		c.printf("\n%-17s %13s %13s %11s %11s %7s\n", "÷ full dump", "snapshot", "recovery", "1 key", "3 keys", "bytes")
		c.printGlobalRows(against, 1, 1, 1)
	}
}

func (c *cli) printGlobalRows(all []measure.Globaled, long, short, bytes float64) {
	c.printf("%-9s %7s %6s %6s %6s %6s %5s %5s %5s %5s %7s\n", "", "", "p50", "p99", "p50", "p99", "p50", "p99", "p50", "p99", "written")
	for _, g := range all {
		c.printf("%-9s %7d", g.Engine, g.Keys)
		for _, s := range []measure.Spread{g.Snapshot, g.Recovery} {
			c.printf(" %6s %6s", brief(s.P50*long), brief(s.P99*long))
		}
		for _, s := range []measure.Spread{g.One, g.Three} {
			c.printf(" %5s %5s", brief(s.P50*short), brief(s.P99*short))
		}
		c.printf(" %7s\n", brief(g.SnapshotBytes*bytes))
	}
}
