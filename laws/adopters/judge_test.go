package adopters_test

import (
	"flag"
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

// drawn makes tuples of states that tie, whole or in parts, and stand in chains, as the
// one-line doors do.
func drawn[S any](states *rapid.Generator[S], join func(a, b S) S, clone func(S) S) gen.Source[S] {
	return gen.Mixed(gen.FromRapid(states), join, clone)
}

// without is the set without some of its laws.
func without[S any](set laws.Set[S], ids ...string) laws.Set[S] {
	var others []string
	for _, l := range set.Statements() {
		if !slices.Contains(ids, l.ID) {
			others = append(others, l.ID)
		}
	}
	return set.Only(others...)
}

// fails asserts that each of these laws of the set fails under every seed, in no more
// cases than a check has by default, and that the others, of which there must be some,
// hold.
func fails[S any](t *testing.T, set laws.Set[S], source gen.Source[S], ids ...string) {
	t.Helper()
	laws.Check(t, without(set, ids...), source, cases())
	for seed := range scaled(100, 10) {
		r := laws.Run(set.Only(ids...), source, laws.RunOptions{Seed: uint64(seed), Cases: laws.DefaultCases, Replays: 1})
		require.NoError(t, r.Err)
		require.ElementsMatch(t, ids, r.Failing(), "seed %d\n%s", seed, r)
	}
}
