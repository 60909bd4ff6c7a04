package reports_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws"
)

// target is a cluster and how much of something it is to run.
type target struct {
	Name     string
	Replicas int
}

func someTargets() *rapid.Generator[[]target] {
	one := rapid.Custom(func(t *rapid.T) target {
		return target{rapid.StringMatching(`member[1-9]`).Draw(t, "name"), rapid.IntRange(0, 100).Draw(t, "replicas")}
	})
	return rapid.SliceOfDistinct(one, func(t target) string { return t.Name })
}

// appended appends those of b that a has not.
func appended(a, b []target) []target {
	j := a
	for _, x := range b {
		if !slices.ContainsFunc(a, func(y target) bool { return x.Name == y.Name }) {
			j = append(j, x)
		}
	}
	return j
}

func appendedToClone(a, b []target) []target { return appended(slices.Clip(a), b) }

// sample is how often a stack was seen.
type sample struct {
	Stack string
	Value int64
}

type profile struct{ Samples []*sample }

func mergingSamples(adopt func(*sample) *sample) func(p, o *profile) {
	return func(p, o *profile) {
		for _, s := range o.Samples {
			i, ok := slices.BinarySearchFunc(p.Samples, s.Stack, func(s *sample, stack string) int { return cmp.Compare(s.Stack, stack) })
			if ok {
				p.Samples[i].Value += s.Value
			} else {
				p.Samples = slices.Insert(p.Samples, i, adopt(s))
			}
		}
	}
}

func itself(s *sample) *sample { return s }
func copied(s *sample) *sample { return &sample{s.Stack, s.Value} }

func someProfiles() *rapid.Generator[profile] {
	return rapid.Map(rapid.MapOf(rapid.StringMatching(`main;[a-z]{1,3}`), rapid.Int64Range(1, 1e9)), func(m map[string]int64) (p profile) {
		for _, stack := range slices.Sorted(maps.Keys(m)) {
			p.Samples = append(p.Samples, &sample{stack, m[stack]})
		}
		return p
	})
}

// cloned is an overlay that puts b into a clone of a, of which a nil map has none.
func cloned(a, b values) values {
	j := maps.Clone(a)
	for k, v := range b {
		j[k] = v
	}
	return j
}

// promoted is a sketch that is a list while it is short, and then the greatest ranks.
type promoted struct {
	List  []uint32
	Ranks *[8]uint32
}

func (p *promoted) ranks() (r [8]uint32) {
	if p.Ranks != nil {
		return *p.Ranks
	}
	for _, h := range p.List {
		r[h%8] = max(r[h%8], h/8)
	}
	return r
}

// merging promotes what is too long in both lists, or in their union.
func merging(union bool) func(p, o *promoted) {
	const most = 12
	return func(p, o *promoted) {
		if p.Ranks == nil && o.Ranks == nil {
			both := slices.Concat(p.List, o.List)
			long := len(both) > most
			slices.Sort(both)
			both = slices.Compact(both)
			if !long || union && len(both) <= most {
				p.List = both
				return
			}
		}
		r := p.ranks()
		for i, rank := range o.ranks() {
			r[i] = max(r[i], rank)
		}
		*p = promoted{Ranks: &r}
	}
}

func somePromoted() *rapid.Generator[promoted] {
	return rapid.Map(rapid.SliceOfNDistinct(rapid.Uint32Range(0, 1023), 0, 20, rapid.ID), func(hashes []uint32) promoted {
		p := promoted{}
		merging(true)(&p, &promoted{List: hashes})
		return p
	})
}

