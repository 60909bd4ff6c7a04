package reports_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// registers are those of a small HyperLogLog.
type registers [4]uint8

func someRegisters() *rapid.Generator[registers] {
	return rapid.Custom(func(t *rapid.T) registers {
		return registers(rapid.SliceOfN(rapid.Uint8Range(0, 60), 4, 4).Draw(t, "registers"))
	})
}

func greatestRegisters(a, b registers) registers {
	for i, r := range b {
		a[i] = max(a[i], r)
	}
	return a
}

// cached is a sketch that keeps its estimate once it was asked for.
type cached struct {
	Registers registers
	Estimate  int // 0 where it is not known
}

func (c *cached) count() int {
	if c.Estimate == 0 {
		for _, r := range c.Registers {
			c.Estimate += 1 + int(r)
		}
	}
	return c.Estimate
}

func (c *cached) mergeStale(o *cached) { c.Registers = greatestRegisters(c.Registers, o.Registers) }
func (c *cached) merge(o *cached)      { c.mergeStale(o); c.Estimate = 0 }

func sameEstimate(a, b cached) bool { return a.Registers == b.Registers && a.count() == b.count() }

func someCached() *rapid.Generator[cached] {
	return rapid.Custom(func(t *rapid.T) cached {
		c := cached{Registers: someRegisters().Draw(t, "registers")}
		if rapid.Bool().Draw(t, "asked") {
			c.count()
		}
		return c
	})
}

// sparse is the list of a sparse HyperLogLog, with the place up to which it was read.
type sparse struct {
	Hashes []int
	Read   int
}

func (s *sparse) merge(o *sparse, consume bool) {
	at := o.Read
	s.Hashes = slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.Hashes, o.Hashes[at:]))))
	if consume {
		o.Read = len(o.Hashes)
	}
}

func (s *sparse) mergeConsuming(o *sparse) { s.merge(o, true) }
func (s *sparse) mergeReading(o *sparse)   { s.merge(o, false) }

func someSparse() *rapid.Generator[sparse] {
	return rapid.Map(rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 5), func(h []int) sparse {
		return sparse{Hashes: slices.Compact(slices.Sorted(slices.Values(h)))}
	})
}

// ranked is a place of a sparse HyperLogLog with the greatest rank seen there: a list has
// each place once.
type ranked struct{ Index, Rank int }

func byIndex(a, b ranked) int { return cmp.Or(a.Index-b.Index, a.Rank-b.Rank) }

func mergeRanked(a, b []ranked, once bool) []ranked {
	j := slices.SortedFunc(slices.Values(slices.Concat(a, b)), byIndex)
	var kept []ranked
	for _, r := range j {
		last := len(kept) - 1
		switch {
		case last >= 0 && kept[last] == r:
		case last >= 0 && once && kept[last].Index == r.Index:
			kept[last] = r
		default:
			kept = append(kept, r)
		}
	}
	return kept
}

func someRanked() *rapid.Generator[[]ranked] {
	return rapid.Map(rapid.MapOfN(rapid.IntRange(0, 5), rapid.IntRange(1, 20), 0, 4), func(m map[int]int) []ranked {
		var list []ranked
		for i, r := range m {
			list = append(list, ranked{i, r})
		}
		slices.SortFunc(list, byIndex)
		return list
	})
}

// digest is a t-digest: means with weights, and the extremes of all that was added.
type digest struct {
	Centroids []ranked // Index is the mean, Rank the weight
	Min, Max  int
}

func mergeDigests(a, b digest, keep bool) digest {
	j := digest{Centroids: slices.SortedFunc(slices.Values(slices.Concat(a.Centroids, b.Centroids)), byIndex)}
	switch n := len(j.Centroids); {
	case n == 0:
	case !keep:
		j.Min, j.Max = j.Centroids[0].Index, j.Centroids[n-1].Index
	case len(a.Centroids) == 0:
		j.Min, j.Max = b.Min, b.Max
	case len(b.Centroids) == 0:
		j.Min, j.Max = a.Min, a.Max
	default:
		j.Min, j.Max = min(a.Min, b.Min), max(a.Max, b.Max)
	}
	return j
}

// someDigests are digests of some values, pairs of which became one centroid.
func someDigests() *rapid.Generator[digest] {
	return rapid.Map(rapid.SliceOfN(rapid.IntRange(-50, 50), 0, 6), func(values []int) digest {
		slices.Sort(values)
		var d digest
		for i, v := range values {
			if i == 0 {
				d.Min = v
			}
			d.Max = v
			if i%2 == 1 {
				last := &d.Centroids[len(d.Centroids)-1]
				last.Index, last.Rank = (last.Index+v)/2, 2
			} else {
				d.Centroids = append(d.Centroids, ranked{v, 1})
			}
		}
		slices.SortFunc(d.Centroids, byIndex)
		return d
	})
}

