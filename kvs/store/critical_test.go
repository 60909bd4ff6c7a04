package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestUploadedAheadAndForgotten has background work upload what it merged, and then has the
// archive forget that before a version names it: in another process, or since somebody
// collected. The next snapshot gives the archive what was set and no more, and what was
// forgotten is uploaded again in the background.
func TestUploadedAheadAndForgotten(t *testing.T) {
	for _, name := range mergeEngines {
		for _, how := range []string{"another process", "collected"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				d, q := simDisk(t, 0), newQueue(t)
				a := archiveOn(t, d, snapshot.Options{})
				o := store.Options{Dir: "dir", FS: d, Archive: a, Scheduler: q}
				e := mustOpen(t, name, o)
				for v := range 2 {
					for i := range 100 {
						put(t, e, q, fmt.Sprintf("key %d %d", v, i), strings.Repeat("v", 300))
					}
					snap(t, e)
				}
				_, err := q.Drain(10000)
				require.NoError(t, err)
				behind := e.Stats().BehindBytes
				require.Positive(t, behind)
				if how == "collected" {
					_, err = archiveOn(t, d, snapshot.Options{}).Collect(snapshot.Retention{Last: 1})
					require.NoError(t, err)
				} else {
					require.NoError(t, e.Close())
					o.Archive = archiveOn(t, d, snapshot.Options{})
					e, behind = mustOpen(t, name, o), 0
				}
				was := e.Stats().CriticalBytes
				put(t, e, q, "k", "v")
				snap(t, e)
				require.Less(t, e.Stats().CriticalBytes-was, int64(2000), "of 2 bytes set, with a manifest and a head")
				_, err = q.Drain(10000)
				require.NoError(t, err)
				require.Greater(t, e.Stats().BehindBytes, behind)
				v := snapAfter(t, e, q, "l")
				other := mustOpen(t, name, store.Options{Dir: "other", FS: d, Archive: o.Archive})
				require.NoError(t, other.Restore(v))
				holds(t, other, "key 0 7", strings.Repeat("v", 300))
				holds(t, other, "l", "v")
			})
		}
	}
}

func snapAfter(t *testing.T, e store.Engine, q *store.Queue, key string) store.Version {
	t.Helper()
	put(t, e, q, key, "v")
	return snap(t, e)
}

// TestParentCollected publishes on top of a version that was restored and then collected:
// the archive has none of it any more, and the engine has all.
func TestParentCollected(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			d, q := simDisk(t, 0), newQueue(t)
			a := archiveOn(t, d, snapshot.Options{})
			failing := &noUpload{Archive: a}
			e := mustOpen(t, name, store.Options{Dir: "dir", FS: d, Archive: failing, Scheduler: q})
			for _, k := range []string{"a", "b"} {
				put(t, e, q, k, strings.Repeat(k, 300))
				snap(t, e)
			}
			_, err := q.Drain(1000) // merges, and uploads what the next version names
			require.NoError(t, err)
			put(t, e, q, "c", strings.Repeat("c", 300))
			snap(t, e)
			failing.on = true
			require.NoError(t, e.Restore(2))
			_, err = q.Drain(1000) // merges, and cannot upload
			require.ErrorIs(t, err, errHeadless)
			require.Positive(t, e.Stats().Merges)
			_, err = a.Collect(snapshot.Retention{Last: 1})
			require.NoError(t, err)
			put(t, e, q, "d", "more")
			v := snap(t, e)
			f := mustOpen(t, name, store.Options{Dir: "third", FS: d, Archive: a})
			require.NoError(t, f.Restore(v))
			holds(t, f, "a", strings.Repeat("a", 300))
			holds(t, f, "c", "")
			holds(t, f, "d", "more")
		})
	}
}

type noUpload struct {
	store.Archive
	on    bool
	tried int
}

func (n *noUpload) Upload(s store.Source) (int64, error) {
	n.tried++
	if n.on {
		return 0, errHeadless
	}
	return n.Archive.Upload(s)
}

