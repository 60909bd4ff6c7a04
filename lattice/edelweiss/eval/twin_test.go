package eval_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/eval"
)

var twinSeeds = flag.Int("twin-seeds", 600, "random programs that the incremental and the naive evaluator both run")

// declared are the collections of random programs; values are small numbers, so
// that joins meet, and keyed tables conflict now and then.
var declared = []el.Collection{
	el.Decl(el.Table, "a", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Table, "b", el.Key("x", el.NumberType)),
	el.Decl(el.Table, "k", el.Key("x", el.NumberType), el.Payload("y", el.NumberType)),
	el.Decl(el.Range, "r", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Range, "q", el.Key("x", el.NumberType)),
	el.Decl(el.Sealed, "z", el.Key("x", el.NumberType)),
	el.Decl(el.Scratch, "s", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Scratch, "t", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Scratch, "u", el.Key("x", el.NumberType)),
	el.Decl(el.Table, "m", el.Key("x", el.NumberType), el.Key("l", el.NumbersType)),
	el.Decl(el.Input, "i", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Output, "o", el.Key("x", el.NumberType), el.Key("y", el.NumberType)),
	el.Decl(el.Channel, "c", el.At("to"), el.Key("x", el.NumberType)),
}

// dice draws random programs and events.
type dice struct {
	*rand.Rand
	palette []string // if set, the collections of bodies, so that they recur
}

func (d dice) pick(names ...string) string { return names[d.IntN(len(names))] }

func (d dice) term() el.Term {
	switch n := d.IntN(10); {
	case n < 6:
		return el.V(d.pick("v", "w", "x"))
	case n < 8:
		return el.C(el.Number(d.Int64N(4)))
	}
	return el.V("_")
}

func (d dice) atom(p *el.Program, name string) el.Atom {
	a := el.Atom{Name: name}
	for _, c := range p.Collection(name).Columns {
		switch c.Type {
		case el.NumberType:
			a.Args = append(a.Args, d.term())
		case el.NumbersType:
			a.Args = append(a.Args, el.V(d.pick("l", "_")))
		case el.NodeType:
			a.Args = append(a.Args, []el.Term{el.Me(), el.V("n"), el.V("_")}[d.IntN(3)])
		}
	}
	return a
}

func (d dice) rule(p *el.Program) el.Rule {
	readable := []string{"a", "b", "k", "r", "q", "z", "s", "t", "u", "m", "i", "c"}
	if d.palette != nil {
		readable = d.palette
	}
	r := el.Rule{Op: el.Now}
	for range 1 + d.IntN(3) {
		r.Body = append(r.Body, el.Is(d.atom(p, d.pick(readable...))))
	}
	for range d.IntN(3) {
		switch d.IntN(7) {
		case 0, 1:
			r.Body = append(r.Body, el.Not(d.atom(p, d.pick(readable...))))
		case 2:
			l := el.OrElse(d.atom(p, d.pick("a", "k", "s", "q")))
			for _, v := range slices.Compact(slices.Sorted(slices.Values(l.Atom.Vars(nil)))) {
				if d.IntN(2) == 0 || !boundElsewhere(r.Body, v) {
					l.Else = append(l.Else, el.Default{Var: v, Value: el.C(el.Number(d.Int64N(4)))})
				}
			}
			r.Body = append(r.Body, l)
		case 3:
			r.Body = append(r.Body, el.If(d.pick("<", "!=", "=", ">="), d.term(), d.term()))
		case 4:
			r.Body = append(r.Body, el.Set(d.pick("v", "w", "x", "y"), d.pick("min", "max", ""), el.V("v"), el.V("w")))
			if l := &r.Body[len(r.Body)-1]; l.Function == "" {
				l.Args = l.Args[:1]
			}
		case 5:
			r.Body = append(r.Body, el.In(d.pick("v", "y"), el.V("l")))
		case 6:
			r.Body = append(r.Body, el.Set("l2", "with", el.V("l"), el.V("v")))
		}
	}
	d.head(p, &r)
	d.Shuffle(len(r.Body), func(i, j int) { r.Body[i], r.Body[j] = r.Body[j], r.Body[i] })
	return r
}

