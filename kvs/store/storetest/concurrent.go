package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestConcurrent has readers, one writer that also takes snapshots, and background work
// use an engine at once, for the race detector. Values say which set they are of: a
// reader never sees one before it was begun, one of another key, or an older one than it
// saw before; and what the last sets were is what is there in the end.
func TestConcurrent(t *testing.T, open func(store.Options) (store.Engine, error)) {
	const keys, sets, readers = 40, 3000, 3
	d := newDisk(t)
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	e, err := open(store.Options{Dir: "dir", FS: d, Archive: snapshot.New(mustFolder(t, d)), Scheduler: q})
	require.NoError(t, err)
	key := func(k int) []byte { return fmt.Appendf(nil, "key %d", k) }
	var begun [keys]atomic.Uint64
	var over atomic.Bool
	var group sync.WaitGroup
	failed := make(chan error, readers+1)
	for range readers {
		group.Go(func() {
			if err := readAll(e, key, begun[:], &over); err != nil {
				failed <- err
			}
		})
	}
	group.Go(func() {
		for !over.Load() {
			if _, err := q.Step(); err != nil {
				failed <- err
				return
			}
		}
	})
	var last [keys]uint64
	for i := uint64(1); i <= sets; i++ {
		k := int(i*i) % keys
		last[k] = i
		begun[k].Store(i)
		value := binary.BigEndian.AppendUint64(append(key(k), ' '), i)
		for err = e.Set(key(k), value); errors.Is(err, store.ErrBackpressure); err = e.Set(key(k), value) {
			_, _ = q.Step() // what it fails with stands in Stats, too
		}
		require.NoError(t, err)
		if i%500 == 0 {
			_, err := e.Snapshot()
			require.NoError(t, err)
		}
	}
	over.Store(true)
	group.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
	require.NoError(t, e.Stats().Background)
	for k := range keys {
		v, err := e.Get(key(k))
		require.NoError(t, err)
		n, err := setOf(key(k), v)
		require.NoError(t, err)
		require.Equal(t, last[k], n)
	}
	require.NoError(t, e.Close())
}

// readAll reads all keys over and over.
func readAll(e store.Engine, key func(int) []byte, begun []atomic.Uint64, over *atomic.Bool) error {
	seen := make([]uint64, len(begun))
	for !over.Load() {
		for k := range begun {
			v, err := e.Get(key(k))
			if err != nil {
				return err
			}
			n, err := setOf(key(k), v)
			if err != nil {
				return err
			}
			if n < seen[k] || n > begun[k].Load() {
				return fmt.Errorf("key %q: set %d after %d, of %d", key(k), n, seen[k], begun[k].Load())
			}
			seen[k] = n
			e.Stats()
			e.Size()
		}
	}
	return nil
}

// setOf is the set that a value is of, 0 for none.
func setOf(key, v []byte) (uint64, error) {
	switch {
	case v == nil:
		return 0, nil
	case len(v) != len(key)+9 || string(v[:len(key)+1]) != string(key)+" ":
		return 0, fmt.Errorf("key %q: a value of something else: %q", key, v)
	}
	return binary.BigEndian.Uint64(v[len(key)+1:]), nil
}
