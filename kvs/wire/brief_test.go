package wire_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// likeEntries draws entries that are mostly like those before them.
func likeEntries() *rapid.Generator[[]gossip.Entry] {
	deps := []session.Matrix{nil, {{Partition: 1, Origin: 4, Seq: 4}}, {{Partition: 1, Origin: 4, Seq: 4}, {Partition: 2, Origin: 4, Seq: 1}}}
	return rapid.Custom(func(t *rapid.T) []gossip.Entry {
		out := make([]gossip.Entry, rapid.IntRange(0, 6).Draw(t, "entries"))
		for i := range out {
			out[i] = gossip.Entry{
				Dot:   causal.Dot{Origin: rapid.SampledFrom([]uint64{0, 1, 1 << 40}).Draw(t, "origin"), Seq: rapid.Uint64Range(1, 4).Draw(t, "seq")},
				Clock: rapid.SampledFrom([]uint64{0, 1, 5, 1 << 40, wire.MaxClock}).Draw(t, "clock"),
				Key:   rapid.SampledFrom([]string{"", "k", "key"}).Draw(t, "key"), Kind: rapid.SampledFrom([]string{"", "set"}).Draw(t, "kind"),
				Delta: rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "delta"), Deps: rapid.SampledFrom(deps).Draw(t, "deps"),
				Client: rapid.Uint64Range(0, 2).Draw(t, "client"), Req: rapid.Uint64Range(0, 3).Draw(t, "req"), Again: rapid.Bool().Draw(t, "again"),
			}
		}
		return out
	})
}

// TestVersionsSayTheSame: a gossip message of either version says the same, and each is the only
// one of its version that does.
func TestVersionsSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := []wire.Item{{Partition: 1, Entries: likeEntries().Draw(t, "first")}, {Partition: 2, Pull: true, Entries: likeEntries().Draw(t, "second")}}
		for v := wire.Oldest; v <= wire.Newest; v++ {
			msg := wire.AppendGossipAs(nil, v, 3, 1<<40, 7, items)
			kind, body, err := wire.Open(msg)
			require.NoError(t, err)
			require.Equal(t, wire.MsgGossip, kind)
			require.Equal(t, v, wire.VersionOf(msg))
			g, err := new(wire.DecodeBuffer).Gossip(v, body)
			require.NoError(t, err)
			require.Equal(t, uint64(7), g.View)
			require.Len(t, g.Items, 2)
			for i := range items {
				require.Len(t, g.Items[i].Entries, len(items[i].Entries))
				for j, want := range items[i].Entries {
					got := g.Items[i].Entries[j]
					require.True(t, bytes.Equal(want.Delta, got.Delta))
					got.Delta = want.Delta // nil and empty are one
					require.Equal(t, want, got)
				}
			}
			require.Equal(t, msg, wire.AppendGossipAs(nil, v, g.From, g.Origin, g.View, g.Items))
			for n := range len(body) - 8 { // the name of the view may be left out
				_, err := new(wire.DecodeBuffer).Gossip(v, body[:n])
				require.ErrorIs(t, err, wire.ErrMessage, "cut at %d of %d", n, len(body))
			}
		}
	})
}

// TestOneBriefForm: what is like the entry before has to be left out, and nothing else.
func TestOneBriefForm(t *testing.T) {
	e := gossip.Entry{Dot: causal.Dot{Origin: 5, Seq: 1}, Clock: 9, Key: "k", Kind: "set", Client: 3, Req: 1, Deps: session.Matrix{{Partition: 1, Origin: 4, Seq: 4}}}
	next := e
	next.Dot.Seq, next.Req = 2, 2
	msg := wire.AppendGossipAs(nil, wire.Newest, 1, 1, 0, []wire.Item{{Entries: []gossip.Entry{e, next}}})
	_, body, err := wire.Open(msg)
	require.NoError(t, err)
	const second = 5 // bytes of the last entry: what it is like, its clock, no delta, its request
	flags := len(body) - second + 1
	require.Equal(t, byte(0x1f), body[flags], "%x", body)
	read := func(b []byte) error {
		_, err := new(wire.DecodeBuffer).Gossip(wire.Newest, b)
		return err
	}
	require.NoError(t, read(body))
	spelled := append(bytes.Clone(body[:flags]), body[flags]&^4) // the kind, once more
	spelled = append(append(spelled, body[flags+1]), 3, 's', 'e', 't')
	require.ErrorIs(t, read(append(spelled, body[flags+2:]...)), wire.ErrMessage)
	for bit := range 8 {
		other := bytes.Clone(body)
		other[flags] ^= 1 << bit
		assert.ErrorIs(t, read(other), wire.ErrMessage, "bit %d", bit)
	}
}

// TestBriefIsShorter: deltas of one session take less than three quarters of the bytes.
func TestBriefIsShorter(t *testing.T) {
	entries := make([]gossip.Entry, 20)
	for i := range entries {
		entries[i] = gossip.Entry{Dot: causal.Dot{Origin: 1 << 33, Seq: uint64(i) + 7}, Clock: 1_700_000_000_000<<16 + uint64(i)<<18, Key: "user/1234567", Kind: "register", Delta: make([]byte, 16), Client: 1 << 45, Req: uint64(i) + 1}
	}
	size := func(v wire.Version) int {
		return len(wire.AppendGossipAs(nil, v, 1, 1<<33, 0, []wire.Item{{Entries: entries}}))
	}
	assert.Less(t, 4*size(wire.Newest), 3*size(wire.Oldest))
	t.Logf("%d and %d bytes", size(wire.Oldest), size(wire.Newest))
}

// TestFormOfAVersion: a message bears the version in which its kind got its form, and no other.
func TestFormOfAVersion(t *testing.T) {
	q := wire.Request{Client: 1, Req: 1, Key: "k", Kind: "set"}
	msg := q.Encode()
	assert.Equal(t, wire.Oldest, wire.VersionOf(msg))
	for v := range byte(20) {
		_, _, err := wire.Open(wire.OfVersion(msg, v))
		assert.ErrorIs(t, err, wire.ErrMessage, "version %d", v)
	}
	assert.Zero(t, wire.VersionOf(msg[:2]))
}
