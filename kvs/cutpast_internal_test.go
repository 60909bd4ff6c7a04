package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/session"
)

// TestPastOfAValueIsCut: what is kept of a value's past is as short as a cut makes it: one
// mark in place of all that it names, whoever reads the value, and none where little is kept.
func TestPastOfAValueIsCut(t *testing.T) {
	r := newHalf(t, 1, 3, 32, 2, nil, nil).r
	c := &cut{number: 4}
	var deps session.Matrix
	for p := range ring.Partition(32) {
		c.parts = append(c.parts, cutPart{id: p, row: session.Row{{Partition: p, Origin: 9, Seq: 5}}})
		deps = append(deps, session.Mark{Partition: p, Origin: 9, Seq: 5})
	}
	own := session.Mark{Partition: session.CutsOf(r.cfg.Self), Origin: 3, Seq: 4}
	later := session.Mark{Partition: 7, Origin: 9, Seq: 6}
	many := slot{writes: session.Matrix{deps[7]}, deps: deps.Clone()}
	few := slot{writes: session.Matrix{deps[7]}, deps: deps[:3].Clone()}
	beyond := slot{writes: session.Matrix{later}, deps: deps.Clone()}

	for _, s := range []*slot{&many, &few, &beyond} {
		r.compactSlot(s)
	}
	assert.Len(t, many.deps, 32, "no cut is in use")

	r.cut = c
	for _, s := range []*slot{&many, &few, &beyond} {
		r.compactSlot(s)
	}
	assert.Empty(t, many.writes, "the mark tells that they are in the value")
	assert.Equal(t, session.Matrix{own}, many.deps)
	assert.Equal(t, deps[:3], few.deps)
	assert.Len(t, few.writes, 1)
	assert.Equal(t, session.Matrix{later}, beyond.writes, "which the cut does not name")
	assert.Equal(t, session.Matrix{own}, beyond.deps)
}

// TestCutsNameTheirNode: the mark of a cut means the same to replicas that do not know of the
// same nodes: it is the id of its node that it has, and not which one among all that is.
func TestCutsNameTheirNode(t *testing.T) {
	few, err := ring.New([]ring.NodeID{5, 7, 900}, 16, 3)
	require.NoError(t, err)
	more, err := ring.New([]ring.NodeID{3, 5, 7, 900}, 16, 4)
	require.NoError(t, err)
	maker := &Replica{cfg: Config{Ring: few, Self: 900, Origin: 9, MaxPast: 0}, cut: &cut{number: 2}}
	var long session.Matrix
	for p := range ring.Partition(16) {
		maker.cut.parts = append(maker.cut.parts, cutPart{id: p, row: session.Row{{Partition: p, Origin: 4, Seq: 5}}})
		long = append(long, session.Mark{Partition: p, Origin: 4, Seq: 5})
	}
	past := maker.compact(long)
	require.Equal(t, session.Matrix{{Partition: session.CutsOf(900), Origin: 9, Seq: 2}}, past)
	for _, rg := range []*ring.Ring{few, more} {
		reader := &Replica{cfg: Config{Ring: rg, Self: 5, Origin: 8}}
		behind := &partition{id: 3, cuts: session.Matrix{{Partition: 3, Origin: 9, Seq: 1}}}
		there := &partition{id: 3, cuts: session.Matrix{{Partition: 3, Origin: 9, Seq: 2}}}
		assert.False(t, reader.includes(behind, past), "on nodes %v", rg.Nodes())
		assert.True(t, reader.includes(there, past), "on nodes %v", rg.Nodes())
	}
}
