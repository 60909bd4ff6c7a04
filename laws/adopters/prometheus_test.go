package adopters_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// observed is the native histogram of observations, as a client library makes it:
// those within the zero threshold in the zero bucket, the others in buckets whose
// bounds are powers of 2^(2^-schema).
func observed(schema int32, threshold float64, observations []float64) *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{Schema: schema, ZeroThreshold: threshold}
	positive, negative := map[int32]float64{}, map[int32]float64{}
	for _, v := range observations {
		h.Count++
		h.Sum += v
		switch {
		case math.Abs(v) <= threshold:
			h.ZeroCount++
		case v > 0:
			positive[bucketOf(v, schema)]++
		default:
			negative[bucketOf(-v, schema)]++
		}
	}
	h.PositiveSpans, h.PositiveBuckets = spansOf(positive)
	h.NegativeSpans, h.NegativeBuckets = spansOf(negative)
	return h
}

// bucketOf is the index of the bucket that holds v > 0: the least i with
// v ≤ 2^(i · 2^-schema).
func bucketOf(v float64, schema int32) int32 {
	return int32(math.Ceil(math.Log2(v) * math.Exp2(float64(schema))))
}

func spansOf(counts map[int32]float64) (spans []histogram.Span, buckets []float64) {
	var indexes []int32
	for i := range counts {
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	next := int32(0)
	for _, i := range indexes {
		if n := len(spans); n > 0 && i == next {
			spans[n-1].Length++
		} else {
			spans = append(spans, histogram.Span{Offset: i - next, Length: 1})
		}
		next = i + 1
		buckets = append(buckets, counts[i])
	}
	return spans, buckets
}

// observations are seconds that are no bound of a bucket, and sum without rounding.
var observations = rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0.15625, 0.3125, 0.625, 0.875, 1.25, 3.5, 12.5, -0.625, -3.5}), 0, 8)

func drawHistogram(schemas []int32, thresholds []float64) *rapid.Generator[*histogram.FloatHistogram] {
	return rapid.Custom(func(t *rapid.T) *histogram.FloatHistogram {
		schema := rapid.SampledFrom(schemas).Draw(t, "schema")
		threshold := rapid.SampledFrom(thresholds).Draw(t, "zero threshold")
		return observed(schema, threshold, observations.Draw(t, "observations"))
	})
}

// add is Add without what it says of hints and bounds.
func add(h, other *histogram.FloatHistogram) (*histogram.FloatHistogram, error) {
	sum, _, _, err := h.Add(other)
	return sum, err
}

// addHistograms is Add as a function: the receiver is a copy.
func addHistograms(a, b *histogram.FloatHistogram) *histogram.FloatHistogram {
	sum, err := add(a.Copy(), b)
	if err != nil {
		panic(fmt.Sprintf("add: %v", err))
	}
	return sum
}

// sameHistogram compares without empty buckets: Add leaves them to Compact.
func sameHistogram(a, b *histogram.FloatHistogram) bool {
	return a.Copy().Compact(0).Equals(b.Copy().Compact(0))
}

// counted refuses a histogram whose buckets do not add up to its count.
func counted(h *histogram.FloatHistogram) error {
	if err := h.Validate(); err != nil {
		return err
	}
	n := h.ZeroCount
	for _, c := range slices.Concat(h.PositiveBuckets, h.NegativeBuckets) {
		n += c
	}
	if n != h.Count {
		return fmt.Errorf("the buckets hold %v observations, the count is %v", n, h.Count)
	}
	return nil
}

// keepsCount is the law that no observation is lost or counted twice.
func keepsCount() laws.Law[*histogram.FloatHistogram] {
	type states = []*histogram.FloatHistogram
	type probe = laws.Probe[*histogram.FloatHistogram]
	return laws.Law[*histogram.FloatHistogram]{
		ID: "histogram/counted", Statement: "the buckets of a ⊕ b hold as many observations as its count says", Arity: 2,
		Eval: func(p *probe, x states) laws.Outcome {
			if counted(p.Join(x[0], x[1])) == nil {
				return laws.Holds
			}
			return laws.Fails
		},
		Explain: func(p *probe, x states) laws.Sides {
			j := p.Join(x[0], x[1])
			return laws.Sides{LeftExpr: "a ⊕ b", Left: p.Show(j), RightExpr: "its buckets", Right: fmt.Sprint(counted(j))}
		},
	}
}

