package reports_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// running is a mean and the squares of the differences from it.
type running struct {
	Count    int64
	Mean, M2 float64
}

func someRunning() *rapid.Generator[running] {
	return rapid.Map(rapid.SliceOfN(rapid.Float64Range(-1000, 1000), 0, 5), func(vs []float64) (r running) {
		for _, v := range vs {
			r = combinedUnlessEmpty(r, running{1, v, 0})
		}
		return r
	})
}

func nearRunning(a, b running) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-6*(1+math.Abs(x)+math.Abs(y)) }
	return a.Count == b.Count && near(a.Mean, b.Mean) && near(a.M2, b.M2)
}

func combinedUnlessEmpty(a, b running) running {
	switch {
	case a.Count == 0:
		return b
	case b.Count == 0:
		return a
	}
	n := float64(a.Count + b.Count)
	d := b.Mean - a.Mean
	return running{a.Count + b.Count, a.Mean + d*float64(b.Count)/n, a.M2 + b.M2 + d*d*float64(a.Count)*float64(b.Count)/n}
}

// combinedIntoEmpty knows of an empty receiver only.
func combinedIntoEmpty(a, b running) running {
	if a.Count == 0 {
		return b
	}
	ratio := float64(a.Count) / float64(b.Count)
	t := a.Mean*float64(a.Count)/ratio - b.Mean*float64(b.Count)
	n := a.Count + b.Count
	return running{n, (a.Mean*float64(a.Count) + b.Mean*float64(b.Count)) / float64(n), a.M2 + b.M2 + ratio/float64(n)*t*t}
}

// welford has no mean before its first value.
type welford struct {
	N        int
	Mean, M2 *float64
}

func (w *welford) running() running {
	if w.Mean == nil {
		return running{}
	}
	return running{int64(w.N), *w.Mean, *w.M2}
}

func welfordOf(r running) welford {
	if r.Count == 0 {
		return welford{}
	}
	return welford{int(r.Count), &r.Mean, &r.M2}
}

// merge is right for none; mergeValues needs both to have values.
func (w *welford) merge(o welford) { *w = welfordOf(combinedUnlessEmpty(w.running(), o.running())) }

func (w *welford) mergeValues(o welford) {
	d := *o.Mean - *w.Mean
	w.merge(o)
	_ = d
}

func nearWelford(a, b welford) bool { return nearRunning(a.running(), b.running()) }

// column is a profile of numbers.
type column struct {
	Count  int
	Common map[int]int
}

func (c *column) merge(o column) {
	c.Count += o.Count
	if c.Common == nil {
		c.Common = map[int]int{}
	}
	for v, n := range o.Common {
		c.Common[v] += n
	}
}

func (c *column) mergeCounts(o column) { c.Count += o.Count }

func someColumns() *rapid.Generator[column] {
	return rapid.Map(rapid.MapOf(rapid.IntRange(0, 20), rapid.IntRange(1, 50)), func(m map[int]int) column {
		c := column{Common: m}
		for _, n := range m {
			c.Count += n
		}
		return c
	})
}

// centred is centroids with the least and the greatest value that went into them.
type centred struct {
	Centroids map[int]int // mean, rounded, to weight
	Min, Max  float64
}

func noCentred() centred { return centred{map[int]int{}, math.Inf(1), math.Inf(-1)} }

func centredOf(vs []float64) centred {
	d := noCentred()
	for _, v := range vs {
		d.Centroids[int(math.Round(v))]++
		d.Min, d.Max = min(d.Min, v), max(d.Max, v)
	}
	return d
}

// centredBoth adds the centroids up. ends are those of both.
func centredBoth(ends bool) func(a, b centred) centred {
	return func(a, b centred) centred {
		j := centred{maps.Clone(a.Centroids), a.Min, a.Max}
		for mean, n := range b.Centroids {
			j.Centroids[mean] += n
			if !ends {
				j.Min, j.Max = min(j.Min, float64(mean)), max(j.Max, float64(mean))
			}
		}
		if ends {
			j.Min, j.Max = min(a.Min, b.Min), max(a.Max, b.Max)
		}
		return j
	}
}

func someCentred() *rapid.Generator[centred] {
	return rapid.Map(rapid.SliceOf(rapid.Float64Range(-100, 100)), centredOf)
}

// spread is counts of buckets, which begin at 0, and below them.
type spread struct {
	Below int
	Count []int
}

// bound is the counts of a bucket of another, by its lower bound.
type bounds = map[int]int

func (s spread) bounds() bounds {
	b := bounds{}
	if s.Below > 0 {
		b[-1] = s.Below
	}
	for i, n := range s.Count {
		if n > 0 {
			b[i] = n
		}
	}
	return b
}

