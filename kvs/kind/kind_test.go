package kind_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
)

func find(t *testing.T, name string) kind.Kind {
	k, ok := kind.Default().Find(name)
	require.True(t, ok)
	return k
}

func TestKinds(t *testing.T) {
	_, err := kind.New(kind.Spec[kind.GrowSet]{Name: "x"})
	assert.ErrorIs(t, err, kind.ErrKind)
	set := find(t, "set")
	_, err = kind.NewKinds(set, set)
	assert.ErrorIs(t, err, kind.ErrKind)
	_, err = set.Decode([]byte{1, 1, 'a', 0})
	assert.ErrorIs(t, err, kind.ErrDecode, "bytes left over")
}

func TestCounterSum(t *testing.T) {
	type one = lattice.Entry[uint64, uint64]
	sum := func(inc, dec kind.Sums) (int64, error) {
		return kind.CounterSum(kind.Counter{First: inc, Second: dec})
	}
	n, err := sum(kind.Sums{one{Key: 1, Val: 5}, one{Key: 2, Val: 7}}, kind.Sums{one{Key: 1, Val: 20}})
	require.NoError(t, err)
	assert.Equal(t, int64(-8), n)
	n, err = sum(kind.Sums{one{Key: 1, Val: math.MaxUint64}, one{Key: 2, Val: math.MaxUint64}}, kind.Sums{one{Key: 3, Val: math.MaxUint64}, one{Key: 4, Val: math.MaxUint64 - 3}})
	require.NoError(t, err)
	assert.Equal(t, int64(3), n, "wide intermediate sums do not matter")
	_, err = sum(kind.Sums{one{Key: 1, Val: math.MaxInt64 + 1}}, nil)
	assert.ErrorIs(t, err, kind.ErrOverflow)
	n, err = sum(nil, kind.Sums{one{Key: 1, Val: 1 << 63}})
	require.NoError(t, err)
	assert.Equal(t, int64(math.MinInt64), n)

	counter := find(t, "counter")
	own := counter.New()
	for range 2 {
		d, err := counter.Mutate(kind.Update{Arg: kind.Amount(math.MinInt64), Origin: 1}, own)
		if err != nil {
			assert.ErrorIs(t, err, kind.ErrOverflow, "2 × 2^63 does not fit the sum of one origin")
			return
		}
		own.MergeIn(d)
	}
	t.Error("the overflow was accepted")
}
