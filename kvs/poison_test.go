package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestPoisonChangesNoState: of two replicas that get the same events, one poisoned after
// each, both come to the same state, and the effects are no longer what they were.
func TestPoisonChangesNoState(t *testing.T) {
	r, err := ring.New([]ring.NodeID{0, 1}, 1, 2)
	require.NoError(t, err)
	var twins [2]*Replica
	for i := range twins {
		twins[i], err = New(Config{Self: 0, Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: []byte("sixteen bytes of it")}, nil)
		require.NoError(t, err)
	}
	token := uint64(0)
	for req := uint64(1); req <= 5; req++ {
		q := wire.Request{Client: 1, Req: req, Put: true, Level: session.Causal, Key: "k", Kind: "set", Arg: []byte{byte('a' + req)}}
		events := []Event{{Kind: EventRequest, NowMS: 1, Msg: q.Encode()}, {Kind: EventPersisted, NowMS: 1}, {Kind: EventTick, NowMS: 2}}
		token++
		events[1].Token = token
		for _, e := range events {
			twins[1].Step(e)
			out := twins[0].Step(e)
			twins[0].Poison()
			for _, x := range out {
				assert.Equal(t, Effect{}, x)
			}
		}
		assert.Equal(t, twins[1].AppendState(nil), twins[0].AppendState(nil))
	}
	assert.Len(t, twins[0].Step(Event{Kind: EventTick, NowMS: 3}), len(twins[1].Step(Event{Kind: EventTick, NowMS: 3})))
}