func histogramSum() laws.Set[*histogram.FloatHistogram] {
	zero := observed(8, 0, nil)
	show := laws.Show(func(h *histogram.FloatHistogram) string { return h.TestExpression() })
	return laws.Add(laws.Monoid(addHistograms, zero, laws.Equal(sameHistogram), show), keepsCount())
}

var copyHistogram = (*histogram.FloatHistogram).Copy

func TestPrometheusHolds(t *testing.T) {
	// The standard threshold of client libraries, and others that are borders of buckets
	// at each of the resolutions: powers of four.
	borders := []float64{math.Exp2(-128), 0.25, 1}
	for name, states := range map[string]*rapid.Generator[*histogram.FloatHistogram]{
		"resolutions differ, thresholds are borders":  drawHistogram([]int32{-1, 0, 1, 2, 3}, borders),
		"one resolution, thresholds are anything":     drawHistogram([]int32{1}, []float64{0, 0.1, 0.3, 0.7}),
		"one resolution, thresholds are the standard": drawHistogram([]int32{3}, borders[:1]),
	} {
		t.Run(name, func(t *testing.T) {
			laws.Check(t, histogramSum(), drawn(states, addHistograms, copyHistogram), cases())
		})
	}
}

// The resolution and the threshold differ at once, and the threshold lies inside a
// bucket of the coarser resolution.
func TestPrometheusFails(t *testing.T) {
	states := drawHistogram([]int32{0, 1, 2}, []float64{0, 0.1, 0.3, 0.7})
	fails(t, histogramSum(), drawn(states, addHistograms, copyHistogram),
		"monoid/associative", "monoid/commutative", "histogram/counted")
}

// Two valid histograms, whose sum counts the one observation twice.
func TestPrometheusCountedTwice(t *testing.T) {
	coarse := observed(0, 0.6, nil)
	fine := observed(1, 0, []float64{0.625})
	require.NoError(t, counted(coarse))
	require.NoError(t, counted(fine))
	assert.ErrorContains(t, counted(addHistograms(coarse, fine)), "the buckets hold 2 observations, the count is 1")
	assert.NoError(t, counted(addHistograms(fine, coarse)))

	kahan := coarse.Copy()
	_, _, _, err := kahan.KahanAdd(fine, nil)
	require.NoError(t, err)
	assert.ErrorContains(t, counted(kahan), "the buckets hold 2 observations, the count is 1")
}

// customBounds are sets of upper bounds that share some of theirs.
var customBounds = [][]float64{{0.5, 1, 5}, {0.5, 5}, {1, 5, 10}, {5}, {0.25, 0.5, 1, 2.5, 5, 10}}

// drawCustom draws histograms with the bounds that a user has chosen.
func drawCustom(t *rapid.T) *histogram.FloatHistogram {
	bounds := rapid.SampledFrom(customBounds).Draw(t, "bounds")
	h := &histogram.FloatHistogram{Schema: histogram.CustomBucketsSchema, CustomValues: bounds}
	counts := map[int32]float64{}
	for _, v := range rapid.SliceOfN(rapid.SampledFrom([]float64{0.125, 0.5, 0.75, 1, 3.5, 5, 7.5, 12.5}), 0, 8).Draw(t, "observations") {
		i, _ := slices.BinarySearch(bounds, v)
		counts[int32(i)]++
		h.Count++
		h.Sum += v
	}
	h.PositiveSpans, h.PositiveBuckets = spansOf(counts)
	return h
}

// A sum keeps the bounds that both have.
func TestPrometheusCustomBoundsHold(t *testing.T) {
	laws.CheckMethod(t, add, rapid.Custom(drawCustom), laws.NotIdempotent(), laws.Equal(sameHistogram), laws.Valid(counted), cases())
}

// The hint that a counter was reset merges as well: two that differ make an unknown
// one, and a gauge absorbs.
func TestPrometheusHintsHold(t *testing.T) {
	states := rapid.Custom(func(t *rapid.T) *histogram.FloatHistogram {
		h := observed(3, 0, observations.Draw(t, "observations"))
		h.CounterResetHint = rapid.SampledFrom([]histogram.CounterResetHint{
			histogram.UnknownCounterReset, histogram.CounterReset, histogram.NotCounterReset, histogram.GaugeType,
		}).Draw(t, "hint")
		return h
	})
	same := func(a, b *histogram.FloatHistogram) bool {
		return a.CounterResetHint == b.CounterResetHint && sameHistogram(a, b)
	}
	laws.CheckMethod(t, add, states, laws.NotIdempotent(), laws.Equal(same), cases())
}
