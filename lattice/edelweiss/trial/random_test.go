package trial_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

var randomSeeds = flag.Int("random-seeds", 700, "random programs that are rewritten and run beside their originals")

var num = el.NumberType

var randomDecls = []el.Collection{
	el.Decl(el.Sealed, "n", el.Key("a", num)),
	el.Decl(el.Input, "i", el.Key("k", num), el.Key("l", num)),
	el.Decl(el.Input, "j", el.Key("k", num)),
	el.Decl(el.Input, "seal", el.Key("k", num)),
	el.Decl(el.Table, "x", el.Key("k", num), el.Payload("v", num)),
	el.Decl(el.Table, "y", el.Key("k", num)),
	el.Decl(el.Table, "z", el.Key("k", num), el.Key("l", num)),
	el.Decl(el.Table, "w", el.Key("k", num), el.Payload("v", num)),
	el.Decl(el.Table, "p", el.Key("k", num), el.Key("l", num)),
	el.Decl(el.Table, "sealed", el.Key("k", num)),
	el.Decl(el.Scratch, "s", el.Key("k", num), el.Payload("v", num)),
	el.Decl(el.Scratch, "t", el.Key("k", num)),
	el.Decl(el.Output, "o", el.Key("k", num), el.Key("l", num)),
	el.Decl(el.Channel, "c", el.At("to"), el.Key("k", num), el.Payload("v", num)),
}

type dice struct{ *rand.Rand }

func (d dice) pick(names ...string) string { return names[d.IntN(len(names))] }

func (d dice) atom(name string, vars ...string) el.Atom {
	i := slices.IndexFunc(randomDecls, func(c el.Collection) bool { return c.Name == name })
	a := el.Atom{Name: name}
	for _, c := range randomDecls[i].Columns {
		switch {
		case c.Type == el.NodeType:
			a.Args = append(a.Args, el.V("_"))
		case d.IntN(9) == 0:
			a.Args = append(a.Args, el.C(el.Number(d.Int64N(3))))
		case d.IntN(5) == 0:
			a.Args = append(a.Args, el.V("_"))
		default:
			a.Args = append(a.Args, el.V(d.pick(vars...)))
		}
	}
	return a
}

// rule draws rules of the shapes that rewrites are about: copies, joins, and
// negations of what was joined, with a rare test, aggregate or outer join.
func (d dice) rule() el.Rule {
	r := el.Rule{Op: el.Now}
	from := []string{"x", "y", "z", "w", "p", "x", "z", "s", "t"}
	vars := []string{"a", "b"}
	r.Body = append(r.Body, el.Is(d.atom(d.pick(from...), "a", "b")))
	if d.IntN(2) == 0 {
		r.Body = append(r.Body, el.Is(d.atom(d.pick("x", "y", "z", "w", "p", "n", "s", "t"), "a", "b", "c")))
		vars = append(vars, "c")
	}
	for range d.IntN(3) {
		r.Body = append(r.Body, el.Not(d.atom(d.pick("x", "y", "z", "w", "p", "t", "s"), vars...)))
	}
	switch d.IntN(12) {
	case 0:
		r.Body = append(r.Body, el.If(d.pick("<", "!=", "="), el.V("a"), el.V("b")))
	case 1:
		r.Body = append(r.Body, el.OrElse(d.atom(d.pick("x", "w"), "a", "e"), el.Default{Var: "e", Value: el.C(el.Number(0))}))
	case 2:
		r.Body = append(r.Body, el.Set("e", d.pick("min", "max"), el.V("a"), el.V("b")))
	}
	r.Head = d.atom(d.pick("o", "o", "o", "x", "y", "z", "w", "p", "s", "t"), vars...)
	for i, t := range r.Head.Args {
		if t.Kind == el.Any {
			r.Head.Args[i] = el.V("a")
		}
	}
	if r.Head.Name != "o" && d.IntN(3) == 0 {
		r.Op = el.Next
	}
	if d.IntN(10) == 0 {
		r.Head.Args[len(r.Head.Args)-1] = el.Agg("count", "")
	}
	d.Shuffle(len(r.Body), func(i, j int) { r.Body[i], r.Body[j] = r.Body[j], r.Body[i] })
	return r
}

