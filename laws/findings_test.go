package laws_test

import (
	"container/list"
	"container/ring"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// The tests of this file are what people met who tried the one-line doors on merges of
// their own: faults that were not found, and right merges that were accused. What they
// met beyond these is tested elsewhere: removals that come back (TestStaleDeliveries),
// equalities that are none (TestWellPosedFaults), the parts of copies, equality and
// printing (laws/internal/deep), a library that counts twice (laws/adopters), doors that
// were missing (the tests of each door) and merges that are programs
// (cmd/simfuzz/internal/foreign).

// runs is how often a fault that must always be found is looked for: a hundred times
// where LAWS_FULL is set.
func runs() int {
	if os.Getenv("LAWS_FULL") != "" {
		return 100
	}
	return 20
}

// foundIn checks that the fault of a set is found in every run of as many cases as the
// doors judge, and logs how many it took.
func foundIn[S any](t *testing.T, set laws.Set[S], states *rapid.Generator[S], law string) {
	t.Helper()
	source := laws.SourceOf(set, gen.FromRapid(states))
	total := 0
	for seed := range runs() {
		r := laws.Run(set, source, laws.RunOptions{Seed: uint64(seed), Cases: laws.DefaultCases, Replays: 1, Only: law})
		require.NoError(t, r.Err)
		res, ok := r.Result(law)
		require.True(t, ok)
		require.Equal(t, laws.Failed, res.Status, "seed %d", seed)
		total += res.Cases
	}
	t.Logf("found in %d of %d runs, in %d cases on average", runs(), runs(), total/runs())
}

// leaf is a last-writer-wins register with a stamp of two parts.
type leaf struct {
	TS, Replica int
	V           string
}

// byArrival keeps its right argument where the stamps tie.
func byArrival(a, b leaf) leaf {
	if a.TS > b.TS || a.TS == b.TS && a.Replica > b.Replica {
		return a
	}
	return b
}

// longerWins breaks a tie by length alone.
func longerWins(a, b leaf) leaf {
	if a.TS != b.TS {
		if a.TS > b.TS {
			return a
		}
		return b
	}
	if len(a.V) > len(b.V) {
		return a
	}
	return b
}

// lawfulLeaf is the twin without a fault.
func lawfulLeaf(a, b leaf) leaf {
	if a.TS > b.TS || a.TS == b.TS && (a.Replica > b.Replica || a.Replica == b.Replica && a.V >= b.V) {
		return a
	}
	return b
}

func smallLeaves() *rapid.Generator[leaf] {
	return rapid.Custom(func(t *rapid.T) leaf {
		return leaf{rapid.IntRange(0, 50).Draw(t, "ts"), rapid.IntRange(0, 4).Draw(t, "replica"), rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "v")}
	})
}

func wideLeaves() *rapid.Generator[leaf] {
	return rapid.Custom(func(t *rapid.T) leaf {
		return leaf{rapid.Int().Draw(t, "ts"), rapid.Int().Draw(t, "replica"), rapid.String().Draw(t, "v")}
	})
}

// document has a fault in its leaves alone.
type document struct {
	Title string
	Docs  map[string]leaf
	Rev   int
}

func mergeDocuments(in func(a, b leaf) leaf) func(a, b document) document {
	return func(a, b document) document {
		j := document{max(a.Title, b.Title), maps.Clone(a.Docs), max(a.Rev, b.Rev)}
		if j.Docs == nil {
			j.Docs = map[string]leaf{}
		}
		for k, v := range b.Docs {
			if have, ok := j.Docs[k]; ok {
				v = in(have, v)
			}
			j.Docs[k] = v
		}
		return j
	}
}

