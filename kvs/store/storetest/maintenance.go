package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestMaintenance holds background work to its promises: no set runs a step of it;
// while it stands still sets go on up to the backlog, and then get ErrBackpressure
// without an effect; once it has run they go on, and what it did leaves files in
// proportion to what is held, however much was set. atOnce is how many files a set
// may add to the backlog, 1 but for engines that say so.
func TestMaintenance(t *testing.T, open func(store.Options) (store.Engine, error), backlog, atOnce int) {
	d := newDisk(t)
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	a := snapshot.New(mustFolder(t, d))
	o := store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q}
	e, err := open(o)
	require.NoError(t, err)
	key := func(i int) []byte { return fmt.Appendf(nil, "key %d", i%50) }
	refused, last := 0, map[string]string{}
	for i := range 6000 {
		v := fmt.Sprintf("%0100d", i)
		if i%7 == 3 {
			v = ""
		}
		err := e.Set(key(i), []byte(v))
		if err != nil {
			refused++
			require.ErrorIs(t, err, store.ErrBackpressure)
			require.GreaterOrEqual(t, e.Size().Backlog, backlog)
			require.Equal(t, int64(refused), e.Stats().Refused)
			got, err := e.Get(key(i))
			require.NoError(t, err)
			require.Equal(t, last[string(key(i))], string(got), "nothing happened")
			require.Positive(t, q.Len(), "background work is offered")
			done, err := q.Drain(maxSteps)
			require.NoError(t, err)
			require.True(t, done)
			require.NoError(t, e.Set(key(i), []byte(v)))
		}
		last[string(key(i))] = v
		require.Less(t, e.Size().Backlog, backlog+atOnce)
		if i == 3000 {
			_, err := e.Snapshot()
			require.NoError(t, err)
		}
	}
	require.Positive(t, refused)
	require.Positive(t, e.Stats().Merges)
	_, err = q.Drain(maxSteps)
	require.NoError(t, err)
	for range 40 { // snapshots, and what is behind them
		require.NoError(t, e.Set([]byte("key 1"), []byte("again")))
		_, err = e.Snapshot()
		require.NoError(t, err)
		_, err = q.Drain(maxSteps)
		require.NoError(t, err)
	}
	last["key 1"] = "again"
	require.Zero(t, q.Len())
	n := e.Size()
	require.LessOrEqual(t, n.Files, 20)
	require.Less(t, n.Disk, int64(100_000), "6000 sets are 700 kB, of which 50 keys are held")
	require.NoError(t, e.Stats().Background)
	for k, v := range last {
		got, err := e.Get([]byte(k))
		require.NoError(t, err)
		require.Equal(t, v, string(got))
	}
	require.NoError(t, e.Close())
	names, err := d.List("dir")
	require.NoError(t, err)
	require.LessOrEqual(t, len(names), 2*n.Files+4, "what was merged is removed")
	e, err = open(o)
	require.NoError(t, err)
	for k, v := range last {
		got, err := e.Get([]byte(k))
		require.NoError(t, err)
		require.Equal(t, v, string(got))
	}
	_, err = q.Step()
	require.NoError(t, err)
	require.NoError(t, e.Close())
	_, err = q.Drain(maxSteps)
	require.NoError(t, err, "work that is left over when the engine is closed does nothing")
}
