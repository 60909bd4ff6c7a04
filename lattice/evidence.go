package lattice

import (
	"fmt"
	"reflect"
	"regexp"
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
	// From and To name the merges between whose lattices a function is of the class; From
	// is the merge of pairs for a function of two arguments. They are empty where the check
	// was given plain functions.
	From, To string
	Cases    int    // how many were judged
	Scope    string // of Exhausted: all cases of what
}

// Evidence is what a check leaves behind: that it was run, on what, and with how many
// cases. The zero Evidence is of nothing. laws.Classify, the reports of laws.Run and
// laws.Exhaust, laws.ProveUpToKeys and flow.Examine make it; package lattice/attest says
// what it does not prove.
//
// It is of a subject by its name; see [NameOf]. Where others have the same name, see
// [Evidence.Shared], that one of them was checked is no evidence of the rest.
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

// Shared reports that functions of the name may differ in what they do: closures of one
// function literal in what they captured, method values in their receiver, instances of
// a generic function in their types. A proof is of all that have the name.
func (e Evidence) Shared() bool {
	return e.f.Support != Proved && (shared(e.f.Subject) || shared(e.f.From) || shared(e.f.To))
}

func shared(name string) bool {
	// A literal outside functions, glob..func1, captures nothing.
	name = strings.ReplaceAll(name, "glob..func", "")
	return literal.MatchString(name) || strings.Contains(name, "-fm") || strings.Contains(name, "[...]")
}

var literal = regexp.MustCompile(`\.func[0-9]`)

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

// short is a name without the path of its package, and without what a merge is made of.
func short(name string) string {
	name, _, _ = strings.Cut(name, "{")
	head, parameters, generic := strings.Cut(name, "[")
	head = head[strings.LastIndex(head, "/")+1:]
	if generic {
		head += "[" + parameters
	}
	return head
}

// NameOf names what evidence can be of: a function by its name in the program, with its
// package, and a merge by its type and, where it has any, the values that it is made of:
// what it merges the parts by, its bounds, its functions. It is "" for nil.
func NameOf(v any) string {
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return ""
	case r.Kind() != reflect.Func:
		return r.Type().String() + made(r, maxDepth)
	case r.IsNil():
		return ""
	}
	return runtime.FuncForPC(r.Pointer()).Name()
}

// own is what the names of functions of this package begin with.
const own = "github.com/joinery-go/joinery/lattice."

// maxDepth bounds how deep NameOf looks into what a merge is made of.
const maxDepth = 16

// made is what a value is made of, in braces, "" where its type says all.
func made(r reflect.Value, depth int) string {
	if depth == 0 {
		return "{[...]}" // as good as shared
	}
	switch r.Kind() {
	case reflect.Struct:
		var parts []string
		for i := range r.NumField() {
			parts = append(parts, part(r.Field(i), depth-1))
		}
		if len(parts) == 0 {
			return ""
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.Pointer:
		if r.IsNil() {
			return "{nil}"
		}
		return made(r.Elem(), depth-1)
	}
	return "{" + part(r, depth) + "}"
}

// part is a value within a merge.
func part(r reflect.Value, depth int) string {
	switch r.Kind() {
	case reflect.Interface:
		if r.IsNil() {
			return "nil"
		}
		return part(r.Elem(), depth)
	case reflect.Func:
		if r.IsNil() {
			return "nil"
		}
		name := runtime.FuncForPC(r.Pointer()).Name()
		if strings.HasPrefix(name, own) {
			return "func" // made by this package, of what stands beside it
		}
		return name
	case reflect.Struct, reflect.Pointer:
		return r.Type().String() + made(r, depth)
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Chan, reflect.UnsafePointer:
		return r.Type().String() + "[...]" // what is in it is not told
	}
	return fmt.Sprint(r)
}
