package reclaim

import (
	"slices"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
)

// acknowledge adds to each channel that permits it a channel of acknowledgements
// and a memory of them, and keeps the sender from sending what arrived.
func (w *rewriter) acknowledge() {
	declared := len(w.p.Collections)
	for i := range declared {
		c := w.p.Collections[i]
		if c.Kind != el.Channel {
			continue
		}
		if sender := w.acknowledgeable(&c); sender >= 0 {
			w.acknowledgeOne(&c, sender)
		}
	}
}

// acknowledgeable finds the rule that sends on a channel whose messages may be
// sent once only, or refuses and returns -1.
func (w *rewriter) acknowledgeable(c *el.Collection) int {
	sender := -1
	readers := 0
	for i := range w.p.Rules {
		r := &w.p.Rules[i]
		if r.Head.Name == c.Name {
			if sender >= 0 {
				w.refuse(c.Name, certify.OneSender, r.Pos, "%s sends too", r)
				return -1
			}
			sender = i
		}
		reads := slices.ContainsFunc(r.Body, func(l el.Literal) bool { return l.Kind <= el.Outer && l.Atom.Name == c.Name })
		if !reads {
			continue
		}
		readers++
		if premise := w.badReader(r, c); premise != "" {
			w.refuse(c.Name, premise, r.Pos, "%s", r)
			return -1
		}
	}
	switch {
	case sender < 0:
		w.refuse(c.Name, certify.OneSender, c.Pos, "no rule sends")
		return -1
	case readers == 0:
		w.refuse(c.Name, certify.SomebodyReads, c.Pos, "no rule reads it")
		return -1
	case !numbered(c):
		w.refuse(c.Name, certify.KeyCompresses, c.Pos, "what arrived would be remembered for ever, a tuple a message, by the key of %s", c)
		return -1
	case !w.determined(&w.p.Rules[sender], c.Keys()):
		w.refuse(c.Name, certify.KeyDetermines, w.p.Rules[sender].Pos, "%s", &w.p.Rules[sender])
		return -1
	}
	return sender
}

// numbered reports whether a number is among the key columns.
func numbered(c *el.Collection) bool {
	return slices.ContainsFunc(c.Columns[:c.Keys()], func(c el.Column) bool { return c.Type == el.NumberType })
}

// badReader is the premise that a reader of a channel breaks, if it does.
func (w *rewriter) badReader(r *el.Rule, c *el.Collection) certify.Premise {
	if r.Aggregates() {
		return certify.ReadersGrow
	}
	seen := false
	for _, l := range r.Body {
		if l.Kind > el.Outer {
			continue
		}
		if l.Atom.Name != c.Name {
			if w.p.Collection(l.Atom.Name).Kind != el.Sealed {
				return certify.ReadersAlone
			}
			continue
		}
		if l.Kind != el.Match {
			return certify.ReadersGrow
		}
		if seen {
			return certify.ReadersAlone
		}
		seen = true
	}
	if k := w.p.Collection(r.Head.Name).Kind; k != el.Table && k != el.Range {
		return certify.ReadersKeep
	}
	return ""
}

// determined reports whether the first keys terms of the head determine the others,
// by the keys of the collections that the body joins.
func (w *rewriter) determined(r *el.Rule, keys int) bool {
	for _, clause := range r.Desugar() {
		if len(r.Desugar()) > 1 {
			return false // which clause holds may change, and the payload with it
		}
		known := map[string]bool{}
		for _, t := range clause.Head.Args[:keys] {
			known[t.Name] = true
		}
		has := func(ts []el.Term) bool {
			return !slices.ContainsFunc(ts, func(t el.Term) bool {
				return t.Kind == el.Any || t.Kind == el.Var && !known[t.Name]
			})
		}
		for range clause.Body {
			for _, l := range clause.Body {
				switch {
				case l.Kind == el.Match && has(l.Atom.Args[:w.p.Collection(l.Atom.Name).Keys()]):
					for _, v := range l.Atom.Vars(nil) {
						known[v] = true
					}
				case l.Kind == el.Let && has(l.Args):
					known[l.Var] = true
				}
			}
		}
		if !has(clause.Head.Args) {
			return false
		}
	}
	return true
}

func (w *rewriter) acknowledgeOne(c *el.Collection, sender int) {
	keys := c.Columns[:c.Keys()]
	ack := el.Decl(el.Channel, c.Name+"_ack", el.At("sender"))
	approx := el.Decl(el.Range, c.Name+"_approx")
	message := el.Atom{Name: c.Name}
	var names []string
	for i, col := range keys {
		column := el.Key(col.Name, col.Type)
		if column.Name == "sender" {
			column.Name = w.columnOf(keys, "sender_key")
		}
		ack.Columns = append(ack.Columns, column)
		names = append(names, variable(i))
		message.Args = append(message.Args, el.V(variable(i)))
	}
	for range c.Columns[len(keys):] {
		message.Args = append(message.Args, el.V("_"))
	}
	known, guard := el.Atom{}, el.Atom{}
	for _, k := range keyOrder(c) {
		approx.Columns = append(approx.Columns, el.Key(keys[k].Name, keys[k].Type))
		known.Args = append(known.Args, message.Args[k])
		guard.Args = append(guard.Args, w.p.Rules[sender].Head.Args[k])
	}
	ack.Doc = []string{"Acknowledgements of " + c.Name + "."}
	ack.Name, approx.Name = w.declare(ack), w.declare(approx)
	known.Name, guard.Name = approx.Name, approx.Name
	w.p.Rules[sender].Body = append(w.p.Rules[sender].Body, el.Not(guard))
	w.p.Rules = append(w.p.Rules,
		el.When(el.Async, el.A(ack.Name, append([]string{"s"}, names...)...), el.IsFrom(message, "s")),
		el.When(el.Now, known, el.Is(el.A(ack.Name, append([]string{"_"}, names...)...))))
	w.cert.Acks = append(w.cert.Acks, certify.Ack{Channel: c.Name, Ack: ack.Name, Approx: approx.Name})
}

// variable is the name of the i-th of a list of variables.
func variable(i int) string { return "k" + el.Number(int64(i)).String() }

// columnOf is a column name that none of the columns has.
func (w *rewriter) columnOf(columns []el.Column, name string) string {
	for slices.ContainsFunc(columns, func(c el.Column) bool { return c.Name == name }) {
		name += "_"
	}
	return name
}
