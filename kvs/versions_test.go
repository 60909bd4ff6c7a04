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

// programs is a stand of three nodes, which run an older or a newer program. It counts, of
// each two nodes, the gossip that says something, by version.
type programs struct {
	*seats
	older map[ring.NodeID]bool
	wrote map[[2]ring.NodeID]map[wire.Version]int
}

func newPrograms(t *testing.T, partitions, rf int, older ...ring.NodeID) *programs {
	p := &programs{older: map[ring.NodeID]bool{}, wrote: map[[2]ring.NodeID]map[wire.Version]int{}}
	for _, n := range older {
		p.older[n] = true
	}
	p.seats = newSeatsOf(t, 3, partitions, rf, func(c *kvs.Config) {
		c.Speaks = kvs.Versions{Oldest: wire.Oldest, Newest: wire.Newest}
		if p.older[c.Self] {
			c.Speaks.Newest = wire.Oldest
		}
	})
	p.cut = func(m standMessage) bool {
		if wire.KindOf(m.b) != wire.MsgGossip {
			return false
		}
		_, body, err := wire.Open(m.b)
		require.NoError(t, err)
		g, err := new(wire.DecodeBuffer).Gossip(wire.VersionOf(m.b), body)
		require.NoError(t, err)
		if len(g.Items) > 0 {
			of := [2]ring.NodeID{m.from, m.to}
			if p.wrote[of] == nil {
				p.wrote[of] = map[wire.Version]int{}
			}
			p.wrote[of][wire.VersionOf(m.b)]++
		}
		return false
	}
	return p
}

// told has every node write, and reports in which versions each two nodes write to each other then.
func (p *programs) told(t *testing.T) map[[2]ring.NodeID]map[wire.Version]int {
	t.Helper()
	for round, element := range []string{"a", "b"} {
		clear(p.wrote)
		for n := ring.NodeID(1); n <= 3; n++ {
			p.write(n, "k", element+string(rune('0'+n)), wire.StatusOK)
			p.some(20)
		}
		for n := ring.NodeID(1); n <= 3; n++ {
			require.GreaterOrEqual(t, len(p.elements(n, "k")), 3*(round+1), "node %d", n)
		}
	}
	return p.wrote
}

// TestVersionsMeet: replicas write the newest version that both read, whoever runs the older
// program, and after a node has come to the newer one or gone back.
func TestVersionsMeet(t *testing.T) {
	p := newPrograms(t, 1, 3, 2)
	check := func(older ring.NodeID) {
		t.Helper()
		for of, versions := range p.told(t) {
			want := wire.Newest
			if of[0] == older || of[1] == older {
				want = wire.Oldest
			}
			assert.Len(t, versions, 1, "%v", of)
			assert.Positive(t, versions[want], "nodes %v, %v: %v", of[0], of[1], versions)
		}
		assert.Len(t, p.wrote, 6)
	}
	check(2)
	p.older[2] = false
	p.start(2, false)
	p.some(10)
	check(0)
	p.older[3] = true // it goes back
	p.start(3, false)
	p.some(10)
	check(3)
}

// TestSilenceIsWrittenToInTheOldest: the one owner comes back with the older program, and has no
// reason to say anything: who hands writes over to it learns from its silence that it may not read
// what it is told.
func TestSilenceIsWrittenToInTheOldest(t *testing.T) {
	p := newPrograms(t, 16, 1)
	key := p.keyOf(func(of ring.Partition) bool { return p.ring.Owns(3, of) })
	for _, element := range []string{"first", "next"} {
		p.write(1, key, element, wire.StatusOK)
		p.some(20)
	}
	require.Positive(t, p.wrote[[2]ring.NodeID{1, 3}][wire.Newest])
	p.older[3] = true
	p.start(3, false)
	p.write(1, key, "second", wire.StatusOK)
	p.some(60)
	assert.Contains(t, p.elements(3, key), "second")
}

// TestVersionsOfAConfig: versions that there are not, or the wrong way round, are refused.
func TestVersionsOfAConfig(t *testing.T) {
	r, err := ring.New([]ring.NodeID{1}, 1, 1)
	require.NoError(t, err)
	for speaks, right := range map[kvs.Versions]bool{
		{}:                        true,
		{Newest: wire.Oldest}:     true,
		{Oldest: wire.Oldest}:     true,
		{Oldest: wire.Newest}:     true,
		{Oldest: wire.Newest + 1}: false,
		{Oldest: wire.Oldest - 1}: false,
		{Newest: wire.Newest + 1}: false,
		{Oldest: wire.Newest, Newest: wire.Oldest}: false,
	} {
		_, err := kvs.New(kvs.Config{Self: 1, Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: secret, Speaks: speaks}, nil)
		if right {
			assert.NoError(t, err, "%v", speaks)
		} else {
			assert.ErrorIs(t, err, kvs.ErrConfig, "%v", speaks)
		}
	}
	_, err = kvs.New(kvs.Config{Self: 1, Origin: 1, First: true, Ring: r, Kinds: kind.Default(), Secret: secret, Speaks: kvs.Versions{Oldest: 3, Newest: 5}}, nil)
	assert.ErrorContains(t, err, "versions 3 to 5, want some of 8 to 9")
}
