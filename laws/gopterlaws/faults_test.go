package gopterlaws_test

import (
	"iter"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// handmade is a merge of functions, any of which can be wrong.
type handmade[T any] struct {
	mergeIn func(*T, T) bool
	compare func(a, b T) lattice.Order
	clone   func(T) T
	caps    lattice.Caps[T]
}

func (m handmade[T]) MergeIn(t *T, d T) bool       { return m.mergeIn(t, d) }
func (m handmade[T]) Compare(a, b T) lattice.Order { return m.compare(a, b) }
func (m handmade[T]) Clone(v T) T                  { return m.clone(v) }
func (m handmade[T]) Caps() lattice.Caps[T]        { return m.caps }

// numbers makes a merge of a join on numbers, with the order of numbers.
func numbers(join func(a, b int) int) handmade[int] {
	return handmade[int]{
		mergeIn: func(t *int, d int) bool {
			before := *t
			*t = join(*t, d)
			return *t != before
		},
		compare: lattice.Max[int]().Compare,
		clone:   func(v int) int { return v },
	}
}

func greater(a, b int) int { return max(a, b) }

type ints = map[int]struct{}

// unions is set union with parts replaced.
func unions(change func(m *handmade[ints])) handmade[ints] {
	union := lattice.SetOf[int]()
	m := handmade[ints]{mergeIn: union.MergeIn, compare: union.Compare, clone: union.Clone, caps: lattice.CapsOf(union)}
	m.caps.Join = nil
	change(&m)
	return m
}

func subsets() gen.Source[ints] {
	return gen.For[ints](lattice.SetOf[int](), gen.SubsetOf(1, 2, 3))
}

// lww takes a later write, and of two at one time the one that came in.
type lww struct {
	Time  int
	Value string
}

func lastArrival(a, b lww) lww {
	if b.Time >= a.Time {
		return b
	}
	return a
}

func writes() gen.Gen[lww] {
	time, value := gen.Int(0, 1000), gen.String("xyz", 3)
	return func(d *gen.Draw) lww {
		t := time(d)
		return lww{t, value(d)}
	}
}

func size3(s ints) uint { return uint(len(s)) }
func even(s ints) uint  { return uint(len(s)+1) % 2 }

// faults has a faulty merge, or function, for every set of laws there is.
func faults() []fault {
	return slices.Concat(mergeFaults(), stateFaults(), historyFaults(), functionFaults())
}

func mergeFaults() []fault {
	small := gen.For[int](lattice.Max[int](), gen.Int(0, 9))
	unordered := numbers(greater)
	unordered.compare = func(a, b int) lattice.Order {
		if a > b {
			return lattice.Incomparable
		}
		return lattice.Max[int]().Compare(a, b)
	}
	bottomless := numbers(greater)
	bottomless.caps.Bottom = func() int { return 2 }
	return []fault{
		faulty("a tie keeps the one that came in", "semilattice/commutative",
			laws.Func(lastArrival), gen.Mixed(writes(), lastArrival, nil)),
		faulty("merging adds", "semilattice/idempotent",
			laws.Semilattice(numbers(func(a, b int) int { return a + b })), small),
		faulty("nothing is above", "order/dual", laws.Order(unordered), small),
		faulty("every merge grows", "inplace/grew", laws.InPlace(unions(func(m *handmade[ints]) {
			union := m.mergeIn
			m.mergeIn = func(t *ints, d ints) bool { union(t, d); return len(d) > 0 }
		})), subsets()),
		faulty("the argument is written into", "inplace/arguments-unchanged", laws.Func(func(a, b ints) ints {
			if a == nil {
				return maps.Clone(b)
			}
			maps.Copy(a, b)
			return a
		}), gen.Independent(gen.SubsetOf(1, 2, 3))),
		faulty("the delta is emptied", "inplace/delta-unchanged", laws.Lattice(unions(func(m *handmade[ints]) {
			union := m.mergeIn
			m.mergeIn = func(t *ints, d ints) bool { defer clear(d); return union(t, d) }
		})), subsets()),
		faulty("the bottom is not the least", "bounded/bottom-identity", laws.Bounded(bottomless), small),
	}
}

func stateFaults() []fault {
	undefined := numbers(func(a, b int) int {
		if a+b == 5 {
			panic("other kinds")
		}
		return max(a, b)
	})
	apart := func(_ *gen.Draw, x []ints) {
		for i := range x {
			x[i] = ints{i: {}}
		}
	}
	return []fault{
		faulty("an atom is left out", "decomposition/atoms-join", laws.Decomposition(unions(func(m *handmade[ints]) {
			all := m.caps.Atoms
			m.caps.Atoms = func(v ints) iter.Seq[ints] {
				atoms := slices.Collect(all(v))
				return slices.Values(atoms[:min(2, len(atoms))])
			}
		})), subsets()),
		faulty("the difference is nothing", "decomposition/diff", laws.Decomposition(unions(func(m *handmade[ints]) {
			m.caps.Diff = func(_, _ ints) ints { return ints{} }
		})), subsets()),
		faulty("some states do not merge", "totality/merges", laws.Totality[int](undefined), gen.Independent(gen.Int(0, 4))),
		faulty("decoding eats what follows", "codec/round-trip", laws.Codec(unions(func(m *handmade[ints]) {
			decode := m.caps.Decode
			m.caps.Decode = func(src []byte) (ints, []byte, error) {
				v, _, err := decode(src)
				return v, nil, err
			}
		})), subsets()),
		faulty("states never tie", "coverage/tie", laws.Coverage(lattice.SetOf[int]()), apart),
	}
}

// counts is what three replicas have counted.
type counts [gen.Replicas]int

func historyFaults() []fault {
	// A delta overwrites the count of its replica, an older one too.
	overwrites := handmade[counts]{
		mergeIn: func(t *counts, d counts) bool {
			before := *t
			for r, n := range d {
				if n > 0 {
					t[r] = n
				}
			}
			return *t != before
		},
		compare: func(counts, counts) lattice.Order { return lattice.Equal },
		clone:   func(v counts) counts { return v },
	}
	counter := gen.Updates[counts, int]{
		Start: func() counts { return counts{} }, Ops: gen.Int(1, 3),
		Delta: func(s counts, replica, op int) (delta counts) {
			delta[replica] = s[replica] + op
			return delta
		},
		Apply: func(s counts, replica, op int) counts {
			s[replica] += op
			return s
		},
	}
	registers := gen.Updates[int, int]{
		Start: func() int { return 9 }, Ops: gen.Int(1, 3), Delta: func(_, _, op int) int { return op }}
	latest := func(seen []gen.Event[int]) int {
		v := 9
		for i, e := range seen {
			if i == 0 || e.Op > v {
				v = e.Op
			}
		}
		return v
	}
	return []fault{
		faulty("an old delta wins", "updates/reordered", laws.Updates[counts, int](overwrites, counter), laws.PlanSource(counter)),
		faulty("the least for the greatest", "query/denotation",
			laws.Denotation(lattice.Min[int](), registers, laws.Query[int, int]{Ask: func(v int) int { return v }}, latest),
			laws.PlanSource(registers)),
	}
}

func functionFaults() []fault {
	set, count := lattice.SetOf[int](), lattice.Max[uint]()
	function := func(f func(ints) uint) laws.Function[ints, uint] {
		return laws.Function[ints, uint]{F: f, From: set, To: count}
	}
	pair := lattice.PairOf[ints, ints](set, set)
	pairs := gen.For[lattice.Pair[ints, ints]](pair, gen.PairOf(gen.SubsetOf(1, 2, 3), gen.SubsetOf(1, 2, 3)))
	// 2 is collected once 1 is there, and a reader counts it.
	forgetful := laws.Collection[ints, int]{
		GC: func(s ints) ints {
			s = maps.Clone(s)
			if _, ok := s[1]; ok {
				delete(s, 2)
			}
			return s
		},
		Query: laws.Query[ints, int]{Ask: func(s ints) int { return len(s) }},
	}
	return []fault{
		faulty("sizes as a morphism", "morphism/joins", laws.Morphism(function(size3)), subsets()),
		faulty("parity as monotone", "monotone/order", laws.Monotone(function(even)), subsets()),
		faulty("a product of sizes as a bimorphism", "bimorphism/left", laws.Bimorphism(
			func(a, b ints) uint { return size3(a) * size3(b) }, lattice.Merge[ints](set), lattice.Merge[ints](set), count), pairs),
		faulty("parity as a monotone query", "query/monotone", laws.Queries(set, laws.Query[ints, uint]{
			Ask: even, Leq: func(a, b uint) bool { return a <= b }}), subsets()),
		faulty("what a reader counts is collected", "compaction/unseen", laws.Compaction(set, forgetful), subsets()),
	}
}
