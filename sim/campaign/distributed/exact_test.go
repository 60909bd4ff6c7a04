package distributed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim/campaign/distributed"
)

// TestCountedOnce: of a claim of which others have finished a part nothing is counted, since
// what was counted of that part cannot be told from the rest; all of its seeds are finished.
func TestCountedOnce(t *testing.T) {
	c, b := new(clock), newBucket()
	slow, other := c.join(t, b, "slow"), c.join(t, b, "other")
	had := claim(t, slow, 10)
	require.NoError(t, other.Live(t.Context()))
	c.at = c.at.Add(2 * time.Minute)
	half := claim(t, other, 10)
	require.Equal(t, [2]uint64{1, 5}, [2]uint64{half.From, half.To})
	publish(t, other, half, 5)
	batch, _, _ := run(t.Context(), had.From, 10)
	require.ErrorIs(t, slow.Publish(t.Context(), had, batch), distributed.ErrName)
	g, err := distributed.Gather(b)
	require.NoError(t, err)
	assert.Equal(t, uint64(10), g.State.Finished(""))
	assert.Equal(t, uint64(1+2+3+4+5), g.State.Count("sum"))
}

// TestLeaveOfTheReplaced: a worker whose name another start of it has does not take away what
// that one is at.
func TestLeaveOfTheReplaced(t *testing.T) {
	c, b := new(clock), newBucket()
	first := c.join(t, b, "one")
	o := c.options(b, "one")
	o.Incarnation = "2"
	second, err := distributed.Join(t.Context(), o)
	require.NoError(t, err)
	had := claim(t, second, 10)
	require.NoError(t, first.Leave(t.Context()))
	require.NoError(t, second.Live(t.Context()), "it is still there")
	other := c.join(t, b, "other")
	assert.Equal(t, had.To+1, claim(t, other, 10).From, "and what it is at is not another's")
}

// TestWordsOfErrors: what is told is enough to find what is meant.
func TestWordsOfErrors(t *testing.T) {
	c, b := new(clock), newBucket()
	_, err := distributed.Tape(b, distributed.Failure{Seed: 7})
	require.ErrorIs(t, err, distributed.ErrTape)
	assert.ErrorContains(t, err, "seed 7 has none")
	c.join(t, b, "one")
	_, err = distributed.Gather(b, newBucket())
	require.ErrorIs(t, err, distributed.ErrEmpty)
	assert.ErrorContains(t, err, ": bucket 2 has no head")
	_, err = distributed.Gather(newBucket())
	assert.ErrorContains(t, err, ": the bucket has no head", "where there is one it is not the first of several")
}
