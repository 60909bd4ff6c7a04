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
	"github.com/joinery-go/joinery/cmd/simfuzz/internal/faultlist"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/rewind"
	"github.com/joinery-go/joinery/sim/scenario"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// reportOptions say what goes into a page.
type reportOptions struct {
	replays int
	draws   int
	seed    uint64
	budget  int64 // of deliveries, over all draws; 0 is none
}

// Budgets of deliveries, of which a long run, with what judges it, has some 100,000 a
// second: draws are fewer where a run is so long that they would take more.
const (
	reportBudget = 5_000_000 // unless the number of draws is given
	folderBudget = 500_000   // since a campaign waits
	wordsBudget  = 1_000_000 // of the replays that tell what each fault does
)

// fewestDraws is how many are worth having.
const fewestDraws = 5

func (c *cli) reportCommand() *cobra.Command {
	var engine string
	cmd := c.onTapes().Report("what was violated, a space-time diagram with faults and with what each replica held, the history with the "+
		"operations that show the fault, the states on which replicas part, which choices matter, and from which point on the failure is likely.",
		func(path string, o tapes.ReportOptions) (*tapes.Reported, error) {
			t, changed, err := readTapeOn(path, engine)
			if err != nil {
				return nil, err
			}
			with := reportOptions{replays: o.Replays, draws: o.Draws, seed: o.Seed}
			if o.Bounded {
				with.budget = reportBudget
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
	cli   *cli
}

// reportOf makes the page of a tape: of its small form, if it fails and has one. small
// is that form if it is known.
func (c *cli) reportOf(tape *scenario.Tape, small *scenario.Shrunk, o reportOptions) (*reported, error) {
	res, err := scenario.Watch(context.WithoutCancel(c.ctx), tape)
	if err != nil {
		return nil, err
	}
	r := &reported{tape: tape, res: res, first: res.TraceHash, cli: c}
	if small == nil && len(res.Violations) > 0 && o.replays > 0 {
		small, err = scenario.Shrink(c.ctx, tape, o.replays)
		if err != nil && c.ctx.Err() == nil {
			return nil, err
		}
	}
	if small != nil {
		if r.res, err = scenario.Watch(context.WithoutCancel(c.ctx), small.Tape); err != nil {
			return nil, err
		}
		r.tape = small.Tape
	}
	r.page = r.res.Page()
	r.addShrink(tape, small)
	return r, r.addChoices(o)
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

// addChoices says what the run is made of, and, with draws, what that does.
func (r *reported) addChoices(o reportOptions) error {
	if len(r.res.Violations) == 0 {
		return nil
	}
	said := r.said()
	r.addWhat(said)
	if o.draws = r.affordable(o); o.draws == 0 {
		return nil
	}
	l, err := scenario.Likely(r.cli.ctx, r.tape, rewind.Options{Draws: o.draws, Seed: o.seed})
	switch {
	case err != nil && r.cli.ctx.Err() != nil:
		r.page.Notes = append(r.page.Notes, "How likely the failure is was not found out: that was interrupted.")
		return nil
	case err != nil:
		return err
	}
	choices := &report.Choices{Draws: l.Draws}
	for i, x := range l.Operations {
		choices.Rows = append(choices.Rows, report.Choice{What: r.res.Tell(&r.tape.Operations[i]), At: int64(x.At), StillFails: x.StillFails, Operation: true})
	}
	for _, d := range l.Decisions {
		choices.Rows = append(choices.Rows, report.Choice{
			What: r.says(said, d.TimedDecision), At: int64(d.At), Drawn: true, With: d.With, Without: d.Without, StillFails: d.StillFails,
		})
	}
	slices.SortStableFunc(choices.Rows, func(a, b report.Choice) int { return cmp.Compare(a.At, b.At) })
	r.page.Choices = choices
	if l.Left > 0 {
		r.page.Notes = append(r.page.Notes, fmt.Sprintf("%d further faults were not taken away one by one.", l.Left))
	}
	if l.LeftOps > 0 {
		r.page.Notes = append(r.page.Notes, fmt.Sprintf("%d further operations were not taken away one by one.", l.LeftOps))
	}
	points := &report.Rewind{Draws: l.Draws, Seed: o.seed}
	for _, p := range l.Points {
		points.Points = append(points.Points, report.RewindPoint{At: int64(p.At), Failed: p.Failed, What: lastFixed(choices, int64(p.At))})
	}
	r.page.Summary = append(r.page.Summary, turning(points))
	r.page.Rewind = points
	for i := len(points.Points) - 1; i > 0; i-- {
		if points.Points[i].What == points.Points[i-1].What {
			points.Points[i].What = "no more"
		}
	}
	return nil
}

// said is what each fault does, in words, or what was decided where a run is long.
func (r *reported) said() []string {
	if r.res.Deliveries*int64(min(len(r.tape.Decisions), faultlist.Most)) <= wordsBudget {
		return r.cli.faultsOf(&scenario.Shrunk{Tape: r.tape, Result: r.res})
	}
	r.page.Notes = append(r.page.Notes, "Faults are named by the sites that decide them: it takes a replay for each to tell what it does, and this run is long.")
	return nil
}

// affordable is how many draws a budget has room for, and 0 where that is too few.
func (r *reported) affordable(o reportOptions) int {
	if o.budget == 0 || o.draws == 0 {
		return o.draws
	}
	each := max(r.res.Deliveries, 1)
	draws := o.draws
	for draws >= fewestDraws && scenario.LikelyRuns(r.tape, draws)*each > o.budget {
		draws--
	}
	if draws < min(fewestDraws, o.draws) {
		r.page.Notes = append(r.page.Notes, fmt.Sprintf("How likely the failure is was not found out: a run of %d deliveries is too long for that; simfuzz report with --draws does it all the same.", each))
		return 0
	}
	return draws
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

// lastFixed is the last choice before a time.
func lastFixed(c *report.Choices, until int64) string {
	what, last := "nothing: every fault is drawn", int64(-1)
	for _, x := range c.Rows {
		before := x.At < until || x.Operation && x.At <= until
		if before && x.At >= last {
			what, last = x.What, x.At
		}
	}
	return what
}

// turning says where the failure becomes likely: the steepest rise.
func turning(r *report.Rewind) string {
	first, best := r.Points[0], 0
	for i := 1; i < len(r.Points); i++ {
		if best == 0 || r.Points[i].Failed-r.Points[i-1].Failed > r.Points[best].Failed-r.Points[best-1].Failed {
			best = i
		}
	}
	begin := fmt.Sprintf("With these operations and every fault drawn anew, the same failure comes about in %d of %d runs", first.Failed, r.Draws)
	if first.Failed*10 >= r.Draws*9 {
		return begin + ": it hardly needs a fault."
	}
	if best == 0 || r.Points[best].Failed <= r.Points[best-1].Failed {
		return begin + ", and no point of the run makes it likelier."
	}
	p := r.Points[best]
	return fmt.Sprintf("%s. It becomes likely by %v, where it rises from %d to %d of %d: the last thing before that is %s.",
		begin, time.Duration(p.At), r.Points[best-1].Failed, p.Failed, r.Draws, p.What)
}

// addReport writes the page of a kept run into its folder, with what shrinking gave. found is
// what the seed violated when it was found, which its tape need not do again.
func (c *cli) addReport(one *kept, found []scenario.Violation) error {
	if one.Tape == "" {
		return nil
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
