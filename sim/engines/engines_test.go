package engines_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/sim/disk"
	"github.com/joinery-go/joinery/sim/engines"
)

// TestSmallFiles: every engine opens at every size, and with small files has several, of
// which some have been merged; what was synced is there after a power cut.
func TestSmallFiles(t *testing.T) {
	for _, name := range engines.Names() {
		for _, bytes := range []int{0, engines.MinBytes, 4 << 10} {
			t.Run(fmt.Sprintf("%s/%d", name, bytes), func(t *testing.T) {
				fs, err := disk.NewFS(disk.FSOptions{})
				require.NoError(t, err)
				o := store.Options{Dir: "d", FS: fs, Durability: store.None}
				e, err := engines.Open(name, o, bytes)
				require.NoError(t, err)
				for i := range 1000 {
					require.NoError(t, e.Set(fmt.Appendf(nil, "%d", i%100), make([]byte, 40+i%7)))
				}
				require.NoError(t, e.Sync())
				if bytes == engines.MinBytes && name != "memory" {
					assert.Greater(t, e.Size().Files, 1)
					assert.Positive(t, e.Stats().Merges)
				}
				fs.PowerCut()
				e, err = engines.Open(name, o, bytes)
				require.NoError(t, err)
				for i := range 100 {
					b, err := e.Get(fmt.Appendf(nil, "%d", i))
					require.NoError(t, err)
					require.Len(t, b, 40+(900+i)%7)
				}
			})
		}
	}
}

// TestOpenBehind: what is set is refused once three files wait for a merge, by each engine that
// merges, and taken again when they have been merged.
func TestOpenBehind(t *testing.T) {
	for _, name := range engines.Names() {
		t.Run(name, func(t *testing.T) {
			fs, err := disk.NewFS(disk.FSOptions{})
			require.NoError(t, err)
			q, err := store.NewQueue(1)
			require.NoError(t, err)
			e, err := engines.OpenBehind(name, store.Options{Dir: "d", FS: fs, Durability: store.None, Scheduler: q}, engines.MinBytes)
			require.NoError(t, err)
			refused := false
			for i := range 1000 {
				key := fmt.Appendf(nil, "%d", i%100)
				if err = e.Set(key, make([]byte, 40+i%7)); err != nil {
					refused = true
					require.ErrorIs(t, err, store.ErrBackpressure)
					require.GreaterOrEqual(t, e.Size().Backlog, 3)
					done, err := q.Drain(1000)
					require.NoError(t, err)
					require.True(t, done)
					require.NoError(t, e.Set(key, make([]byte, 40+i%7)))
				}
			}
			assert.Equal(t, name != "memory", refused)
			require.NoError(t, e.Close())
		})
	}
}

func TestRefused(t *testing.T) {
	_, err := engines.Open("pebble", store.Options{}, 0)
	require.ErrorIs(t, err, engines.ErrEngine)
	for _, bytes := range []int{-1, 1, engines.MaxBytes + 1} {
		_, err := engines.Open("lsm", store.Options{}, bytes)
		require.ErrorIs(t, err, engines.ErrBytes)
		_, err = engines.OpenBehind("lsm", store.Options{}, bytes)
		require.ErrorIs(t, err, engines.ErrBytes)
	}
}
