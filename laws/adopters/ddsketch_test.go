package adopters_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// stores are the ways in which a sketch can keep its bins. The collapsing ones are
// given few bins, so that latencies over six powers of ten fill them.
var stores = map[string]store.Provider{
	"buffered, paginated": store.BufferedPaginatedStoreConstructor,
	"dense":               store.DenseStoreConstructor,
	"sparse":              store.SparseStoreConstructor,
	"collapsing lowest":   func() store.Store { return store.NewCollapsingLowestDenseStore(12) },
	"collapsing highest":  func() store.Store { return store.NewCollapsingHighestDenseStore(12) },
}

// latencies are drawn as integers, which sum without rounding.
func latencies(t *rapid.T) []int64 {
	digit := rapid.Int64Range(-3, 9)
	power := rapid.SampledFrom([]int64{1, 10, 1000, 1_000_000})
	var all []int64
	for range rapid.IntRange(0, 30).Draw(t, "values") {
		all = append(all, digit.Draw(t, "digit")*power.Draw(t, "power"))
	}
	return all
}

func mappingOf(accuracy float64) mapping.IndexMapping {
	m, err := mapping.NewDefaultMapping(accuracy)
	if err != nil {
		panic(fmt.Sprintf("mapping: %v", err))
	}
	return m
}

// drawDD draws a sketch of one of the stores and accuracies.
func drawDD(accuracies []float64, names ...string) *rapid.Generator[*ddsketch.DDSketchWithExactSummaryStatistics] {
	return rapid.Custom(func(t *rapid.T) *ddsketch.DDSketchWithExactSummaryStatistics {
		accuracy := mappingOf(rapid.SampledFrom(accuracies).Draw(t, "accuracy"))
		s := ddsketch.NewDDSketchWithExactSummaryStatistics(accuracy, stores[rapid.SampledFrom(names).Draw(t, "store")])
		for _, v := range latencies(t) {
			if err := s.Add(float64(v)); err != nil {
				t.Fatal(err)
			}
		}
		return s
	})
}

// stateDD is what a sketch says. Reading one may sort a buffer of it, so that a copy is
// read.
func stateDD(s *ddsketch.DDSketchWithExactSummaryStatistics) any {
	s = s.Copy()
	said := struct {
		Bins                 map[float64]float64
		Count, Sum, Min, Max float64
		Accuracy             float64
	}{Bins: map[float64]float64{}, Count: s.GetCount(), Sum: s.GetSum(), Accuracy: s.RelativeAccuracy()}
	s.ForEach(func(value, count float64) bool {
		said.Bins[value] += count
		return false
	})
	if said.Count == 0 { // there are no least and greatest value
		return said
	}
	var errMin, errMax error
	said.Min, errMin = s.GetMinValue()
	said.Max, errMax = s.GetMaxValue()
	if err := errors.Join(errMin, errMax); err != nil {
		panic(fmt.Sprintf("least and greatest value of a sketch of %v: %v", said.Count, err))
	}
	return said
}

var (
	mergeDD = (*ddsketch.DDSketchWithExactSummaryStatistics).MergeWith
	copyDD  = (*ddsketch.DDSketchWithExactSummaryStatistics).Copy
)

func TestDDSketchHolds(t *testing.T) {
	for name := range stores {
		t.Run(name, func(t *testing.T) {
			laws.CheckMethod(t, mergeDD, drawDD([]float64{0.1}, name), laws.NotIdempotent(), laws.State(stateDD), laws.Clone(copyDD), cases())
		})
	}
}

// Sketches with different stores merge as well, bin by bin.
func TestDDSketchStoresMixedHold(t *testing.T) {
	states := drawDD([]float64{0.1}, "buffered, paginated", "dense", "sparse")
	laws.CheckMethod(t, mergeDD, states, laws.NotIdempotent(), laws.State(stateDD), laws.Clone(copyDD), cases())
}

// Sketches of different accuracies refuse each other.
func TestDDSketchRefuses(t *testing.T) {
	states := drawDD([]float64{0.1, 0.01}, "buffered, paginated", "dense")
	laws.CheckMethod(t, mergeDD, states, laws.NotIdempotent(), laws.MayRefuse(), laws.State(stateDD), laws.Clone(copyDD), cases())
}
