package zoo

import (
	"cmp"
	"errors"
	"maps"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// reported holds the defects from public issues that a merge shows by itself.
func reported() []Entry {
	return []Entry{
		reversedMin(), explicitBottom(),
		tiedWrites("H5", "delta-enabled-crdts #7, convex #641", "of two writes at one time each side keeps its own",
			func(t *write, d write) bool {
				if d.First > t.First {
					*t = d
					return true
				}
				return false
			}),
		wholeBlob(), otherKind(), twiceReversed(), lossyCodec(), adopted(), addedUp(), equalSizes(), storedDelta(), zeroEntry(),
	}
}

type names = map[string]struct{}

func nameSets() exhibit[names] {
	return exhibit[names]{
		correct:  lattice.SetOf[string](),
		values:   gen.SubsetOf("a", "b", "c", "d"),
		universe: gen.Subsets("a", "b", "c"),
	}
}

func reversedMin() Entry {
	x := exhibit[int]{correct: lattice.Min[int](), values: gen.Int(-9, 99), universe: gen.Range(-2, 2)}
	e := Entry{ID: "H1", Where: "hydro #95, #629", Law: "order", Defect: "Min compares as numbers do, not turned round"}
	e.Faulty, e.Correct = suites(x, "min", altered[int]{compare: lattice.Max[int]().Compare})
	return e
}

// stripped is a merge of maps that counts a key at ⊥ as absent, and drops it.
type stripped[V any] struct {
	lattice.Merge[map[string]V]
	empty func(V) bool
}

func (m stripped[V]) strip(v map[string]V) map[string]V {
	v = maps.Clone(v)
	maps.DeleteFunc(v, func(_ string, x V) bool { return m.empty(x) })
	return v
}

func (m stripped[V]) MergeIn(target *map[string]V, delta map[string]V) bool {
	grew := m.Merge.MergeIn(target, m.strip(delta))
	maps.DeleteFunc(*target, func(_ string, x V) bool { return m.empty(x) })
	return grew
}

func (m stripped[V]) Compare(a, b map[string]V) lattice.Order {
	return m.Merge.Compare(m.strip(a), m.strip(b))
}

func (m stripped[V]) Caps() lattice.Caps[map[string]V] {
	return lattice.Caps[map[string]V]{Bottom: func() map[string]V { return map[string]V{} }}
}

// padded makes the two suites of an entry about parts at ⊥. Both declare that an
// explicit ⊥ is the same state as its absence; the faulty merge does not hold to it.
func padded[V any](name string, m lattice.Merge[V], empty func(V) bool, bottom func() V, source gen.Gen[map[string]V], u gen.Universe[map[string]V]) (faulty, correct laws.Suite) {
	type state = map[string]V
	good := stripped[V]{lattice.MapOf[string](m), empty}
	pad := laws.BottomParts(laws.SameAsAbsent, func(v state) (state, bool) {
		if _, ok := v["a"]; ok {
			return v, false
		}
		w := maps.Clone(v)
		w["a"] = bottom()
		return w, true
	})
	same := laws.Equal(func(a, b state) bool { return good.Compare(a, b) == lattice.Equal })
	from := gen.For[state](good, source)
	return latticeSuite(name+", as published", lattice.MapOf[string](m), from, u, pad),
		latticeSuite[state](name+", correct", good, from, u, pad, same)
}

// explicitBottom has both defects of its reports: the map, and a function of two
// arguments that does not treat them alike.
func explicitBottom() Entry {
	set := lattice.SetOf[string]()
	e := Entry{ID: "H2", Where: "hydro #865, #1226", Law: "bounded/bottom-normal-form",
		Defect: "{k: ⊥} is not {}; and what a bimorphism gives depends on the side an argument grows on"}
	u := gen.Maps([]string{"a", "b"}, gen.Subsets("x", "y")[1:])
	faulty, correct := padded("map", set, func(v names) bool { return len(v) == 0 }, func() names { return names{} },
		gen.MapOf(gen.OneOf("a", "b"), gen.Map(gen.SubsetOf("y", "z"), func(s names) names { s["x"] = struct{}{}; return s }), 2), u)
	pairs := gen.PairOf(gen.SubsetOf("a", "b"), gen.SubsetOf("x", "y"))
	few, _ := gen.Every(pairs, 2000)
	product := func(least bool) laws.Suite {
		f := func(a, b names) names {
			out := names{}
			for p := range a { //joinery:anyorder a set
				for q := range b { //joinery:anyorder a set
					if _, smaller := b["x"]; !least || q == "x" || !smaller {
						out[p+q] = struct{}{}
					}
				}
			}
			return out
		}
		set := laws.Bimorphism(f, set, set, set)
		return laws.NewSuite("product", set, gen.For(lattice.PairOf(lattice.SetOf[string](), lattice.SetOf[string]()), pairs), few)
	}
	e.Faulty, e.Correct = laws.Together(faulty.Name, faulty, product(true)), laws.Together(correct.Name, correct, product(false))
	return e
}

func wholeBlob() Entry {
	type blob = lattice.Pair[int, names]
	set := lattice.SetOf[string]()
	x := exhibit[blob]{
		correct:  lattice.PairOf(lattice.Max[int](), set),
		values:   gen.PairOf(gen.Int(0, 9), gen.SubsetOf("a", "b", "c")),
		universe: gen.Pairs(gen.Range(0, 2), gen.Subsets("a", "b")),
	}
	e := Entry{ID: "H7", Where: "calimero core #2577", Law: "order/upper-bound",
		Defect: "the value's own merge is never called: the later blob replaces the earlier one whole"}
	e.Faulty, e.Correct = suites(x, "blob", altered[blob]{mergeIn: func(t *blob, d blob) bool {
		if d.First <= t.First {
			return false
		}
		*t = blob{First: d.First, Second: set.Clone(d.Second)}
		return true
	}})
	return e
}

// otherKind holds a value of one of several kinds; a later kind replaces an earlier
// one.
func otherKind() Entry {
	type typed = lattice.Pair[uint, int]
	x := exhibit[typed]{
		correct:  lattice.DominatingPairOf(lattice.Max[uint](), lattice.Max[int]()),
		values:   gen.PairOf(gen.Int[uint](0, 2), gen.Int(0, 9)),
		universe: gen.Pairs(gen.Range[uint](0, 2), gen.Range(0, 2)),
	}
	errKinds := errors.New("a set cannot merge a counter")
	faulty := &altered[typed]{of: x.correct, mergeIn: func(t *typed, d typed) bool {
		if t.First != d.First {
			panic(errKinds)
		}
		return x.correct.MergeIn(t, d)
	}}
	e := Entry{ID: "H10", Where: "akka #27428", Law: "totality", Defect: "a key that was added again with another type cannot be merged"}
	source := gen.For(x.correct, x.values)
	e.Faulty = laws.NewSuite("typed value, as published", laws.Totality[typed](faulty), source, x.universe)
	e.Correct = laws.NewSuite("typed value, correct", laws.Full(x.correct, laws.TotalOrder()), gen.WithEnds(x.correct, source), x.universe)
	return e
}

func twiceReversed() Entry {
	x := stamps()
	e := Entry{ID: "H13", Where: "automerge #263", Law: "order/agrees",
		Defect: "the times are compared the wrong way round, and so are the values: what compares two comparisons sees nothing"}
	e.Faulty, e.Correct = suites(x, "stamped value", altered[write]{compare: func(a, b write) lattice.Order {
		byTime, byValue := cmp.Compare(b.First, a.First), cmp.Compare(b.Second, a.Second)
		return [...]lattice.Order{lattice.Less, lattice.Equal, lattice.Greater}[cmp.Or(byTime, byValue)+1]
	}})
	return e
}

// coded is a merge with a codec of its own.
type coded[T any] struct {
	lattice.Merge[T]
	caps lattice.Caps[T]
}

func (m coded[T]) Caps() lattice.Caps[T] { return m.caps }

func lossyCodec() Entry {
	type tally = map[string]uint
	m := lattice.MapOf[string](lattice.Max[uint]())
	caps := lattice.CapsOf(m)
	nonzero := stripped[uint]{m, func(n uint) bool { return n == 0 }}
	faulty := coded[tally]{m, lattice.Caps[tally]{
		Append: func(dst []byte, v tally) []byte { return caps.Append(dst, nonzero.strip(v)) }, Decode: caps.Decode,
	}}
	source := gen.For(m, gen.MapOf(gen.OneOf("a", "b"), gen.Int[uint](0, 3), 2))
	u := gen.Maps([]string{"a", "b"}, gen.Range[uint](0, 2))
	return Entry{ID: "H14", Where: "automerge #579", Law: "codec", Defect: "saving leaves out what merging keeps: a merge is not what is loaded after saving it",
		Faulty:  laws.NewSuite("saved counts, as published", laws.Codec[tally](faulty), source, u),
		Correct: laws.NewSuite("saved counts, correct", laws.Codec(m), source, u)}
}

func adopted() Entry {
	set := lattice.SetOf[string]()
	e := Entry{ID: "H15", Where: "automerge-classic #3", Law: "inplace", Defect: "an empty state takes over the memory of what is merged into it"}
	e.Faulty, e.Correct = suites(nameSets(), "set", altered[names]{mergeIn: func(t *names, d names) bool {
		if len(*t) == 0 {
			*t = d
			return len(d) > 0
		}
		return set.MergeIn(t, d)
	}})
	return e
}

func addedUp() Entry {
	x := exhibit[scores]{
		correct:  lattice.MapOf[string](lattice.Max[int]()),
		values:   gen.MapOf(gen.OneOf("a", "b"), gen.Int(1, 3), 2),
		universe: gen.Maps([]string{"a", "b"}, gen.Range(1, 2)),
	}
	e := Entry{ID: "H18", Where: "counters of many toy stores", Law: "semilattice/idempotent", Defect: "counts are added in place of joined"}
	e.Faulty, e.Correct = suites(x, "counts", altered[scores]{mergeIn: func(t *scores, d scores) bool {
		if *t == nil {
			*t = scores{}
		}
		for k, n := range d { //joinery:anyorder keys are added up apart
			(*t)[k] += n
		}
		return len(d) > 0
	}})
	return e
}

func equalSizes() Entry {
	set := lattice.SetOf[string]()
	e := Entry{ID: "H19", Where: "early-outs", Law: "order/upper-bound", Defect: "sets of equal size are taken for equal, and the merge is skipped"}
	e.Faulty, e.Correct = suites(nameSets(), "set", altered[names]{mergeIn: func(t *names, d names) bool {
		return len(*t) != len(d) && set.MergeIn(t, d)
	}})
	return e
}

func storedDelta() Entry {
	type groups = map[string]names
	inner := lattice.SetOf[string]()
	x := exhibit[groups]{
		correct:  lattice.MapOf[string](inner),
		values:   gen.MapOf(gen.OneOf("a", "b"), gen.SubsetOf("x", "y", "z"), 2),
		universe: gen.Maps([]string{"a"}, gen.Subsets("x", "y")),
	}
	e := Entry{ID: "H20", Where: "maps of sets", Law: "inplace/delta-not-retained", Defect: "a new key stores the delta's own value: a later merge changes what the sender holds"}
	e.Faulty, e.Correct = suites(x, "groups", altered[groups]{mergeIn: func(t *groups, d groups) (grew bool) {
		if *t == nil {
			*t = groups{}
		}
		for k, v := range d { //joinery:anyorder keys are merged apart
			have, ok := (*t)[k]
			if !ok {
				(*t)[k] = v
				grew = true
				continue
			}
			if have == nil {
				have = names{}
			}
			grew = inner.MergeIn(&have, v) || grew
			(*t)[k] = have
		}
		return grew
	}})
	return e
}

func zeroEntry() Entry {
	e := Entry{ID: "H21", Where: "counters with an Inc(0)", Law: "bounded/bottom-normal-form", Defect: "adding nothing leaves an entry of zero: equal values, different states"}
	e.Faulty, e.Correct = padded("counts", lattice.Max[uint](), func(n uint) bool { return n == 0 }, func() uint { return 0 },
		gen.MapOf(gen.OneOf("a", "b"), gen.Int[uint](1, 9), 2), gen.Maps([]string{"a", "b"}, gen.Range[uint](1, 2)))
	return e
}
