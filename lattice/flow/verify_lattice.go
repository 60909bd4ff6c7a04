package flow

import (
	"fmt"
	"reflect"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
)

// Of joined deltas and of states the join is determined, by one merge. Who reads them by
// another, so that deltas joined by the least are folded by the greatest, gets an outcome
// that depends on grouping. Merges are told apart by their names, as evidence is.

// compare is whether the reader of the edge merges as what comes was joined. Where that
// is not known, the use is assumed.
func (v *verifier) compare(e *edge, u *Use) {
	n := e.to
	if u.Carries == Joined && n.rule == elementRule && !n.image && u.Evidence.Support != Assumed {
		// A check was of a predicate or a key, and not of what becomes of deltas by it.
		u.Evidence = Evidence{Scope: u.Evidence.String() + ", which is not what the operator makes of a delta"}
	}
	want := n.by[e.port]
	if want == nil || u.Carries != Joined && u.Carries != Growing {
		return
	}
	for _, m := range v.under(e.from, make(map[*outlet]bool)) {
		switch a, b := nameOf(m), nameOf(want); {
		case identical(m, want):
		case a == "" || a == b && sharedName(a):
			if u.Evidence.Support != Assumed {
				u.Evidence = Evidence{Scope: u.Evidence.String() + ", of deltas or states whose merge is not known"}
			}
		case a != b:
			u.Err = n.err(fmt.Errorf("%w: what comes from %s is joined by %s, and read by %s", ErrClass, u.From, a, b),
				"give both the same merge, or put a Convert or MapState from one lattice to the other between")
			return
		}
	}
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
