// Package attest is the seal on evidence: what makes a lattice.Evidence needs a Seal,
// which whoever has run a check holds. In this module those are laws, laws/operators and
// lattice/flow; the import table holds it to that.
//
// A seal keeps evidence from being written down by the way where a check should have
// been run. It keeps out nobody who is determined: any module can import this package,
// and a check of another function, or one that cannot fail, is a check all the same.
package attest

// Seal is held by who has run a check. The zero Seal seals nothing.
type Seal struct{ held bool }

// Checked is the seal of a check that was run.
func Checked() Seal { return Seal{held: true} }

// Held reports that the seal is one.
func (s Seal) Held() bool { return s.held }
