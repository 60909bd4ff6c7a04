package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestNextSnapshotComesAtOnce: where logs keep less than is written in a tick, so that each
// owner is brought up by snapshots, none is further behind than what is written in a tick:
// it is offered the next one as soon as it has said that it has taken one in.
func TestNextSnapshotComesAtOnce(t *testing.T) {
	const each, rounds = 3, 30 // writes a tick
	g := newRig(t, 3, 1, 3, kvs.Config{MaxLog: 2})
	behind := uint64(0)
	for round := range uint64(rounds) {
		for i := range uint64(each) {
			require.Equal(t, wire.StatusOK, g.ask(0, put(1+i, 1+round, "set", "s", []byte{byte(each*round + i)})).Status)
		}
		g.tick()
		for n := 1; n < 3; n++ {
			has := g.hosts[n].Core().Applied(0)[1].Count()
			behind = max(behind, each*(round+1)-has)
		}
	}
	assert.Positive(t, g.stats(1).Snapshots)
	assert.LessOrEqual(t, behind, uint64(each))
}

// TestSmallestBatch: where a message may carry one byte of payload, it carries a delta all
// the same, one at a time, and replicas come to the same.
func TestSmallestBatch(t *testing.T) {
	g := newRig(t, 3, 1, 3, kvs.Config{BatchBytes: 1})
	for req := range uint64(5) {
		require.Equal(t, wire.StatusOK, g.ask(int(req%3), put(1+req, 1, "set", "s", []byte{byte(req)})).Status)
	}
	for range 30 {
		g.tick()
	}
	for n := range 3 {
		assert.Equal(t, g.hosts[0].Core().Applied(0), g.hosts[n].Core().Applied(0))
		assert.Len(t, holdings(g.hosts[n].Core()), 1)
		assert.True(t, g.hosts[n].Core().Quiet())
	}
}
