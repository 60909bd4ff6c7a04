package claims_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/programs"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

// honest is a program of which every kind of entry is made: c is acknowledged, x is
// deleted once y has its key and all have it, y once x is gone, kept is a range.
const honest = `.decl n(a: node) sealed
.decl put(k: number => v: symbol) input
.decl del(k: number) input
.decl x(k: number => v: symbol) table
.decl y(k: number) table
.decl z(k: number => v: symbol) table
.decl kept(k: number) table
.decl num(n: number) table
.decl spare(k: number) table
.decl s(k: number => v: symbol) scratch
.decl c(@a: node, k: number => v: symbol) channel
.decl got(k: number => v: symbol) table
.decl o(k: number => v: symbol) output

x(k, v) :- put(k, v).
y(k) :- del(k).
c(a, k, v) @async :- x(k, v), n(a).
got(k, v) :- c(_, k, v).
o(k, v) :- x(k, v), !y(k).
kept(k) :- del(k).
spare(k) :- del(k).
`

// The numbers of its rules.
const (
	fillX = iota
	fillY
	send
	receive
	show
	keep
	spare
)

// claim is a rewritten program with its certificate, to be spoilt.
type claim struct {
	t    *testing.T
	p, q *el.Program
	c    *certify.Certificate
}

func claimed(t *testing.T, text string) *claim {
	t.Helper()
	p, err := el.Parse(text)
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	require.NoError(t, certify.Check(p, r.Program, r.Certificate))
	return &claim{t, p, r.Program, r.Certificate}
}

func (c *claim) rule(text string) el.Rule {
	p, err := el.Parse(text)
	require.NoError(c.t, err)
	return p.Rules[0]
}

// replace puts another rule in the place of one in both programs, with guards in the
// rewritten one.
func (c *claim) replace(i int, text string, guards ...el.Literal) {
	c.p.Rules[i], c.q.Rules[i] = c.rule(text), c.rule(text)
	c.q.Rules[i].Body = append(c.q.Rules[i].Body, guards...)
}

// added finds the rule of the rewrites whose text begins so.
func (c *claim) added(text string) *el.Rule {
	for i := len(c.p.Rules); i < len(c.q.Rules); i++ {
		if strings.HasPrefix(c.q.Rules[i].String(), text) {
			return &c.q.Rules[i]
		}
	}
	require.Fail(c.t, "no rule "+text)
	return nil
}

// deletion finds the entry of a table.
func (c *claim) deletion(table string) *certify.Deletion {
	i := slices.IndexFunc(c.c.Deletions, func(d certify.Deletion) bool { return d.Table == table })
	require.GreaterOrEqual(c.t, i, 0)
	return &c.c.Deletions[i]
}

func (c *claim) because(table string, how certify.How, u certify.Use) {
	d := c.deletion(table)
	d.Reasons = append(slices.DeleteFunc(d.Reasons, func(r certify.Reason) bool { return r.Use == u }), certify.Reason{Use: u, How: how})
}

func drop(r *el.Rule, text string) {
	n := len(r.Body)
	r.Body = slices.DeleteFunc(r.Body, func(l el.Literal) bool { return strings.Contains(l.String(), text) })
	if len(r.Body) == n {
		panic("no literal contains " + text)
	}
}

