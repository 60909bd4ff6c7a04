package flow

import (
	"fmt"
	"slices"
	"strings"
)

// Mermaid draws graphs as a Mermaid flowchart: State edges are thick, channels
// between graphs dashed.
func Mermaid(gs ...*Graph) string {
	gs = present(gs)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	id := func(n *node) string { return fmt.Sprintf("g%dn%d", place(gs, n.g), n.id) }
	for i, g := range gs {
		fmt.Fprintf(&b, "  subgraph g%d[%s]\n", i, mermaidText(g.name))
		for _, n := range g.nodes {
			open, shut := "[", "]"
			switch n.rule {
			case foldRule:
				open, shut = "[(", ")]"
			case sealRule:
				open, shut = "{{", "}}"
			case sourceRule, constRule, sinkRule, publishRule:
				open, shut = "([", "])"
			}
			fmt.Fprintf(&b, "    %s%s%s%s\n", id(n), open, mermaidText(n.title()), shut)
		}
		b.WriteString("  end\n")
	}
	for _, g := range gs {
		for _, e := range g.edges {
			arrow := "-->"
			if e.from.state {
				arrow = "==>"
			}
			fmt.Fprintf(&b, "  %s %s|%s| %s\n", id(e.from.n), arrow, mermaidText(e.title()), id(e.to))
		}
		for _, n := range g.nodes {
			if n.rule == receiveRule && n.far != nil && place(gs, n.far.g) < len(gs) {
				fmt.Fprintf(&b, "  %s -.-> %s\n", id(n.far), id(n))
			}
		}
	}
	return b.String()
}

// present are the graphs that there are; nil is drawn as none.
func present(gs []*Graph) []*Graph {
	return slices.DeleteFunc(slices.Clone(gs), func(g *Graph) bool { return g == nil })
}

// DOT draws graphs for Graphviz, as [Mermaid] does.
func DOT(gs ...*Graph) string {
	gs = present(gs)
	var b strings.Builder
	b.WriteString("digraph flow {\n  rankdir=LR;\n  node [shape=box];\n")
	id := func(n *node) string { return fmt.Sprintf("g%dn%d", place(gs, n.g), n.id) }
	for i, g := range gs {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%q;\n", i, g.name)
		for _, n := range g.nodes {
			shape := ""
			switch n.rule {
			case foldRule:
				shape = " shape=cylinder"
			case sealRule:
				shape = " shape=hexagon"
			case sourceRule, constRule, sinkRule, publishRule:
				shape = " shape=oval"
			}
			fmt.Fprintf(&b, "    %s [label=%q%s];\n", id(n), n.title(), shape)
		}
		b.WriteString("  }\n")
	}
	for _, g := range gs {
		for _, e := range g.edges {
			style := ""
			if e.from.state {
				style = " penwidth=2"
			}
			fmt.Fprintf(&b, "  %s -> %s [label=%q%s];\n", id(e.from.n), id(e.to), e.title(), style)
		}
		for _, n := range g.nodes {
			if n.rule == receiveRule && n.far != nil && place(gs, n.far.g) < len(gs) {
				fmt.Fprintf(&b, "  %s -> %s [style=dashed];\n", id(n.far), id(n))
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// place is the index of g in gs, or len(gs).
func place(gs []*Graph, g *Graph) int {
	for i, other := range gs {
		if other == g {
			return i
		}
	}
	return len(gs)
}

// title is what a drawing calls the operator.
func (n *node) title() string {
	if n.label != "" {
		return n.op + " " + n.label
	}
	return n.op
}

// title is what a drawing writes at the edge.
func (e *edge) title() string {
	text := e.from.typ
	if e.from.label != "" {
		text = e.from.label + ": " + text
	}
	if e.port != "" {
		text += " → " + e.port
	}
	return text
}

func mermaidText(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(s) + `"`
}
