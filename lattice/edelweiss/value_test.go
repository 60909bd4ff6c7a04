package edelweiss_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

var allTypes = []el.Column{
	el.Key("n", el.NumberType), el.Key("s", el.SymbolType), el.Key("a", el.NodeType), el.Key("m", el.NumbersType),
}

func values() *rapid.Generator[el.Value] {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), el.Number), rapid.Map(rapid.String(), el.Symbol), rapid.Map(rapid.Int64(), el.Node),
		rapid.Map(rapid.SliceOf(rapid.Int64()), func(ns []int64) el.Value { return el.Numbers(ns...) }))
}

func TestTupleRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tuple := el.Tuple(rapid.SliceOf(values()).Draw(t, "tuple"))
		columns := make([]el.Column, len(tuple))
		for i, v := range tuple {
			columns[i].Type = v.Type()
		}
		enc := tuple.Append(nil)
		got, err := el.DecodeTuple(columns, enc)
		require.NoError(t, err)
		require.Equal(t, 0, tuple.Compare(got))
		_, err = el.DecodeTuple(columns, append(enc, 0))
		require.ErrorIs(t, err, el.ErrEncoding)
		if len(enc) > 0 {
			_, err = el.DecodeTuple(columns, enc[:len(enc)-1])
			require.ErrorIs(t, err, el.ErrEncoding)
		}
	})
}

func FuzzDecodeTuple(f *testing.F) {
	f.Add(el.Tuple{el.Number(1), el.Symbol("ab"), el.Node(2), el.Numbers(3, 4)}.Append(nil))
	f.Add([]byte{0x80, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		tuple, err := el.DecodeTuple(allTypes, src)
		if err != nil {
			require.ErrorIs(t, err, el.ErrEncoding)
			return
		}
		require.Equal(t, src, tuple.Append(nil), "an encoding has one form")
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		t   el.Type
		src []byte
	}{
		{el.NumberType, make([]byte, 7)}, {el.SymbolType, nil}, {el.SymbolType, []byte{2, 'a'}},
		{el.SymbolType, []byte{0x81, 0, 'a'}}, {el.NumbersType, []byte{1, 0}},
		{el.NumbersType, append([]byte{16}, make([]byte, 16)...)}, {0, nil},
	} {
		_, _, err := el.DecodeValue(c.t, c.src)
		assert.ErrorIs(t, err, el.ErrEncoding)
	}
}

func TestNumbersIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.SliceOf(rapid.Int64Range(-9, 9)).Draw(t, "ns")
		v := el.Numbers(ns...)
		in := map[int64]bool{}
		for _, n := range ns {
			in[n] = true
		}
		require.Equal(t, len(in), v.Len())
		for n := int64(-10); n <= 10; n++ {
			require.Equal(t, in[n], v.Contains(n))
		}
		for i := 1; i < v.Len(); i++ {
			require.Less(t, v.Member(i-1), v.Member(i))
		}
	})
	assert.Equal(t, 0, el.Number(3).Len())
	assert.Equal(t, "", el.Numbers(3).Text())
	assert.Equal(t, "[-1, 2]", el.Numbers(2, -1).String())
	assert.Equal(t, "?", el.Value{}.String())
	assert.Equal(t, `(1, "a", @2)`, el.Tuple{el.Number(1), el.Symbol("a"), el.Node(2)}.String())
}

func TestCompareIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := values().Draw(t, "a"), values().Draw(t, "b"), values().Draw(t, "c")
		require.Equal(t, a == b, a.Compare(b) == 0)
		require.Equal(t, a.Compare(b), -b.Compare(a))
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 {
			require.LessOrEqual(t, a.Compare(c), 0)
		}
	})
}

func TestFunctions(t *testing.T) {
	n, s := el.Number, el.Symbol
	const least, most = math.MinInt64, math.MaxInt64
	for _, c := range []struct {
		name string
		args []el.Value
		want el.Value
	}{
		{"add", []el.Value{n(2), n(3)}, n(5)}, {"add", []el.Value{n(most), n(1)}, n(most)}, {"add", []el.Value{n(most - 1), n(1)}, n(most)},
		{"add", []el.Value{n(least), n(-1)}, n(least)}, {"add", []el.Value{n(least), n(1)}, n(least + 1)},
		{"sub", []el.Value{n(2), n(3)}, n(-1)}, {"sub", []el.Value{n(least), n(1)}, n(least)}, {"sub", []el.Value{n(0), n(least)}, n(most)},
		{"sub", []el.Value{n(-1), n(least)}, n(most)},
		{"div", []el.Value{n(7), n(2)}, n(3)}, {"div", []el.Value{n(7), n(0)}, n(0)}, {"div", []el.Value{n(least), n(-1)}, n(most)},
		{"mod", []el.Value{n(7), n(4)}, n(3)}, {"mod", []el.Value{n(7), n(0)}, n(0)}, {"mod", []el.Value{n(least), n(-1)}, n(0)},
		{"max", []el.Value{n(7), n(4)}, n(7)}, {"min", []el.Value{n(7), n(4)}, n(4)},
		{"concat", []el.Value{s("a"), s("b")}, s("ab")}, {"len", []el.Value{el.Numbers(4, 4, 5)}, n(2)},
		{"with", []el.Value{el.Numbers(4), n(2)}, el.Numbers(2, 4)},
	} {
		assert.Equal(t, c.want, el.FunctionNamed(c.name).Apply(c.args), "%s%v", c.name, c.args)
	}
	for name, want := range map[string][3]bool{ // of 1 and 2, 2 and 2, 2 and 1
		"=": {false, true, false}, "!=": {true, false, true}, "<": {true, false, false},
		"<=": {true, true, false}, ">": {false, false, true}, ">=": {false, true, true},
	} {
		for i, pair := range [][]el.Value{{n(1), n(2)}, {n(2), n(2)}, {n(2), n(1)}} {
			assert.Equal(t, want[i], el.FunctionNamed(name).Holds(pair), "%v %s", pair, name)
		}
	}
	assert.True(t, el.FunctionNamed("prefix").Holds([]el.Value{s("ab"), s("a")}))
	assert.False(t, el.FunctionNamed("contains").Holds([]el.Value{el.Numbers(1), n(2)}))
	assert.Nil(t, el.FunctionNamed("now"))
}
