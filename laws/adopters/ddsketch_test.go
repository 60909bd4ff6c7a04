package adopters_test

import (
	"fmt"
	"maps"
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

func newDD(provider store.Provider) *ddsketch.DDSketchWithExactSummaryStatistics {
	return ddsketch.NewDDSketchWithExactSummaryStatistics(mappingOf(0.1), provider)
}

// mergeDD merges from a copy of b: reading a sketch may sort a buffer of it.
func mergeDD(a, b *ddsketch.DDSketchWithExactSummaryStatistics) *ddsketch.DDSketchWithExactSummaryStatistics {
	merged := a.Copy()
	if err := merged.MergeWith(b.Copy()); err != nil {
		panic(fmt.Sprintf("merge: %v", err))
	}
	return merged
}

// sameDD compares the bins and the exact statistics, of copies.
func sameDD(a, b *ddsketch.DDSketchWithExactSummaryStatistics) bool {
	if a.GetCount() != b.GetCount() || a.GetSum() != b.GetSum() {
		return false
	}
	if a.GetCount() > 0 { // else there are no least and greatest value
		for _, ask := range []func(*ddsketch.DDSketchWithExactSummaryStatistics) (float64, error){
			(*ddsketch.DDSketchWithExactSummaryStatistics).GetMinValue, (*ddsketch.DDSketchWithExactSummaryStatistics).GetMaxValue,
		} {
			x, errA := ask(a)
			y, errB := ask(b)
			if x != y || errA != nil || errB != nil {
				return false
			}
		}
	}
	return maps.Equal(binsOf(a), binsOf(b))
}

func binsOf(s *ddsketch.DDSketchWithExactSummaryStatistics) map[float64]float64 {
	bins := map[float64]float64{}
	s.Copy().ForEach(func(value, count float64) bool {
		bins[value] += count
		return false
	})
	return bins
}

func drawDD(provider store.Provider) *rapid.Generator[*ddsketch.DDSketchWithExactSummaryStatistics] {
	return rapid.Custom(func(t *rapid.T) *ddsketch.DDSketchWithExactSummaryStatistics {
		s := newDD(provider)
		for _, v := range latencies(t) {
			if err := s.Add(float64(v)); err != nil {
				t.Fatal(err)
			}
		}
		return s
	})
}

func TestDDSketchHolds(t *testing.T) {
	for name, provider := range stores {
		t.Run(name, func(t *testing.T) {
			set := sum(mergeDD, newDD(provider), laws.Equal(sameDD))
			copied := (*ddsketch.DDSketchWithExactSummaryStatistics).Copy
			laws.Check(t, set, drawn(drawDD(provider), mergeDD, copied), cases())
		})
	}
}

// Sketches with different stores merge as well, bin by bin.
func TestDDSketchStoresMixedHold(t *testing.T) {
	states := rapid.Custom(func(t *rapid.T) *ddsketch.DDSketchWithExactSummaryStatistics {
		name := rapid.SampledFrom([]string{"buffered, paginated", "dense", "sparse"}).Draw(t, "store")
		return drawDD(stores[name]).Draw(t, "sketch")
	})
	set := sum(mergeDD, newDD(store.DefaultProvider), laws.Equal(sameDD))
	laws.Check(t, set, drawn(states, mergeDD, (*ddsketch.DDSketchWithExactSummaryStatistics).Copy), cases())
}