func boundElsewhere(body []el.Literal, v string) bool {
	return slices.ContainsFunc(body, func(l el.Literal) bool { return slices.Contains(l.Atom.Vars(nil), v) })
}

func (d dice) head(p *el.Program, r *el.Rule) {
	if d.palette != nil && d.IntN(3) > 0 {
		for _, n := range d.palette {
			if k := p.Collection(n).Kind; k == el.Table || k == el.Scratch || k == el.Range {
				d.headOf(p, r, n)
				return
			}
		}
	}
	d.headOf(p, r, d.pick("a", "b", "k", "r", "q", "s", "s", "t", "t", "u", "m", "o", "c"))
}

func (d dice) headOf(p *el.Program, r *el.Rule, name string) {
	r.Head = d.atom(p, name)
	for i, t := range r.Head.Args {
		if t.Kind == el.Any {
			r.Head.Args[i] = el.C(el.Number(1))
		}
	}
	switch {
	case name == "c":
		r.Op, r.Head.Args[0] = el.Async, el.C(el.Node(d.Int64N(2)))
	case name == "m":
		r.Head.Args[1] = el.V(d.pick("l", "l2"))
	case name != "o" && d.IntN(4) == 0:
		r.Op = el.Next
	case p.Collection(name).Kind == el.Table && d.IntN(3) == 0:
		r.Op = el.Delete
		r.Body = append(r.Body, el.Is(r.Head))
	}
	if r.Op != el.Async && r.Op != el.Delete && name != "m" && d.IntN(5) == 0 {
		i := len(r.Head.Args) - 1
		r.Head.Args[i] = el.Agg(d.pick("count", "sum", "min", "max"), d.pick("v", "w"))
		if r.Head.Args[i].Name == "count" {
			r.Head.Args[i].Arg = ""
		}
	}
}

// program draws rules until enough of them pass the checks together.
func (d dice) program() *el.Program {
	p := &el.Program{Collections: declared, Rules: []el.Rule{
		{Op: el.Now, Head: el.On("z", el.C(el.Number(1)))},
		el.When(el.Now, el.A("m", "x", "l"), el.Is(el.A("i", "x", "y")), el.Set("l", "with", el.C(el.Numbers(2)), el.V("y"))),
	}}
	want := 3 + d.IntN(8)
	for tries := 0; len(p.Rules) < want && tries < 2_000; tries++ {
		p.Rules = append(p.Rules, d.rule(p))
		if el.CheckRewritten(p) != nil {
			p.Rules = p.Rules[:len(p.Rules)-1]
		}
	}
	return p
}

func (d dice) events() (e eval.Events) {
	n := func() el.Value { return el.Number(d.Int64N(4)) }
	for range d.IntN(3) {
		e.Inputs = append(e.Inputs, eval.Fact{Collection: "i", Tuple: el.Tuple{n(), n()}})
	}
	for range d.IntN(3) {
		e.Messages = append(e.Messages, eval.Message{From: d.Int64N(3), Fact: eval.Fact{Collection: "c", Tuple: el.Tuple{el.Node(0), n()}}})
	}
	return e
}

// TestMachineEqualsNaive runs random programs on random events in both evaluators
// and compares everything there is to see in every timestep; in some of them the
// incremental one is started anew from what is durable.
func TestMachineEqualsNaive(t *testing.T) {
	seen := map[string]int{}
	for seed := range *twinSeeds {
		d := dice{Rand: rand.New(rand.NewPCG(uint64(seed), 1))}
		if seed%3 == 0 {
			d.palette = []string{d.pick("a", "b", "s", "r"), d.pick("a", "k", "t", "q"), d.pick("i", "c", "u", "z")}
		}
		p := d.program()
		sealed := []eval.Fact{{Collection: "z", Tuple: el.Tuple{el.Number(2)}}}
		m, err := eval.New(p, eval.Options{Sealed: sealed})
		require.NoError(t, err)
		n, err := eval.NewNaive(p, eval.Options{Sealed: sealed})
		require.NoError(t, err)
		for tick := range 12 {
			e := d.events()
			got, want := m.Tick(e), n.Tick(e)
			if want != nil {
				require.ErrorIs(t, want, eval.ErrKey)
				require.ErrorIs(t, got, eval.ErrKey, "seed %d tick %d\n%s", seed, tick, el.Print(p))
				require.Equal(t, got, m.Tick(eval.Events{}), "a failed machine stays so")
				seen["key"]++
				break
			}
			require.NoError(t, got, "seed %d tick %d\n%s", seed, tick, el.Print(p))
			compare(t, p, m, n, fmt.Sprintf("seed %d tick %d\n%s", seed, tick, el.Print(p)), seen)
			if d.IntN(8) == 0 {
				stored := m.Durable()
				m, err = eval.New(p, eval.Options{Sealed: sealed, Stored: stored})
				require.NoError(t, err)
				n, err = eval.NewNaive(p, eval.Options{Sealed: sealed, Stored: n.Durable()})
				require.NoError(t, err)
			}
		}
	}
	for _, what := range []string{"key", "a", "k", "r", "q", "s", "t", "u", "m", "o", "sends", "new"} {
		require.Positive(t, seen[what], "no random program reached %s", what)
	}
}

