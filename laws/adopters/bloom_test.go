package adopters_test

import (
	"fmt"
	"testing"

	"github.com/bits-and-blooms/bloom/v3"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// drawBloom draws a filter of a few of the words.
func drawBloom(t *rapid.T) *bloom.BloomFilter {
	f := bloom.NewWithEstimates(20, 0.05)
	for _, word := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 12).Draw(t, "words") {
		f.AddString(fmt.Sprint(word))
	}
	return f
}

func mergeBloom(a, b *bloom.BloomFilter) *bloom.BloomFilter {
	merged := a.Copy()
	if err := merged.Merge(b); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

func TestBloomHolds(t *testing.T) {
	laws.CheckMerge(t, mergeBloom, rapid.Custom(drawBloom), cases())
}

func TestBloomInPlaceHolds(t *testing.T) {
	mergeIn := func(dst **bloom.BloomFilter, delta *bloom.BloomFilter) {
		if err := (*dst).Merge(delta); err != nil {
			panic(fmt.Sprintf("merge: %v", err))
		}
	}
	laws.CheckMergeIn(t, mergeIn, rapid.Custom(drawBloom), laws.Clone((*bloom.BloomFilter).Copy), cases())
}
