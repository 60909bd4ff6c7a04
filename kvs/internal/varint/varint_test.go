package varint

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// Next agrees with encoding/binary on whatever bytes there are, but for padded
// numbers, which it refuses.
func TestNextAgreesWithBinary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff})), 0, 12).Draw(t, "bytes")
		want, n := binary.Uvarint(b)
		got, end := Next(b, 0)
		if n <= 0 || n > 1 && b[n-1] == 0 {
			assert.Equal(t, -1, end)
			return
		}
		assert.Equal(t, want, got)
		assert.Equal(t, n, end)
	})
}

func TestNextReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Uint64().Draw(t, "number")
		b := Append([]byte{0xff}, want)
		assert.Equal(t, binary.AppendUvarint([]byte{0xff}, want), b)
		got, end := Next(b, 1)
		assert.Equal(t, want, got)
		assert.Equal(t, len(b), end)
	})
}

// From -1 on nothing is read.
func TestNextStaysAtItsEnd(t *testing.T) {
	_, end := Next([]byte{1, 2}, -1)
	assert.Equal(t, -1, end)
	_, end = Next([]byte{1, 2}, 2)
	assert.Equal(t, -1, end)
}
