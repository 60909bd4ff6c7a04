package logset

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
)

// alike are keys whose hashes begin with the same bits, so many that a directory would be
// as large as memory if it were doubled for each of them.
var alike = func() []string {
	var keys []string
	for i := 0; len(keys) < 900; i++ {
		if k := fmt.Sprint("alike ", i); hashOf([]byte(k))>>53 == 0 {
			keys = append(keys, k)
		}
	}
	return keys
}()

// checkIndex holds an index against a map, and what it relies on.
func checkIndex(t require.TestingT, x *Index, m map[string]Place) {
	require.Equal(t, len(m), x.Len())
	got := map[string]Place{}
	for k, p := range x.All() {
		got[string(k)] = p
	}
	require.True(t, maps.Equal(m, got))
	for k, want := range m {
		p, ok := x.Get([]byte(k))
		require.True(t, ok, "key %q", k)
		require.Equal(t, want, p)
	}
	require.Len(t, x.dir, 1<<x.depth)
	for i, g := range x.dir {
		first := i &^ (1<<(x.depth-g.depth) - 1)
		require.Same(t, x.dir[first], g)
		n, bytes := 0, 0
		for at := 0; at < len(g.slots); at += slotBytes {
			if key := g.key(at); key != nil {
				n, bytes = n+1, bytes+len(key)
			}
		}
		require.Equal(t, []int{n, bytes}, []int{g.n, len(g.keys) - g.dead})
		require.Less(t, n*slotBytes, len(g.slots), "a slot is empty")
	}
}

// TestLongestKey has keys of the most bytes that a key may have, and one less.
func TestLongestKey(t *testing.T) {
	x, m := NewIndex(), map[string]Place{}
	for i := range 12 {
		key := bytes.Repeat([]byte{byte(i)}, store.MaxKeyBytes-i%2)
		p := placeOf(1, int64(i), 1)
		_, had := x.Put(key, p)
		require.False(t, had)
		m[string(key)] = p
	}
	checkIndex(t, x, m)
}

// TestIndexIsAMap draws changes of few keys, so that all of them are met again, and then
// has many keys come, and most of them go.
func TestIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := NewIndex(), map[string]Place{}
		if rapid.Bool().Draw(t, "grow") {
			x.Grow(rapid.IntRange(0, 2000).Draw(t, "keys"), 9999)
		}
		for i := range rapid.IntRange(0, 200).Draw(t, "n") {
			k := []byte{'k', byte(rapid.IntRange(0, 9).Draw(t, "key"))}
			want, has := m[string(k)]
			var old Place
			var had bool
			switch p := placeOf(i%5, int64(i)+1, i+1); rapid.IntRange(0, 2).Draw(t, "op") {
			case 0:
				old, had = x.Put(k, p)
				m[string(k)] = p
			case 1:
				old, had = x.Delete(k)
				delete(m, string(k))
			case 2:
				require.False(t, x.Move(hashOf(k), p, p), "nobody is there")
				require.False(t, x.Move(hashOf(k), Place{want.Addr, want.Size + 1}, p))
				if had = x.Move(hashOf(k), want, p); had {
					old, m[string(k)] = want, p
				}
			}
			require.Equal(t, has, had)
			require.Equal(t, want, old)
		}
		checkIndex(t, x, m)
	})
}

// TestIndexOfMany fills pages until they are split, the directory until it is doubled, and
// has keys go again: what is kept stays in proportion to the most that there were.
func TestIndexOfMany(t *testing.T) {
	for _, grow := range []int{0, 5000} {
		x, m := NewIndex(), map[string]Place{}
		x.Grow(grow, 40*grow)
		var keys []string
		for i := range 5000 {
			keys = append(keys, fmt.Sprintf("%0*d", 1+i%40, i))
		}
		keys = slices.Compact(append(keys, alike...))
		for round := range 3 {
			for i, k := range keys {
				p := placeOf(round, int64(i)+1, i+1)
				want, has := m[k]
				old, had := x.Put([]byte(k), p)
				require.Equal(t, has, had)
				require.Equal(t, want, old)
				m[k] = p
			}
			checkIndex(t, x, m)
			bytes := 0
			for g := range x.pages() {
				bytes += len(g.slots) + cap(g.keys)
			}
			require.Less(t, bytes, 120*len(m))
			require.Less(t, len(x.dir), len(m)/2)
			for i, k := range keys {
				if i%17 > 0 {
					want := m[k]
					old, had := x.Delete([]byte(k))
					require.True(t, had)
					require.Equal(t, want, old)
					delete(m, k)
				}
			}
			checkIndex(t, x, m)
		}
	}
}

// TestRebuiltPage makes a page anew: it has the keys that are left, and little memory beside.
func TestRebuiltPage(t *testing.T) {
	x := NewIndex()
	for i := range 100 {
		x.Put(fmt.Appendf(nil, "key %04d", i), placeOf(0, int64(i)+1, 9))
	}
	g := x.dir[0]
	for i := range 10 {
		g.remove(func() int {
			key := fmt.Appendf(nil, "key %04d", i)
			at, ok := g.find(uint32(hashOf(key)), key)
			require.True(t, ok)
			return at
		}())
	}
	h := g.rebuilt(pageSlots)
	require.Equal(t, []int{90, 90 * 8, 0}, []int{h.n, len(h.keys), h.dead})
	require.Less(t, cap(h.keys), 2*len(h.keys))
	require.Len(t, h.slots, pageSlots*slotBytes)
}
