package mechanical

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrArgued is returned for a table of arguments that cannot be read, or that says
// something of a mutation that there is not.
var ErrArgued = errors.New("table of argued mutants")

// Argument says why nothing can notice a mutation, or why nothing should.
type Argument struct {
	File string // as of [Mutation]
	Func string
	Kind Kind
	Was  string
	Now  string
	Nth  int    // which of the mutations of that description in the function, from 1; 0: there is one
	Why  string // the reason
	line int
}

// ParseArguments reads a table: entries separated by empty lines, each of the fields
// file, func, kind, was, now, nth where it is needed, and why, one a line as "field:
// value". Lines that begin with "#" are comments.
func ParseArguments(text []byte) ([]Argument, error) {
	var list []Argument
	var fields map[string]string
	first, number := 0, 0
	finish := func() error {
		if fields == nil {
			return nil
		}
		a := Argument{
			File: fields["file"], Func: fields["func"], Kind: Kind(fields["kind"]), Was: fields["was"], Now: fields["now"],
			Why: fields["why"], line: first,
		}
		if n, given := fields["nth"]; given {
			nth, err := strconv.Atoi(n)
			if err != nil || nth < 1 {
				return fmt.Errorf("%w: line %d: nth: %q: want a number from 1 on", ErrArgued, first, n)
			}
			a.Nth = nth
		}
		for _, f := range []string{"file", "func", "kind", "was", "now", "why"} {
			if fields[f] == "" {
				return fmt.Errorf("%w: line %d: the entry has no %s", ErrArgued, first, f)
			}
		}
		list, fields = append(list, a), nil
		return nil
	}
	in := bufio.NewScanner(bytes.NewReader(text))
	for in.Scan() {
		number++
		l := strings.TrimSpace(in.Text())
		if strings.HasPrefix(l, "#") {
			continue
		}
		if l == "" {
			if err := finish(); err != nil {
				return nil, err
			}
			continue
		}
		field, value, ok := strings.Cut(l, ":")
		value = strings.TrimSpace(value)
		switch field {
		case "file", "func", "kind", "was", "now", "nth", "why":
		default:
			ok = false
		}
		if fields == nil {
			fields, first = make(map[string]string), number
		}
		if !ok || value == "" || fields[field] != "" {
			return nil, fmt.Errorf("%w: line %d: %q: want a known \"field: value\", once an entry", ErrArgued, number, l)
		}
		fields[field] = value
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgued, err)
	}
	return list, finish()
}

// describes reports whether the entry is of a mutation, but for which of several.
func (a *Argument) describes(m *Mutation) bool {
	return a.File == m.File && a.Func == m.Func && a.Kind == m.Kind && a.Was == m.Was && a.Now == m.Now
}

// Argued finds the mutations that a table argues about, with the reasons. list must
// hold all mutations of their packages; entries about files of none of them are left
// out, and those about files of theirs that describe no mutation, or several, are
// errors.
func Argued(table []Argument, packages []*Package, list []*Mutation) (map[*Mutation]string, error) {
	loaded := make(map[string]bool)
	for _, p := range packages {
		for _, f := range p.files {
			loaded[f.rel] = true
		}
	}
	reasons := make(map[*Mutation]string)
	var wrong []error
	for _, a := range table {
		if !loaded[a.File] {
			continue
		}
		var of []*Mutation
		for _, m := range list {
			if a.describes(m) {
				of = append(of, m)
			}
		}
		at := fmt.Sprintf("line %d: %s of %s in %s", a.line, a.Kind, a.Func, a.File)
		switch {
		case len(of) == 0:
			wrong = append(wrong, fmt.Errorf("%w: %s: no such mutation any more: remove the entry, or argue anew", ErrArgued, at))
		case a.Nth == 0 && len(of) > 1, a.Nth > len(of):
			wrong = append(wrong, fmt.Errorf("%w: %s: there are %d such mutations: say which by nth", ErrArgued, at, len(of)))
		default:
			m := of[max(a.Nth, 1)-1]
			if reasons[m] != "" {
				wrong = append(wrong, fmt.Errorf("%w: %s: there are two entries for this mutation", ErrArgued, at))
			}
			reasons[m] = a.Why
		}
	}
	return reasons, errors.Join(wrong...)
}
