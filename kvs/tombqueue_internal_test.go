package kvs

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTombQueue: what comes out of a queue is what has gone in, in that order, whatever came
// between, and a copy goes on apart.
func TestTombQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var q tombQueue
	var plain []uint64
	list := func(q *tombQueue) (clocks []uint64) {
		q.each(func(x *tombstone) { clocks = append(clocks, x.clock) })
		return clocks
	}
	for i := range uint64(20_000) {
		if rng.IntN(2+int(i/10_000)) == 0 {
			q.push(tombstone{clock: i})
			plain = append(plain, i)
		} else if len(plain) > 0 {
			require.Equal(t, plain[0], q.pop().clock)
			plain = plain[1:]
		}
		require.Equal(t, len(plain), q.count)
		if i%1000 == 0 {
			c := q.clone()
			require.Len(t, list(&c), len(plain))
			require.Subset(t, list(&q), plain)
			c.push(tombstone{clock: 1 << 40})
			c.pop()
			require.Len(t, list(&q), len(plain))
		}
	}
}
