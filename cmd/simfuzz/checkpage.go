package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/report"
)

// verdictPage is the page of one verdict: the history with its witness. With levels it
// is of all of them, and the witness is that of the first one that is broken.
func (c *cli) verdictPage(h *history.History, r *checked, o checkOptions, in input) *report.Page {
	p := &report.Page{
		Title: fmt.Sprintf("%s: %s", filepath.Base(r.name), r.verdict.Status), Verdict: string(r.verdict.Status),
		Bad:   r.verdict.Status != linearizability.OK,
		Facts: []report.Fact{{Name: "history", Value: fmt.Sprintf("%s, %d operations", r.name, len(h.Ops))}},
	}
	shown := r.verdict
	if r.report != nil {
		shown = r.levelFacts(p)
	} else {
		p.Facts = append(p.Facts, report.Fact{Name: "model", Value: r.verdict.Model})
	}
	switch {
	case shown.Reason != "":
		p.Summary = append(p.Summary, fmt.Sprintf("By the model %s this is %s: %s.", shown.Model, verdictWord[shown.Status], shown.Reason))
	case r.verdict.Status == linearizability.OK:
		p.Summary = append(p.Summary, "The history is allowed.")
	}
	if len(shown.Witness) > 0 {
		p.Summary = append(p.Summary, fmt.Sprintf("It takes %s of the history to show it, marked below: without any one of these the others are allowed, unless a budget ran out.",
			count1(len(shown.Witness), "operation")))
	}
	if shown.Hint != "" {
		p.Summary = append(p.Summary, shown.Hint)
	}
	if shown.Method != "" {
		p.Facts = append(p.Facts, report.Fact{Name: "decided by", Value: fmt.Sprintf("%s; %d steps", shown.Method, shown.Steps)})
	}
	if in.path != stdinPath {
		p.Commands = append(p.Commands, report.Fact{Name: "Judge it again:", Value: c.command("check", "--model", o.model, in.path)})
	}
	for _, n := range r.notes {
		p.Notes = append(p.Notes, n.String())
	}
	p.History = report.NewHistory(h, func(i int) bool {
		return slices.ContainsFunc(shown.Witness, func(w history.Op) bool { return w.Index == i })
	})
	for i := range p.History.Spans {
		p.History.Spans[i].Name = r.located(p.History.Spans[i].Name)
	}
	return p
}

// verdictWord is a status in a sentence.
var verdictWord = map[linearizability.Status]string{
	linearizability.OK: "allowed", linearizability.Violation: "a violation",
	linearizability.Undecided: "undecided", linearizability.Inconclusive: "inconclusive",
}

// located adds to the name of an operation where in its file it stands.
func (r *checked) located(name string) string {
	var i int
	if _, err := fmt.Sscanf(name, "#%d", &i); err != nil || i >= len(r.lines) {
		return name
	}
	if r.files != nil {
		return fmt.Sprintf("%s (%s, line %d)", name, filepath.Base(r.files[i]), r.lines[i])
	}
	return fmt.Sprintf("%s (line %d)", name, r.lines[i])
}

// levelFacts lists the levels, and returns the verdict to show: the first broken one,
// else the first that is open, else that of all.
func (r *checked) levelFacts(p *report.Page) linearizability.Verdict {
	for _, list := range []report.Fact{
		{Name: "holds", Value: strings.Join(r.report.Holds, ", ")}, {Name: "broken", Value: strings.Join(r.report.Broken, ", ")},
		{Name: "open", Value: strings.Join(r.report.Open, ", ")},
	} {
		if list.Value != "" {
			p.Facts = append(p.Facts, list)
		}
	}
	for _, v := range r.report.Verdicts {
		switch {
		case v.Status == linearizability.Violation:
			// Levels mostly break for one reason, each stronger one for that of a weaker one.
			i := slices.IndexFunc(p.Violations, func(f report.Fact) bool { return f.Value == v.Reason })
			if i >= 0 {
				p.Violations[i].Name += ", " + v.Model
				continue
			}
			p.Violations = append(p.Violations, report.Fact{Name: v.Model, Value: v.Reason})
		case v.Status != linearizability.OK:
			p.Notes = append(p.Notes, fmt.Sprintf("%s: %s: %s", v.Model, v.Status, v.Reason))
		}
	}
	for _, among := range [][]string{r.report.Broken, r.report.Open} {
		for _, v := range r.report.Verdicts {
			if slices.Contains(among, v.Model) {
				return v
			}
		}
	}
	return r.verdict
}

// draw writes the picture of a history.
func draw(h *history.History, o checkOptions) (err error) {
	f, err := os.OpenFile(o.visualize, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, campaign.FileMode) // it shows what a user's system stored
	if err != nil {
		return fmt.Errorf("visualize: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return linearizability.Visualize(h, o.model, o.budget, f)
}
