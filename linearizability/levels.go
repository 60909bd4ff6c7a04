package linearizability

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

const allGuarantees = "ryw+mr+mw+wfr"

// ladder says, by level, which levels it directly implies. Levels of different
// ladders are not compared. The tests hold it against every small history.
type ladder []rung

type rung struct {
	level   string
	implies []string
}

// The three ladders, strong levels first.
func registerLadder() ladder {
	return ladder{
		{"linearizable-register", []string{"sequential"}},
		{"sequential", []string{"ccv", "cm"}},
		{"ccv", []string{"cc", allGuarantees}},
		{"cm", []string{"cc", "pram"}},
		{"cc", []string{"wfr"}},
		{"pram", []string{"mw"}},
		{allGuarantees, []string{"ryw", "mr", "mw", "wfr"}},
		{"ryw", nil},
		{"mr", nil},
		{"mw", nil},
		{"wfr", []string{"mw"}},
	}
}

func latticeLadder() ladder {
	return ladder{
		{"lattice-linearizable", []string{"lattice-causal"}},
		{"lattice-causal", []string{"lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"}},
		{"lattice-ryw", nil},
		{"lattice-mr", nil},
		{"lattice-mw", nil},
		{"lattice-wfr", nil},
		{"convergence", nil},
	}
}

func transactionLadder() ladder {
	return ladder{
		{"transactional-causal", []string{"read-atomic"}},
		{"read-atomic", []string{"read-committed", "item-cut"}},
		{"read-committed", nil},
		{"item-cut", nil},
	}
}

// implied returns all levels that the level implies.
func (l ladder) implied(level string) map[string]bool {
	all := make(map[string]bool)
	for _, r := range l {
		if r.level == level || all[r.level] { // strong ones come first
			for _, weaker := range r.implies {
				all[weaker] = true
			}
		}
	}
	return all
}

// Report says which levels a history satisfies.
type Report struct {
	// Verdicts has one verdict a level, strong levels first. Only the minimal
	// broken ones have a witness.
	Verdicts []Verdict
	// Holds are the maximal levels that hold: none of them follows from another.
	Holds []string
	// Broken are the minimal levels that are broken: each weaker one holds, or is
	// open.
	Broken []string
	// Open are the levels that are undecided or inconclusive.
	Open []string
}

// Levels judges a history at every level that fits its operations and reports
// the strongest that hold and the weakest that are broken. A history with
// transactions is judged at the isolation levels; one of registers without tags
// at the register levels; any other one as lattice values, and if it is of
// registers at the register levels too, which is the other view of the same
// writes. Each level has the default Budget. Errors are those of Check.
//
// Real time, to which only the linearizable levels look, does not order two
// operations of which one begins at the instant the other ends, even of one
// session, whose order the weaker levels do keep.
func Levels(h *history.History) (Report, error) {
	var report Report
	for _, l := range laddersFor(h) {
		if err := report.climb(h, l); err != nil {
			return Report{}, err
		}
	}
	return report, nil
}

func laddersFor(h *history.History) []ladder {
	registers := true
	for i := range h.Ops {
		if h.Ops[i].Txn != 0 && !h.Tagged {
			return []ladder{transactionLadder(), registerLadder()}
		}
		registers = registers && h.Ops[i].Type == history.Register
	}
	switch {
	case !registers:
		return []ladder{latticeLadder()}
	case h.Tagged:
		return []ladder{latticeLadder(), registerLadder()}
	}
	return []ladder{registerLadder()}
}

// climb judges every level of a ladder, then shrinks the minimal violations.
func (r *Report) climb(h *history.History, l ladder) error {
	b, err := Budget{}.withDefaults()
	if err == nil {
		err = h.Validate()
	}
	if err != nil {
		return fmt.Errorf("levels of %s: %w", h.Name, err)
	}
	ctx := context.Background()
	status := make(map[string]Status)
	first := len(r.Verdicts)
	for _, rung := range l {
		c, known := checkerNamed(rung.level)
		if !known {
			return fmt.Errorf("levels of %s: %w %q", h.Name, ErrUnknownModel, rung.level)
		}
		m := newMeter(ctx, b)
		ruled, err := c.decide(m, h)
		if err != nil {
			return fmt.Errorf("levels of %s: %w", h.Name, err)
		}
		status[rung.level] = ruled.status
		r.Verdicts = append(r.Verdicts, Verdict{
			Status: ruled.status, Model: c.Name, Reason: ruled.reason, Method: ruled.method, Steps: m.steps.Load(),
		})
	}
	for n, rung := range l {
		switch status[rung.level] {
		case OK:
			if !l.anyAbove(rung.level, status, OK) {
				r.Holds = append(r.Holds, rung.level)
			}
		case Violation:
			if l.anyBelow(rung.level, status, Violation) {
				continue
			}
			r.Broken = append(r.Broken, rung.level)
			v, err := Check(ctx, h, rung.level, b)
			if err != nil {
				return err
			}
			r.Verdicts[first+n] = v
		default:
			r.Open = append(r.Open, rung.level)
		}
	}
	return nil
}

// anyAbove reports whether a level that implies this one has the status.
func (l ladder) anyAbove(level string, status map[string]Status, s Status) bool {
	return slices.ContainsFunc(l, func(r rung) bool { return status[r.level] == s && l.implied(r.level)[level] })
}

// anyBelow reports whether a level that this one implies has the status.
func (l ladder) anyBelow(level string, status map[string]Status, s Status) bool {
	below := l.implied(level)
	return slices.ContainsFunc(l, func(r rung) bool { return status[r.level] == s && below[r.level] })
}

// String renders the report for people: what holds, what is broken with its
// reason and a diagram of its witness, and what is open.
func (r Report) String() string {
	var b strings.Builder
	list := func(what string, levels []string) {
		if len(levels) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", what, strings.Join(levels, ", "))
		}
	}
	list("holds", r.Holds)
	list("broken", r.Broken)
	list("open", r.Open)
	for _, v := range r.Verdicts {
		if slices.Contains(r.Broken, v.Model) {
			fmt.Fprintf(&b, "\n%s: %s\n%s", v.Model, v.Reason, v.Diagram())
		}
	}
	return b.String()
}
