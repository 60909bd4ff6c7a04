package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/storebench/internal/measure"
	"github.com/joinery-go/joinery/kvs/store/pebble"
)

func (c *cli) compareCommand() *cobra.Command {
	var w measure.Work
	var names []string
	var kind string
	var rounds int
	var json bool
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Measure rates, tails and space of engines side by side",
		Long: "compare sets every key, then does the work of a workload, on each engine in turn, from one goroutine; nothing is synced, and " +
			"background work runs on a second one. The time of a single set is measured in a quarter more updates after those that the rate is of; " +
			"\"merges\" is how many background merges ended meanwhile, which is few or none but under \"" + measure.MergingName + "\".\n\n" +
			"\"" + measure.MapName + "\" is a Go map under a lock that copies in and out; \"pebble\" is Pebble as an engine, with versions, and \"" +
			measure.PebbleAloneName + "\" with its default options and nothing around it. What is no engine says nothing of merges and of memory: \"-\", in JSON null." +
			"\n\nWorkloads:\n" + workloads(),
		Example: "  storebench compare\n  storebench compare --workload drifting --engines lsm,pebble --json",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w); err != nil {
				return err
			}
			kinds := measure.Kinds()
			k := kinds[slices.IndexFunc(kinds, func(k measure.Kind) bool { return k.Name == kind })]
			return c.ended(c.compare(w, k, names, rounds, json))
		},
	}
	workFlags(cmd, &w, 100_000, 1_000_000)
	listFlag(cmd, &names, "engines", measure.Names(), "what is measured")
	command.NumberFlag(cmd.Flags(), &rounds, "rounds", 3, 1, 1000, "how often each is measured, in turn; the median counts")
	command.WordFlag(cmd, &kind, "workload", measure.KindNames()[0], measure.KindNames(), "the work that is done")
	jsonFlag(cmd, &json)
	return cmd
}

func workloads() string {
	text := ""
	for _, k := range measure.Kinds() {
		text += fmt.Sprintf("  %s: %s\n", k.Name, k.Doc)
	}
	return text
}

func (c *cli) compare(w measure.Work, k measure.Kind, names []string, rounds int, json bool) error {
	p := c.startProgress("compare")
	var all []measure.Compared
	err := measure.Compare(c.ctx, w, k, names, rounds, p.at, func(r measure.Compared) error {
		if json {
			return command.PrintJSON(c.out, r)
		}
		if len(all) == 0 {
			c.printf("%-12s %11s %11s %12s %6s %10s %10s\n", "engine", "sets/s", "gets/s", "p99.9 set µs", "merges", "disk kB", "memory kB")
		}
		all = append(all, r)
		c.printf("%-12s %11.0f %11.0f %12.1f %6s %10d %10s\n", r.Engine, r.Sets, r.Gets, r.P999, figure(r.TailMerges, 1), r.Disk/1000, figure(r.Memory, 1000))
		return nil
	})
	p.finish()
	for _, reference := range []string{pebble.Name, measure.PebbleAloneName, measure.MapName} {
		c.ratios(all, reference)
	}
	return err
}

// figure is a figure in so many, or what stands for one that there is not.
func figure(v *int64, per int64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v / per)
}

// ratios prints rates in multiples of those of one that was measured.
func (c *cli) ratios(all []measure.Compared, reference string) {
	at := slices.IndexFunc(all, func(r measure.Compared) bool { return r.Engine == reference })
	if at < 0 || len(all) < 2 {
		return
	}
	c.printf("\nin multiples of %s\n", reference)
	for _, r := range all {
		c.printf("%-12s %11.2f %11.2f\n", r.Engine, r.Sets/all[at].Sets, r.Gets/all[at].Gets)
	}
}

