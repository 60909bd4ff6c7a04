package laws_test

import (
	"container/list"
	"container/ring"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net/netip"
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
	"github.com/joinery-go/joinery/laws"
)

// passes checks that a right merge passes, as a user would check it.
func passes[S any](t *testing.T, merge func(a, b S) S, states *rapid.Generator[S], opts ...laws.Option) {
	t.Helper()
	laws.CheckMerge(t, merge, states, append([]laws.Option{laws.Cases(*doorCases)}, opts...)...)
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
	t.Parallel()
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
	t.Parallel()
	t.Run("list", func(t *testing.T) {
		o := laws.Cases(*doorCases / 2) // rings are compared as graphs, which takes a while
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
		}, states, o)
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
		}, states, o)
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
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Cases: 200, Replays: 50})
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
	for seed := range uint64(4) {
		r := laws.Run(set, laws.SourceOf(set, gen.FromRapid(states)), laws.RunOptions{Seed: seed, Replays: 200})
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
