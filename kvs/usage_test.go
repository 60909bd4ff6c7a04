package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
)

// alone is a configuration of a store of one node.
func alone(t *testing.T, origin uint64) kvs.Config {
	r, err := ring.New([]ring.NodeID{0}, 1, 1)
	require.NoError(t, err)
	return kvs.Config{Origin: origin, First: true, Ring: r, Kinds: kind.Default(), Secret: secret}
}

// TestUsage: what is under way is counted, and makes a replica busy, until it is done.
func TestUsage(t *testing.T) {
	r, err := kvs.New(alone(t, 1), nil)
	require.NoError(t, err)
	usage := func() (u kvs.Usage) {
		r.Usage(&u)
		require.Len(t, u.Partitions, 1)
		return u
	}
	write, read := put(1, 1, "set", "k", []byte("x")), waits(2, 1, 9)
	out := effects(r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: write.Encode()}))
	require.Equal(t, kvs.EffectPersist, out[1].Kind)
	assert.False(t, r.Quiet(), "a record is being persisted")
	u := usage()
	assert.Equal(t, []int{1, 1, 1, 0, 1}, []int{u.Persisting, u.Partitions[0].Pending, u.Partitions[0].InFlight, u.Waiting, u.Sessions})
	assert.Equal(t, len(out[1].Msg), u.Logged)
	assert.InDelta(t, len(out[1].Msg), u.Pending, 60)
	r.Step(kvs.Event{Kind: kvs.EventPersisted, NowMS: 1000, Token: out[1].Token})
	assert.True(t, r.Quiet())
	u = usage()
	assert.Zero(t, u.Pending)
	assert.Equal(t, []int{0, 0, 0, 0, 1}, []int{u.Persisting, u.Partitions[0].Pending, u.Partitions[0].InFlight, u.Waiting, u.Sessions})
	r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: read.Encode()})
	assert.Equal(t, 1, usage().Waiting)
	assert.False(t, r.Quiet(), "a read waits")
}

// TestLogIsState: replicas of which one has more to write before its next checkpoint are in
// different states, whatever else they have in common.
func TestLogIsState(t *testing.T) {
	state := func(records ...[]byte) string {
		cfg := alone(t, 5)
		cfg.First = false
		r, err := kvs.New(cfg, records)
		require.NoError(t, err)
		return string(r.AppendState(nil))
	}
	lost := wire.AppendLost(nil, wire.Slot{Number: 1, Origin: 1, Checkpoint: 1})
	assert.Equal(t, state(), state())
	assert.NotEqual(t, state(), state(lost))
}

// TestWaitingIsStateByWhatIsLeft: a read that has as long to wait still is in the same state,
// however long the replica has run.
func TestWaitingIsStateByWhatIsLeft(t *testing.T) {
	after := func(before, ticks, wait uint64) string {
		r, err := kvs.New(alone(t, 1), nil)
		require.NoError(t, err)
		for range before {
			r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1000})
		}
		q := waits(1, 1, wait)
		r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()})
		for range ticks {
			r.Step(kvs.Event{Kind: kvs.EventTick, NowMS: 1000})
		}
		return string(r.AppendState(nil))
	}
	assert.Equal(t, after(0, 0, 6), after(5, 0, 6))
	assert.Equal(t, after(0, 2, 6), after(7, 2, 6))
	assert.NotEqual(t, after(0, 0, 6), after(0, 1, 6))
}

// TestCutNamesCutsThatItHeld: a cut stands for the cuts of others up to those whose barriers
// it held, and for no later ones.
func TestCutNamesCutsThatItHeld(t *testing.T) {
	rg, err := ring.New([]ring.NodeID{0, 1, 2}, 4, 2)
	require.NoError(t, err)
	for asked, want := range map[uint64]bool{1: true, 2: true, 3: true, 4: false, 9: false} {
		assert.Equal(t, want, kvs.NamedByCut(rg, 0, 1, 3, asked), "cut %d", asked)
	}
}

// TestRecordsRemember: a start on records alone knows which requests they served.
func TestRecordsRemember(t *testing.T) {
	r, err := kvs.New(alone(t, 1), nil)
	require.NoError(t, err)
	q := put(7, 1, "counter", "c", kind.Amount(3))
	out := effects(r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
	require.Equal(t, kvs.EffectPersist, out[1].Kind)
	r, err = kvs.New(alone(t, 2), [][]byte{out[1].Msg})
	require.NoError(t, err)
	for _, again := range []bool{false, true} {
		q.Again, q.Stamp = again, 1000<<16
		out = effects(r.Step(kvs.Event{Kind: kvs.EventRequest, NowMS: 1000, Msg: q.Encode()}))
		require.Len(t, out, 1, "it is answered, and not served")
		answer, err := wire.DecodeResponse(out[0].Msg)
		require.NoError(t, err)
		assert.Equal(t, wire.StatusOK, answer.Status)
		assert.Equal(t, uint64(1), answer.Dot.Origin)
	}
}
