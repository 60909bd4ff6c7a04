package zoo

import (
	"fmt"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// anna holds L6 to L11: lattices of Crisper and of Anna.
func anna() []Entry {
	return []Entry{
		tiedWrites("L6", "Crisper, last writer wins", "the order ignores the value: of two writes at one time the local one stays",
			func(t *write, d write) bool {
				if d.First <= t.First {
					return false
				}
				*t = d
				return true
			}),
		tiedWrites("L7", "Anna, last writer wins", "≥ on timestamps: of two writes at one time the one that arrives is taken",
			func(t *write, d write) bool {
				if d.First < t.First {
					return false
				}
				grew := *t != d
				*t = d
				return grew
			}),
		priority(), truncatedMax(), causalTie(), dominatedSiblings(),
	}
}

// write is a value with the time it was written at.
type write = lattice.Pair[int, string]

func stamps() exhibit[write] {
	return exhibit[write]{
		correct:  lattice.DominatingPairOf(lattice.Max[int](), lattice.Max[string]()),
		values:   gen.PairOf(gen.Int(0, 1<<30), gen.String("xyz", 2)),
		universe: gen.Pairs(gen.Range(0, 2), gen.Values("x", "y")),
	}
}

func byTime(a, b write) lattice.Order { return lattice.Max[int]().Compare(a.First, b.First) }

func tiedWrites(id, where, defect string, mergeIn func(*write, write) bool) Entry {
	e := Entry{ID: id, Where: where, Defect: defect, Law: "semilattice/commutative"}
	e.Faulty, e.Correct = suites(stamps(), "last writer wins", altered[write]{mergeIn: mergeIn, compare: byTime})
	return e
}

// priority: the lower number wins.
func priority() Entry {
	x := stamps()
	x.correct = lattice.DominatingPairOf(lattice.Min[int](), lattice.Max[string]())
	e := Entry{
		ID: "L8", Where: "Anna, Priority", Law: "semilattice/commutative",
		Defect: "strict < on priorities: a tie keeps the target",
	}
	e.Faulty, e.Correct = suites(x, "priority", altered[write]{
		mergeIn: func(t *write, d write) bool {
			if d.First >= t.First {
				return false
			}
			*t = d
			return true
		},
		compare: func(a, b write) lattice.Order { return lattice.Min[int]().Compare(a.First, b.First) },
	})
	return e
}

func truncatedMax() Entry {
	numbers := []float64{0, 1.2, 1.9, 2, 1e9, 5e9}
	x := exhibit[float64]{
		correct: lattice.Max[float64](),
		// Tenths up to where the integer wraps: beyond, a single number can be its own
		// counterexample beside 0, of another size than the published one.
		values:   gen.Map(gen.Int[int64](0, 20_000_000_000), func(tenths int64) float64 { return float64(tenths) / 10 }),
		universe: gen.Values(numbers...),
	}
	e := Entry{
		ID: "L9", Where: "Anna, Max", Law: "semilattice/commutative",
		Defect: "keeps the current value in a 32-bit integer to compare with: 1.9 ⊔ 1.2 is 1.2, and 5e9 ⊔ 1e9 is 1e9",
	}
	e.Faulty, e.Correct = suites(x, "max", altered[float64]{mergeIn: func(t *float64, d float64) bool {
		current := int32(int64(*t)) // in two steps: the second one wraps by definition
		if d <= float64(current) {
			return false
		}
		grew := *t != d
		*t = d
		return grew
	}})
	return e
}

// Clock is a vector clock of two replicas.
type Clock [2]int

// clocks merges by the greater count of each replica.
type clocks struct{}

func (clocks) MergeIn(target *Clock, delta Clock) bool {
	before := *target
	for i, n := range delta {
		target[i] = max(target[i], n)
	}
	return *target != before
}

func (clocks) Compare(a, b Clock) lattice.Order {
	o := lattice.Equal
	for i := range a {
		o &= lattice.Max[int]().Compare(a[i], b[i])
	}
	return o
}

func (clocks) Clone(v Clock) Clock { return v }

// Stamped is a set of values under one vector clock for all of them: the state of
// Anna's causal lattices.
type Stamped = lattice.Pair[Clock, map[string]struct{}]

// clockValues is clocks of up to two writes a replica, fewest writes first.
func clockValues() gen.Universe[Clock] {
	return gen.Values(Clock{}, Clock{1, 0}, Clock{0, 1}, Clock{2, 0}, Clock{1, 1}, Clock{0, 2}, Clock{2, 1}, Clock{1, 2}, Clock{2, 2})
}

func under(c Clock, value string) Stamped {
	return Stamped{First: c, Second: map[string]struct{}{value: {}}}
}

// anyValue is states in which a clock says nothing about the value under it.
func anyValue() (gen.Source[Stamped], gen.Universe[Stamped]) {
	value := gen.OneOf("x", "y", "z")
	clock := gen.AnyIn(clockValues()[:4], nil) // few, so that clocks tie; joins reach the others
	values := gen.Gen[Stamped](func(d *gen.Draw) Stamped { return under(clock(d), value(d)) })
	// Joined part by part: that is lawful, and reaches the clocks that merging does.
	source := gen.For(lattice.PairOf[Clock](clocks{}, lattice.SetOf[string]()), values)
	return source, gen.Product(clockValues()[:6], gen.Values("x", "y", "z"), under)
}

// writtenValue is states as single writes leave them: a clock belongs to one
// value. What refutes a merge here is no tie that could not happen.
func writtenValue() (gen.Source[Stamped], gen.Universe[Stamped]) {
	written := func(c Clock) Stamped { return under(c, fmt.Sprintf("w%d%d", c[0], c[1])) }
	values := gen.Map(gen.AnyIn(clockValues(), nil), written)
	var universe gen.Universe[Stamped]
	for _, c := range clockValues() {
		universe = append(universe, written(c))
	}
	copied := lattice.PairOf[Clock](clocks{}, lattice.SetOf[string]()).Clone
	return gen.AnyOf(gen.Independent(values), gen.Pooled(values, copied)), universe
}

// asCausal makes the entry of a merge over one clock for all values. Its twin is
// not a repair of the merge, since there is none over these states: it is the
// register that keeps a clock for each value.
func asCausal(e Entry, faulty altered[Stamped], source gen.Source[Stamped], universe gen.Universe[Stamped]) Entry {
	faulty.of = lattice.DominatingPairOf[Clock](clocks{}, lattice.SetOf[string]())
	e.Faulty = latticeSuite[Stamped]("causal value, as published", &faulty, source, universe)
	e.Correct = latticeSuite[Siblings]("causal register", register{},
		gen.For[Siblings](register{}, siblings()), antichains())
	return e
}

func causalTie() Entry {
	source, universe := anyValue()
	return asCausal(Entry{
		ID: "L10", Where: "Anna, causal", Law: "semilattice/commutative",
		Defect: "under equal clocks the argument replaces the values: with A{a:1}, B{b:1}, D{a:1,b:1}, (A ⊔ B) ⊔ D keeps one value and D ⊔ (A ⊔ B) two",
	}, altered[Stamped]{mergeIn: func(t *Stamped, d Stamped) bool {
		before := t.First
		clocks{}.MergeIn(&t.First, d.First)
		values := lattice.SetOf[string]()
		switch t.First {
		case d.First:
			grew := before != d.First || values.Compare(t.Second, d.Second) != lattice.Equal
			t.Second = values.Clone(d.Second)
			return grew
		case before:
			return false
		}
		values.MergeIn(&t.Second, d.Second)
		return true
	}}, source, universe)
}

func dominatedSiblings() Entry {
	source, universe := writtenValue()
	return asCausal(Entry{
		ID: "L11", Where: "Anna's causal value; DominatingPair over vector clocks", Law: "semilattice/associative",
		Defect: "concurrent values are merged under one clock: with a=[1,0], b=[0,1], c=[2,0], (a ⊔ b) ⊔ c keeps a's dominated value and a ⊔ (b ⊔ c) drops it",
	}, altered[Stamped]{}, source, universe)
}
