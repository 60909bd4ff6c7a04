package deep_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

type id uint32

type node struct {
	val  int
	next *node
}

type everything struct {
	b   bool
	n   int8
	u   id
	f   float64
	c   complex128
	s   string
	arr [2]int
	sl  []string
	m   map[string][]int
	set map[id]struct{}
	p   *node
	any any
	at  time.Time
}

func sample() everything {
	return everything{
		b: true, n: -3, u: 9, f: math.NaN(), c: 2i, s: "x", arr: [2]int{1, 2}, sl: []string{"a"},
		m: map[string][]int{"k": {1}, "j": nil}, set: map[id]struct{}{4: {}, 2: {}},
		p: &node{1, &node{2, nil}}, any: []int{7}, at: time.Unix(0, 0).UTC(),
	}
}

// edits are writes that equality, fingerprint and clone must all notice.
var edits = map[string]func(*everything){
	"bool": func(e *everything) { e.b = false }, "int8": func(e *everything) { e.n++ },
	"named": func(e *everything) { e.u++ }, "float": func(e *everything) { e.f = 1 },
	"complex": func(e *everything) { e.c = 1 }, "string": func(e *everything) { e.s += "y" },
	"array": func(e *everything) { e.arr[1]++ }, "slice": func(e *everything) { e.sl[0] = "b" },
	"map nested": func(e *everything) { e.m["k"][0]++ }, "map key": func(e *everything) { e.m["l"] = nil },
	"set":     func(e *everything) { delete(e.set, 2); e.set[3] = struct{}{} },
	"pointer": func(e *everything) { e.p.next.val++ }, "end": func(e *everything) { e.p.next = nil },
	"interface": func(e *everything) { e.any.([]int)[0]++ }, "dynamic type": func(e *everything) { e.any = "s" },
	"time": func(e *everything) { e.at = e.at.Add(1) },
}

func TestEditsAreNoticed(t *testing.T) {
	eq, fp := deep.EqualFunc[everything](), deep.FingerprintFunc[everything]()
	original := sample()
	again := sample()
	require.True(t, eq(&original, &again))
	require.Equal(t, fp(&original), fp(&again))
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			v := sample()
			c := deep.Clone(v)
			assert.True(t, eq(&v, &c))
			before := fp(&v)
			edit(&v)
			assert.False(t, eq(&v, &c), "the copy changed, or the edit is not seen")
			assert.NotEqual(t, before, fp(&v))
		})
	}
}

func TestEqualIsStructural(t *testing.T) {
	type pair struct {
		m map[int]int
		s []int
	}
	eq, fp := deep.EqualFunc[pair](), deep.FingerprintFunc[pair]()
	a, b := pair{}, pair{m: map[int]int{}, s: []int{}}
	assert.True(t, eq(&a, &b), "nil and empty")
	assert.Equal(t, fp(&a), fp(&b))
	floats := deep.EqualFunc[float32]()
	nan, zero, negZero := float32(math.NaN()), float32(0), float32(math.Copysign(0, -1))
	assert.True(t, floats(&nan, &nan))
	assert.False(t, floats(&nan, &zero))
	assert.True(t, floats(&zero, &negZero))
	times := deep.EqualFunc[time.Time]()
	utc := time.Unix(5, 0).UTC()
	elsewhere := utc.In(time.FixedZone("x", 3600))
	assert.True(t, times(&utc, &elsewhere), "a type with an Equal method is compared by it")
	ptrs := deep.EqualFunc[*time.Time]()
	p, q := &utc, &elsewhere
	assert.True(t, ptrs(&p, &q))
	q = nil
	assert.False(t, ptrs(&p, &q))
}

func TestSpareCapacityCounts(t *testing.T) {
	fp := deep.FingerprintFunc[[]int]()
	backing := []int{1, 2, 3}
	head := backing[:1]
	before := fp(&head)
	_ = append(head, 9)
	assert.NotEqual(t, before, fp(&head))
	eq := deep.EqualFunc[[]int]()
	exact := []int{1}
	assert.True(t, eq(&head, &exact), "but it is no part of the value")
}

