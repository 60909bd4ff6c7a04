package history

import (
	"encoding/json"
	"math"
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
		rapid.Map(rapid.SampledFrom([]string{"", "1", "i1;", "n", "s1:1", "\xff", "ä", "\u2028", "<&>", "{\"b64\":\"\"}"}), Str),
	)
	list := rapid.Map(rapid.SliceOfN(leaf, 0, 3), func(vs []Value) Value { return List(vs...) })
	return rapid.OneOf(leaf, list, rapid.Map(rapid.SliceOfN(list, 0, 2), func(vs []Value) Value { return List(vs...) }))
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
		`1.5`:                 "64-bit integer",
		`9223372036854775808`: "64-bit integer",
		`true`:                "64-bit integer",
		`{"x":1}`:             "unknown field",
		`{}`:                  "no field b64",
		`{"b64":"*"}`:         "illegal base64",
		`[1,{"b64":2}]`:       "b64",
		strings.Repeat("[", 70) + strings.Repeat("]", 70): "nested deeper",
	} {
		var v Value
		require.ErrorContains(t, json.Unmarshal([]byte(src), &v), why, src)
	}
	require.Error(t, new(Value).UnmarshalJSON(nil))
	require.Error(t, new(Value).UnmarshalJSON([]byte("nul")))
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
	list, ok := set.AsList()
	require.True(t, ok && len(list) == set.Len())
	require.True(t, Nil.IsNil() && !List().IsNil() && List().Kind() == KindList)
	require.False(t, slices.ContainsFunc(list, Int(3).Equal))

	arg[0] = Int(9)
	shared := List(arg...)
	arg[1] = Int(10)
	require.True(t, shared.Equal(List(Int(9), Str("a"), Int(2), Nil)), "List copies")
}
