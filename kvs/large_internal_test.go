package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestPartsInOrder: the parts of a value are put together as they follow on each other in
// the answer to one ask; those that come anew replace them; what is no part of the value, or
// not the next one, is refused; and what is put together must be a value.
func TestPartsInOrder(t *testing.T) {
	n := newHalf(t, 1, 9, 1, 2, nil, nil)
	set, ok := kind.Default().Find("set")
	require.True(t, ok)
	v, err := set.Mutate(kind.Update{Arg: []byte("abcdefgh")}, nil)
	require.NoError(t, err)
	whole := v.Append(nil)
	piece := func(at uint32, key string, value []byte, open bool) *wire.Piece {
		x := &wire.Piece{
			Origin: 7, To: 9, Ask: 1, At: at, First: at == 0, More: open, Last: !open, Open: open, Rest: at > 0,
			Values: []wire.HeldValue{{Key: key, Kind: "set", Value: value}},
		}
		if at == 0 {
			x.Applied = gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}}
		}
		return x
	}
	take := func(x *intake, pieces ...*wire.Piece) (*intake, error) {
		for _, next := range pieces {
			encoded := next.Append(nil)
			read, err := n.r.in.Piece(encoded)
			if err != nil {
				return x, err
			}
			if x, err = x.with(n.r, &read, encoded); err != nil {
				return x, err
			}
		}
		return x, nil
	}
	first, middle, last := piece(0, "k", whole[:3], true), piece(1, "k", whole[3:5], true), piece(2, "k", whole[5:], false)
	in, err := take(new(intake), first, middle)
	require.NoError(t, err)
	assert.Equal(t, 2, in.open)
	assert.Empty(t, in.names)
	assert.Zero(t, in.at, "all of it is asked for again")
	done, err := take(in, last)
	require.NoError(t, err)
	assert.True(t, done.whole)
	assert.Equal(t, []ownID{{"set", "k"}}, done.names)
	_, values, err := done.hidden(n.r, 0)
	require.NoError(t, err)
	require.Len(t, values, 1)
	assert.Equal(t, whole, values[0].value.Append(nil))

	again, err := take(in, piece(0, "k", whole[:7], true))
	require.NoError(t, err)
	assert.Len(t, again.pieces, 1, "the parts before are of another moment")
	assert.Len(t, in.pieces, 2, "and what they were taken from is as it was")
	_, err = take(again, piece(1, "k", whole[7:], false))
	assert.NoError(t, err)

	for name, wrong := range map[string][]*wire.Piece{
		"another value":        {first, piece(1, "l", whole[3:], false)},
		"none before":          {piece(0, "k", whole, false), piece(1, "k", whole[3:], false)},
		"one is missing":       {first, last},
		"no value in the end":  {first, piece(1, "k", whole[4:], false)},
		"none goes on":         {first, {Origin: 7, To: 9, Ask: 1, At: 1, Last: true}},
		"of another sender":    {first, {Origin: 8, To: 9, Ask: 1, At: 1, Last: true, Rest: true, Values: middle.Values}},
		"part without another": {{Origin: 7, First: true, Open: true, Values: first.Values}},
		"two open values":      {{Origin: 7, First: true, Open: true, More: true, Values: append(first.Values, middle.Values...)}},
		"the rest of nothing":  {first, {Origin: 7, At: 1, Rest: true, Last: true}},
		"open, and sessions":   {{Origin: 7, First: true, Open: true, More: true, Values: first.Values, Clients: make([]wire.Served, 1)}},
	} {
		_, err := take(new(intake), wrong...)
		assert.ErrorIs(t, err, wire.ErrMessage, name)
	}
}
