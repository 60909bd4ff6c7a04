package explore

import (
	"errors"
	"slices"
	"strings"
)

// Run searches all that c can do. It finds the same violations as [Run] of
// [Cluster.Model], at the same depths, in less time and memory: states are kept as
// numbers, drops are left to the end, and nodes are renamed where that makes no
// difference. Nodes that have as many inputs as each other are tried as a symmetry,
// with their inputs, and so are the inputs of one node, if that is no more than 120
// renamings. If a step tells that it is none, the search starts anew with less of
// it, or without, and the result says so.
func (c *Cluster[N]) Run(o Options) (Result[*Global[N], Action], error) {
	if err := c.validate(); err != nil {
		return Result[*Global[N], Action]{}, err
	}
	groups := [][][]int{nil}
	if !o.NoSymmetry {
		groups = c.groups()
	}
	asymmetry := ""
	for _, g := range groups {
		r, err := c.runWith(g, o)
		if errors.Is(err, ErrSymmetry) {
			_, asymmetry, _ = strings.Cut(err.Error(), ErrSymmetry.Error()+": ")
			continue
		}
		r.Asymmetry = asymmetry
		return r, err
	}
	return Result[*Global[N], Action]{}, errors.New(asymmetry) // unreachable: the last has no symmetry
}

// runWith is Run with a group of renamings; nil is none.
func (c *Cluster[N]) runWith(group [][]int, o Options) (Result[*Global[N], Action], error) {
	k, err := newPacked(c, group)
	if err != nil {
		return Result[*Global[N], Action]{}, err
	}
	start, err := k.init()
	if err != nil {
		return Result[*Global[N], Action]{}, err
	}
	r, err := Run(Model[compact, move]{
		Init: func() []compact { return []compact{start} }, Actions: k.actions, Apply: k.apply, Append: k.append, Check: k.check,
		Independent: k.independent, Class: func(m move) int { return int(m.kind) }, Classes: actionNames[:],
		Symmetry: group, Permute: k.permute, PermuteAction: k.permuteMove, next: k.next,
	}, o)
	if k.broken != nil {
		err = k.broken
	}
	out := Result[*Global[N], Action]{
		States: r.States, Renamed: r.Renamed, Transitions: r.Transitions, Asleep: r.Asleep, Sampled: r.Sampled, Depth: r.Depth,
		Complete: r.Complete, Stopped: r.Stopped, Believed: r.Believed, Refuted: r.Refuted, Renamings: r.Renamings,
	}
	if v := r.Violation; v != nil {
		out.Violation = &Violation[*Global[N], Action]{What: v.What, Init: k.global(v.Init), End: k.global(v.End)}
		for _, m := range v.Path {
			out.Violation.Path = append(out.Violation.Path, k.action(m))
		}
	}
	return out, err
}

// maxGroup bounds what is paid for each state. All renamings of 5 nodes are 120.
const maxGroup = 120

// groups lists what to try as a symmetry, most first: renamings of nodes and of the
// inputs of each, those of nodes alone, none.
func (c *Cluster[N]) groups() [][][]int {
	ofNodes := [][]int(nil)
	for _, p := range Permutations(c.Nodes) {
		if q := c.withInputs(p); q != nil {
			ofNodes = append(ofNodes, q)
		}
	}
	all, size := ofNodes, len(ofNodes)
	for _, inputs := range c.inputsByNode() {
		for n := 2; n <= len(inputs) && size <= maxGroup; n++ {
			size *= n
		}
	}
	var out [][][]int
	if size > len(ofNodes) && size <= maxGroup {
		for _, inputs := range c.inputsByNode() {
			all = c.shuffled(all, inputs)
		}
		out = append(out, all)
	}
	if len(ofNodes) > 1 && len(ofNodes) <= maxGroup {
		out = append(out, ofNodes)
	}
	for _, g := range out {
		slices.SortFunc(g, slices.Compare[[]int])
	}
	return append(out, nil)
}

// inputsByNode lists the inputs of each node, and last those of any.
func (c *Cluster[N]) inputsByNode() [][]int {
	out := make([][]int, c.Nodes+1)
	for i, in := range c.Inputs {
		at := in.Node
		if at < 0 {
			at = c.Nodes
		}
		out[at] = append(out[at], i)
	}
	return out
}

// withInputs is the renaming of nodes p that takes the inputs of each node to those
// of its image, in order; nil if there are not as many.
func (c *Cluster[N]) withInputs(p []int) []int {
	of := c.inputsByNode()
	out := make([]int, c.Nodes+len(c.Inputs))
	for from, inputs := range of {
		to := from
		if from < c.Nodes {
			to = p[from]
			out[from] = to
		}
		if len(of[to]) != len(inputs) {
			return nil
		}
		for k, i := range inputs {
			out[c.Nodes+i] = c.Nodes + of[to][k]
		}
	}
	return out
}

// shuffled is each of group after each order of inputs.
func (c *Cluster[N]) shuffled(group [][]int, inputs []int) [][]int {
	var out [][]int
	for _, order := range Permutations(len(inputs)) {
		q := make([]int, c.Nodes+len(c.Inputs))
		for i := range q {
			q[i] = i
		}
		for k, i := range inputs {
			q[c.Nodes+i] = c.Nodes + inputs[order[k]]
		}
		for _, p := range group {
			out = append(out, compose(p, q))
		}
	}
	return out
}
