package campaign

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/report"
	"github.com/joinery-go/joinery/sim/rewind"
)

// What a page may cost, in events of all the runs behind it, of which a protocol has some
// hundred thousand a second or more.
const (
	pageDraws    = 20 // runs behind a likelihood
	pageBudget   = 500_000
	shrinkBudget = 500_000
	pagePoints   = 16
)

// PageOptions say what the page of a tape may take. The zero value of a field stands for
// its default.
type PageOptions struct {
	// Small is the smaller form of the tape, if it is known: the page is then of that. Else
	// Replays is how many runs a search for it may take, 0 none.
	Small   *Shrunk
	Replays int
	Draws   int    // runs behind each likelihood, 20 by default; negative leaves these out
	Seed    uint64 // of what is drawn for them; that of the tape by default
	// AllReplays and AllDraws have as many made, however long the runs are. Else a bound on
	// the events of all of them leaves some out, and the page says so.
	AllReplays, AllDraws bool
	// Found is what the run was found to violate, of a tape that need not fail again.
	Found []Violation
}

// Reported is the page of a tape.
type Reported struct {
	Page   *report.Page
	Tape   *Tape   // that the page is of: the one given, or its smaller form
	Result *Result // its replay
	First  uint64  // hash of the trace of the tape that was given
}

// Report makes the page of a tape: what was violated, the run, the history if there is
// one, and how likely the failure is, from which point of the run on and with which faults,
// as package rewind has it; of its smaller form, if it fails and has one. The protocol's own
// choices are those of the tape throughout. Where the context ends, shrinking and
// likelihoods do, and the page is of what there is by then.
func (p *Protocol) Report(ctx context.Context, t *Tape, o PageOptions) (*Reported, error) {
	setDefault(&o.Draws, pageDraws)
	setDefault(&o.Seed, t.Setup.Seed)
	res, err := p.Replay(context.WithoutCancel(ctx), t)
	if err != nil {
		return nil, err
	}
	r := &Reported{Tape: t, Result: res, First: res.TraceHash}
	small := o.Small
	if small == nil && len(res.Violations) > 0 && !res.late && o.Replays > 0 {
		events := int64(shrinkBudget)
		if o.AllReplays {
			events = math.MaxInt64
		}
		if small, err = p.shrink(ctx, t, o.Replays, events); err != nil {
			return nil, err
		}
	}
	if small != nil {
		r.Tape = small.Tape
		if r.Result, err = p.Replay(context.WithoutCancel(ctx), small.Tape); err != nil {
			return nil, err
		}
	}
	r.Page = p.page(r.Tape, r.Result)
	if small != nil {
		r.Page.Shrink = &report.Shrink{Replays: small.Replays, Settled: small.Settled}
		for _, x := range small.Steps {
			r.Page.Shrink.Steps = append(r.Page.Shrink.Steps, report.ShrinkStep{Replay: x.Replays, Operations: x.Operations, Faults: x.Decisions})
		}
		r.Page.Facts = append(r.Page.Facts, report.Fact{Name: "found with", Value: fmt.Sprintf("%d operations and %d faults; this page is of the smallest run that fails alike", len(t.Operations), t.Faults())})
	}
	r.once(p, o.Found)
	if len(r.Result.Violations) > 0 && o.Draws > 0 && !r.Result.late {
		err = p.likely(ctx, r, o)
	}
	return r, err
}

// once has the page of a run that holds say what was violated when it was found.
func (r *Reported) once(p *Protocol, found []Violation) {
	if r.Page.Bad || len(found) == 0 {
		return
	}
	page := r.Page
	page.Title, page.Verdict, page.Bad = fmt.Sprintf("%s: seed %d failed once", p.Name, r.Tape.Setup.Seed), "does not repeat", true
	page.Summary = []string{"When it was found, this seed violated what stands below. Run again from its tape it does not: this page is of the run that holds."}
	for _, v := range found {
		page.Violations = append(page.Violations, report.Fact{Name: v.Signature(), Value: v.Message})
	}
}

