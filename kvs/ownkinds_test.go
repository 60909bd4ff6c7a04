package kvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice"
)

// TestRegisteredKinds: a store serves kinds of one's own, maps of kinds and registers of many
// values among them: replicas that take writes of each come to one value, repeats count once,
// and deletes take what they have seen.
func TestRegisteredKinds(t *testing.T) {
	highest := kind.Spec[uint64]{Name: "highest", Merge: lattice.Max[uint64](), Mutate: func(u kind.Update, _ uint64) (uint64, error) {
		return uint64(len(u.Arg)), nil
	}}
	var all []kind.Kind
	for _, make := range []func() (kind.Kind, error){
		func() (kind.Kind, error) { return kind.New(highest) },
		func() (kind.Kind, error) { return kind.New(kind.MultiValueSpec()) },
		func() (kind.Kind, error) { return kind.New(kind.MapOf("counters", kind.CounterSpec())) },
	} {
		k, err := make()
		require.NoError(t, err)
		all = append(all, k)
	}
	kinds, err := kind.NewKinds(all...)
	require.NoError(t, err)
	s := newStand(t, 3, 1, 3, func(c *kvs.Config) { c.Kinds = kinds })
	req := uint64(0)
	write := func(node int, name, key string, arg []byte, del bool) {
		req++
		q := wire.Request{Client: uint64(node), Req: req, Put: true, Delete: del, Key: key, Kind: name, Arg: arg, Stamp: 1_000_000<<16 + req}
		require.Equal(t, wire.StatusOK, s.ask(s.ring.Owners(0)[node-1], q).Status)
	}
	for n := 1; n <= 3; n++ {
		write(n, "highest", "h", make([]byte, 3*n%7), false)
		write(n, "multivalue", "m", kind.Assign(nil, string(rune('a'+n))), false)
		write(n, "counters", "c", kind.Field("f", kind.Amount(int64(n))), false)
	}
	repeat := wire.Request{Client: 3, Req: req, Put: true, Again: true, Key: "c", Kind: "counters", Arg: kind.Field("f", kind.Amount(3)), Stamp: 1_000_000<<16 + req}
	require.Equal(t, wire.StatusOK, s.ask(s.ring.Owners(0)[0], repeat).Status)
	s.rounds(30)
	sum := func(id int) int64 {
		m, ok := kind.Get[kind.Map[kind.Counter]](s.nodes[id].r.Value("c", "counters"))
		require.True(t, ok)
		n, err := kind.CounterSum(m[0].Val)
		require.NoError(t, err)
		return n
	}
	for id := 1; id <= 3; id++ {
		h, _ := kind.Get[uint64](s.nodes[id].r.Value("h", "highest"))
		assert.Equal(t, uint64(6), h)
		m, _ := kind.Get[kind.AddWins](s.nodes[id].r.Value("m", "multivalue"))
		assert.Equal(t, []string{"b", "c", "d"}, kind.Elements(m))
		assert.Equal(t, int64(6), sum(id), "a repeat counts once")
	}
	m, _ := kind.Get[kind.AddWins](s.nodes[1].r.Value("m", "multivalue"))
	write(2, "multivalue", "m", kind.Assign(m, "e"), false)
	write(1, "counters", "c", nil, true)
	s.rounds(30)
	for id := 1; id <= 3; id++ {
		m, _ := kind.Get[kind.AddWins](s.nodes[id].r.Value("m", "multivalue"))
		assert.Equal(t, []string{"e"}, kind.Elements(m))
		assert.Zero(t, sum(id))
		assert.Equal(t, 1, s.nodes[id].r.Tombstones())
	}
}
