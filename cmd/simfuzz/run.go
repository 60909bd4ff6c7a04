package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/engines"
	"github.com/joinery-go/joinery/sim/scenario"
)

// runFlags are the flags of simfuzz run.
type runFlags struct {
	seed     uint64
	seeds    uint64
	limit    time.Duration
	patience time.Duration
	workers  int
	nodes    int
	faults   string
	level    string
	strategy string
	engine   string
	depth    int
	ops      int
	failures int
	keep     bool
	cover    bool
	out      string
	json     bool
	given    *pflag.FlagSet // as they were given
}

const (
	defaultLimit = 10 * time.Second
	gcPercent    = 400
)

func (c *cli) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Fuzz the store: seeds become clusters, faults and histories",
		Long: "run fuzzes the key-value store in a simulated world, one seed after the other, and judges every run: " +
			"what each read saw, convergence after the faults, causal order, liveness, and a share by porcupine. At its end a table says of each level " +
			"how many histories each checker was asked about, and decided. " +
			"In one seed of eight, or as --engine says, values are kept by a storage engine on the same faulty disk: its files lose and tear what was not synced, fail, and rot. " +
			"A failing seed leaves a folder under --out with a tape that replays it. " +
			"A campaign that has not run all of its --seeds says after how many it ended, and why.\n\n" +
			"The exit code is 0 if nothing is violated, 1 on a violation, and 2 if histories were left undecided, more than 1% of " +
			"those for porcupine, or a campaign of 2000 seeds or more never came to one of the situations or faults that it must reach, " +
			"or left more operations without an answer than it may while faults last.",
		Example: "  simfuzz run --for 1m\n  simfuzz run --seed 1 --seeds 5000 --level causal --nodes 5\n" +
			"  simfuzz run --faults swarm,corrupt=off\n  simfuzz run --faults off,crash=extreme,disk=low\n  simfuzz run --engine lsm --seeds 2000",
		Args: command.NoArguments,
	}
	cmd.RunE = func(called *cobra.Command, _ []string) error {
		f.given = called.Flags()
		return c.fuzz(f)
	}
	fl := cmd.Flags()
	command.SeedFlag(fl, &f.seed, "first seed (default: one that differs from run to run, and is printed)")
	f.seed, fl.Lookup("seed").DefValue = 0, ""
	command.NumberOrZeroFlag(fl, &f.seeds, "seeds", 1, math.MaxUint64, "as many as --for allows", "how many seeds to run")
	fl.Var(command.Span{P: &f.limit}, "for", "how long to run (default: 10s, or until --seeds are done)")
	patienceFlag(fl, &f.patience)
	command.WorkersFlag(fl, &f.workers, "how many seeds to run at once")
	command.NumberOrZeroFlag(fl, &f.nodes, "nodes", scenario.MinNodes, scenario.MaxNodes, "drawn for each seed, 3 to 5",
		fmt.Sprintf("replicas, %d to %d", scenario.MinNodes, scenario.MaxNodes))
	command.NumberOrZeroFlag(fl, &f.ops, "operations", scenario.MinOperations, scenario.MaxOperations,
		fmt.Sprintf("drawn for each seed, %d to %d", scenario.MinOperations, scenario.UsualOperations),
		fmt.Sprintf("client operations of a seed, %d to %d; with more than %d, porcupine is not asked",
			scenario.MinOperations, scenario.MaxOperations, scenario.UsualOperations))
	fl.StringVar(&f.faults, "faults", "swarm", "how hard `FAULTS` strike: "+strings.Join(scenario.FaultLevels(), ", ")+
		", and behind it CLASS=LEVEL for single classes, or unexcused, which forgives no write for a lost disk; classes: "+
		strings.Join(scenario.FaultClasses(), " "))
	command.WordFlag(cmd, &f.level, "level", "", session.Levels(), "consistency level of the sessions: "+strings.Join(session.Levels(), ", ")+
		"; see \"simfuzz levels\" (default: drawn for each seed)")
	strategyFlag(cmd, &f.strategy)
	engineFlag(cmd, &f.engine, drawnEngine, "what keeps the values of replicas, on a disk with faults; none: their memory, and the log; drawn: an engine for one seed in eight", noEngine)
	command.NumberFlag(fl, &f.depth, "depth", 3, 1, scenario.MaxDepth, "ordering constraints that the strategy pct looks for")
	fl.StringVar(&f.out, "out", "runs", "`FOLDER` for the runs of failing seeds")
	command.NumberFlag(fl, &f.failures, "failures", maxFailed, 1, 10_000, "failing seeds after which to stop")
	fl.BoolVar(&f.keep, "keep", true, "keep a folder of each failing seed, and shrink it; without, failures are only counted")
	fl.BoolVar(&f.cover, "cover", false, "count the statements of the store that the campaign never reaches; needs the go command and a checkout")
	fl.BoolVar(&f.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// patienceFlag adds the flag of how long one run may take.
func patienceFlag(fl *pflag.FlagSet, p *time.Duration) {
	fl.Var(command.Span{P: p}, "patience", fmt.Sprintf("how long one run may take before it is given up, and is a failure (default: %v)", campaign.DefaultPatience))
}

// strategyFlag adds the flag of how choices are made.
func strategyFlag(cmd *cobra.Command, p *string) {
	command.WordFlag(cmd, p, "strategy", "swarm", scenario.Strategies(), "how choices are made: "+strings.Join(scenario.Strategies(), ", "))
}

// drawnEngine is the word for what the campaign draws.
const drawnEngine = scenario.DrawnEngine

// engineFlag adds the flag of what keeps values: an engine, or a word of its own.
func engineFlag(cmd *cobra.Command, p *string, otherwise, usage string, also ...string) {
	command.WordFlag(cmd, p, "engine", otherwise, slices.Concat([]string{otherwise}, also, engines.Names()), usage)
}

// engineOf is the engine that the flag names, "" for none.
func engineOf(flag string) string {
	if flag == noEngine {
		return ""
	}
	return flag
}

// config is what the flags fix of the campaign. The number of seeds is held against
// the last seed that there is.
func (f *runFlags) config() (scenario.Config, error) {
	cfg := scenario.Config{Engine: engineOf(f.engine), Nodes: f.nodes, Operations: f.ops, Level: f.level, Faults: f.faults, Strategy: f.strategy, Depth: f.depth, Base: f.seed}
	if err := (scenario.Config{Faults: f.faults}).Validate(); err != nil {
		return cfg, command.Usagef("run: --%s", strings.TrimPrefix(err.Error(), scenario.ErrConfig.Error()+": "))
	}
	if most := math.MaxUint64 - f.seed; f.seeds > 0 && f.seeds-1 > most {
		return cfg, command.Usagef("run: --seeds %d: from --seed %d on there are %d", f.seeds, f.seed, most+1)
	}
	if err := cfg.Validate(); err != nil {
		return cfg, command.Usagef("run: %v", err)
	}
	return cfg, nil
}

// fuzz runs a campaign and reports it.
func (c *cli) fuzz(f runFlags) error {
	if !f.given.Changed("seed") {
		f.seed = uint64(rand.Uint32())
	}
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if f.cover {
		return c.cover(f.given, f.json)
	}
	if f.keep {
		if err := c.checkWritable(f.out); err != nil {
			return err
		}
	}
	if f.seeds == 0 && f.limit == 0 {
		f.limit = defaultLimit
	}
	k := &storeCampaign{
		cfg: cfg, first: f.seed, seeds: f.seeds, limit: f.limit, workers: f.workers, most: f.failures, watch: &campaign.Watch{Patience: f.patience},
	}
	if k.workers == 0 {
		k.workers = runtime.GOMAXPROCS(0)
	}
	if !f.json {
		c.printf("fuzzing from seed %d with %d workers\n", f.seed, k.workers)
	}
	p := command.StartScreen(c.err, k.line, k.rows)
	if os.Getenv("GOGC") == "" {
		// Seeds leave a few dozen kilobytes of garbage each and hardly anything alive,
		// so that collecting less often costs a few megabytes and saves time.
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	err = k.run(c.ctx)
	p.Finish()
	all, keptErr := c.keep(k, f)
	if f.json {
		if err := c.printJSON(k.summary()); err != nil {
			return err
		}
	} else {
		c.printSummary(k)
		c.printFailures(k, f, all)
	}
	switch {
	case k.totals.Violations > 0:
		c.worsen(exitViolated)
	case c.ctx.Err() != nil:
		c.worsen(exitInterrupted)
	case k.totals.Undecided*100 > k.totals.Undecided+k.totals.Decided, len(k.notReached()) > 0, len(k.tooFewServed()) > 0:
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
type kept = campaign.Kept[*scenario.Shrunk]

// keep records the failing seeds, writes their folders and shrinks them. One that
// cannot be kept does not hold up the others. It returns the first error met.
func (c *cli) keep(k *storeCampaign, f runFlags) (all []kept, first error) {
	var at atomic.Int64
	p := command.StartProgress(c.err, func() string { return fmt.Sprintf("run: keeping failing seed %d of %d", at.Load(), len(k.failed)) })
	defer p.Finish()
	if f.keep {
		var runs []campaign.Failing[*scenario.Shrunk]
		for _, res := range k.failed {
			runs = append(runs, res.Failing())
		}
		grace := command.Grace(c.ctx)
		all, first = campaign.KeepAll(c.ctx, c.folder(f.out), runs, shrinkReplays, func(n int) bool {
			at.Store(int64(n) + 1)
			return grace()
		})
		first = ofRun(first)
		for i := range all {
			all[i].Err = ofRun(all[i].Err)
			if k.failed[i].GaveUp() {
				continue // there is no page of what has not ended
			}
			if err := c.addReport(&all[i], k.failed[i].Violations); err != nil {
				err = fmt.Errorf("run: write the report of seed %d: %w", k.failed[i].Seed, err)
				all[i].Err = errors.Join(all[i].Err, err)
				if first == nil {
					first = err
				}
			}
		}
	} else {
		all = make([]kept, len(k.failed))
	}
	if !f.json {
		return all, first
	}
	for i, res := range k.failed {
		if err := c.printJSON(violationLine(res, &all[i])); err != nil && first == nil {
			first = err
		}
	}
	return all, first
}

const shrinkReplays = 400

// ofRun says that an error is one of the command run; where a run does not repeat, the
// error says which it is.
func ofRun(err error) error {
	if err == nil || errors.Is(err, scenario.ErrRebase) || errors.Is(err, campaign.ErrLeft) {
		return err
	}
	return fmt.Errorf("run: %w", err)
}

// violationLine is a failing seed for scripts.
func violationLine(res *scenario.Result, one *kept) campaign.ViolationLine {
	line := campaign.NewViolationLine(res.Seed, res.TraceHash, res.Violations[0], one)
	if s := one.Form; one.Shrunk {
		ops, exceptions := len(s.Tape.Operations), len(s.Tape.Decisions)
		line.ShrunkOperations, line.ShrunkExceptions, line.ShrunkReplays = &ops, &exceptions, &s.Replays
	}
	return line
}
