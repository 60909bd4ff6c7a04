// Package terminaltest has terminals for tests: one that a program writes to, and what a user
// sees on it.
package terminaltest

import (
	"strings"
	"unicode/utf8"
)

// Screen is what a user sees of what a program has written: lines, and a cursor. It knows
// the control sequences that the programs use. What it does not know stands in Unknown.
type Screen struct {
	Unknown  []string
	Coloured bool // a style was asked for

	lines    [][]rune
	row, col int
	rest     string // of a sequence that is not whole yet
}

// Lines are those from the first to the last that has anything on it, without blanks at
// their ends.
func (s *Screen) Lines() (text []string) {
	for _, line := range s.lines {
		text = append(text, strings.TrimRight(string(line), " "))
	}
	for len(text) > 0 && text[len(text)-1] == "" {
		text = text[:len(text)-1]
	}
	return text
}

// Write shows what a program writes.
func (s *Screen) Write(b []byte) (int, error) {
	text := s.rest + string(b)
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && !utf8.FullRuneInString(text):
			s.rest = text
			return len(b), nil
		case r == '\x1b':
			if n = s.control(text); n == 0 {
				s.rest = text
				return len(b), nil
			}
		case r == '\n':
			s.row++
		case r == '\r':
			s.col = 0
		default:
			s.put(r)
		}
		text = text[n:]
	}
	s.rest = ""
	return len(b), nil
}

func (s *Screen) put(r rune) {
	s.reach()
	line := s.lines[s.row]
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.lines[s.row] = line
	s.col++
}

// reach has there be the line of the cursor.
func (s *Screen) reach() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

// control does the sequence at the beginning of a text, and returns its length, 0 if there is
// more to come.
func (s *Screen) control(text string) int {
	end := strings.IndexFunc(text[1:], func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
	if end < 0 {
		return 0
	}
	end++
	number := 0
	for _, r := range strings.TrimPrefix(text[1:end], "[") {
		if r >= '0' && r <= '9' {
			number = 10*number + int(r-'0')
		}
	}
	s.reach()
	switch text[end] {
	case 'A':
		s.row = max(s.row-max(number, 1), 0)
	case 'K':
		s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
	case 'J':
		s.lines[s.row] = s.lines[s.row][:min(s.col, len(s.lines[s.row]))]
		s.lines = s.lines[:s.row+1]
	case 'm':
		s.Coloured = true
	default:
		s.Unknown = append(s.Unknown, text[1:end+1])
	}
	return end + 1
}