func TestSetsByKeyKind(t *testing.T) {
	checkSet(t, "a", "b")
	checkSet[id](t, 1, 2)
	checkSet[int8](t, -1, 2)
	checkSet[uint16](t, 1, 2)
	checkSet(t, 1, -2)
	checkSet[int64](t, 1, -2)
	checkSet(t, true, false)
	checkSet(t, 1.5, 2.5)
	checkSet(t, [2]string{"a"}, [2]string{"", "a"})
}

func checkSet[K comparable](t *testing.T, a, b K) {
	t.Helper()
	eq, fp := deep.EqualFunc[map[K]struct{}](), deep.FingerprintFunc[map[K]struct{}]()
	x, y := map[K]struct{}{a: {}}, map[K]struct{}{b: {}}
	assert.True(t, eq(&x, &x))
	assert.False(t, eq(&x, &y))
	assert.NotEqual(t, fp(&x), fp(&y))
	y[a] = struct{}{}
	assert.False(t, eq(&x, &y))
	delete(y, b)
	assert.True(t, eq(&x, &y))
	assert.Equal(t, fp(&x), fp(&y))
}

func TestCycles(t *testing.T) {
	ring := func() *node {
		n := &node{val: 1}
		n.next = &node{val: 2, next: n}
		return n
	}
	a, b := ring(), ring()
	eq, fp := deep.EqualFunc[*node](), deep.FingerprintFunc[*node]()
	assert.True(t, eq(&a, &b))
	assert.Equal(t, fp(&a), fp(&b))
	c := deep.Clone(a)
	assert.NotSame(t, a, c)
	assert.Same(t, c, c.next.next)
	b.next.val = 3
	assert.False(t, eq(&a, &b))
	assert.Contains(t, deep.Literal(a), "cycle")
	type list []any
	self := list{1}
	self[0] = self
	cloned := deep.Clone(self)
	assert.NotSame(t, &self[0], &cloned[0])
}

// Law: a clone is equal and a variant too, with another representation.
func TestCloneAndVariantAreEqual(t *testing.T) {
	eq := deep.EqualFunc[map[string][]int]()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.MapOfN(rapid.String(), rapid.SliceOfN(rapid.Int(), 0, 2), 0, 3).Draw(t, "v")
		c, w := deep.Clone(v), deep.Variant(v)
		assert.True(t, eq(&v, &c))
		assert.True(t, eq(&v, &w))
		if len(v) == 0 {
			assert.NotEqual(t, v == nil, w == nil)
			assert.Equal(t, v == nil, c == nil)
		}
		for k, s := range w {
			assert.Equal(t, len(s) == 0, cap(s) == 0, k)
			if len(s) > 0 {
				assert.Greater(t, cap(s), len(s))
			}
		}
	})
}

func TestCheckNamesWhatCannotBeCompared(t *testing.T) {
	type inner struct{ hook func() }
	type outer struct {
		ok   int
		list []map[string]inner
	}
	err := deep.Check(reflect.TypeOf(outer{ok: 1, list: []map[string]inner{{"a": {hook: nil}}}}))
	assert.ErrorIs(t, err, deep.ErrOpaque)
	assert.EqualError(t, err, "deep_test.outer.list[][].hook is a func, which has no structural equality")
	assert.True(t, errors.Is(deep.Check(reflect.TypeFor[*func()]()), deep.ErrOpaque))
	assert.NoError(t, deep.Check(reflect.TypeFor[everything]()))
	assert.NoError(t, deep.Check(reflect.TypeFor[withEqual]()))
	assert.NoError(t, deep.Check(reflect.TypeFor[node]()))
}

type withEqual struct{ F func() }

func (withEqual) Equal(withEqual) bool { return true }

func TestPlain(t *testing.T) {
	assert.True(t, deep.Plain(reflect.TypeFor[lattice.Pair[int, [3]string]]()))
	assert.False(t, deep.Plain(reflect.TypeFor[lattice.Pair[int, []string]]()))
	assert.False(t, deep.Plain(reflect.TypeFor[any]()))
}

