package bookmarks_test

import (
	"testing"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
)

// Another module can import the seal of checks, and gets none by it: evidence is made by checks.
func TestNoSealHere(t *testing.T) {
	seal := attest.Checked()
	direct := func() attest.Seal { return attest.Checked() }
	if seal.Held() || direct().Held() || call(attest.Checked).Held() {
		t.Error("a seal of a check that nobody has run")
	}
	e := lattice.Attest(seal, lattice.Finding{Support: lattice.Proved, Of: lattice.OfFunction, Subject: "bookmarks.Merge"})
	if e != (lattice.Evidence{}) {
		t.Errorf("evidence of nothing: %v", e)
	}
}

func call[T any](f func() T) T { return f() }
