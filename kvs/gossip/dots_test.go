package gossip_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestDotsAreCausalDots holds the flat set to the map of spans that it stands
// for, step by step: adding, merging, asking, coding.
func TestDotsAreCausalDots(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dot := func(origins int) causal.Dot {
		return causal.Dot{Origin: 1 + r.Uint64N(uint64(origins)), Seq: r.Uint64N(9)}
	}
	for range 2000 {
		origins := 1 + r.IntN(50)
		a, b := causal.Dots{}, causal.Dots{}
		var x, y gossip.Dots
		for range r.IntN(60) {
			d := dot(origins)
			assert.Equal(t, a.Add(d), x.Add(d))
			if d = dot(origins); r.IntN(3) == 0 {
				assert.Equal(t, b.Add(d), y.Add(d))
			}
		}
		joined := x.Clone()
		assert.Equal(t, causal.DotsMerge().MergeIn(&a, b), joined.MergeIn(y))
		assert.Equal(t, a, joined.Causal())
		assert.True(t, joined.Includes(x) && joined.Includes(y) && x.Includes(nil))
		assert.Equal(t, slices.Equal(joined, x), x.Includes(y), "%v %v", x, y)
		both, less := x.Intersect(y), x.Without(y)
		for _, s := range joined {
			for seq := s.Lo; seq <= s.Hi; seq++ {
				d := causal.Dot{Origin: s.Origin, Seq: seq}
				assert.Equal(t, x.Contains(d) && y.Contains(d), both.Contains(d))
				assert.Equal(t, x.Contains(d) && !y.Contains(d), less.Contains(d))
			}
		}
		for _, v := range []gossip.Dots{both, less} {
			built := gossip.Dots{}
			built.MergeIn(v)
			for _, s := range v {
				assert.False(t, built.Add(causal.Dot{Origin: s.Origin, Seq: s.Lo}))
			}
			again, _, err := gossip.DecodeDots(nil, v.Append(nil)) // in the one form that there is
			require.NoError(t, err)
			assert.True(t, slices.Equal(v, again))
			size := len(v.Append(nil))
			assert.GreaterOrEqual(t, v.Size(), size)
			assert.LessOrEqual(t, v.Size(), size+1+2*len(v))
			assert.True(t, x.Includes(v))
		}
		code := lattice.Encode(causal.DotsMerge(), a)
		assert.Equal(t, code, joined.Append([]byte{}))
		back, rest, err := gossip.DecodeDots(y.Clone(), append(code, 7))
		require.NoError(t, err)
		assert.Equal(t, []byte{7}, rest)
		assert.Equal(t, joined.Append(nil), back.Append(nil))
		for range 20 {
			d := dot(origins)
			assert.Equal(t, a.Contains(d), joined.Contains(d))
			below := false
			for seq := range d.Seq {
				below = below || a.Contains(causal.Dot{Origin: d.Origin, Seq: seq})
			}
			assert.Equal(t, below, joined.Below(d.Origin, d.Seq))
			d.Seq++
			assert.Equal(t, a.Covers(causal.Version{d.Origin: d.Seq}), joined.Covers(session.Row{{Origin: d.Origin, Seq: d.Seq}}))
		}
		ceiling := a.Ceiling()
		var row session.Row
		for origin := range uint64(origins + 1) {
			if seq := ceiling[origin]; seq > 0 {
				row = append(row, session.Mark{Origin: origin, Seq: seq})
			}
		}
		assert.Equal(t, a.Covers(ceiling), joined.Covers(row))
	}
}

// TestDotsDecodeAlike: what one decoder refuses the other does.
func TestDotsDecodeAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	merge := lattice.CapsOf(causal.DotsMerge())
	accepted := 0
	for range 200_000 {
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(r.IntN(4))
			if r.IntN(8) == 0 {
				b[i] = byte(r.Uint32())
			}
		}
		want, wantRest, wantErr := merge.Decode(b)
		got, rest, err := gossip.DecodeDots(nil, b)
		require.Equal(t, wantErr == nil, err == nil, "%v", b)
		if err == nil {
			accepted++
			require.Equal(t, want, got.Causal())
			require.Equal(t, wantRest, rest)
		} else {
			require.ErrorIs(t, err, gossip.ErrDecode)
		}
	}
	assert.Greater(t, accepted, 1000)
}

// TestDotsDecodeBoundsMemory: a count of spans, or of origins, that the bytes cannot hold
// is refused before anything is decoded, and so before any memory is taken.
func TestDotsDecodeBoundsMemory(t *testing.T) {
	const spans = 1000
	code := gossip.Dots{{Origin: 1, Lo: 1, Hi: 1}}.Append(nil)
	require.Equal(t, []byte{1, 1, 1, 0, 0}, code)
	body := make([]byte, 2*spans) // spans of a dot each
	for name, head := range map[string][]byte{
		"spans":   {1, 1, (spans+1)&0x7f | 0x80, (spans + 1) >> 7},
		"origins": {(spans/2+2)&0x7f | 0x80, (spans/2 + 2) >> 7, 1, 1},
	} {
		src := append(head, body...)
		var err error
		allocs := testing.AllocsPerRun(10, func() { _, _, err = gossip.DecodeDots(nil, src) })
		assert.ErrorIs(t, err, gossip.ErrDecode, name)
		assert.Zero(t, allocs, name)
	}
	full := append([]byte{1, 1, spans&0x7f | 0x80, spans >> 7}, body...)
	v, rest, err := gossip.DecodeDots(nil, full)
	require.NoError(t, err)
	assert.Len(t, v, spans)
	assert.Empty(t, rest)
}

// TestDotsHaveOneForm: of all short inputs, made of small numbers and of those at the ends
// of their range, what is decoded is in order and apart, and is encoded as it was.
func TestDotsHaveOneForm(t *testing.T) {
	numbers := []uint64{0, 1, 2, math.MaxUint64 - 2, math.MaxUint64 - 1, math.MaxUint64}
	decoded := 0
	var try func(n int, src []byte)
	try = func(n int, src []byte) {
		if n == 0 {
			v, rest, err := gossip.DecodeDots(nil, src)
			if err != nil {
				return
			}
			decoded++
			for i, s := range v {
				require.True(t, 0 < s.Lo && s.Lo <= s.Hi, "%v of %x", v, src)
				require.True(t, i == 0 || v[i-1].Origin < s.Origin || v[i-1].Origin == s.Origin && v[i-1].Hi < s.Lo-1, "%v of %x", v, src)
			}
			require.Equal(t, src[:len(src)-len(rest)], v.Append(nil))
			return
		}
		for _, x := range numbers {
			try(n-1, binary.AppendUvarint(src[:len(src):len(src)], x))
		}
	}
	try(7, nil)
	assert.Greater(t, decoded, 1000)
}
