package reclaim_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
	"github.com/joinery-go/joinery/lattice/edelweiss/certify"
	"github.com/joinery-go/joinery/lattice/edelweiss/reclaim"
)

// TestRangesOfWhatDeletes: ids by which another table is deleted are kept as ranges: the
// deletion, which nobody wrote, only tests for the one of its tuple.
func TestRangesOfWhatDeletes(t *testing.T) {
	p, err := el.Parse(`.decl put(t: number) input
.decl free(t: number) input
.decl mine(t: number => who: number) table
.decl freed(t: number) table
.decl log(t: number) table
.decl have(t: number) output
.decl n(t: number) output
mine(t, 0) :- put(t).
freed(t) :- free(t).
log(t) :- put(t).
have(t) :- mine(t, _), !freed(t).
n(count()) :- log(t), !freed(t).
`)
	require.NoError(t, err)
	r, err := reclaim.Rewrite(p, reclaim.All&^reclaim.Negating)
	require.NoError(t, err)
	require.NoError(t, certify.Check(p, r.Program, r.Certificate))
	assert.True(t, deletes(r.Program, "mine"))
	assert.Equal(t, []string{"freed"}, r.Certificate.Ranges)
}
