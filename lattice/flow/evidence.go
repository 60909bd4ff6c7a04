package flow

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// Support is how something is known.
type Support uint8

// The kinds of evidence, from the weakest.
const (
	Assumed   Support = iota // nobody checked it
	Sampled                  // it held on that many cases
	Exhausted                // it held on all cases of a stated scope
	Proved                   // it holds whatever the parameters are, up to the keys that are there
)

// Evidence says how a claim is known. The zero value is [Assumed].
type Evidence struct {
	Support Support
	Cases   int    // of Sampled
	Scope   string // of Exhausted
}

// BySample is evidence from that many cases, such as those of laws.Classify.
func BySample(cases int) Evidence { return Evidence{Support: Sampled, Cases: cases} }

// ByExhaustion is evidence from all cases of a scope, such as that of laws.Exhaust.
func ByExhaustion(scope string) Evidence { return Evidence{Support: Exhausted, Scope: scope} }

// ByProof is evidence from a proof up to keys, such as that of laws.Prove.
func ByProof() Evidence { return Evidence{Support: Proved} }

// String is the evidence as [Verify] prints it.
func (e Evidence) String() string {
	switch e.Support {
	case Assumed:
		return "assumed"
	case Sampled:
		return fmt.Sprintf("sampled(%d)", e.Cases)
	case Exhausted:
		return fmt.Sprintf("exhausted(%s)", e.Scope)
	case Proved:
		return "proved up to keys"
	}
	return "Support(invalid)"
}

// Claim is what is claimed of a function, and why it is believed. The zero value
// claims a morphism and assumes it.
type Claim struct {
	Class    lattice.Class
	Evidence Evidence
}

// Morphism claims f(a ⊔ b) = f(a) ⊔ f(b).
func Morphism(e Evidence) Claim { return Claim{lattice.IsMorphism, e} }

// Monotone claims a ⊑ b ⇒ f(a) ⊑ f(b), and no more.
func Monotone(e Evidence) Claim { return Claim{lattice.IsTricky, e} }

// NonMonotone claims nothing of the order.
func NonMonotone() Claim { return Claim{Class: lattice.NonMonotone} }

// Examine is the class of f on the given values, judged on all pairs of them, with
// evidence that states the number of pairs and is a sample of the domain of f. What
// refutes the stronger classes is in the [Refutation].
func Examine[A, B any](f lattice.Function[A, B], values []A) (Claim, Refutation) {
	claim := Claim{lattice.IsMorphism, BySample(len(values) * len(values))}
	var r Refutation
	for _, a := range values {
		for _, b := range values {
			fa, fb := f.F(f.From.Clone(a)), f.F(f.From.Clone(b))
			both := f.F(lattice.Join(f.From, a, b))
			if !f.To.Compare(fa, both).Leq() && r.Monotone == "" {
				r.Monotone = fmt.Sprintf("f(%v) = %v, f(%v) = %v", a, fa, lattice.Join(f.From, a, b), both)
			}
			if joined := lattice.Join(f.To, fa, fb); !f.Same(both, joined) && r.Morphism == "" {
				r.Morphism = fmt.Sprintf("a = %v, b = %v: f(a ⊔ b) = %v, f(a) ⊔ f(b) = %v", a, b, both, joined)
			}
		}
	}
	switch {
	case r.Monotone != "":
		claim = NonMonotone()
	case r.Morphism != "":
		claim.Class = lattice.IsTricky
	}
	return claim, r
}

// Refutation holds a witness against each class that a function is not in.
type Refutation struct{ Morphism, Monotone string }

// scope is what the operators of this package were exhausted over by its tests.
const scope = "inputs of up to 3 elements of 3"

// built is the claim of an operator of this package.
func built(c lattice.Class) Claim { return Claim{c, ByExhaustion(scope)} }

func (n *node) setClaim(claims []Claim) {
	n.need(len(claims) <= 1, "more than one claim")
	if len(claims) > 0 {
		n.claim, n.claimed = claims[0], true
	}
}

func (n *node) setEvidence(c lattice.Class, evidence []Evidence) {
	n.need(len(evidence) <= 1, "more than one evidence")
	n.claim = Claim{Class: c}
	if len(evidence) > 0 {
		n.claim.Evidence, n.claimed = evidence[0], true
	}
}
