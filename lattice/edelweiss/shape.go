package edelweiss

import "strconv"

// Canonical is the rule's text with its variables named by order of appearance in
// body and head, so that rules that differ in nothing else have equal texts. It is
// no rule of the text form: the names cannot be written there.
func (r Rule) Canonical() string {
	r = r.Clone()
	names := map[string]string{}
	name := func(old string) string {
		if old != "" && names[old] == "" {
			names[old] = "#" + strconv.Itoa(len(names))
		}
		return names[old]
	}
	terms := func(ts []Term) {
		for i := range ts {
			if ts[i].Kind == Var {
				ts[i].Name = name(ts[i].Name)
			}
			ts[i].Arg = name(ts[i].Arg)
		}
	}
	for i := range r.Body {
		l := &r.Body[i]
		terms(l.Atom.Args)
		terms(l.Args)
		l.Var, l.From = name(l.Var), name(l.From)
		for j := range l.Else {
			l.Else[j].Var = name(l.Else[j].Var)
		}
	}
	terms(r.Head.Args)
	return r.String()
}

// Reads counts the literals of the rule's body that read a collection.
func (r *Rule) Reads(collection string) int {
	n := 0
	for _, l := range r.Body {
		if l.Kind <= Outer && l.Atom.Name == collection {
			n++
		}
	}
	return n
}

// Substitute puts terms for the atom's variables; ok is false if one has none.
func (a Atom) Substitute(terms map[string]Term) (b Atom, ok bool) {
	b = a.clone()
	for i, t := range b.Args {
		if t.Kind != Var {
			continue
		}
		if b.Args[i], ok = terms[t.Name]; !ok {
			return Atom{}, false
		}
	}
	return b, true
}

// First is the atom with its first n terms, and _ for the others.
func (a Atom) First(n int) Atom {
	a = a.clone()
	for i := n; i < len(a.Args); i++ {
		a.Args[i] = Term{Kind: Any}
	}
	return a
}
