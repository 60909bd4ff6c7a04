package logset

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestSlotsAreUsedAgain writes and merges many files: what says where they are stays
// in proportion to those that are there.
func TestSlotsAreUsedAgain(t *testing.T) {
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	q, err := store.NewQueue(1)
	require.NoError(t, err)
	base, err := store.Options{Dir: "dir", FS: d, Scheduler: q}.WithDefaults()
	require.NoError(t, err)
	var mu sync.Mutex
	s, err := Open(Options{
		Options: base, Engine: "test", Type: 'T', SegmentBytes: 1024, FanIn: 3, MaxBacklog: 4, StepRecords: 5,
	}, &mu, func() error { return nil })
	require.NoError(t, err)
	for i := range 400 {
		f := s.NewLog()
		require.NoError(t, s.Create(f, nil))
		for j := range 5 {
			key, value := fmt.Appendf(nil, "key %d", (i+j)%20), fmt.Appendf(nil, "value %d", i)
			off := f.Length()
			b := record.Append(nil, f.Salt(), off, record.Record{Kind: record.Value, Key: key, Value: value})
			require.NoError(t, s.Write(f, b))
			f.Grow(len(b))
			s.Noted(f, record.Value, key, off, len(b))
		}
		require.NoError(t, s.Seal())
		for more := true; more; {
			more, err = s.step()
			require.NoError(t, err)
		}
		var live, want int64
		for _, f := range s.files {
			live += f.live
			require.Equal(t, f, s.slots[f.Slot()])
		}
		for _, p := range s.index.All() {
			want += int64(p.Size)
		}
		require.Equal(t, want, live, "what files hold that counts is what the index points at")
	}
	require.LessOrEqual(t, len(s.files), 12)
	require.LessOrEqual(t, len(s.slots), 16)
	require.NoError(t, s.Close(nil))
}
