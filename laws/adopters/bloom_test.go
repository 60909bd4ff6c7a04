package adopters_test

import (
	"fmt"
	"testing"

	"github.com/bits-and-blooms/bloom/v3"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// drawBloom draws a filter of a few of the words, made for n of them.
func drawBloom(sizes ...uint) *rapid.Generator[*bloom.BloomFilter] {
	return rapid.Custom(func(t *rapid.T) *bloom.BloomFilter {
		f := bloom.NewWithEstimates(rapid.SampledFrom(sizes).Draw(t, "for words"), 0.05)
		for _, word := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 12).Draw(t, "words") {
			f.AddString(fmt.Sprint(word))
		}
		return f
	})
}

func TestBloomHolds(t *testing.T) {
	laws.CheckMethod(t, (*bloom.BloomFilter).Merge, drawBloom(20), laws.Clone((*bloom.BloomFilter).Copy), cases())
}

// Filters of different sizes refuse each other.
func TestBloomRefuses(t *testing.T) {
	laws.CheckMethod(t, (*bloom.BloomFilter).Merge, drawBloom(20, 40), laws.MayRefuse(), laws.Clone((*bloom.BloomFilter).Copy), cases())
}
