package laws_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// The tests of this file, of ties_test.go and of states_test.go are what people met who
// tried the one-line doors on merges of their own: faults that were not found, and right
// merges that were accused. What they met beyond these is tested elsewhere: removals that
// come back (TestStaleDeliveries), equalities that are none (TestWellPosedFaults), the
// parts of copies, equality and printing (laws/internal/deep), a library that counts twice
// (laws/adopters), doors that were missing (the tests of each door) and merges that are
// programs (cmd/simfuzz/internal/foreign).

// A merge that returns early for the same pointer adds otherwise.
func TestIdentityGuardHidesNothing(t *testing.T) {
	type counter struct{ N int }
	states := rapid.Custom(func(t *rapid.T) *counter { return &counter{rapid.IntRange(0, 9).Draw(t, "n")} })
	foundIn(t, laws.Func(func(a, b *counter) *counter {
		if a == b {
			return a
		}
		return &counter{a.N + b.N}
	}), states, "semilattice/idempotent")
}

type index struct {
	Rev int
	M   map[string]int
}

func indexes() *rapid.Generator[index] {
	m := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), rapid.IntRange(0, 100), 1, 4)
	return rapid.Custom(func(t *rapid.T) index { return index{rapid.Int().Draw(t, "rev"), m.Draw(t, "m")} })
}

// Both merges are right but for the memory of the delta, which they take over.
func TestAdoptedMemory(t *testing.T) {
	join := func(dst *index, d index) {
		dst.Rev = max(dst.Rev, d.Rev)
		for k, n := range d.M {
			dst.M[k] = max(dst.M[k], n)
		}
	}
	for name, merge := range map[string]func(dst *index, d index){
		"where the target is nil": func(dst *index, d index) {
			if dst.M == nil {
				dst.M = d.M
			}
			join(dst, d)
		},
		"as a whole": func(dst *index, d index) {
			if d.Rev > dst.Rev {
				*dst = d
			}
		},
	} {
		t.Run(name, func(t *testing.T) { foundIn(t, laws.FuncIn(merge), indexes(), "inplace/delta-not-shared") })
	}
	t.Run("twin", func(t *testing.T) {
		laws.CheckMergeIn(t, func(dst *index, d index) {
			if dst.M == nil {
				dst.M = map[string]int{}
			}
			join(dst, d)
		}, indexes(), laws.Cases(*doorCases))
	})
}

// Appending into spare capacity writes where nobody looks; the report says where.
func TestAppendIntoSpareCapacity(t *testing.T) {
	states := rapid.Custom(func(t *rapid.T) []int {
		s := make([]int, 0, 8)
		return append(s, rapid.SliceOfN(rapid.IntRange(0, 9), 0, 4).Draw(t, "s")...)
	})
	r := laws.Run(laws.Func(func(a, b []int) []int {
		j := append(a, b...)
		slices.Sort(j[len(a):])
		return slices.Compact(slices.Sorted(slices.Values(j)))
	}), laws.SourceOf(laws.Func(func(a, b []int) []int { return a }), gen.FromRapid(states)), laws.RunOptions{Cases: laws.DefaultCases})
	text := r.String()
	assert.Contains(t, r.Failing(), "inplace/arguments-unchanged")
	assert.Contains(t, text, "capacity")
	assert.NotContains(t, text, "changed, but not again")
}

// States that are all equal have shown nothing of a merge.
func TestNothingWasExercised(t *testing.T) {
	last := func(a, b int) int { return b }
	r := laws.Run(laws.Func(last), laws.SourceOf(laws.Func(last), gen.FromRapid(rapid.Just(7))), laws.RunOptions{})
	res, _ := r.Result("semilattice/commutative")
	assert.Equal(t, laws.NeverExercised, res.Status)
	assert.Contains(t, r.String(), "the states of each tuple were all equal")

	empty := func(a, b map[string]int) map[string]int { return b }
	r = laws.Run(laws.Func(empty), laws.SourceOf(laws.Func(empty), gen.FromRapid(rapid.MapOfN(rapid.String(), rapid.Int(), 0, 0))), laws.RunOptions{})
	assert.False(t, r.OK())

	one := laws.Func(last, laws.OneState())
	assert.True(t, laws.Run(one, laws.SourceOf(one, gen.FromRapid(rapid.Just(7))), laws.RunOptions{}).OK())
	unit := laws.Func(func(a, b struct{}) struct{} { return a })
	assert.True(t, laws.Run(unit, laws.SourceOf(unit, gen.FromRapid(rapid.Just(struct{}{}))), laws.RunOptions{}).OK())
}

