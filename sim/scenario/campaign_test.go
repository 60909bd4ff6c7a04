package scenario

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign"
)

// TestWhatDoesNotRepeatIsKept: a seed that violates something, and does not repeat, is
// kept with what was found of it, and that it does not repeat is said, unless that is what
// was found, or nothing could be kept.
func TestWhatDoesNotRepeatIsKept(t *testing.T) {
	res, err := Run(t.Context(), Config{}, 11)
	require.NoError(t, err)
	tape, again, err := Record(t.Context(), res)
	require.NoError(t, err)
	res.Violations = []Violation{{Oracle: "convergence", Kind: "counter", Node: 1, Message: "two values"}}
	rec := recording(res, tape, again, ErrRebase)
	require.ErrorIs(t, rec.Unsteady, ErrRebase)
	require.False(t, rec.Whole)
	dir := t.TempDir()
	path, err := (&campaign.Folder{Dir: dir}).WriteRun(11, rec.Files)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "seed-11", "tape.json"), path)
	said, err := os.ReadFile(filepath.Join(dir, "seed-11", "violations.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(said), "two values")

	res.Violations = append(res.Violations, Violation{Oracle: OracleDeterminism, Kind: "trace", Node: -1})
	assert.NoError(t, recording(res, tape, again, ErrRebase).Unsteady)
}

// TestOneWorkerOrMany: what a pool of workers counts of the store is what one runner finds
// seed by seed.
func TestOneWorkerOrMany(t *testing.T) {
	var hashes []uint64
	pool := &campaign.Pool[Judged]{
		First: 19, Seeds: 8, Workers: 3, Worker: Config{}.Worker,
		Count: func(seed uint64, r Judged) bool {
			assert.Equal(t, seed, r.Seed)
			assert.Equal(t, seed == twiceEvery, r.Twice)
			hashes = append(hashes, r.TraceHash)
			return true
		},
	}
	require.NoError(t, pool.Run(t.Context()))
	require.Len(t, hashes, 8)
	for i, hash := range hashes {
		res, err := Run(t.Context(), Config{}, uint64(19+i))
		require.NoError(t, err)
		assert.Equal(t, res.TraceHash, hash)
	}
	assert.False(t, pool.Exhausted())

	pool = &campaign.Pool[Judged]{
		First: 3, Workers: 2, Worker: Config{Strategy: "exhaustive", Base: 3, Faults: "off"}.Worker,
		Count: func(_ uint64, r Judged) bool { return true },
	}
	require.NoError(t, pool.Run(t.Context()))
	assert.True(t, pool.Exhausted())
}
