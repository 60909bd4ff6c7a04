package linearizability

import (
	"context"

	"github.com/joinery-go/joinery/linearizability/history"
)

// TB is what Check needs of a test; *testing.T and *rapid.T have it.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Check ends the test unless the recorded history satisfies the level, a model
// of Models or a set of session guarantees, within the default Budget. A
// violation is told with its reason and a diagram of its witness. A history that
// is undecided or inconclusive ends the test too: it has shown nothing.
func Check(t TB, rec *history.Recorder, level string) {
	t.Helper()
	h, err := rec.History()
	if err != nil {
		t.Fatalf("%v", err)
		return
	}
	v, err := Judge(context.Background(), h, level, Budget{})
	switch {
	case err != nil:
		t.Fatalf("%v", err)
	case v.Status != OK:
		t.Fatalf("%s: %s: %s: %s\n%s", h.Name, v.Model, v.Status, v.Reason, v.Diagram())
	}
}
