package scenario

import (
	"fmt"
	"io"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
)

// WriteOps writes the planned operations, a line each; they parse back.
func (r *Result) WriteOps(w io.Writer) error {
	for _, o := range r.ops {
		if _, err := fmt.Fprintln(w, o); err != nil {
			return fmt.Errorf("scenario: write operations: %w", err)
		}
	}
	return nil
}

// WriteHistory writes what the clients saw, in the project's JSONL form.
func (r *Result) WriteHistory(w io.Writer) error { return history.EncodeJSONL(w, r.history) }

// WriteTrace writes the events of the run, if the result is of a replay. Package
// sim explains its columns. Of a run that has not ended there is none.
func (r *Result) WriteTrace(w io.Writer) error {
	if r.GaveUp() {
		return nil
	}
	return r.world.WriteTrace(w)
}

// WriteDiagram draws the run, if the result is of a replay, as a space-time diagram
// of at most so many rows (0 is 10,000), the replicas as n0, n1 and so on, the
// clients as c0, c1 and so on. Left out are timers, first starts, and the moments at
// which a client takes an operation that it issues later. Package sim explains the
// signs.
func (r *Result) WriteDiagram(w io.Writer, rows int) error {
	if r.GaveUp() {
		return nil
	}
	return r.world.WriteDiagram(w, sim.DiagramOptions{NoTimers: true, Rows: rows, Lane: r.lane, Label: r.label})
}

func (r *Result) lane(n sim.NodeID) string {
	if int(n) < r.Setup.Nodes {
		return n.String()
	}
	return fmt.Sprintf("c%d", int(n)-r.Setup.Nodes)
}

func (r *Result) label(e sim.Record) (string, bool) {
	switch e.Kind {
	case sim.EventStart:
		return "", e.Aux > 1 || e.At > 0
	case sim.EventInput:
		i := position(r.all, len(r.ops), e.Aux&^issuing)
		if e.Aux&issuing == 0 || i < 0 {
			return "", false
		}
		o := &r.all[i]
		what := string(o.Func)
		if o.Arg != "" {
			what += fmt.Sprintf(" %q to", o.Arg)
		}
		return fmt.Sprintf("#%d s%d: %s %q at n%d", o.ID, o.Session, what, o.Key, o.Node), true
	}
	return "", true
}

// History is what the clients saw; the caller must not change it. That of a seed
// that violates nothing is valid until its [Runner] runs another.
func (r *Result) History() *history.History { return r.history }

// TestTag is the build tag of the tests that [WriteTest] writes, so that a run's
// folder does not fail the tests of the module it lies in.
const TestTag = "replay"

// WriteTest writes a Go test, for the folder of a tape, that fails as long as the
// tape does: go test -tags replay FOLDER. The package of that folder must lie where
// it can import this one.
func WriteTest(w io.Writer, t *Tape, tape string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "//go:build %s\n\n", TestTag)
	fmt.Fprintf(&b, "// Package run_test replays what broke with seed %d", t.Setup.Seed)
	if len(t.Violations) > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(t.Violations, ", "))
	}
	b.WriteString(".\npackage run_test\n\nimport (\n\t\"testing\"\n\n\t\"github.com/joinery-go/joinery/sim/scenario\"\n)\n\n")
	b.WriteString("// TestReplay runs these operations under the choices of the tape:\n//\n")
	for _, o := range t.Operations {
		fmt.Fprintf(&b, "//\t%s\n", o)
	}
	for _, d := range t.Decisions {
		fmt.Fprintf(&b, "//\t%s %016x = %d\n", d.Site, d.Key, d.Value)
	}
	fmt.Fprintf(&b, "func TestReplay(t *testing.T) { scenario.AssertHolds(t, %q) }\n", tape)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("scenario: write test: %w", err)
	}
	return nil
}