func (d dice) program() *el.Program {
	p := &el.Program{Collections: randomDecls, Seals: []el.Seal{{Of: el.A("p", "k", "_"), By: el.A("sealed", "k")}}}
	p.Rules = []el.Rule{
		{Op: el.Now, Head: el.On("n", el.C(el.Number(1)))},
		{Op: el.Now, Head: el.On("n", el.C(el.Number(2)))},
		el.When(el.Now, el.A("x", "k", "v"), el.Is(el.A("i", "k", "_")), el.Set("v", "mod", el.V("k"), el.C(el.Number(3)))),
		el.When(el.Now, el.A("w", "k", "v"), el.Is(el.A("i", "_", "k")), el.Set("v", "mod", el.V("k"), el.C(el.Number(2)))),
		el.When(el.Now, el.A("y", "k"), el.Is(el.A("j", "k"))),
		el.When(el.Now, el.A("z", "k", "l"), el.Is(el.A("i", "k", "l"))),
		el.When(el.Now, el.A("p", "k", "l"), el.Is(el.A("i", "k", "l"))),
		el.When(el.Next, el.A("sealed", "k"), el.Is(el.A("seal", "k"))),
		el.When(el.Now, el.A("x", "k", "v"), el.Is(el.A("c", "_", "k", "v"))),
	}
	given := len(p.Rules)
	for tries, want := 0, given+2+d.IntN(5); len(p.Rules) < want && tries < 500; tries++ {
		r := d.rule()
		if r.Head.Name == "p" {
			continue // what is sealed comes from inputs, so that seals can be true
		}
		if p.Rules = append(p.Rules, r); el.Check(p) != nil {
			p.Rules = p.Rules[:len(p.Rules)-1]
		}
	}
	return p
}

// events are inputs and messages of one timestep; sealed keys get no further tuples.
func (d dice) events(sealed map[int64]bool) (e eval.Events) {
	fact := func(name string, ns ...int64) eval.Fact {
		f := eval.Fact{Collection: name}
		for _, n := range ns {
			f.Tuple = append(f.Tuple, el.Number(n))
		}
		return f
	}
	for range d.IntN(4) {
		switch k, l := d.Int64N(5), d.Int64N(5); d.IntN(8) {
		case 0, 1, 2:
			if !sealed[k] {
				e.Inputs = append(e.Inputs, fact("i", k, l))
			}
		case 3, 4, 5:
			e.Inputs = append(e.Inputs, fact("j", k))
		case 6:
			e.Inputs = append(e.Inputs, fact("seal", k))
			sealed[k] = true
		case 7:
			f := fact("c", k, k%3)
			f.Tuple = append(el.Tuple{el.Node(0)}, f.Tuple...)
			e.Messages = append(e.Messages, eval.Message{From: 1, Fact: f})
		}
	}
	return e
}

// outcome is what came of running two programs on the same events.
type outcome struct {
	original, rewritten *eval.Machine
	unequal             string
	conflict            bool // the original has two tuples under one key: nothing is promised
}

// beside runs a program and a rewritten one on the same random events until their
// outputs differ.
func (d dice) beside(t *testing.T, p, q *el.Program) (o outcome) {
	t.Helper()
	var err error
	o.original, err = eval.New(p, eval.Options{WatchSeals: true})
	require.NoError(t, err)
	o.rewritten, err = eval.New(q, eval.Options{})
	require.NoError(t, err)
	sealed := map[int64]bool{}
	for tick := range 25 {
		e := d.events(sealed)
		if err := o.original.Tick(e); err != nil {
			require.True(t, errors.Is(err, eval.ErrKey), err)
			o.conflict = true
			return o
		}
		if err := o.rewritten.Tick(e); err != nil {
			o.unequal = err.Error()
			return o
		}
		want, got := o.original.Contents("o"), o.rewritten.Contents("o")
		if !slices.EqualFunc(want, got, func(a, b el.Tuple) bool { return a.Compare(b) == 0 }) {
			o.unequal = fmt.Sprintf("timestep %d: original %v, rewritten %v", tick, want, got)
			return o
		}
	}
	return o
}

