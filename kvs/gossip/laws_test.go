package gossip_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/laws"
)

// TestDotsLaws: a flat set is a lattice by itself, whatever it is compared with.
func TestDotsLaws(t *testing.T) {
	laws.CheckMethod(t, (*gossip.Dots).MergeIn, rapid.Custom(func(t *rapid.T) gossip.Dots {
		d := gossip.Dots{}
		for range rapid.IntRange(0, 6).Draw(t, "dots") {
			d.Add(causal.Dot{Origin: rapid.Uint64Range(1, 2).Draw(t, "origin"), Seq: rapid.Uint64Range(1, 8).Draw(t, "seq")})
		}
		return d
	}))
}
