// Package layout fits prose and tables into the columns of a terminal, so that
// nothing that a program lists is cut or folded by the terminal itself.
//
// It counts a rune as one column, combining marks as none. It breaks lines at
// blanks only: a word that is wider than the room, such as a path or a command,
// stays whole, since what is to be copied must not have a line break in it.
package layout

import (
	"strings"
	"unicode"
)

// Width is how many columns everything that is listed fits into.
const Width = 80

// Columns is how many columns s takes.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			n++
		}
	}
	return n
}

// Pad fills s up with blanks to so many columns.
func Pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-Columns(s), 0))
}

// Hang writes text behind a head, broken into lines of [Width] columns; the
// further lines begin where the text of the first one does.
func Hang(head, text string) string { return Wrap(head, strings.Repeat(" ", Columns(head)), text) }

// Wrap writes text behind a head, and its further lines behind indent. The text is
// words: what is around it does not count, a line break separates words as a blank
// does, several blanks between two words stay unless the line is broken there.
// There is no line break at the end.
func Wrap(head, indent, text string) string {
	var b strings.Builder
	line := head
	empty := true // no word on this line yet
	for text = strings.TrimSpace(text); text != ""; {
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			end = len(text)
		}
		word := text[:end]
		text = text[end:]
		blanks := text[:len(text)-len(strings.TrimLeftFunc(text, unicode.IsSpace))]
		text = text[len(blanks):]
		if !empty && Columns(line)+Columns(word) > Width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		if strings.Trim(blanks, " ") != "" {
			blanks = " "
		}
		line += word + blanks
		empty = false
	}
	b.WriteString(strings.TrimRight(line, " "))
	return b.String()
}

// Below writes text behind a head if the line has room for it, else on lines of
// its own below it, behind indent.
func Below(head, indent, text string) string {
	if line := head + text; Columns(line) <= Width && !strings.Contains(text, "\n") {
		return strings.TrimRight(line, " ")
	}
	return strings.TrimRight(head, " ") + "\n" + Wrap(indent, indent, text)
}

// Prose fits paragraphs into [Width] columns: lines that begin with no blank are
// one paragraph up to the next empty or indented line, and flow. Indented lines
// are kept as they are; one that is too wide is broken, its rest indented alike.
func Prose(text string) string {
	var out, paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			out = append(out, Wrap("", "", strings.Join(paragraph, " ")))
		}
		paragraph = nil
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			out = append(out, "")
		case indent == "":
			paragraph = append(paragraph, line)
		case Columns(line) > Width:
			flush()
			out = append(out, Wrap(indent, indent, line))
		default:
			flush()
			out = append(out, strings.TrimRight(line, " "))
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// Table writes rows in columns, two blanks apart and each as wide as its widest
// cell, behind indent; the last column is broken into lines. Rows may have cells
// left out at their end. Every line ends with a line break.
func Table(indent string, rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		head := indent
		for i, cell := range row {
			if i < len(widths)-1 {
				head += Pad(cell, widths[i]) + "  "
				continue
			}
			b.WriteString(Hang(head, cell) + "\n")
		}
		if len(row) < len(widths) {
			b.WriteString(strings.TrimRight(head, " ") + "\n")
		}
	}
	return b.String()
}
