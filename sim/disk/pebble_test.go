package disk_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

type quiet struct{ t testing.TB }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (q quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("pebble: "+format, args...))
}

func open(t testing.TB, f *disk.FS) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("db", &pebble.Options{FS: f, Logger: quiet{t}, MemTableSize: 8 << 10, DisableAutomaticCompactions: false})
	require.NoError(t, err)
	return db
}

// TestPebbleKeepsWhatItAcknowledged crashes a real engine at many of its file
// operations, with an arbitrary part of what it had not synced surviving: it must
// open again, and all that it had acknowledged must be there.
func TestPebbleKeepsWhatItAcknowledged(t *testing.T) {
	const writes = 120
	value := func(i int) []byte { return fmt.Appendf(nil, "%0200d", i) }
	var total int64
	run := func(at int64, seed uint64) (crashed *disk.FS, acked, started int) {
		f, err := disk.NewFS(disk.FSOptions{Crash: sim.Extreme, Source: choice.Seeded(seed)})
		require.NoError(t, err)
		var done, begun atomic.Int64
		f.CloneAt(at, func(c *disk.FS) { crashed, acked, started = c, int(done.Load()), int(begun.Load()) })
		db := open(t, f)
		for i := range writes {
			begun.Store(int64(i + 1))
			if i%4 < 3 {
				require.NoError(t, db.Set(fmt.Appendf(nil, "key %04d", i), value(i), pebble.NoSync))
				continue
			}
			require.NoError(t, db.Set(fmt.Appendf(nil, "key %04d", i), value(i), pebble.Sync))
			done.Store(int64(i + 1)) // with all before it
		}
		require.NoError(t, db.Close())
		total = f.Ops()
		return crashed, acked, started
	}
	run(0, 0)
	require.Greater(t, total, int64(80))
	points, kept := 0, int64(0)
	for at := int64(1); at <= total; at += 1 + total/40 {
		crashed, acked, started := run(at, uint64(at))
		if crashed == nil {
			continue // background work made fewer operations this time
		}
		points++
		crashed.PowerCut()
		kept += crashed.Stats().Kept + crashed.Stats().Torn
		db := open(t, crashed)
		for i := range writes {
			got, closer, err := db.Get(fmt.Appendf(nil, "key %04d", i))
			switch {
			case err == nil:
				require.Equal(t, string(value(i)), string(got))
				require.NoError(t, closer.Close())
				require.Less(t, i, started, "operation %d: it was never written", at)
			default:
				require.ErrorIs(t, err, pebble.ErrNotFound)
				require.GreaterOrEqual(t, i, acked, "operation %d: it was acknowledged", at)
			}
		}
		require.NoError(t, db.Close())
	}
	require.Greater(t, points, 15)
	require.Positive(t, kept, "something unsynced survived")
	t.Logf("crashed at %d of %d operations, %d unsynced writes survived at least in part", points, total, kept)
}
