package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
	own := session.Mark{Partition: session.Cuts + r.number(), Origin: 3, Seq: 4}
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
