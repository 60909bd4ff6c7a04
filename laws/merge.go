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
// A state of a tuple may be one before it with a part drawn anew, so that parts of states
// tie while others differ, whatever the ranges they are drawn from. So parts in one place
// tie; values that must be equal in two places of a state, or nearly equal, are drawn from
// few. Beside what is drawn
// there are equal states with other insides: nil for what is empty, and capacity to spare.
// A nil map on which the merge panics is none of them, where states do not draw it, unless
// states are maps themselves.
func CheckMerge[S any](t T, merge func(a, b S) S, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	checkDrawn(t, Func(merge, opts...).s.value(), boxGen(gen.FromRapid(states)), opts)
}

// CheckMergeIn checks a merge into a target: what [CheckMerge] checks, and that
// the delta is neither changed nor retained, nor shared with the result. With
// [Clone] given, Clone must be independent too.
func CheckMergeIn[S any](t T, mergeIn func(dst *S, delta S), states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	checkDrawn(t, FuncIn(mergeIn, opts...).s.value(), boxGen(gen.FromRapid(states)), opts)
}

// Func is the set that [CheckMerge] checks.
func Func[S any](merge func(a, b S) S, opts ...Option) Set[S] {
	s := bind[S](settingsOf(opts))
	s.join = func(a, b any) any { return box(merge(unbox[S](a), unbox[S](b))) }
	s.mergeIn = func(target, delta any) bool {
		t := target.(*S)
		*t = merge(*t, unbox[S](delta))
		return false
	}
	return Set[S]{pin(returning(s))}
}

// returning is the set of a merge that returns its result.
//
//go:noinline
func returning(s *subject) set {
	s.guards, s.guarded, s.alikeAsked, s.asDrawn = []law{argumentsUnchanged()}, true, true, true
	own := set{name: "inplace", subject: s, laws: []law{argumentsUnchanged(), variantsAlike()}}
	own.laws = append(own.laws, s.defined()...)
	return set{name: "merge", parents: []set{wellPosed(s), semilattice(s), own}, subject: s}
}

// FuncIn is the set that [CheckMergeIn] checks.
func FuncIn[S any](mergeIn func(dst *S, delta S), opts ...Option) Set[S] {
	o := settingsOf(opts)
	s := bind[S](o)
	// Growth is not reported by this form of merge; it never claims any, and no law
	// about growth is in the set.
	s.mergeIn = func(target, delta any) bool {
		mergeIn(target.(*S), unbox[S](delta))
		return false
	}
	return Set[S]{pin(inTarget(s, o))}
}

// inTarget is the set of a merge into a target.
//
//go:noinline
func inTarget(s *subject, o settings) set {
	s.join = func(a, b any) any {
		t := s.copy(a)
		s.mergeIn(t, b)
		return t
	}
	s.guards, s.guarded, s.alikeAsked, s.asDrawn = []law{deltaUnchanged(), deltaNotRetained()}, true, true, true
	own := set{name: "inplace", subject: s, laws: []law{deltaUnchanged(), deltaNotRetained(), resultFresh(), emptyTarget(), variantsAlike()}}
	if !o.sharing {
		own.laws = append(own.laws, deltaNotShared())
	}
	own.laws = append(own.laws, s.defined()...)
	if o.clone != nil {
		s.clone = s.copy
		s.guards = append(s.guards, cloneIndependent())
		own.laws = append(own.laws, cloneIndependent())
	}
	return set{name: "merge", parents: []set{wellPosed(s), semilattice(s), own}, subject: s}
}

// checkDrawn checks a set on its default source of states, and says first which parts
// of them the source does not vary.
func checkDrawn(t T, set set, states gen.Gen[any], opts []Option) {
	t.Helper()
	if err := set.usable(); err != nil {
		t.Fatalf("%v", err)
	}
	source, seed, o := set.source(states), seedOfRun(), settingsOf(opts)
	seen, stuck := survey(set.subject, source, seed, within(DefaultTime/4), o.waits(set.subject))
	if stuck != nil {
		stuck.Again = againCommand(t.Name(), seed)
		t.Fatalf("no law was judged\n%v", stuck)
	}
	for _, line := range seen.remarks() {
		t.Logf("%s", line)
	}
	set.subject.sayUnsteady(t, states, opts)
	check(t, set, source, o, seed)
}

// source is the default source of states for the set: pooled, correlated by the
// merge itself, and independent draws of g.
func (s set) source(g gen.Gen[any]) gen.Source[any] {
	if s.subject.plain {
		return gen.Mixed(g, s.subject.join, nil)
	}
	return gen.Mixed(g, s.subject.join, s.subject.copy)
}
