package reports_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"

	"pgregory.net/rapid"
)

// moments are the count, mean and sum of squared differences of some numbers.
type moments struct {
	N        uint64
	Mean, M2 float64
}

func someMoments() *rapid.Generator[moments] {
	return rapid.Custom(func(t *rapid.T) moments {
		n := rapid.Uint64Range(0, 1000).Draw(t, "n")
		if n == 0 {
			return moments{}
		}
		return moments{n, rapid.Float64Range(-1000, 1000).Draw(t, "mean"), rapid.Float64Range(0, 1e6).Draw(t, "m2")}
	})
}

func nearMoments(a, b moments) bool {
	return a.N == b.N && (a.Mean == b.Mean || math.Abs(a.Mean-b.Mean) < 1e-6) && (a.M2 == b.M2 || math.Abs(a.M2-b.M2) < 1e-6*(1+a.M2))
}

// pooled divides by a count of 0 where there are no numbers at all.
func pooled(a, b moments) moments {
	n, d := float64(a.N+b.N), a.Mean-b.Mean
	return moments{a.N + b.N, a.Mean*float64(a.N)/n + b.Mean*float64(b.N)/n, a.M2 + b.M2 + d*d*float64(a.N)*float64(b.N)/n}
}

func pooledUnlessEmpty(a, b moments) moments {
	switch {
	case a.N == 0:
		return b
	case b.N == 0:
		return a
	}
	return pooled(a, b)
}

// histogram counts numbers below 8, and those beyond either end.
type histogram struct {
	Counts [8]int
	Out    [2]int
}

func (h *histogram) mergeCounts(o histogram) {
	for i, n := range o.Counts {
		h.Counts[i] += n
	}
}

func (h *histogram) merge(o histogram) {
	h.mergeCounts(o)
	h.Out[0], h.Out[1] = h.Out[0]+o.Out[0], h.Out[1]+o.Out[1]
}

func someHistograms() *rapid.Generator[histogram] {
	return rapid.Map(rapid.SliceOf(rapid.IntRange(-2, 9)), func(values []int) (h histogram) {
		for _, v := range values {
			switch {
			case v < 0:
				h.Out[0]++
			case v > 7:
				h.Out[1]++
			default:
				h.Counts[v]++
			}
		}
		return h
	})
}

var errFalls = errors.New("cumulative counts fall")

func rising(counts []uint64) error {
	if !slices.IsSorted(counts) {
		return errFalls
	}
	return nil
}

func someCumulative() *rapid.Generator[[]uint64] {
	return rapid.Map(rapid.SliceOfN(rapid.Uint64Range(0, 1000), 0, 10), func(counts []uint64) []uint64 {
		for i := range counts[:max(0, len(counts)-1)] {
			counts[i+1] += counts[i]
		}
		return counts
	})
}

// cumulated adds counts up bucket by bucket; beyond the last bucket of one there is nothing,
// or all that there was.
func cumulated(all bool) func(a, b []uint64) []uint64 {
	at := func(counts []uint64, i int) uint64 {
		switch {
		case i < len(counts):
			return counts[i]
		case all && len(counts) > 0:
			return counts[len(counts)-1]
		}
		return 0
	}
	return func(a, b []uint64) []uint64 {
		sum := make([]uint64, max(len(a), len(b)))
		for i := range sum {
			sum[i] = at(a, i) + at(b, i)
		}
		return sum
	}
}

// interval holds both of its ends.
type interval struct{ From, To int }

