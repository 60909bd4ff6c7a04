package laws_test

import (
	"flag"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

//go:noinline
func unionOf(a, b map[string]struct{}) map[string]struct{} {
	j := make(map[string]struct{}, len(a)+len(b))
	maps.Copy(j, a)
	maps.Copy(j, b)
	return j
}

func stringSets() *rapid.Generator[map[string]struct{}] {
	return rapid.Custom(func(t *rapid.T) map[string]struct{} {
		s := map[string]struct{}{}
		for _, e := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 4).Draw(t, "elems") {
			s[e] = struct{}{}
		}
		return s
	})
}

// One operation is associativity over all 4096 triples of the 16 subsets of four
// elements.
func BenchmarkExhaust(b *testing.B) {
	m := lattice.SetOf[string]()
	universe := gen.Subsets("a", "b", "c", "d")
	b.Run("laws", func(b *testing.B) {
		b.ReportAllocs()
		set := laws.Semilattice(m)
		set = set.Only("semilattice/associative")
		for b.Loop() {
			if r := laws.Exhaust(set, universe); !r.OK() {
				b.Fatal(r)
			}
		}
	})
	b.Run("hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, x := range universe {
				for _, y := range universe {
					for _, z := range universe {
						l := lattice.Join(m, lattice.Join(m, x, y), z)
						r := lattice.Join(m, x, lattice.Join(m, y, z))
						if !maps.Equal(l, r) {
							b.Fatal("not associative")
						}
					}
				}
			}
		}
	})
}

// One operation is a check that fails and shrinks, from a seed of its own each. The
// metric is the median, reports included.
func BenchmarkFailingCheck(b *testing.B) {
	under := func(name, law string, once func(seed uint64) (failed bool)) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				started := time.Now()
				if !once(uint64(len(took)) + 1) {
					b.Fatalf("%s was not refuted", law)
				}
				took = append(took, time.Since(started))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "median-ms")
		})
	}
	underRapid := func(seed uint64, check func(t rapid.TB)) bool {
		if err := flag.Set("rapid.seed", strconv.FormatUint(seed, 10)); err != nil {
			b.Fatal(err)
		}
		out := &tape{name: "Test/law"}
		out.run(func() { check(out) })
		return out.failed
	}
	defer func() {
		if err := flag.Set("rapid.seed", "0"); err != nil {
			b.Fatal(err)
		}
	}()
	newest := laws.Func(lastArrival)
	under("rapid/tie", "commutative", func(seed uint64) bool {
		return underRapid(seed, func(t rapid.TB) {
			laws.CheckLawTB(t, newest, "semilattice/commutative", laws.SourceOf(newest, gen.FromRapid(writes())), 0)
		})
	})
	early := laws.Func(func(a, b map[string]struct{}) map[string]struct{} {
		if len(a) == len(b) {
			return a
		}
		return unionOf(a, b)
	})
	under("rapid/early-out", "commutative", func(seed uint64) bool {
		return underRapid(seed, func(t rapid.TB) {
			laws.CheckLawTB(t, early, "semilattice/commutative", laws.SourceOf(early, gen.FromRapid(stringSets())), 0)
		})
	})
	faulty := faults()
	for _, id := range []string{"semilattice/associative", "order/least", "inplace/delta-not-retained", "updates/batched"} {
		under("run/"+id, id, func(seed uint64) bool {
			res, _ := faulty[id].Run(laws.RunOptions{Seed: seed, Cases: 1000, Only: id}).Result(id)
			return res.Status == laws.Failed
		})
	}
}
