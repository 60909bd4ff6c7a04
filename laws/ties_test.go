package laws_test

import (
	"maps"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// runs is how often a fault that must always be found is looked for: a hundred times
// where LAWS_FULL is set.
func runs() int {
	if os.Getenv("LAWS_FULL") != "" {
		return 100
	}
	return 20
}

// foundIn checks that the fault of a set is found in every run of as many cases as the
// doors judge, and logs how many it took.
func foundIn[S any](t *testing.T, set laws.Set[S], states *rapid.Generator[S], law string) {
	t.Helper()
	source := laws.SourceOf(set, gen.FromRapid(states))
	total := 0
	for seed := range runs() {
		r := laws.Run(set, source, laws.RunOptions{Seed: uint64(seed), Cases: laws.DefaultCases, Replays: 1, Only: law})
		require.NoError(t, r.Err)
		res, ok := r.Result(law)
		require.True(t, ok)
		require.Equal(t, laws.Failed, res.Status, "seed %d", seed)
		total += res.Cases
	}
	t.Logf("found in %d of %d runs, in %d cases on average", runs(), runs(), total/runs())
}

// leaf is a last-writer-wins register with a stamp of two parts.
type leaf struct {
	TS, Replica int
	V           string
}

// byArrival keeps its right argument where the stamps tie.
func byArrival(a, b leaf) leaf {
	if a.TS > b.TS || a.TS == b.TS && a.Replica > b.Replica {
		return a
	}
	return b
}

// longerWins breaks a tie by length alone.
func longerWins(a, b leaf) leaf {
	if a.TS != b.TS {
		if a.TS > b.TS {
			return a
		}
		return b
	}
	if len(a.V) > len(b.V) {
		return a
	}
	return b
}

// lawfulLeaf is the twin without a fault.
func lawfulLeaf(a, b leaf) leaf {
	if a.TS > b.TS || a.TS == b.TS && (a.Replica > b.Replica || a.Replica == b.Replica && a.V >= b.V) {
		return a
	}
	return b
}

func smallLeaves() *rapid.Generator[leaf] {
	return rapid.Custom(func(t *rapid.T) leaf {
		return leaf{rapid.IntRange(0, 50).Draw(t, "ts"), rapid.IntRange(0, 4).Draw(t, "replica"), rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "v")}
	})
}

func wideLeaves() *rapid.Generator[leaf] {
	return rapid.Custom(func(t *rapid.T) leaf {
		return leaf{rapid.Int().Draw(t, "ts"), rapid.Int().Draw(t, "replica"), rapid.String().Draw(t, "v")}
	})
}

// document has a fault in its leaves alone.
type document struct {
	Title string
	Docs  map[string]leaf
	Rev   int
}

func mergeDocuments(in func(a, b leaf) leaf) func(a, b document) document {
	return func(a, b document) document {
		j := document{max(a.Title, b.Title), maps.Clone(a.Docs), max(a.Rev, b.Rev)}
		if j.Docs == nil {
			j.Docs = map[string]leaf{}
		}
		for k, v := range b.Docs {
			if have, ok := j.Docs[k]; ok {
				v = in(have, v)
			}
			j.Docs[k] = v
		}
		return j
	}
}

func documents(leaves *rapid.Generator[leaf]) *rapid.Generator[document] {
	docs := rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}`), leaves, 0, 4)
	return rapid.Custom(func(t *rapid.T) document {
		return document{rapid.String().Draw(t, "title"), docs.Draw(t, "docs"), rapid.Int().Draw(t, "rev")}
	})
}

// nested has two leaves in structs, of which one is merged rightly.
type nested struct {
	Name  string
	Inner struct{ Right, Wrong leaf }
}

func mergeNested(in func(a, b leaf) leaf) func(a, b nested) nested {
	return func(a, b nested) nested {
		j := nested{Name: max(a.Name, b.Name)}
		j.Inner.Right, j.Inner.Wrong = lawfulLeaf(a.Inner.Right, b.Inner.Right), in(a.Inner.Wrong, b.Inner.Wrong)
		return j
	}
}

func nests(leaves *rapid.Generator[leaf]) *rapid.Generator[nested] {
	return rapid.Custom(func(t *rapid.T) nested {
		n := nested{Name: rapid.String().Draw(t, "name")}
		n.Inner.Right, n.Inner.Wrong = leaves.Draw(t, "right"), leaves.Draw(t, "wrong")
		return n
	})
}

func TestTiesOfParts(t *testing.T) {
	t.Parallel()
	const law = "semilattice/commutative"
	for fault, merge := range map[string]func(a, b leaf) leaf{"by arrival": byArrival, "longer wins": longerWins} {
		for ranges, leaves := range map[string]func() *rapid.Generator[leaf]{"small": smallLeaves, "wide": wideLeaves} {
			t.Run(fault+", "+ranges, func(t *testing.T) {
				t.Run("top level", func(t *testing.T) { foundIn(t, laws.Func(merge), leaves(), law) })
				t.Run("document", func(t *testing.T) { foundIn(t, laws.Func(mergeDocuments(merge)), documents(leaves()), law) })
				t.Run("nested", func(t *testing.T) { foundIn(t, laws.Func(mergeNested(merge)), nests(leaves()), law) })
			})
		}
	}
	t.Run("lawful", func(t *testing.T) {
		passes(t, lawfulLeaf, wideLeaves())
		passes(t, mergeDocuments(lawfulLeaf), documents(wideLeaves()))
		passes(t, mergeNested(lawfulLeaf), nests(smallLeaves()))
	})
}
