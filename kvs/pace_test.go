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
