package sim

import (
	"fmt"
	"io"
	"strings"
)

// WriteDivergence writes where the recorded traces of two runs part: the lines
// before that they share, at most around of them, and as many of each from the
// first that differs on. It reports whether they part at all, as far as they were
// recorded ([TraceOptions.Records]). Notes count, so what an actor says of itself
// may show a difference before what it does.
func WriteDivergence(out io.Writer, a, b *World, around int) (parted bool, err error) {
	at := 0
	line := func(w *World, i int) string {
		if i < len(w.trace.records) {
			return w.trace.records[i].Line(w.opts.KindName)
		}
		return ""
	}
	for at < max(len(a.trace.records), len(b.trace.records)) && line(a, at) == line(b, at) {
		at++
	}
	if at == len(a.trace.records) && at == len(b.trace.records) {
		return false, nil
	}
	var s strings.Builder
	fmt.Fprintf(&s, "the traces part at line %d\n", at+1)
	for i := max(at-around, 0); i < at; i++ {
		fmt.Fprintf(&s, "  both   %s\n", line(a, i))
	}
	for _, run := range []struct {
		name string
		w    *World
	}{{"first", a}, {"second", b}} {
		for i := at; i < at+max(around, 1); i++ {
			l := line(run.w, i)
			if l == "" {
				l = "(ends)"
			}
			fmt.Fprintf(&s, "  %-6s %s\n", run.name, l)
			if l == "(ends)" {
				break
			}
		}
	}
	if _, err := io.WriteString(out, s.String()); err != nil {
		return true, fmt.Errorf("sim: write divergence: %w", err)
	}
	return true, nil
}
