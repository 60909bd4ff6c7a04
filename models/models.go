// Package models holds executable specifications of the systems under test, in
// the form in which porcupine searches them: what a history may have done, step
// by step. The linearizable ones are sequential; eventual and causal
// consistency are weaker, which real-time intervals cannot express, so their
// models reorder the operations and carry the applied set in the state.
//
// The package prepares and specifies; it runs no search, keeps no budget and
// passes no verdict beyond what preparation alone settles (a cycle, a value
// that nobody wrote). Package linearizability does the rest. Each model has a
// brute-force oracle in the tests, deliberately plain, with which it must agree
// on many small histories.
//
// Specified after: Herlihy and Wing, "Linearizability" (TOPLAS 1990); Ahamad et
// al., "Causal memory" (1995); Bouajjani et al., "On verifying causal
// consistency" (POPL 2017).
package models

import (
	"errors"
	"fmt"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// ErrUnsupported is returned for a history that holds operations which the
// chosen model does not describe.
var ErrUnsupported = errors.New("operation not described by the model")

// ModelInfo describes a model to people who choose one.
type ModelInfo struct {
	Name       string // as on the command line
	Doc        string // one line: what a history must satisfy
	Complexity string // of deciding it, n operations, s sessions
	Needs      string // what the history must contain for a verdict
}

// Model is a specification and the way to bring a history into its form.
type Model struct {
	ModelInfo
	// Prepare splits a valid history into independent searches. Operations that
	// the model does not describe are an error wrapping ErrUnsupported.
	Prepare func(h *history.History) (*Problem, error)
	// Describes reports whether the model knows what an operation does; nil where only
	// Prepare tells.
	Describes func(o *history.Op) bool
	// Settles says that a history must show a settle fence, with reads after it,
	// before it can be called allowed.
	Settles bool
	// RealTime says that real time orders the operations, so that what clients
	// knew at any instant (History.Until) must be allowed as well.
	RealTime bool
	// Reduce tells how to shrink a history without making it worse. O(n).
	Reduce func(h *history.History) Reduction
	// Because says why it takes a search to decide the model.
	Because string
}

// All returns the models of this package in a fixed order.
func All() []Model {
	return []Model{LinearizableRegister(), CASRegister(), Linearizable(), LWWRegister(), Sequential(), Eventual(), Causal(), Pipelined()}
}

// Problem is a history made ready for search: it is allowed iff every part has
// a legal order under Spec.
type Problem struct {
	Spec  porcupine.Model
	Parts []Part
	// Settled is not nil where preparation alone decided the matter; Parts is
	// empty then.
	Settled *Ruling
	// StateBytes estimates the memory of a state, for budgets.
	StateBytes func(state any) int
	// Observes and Effect help to search models with RealTime: whether a step
	// never changes a state, and a name that is the same only for steps that do
	// the same to every state.
	Observes func(input any) bool
	Effect   func(input any) string
	// Overwrites says that a state is one value, which a step that changes it replaces
	// whatever it was, if it fits: as of registers.
	Overwrites bool
}

// Part is one independent search.
type Part struct {
	Name string // the object or session it is about
	Ops  []porcupine.Operation
	From []int // positions in history.Ops of the operations that take part
	// Alone says that the operations of From, with the fences, make the part;
	// otherwise all of the history bears on it.
	Alone bool
	// Bound is not empty where the search was not even built, because the part
	// passes the bound it names.
	Bound string
	// Wrong is not nil where one operation found what no other one can have left there,
	// which no order explains.
	Wrong *Ruling
}

// Ruling is an outcome that needs no search.
type Ruling struct {
	Violation bool   // the history is not allowed
	Bounded   bool   // the history passes a bound, which Reason names; if neither, it cannot say
	Reason    string // in words
	Witness   []int  // positions in history.Ops, ascending; for a violation
	// Cause is not nil where values are not unique, of which the history cannot
	// speak: an *history.OpError that wraps history.ErrNotUnique.
	Cause error
}

// object names what an operation addresses. Keys are namespaces of their own
// for each type, as a put of another type on a key is refused by a store.
type object struct {
	typ history.Type
	key string
}

func objectOf(o *history.Op) object { return object{o.Type, o.Key} }

func (k object) String() string { return fmt.Sprintf("%s %q", k.typ, k.key) }

// byObject groups the positions of the operations that happened (and the failed
// CAS, which is an observation) by object, objects in order of first appearance.
func byObject(h *history.History) (objects []object, at map[object][]int) {
	at = make(map[object][]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		if !takesPart(o) {
			continue
		}
		k := objectOf(o)
		if _, seen := at[k]; !seen {
			objects = append(objects, k)
		}
		at[k] = append(at[k], i)
	}
	return objects, at
}

// putIndex finds the puts of a history that happened.
type putIndex struct {
	h     *history.History
	byKey map[object][]int // positions, ascending
	byTag map[uint64]int   // empty in an untagged history
}

func indexPuts(h *history.History) *putIndex {
	x := &putIndex{h: h, byKey: make(map[object][]int), byTag: make(map[uint64]int)}
	for i := range h.Ops {
		o := &h.Ops[i]
		if !o.IsPut() || !o.Happened() {
			continue
		}
		x.byKey[objectOf(o)] = append(x.byKey[objectOf(o)], i)
		if h.Tagged {
			x.byTag[o.Tag] = i
		}
	}
	return x
}

// mayJoin returns the positions of the puts that the value of r may rest on.
func (x *putIndex) mayJoin(r *history.Op) []int {
	var from []int
	if x.h.Tagged {
		for _, t := range r.Saw {
			if j, ok := x.byTag[t]; ok && sameObject(&x.h.Ops[j], r) {
				from = append(from, j)
			}
		}
		return from
	}
	seen, _ := elements(r.Out)
	for _, j := range x.byKey[objectOf(r)] {
		p := &x.h.Ops[j]
		_, in := seen[p.Arg.Key()]
		if r.Type == history.Counter || r.Type == history.Register && wrote(p, r) || r.Type == history.Set && in {
			from = append(from, j)
		}
	}
	return from
}

func sameObject(a, b *history.Op) bool { return a.Key == b.Key && a.Type == b.Type }

func unsupported(model string, o *history.Op) error {
	return &history.OpError{Index: o.Index, Err: fmt.Errorf("model %s: %w: %v", model, ErrUnsupported, o)}
}
