package reports_test

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

var errTwice = errors.New("a place occurs twice")

// ticks is a vector clock.
type ticks = map[string]int

func someTicks(least int) *rapid.Generator[ticks] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"p", "q", "r"}), rapid.IntRange(least, 4), 0, 3)
}

func laterOf(a, b ticks) ticks {
	j := ticks{}
	for _, c := range []ticks{a, b} {
		for k, n := range c {
			j[k] = max(j[k], n)
		}
	}
	return j
}

// laterOfFirst knows the processes of a alone.
func laterOfFirst(a, b ticks) ticks {
	j := ticks{}
	for k, n := range a {
		j[k] = max(n, b[k])
	}
	return j
}

func notAfter(a, b ticks) bool {
	for k, n := range a {
		if n > b[k] {
			return false
		}
	}
	return true
}

// notAfterShared looks at processes that both clocks know.
func notAfterShared(a, b ticks) bool {
	for k, n := range a {
		if m, ok := b[k]; ok && n > m {
			return false
		}
	}
	return true
}

// sameTicks takes a process without ticks for one that is absent.
func sameTicks(a, b ticks) bool { return notAfter(a, b) && notAfter(b, a) }

// beforeOrSame is before, by meaning, or the same, by structure.
func beforeOrSame(a, b ticks) bool {
	return notAfter(a, b) && !notAfter(b, a) || maps.Equal(a, b)
}

// membership is what a member of a cluster is said to be, and by which incarnation.
type membership struct {
	Incarnation int
	Status      int // 0 alive, 1 suspect, 2 dead
}

func someMemberships() *rapid.Generator[membership] {
	return rapid.Custom(func(t *rapid.T) membership {
		return membership{rapid.IntRange(0, 20).Draw(t, "incarnation"), rapid.IntRange(0, 2).Draw(t, "status")}
	})
}

func newest(a, b membership) membership {
	if cmp.Or(a.Incarnation-b.Incarnation, a.Status-b.Status) >= 0 {
		return a
	}
	return b
}

// deadStays leaves the incarnation of a dead member as it is when it is said to be dead
// by a later one.
func deadStays(a, b membership) membership {
	if a.Status == 2 && b.Status == 2 {
		return a
	}
	return newest(a, b)
}

// leftStays has a member that left come back alive alone.
func leftStays(a, b membership) membership {
	if a.Status == 2 && b.Status != 0 {
		return a
	}
	return newest(a, b)
}

// dotted is a set whose additions win: elements with the dots that put them there.
type dotted struct {
	In    map[int]map[[2]int]bool
	Clock [gen.Replicas]int
}

func (s dotted) apply(replica, op int) dotted {
	if s.In == nil {
		s.In = map[int]map[[2]int]bool{}
	}
	if op < 0 {
		delete(s.In, -op) // without a tick
		return s
	}
	s.Clock[replica]++
	s.In[op] = map[[2]int]bool{{replica, s.Clock[replica]}: true}
	return s
}

func (s dotted) covers(o dotted) bool {
	return s.Clock[0] >= o.Clock[0] && s.Clock[1] >= o.Clock[1] && s.Clock[2] >= o.Clock[2]
}

func joinDotted(a, b dotted) dotted {
	j := dotted{In: map[int]map[[2]int]bool{}}
	for i := range j.Clock {
		j.Clock[i] = max(a.Clock[i], b.Clock[i])
	}
	for _, side := range [2][2]dotted{{a, b}, {b, a}} {
		for e, dots := range side[0].In {
			for dot := range dots {
				if !side[1].In[e][dot] && side[1].Clock[dot[0]] >= dot[1] {
					continue // removed there
				}
				if j.In[e] == nil {
					j.In[e] = map[[2]int]bool{}
				}
				j.In[e][dot] = true
			}
		}
	}
	return j
}

// dominating takes the side whose clock is not behind, removals or not.
func dominating(a, b dotted) dotted {
	switch {
	case a.covers(b):
		return a
	case b.covers(a):
		return b
	}
	return joinDotted(a, b)
}

func dottedSet(merge func(a, b dotted) dotted) laws.Replicated[dotted, int] {
	return laws.Replicated[dotted, int]{
		Start: func() dotted { return dotted{} }, Apply: dotted.apply, Merge: merge,
		Ops:   rapid.SampledFrom([]int{1, 2, -1, -2}),
		Value: func(s dotted) any { return slices.Sorted(maps.Keys(s.In)) },
		Model: func(seen []laws.Event[int]) any {
			in := map[int]bool{}
			for _, e := range seen {
				gone := slices.ContainsFunc(seen, func(o laws.Event[int]) bool { return o.Op == -e.Op && o.Saw(e) })
				if e.Op > 0 && !gone {
					in[e.Op] = true
				}
			}
			return slices.Sorted(maps.Keys(in))
		},
	}
}

func clockReports() []report {
	byMeaning := []laws.Option{laws.Equal(sameTicks), laws.MergedBy(laterOf)}
	sets := dottedSet(dominating)
	return []report{
		{where: "mixu/distsysbook#56", defect: "merging clocks goes over the processes of the first alone", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(laterOfFirst), laterOf, someTicks(1)),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, laterOf, someTicks(1), o) }},
		{where: "DistributedClocks/GoVector#69", defect: "comparing clocks leaves out processes that one of them does not know", door: "CheckOrder",
			law: "order/antisymmetric", faulty: doorOf(laws.OrderFunc(notAfterShared), laterOf, someTicks(1)),
			correct: func(t *testing.T, o laws.Option) { laws.CheckOrder(t, notAfter, someTicks(1), o) }},
		{where: "hetu-project/Setu#39", defect: "clocks that differ in a process at zero are concurrent, where equality is that of meaning", door: "CheckOrder, Equal",
			law: "order/reflexive", faulty: doorOf(laws.OrderFunc(beforeOrSame, laws.Equal(sameTicks)), laterOf, someTicks(0)),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckOrder(t, notAfter, someTicks(0), append(byMeaning, o)...)
			}},
		{where: "al8n/memberlist#197", defect: "a dead member keeps its incarnation when a later one is reported dead", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(deadStays), newest, someMemberships()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, newest, someMemberships(), o) }},
		{where: "uber/ringpop-go#94", defect: "of a member that left, later incarnations count only where they are alive", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(leftStays), newest, someMemberships()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, newest, someMemberships(), o) }},
		{where: "basho/riak_dt#78", defect: "the set whose clock is not behind is taken, though the other has removed what it holds", door: "Converge",
			law: "converge/model", faulty: scoped(laws.Convergence(sets), sets.Ops),
			correct: func(t *testing.T, _ laws.Option) {
				laws.Converge(t, dottedSet(joinDotted), laws.Cases(scaled(2000, 100)))
			}},
	}
}
