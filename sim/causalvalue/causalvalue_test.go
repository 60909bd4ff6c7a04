package causalvalue

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/simtest"
)

// seeds are those in which the published composition must be found, and over which the correct
// one must hold.
const seeds = 1000

// TestCorrectIsClean: in the seeds in which the published composition fails, and in all
// others, the correct one holds.
func TestCorrectIsClean(t *testing.T) {
	simtest.Fuzz(t, Protocol(false), simtest.Seeds(1, seeds), simtest.KeepNothing())
}

// TestPublishedIsFound: the published composition has replicas that hold all writes and show
// different values. What is found is shrunk to three writes: two of one session, of which the
// later one replaces the earlier, and one of another.
func TestPublishedIsFound(t *testing.T) {
	p := Protocol(true)
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: seeds, Failures: seeds, TwiceEvery: -1})
	require.NoError(t, err)
	require.NotEmpty(t, r.Failures)
	t.Logf("%d of %d seeds fail, the first is %d", len(r.Failures), r.Seeds, r.Failures[0].Seed)
	assert.Less(t, r.Failures[0].Seed, uint64(100))
	apart := 0
	for _, res := range r.Failures {
		switch res.Violations[0].Oracle {
		case "replicas":
			apart++
		case "replaced":
		default:
			require.Fail(t, "not of the composition", "%v", res.Violations[0])
		}
	}
	require.Positive(t, apart)
	at := 0
	for r.Failures[at].Violations[0].Oracle != "replicas" {
		at++
	}
	tape, _, err := p.Record(t.Context(), r.Failures[at])
	require.NoError(t, err)
	small, err := p.Shrink(t.Context(), tape, 2000)
	require.NoError(t, err)
	t.Logf("shrunk in %d replays to\n%s\n%v", small.Replays, strings.Join(small.Lines(), "\n"), small.Result.Violations[0])
	require.Len(t, small.Tape.Operations, 3)
	bySession := make(map[string]int)
	for _, o := range small.Tape.Operations {
		bySession[o.Key]++
	}
	assert.Len(t, bySession, 2)
	assert.True(t, strings.HasPrefix(small.Result.Violations[0].Message, "all have every write"))
	clean := Protocol(false)
	small.Tape.Protocol = clean.Name
	res, err := clean.Replay(t.Context(), small.Tape)
	require.NoError(t, err)
	assert.Empty(t, res.Violations, "with the correct composition the same run holds")
}

// TestThreeStates: the counterexample as published, over the merge of the kind alone.
func TestThreeStates(t *testing.T) {
	k, err := kind.New(Published())
	require.NoError(t, err)
	state := func(writer, count uint64, value string) kind.Value {
		v, err := k.Mutate(kind.Update{Arg: write{session: writer, last: count - 1, count: count, content: value}.encode()}, nil)
		require.NoError(t, err)
		return v
	}
	join := func(x, y kind.Value) kind.Value {
		z := x.Clone()
		z.MergeIn(y)
		return z
	}
	a, b, c := state(1, 1, "a"), state(2, 1, "b"), state(1, 2, "c")
	left, right := join(join(a, b), c), join(a, join(b, c))
	show := func(v kind.Value) Stamped {
		x, ok := kind.Get[Stamped](v)
		require.True(t, ok)
		return x
	}
	assert.Equal(t, Stamped{First: causal.Version{1: 2, 2: 1}, Second: []string{"a", "b", "c"}}, show(left))
	assert.Equal(t, Stamped{First: causal.Version{1: 2, 2: 1}, Second: []string{"b", "c"}}, show(right))
	assert.NotEqual(t, lattice.Equal, left.Compare(right))
}
