package scenario

import (
	"context"
	"os"
	"strings"
)

// TB is what AssertHolds needs of a test.
type TB interface {
	Helper()
	Context() context.Context
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// diagramRows is the longest diagram that is shown unasked.
const diagramRows = 60

// AssertHolds fails a test unless the tape in a file replays without a violation.
// A tape that cannot be read fails it too. Where something is violated and the run
// is short, its diagram is shown; where the trace is not that of the tape, the test
// says so and goes by the violations: other code recorded the tape.
func AssertHolds(t TB, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("scenario: %v", err)
		return
	}
	defer f.Close()
	tape, err := LoadTape(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
		return
	}
	res, err := Replay(t.Context(), tape)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
		return
	}
	if res.TraceHash != tape.TraceHash {
		t.Logf("%s: trace %s, not that of the tape, %s: other code recorded it", path, FormatHash(res.TraceHash), FormatHash(tape.TraceHash))
	}
	if len(res.Violations) == 0 {
		return
	}
	var b strings.Builder
	for _, v := range res.Violations {
		b.WriteString("\n" + v.String())
	}
	if picture := res.ShortDiagram(); picture != "" {
		b.WriteString("\n" + picture)
	}
	t.Fatalf("%s:%s", path, b.String())
}

// ShortDiagram is the diagram of a replay, or "" if it is too long to be read at a
// glance.
func (r *Result) ShortDiagram() string {
	var b strings.Builder
	if err := r.WriteDiagram(&b, diagramRows); err != nil {
		return "" // a strings.Builder does not fail
	}
	if strings.Count(b.String(), "\n") > diagramRows+1 {
		return ""
	}
	return b.String()
}
