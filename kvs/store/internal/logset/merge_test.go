package logset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMergeReadsUnlocked has logs merged: they are read while the engine is not locked.
func TestMergeReadsUnlocked(t *testing.T) {
	fs := &syncsFS{FS: newDisk(t)}
	s := openSet(t, fs)
	for i := range 3 {
		addLog(t, s, i)
	}
	reads := 0
	fs.read = func() {
		if s.merge == nil {
			return
		}
		require.True(t, s.lockedBy(func() { reads++ }), "the engine is locked while a merge reads")
	}
	rest(t, s)
	require.Equal(t, int64(1), s.Stats.Merges)
	require.GreaterOrEqual(t, reads, 3, "one for each log")
	fs.read = nil
	closeSet(t, s)
}

// lockedBy does something with the lock, if nobody has it.
func (s *Set) lockedBy(do func()) bool {
	mu := s.mu.(interface{ TryLock() bool })
	if !mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	do()
	return true
}

// TestMergeGivenUpWhileItReads has a merge given up, as a snapshot does, while it reads without the
// lock: that is no failure, the next one merges the same, and what the index
// points at is what counts.
func TestMergeGivenUpWhileItReads(t *testing.T) {
	fs := &syncsFS{FS: newDisk(t)}
	s := openSet(t, fs)
	for i := range 3 {
		addLog(t, s, i)
	}
	given := 0
	fs.read = func() {
		if m := s.merge; m != nil && m.at == given {
			require.True(t, s.lockedBy(func() { s.abort(); given++ }))
		}
	}
	for given < 3 {
		more, err := s.step()
		require.NoError(t, err)
		require.True(t, more)
		require.NoError(t, s.Stats.Background)
	}
	require.Nil(t, s.merge)
	require.Len(t, s.files, 3)
	fs.read = nil
	rest(t, s)
	require.Equal(t, int64(1), s.Stats.Merges)
	var live, want int64
	for _, f := range s.files {
		live += f.live
	}
	for _, p := range s.index.All() {
		want += int64(p.Size)
	}
	require.Equal(t, want, live)
	require.Equal(t, 7, s.index.Len())
	closeSet(t, s)
}
