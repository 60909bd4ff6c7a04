// Package explain says, for each collection of a program of package edelweiss, what
// a rewrite makes of it: when its tuples are deleted, or which premise keeps them;
// which channels are acknowledged; how collections depend on each other, as a
// Mermaid picture; and what a replica finds that was given up and comes back. It
// reads results of package reclaim and changes nothing.
package explain

import (
	"fmt"
	"slices"
	"strings"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

// Fate is what becomes of a collection's tuples.
type Fate uint8

// The fates.
const (
	Passing      Fate = iota + 1 // gone after the timestep anyway
	Fixed                        // sealed: never more than at the start
	Deleted                      // deleted when no rule needs them
	Ranges                       // kept as intervals of ids
	Grows                        // kept for good, with a refusal that says why
	Acknowledged                 // of a channel: sent until it has arrived
	Repeated                     // of a channel: sent again and again for good
	Unsent                       // of a channel: nothing is sent
)

var fateNames = []string{"?", "passing", "fixed", "deleted", "ranges", "grows", "acknowledged", "repeated", "unsent"}

// String names the fate.
func (f Fate) String() string {
	if int(f) < len(fateNames) {
		return fateNames[f]
	}
	return "?"
}

// Row explains one collection of the original.
type Row struct {
	Collection string
	Kind       el.Kind
	Fate       Fate
	// Because is a line for each deletion, with its conditions, or for each
	// refusal.
	Because []string
}

// Report explains a rewritten program.
type Report struct {
	Rows []Row
	// Returning says what a replica finds that was given up by the others and
	// comes back after they reclaimed.
	Returning []string
	// Mermaid is a flowchart of the dependences.
	Mermaid string
}

// Explain explains what was made of a program. O(program).
func Explain(original *el.Program, r *reclaim.Result) *Report {
	report := &Report{Mermaid: mermaid(original, r)}
	for i := range original.Collections {
		report.Rows = append(report.Rows, row(original, &original.Collections[i], r))
	}
	report.Returning = returning(original, r)
	return report
}

func row(p *el.Program, c *el.Collection, r *reclaim.Result) Row {
	out := Row{Collection: c.Name, Kind: c.Kind}
	for _, d := range r.Certificate.Deletions {
		if d.Table == c.Name {
			out.Because = append(out.Because, because(r, &r.Program.Rules[d.Rule], c))
		}
	}
	switch {
	case c.Kind == el.Sealed:
		out.Fate = Fixed
	case c.Kind == el.Channel:
		out.Fate = Repeated
		if !slices.ContainsFunc(p.Rules, func(r el.Rule) bool { return r.Head.Name == c.Name }) {
			out.Fate = Unsent
		}
		for _, a := range r.Certificate.Acks {
			if a.Channel == c.Name {
				out.Fate = Acknowledged
				out.Because = append(out.Because, "by "+a.Ack+", remembered in "+a.Approx)
			}
		}
	case !c.Kind.Persistent():
		out.Fate = Passing
	case len(out.Because) > 0:
		out.Fate = Deleted
	case r.Program.Collection(c.Name).Kind == el.Range:
		out.Fate = Ranges
	default:
		out.Fate = Grows
	}
	if out.Fate == Grows || out.Fate == Repeated {
		for _, f := range r.Refusals {
			if f.Collection == c.Name {
				out.Because = append(out.Because, f.String())
			}
		}
	}
	return out
}

// because writes the conditions of a deletion with the table's columns for its
// variables; helpers are replaced by what they say.
func because(r *reclaim.Result, rule *el.Rule, c *el.Collection) string {
	var parts []string
	for _, l := range byColumn(rule, rule.Head.Args, c).Body[1:] {
		text := l.String()
		for _, live := range r.Certificate.Lives {
			if l.Kind == el.Absent && l.Atom.Name == live.Name {
				i := slices.IndexFunc(r.Program.Rules, func(h el.Rule) bool { return h.Head.Name == live.Name })
				text = "nothing satisfies " + conditions(&r.Program.Rules[i], c)
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "at once"
	}
	return "once " + strings.Join(parts, " and ")
}

// byColumn is a rule about a table's tuple with the columns' names for the tuple's
// variables.
func byColumn(rule *el.Rule, tuple []el.Term, c *el.Collection) *el.Rule {
	named := rule.Clone()
	rename := func(ts []el.Term) {
		for j, t := range ts {
			if k := slices.Index(tuple, t); t.Kind == el.Var && k >= 0 {
				ts[j].Name = c.Columns[k].Name
			}
		}
	}
	for i := range named.Body {
		rename(named.Body[i].Atom.Args)
		rename(named.Body[i].Args)
	}
	return &named
}

// conditions are a helper's literals, without the one that is the tuple itself: that of
// the table which has the helper's columns for its key.
func conditions(r *el.Rule, c *el.Collection) string {
	own := slices.IndexFunc(r.Body, func(l el.Literal) bool {
		return l.Kind == el.Match && l.Atom.Name == c.Name && slices.Equal(l.Atom.Args[:c.Keys()], r.Head.Args)
	})
	var parts []string
	for i, l := range byColumn(r, r.Body[own].Atom.Args, c).Body {
		if i != own {
			parts = append(parts, l.String())
		}
	}
	return strings.Join(parts, ", ")
}

// returning follows from the certificate: what was deleted although a replica that
// counted no more did not have it, and what its own old tuples meet.
func returning(p *el.Program, r *reclaim.Result) []string {
	var out []string
	deleted := map[string]bool{}
	for _, d := range r.Certificate.Deletions {
		deleted[d.Table] = true
	}
	for _, a := range r.Certificate.Acks {
		for _, rule := range p.Rules {
			if rule.Head.Name != a.Channel {
				continue
			}
			for _, l := range rule.Body {
				if l.Kind == el.Match && deleted[l.Atom.Name] {
					out = append(out, fmt.Sprintf("%s: what it had not acknowledged on %s when it was given up may be deleted from %s; it never gets that",
						a.Channel, a.Channel, l.Atom.Name))
				}
			}
		}
	}
	for _, s := range r.Certificate.Seens {
		out = append(out, fmt.Sprintf("%s: what it still holds of %s and sends does not come back at the others: %s remembers the keys",
			s.Table, s.Table, s.Keys))
	}
	for _, d := range r.Certificate.Deletions {
		for _, reason := range d.Reasons {
			if reason.How == certify.Settled {
				line := fmt.Sprintf("%s: a tuple of %s that it missed may be gone everywhere; what it holds that this was to suppress in %s stays there for good",
					d.Table, d.Table, p.Rules[reason.Use.Rule].Head.Name)
				if !slices.Contains(out, line) {
					out = append(out, line)
				}
			}
		}
	}
	return out
}

// Text is the report as a table with the lines that explain it below.
func (r *Report) Text() string {
	var b strings.Builder
	width := 0
	for _, row := range r.Rows {
		width = max(width, len(row.Collection))
	}
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "%-*s  %-7s  %s\n", width, row.Collection, row.Kind, row.Fate)
		for _, line := range row.Because {
			fmt.Fprintf(&b, "%*s    %s\n", width, "", line)
		}
	}
	if len(r.Returning) > 0 {
		b.WriteString("\nA replica that was given up and comes back:\n")
		for _, line := range r.Returning {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}

var shapes = map[el.Kind]string{
	el.Table: "[%s]", el.Range: "[[%s]]", el.Sealed: "[(%s)]", el.Scratch: "(%s)", el.Input: ">%s]", el.Output: "{{%s}}", el.Channel: "[/%s/]",
}

// mermaid draws collections as nodes, in a class for each fate, and an edge for each
// collection that a rule reads: dotted where it negates, thick to a later time.
func mermaid(p *el.Program, r *reclaim.Result) string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i := range p.Collections {
		c := &p.Collections[i]
		fmt.Fprintf(&b, "  %s"+shapes[c.Kind]+":::%s\n", "c_"+c.Name, c.Name, row(p, c, r).Fate)
	}
	var edges []string
	for _, rule := range p.Rules {
		for _, l := range rule.Body {
			if l.Kind > el.Outer {
				continue
			}
			arrow := "-->"
			switch {
			case l.Kind == el.Absent && rule.Op == el.Now:
				arrow = "-.->|not|"
			case l.Kind == el.Absent:
				arrow = "-.->|not, " + rule.Op.String() + "|"
			case rule.Op != el.Now:
				arrow = "==>|" + rule.Op.String() + "|"
			}
			edge := fmt.Sprintf("  c_%s %s c_%s\n", l.Atom.Name, arrow, rule.Head.Name)
			if !slices.Contains(edges, edge) {
				edges = append(edges, edge)
			}
		}
	}
	b.WriteString(strings.Join(edges, ""))
	b.WriteString("  classDef deleted fill:#cfc\n  classDef ranges fill:#dfd\n  classDef grows fill:#fcc\n  classDef repeated fill:#fcc\n")
	return b.String()
}
