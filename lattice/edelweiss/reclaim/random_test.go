package reclaim_test

import (
	"errors"
	"flag"
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
	if d.IntN(25) == 0 {
		r.Head.Args[len(r.Head.Args)-1] = el.Agg("count", "")
	}
	d.Shuffle(len(r.Body), func(i, j int) { r.Body[i], r.Body[j] = r.Body[j], r.Body[i] })
	return r
}

func (d dice) program() *el.Program {
	p := &el.Program{Collections: randomDecls, Seals: []el.Seal{{Of: el.A("p", "k", "_"), By: el.A("sealed", "k")}}}
	for _, text := range []el.Rule{
		{Op: el.Now, Head: el.On("n", el.C(el.Number(1)))},
		{Op: el.Now, Head: el.On("n", el.C(el.Number(2)))},
		el.When(el.Now, el.A("x", "k", "v"), el.Is(el.A("i", "k", "_")), el.Set("v", "mod", el.V("k"), el.C(el.Number(3)))),
		el.When(el.Now, el.A("w", "k", "v"), el.Is(el.A("i", "_", "k")), el.Set("v", "mod", el.V("k"), el.C(el.Number(2)))),
		el.When(el.Now, el.A("y", "k"), el.Is(el.A("j", "k"))),
		el.When(el.Now, el.A("z", "k", "l"), el.Is(el.A("i", "k", "l"))),
		el.When(el.Now, el.A("p", "k", "l"), el.Is(el.A("i", "k", "l"))),
		el.When(el.Next, el.A("sealed", "k"), el.Is(el.A("seal", "k"))),
		el.When(el.Now, el.A("x", "k", "v"), el.Is(el.A("c", "_", "k", "v"))),
	} {
		p.Rules = append(p.Rules, text)
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
		original, err := eval.New(p, eval.Options{WatchSeals: true})
		require.NoError(t, err)
		rewritten, err := eval.New(r.Program, eval.Options{})
		require.NoError(t, err)
		sealed := map[int64]bool{}
		for tick := range 25 {
			e := d.events(sealed)
			if err := original.Tick(e); err != nil {
				require.True(t, errors.Is(err, eval.ErrKey), err)
				conflicts++
				break // two tuples under one key: nothing is promised
			}
			where := func() string { return el.Print(r.Program) }
			require.NoError(t, rewritten.Tick(e), "seed %d tick %d\n%s", seed, tick, where())
			require.Equal(t, original.Contents("o"), rewritten.Contents("o"), "seed %d tick %d\n%s", seed, tick, where())
		}
		less += count(held(r, rewritten) < held(r, original))
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
