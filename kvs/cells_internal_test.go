package kvs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCellsAreInOrder: whatever the order in which keys come, they are found, and listed
// ascending from any key on, as a sorted slice of them is; the runs that they lie in are
// short, and not many more than need be; and a table that was cleared is used as a new one.
func TestCellsAreInOrder(t *testing.T) {
	var c cells
	for round, n := range []int{0, 1, 8, 9, 200, 257, 3000, 5, 700} {
		for _, order := range []string{"ascending", "descending", "random"} {
			c.clear(nil)
			require.Empty(t, slices.Collect(c.from("")))
			r := rand.New(rand.NewPCG(uint64(round), 1))
			var keys []string
			for i := range n {
				key := fmt.Sprintf("%06d", i)
				switch order {
				case "descending":
					key = fmt.Sprintf("%06d", n-i)
				case "random":
					key = fmt.Sprintf("%06d", r.IntN(1<<20))
				}
				if c.find(key) != nil {
					require.Contains(t, keys, key)
					continue
				}
				require.NotContains(t, keys, key)
				x := c.add(key)
				require.Same(t, x, c.find(key))
				require.Equal(t, key, x.key)
				require.Empty(t, x.slots)
				keys = append(keys, key)
			}
			slices.Sort(keys)
			for _, from := range append([]string{"", "1", "000100", "z"}, keys[:min(3, len(keys))]...) {
				at, _ := slices.BinarySearch(keys, from)
				got := make([]string, 0, len(keys)-at)
				for x := range c.from(from) {
					got = append(got, x.key)
				}
				require.Equal(t, append(make([]string, 0), keys[at:]...), got, "%d %s from %q", n, order, from)
			}
			for _, run := range c.runs {
				assert.NotEmpty(t, run)
				assert.LessOrEqual(t, len(run), maxRun)
			}
			assert.LessOrEqual(t, len(c.runs), 1+2*n/maxRun)
			if order == "ascending" {
				assert.LessOrEqual(t, len(c.runs), 1+n/maxRun, "keys that come in order fill their runs")
			}
			assert.Equal(t, len(keys) > fewCells, c.table != nil)
		}
	}
}
