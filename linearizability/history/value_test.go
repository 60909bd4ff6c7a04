package history

import (
	"cmp"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// values draws small values with many near misses among them.
func values() *rapid.Generator[Value] {
	leaf := rapid.OneOf(
		rapid.Just(Nil),
		rapid.Map(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 12)), Int),
		rapid.Map(rapid.Bool(), Bool),
		rapid.Map(rapid.SampledFrom([]string{"1.5", "-1.5", "15", "0.015", "1.05", "1e40", "-1e40", "12e39", "1e-40", "9223372036854775808"}), decimal),
		rapid.Map(rapid.SampledFrom([]string{"", "1", "i1;", "n", "s1:1", "\xff", "ä", "\u2028", "<&>", "{\"b64\":\"\"}"}), Str),
	)
	list := rapid.Map(rapid.SliceOfN(leaf, 0, 3), func(vs []Value) Value { return List(vs...) })
	key := rapid.OneOf(leaf, list, rapid.Just(Str("b64")), rapid.Just(Str("map-pairs")))
	entry := rapid.Custom(func(t *rapid.T) [2]Value { return [2]Value{key.Draw(t, "key"), list.Draw(t, "value")} })
	return rapid.OneOf(leaf, list, rapid.Map(rapid.SliceOfN(list, 0, 2), func(vs []Value) Value { return List(vs...) }),
		rapid.Map(rapid.SliceOfN(entry, 0, 3), func(es [][2]Value) Value { return MapOf(es...) }))
}

func decimal(text string) Value {
	v, ok := Decimal(text)
	if !ok {
		panic(text)
	}
	return v
}

func TestValueKeyDistinguishesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, w := values().Draw(t, "v"), values().Draw(t, "w")
		if v.Equal(w) != (v.Key() == w.Key()) {
			t.Fatalf("equal %v, keys %q and %q", v.Equal(w), v.Key(), w.Key())
		}
	})
}

func TestValueCompareIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, w, x := values().Draw(t, "v"), values().Draw(t, "w"), values().Draw(t, "x")
		switch {
		case v.Equal(w) != (v.Compare(w) == 0):
			t.Fatalf("Compare is 0 for %v and %v", v, w)
		case v.Compare(w) != -w.Compare(v):
			t.Fatalf("not antisymmetric for %v and %v", v, w)
		case v.Compare(w) <= 0 && w.Compare(x) <= 0 && v.Compare(x) > 0:
			t.Fatalf("not transitive for %v, %v and %v", v, w, x)
		}
	})
}

func TestValueJSONRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values().Draw(t, "v")
		src, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w Value
		if err := json.Unmarshal(src, &w); err != nil || !v.Equal(w) {
			t.Fatalf("%v became %v by way of %s: %v", v, w, src, err)
		}
	})
}

func TestValueJSONRejects(t *testing.T) {
	for src, why := range map[string]string{
		`1e4294967296`: "32 bits",
		`1e2147483648`: "32 bits",
		strings.Repeat("[", 600) + strings.Repeat("]", 600):           "nested deeper",
		strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600): "nested deeper",
	} {
		var v Value
		require.ErrorContains(t, json.Unmarshal([]byte(src), &v), why, clip([]byte(src)))
	}
	for _, src := range []string{"", "nul", "[1", "[1}", `{"a"}`, `{1:2}`, "1 2", "[1,]", "+1", "tru"} {
		require.Error(t, new(Value).UnmarshalJSON([]byte(src)), src)
	}
}

func TestValueJSONDepth(t *testing.T) {
	for _, brackets := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		nested := func(n int) []byte {
			return []byte(strings.Repeat(brackets[0], n) + "1" + strings.Repeat(brackets[1], n))
		}
		require.NoError(t, new(Value).UnmarshalJSON(nested(maxValueDepth)))
		require.Error(t, new(Value).UnmarshalJSON(nested(maxValueDepth+1)))
	}
}

// Whatever JSON has is a value, and equal where JSON means the same.
func TestValueOfAnyJSON(t *testing.T) {
	for src, want := range map[string]Value{
		"true": Bool(true), " false ": Bool(false), "null": Nil, "[]": List(), "{}": MapOf(),
		"1.50": decimal("1.5"), "-0.0": Int(0), "1E2": Int(100), "2.0": Int(2), "-9223372036854775808": Int(math.MinInt64),
		"9223372036854775808":   decimal("9223372036854775808"),
		`{"b":[1],"a":{}}`:      MapOf([2]Value{Str("a"), MapOf()}, [2]Value{Str("b"), List(Int(1))}),
		`{"a":1,"a":2}`:         MapOf([2]Value{Str("a"), Int(2)}),
		`{"b64":"/w=="}`:        Str("\xff"),
		`{"b64":"*"}`:           MapOf([2]Value{Str("b64"), Str("*")}),
		`[{"b64":2}]`:           List(MapOf([2]Value{Str("b64"), Int(2)})),
		`{"map-pairs":[[1,2]]}`: MapOf([2]Value{Int(1), Int(2)}),
		`{"map-pairs":[1]}`:     MapOf([2]Value{Str("map-pairs"), List(Int(1))}),
	} {
		var v Value
		require.NoError(t, json.Unmarshal([]byte(src), &v), src)
		require.True(t, v.Equal(want), "%s is %v, not %v", src, v, want)
	}
}

