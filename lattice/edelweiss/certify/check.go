package certify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// Check verifies a certificate. The error joins a [*Fault] for each premise that
// does not hold; nil means that all do.
func Check(original, rewritten *el.Program, c *Certificate) error {
	if err := el.Check(original); err != nil {
		return fmt.Errorf("certify: the original: %w", err)
	}
	if err := el.CheckRewritten(rewritten); err != nil {
		return fmt.Errorf("certify: the rewritten program: %w", err)
	}
	v := &verifier{p: original, q: rewritten, c: c, gone: map[string]bool{}, explained: map[int]bool{}}
	for _, r := range rewritten.Rules {
		if r.Op == el.Delete {
			v.gone[r.Head.Name] = true
		}
	}
	v.collections()
	v.rules()
	for i := range c.Acks {
		v.ack(&c.Acks[i])
	}
	for i := range c.Seens {
		v.seen(&c.Seens[i])
	}
	for i := range c.Lives {
		v.live(&c.Lives[i])
	}
	for i := range c.Deletions {
		v.deletion(&c.Deletions[i])
	}
	for i := len(original.Rules); i < len(rewritten.Rules); i++ {
		v.hold(v.explained[i], NothingElse, rewritten.Rules[i].String())
	}
	return errors.Join(v.faults...)
}

type verifier struct {
	p, q      *el.Program
	c         *Certificate
	gone      map[string]bool // tables that the rewritten program deletes from
	base      []el.Rule       // rules of the original, with what acknowledgements add
	explained map[int]bool    // rules of the rewritten program that an entry accounts for
	faults    []error
}

func (v *verifier) hold(ok bool, premise Premise, subject string) bool {
	if !ok {
		v.faults = append(v.faults, &Fault{premise, subject})
	}
	return ok
}

// collections compares declarations: those of the original in their places, then
// what entries add.
func (v *verifier) collections() {
	for i, c := range v.p.Collections {
		if !v.hold(i < len(v.q.Collections), NothingElse, c.Name) {
			return
		}
		d := v.q.Collections[i]
		if slices.Contains(v.c.Ranges, c.Name) {
			v.hold(c.Kind == el.Table && c.Keys() == len(c.Columns) && c.Columns[len(c.Columns)-1].Type == el.NumberType, OnlyIDs, c.Name)
			v.hold(!v.gone[c.Name], NeverLoses, c.Name)
			c.Kind = el.Range
		}
		v.hold(c.String() == d.String(), NothingElse, d.Name)
	}
	added := map[string]bool{}
	for _, a := range v.c.Acks {
		added[a.Ack], added[a.Approx] = true, true
	}
	for _, s := range v.c.Seens {
		added[s.Keys] = true
	}
	for _, l := range v.c.Lives {
		added[l.Name] = true
	}
	for _, c := range v.q.Collections[len(v.p.Collections):] {
		v.hold(added[c.Name], NothingElse, c.Name)
	}
	same := slices.EqualFunc(v.p.Seals, v.q.Seals, func(a, b el.Seal) bool { return a.String() == b.String() })
	v.hold(same, NothingElse, "seals")
}

// rules compares the original's rules with those in their places, which have one
// negation more for each entry that guards their head.
func (v *verifier) rules() {
	for i, r := range v.p.Rules {
		r = r.Clone()
		for _, a := range v.c.Acks {
			if a.Channel == r.Head.Name {
				if c := v.p.Collection(a.Channel); v.hold(c != nil, NothingElse, a.Channel) {
					r.Body = append(r.Body, el.Not(el.Atom{Name: a.Approx, Args: r.Head.Args[:c.Keys()]}))
				}
			}
		}
		v.base = append(v.base, r.Clone())
		for _, s := range v.c.Seens {
			if s.Table != r.Head.Name {
				continue
			}
			if order := v.keyOrder(&s); order != nil {
				guard := el.Atom{Name: s.Keys}
				for _, k := range order {
					guard.Args = append(guard.Args, r.Head.Args[k])
				}
				r.Body = append(r.Body, el.Not(guard))
			}
		}
		got := "nothing"
		if i < len(v.q.Rules) {
			got = v.q.Rules[i].String()
		}
		premise := NothingElse
		if strings.HasPrefix(r.String(), strings.TrimSuffix(got, ".")) {
			premise = RemembersKeys
			if r.Op == el.Async {
				premise = GuardedSending
			}
		}
		v.hold(got == r.String(), premise, r.String())
	}
}