func documents(leaves *rapid.Generator[leaf]) *rapid.Generator[document] {
	docs := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}`), leaves, 0, 4)
	return rapid.Custom(func(t *rapid.T) document {
		return document{rapid.String().Draw(t, "title"), docs.Draw(t, "docs"), rapid.Int().Draw(t, "rev")}
	})
}

// nested has two leaves in structs, of which one is merged rightly.
type nested struct {
	Name  string
	Inner struct{ Right, Wrong leaf }
}

func mergeNested(in func(a, b leaf) leaf) func(a, b nested) nested {
	return func(a, b nested) nested {
		j := nested{Name: max(a.Name, b.Name)}
		j.Inner.Right, j.Inner.Wrong = lawfulLeaf(a.Inner.Right, b.Inner.Right), in(a.Inner.Wrong, b.Inner.Wrong)
		return j
	}
}

func nests(leaves *rapid.Generator[leaf]) *rapid.Generator[nested] {
	return rapid.Custom(func(t *rapid.T) nested {
		n := nested{Name: rapid.String().Draw(t, "name")}
		n.Inner.Right, n.Inner.Wrong = leaves.Draw(t, "right"), leaves.Draw(t, "wrong")
		return n
	})
}

func TestTiesOfParts(t *testing.T) {
	const law = "semilattice/commutative"
	for fault, merge := range map[string]func(a, b leaf) leaf{"by arrival": byArrival, "longer wins": longerWins} {
		for ranges, leaves := range map[string]func() *rapid.Generator[leaf]{"small": smallLeaves, "wide": wideLeaves} {
			t.Run(fault+", "+ranges, func(t *testing.T) {
				t.Run("top level", func(t *testing.T) { foundIn(t, laws.Func(merge), leaves(), law) })
				t.Run("document", func(t *testing.T) { foundIn(t, laws.Func(mergeDocuments(merge)), documents(leaves()), law) })
				t.Run("nested", func(t *testing.T) { foundIn(t, laws.Func(mergeNested(merge)), nests(leaves()), law) })
			})
		}
	}
	t.Run("lawful", func(t *testing.T) {
		passes(t, lawfulLeaf, wideLeaves())
		passes(t, mergeDocuments(lawfulLeaf), documents(wideLeaves()))
		passes(t, mergeNested(lawfulLeaf), nests(smallLeaves()))
	})
}

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

// passes checks that a right merge passes, as a user would check it.
func passes[S any](t *testing.T, merge func(a, b S) S, states *rapid.Generator[S], opts ...laws.Option) {
	t.Helper()
	laws.CheckMerge(t, merge, states, append(opts, laws.Cases(*doorCases))...)
}

// union keeps the greater value of each key.
func union[K comparable](a, b map[K]int) map[K]int {
	j := maps.Clone(a)
	if j == nil {
		j = map[K]int{}
	}
	for k, n := range b {
		if have, ok := j[k]; !ok || n > have {
			j[k] = n
		}
	}
	return j
}

func keyed[K comparable](keys ...K) *rapid.Generator[map[K]int] {
	return rapid.MapOfN(rapid.SampledFrom(keys), rapid.IntRange(0, 9), 0, 3)
}

// Ordinary states that hold what must not be copied by value: right merges over them
// pass without any option.
func TestOrdinaryStatesPass(t *testing.T) {
	addr := netip.MustParseAddr
	t.Run("addresses", func(t *testing.T) {
		passes(t, union[netip.Addr], keyed(addr("10.0.0.1"), addr("fe80::1%eth0"), addr("::1"), netip.Addr{}))
	})
	t.Run("unique handles", func(t *testing.T) {
		passes(t, union[unique.Handle[string]], keyed(unique.Make("a"), unique.Make("b"), unique.Make("c")))
	})
	t.Run("locations", func(t *testing.T) {
		passes(t, union[*time.Location], keyed(time.UTC, time.Local, time.FixedZone("x", 3600)))
	})
	t.Run("local times", func(t *testing.T) {
		at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.Local)
		passes(t, union[time.Time], keyed(at, at.Add(time.Hour), at.UTC()))
	})
	t.Run("types", func(t *testing.T) {
		passes(t, union[reflect.Type], keyed(reflect.TypeFor[int](), reflect.TypeFor[string](), reflect.TypeFor[[]byte]()))
	})
	t.Run("sentinel errors", func(t *testing.T) {
		rank := func(err error) int {
			return slices.Index([]error{nil, io.EOF, context.Canceled, errors.ErrUnsupported}, err)
		}
		passes(t, func(a, b error) error {
			if rank(a) < 0 || rank(b) < 0 {
				panic("an error that nobody made")
			}
			if rank(a) >= rank(b) {
				return a
			}
			return b
		}, rapid.SampledFrom([]error{nil, io.EOF, context.Canceled, errors.ErrUnsupported}))
	})
	t.Run("interned pointers", func(t *testing.T) {
		names := []*string{new(string), new(string), new(string)}
		passes(t, union[*string], keyed(names...))
	})
	t.Run("hours", func(t *testing.T) {
		type stamped struct {
			At time.Time
			V  int
		}
		states := rapid.Custom(func(t *rapid.T) stamped {
			return stamped{time.Unix(int64(rapid.IntRange(0, 1e6).Draw(t, "at")), 0), rapid.IntRange(0, 9).Draw(t, "v")}
		})
		passes(t, func(a, b stamped) stamped {
			if _ = a.At.Hour(); a.At.After(b.At) || a.At.Equal(b.At) && a.V >= b.V {
				return a
			}
			return b
		}, states)
	})
}

// States whose parts point at each other keep their shape in a copy.
func TestShapesAreKept(t *testing.T) {
	t.Run("list", func(t *testing.T) {
		states := rapid.Custom(func(t *rapid.T) *list.List {
			l := list.New()
			for _, n := range slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(0, 9), 0, 4).Draw(t, "l")))) {
				l.PushBack(n)
			}
			return l
		})
		values := func(l *list.List) (out []int) {
			for e := l.Front(); e != nil; e = e.Next() {
				out = append(out, e.Value.(int))
			}
			return out
		}
		passes(t, func(a, b *list.List) *list.List {
			j := list.New()
			for _, n := range slices.Compact(slices.Sorted(slices.Values(append(values(a), values(b)...)))) {
				j.PushBack(n)
			}
			return j
		}, states)
		laws.CheckMergeIn(t, func(dst **list.List, d *list.List) {
			for _, n := range values(d) {
				at := (*dst).Front()
				for at != nil && at.Value.(int) < n {
					at = at.Next()
				}
				switch {
				case at == nil:
					(*dst).PushBack(n)
				case at.Value.(int) > n:
					(*dst).InsertBefore(n, at)
				}
			}
		}, states, laws.Cases(*doorCases))
	})
	t.Run("index into a slice", func(t *testing.T) {
		type item struct{ K, N int }
		type indexed struct {
			Items []item
			ByKey map[int]*item
		}
		of := func(items []item) indexed {
			x := indexed{items, map[int]*item{}}
			for i := range x.Items {
				x.ByKey[x.Items[i].K] = &x.Items[i]
			}
			return x
		}
		states := rapid.Custom(func(t *rapid.T) indexed {
			var items []item
			for k, n := range rapid.MapOfN(rapid.IntRange(0, 4), rapid.IntRange(0, 9), 0, 4).Draw(t, "m") {
				items = append(items, item{k, n})
			}
			slices.SortFunc(items, func(a, b item) int { return a.K - b.K })
			return of(items)
		})
		passes(t, func(a, b indexed) indexed {
			for i := range a.Items {
				if a.ByKey[a.Items[i].K] != &a.Items[i] {
					panic("the index points elsewhere")
				}
			}
			m := map[int]int{}
			for _, it := range append(slices.Clone(a.Items), b.Items...) {
				m[it.K] = max(m[it.K], it.N)
			}
			var items []item
			for _, k := range slices.Sorted(maps.Keys(m)) {
				items = append(items, item{k, m[k]})
			}
			return of(items)
		}, states)
	})
	t.Run("builder", func(t *testing.T) {
		type text struct{ B *strings.Builder }
		of := func(s string) text {
			x := text{new(strings.Builder)}
			x.B.WriteString(s)
			return x
		}
		states := rapid.Custom(func(t *rapid.T) text { return of(rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "s")) })
		same := laws.Equal(func(a, b text) bool { return a.B.String() == b.B.String() })
		laws.CheckMergeIn(t, func(dst *text, d text) {
			if s := d.B.String(); s > dst.B.String() {
				dst.B.Reset()
				dst.B.WriteString(s)
			}
		}, states, same, laws.Cases(*doorCases))
	})
}

// Protobuf messages: with no option, and with the user's own.
func TestMessages(t *testing.T) {
	states := rapid.Custom(func(t *rapid.T) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: int64(rapid.IntRange(0, 9).Draw(t, "s")), Nanos: int32(rapid.IntRange(0, 3).Draw(t, "n"))}
	})
	later := func(a, b *timestamppb.Timestamp) *timestamppb.Timestamp {
		if a.AsTime().After(b.AsTime()) {
			return a
		}
		return b
	}
	passes(t, later, states)
	passes(t, later, states, laws.Equal(func(a, b *timestamppb.Timestamp) bool { return proto.Equal(a, b) }),
		laws.Clone(func(v *timestamppb.Timestamp) *timestamppb.Timestamp { return proto.Clone(v).(*timestamppb.Timestamp) }),
		laws.Show(func(v *timestamppb.Timestamp) string { return v.String() }))
	t.Run("report", func(t *testing.T) {
		set := laws.Func(func(a, b *timestamppb.Timestamp) *timestamppb.Timestamp { return a })
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Cases: 200})
		res, _ := r.Result("semilattice/commutative")
		require.NotNil(t, res.Failure)
		assert.Less(t, len(res.Failure.Details()), 4000)
	})
}

// What caches may be said not to be state.
func TestCachesAreNoState(t *testing.T) {
	type hashed struct {
		V    int
		hash *int // made when asked for
	}
	hash := func(h hashed) int {
		if *h.hash == 0 {
			*h.hash = h.V*31 + 1
		}
		return *h.hash
	}
	merge := func(a, b hashed) hashed {
		if hash(a) == hash(b) || a.V > b.V {
			return a
		}
		return b
	}
	states := rapid.Custom(func(t *rapid.T) hashed { return hashed{rapid.IntRange(0, 9).Draw(t, "v"), new(int)} })
	passes(t, merge, states, laws.State(func(h hashed) any { return h.V }))
	set := laws.Func(merge)
	assert.False(t, laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{}).OK(), "without the option it is a write")
}

// Reports end, whatever the states look like.
func TestReportsOfCyclesAndOddKeysEnd(t *testing.T) {
	t.Run("ring", func(t *testing.T) {
		states := rapid.Custom(func(t *rapid.T) *ring.Ring {
			r := ring.New(rapid.IntRange(1, 3).Draw(t, "n"))
			r.Value = rapid.IntRange(0, 9).Draw(t, "v")
			return r
		})
		set := laws.Func(func(a, b *ring.Ring) *ring.Ring { return a })
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Cases: 200, Replays: 200})
		res, _ := r.Result("semilattice/commutative")
		require.NotNil(t, res.Failure)
		assert.Less(t, len(res.Failure.Details()), 20_000)
	})
	t.Run("NaN as a key", func(t *testing.T) {
		states := rapid.MapOfN(rapid.SampledFrom([]float64{math.NaN(), 1, 2}), rapid.IntRange(0, 9), 1, 3)
		set := laws.Func(func(a, b map[float64]int) map[float64]int { return a })
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Cases: 200, Replays: 200})
		res, _ := r.Result("semilattice/commutative")
		require.NotNil(t, res.Failure)
		assert.NotContains(t, res.Failure.String(), "reflect")
	})
}

// A result that depends on the order of a map is told as that, with two results.
func TestOrderOfMaps(t *testing.T) {
	set := laws.Func(func(a, b map[string]int) map[string]int {
		j := map[string]int{}
		for _, m := range []map[string]int{a, b} {
			for k, n := range m {
				if len(j) < 2 || j[k] != 0 {
					j[k] = max(j[k], n)
				}
			}
		}
		return j
	})
	states := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.IntRange(1, 3), 2, 4)
	for seed := range uint64(10) {
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Seed: seed})
		require.Contains(t, r.Failing(), "wellposed/deterministic", "%v", r)
		res, _ := r.Result("wellposed/deterministic")
		assert.Contains(t, res.Failure.RightExpr, "again")
		assert.NotEqual(t, res.Failure.Left, res.Failure.Right)
	}
}

type caseless struct{ S string }

func (c *caseless) Equal(o *caseless) bool { return strings.EqualFold(c.S, o.S) }

type anyEqual struct{ S string }

func (c anyEqual) Equal(o any) bool {
	other, ok := o.(anyEqual)
	return ok && strings.EqualFold(c.S, other.S)
}

// An Equal inside of a state counts, whatever form it has.
func TestEqualInsideOfStates(t *testing.T) {
	letter := rapid.SampledFrom([]string{"a", "A", "b", "B"})
	lower := func(a, b string) string {
		if strings.ToLower(a) >= strings.ToLower(b) {
			return a
		}
		return b
	}
	type holder struct{ C caseless }
	passes(t, func(a, b holder) holder { return holder{caseless{lower(a.C.S, b.C.S)}} },
		rapid.Custom(func(t *rapid.T) holder { return holder{caseless{letter.Draw(t, "c")}} }))
	type anyHolder struct{ C anyEqual }
	passes(t, func(a, b anyHolder) anyHolder { return anyHolder{anyEqual{lower(a.C.S, b.C.S)}} },
		rapid.Custom(func(t *rapid.T) anyHolder { return anyHolder{anyEqual{letter.Draw(t, "c")}} }))
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
	const entries = 30_000
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
