package linearizability

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Diagram draws the witness: a column a session, a row an operation in the order
// of the history; empty where there is no witness. Puts show what was put, reads
// and dequeues what came back, tags stand in brackets, # leads to the operation.
//
//	      s0        s1
//	#0    x := 1
//	#1              x = 1
//	#2              x := 2
func (v Verdict) Diagram() string {
	if len(v.Witness) == 0 {
		return ""
	}
	var sessions []int
	for _, o := range v.Witness {
		sessions = append(sessions, o.Session)
	}
	slices.Sort(sessions)
	sessions = slices.Compact(sessions)
	width, names := make([]int, len(sessions)), make([]string, len(sessions))
	for i, s := range sessions {
		for _, o := range v.Witness {
			if o.Session == s {
				names[i] = o.SessionName()
				width[i] = max(width[i], utf8.RuneCountInString(names[i]), utf8.RuneCountInString(glyph(&o)))
			}
		}
	}
	var b strings.Builder
	line := func(label string, cell func(i int) string) {
		row := fmt.Sprintf("%-6s", label)
		for i := range sessions {
			row += fmt.Sprintf("%-*s  ", width[i], cell(i))
		}
		b.WriteString(strings.TrimRight(row, " "))
		b.WriteByte('\n')
	}
	line("", func(i int) string { return names[i] })
	for _, o := range v.Witness {
		line(fmt.Sprintf("#%d", o.Index), func(i int) string {
			if sessions[i] == o.Session {
				return glyph(&o)
			}
			return ""
		})
	}
	return b.String()
}

// glyph is an operation in a cell of the diagram.
func glyph(o *history.Op) string {
	var s string
	switch o.Func {
	case history.Read:
		s = fmt.Sprintf("%s = %s", o.Key, o.Out)
		if !o.Arg.IsNil() { // an entry of a map
			s = fmt.Sprintf("%s[%s] = %s", o.Key, o.Arg, o.Out)
		}
	case history.Dequeue:
		s = fmt.Sprintf("%s dequeue = %s", o.Key, o.Out)
		if o.Outcome != history.OK {
			s = fmt.Sprintf("%s dequeue", o.Key)
		}
	case history.Generate, history.Drain:
		s = fmt.Sprintf("%s %s = %s", o.Key, o.Func, o.Out)
	case history.Acquire, history.Release:
		s = fmt.Sprintf("%s %s", o.Key, o.Func)
	case history.Write:
		s = fmt.Sprintf("%s := %s", o.Key, o.Arg)
	case history.Add, history.Inc:
		s = fmt.Sprintf("%s += %s", o.Key, o.Arg)
	default:
		s = fmt.Sprintf("%s %s %s", o.Key, o.Func, o.Arg)
	}
	if o.Tag != 0 {
		s += fmt.Sprintf(" [%d]", o.Tag)
	}
	if o.Saw != nil {
		s += fmt.Sprintf(" %v", o.Saw)
	}
	switch o.Outcome {
	case history.Failed:
		s += " failed"
	case history.Unknown:
		s += " ?"
	}
	return s
}