// spreads adds counts by their bound; below says that those under 0 have a place of their own.
func spreads(below bool) func(a, b spread) spread {
	return func(a, b spread) spread {
		j := spread{a.Below, slices.Clone(a.Count)}
		for bound, n := range b.bounds() {
			if bound < 0 && below {
				j.Below += n
				continue
			}
			for bound >= len(j.Count) {
				j.Count = append(j.Count, 0)
			}
			j.Count[bound] += n
		}
		return j
	}
}

func someSpreads() *rapid.Generator[spread] {
	return rapid.Custom(func(t *rapid.T) spread {
		s := spread{Below: rapid.IntRange(0, 3).Draw(t, "below"), Count: rapid.SliceOfN(rapid.IntRange(1, 9), 0, 4).Draw(t, "count")}
		return s
	})
}

// average is a mean of so many.
type average struct {
	Count uint32
	Mean  float64
}

func someAverages() *rapid.Generator[average] {
	return rapid.Custom(func(t *rapid.T) average {
		n := rapid.Uint32Range(0, 1000).Draw(t, "count")
		if n == 0 {
			return average{}
		}
		return average{n, rapid.Float64Min(0).Draw(t, "mean")}
	})
}

// averaged weighs the means. products has each multiplied by its count first.
func averaged(products bool) func(a, b average) average {
	return func(a, b average) average {
		n := a.Count + b.Count
		switch {
		case n == 0:
			return average{}
		case products:
			return average{n, (a.Mean*float64(a.Count) + b.Mean*float64(b.Count)) / float64(n)}
		}
		return average{n, a.Mean*(float64(a.Count)/float64(n)) + b.Mean*(float64(b.Count)/float64(n))}
	}
}

// nearAverage is up to rounding. What is infinite is near itself alone.
func nearAverage(a, b average) bool {
	far := math.Abs(a.Mean/2 - b.Mean/2)
	return a.Count == b.Count && (a.Mean == b.Mean || !math.IsInf(a.Mean, 0) && !math.IsInf(b.Mean, 0) && far <= 1e-6*max(1, math.Abs(a.Mean), math.Abs(b.Mean)))
}

func someWelford() *rapid.Generator[welford] { return rapid.Map(someRunning(), welfordOf) }

func meanReports() []report {
	near, nearW, nearA := laws.Tolerance(nearRunning), laws.Tolerance(nearWelford), laws.Tolerance(nearAverage)
	sums := laws.NotIdempotent()
	joiningWelford := byMethod(func(s, o *welford) { s.merge(*o) })
	joiningColumn := byMethod(func(s, o *column) { s.merge(*o) })
	return []report{
		{where: "apache/druid#11617", defect: "merging no numbers divides by their count", door: "CheckMonoid, Tolerance",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(combinedIntoEmpty, running{}, near), combinedUnlessEmpty, someRunning()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, combinedUnlessEmpty, running{}, someRunning(), near, o)
			}},
		{where: "a-mitani/welford#2", defect: "there is no mean of no numbers to subtract", door: "CheckMethod, NotIdempotent, Tolerance",
			law: "method/commutative", faulty: doorOf(laws.Method[welford]((*welford).mergeValues, sums, nearW), joiningWelford, someWelford()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[welford](t, (*welford).merge, someWelford(), sums, nearW, o)
			}},
		{where: "alvarodiez20/pysuricata#67", defect: "the most common values of the other are dropped", door: "CheckMethod, NotIdempotent",
			law: "method/commutative", faulty: doorOf(laws.Method[column]((*column).mergeCounts, sums), joiningColumn, someColumns()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[column](t, (*column).merge, someColumns(), sums, o)
			}},
		{where: "pipelinedb/pipelinedb#875", defect: "the least and the greatest value of the other are made of its means", door: "CheckMonoid",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(centredBoth(false), noCentred()), centredBoth(true), someCentred()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, centredBoth(true), noCentred(), someCentred(), o)
			}},
		{where: "Eignex/kumulant#86", defect: "a bucket below zero is looked for among those from zero on", door: "CheckMonoid",
			law: "monoid/commutative", faulty: doorOf(laws.Monoid(spreads(false), spread{}), spreads(true), someSpreads()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, spreads(true), spread{}, someSpreads(), o)
			}},
		{where: "NVIDIA/cudf#22393", defect: "the product of a great mean and its count is infinite", door: "CheckMonoid, Tolerance",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(averaged(true), average{}, nearA), averaged(false), someAverages()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, averaged(false), average{}, someAverages(), nearA, o)
			}},
	}
}
