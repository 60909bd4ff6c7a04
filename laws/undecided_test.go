package laws_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// knot is a state of vertices without names, held in no order, that point to each other by keys.
type knot map[float64]*vertexOfKnot

type vertexOfKnot struct{ peers map[*vertexOfKnot]bool }

// circles makes a knot of n vertices in circles of as many.
func circles(n, each int) knot {
	all, k := make([]*vertexOfKnot, n), knot{}
	for i := range all {
		all[i] = &vertexOfKnot{peers: map[*vertexOfKnot]bool{}}
		k[math.NaN()] = all[i]
	}
	for i := range all {
		next := all[i/each*each+(i+1)%each]
		all[i].peers[next], next.peers[all[i]] = true, true
	}
	return k
}

// Where states cannot be compared to the end, that is what a check says: not that they are unequal,
// nor that the merge panics, and in bounded time.
func TestStatesThatAreNotComparedToTheEnd(t *testing.T) {
	const n = 60
	merge := func(a, _ knot) knot { return a }
	states := gen.Independent(gen.OneOf(circles(n, n), circles(n, n/2)))
	run := laws.Run(laws.Func(merge), states, laws.RunOptions{Cases: 50, Only: "semilattice/commutative"})
	require.ErrorIs(t, run.Err, laws.ErrSetup)
	assert.ErrorContains(t, run.Err, "was not judged")
	assert.ErrorContains(t, run.Err, "not decided in")
	assert.ErrorContains(t, run.Err, "give laws.Equal")
	for _, r := range run.Results {
		assert.Nil(t, r.Failure)
	}
}
