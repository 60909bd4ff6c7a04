package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/command"
	"github.com/joinery-go/joinery/cmd/internal/live"
	"github.com/joinery-go/joinery/kvs/session"
)

// anyPort is where serve listens unless it is told.
const anyPort = "127.0.0.1:0"

func (c *cli) serveCommand() *cobra.Command {
	f := runFlags{strategy: "swarm", engine: drawnEngine, depth: 3, keep: true}
	var address string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Fuzz the store, and show how it goes in a browser",
		Long: "serve fuzzes the store as \"simfuzz run\" does, and shows on a page how it goes, once a second: seeds a second, " +
			"the situations that were reached, and what failed. The page is for this machine alone. " +
			"When the campaign has ended, by an interrupt or by --for, --seeds or --failures, failing seeds are kept and told as run does it; " +
			"the page stays until an interrupt.\n\n" +
			"The exit code is 1 on a violation, and else 130, that of an interrupt.",
		Example: "  simfuzz serve\n  simfuzz serve --address 127.0.0.1:8080 --for 1h --level causal",
		Args:    command.NoArguments,
	}
	cmd.RunE = func(called *cobra.Command, _ []string) error {
		f.given = called.Flags()
		return c.serve(f, address)
	}
	fl := cmd.Flags()
	fl.StringVar(&address, "address", anyPort, "loopback `ADDRESS` and port to serve on; port 0 is any that is free")
	command.SeedFlag(fl, &f.seed, "first seed (default: one that differs from run to run, and is printed)")
	f.seed, fl.Lookup("seed").DefValue = 0, ""
	command.NumberOrZeroFlag(fl, &f.seeds, "seeds", 1, math.MaxUint64, "no bound", "how many seeds to run")
	fl.Var(command.Span{P: &f.limit}, "for", "how long to run (default: until an interrupt)")
	command.WorkersFlag(fl, &f.workers, "how many seeds to run at once")
	fl.StringVar(&f.faults, "faults", "swarm", "how hard `FAULTS` strike, as for run")
	command.WordFlag(cmd, &f.level, "level", "", session.Levels(), "consistency level of the sessions: "+strings.Join(session.Levels(), ", ")+" (default: drawn for each seed)")
	fl.StringVar(&f.out, "out", "runs", "`FOLDER` for the runs of failing seeds")
	command.NumberFlag(fl, &f.failures, "failures", maxFailed, 1, 10_000, "failing seeds after which to stop")
	return cmd
}

// served is a campaign as its page shows it.
type served struct {
	k  *storeCampaign
	mu sync.Mutex
	// What has come of it; it is over then, and the campaign changes no more.
	over string
	kept []kept
}

// end says that the campaign is over, and what is kept of its failing seeds so far.
func (s *served) end(over string, all []kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.kept = over, all
}

// state is what the page shows now.
func (s *served) state() live.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	show := s.k.state()
	show.Over = s.over
	for i := range show.Failures {
		if i < len(s.kept) && s.kept[i].Tape != "" {
			show.Failures[i].Folder = filepath.Dir(s.kept[i].Tape)
		}
	}
	return show
}

// state is how the campaign goes.
func (k *storeCampaign) state() live.State {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := &k.totals
	took := k.took
	if took == 0 && !k.started.IsZero() {
		took = time.Since(k.started)
	}
	seconds := max(took.Seconds(), 0.001)
	show := live.State{
		Title: fmt.Sprintf("simfuzz: the store, from seed %d", k.first), Seconds: seconds, Limit: k.limit.Seconds(),
		Seeds: t.Seeds, Wanted: k.seeds, PerSecond: float64(t.Seeds) / seconds, Deliveries: t.Deliveries, Violations: t.Violations,
		Points: []live.Point{}, Failures: []live.Failure{},
	}
	for _, m := range k.cfg.Marks() {
		show.Points = append(show.Points, live.Point{Name: m, Seeds: t.Marks[m]})
	}
	for _, res := range k.failed {
		f := live.Failure{Seed: res.Seed}
		for _, v := range res.Violations {
			f.Message += v.String() + "\n"
		}
		show.Failures = append(show.Failures, f)
	}
	return show
}

// serve runs a campaign and serves its page until an interrupt.
func (c *cli) serve(f runFlags, address string) error {
	if !f.given.Changed("seed") {
		f.seed = uint64(rand.Uint32())
	}
	cfg, err := f.config()
	if err != nil {
		return command.Usagef("serve: %s", strings.TrimPrefix(err.Error(), "run: "))
	}
	if err := c.checkWritable(f.out); err != nil {
		return err
	}
	l, err := live.Listen(c.ctx, address)
	switch {
	case errors.Is(err, live.ErrAddress):
		return command.Usagef("serve: --address %v", err)
	case err != nil:
		return fmt.Errorf("serve: --address %s: %w", address, err)
	}
	k := &storeCampaign{cfg: cfg, first: f.seed, seeds: f.seeds, limit: f.limit, workers: f.workers, most: f.failures}
	if k.workers == 0 {
		k.workers = runtime.GOMAXPROCS(0)
	}
	s := &served{k: k}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	go func() { ended <- live.Serve(ctx, l, s.state) }()
	c.printf("fuzzing from seed %d with %d workers, shown at\nhttp://%s/\n", f.seed, k.workers, l.Addr().(*net.TCPAddr).AddrPort())
	err = k.run(c.ctx)
	s.end("The campaign has ended; failing seeds are being kept.", nil)
	all, keptErr := c.keep(k, f)
	s.end("The campaign has ended.", all)
	c.printSummary(k)
	c.printFailures(k, f, all)
	if k.totals.Violations > 0 {
		c.worsen(exitViolated)
	}
	if err = errors.Join(err, keptErr); err == nil && c.ctx.Err() == nil {
		c.note("simfuzz: serve: the page stays until an interrupt")
		<-c.ctx.Done()
	}
	cancel()
	return errors.Join(err, <-ended)
}