func (c *cli) snapshotsCommand() *cobra.Command {
	var w measure.SnapshotWork
	var names []string
	var json bool
	cmd := &cobra.Command{
		Use:   "snapshots",
		Short: "Measure what snapshots and restores cost as parts of the keys change",
		Long: "snapshots sets every key and takes a version, and then, over and over, changes a part of the keys, takes a version, and restores it " +
			"into an empty directory, where all of it is compared with what was set. Beside it the same state is dumped whole, which the time is " +
			"compared with.\n\n" +
			"D is what changed: keys and last values since the parent. \"all\" is what was uploaded so far, the first version with it, in multiples " +
			"of all that changed so far, ΣD; \"bound\" is max(1, log_r(N)) after N versions, which tiering with r files a level takes, the headers of " +
			"files, manifests and heads not counted. In so few versions that log_r(N) is below 1, nothing is merged yet, and what changed is uploaded once; right after a " +
			"merge of all there is, while there are few versions, \"all\" may be above. An engine that does not merge so has no bound: \"-\", in JSON null.\n\n" +
			"--keep DIR leaves for each engine DIR/ENGINE/bucket, the bucket of its versions, and DIR/ENGINE/log.jsonl, the workload's own log: " +
			"{\"key\", \"value\"} for a set, the value in base64, and {\"version\"} for a version that holds all sets above it.",
		Example: "  storebench snapshots\n  storebench snapshots --engines lsm --rounds 70 --json --keep kept",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w.Work); err != nil {
				return err
			}
			return c.ended(c.snapshots(w, names, json))
		},
	}
	workFlags(cmd, &w.Work, 100_000, 0)
	command.NumberFlag(cmd.Flags(), &w.Rounds, "rounds", 3, 1, 10_000, "how often all fractions come")
	numbersFlag(cmd, &w.Fractions, "fractions", []float64{0.01, 0.1, 0.5}, 0, 1, "the parts of the keys that change before a version")
	cmd.Flags().StringVar(&w.Keep, "keep", "", "`DIRECTORY` in which buckets and logs are left behind")
	command.NumberOrZeroFlag(cmd.Flags(), &w.Updates, "updates", 1, maxUpdates, "each once", "how many sets there are before a version, of the keys that change")
	listFlag(cmd, &names, "engines", measure.Engines(), "what is measured")
	jsonFlag(cmd, &json)
	return cmd
}

func (c *cli) snapshots(w measure.SnapshotWork, names []string, json bool) error {
	p := c.startProgress("snapshots")
	first := true
	err := measure.Snapshots(c.ctx, w, names, p.at, func(r measure.Snapped) error {
		if json {
			return command.PrintJSON(c.out, r)
		}
		if first {
			c.printf("%-9s %4s %6s %5s %6s %5s %5s %6s %6s %6s %4s %7s\n", "engine", "vers", "change", "new", "upload", "all", "bound", "ms", "dump", "ms",
				"segs", "restore")
			c.printf("%-9s %4s %6s %5s %6s %5s %5s %6s %6s %6s %4s %7s\n", "", "", "%", "÷ D", "÷ D", "÷ ΣD", "÷ ΣD", "", "ms", "÷ dump", "", "ms")
		}
		first = false
		d, all, bound := float64(r.Changed), float64(r.Changes), "-"
		if r.Bound != nil {
			bound = fmt.Sprintf("%.2f", *r.Bound/all)
		}
		c.printf("%-9s %4s %6.2f %5.2f %6.2f %5.2f %5s %6.1f %6.1f %6.3f %4d %7.1f\n", r.Engine, r.Version, r.Fraction*100, float64(r.New)/d,
			float64(r.Uploaded)/d, float64(r.All)/all, bound, r.Seconds*1e3, r.FullDump*1e3, r.Seconds/r.FullDump, r.Segments, r.Restore*1e3)
		return nil
	})
	p.finish()
	if !first {
		c.printf("\nD: keys and last values changed since the parent; ΣD: in all versions so far\n" +
			"bound: max(1, log_r(N)) after N versions; headers and manifests come on top\n")
	}
	return err
}

