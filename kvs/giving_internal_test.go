package kvs

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/kvs/wire"
)

// TestWhatIsStillGivenIsState: of a checkpoint under way, where it stands, and all that was
// preserved for it, is part of the state, and nothing else that it keeps is.
func TestWhatIsStillGivenIsState(t *testing.T) {
	marks := session.Matrix{{Partition: 0, Origin: 1, Seq: 1}}
	kept := wire.KeptValue{Key: "k", Kind: "set", Writes: marks}
	states := map[string]int{}
	for i, change := range []func(g *giving){
		func(*giving) {},
		func(g *giving) { g.next = "l" },
		func(g *giving) { g.part.At = 2 },
		func(g *giving) { g.part.Values = []wire.HeldValue{{Key: "k", Kind: "set", Value: []byte("a")}} },
		func(g *giving) { g.part.Values = []wire.HeldValue{{Key: "k", Kind: "set", Value: []byte("b")}} },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept} },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept, kept} },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept}; g.part.Kept[0].Key = "l" },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept}; g.part.Kept[0].Kind = "other" },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept}; g.part.Kept[0].Writes = nil },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept}; g.part.Kept[0].Deps = marks },
		func(g *giving) { g.part.Kept = []wire.KeptValue{kept}; g.part.Kept[0].At.Number = 9 },
	} {
		g := &giving{next: "k"}
		g.part.At = 1
		change(g)
		state := string(g.append(nil, new(partition)))
		assert.Equal(t, state, string(g.clone(nil).append(nil, new(partition))))
		assert.NotContains(t, states, state, "%d", i)
		states[state] = i
	}
	assert.Empty(t, (*giving)(nil).append(nil, nil))

	p := new(partition)
	p.cells.add("m")
	before := (&giving{next: "k"}).append(nil, p)
	p.cells.find("m").ahead = true
	assert.NotEqual(t, before, (&giving{next: "k"}).append(nil, p), "what has been given ahead of its turn")
}
