package kind_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
)

// TestDecodersIntoMemory holds the decoders that use memory again to the codecs of
// the merges: the same bytes are accepted, for the same values.
func TestDecodersIntoMemory(t *testing.T) {
	decodesAlike(t, kind.RegisterSpec(), func(r *rand.Rand) kind.Register {
		content := lattice.Some(word(r))
		if r.IntN(4) == 0 {
			content = lattice.None[string]()
		}
		return kind.Register{First: r.Uint64N(300), Second: lattice.Pair[uint64, lattice.Option[string]]{First: r.Uint64N(300), Second: content}}
	})
	decodesAlike(t, kind.SetSpec(), func(r *rand.Rand) kind.GrowSet {
		var s kind.GrowSet
		for range r.IntN(5) {
			lattice.OrderedSetOf[string]().MergeIn(&s, kind.GrowSet{word(r)})
		}
		return s
	})
	decodesAlike(t, kind.CounterSpec(), func(r *rand.Rand) kind.Counter {
		var c kind.Counter
		for range r.IntN(5) {
			one := kind.Sums{{Key: r.Uint64N(200), Val: kind.Sum{First: r.Uint64N(1 << 20), Second: r.Uint64N(300)}}}
			kind.CounterMerge().MergeIn(&c, kind.Counter{First: one[:r.IntN(2)], Second: one[:r.IntN(2)]})
		}
		return c
	})
	decodesAlike(t, kind.AddWinsSpec(), func(r *rand.Rand) kind.AddWins {
		var s kind.AddWins
		for range r.IntN(5) {
			added := kind.Added{Second: word(r)}
			if r.IntN(3) == 0 {
				added = kind.Added{First: true}
			}
			kind.AddWinsMerge().MergeIn(&s, kind.AddWins{{Key: r.Uint64N(3), Val: kind.Adds{{Key: r.Uint64N(200), Val: added}}}})
		}
		return s
	})
	tags := kind.Spec[[]uint64]{
		Name: "tags", Merge: lattice.OrderedSetOf[uint64](),
		Mutate: func(kind.Update, []uint64) ([]uint64, error) { return nil, nil },
		Into: func(dst *[]uint64, src []byte) (rest []byte, err error) {
			*dst, rest, err = kind.DecodeNumbers(*dst, src)
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

func decodesAlike[T any](t *testing.T, s kind.Spec[T], random func(*rand.Rand) T) {
	t.Helper()
	require.NotNil(t, s.Into, s.Name)
	fast, err := kind.New(s)
	require.NoError(t, err)
	s.Into = nil
	plain, err := kind.New(s)
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
			require.ErrorIs(t, err, kind.ErrDecode)
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
