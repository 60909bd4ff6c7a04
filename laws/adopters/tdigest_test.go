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
	set := sum(mergeFed, fed{}, laws.Equal(sameWeight)).With(keepsWeight()).Only("semilattice", "monoid", "tdigest")
	fails(t, set, drawn(drawFed(50), mergeFed, copyFed),
		"semilattice/associative", "semilattice/commutative", "tdigest/counted")
}

func TestInfluxTDigestHolds(t *testing.T) {
	set := sum(mergeFed, fed{}, laws.Equal(sameWeight)).With(keepsWeight())
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

// middle stands for the random numbers of a digest: it has no state. Clone of the
// default one draws from the digest that is copied, and so writes into it.
type middle struct{}

func (middle) Float32() float32 { return 0.5 }
func (middle) Intn(n int) int   { return n / 2 }
func (middle) Clone() caio.RNG  { return middle{} }

func newCaio() *caio.TDigest {
	d, err := caio.New(caio.Compression(3), caio.RandomNumberGenerator(middle{}))
	if err != nil {
		panic(fmt.Sprintf("new: %v", err))
	}
	return d
}

func drawCaio(t *rapid.T) *caio.TDigest {
	d := newCaio()
	for _, v := range rapid.SliceOfN(rapid.IntRange(0, 99), 0, 100).Draw(t, "samples") {
		if err := d.Add(float64(v)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func mergeCaio(a, b *caio.TDigest) *caio.TDigest {
	merged := a.Clone()
	if err := merged.Merge(b); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

// What a digest counts is a sum.
func TestCaioTDigestCountHolds(t *testing.T) {
	same := func(a, b *caio.TDigest) bool { return a.Count() == b.Count() }
	set := sum(mergeCaio, newCaio(), laws.Equal(same))
	laws.Check(t, set, drawn(rapid.Custom(drawCaio), mergeCaio, (*caio.TDigest).Clone), cases())
}

// What it says of quantiles is an estimate, which depends on the order of merging.
func TestCaioTDigestQuantiles(t *testing.T) {
	same := func(a, b *caio.TDigest) bool {
		return a.Count() == b.Count() && (a.Count() == 0 || a.Quantile(0.5) == b.Quantile(0.5))
	}
	set := sum(mergeCaio, newCaio(), laws.Equal(same))
	fails(t, set.Only("semilattice", "inplace/arguments-unchanged"), drawn(rapid.Custom(drawCaio), mergeCaio, (*caio.TDigest).Clone), "semilattice/associative", "semilattice/commutative")
}
