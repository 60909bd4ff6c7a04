package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// TestOverwriting overwrites few keys again and again, at each level of durability, with a
// Sync now and then and without: what the engine occupies stays in proportion to its own
// buffers, which take at most limit bytes of the disk, however much is set. What it holds
// is less than any buffer, so none of them fills up by that alone.
func TestOverwriting(t *testing.T, open func(store.Options) (store.Engine, error), limit int64) {
	const keys, sets = 20, 6000
	for _, d := range []store.Durability{store.None, store.OnSnapshot, store.GroupCommit, store.EveryWrite} {
		for _, every := range []int{0, 5} {
			t.Run(fmt.Sprintf("%s, sync every %d", d, every), func(t *testing.T) {
				o := store.Options{Dir: "dir", FS: newDisk(t), Durability: d, GroupWrites: 8}
				e, err := open(o)
				require.NoError(t, err)
				last, total := map[string]string{}, int64(0)
				for i := range sets {
					k, v := fmt.Sprintf("key %d", i%keys), fmt.Sprintf("%0*d", 100+i%3, i)
					require.NoError(t, e.Set([]byte(k), []byte(v)))
					last[k], total = v, total+int64(len(v))
					if every > 0 && i%every == 0 {
						require.NoError(t, e.Sync())
					}
					require.LessOrEqual(t, e.Size().Disk, limit, "after set %d of %d bytes together", i, total)
				}
				require.Greater(t, total, 4*limit, "the limit is not what was set")
				require.NoError(t, e.Close())
				e, err = open(o)
				require.NoError(t, err)
				for k, v := range last {
					got, err := e.Get([]byte(k))
					require.NoError(t, err)
					require.Equal(t, v, string(got))
				}
				require.NoError(t, e.Close())
			})
		}
	}
}
