package simtool

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/layout"
	"github.com/joinery-go/joinery/sim/campaign"
)

// runFlags are the flags of run.
type runFlags struct {
	protocol string
	seed     uint64
	seeds    uint64
	limit    time.Duration
	workers  int
	strategy string
	faults   string
	failures int
	keep     bool
	out      string
	json     bool
	given    *pflag.FlagSet // as they were given
}

const (
	defaultLimit  = 10 * time.Second
	maxFailed     = 10   // failing seeds after which a campaign has said enough, unless told otherwise
	longCampaign  = 2000 // seeds from which on a campaign is held to reaching everything
	shrinkReplays = 400  // of each failing seed
)

func (c *cli) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Fuzz a protocol: seeds become plans, faults and verdicts",
		Long: "run fuzzes a protocol in a simulated world, one seed after the other, and judges every run by the protocol's own checks. " +
			"A seed in twenty is run twice, to see that it has one trace. A failing seed leaves a folder under --out with a tape that replays it.\n\n" +
			fmt.Sprintf("The exit code is 0 if nothing is violated, 1 on a violation, and 2 if a campaign of %d seeds or more never came to one of ", longCampaign) +
			"the protocol's points, or to a class of faults that it bears.",
		Example: fmt.Sprintf("  %[1]s run --for 1m\n  %[1]s run --seed 1 --seeds 5000\n  %[1]s run --faults drawn,crash=off\n  %[1]s run --faults off,delay=extreme", c.name),
		Args:    command.NoArguments,
	}
	cmd.RunE = func(called *cobra.Command, _ []string) error {
		f.given = called.Flags()
		return c.run(f)
	}
	fl := cmd.Flags()
	c.protocolFlag(cmd, &f.protocol)
	command.SeedFlag(fl, &f.seed, "first seed (default: one that differs from run to run, and is printed)")
	f.seed, fl.Lookup("seed").DefValue = 0, ""
	command.NumberOrZeroFlag(fl, &f.seeds, "seeds", 1, math.MaxUint64, "as many as --for allows", "how many seeds to run")
	fl.Var(command.Span{P: &f.limit}, "for", "how long to run (default: 10s, or until --seeds are done)")
	command.WorkersFlag(fl, &f.workers, "how many seeds to run at once")
	command.WordFlag(cmd, &f.strategy, "strategy", campaign.Strategies()[0], campaign.Strategies(), "how choices are made: "+strings.Join(campaign.Strategies(), ", "))
	fl.StringVar(&f.faults, "faults", "drawn", "how hard `FAULTS` strike: "+strings.Join(campaign.LevelWords(), ", ")+
		", and behind it CLASS=LEVEL for single classes: "+strings.Join(campaign.FaultClasses(), " "))
	fl.StringVar(&f.out, "out", "runs", "`FOLDER` for the runs of failing seeds")
	command.NumberFlag(fl, &f.failures, "failures", maxFailed, 1, 10_000, "failing seeds after which to stop")
	fl.BoolVar(&f.keep, "keep", true, "keep a folder of each failing seed, and shrink it; without, failures are only counted")
	fl.BoolVar(&f.json, "json", false, "print one JSON object a line, the last one the summary")
	return cmd
}

