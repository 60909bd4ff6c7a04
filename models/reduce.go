package models

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Reduction tells how to make a history smaller without making it worse: a
// restriction to positions closed under Support is allowed whenever the whole
// history is. Minimal witnesses rest on it, and the tests try it against the
// oracles.
type Reduction struct {
	// Support returns the positions of the operations without which the one at i
	// could become wrong though it was right before. O(puts on the object).
	Support func(i int) []int
	// Restrict returns the sub-history of the given ascending positions, closed
	// under Support. Where a read saw puts that are gone, its tags and value are
	// reduced to what remains. Index stays that of the whole history. O(kept +
	// tags seen).
	Restrict func(kept []int) *history.History
}

// restrict is Restrict for models whose values need no reducing.
func restrict(h *history.History) func(kept []int) *history.History {
	return func(kept []int) *history.History {
		sub := &history.History{Name: h.Name, Tagged: h.Tagged, Initial: h.Initial, Untimed: h.Untimed, Fences: h.Fences}
		sub.Ops = make([]history.Op, 0, len(kept))
		for _, i := range kept {
			sub.Ops = append(sub.Ops, h.Ops[i])
		}
		return sub
	}
}

// reducer reduces histories of replicated objects.
type reducer struct {
	*putIndex
	// firstLate is, by object, the first put after the last fence: it excuses
	// settled reads from agreeing, so they must not lose it.
	firstLate map[object]int
	// firstBare is, by register of an untagged history, the first operation
	// without a stamp: it decides by what rule causal memory judges the register.
	firstBare map[object]int
}

// reduceReplicated is the reduction of eventual and causal consistency, and of
// their polynomial twins.
func reduceReplicated(h *history.History) Reduction {
	r := &reducer{putIndex: indexPuts(h), firstLate: make(map[object]int), firstBare: make(map[object]int)}
	note := func(m map[object]int, i int) {
		if _, seen := m[objectOf(&h.Ops[i])]; !seen {
			m[objectOf(&h.Ops[i])] = i
		}
	}
	for i := range h.Ops {
		o := &h.Ops[i]
		if n := len(h.Fences); n > 0 && o.IsPut() && o.Happened() && disturbs(o, h.Fences[n-1]) {
			note(r.firstLate, i)
		}
		if !h.Tagged && o.Type == history.Register && o.Outcome == history.OK && bare(o, h.Initial) {
			note(r.firstBare, i)
		}
	}
	return Reduction{Support: r.support, Restrict: r.restrict}
}

// bare reports whether a stamp is missing from a register operation that should
// have one.
func bare(o *history.Op, initial history.Value) bool {
	return !o.Stamp.Known() && (o.IsPut() || !o.Out.Equal(initial))
}

// support of a read: the puts of which its value could not be relieved, and the
// two kinds of operation that decide how it is judged. Puts need nothing: fewer
// operations order less.
func (r *reducer) support(i int) []int {
	o := &r.h.Ops[i]
	if o.IsPut() {
		return nil
	}
	var need []int
	if !r.relieves(o) {
		need = r.mayJoin(o)
	} else if o.Type == history.Set && !r.h.Tagged {
		for _, puts := range r.adders(o) {
			if len(puts) > 1 { // which of them it saw cannot be told
				need = append(need, puts...)
			}
		}
	}
	for _, first := range []map[object]int{r.firstLate, r.firstBare} {
		if j, ok := first[objectOf(o)]; ok && j != i {
			need = append(need, j)
		}
	}
	return need
}

// relieves reports whether the value of a read can be reduced when puts that it
// saw are dropped: where it is known what each of them contributed. A counter
// that is wrong keeps them all, since only together do they show it.
func (r *reducer) relieves(o *history.Op) bool {
	switch {
	case !r.h.Tagged:
		return o.Type == history.Set
	case o.Type == history.Set:
		return true
	}
	var seen []*history.Op
	stamped := true
	for _, j := range r.mayJoin(o) {
		seen = append(seen, &r.h.Ops[j])
		stamped = stamped && r.h.Ops[j].Stamp.Known()
	}
	return o.Type == history.Register && stamped || o.Type == history.Counter && Joins(o, seen)
}

