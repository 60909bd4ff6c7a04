package scenario

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/kvs/wire"
	"github.com/joinery-go/joinery/lattice/causal"
)

// TestConfused: a record is read by who reads its kind, and by no other.
func TestConfused(t *testing.T) {
	touched := wire.Touched{Of: 1, Dot: causal.Dot{Origin: 1, Seq: 1}, Names: []wire.ValueName{{Key: "k", Kind: "set"}}}
	for what, rec := range map[string][]byte{
		"writes": wire.AppendRecord(nil, ring.Partition(1), []gossip.Entry{{Dot: causal.Dot{Origin: 1, Seq: 1}, Clock: 1, Key: "k", Kind: "set", Delta: []byte{0}}}),
		"lost":   wire.AppendLost(nil, wire.Slot{Number: 1, Origin: 1, Checkpoint: 1}),
		"marked": touched.Append(nil),
	} {
		assert.NoError(t, confused(rec), what)
		assert.Error(t, confused(rec[:len(rec)-1]), "%s that are cut off", what)
	}
	assert.Error(t, confused([]byte{0xff}), "no kind")
	was := readers[2]
	defer func() { readers[2] = was }()
	readers[2].read = func(*wire.DecodeBuffer, []byte) error { return nil }
	assert.Error(t, confused(touched.Append(nil)), "a reader that takes what is another's")
}
