// Package attest is the seal on evidence: what makes a lattice.Evidence needs a Seal,
// which whoever has run a check holds. In this module those are laws, laws/operators and
// lattice/flow; the import table holds it to that.
//
// A seal keeps evidence from being written down by the way where a check should have
// been run. What evidence does not prove:
//
//   - That a check was run at all, against who means to deceive. [Checked] seals nothing
//     where its caller is of another module, so that evidence is not written down by
//     the way; a function of this module that is given Checked to call, a linker's directive, or a
//     changed copy of the module get around that. It is looked up when a check has been run,
//     since Evidence is of package lattice, and packages laws make it: a package that both
//     can import and no other module would be internal to the root, where this module
//     has none. In this module the import table says who may; joinvet reports the call in
//     others.
//   - That the cases were enough: sampled(1) is evidence, and says so.
//   - That the function is the one that runs, where another has its name; lattice.Evidence
//     says of which names that may be (closures of one literal, method values, instances of
//     a generic function, merges that hold a map, a slice, an array or a channel), and
//     flow.Verify counts evidence of them as assumed: that of a right closure says nothing
//     of a wrong one. It does not tell apart types of one name in packages of one name.
//   - That the function has not changed since: evidence is a value of the process that
//     made it, and nothing of it is kept.
//   - That the function is pure. A check of one that answers otherwise later is a check all
//     the same.
//
// None of that would be needed of evidence that holds the check itself, with the values that
// it was run on, for flow.Verify to run again on the function that stands there. It does not:
// a report keeps how many cases there were and not the values, and what drew them is a
// generator of a test. Verify makes values of its own only to tell merges apart.
package attest

import (
	"reflect"
	"runtime"
	"strings"
)

// Seal is held by who has run a check. The zero Seal seals nothing.
type Seal struct{ held bool }

// Checked is the seal of a check that was run. To callers outside of this module it gives
// the zero Seal.
func Checked() Seal {
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	caller, _ := runtime.CallersFrames(pcs[:]).Next()
	return Seal{held: strings.HasPrefix(caller.Function, module)}
}

// module is what the names of this module's functions begin with.
var module = strings.TrimSuffix(reflect.TypeFor[Seal]().PkgPath(), "lattice/attest")

// Held reports that the seal is one.
func (s Seal) Held() bool { return s.held }
