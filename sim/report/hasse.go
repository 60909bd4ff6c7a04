package report

import (
	"strings"
	"unicode/utf8"
)

// orderView is a Hasse diagram as the template draws it.
type orderView struct {
	Title, Note   string
	Faults        []string // in what way the order is none
	Width, Height int
	Nodes         []orderNode
	Lines         []orderLine
	Rows          []orderRow
}

type orderNode struct {
	X, Y, W, H, TX, WY int
	Class, Where, Full string
	Lines              []textLine
}

type textLine struct {
	X, Y int
	Text string
}

type orderLine struct {
	X1, Y1, X2, Y2 int
	Tie            bool
}

type orderRow struct {
	Name, Full, Where, Above string
	Final                    bool
}

// Sizes of a drawing, in pixels; of letters in the monospaced face of 12 pixels.
const (
	boxWidth, boxHeight = 216, 64
	gapX, gapY          = 24, 52
	margin              = 8
	boxLetters          = 27
	whereLetters        = 30
)

// letter names states A, B and so on, in tables and beside boxes.
func letter(i int) string {
	s := string(rune('A' + i%26))
	if i >= 26 {
		s = letter(i/26-1) + s
	}
	return s
}

func (o *Order) view() orderView {
	h := o.layout()
	v := orderView{Title: clip(o.Title), Note: clip(o.Note), Faults: o.faults(&h)}
	if o.Cut > 0 {
		v.Faults = append(v.Faults, plural(int64(o.Cut), "further state is", "further states are")+" left out.")
	}
	above := make([][]string, len(o.States))
	for _, c := range h.covers {
		above[c[0]] = append(above[c[0]], letter(c[1]))
	}
	for i, s := range o.States {
		v.Rows = append(v.Rows, orderRow{letter(i), clip(s.Text), o.where(i), strings.Join(above[i], ", "), s.Final})
	}
	if h.circle != nil {
		return v
	}
	most := 0
	for _, r := range h.ranks {
		most = max(most, len(r))
	}
	v.Width = 2*margin + most*boxWidth + (most-1)*gapX
	v.Height = 2*margin + len(h.ranks)*boxHeight + (len(h.ranks)-1)*gapY
	at := func(i int) (x, y int) {
		row := len(h.ranks[h.rank[i]])
		left := (v.Width - row*boxWidth - (row-1)*gapX) / 2
		return left + h.column[i]*(boxWidth+gapX), margin + (len(h.ranks)-1-h.rank[i])*(boxHeight+gapY)
	}
	for _, c := range h.covers {
		x1, y1 := at(c[0])
		x2, y2 := at(c[1])
		v.Lines = append(v.Lines, orderLine{x1 + boxWidth/2, y1, x2 + boxWidth/2, y2 + boxHeight, false})
	}
	for _, t := range h.ties {
		x1, y1 := at(t[0])
		x2, y2 := at(t[1])
		v.Lines = append(v.Lines, orderLine{x1 + boxWidth/2, y1 + boxHeight/2, x2 + boxWidth/2, y2 + boxHeight/2, true})
	}
	for i, s := range o.States {
		x, y := at(i)
		v.Nodes = append(v.Nodes, orderNode{
			X: x, Y: y, W: boxWidth, H: boxHeight, TX: x + 10, WY: y + 53, Class: class(s),
			Lines: boxed(letter(i)+"  "+clip(s.Text), x+10, y+20), Where: shorten(o.where(i), whereLetters), Full: clip(s.Text),
		})
	}
	return v
}

func class(s OrderState) string {
	switch {
	case s.Final:
		return "final"
	case s.Join:
		return "join"
	}
	return "between"
}

func (o *Order) where(i int) string {
	s := clipAll(o.States[i].Where)
	if o.States[i].Join && len(s) == 0 {
		s = append(s, "the join")
	}
	return strings.Join(s, ", ")
}

// faults says in what way the order is none.
func (o *Order) faults(h *hasse) []string {
	var out []string
	if h.circle != nil {
		var names []string
		for _, i := range append(h.circle, h.circle[0]) {
			names = append(names, letter(i))
		}
		return []string{"This is no order, and cannot be drawn: it goes in a circle, " + strings.Join(names, " below ") + "."}
	}
	if b := h.broken; b != nil {
		x, y, z := letter(b[0]), letter(b[1]), letter(b[2])
		out = append(out, "This is no order: "+x+" is below "+y+", and "+y+" below "+z+", but "+x+" is not below "+z+".")
	}
	for _, t := range h.ties {
		out = append(out, "The order calls "+letter(t[0])+" and "+letter(t[1])+" equal, and they are not: a merge of the two keeps whichever it has.")
	}
	return out
}

// boxed is a text in a box, in two lines at most. Of a longer one the middle is left out: states
// of one key begin alike, and often only their ends tell them apart.
func boxed(s string, x, y int) []textLine {
	r := []rune(strings.ReplaceAll(s, "\n", " "))
	if len(r) <= boxLetters {
		return []textLine{{x, y, string(r)}}
	}
	rest := r[boxLetters:]
	if len(rest) > boxLetters {
		rest = append([]rune{'…'}, r[len(r)-boxLetters+1:]...)
	}
	return []textLine{{x, y, string(r[:boxLetters])}, {x, y + 16, string(rest)}}
}

// shorten cuts a text to so many letters, on one line.
func shorten(s string, most int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	r := []rune(s)
	return string(r[:most-1]) + "…"
}
