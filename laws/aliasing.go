package laws

import (
	"reflect"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// AllowSharing declares that states may share maps with each other on purpose, because
// none is written into once it is part of a state.
func AllowSharing() Option { return Option{func(s *settings) { s.sharing = true }} }

// targets are what a delta may be merged into in place of a: a copy of a, the same with
// nil for empty collections and capacity to spare, and the zero value of the type. Of
// the last two those are given alone into which b can be merged, and later what follows,
// and of the zero value if b comes of it: else it is no state.
func (p *probe) targets(a, b any, later ...any) []any {
	targets := []any{p.Copy(a)}
	if p.s.plain {
		return targets
	}
	if v := p.s.variant; v != nil {
		var o deep.VariantOptions
		o.KeepMaps = !p.mergeable(v(a, o), nil, b, later)
		if !o.KeepMaps || p.mergeable(v(a, o), nil, b, later) {
			targets = append(targets, v(a, o))
		}
	}
	if p.s.noZero {
		return targets
	}
	zero := func() any { return reflect.New(p.s.typ).Interface() }
	if p.mergeable(zero(), b, b, later) {
		targets = append(targets, zero())
	}
	return targets
}

// mergeable reports that a copy of delta merges into target without a panic, and gives
// want, unless that is nil; and copies of what follows later.
func (p *probe) mergeable(target, want, delta any, later []any) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	p.MergeIn(target, p.Copy(delta))
	if want != nil && !p.Equal(target, want) {
		return false
	}
	for _, c := range later {
		p.MergeIn(target, p.Copy(c))
	}
	return true
}

// emptyTarget is deltaNotRetained for targets that hold less than a: what is empty is
// what takes over the memory of its first delta, and sources draw it rarely.
func emptyTarget() law {
	l := retaining("inplace/empty-target", "merging b into a zero value, or into a with nil for what is empty, and later c into the result, leaves b as it was",
		func(p *probe, a, b, c any) []any { return p.targets(a, b, c)[1:] })
	l.optional = true
	return l
}

// retaining is a law about what becomes of a delta once it was merged into a target.
func retaining(id, text string, targets func(p *probe, a, b, c any) []any) law {
	return judged(id, text, 3, func(p *probe, x []any) (Outcome, func() Sides) {
		outcome := Vacuous
		for i, t := range targets(p, x[0], x[1], x[2]) {
			outcome = Holds
			d := p.Copy(x[1])
			p.MergeIn(t, d)
			if watched(p, d, func() { p.MergeIn(t, p.Copy(x[2])) }) {
				continue
			}
			return Fails, func() Sides {
				t, d := targets(p, x[0], x[1], x[2])[i], p.Copy(x[1])
				after := "(a ⊔ b) ⊔ c"
				if shown := p.Show(t); shown != p.Show(x[0]) {
					after += " with a = " + shown
				}
				p.MergeIn(t, d)
				s, _ := beforeAfter(p, "b", d, after, func() { p.MergeIn(t, p.Copy(x[2])) })
				return s
			}
		}
		return outcome, nil
	})
}

// deltaNotShared is about merges into a target that take over the memory of the delta.
func deltaNotShared() law {
	return judged("inplace/delta-not-shared", "merging b into a does not make a map of b one of the result's", 2, func(p *probe, x []any) (Outcome, func() Sides) {
		for _, t := range p.targets(x[0], x[1]) {
			before, d := p.Show(t), p.Copy(x[1])
			p.MergeIn(t, d)
			if path, shared := deep.SharedMap(t, d); shared {
				return Fails, func() Sides {
					return Sides{"a ⊔ b", p.Show(t) + " of a = " + before, "the same memory as in b",
						"the map a" + path + ": whoever writes into one changes the other; laws.AllowSharing says that nobody does"}
				}
			}
		}
		return Holds, nil
	})
}
