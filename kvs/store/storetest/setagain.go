package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestSetAnew spoils the files of what was set and deleted since a version, and sets all keys
// anew but one that cannot be read: no version can be taken, and the error names a file.
// Once that one is set too, nothing that counts is lost, and a version has all of it.
func TestSetAnew(t *testing.T, open func(store.Options) (store.Engine, error), ext string) {
	for seed := range 4 {
		d := newDisk(t)
		a := snapshot.New(mustFolder(t, d))
		q, err := store.NewQueue(4)
		require.NoError(t, err)
		o := store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q}
		e, err := open(o)
		require.NoError(t, err)
		const keys = 60
		fill := func(round int, but map[int]bool) {
			for i := range keys {
				k, v := fmt.Appendf(nil, "key %d", i), fmt.Sprintf("%0150d", round*1000+i)
				if but[i] {
					continue
				}
				if round == 1 && i%4 == 3 {
					v = ""
				}
				err := e.Set(k, []byte(v))
				for turns := 0; errors.Is(err, store.ErrBackpressure); turns++ {
					require.Less(t, turns, 100)
					turn(t, q)
					err = e.Set(k, []byte(v))
				}
				require.NoError(t, err)
			}
		}
		fill(0, nil)
		_, err = e.Snapshot()
		require.NoError(t, err)
		turn(t, q)
		names, err := d.List("dir")
		require.NoError(t, err)
		spoiled := map[string]bool{}
		for _, n := range names {
			spoiled[n] = true // spoiling none of that
		}
		fill(1, nil)
		require.NoError(t, e.Sync())
		if seed%2 == 1 { // what is known of files is read again
			require.NoError(t, e.Close())
			e, err = open(o)
			require.NoError(t, err)
		}
		spoil(t, d, ext, spoiled)
		lost := -1
		for i := range keys {
			if _, err := e.Get(fmt.Appendf(nil, "key %d", i)); err != nil {
				require.ErrorIs(t, err, store.ErrCorrupt)
				if lost = i; seed < 2 {
					break
				}
			}
		}
		require.GreaterOrEqual(t, lost, 0)
		fill(2, map[int]bool{lost: true})
		_, err = e.Snapshot()
		require.ErrorIs(t, err, store.ErrCorrupt, "what is lost counts")
		require.ErrorContains(t, err, "."+ext)
		fill(3, nil)
		v, err := e.Snapshot()
		require.NoError(t, err)
		o.Dir, o.Empty = "elsewhere", true
		elsewhere, err := open(o)
		require.NoError(t, err)
		require.NoError(t, elsewhere.Restore(v))
		for _, e := range []store.Engine{e, elsewhere} {
			for i := range keys {
				got, err := e.Get(fmt.Appendf(nil, "key %d", i))
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("%0150d", 3000+i), string(got))
			}
			require.NoError(t, e.Close())
		}
	}
}

// TestSetAgain spoils the files of what was set and deleted since a version, and sets again
// all that has a value: nothing that counts is lost then, so a version can be taken. In it
// every key is what it should be, those too that the version before had and of whose
// deletion nothing can be read any more. Without that version, likewise. The engine must
// know of every key where it is.
func TestSetAgain(t *testing.T, open func(store.Options) (store.Engine, error), ext string) {
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("a version before: %v", before), func(t *testing.T) {
			d := newDisk(t)
			a := snapshot.New(mustFolder(t, d))
			q, err := store.NewQueue(4)
			require.NoError(t, err)
			e, err := open(store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q})
			require.NoError(t, err)
			const keys = 60
			key := func(i int) []byte { return fmt.Appendf(nil, "key %d", i) }
			held := map[string]string{}
			fill := func(round int) {
				for i := range keys {
					v := fmt.Sprintf("%0150d", round)
					if i%4 == 3 && round > 1 {
						continue // deleted, and not set again
					}
					if i%4 == 3 && round == 1 {
						v = ""
					}
					err := e.Set(key(i), []byte(v))
					for turns := 0; errors.Is(err, store.ErrBackpressure); turns++ {
						require.Less(t, turns, 100)
						turn(t, q)
						err = e.Set(key(i), []byte(v))
					}
					require.NoError(t, err)
					held[string(key(i))] = v
				}
			}
			fill(0)
			spoiled := map[string]bool{}
			if before {
				_, err = e.Snapshot()
				require.NoError(t, err)
				names, err := d.List("dir")
				require.NoError(t, err)
				for _, n := range names {
					spoiled[n] = true // spoiling none of that
				}
			}
			fill(1)
			require.NoError(t, e.Sync())
			spoil(t, d, ext, spoiled)
			_, err = e.Snapshot()
			require.ErrorIs(t, err, store.ErrCorrupt, "what is lost counts")
			fill(2)
			fill(3)
			v, err := e.Snapshot()
			require.NoError(t, err)
			elsewhere, err := open(store.Options{Dir: "elsewhere", FS: d, Archive: a, Empty: true})
			require.NoError(t, err)
			require.NoError(t, elsewhere.Restore(v))
			for _, e := range []store.Engine{e, elsewhere} {
				for k, v := range held {
					got, err := e.Get([]byte(k))
					require.NoError(t, err)
					require.Equal(t, v, string(got), k)
				}
				require.NoError(t, e.Close())
			}
		})
	}
}