// TestFaults claims, for each premise, what breaks it.
func TestFaults(t *testing.T) {
	approx := func(args ...el.Term) el.Literal { return el.Not(el.On("c_approx", args...)) }
	usual := approx(el.V("a"), el.V("k"))
	for _, test := range []struct {
		premise certify.Premise
		spoil   func(c *claim)
	}{
		{certify.OneSender, func(c *claim) { c.replace(spare, "c(a, k, v) @async :- got(k, v), n(a).", usual) }},
		{certify.ReadersKeep, func(c *claim) { c.replace(receive, "s(k, v) :- c(_, k, v).") }},
		{certify.ReadersAlone, func(c *claim) { c.replace(receive, "got(k, v) :- c(_, k, v), kept(k).") }},
		{certify.ReadersAlone, func(c *claim) { c.replace(receive, "got(k, v) :- c(_, k, v), c(_, l, _), k < l.") }},
		{certify.ReadersGrow, func(c *claim) { c.replace(receive, "spare(1) :- n(a), !c(a, 1, _).") }},
		{certify.ReadersGrow, func(c *claim) { c.replace(receive, "num(count()) :- c(_, _, _).") }},
		{certify.KeyDetermines, func(c *claim) {
			c.replace(send, "c(a, 1, v) @async :- x(_, v), n(a).", approx(el.V("a"), el.C(el.Number(1))))
		}},
		{certify.KeyDetermines, func(c *claim) {
			c.replace(send, `c(a, k, v) @async :- x(k, _), n(a), got(k, v) else v = "".`, usual)
		}},
		{certify.KeyDetermines, func(c *claim) { // nor may the message itself hang on what pads
			c.replace(send, `c(a, k, v) @async :- x(k, v), n(a), got(k, w) else w = "".`, usual)
		}},
		{certify.SomebodyReads, func(c *claim) { c.replace(receive, "got(k, v) :- put(k, v).") }},
		{certify.AckPerMessage, func(c *claim) { c.added("c_ack(").Head.Args[0] = el.Me() }},
		{certify.AckPerMessage, func(c *claim) { c.added("c_approx(").Op = el.Next }},
		{certify.GuardedSending, func(c *claim) { drop(&c.q.Rules[send], "c_approx") }},

		{certify.IsTable, func(c *claim) { c.deletion("x").Table = "none" }},
		{certify.SomeUseEnds, func(c *claim) {
			c.q.Rules = append(c.q.Rules, c.rule("got(k, v) @delete :- got(k, v)."))
			c.c.Deletions = append(c.c.Deletions, certify.Deletion{Table: "got", Rule: len(c.q.Rules) - 1})
		}},
		{certify.NotPadded, func(c *claim) {
			c.replace(spare, "spare(k) :- del(k), y(k) else k = 1.")
			c.because("y", certify.Settled, certify.Use{Rule: spare, Clause: 1, Literal: 1})
		}},
		{certify.NotAggregated, func(c *claim) {
			c.replace(spare, "num(count()) :- x(_, _).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
		}},
		{certify.HeadPersists, func(c *claim) {
			c.replace(spare, "o(k, v) :- x(k, v).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
		}},
		{certify.HeadPersists, func(c *claim) { c.replace(spare, "spare(k) :- x(k, _).") }}, // sound, and not said
		{certify.HeadPersists, func(c *claim) { // through a scratch that is joined further on
			c.replace(spare, "s(k, v) :- x(k, v).")
			c.replace(keep, "kept(k) :- s(k, _), got(k, _).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
		}},
		{certify.NegatedGrows, func(c *claim) { // by a scratch that an outer join fills
			c.replace(keep, `s(k, v) :- del(k), got(k, v) else v = "".`)
			c.replace(show, "o(k, v) :- x(k, v), !s(k, _).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "_")))
		}},
		{certify.NegatedGrows, func(c *claim) { // by the greatest so far, which goes when a greater comes
			c.replace(keep, "s(1, max(v)) :- got(_, v).")
			c.replace(show, "o(k, v) :- x(k, v), !s(_, v).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "_", "k1")))
		}},
		{certify.NegatedGrows, func(c *claim) { // by what pads until something comes
			c.replace(keep, `s(k, v) :- spare(k), got(k, v) else v = "".`)
			c.replace(show, "o(k, v) :- x(k, v), !s(k, v).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "k1")))
		}},
		{certify.NegatedGrows, func(c *claim) { // by a scratch of what passes
			c.replace(keep, "s(k, v) :- put(k, v).")
			c.replace(show, "o(k, v) :- x(k, v), !s(k, _).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "_")))
		}},
		{certify.NegatedGrows, func(c *claim) { // by a tuple that is itself deleted, for another's sake
			c.replace(spare, "o(k, v) :- got(k, v), !y(1).")
			c.q.Rules = append(c.q.Rules, c.rule("got(k, v) @delete :- got(k, v), y(1)."))
			c.c.Deletions = append(c.c.Deletions, certify.Deletion{Table: "got", Rule: len(c.q.Rules) - 1,
				Reasons: []certify.Reason{{Use: certify.Use{Rule: spare}, How: certify.Dominated}}})
		}},
		{certify.NegatedGrows, func(c *claim) { // by a scratch of the next timestep
			c.replace(keep, "s(k, v) @next :- got(k, v).")
			c.replace(show, "o(k, v) :- x(k, v), !s(k, _).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "_")))
		}},
		{certify.NegatedGrows, func(c *claim) { // by a scratch of what is not in another
			c.replace(keep, "s(k, v) :- got(k, v), !kept(k).")
			c.replace(show, "o(k, v) :- x(k, v), !s(k, _).")
			r := c.added("x(k0, k1) @delete")
			drop(r, "y(")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "_")))
		}},
		{certify.NegatedGrows, func(c *claim) {
			c.replace(show, "o(k, v) :- x(k, v), !del(k).")
			drop(c.added("x(k0, k1) @delete"), "y(")
			c.added("x(k0, k1) @delete").Body = append(c.added("x(k0, k1) @delete").Body, c.rule("a(k) :- del(k0).").Body[0])
		}},
		{certify.PartnersWhole, func(c *claim) {
			c.replace(spare, "spare(l) :- x(_, v), z(l, v).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
		}},
		{certify.PartnersWhole, func(c *claim) { // one tuple is there, and others may come
			c.replace(spare, "got(k, v) :- x(k, _), z(_, v).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
			r := c.added("x(k0, k1) @delete")
			r.Body = append(r.Body, el.Is(el.A("z", "_", "_")))
		}},
		{certify.PartnersWhole, func(c *claim) { // another tuple of a scratch may come with the key
			c.replace(keep, "s(k, v) :- got(k, v).")
			c.replace(spare, "spare(k) :- x(k, _), s(k, _).")
			c.because("x", certify.Kept, certify.Use{Rule: spare})
			r := c.added("x(k0, k1) @delete")
			r.Body = append(r.Body, el.Is(el.A("s", "k0", "_")))
		}},
		{certify.NotNegated, func(c *claim) { c.because("x", certify.Settled, certify.Use{Rule: show}) }},
		{certify.PartnerDeleted, func(c *claim) { drop(c.added("y(k0) @delete"), "!x(") }},
		{certify.PartnerDeleted, func(c *claim) { drop(c.added("y(k0) @delete"), "x_seen(") }},
		{certify.PartnerGuarded, func(c *claim) {
			c.replace(fillX, "x(k, max(v)) :- put(k, v).", el.Not(el.A("x_seen", "k")))
		}},
		{certify.NotASeal, func(c *claim) {
			seal := el.Seal{Of: el.A("got", "k", "_"), By: el.A("y", "k")}
			c.p.Seals, c.q.Seals = []el.Seal{seal}, []el.Seal{seal}
		}},
		{certify.DeletesOne, func(c *claim) { c.deletion("x").Rule = len(c.q.Rules) }},
		{certify.DeletesOne, func(c *claim) { c.deletion("x").Rule = show }},
		{certify.RemembersKeys, func(c *claim) { drop(&c.q.Rules[fillX], "x_seen") }},
		{certify.RemembersKeys, func(c *claim) { c.added("x_seen(").Body = []el.Literal{el.Is(el.A("y", "k0"))} }},
		{certify.LiveIsLive, func(c *claim) { drop(c.added("x(k0, k1) @delete"), "x_live") }},
		{certify.LiveIsLive, func(c *claim) { c.c.Lives[0].Use.Rule = show }},
		{certify.LiveIsLive, func(c *claim) { c.c.Lives[0].Use.Literal = 99 }},

		{certify.OnlyIDs, func(c *claim) { c.c.Ranges = append(c.c.Ranges, "got") }},
		{certify.NeverLoses, func(c *claim) { c.c.Ranges = append(c.c.Ranges, "y") }},
		{certify.NothingElse, func(c *claim) { c.q.Rules = append(c.q.Rules, c.rule("kept(k) :- put(k, _).")) }},
		{certify.NothingElse, func(c *claim) { c.q.Rules[show].Body[1].Kind = el.Match }},
		{certify.NothingElse, func(c *claim) { c.q.Collections[3].Columns[1].Key = true }},
		{certify.NothingElse, func(c *claim) { c.c.Lives = nil }},
		{certify.NothingElse, func(c *claim) { c.q = &el.Program{} }},
		{certify.NothingElse, func(c *claim) {
			c.q.Seals = append(c.q.Seals, el.Seal{Of: el.A("x", "k", "_"), By: el.A("kept", "k")})
		}},
	} {
		t.Run(string(test.premise), func(t *testing.T) {
			c := claimed(t, honest)
			test.spoil(c)
			err := certify.Check(c.p, c.q, c.c)
			require.Error(t, err)
			assert.Contains(t, premises(err), test.premise, "%v", err)
			assert.ErrorContains(t, err, "does not hold that "+string(test.premise))
		})
	}
}

// TestHonest are certificates that hold by ways of their own.
func TestHonest(t *testing.T) {
	for _, text := range []string{
		"s(k, v) :- x(k, v).\nz(k, v) :- s(k, v).",                             // kept through a scratch
		"s(k, v) :- got(k, v), kept(k).\no(k, v) :- z(k, v), !s(k, _).",        // a scratch that grows
		"z(k, v) :- x(k, v), n(_).",                                            // joined with what is sealed
		"spare(l) :- x(k, v), z(k, _), l := add(k, 1).\nz(k, v) :- put(k, v).", // and with what its key finds
	} {
		c := claimed(t, honest+text)
		assert.NotEmpty(t, c.c.Deletions)
		c.deletion("x")
	}
}

func premises(err error) (out []certify.Premise) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			out = append(out, premises(e)...)
		}
	}
	var f *certify.Fault
	if errors.As(err, &f) {
		out = append(out, f.Premise)
	}
	return out
}

// TestNothingIsBorrowed: what an entry adds is new, is one entry's, and is what it
// is called; each of these would change outputs.
func TestNothingIsBorrowed(t *testing.T) {
	t.Run("keys of a scratch", func(t *testing.T) {
		c := claimed(t, ".decl i(k: number) input\n.decl t(k: number) range\n.decl s(k: number) scratch\n.decl o(k: number) output\n"+
			"t(k) :- i(k).\ns(k) :- t(k).\no(k) :- s(k).")
		c.q.Rules[1].Body = append(c.q.Rules[1].Body, el.Not(el.A("s_seen", "k")))
		c.q.Rules = append(c.q.Rules, c.rule("s_seen(k) @next :- s(k)."))
		c.q.Collections = append(c.q.Collections, el.Decl(el.Range, "s_seen", el.Key("k", el.NumberType)))
		c.c.Seens = append(c.c.Seens, certify.Seen{Table: "s", Keys: "s_seen"})
		assert.Contains(t, premises(certify.Check(c.p, c.q, c.c)), certify.NothingElse)
	})
	t.Run("a helper of the original's", func(t *testing.T) {
		c := claimed(t, ".decl i(k: number) input\n.decl t(k: number) table\n.decl u(k: number) table\n.decl n(v: number) sealed\n"+
			".decl h(k: number) scratch\n.decl o(k: number) output\n.decl g(k: number) output\n"+
			"t(k) :- i(k).\nu(k) :- i(k).\nn(1).\no(k) :- t(k), n(v), !u(v).\ng(k) :- u(k), !h(k).")
		for i := range c.q.Rules {
			c.q.Rules[i] = c.rule(strings.ReplaceAll(c.q.Rules[i].String(), "t_live(", "h("))
		}
		c.q.Collections = slices.DeleteFunc(c.q.Collections, func(d el.Collection) bool { return d.Name == "t_live" })
		require.Len(t, c.c.Lives, 1)
		c.c.Lives[0].Name = "h"
		assert.Contains(t, premises(certify.Check(c.p, c.q, c.c)), certify.NothingElse)
	})
	t.Run("acknowledgements of another channel", func(t *testing.T) {
		c := claimed(t, ".decl n(a: node) sealed\n.decl i(k: number) input\n.decl t(k: number) table\n.decl u(k: number) table\n"+
			".decl a(@to: node, k: number) channel\n.decl b(@to: node, k: number) channel\n.decl ga(k: number) table\n.decl gb(k: number) table\n"+
			"t(k) :- i(k).\nu(k) @next :- t(k).\na(n, k) @async :- t(k), n(n).\nb(n, k) @async :- u(k), n(n).\nga(k) :- a(_, k).\ngb(k) :- b(_, k).")
		for i := range c.q.Rules {
			text := strings.ReplaceAll(c.q.Rules[i].String(), "b_ack(", "a_ack(")
			c.q.Rules[i] = c.rule(text)
		}
		c.q.Collections = slices.DeleteFunc(c.q.Collections, func(d el.Collection) bool { return d.Name == "b_ack" })
		for i := range c.c.Acks {
			c.c.Acks[i].Ack = "a_ack"
		}
		assert.Contains(t, premises(certify.Check(c.p, c.q, c.c)), certify.AckPerMessage)
	})
	t.Run("a variable that is caught", func(t *testing.T) {
		for _, name := range []string{"c0", "c1", "k1", "x0"} {
			claimed(t, strings.NewReplacer("LATE", name).Replace(".decl i(k: number, v: number) input\n.decl t(k: number, v: number) table\n"+
				".decl u(k: number) table\n.decl n(v: number) sealed\n.decl o(k: number) output\nt(k, v) :- i(k, v).\nu(k) :- i(_, k).\n"+
				"n(1).\no(k) :- t(k, 1), n(LATE), !u(LATE)."))
		}
		c := claimed(t, ".decl i(k: number, v: number) input\n.decl t(k: number, v: number) table\n"+
			".decl u(k: number) table\n.decl n(v: number) sealed\n.decl o(k: number) output\nt(k, v) :- i(k, v).\nu(k) :- i(_, k).\n"+
			"n(1).\no(k) :- t(k, 1), n(c1), !u(c1).")
		*c.added("t_live(") = c.rule("t_live(k, c1) :- t(k, c1), c1 = 1, n(c1), !u(c1).")
		assert.Contains(t, premises(certify.Check(c.p, c.q, c.c)), certify.LiveIsLive)
	})
	t.Run("an acknowledgement without key", func(t *testing.T) {
		c := claimed(t, honest)
		i := slices.IndexFunc(c.q.Collections, func(d el.Collection) bool { return d.Name == "c_approx" })
		c.q.Collections[i].Kind, c.q.Collections[i].Columns[1].Key = el.Table, false
		assert.Contains(t, premises(certify.Check(c.p, c.q, c.c)), certify.NothingElse)
	})
}

// TestCheckNeverPanics spoils programs and certificates at random.
func TestCheckNeverPanics(t *testing.T) {
	refused := 0
	for seed := range uint64(600) {
		d := rand.New(rand.NewPCG(seed, 1))
		names := programs.Names()
		p, err := programs.Load(names[d.IntN(len(names))])
		require.NoError(t, err)
		r, err := reclaim.Rewrite(p, reclaim.All)
		require.NoError(t, err)
		q, c := r.Program, r.Certificate
		name := func() string {
			return [...]string{"", "none", q.Collections[d.IntN(len(q.Collections))].Name}[d.IntN(3)]
		}
		use := func() certify.Use {
			return certify.Use{Rule: d.IntN(len(q.Rules)+2) - 1, Clause: d.IntN(3) - 1, Literal: d.IntN(6) - 1}
		}
		for range 1 + d.IntN(3) {
			switch d.IntN(8) {
			case 0:
				c.Acks = append(c.Acks, certify.Ack{Channel: name(), Ack: name(), Approx: name()})
			case 1:
				c.Seens = append(c.Seens, certify.Seen{Table: name(), Keys: name()})
			case 2:
				c.Lives = append(c.Lives, certify.Live{Name: name(), Use: use()})
			case 3:
				c.Deletions = append(c.Deletions, certify.Deletion{Table: name(), Rule: d.IntN(len(q.Rules)+2) - 1,
					Reasons: []certify.Reason{{Use: use(), How: certify.How(d.IntN(6))}}})
			case 4:
				c.Ranges = append(c.Ranges, name())
			case 5:
				q.Collections = q.Collections[:d.IntN(len(q.Collections))]
				q.Rules = nil
				q.Collections = append(q.Collections, p.Collections[:1]...)
			case 6:
				q.Rules = slices.Delete(q.Rules, d.IntN(len(q.Rules)), len(q.Rules))
			case 7:
				for i := range c.Deletions {
					for j := range c.Deletions[i].Reasons {
						c.Deletions[i].Reasons[j].How = certify.How(d.IntN(6))
					}
				}
			}
			if len(q.Rules) == 0 || len(q.Collections) == 0 {
				break
			}
		}
		if certify.Check(p, q, c) != nil {
			refused++
		}
	}
	assert.Greater(t, refused, 500)
}

// TestCheckerIsSmall holds what makes the checker fit to be read: its lines of code.
func TestCheckerIsSmall(t *testing.T) {
	lines := 0
	for _, name := range []string{"../check.go", "../deletion.go"} {
		f, err := os.Open(name)
		require.NoError(t, err)
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if text := strings.TrimSpace(s.Text()); text != "" && !strings.HasPrefix(text, "//") {
				lines++
			}
		}
	}
	assert.Less(t, lines, 500)
	assert.Greater(t, lines, 300)
}

func TestNamesOfWays(t *testing.T) {
	assert.Equal(t, "kept dominated exhausted settled ? ?", strings.Join([]string{certify.Kept.String(), certify.Dominated.String(),
		certify.Exhausted.String(), certify.Settled.String(), certify.How(0).String(), certify.How(9).String()}, " "))
}
