package yardstick_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/yardstick"
)

// TestKeepsWhatItIsGiven holds both to what a measurement takes for granted.
func TestKeepsWhatItIsGiven(t *testing.T) {
	m, err := yardstick.NewMap()
	require.NoError(t, err)
	p, err := yardstick.OpenPebble(t.TempDir())
	require.NoError(t, err)
	for _, y := range []interface {
		Get([]byte) ([]byte, error)
		Set(key, value []byte) error
		Close() error
	}{m, p} {
		key, value := []byte("key"), []byte("value")
		got, err := y.Get(key)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, y.Set(key, value))
		value[0] = 'V'
		got, err = y.Get(key)
		require.NoError(t, err)
		require.Equal(t, "value", string(got), "copied in")
		got[0] = 'V'
		got, err = y.Get(key)
		require.NoError(t, err)
		require.Equal(t, "value", string(got), "copied out")
		require.NoError(t, y.Set(key, nil))
		got, err = y.Get(key)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, y.Close())
	}
	m, err = yardstick.NewMap()
	require.NoError(t, err)
	require.ErrorIs(t, m.Set(nil, []byte("v")), store.ErrKey)
	require.ErrorIs(t, m.Set([]byte("k"), make([]byte, store.MaxValueBytes+1)), store.ErrValue)
	_, err = m.Get(nil)
	require.ErrorIs(t, err, store.ErrKey)
}
