package edelweiss

import (
	"slices"
	"strings"
)

// Strata orders the collections so that within a timestep each depends only on
// earlier ones and, if it is recursive, on those of its own group.
type Strata struct {
	Groups [][]string     // in order of evaluation
	Of     map[string]int // group of each collection
	next   map[string][]string
}

// Stratify finds the groups that depend on each other within a timestep: the
// strongly connected components of the rules with operator Now (Tarjan, "Depth-first
// search and linear graph algorithms", 1972), in order of dependence and otherwise
// of declaration. O(program).
func Stratify(p *Program) *Strata {
	s := &Strata{Of: map[string]int{}, next: map[string][]string{}}
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Op != Now {
			continue
		}
		for _, l := range r.Body {
			if l.Kind <= Outer && !slices.Contains(s.next[r.Head.Name], l.Atom.Name) {
				s.next[r.Head.Name] = append(s.next[r.Head.Name], l.Atom.Name)
			}
		}
	}
	t := tarjan{s: s, index: map[string]int{}, low: map[string]int{}, onStack: map[string]bool{}}
	for _, c := range p.Collections {
		if t.index[c.Name] == 0 {
			t.visit(c.Name)
		}
	}
	return s
}

type tarjan struct {
	s          *Strata
	index, low map[string]int // from 1; 0 is not visited
	onStack    map[string]bool
	stack      []string
	frames     []frame
}

// frame is a visit in progress; the walk keeps its own stack because programs may
// be long chains.
type frame struct {
	name string
	edge int
}

func (t *tarjan) enter(name string) {
	t.index[name] = len(t.index) + 1
	t.low[name] = t.index[name]
	t.stack = append(t.stack, name)
	t.onStack[name] = true
	t.frames = append(t.frames, frame{name: name})
}

func (t *tarjan) visit(root string) {
	t.enter(root)
	for len(t.frames) > 0 {
		f := &t.frames[len(t.frames)-1]
		if edges := t.s.next[f.name]; f.edge < len(edges) {
			to := edges[f.edge]
			f.edge++
			if t.index[to] == 0 {
				t.enter(to)
			} else if t.onStack[to] {
				t.low[f.name] = min(t.low[f.name], t.index[to])
			}
			continue
		}
		t.leave(f.name)
	}
}

func (t *tarjan) leave(name string) {
	t.frames = t.frames[:len(t.frames)-1]
	if len(t.frames) > 0 {
		up := t.frames[len(t.frames)-1].name
		t.low[up] = min(t.low[up], t.low[name])
	}
	if t.low[name] != t.index[name] {
		return
	}
	i := slices.Index(t.stack, name)
	group := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, n := range group {
		t.onStack[n] = false
		t.s.Of[n] = len(t.s.Groups)
	}
	t.s.Groups = append(t.s.Groups, group)
}

// Recursive reports whether the group depends on itself within a timestep.
func (s *Strata) Recursive(group int) bool {
	g := s.Groups[group]
	return len(g) > 1 || slices.Contains(s.next[g[0]], g[0])
}

// cycle is a path of dependences from one collection of a group to another, for
// messages: "a <- b <- c".
func (s *Strata) cycle(from, to string) string {
	via := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to && queue[0] != from {
			break
		}
		for _, n := range s.next[queue[0]] {
			if _, seen := via[n]; !seen && s.Of[n] == s.Of[from] {
				via[n] = queue[0]
				queue = append(queue, n)
			}
		}
	}
	path := []string{to}
	for at := to; at != from; path = append(path, at) {
		at = via[at]
	}
	slices.Reverse(path)
	return strings.Join(append(path, from), " <- ")
}
