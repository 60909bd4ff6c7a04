// Package attest is the seal on evidence: what makes a lattice.Evidence needs a Seal, and
// only packages of this module can name what gives one. They are those that run checks:
// laws, laws/operators and lattice/flow; the import table holds them to that.
//
// A seal keeps evidence from being written down where a check should have been run. It
// keeps out nobody who is determined: reflection reaches what names do not, and a check
// of another function, or one that cannot fail, is a check all the same.
package attest

// Seal is held by who has run a check. The zero Seal seals nothing.
type Seal struct{ held bool }

// Checked is the seal of a check that was run.
func Checked() Seal { return Seal{held: true} }

// Held reports that the seal is one.
func (s Seal) Held() bool { return s.held }
