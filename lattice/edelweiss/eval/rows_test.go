package eval

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

// TestRowsAreForgotten: what came and went leaves no row behind, in any kind of
// collection, and what waits to be used again is bounded.
func TestRowsAreForgotten(t *testing.T) {
	p, err := el.Parse(`.decl feed(k: number, v: symbol) input
.decl chn(@to: node, k: number) channel
.decl ack(@to: node, k: number) channel
.decl log(k: number => v: symbol) table
.decl sent(k: number) range
.decl next(k: number) scratch
.decl open(k: number) scratch
.decl many(k: number => n: number) scratch
.decl seen(k: number) range
log(k, v) :- feed(k, v).
chn(@1, k) @async :- log(k, _), !sent(k).
sent(k) :- ack(_, k).
open(k) :- log(k, _), !sent(k).
many(k, count()) :- log(k, _).
next(k) @next :- open(k).
seen(k) @next :- log(k, _).
log(k, v) @delete :- log(k, v), !open(k).
`)
	require.NoError(t, err)
	m, err := New(p, Options{})
	require.NoError(t, err)
	const ticks = 1000
	for n := range int64(ticks) {
		e := Events{Inputs: []Fact{{"feed", el.Tuple{el.Number(n), el.Symbol("v")}}}}
		if n > 2 {
			e.Messages = []Message{{From: 1, Fact: Fact{"ack", el.Tuple{el.Node(0), el.Number(n - 2)}}}}
		}
		require.NoError(t, m.Tick(e))
	}
	most := 10 // rows of the last timesteps
	for _, r := range m.order {
		assert.LessOrEqual(t, len(r.rows), most, r.name)
		assert.LessOrEqual(t, len(r.free), maxFree, r.name)
		assert.LessOrEqual(t, len(r.passed)+len(r.again)+len(r.arrivals)+len(r.removals)+len(r.dirty), most, r.name)
		for _, x := range r.indexes {
			assert.LessOrEqual(t, len(x.buckets), most, r.name)
			assert.LessOrEqual(t, len(x.free), maxFree, r.name)
		}
		for _, a := range r.feeds {
			assert.LessOrEqual(t, len(a.groups), most, r.name)
		}
	}
	for _, f := range m.effects {
		assert.LessOrEqual(t, len(f.into.rows), most, f.into.name)
		assert.LessOrEqual(t, len(f.dirty), most, f.into.name)
	}
	assert.LessOrEqual(t, m.rels["sent"].ids.Intervals(), 1)
	assert.Len(t, m.Sends(), 3, "the first and the last two are not acknowledged")
}