// bits is a Bloom filter with the number of bits that are set.
type bits struct {
	Set   [8]bool
	Count int
}

func unionBits(a, b bits, count bool) bits {
	j := bits{}
	for i := range j.Set {
		if j.Set[i] = a.Set[i] || b.Set[i]; j.Set[i] && count {
			j.Count++
		}
	}
	return j
}

func someBits() *rapid.Generator[bits] {
	return rapid.Custom(func(t *rapid.T) bits {
		b := bits{Set: [8]bool(rapid.SliceOfN(rapid.Bool(), 8, 8).Draw(t, "bits"))}
		return unionBits(b, b, true)
	})
}

func sketchReports() []report {
	or := func(a, b registers) registers {
		for i, r := range b {
			if a[i] < r {
				a[i] |= r
			}
		}
		return a
	}
	addUp := func(a, b registers) registers {
		for i, r := range b {
			a[i] += r
		}
		return a
	}
	addTo := func(a *registers, b registers) { *a = addUp(*a, b) }
	last := func(_, b registers) registers { return b }
	stale := laws.Method[cached]((*cached).mergeStale, laws.Equal(sameEstimate))
	twice := func(a, b []ranked) []ranked { return mergeRanked(a, b, false) }
	once := func(a, b []ranked) []ranked { return mergeRanked(a, b, true) }
	each := laws.Valid(eachPlaceOnce)
	inward := func(a, b digest) digest { return mergeDigests(a, b, false) }
	uncounted := func(a, b bits) bits { return unionBits(a, b, false) }
	return []report{
		{where: "google/zetasketch#17", defect: "merging reads the list of its argument up to the end, and leaves it there", door: "CheckMethod",
			law: "inplace/delta-unchanged", faulty: doorOf(laws.Method[sparse]((*sparse).mergeConsuming), byMethod((*sparse).mergeReading), someSparse()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMethod(t, (*sparse).mergeReading, someSparse(), o) }},
		{where: "ascv/HyperLogLog#25", defect: "the estimate kept from before the merge is given after it", door: "CheckMethod, Equal",
			law: "method/commutative", faulty: doorOf(stale, byMethod((*cached).merge), someCached()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod(t, (*cached).merge, someCached(), o, laws.Equal(sameEstimate))
			}},
		{where: "hideo55/cpp-HyperLogLog#14", defect: "the greater register is or-ed to the smaller one in place of replacing it", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(or), greatestRegisters, someRegisters()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, greatestRegisters, someRegisters(), o) }},
		{where: "dragonflydb/dragonfly#4750", defect: "merging the same sketches again counts their elements again", door: "CheckMethod",
			law: "method/idempotent", faulty: doorOf(laws.Method[registers](addTo), greatestRegisters, someRegisters()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod(t, func(a *registers, b registers) { *a = greatestRegisters(*a, b) }, someRegisters(), o)
			}},
		{where: "tabac/hyperloglog.rs#19", defect: "of two ranks at one place of the sparse list both are kept", door: "CheckMerge, Valid",
			law: "totality/defined", faulty: doorOf(laws.Func(twice, each), once, someRanked()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, once, someRanked(), o, each) }},
		{where: "apache/datasketches-rust#277", defect: "least and greatest value are made anew of the outer means, which lie further in", door: "CheckMonoid",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(inward, digest{}), inward, someDigests()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, func(a, b digest) digest { return mergeDigests(a, b, true) }, digest{}, someDigests(), o)
			}},
		{where: "alexandrnikitin/bloom-filter-scala#39", defect: "a union does not count its bits", door: "CheckMerge",
			law: "semilattice/idempotent", faulty: doorOf(laws.Func(uncounted), uncounted, someBits()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMerge(t, func(a, b bits) bits { return unionBits(a, b, true) }, someBits(), o)
			}},
		{where: "addthis/hydra#100", defect: "of two count-min sketches the counts of the last one are taken", door: "CheckMonoid",
			law: "monoid/commutative", faulty: doorOf(laws.Monoid(last, registers{}), addUp, someRegisters()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMonoid(t, addUp, registers{}, someRegisters(), o) }},
	}
}

func eachPlaceOnce(list []ranked) error {
	for i := range list[:max(0, len(list)-1)] {
		if list[i].Index >= list[i+1].Index {
			return errTwice
		}
	}
	return nil
}

// scoped is the schedules of a replicated type, as the doors about histories draw them.
func scoped[O any](set laws.Set[laws.Schedule[O]], ops *rapid.Generator[O]) laws.Suite {
	return laws.NewSuite(set.Name(), set, laws.ScheduleSource(gen.FromRapid(ops)), nil)
}
