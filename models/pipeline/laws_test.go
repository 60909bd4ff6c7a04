package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/kvs/gossip"
	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/ring"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/laws"
)

// some draws what is held of a few names, built as the graph builds it, or a delta.
func some(kinds *kind.Kinds) *rapid.Generator[Held] {
	return rapid.Custom(func(t *rapid.T) Held {
		var h Held
		for i := range rapid.IntRange(0, 3).Draw(t, "values") {
			k := kinds.At(rapid.IntRange(0, kinds.Len()-1).Draw(t, "kind"))
			u := kind.Update{Clock: rapid.Uint64Range(1, 3).Draw(t, "clock"), Origin: rapid.Uint64Range(1, 2).Draw(t, "origin")}
			u.Arg = kind.Amount(rapid.Int64Range(-2, 2).Draw(t, "arg"))
			v, err := k.Mutate(u, k.New())
			if err != nil {
				t.Fatal(err)
			}
			one := One(Ref{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), k.Name()}, v)
			if i == 0 {
				h = one
				continue
			}
			HeldOf().MergeIn(&h, one)
		}
		return h
	})
}

func TestHeldLaws(t *testing.T) {
	m := HeldOf()
	laws.Check(t, laws.Lattice(m,
		laws.Equal(func(a, b Held) bool { return m.Compare(a, b) == lattice.Equal }),
		laws.Clone(m.Clone),
		laws.Show(func(h Held) string {
			var text []string
			for _, r := range slices.SortedFunc(maps.Keys(h.Refs()), func(a, b Ref) int { return strings.Compare(a.Key+a.Kind, b.Key+b.Kind) }) {
				text = append(text, fmt.Sprintf("%v: %q", r, h.Look(r).Append(nil)))
			}
			return strings.Join(text, ", ")
		}),
	), gen.For(m, gen.FromRapid(some(kind.Default()))))
}

func TestOffersLaws(t *testing.T) {
	some := rapid.Custom(func(t *rapid.T) offers {
		v := offers{}
		for range rapid.IntRange(0, 4).Draw(t, "offers") {
			p := ring.Partition(rapid.IntRange(0, 1).Draw(t, "partition"))
			d := causal.Dot{Origin: rapid.Uint64Range(1, 2).Draw(t, "origin"), Seq: rapid.Uint64Range(1, 3).Draw(t, "seq")}
			offersMerge{}.MergeIn(&v, offers{{p, gossip.Entry{Dot: d, Key: fmt.Sprint(p, d)}}})
		}
		return v
	})
	laws.Check(t, laws.Lattice(offersMerge{}), gen.For(offersMerge{}, gen.FromRapid(some)))
}
