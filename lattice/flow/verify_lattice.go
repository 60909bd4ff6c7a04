package flow

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
)

// Of joined deltas and of states the join is determined, by one merge. Who reads them by
// another, so that deltas joined by the least are folded by the greatest, gets an outcome
// that depends on grouping. Merges of one name are taken for one, unless that name may
// stand for several; others are tried on a few values, see alike.

// reader is by which merge an operator reads an input.
type reader struct {
	merge  any                      // or its mergeName
	beside func(other any) likeness // how another merge does beside it; nil of a mergeName
}

// asks says by which merge n reads an input: what comes there must be joined by the same.
func asks[T any](n *node, port string, m lattice.Merge[T]) {
	r := reader{merge: m}
	r.beside = func(other any) likeness {
		o, ok := other.(lattice.Merge[T])
		if !ok || m == nil {
			return likeness{}
		}
		return alike(o, m)
	}
	n.reads(port, r)
}

// compare is whether the reader of the edge merges as what comes was joined. Where that
// is not known, the use is assumed.
func (v *verifier) compare(e *edge, u *Use) {
	n := e.to
	if u.Carries == Joined && n.rule == elementRule && !n.image && u.Evidence.Support != Assumed {
		// A check was of a predicate or a key, and not of what becomes of deltas by it.
		u.Evidence = Evidence{Scope: u.Evidence.String() + ", which is not what the operator makes of a delta"}
	}
	want, ok := n.by[e.port]
	if !ok || want.merge == nil || u.Carries != Joined && u.Carries != Growing {
		return
	}
	for _, m := range v.under(e.from, make(map[*outlet]bool)) {
		if u.Err = n.besides(m, want, u); u.Err != nil {
			return
		}
	}
}

// besides compares the merge by which what comes is joined with that of the reader. It is an
// error where they were seen to differ, and else as much evidence as there is that they do not.
func (n *node) besides(m any, want reader, u *Use) error {
	a, b := nameOf(m), nameOf(want.merge)
	same := a == b && a != ""
	switch {
	case identical(m, want.merge), same && !sharedName(a):
		return nil
	case a == "":
		if u.Evidence.Support != Assumed {
			u.Evidence = Evidence{Scope: u.Evidence.String() + ", of deltas or states whose merge is not known"}
		}
		return nil
	}
	differ := func(why string) error {
		return n.err(fmt.Errorf("%w: what comes from %s is joined by %s, and read by %s%s", ErrClass, u.From, a, b, why),
			"give both the same merge, or put a Convert or MapState from one lattice to the other between")
	}
	var like likeness
	if want.beside != nil {
		like = want.beside(m)
	}
	switch {
	case like.differ != "":
		return differ(": " + like.differ)
	case n.g.opt.Strict && !same:
		return differ(", and Options.Strict takes no merge for another")
	case like.pairs == 0 && opposed(a, b):
		return differ("")
	}
	u.Evidence = u.Evidence.besides(a, b, like.pairs)
	return nil
}

// besides is the evidence where it also takes that two merges are one, which pairs of values
// have shown.
func (e Evidence) besides(a, b string, pairs int) Evidence {
	one := fmt.Sprintf("%s and %s are one", a, b)
	switch {
	case e.Support == Assumed && pairs == 0:
		return Evidence{Scope: e.Scope, note: ", and that " + one}
	case e.Support == Assumed:
		return Evidence{Scope: e.Scope, note: fmt.Sprintf(", and that %s, which sampled(%d) shows", one, pairs)}
	case pairs == 0:
		return Evidence{note: fmt.Sprintf(" that %s; but for that, %v", one, e)}
	}
	cases := pairs
	if e.Support == Sampled {
		cases = min(cases, e.Cases)
	}
	return Evidence{Support: Sampled, Cases: cases, note: fmt.Sprintf(" that %s; and %v", one, e)}
}

// mergeName stands for a merge that only evidence names.
type mergeName string

func nameOf(merge any) string {
	if name, ok := merge.(mergeName); ok {
		return string(name)
	}
	return lattice.NameOf(merge)
}

// identical reports that two merges are one, whatever they are called.
func identical(a, b any) bool {
	return a != nil && b != nil && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// sharedName reports that merges of the name may differ.
func sharedName(name string) bool {
	return lattice.Attest(attest.Checked(), lattice.Finding{Support: Sampled, Subject: name}).Shared()
}

// dual is the names of merges of package lattice of which another one is the dual.
var dual = regexp.MustCompile(`^lattice\.(?:(min|max|set|intersect|orderedSet|orderedIntersect)Merge(\[.*\])|(boolMerge)\{(true|false)\})`)

// opposed reports the names of a merge and its dual: of these no value has to be seen.
func opposed(a, b string) bool {
	x, y := dual.FindStringSubmatch(a), dual.FindStringSubmatch(b)
	if x == nil || y == nil || x[3] != y[3] {
		return false
	}
	if x[3] != "" {
		return x[4] != y[4]
	}
	other := map[string]string{
		"min": "max", "max": "min", "set": "intersect", "intersect": "set",
		"orderedSet": "orderedIntersect", "orderedIntersect": "orderedSet",
	}
	return other[x[1]] == y[1]
}

// under are the merges by which what o carries is joined, nil where nobody says by which.
// Elements are joined by none.
func (v *verifier) under(o *outlet, been map[*outlet]bool) (merges []any) {
	n := o.n
	switch {
	case o.state:
		return []any{o.merge}
	case been[o] || !v.joined[o]:
		return nil
	}
	been[o] = true
	switch n.rule {
	case batchRule, biRule, elementRule, joinRule:
		return []any{n.into}
	case changesRule:
		return v.under(n.ins[0].from, been)
	case receiveRule:
		n = n.far
	}
	for _, e := range n.ins {
		merges = append(merges, v.under(e.from, been)...)
	}
	return merges
}