// TestUploadIsTriedAgain has the archive take nothing that is uploaded ahead for a long
// while, in which nothing comes up but syncs: the upload is tried again, more and more
// seldom, and succeeds once the archive is back. So it is the next time, from the beginning.
func TestUploadIsTriedAgain(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			d, q := simDisk(t, 0), newQueue(t)
			failing := &noUpload{Archive: archiveOn(t, d, snapshot.Options{})}
			e := mustOpen(t, name, store.Options{Dir: "dir", FS: d, Archive: failing, Scheduler: q})
			syncs := func(n int) (tried int) {
				tried = failing.tried
				for range n {
					require.NoError(t, e.Sync())
					if _, err := q.Drain(1000); err != nil {
						require.ErrorIs(t, err, errHeadless)
					}
				}
				return failing.tried - tried
			}
			for round := range 2 {
				failing.on = true
				for v := range 2 {
					for i := range 30 {
						put(t, e, q, fmt.Sprintf("key %d %d %d", round, v, i), strings.Repeat("v", 300))
					}
					snap(t, e)
				}
				for failing.on && e.Stats().Background == nil {
					syncs(1)
				}
				require.Equal(t, 9, syncs(1023), "after 2, 4, 8 and so on")
				require.ErrorIs(t, e.Stats().Background, errHeadless)
				failing.on = false
				require.Positive(t, syncs(1024))
				require.NoError(t, e.Stats().Background)
				require.Positive(t, e.Stats().BehindBytes)
				require.Zero(t, syncs(2000), "there is nothing left to upload")
			}
			require.NoError(t, e.Close())
		})
	}
}

// TestSpoiledBehindWhatCounts has a file hold a record that counts, and behind it one that
// cannot be read and was set again since: a version keeps the first, and waits for nothing.
func TestSpoiledBehindWhatCounts(t *testing.T) {
	for _, name := range mergeEngines[1:] {
		t.Run(name, func(t *testing.T) {
			d := simDisk(t, 0)
			o := store.Options{Dir: "dir", FS: d, Archive: archiveOn(t, d, snapshot.Options{})}
			e := mustOpen(t, name, o)
			for _, k := range []string{"a", "b"} {
				require.NoError(t, e.Set([]byte(k), []byte(strings.Repeat(k, 300))))
			}
			require.NoError(t, e.Close())
			flipByte(t, d, filesOf(t, d, ".log")[0], 500)
			e = mustOpen(t, name, o)
			holds(t, e, "a", strings.Repeat("a", 300))
			_, err := e.Get([]byte("b"))
			require.ErrorIs(t, err, store.ErrCorrupt)
			require.NoError(t, e.Set([]byte("b"), []byte("again")))
			v := snap(t, e)
			o.Dir, o.Empty = "elsewhere", true
			other := mustOpen(t, name, o)
			require.NoError(t, other.Restore(v))
			for _, e := range []store.Engine{e, other} {
				holds(t, e, "a", strings.Repeat("a", 300))
				holds(t, e, "b", "again")
				require.NoError(t, e.Close())
			}
		})
	}
}

// TestSyncedIsNotTorn spoils two bytes of a record that was synced, with others synced behind
// it, in the log that was open when the power was cut: that is damage, and no torn tail.
func TestSyncedIsNotTorn(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			d := simDisk(t, 0)
			o := store.Options{Dir: "dir", FS: d, Durability: store.EveryWrite}
			e := mustOpen(t, name, o)
			for _, k := range []string{"a", "b", "c"} {
				require.NoError(t, e.Set([]byte(k), []byte(strings.Repeat(k, 100))))
			}
			d.PowerCut()
			log := filesOf(t, d, ".log")[0]
			for _, at := range []int64{180, 190} { // of "b"
				flipByte(t, d, log, at)
			}
			_, err := openSmall(name, o)
			require.ErrorIs(t, err, store.ErrCorrupt)
		})
	}
}
