package laws_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func same[T any](v T) T { return v }

// joining makes a merge of a join on values that can be copied by assignment.
func joining[T comparable](join func(a, b T) T, compare func(a, b T) lattice.Order) handmade[T] {
	return handmade[T]{
		mergeIn: func(t *T, d T) bool {
			j := join(*t, d)
			grew := j != *t
			*t = j
			return grew
		},
		compare: compare,
		clone:   same[T],
	}
}

type ints = map[int]struct{}

// unions is set union with parts replaced.
func unions() handmade[ints] {
	m := lattice.SetOf[int]()
	return handmade[ints]{mergeIn: m.MergeIn, compare: m.Compare, clone: m.Clone}
}

func beats(a, b int) bool { return (b+1)%3 == a } // rock, paper, scissors

func winner(a, b int) int {
	if beats(b, a) {
		return b
	}
	return a
}

func compareWinners(a, b int) lattice.Order {
	switch {
	case a == b:
		return lattice.Equal
	case beats(b, a):
		return lattice.Less
	}
	return lattice.Greater
}

func natural(a, b int) lattice.Order { return lattice.Max[int]().Compare(a, b) }

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

// cow is a vector that copies its slots before the first write, unless it owns
// them already.
type cow struct {
	Slots []int
	Owned bool
}

func (c cow) Equal(d cow) bool { return slices.Equal(c.Slots, d.Slots) }

// cowMerge takes the greater of each slot, and the whole vector where the target
// has none; adopted says whether it then claims to own what it took.
func cowMerge(adopted bool) handmade[cow] {
	raise := func(t *cow, d cow) (grew bool) {
		if len(d.Slots) == 0 {
			return false
		}
		if len(t.Slots) == 0 {
			*t = cow{d.Slots, adopted}
			return true
		}
		if !t.Owned {
			*t = cow{slices.Clone(t.Slots), true}
		}
		for i, n := range d.Slots {
			if n > t.Slots[i] {
				t.Slots[i] = n
				grew = true
			}
		}
		return grew
	}
	return handmade[cow]{
		mergeIn: raise,
		compare: func(a, b cow) lattice.Order { return lattice.Incomparable },
		clone:   func(v cow) cow { return cow{slices.Clone(v.Slots), v.Owned} },
	}
}

func cows(owned bool) gen.Universe[cow] {
	return gen.Values(cow{nil, owned}, cow{[]int{0}, owned}, cow{[]int{1}, owned}, cow{[]int{2}, owned})
}

func suite[T any](set laws.Set[T], u gen.Universe[T], clone func(T) T) laws.Suite {
	return laws.NewSuite(set.Name(), set, gen.AnyOf(gen.Independent(gen.AnyIn(u, clone)), gen.Pooled(gen.AnyIn(u, clone), clone)), u)
}

