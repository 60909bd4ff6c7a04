package laws

import (
	"fmt"
	"math/bits"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Free stands in for the values of a higher-order merge in [ProveUpToKeys]: an
// element of a semilattice of sets, in one place of a state. It can be made by
// that proof alone, and holds a function so that a merge that compares it with ==
// through an interface panics.
type Free struct {
	place, atoms uint64
	_            func()
}

// Equal reports whether both are the same element.
func (f Free) Equal(g Free) bool { return f.place == g.place && f.atoms == g.atoms }

// GoString shows the place and the atoms.
func (f Free) GoString() string { return fmt.Sprintf("{place %d: %b}", f.place, f.atoms) }

// freeMerge is union of atoms. It notes what a merge may not do with its values.
type freeMerge struct{ misuse string }

func (m *freeMerge) MergeIn(target *Free, delta Free) bool {
	if target.place != delta.place {
		m.misuse = "merging joins values of different places"
	}
	before := target.atoms
	target.atoms |= delta.atoms
	return target.atoms != before
}

func (m *freeMerge) Compare(Free, Free) lattice.Order {
	m.misuse = "merging consults Compare of its values"
	return lattice.Incomparable
}

func (m *freeMerge) Clone(v Free) Free { return v }

// Proof is what [ProveUpToKeys] found.
type Proof struct {
	// Shapes is in how many shapes a state was tried, and Cases how many tuples
	// were evaluated.
	Shapes, Cases int
	// Refused says why there is no proof, "" if there is one.
	Refused string

	evidence lattice.Evidence
}

// Evidence is what a proof leaves behind, for package lattice/flow: that merges of the
// type that was built join a semilattice. It is none where there is no proof.
func (p Proof) Evidence() lattice.Evidence { return p.evidence }

// OK reports that the equational laws are proved for every sub-merge.
func (p Proof) OK() bool { return p.Refused == "" }

// provedLaws are the equational laws that such a proof settles.
var provedLaws = map[string]bool{
	"semilattice/associative": true, "semilattice/commutative": true, "semilattice/idempotent": true,
}

// states of a law at most; families of types of atoms follow from it.
const (
	provedStates = 3
	maxPlaces    = 4
)

// ProveUpToKeys settles associativity, commutativity and idempotence of a
// higher-order merge for all lawful sub-merges at once, over states of the given
// shapes (which of a few keys are present, say).
//
// build makes the higher-order merge over any sub-merge. shape(i, value) makes the
// state of shape i < shapes and calls value(p) for what it holds in place p, p < 4,
// at most once a place. A place is a key, or a part of a pair.
//
// The argument: suppose that the merge joins values of one place only, and learns
// of its sub-merge nothing but the results and whether the target grew. Then what
// it does to three states is fixed by which inequalities hold among the joins of
// the three values of each place. Those are the quotients of the free semilattice
// over three generators, and there are 128, each a semilattice of sets of seven
// atoms. The laws are evaluated in all of them, place by place, and so in whatever
// semilattice a sub-merge may be. That the supposition holds is tested by the
// values given: Compare must not be called while merging, there is no ⊥ to ask
// for, and the values are opaque. (A merge that looks at them by reflection
// escapes the test.) The proof is up to the keys tried.
func ProveUpToKeys[T any](build func(lattice.Merge[Free]) lattice.Merge[T], shapes int, shape func(i int, value func(place int) Free) T) Proof {
	return prove(func(sub *freeMerge) *subject { return subjectOf(build(sub), nil) }, shapes,
		func(i int, value func(place int) Free) any { return box(shape(i, value)) })
}

func prove(build func(*freeMerge) *subject, shapes int, shape func(i int, value func(place int) Free) any) (proof Proof) {
	proof.Shapes = shapes
	defer func() {
		if v := recover(); v != nil {
			proof.Refused = "the merge panics, or looks at its values: " + panicText(v)
		}
	}()
	sub := &freeMerge{}
	m := build(sub)
	t := &theorem{m: m, sub: sub, equal: deep.EqualBoxes(m.typ), shape: shape, proof: &proof}
	for i := range shapes {
		for j := range shapes {
			for k := range shapes {
				t.shapes = [provedStates]int{i, j, k}
				t.eachQuotient(t.places(), 0)
				if proof.Refused != "" {
					return proof
				}
			}
		}
	}
	if proof.Cases > 0 {
		proof.evidence = lattice.Attest(attest.Checked(), lattice.Finding{
			Support: lattice.Proved, Of: lattice.OfSemilattice, Subject: m.merge, Cases: proof.Cases,
		})
	}
	return proof
}

// theorem is a proof under way.
type theorem struct {
	m      *subject
	sub    *freeMerge
	equal  func(a, b any) bool
	shape  func(int, func(int) Free) any
	shapes [provedStates]int
	// families is, for each place, which types of atoms there are: type t is the
	// states, as bits, whose value has the atom; it stands at bit t.
	families [maxPlaces]uint64
	proof    *Proof
}

// states makes the three states under the current families.
func (t *theorem) states(met func(state, place int)) [provedStates]any {
	var x [provedStates]any
	for s := range x {
		var seen [maxPlaces]bool
		x[s] = t.shape(t.shapes[s], func(place int) Free {
			if place < 0 || place >= maxPlaces || seen[place] {
				panic(fmt.Sprintf("a shape holds two values in place %d, or has no such place", place))
			}
			seen[place] = true
			if met != nil {
				met(s, place)
			}
			return Free{place: uint64(place), atoms: having[s] & t.families[place]}
		})
	}
	return x
}

// having is, for each state, the types of atoms that its values have.
var having = func() (h [provedStates]uint64) {
	for s := range h {
		for t := range uint64(1 << provedStates) {
			if t>>s&1 == 1 {
				h[s] |= 1 << t
			}
		}
	}
	return h
}()

// places is, for each place, the states that hold a value there, as bits.
func (t *theorem) places() (present [maxPlaces]uint64) {
	t.states(func(state, place int) { present[place] |= 1 << state })
	return present
}

// eachQuotient tries every family of types among the states present, place by
// place.
func (t *theorem) eachQuotient(present [maxPlaces]uint64, place int) {
	if place == maxPlaces {
		t.evaluate()
		return
	}
	var types []uint64
	for typ := uint64(1); typ < 1<<provedStates; typ++ {
		if typ&^present[place] == 0 {
			types = append(types, typ)
		}
	}
	for mask := range uint64(1) << len(types) {
		t.families[place] = 0
		for m := mask; m != 0; m &= m - 1 {
			t.families[place] |= 1 << types[bits.TrailingZeros64(m)]
		}
		t.eachQuotient(present, place+1)
		if t.proof.Refused != "" {
			return
		}
	}
}

// evaluate evaluates both sides of each law once.
func (t *theorem) evaluate() {
	t.proof.Cases++
	x := t.states(nil)
	a, b, c := x[0], x[1], x[2]
	join := t.m.join
	ab := join(a, b)
	sides := [...]any{join(ab, c), join(a, join(b, c)), ab, join(b, a), join(a, a), a}
	if t.sub.misuse != "" {
		t.proof.Refused = t.sub.misuse
		return
	}
	for i := 0; i < len(sides); i += 2 {
		if !t.equal(sides[i], sides[i+1]) {
			t.proof.Refused = fmt.Sprintf("the sides differ: %s and %s, of a = %s, b = %s, c = %s",
				deep.LiteralBox(sides[i]), deep.LiteralBox(sides[i+1]), deep.LiteralBox(a), deep.LiteralBox(b), deep.LiteralBox(c))
			return
		}
	}
}