// adders returns, by element of an untagged set read, the puts that added it.
func (r *reducer) adders(o *history.Op) [][]int {
	list, _ := o.Out.AsList()
	byElement := make(map[string][]int, len(list))
	for _, j := range r.byKey[objectOf(o)] {
		k := r.h.Ops[j].Arg.Key()
		byElement[k] = append(byElement[k], j)
	}
	var adders [][]int
	for _, e := range list {
		adders = append(adders, byElement[e.Key()])
	}
	return adders
}

func (r *reducer) restrict(kept []int) *history.History {
	sub := restrict(r.h)(kept)
	in := make(map[int]struct{}, len(kept))
	for _, i := range kept {
		in[i] = struct{}{}
	}
	for i := range sub.Ops {
		o := &sub.Ops[i]
		if o.IsPut() || o.Outcome != history.OK || !r.relieves(o) {
			continue
		}
		if r.h.Tagged {
			r.forgetTags(o, in)
		} else {
			r.forgetElements(o, in)
		}
	}
	return sub
}

// forgetElements drops what only puts that are gone added to an untagged set.
// An element that nobody ever added stays.
func (r *reducer) forgetElements(o *history.Op, in map[int]struct{}) {
	list, isList := o.Out.AsList()
	if !isList {
		return
	}
	var left []history.Value
	for n, puts := range r.adders(o) {
		if len(puts) == 1 {
			if _, here := in[puts[0]]; !here {
				continue
			}
		}
		left = append(left, list[n])
	}
	o.Out = history.List(left...)
}

// forgetTags drops the tags of puts that are gone, and what they contributed. A
// tag that no put has stays, as does a value that none of them explains.
func (r *reducer) forgetTags(o *history.Op, in map[int]struct{}) {
	var tags []uint64
	var left, gone []*history.Op
	for _, t := range o.Saw {
		j, known := r.byTag[t]
		_, here := in[j]
		switch {
		case known && here && sameObject(&r.h.Ops[j], o):
			left = append(left, &r.h.Ops[j])
		case known && sameObject(&r.h.Ops[j], o):
			gone = append(gone, &r.h.Ops[j])
			continue
		}
		tags = append(tags, t)
	}
	if len(gone) == 0 {
		return
	}
	o.Saw = tags
	switch o.Type {
	case history.Counter:
		sum, _ := total(left)
		o.Out = history.Int(sum)
	case history.Set:
		o.Out = setWithout(o.Out, gone, left)
	case history.Register:
		wroteIt := func(w *history.Op) bool { return wrote(w, o) }
		if !slices.ContainsFunc(left, wroteIt) && slices.ContainsFunc(gone, wroteIt) {
			if o.Out, o.Stamp = r.h.Initial, (history.Stamp{}); len(left) > 0 {
				o.Out, o.Stamp = greatest(left)
			}
		}
	}
}

// setWithout drops from a set's value what gone added and left did not.
func setWithout(v history.Value, gone, left []*history.Op) history.Value {
	list, isList := v.AsList()
	if !isList {
		return v
	}
	keep := make(map[string]bool, len(gone)+len(left))
	for _, p := range gone {
		keep[p.Arg.Key()] = false
	}
	for _, p := range left {
		keep[p.Arg.Key()] = true
	}
	return history.List(slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool {
		stays, known := keep[e.Key()]
		return known && !stays
	})...)
}

// greatest is the value of a register after writes whose stamps are known, at least
// one.
func greatest(writes []*history.Op) (history.Value, history.Stamp) {
	top := slices.MaxFunc(writes, func(a, b *history.Op) int {
		return cmp.Or(a.Stamp.Compare(b.Stamp), a.Arg.Compare(b.Arg))
	})
	return top.Arg, top.Stamp
}
