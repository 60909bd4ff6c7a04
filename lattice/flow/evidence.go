package flow

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
)

// Support is how something is known; see [lattice.Support].
type Support = lattice.Support

// The kinds of support, from the weakest.
const (
	Assumed   = lattice.Assumed   // nobody checked it
	Sampled   = lattice.Sampled   // it held on that many cases
	Exhausted = lattice.Exhausted // it held on all cases of a stated scope
	Proved    = lattice.Proved    // it holds whatever the parameters are, up to the keys that are there
)

// Evidence says how a claim is known. The zero value is [Assumed], and so is for [Verify]
// whatever [ByCheck] did not make.
type Evidence struct {
	Support Support
	Cases   int    // of Sampled
	Scope   string // of Exhausted

	note    string // what else the claim takes; see besides
	checked lattice.Evidence
}

// ByCheck is the evidence that a check has left behind: laws.Classify, a report of laws.Run
// or laws.Exhaust, laws.ProveUpToKeys. It counts for the function or the merge that was
// checked, by its name, and is an error ([ErrEvidence]) beside another one. A check that
// failed leaves none behind, which is Assumed. Evidence of a function counts between the
// lattices between which it was checked; between merges of other names it is Assumed, and
// between their duals, or with Options.Strict, an error. Assumed for Verify is also evidence of a name that
// others have: of a closure, a method value, an instance of a generic function, or a merge
// that is made of such. Declare a function without type parameters, and check that.
//
// A check is run where its package may be imported, which is mostly a test: the test
// builds the graph with the evidence and verifies it; the program, which builds it without,
// runs the same graph.
func ByCheck(e lattice.Evidence) Evidence {
	f := e.Finding()
	return Evidence{Support: f.Support, Cases: f.Cases, Scope: f.Scope, checked: e}
}

// BySample states that something held on that many cases. It is the word of who wrote it:
// Verify counts it as Assumed, and prints it as stated. A check says more; see [ByCheck].
func BySample(cases int) Evidence { return Evidence{Support: Sampled, Cases: cases} }

// ByExhaustion states that something held on all cases of a scope; see [BySample].
func ByExhaustion(scope string) Evidence { return Evidence{Support: Exhausted, Scope: scope} }

// ByProof states that there is a proof up to keys; see [BySample].
func ByProof() Evidence { return Evidence{Support: Proved} }

