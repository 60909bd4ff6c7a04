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
	for _, compare := range []func(){v.collections, v.rules} {
		if compare(); len(v.faults) > 0 {
			return errors.Join(v.faults...) // what entries say is about another program then
		}
	}
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
// what entries add, which is new and can break no key.
func (v *verifier) collections() {
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
	declared := v.q.Collections
	for _, c := range v.p.Collections {
		if slices.Contains(v.c.Ranges, c.Name) {
			v.hold(c.Kind == el.Table && c.Keys() == len(c.Columns) && c.Columns[len(c.Columns)-1].Type == el.NumberType, OnlyIDs, c.Name)
			v.hold(!v.gone[c.Name], NeverLoses, c.Name)
			c.Kind = el.Range
		}
		if !v.hold(len(declared) > 0 && c.String() == declared[0].String() && !added[c.Name], NothingElse, c.Name) {
			return
		}
		declared = declared[1:]
	}
	for _, c := range declared {
		v.hold(added[c.Name] && c.Keys() == len(c.Columns), NothingElse, c.Name)
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
				if known, ok := keyed(v.p.Collection(a.Channel), v.q.Collection(a.Approx), r.Head); ok {
					r.Body = append(r.Body, el.Not(known))
				}
			}
		}
		v.base = append(v.base, r.Clone())
		for _, s := range v.c.Seens {
			if key, ok := v.key(&s, r.Head); ok {
				r.Body = append(r.Body, el.Not(key))
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

// key is the atom of a range of keys for an atom of its table; ok is false for other
// tables, and if the two have not the same key columns.
func (v *verifier) key(s *Seen, a el.Atom) (key el.Atom, ok bool) {
	table := v.p.Collection(s.Table)
	if a.Name != s.Table || table == nil || table.Kind != el.Table {
		return key, false
	}
	return keyed(table, v.q.Collection(s.Keys), a)
}

// keyed is the atom of a range that has the key columns of a collection, in whatever
// order, for an atom of the collection.
func keyed(of, keys *el.Collection, a el.Atom) (key el.Atom, ok bool) {
	if keys == nil || keys.Kind != el.Range || len(keys.Columns) != of.Keys() {
		return key, false
	}
	key.Name = keys.Name
	for _, c := range keys.Columns {
		k := slices.IndexFunc(of.Columns, func(o el.Column) bool { return o.Name == c.Name && o.Type == c.Type && o.Key })
		if k < 0 {
			return key, false
		}
		key.Args = append(key.Args, a.Args[k])
	}
	return key, true
}

// expect accounts for the rule that is added for an entry, and alone derives into its
// head.
func (v *verifier) expect(want el.Rule, premise Premise) {
	found, writers := -1, 0
	for i, r := range v.q.Rules {
		if r.Head.Name == want.Head.Name {
			writers++
		}
		if i >= len(v.p.Rules) && !v.explained[i] && r.Canonical() == want.Canonical() {
			found = i
		}
	}
	v.hold(found >= 0 && writers == 1, premise, want.String())
	v.explained[found] = true
}

// fresh is a variable that no rule has.
func fresh(i int) el.Term { return el.V(fmt.Sprintf("#c%d", i)) }

// tuple is a collection's atom with a fresh variable for each column.
func tuple(c *el.Collection) el.Atom {
	a := el.Atom{Name: c.Name}
	for i := range c.Columns {
		a.Args = append(a.Args, fresh(i))
	}
	return a
}

func (v *verifier) ack(a *Ack) {
	channel, ack, approx := v.p.Collection(a.Channel), v.q.Collection(a.Ack), v.q.Collection(a.Approx)
	if !v.hold(channel != nil && channel.Kind == el.Channel && ack != nil, AckPerMessage, a.Channel) {
		return
	}
	keys := channel.Keys()
	message := tuple(channel).First(keys)
	arrived, ok := keyed(channel, approx, message)
	if !v.hold(ok, AckPerMessage, a.Approx) {
		return
	}
	to := el.On(a.Ack, append([]el.Term{el.V("#s")}, message.Args[:keys]...)...)
	known := el.On(a.Ack, append([]el.Term{el.V("_")}, message.Args[:keys]...)...)
	v.hold(ack.Location() == 0, AckPerMessage, a.Ack)
	v.expect(el.When(el.Async, to, el.IsFrom(message, "#s")), AckPerMessage)
	v.expect(el.When(el.Now, arrived, el.Is(known)), AckPerMessage)
	senders, readers := 0, 0
	for i := range v.p.Rules {
		r := &v.p.Rules[i]
		if r.Head.Name == a.Channel {
			senders++
			v.hold(v.keyDetermines(r, keys), KeyDetermines, r.String())
		}
		if r.Reads(a.Channel) > 0 {
			readers++
			v.reader(r, a.Channel)
		}
	}
	v.hold(senders == 1, OneSender, a.Channel)
	v.hold(readers > 0, SomebodyReads, a.Channel)
}

func (v *verifier) reader(r *el.Rule, channel string) {
	head := v.p.Collection(r.Head.Name)
	v.hold(head.Kind == el.Table || head.Kind == el.Range, ReadersKeep, r.String())
	v.hold(!r.Aggregates(), ReadersGrow, r.String())
	v.hold(r.Reads(channel) == 1, ReadersAlone, r.String())
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
		return !slices.ContainsFunc(ts, func(t el.Term) bool { return t.Kind == el.Any || t.Kind == el.Var && !fixed[t.Name] })
	}
	for _, t := range r.Head.Args[:keys] {
		fixed[t.Name] = true
	}
	for before := -1; before < len(fixed); {
		before = len(fixed)
		for _, l := range r.Body {
			switch {
			case l.Kind == el.Outer:
				return false // what pads may change, and the payload with it
			case l.Kind == el.Match && covered(l.Atom.Args[:v.p.Collection(l.Atom.Name).Keys()]):
				for _, name := range l.Atom.Vars(nil) {
					fixed[name] = true
				}
			case l.Kind == el.Let && covered(l.Args):
				fixed[l.Var] = true
			}
		}
	}
	return covered(r.Head.Args)
}

func (v *verifier) seen(s *Seen) {
	table := v.p.Collection(s.Table)
	if !v.hold(table != nil, RemembersKeys, s.Table) {
		return
	}
	held := tuple(table).First(table.Keys())
	key, ok := v.key(s, held)
	if !v.hold(ok, RemembersKeys, s.Table) {
		return
	}
	v.expect(el.When(el.Next, key, el.Is(held)), RemembersKeys)
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

// live checks a helper: the clause, with a variable for each of the tuple's columns and
// the key of them as head.
func (v *verifier) live(l *Live) {
	clause, literal := v.clause(l.Use)
	if !v.hold(clause != nil && literal.Kind == el.Match, LiveIsLive, l.Name) {
		return
	}
	want := el.When(el.Now, el.Atom{Name: l.Name})
	for i, b := range clause.Clone().Body {
		var equal []el.Literal
		if i == l.Use.Literal {
			first := map[string]bool{}
			for j, t := range b.Atom.Args {
				if t.Kind != el.Var || first[t.Name] {
					b.Atom.Args[j] = fresh(j)
				}
				if t.Kind != el.Any && t != b.Atom.Args[j] {
					equal = append(equal, el.If("=", b.Atom.Args[j], t))
				}
				first[t.Name] = t.Kind == el.Var
			}
			want.Head.Args = slices.Clone(b.Atom.Args[:v.p.Collection(b.Atom.Name).Keys()])
		}
		want.Body = append(append(want.Body, b), equal...)
	}
	v.expect(want, LiveIsLive)
}
