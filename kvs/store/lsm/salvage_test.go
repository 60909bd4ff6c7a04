package lsm

import (
	"fmt"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestAmong has a run lose some keys, and suspects all of those and some others, or others
// in place of one: only with all are they among the suspects, and with more than two others
// nobody says so.
func TestAmong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.String(), 1, 12, rapid.ID).Draw(t, "keys")
		n := rapid.IntRange(0, len(keys)).Draw(t, "lost")
		s := salvaged{lost: n}
		var all []uint64
		for i, k := range keys {
			h := xxhash.Sum64([]byte(k))
			all = append(all, h)
			if i < n {
				s.sum += h
			}
		}
		require.Equal(t, len(keys)-n <= 2, s.among(all))
		if n > 0 {
			require.False(t, s.among(all[1:]), "one that was lost is not among them")
		}
	})
}

// TestGap holds the keys of a gap: between records that can be read, from a fence on, and to
// the end.
func TestGap(t *testing.T) {
	for _, c := range []struct {
		gap  gap
		want string
	}{
		{gap{after: "b", before: "d"}, "bc"},
		{gap{after: "b", open: true, before: "d"}, "c"},
		{gap{after: "c", last: true}, "cde"},
		{gap{after: "c", open: true, last: true}, "de"},
	} {
		got := ""
		for _, k := range "abcde" {
			if c.gap.holds(string(k)) {
				got += string(k)
			}
		}
		require.Equal(t, c.want, got, "%+v", c.gap)
	}
}

// TestSuperseded spoils bytes of a run, here and there, and has younger runs set some of the
// keys anew: all that was lost is superseded if each key that can be read no more is among
// those, and what can be read of the run is all the rest of it.
func TestSuperseded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := disk.NewFS(disk.FSOptions{})
		require.NoError(t, err)
		e, err := Open(Options{
			Options: store.Options{Dir: "dir", FS: d}, DensityFactor: rapid.SampledFrom([]int{20, 5, 2, 1}).Draw(t, "density"), BitsPerKey: 40, MaxRunsPerLevel: 64,
			MaxBacklog: 100,
		})
		require.NoError(t, err)
		n := rapid.IntRange(20, 60).Draw(t, "keys")
		key := func(i int) []byte { return fmt.Appendf(nil, "%03d", i) }
		for round := range 2 { // what an older run has does not count
			for i := range n {
				require.NoError(t, e.Set(key(i), make([]byte, 50*((i+round)%2)))) // every other one a tombstone
			}
			require.NoError(t, e.spill())
		}
		r := e.runs[1]
		f, err := d.OpenReadWrite(e.home.Path(r.number, runExt), vfs.WriteCategoryUnspecified)
		require.NoError(t, err)
		for _, at := range rapid.SliceOfN(rapid.Int64Range(24, r.length-1), 0, 4).Draw(t, "spoiled") {
			_, err = f.WriteAt([]byte{0xA5}, at)
			require.NoError(t, err)
		}
		require.NoError(t, f.Close())
		s, err := salvage(r)
		require.NoError(t, err)
		lost := map[string]bool{}
		for i := range n {
			lost[string(key(i))] = true
		}
		for h := (head{run: r, scan: nothing(r), left: s.good}); ; {
			require.NoError(t, h.next())
			if h.done {
				break
			}
			require.True(t, lost[string(h.rec.Key)], "a record once")
			delete(lost, string(h.rec.Key))
		}
		require.Len(t, lost, s.lost)
		require.Equal(t, len(lost) > 0, len(s.gaps) > 0)
		all, old := true, map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 3).Draw(t, "not anew") {
			all, old[i] = all && !lost[string(key(i))], true
		}
		for i := range n {
			if old[i] {
				continue
			}
			require.NoError(t, e.Set(key(i), []byte("anew")))
			if i == n/2 {
				require.NoError(t, e.spill())
			}
		}
		require.NoError(t, e.spill())
		parts, ok, err := superseded(e.runs)
		require.NoError(t, err)
		require.Equal(t, all, ok)
		if ok && len(lost) > 0 {
			require.Equal(t, map[*run][]span{r: s.good}, parts)
		}
		require.NoError(t, e.Close())
	})
}
