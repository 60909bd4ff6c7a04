package laws

import (
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
)

// CheckMerge checks a merge that returns its result: that it is associative,
// commutative and idempotent, and leaves its arguments alone. states draws any
// state; the tuples checked are ties and joins of what it draws as well as
// independent draws. One subtest a law.
//
// Whole states tie by themselves, their parts do not: states should draw timestamps,
// keys and the like from few values. A wrong tie-break over times of rapid.Int is
// found in three runs of ten, over ten times in every run.
func CheckMerge[S any](t T, merge func(a, b S) S, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := Func(merge, opts...)
	Check(t, set, set.source(gen.FromRapid(states)), opts...)
}

// CheckMergeIn checks a merge into a target: what [CheckMerge] checks, and that
// the delta is neither changed nor retained, nor shared with the result. With
// [Clone] given, Clone must be independent too.
func CheckMergeIn[S any](t T, mergeIn func(dst *S, delta S), states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := FuncIn(mergeIn, opts...)
	Check(t, set, set.source(gen.FromRapid(states)), opts...)
}

// Func is the set that [CheckMerge] checks.
func Func[S any](merge func(a, b S) S, opts ...Option) Set[S] {
	s := newSubject[S](settingsOf(opts))
	s.join = merge
	s.guards = []Law[S]{argumentsUnchanged[S]()}
	own := Set[S]{Name: "inplace", subject: s, Laws: []Law[S]{argumentsUnchanged[S](), equalsAlike[S]()}}
	return Set[S]{Name: "merge", Parents: []Set[S]{semilattice(s), own}, subject: s}
}

// FuncIn is the set that [CheckMergeIn] checks.
func FuncIn[S any](mergeIn func(dst *S, delta S), opts ...Option) Set[S] {
	o := settingsOf(opts)
	s := newSubject[S](o)
	// Growth is not reported by this form of merge; it never claims any, and no law
	// about growth is in the set.
	s.mergeIn = func(target *S, delta S) bool {
		mergeIn(target, delta)
		return false
	}
	s.join = func(a, b S) S {
		t := s.copy(a)
		mergeIn(&t, b)
		return t
	}
	s.guards = []Law[S]{deltaUnchanged[S](), deltaNotRetained[S]()}
	own := Set[S]{Name: "inplace", subject: s,
		Laws: []Law[S]{deltaUnchanged[S](), deltaNotRetained[S](), resultFresh[S](), equalsAlike[S]()}}
	if o.clone != nil {
		s.clone = s.copy
		s.guards = append(s.guards, cloneIndependent[S]())
		own.Laws = append(own.Laws, cloneIndependent[S]())
	}
	return Set[S]{Name: "merge", Parents: []Set[S]{semilattice(s), own}, subject: s}
}

// Source is the default source of states for the set: pooled, correlated by the
// merge itself, and independent draws of g.
func (s Set[S]) source(g gen.Gen[S]) gen.Source[S] {
	var clone func(S) S
	if s.subject != nil && !s.subject.plain {
		clone = s.subject.copy
	}
	if s.subject == nil {
		return gen.Independent(g)
	}
	return gen.Mixed(g, s.subject.join, clone)
}
