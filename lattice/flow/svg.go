package flow

import (
	"fmt"
	"html"
	"strings"
)

// Measures of an SVG drawing, in pixels.
const (
	boxWidth, boxHeight   = 150, 36
	columnStep, rowStep   = 200, 62
	margin, letterWidth   = 20, 7
	maxLetters            = (boxWidth - 10) / letterWidth
	growingInk, otherInk  = 3, 1.2
	fillOther, fillMerges = "#f6f8fa", "#dbeafe"
	fillSeal              = "#fde68a"
)

// SVG draws a graph as an image: operators in the order in which values reach them,
// State edges thick, edges that lead back dashed, operators that merge blue, seals
// yellow.
func SVG(g *Graph) string {
	if g == nil {
		g = New("", Options{}) // as Mermaid and DOT draw nil
	}
	column, row := g.layout()
	x := func(n *node) int { return margin + column[n]*columnStep }
	y := func(n *node) int { return margin + row[n]*rowStep }
	width, height := 0, 0
	for _, n := range g.nodes {
		width, height = max(width, x(n)+boxWidth+margin), max(height, y(n)+boxHeight+margin)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		width, height+rowStep/2, width, height+rowStep/2)
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(g.name))
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	b.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>` + "\n")
	for _, e := range g.edges {
		from, to, ink, dash := e.from.n, e.to, float64(otherInk), ""
		if e.from.state {
			ink = growingInk
		}
		x1, y1, x2, y2 := x(from)+boxWidth, y(from)+boxHeight/2, x(to), y(to)+boxHeight/2
		bend, low := (columnStep-boxWidth)/2, 0
		if column[to] <= column[from] {
			dash, bend, low = ` stroke-dasharray="5 4"`, columnStep/2, height
		}
		c1, c2 := y1, y2
		if low > 0 {
			c1, c2 = low, low
		}
		fmt.Fprintf(&b, `<path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="#444" stroke-width="%g"%s marker-end="url(#tip)"/>`+"\n",
			x1, y1, x1+bend, c1, x2-bend, c2, x2, y2, ink, dash)
	}
	for _, n := range g.nodes {
		fill := fillOther
		switch {
		case n.rule == sealRule:
			fill = fillSeal
		case n.rule.merges():
			fill = fillMerges
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#444"/>`+"\n", x(n), y(n), boxWidth, boxHeight, fill)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n",
			x(n)+boxWidth/2, y(n)+boxHeight/2+4, html.EscapeString(short(n.title())))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// short cuts a title to what a box has room for.
func short(s string) string {
	if r := []rune(s); len(r) > maxLetters {
		return string(r[:maxLetters-1]) + "…"
	}
	return s
}

// layout puts each operator a column behind what leads to it; the end of a loop that
// elements come out of counts as a source.
func (g *Graph) layout() (column, row map[*node]int) {
	column, row = make(map[*node]int), make(map[*node]int)
	for range g.nodes {
		for _, e := range g.edges {
			if e.to.rule != loopRule && column[e.to] <= column[e.from.n] && column[e.from.n] < len(g.nodes) {
				column[e.to] = column[e.from.n] + 1
			}
		}
	}
	used := make(map[int]int)
	for _, n := range g.nodes {
		row[n] = used[column[n]]
		used[column[n]]++
	}
	return column, row
}
