package laws

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/lattice"
)

// node is a state of a picture with the names it has: the states of a tuple and
// their joins may coincide.
type node struct {
	v     any
	names []string
	rank  int
}

// StateOrder is the states of a counterexample and their pairwise joins, and how they
// are ordered, for whoever draws them: see [Failure.Order].
type StateOrder struct {
	States []OrderedState
	// Below[i][j] is that state i is below state j or equal to it: by what Compare says,
	// or, of a merge without it, by what merging says. It need not be an order.
	Below [][]bool
}

// OrderedState is a state under all the names that it has, such as a and b⊔a.
type OrderedState struct {
	Names []string
	Value string // as it is printed
}

// picture draws the order of the states of a tuple and of their pairwise joins as
// text, greatest first: one line a rank, then who covers whom. The order is what
// Compare says, or, of a merge without it, what merging says; a comparison that is
// no order is said to be none. It gives the order as data too, where nothing panics.
func (p *probe) picture(x []any) (text string, order *StateOrder) {
	if p.s.join == nil {
		return "", nil
	}
	defer func() {
		if v := recover(); v != nil {
			text, order = "no picture: the merge panics: "+panicText(v)+"\n", nil
		}
	}()
	nodes := p.nodes(p.copies(x))
	below := p.strictlyBelow(nodes)
	order = p.orderOf(nodes)
	if !ranked(nodes, below) {
		return "no picture: the comparison goes in a circle\n", order
	}
	return drawn(nodes, below), order
}

// orderOf is the order of the states of a picture as data.
func (p *probe) orderOf(nodes []node) *StateOrder {
	o := new(StateOrder)
	compare := p.s.order(p.Equal)
	for i, n := range nodes {
		o.States = append(o.States, OrderedState{slices.Clone(n.names), p.Show(n.v)})
		row := make([]bool, len(nodes))
		for j, other := range nodes {
			x := compare(n.v, other.v)
			row[j] = i == j || x == lattice.Less || x == lattice.Equal
		}
		o.Below = append(o.Below, row)
	}
	return o
}

func (p *probe) nodes(x []any) []node {
	var nodes []node
	add := func(name string, v any) {
		for i := range nodes {
			if p.Equal(nodes[i].v, v) {
				nodes[i].names = append(nodes[i].names, name)
				return
			}
		}
		nodes = append(nodes, node{v: v, names: []string{name}})
	}
	for i := range x {
		add(variables[i], x[i])
	}
	for i := range x {
		for j := range x {
			if i != j {
				add(variables[i]+"⊔"+variables[j], p.Join(x[i], x[j]))
			}
		}
	}
	return nodes
}

func (p *probe) strictlyBelow(nodes []node) [][]bool {
	compare := p.s.order(p.Equal)
	below := make([][]bool, len(nodes))
	for i := range nodes {
		below[i] = make([]bool, len(nodes))
		for j := range nodes {
			below[i][j] = i != j && compare(nodes[i].v, nodes[j].v) == lattice.Less
		}
	}
	return below
}

// ranked gives each node the length of the longest chain below it, or reports
// that there is a circle.
func ranked(nodes []node, below [][]bool) bool {
	for range nodes {
		changed := false
		for i := range nodes {
			for j := range nodes {
				if below[i][j] && nodes[j].rank <= nodes[i].rank {
					nodes[j].rank = nodes[i].rank + 1
					changed = true
				}
			}
		}
		if !changed {
			return true
		}
	}
	return false
}

func drawn(nodes []node, below [][]bool) string {
	name := func(i int) string { return strings.Join(nodes[i].names, " = ") }
	top := 0
	for _, n := range nodes {
		top = max(top, n.rank)
	}
	lines := make([]string, top+1)
	width := 0
	for rank := range lines {
		var row []string
		for i, n := range nodes {
			if n.rank == rank {
				row = append(row, name(i))
			}
		}
		lines[rank] = strings.Join(row, "     ")
		width = max(width, len([]rune(lines[rank])))
	}
	slices.Reverse(lines)
	var b strings.Builder
	for _, l := range lines {
		pad := (width - len([]rune(l))) / 2
		fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", pad), l)
	}
	for j := range nodes {
		var covered []string
		for i := range nodes {
			if below[i][j] && !slices.ContainsFunc(indices(nodes), func(k int) bool { return below[i][k] && below[k][j] }) {
				covered = append(covered, name(i))
			}
		}
		if len(covered) > 0 {
			fmt.Fprintf(&b, "%s covers %s\n", name(j), strings.Join(covered, ", "))
		}
	}
	return b.String()
}

func indices(nodes []node) []int {
	is := make([]int, len(nodes))
	for i := range is {
		is[i] = i
	}
	return is
}
