package choice

import (
	"sync"

	"pgregory.net/rapid"
)

// Rapid is a [Source] whose decisions are draws of rapid: rapid shrinks each of
// them towards 0. Answers lean low, as rapid's integers do. It works only while
// the property that was given t runs.
type Rapid struct{ t *rapid.T }

// FromRapid returns the source of decisions that draws from t.
func FromRapid(t *rapid.T) Rapid { return Rapid{t} }

// T returns the rapid test case that is drawn from.
func (s Rapid) T() *rapid.T { return s.t }

// Choose draws an answer to p, logged by rapid under the name of its site. A rare
// answer is found by comparing single bits with the binary expansion of its
// probability, two of them on average, which gives the exact odds and lets rapid
// shrink to 0 by clearing bits.
func (s Rapid) Choose(p Point) uint64 {
	if p.N <= 1 {
		return 0
	}
	if p.Rare == 0 {
		return s.below(p.Site, p.N)
	}
	threshold := 1<<32 - uint64(p.Rare)
	for bit := 31; bit >= 0; bit-- {
		want := threshold>>bit&1 == 1
		switch got := coin.Draw(s.t, p.Site); {
		case want && !got:
			return 0
		case got && !want:
			return 1 + s.below(p.Site, p.N-1)
		}
	}
	return 1 + s.below(p.Site, p.N-1)
}

func (s Rapid) below(site string, n uint64) uint64 {
	switch {
	case n <= 1:
		return 0
	case n <= uint64(smallRanges):
		return ranges()[n].Draw(s.t, site)
	}
	return rapid.Uint64Range(0, n-1).Draw(s.t, site)
}

const smallRanges = 64

// Generators are immutable; making one anew for each draw would cost more than
// the draw.
var (
	coin   = rapid.Bool()
	ranges = sync.OnceValue(func() []*rapid.Generator[uint64] {
		gs := make([]*rapid.Generator[uint64], smallRanges+1)
		for n := uint64(2); n <= smallRanges; n++ {
			gs[n] = rapid.Uint64Range(0, n-1)
		}
		return gs
	})
)
