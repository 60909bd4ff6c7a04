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
	assert.Empty(t, in.staged)
	assert.Zero(t, in.at, "all of it is asked for again")
	done, err := take(in, last)
	require.NoError(t, err)
	assert.True(t, done.whole)
	require.Len(t, done.staged, 1)
	values := done.staged[0].values
	require.Len(t, values, 1)
	assert.Equal(t, "set k", values[0].Kind+" "+values[0].Key)
	assert.Equal(t, whole, values[0].Value)

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

// TestPartsOfOneAnswer: a start puts no parts of a value together that answer two asks,
// though the records lie where they would if they answered one, since what lay between has
// been cut out of the disk; nor does it take what follows on a value that is not there.
func TestPartsOfOneAnswer(t *testing.T) {
	set, ok := kind.Default().Find("set")
	require.True(t, ok)
	value := func(arg string) []byte {
		v, err := set.Mutate(kind.Update{Arg: []byte(arg)}, nil)
		require.NoError(t, err)
		return v.Append(nil)
	}
	was, is := value("abcdefgh"), value("abcd")
	record := func(place uint32, ask uint64, at uint32, key string, part []byte, open, rest, last bool) []byte {
		x := wire.Piece{
			Origin: 2, To: 1, Ask: ask, At: at, First: place == 0, More: open, Last: last, Open: open, Rest: rest,
			Values: []wire.HeldValue{{Key: key, Kind: "set", Value: part}},
		}
		if at == 0 {
			x.Applied = gossip.Dots{{Origin: 7, Lo: 1, Hi: 1}}
		}
		s := wire.StoredPiece{Begun: 1, Number: 1, At: place, Encoded: x.Append(nil)}
		return s.Append(nil)
	}
	part := record(0, 1, 0, "k", was[:4], true, false, false)
	for name, c := range map[string]struct {
		records [][]byte
		pieces  int
	}{
		"the rest of a later one":    {[][]byte{part, record(1, 2, 1, "k", is[4:], false, true, true)}, 1},
		"what follows on the value":  {[][]byte{part, record(1, 3, 0, "l", is, false, false, true)}, 1},
		"a rest, with one left out":  {[][]byte{part, record(1, 1, 2, "k", was[4:], false, true, true)}, 1},
		"the same of another start":  {[][]byte{part, record(1, 1, 0, "k", was, false, false, true)}, 1},
		"another in place of a part": {[][]byte{part, record(0, 2, 0, "k", is[:3], true, false, false)}, 1},
		"the rest of it":             {[][]byte{part, record(1, 1, 1, "k", was[4:7], true, true, false)}, 2},
	} {
		n := newHalf(t, 1, 17, 1, 2, c.records, func(c *Config) { c.Unreadable = 1 })
		p := n.r.held(0)
		require.NotNil(t, p.intake, name)
		assert.Len(t, p.intake.pieces, c.pieces, name)
		assert.Empty(t, p.applied, name)
	}
}
