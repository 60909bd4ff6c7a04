package main

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/sim/report"
)

// writeLawsPage writes the page of a check, if it is asked for.
func (c *cli) writeLawsPage(o lawsOptions, rows []laws.Row, sum lawsSummary, names []string) error {
	if o.html == "" {
		return nil
	}
	args := append([]string{"laws", "--seed", fmt.Sprint(o.seed), "--cases", fmt.Sprint(o.cases)}, names...)
	if o.only != "" {
		args = append(args, "--only", o.only)
	}
	if o.exec.command != "" {
		args = append(args, "--exec", o.exec.command)
	}
	if o.exec.states != "" {
		args = append(args, "--states", o.exec.states)
	}
	if err := c.replacePage(o.html, lawsPage(rows, sum, c.command(args...))); err != nil {
		return fmt.Errorf("laws: --html %s: %w", o.html, err)
	}
	return nil
}

// lawsPage is the page of a check of laws: each that failed, with the order of the
// states that refute it. again is the command that was given.
func lawsPage(rows []laws.Row, sum lawsSummary, again string) *report.Page {
	p := &report.Page{
		Title: "Laws: all hold", Verdict: "holds",
		Facts: []report.Fact{
			{Name: "merges", Value: fmt.Sprint(sum.Merges)}, {Name: "laws checked", Value: fmt.Sprint(sum.Rows)},
			{Name: "failed", Value: fmt.Sprint(sum.Failed)}, {Name: "never or too rarely exercised", Value: fmt.Sprint(sum.Unheard)},
		},
		Commands: []report.Fact{{Name: "Check it again:", Value: again}},
	}
	for i := range rows {
		addLaw(p, &rows[i])
	}
	p.Facts = append(p.Facts, held(rows)...)
	switch {
	case sum.Failed > 0:
		p.Title, p.Verdict, p.Bad = fmt.Sprintf("Laws: %d of %d fail", sum.Failed, sum.Rows), "violated", true
		if sum.Merges == 1 && len(rows) > 0 {
			p.Title = fmt.Sprintf("%s: %d of %d laws fail", rows[0].Merge, sum.Failed, sum.Rows)
		}
	case sum.Unheard > 0:
		p.Title, p.Verdict, p.Bad = "Laws: some were not exercised", "incomplete", true
	default:
		p.Summary = append(p.Summary, "Every law that applies holds in all cases that were judged.")
	}
	return p
}

// held lists of each merge, in the order in which they were checked, the laws that hold:
// how that came about, and in how many cases.
func held(rows []laws.Row) []report.Fact {
	var facts []report.Fact
	for i := range rows {
		row := &rows[i]
		if !row.OK {
			continue
		}
		line := fmt.Sprintf("%s: %s", row.Law, row.Status)
		if row.Cases > 0 {
			line += ", " + count1(row.Cases, "case")
		}
		name := row.Merge + " holds"
		if n := len(facts); n == 0 || facts[n-1].Name != name {
			facts = append(facts, report.Fact{Name: name, Value: line})
		} else {
			facts[n-1].Value += "; " + line
		}
	}
	return facts
}

// addLaw adds what one row says that is not well.
func addLaw(p *report.Page, row *laws.Row) {
	if row.OK {
		return
	}
	name := row.Merge + ": " + row.Law
	if row.Status == "never exercised" || row.Status == "too rare" {
		p.Notes = append(p.Notes, name+": "+row.Status+": "+row.Why)
		return
	}
	p.Violations = append(p.Violations, report.Fact{Name: name + ": " + row.Status, Value: row.Why})
	f := row.Failure
	if f == nil {
		return
	}
	p.Summary = append(p.Summary, fmt.Sprintf("%s: it does not hold that %s.", name, strings.TrimSuffix(f.Statement, ".")))
	if f.Order != nil {
		p.Orders = append(p.Orders, lawOrder(name, f))
	}
}

// lawOrder is the order of the states of a counterexample.
func lawOrder(name string, f *laws.Failure) report.Order {
	o := report.Order{Title: name}
	if f.Panic == "" {
		o.Note = fmt.Sprintf("%s = %s, but %s = %s.", f.LeftExpr, f.Left, f.RightExpr, f.Right)
	}
	for _, s := range f.Order.States {
		x := report.OrderState{Text: s.Value, Where: s.Names}
		for _, n := range s.Names {
			x.Final = x.Final || !strings.Contains(n, "⊔")
		}
		x.Join = !x.Final
		o.States = append(o.States, x)
	}
	most := min(len(o.States), report.MaxOrder)
	o.Cut, o.States = len(o.States)-most, o.States[:most]
	for i := range most {
		row := make([]bool, most)
		for j := range row {
			row[j] = f.Order.Below[i][j]
		}
		o.Below = append(o.Below, row)
	}
	return o
}