// page is what a page shows of a run.
func (p *Protocol) page(t *Tape, res *Result) *report.Page {
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
		brief, _, _ := strings.Cut(v.String(), "\n") // the calls that led there stand below
		page.Summary = append(page.Summary, brief)
		page.Violations = append(page.Violations, report.Fact{Name: v.Signature(), Value: v.Message})
	}
	if len(res.Violations) == 0 {
		page.Summary = append(page.Summary, "Nothing was violated: every check agrees with what happened.")
	}
	if res.world != nil {
		page.Run = new(report.Diagram)
		page.Run.AddWorld(res.world, report.WorldOptions{Lane: res.pageLane, KindName: p.kindName, Label: res.pageLabel})
	}
	if h := res.History(); h != nil {
		page.History = report.NewHistory(h, func(i int) bool { return res.witness[i] })
		page.History.Clock = true
	}
	return page
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
func (p *Protocol) likely(ctx context.Context, r *Reported, o PageOptions) error {
	t, page := r.Tape, r.Page
	faults := slices.DeleteFunc(slices.Clone(r.Result.decisions), func(d sim.TimedDecision) bool { return !IsFault(d.Site) })
	var operations []sim.Time
	for _, o := range t.Operations {
		operations = append(operations, o.At)
	}
	at := rewind.Times(t.Setup.Horizon, operations, faults, pagePoints)
	whole := rewind.Extent{Draws: o.Draws, Points: len(at), Choices: len(faults)}
	ask := whole
	if !o.AllDraws {
		ask = whole.Within(pageBudget / max(r.Result.Deliveries, 1))
		page.Notes = append(page.Notes, ask.Left(whole)...)
	}
	if ask.Draws == 0 {
		return nil
	}
	at = rewind.Spread(at, ask.Points)
	how := rewind.Options{Draws: ask.Draws, Seed: o.Seed}
	play := p.rewinding(ctx, t, r.Result.Violations[0].Signature())
	listed := make([]choice.Decision, len(faults))
	for i, d := range faults {
		listed[i] = d.Decision
	}
	failed, err := rewind.Points(play, listed, at, how)
	how.Choices = cmp.Or(ask.Choices, -1)
	var effects []rewind.Effect
	if err == nil {
		effects, err = rewind.Choices(play, faults, how)
	}
	switch {
	case ctx.Err() != nil:
		page.Notes = append(page.Notes, "How likely the failure is was not found out: it was interrupted.")
		return nil
	case err != nil:
		return fmt.Errorf("campaign: how likely: %w", err)
	}
	choices := &report.Choices{Draws: ask.Draws}
	var fixed []report.Choice
	for i, e := range effects {
		fixed = append(fixed, report.Choice{
			What: named(faults[i]), At: int64(faults[i].At), Drawn: true, With: e.With, Without: e.Without, StillFails: e.StillFails,
		})
	}
	choices.Rows = fixed[:ask.Choices]
	times := make([]int64, len(at))
	for i := range at {
		times[i] = int64(at[i])
	}
	page.AddLikelihood(choices, report.NewRewind(ask.Draws, o.Seed, fixed, times, failed))
	return nil
}

func named(d sim.TimedDecision) string { return fmt.Sprintf("%s = %d", d.Site, d.Value) }

// rewinding runs the plan of a tape under faults from any source, and the protocol's own
// choices as on the tape.
func (p *Protocol) rewinding(ctx context.Context, t *Tape, want string) rewind.Play {
	rn := &runner{p: p}
	return func(source func(now func() sim.Time) choice.Source) (bool, error) {
		src := &rewound{now: func() sim.Time { return 0 }}
		src.split = split{faults: source(func() sim.Time { return src.now() }), choices: tapeSource(&t.Setup, t.Decisions)}
		res, err := rn.run(ctx, t.Setup.clone(), t.Operations, src, keep{})
		return err == nil && res.signature(want) == want, err
	}
}

// rewound is a split whose faults hang on the time of the world that asks.
type rewound struct {
	split
	now func() sim.Time
}

func (r *rewound) asks(w *sim.World) { r.now = w.Now }

// Page writes the page of the run, or of its smaller form.
func (f *failing) Page(ctx context.Context, small *Shrunk) (func(io.Writer) error, error) {
	if f.res.late { // nor would another replay end
		return f.p.page(f.tape, f.res).Write, nil
	}
	r, err := f.p.Report(ctx, f.tape, PageOptions{Small: small, Found: f.res.Violations})
	if err != nil {
		return nil, err
	}
	return r.Page.Write, nil
}
