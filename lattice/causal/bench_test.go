package causal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

// BenchmarkVersionMerge merges vectors of as many origins as the target has, by
// the library and by a loop for the type.
func BenchmarkVersionMerge(b *testing.B) {
	m := causal.VersionMerge()
	for _, origins := range []int{5, 64} {
		b.Run(fmt.Sprintf("%d origins", origins), func(b *testing.B) {
			ours, delta := causal.Version{}, causal.Version{}
			for o := range uint64(origins) {
				ours[o], delta[o] = 1, 1
			}
			theirs := m.Clone(ours)
			const rounds = 100
			lawtest.Ratio(b, rounds,
				func() { delta[0]++ },
				func() {
					for range rounds {
						m.MergeIn(&ours, delta)
					}
				},
				func() {
					for range rounds {
						for o, n := range delta {
							if n > theirs[o] {
								theirs[o] = n
							}
						}
					}
				})
			require.Equal(b, lattice.Equal, m.Compare(ours, theirs))
		})
	}
}

// BenchmarkAWSet measures updates of an add-wins set of 1,024 elements. An addition
// costs the same whatever the size; a removal looks through the set.
func BenchmarkAWSet(b *testing.B) {
	m := causal.AWSetOf[uint64]()
	set := func() (s causal.AWSet[uint64]) {
		for e := range uint64(1024) {
			d, err := s.Add(causal.Dot{Origin: 1, Seq: e + 1}, e)
			require.NoError(b, err)
			m.MergeIn(&s, d)
		}
		return s
	}
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		s, seq := set(), uint64(0)
		for b.Loop() {
			seq++
			d, err := s.Add(causal.Dot{Origin: 2, Seq: seq}, 5000)
			if err != nil {
				b.Fatal(err)
			}
			m.MergeIn(&s, d)
		}
	})
	b.Run("remove", func(b *testing.B) {
		b.ReportAllocs()
		s, seq := set(), uint64(1024)
		for b.Loop() {
			seq++
			m.MergeIn(&s, s.Remove(7))
			d, err := s.Add(causal.Dot{Origin: 1, Seq: seq}, 7)
			if err != nil {
				b.Fatal(err)
			}
			m.MergeIn(&s, d)
		}
	})
	b.Run("compare", func(b *testing.B) {
		b.ReportAllocs()
		s := set()
		t := m.Clone(s)
		for b.Loop() {
			m.Compare(s, t)
		}
	})
}
