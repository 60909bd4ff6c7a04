package kind_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
)

func made[T any](t *testing.T, s kind.Spec[T]) kind.Kind {
	t.Helper()
	k, err := kind.New(s)
	require.NoError(t, err)
	return k
}

func mutated(t *testing.T, k kind.Kind, u kind.Update, own kind.Value) kind.Value {
	t.Helper()
	d, err := k.Mutate(u, own)
	require.NoError(t, err)
	return d
}

// TestMultiValue: a put replaces what its writer has read; of two that did not know of each
// other both stand, until one that has read both. A repeat is the same write.
func TestMultiValue(t *testing.T) {
	k := made(t, kind.MultiValueSpec())
	read := func(v kind.Value) kind.AddWins {
		s, _ := kind.Get[kind.AddWins](v)
		return s
	}
	a := mutated(t, k, kind.Update{Arg: kind.Assign(nil, "a"), Clock: 1, Origin: 1}, nil)
	b := mutated(t, k, kind.Update{Arg: kind.Assign(nil, "b"), Clock: 1, Origin: 2}, nil)
	c := mutated(t, k, kind.Update{Arg: kind.Assign(read(a), "c"), Clock: 2, Origin: 1}, nil)
	v := k.New()
	for _, d := range []kind.Value{c, b, a, c} {
		v.MergeIn(d)
	}
	assert.Equal(t, []string{"b", "c"}, kind.Elements(read(v)))
	d := mutated(t, k, kind.Update{Arg: kind.Assign(read(v), "d"), Clock: 3, Origin: 3}, nil)
	v.MergeIn(d)
	assert.Equal(t, []string{"d"}, kind.Elements(read(v)))
	again := mutated(t, k, kind.Update{Arg: kind.Assign(read(a), "c"), Clock: 2, Origin: 1}, nil)
	assert.False(t, v.MergeIn(again), "a repeat that comes late")
	gone, err := k.Delete(kind.Update{}, v)
	require.NoError(t, err)
	v.MergeIn(gone)
	assert.True(t, k.Absent(v))
	for _, bad := range [][]byte{{}, {200}, {1, 1}, {2, 1, 2, 1, 2}, {2, 1, 2, 1, 1}, {2, 2, 1, 1, 1}} {
		_, err := k.Mutate(kind.Update{Arg: bad}, nil)
		assert.ErrorIs(t, err, kind.ErrArgument, "%v", bad)
	}
}

// TestMapOf: each field is a value of its own, of any kind that there is; deletes are of one
// field or of all that are seen.
func TestMapOf(t *testing.T) {
	k := made(t, kind.MapOf("counters", kind.CounterSpec()))
	assert.True(t, k.Own() && k.Sees())
	v, own := k.New(), k.New()
	add := func(field string, n int64) {
		d := mutated(t, k, kind.Update{Arg: kind.Field(field, kind.Amount(n)), Origin: 1}, own)
		own.MergeIn(d)
		v.MergeIn(d)
	}
	sums := func() map[string]int64 {
		out := map[string]int64{}
		m, _ := kind.Get[kind.Map[kind.Counter]](v)
		for _, e := range m {
			n, err := kind.CounterSum(e.Val)
			require.NoError(t, err)
			out[e.Key] = n
		}
		return out
	}
	add("a", 3)
	add("b", 5)
	add("a", -1)
	assert.Equal(t, map[string]int64{"a": 2, "b": 5}, sums())
	d, err := k.Delete(kind.Update{Arg: kind.Field("a", nil)}, v)
	require.NoError(t, err)
	v.MergeIn(d)
	assert.Equal(t, map[string]int64{"a": 0, "b": 5}, sums())
	assert.False(t, k.Absent(v))
	d, err = k.Delete(kind.Update{}, v)
	require.NoError(t, err)
	add("a", 7)
	v.MergeIn(d)
	assert.Equal(t, map[string]int64{"a": 7, "b": 0}, sums(), "what the delete has not seen stays")

	const row = 1<<63 | 9
	v.MergeIn(mutated(t, k, kind.Update{Arg: kind.Field("b", kind.Amount(4)), Origin: row}, nil))
	assert.Equal(t, int64(4), sums()["b"])
	v.MergeIn(k.Settle(row, v))
	assert.Equal(t, int64(0), sums()["b"])
	assert.Nil(t, k.Settle(row, v))

	registers := made(t, kind.MapOf("registers", kind.RegisterSpec()))
	r := mutated(t, registers, kind.Update{Arg: kind.Field("x", []byte("v")), Clock: 5, Origin: 1}, nil)
	gone, err := registers.Delete(kind.Update{Clock: 6, Origin: 1}, r)
	require.NoError(t, err)
	r.MergeIn(gone)
	assert.True(t, registers.Absent(r))
	_, err = registers.Mutate(kind.Update{Arg: []byte{9}}, nil)
	assert.ErrorIs(t, err, kind.ErrArgument)

	grow := made(t, kind.MapOf("sets", kind.SetSpec()))
	_, err = grow.Delete(kind.Update{Arg: kind.Field("x", nil)}, grow.New())
	assert.ErrorIs(t, err, kind.ErrNoDelete)
	nested := made(t, kind.MapOf("nested", kind.MapOf("inner", kind.AddWinsSpec())))
	n := mutated(t, nested, kind.Update{Arg: kind.Field("x", kind.Field("y", []byte("e"))), Clock: 1, Origin: 1}, nil)
	back, err := nested.Decode(n.Append(nil))
	require.NoError(t, err)
	assert.Equal(t, n.Append(nil), back.Append(nil))
}
