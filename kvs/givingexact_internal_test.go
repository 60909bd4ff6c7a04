package kvs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestWhatWasPreservedComesInParts: what changed before its turn is given in parts of about a
// batch, all of it, in the order in which it changed; what comes behind it begins no part that is
// full.
func TestWhatWasPreservedComesInParts(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.CheckpointBytes = -1 })
	p := n.r.partition(0)
	value := wire.HeldValue{Kind: "set", Value: make([]byte, 60), Writes: session.Matrix{{Origin: 1, Seq: 1}}}
	kept := wire.KeptValue{Kind: "set", At: wire.Slot{Number: 3, Origin: 1, Checkpoint: 1}, Bytes: 60, Writes: value.Writes}
	for _, some := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {9, 0}, {0, 30}} {
		g := &giving{r: n.r, next: "z"}
		g.part = wire.CheckpointPart{Applied: gossip.Dots{{Origin: 1, Lo: 1, Hi: 1}}, Keeper: uint64(some[1])} // which names what keeps them
		var want, got []string
		for i := range some[0] {
			value.Key = fmt.Sprintf("v%02d", i)
			g.part.Values = append(g.part.Values, value)
			want = append(want, value.Key)
		}
		for i := range some[1] {
			kept.Key = fmt.Sprintf("w%02d", i)
			g.part.Kept = append(g.part.Kept, kept)
			want = append(want, kept.Key)
		}
		n.r.begin()
		require.True(t, g.values(p))
		require.NotEmpty(t, n.r.out)
		for i, e := range n.r.out {
			x, err := n.r.in.Checkpoint(e.Msg)
			require.NoError(t, err)
			assert.Equal(t, uint32(i), x.At)
			assert.Equal(t, i == len(n.r.out)-1, x.Last)
			assert.Equal(t, i == 0, len(x.Applied) > 0, "the first says what all of them have")
			size := 0
			for _, v := range x.Values {
				got, size = append(got, v.Key), size+v.Size()
			}
			for _, v := range x.Kept {
				got, size = append(got, v.Key), size+v.Size()
			}
			assert.LessOrEqual(t, size, n.r.cfg.BatchBytes, "part %d of %v", i, some)
		}
		assert.Equal(t, want, got, "%v", some)
		assert.Nil(t, p.giving)
	}
}

// TestWhatChangesIsGivenAsItWas: a value that changes before its turn is given as it was, once,
// and one that has come since is not given at all; what is behind is given in its turn.
func TestWhatChangesIsGivenAsItWas(t *testing.T) {
	n := newHalf(t, 1, 1, 1, 2, nil, func(c *Config) { c.CheckpointBytes = -1 })
	put := func(key, element string) {
		q := wire.Request{Client: 7 + uint64(len(n.records)), Req: 1, Put: true, Key: key, Kind: "set", Arg: []byte(element)}
		require.Equal(t, wire.StatusOK, n.ask(q).Status)
	}
	for i := range 12 {
		put(fmt.Sprintf("k%02d", i), "before, which is of some length")
	}
	p := n.r.partition(0)
	given := map[string]int{}
	g := &giving{r: n.r}
	collect := func() {
		for _, e := range n.r.out {
			x, err := n.r.in.Checkpoint(e.Msg)
			require.NoError(t, err)
			for _, v := range x.Values {
				given[v.Key+" "+string(v.Value[len(v.Value)-6:])]++
			}
		}
		n.r.begin()
	}
	n.r.begin()
	all := g.values(p)
	require.False(t, all)
	collect()
	next := g.next
	assert.True(t, g.awaits(next))
	assert.False(t, g.awaits("k00"))
	assert.False(t, (*giving)(nil).awaits("k00"))
	put("k00", "after0")
	put("k09", "after9")
	put("k09", "again9")
	put("k99", "new999")
	n.r.begin()
	for range 20 {
		if all = p.giving == nil || p.giving.values(p); all {
			break
		}
		collect()
	}
	require.True(t, all)
	collect()
	assert.Len(t, given, 12)
	for i := range 12 {
		assert.Equal(t, 1, given[fmt.Sprintf("k%02d length", i)], "key %d: %v", i, given)
	}
	for c := range p.cells.from("") {
		assert.False(t, c.ahead, "of the next checkpoint it is part again")
	}
}

// TestSessionsOfPieces: sessions of a snapshot come in order, and each in one piece.
func TestSessionsOfPieces(t *testing.T) {
	of := func(ask uint64, clients ...uint64) *wire.Piece {
		x := &wire.Piece{Origin: 5, To: 9, Ask: ask, First: ask == 1, Applied: gossip.Dots{{Origin: 5, Lo: 1, Hi: 9}}}
		for i, c := range clients {
			x.Clients = append(x.Clients, wire.Served{Client: c, Req: uint64(1 + i), Dot: causal.Dot{Origin: 5, Seq: 1}})
		}
		return x
	}
	for _, c := range []struct {
		first, second []uint64
		ok            bool
	}{
		{[]uint64{3, 3, 4}, []uint64{5, 5, 6}, true},
		{[]uint64{3}, []uint64{3}, false},
		{[]uint64{3}, []uint64{2}, false},
		{[]uint64{3}, []uint64{4, 3}, false},
		{[]uint64{4, 3}, nil, false},
		{nil, []uint64{0}, true},
	} {
		n := newHalf(t, 1, 9, 1, 2, nil, nil)
		x, err := new(intake), error(nil)
		for i, clients := range [][]uint64{c.first, c.second} {
			piece := of(uint64(1+i), clients...)
			if x, err = x.with(n.r, piece, nil); err != nil {
				break
			}
		}
		assert.Equal(t, c.ok, err == nil, "%+v", c)
	}
}

// TestMayHaveRow: of which requests a repeat may have been served here.
func TestMayHaveRow(t *testing.T) {
	entry := &gossip.Entry{Client: 7, Req: 5}
	for name, c := range map[string]struct {
		requests  []wire.Served
		low       uint64
		none      bool
		forgotten uint64
		want      bool
	}{
		"of a session that is not known": {none: true, want: true},
		"of one that goes further back":  {low: 5, want: true},
		"of one that does not":           {low: 4},
		"some session is forgotten":      {forgotten: 1, want: true},
		"it is the first":                {requests: []wire.Served{{Client: 7, Req: 5}}},
		"it is a repeat":                 {requests: []wire.Served{{Client: 7, Req: 5, Again: true}}, want: true},
		"there are both":                 {requests: []wire.Served{{Client: 7, Req: 5}, {Client: 7, Req: 5, Again: true, Dot: causal.Dot{Origin: 2, Seq: 1}}}, want: true},
		"another one is a repeat":        {requests: []wire.Served{{Client: 7, Req: 6, Again: true}}},
	} {
		n := newHalf(t, 1, 1, 1, 2, nil, nil)
		if n.r.sessions.of = map[uint64]*memoryOf{}; !c.none {
			n.r.sessions.of[7] = &memoryOf{client: 7, requests: c.requests, low: c.low}
		}
		n.r.sessions.forgotten = c.forgotten
		assert.Equal(t, c.want, n.r.mayHaveRow(entry), name)
	}
}