// keyOrder is the table's key column for each column of its range of keys, nil if
// they are not the same columns.
func (v *verifier) keyOrder(s *Seen) []int {
	table, keys := v.p.Collection(s.Table), v.q.Collection(s.Keys)
	if table == nil || keys == nil || keys.Kind != el.Range || len(keys.Columns) != table.Keys() {
		return nil
	}
	var order []int
	for _, c := range keys.Columns {
		k := slices.IndexFunc(table.Columns, func(o el.Column) bool { return o.Name == c.Name && o.Type == c.Type && o.Key })
		if k < 0 || slices.Contains(order, k) {
			return nil
		}
		order = append(order, k)
	}
	return order
}

// canonical is the rule's text with its variables named by order of appearance, so
// that rules that differ in nothing else are equal.
func canonical(r el.Rule) string {
	r = r.Clone()
	names := map[string]string{}
	name := func(old string) string {
		if old != "" && names[old] == "" {
			names[old] = fmt.Sprintf("x%d", len(names))
		}
		return names[old]
	}
	terms := func(ts []el.Term) {
		for i := range ts {
			if ts[i].Kind == el.Var {
				ts[i].Name = name(ts[i].Name)
			}
		}
	}
	for i := range r.Body {
		l := &r.Body[i]
		terms(l.Atom.Args)
		terms(l.Args)
		l.Var, l.From = name(l.Var), name(l.From)
	}
	terms(r.Head.Args)
	return r.String()
}

// expect accounts for the rule that is added for an entry.
func (v *verifier) expect(want el.Rule, premise Premise) {
	text := canonical(want)
	for i := len(v.p.Rules); i < len(v.q.Rules); i++ {
		if !v.explained[i] && canonical(v.q.Rules[i]) == text {
			v.explained[i] = true
			return
		}
	}
	v.hold(false, premise, want.String())
}

// patterns are variables for the first n columns and wildcards for the others.
func pattern(c *el.Collection, n int) el.Atom {
	a := el.Atom{Name: c.Name}
	for i := range c.Columns {
		if i < n {
			a.Args = append(a.Args, el.V(fmt.Sprintf("c%d", i)))
		} else {
			a.Args = append(a.Args, el.V("_"))
		}
	}
	return a
}

func (v *verifier) ack(a *Ack) {
	channel, ack, approx := v.p.Collection(a.Channel), v.q.Collection(a.Ack), v.q.Collection(a.Approx)
	if !v.hold(channel != nil && channel.Kind == el.Channel && ack != nil && approx != nil && approx.Kind.Persistent(), AckPerMessage, a.Channel) {
		return
	}
	keys := channel.Keys()
	message := pattern(channel, keys)
	to := el.On(a.Ack, append([]el.Term{el.V("s")}, message.Args[:keys]...)...)
	known := el.On(a.Ack, append([]el.Term{el.V("_")}, message.Args[:keys]...)...)
	v.hold(ack.Location() == 0, AckPerMessage, a.Ack)
	v.expect(el.When(el.Async, to, el.IsFrom(message, "s")), AckPerMessage)
	v.expect(el.When(el.Now, el.On(a.Approx, message.Args[:keys]...), el.Is(known)), AckPerMessage)
	v.hold(v.writers(a.Approx) == 1, AckPerMessage, a.Approx)
	senders, readers := 0, 0
	for i := range v.p.Rules {
		r := &v.p.Rules[i]
		if r.Head.Name == a.Channel {
			senders++
			v.hold(v.keyDetermines(r, keys), KeyDetermines, r.String())
		}
		if reads(r, a.Channel) > 0 {
			readers++
			v.reader(r, a.Channel)
		}
	}
	v.hold(senders == 1, OneSender, a.Channel)
	v.hold(readers > 0, SomebodyReads, a.Channel)
}

// writers counts the rules of the rewritten program that derive into a collection.
func (v *verifier) writers(name string) int {
	n := 0
	for _, r := range v.q.Rules {
		if r.Head.Name == name {
			n++
		}
	}
	return n
}

