package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/kvs/wire"
)

// TestPromisesFarAhead: whatever of what a peer says of promises is further ahead than a replica
// follows other clocks, the message is left, and its own clock stays; also where members have come
// or gone, and a node goes by what others have promised.
func TestPromisesFarAhead(t *testing.T) {
	const now = 1_000_000
	near, far := uint64(now+100_000)<<logicalBits, uint64(now+200_000)<<logicalBits
	for i, m := range []wire.Floors{
		{Own: wire.Promise{Rev: 1, Ready: near, Floor: near}, Most: near}, {Own: wire.Promise{Rev: 1, Floor: far}}, {Own: wire.Promise{Rev: 1, Ready: far}}, {Most: far},
	} {
		r := bench(t, later)
		m.From, m.Origin, m.Heard = 2, 5, r.cfg.Origin
		rejected := r.stats.Rejected
		r.Step(Event{Kind: EventMessage, From: 2, Msg: m.Append(nil), NowMS: now})
		assert.Equal(t, i > 0, r.stats.Rejected > rejected, "%+v", m)
		assert.Less(t, r.clock.last, far, "%+v", m)
	}
}
