// Package attest is the seal on evidence: what makes a lattice.Evidence needs a Seal,
// which whoever has run a check holds. In this module those are laws, laws/operators and
// lattice/flow; the import table holds it to that.
//
// A seal keeps evidence from being written down by the way where a check should have
// been run. What evidence does not prove:
//
//   - That a check was run at all. Any module can import this package and call [Checked].
//     A review finds that by the import, as the import table does in this module.
//   - That the cases were enough: sampled(1) is evidence, and says so.
//   - That the function is the one that runs, where another has its name; lattice.Evidence
//     says of which names that may be, and flow.Verify counts evidence of them as assumed.
//   - That the function has not changed since: evidence is a value of the process that
//     made it, and nothing of it is kept.
//   - That the function is pure. A check of one that answers otherwise later is a check all
//     the same.
package attest

// Seal is held by who has run a check. The zero Seal seals nothing.
type Seal struct{ held bool }

// Checked is the seal of a check that was run.
func Checked() Seal { return Seal{held: true} }

// Held reports that the seal is one.
func (s Seal) Held() bool { return s.held }
