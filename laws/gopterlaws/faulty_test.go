package gopterlaws_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/gopterlaws"
)

// A faulty merge fails the same laws under gopter as under rapid.
func TestFaultsDieAlike(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			for seed := int64(1); seed <= 3; seed++ {
				g, r := failing(f.gopter(t, "", seed)), failing(f.rapid(t, "", seed))
				assert.Contains(t, g, f.law)
				assert.Equal(t, r, g, "seed %d", seed)
			}
		})
	}
}

// failing lists the laws that fail; one that was not judged for another's sake is
// written law:other.
func failing(said map[string]string) []string {
	var ids []string
	for id, report := range said {
		if b := blamed(report); b != id {
			id += ":" + b
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// And what is left of the counterexample is as small, over many seeds.
func TestCounterexamplesAreAsSmall(t *testing.T) {
	const seeds = 20
	for _, f := range faults() {
		if strings.HasPrefix(f.law, "coverage/") {
			continue // what fails is the source, by no tuple
		}
		t.Run(f.name, func(t *testing.T) {
			var g, r []int
			for seed := int64(1); seed <= seeds; seed++ {
				said := f.gopter(t, f.law, seed)
				require.Equal(t, f.law, blamed(said[f.law]), "seed %d", seed)
				g = append(g, size(said[f.law]))
				said = f.rapid(t, f.law, seed)
				require.Equal(t, f.law, blamed(said[f.law]), "seed %d", seed)
				r = append(r, size(said[f.law]))
			}
			slices.Sort(g)
			slices.Sort(r)
			require.Positive(t, g[0])
			assert.LessOrEqual(t, g[seeds/2], r[seeds/2], "median: gopter %v, rapid %v", g, r)
			assert.LessOrEqual(t, g[seeds-1], r[seeds-1], "worst: gopter %v, rapid %v", g, r)
			assert.Equal(t, g[0], g[seeds-1], "every seed of gopter ends at one size")
		})
	}
}

// One seed, one counterexample, to the letter.
func TestSeedsAreReproducible(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			for seed := int64(1); seed <= 3; seed++ {
				assert.Equal(t, f.gopter(t, "", seed), f.gopter(t, "", seed))
			}
		})
	}
	found := map[string]bool{}
	for seed := int64(1); seed <= 10; seed++ {
		found[faults()[0].gopter(t, "", seed)["semilattice/commutative"]] = true
	}
	assert.Greater(t, len(found), 3, "another seed draws other cases")
}

// Every set of laws has a fault that dies under gopter.
func TestEverySetHasAFault(t *testing.T) {
	has := map[string]bool{}
	for _, f := range faults() {
		set, _, _ := strings.Cut(f.law, "/")
		has[set] = true
	}
	assert.ElementsMatch(t, []string{
		"semilattice", "order", "inplace", "bounded", "totality", "decomposition", "codec", "coverage",
		"updates", "query", "compaction", "morphism", "bimorphism", "monotone",
	}, slices.Collect(maps.Keys(has)))
}

// said checks one law of a set and returns what is said.
func said[S any](t *testing.T, set laws.Set[S], source gen.Source[S], id string, opts ...gopterlaws.Option) string {
	t.Helper()
	trials, _, err := laws.Trials(set, source)
	require.NoError(t, err)
	r := &recorder{name: "TestMine/" + id}
	for _, trial := range trials {
		if trial.Law().ID == id {
			gopterlaws.CheckLaw(r, trial, opts...)
		}
	}
	return strings.TrimSpace(r.text())
}

// A failure reads as it does in package laws, and says how to run it again.
func TestReportOfAFailure(t *testing.T) {
	source := gen.Mixed(writes(), lastArrival, nil)
	assert.Equal(t, strings.TrimSpace(`
law semilattice/commutative does not hold
    a ⊔ b = b ⊔ a
left   a ⊔ b = gopterlaws_test.lww{Value: "x"}
right  b ⊔ a = gopterlaws_test.lww{}
where
    a = gopterlaws_test.lww{}
    b = gopterlaws_test.lww{Value: "x"}
found  test 8 of gopter's seed 1
again  go test -run '^TestMine$/^semilattice$/^commutative$'
`), said(t, laws.Func(lastArrival), source, "semilattice/commutative"))
	assert.Contains(t, said(t, laws.Func(lastArrival), source, "semilattice/commutative", gopterlaws.Seed(7)),
		"again  go test -run '^TestMine$/^semilattice$/^commutative$' # with gopterlaws.Seed(7)")
}

// A panic is a failure of the law that met it, with the states that caused it.
func TestReportOfAPanic(t *testing.T) {
	set := laws.Func(func(a, b int) int {
		if a+b == 5 {
			panic("odd states")
		}
		return max(a, b)
	})
	text := said(t, set, gen.Independent(gen.Int(0, 4)), "semilattice/commutative")
	assert.Contains(t, text, "law semilattice/commutative does not hold")
	assert.Regexp(t, `panic  odd states\nwhere\n    a = [1-4]\n    b = [1-4]\n`, text)

	// So is one of the join by which states are correlated.
	correlated := gen.Correlated(gen.Int(0, 4), func(a, b int) int { panic("no join") }, nil)
	text = said(t, set, correlated, "semilattice/idempotent")
	assert.Contains(t, text, "panic  no join (in a ⊔ b, while states were drawn)\nwhere\n")
}

// A merge that writes into its argument, and loses data too, is reported as the
// writer it is.
func TestReportOfAWrite(t *testing.T) {
	set := laws.Func(func(a, b ints) ints {
		clear(b)
		return maps.Clone(a)
	})
	text := said(t, set, gen.Independent(gen.SubsetOf(1, 2)), "semilattice/commutative")
	assert.Contains(t, text, "law inplace/arguments-unchanged does not hold")
	assert.Contains(t, text, "b before")
	assert.Contains(t, text, "while judging semilattice/commutative, which was judged no further")
}

// A merge that does not return is given up by the watchdog.
func TestReportOfALoop(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	set := laws.Func(func(a, b int) int {
		if a == 2 && b == 3 {
			<-stop
		}
		return max(a, b)
	}, laws.Watch(watched))
	text := said(t, set, gen.Independent(gen.Int(2, 3)), "semilattice/commutative")
	assert.Contains(t, text, "stuck  the merge does not return")
	assert.Equal(t, 2, size(text))
}
