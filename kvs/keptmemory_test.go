package kvs_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
)

// TestMemoryIsBounded: of a hundred times as many bytes of values as may be in memory, no
// more are than half again as many, and slots are used again.
func TestMemoryIsBounded(t *testing.T) {
	c := newCluster(t, 1, 4, 1, 1)
	c.check, c.keeping = 1<<20, true
	const cache, value = 4000, 200
	c.cfg = func(cfg *kvs.Config) { cfg.CacheBytes = cache }
	c.crash(0)
	most, keys := 0, uint64(cache*100/value)
	for i := range 3 * keys {
		c.ask(0, put(1+i%5, 1+i, "register", fmt.Sprintf("k%d", i%keys), bytes.Repeat([]byte{byte(i)}, value)))
		for len(c.bag) > 1 {
			c.step()
		}
		most = max(most, c.replicas[0].CachedBytes())
	}
	for i := range keys {
		got := c.read(0, fmt.Sprintf("k%d", i), "register")
		require.True(t, got.Found)
		most = max(most, c.replicas[0].CachedBytes())
	}
	slots := 0
	for range c.outside[0].held {
		slots++
	}
	t.Logf("at most %d bytes in memory, of %d; %d slots for %d values", most, keys*value, slots, keys)
	assert.Less(t, most, 2*cache)
	assert.Less(t, slots, int(keys)*3/2)
	assert.NoError(t, c.replicas[0].Failed())
}

// FuzzRecoverKept has a replica start on whatever records there are, in place of some of a
// log with a checkpoint, and on slots that hold whatever: it refuses the records, or it
