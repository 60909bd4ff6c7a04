package adopters_test

import (
	"fmt"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// newHDR is a histogram of up to ten seconds in milliseconds.
func newHDR() *hdrhistogram.Histogram { return hdrhistogram.New(1, 10_000, 2) }

func drawHDR(t *rapid.T) *hdrhistogram.Histogram {
	h := newHDR()
	for _, v := range rapid.SliceOfN(rapid.Int64Range(0, 10_000), 0, 20).Draw(t, "milliseconds") {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// mergeHDR refuses what would be dropped, as nothing is of one geometry.
func mergeHDR(h, other *hdrhistogram.Histogram) error {
	if dropped := h.Merge(other); dropped > 0 {
		return fmt.Errorf("%d values dropped", dropped)
	}
	return nil
}

func TestHDRHistogramHolds(t *testing.T) {
	laws.CheckMethod(t, mergeHDR, rapid.Custom(drawHDR), laws.NotIdempotent(), laws.Equal((*hdrhistogram.Histogram).Equals), cases())
}

// A histogram that tracks less drops what it cannot hold, and says how much. Where its
// range ends exactly is its own business.
func TestHDRHistogramDropsWhatItCannotHold(t *testing.T) {
	dropped := int64(0)
	for v := int64(1000); v < 5000; v++ {
		wide, narrow := newHDR(), hdrhistogram.New(1, 1000, 2)
		require.NoError(t, wide.RecordValue(v))
		d := narrow.Merge(wide)
		require.EqualValues(t, 1, d+narrow.TotalCount(), "%d is dropped or counted", v)
		require.EqualValues(t, 0, wide.Merge(narrow))
		dropped += d
	}
	assert.Positive(t, dropped)
}
