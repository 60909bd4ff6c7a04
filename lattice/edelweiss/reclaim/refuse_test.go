package reclaim_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

// base is what the cases below add to. Of itself it reclaims x by y, sends what is
// in sbuf, and keeps what arrives in rbuf.
const base = `.decl n(a: node) sealed
.decl i(k: number, v: symbol) input
.decl j(k: number) input
.decl x(k: number => v: symbol) table
.decl y(k: number) table
.decl z(k: number => v: symbol) table
.decl s(k: number => v: symbol) scratch
.decl o(k: number, v: symbol) output
.decl c(@a: node, k: number => v: symbol) channel
.decl got(k: number => v: symbol) table
.decl num(n: number) table
x(k, v) :- i(k, v).
y(k) :- j(k).
z(k, v) :- i(k, v).
`

const live = "o(k, v) :- x(k, v), !y(k).\n"

// TestRefused holds that what must not be rewritten is not, and that the refusal
// names the premise.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, text, collection string
		premise                certify.Premise
	}{
		{"two rules send", "c(a, k, v) @async :- x(k, v), n(a).\nc(a, k, v) @async :- z(k, v), n(a).\ngot(k, v) :- c(_, k, v).", "c", certify.OneSender},
		{"nobody sends", "got(k, v) :- c(_, k, v).", "c", certify.OneSender},
		{"nobody reads", "c(a, k, v) @async :- x(k, v), n(a).", "c", certify.SomebodyReads},
		{"a reader keeps nothing", "c(a, k, v) @async :- x(k, v), n(a).\ns(k, v) :- c(_, k, v).", "c", certify.ReadersKeep},
		{"one of two readers keeps nothing", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- c(_, k, v).\no(k, v) :- c(_, k, v).", "c", certify.ReadersKeep},
		{"a reader joins with a table", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- c(_, k, v), y(k).", "c", certify.ReadersAlone},
		{"a reader joins two messages", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- c(_, k, v), c(_, l, v), k < l.", "c", certify.ReadersAlone},
		{"a reader drops what is in a table", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- c(_, k, v), !y(k).", "c", certify.ReadersAlone},
		{"a reader negates a message", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- n(_), c(_, k, v), !c(_, k, \"\").", "c", certify.ReadersGrow},
		{"a reader counts messages", "c(a, k, v) @async :- x(k, v), n(a).\nnum(count()) :- c(_, _, _).", "c", certify.ReadersGrow},
		{"a reader pads messages", "c(a, k, v) @async :- x(k, v), n(a).\ngot(1, v) :- n(_), c(_, k, v) else k = 1 and v = \"\".", "c", certify.ReadersGrow},
		{"key leaves the payload open", "c(a, 1, v) @async :- x(_, v), n(a).\ngot(k, v) :- c(_, k, v).", "c", certify.KeyDetermines},
		{"payload of a padded join", "c(a, k, w) @async :- y(k), n(a), z(k, w) else w = \"\".\ngot(k, v) :- c(_, k, v).", "c", certify.KeyDetermines},

		{"key without a number to remember", ".decl m(k: symbol) table\n.decl r(k: symbol) table\n.decl e(@a: node, k: symbol) channel\ne(a, k) @async :- m(k), n(a).\nr(k) :- e(_, k).", "e", certify.KeyCompresses},

		{"nobody stops needing it", "got(k, v) :- x(k, v).", "x", certify.SomeUseEnds},
		{"nobody reads it", "", "x", certify.SomeUseEnds},
		{"an output reads it", live + "o(k, v) :- x(k, v).", "x", certify.HeadPersists},
		{"a scratch reads it", live + "s(k, v) :- x(k, v).", "x", certify.HeadPersists},
		{"a scratch reads it that is negated further on", "s(k, v) :- x(k, v).\no(k, v) :- s(k, v), !y(k).", "x", certify.HeadPersists},
		{"the negated scratch is of what stays and another has not", "got(k, v) :- i(k, v).\no(k, v) :- got(k, v).\ns(k, v) :- got(k, v), !y(k).\no(k, v) :- x(k, v), !s(k, _).", "x", certify.NegatedGrows},
		{"the negated scratch pads", "s(k, v) :- y(k), z(k, v) else v = \"\".\no(k, v) :- x(k, v), !s(_, v).", "x", certify.NegatedGrows},
		{"a scratch joins it with a table", live + "s(k, v) :- x(k, v), z(k, _).\ngot(k, v) :- s(k, v).", "x", certify.HeadPersists},
		{"a scratch of the next timestep reads it", live + "s(k, v) @next :- x(k, v).\ngot(k, v) :- s(k, v).", "x", certify.HeadPersists},
		{"a message reads it unacknowledged", live + "c(a, k, v) @async :- x(k, v), n(a).\ns(k, v) :- c(_, k, v).", "x", certify.HeadPersists},
		{"a rule counts it", live + "num(count()) :- x(_, _).", "x", certify.NotAggregated},
		{"a rule pads it", live + "got(k, w) :- i(k, _), x(k, w) else w = \"\".", "x", certify.NotPadded},
		{"a rule negates it for another key", live + "o(k, v) :- z(k, v), !x(_, v).", "x", certify.KeyExact},
		{"a rule negates a constant of it", live + "o(k, v) :- z(k, v), !x(k, \"\").", "x", certify.KeyExact},
		{"what is negated comes and goes", "o(k, v) :- x(k, v), !j(k).", "x", certify.NegatedGrows},
		{"what is negated derives by negation", "s(k, v) :- z(k, v), !y(k).\no(k, v) :- x(k, v), !s(k, _).", "x", certify.NegatedGrows},
		{"what is negated is an aggregate", ".decl m(k: number => n: number) scratch\nm(k, count()) :- z(k, _).\no(k, v) :- x(k, v), !m(k, _).", "x", certify.NegatedGrows},
		{"a partner is not complete", "o(k, v) :- x(k, v), z(l, v), !y(l).", "x", certify.PartnersWhole},
		{"a copy joins with what is not complete", live + "got(l, v) :- x(k, v), z(l, v), k < l.", "x", certify.PartnersWhole},
		{"a partner is an event", "o(k, v) :- x(k, v), j(l), !y(l).", "x", certify.PartnersWhole},
		{"a seal of other columns", ".decl done(v: symbol) table\n.seal z(_, v) by done(v)\no(k, v) :- x(k, v), z(l, _), !y(l).", "x", certify.PartnersWhole},

		{"a seal of another value", ".decl done(k: number) table\n.decl e(z: number, k: number, l: number) table\n.seal e(1, k, _) by done(k)\no(k, v) :- x(k, v), e(2, k, l), !got(l, v).", "x", certify.PartnersWhole},
		{"partner not reclaimed", "o(k, v) :- x(k, v), !y(k).\no(k, v) :- x(k, v).", "y", certify.PartnerDeleted},
		{"partner not reclaimed, declared later", ".decl early(k: number) table\n.decl late(k: number) table\no(k, \"\") :- late(k), !early(k).\no(k, \"\") :- late(k).", "early", certify.PartnerDeleted},
		{"a count further on reads it", live + "s(k, v) :- x(k, v).\nnum(count()) :- s(_, _).", "x", certify.HeadPersists},
		{"a negation further on reads it", live + "s(k, v) :- x(k, v).\ngot(1, \"\") :- n(_), !s(_, _).", "x", certify.HeadPersists},
		{"negation by other columns", "o(k, v) :- got(k, v), !z(_, v).", "z", certify.KeyExact},
		{"negation of part of a key", ".decl p(k: number, l: number) table\no(k, \"\") :- p(k, _), !y(k).", "y", certify.KeyExact},
		{"partner is a scratch", "s(k, v) :- i(k, v).\no(k, v) :- s(k, v), !y(k).", "y", certify.KeyExact},
		{"partner filled by an aggregate", ".decl p(k: number => n: number) table\np(k, count()) :- j(k).\no(k, \"\") :- p(k, _), !y(k).", "y", certify.PartnerGuarded},
		{"key without a number", ".decl p(k: symbol) table\n.decl q(k: symbol) table\no(1, k) :- p(k), !q(k).", "q", certify.KeyCompresses},
		{"it seals something", live + ".seal z(k, _) by y(k)", "y", certify.NotASeal},
		{"an output shows what is negated", live + "o(k, \"\") :- y(k).", "y", certify.HeadPersists},
		{"ids are scanned for what a later literal binds", ".decl p(k: number) table\np(k) :- j(k).\no(k, v) :- p(k), z(k, v).", "p", certify.TestedOnly},
		{"ids are scanned under a column", ".decl p(k: number, l: number) table\np(k, k) :- j(k).\no(l, v) :- z(k, v), p(k, l).", "p", certify.TestedOnly},
		{"ids are scanned", ".decl p(k: number) table\np(k) :- j(k).\no(k, \"\") :- p(k).", "p", certify.TestedOnly},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := el.Parse(base + c.text)
			require.NoError(t, err)
			r, err := reclaim.Rewrite(p, reclaim.All)
			require.NoError(t, err)
			require.NoError(t, certify.Check(p, r.Program, r.Certificate), "what is left must be sound")
			found := slices.ContainsFunc(r.Refusals, func(f reclaim.Refusal) bool {
				return f.Collection == c.collection && f.Premise == c.premise && f.Pos.Line > 0
			})
			assert.True(t, found, "%v", r.Refusals)
			if c.premise == certify.TestedOnly {
				assert.Equal(t, el.Table, r.Program.Collection(c.collection).Kind)
				return
			}
			assert.False(t, deletes(r.Program, c.collection))
			assert.False(t, slices.ContainsFunc(r.Certificate.Acks, func(a certify.Ack) bool { return a.Channel == c.collection }))
		})
	}
}

func deletes(p *el.Program, table string) bool {
	return slices.ContainsFunc(p.Rules, func(r el.Rule) bool { return r.Op == el.Delete && r.Head.Name == table })
}

// TestRewritten holds what the rewrites add, rule by rule.
func TestRewritten(t *testing.T) {
	for _, c := range []struct {
		name, text string
		set        reclaim.Rewrites
		want       []string
	}{
		{"negation", live, reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), y(k0)."}},
		{"negation by a value", "o(k, v) :- x(k, v), !z(_, v).", reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), z(_, k1)."}},
		{"and across rules, or within one", "o(k, v) :- x(k, v), !y(k).\no(k, v) :- x(k, v), !z(k, _), !got(k, _).", reclaim.Negated, []string{
			"x(k0, k1) @delete :- x(k0, k1), y(k0), z(k0, _).",
			"x(k0, k1) @delete :- x(k0, k1), y(k0), got(k0, _).",
		}},
		{"copied before", live + "got(l, v) @next :- x(k, v), l := add(k, 1).", reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), y(k0)."}},
		{"copied through a scratch", live + "s(k, v) :- x(k, v).\ngot(k, v) :- s(k, v).", reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), y(k0)."}},
		{"negated scratch that grows", "s(k, v) :- z(k, v), y(k).\no(k, v) :- x(k, v), !s(k, _).", reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), s(k0, _)."}},
		{"a constant in the use", "o(k, \"a\") :- x(k, \"a\"), !y(k).", reclaim.Negated, []string{
			`x_live(k0) :- x(k0, k1), k1 = "a", !y(k0).`,
			"x(k0, k1) @delete :- x(k0, k1), !x_live(k0).",
		}},
		{"sealed partner", "o(k, v) :- x(k, v), n(a), a != self, !got(k, _).", reclaim.Negated, []string{"x(k0, k1) @delete :- x(k0, k1), got(k0, _)."}},
		{"found by its key", "got(k, w) :- x(k, v), z(k, w), v != w.\n" + live, reclaim.Negated | reclaim.Joined, []string{
			"x(k0, k1) @delete :- x(k0, k1), z(k0, _), y(k0).",
		}},
		{"join without punctuation", "got(k, w) :- x(k, v), z(k, w), v != w.\n" + live, reclaim.Negated, nil},
		{"sealed by a value", ".decl done(k: number) table\n.decl e(k: number, a: number) table\n.seal e(k, _) by done(k)\no(k, v) :- x(k, v), e(k, l), !got(l, v).",
			reclaim.Negated | reclaim.Joined, []string{
				"x_live(k0) :- x(k0, k1), e(k0, v_l), !got(v_l, k1).",
				"x(k0, k1) @delete :- x(k0, k1), done(k0), !x_live(k0).",
				"e_live(k0, k1) :- x(k0, v_v), e(k0, k1), !got(k1, v_v).",
				"e(k0, k1) @delete :- e(k0, k1), x_seen(k0), !e_live(k0, k1).",
				"x_seen(k0) @next :- x(k0, _).",
			}},
		{"both sides of a negation", live, reclaim.Negated | reclaim.Negating, []string{
			"x(k0, k1) @delete :- x(k0, k1), y(k0).",
			"y(k0) @delete :- y(k0), x_seen(k0), !x(k0, _).",
			"x_seen(k0) @next :- x(k0, _).",
		}},
		{"counted while it is there", "num(count()) :- x(k, _), !y(k).", reclaim.Negated | reclaim.Negating, []string{
			"x(k0, k1) @delete :- x(k0, k1), y(k0).",
			"y(k0) @delete :- y(k0), x_seen(k0), !x(k0, _).",
			"x_seen(k0) @next :- x(k0, _).",
		}},
		{"counted until all have it", ".decl p(k: number, a: node) table\nnum(count()) :- x(k, _), n(a), !p(k, a).", reclaim.Negated, []string{
			"x_live(k0) :- x(k0, k1), n(v_a), !p(k0, v_a).",
			"x(k0, k1) @delete :- x(k0, k1), !x_live(k0).",
		}},
		{"a partner after a sealed collection", "o(k, v) :- n(_), x(k, v), !y(k).", reclaim.Negated | reclaim.Negating, []string{
			"x(k0, k1) @delete :- x(k0, k1), y(k0).",
			"y(k0) @delete :- y(k0), x_seen(k0), !x(k0, _).",
			"x_seen(k0) @next :- x(k0, _).",
		}},
		{"two partners", live + "o(k, v) :- z(k, v), !y(k).", reclaim.Negated | reclaim.Negating, []string{
			"x(k0, k1) @delete :- x(k0, k1), y(k0).",
			"y(k0) @delete :- y(k0), x_seen(k0), !x(k0, _), z_seen(k0), !z(k0, _).",
			"z(k0, k1) @delete :- z(k0, k1), y(k0).",
			"x_seen(k0) @next :- x(k0, _).",
			"z_seen(k0) @next :- z(k0, _).",
		}},
		{"ranges", "o(k, v) :- x(k, v), !y(k).", reclaim.Compress, nil},
		{"acknowledged", "c(a, k, v) @async :- x(k, v), n(a).\ngot(k, v) :- c(_, k, v).", reclaim.Acknowledge, []string{
			"c_ack(s, k0, k1) @async :- c(k0, k1, _) from s.",
			"c_approx(k0, k1) :- c_ack(_, k0, k1).",
		}},
		{"acknowledged, the number not last", ".decl b(k: number, @a: node, w: symbol => v: symbol) channel\n.decl kept(k: number, w: symbol => v: symbol) table\nb(k, a, v, v) @async :- x(k, v), n(a).\nkept(k, w, v) :- b(k, _, w, v).", reclaim.Acknowledge, []string{
			"b_ack(s, k0, k1, k2) @async :- b(k0, k1, k2, _) from s.",
			"b_approx(k1, k2, k0) :- b_ack(_, k0, k1, k2).",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := el.Parse(base + c.text)
			require.NoError(t, err)
			before := el.Print(p)
			r, err := reclaim.Rewrite(p, c.set)
			require.NoError(t, err)
			assert.Equal(t, before, el.Print(p), "the original is not touched")
			var got []string
			for _, rule := range r.Program.Rules[len(p.Rules):] {
				got = append(got, rule.String())
			}
			assert.Equal(t, c.want, got)
			require.NoError(t, certify.Check(p, r.Program, r.Certificate))
			if c.name == "ranges" {
				assert.Equal(t, []string{"y", "num"}, r.Certificate.Ranges)
			}
		})
	}
}

// TestNamesAreFresh: generated names avoid those of the program.
func TestNamesAreFresh(t *testing.T) {
	p, err := el.Parse(base + ".decl x_seen(k: number) table\n.decl c_ack(k: number) table\n.decl sender(sender: node) sealed\n" +
		".decl d(@sender: node, id: number) channel\n.decl kept(id: number) table\n" + live +
		"c(a, k, v) @async :- x(k, v), n(a), !y(k).\ngot(k, v) :- c(_, k, v).\nd(a, k) @async :- got(k, _), n(a).\nkept(k) :- d(_, k).")
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All)
	require.NoError(t, err)
	require.NoError(t, certify.Check(p, r.Program, r.Certificate))
	assert.NotNil(t, r.Program.Collection("x_seen_"))
	assert.NotNil(t, r.Program.Collection("c_ack_"))
	assert.Contains(t, r.Program.Collection("d_ack").String(), "@sender: node, sender_key: node, id: number")
}

func TestRewriteRefusesWhatIsNoProgram(t *testing.T) {
	p, err := el.Parse(".decl t(k: number) table\nt(k) @delete :- t(k).")
	require.NoError(t, err)
	_, err = reclaim.Rewrite(p, reclaim.All)
	require.ErrorIs(t, err, el.ErrDeletion)
}