func (c *cli) recoveryCommand() *cobra.Command {
	var w measure.RecoveryWork
	var names []string
	var json bool
	cmd := &cobra.Command{
		Use:   "recovery",
		Short: "Measure what opening a directory again costs, by its size",
		Long: "recovery sets every key, has background work done, closes the engine, and opens it again, for each number of keys and each length " +
			"of values. \"read\" is the time of reading once what recovery cannot do without: saved indexes, hints, guides, and the files that none stands for.\n\n" +
			"--crashed opens directories as a crash leaves them, where indexes are made of hints and the youngest files are read; Pebble, whose files " +
			"change by themselves, is not among them.",
		Example: "  storebench recovery --keys 10000,1000000 --value-bytes 100\n  storebench recovery --crashed --engines lsm --json",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w.Work); err != nil {
				return err
			}
			if w.Crashed && !cmd.Flags().Changed("engines") {
				names = slices.DeleteFunc(names, func(n string) bool { return !measure.CanCrash(n) })
			}
			for _, n := range names {
				if w.Crashed && !measure.CanCrash(n) {
					return command.Usagef("recovery: --crashed and --engines %s do not go together", n)
				}
			}
			return c.ended(c.recovery(w, names, json))
		},
	}
	numbersFlag(cmd, &w.EachKeys, "keys", []int{10_000, 100_000, 1_000_000}, 1, maxKeys, "how many keys there are, of 16 bytes")
	numbersFlag(cmd, &w.EachValueBytes, "value-bytes", []int{100, 1000}, 1, maxValue, "the lengths of values")
	command.SeedFlag(cmd.Flags(), &w.Seed, "what values are drawn from")
	cmd.Flags().StringVar(&w.Dir, "dir", "", "`DIRECTORY` for temporary files, on the disk to be measured (default: the system's)")
	cmd.Flags().BoolVar(&w.Crashed, "crashed", false, "open directories as a crash leaves them, not as a close does")
	listFlag(cmd, &names, "engines", measure.Engines(), "what is measured")
	jsonFlag(cmd, &json)
	return cmd
}

func (c *cli) recovery(w measure.RecoveryWork, names []string, json bool) error {
	p := c.startProgress("recovery")
	defer p.finish()
	first := true
	return measure.Recoveries(c.ctx, w, names, p.at, func(r measure.Recovered) error {
		if json {
			return command.PrintJSON(c.out, r)
		}
		if first {
			c.printf("%-10s %9s %7s %9s %9s %8s %8s %7s\n", "engine", "keys", "value", "disk kB", "index kB", "open ms", "read ms", "÷ read")
		}
		first = false
		c.printf("%-10s %9d %7d %9d %9s %8.1f %8.1f %7.2f\n", r.Engine, r.Keys, r.ValueBytes, r.Disk/1000, figure(r.Index, 1000), r.Seconds*1e3, r.ReadIndex*1e3,
			r.Seconds/r.ReadIndex)
		return nil
	})
}

func (c *cli) lazyCommand() *cobra.Command {
	var w measure.LazyWork
	var names []string
	var json bool
	cmd := &cobra.Command{
		Use:   "lazy",
		Short: "Measure how long an empty directory takes to its first get",
		Long: "lazy publishes a version for each number of keys, opens an empty directory at it lazily and gets a key, over and over, the numbers of " +
			"keys in turn; the time is that from the opening until the get is answered. \"all first\" is that time where all of the version is " +
			"restored first, once. Nothing is fetched in the background meanwhile, and the bucket is a folder. Only the LSM tree opens lazily: the other " +
			"engines must read all of a version to find a key.",
		Example: "  storebench lazy --keys 10000,1000000 --rounds 25",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w.Work); err != nil {
				return err
			}
			return c.ended(c.lazy(w, names, json))
		},
	}
	numbersFlag(cmd, &w.EachKeys, "keys", []int{10_000, 1_000_000}, 1, maxKeys, "how many keys there are, of 16 bytes")
	command.NumberFlag(cmd.Flags(), &w.ValueBytes, "value-bytes", 100, 1, maxValue, "the length of values")
	command.NumberFlag(cmd.Flags(), &w.Rounds, "rounds", lazyRounds, 1, 10_000, "how often each is opened")
	command.SeedFlag(cmd.Flags(), &w.Seed, "what values are drawn from")
	cmd.Flags().StringVar(&w.Dir, "dir", "", "`DIRECTORY` for temporary files, on the disk to be measured (default: the system's)")
	listFlag(cmd, &names, "engines", measure.LazyEngines(), "what is measured")
	jsonFlag(cmd, &json)
	return cmd
}

