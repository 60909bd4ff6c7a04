package visits_test

import (
	"testing"

	"example.com/visits"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/operators"
	"pgregory.net/rapid"
)

func drawVisit(t *rapid.T) visits.Visit {
	return visits.Visit{ID: rapid.IntRange(1, 99).Draw(t, "id"), Page: rapid.SampledFrom([]string{"/", "/news"}).Draw(t, "page")}
}

func TestCounter(t *testing.T) {
	operators.CheckEmit(t, visits.Counter, lattice.IsTricky, visits.Merge, rapid.Custom(drawVisit))
}

func drawCounts(t *rapid.T) visits.Counts {
	v := drawVisit(t)
	return visits.Counts{v.Page: v.ID}
}

func TestBatches(t *testing.T) {
	operators.CheckSeq(t, visits.Batches(3), lattice.IsMorphism, visits.Merge, rapid.Custom(drawCounts), operators.Late(), operators.Join(visits.Merge))
}
