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
	sights    map[int]*sight // by position of a tagged read
}

// reduceReplicated is the reduction of eventual and causal consistency, and of
// their polynomial twins.
func reduceReplicated(h *history.History) Reduction {
	r := &reducer{putIndex: indexPuts(h), firstLate: make(map[object]int), firstBare: make(map[object]int), sights: make(map[int]*sight)}
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
	in := make([]bool, len(r.h.Ops))
	for _, i := range kept {
		in[i] = true
	}
	for n := range sub.Ops {
		o := &sub.Ops[n]
		switch {
		case o.IsPut() || o.Outcome != history.OK:
		case r.h.Tagged:
			if r.sightOf(kept[n]).relieve {
				r.forgetTags(o, kept[n], in)
			}
		case r.relieves(o):
			r.forgetElements(o, in)
		}
	}
	return sub
}

// forgetElements drops what only puts that are gone added to an untagged set.
// An element that nobody ever added stays.
func (r *reducer) forgetElements(o *history.Op, in []bool) {
	list, isList := o.Out.AsList()
	if !isList {
		return
	}
	var left []history.Value
	for n, puts := range r.adders(o) {
		if len(puts) == 1 {
			if !in[puts[0]] {
				continue
			}
		}
		left = append(left, list[n])
	}
	o.Out = history.List(left...)
}

// forgetTags drops from the read at position i the tags of puts that are gone, and what
// they contributed. A tag that no put has stays, as does a value that none of them
// explains.
func (r *reducer) forgetTags(o *history.Op, i int, in []bool) {
	v := r.sightOf(i)
	gone := 0
	for _, j := range v.puts {
		if j >= 0 && !in[j] {
			gone++
		}
	}
	if gone == 0 {
		return
	}
	var tags []uint64
	if left := len(v.puts) - gone; left > 0 {
		tags = make([]uint64, 0, left)
	}
	for n, j := range v.puts {
		if j < 0 || in[j] {
			tags = append(tags, o.Saw[n])
		}
	}
	o.Saw = tags
	switch o.Type {
	case history.Counter:
		left, _ := r.parted(v, in)
		sum, _ := total(left)
		o.Out = history.Int(sum)
	case history.Set:
		o.Out = v.without(o.Out, in)
	case history.Register:
		left, gone := r.parted(v, in)
		wroteIt := func(w *history.Op) bool { return wrote(w, o) }
		if !slices.ContainsFunc(left, wroteIt) && slices.ContainsFunc(gone, wroteIt) {
			if o.Out, o.Stamp = r.h.Initial, (history.Stamp{}); len(left) > 0 {
				o.Out, o.Stamp = greatest(left)
			}
		}
	}
}

// parted are the puts that a read saw, those that are left and those that are gone.
func (r *reducer) parted(v *sight, in []bool) (left, gone []*history.Op) {
	for _, j := range v.puts {
		switch {
		case j >= 0 && in[j]:
			left = append(left, &r.h.Ops[j])
		case j >= 0:
			gone = append(gone, &r.h.Ops[j])
		}
	}
	return left, gone
}

// sight is what is known of a tagged read, whatever is left of the history: a witness is
// made small by hundreds of restrictions, each of which goes through all that reads saw.
type sight struct {
	puts    []int32 // by place in Saw: the position of the put, -1 for none of the object
	added   []int32 // sets: by place in Saw, the number of the element that the put added; -1 if that is not in the value
	element []int32 // sets: by place in the value, the number of the element
	numbers int     // how many elements there are
	relieve bool    // whether relieves holds
}

// sightOf computes the sight of the read at a position once.
func (r *reducer) sightOf(i int) *sight {
	if v := r.sights[i]; v != nil {
		return v
	}
	o := &r.h.Ops[i]
	v := &sight{puts: make([]int32, len(o.Saw)), relieve: r.relieves(o)}
	r.sights[i] = v
	for n, t := range o.Saw {
		v.puts[n] = -1
		if j, known := r.byTag[t]; known && sameObject(&r.h.Ops[j], o) {
			v.puts[n] = int32(j)
		}
	}
	list, isList := o.Out.AsList()
	if o.Type != history.Set || !isList {
		return v
	}
	numbers := make(map[string]int32, len(list))
	for _, e := range list {
		k := e.Key()
		if _, met := numbers[k]; !met {
			numbers[k] = int32(len(numbers))
		}
		v.element = append(v.element, numbers[k])
	}
	v.numbers = len(numbers)
	for _, j := range v.puts {
		number := int32(-1)
		if j >= 0 {
			if k, there := numbers[r.h.Ops[j].Arg.Key()]; there {
				number = k
			}
		}
		v.added = append(v.added, number)
	}
	return v
}

// without drops from a set's value what puts that are gone added and those that are left
// did not.
func (v *sight) without(out history.Value, in []bool) history.Value {
	list, isList := out.AsList()
	if !isList {
		return out
	}
	const dropped, kept = 1, 2
	fate := make([]uint8, v.numbers)
	for n, k := range v.added {
		switch {
		case k < 0:
		case in[v.puts[n]]:
			fate[k] = kept
		case fate[k] != kept:
			fate[k] = dropped
		}
	}
	left := make([]history.Value, 0, len(list))
	for n, e := range list {
		if fate[v.element[n]] != dropped {
			left = append(left, e)
		}
	}
	return history.List(left...)
}

// greatest is the value of a register after writes whose stamps are known, at least
// one.
func greatest(writes []*history.Op) (history.Value, history.Stamp) {
	top := slices.MaxFunc(writes, func(a, b *history.Op) int {
		return cmp.Or(a.Stamp.Compare(b.Stamp), a.Arg.Compare(b.Arg))
	})
	return top.Arg, top.Stamp
}