// lazyRounds is how often a directory is opened lazily.
const lazyRounds = 15

func (c *cli) lazy(w measure.LazyWork, names []string, json bool) error {
	p := c.startProgress("lazy")
	defer p.finish()
	first := true
	return measure.Lazies(c.ctx, w, names, p.at, func(r measure.Lazied) error {
		if json {
			return command.PrintJSON(c.out, r)
		}
		if first {
			c.printf("%-10s %9s %7s %9s %9s %12s\n", "engine", "keys", "rounds", "median ms", "worst ms", "all first ms")
		}
		first = false
		c.printf("%-10s %9d %7d %9.3f %9.3f %12.1f\n", r.Engine, r.Keys, r.Rounds, r.First*1e3, r.Worst*1e3, r.Eager*1e3)
		return nil
	})
}

func (c *cli) sweepCommand() *cobra.Command {
	var w measure.Work
	var parameters, engines []string
	var json bool
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Measure what an engine's parameters do",
		Long: "sweep does the update-heavy workload of compare with one parameter of an engine at several values, and the others so small that " +
			"background work comes up.\n\nParameters:\n" + sweeps(),
		Example: "  storebench sweep --parameters max-runs,threshold\n  storebench sweep --engines lsm",
		Args:    command.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkDir(cmd, w); err != nil {
				return err
			}
			some := measure.Among(parameters, measure.SweepNames(engines))
			if cmd.Flags().Changed("parameters") && len(some) < len(parameters) {
				return command.Usagef("sweep: --parameters %s and --engines %s do not go together", list{p: &parameters}, list{p: &engines})
			}
			return c.ended(c.sweep(w, some, json))
		},
	}
	workFlags(cmd, &w, 50_000, 300_000)
	listFlag(cmd, &parameters, "parameters", measure.SweepNames(measure.SweepEngines()), "which are tried")
	listFlag(cmd, &engines, "engines", measure.SweepEngines(), "whose parameters are tried")
	jsonFlag(cmd, &json)
	return cmd
}

func sweeps() string {
	text := ""
	for _, s := range measure.Sweeps() {
		text += fmt.Sprintf("  %s, of %s: %s\n", s.Parameter, s.Engine, s.Doc)
	}
	return text
}

func (c *cli) sweep(w measure.Work, parameters []string, json bool) error {
	p := c.startProgress("sweep")
	defer p.finish()
	first := true
	return measure.RunSweeps(c.ctx, w, parameters, p.at, func(r measure.Swept) error {
		if json {
			return command.PrintJSON(c.out, r)
		}
		if first {
			c.printf("%-15s %8s %-9s %9s %9s %8s %7s %7s\n", "parameter", "value", "engine", "sets/s", "gets/s", "p99.9 µs", "disk kB", "merged")
		}
		first = false
		c.printf("%-15s %8d %-9s %9.0f %9.0f %8.1f %7d %7.2f\n", r.Parameter, r.Value, r.Engine, r.Sets, r.Gets, r.P999, r.Disk/1000,
			float64(*r.Merged)/float64(max(1, r.Written)))
		return nil
	})
}