// The report of large states shows where they differ, and not all of them.
func TestReportOfLargeStates(t *testing.T) {
	big := func(t *rapid.T, label string) map[string]int {
		m := make(map[string]int, 2000)
		seed := rapid.IntRange(0, 1<<30).Draw(t, label)
		for i := range 2000 {
			m[fmt.Sprint("key", i)] = seed >> (i % 20)
		}
		return m
	}
	states := rapid.Custom(func(t *rapid.T) map[string]int { return big(t, "seed") })
	set := laws.Func(func(a, b map[string]int) map[string]int { return a })
	r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Only: "semilattice/commutative", Replays: 30})
	res, _ := r.Result("semilattice/commutative")
	require.NotNil(t, res.Failure)
	text := res.Failure.String()
	assert.Less(t, len(text), 4000)
	assert.Contains(t, text, "more; 8001 words against 8001")
	assert.Contains(t, text, "differ at")
}

// States of 30,000 entries are judged for as long as the check may take, and no longer:
// once time is up no case is begun, and what is made smaller is judged as often as that
// is allowed.
func TestLargeStatesEndWithinTheirBudget(t *testing.T) {
	const entries = 10_000
	merges := 0
	counting := func(join func(a, b map[int]int) map[int]int) func(a, b map[int]int) map[int]int {
		return func(a, b map[int]int) map[int]int {
			merges++
			return join(a, b)
		}
	}
	states := gen.Independent(gen.Map(gen.Int(1, 1000), func(seed int) map[int]int {
		m := make(map[int]int, entries)
		for i := range entries {
			m[i] = seed * (i%7 + 1)
		}
		return m
	}))
	right := laws.Func(counting(union[int]))
	for _, l := range right.Statements() {
		merges = 0
		cases := laws.CasesUntil(right, l.ID, states, func() bool { return true })
		assert.Equal(t, 4, cases, l.ID)
		assert.LessOrEqual(t, merges, 30*cases, l.ID)
	}
	merges = 0
	const replays = 20
	wrong := laws.Func(counting(func(a, _ map[int]int) map[int]int { return a })).Only("semilattice/commutative")
	r := laws.Run(wrong, states, laws.RunOptions{Replays: replays})
	res, _ := r.Result("semilattice/commutative")
	require.NotNil(t, res.Failure)
	assert.LessOrEqual(t, merges, 2*(res.Cases+replays)+60, "two of each case and replay, and some of the report")
	assert.Less(t, len(res.Failure.String()), 4000)
}

// Of a type with deltas alone nothing says what an operation is to do: it is refused, and
// told what would.
func TestDeltaAloneIsRefused(t *testing.T) {
	m := lattice.MapOf[int](lattice.Max[int]())
	u := gen.Updates[map[int]int, int]{
		Start: func() map[int]int { return map[int]int{} }, Ops: gen.Int(1, 3),
		Delta: func(_ map[int]int, replica, n int) map[int]int { return map[int]int{replica: n} }, // the increment
	}
	refusedSetup(t, laws.Updates(m, u), "Delta alone", "Apply", "Denotation")
	u.Apply = func(s map[int]int, replica, n int) map[int]int {
		s = maps.Clone(s)
		s[replica] += n
		return s
	}
	r := laws.Run(laws.Updates(m, u), laws.PlanSource(u), laws.RunOptions{Cases: 300, Replays: 50})
	assert.Contains(t, r.Failing(), "updates/delta")
}

// A builder inside of a state knows its own address: a copy has its own.
func TestBuildersByValueAreCopied(t *testing.T) {
	type page struct{ Text strings.Builder }
	states := rapid.Map(rapid.StringMatching(`[a-c]{0,2}`), func(s string) *page {
		p := new(page)
		p.Text.WriteString(s)
		return p
	})
	laws.CheckMergeIn(t, func(dst **page, d *page) {
		if s := d.Text.String(); s > (*dst).Text.String() {
			(*dst).Text.Reset()
			(*dst).Text.WriteString(s)
		}
	}, states, laws.Equal(func(a, b *page) bool { return a.Text.String() == b.Text.String() }), laws.Cases(*doorCases))
}

// An equality that sorts what it compares is not the merge that writes.
func TestEqualThatWrites(t *testing.T) {
	type sketch struct{ buf []int }
	states := rapid.Custom(func(t *rapid.T) *sketch { return &sketch{rapid.SliceOfN(rapid.IntRange(0, 9), 0, 5).Draw(t, "buf")} })
	merge := func(a, b *sketch) *sketch { return &sketch{slices.Concat(a.buf, b.buf)} }
	equal := laws.Equal(func(a, b *sketch) bool {
		slices.Sort(a.buf)
		slices.Sort(b.buf)
		return slices.Equal(a.buf, b.buf)
	})
	set := laws.Func(merge, equal).Only("semilattice/associative", "semilattice/commutative", "inplace")
	r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Cases: laws.DefaultCases})
	assert.True(t, r.OK(), "%v", r)
}