// options are what the flags say of the campaign.
func (f *runFlags) options(p *campaign.Protocol) (campaign.Options, error) {
	o := campaign.Options{Seed: f.seed, Seeds: f.seeds, Workers: f.workers, Failures: f.failures, Strategy: f.strategy}
	if f.seed == 0 && f.given.Changed("seed") {
		return o, command.Usagef("run: --seed 0: want 1 or more")
	}
	if f.seeds > 0 && f.seeds-1 > math.MaxUint64-f.seed {
		return o, command.Usagef("run: --seeds %d: from --seed %d on there are %d", f.seeds, f.seed, math.MaxUint64-f.seed+1)
	}
	levels, err := campaign.ParseLevels(f.faults, p.Setup.Faults)
	if err != nil {
		return o, command.Usagef("run: --%s", strings.TrimPrefix(err.Error(), campaign.ErrSetup.Error()+": "))
	}
	o.Faults = &levels
	if o.Seeds == 0 {
		o.Seeds = math.MaxUint64
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

// run runs a campaign and reports it.
func (c *cli) run(f runFlags) error {
	p := c.protocol(f.protocol)
	if !f.given.Changed("seed") {
		f.seed = 1 + uint64(rand.Uint32())
	}
	o, err := f.options(p)
	if err != nil {
		return err
	}
	out := &campaign.Folder{Dir: filepath.Join(f.out, p.Name)}
	if f.keep {
		if err := out.CheckWritable(); err != nil {
			return fmt.Errorf("run: --out %s: %w", f.out, err)
		}
	}
	if f.seeds == 0 && f.limit == 0 {
		f.limit = defaultLimit
	}
	if !f.json {
		c.printf("fuzzing %s from seed %d with %d workers\n", p.Name, f.seed, o.Workers)
	}
	r, took, err := c.fuzz(p, o, f.limit)
	if err != nil && r == nil {
		return fmt.Errorf("run: %w", err)
	}
	all, keptErr := c.keep(p, r, f, out)
	if err := c.report(p, r, f, all, took); err != nil {
		return err
	}
	switch {
	case r.Violating > 0:
		c.worsen(command.ExitViolated)
	case c.ctx.Err() != nil:
		c.worsen(command.ExitInterrupted)
	case r.Seeds >= longCampaign && len(r.NeverReached()) > 0:
		c.worsen(command.ExitUndecided)
	}
	switch {
	case err != nil:
		return fmt.Errorf("run: %w", err)
	case keptErr != nil:
		return fmt.Errorf("run: %w", keptErr)
	case r.Seeds == 0 && c.ctx.Err() == nil:
		return fmt.Errorf("run: no seed was finished within %v; give --for more time", f.limit)
	}
	return nil
}

// fuzz runs the campaign, for so long at most, and shows how it goes.
func (c *cli) fuzz(p *campaign.Protocol, o campaign.Options, limit time.Duration) (*campaign.Report, time.Duration, error) {
	ctx := c.ctx
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	show := &shown{protocol: p, first: o.Seed, started: time.Now(), limit: limit}
	if o.Seeds != math.MaxUint64 {
		show.wanted = o.Seeds
	}
	o.Progress = show.look
	screen := command.StartScreen(c.err, func() string {
		s := show.state("")
		return fmt.Sprintf("%.0fs: %d seeds, %d deliveries (%.2f M/s), %d violations%s",
			s.Seconds, s.Seeds, s.Deliveries, float64(s.Deliveries)/s.Seconds/1e6, s.Violations, c.slow())
	}, func(columns, lines int) []command.Row {
		s := show.state(strings.TrimPrefix(c.slow(), "; "))
		return s.Rows(columns, lines)
	})
	defer screen.Finish()
	r, err := p.Fuzz(ctx, o)
	return r, time.Since(show.started), err
}

// slowAfter is how long a run takes before the progress names it.
const slowAfter = 10 * time.Second

// slow names the run that has taken long, if one has.
func (c *cli) slow() string {
	under := c.watch.UnderWay()
	if len(under) == 0 || under[0].Took < slowAfter {
		return ""
	}
	return fmt.Sprintf("; seed %d has run for %.0f s", under[0].Seed, under[0].Took.Seconds())
}

// keep records the failing seeds, writes their folders and shrinks them.
func (c *cli) keep(p *campaign.Protocol, r *campaign.Report, f runFlags, out *campaign.Folder) ([]campaign.Kept[*campaign.Shrunk], error) {
	if !f.keep {
		return make([]campaign.Kept[*campaign.Shrunk], len(r.Failures)), nil
	}
	var at atomic.Int64
	live := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("run: keeping failing seed %d of %d%s", at.Load()+1, len(r.Failures), c.slow())
	})
	defer live.Finish()
	var runs []campaign.Failing[*campaign.Shrunk]
	for _, res := range r.Failures {
		runs = append(runs, p.Failing(res))
	}
	grace := command.Grace(c.ctx)
	return campaign.KeepAll(c.ctx, out, runs, shrinkReplays, func(n int) bool {
		at.Store(int64(n))
		return grace()
	})
}

