package storetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// Costs bound what versions may cost. With D the bytes of the latest keys and values
// of the distinct keys changed since the parent:
type Costs struct {
	// Critical times D, plus Fixed, bounds the bytes that one snapshot gives the
	// archive while it waits.
	Critical float64
	Fixed    int64
	// FanIn is the engine's: a version of n snapshots has at most
	// FanIn·log_FanIn(n) segments, and one in any case.
	FanIn int
	// Updates is how many sets are between two snapshots, over Keys keys.
	Updates, Keys, Snapshots int
}

// TestSnapshots takes many snapshots between updates, some of them deletes, and holds
// every one to the bounds. The last version, and one that was taken in the middle,
// must be what the engine held then.
func TestSnapshots(t *testing.T, open func(store.Options) (store.Engine, error), c Costs) {
	lessOften(t)
	d := newDisk(t)
	a := snapshot.New(mustFolder(t, d))
	e, err := open(store.Options{Dir: "dir", FS: d, Archive: a})
	require.NoError(t, err)
	src := choice.Seeded(5)
	draw := func(i, n int) int {
		return int(src.Choose(choice.Point{Site: "snapshots", Key: uint64(i), N: uint64(n)}))
	}
	key := func(k int) []byte { return fmt.Appendf(nil, "key %012d", k) }
	held, middle := map[string]string{}, map[string]string{}
	worst, total, distinct := 0.0, int64(0), int64(0)
	var half store.Version
	for i := range c.Snapshots {
		changed := map[string]bool{}
		for j := range c.Updates {
			n := i*c.Updates + j
			k, v := key(draw(2*n, c.Keys)), fmt.Sprintf("%0100d", n)
			if draw(2*n+1, 20) == 0 {
				v = ""
			}
			require.NoError(t, e.Set(k, []byte(v)))
			changed[string(k)], held[string(k)] = true, v
		}
		least := int64(0)
		for k := range changed {
			least += int64(len(k) + len(held[k]))
		}
		before := e.Stats().CriticalBytes
		v, err := e.Snapshot()
		require.NoError(t, err)
		spent := e.Stats().CriticalBytes - before
		require.LessOrEqual(t, float64(spent), c.Critical*float64(least)+float64(c.Fixed), "snapshot %d of %d changed bytes", i, least)
		worst = max(worst, float64(spent)/float64(least))
		total, distinct = total+spent, distinct+least
		m, err := a.Manifest(v)
		require.NoError(t, err)
		require.LessOrEqual(t, float64(len(m.Segments)), max(1, float64(c.FanIn)*math.Log(float64(i+1))/math.Log(float64(c.FanIn))))
		if i == c.Snapshots/2 {
			half = v
			for k, v := range held {
				middle[k] = v
			}
		}
	}
	is := func(want map[string]string) {
		for k, v := range want {
			got, err := e.Get([]byte(k))
			require.NoError(t, err)
			require.Equal(t, v, string(got))
		}
	}
	is(held)
	require.NoError(t, e.Restore(half))
	is(middle)
	require.NoError(t, e.Restore(store.Latest))
	is(held)
	s := e.Stats()
	all := float64(s.CriticalBytes + s.BehindBytes)
	bound := float64(distinct) * (1 + math.Log(float64(c.Snapshots))/math.Log(float64(c.FanIn))) * c.Critical
	require.LessOrEqual(t, all, bound, "all bytes are within the bound of tiering")
	t.Logf("%d snapshots of %d changed bytes: %d on the critical path, at worst %.3f times; all uploads %.2f times, tiering allows %.2f",
		c.Snapshots, distinct, total, worst, all/float64(distinct), bound/float64(distinct))
	require.NoError(t, e.Close())
}