// fused sorts intervals and joins those that meet; to says where two that meet end.
func fused(list []interval, to func(before, after int) int) (out []interval) {
	slices.SortFunc(list, func(a, b interval) int { return cmp.Or(a.From-b.From, a.To-b.To) })
	for _, s := range list {
		if n := len(out); n > 0 && s.From <= out[n-1].To+1 {
			out[n-1].To = to(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

func unionBy(to func(before, after int) int) func(a, b []interval) []interval {
	return func(a, b []interval) []interval { return fused(slices.Concat(a, b), to) }
}

func later(before, after int) int { return max(before, after) }
func laterMet(_, after int) int   { return after }
func someIntervals() *rapid.Generator[[]interval] {
	one := rapid.Custom(func(t *rapid.T) interval {
		from := rapid.IntRange(0, 1000).Draw(t, "from")
		return interval{from, from + rapid.IntRange(0, 50).Draw(t, "length")}
	})
	return rapid.Map(rapid.SliceOf(one), func(list []interval) []interval { return fused(list, later) })
}

// heavy is a sketch of the most frequent keys, of a capacity.
type heavy struct {
	Capacity int
	Counts   map[string]uint64
}

func someHeavy() *rapid.Generator[heavy] {
	return rapid.Custom(func(t *rapid.T) heavy {
		return heavy{rapid.IntRange(10, 100).Draw(t, "capacity"), rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), rapid.Uint64Min(1), 0, 10).Draw(t, "counts")}
	})
}

// encodeCounts leaves the capacity out, and decodeCounts takes the size for it.
func encodeCounts(h heavy) ([]byte, error) { return json.Marshal(h.Counts) }
func decodeCounts(b []byte) (h heavy, err error) {
	err = json.Unmarshal(b, &h.Counts)
	h.Capacity = len(h.Counts)
	return h, err
}

func encodeHeavy(h heavy) ([]byte, error) { return json.Marshal(h) }
func decodeHeavy(b []byte) (h heavy, err error) {
	err = json.Unmarshal(b, &h)
	return h, err
}

// buckets are counts from a start on.
type buckets struct {
	Start  int
	Counts []uint64
}

// add counts at an index. Where there are no buckets yet, their start is where it is, which
// is 0 at first, or the index.
func (b *buckets) add(index int, n uint64, starts bool) {
	if len(b.Counts) == 0 && starts {
		b.Start = index
	}
	for ; index < b.Start; b.Start-- {
		b.Counts = slices.Insert(b.Counts, 0, 0)
	}
	for index >= b.Start+len(b.Counts) {
		b.Counts = append(b.Counts, 0)
	}
	b.Counts[index-b.Start] += n
}

func addingBuckets(starts bool) func(b, o *buckets) {
	return func(b, o *buckets) {
		for i, n := range o.Counts {
			b.add(o.Start+i, n, starts)
		}
	}
}

func someBuckets() *rapid.Generator[buckets] {
	return rapid.Map(rapid.SliceOf(rapid.IntRange(-20, 20)), func(indices []int) (b buckets) {
		for _, i := range indices {
			b.add(i, 1, true)
		}
		return b
	})
}

// scaled counts values in buckets of width 1 << Shift, and those below Threshold in one.
type scaledBuckets struct {
	Shift     uint
	Threshold int
	Zero      uint64
	Counts    map[int]uint64
}

func (s scaledBuckets) to(shift uint) scaledBuckets {
	o := scaledBuckets{shift, s.Threshold, s.Zero, map[int]uint64{}}
	for i, n := range s.Counts {
		o.Counts[i>>(shift-s.Shift)] += n
	}
	return o
}

// raised counts what lies below a threshold there, which becomes the border of a bucket.
func (s scaledBuckets) raised(threshold int) scaledBuckets {
	width := 1 << s.Shift
	o := scaledBuckets{s.Shift, (max(threshold, s.Threshold) + width - 1) / width * width, s.Zero, map[int]uint64{}}
	for i, n := range s.Counts {
		if i*width < o.Threshold {
			o.Zero += n
		} else {
			o.Counts[i] += n
		}
	}
	return o
}

func someScaled() *rapid.Generator[scaledBuckets] {
	return rapid.Custom(func(t *rapid.T) scaledBuckets {
		s := scaledBuckets{rapid.UintRange(0, 4).Draw(t, "shift"), 0, rapid.Uint64Range(0, 10).Draw(t, "zero"),
			rapid.MapOf(rapid.IntRange(0, 50), rapid.Uint64Range(1, 9)).Draw(t, "counts")}
		return s.raised(rapid.IntRange(0, 40).Draw(t, "threshold"))
	})
}

// rescaled merges the zero buckets before, or after, others are made wider.
func rescaled(before bool) func(a, b scaledBuckets) scaledBuckets {
	return func(a, b scaledBuckets) scaledBuckets {
		shift, threshold := max(a.Shift, b.Shift), max(a.Threshold, b.Threshold)
		bring := func(s scaledBuckets) scaledBuckets {
			if before {
				return s.raised(threshold).to(shift)
			}
			return s.to(shift).raised(threshold)
		}
		a, b = bring(a), bring(b)
		sum := scaledBuckets{shift, max(a.Threshold, b.Threshold), a.Zero + b.Zero, a.Counts}
		for i, n := range b.Counts {
			sum.Counts[i] += n
		}
		return sum
	}
}

// extent is a box around something, or around nothing.
type extent struct {
	Something      bool
	Least, Largest [2]float64
}

func someExtents() *rapid.Generator[extent] {
	f, size := rapid.Float64Range(-1000, 1000), rapid.Float64Range(0, 100)
	return rapid.Custom(func(t *rapid.T) extent {
		x, y := f.Draw(t, "x"), f.Draw(t, "y")
		return extent{true, [2]float64{x, y}, [2]float64{x + size.Draw(t, "width"), y + size.Draw(t, "height")}}
	})
}

// extended takes the box around nothing for one around the origin.
func extended(a, b extent) extent {
	j := extent{Something: a.Something || b.Something}
	for i := range j.Least {
		j.Least[i], j.Largest[i] = min(a.Least[i], b.Least[i]), max(a.Largest[i], b.Largest[i])
	}
	return j
}

func extendedByAny(a, b extent) extent {
	switch {
	case !a.Something:
		return b
	case !b.Something:
		return a
	}
	return extended(a, b)
}

// retained is a sample of hashes below a threshold.
type retained struct {
	Theta  uint32
	Hashes []uint32
}

// retainedOf keeps the 8 least hashes of both below the lower threshold; of those that the
// first one holds all, unless both are cut.
func retainedOf(a, b retained, both bool) retained {
	const nominal = 8
	j := retained{min(a.Theta, b.Theta), nil}
	for i, s := range []retained{a, b} {
		for _, h := range s.Hashes {
			if h < j.Theta || i == 0 && !both {
				j.Hashes = append(j.Hashes, h)
			}
		}
	}
	slices.Sort(j.Hashes)
	if j.Hashes = slices.Compact(j.Hashes); len(j.Hashes) > nominal {
		j.Theta, j.Hashes = j.Hashes[nominal], j.Hashes[:nominal]
	}
	return j
}

func someRetained() *rapid.Generator[retained] {
	return rapid.Map(rapid.SliceOf(rapid.Uint32()), func(hashes []uint32) retained {
		return retainedOf(retained{math.MaxUint32, hashes}, retained{Theta: math.MaxUint32}, true)
	})
}

// mergedPatch is a patch of a map in which nil deletes a key; of keys that a does not have,
// deletions are left out, or kept.
func mergedPatch(kept bool) func(a, b map[string]any) map[string]any {
	return func(a, b map[string]any) map[string]any {
		j := map[string]any{}
		maps.Copy(j, a)
		for k, v := range b {
			if _, has := j[k]; has || v != nil || kept {
				j[k] = v
			}
		}
		return j
	}
}

func somePatches() *rapid.Generator[map[string]any] {
	return rapid.MapOf(rapid.StringMatching(`[a-z]{1,2}`), rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.String(), func(s string) any { return s })))
}