// report prints what the campaign came to.
func (c *cli) report(p *campaign.Protocol, r *campaign.Report, f runFlags, all []campaign.Kept[*campaign.Shrunk], took time.Duration) error {
	line := r.Line(took.Seconds())
	if f.json {
		for i, res := range r.Failures {
			if err := c.printJSON(res.Line(&all[i])); err != nil {
				return err
			}
		}
		return c.printJSON(line)
	}
	c.field("seeds", "%d from %d: %d run twice with one trace, %d without a fault that took effect", r.Seeds, r.First, r.Twice, r.Faultless)
	c.field("simulated", "%d deliveries and %d operations in %.1fs, %.2f M deliveries/s",
		r.Deliveries, r.Operations, took.Seconds(), float64(r.Deliveries)/took.Seconds()/1e6)
	if r.Answered > 0 {
		c.field("answered", "%d of the operations; %d checks could say nothing", r.Answered, r.Undecided)
	}
	var shares []string
	for _, class := range r.Classes() {
		shares = append(shares, fmt.Sprintf("%s %.0f%%", class, 100*line.FaultEffective[class.String()]))
	}
	if len(shares) > 0 {
		c.field("faults", "changed the trace in this share of seeds: %s", strings.Join(shares, ", "))
	}
	if len(p.Points) > 0 {
		c.field("points", "%d of %d reached", len(p.Points)-missing(p, r), len(p.Points))
	}
	if never := r.NeverReached(); len(never) > 0 {
		c.field("never", "%s", strings.Join(never, ", "))
	}
	c.field("violations", "%d", r.Violating)
	if c.ctx.Err() != nil {
		c.printf("interrupted: the above is what was finished\n")
	}
	c.reportFailures(p, r, f, all)
	return nil
}

func missing(p *campaign.Protocol, r *campaign.Report) (n int) {
	for _, point := range p.Points {
		if r.Points[point] == 0 {
			n++
		}
	}
	return n
}

// reportFailures tells of each failing seed what it violates and what is kept of it, and
// ends with the command that runs the last one again.
func (c *cli) reportFailures(p *campaign.Protocol, r *campaign.Report, f runFlags, all []campaign.Kept[*campaign.Shrunk]) {
	again := ""
	for i, res := range r.Failures {
		c.printf("\nseed %d\n", res.Seed)
		for _, v := range res.Violations {
			c.text("  ", v.String())
		}
		one := &all[i]
		switch {
		case one.Tape != "":
			c.printf("  kept in %s\n", filepath.Dir(one.Tape))
			again = "replay with:\n" + c.again("replay", one.Tape)
		case f.keep:
			c.printf("%s\n", layout.Hang("  not kept: ", one.Err.Error()))
			if again == "" {
				again = "run it again with:\n" + c.again(f.repeat(p, res.Seed)...)
			}
		}
		if one.Shrunk {
			c.printShrunk("  ", one.Form)
		}
		if one.Small != "" {
			again = "replay with:\n" + c.again("replay", one.Small)
		}
	}
	if n := len(r.Failures); n > 0 && r.Failures[n-1].Violations[0].Oracle == campaign.OracleTime {
		c.printf("\nstopped at seed %d, which does not end; --patience gives a run more time\n", r.Failures[n-1].Seed)
	} else if n >= f.failures {
		c.printf("\nstopped after %d failing seeds\n", len(r.Failures))
	}
	if again != "" {
		c.printf("\n%s\n", again)
	}
}

// repeat is the command that runs one seed of the campaign once more.
func (f *runFlags) repeat(p *campaign.Protocol, seed uint64) []string {
	args := []string{"run", "--protocol", p.Name, "--seed", fmt.Sprint(seed), "--seeds", "1"}
	f.given.Visit(func(given *pflag.Flag) {
		switch given.Name {
		case "faults", "strategy":
			args = append(args, "--"+given.Name, given.Value.String())
		}
	})
	return args
}

// printShrunk prints what a small tape consists of, and its diagram if that is short.
func (c *cli) printShrunk(indent string, s *campaign.Shrunk) {
	c.text(indent, fmt.Sprintf("shrunk to %v in %d replays:", s, s.Replays))
	for _, line := range s.Lines() {
		c.text(indent+"  ", line)
	}
	for row := range strings.Lines(s.Result.ShortDiagram()) {
		c.printf("%s  %s", indent, row)
	}
}
