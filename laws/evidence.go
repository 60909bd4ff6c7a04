package laws

import (
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/attest"
)

// Evidence is what a check leaves behind, for package lattice/flow: where all laws of
// the report hold, that the function of [Morphism], [Monotone] or [Bimorphism] is one, or
// that the merge of [Lattice] or [Semilattice] is. It is none where a law failed or was
// not exercised, or where the set leaves out laws that it takes.
func (r Report) Evidence() lattice.Evidence { return r.evidence }

// attest makes evidence of a report.
func (s set) attest(r *Report, support lattice.Support, scope string) lattice.Evidence {
	if !r.OK() {
		return lattice.Evidence{}
	}
	f := lattice.Finding{Support: support, Scope: scope}
	holds := func(ids ...string) bool {
		cases := 0
		for _, id := range ids {
			res, ok := r.Result(id)
			if !ok || res.Status != Passed {
				return false
			}
			cases += res.Cases
		}
		f.Cases = cases
		return true
	}
	if about := s.function(); about.name != "" {
		f.Of, f.Subject, f.From, f.To = lattice.OfFunction, about.name, about.from, about.to
		switch {
		case holds("morphism/joins"), holds("bimorphism/left", "bimorphism/right"):
			f.Class = IsMorphism
		case holds("monotone/order"):
			f.Class = IsTricky
		default:
			return lattice.Evidence{}
		}
		return lattice.Attest(attest.Checked(), f)
	}
	f.Subject = s.subject.merge
	algebra := []string{"semilattice/associative", "semilattice/commutative", "semilattice/idempotent"}
	switch {
	case f.Subject == "":
		return lattice.Evidence{}
	case holds(append(algebra, "order/agrees", "order/dual")...):
		f.Of = lattice.OfLattice
	case holds(algebra...):
		f.Of = lattice.OfSemilattice
	default:
		return lattice.Evidence{}
	}
	return lattice.Attest(attest.Checked(), f)
}

// function is the function that the set is about, without a name where it is about a merge.
func (s set) function() between {
	if s.about.name != "" {
		return s.about
	}
	for _, p := range s.parents {
		if about := p.function(); about.name != "" {
			return about
		}
	}
	return between{}
}
