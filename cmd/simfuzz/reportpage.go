package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/joinery-go/joinery/cmd/internal/tapes"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// reportOptions say what goes into a page.
type reportOptions struct {
	replays   int
	shrinking time.Duration // that they may take of a processor; 0 is any
	draws     int
	seed      uint64
	budget    int64 // of deliveries, over all draws; 0 is none
}

// Budgets of deliveries, of which a long run, with what judges it, has about so many a
// second: fewer runs are made where they are so long that they would take more.
const (
	deliveriesPerSecond = 100_000

	reportBudget = 400_000 // of draws, unless their number is given
	folderBudget = 200_000 // the same, since a campaign waits
	wordsBudget  = 50_000  // of the replays that tell what each fault does
)

// shrinkTime is how much of a processor's time shrinking may take, unless the number of
// replays is given. It has no budget of deliveries, since candidates get short at once, or
// not at all.
const shrinkTime = 2500 * time.Millisecond

func (c *cli) reportCommand() *cobra.Command {
	var engine string
	cmd := c.onTapes().Report("what was violated, a space-time diagram with faults and with what each replica held, the history with the "+
		"operations that show the fault, the states on which replicas part, which choices matter, and from which point on the failure is likely.",
		func(path string, o tapes.ReportOptions) (*tapes.Reported, error) {
			t, changed, err := readTapeOn(path, engine)
			if err == nil {
				err = refuseEndless(path, t)
			}
			if err != nil {
				return nil, err
			}
			with := reportOptions{replays: o.Replays, draws: o.Draws, seed: o.Seed}
			if o.Bounded {
				with.budget = reportBudget
			}
			if o.Limited {
				with.shrinking = shrinkTime
			}
			r, err := c.reportOf(t, nil, with)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			var recorded []report.Fact
			for _, v := range t.Violations {
				recorded = append(recorded, report.Fact{Name: v, Value: v + ", as the tape says"})
			}
			r.once(recorded)
			return &tapes.Reported{
				Page: r.page, Operations: len(r.tape.Operations), Exceptions: len(r.tape.Decisions), Violations: r.res.Violations,
				Hash: r.first, TapeHash: t.TraceHash, Changed: changed,
			}, nil
		})
	tapeEngineFlag(cmd, &engine)
	return cmd
}

// reported is a page in the making.
type reported struct {
	page  *report.Page
	tape  *scenario.Tape // that the page is of
	res   *scenario.Result
	first uint64 // trace hash of the tape as it was given
	each  int64  // what a run of it costs, see [cost]
	cli   *cli
}

// reportOf makes the page of a tape: of its small form, if it fails and has one. small
// is that form if it is known.
func (c *cli) reportOf(tape *scenario.Tape, small *scenario.Shrunk, o reportOptions) (*reported, error) {
	r := &reported{cli: c}
	if err := r.watch(tape); err != nil {
		return nil, err
	}
	r.first = r.res.TraceHash
	if small == nil && len(r.res.Violations) > 0 && o.replays > 0 {
		var err error
		if small, err = c.shrinkFor(tape, o); err != nil {
			return nil, err
		}
	}
	if small != nil {
		if err := r.watch(small.Tape); err != nil {
			return nil, err
		}
	}
	r.page = r.res.Page()
	r.addShrink(tape, small)
	return r, r.addChoices(o)
}

// watch runs the tape that the page is of.
func (r *reported) watch(t *scenario.Tape) (err error) {
	started := processorTime()
	r.tape = t
	r.res, err = scenario.Watch(context.WithoutCancel(r.cli.ctx), t)
	if err == nil {
		r.each = cost(r.res.Deliveries, processorTime()-started)
	}
	return err
}

func (r *reported) addShrink(whole *scenario.Tape, small *scenario.Shrunk) {
	if small == nil {
		return
	}
	s := &report.Shrink{Replays: small.Replays, Settled: small.Settled}
	for _, x := range small.Steps {
		s.Steps = append(s.Steps, report.ShrinkStep{Replay: x.Replays, Operations: x.Operations, Faults: x.Decisions})
	}
	r.page.Shrink = s
	r.page.Facts = append(r.page.Facts, report.Fact{Name: "found with", Value: fmt.Sprintf("%d operations and %d faults; this page is of the smallest run that fails alike", len(whole.Operations), len(whole.Decisions))})
	for _, other := range small.Others {
		r.page.Facts = append(r.page.Facts, report.Fact{Name: "met on the way", Value: other})
	}
}

