package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/wire"
)

// TestFloorsRoundTrip: each field of what nodes tell each other of promises, and of what they keep,
// comes back as it was; a promise that contradicts itself, or is of nobody, is refused.
func TestFloorsRoundTrip(t *testing.T) {
	said := wire.Floors{From: 3, Origin: 4, Own: wire.Promise{Rev: 5, Want: 10, Ready: 9, Floor: 8, Clean: 7, Era: 6}, Pull: true, Heard: 11, Rev: 12, Most: 13}
	read := func(f wire.Floors) (wire.Floors, error) {
		kind, body, err := wire.Open(f.Append(nil))
		require.NoError(t, err)
		require.Equal(t, wire.MsgFloors, kind)
		return new(wire.DecodeBuffer).Floors(body)
	}
	got, err := read(said)
	require.NoError(t, err)
	assert.Equal(t, said, got)
	said.Own.Clean = said.Own.Floor
	_, err = read(said)
	require.NoError(t, err)
	said.Own.Clean++
	_, err = read(said)
	require.ErrorIs(t, err, wire.ErrMessage)
	said.Own.Clean, said.Origin = 0, 0
	_, err = read(said)
	require.ErrorIs(t, err, wire.ErrMessage)
	said.Origin = 1
	_, err = read(said)
	require.NoError(t, err)

	floors := []wire.NodeFloor{{Node: 1, Origin: 2, Floor: 3}, {Node: 4, Origin: 5, Floor: 6}}
	record := wire.AppendFloors(nil, floors)
	require.True(t, wire.IsFloors(record))
	back, err := new(wire.DecodeBuffer).ReadFloors(record)
	require.NoError(t, err)
	assert.Equal(t, floors, back)
	_, err = new(wire.DecodeBuffer).ReadFloors(record[1:])
	require.ErrorIs(t, err, wire.ErrMessage)
	_, err = new(wire.DecodeBuffer).ReadFloors(append(record, 0))
	require.ErrorIs(t, err, wire.ErrMessage)
	assert.False(t, wire.IsFloors(nil))
}