func aggregateReports() []report {
	near, rises := laws.Tolerance(nearMoments), laws.Valid(rising)
	addHistograms := byMethod(func(h, o *histogram) { h.merge(*o) })
	unmet, union := unionBy(laterMet), unionBy(later)
	sums := laws.NotIdempotent()
	noOrder := laws.NotCommutative()
	unlessCut := func(a, b retained) retained { return retainedOf(a, b, false) }
	cut := func(a, b retained) retained { return retainedOf(a, b, true) }
	none := map[string]any{}
	return []report{
		{where: "apache/datafusion#13247", defect: "the mean of no numbers at all is not a number", door: "CheckMonoid, Tolerance",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(pooled, moments{}, near), pooledUnlessEmpty, someMoments()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, pooledUnlessEmpty, moments{}, someMoments(), near, o)
			}},
		{where: "joshday/OnlineStats.jl#218", defect: "what lies beyond the ends is not added up", door: "CheckMethod, NotIdempotent",
			law: "method/commutative", faulty: doorOf(laws.Method[histogram]((*histogram).mergeCounts, sums), addHistograms, someHistograms()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[histogram](t, (*histogram).merge, someHistograms(), sums, o)
			}},
		{where: "sozu-proxy/sozu#1127", defect: "cumulative counts of fewer buckets end before those of more", door: "CheckMonoid, Valid",
			law: "totality/defined", faulty: doorOf(laws.Monoid(cumulated(false), nil, rises), cumulated(true), someCumulative()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, cumulated(true), nil, someCumulative(), rises, o)
			}},
		{where: "TileDB-Inc/TileDB#5268", defect: "of intervals that meet the end of the later one is taken, though it lies in the other", door: "CheckMerge",
			law: "semilattice/associative", faulty: doorOf(laws.Func(unmet), union, someIntervals()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, union, someIntervals(), o) }},
		{where: "ClickHouse/ClickHouse#73507", defect: "a sketch that is decoded takes its size for its capacity", door: "CheckCodec",
			law: "codec/round-trip", faulty: doorOf(laws.CodecFunc(encodeCounts, decodeCounts), func(a, _ heavy) heavy { return a }, someHeavy()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckCodec(t, encodeHeavy, decodeHeavy, someHeavy(), o) }},
		{where: "open-telemetry/opentelemetry-js#4450", defect: "buckets that are empty begin at 0, and grow from there", door: "CheckMethod, NotIdempotent",
			law: "method/commutative", faulty: doorOf(laws.Method[buckets](addingBuckets(false), sums), byMethod(addingBuckets(true)), someBuckets()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[buckets](t, addingBuckets(true), someBuckets(), sums, o)
			}},
		{where: "elastic/elasticsearch#155459", defect: "buckets are made wider after those below the threshold were counted apart, and lie below it then", door: "CheckMonoid",
			law: "monoid/associative", faulty: doorOf(laws.Monoid(rescaled(true), scaledBuckets{}), rescaled(false), someScaled()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, rescaled(false), scaledBuckets{}, someScaled(), o)
			}},
		{where: "DomCR/ACadSharp#584", defect: "the box around nothing is one around the origin", door: "CheckMonoid",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(extended, extent{}), extendedByAny, someExtents()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, extendedByAny, extent{}, someExtents(), o)
			}},
		{where: "apache/datasketches-cpp#356", defect: "a lower threshold of the second sketch does not cut the first", door: "CheckMerge",
			law: "semilattice/commutative", faulty: doorOf(laws.Func(unlessCut), cut, someRetained()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMerge(t, cut, someRetained(), o) }},
		{where: "addthis/stream-lib#31", defect: "two lists with much in common are promoted by the sum of their lengths", door: "CheckMethod",
			law: "method/idempotent", faulty: doorOf(laws.Method[promoted](merging(false)), byMethod(merging(true)), somePromoted()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckMethod[promoted](t, merging(true), somePromoted(), o) }},
		{where: "evanphx/json-patch#140", defect: "of a patch upon one that does not have the key, the deletion is lost", door: "CheckMonoid, NotCommutative",
			law: "monoid/identity", faulty: doorOf(laws.Monoid(mergedPatch(false), none, noOrder), mergedPatch(true), somePatches()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMonoid(t, mergedPatch(true), none, somePatches(), noOrder, o)
			}},
		{where: "karmada-io/karmada#7395", defect: "what is new is appended into the capacity to spare of an argument", door: "CheckBand",
			law: "inplace/arguments-unchanged", faulty: doorOf(laws.Band(appended), appendedToClone, someTargets()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, appendedToClone, someTargets(), o) }},
		{where: "grafana/pyroscope#3251", defect: "samples that are new are taken over, and added to by the next merge", door: "CheckMethod, NotIdempotent",
			law: "inplace/delta-not-retained", faulty: doorOf(laws.Method[profile](mergingSamples(itself), sums), byMethod(mergingSamples(copied)), someProfiles()),
			correct: func(t *testing.T, o laws.Option) {
				laws.CheckMethod[profile](t, mergingSamples(copied), someProfiles(), sums, o)
			}},
		{where: "kubernetes/kubernetes#105135", defect: "a nil map cannot be written into", door: "CheckBand",
			law:     "wellposed/congruence",
			faulty:  doorOf(laws.Band(cloned), overlaid, someValues()),
			correct: func(t *testing.T, o laws.Option) { laws.CheckBand(t, overlaid, someValues(), o) }},
	}
}
