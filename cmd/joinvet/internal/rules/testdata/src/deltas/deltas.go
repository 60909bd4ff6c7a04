package deltas

import (
	"maps"
	"slices"
	"sort"

	"github.com/joinery-go/joinery/lattice/flow"
)

type (
	Set    map[string]struct{}
	Groups map[string]Set
	Doc    struct {
		Tags Set
		List []int
		At   map[string][]int
		N    int
		Next *Doc
	}
)

func mergeSets(dst *Set, delta Set) {
	if *dst == nil {
		*dst = delta // want `the target keeps memory of delta: a later merge into it changes what the sender holds; copy it`
		return
	}
	maps.Copy(*dst, delta)
}

func mergeGroups(dst *Groups, delta Groups) bool {
	for k, v := range delta {
		if _, ok := (*dst)[k]; !ok {
			(*dst)[k] = v // want `the target keeps memory of delta`
			continue
		}
		maps.Copy((*dst)[k], v)
	}
	for k := range *dst {
		(*dst)[k] = delta[k] // want `the target keeps memory of delta`
	}
	return true
}

func (d *Doc) Merge(o Doc) error {
	if d.Tags == nil {
		d.Tags = o.Tags // want `the target keeps memory of o`
	}
	d.List = o.List[1:]         // want `the target keeps memory of o`
	d.At["x"] = o.At["x"]       // want `the target keeps memory of o`
	o.Tags["seen"] = struct{}{} // want `the merge writes into o`
	o.List[0]++                 // want `the merge writes into o`
	delete(o.Tags, "seen")      // want `the merge writes into o`
	slices.Sort(o.List)         // want `the merge writes into o`
	sort.Ints(o.At["y"])        // want `the merge writes into o`
	list := o.List
	list[0] = 1   // want `the merge writes into o`
	d.List = list // want `the target keeps memory of o`
	clear(o.At)   // want `the merge writes into o`
	for _, l := range o.At {
		copy(l, d.List) // want `the merge writes into o`
	}
	return nil
}

func push(in *flow.Input[Set], lists *flow.Input[[]int], s Set, l []int) {
	in.Push(s)
	s["x"] = struct{}{} // want `s is written into after it was sent`
	if len(s) > 1 {
		delete(s, "x") // want `s is written into after it was sent`
	}
	if err := lists.Push(l); err != nil {
		return
	}
	l[0] = 1          // want `l is written into after it was sent`
	l[1]++            // want `l is written into after it was sent`
	slices.Reverse(l) // want `l is written into after it was sent`
}

// What follows is right.

type Good struct {
	Tags Set
	List []int
	N    int
	Next *Good
}

func (g *Good) Merge(o *Good) error {
	if g.Tags == nil {
		g.Tags = maps.Clone(o.Tags)
	}
	for k, v := range o.Tags {
		g.Tags[k] = v
	}
	g.List = append(g.List, o.List...)
	g.List = append([]int(nil), o.List...)
	g.N = max(g.N, o.N)
	if g.Next == nil {
		g.Next = o.Next // pointers are not followed
	}
	tags := maps.Clone(o.Tags)
	delete(tags, "x")
	list := slices.Clone(o.List)
	slices.Sort(list)
	o = &Good{}
	return nil
}

type Immutable struct{ List []int }

// Merge returns a state that may be made of both.
func (i Immutable) Merge(o Immutable) Immutable {
	if len(i.List) == 0 {
		i.List = o.List
	}
	return i
}

type Frozen struct{ List []int }

func mergeFrozen(dst *Frozen, delta Frozen) {
	dst.List = delta.List //joinery:vetted lists are never written into
}

func (g *Good) Update(o *Good) { g.Tags = o.Tags }

func pushFresh(in *flow.Input[Set], n *flow.Input[int]) {
	s := Set{}
	s["x"] = struct{}{}
	in.Push(s)
	s = Set{}
	s["y"] = struct{}{}
	in.Push(s)
	k := 1
	n.Push(k)
	k++
}

func pushEach(in *flow.Input[Set]) {
	for range 3 {
		s := Set{"x": {}}
		in.Push(s)
	}
}
