package lattice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

const (
	benchKeys   = 1024 // keys of the target
	benchDelta  = 8    // keys of a delta
	benchDeltas = benchKeys / benchDelta
)

// key spreads numbers so that the order of keys says nothing.
func key(i int) uint64 { return uint64(i) * 0x9E3779B97F4A7C15 }

// deltasOf cuts 1,024 keys into 128 deltas of 8.
func deltasOf[V any](value func(i int) V) (target map[uint64]V, deltas []map[uint64]V) {
	target = make(map[uint64]V, benchKeys)
	deltas = make([]map[uint64]V, benchDeltas)
	for i := range benchKeys {
		target[key(i)] = value(i)
		j := i / benchDelta
		if deltas[j] == nil {
			deltas[j] = make(map[uint64]V, benchDelta)
		}
		deltas[j][key(i)] = value(i)
	}
	return target, deltas
}

// benchMap merges 8-key deltas into 1,024 keys that are all there. bump changes
// the values of a delta so that it raises every key; nil measures deltas that are
// old news.
func benchMap[V any](b *testing.B, m lattice.Merge[V], value func(i int) V, bump func(V) V, twin func(target, delta map[uint64]V) bool) {
	maps := lattice.MapOf[uint64](m)
	ours, deltas := deltasOf(value)
	theirs := maps.Clone(ours)
	before := func() {
		for _, d := range deltas {
			for k, v := range d {
				d[k] = bump(v)
			}
		}
	}
	if bump == nil {
		before = nil
	}
	lawtest.Ratio(b, benchDeltas, before,
		func() {
			for _, d := range deltas {
				maps.MergeIn(&ours, d)
			}
		},
		func() {
			for _, d := range deltas {
				twin(theirs, d)
			}
		})
	require.Equal(b, lattice.Equal, maps.Compare(ours, theirs))
}

// BenchmarkMapMerge compares map merges with loops written by hand for the type:
// an operation is the merge of one delta.
func BenchmarkMapMerge(b *testing.B) {
	number := func(i int) uint64 { return uint64(i) }
	next := func(n uint64) uint64 { return n + 1 }
	greater := func(target, delta map[uint64]uint64) (grew bool) {
		for k, d := range delta {
			if v, ok := target[k]; !ok || v < d {
				target[k] = d
				grew = true
			}
		}
		return grew
	}
	b.Run("max/rising", func(b *testing.B) { benchMap(b, lattice.Max[uint64](), number, next, greater) })
	b.Run("max/stale", func(b *testing.B) { benchMap(b, lattice.Max[uint64](), number, nil, greater) })
	b.Run("max by address/rising", func(b *testing.B) {
		benchMap(b, lattice.Merge[uint64](hidden[uint64]{lattice.Max[uint64]()}), number, next, greater)
	})

	type lww = lattice.Pair[uint64, string]
	write := func(i int) lww { return lww{First: uint64(i), Second: "value"} }
	later := func(v lww) lww { return lww{First: v.First + 1, Second: v.Second} }
	latest := func(target, delta map[uint64]lww) (grew bool) {
		for k, d := range delta {
			v, ok := target[k]
			if !ok || v.First < d.First || v.First == d.First && v.Second < d.Second {
				target[k] = d
				grew = true
			}
		}
		return grew
	}
	register := lattice.DominatingPairOf(lattice.Max[uint64](), lattice.Max[string]())
	b.Run("last-writer-wins/rising", func(b *testing.B) { benchMap(b, register, write, later, latest) })
	b.Run("last-writer-wins/stale", func(b *testing.B) { benchMap(b, register, write, nil, latest) })

	type big = [32]uint64
	large := func(i int) big { return big{uint64(i)} }
	larger := func(v big) big { v[0]++; return v }
	b.Run("256 bytes/rising", func(b *testing.B) {
		benchMap(b, lattice.Merge[big](firstWord{}), large, larger, func(target, delta map[uint64]big) (grew bool) {
			for k, d := range delta {
				if v, ok := target[k]; !ok || v[0] < d[0] {
					target[k] = d
					grew = true
				}
			}
			return grew
		})
	})
}

// firstWord merges blocks by their first word.
type firstWord struct{}

func (firstWord) MergeIn(target *[32]uint64, delta [32]uint64) bool {
	if target[0] >= delta[0] {
		return false
	}
	*target = delta
	return true
}

func (firstWord) Compare(a, b [32]uint64) lattice.Order {
	return lattice.Max[uint64]().Compare(a[0], b[0])
}
func (firstWord) Clone(v [32]uint64) [32]uint64 { return v }

// BenchmarkSetUnion merges 8-element deltas into 1,024 elements.
func BenchmarkSetUnion(b *testing.B) {
	m := lattice.SetOf[uint64]()
	union := func(target, delta map[uint64]struct{}) bool {
		before := len(target)
		for e := range delta {
			target[e] = struct{}{}
		}
		return len(target) > before
	}
	element := func(int) struct{} { return struct{}{} }
	b.Run("stale", func(b *testing.B) {
		ours, deltas := deltasOf(element)
		theirs := m.Clone(ours)
		lawtest.Ratio(b, benchDeltas, nil,
			func() {
				for _, d := range deltas {
					m.MergeIn(&ours, d)
				}
			},
			func() {
				for _, d := range deltas {
					union(theirs, d)
				}
			})
	})
	b.Run("rising", func(b *testing.B) {
		_, deltas := deltasOf(element)
		var ours, theirs map[uint64]struct{}
		lawtest.Ratio(b, benchDeltas,
			func() {
				ours = make(map[uint64]struct{}, benchKeys)
				theirs = make(map[uint64]struct{}, benchKeys)
			},
			func() {
				for _, d := range deltas {
					m.MergeIn(&ours, d)
				}
			},
			func() {
				for _, d := range deltas {
					union(theirs, d)
				}
			})
	})
}

// BenchmarkBatch merges 128 deltas of 8 keys each, which interleave, into an empty
// ordered map: in one batch, against one by one.
func BenchmarkBatch(b *testing.B) {
	type entries = []lattice.Entry[uint64, uint64]
	m := lattice.OrderedMapOf[uint64](lattice.Max[uint64]())
	var deltas []entries
	for i := range benchDeltas {
		var d entries
		for j := range benchDelta {
			d = append(d, lattice.Entry[uint64, uint64]{Key: uint64(j*benchDeltas + i), Val: 1})
		}
		deltas = append(deltas, d)
	}
	batch := lattice.BatchOf(m)
	var ours, theirs entries
	lawtest.Ratio(b, 1, func() { ours, theirs = nil, nil },
		func() { batch(&ours, deltas) },
		func() {
			for _, d := range deltas {
				m.MergeIn(&theirs, d)
			}
		})
	require.Equal(b, lattice.Equal, m.Compare(ours, theirs))
}
