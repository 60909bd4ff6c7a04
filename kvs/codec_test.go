package kvs_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/lattice"
)

// TestDecodersIntoMemory holds the decoders that use memory again to the codecs of
// the merges: the same bytes are accepted, for the same values.
func TestDecodersIntoMemory(t *testing.T) {
	decodesAlike(t, kvs.RegisterSpec(), func(r *rand.Rand) kvs.Register {
		return kvs.Register{First: r.Uint64N(300), Second: lattice.Pair[uint64, string]{First: r.Uint64N(300), Second: word(r)}}
	})
	decodesAlike(t, kvs.SetSpec(), func(r *rand.Rand) kvs.GrowSet {
		var s kvs.GrowSet
		for range r.IntN(5) {
			lattice.OrderedSetOf[string]().MergeIn(&s, kvs.GrowSet{word(r)})
		}
		return s
	})
	decodesAlike(t, kvs.CounterSpec(), func(r *rand.Rand) kvs.Counter {
		var c kvs.Counter
		for range r.IntN(5) {
			one := kvs.Sums{{Key: r.Uint64N(200), Val: r.Uint64N(1 << 20)}}
			kvs.CounterMerge().MergeIn(&c, kvs.Counter{First: one[:r.IntN(2)], Second: one[:r.IntN(2)]})
		}
		return c
	})
	tags := kvs.Spec[[]uint64]{
		Name: "tags", Merge: lattice.OrderedSetOf[uint64](),
		Mutate: func(kvs.Update, []uint64) ([]uint64, error) { return nil, nil },
		Into: func(dst *[]uint64, src []byte) (rest []byte, err error) {
			*dst, rest, err = kvs.DecodeNumbers(*dst, src)
			return rest, err
		},
	}
	decodesAlike(t, tags, func(r *rand.Rand) []uint64 {
		var s []uint64
		for range r.IntN(5) {
			lattice.OrderedSetOf[uint64]().MergeIn(&s, []uint64{r.Uint64N(400)})
		}
		return s
	})
}

func word(r *rand.Rand) string {
	return []string{"", "a", "ab", "b", "longer than the others"}[r.IntN(5)]
}

func decodesAlike[T any](t *testing.T, s kvs.Spec[T], random func(*rand.Rand) T) {
	t.Helper()
	require.NotNil(t, s.Into, s.Name)
	fast, err := kvs.NewKind(s)
	require.NoError(t, err)
	s.Into = nil
	plain, err := kvs.NewKind(s)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(21, 22))
	memory := fast.New()
	accepted, refused := 0, 0
	for range 30_000 {
		b := lattice.Encode(s.Merge, random(r))
		switch r.IntN(3) {
		case 0:
			b[r.IntN(len(b))] = byte(r.IntN(5)) << r.IntN(7)
		case 1:
			at := r.IntN(len(b))
			b = append(bytes.Clone(b[:at]), b[min(at+r.IntN(2)+1, len(b)):]...)
		}
		want, wantErr := plain.Decode(b)
		err := fast.DecodeInto(memory, b)
		require.Equal(t, wantErr == nil, err == nil, "%s %v: %v, %v", s.Name, b, wantErr, err)
		if err != nil {
			refused++
			require.ErrorIs(t, err, kvs.ErrMessage)
			continue
		}
		accepted++
		require.Equal(t, want.Append(nil), memory.Append(nil), "%s %v", s.Name, b)
		require.Equal(t, b, memory.Append(nil))
		again, err := fast.Decode(b)
		require.NoError(t, err)
		require.Equal(t, b, again.Append(nil))
	}
	assert.Greater(t, accepted, 5000)
	assert.Greater(t, refused, 5000)
}