// faults holds, law by law, a merge that breaks this law of its set and no other. Some of
// them keep what they were given, so each call makes them anew.
func faults() map[string]laws.Suite {
	union := lattice.SetOf[int]()
	subsets := gen.Subsets(1, 2, 3)
	setSuite := func(set func(lattice.Merge[ints], ...laws.Option) laws.Set[ints], change func(*handmade[ints])) laws.Suite {
		m := unions()
		change(&m)
		return suite(set(m), subsets, maps.Clone[ints])
	}
	intSuite := func(set laws.Set[int], hi int) laws.Suite { return suite(set, gen.Range(0, hi), same[int]) }
	writes := gen.Product(gen.Range(0, 2), gen.Values("x", "y"), func(t int, v string) lww { return lww{t, v} })

	f := map[string]laws.Suite{
		"semilattice/associative": intSuite(laws.Semilattice(joining(winner, compareWinners)), 2),
		"semilattice/commutative": intSuite(laws.Semilattice(joining(func(a, _ int) int { return a }, natural)), 3),
		"semilattice/idempotent":  intSuite(laws.Semilattice(joining(func(a, b int) int { return a + b }, natural)), 3),

		// Odd numbers are not normal: a merge rounds them up, and they are not below
		// themselves. So b is no upper bound of itself, and only agrees can tell.
		"order/agrees": intSuite(laws.Order(joining(
			func(a, b int) int { return (max(a, b) + 1) / 2 * 2 },
			func(a, b int) lattice.Order {
				if a == b && a%2 == 1 {
					return lattice.Incomparable
				}
				return natural(a, b)
			})), 5),
		"order/dual": intSuite(laws.Order(joining(
			func(a, b int) int { return max(a, b) },
			func(a, b int) lattice.Order {
				if a > b {
					return lattice.Incomparable
				}
				return natural(a, b)
			})), 4),
		"order/antisymmetric": suite(laws.Order(joining(lastArrival,
			func(a, b lww) lattice.Order { return natural(a.Time, b.Time) })), writes, same[lww]),
		"order/transitive": intSuite(laws.Order(joining(winner, compareWinners)), 2),
		"order/upper-bound": setSuite(laws.Order[ints], func(m *handmade[ints]) {
			m.mergeIn = func(t *ints, d ints) bool {
				if union.Compare(*t, d) == lattice.Incomparable {
					*t = ints{}
					return true
				}
				return union.MergeIn(t, d)
			}
		}),
		"order/least": setSuite(laws.Order[ints], func(m *handmade[ints]) {
			m.mergeIn = func(t *ints, d ints) bool {
				if union.Compare(*t, d) == lattice.Incomparable {
					(*t)[99] = struct{}{}
				}
				return union.MergeIn(t, d)
			}
		}),

		"inplace/grew": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.mergeIn = func(t *ints, d ints) bool { union.MergeIn(t, d); return len(d) > 0 }
		}),
		"inplace/delta-unchanged": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.mergeIn = func(t *ints, d ints) bool { defer clear(d); return union.MergeIn(t, d) }
		}),
		// All who ask for ⊥ are given one map.
		"inplace/bottom-fresh": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			bottom := ints{}
			m.caps = lattice.Caps[ints]{Bottom: func() ints { return bottom }}
		}),
		// Owning what was only taken over writes into the delta's memory later on.
		"inplace/delta-not-retained": suite(laws.InPlace(cowMerge(true)), cows(false), cowMerge(true).clone),
		// And lending out memory that is written in place does so the other way round.
		"inplace/result-fresh": suite(laws.InPlace(cowMerge(false)), cows(true), cowMerge(false).clone),
		"inplace/clone-independent": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.clone = same[ints]
		}),
		// What merging by other ways leaves out.
		"inplace/join": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.caps = lattice.Caps[ints]{Join: func(a, b ints) ints {
				if len(a) == len(b) {
					return maps.Clone(a)
				}
				return lattice.Join(union, a, b)
			}}
		}),
		"inplace/batch": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.caps = lattice.Caps[ints]{Batch: func(t *ints, deltas []ints) bool {
				grew := false
				for _, d := range deltas {
					grew = union.MergeIn(t, d) // of the last one, and not of any
				}
				return grew
			}}
		}),
		"inplace/equals-alike": setSuite(laws.InPlace[ints], func(m *handmade[ints]) {
			m.mergeIn = func(t *ints, d ints) bool { return *t != nil && union.MergeIn(t, d) }
		}),
		"inplace/arguments-unchanged": suite(laws.Func(func(a, b ints) ints {
			if a == nil {
				return maps.Clone(b)
			}
			maps.Copy(a, b)
			return a
		}), subsets, maps.Clone[ints]),
	}
	bounded := func(caps lattice.Caps[int]) laws.Suite {
		m := joining(func(a, b int) int { return max(a, b) }, natural)
		m.caps = caps
		return intSuite(laws.Bounded(m), 5)
	}
	f["bounded/bottom-identity"] = bounded(lattice.Caps[int]{Bottom: func() int { return 2 }, Top: func() int { return 5 }})
	f["bounded/top-absorbs"] = bounded(lattice.Caps[int]{Bottom: func() int { return 0 }, Top: func() int { return 3 }})

	counters := lattice.MapOf[string](lattice.Max[uint]())
	f["bounded/bottom-normal-form"] = suite(
		laws.Bounded(counters, laws.BottomParts(laws.SameAsAbsent, padCounter)),
		gen.Maps([]string{"p", "q"}, gen.Range[uint](1, 2)), counters.Clone)
	maps.Copy(f, moreFaults())
	return f
}

// padCounter is what an increment by nothing leaves behind.
func padCounter(v map[string]uint) (map[string]uint, bool) {
	if _, ok := v["p"]; ok {
		return v, false
	}
	w := maps.Clone(v)
	w["p"] = 0
	return w, true
}

// Each law is the only one of its set that a certain faulty merge breaks: no law is
// redundant, and none fails for another's reason.
func TestEachLawKillsAlone(t *testing.T) {
	fs := faults()
	for _, id := range slices.Sorted(maps.Keys(fs)) {
		t.Run(id, func(t *testing.T) {
			s := fs[id]
			require.Contains(t, s.IDs, id)
			report := s.Exhaust()
			require.NoError(t, report.Err)
			assert.Equal(t, []string{id}, report.Failing(), "%v", report)
			for seed := range uint64(2) {
				report = s.Run(laws.RunOptions{Seed: seed, Cases: 300, Replays: 200})
				require.NoError(t, report.Err)
				assert.Equal(t, []string{id}, report.Failing(), "%v", report)
			}
		})
	}
}

// Every law there is has its faulty merge, and every faulty merge its law.
func TestEveryLawHasAFault(t *testing.T) {
	fs := faults()
	has := map[string]bool{}
	for _, s := range fs {
		for _, id := range s.IDs {
			has[id] = true
		}
	}
	for _, l := range laws.Full(lattice.MapOf[string](lattice.Max[uint]()), laws.BottomParts(laws.AboveAbsent, padCounter)).Statements() {
		has[l.ID] = true
	}
	for _, l := range laws.Full(lattice.Max[int](), laws.TotalOrder()).Statements() {
		has[l.ID] = true
	}
	for _, l := range laws.Full(lattice.OrderedSetOf[int]()).Statements() {
		has[l.ID] = true
	}
	for id := range has {
		switch {
		case strings.HasPrefix(id, "coverage/"): // about the source: see TestCoverage
		case strings.HasPrefix(id, "wellposed/"): // see TestWellPosedFaults
		case id == "compaction/commutes": // see TestCompactionCommutes
		default:
			assert.Contains(t, fs, id)
		}
	}
}

// The reports of all of them, small counterexamples included, are golden.
func TestFailureReports(t *testing.T) {
	fs := faults()
	text := ""
	for _, id := range slices.Sorted(maps.Keys(fs)) {
		for _, res := range fs[id].Run(laws.RunOptions{Seed: 1, Cases: 300, Again: "the command"}).Results {
			if res.Failure != nil && res.Failure.Law == id && res.Law == id {
				text += res.Failure.String() + "\n"
			}
		}
	}
	golden(t, "failures.txt", text)
}
