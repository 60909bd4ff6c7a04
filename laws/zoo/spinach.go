package zoo

import (
	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// spinach holds L1 to L5: lattices of Spinach, 2020 and 2021.
func spinach() []Entry {
	return []Entry{mapCompare(), mapCompareInPair(), rangeToZero(), pairGrew(), lexCompare()}
}

type scores = map[string]int

// sharedKeys is the comparison of L1: it looks for keys and never at their values.
func sharedKeys(a, b scores) lattice.Order {
	within := func(x, y scores) bool {
		//joinery:anyorder all keys must be found
		for k := range x {
			if _, ok := y[k]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case len(b) == 0:
		return lattice.Equal
	case within(b, a):
		return lattice.Greater
	case within(a, b):
		return lattice.Less
	}
	return lattice.Incomparable
}

func mapCompare() Entry {
	keys := []string{"a", "b"}
	x := exhibit[scores]{
		correct:  lattice.MapOf[string](lattice.Max[int]()),
		values:   gen.MapOf(gen.OneOf(keys[0], keys[1:]...), gen.Int(1, 3), 2),
		universe: gen.Maps(keys, gen.Range(1, 2)),
	}
	e := Entry{
		ID: "L1", Where: "Spinach 2020, MapUnion", Law: "order",
		Defect: "compare looks at keys only: {a:1} is Greater than {a:2} and than itself, and Equal to {}",
	}
	e.Faulty, e.Correct = suites(x, "map", altered[scores]{compare: sharedKeys})
	return e
}

// mapCompareInPair keeps to maps with one key: over more, keys of a dominating
// pair are partially ordered and no merge of this form is lawful (L11).
func mapCompareInPair() Entry {
	key := lattice.MapOf[string](lattice.Max[int]())
	type entry = lattice.Pair[scores, string]
	text := lattice.Max[string]()
	x := exhibit[entry]{
		correct:  lattice.DominatingPairOf(key, text),
		values:   gen.PairOf(gen.MapOf(gen.Just("a"), gen.Int(1, 3), 1), gen.OneOf("new", "old")),
		universe: gen.Pairs(gen.Maps([]string{"a"}, gen.Range(1, 3)), gen.Values("new", "old")),
	}
	published := lattice.DominatingPairOf[scores](&altered[scores]{of: key, compare: sharedKeys}, text)
	e := Entry{
		ID: "L2", Where: "Spinach 2020, DominatingPair over MapUnion", Law: "semilattice/commutative",
		Defect: "trusts the comparison of L1: ({a:1}, old) ⊔ ({a:2}, new) keeps old",
	}
	e.Faulty, e.Correct = suites(x, "dominating pair", altered[entry]{mergeIn: published.MergeIn, compare: published.Compare})
	return e
}

// towardsZero merges integers to the one nearer to zero, and to zero across it.
type towardsZero struct{}

func side(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func (towardsZero) MergeIn(target *int, delta int) bool {
	nearest := 0
	if side(*target) == side(delta) {
		nearest = side(delta) * min(*target*side(delta), delta*side(delta))
	}
	grew := nearest != *target
	*target = nearest
	return grew
}

func (towardsZero) Compare(a, b int) lattice.Order {
	switch {
	case a == b:
		return lattice.Equal
	case b == 0:
		return lattice.Less
	case a == 0:
		return lattice.Greater
	}
	return sameSide(a, b)
}

// sameSide is the whole comparison of L3: it takes zero for a side of its own.
func sameSide(a, b int) lattice.Order {
	if side(a) != side(b) {
		return lattice.Incomparable
	}
	return lattice.Min[int]().Compare(a*side(a), b*side(b))
}

func (towardsZero) Clone(v int) int { return v }

func (towardsZero) Caps() lattice.Caps[int] {
	return lattice.Caps[int]{Top: func() int { return 0 }}
}

func rangeToZero() Entry {
	x := exhibit[int]{correct: towardsZero{}, values: gen.Int(-9, 9), universe: gen.Range(-3, 3)}
	e := Entry{
		ID: "L3", Where: "Spinach, RangeToZero", Law: "order",
		Defect: "5 ⊔ 0 is 0, but 5 and 0 compare as incomparable",
	}
	e.Faulty, e.Correct = suites(x, "range to zero", altered[int]{compare: sameSide})
	return e
}

func pairGrew() Entry {
	type pair = lattice.Pair[int, int]
	part := lattice.Max[int]()
	x := exhibit[pair]{
		correct:  lattice.PairOf(part, part),
		values:   gen.PairOf(gen.Int(0, 9), gen.Int(0, 9)),
		universe: gen.Pairs(gen.Range(0, 2), gen.Range(0, 2)),
	}
	e := Entry{
		ID: "L4", Where: "Spinach 2021, Pair", Law: "inplace/grew",
		Defect: "reports growth only if both parts grew",
	}
	e.Faulty, e.Correct = suites(x, "pair", altered[pair]{mergeIn: func(t *pair, d pair) bool {
		first := part.MergeIn(&t.First, d.First)
		second := part.MergeIn(&t.Second, d.Second)
		return first && second
	}})
	return e
}

// versioned is a value under a partially ordered version.
type versioned = lattice.Pair[map[string]struct{}, uint]

// lexicographic is the lawful pair over a partial order: where the versions are
// incomparable, the join is their join with the least of values, since any greater
// value would depend on the order of merging.
type lexicographic struct{}

var (
	version = lattice.SetOf[string]()
	amount  = lattice.Max[uint]()
)

func (lexicographic) MergeIn(t *versioned, d versioned) bool {
	switch version.Compare(t.First, d.First) {
	case lattice.Less:
		*t = versioned{First: version.Clone(d.First), Second: d.Second}
		return true
	case lattice.Equal:
		return amount.MergeIn(&t.Second, d.Second)
	case lattice.Incomparable:
		t.Second = 0
		return version.MergeIn(&t.First, d.First)
	}
	return false
}

func (lexicographic) Compare(a, b versioned) lattice.Order {
	if o := version.Compare(a.First, b.First); o != lattice.Equal {
		return o
	}
	return amount.Compare(a.Second, b.Second)
}

func (lexicographic) Clone(v versioned) versioned {
	return versioned{First: version.Clone(v.First), Second: v.Second}
}

func (lexicographic) Caps() lattice.Caps[versioned] {
	return lattice.Caps[versioned]{Bottom: func() versioned { return versioned{} }}
}

func lexCompare() Entry {
	x := exhibit[versioned]{
		correct:  lexicographic{},
		values:   gen.PairOf(gen.SubsetOf("p", "q"), gen.Int[uint](0, 5)),
		universe: gen.Pairs(gen.Subsets("p", "q"), gen.Range[uint](0, 2)),
	}
	e := Entry{
		ID: "L5", Where: "Spinach 2021, DomPair", Law: "order",
		Defect: "compare never looks at values under equal keys, and falls through to them under incomparable ones",
	}
	e.Faulty, e.Correct = suites(x, "lexicographic pair", altered[versioned]{compare: func(a, b versioned) lattice.Order {
		if o := version.Compare(a.First, b.First); o != lattice.Incomparable {
			return o
		}
		return amount.Compare(a.Second, b.Second)
	}})
	return e
}