func reads(r *el.Rule, name string) int {
	n := 0
	for _, l := range r.Body {
		if l.Kind <= el.Outer && l.Atom.Name == name {
			n++
		}
	}
	return n
}

func (v *verifier) reader(r *el.Rule, channel string) {
	head := v.p.Collection(r.Head.Name)
	v.hold(head.Kind == el.Table || head.Kind == el.Range, ReadersKeep, r.String())
	v.hold(!r.Aggregates(), ReadersGrow, r.String())
	v.hold(reads(r, channel) == 1, ReadersAlone, r.String())
	for _, l := range r.Body {
		switch {
		case l.Kind > el.Outer:
		case l.Atom.Name == channel:
			v.hold(l.Kind == el.Match, ReadersGrow, r.String())
		default:
			v.hold(v.p.Collection(l.Atom.Name).Kind == el.Sealed, ReadersAlone, r.String())
		}
	}
}

// keyDetermines follows functional dependencies from the head's key columns.
func (v *verifier) keyDetermines(r *el.Rule, keys int) bool {
	fixed := map[string]bool{}
	covered := func(ts []el.Term) bool {
		for _, t := range ts {
			if t.Kind == el.Any || t.Kind == el.Var && !fixed[t.Name] {
				return false
			}
		}
		return true
	}
	for _, t := range r.Head.Args[:keys] {
		fixed[t.Name] = true
	}
	for before := -1; before < len(fixed); {
		before = len(fixed)
		for _, l := range r.Body {
			switch l.Kind {
			case el.Outer:
				return false
			case el.Match:
				if covered(l.Atom.Args[:v.p.Collection(l.Atom.Name).Keys()]) {
					for _, name := range l.Atom.Vars(nil) {
						fixed[name] = true
					}
				}
			case el.Let:
				if covered(l.Args) {
					fixed[l.Var] = true
				}
			}
		}
	}
	return covered(r.Head.Args)
}

func (v *verifier) seen(s *Seen) {
	order := v.keyOrder(s)
	if !v.hold(order != nil, RemembersKeys, s.Table) {
		return
	}
	table := v.p.Collection(s.Table)
	tuple := pattern(table, table.Keys())
	head := el.Atom{Name: s.Keys}
	for _, k := range order {
		head.Args = append(head.Args, tuple.Args[k])
	}
	v.expect(el.When(el.Next, head, el.Is(tuple)), RemembersKeys)
	v.hold(v.writers(s.Keys) == 1, RemembersKeys, s.Keys)
	for _, r := range v.p.Rules {
		v.hold(r.Head.Name != s.Table || !r.Aggregates(), PartnerGuarded, r.String())
	}
}

// clause finds a use's clause and literal, in the original with acknowledgements.
func (v *verifier) clause(u Use) (*el.Rule, *el.Literal) {
	if u.Rule < 0 || u.Rule >= len(v.base) {
		return nil, nil
	}
	clauses := v.base[u.Rule].Desugar()
	if u.Clause < 0 || u.Clause >= len(clauses) || u.Literal < 0 || u.Literal >= len(clauses[u.Clause].Body) {
		return nil, nil
	}
	c := &clauses[u.Clause]
	return c, &c.Body[u.Literal]
}

// live checks a helper: the clause, with the tuple's columns as head, and a
// variable for each of them.
func (v *verifier) live(l *Live) {
	clause, literal := v.clause(l.Use)
	if !v.hold(clause != nil && literal.Kind == el.Match && !clause.Aggregates(), LiveIsLive, l.Name) {
		return
	}
	want := el.When(el.Now, el.Atom{Name: l.Name})
	for i, b := range clause.Clone().Body {
		var equal []el.Literal
		if i == l.Use.Literal {
			first := map[string]bool{}
			for j, t := range b.Atom.Args {
				if t.Kind != el.Var || first[t.Name] {
					b.Atom.Args[j] = el.V(fmt.Sprintf("c%d", j))
				}
				if t.Kind != el.Any && t != b.Atom.Args[j] {
					equal = append(equal, el.If("=", b.Atom.Args[j], t))
				}
				first[t.Name] = t.Kind == el.Var
			}
			want.Head.Args = b.Atom.Args
		}
		want.Body = append(append(want.Body, b), equal...)
	}
	v.expect(want, LiveIsLive)
	v.hold(v.writers(l.Name) == 1, LiveIsLive, l.Name)
}