func TestLiterals(t *testing.T) {
	n := 5
	for want, got := range map[string]string{
		`5`:                               deep.Literal(5),
		`int64(5)`:                        deep.Literal(int64(5)),
		`deep_test.id(5)`:                 deep.Literal(id(5)),
		`"a\"b"`:                          deep.Literal(`a"b`),
		`2.0`:                             deep.Literal(2.0),
		`float32(1.5)`:                    deep.Literal(float32(1.5)),
		`math.NaN()`:                      deep.Literal(math.NaN()),
		`math.Copysign(0, -1)`:            deep.Literal(math.Copysign(0, -1)),
		`float32(math.Inf(-1))`:           deep.Literal(float32(math.Inf(-1))),
		`complex64((0+2i))`:               deep.Literal(complex64(2i)),
		`[]int(nil)`:                      deep.Literal([]int(nil)),
		`(*int)(nil)`:                     deep.Literal((*int)(nil)),
		`new(5)`:                          deep.Literal(&n),
		`any(5)`:                          deep.Literal(any(5)),
		`map[string]struct{}{}`:           deep.Literal(map[string]struct{}{}),
		`[]float64{1, 0.5}`:               deep.Literal([]float64{1, 0.5}),
		`map[int]string{2: "b", 10: "a"}`: deep.Literal(map[int]string{10: "a", 2: "b"}),
		`lattice.Pair[int,deep_test.id]{First: 1, Second: 2}`:             deep.Literal(lattice.Pair[int, id]{First: 1, Second: 2}),
		`[]lattice.Entry[string,[]int]{{Key: "a", Val: []int{1}}, {}}`:    deep.Literal([]lattice.Entry[string, []int]{{Key: "a", Val: []int{1}}, {}}),
		`[]*deep_test.node{{val: 1, next: &deep_test.node{val: 2}}, nil}`: deep.Literal([]*node{{1, &node{2, nil}}, nil}),
		`map[[2]int][]bool{{1, 2}: {true}, {2, 1}: nil}`:                  deep.Literal(map[[2]int][]bool{{2, 1}: nil, {1, 2}: {true}}),
		`time.Date(1970, time.January, 1, 0, 0, 5, 0, time.UTC)`:          deep.Literal(time.Unix(5, 0).UTC()),
		`(func())(nil)`: deep.Literal((func())(nil)),
	} {
		assert.Equal(t, want, got)
	}
	assert.Equal(t, deep.Literal(func() {}), "(func())(nil) /* a func has no literal */")
}

func BenchmarkEqualSet(b *testing.B) {
	b.ReportAllocs()
	x := map[string]struct{}{"a": {}, "b": {}, "c": {}, "d": {}}
	y := deep.Clone(x)
	eq := deep.EqualFunc[map[string]struct{}]()
	for b.Loop() {
		eq(&x, &y)
	}
}

func BenchmarkEqualMap(b *testing.B) {
	b.ReportAllocs()
	x := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}
	y := deep.Clone(x)
	eq := deep.EqualFunc[map[string]int]()
	for b.Loop() {
		eq(&x, &y)
	}
}

func BenchmarkFingerprintMap(b *testing.B) {
	b.ReportAllocs()
	x := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}
	fp := deep.FingerprintFunc[map[string]int]()
	for b.Loop() {
		fp(&x)
	}
}

// Small sets and maps of small numbers are what states are made of: no two of
// them may have one fingerprint.
func TestFingerprintsOfSmallStatesDiffer(t *testing.T) {
	fp := deep.FingerprintFunc[map[int]struct{}]()
	seen := map[uint64]int{}
	for mask := range 1 << 10 {
		s := map[int]struct{}{}
		for i := range 10 {
			if mask>>i&1 == 1 {
				s[i-2] = struct{}{}
			}
		}
		h := fp(&s)
		require.NotContains(t, seen, h, "%b and %b", mask, seen[h])
		seen[h] = mask
	}
	vectors := deep.FingerprintFunc[[3]int8]()
	maps := deep.FingerprintFunc[map[int8]int8]()
	seenVectors, seenMaps := map[uint64]bool{}, map[uint64]bool{}
	for n := range 11 * 11 * 11 {
		v := [3]int8{int8(n%11) - 2, int8(n/11%11) - 2, int8(n/121) - 2}
		seenVectors[vectors(&v)] = true
		m := map[int8]int8{1: v[0], 2: v[1], 3: v[2]}
		seenMaps[maps(&m)] = true
	}
	assert.Len(t, seenVectors, 11*11*11)
	assert.Len(t, seenMaps, 11*11*11)
}
