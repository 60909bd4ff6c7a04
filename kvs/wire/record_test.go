package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

func keptPart() *wire.CheckpointPart {
	return &wire.CheckpointPart{
		Origin: 17, Number: 3, Of: 2, At: 1, Last: true, Clock: 99, Applied: gossip.Dots{{Origin: 4, Lo: 1, Hi: 7}}, Keeper: 17,
		Cuts: session.Matrix{{Partition: 2, Origin: 4, Seq: 1}},
		Kept: []wire.KeptValue{
			{
				Key: "k", Kind: "set", At: wire.Slot{Number: 300, Origin: 17, Checkpoint: 2},
				Writes: session.Matrix{{Partition: 2, Origin: 4, Seq: 7}}, Deps: session.Matrix{{Partition: 1, Origin: 9, Seq: 9}},
			},
			{Key: "l", Kind: "register", At: wire.Slot{Number: 1, Origin: 17, Checkpoint: 3}},
		},
	}
}

// decodeKept is the part in a record, without what is empty.
func decodeKept(t *testing.T, rec []byte) wire.CheckpointPart {
	t.Helper()
	x, err := new(wire.DecodeBuffer).Checkpoint(rec)
	require.NoError(t, err)
	for i := range x.Kept {
		v := &x.Kept[i]
		v.Writes, v.Deps = v.Writes.Clone(), v.Deps.Clone()
	}
	return x
}

func TestKeptPartRoundTrip(t *testing.T) {
	want := keptPart()
	rec := wire.AppendCheckpoint(nil, want)
	require.True(t, wire.IsCheckpoint(rec))
	got := decodeKept(t, rec)
	assert.Equal(t, rec, wire.AppendCheckpoint(nil, &got))
	assert.Equal(t, want.Kept[0], got.Kept[0])
	assert.Equal(t, want.Keeper, got.Keeper)
	contents, err := new(wire.DecodeBuffer).Contents(rec)
	require.NoError(t, err)
	assert.Equal(t, wire.Contents{Of: 2, Whole: true}, contents)
	for i := range rec {
		_, err := new(wire.DecodeBuffer).Checkpoint(rec[:i])
		require.ErrorIs(t, err, wire.ErrMessage)
	}
	nothing := keptPart()
	nothing.Keeper = 1
	rec = wire.AppendCheckpoint(nil, nothing)
	for i, b := range rec { // the keeper's number is behind the dots; 0 is none
		if b == 1 && i > 8 {
			bad := append([]byte(nil), rec...)
			bad[i] = 0
			if x, err := new(wire.DecodeBuffer).Checkpoint(bad); err == nil {
				assert.NotZero(t, x.Keeper)
			}
		}
	}
}

func TestLostRecord(t *testing.T) {
	want := wire.Slot{Number: 1 << 20, Origin: 17, Checkpoint: 3}
	rec := wire.AppendLost(nil, want)
	require.True(t, wire.IsLost(rec))
	require.False(t, wire.IsCheckpoint(rec))
	got, err := wire.Lost(rec)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	contents, err := new(wire.DecodeBuffer).Contents(rec)
	require.NoError(t, err)
	assert.Zero(t, contents)
	for i := range rec {
		_, err := wire.Lost(rec[:i])
		require.ErrorIs(t, err, wire.ErrMessage)
	}
	_, err = wire.Lost(append(rec, 0))
	require.ErrorIs(t, err, wire.ErrMessage)
}

func TestTouchedRecord(t *testing.T) {
	want := wire.Touched{Of: 3, Dot: causal.Dot{Origin: 17, Seq: 9}, Names: []wire.ValueName{{Key: "a", Kind: "set"}, {Key: "b", Kind: "counter"}}}
	rec := want.Append(nil)
	require.True(t, wire.IsTouched(rec))
	got, err := new(wire.DecodeBuffer).Touched(rec)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	contents, err := new(wire.DecodeBuffer).Contents(rec)
	require.NoError(t, err)
	assert.Equal(t, wire.Contents{Of: 3}, contents)
	for i := range rec {
		_, err := new(wire.DecodeBuffer).Touched(rec[:i])
		require.ErrorIs(t, err, wire.ErrMessage)
	}
	_, err = new(wire.DecodeBuffer).Touched(append(rec, 0))
	require.ErrorIs(t, err, wire.ErrMessage)
	want.Dot.Seq = 0
	_, err = new(wire.DecodeBuffer).Touched(want.Append(nil))
	require.ErrorIs(t, err, wire.ErrMessage)
}

// FuzzRecord: a record that can be read has one encoding.
func FuzzRecord(f *testing.F) {
	f.Add(wire.AppendCheckpoint(nil, keptPart()))
	f.Add(wire.AppendCheckpoint(nil, &wire.CheckpointPart{Origin: 1, Number: 1, Sessions: true, Last: true, Keeper: 2, Clients: []wire.Served{{Client: 1, Req: 2}}}))
	f.Add(wire.AppendLost(nil, wire.Slot{Number: 1, Origin: 2, Checkpoint: 3}))
	f.Add((&wire.Touched{Of: 1, Dot: causal.Dot{Origin: 2, Seq: 3}, Names: []wire.ValueName{{Key: "a", Kind: "set"}}}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := new(wire.DecodeBuffer)
		contents, err := in.Contents(b)
		if err != nil {
			assert.ErrorIs(t, err, wire.ErrMessage)
			return
		}
		switch {
		case wire.IsLost(b):
			s, err := wire.Lost(b)
			require.NoError(t, err)
			assert.Equal(t, b, wire.AppendLost(nil, s))
		case wire.IsTouched(b):
			x, err := in.Touched(b)
			require.NoError(t, err)
			assert.Equal(t, b, x.Append(nil))
		case wire.IsCheckpoint(b):
			x, err := in.Checkpoint(b)
			require.NoError(t, err)
			assert.Equal(t, contents.Of, x.Of)
			assert.Equal(t, b, wire.AppendCheckpoint(nil, &x))
		}
	})
}
