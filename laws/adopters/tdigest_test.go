package adopters_test

import (
	"fmt"
	"testing"

	caio "github.com/caio/go-tdigest/v5"
	"github.com/influxdata/tdigest"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// fed is a digest of influxdata as the lists of centroids it was given, of which
// digest makes it again: there is no copy. The compression is small, so that buffers
// fill.
type fed []tdigest.CentroidList

const compression = 5

func (f fed) digest() *tdigest.TDigest {
	d := tdigest.NewWithCompression(compression)
	for _, list := range f {
		d.AddCentroidList(list)
	}
	return d
}

// mergeFed gives a the centroids of b, as processes that aggregate digests do.
func mergeFed(a, b fed) fed {
	return append(append(fed{}, a...), b.digest().Centroids())
}

func sameWeight(a, b fed) bool { return a.digest().Count() == b.digest().Count() }

// drawFed draws a digest of samples that came one by one.
func drawFed(most int) *rapid.Generator[fed] {
	return rapid.Custom(func(t *rapid.T) fed {
		var f fed
		for range rapid.IntRange(0, most).Draw(t, "samples") {
			f = append(f, tdigest.CentroidList{{Mean: float64(rapid.IntRange(0, 9).Draw(t, "sample")), Weight: 1}})
		}
		return f
	})
}

func copyFed(f fed) fed { return append(fed{}, f...) }

// keepsWeight is the law that no sample is lost.
func keepsWeight() laws.Law[fed] {
	return laws.Law[fed]{
		ID: "tdigest/counted", Statement: "a ⊕ b counts as many samples as a and b", Arity: 2,
		Eval: func(p *laws.Probe[fed], x []fed) laws.Outcome {
			if p.Join(x[0], x[1]).digest().Count() == x[0].digest().Count()+x[1].digest().Count() {
				return laws.Holds
			}
			return laws.Fails
		},
		Explain: func(p *laws.Probe[fed], x []fed) laws.Sides {
			return laws.Sides{
				LeftExpr: "samples of a ⊕ b", Left: fmt.Sprint(p.Join(x[0], x[1]).digest().Count()),
				RightExpr: "of a and b", Right: fmt.Sprint(x[0].digest().Count(), " and ", x[1].digest().Count()),
			}
		},
	}
}

func TestInfluxTDigestBufferRunsOver(t *testing.T) {
	// Weight alone says too little of a buffer for equal digests to merge alike.
	set := laws.Add(laws.Monoid(mergeFed, fed{}, laws.Equal(sameWeight)), keepsWeight()).Only("monoid", "tdigest")
	fails(t, set, drawn(drawFed(50), mergeFed, copyFed), "monoid/associative", "monoid/commutative", "tdigest/counted")
}

func TestInfluxTDigestHolds(t *testing.T) {
	set := laws.Add(laws.Monoid(mergeFed, fed{}, laws.Equal(sameWeight)), keepsWeight())
	laws.Check(t, set, drawn(drawFed(10), mergeFed, copyFed), cases())
}

// A buffer of eight with eight in it loses the next list.
func TestInfluxTDigestLosesCentroids(t *testing.T) {
	d := tdigest.NewWithCompression(1)
	for range 8 {
		d.Add(1, 1)
	}
	d.AddCentroidList(tdigest.CentroidList{{Mean: 2, Weight: 1}})
	assert.EqualValues(t, 8, d.Count())
	d.AddCentroidList(tdigest.CentroidList{{Mean: 2, Weight: 1}})
	assert.EqualValues(t, 9, d.Count())
}

func drawCaio(t *rapid.T) *caio.TDigest {
	d, err := caio.New(caio.Compression(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range rapid.SliceOfN(rapid.IntRange(0, 99), 0, 100).Draw(t, "samples") {
		if err := d.Add(float64(v)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// What a digest counts is a sum.
func TestCaioTDigestCountHolds(t *testing.T) {
	same := func(a, b *caio.TDigest) bool { return a.Count() == b.Count() }
	laws.CheckMethod(t, (*caio.TDigest).Merge, rapid.Custom(drawCaio), laws.NotIdempotent(), laws.Equal(same), cases())
}

// What it says of quantiles is an estimate, which depends on the order of merging.
func TestCaioTDigestQuantiles(t *testing.T) {
	state := func(d *caio.TDigest) any {
		if d.Count() == 0 {
			return nil
		}
		return [2]float64{float64(d.Count()), d.Quantile(0.5)}
	}
	// Nor is the median all that merging depends on.
	set := laws.Method[*caio.TDigest]((*caio.TDigest).Merge, laws.NotIdempotent(), laws.State(state)).Only("method", "inplace/delta-unchanged")
	join := func(a, b *caio.TDigest) *caio.TDigest {
		merged := a.Clone()
		if err := merged.Merge(b); err != nil {
			panic(fmt.Sprintf("merge: %v", err))
		}
		return merged
	}
	fails(t, set, drawn(rapid.Custom(drawCaio), join, (*caio.TDigest).Clone), "method/associative", "method/commutative")
}
