package lattice

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/joinery-go/joinery/lattice/attest"
)

// Support is how something is known.
type Support uint8

// The kinds of support, from the weakest.
const (
	Assumed   Support = iota // nobody checked it
	Sampled                  // it held on that many cases
	Exhausted                // it held on all cases of a stated scope
	Proved                   // it holds whatever the parameters are, up to the keys that are there
)

// Checks are what evidence can be of.
const (
	OfFunction    = "function"    // a function is of a class
	OfSemilattice = "semilattice" // a merge is associative, commutative and idempotent
	OfLattice     = "lattice"     // and its Compare is the order of the merge
)

// Finding is what a check found.
type Finding struct {
	Support Support
	Of      string // OfFunction, OfSemilattice or OfLattice
	Subject string // of what: [NameOf] a function or a merge
	Class   Class  // of a function
	Cases   int    // how many were judged
	Scope   string // of Exhausted: all cases of what
}

// Evidence is what a check leaves behind: that it was run, on what, and with how many
// cases. The zero Evidence is of nothing. laws.Classify, the reports of laws.Run and
// laws.Exhaust, laws.ProveUpToKeys and flow.Examine make it; package lattice/attest says
// how far that goes.
//
// It is of a subject by its name. Two closures of one function literal have one name, and
// so have merges of one type over other parameters; that one of them was checked is
// taken for evidence of the other.
type Evidence struct{ f Finding }

// Attest makes evidence of a finding. Without a seal it is the zero Evidence.
func Attest(s attest.Seal, f Finding) Evidence {
	if !s.Held() {
		return Evidence{}
	}
	return Evidence{f}
}

// Finding is what was found; the zero Finding where there is no evidence.
func (e Evidence) Finding() Finding { return e.f }

// Supports reports whether the evidence is of that subject. Evidence from a proof is of
// a merge over whatever its type parameters are.
func (e Evidence) Supports(subject string) bool {
	if e.f.Support == Proved {
		return e.f.Subject != "" && generic(e.f.Subject) == generic(subject)
	}
	return e.f.Subject != "" && e.f.Subject == subject
}

// generic is a name without its type parameters.
func generic(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return name
}

// String is the evidence in one line.
func (e Evidence) String() string {
	text := ""
	switch e.f.Support {
	case Assumed:
		return "assumed"
	case Sampled:
		text = fmt.Sprintf("sampled(%d)", e.f.Cases)
	case Exhausted:
		text = fmt.Sprintf("exhausted(%s)", e.f.Scope)
	case Proved:
		text = "proved up to keys"
	default:
		return "Support(invalid)"
	}
	if e.f.Subject != "" {
		text += " of " + short(e.f.Subject)
	}
	return text
}

// short is a name without the path of its package.
func short(name string) string {
	head, parameters, generic := strings.Cut(name, "[")
	head = head[strings.LastIndex(head, "/")+1:]
	if generic {
		head += "[" + parameters
	}
	return head
}

// NameOf names what evidence can be of: a function by its name in the program, with its
// package, and a merge by its type. It is "" for nil.
func NameOf(v any) string {
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return ""
	case r.Kind() != reflect.Func:
		return r.Type().String()
	case r.IsNil():
		return ""
	}
	return runtime.FuncForPC(r.Pointer()).Name()
}
