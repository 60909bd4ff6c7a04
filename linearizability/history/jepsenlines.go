package history

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Entries of Jepsen that are no maps: a list [process type f value], as Knossos has them, or
// a line of these four, as in the history.txt that Jepsen keeps beside the history.edn. What
// stands behind the value of a line is its error, which is text and need not be EDN.

// beginsEntry reports whether an entry that is no map may begin so: with the number of a
// process, or with the keyword of one that is no client.
func beginsEntry(b byte) bool { return b >= '0' && b <= '9' || b == ':' }

// looksLikeEntry reports whether a line, or a list without its bracket, begins with a process
// and a type.
func looksLikeEntry(line string) bool {
	words := strings.Fields(line)
	if len(words) < 3 || !beginsEntry(words[0][0]) || !strings.HasPrefix(words[1], ":") || !strings.HasPrefix(words[2], ":") {
		return false
	}
	_, known := parseEventType(words[1][1:])
	return known
}

// textLine reads on to the end of the line that begins with b.
func (s *ednSplitter) textLine(b byte) ([]byte, error) {
	s.buf = append(s.buf[:0], b)
	for {
		b, err := s.read()
		switch {
		case errors.Is(err, io.EOF):
			s.open = true
			return s.buf, nil
		case err == nil && b == '\n':
			return s.buf, nil
		case err != nil:
			return nil, err
		case len(s.buf) >= s.most:
			return nil, fmt.Errorf("%w: line of more than %d bytes", ErrTooLong, s.most)
		}
		s.buf = append(s.buf, b)
	}
}

// isTuple peeks whether a list that has just been opened is an entry.
func (s *ednSplitter) isTuple() bool {
	const far = 64
	for n := 1; n <= far; n++ {
		head, err := s.src.Peek(n)
		if err != nil {
			return false
		}
		if b := head[n-1]; !isEDNSpace(b) {
			return beginsEntry(b)
		}
	}
	return false
}

// lineEntry is an entry that is a list or a line, as the map that it stands for.
func lineEntry(form string) (ednNode, error) {
	var n ednNode
	var values []ednNode
	n.kind, n.text = ednMap, form
	switch form[0] {
	case '[', '(':
		list, err := readEDN(form)
		if err != nil {
			return n, err
		}
		values = list.items
	default:
		if err := shallow(form); err != nil {
			return n, err
		}
		r := ednReader{src: form}
		for len(values) < 4 {
			if r.space(); r.pos == len(form) {
				break
			}
			v, err := r.value()
			if err != nil {
				return n, err
			}
			values = append(values, v)
		}
		if r.space(); r.pos < len(form) {
			values = append(values, ednNode{kind: ednString, str: form[r.pos:], text: form[r.pos:]})
		}
	}
	if len(values) < 4 || len(values) > 5 {
		return n, fmt.Errorf("%w: %d values in an entry, where process, type, function and value are due", ErrFormat, len(values))
	}
	for i, v := range values {
		key := [...]string{"process", "type", "f", "value", "error"}[i]
		n.items = append(n.items, ednNode{kind: ednKeyword, str: key, text: ":" + key}, v)
	}
	return n, nil
}

// shallow refuses a line that nests too deep, since reading a value recurses.
func shallow(line string) error {
	depth, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{' || c == '(':
			if depth++; depth > maxEDNDepth {
				return fmt.Errorf("%w: nested deeper than %d", ErrFormat, maxEDNDepth)
			}
		case c == ']' || c == '}' || c == ')':
			depth--
		}
	}
	return nil
}

// firstWord is the first word of an entry that is a list or a line.
func firstWord(form string) string {
	form = strings.TrimLeftFunc(strings.TrimLeft(form, "[("), unicode.IsSpace)
	if end := strings.IndexFunc(form, func(r rune) bool { return r < 128 && isEDNSpace(byte(r)) }); end >= 0 {
		form = form[:end]
	}
	return form
}
