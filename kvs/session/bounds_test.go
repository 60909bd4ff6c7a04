package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// TestTxnSumsItsIncrements: a read in a transaction shows all its increments, and not the
// last one alone.
func TestTxnSumsItsIncrements(t *testing.T) {
	counter, ok := kind.Default().Find("counter")
	require.True(t, ok)
	var x session.Txn
	x.Begin(session.ReadCommitted)
	for _, amount := range []int64{5, 7} {
		require.NoError(t, x.Put("c", "counter", kind.Amount(amount), 1, false))
	}
	v := counter.New()
	own, err := x.Overlay(counter, "c", v)
	require.NoError(t, err)
	assert.True(t, own)
	c, ok := kind.Get[kind.Counter](v)
	require.True(t, ok)
	sum, err := kind.CounterSum(c)
	require.NoError(t, err)
	assert.Equal(t, int64(12), sum)
}

// TestTxnIsBounded: it holds so many writes, and no more.
func TestTxnIsBounded(t *testing.T) {
	var x session.Txn
	x.Begin(session.ReadCommitted)
	for range session.MaxTxn {
		require.NoError(t, x.Put("s", "set", nil, 1, false))
	}
	assert.ErrorIs(t, x.Put("s", "set", nil, 1, false), session.ErrTxn)
	assert.Len(t, x.Writes(), session.MaxTxn)
}

// TestCacheForgets: after Reset nothing is answered from it.
func TestCacheForgets(t *testing.T) {
	c := session.Cache{MaxAgeMS: 1000, Max: 4}
	var s session.Session
	c.Keep(&s, 0, "k", "set", []byte("v"), true, 1)
	_, _, ok := c.Get(&s, "k", "set", 2)
	require.True(t, ok)
	c.Reset()
	_, _, ok = c.Get(&s, "k", "set", 2)
	assert.False(t, ok)
}
