package kind_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
)

// TestMapOfSettlesAllFields: what a map has of a repeated request is taken back in each field
// that has some, and in no other.
func TestMapOfSettlesAllFields(t *testing.T) {
	const row, other = 77, 78
	k := made(t, kind.MapOf("counters", kind.CounterSpec()))
	v := k.New()
	for field, origin := range map[string]uint64{"a": row, "b": other, "c": row} {
		v.MergeIn(mutated(t, k, kind.Update{Arg: kind.Field(field, kind.Amount(5)), Origin: origin}, nil))
	}
	taken := k.Settle(row, v)
	require.NotNil(t, taken)
	v.MergeIn(taken)
	m, ok := kind.Get[kind.Map[kind.Counter]](v)
	require.True(t, ok)
	got := map[string]int64{}
	for _, e := range m {
		n, err := kind.CounterSum(e.Val)
		require.NoError(t, err)
		got[e.Key] = n
	}
	assert.Equal(t, map[string]int64{"a": 0, "b": 5, "c": 0}, got)
	assert.Nil(t, k.Settle(row, v))
}

// TestDeleteOfAnElementIsOfThatOne: elements that begin alike are others.
func TestDeleteOfAnElementIsOfThatOne(t *testing.T) {
	k := made(t, kind.AddWinsSpec())
	v := k.New()
	for i, e := range []string{"", "a", "ab", "abc", "b"} {
		v.MergeIn(mutated(t, k, kind.Update{Arg: []byte(e), Clock: uint64(i + 1), Origin: 1}, nil))
	}
	left := []string{"", "a", "ab", "abc", "b"}
	for _, e := range []string{"ab", "", "b", "a"} {
		d, err := k.Delete(kind.Update{Arg: kind.Element(e)}, v)
		require.NoError(t, err)
		v.MergeIn(d)
		var rest []string
		for _, x := range left {
			if x != e {
				rest = append(rest, x)
			}
		}
		left = rest
		s, _ := kind.Get[kind.AddWins](v)
		assert.Equal(t, left, kind.Elements(s))
	}
}
