package storetest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// testStats counts some operations of each kind, those that were refused not among
// them.
func testStats(t *testing.T, e Engine) {
	r := mustOpen(t, e, newDisk(t))
	for i := range 5 {
		require.NoError(t, r.Set([]byte(keys[i]), []byte("v")))
	}
	for i := range 3 {
		require.NoError(t, r.Set([]byte(keys[i]), nil))
	}
	for range 7 {
		_, err := r.Get([]byte(keys[4]))
		require.NoError(t, err)
	}
	require.Error(t, r.Set(nil, []byte("v")))
	_, err := r.Get(nil)
	require.Error(t, err)
	v, err := r.Snapshot()
	require.NoError(t, err)
	require.NoError(t, r.Set([]byte("b"), []byte("w")))
	_, err = r.Snapshot()
	require.NoError(t, err)
	_, err = r.Snapshot()
	require.NoError(t, err)
	require.NoError(t, r.Restore(v))
	require.ErrorIs(t, r.Restore(77), store.ErrVersion)
	s := r.Stats()
	require.Equal(t, []int64{7, 6, 3, 3, 1, 0}, []int64{s.Gets, s.Sets, s.Deletes, s.Snapshots, s.Restores, s.Refused})
	require.NoError(t, s.Background)
	require.Positive(t, s.CriticalBytes)
	require.NoError(t, r.Close())
}

// testOverwritten sets one key many times: a snapshot gives the archive the last value
// and not those before it.
func testOverwritten(t *testing.T, e Engine) {
	r := mustOpen(t, e, newDisk(t))
	for i := range 9 {
		require.NoError(t, r.Set([]byte("a"), bytes.Repeat([]byte{byte('a' + i)}, 1000)))
	}
	_, err := r.Snapshot()
	require.NoError(t, err)
	require.Less(t, r.Stats().CriticalBytes, int64(2000), "a manifest and a head with it")
	require.NoError(t, r.Close())
}
