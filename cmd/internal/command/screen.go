package command

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/joinery-go/joinery/cmd/internal/layout"
)

// Row is a line of a live screen.
type Row struct {
	Text  string
	Style Style
}

// Style is how a row looks where there are colours. What it says does not depend on it.
type Style uint8

// The styles.
const (
	Plain Style = iota
	Strong
	Good
	Bad
)

// Control sequences of styles, and of what moves on a screen.
const (
	strong   = "\x1b[1m"
	good     = "\x1b[32m"
	bad      = "\x1b[31m"
	ordinary = "\x1b[0m"

	eraseRest  = "\x1b[K" // of the line
	eraseBelow = "\x1b[J" // and the line itself
)

// colours reports whether the user wants any (no-color.org).
func colours() bool { return os.Getenv("NO_COLOR") == "" }

// smallest is the least terminal that a live screen is for; one line is all else.
const smallestColumns, smallestLines = 30, 6

// showRows replaces what is live by rows that stand below each other. rows is called for
// the terminal as it is now, which may have been resized.
func (o *output) showRows(line func() string, rows func(columns, lines int) []Row) {
	columns, lines := o.size()
	if columns < smallestColumns || lines < smallestLines {
		o.show(line())
		return
	}
	show := rows(columns-1, lines-1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		o.clear()
		return
	}
	o.stand(o.w, show, columns, lines-1)
}

// stand has rows stand on w, which is so wide, and no more of them than lines. What stood
// there is written over, so that nothing flickers. The caller holds mu.
func (s *screen) stand(w io.Writer, rows []Row, columns, lines int) {
	var b strings.Builder
	if s.live == w {
		b.WriteString(s.up(columns))
	} else {
		s.clear()
	}
	s.live, s.widths = w, s.widths[:0]
	for i, r := range rows[:min(len(rows), lines)] {
		text := cut(strings.ReplaceAll(r.Text, "\n", " "), columns-1)
		s.widths = append(s.widths, layout.Columns(text))
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(r.Style.of(text) + eraseRest)
	}
	io.WriteString(w, b.String()+eraseBelow) // as in clear
}

// of is a text in the style.
func (s Style) of(text string) string {
	if s == Plain || !colours() {
		return text
	}
	return [...]string{Strong: strong, Good: good, Bad: bad}[s] + text + ordinary
}

// up goes to where what is live begins. A terminal that has become narrower may have broken
// rows in several.
func (s *screen) up(columns int) string {
	n := 0
	for _, wide := range s.widths {
		n += max((wide+columns-1)/columns, 1)
	}
	if n > 1 {
		return fmt.Sprintf("\r\x1b[%dA", n-1)
	}
	return "\r"
}

// size is how many columns and lines the terminal has.
func (o *output) size() (columns, lines int) { return sizeOf(o.w) }

func sizeOf(w io.Writer) (columns, lines int) {
	if f, ok := w.(*os.File); ok {
		if wide, high, err := term.GetSize(int(f.Fd())); err == nil && wide > 0 && high > 0 {
			return wide, high
		}
	}
	return layout.Width, 24
}

// StartScreen is [StartProgress] with a screen of rows where there is a terminal for it, and
// a line elsewhere. rows is told how many columns and lines there are; what does not fit is
// cut. It stands below what was written before, and is gone before anything else is.
func StartScreen(w io.Writer, line func() string, rows func(columns, lines int) []Row) *Progress {
	return start(&Progress{w: w, line: line, rows: rows})
}
