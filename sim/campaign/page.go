package campaign

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/rewind"
)

// ReportFile is the name of the page in a run folder.
const ReportFile = "report.html"

// What the likelihoods of a page may cost, in events of all the runs behind them.
const (
	pageDraws   = 20 // runs behind a likelihood
	fewestDraws = 5
	pageBudget  = 3_000_000
	pagePoints  = 16
)

// Page is what a page shows of a tape: what was violated, the run, the history if there
// is one, and how likely the failure is, from which point of the run on and with which
// faults, as package rewind has it. The protocol's own choices are those of the tape
// throughout. A run that is too long for that is shown without. It replays the tape some
// hundred times, bounded by the events of these runs.
func (p *Protocol) Page(ctx context.Context, t *Tape) (*report.Page, error) {
	res, err := p.Replay(ctx, t)
	if err != nil {
		return nil, err
	}
	page := &report.Page{
		Title: fmt.Sprintf("%s: seed %d holds", p.Name, t.Setup.Seed), Verdict: "holds",
		Facts: []report.Fact{
			{Name: "nodes", Value: fmt.Sprintf("%d, and %d clients", t.Setup.Nodes, t.Setup.Clients)},
			{Name: "faults end", Value: "at " + t.Setup.Horizon.String()},
			{Name: "run", Value: fmt.Sprintf("%d operations, %d faults and choices on the tape", len(t.Operations), len(t.Decisions))},
			{Name: "trace hash", Value: FormatHash(res.TraceHash)},
		},
	}
	for i, v := range res.Violations {
		if i == 0 {
			page.Title, page.Verdict, page.Bad = fmt.Sprintf("%s: seed %d fails: %s", p.Name, t.Setup.Seed, v.Kind), "violated", true
		}
		page.Summary = append(page.Summary, v.String())
		page.Violations = append(page.Violations, report.Fact{Name: v.Signature(), Value: v.Message})
	}
	if res.world != nil {
		page.Run = new(report.Diagram)
		page.Run.AddWorld(res.world, report.WorldOptions{Lane: res.pageLane, KindName: p.kindName, Label: res.pageLabel})
	}
	if h := res.History(); h != nil {
		page.History = report.NewHistory(h, nil)
		page.History.Clock = true
	}
	if len(res.Violations) > 0 {
		err = p.likely(ctx, t, res, page)
	}
	return page, err
}

func (res *Result) pageLane(n sim.NodeID) report.Lane {
	what := "server"
	if int(n) >= res.Setup.Nodes {
		what = "client"
	}
	return report.Lane{Name: res.lane(n), What: what}
}

func (res *Result) pageLabel(e sim.Record) (string, report.Kind, bool) {
	label, show := res.label(e)
	return label, report.Operation, show
}

// likely adds from which point on the failure is likely, and what each fault adds to that.
func (p *Protocol) likely(ctx context.Context, t *Tape, res *Result, page *report.Page) error {
	faults := slices.DeleteFunc(slices.Clone(res.decisions), func(d sim.TimedDecision) bool { return !IsFault(d.Site) })
	at := rewindTimes(t, faults)
	draws := pageDraws
	for draws >= fewestDraws && int64(draws*(len(at)+2*len(faults)))*max(res.Deliveries, 1) > pageBudget {
		draws--
	}
	if draws < fewestDraws {
		page.Notes = append(page.Notes, fmt.Sprintf("How likely the failure is was not found out: with %d faults, a run of %d events is too long for that.", len(faults), res.Deliveries))
		return nil
	}
	o := rewind.Options{Draws: draws, Seed: t.Setup.Seed}
	play := p.rewinding(ctx, t, res.Violations[0].Signature())
	listed := make([]choice.Decision, len(faults))
	for i, d := range faults {
		listed[i] = d.Decision
	}
	failed, err := rewind.Points(play, listed, at, o)
	if err != nil {
		return fmt.Errorf("campaign: how likely: %w", err)
	}
	effects, err := rewind.Choices(play, faults, o)
	if err != nil {
		return fmt.Errorf("campaign: how likely: %w", err)
	}
	page.Rewind = &report.Rewind{Draws: draws, Seed: o.Seed}
	for i, n := range failed {
		page.Rewind.Points = append(page.Rewind.Points, report.RewindPoint{At: int64(at[i]), Failed: n, What: lastBefore(faults, at[i])})
	}
	page.Choices = &report.Choices{Draws: draws}
	for i, e := range effects {
		page.Choices.Rows = append(page.Choices.Rows, report.Choice{
			What: named(faults[i]), At: int64(faults[i].At), Drawn: true, With: e.With, Without: e.Without, StillFails: e.StillFails,
		})
	}
	return nil
}

func named(d sim.TimedDecision) string { return fmt.Sprintf("%s = %d", d.Site, d.Value) }

// lastBefore is the last fault before a time.
func lastBefore(faults []sim.TimedDecision, at sim.Time) string {
	last := "nothing"
	for _, d := range faults {
		if d.At < at {
			last = named(d)
		}
	}
	return last
}

// rewinding runs the plan of a tape under faults from any source, and the protocol's own
// choices as on the tape.
func (p *Protocol) rewinding(ctx context.Context, t *Tape, want string) rewind.Play {
	rn := &runner{p: p}
	now := func() sim.Time {
		if rn.world == nil {
			return 0 // before the first event
		}
		return rn.world.Now()
	}
	return func(source func(now func() sim.Time) choice.Source) (bool, error) {
		src := &split{faults: source(now), choices: tapeSource(&t.Setup, t.Decisions)}
		res, err := rn.run(ctx, t.Setup.clone(), t.Operations, src, keep{})
		return err == nil && res.signature(want) == want, err
	}
}

// rewindTimes are the times to rewind to, ascending: the start, each operation, just after
// each fault, and the end of faults; of too many they are spread evenly.
func rewindTimes(t *Tape, faults []sim.TimedDecision) []sim.Time {
	at := []sim.Time{0, t.Setup.Horizon}
	for _, o := range t.Operations {
		at = append(at, o.At)
	}
	for _, d := range faults {
		at = append(at, d.At+1)
	}
	slices.Sort(at)
	return rewind.Spread(slices.Compact(at), pagePoints)
}

// Page writes the page of the run, or of its smaller form.
func (f *failing) Page(ctx context.Context, small *Shrunk) (func(io.Writer) error, error) {
	t := f.tape
	if small != nil {
		t = small.Tape
	}
	page, err := f.p.Page(ctx, t)
	if err != nil {
		return nil, err
	}
	if !page.Bad && len(f.res.Violations) > 0 {
		page.Title, page.Verdict, page.Bad = fmt.Sprintf("%s: seed %d failed once", f.p.Name, f.res.Seed), "does not repeat", true
		page.Summary = []string{"When it was found, this seed violated what stands below. Run again from its tape it does not: this page is of the run that holds."}
		for _, v := range f.res.Violations {
			page.Violations = append(page.Violations, report.Fact{Name: v.Signature(), Value: v.Message})
		}
	}
	if small != nil {
		page.Shrink = &report.Shrink{Replays: small.Replays, Settled: small.Settled, Steps: []report.ShrinkStep{
			{Operations: len(f.tape.Operations), Faults: len(f.tape.Decisions)},
			{Replay: small.Replays, Operations: len(small.Tape.Operations), Faults: len(small.Tape.Decisions)},
		}}
	}
	return page.Write, nil
}