// String is the evidence as [Verify] prints it.
func (e Evidence) String() string {
	if note := e.note; note != "" {
		e.note = ""
		return e.String() + note
	}
	if e.checked != (lattice.Evidence{}) {
		return e.checked.String()
	}
	switch e.Support {
	case Assumed:
		if e.Scope != "" {
			return "assumed, though stated as " + e.Scope
		}
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

// weighed is the evidence as it counts: what no check made is assumed.
func (e Evidence) weighed() Evidence {
	switch {
	case e.checked.Shared():
		return Evidence{Scope: e.checked.String() + ", which others share that do something else"}
	case e.checked.Finding().Of == lattice.OfFunction && (e.checked.Finding().From == "" || e.checked.Finding().To == ""):
		return Evidence{Scope: e.checked.String() + ", between lattices that have no name"}
	case e.checked != (lattice.Evidence{}):
		return ByCheck(e.checked)
	case e.Support != Assumed:
		return Evidence{Scope: e.String()}
	}
	return Evidence{}
}

// held is what a claim is about: what of says is so of the subject. From and to name the
// merges that a function stands between, "" where that is not known.
type held struct{ of, subject, from, to string }

// against is why the evidence does not count for a claim of a class; nil where it does, or
// where there is none. Where strict, evidence between merges of other names does not.
func (e Evidence) against(c lattice.Class, h held, strict bool) error {
	f, of, subject := e.checked.Finding(), h.of, h.subject
	other := func(a, b string) bool { return elsewhere(a, b) && (strict || opposed(a, b)) }
	switch {
	case f.Support == Assumed:
		return nil
	case !e.checked.Supports(subject):
		return fmt.Errorf("%w: it is of %s, and stands beside %s", ErrEvidence, f.Subject, subject)
	case f.Of != of && (f.Of != lattice.OfLattice || of != lattice.OfSemilattice):
		return fmt.Errorf("%w: what was checked of %s is that it is a %s, not a %s", ErrEvidence, subject, f.Of, of)
	case of == lattice.OfFunction && f.Class > c:
		return fmt.Errorf("%w: %s was checked as %v, and is claimed as %v", ErrEvidence, subject, f.Class, c)
	case other(f.From, h.from) || other(f.To, h.to):
		return fmt.Errorf("%w: %s was checked from %s to %s, and stands between %s and %s", ErrEvidence, subject, f.From, f.To, h.from, h.to)
	}
	return nil
}

// elsewhere reports two names of merges that are not the same.
func elsewhere(a, b string) bool { return a != "" && b != "" && a != b }

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

// Checked claims what a check found of a function: the class that the evidence is of.
// Where there is no evidence, as after a check that failed, it claims nothing.
func Checked(e lattice.Evidence) Claim {
	f := e.Finding()
	if f.Support == Assumed || f.Of != lattice.OfFunction {
		return NonMonotone()
	}
	return Claim{f.Class, ByCheck(e)}
}

// Examine is the class of f on the given values, judged on all pairs of them, with
// evidence of a check of so many pairs, a sample of the domain of f; of a function without
// F, From or To, as on no values, nothing is claimed. What refutes the
// stronger classes is in the [Refutation]. It is a check as those of package laws are, for
// values that are given instead of drawn, and so without a dependency on that package.
func Examine[A, B any](f lattice.Function[A, B], values []A) (Claim, Refutation) {
	if f.F == nil || f.From == nil || f.To == nil {
		return NonMonotone(), Refutation{}
	}
	found := lattice.Finding{
		Support: Sampled, Of: lattice.OfFunction, Subject: lattice.NameOf(f.F), Cases: len(values) * len(values),
		From: lattice.NameOf(f.From), To: lattice.NameOf(f.To),
	}
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
	case r.Monotone != "" || len(values) == 0:
		return NonMonotone(), r
	case r.Morphism != "":
		found.Class = lattice.IsTricky
	}
	return Checked(lattice.Attest(attest.Checked(), found)), r
}

// Refutation holds a witness against each class that a function is not in.
type Refutation struct{ Morphism, Monotone string }

// scope is what the operators of this package were exhausted over by its tests.
const scope = "inputs of up to 3 elements of 3"

// built is the claim of an operator of this package, which its tests have checked.
func built(c lattice.Class) Claim {
	return Claim{c, ByCheck(lattice.Attest(attest.Checked(), lattice.Finding{
		Support: Exhausted, Of: lattice.OfFunction, Class: c, Scope: scope,
	}))}
}

// setClaim takes the claim about f, if there is one.
func (n *node) setClaim(f any, claims []Claim) {
	n.need(len(claims) <= 1, "more than one claim")
	if len(claims) > 0 {
		n.claimed = true
		n.hold(held{of: lattice.OfFunction, subject: lattice.NameOf(f)}, claims[0])
	}
}

// setEvidence takes the evidence, if there is any, that a merge is what of says.
func (n *node) setEvidence(m any, of string, c lattice.Class, evidence []Evidence) {
	n.takeEvidence(held{of: of, subject: lattice.NameOf(m)}, c, evidence)
}

// setFunction takes the evidence, if there is any, that f is a morphism between lattices.
func (n *node) setFunction(f, from, to any, evidence []Evidence) {
	n.takeEvidence(held{lattice.OfFunction, lattice.NameOf(f), lattice.NameOf(from), lattice.NameOf(to)}, lattice.IsMorphism, evidence)
}

func (n *node) takeEvidence(h held, c lattice.Class, evidence []Evidence) {
	n.need(len(evidence) <= 1, "more than one evidence")
	claim := Claim{Class: c}
	if len(evidence) > 0 {
		claim.Evidence, n.claimed = evidence[0], true
	}
	n.hold(h, claim)
}

// hold takes a claim as it counts. Where only the evidence says between which lattices the
// function stands, it is taken at that.
func (n *node) hold(h held, c Claim) {
	n.need(c.Class <= lattice.NonMonotone, "a class that there is not")
	if err := c.Evidence.against(c.Class, h, n.g.opt.Strict); err != nil {
		n.fail(err, "give the evidence of the check of what stands here")
	}
	n.claim = Claim{c.Class, c.Evidence.weighed()}
	f := n.claim.Evidence.checked.Finding()
	if elsewhere(f.From, h.from) || elsewhere(f.To, h.to) {
		n.claim.Evidence = Evidence{Scope: fmt.Sprintf("%v, from %s to %s, where it stands between %s and %s", n.claim.Evidence, f.From, f.To, h.from, h.to)}
		return
	}
	if h.of != lattice.OfFunction || f.Support == Assumed {
		return
	}
	if n.into == nil && f.To != "" {
		n.into = mergeName(f.To)
	}
	if n.by == nil && f.From != "" {
		n.reads("", reader{merge: mergeName(f.From)})
	}
}
