package trial

import (
	"fmt"
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// fate says what of a collection does not depend on when messages and inputs arrive,
// once all have.
type fate uint8

const (
	timed   fate = iota // nothing: no two runs need agree
	passing             // all that it ever held, though nobody says when
	lasting             // what it holds: it comes, and stays
	final               // what it holds once all is quiet: a function of what lasts
)

// Timed is an output of which the end may depend on timing, so that the worlds of a
// trial need not agree on it, and the rule that makes it so.
type Timed struct {
	Output string
	Pos    el.Pos
	Rule   string
}

// String is line:column, the output and the rule.
func (t Timed) String() string {
	return fmt.Sprintf("%d:%d: %s may end differently by timing alone: %s", t.Pos.Line, t.Pos.Column, t.Output, t.Rule)
}

// Converging tells the outputs of a program that end alike in all runs that lose
// nothing from those that need not. What a rule without negation, aggregate and outer
// join derives from what lasts, lasts; so does what it keeps of one event at a time.
// Over what lasts, an output may negate and aggregate, since it is computed anew
// until the end. O(rules * collections).
func Converging(p *el.Program) (ends []string, others []Timed) {
	f := fates{p: p, of: map[string]fate{}, why: map[string]taken{}}
	f.find()
	for _, c := range p.Collections {
		if c.Kind != el.Output {
			continue
		}
		if f.of[c.Name] >= lasting {
			ends = append(ends, c.Name)
			continue
		}
		rule := f.cause(c.Name)
		others = append(others, Timed{Output: c.Name, Pos: rule.Pos, Rule: rule.String()})
	}
	return ends, others
}

type fates struct {
	p   *el.Program
	of  map[string]fate
	why map[string]taken // what took a fate from a collection
}

// taken is a rule that took a fate, and when in the search.
type taken struct {
	rule *el.Rule
	turn int
}

// find supposes the best of each collection and takes back what a rule contradicts,
// until none does; then it adds what is final, group by group of the rules of a
// timestep, so that nothing is final by way of itself.
func (f *fates) find() {
	for _, c := range f.p.Collections {
		switch c.Kind {
		case el.Input, el.Channel:
			f.of[c.Name] = passing
		default:
			f.of[c.Name] = lasting
		}
	}
	turn := 0
	for changed := true; changed; {
		changed = false
		for i := range f.p.Rules {
			r := &f.p.Rules[i]
			name := r.Head.Name
			if now := min(f.of[name], f.most(r)); now != f.of[name] {
				f.of[name], changed = now, true
				turn++
				f.why[name] = taken{r, turn}
			}
		}
	}
	for _, group := range el.Stratify(f.p).Groups {
		for _, name := range group {
			if k := f.p.Collection(name).Kind; f.of[name] < lasting && (k == el.Scratch || k == el.Output) && f.settles(name) {
				f.of[name] = final
			}
		}
	}
}

// most is the best that a rule leaves of its head.
func (f *fates) most(r *el.Rule) fate {
	grows, events, whole := !r.Aggregates(), 0, true
	for _, l := range r.Body {
		switch {
		case l.Kind == el.Absent || l.Kind == el.Outer:
			grows = false
		case l.Kind != el.Match:
		case f.of[l.Atom.Name] == passing:
			events++
		case f.of[l.Atom.Name] == lasting:
			whole = whole && f.p.Collection(l.Atom.Name).Kind == el.Sealed
		default:
			grows = false
		}
	}
	keeps := f.p.Collection(r.Head.Name).Kind.Persistent()
	switch {
	case !grows || events > 1 || events == 1 && !whole:
		return timed // an event meets what happens to be there
	case events == 0 || keeps:
		return lasting
	case r.Op == el.Now:
		return passing
	}
	return timed // a crash loses what was to be there in the next timestep
}

// settles reports whether all rules for a collection are of the timestep and read
// only what is settled already.
func (f *fates) settles(name string) bool {
	return !slices.ContainsFunc(f.p.Rules, func(r el.Rule) bool {
		return r.Head.Name == name && (r.Op != el.Now || slices.ContainsFunc(r.Body, func(l el.Literal) bool {
			return l.Kind <= el.Outer && f.of[l.Atom.Name] < lasting
		}))
	})
}

// cause follows what took an output's fate back to the first rule that did: each step
// is to what was taken earlier.
func (f *fates) cause(name string) *el.Rule {
	for {
		r, earlier := f.why[name].rule, ""
		for _, l := range r.Body {
			at, taken := f.why[l.Atom.Name]
			if taken && l.Kind <= el.Outer && f.of[l.Atom.Name] == timed && at.turn < f.why[name].turn {
				earlier = l.Atom.Name
			}
		}
		if earlier == "" {
			return r
		}
		name = earlier
	}
}
