package simtool

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/sim/campaign"
)

// exploreFlags are the flags of explore.
type exploreFlags struct {
	protocol  string
	seed      uint64
	most      int
	schedules int
	workers   int
	out       string
	keep      bool
	json      bool
}

func (c *cli) exploreCommand() *cobra.Command {
	var f exploreFlags
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Search every schedule of a plan with few faults",
		Long: "explore runs every schedule of one seed's plan that has at most --most faults: first the one without, then all with one, " +
			"and so on, each set of faults once, with every class that the protocol bears at all its values. " +
			"So the first that fails has the fewest faults that this plan needs. The exit code is 2 if a bound was met before all were run.",
		Example: fmt.Sprintf("  %[1]s explore\n  %[1]s explore --seed 7 --most 2 --schedules 200000", c.name),
		Args:    command.NoArguments,
		RunE:    func(*cobra.Command, []string) error { return c.explore(f) },
	}
	fl := cmd.Flags()
	c.protocolFlag(cmd, &f.protocol)
	command.NumberFlag(fl, &f.seed, "seed", 1, 1, math.MaxUint64, "whose plan is searched")
	command.NumberFlag(fl, &f.most, "most", 1, 1, 8, "faults in a schedule, 1 to 8")
	command.NumberFlag(fl, &f.schedules, "schedules", 1_000_000, 1, 10_000_000, "bound on schedules, of about 100 bytes each")
	command.WorkersFlag(fl, &f.workers, "how many schedules to run at once")
	fl.StringVar(&f.out, "out", "runs", "`FOLDER` for the run of a schedule that fails")
	fl.BoolVar(&f.keep, "keep", true, "keep a folder of the schedule that fails")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

type exploreJSON struct {
	Kind       string   `json:"kind"`
	Protocol   string   `json:"protocol"`
	Seed       uint64   `json:"seed"`
	Schedules  int      `json:"schedules"`
	Points     int      `json:"points"` // decisions of the schedule without faults
	Faults     int      `json:"faults"` // in the schedules run, at most
	Complete   bool     `json:"complete"`
	Seconds    float64  `json:"seconds"`
	Violations []string `json:"violations"`
	Decisions  []string `json:"decisions"` // of the schedule that fails
	Tape       string   `json:"tape"`
}

func (c *cli) explore(f exploreFlags) error {
	p := c.protocol(f.protocol)
	out := &campaign.Folder{Dir: filepath.Join(f.out, p.Name, "explored")}
	if f.keep {
		if err := out.CheckWritable(); err != nil {
			return fmt.Errorf("explore: --out %s: %w", f.out, err)
		}
	}
	o := campaign.ExploreOptions{Seed: f.seed, Faults: f.most, MaxSchedules: f.schedules, Workers: f.workers}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	var schedules atomic.Int64
	o.Progress = func(n int) { schedules.Store(int64(n)) }
	started := time.Now()
	live := command.StartProgress(c.err, func() string {
		return fmt.Sprintf("explore: %s, %d schedules%s", command.Since(started), schedules.Load(), c.slow())
	})
	x, err := p.Explore(c.ctx, o)
	live.Finish()
	if err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	switch {
	case len(x.Failures) > 0:
		c.worsen(command.ExitViolated)
	case c.ctx.Err() != nil:
		c.worsen(command.ExitInterrupted)
	case !x.Complete:
		c.worsen(command.ExitUndecided)
	}
	line := exploreJSON{
		Kind: "explore", Protocol: p.Name, Seed: f.seed, Schedules: x.Schedules, Points: x.Points, Faults: x.Faults, Complete: x.Complete,
		Seconds: time.Since(started).Seconds(), Violations: []string{}, Decisions: []string{},
	}
	var keptErr error
	if len(x.Failures) > 0 {
		line.Violations = signatures(x.Failures[0])
		for _, d := range x.Tapes[0].Decisions {
			line.Decisions = append(line.Decisions, campaign.FormatDecision(d))
		}
		if f.keep {
			line.Tape, keptErr = c.keepSchedule(p, x.Tapes[0], out)
		}
	}
	if f.json {
		if err := c.printJSON(line); err != nil {
			return err
		}
	} else {
		c.printExplored(x, line, f.schedules)
	}
	if keptErr != nil {
		return fmt.Errorf("explore: %w", keptErr)
	}
	return nil
}

// keepSchedule writes the folder of a schedule that fails.
func (c *cli) keepSchedule(p *campaign.Protocol, t *campaign.Tape, out *campaign.Folder) (string, error) {
	res, err := p.Replay(c.ctx, t)
	if err != nil {
		return "", err
	}
	return out.WriteRun(t.Setup.Seed, p.Files(t, res))
}

func faults(n int) string {
	if n == 1 {
		return "1 fault"
	}
	return fmt.Sprintf("%d faults", n)
}

func (c *cli) printExplored(x *campaign.Explored, line exploreJSON, most int) {
	c.field("plan", "that of seed %d, which comes to %d decisions about faults if there are none", line.Seed, x.Points)
	c.field("schedules", "%d with at most %s, %.0f/s", x.Schedules, faults(x.Faults), float64(x.Schedules)/line.Seconds)
	complete := "yes: every schedule with so many faults was run"
	switch {
	case len(x.Failures) > 0:
		complete = "no: stopped at the first that fails"
	case c.ctx.Err() != nil:
		complete = "no: interrupted"
	case !x.Complete:
		complete = fmt.Sprintf("no: the bound of --schedules, %d, was met before all were run", most)
	}
	c.field("complete", "%s", complete)
	for _, res := range x.Failures {
		for _, v := range res.Violations {
			c.field("violated", "%s", v.Signature())
			c.text("  ", v.String())
		}
	}
	if len(x.Failures) > 0 {
		c.field("with", "%s", strings.Join(append(line.Decisions, "no other fault"), ", "))
	}
	c.field("violations", "%d", len(x.Failures))
	if line.Tape != "" {
		c.printf("\nkept in %s; shrink its operations with:\n%s\n", filepath.Dir(line.Tape), c.again("shrink", line.Tape))
	}
}