// says is what is said of a decision, which is in the order of the tape, or its site.
func (r *reported) says(said []string, d sim.TimedDecision) string {
	i := slices.IndexFunc(r.tape.Decisions, func(x choice.Decision) bool { return x.Site == d.Site && x.Key == d.Key })
	if i >= 0 && i < len(said) {
		return said[i]
	}
	return fmt.Sprintf("%s = %d", d.Site, d.Value)
}

// fewItems is how many operations and faults are told in a sentence.
const fewItems = 8

// addWhat says in the summary what the run consists of.
func (r *reported) addWhat(said []string) {
	ops, faults := len(r.tape.Operations), len(r.tape.Decisions)
	line := fmt.Sprintf("The run has %s and %s, not all of which it may take: it was not made smaller", count1(ops, "operation"), count1(faults, "fault"))
	if r.page.Shrink != nil {
		line = fmt.Sprintf("It takes %s and %s", count1(ops, "operation"), count1(faults, "fault"))
	}
	if ops+faults > fewItems {
		r.page.Summary = append(r.page.Summary, line+".")
		return
	}
	var items []string
	inTime := slices.Clone(r.tape.Operations)
	slices.SortStableFunc(inTime, func(a, b workload.Operation) int { return cmp.Compare(a.At, b.At) })
	for i := range inTime {
		items = append(items, r.res.Tell(&inTime[i]))
	}
	r.page.Summary = append(r.page.Summary, line+": "+strings.Join(append(items, said...), "; ")+".")
}

func count1(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// addReport writes the page of a kept run into its folder, with what shrinking gave. found is
// what the seed violated when it was found, which its tape need not do again.
func (c *cli) addReport(one *kept, found []scenario.Violation) error {
	if one.Tape == "" || c.ctx.Err() != nil {
		return nil // interrupted: there is the tape, to make it of
	}
	tape, err := readTape(one.Tape)
	if err != nil {
		return err
	}
	var small *scenario.Shrunk
	again := one.Tape
	if one.Shrunk {
		small = one.Form
	}
	if one.Small != "" {
		again = one.Small
	}
	r, err := c.reportOf(tape, small, reportOptions{draws: folderDraws, seed: 1, budget: folderBudget})
	if err != nil {
		return err
	}
	r.remember(found)
	r.page.Commands = append(r.page.Commands, report.Fact{Name: "Run it again:", Value: c.command("replay", again)})
	return c.replacePage(filepath.Join(filepath.Dir(one.Tape), "report.html"), r.page)
}

// remember has the page of a run that does not fail again say how it failed.
func (r *reported) remember(found []scenario.Violation) {
	var facts []report.Fact
	for _, v := range found {
		facts = append(facts, report.Fact{Name: v.Signature(), Value: v.Message})
	}
	r.once(facts)
}

// once has the page of a run that holds say what was violated when it was found.
func (r *reported) once(found []report.Fact) {
	if len(r.res.Violations) > 0 || len(found) == 0 {
		return
	}
	p := r.page
	oracle, _, _ := strings.Cut(found[0].Name, "/")
	p.Title, p.Verdict, p.Bad = fmt.Sprintf("Seed %d broke %s once", r.tape.Setup.Seed, oracle), "does not repeat", true
	p.Summary = []string{
		"When it was found, this seed broke what stands below. Its tape, run again, does not: what happens hangs on something else than the tape, or the code has changed, or it only shows when a run is watched more closely. This page is of the run that holds.",
		"When it was found: " + found[0].Value + ".",
	}
	p.Violations = append(p.Violations, found...)
}

// folderDraws are the runs behind an estimate in a run folder: enough to tell never,
// sometimes and always apart, since a campaign waits for them.
const folderDraws = 20