type evaluator interface {
	Contents(string) []el.Tuple
	Sends() []eval.Fact
	NewSends() []eval.Fact
	Durable() []eval.Fact
}

func compare(t *testing.T, p *el.Program, got, want evaluator, where string, seen map[string]int) {
	t.Helper()
	for _, c := range p.Collections {
		require.Equal(t, want.Contents(c.Name), got.Contents(c.Name), "%s\n%s", c.Name, where)
		seen[c.Name] += len(want.Contents(c.Name))
	}
	require.Equal(t, len(want.Sends()), len(got.Sends()), where)
	if len(want.Sends()) > 0 {
		require.Equal(t, want.Sends(), got.Sends(), where)
	}
	require.Equal(t, len(want.NewSends()), len(got.NewSends()), where)
	if len(want.NewSends()) > 0 {
		require.Equal(t, want.NewSends(), got.NewSends(), where)
	}
	require.Equal(t, want.Durable(), got.Durable(), where)
	seen["sends"] += len(want.Sends())
	seen["new"] += len(want.Sends()) - len(want.NewSends())
}

func TestEventsAreValidated(t *testing.T) {
	p := &el.Program{Collections: declared}
	one := el.Tuple{el.Number(1)}
	for _, o := range []eval.Options{
		{Sealed: []eval.Fact{{Collection: "a", Tuple: one}}}, {Stored: []eval.Fact{{Collection: "z", Tuple: one}}},
		{Stored: []eval.Fact{{Collection: "b", Tuple: el.Tuple{el.Symbol("x")}}}}, {Stored: []eval.Fact{{Collection: "none", Tuple: one}}},
	} {
		_, err := eval.New(p, o)
		require.ErrorIs(t, err, eval.ErrEvent)
		_, err = eval.NewNaive(p, o)
		require.ErrorIs(t, err, eval.ErrEvent)
	}
	m, err := eval.New(p, eval.Options{Self: 3})
	require.NoError(t, err)
	to := func(n int64) eval.Fact { return eval.Fact{Collection: "c", Tuple: el.Tuple{el.Node(n), el.Number(1)}} }
	for _, e := range []eval.Events{
		{Inputs: []eval.Fact{{Collection: "b", Tuple: one}}}, {Inputs: []eval.Fact{{Collection: "i", Tuple: one}}},
		{Messages: []eval.Message{{Fact: to(2)}}}, {Messages: []eval.Message{{Fact: eval.Fact{Collection: "i", Tuple: el.Tuple{el.Number(1), el.Number(1)}}}}},
	} {
		require.ErrorIs(t, m.Tick(e), eval.ErrEvent)
	}
	require.NoError(t, m.Tick(eval.Events{Messages: []eval.Message{{Fact: to(3)}}}), "an event that is refused changes nothing")
	bad := &el.Program{Rules: []el.Rule{{Op: el.Now, Head: el.A("none", "x")}}}
	_, err = eval.New(bad, eval.Options{})
	require.ErrorIs(t, err, el.ErrDeclared)
	_, err = eval.NewNaive(bad, eval.Options{})
	require.ErrorIs(t, err, el.ErrDeclared)
	require.False(t, errors.Is(err, eval.ErrEvent))
}
