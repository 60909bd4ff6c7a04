package choice_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// TestToBytes: bytes that were written answer as the source did, and go on with 0.
func TestToBytes(t *testing.T) {
	sizes := []uint64{0, 1, 2, 3, 255, 256, 257, 1 << 16, 1<<16 + 1, 1 << 32, 1<<32 + 1, 1<<64 - 1}
	rapid.Check(t, func(t *rapid.T) {
		var points []choice.Point
		for i := range rapid.IntRange(0, 40).Draw(t, "points") {
			points = append(points, choice.Point{
				Site: "s", Key: uint64(i), N: rapid.SampledFrom(sizes).Draw(t, "n"), Rare: rapid.SampledFrom([]uint32{0, 1, 1 << 20, 1<<32 - 1}).Draw(t, "rare"),
			})
		}
		src, data := choice.ToBytes(choice.Seeded(rapid.Uint64().Draw(t, "seed")))
		var want []uint64
		for _, p := range points {
			want = append(want, src.Choose(p))
		}
		again := choice.FromBytes(data())
		for i, p := range points {
			require.Equal(t, want[i], again.Choose(p), "%v", p)
		}
		require.Zero(t, again.Choose(choice.Point{Site: "s", N: 1 << 40}))
	})
}
