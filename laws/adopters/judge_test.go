package adopters_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// full has the tests run the numbers of seeds and cases that the README is about.
var full = flag.Bool("adopters.full", os.Getenv("ADOPTERS_FULL") != "", "run 100 seeds where a law must fail, and 10,000 cases where it must hold")

// scaled is the whole number under -adopters.full and the share of it otherwise.
func scaled(whole, share int) int {
	if *full {
		return whole
	}
	return share
}

// cases is how often a law that holds is tried.
func cases() laws.Option { return laws.Cases(scaled(10_000, 300)) }

// TestMain keeps rapid from writing fail files: a law that is refuted here has its
// smallest counterexample in a test of its own.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// drawn makes tuples of states that tie and stand in chains, as the one-line doors do.
// Each state comes from a seed of rapid's own.
func drawn[S any](states *rapid.Generator[S], join func(a, b S) S, clone func(S) S) gen.Source[S] {
	one := func(d *gen.Draw) S { return states.Example(int(d.Choose("seed", 1<<31))) }
	return gen.Mixed(one, join, clone)
}

// fails asserts that each of these laws of the set fails under every seed, within a
// thousand cases, and that the others hold.
func fails[S any](t *testing.T, set laws.Set[S], source gen.Source[S], ids ...string) {
	t.Helper()
	var others []string
	for _, l := range set.Statements() {
		if !slices.Contains(ids, l.ID) {
			others = append(others, l.ID)
		}
	}
	if len(others) > 0 {
		laws.Check(t, set.Only(others...), source, cases())
	}
	for seed := range scaled(100, 10) {
		r := laws.Run(set.Only(ids...), source, laws.RunOptions{Seed: uint64(seed), Cases: 1000, Replays: 1})
		require.NoError(t, r.Err)
		require.ElementsMatch(t, ids, r.Failing(), "seed %d\n%s", seed, r)
	}
}

// band is what an overlay promises, in which the later wins: associative and
// idempotent.
func band[S any](merge func(a, b S) S, opts ...laws.Option) laws.Set[S] {
	return laws.Func(merge, opts...).Only("semilattice/associative", "semilattice/idempotent", "inplace")
}

// semigroup is what a merge promises that is associative and commutative and no more.
func semigroup[S any](merge func(a, b S) S, opts ...laws.Option) laws.Set[S] {
	return laws.Func(merge, opts...).Only("semilattice/associative", "semilattice/commutative", "inplace")
}

// sum is what a commutative monoid promises: the set for histograms and sketches,
// which count an observation as often as it is merged.
func sum[S any](merge func(a, b S) S, identity S, opts ...laws.Option) laws.Set[S] {
	return semigroup(merge, opts...).With(laws.Law[S]{
		ID: "monoid/identity", Statement: "a ⊕ 0 = a = 0 ⊕ a", Arity: 1,
		Eval: func(p *laws.Probe[S], x []S) laws.Outcome {
			if p.Equal(p.Join(x[0], identity), x[0]) && p.Equal(p.Join(identity, x[0]), x[0]) {
				return laws.Holds
			}
			return laws.Fails
		},
		Explain: func(p *laws.Probe[S], x []S) laws.Sides {
			return laws.Sides{
				LeftExpr: "a ⊕ 0", Left: p.Show(p.Join(x[0], identity)),
				RightExpr: "0 ⊕ a", Right: p.Show(p.Join(identity, x[0])),
			}
		},
	})
}
