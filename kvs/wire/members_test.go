package wire_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/member"
	"github.com/joinery-go/joinery/kvs/wire"
)

func TestMembersRoundTrip(t *testing.T) {
	set := member.Set{{Key: 1, Val: member.In(1, member.Active)}, {Key: 900, Val: member.In(3, member.Gone)}}
	factors := member.Factors{{Key: 0, Val: member.FactorOf(1, 1)}, {Key: 65535, Val: member.FactorOf(member.MaxEpoch, member.MaxReplicas)}}
	plain := wire.Members{From: 7, Origin: 1 << 40, Set: set}
	for i := range 4 {
		m := plain
		if m.Ask = i%2 > 0; i > 1 {
			m.Factors = factors
			assert.Greater(t, len(m.Append(nil)), len(plain.Append(nil)), "only where there are some")
		}
		kind, body, err := wire.Open(m.Append(nil))
		require.NoError(t, err)
		require.Equal(t, wire.MsgMembers, kind)
		v := wire.VersionOf(m.Append(nil))
		got, err := wire.DecodeMembers(v, body)
		require.NoError(t, err)
		assert.Equal(t, m, got)
		for n := range body {
			_, err := wire.DecodeMembers(v, body[:n])
			require.ErrorIs(t, err, wire.ErrMessage, "cut at %d", n)
		}
		_, err = wire.DecodeMembers(wire.Oldest+wire.Newest-v, body)
		require.ErrorIs(t, err, wire.ErrMessage, "a form of another version")
		_, err = wire.DecodeMembers(v, append(body[:len(body):len(body)], 0))
		require.ErrorIs(t, err, wire.ErrMessage)
	}
	record := wire.AppendMembersRecord(nil, 2, member.View{Members: set, Factors: factors})
	life, got, err := wire.MembersRecord(record)
	require.NoError(t, err)
	assert.Equal(t, uint32(2), life)
	assert.Equal(t, member.View{Members: set, Factors: factors}, got)
	for name, tail := range map[string]string{"no factors, said": string(member.Factors(nil).Append(nil)), "twice": string(factors.Append(factors.Append(nil)))} {
		_, _, err = wire.MembersRecord(append(wire.AppendMembersRecord(nil, 2, member.View{Members: set}), tail...))
		require.ErrorIs(t, err, wire.ErrMessage, name)
	}
	c, err := new(wire.DecodeBuffer).Contents(record)
	require.NoError(t, err)
	assert.Equal(t, wire.Contents{}, c)
	_, _, err = wire.MembersRecord(record[:len(record)-1])
	require.ErrorIs(t, err, wire.ErrMessage)
	_, _, err = wire.MembersRecord(wire.AppendRecord(nil, 1, nil))
	require.ErrorIs(t, err, wire.ErrMessage)
}

// TestGossipNamesItsView: a gossip message of one that goes by other members than those of its
// ring says so, in eight bytes more.
func TestGossipNamesItsView(t *testing.T) {
	items := []wire.Item{{Partition: 3, Pull: true}}
	plain := wire.AppendGossip(nil, 1, 5, items)
	named := wire.AppendGossipUnder(nil, 1, 5, 1<<63|7, items)
	assert.Len(t, named, len(plain)+8)
	assert.Equal(t, plain, wire.AppendGossipUnder(nil, 1, 5, 0, items))
	var in wire.DecodeBuffer
	for msg, want := range map[string]uint64{string(plain): 0, string(named): 1<<63 | 7} {
		_, body, err := wire.Open([]byte(msg))
		require.NoError(t, err)
		g, err := in.Gossip(wire.VersionOf([]byte(msg)), body)
		require.NoError(t, err)
		assert.Equal(t, want, g.View)
		_, err = in.Gossip(wire.VersionOf([]byte(msg)), append(body[:len(body):len(body)], 0))
		require.ErrorIs(t, err, wire.ErrMessage)
		_, err = in.Gossip(wire.VersionOf([]byte(msg)), append(body[:len(body):len(body)], make([]byte, 8)...))
		require.ErrorIs(t, err, wire.ErrMessage, "a name that is none, or one too many")
	}
}