// spoil changes a rewritten program or its certificate as a faulty rewrite might:
// it loses a condition or a guard, or it invents a deletion with reasons at random.
func (d dice) spoil(p *el.Program, r *reclaim.Result) (*el.Program, *certify.Certificate) {
	q, c := r.Program.Clone(), *r.Certificate
	if d.IntN(2) == 0 {
		i := d.IntN(len(q.Rules))
		least := 1
		if i < len(p.Rules) {
			least = len(p.Rules[i].Body)
		}
		if n := len(q.Rules[i].Body); n > least {
			j := least + d.IntN(n-least)
			q.Rules[i].Body = slices.Delete(q.Rules[i].Body, j, j+1)
		}
		return q, &c
	}
	table := d.pick("x", "y", "z", "w", "p")
	decl := p.Collection(table)
	own := el.Atom{Name: table}
	for i := range decl.Columns {
		own.Args = append(own.Args, el.V(fmt.Sprintf("k%d", i)))
	}
	rule := el.When(el.Delete, own, el.Is(own))
	for range d.IntN(3) {
		other := d.atom(d.pick("x", "y", "z", "w", "p"), "k0", fmt.Sprintf("k%d", len(own.Args)-1))
		rule.Body = append(rule.Body, el.Is(other))
	}
	for _, l := range c.Lives {
		if decl := q.Collection(l.Name); d.IntN(2) == 0 && len(decl.Columns) == len(own.Args) {
			rule.Body = append(rule.Body, el.Not(el.Atom{Name: l.Name, Args: own.Args}))
		}
	}
	deletion := certify.Deletion{Table: table, Rule: len(q.Rules)}
	for i := range p.Rules {
		for j, clause := range p.Rules[i].Desugar() {
			for k := range clause.Body {
				deletion.Reasons = append(deletion.Reasons, certify.Reason{
					Use: certify.Use{Rule: i, Clause: j, Literal: k}, How: certify.How(1 + d.IntN(4)),
				})
			}
		}
	}
	q.Rules = append(q.Rules, rule)
	c.Deletions = append(slices.Clone(c.Deletions), deletion)
	return q, &c
}

// TestCheckerIsSound spoils rewritten programs: what the checker of certificates
// nevertheless accepts must be equal to its original.
func TestCheckerIsSound(t *testing.T) {
	refused, accepted, unequal := 0, 0, 0
	for seed := range *randomSeeds {
		d := dice{rand.New(rand.NewPCG(uint64(seed), 8))}
		p := d.program()
		r, err := reclaim.Rewrite(p, reclaim.All)
		require.NoError(t, err)
		for range 8 {
			q, c := d.spoil(p, r)
			if el.CheckRewritten(q) != nil || el.Print(q) == el.Print(r.Program) {
				continue
			}
			o := d.beside(t, p, q)
			unequal += count(o.unequal != "")
			if certify.Check(p, q, c) != nil {
				refused++
				continue
			}
			accepted++
			require.Empty(t, o.unequal, "seed %d\n%s\n%+v", seed, el.Print(q), c)
		}
	}
	t.Logf("of %d spoilt programs %d are refused and %d accepted; running shows %d to be unequal", refused+accepted, refused, accepted, unequal)
	require.Positive(t, accepted)
	require.Greater(t, unequal, *randomSeeds/20)
}

// TestRandomPrograms rewrites random programs, has the certificates checked, and
// runs both on the same events: all outputs are equal in each timestep.
func TestRandomPrograms(t *testing.T) {
	deletions, exhausted, settled, less, conflicts := 0, 0, 0, 0, 0
	for seed := range *randomSeeds {
		d := dice{rand.New(rand.NewPCG(uint64(seed), 7))}
		p := d.program()
		r, err := reclaim.Rewrite(p, reclaim.All)
		require.NoError(t, err)
		require.NoError(t, certify.Check(p, r.Program, r.Certificate), "seed %d\n%s\n%s", seed, el.Print(p), el.Print(r.Program))
		deletions += len(r.Certificate.Deletions)
		for _, deletion := range r.Certificate.Deletions {
			for _, reason := range deletion.Reasons {
				exhausted += count(reason.How == certify.Exhausted)
				settled += count(reason.How == certify.Settled)
			}
		}
		outcome := d.beside(t, p, r.Program)
		require.Empty(t, outcome.unequal, "seed %d\n%s", seed, el.Print(r.Program))
		conflicts += count(outcome.conflict)
		less += count(held(r, outcome.rewritten) < held(r, outcome.original))
	}
	t.Logf("%d programs: %d deletions, %d uses exhausted, %d settled; %d ended with less stored; %d with a key used twice",
		*randomSeeds, deletions, exhausted, settled, less, conflicts)
	for _, n := range []int{deletions, exhausted, settled, less} {
		require.Greater(t, n, *randomSeeds/60)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// held is how many tuples a machine has in the tables that are deleted from.
func held(r *reclaim.Result, m *eval.Machine) int {
	n := 0
	for _, d := range r.Certificate.Deletions {
		n += len(m.Contents(d.Table))
	}
	return n
}
