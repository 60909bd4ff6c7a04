package pebble_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// oneName has a power cut keep one of the changes of names that were not synced, and no other.
type oneName struct{ asked, kept int }

func (o *oneName) Choose(p choice.Point) uint64 {
	if p.Site != "fs.crash.name" {
		return 0
	}
	o.asked++
	if o.asked-1 == o.kept {
		return 1
	}
	return 0
}

// TestNamesOutOfOrder cuts the power at each change of the disk, of which each change of a name
// that was not synced is kept in turn, without those before it: no synced write is lost. Pebble
// alone has its marker, which says which manifest counts, be durable before the manifest's name.
func TestNamesOutOfOrder(t *testing.T) {
	const openings, sets = 3, 5 // each opening begins a manifest, and writes tables
	alone := 0
	for at := int64(1); ; at++ {
		source := &oneName{kept: -1}
		fs, err := disk.NewFS(disk.FSOptions{Source: source, Crash: sim.Extreme})
		require.NoError(t, err)
		var cut *disk.FS
		var synced, atCut int
		fs.CloneAt(at, func(c *disk.FS) { cut, atCut = c, synced })
		o := store.Options{Dir: "dir", FS: fs, Durability: store.EveryWrite}
		for i := range openings {
			e, err := suite.Open(o)
			require.NoError(t, err)
			for range sets {
				require.NoError(t, e.Set([]byte{byte(i)}, fmt.Appendf(nil, "%4000d", synced+1)))
				synced++
			}
			require.NoError(t, e.Close())
		}
		if cut == nil {
			require.Greater(t, alone, 50)
			t.Logf("%d moments, at which %d changes of a name were kept alone", at-1, alone)
			return
		}
		for kept := 0; kept == 0 || kept < source.asked; kept++ {
			*source = oneName{kept: kept}
			c := cut.Clone()
			c.PowerCut()
			o.FS = c
			e, err := suite.Open(o)
			require.NoError(t, err, "power cut at operation %d, change of a name %d kept", at, kept)
			for i := range openings {
				v, err := e.Get([]byte{byte(i)})
				require.NoError(t, err)
				n := 0
				if len(v) > 0 {
					n, err = strconv.Atoi(strings.TrimSpace(string(v)))
					require.NoError(t, err)
				}
				of := func(n int) int { // the value of the key after so many
					if n <= i*sets {
						return 0
					}
					return min(n, (i+1)*sets)
				}
				require.Contains(t, []int{of(atCut), of(atCut + 1)}, n, "key %d, power cut at operation %d, change of a name %d kept", i, at, kept)
			}
			require.NoError(t, e.Close())
			if source.asked > kept {
				alone++
			}
		}
	}
}
