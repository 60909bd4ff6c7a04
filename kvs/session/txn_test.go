package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
)

// refs are the writes that a transaction would send.
func refs(x *session.Txn) (all []uint64) {
	for _, w := range x.Writes() {
		if !w.Replaced {
			all = append(all, w.Ref)
		}
	}
	return all
}

func TestTxnHoldsWritesBack(t *testing.T) {
	var x session.Txn
	x.Begin(session.ReadCommitted)
	require.NoError(t, x.Put("r", "register", []byte("1"), 1, true))
	require.NoError(t, x.Put("s", "set", []byte("a"), 2, false))
	require.NoError(t, x.Put("s", "set", []byte("b"), 3, false))
	require.NoError(t, x.Put("q", "register", []byte("2"), 4, true))
	require.NoError(t, x.Put("r", "register", []byte("3"), 5, true))
	assert.Equal(t, []uint64{2, 3, 4, 5}, refs(&x), "what a later write is in place of is not sent")
	x.Begin(session.ReadCommitted)
	assert.Empty(t, refs(&x), "an aborted one is forgotten")
}

func TestTxnReadsAgain(t *testing.T) {
	for _, l := range []session.Level{session.ReadCommitted, session.ItemCut} {
		var x session.Txn
		x.Begin(l)
		value := []byte("v")
		require.NoError(t, x.Learn("k", "set", value, true))
		value[0] = 'x'
		require.NoError(t, x.Learn("k", "set", []byte("w"), true))
		require.NoError(t, x.Learn("none", "set", nil, false))
		got, found, known := x.Read("k", "set")
		assert.Equal(t, l == session.ItemCut, known)
		if known {
			assert.True(t, found)
			assert.Equal(t, "v", string(got), "what was found first")
			_, found, known = x.Read("none", "set")
			assert.True(t, known)
			assert.False(t, found)
		}
		_, _, known = x.Read("k", "counter")
		assert.False(t, known)
		x.Begin(l)
		_, _, known = x.Read("k", "set")
		assert.False(t, known)
	}
}

// TestTxnReadsItsWrites: of every kind, over a value that is there and over none.
func TestTxnReadsItsWrites(t *testing.T) {
	kinds := kind.Default()
	for name, c := range map[string]struct {
		stored  []byte
		writes  [][]byte
		want    func(v kind.Value) any
		wanted  any
		replace bool
	}{
		"register": {[]byte("old"), [][]byte{[]byte("a"), []byte("b")}, func(v kind.Value) any {
			r, _ := kind.Get[kind.Register](v)
			return r.Second.Second.Val
		}, "b", true},
		"set": {[]byte("old"), [][]byte{[]byte("a"), []byte("b")}, func(v kind.Value) any {
			s, _ := kind.Get[kind.GrowSet](v)
			return []string(s)
		}, []string{"a", "b", "old"}, false},
		"counter": {kind.Amount(5), [][]byte{kind.Amount(7), kind.Amount(-20)}, func(v kind.Value) any {
			n, _ := kind.Get[kind.Counter](v)
			sum, err := kind.CounterSum(n)
			require.NoError(t, err)
			return sum
		}, int64(-8), false},
	} {
		k, ok := kinds.Find(name)
		require.True(t, ok)
		var x session.Txn
		x.Begin(session.ItemCut)
		v := k.New()
		var own kind.Value
		if k.Own() {
			own = k.New()
		}
		delta, err := k.Mutate(kind.Update{Arg: c.stored, Clock: 77, Origin: 3}, own)
		require.NoError(t, err)
		v.MergeIn(delta)
		some, err := x.Overlay(k, "k", v.Clone())
		require.NoError(t, err)
		assert.False(t, some, name)
		for i, arg := range c.writes {
			require.NoError(t, x.Put("k", name, arg, uint64(i), c.replace))
		}
		some, err = x.Overlay(k, "k", v)
		require.NoError(t, err)
		assert.True(t, some, name)
		assert.Equal(t, c.wanted, c.want(v), name)
		some, err = x.Overlay(k, "other", v)
		require.NoError(t, err)
		assert.False(t, some)
	}
	var x session.Txn
	x.Begin(session.ItemCut)
	counter, _ := kinds.Find("counter")
	require.NoError(t, x.Put("k", "counter", []byte("no amount at all, much too long"), 1, false))
	_, err := x.Overlay(counter, "k", counter.New())
	assert.Error(t, err)
}
