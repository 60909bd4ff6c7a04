package distributed_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// FuzzDecode: whatever is in a head, it is refused, or written again as the same state.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"joinery_campaign":1}`, `{"joinery_campaign":1,"of":"x","seeds":{"c":[[1,2],[4,9]]},"counters":{"a#1":{"n":3}}}`,
		`{"joinery_campaign":1,"failures":{"x":{"tape":"zz"}}}`, `{"joinery_campaign":1,"claims":[{"from":1,"to":18446744073709551615}]}`,
		`{"joinery_campaign":1,"seeds":{"":[[1,2],[3,4]]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := distributed.DecodeState(b)
		if err != nil {
			require.ErrorIs(t, err, distributed.ErrForeign)
			return
		}
		again, err := distributed.EncodeState(s)
		require.NoError(t, err)
		back, err := distributed.DecodeState(again)
		require.NoError(t, err)
		require.Equal(t, lattice.Equal, distributed.Merge().Compare(s, back))
	})
}

// TestBounds: what passes a bound is refused before it is written.
func TestBounds(t *testing.T) {
	many := make(map[string]distributed.Failure)
	for i := range distributed.MaxClasses + 1 {
		many[strings.Repeat("x", i)] = distributed.Failure{}
	}
	for _, s := range []distributed.State{
		{Failures: many}, {Failures: map[string]distributed.Failure{"x": {Message: strings.Repeat("x", distributed.MaxText+1)}}},
	} {
		_, err := distributed.EncodeState(s)
		require.ErrorIs(t, err, distributed.ErrFull)
	}
	for _, text := range []string{"", "as it is", "é\xff", strings.Repeat("a\xff", 3000), strings.Repeat("é", 3000), strings.Repeat("x", distributed.MaxText-1) + "é"} {
		clipped := distributed.Clip(text)
		assert.True(t, utf8.ValidString(clipped))
		assert.LessOrEqual(t, len(clipped), distributed.MaxText)
	}
	assert.Equal(t, "as it is", distributed.Clip("as it is"))
}

// TestWithout: against numbers one by one.
func TestWithout(t *testing.T) {
	set := func(bits int) (s causal.Spans) {
		m := causal.SpansMerge()
		for i := range 6 {
			if bits>>i&1 == 1 {
				n := uint64(i + 1)
				m.MergeIn(&s, causal.Spans{{Lo: n, Hi: n}})
			}
		}
		return s
	}
	for a := range 1 << 6 {
		for b := range 1 << 6 {
			require.Equal(t, set(a&^b), distributed.Without(set(a), set(b)), "%b without %b", a, b)
		}
	}
}