func TestDecimals(t *testing.T) {
	for _, same := range [][]string{
		{"1.5", "1.50", "15e-1", "+1.5", "0.15E1", "01.5"}, {"0", "0.000", "-0", "0e9"}, {"7", "7.0", "70e-1", "0.7e1"},
		{"12345678901234567890", "1234567890123456789e1", "12345678901234567890.0"},
	} {
		for _, text := range same {
			require.True(t, decimal(text).Equal(decimal(same[0])), text)
		}
	}
	for _, text := range []string{"", "-", ".", ".5", "e1", "1e", "1e1.5", "--1", "+-1", "-+1", "1.2.3", "0x1", "1_0", "NaN", "1e2147483648", "1e-2147483649", "10e2147483647", "0.1e-2147483648"} {
		_, ok := Decimal(text)
		require.False(t, ok, text)
	}
	ascending := []string{"-1e40", "-9223372036854775809", "-15.1", "-15.05", "-0.1", "-1e-40", "1e-40", "0.1", "1.5", "1.55", "1.6", "10.5", "9223372036854775808", "1e40"}
	for i, text := range ascending {
		require.Equal(t, KindDecimal, decimal(text).Kind(), text)
		for j, other := range ascending {
			require.Equal(t, cmp.Compare(i, j), decimal(text).Compare(decimal(other)), "%s, %s", text, other)
		}
	}
	for _, text := range []string{"1e2147483647", "-10e2147483646", "1e-2147483648", "0.1e-2147483647"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Equal(t, KindDecimal, decimal(text).Kind(), text)
		require.Contains(t, decimal(text).String(), "1e")
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "zeros are not written out")
	}
	for text, shown := range map[string]string{
		"1.50": "1.5", "-0.010": "-0.01", "1e19": "10000000000000000000", "-12e40": "-12e40", "12e-40": "12e-40", "123.456": "123.456",
		"0.00000000000000000001": "0.00000000000000000001", "9223372036854775807": "9223372036854775807",
	} {
		require.Equal(t, shown, decimal(text).String())
	}
}

func TestValueAccessors(t *testing.T) {
	arg := []Value{Int(2), Str("a"), Int(2), Nil}
	set := SetOf(arg...)
	require.True(t, set.Equal(List(Nil, Int(2), Str("a"))))
	require.True(t, arg[0].Equal(Int(2)), "the argument keeps its order")
	require.Equal(t, `[nil 2 "a"]`, set.String())
	require.Equal(t, "nil", Nil.String())
	n, ok := Int(math.MinInt64).AsInt()
	require.True(t, ok && n == math.MinInt64)
	_, ok = Str("1").AsInt()
	require.False(t, ok)
	s, ok := Str("x").AsStr()
	require.True(t, ok && s == "x")
	_, ok = Int(1).AsStr()
	require.False(t, ok)
	b, ok := Bool(true).AsBool()
	require.True(t, ok && b)
	b, ok = Bool(false).AsBool()
	require.True(t, ok && !b)
	b, ok = Int(1).AsBool()
	require.False(t, ok || b)
	m := MapOf([2]Value{Str("b"), Int(1)}, [2]Value{Int(1), Bool(true)}, [2]Value{Str("b"), Int(2)})
	require.Equal(t, `{1 true, "b" 2}`, m.String())
	entries, ok := m.AsMap()
	require.True(t, ok)
	require.Equal(t, [][2]Value{{Int(1), Bool(true)}, {Str("b"), Int(2)}}, entries)
	_, ok = set.AsMap()
	require.False(t, ok)
	none, ok := m.AsList()
	require.False(t, ok || none != nil || m.Len() != 0)
	list, ok := set.AsList()
	require.True(t, ok && len(list) == set.Len())
	require.True(t, Nil.IsNil() && !List().IsNil() && List().Kind() == KindList)
	require.False(t, slices.ContainsFunc(list, Int(3).Equal))

	arg[0] = Int(9)
	shared := List(arg...)
	arg[1] = Int(10)
	require.True(t, shared.Equal(List(Int(9), Str("a"), Int(2), Nil)), "List copies")
}
