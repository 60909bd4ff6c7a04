package campaign

import (
	"fmt"
	"io"
	"strings"
)

// TestTag is the build tag of the tests that [Protocol.WriteTest] writes, so that a
// run's folder does not fail the tests of the module it lies in.
const TestTag = "replay"

// WriteTest writes a Go test, for the folder of a tape, that fails as long as the tape
// does: go test -tags replay FOLDER. The package of that folder must lie where it can
// import the protocol, which [Protocol.Import] names.
func (p *Protocol) WriteTest(w io.Writer, t *Tape, tape string) error {
	if p.Import == "" || !importPath.MatchString(p.Import) {
		return fmt.Errorf("%w: %q: Import %q does not say where Go code finds it", ErrProtocol, p.Name, p.Import)
	}
	dot := strings.LastIndexByte(p.Import, '.')
	var b strings.Builder
	fmt.Fprintf(&b, "//go:build %s\n\n", TestTag)
	fmt.Fprintf(&b, "// Package run_test replays what broke with seed %d of %s", t.Setup.Seed, p.Name)
	if len(t.Violations) > 0 {
		fmt.Fprintf(&b, ": %s", strings.Join(t.Violations, ", "))
	}
	b.WriteString(".\npackage run_test\n\nimport (\n\t\"testing\"\n\n\t\"github.com/joinery-go/joinery/sim/simtest\"\n")
	fmt.Fprintf(&b, "\tprotocol %q\n)\n\n", p.Import[:dot])
	b.WriteString("// TestReplay runs these operations under the decisions of the tape:\n//\n")
	for _, o := range t.Operations {
		fmt.Fprintf(&b, "//\t%s\n", o)
	}
	for _, d := range t.Decisions {
		fmt.Fprintf(&b, "//\t%s %016x = %d\n", d.Site, d.Key, d.Value)
	}
	fmt.Fprintf(&b, "func TestReplay(t *testing.T) { simtest.Holds(t, protocol%s, %q) }\n", p.Import[dot:], tape)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("campaign: write test: %w", err)
	}
	return nil
}
