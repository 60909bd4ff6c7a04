package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestClocksAheadToTheMillisecond: a hybrid time is followed up to MaxAheadMS ahead of
// the host's clock, that of a client up to half of it, and not a millisecond further.
func TestClocksAheadToTheMillisecond(t *testing.T) {
	const now, ahead = 1_000_000, 500
	ms := func(ms uint64) uint64 { return ms << 16 }
	r, err := ring.New([]ring.NodeID{0, 1}, 1, 2)
	require.NoError(t, err)
	config := kvs.Config{Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: secret, MaxAheadMS: ahead}
	fresh := func() *kvs.Replica {
		replica, err := kvs.New(config, nil)
		require.NoError(t, err)
		replica.Start()
		return replica
	}
	k, _ := kind.Default().Find("register")
	delta, err := k.Mutate(kind.Update{Arg: []byte("x"), Clock: 1, Origin: 2}, nil)
	require.NoError(t, err)

	for over := range uint64(2) {
		late := ms(now+ahead+over) | 0xffff*(1-over)
		e := gossip.Entry{Dot: causal.Dot{Origin: 2, Seq: 1}, Clock: late, Key: "k", Kind: "register", Delta: delta.Append(nil)}
		replica := fresh()
		out := replica.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: now, From: 1, Msg: wire.AppendGossip(nil, 1, 2, []wire.Item{{Entries: []gossip.Entry{e}}})})
		assert.Equal(t, over, replica.Stats().Ahead, "an entry")
		assert.Equal(t, over == 0, len(out) > 0 && out[0].Kind == kvs.EffectPersist)

		replica = fresh()
		a, asker := askOf(t, replica, 2, 0, invented, now)
		piece := wire.Piece{Origin: 2, To: asker, Ask: a.Number, First: true, Last: true, Clock: late, Applied: gossip.Dots{{Origin: 2, Lo: 1, Hi: 1}}}
		out = replica.Step(kvs.Event{Kind: kvs.EventMessage, NowMS: now, From: 1, Msg: wire.AppendSnapshot(nil, 1, &piece)})
		assert.Equal(t, over, replica.Stats().Ahead, "a piece of a snapshot")
		assert.Equal(t, over == 0, len(out) > 0 && out[0].Kind == kvs.EffectPersist)

		q := put(7, 1, "register", "k", []byte("x"))
		q.Clock = ms(now+ahead/2+over) | 0xffff*(1-over)
		replica = fresh()
		out = replica.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: now, Msg: q.Encode()})
		require.NotEmpty(t, out)
		assert.Equal(t, over == 0, out[0].Kind == kvs.EffectAccept, "a client's")
	}

	config.MaxAheadMS = wire.MaxClock >> 17
	_, err = kvs.New(config, nil)
	require.NoError(t, err)
	config.MaxAheadMS++
	_, err = kvs.New(config, nil)
	assert.ErrorIs(t, err, kvs.ErrConfig)
}
