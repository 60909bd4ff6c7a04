package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// writers are all engines, each with a file system that it can be on.
func writers(t *testing.T, test func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error))) {
	for _, name := range ownEngines {
		t.Run(name, func(t *testing.T) {
			test(t, simDisk(t, 0), func(o store.Options) (store.Engine, error) { return openSmall(name, o) })
		})
	}
	t.Run(pebble.Name, func(t *testing.T) {
		test(t, vfs.NewMem(), func(o store.Options) (store.Engine, error) { return pebble.Open(pebble.Options{Options: o}) })
	})
}

// began opens an engine that must open.
func began(t *testing.T, open func(store.Options) (store.Engine, error), o store.Options) store.Engine {
	t.Helper()
	e, err := open(o)
	require.NoError(t, err)
	return e
}

func write(t *testing.T, e store.Engine, key, value string) {
	t.Helper()
	require.NoError(t, e.Set([]byte(key), []byte(value)))
}

// conflicts has a snapshot refused, which says what to do.
func conflicts(t *testing.T, e store.Engine) {
	t.Helper()
	_, err := e.Snapshot()
	require.ErrorIs(t, err, store.ErrConflict)
	require.ErrorContains(t, err, "restore it, or take a branch")
}

// TestWriterOpenedAgain closes a writer, has another one publish, and opens it again: the
// other's version is not replaced unseen, with something set and with nothing, until it is
// restored.
func TestWriterOpenedAgain(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		a := archiveOn(t, fs, snapshot.Options{})
		mine := store.Options{Dir: "mine", FS: fs, Archive: a}
		e := began(t, open, mine)
		write(t, e, "k", "mine")
		require.Equal(t, store.Version(1), snap(t, e))
		require.NoError(t, e.Close())
		other := began(t, open, store.Options{Dir: "other", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})})
		write(t, other, "k", "other")
		require.Equal(t, store.Version(2), snap(t, other))

		e = began(t, open, mine)
		conflicts(t, e)
		write(t, e, "l", "mine")
		conflicts(t, e)
		require.NoError(t, e.Close())
		e = began(t, open, mine)
		conflicts(t, e)
		holds(t, e, "l", "mine")
		require.NoError(t, e.Restore(store.Latest))
		holds(t, e, "k", "other")
		write(t, e, "k", "again")
		require.NoError(t, e.Close())
		e = began(t, open, mine)
		require.Equal(t, store.Version(3), snap(t, e), "what it restored it has seen")
		require.Equal(t, store.Version(3), snap(t, e))
		conflicts(t, other)
		// Going back says that the latest is not wanted, whoever's it is.
		require.NoError(t, other.Restore(1))
		holds(t, other, "k", "mine")
		write(t, other, "m", "other")
		require.Equal(t, store.Version(4), snap(t, other))
		require.NoError(t, other.Close())
		require.NoError(t, e.Close())
	})
}

// TestNumberGivenAgain drops a branch and begins it anew, so that a number is another
// version's: an idle snapshot is not that one, and none is published on top of it.
func TestNumberGivenAgain(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		main := archiveOn(t, fs, snapshot.Options{})
		seed := began(t, open, store.Options{Dir: "seed", FS: fs, Archive: main})
		for _, v := range []string{"one", "two"} {
			write(t, seed, "k", v)
			snap(t, seed)
		}
		require.NoError(t, main.Clone(1, "b"))
		o := store.Options{Dir: "mine", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{Branch: "b"})}
		e := began(t, open, o)
		write(t, e, "k", "mine")
		require.Equal(t, store.Version(2), snap(t, e))
		require.Equal(t, store.Version(2), snap(t, e), "idle")
		require.NoError(t, main.Drop("b"))
		require.NoError(t, main.Clone(2, "b"))
		for range 2 {
			_, err := e.Snapshot()
			require.ErrorIs(t, err, store.ErrConflict)
			require.ErrorContains(t, err, "version 2 is another than the one the writer knew")
			require.NoError(t, e.Close())
			e = began(t, open, o)
		}
		require.NoError(t, main.Drop("b"))
		v := snap(t, e)
		require.Equal(t, store.Version(1), v, "a branch that is gone has nothing to lose")
		m, err := o.Archive.Manifest(v)
		require.NoError(t, err)
		require.Equal(t, store.Version(2), m.Parent)
		require.NoError(t, e.Restore(v))
		holds(t, e, "k", "mine")
		require.NoError(t, e.Close())
		require.NoError(t, seed.Close())
	})
}

// TestForgottenVersionIsOnesOwn cuts the power at each disk operation of a writer's first
// snapshots and of what it does before something is committed again: whichever version
// it forgets is its own, and it goes on from it.
func TestForgottenVersionIsOnesOwn(t *testing.T) {
	for _, name := range ownEngines {
		t.Run(name, func(t *testing.T) {
			for at := int64(1); ; at++ {
				d, q := simDisk(t, 0), newQueue(t)
				o := store.Options{Dir: "dir", FS: d, Archive: archiveOn(t, d, snapshot.Options{}), Scheduler: q}
				e := mustOpen(t, name, o)
				write(t, e, "k", "one")
				d.CrashAt(d.Ops() + at)
				var done store.Version
				for i := 0; i < 2; i++ {
					v, err := e.Snapshot()
					if err != nil || e.Set([]byte("l"), fmt.Append(nil, i)) != nil {
						break
					}
					done = v
				}
				whole := done == 2
				d.PowerCut()
				o.Archive = archiveOn(t, d, snapshot.Options{})
				e = mustOpen(t, name, o)
				last, err := o.Archive.Latest()
				require.NoError(t, err)
				require.GreaterOrEqual(t, last, done)
				write(t, e, "m", "after")
				require.Equal(t, last+1, snap(t, e), "power cut at %d", at)
				require.NoError(t, e.Close())
				if whole {
					break
				}
			}
		})
	}
}

// TestBucketsMixedUp has two writers, each the first of a bucket of its own, open with each
// other's: neither takes the other's version for its own.
func TestBucketsMixedUp(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		var os []store.Options
		for _, name := range []string{"a", "b"} {
			f, err := snapshot.NewFolder("bucket-"+name, snapshot.FolderOptions{FS: fs})
			require.NoError(t, err)
			o := store.Options{Dir: name, FS: fs, Archive: snapshot.New(f)}
			e := began(t, open, o)
			write(t, e, "k", name)
			require.Equal(t, store.Version(1), snap(t, e))
			require.NoError(t, e.Close())
			os = append(os, o)
		}
		os[0].Archive, os[1].Archive = os[1].Archive, os[0].Archive
		for _, o := range os {
			e := began(t, open, o)
			conflicts(t, e)
			require.NoError(t, e.Close())
		}
		f, err := snapshot.NewFolder("bucket-new", snapshot.FolderOptions{FS: fs})
		require.NoError(t, err)
		os[0].Archive = snapshot.New(f)
		e := began(t, open, os[0])
		require.Equal(t, store.Version(1), snap(t, e), "an empty bucket has nothing to lose")
		require.NoError(t, e.Restore(1))
		holds(t, e, "k", "a")
		require.NoError(t, e.Close())
	})
}

// racing is an archive on which another writer publishes once a manifest was read.
type racing struct {
	store.Archive
	then func()
}

func (r *racing) Manifest(v store.Version) (store.Manifest, error) {
	m, err := r.Archive.Manifest(v)
	if then := r.then; then != nil {
		r.then = nil
		then()
	}
	return m, err
}

// TestPublishedDuringRestore has another writer publish while the latest version is
// restored, and while one before is: it was not seen.
func TestPublishedDuringRestore(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		other := began(t, open, store.Options{Dir: "other", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})})
		for _, v := range []string{"one", "two"} {
			write(t, other, "k", v)
			snap(t, other)
		}
		r := &racing{Archive: archiveOn(t, fs, snapshot.Options{})}
		e := began(t, open, store.Options{Dir: "mine", FS: fs, Archive: r})
		for i, v := range []store.Version{store.Latest, 1} {
			r.then = func() {
				write(t, other, "k", fmt.Sprint("then ", i))
				snap(t, other)
			}
			require.NoError(t, e.Restore(v))
			write(t, e, "l", "mine")
			conflicts(t, e)
		}
		require.NoError(t, e.Close())
		require.NoError(t, other.Close())
	})
}

// TestEmptyWhateverTheArchiveHolds publishes on top of versions that were not wanted, also
// once the directory was opened again before anything was set.
func TestEmptyWhateverTheArchiveHolds(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		other := began(t, open, store.Options{Dir: "other", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})})
		write(t, other, "k", "other")
		snap(t, other)
		require.NoError(t, other.Close())
		o := store.Options{Dir: "mine", FS: fs, Archive: archiveOn(t, fs, snapshot.Options{}), Empty: true}
		for range 2 {
			e := began(t, open, o)
			holds(t, e, "k", "")
			require.NoError(t, e.Close())
		}
		e := began(t, open, o)
		write(t, e, "l", "mine")
		require.Equal(t, store.Version(2), snap(t, e))
		require.NoError(t, e.Close())
		// A directory that was filled without an archive has seen none of its versions.
		o.Dir, o.Empty, o.Archive = "alone", false, nil
		e = began(t, open, o)
		write(t, e, "l", "alone")
		require.NoError(t, e.Close())
		o.Archive = archiveOn(t, fs, snapshot.Options{})
		e = began(t, open, o)
		conflicts(t, e)
		require.NoError(t, e.Close())
	})
}

// down is a bucket that does not answer while it is told not to.
type down struct {
	store.Bucket
	off bool
}

var errDown = errors.New("the bucket does not answer")

func (d *down) Head() ([]byte, string, error) {
	if d.off {
		return nil, "", errDown
	}
	return d.Bucket.Head()
}

// TestOpenWithoutTheBucket opens a directory that is whole while the bucket does not answer:
// what was set is there, more can be set, and a version waits until the bucket is back. An
// empty directory is to begin with what the bucket holds, and does not open.
func TestOpenWithoutTheBucket(t *testing.T) {
	writers(t, func(t *testing.T, fs vfs.FS, open func(store.Options) (store.Engine, error)) {
		f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
		require.NoError(t, err)
		b := &down{Bucket: f}
		o := store.Options{Dir: "dir", FS: fs, Archive: snapshot.New(b)}
		e := began(t, open, o)
		write(t, e, "k", "before")
		require.Equal(t, store.Version(1), snap(t, e))
		require.NoError(t, e.Close())
		b.off = true
		o.Archive = snapshot.New(b)
		e = began(t, open, o)
		holds(t, e, "k", "before")
		write(t, e, "k", "without")
		_, err = e.Snapshot()
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, e.Restore(1), errDown)
		require.NoError(t, e.Close())
		e = began(t, open, o)
		holds(t, e, "k", "without")
		_, err = open(store.Options{Dir: "new", FS: fs, Archive: o.Archive})
		require.ErrorIs(t, err, errDown)
		b.off = false
		require.Equal(t, store.Version(2), snap(t, e))
		require.NoError(t, e.Restore(2))
		holds(t, e, "k", "without")
		require.NoError(t, e.Close())
	})
}

// TestCatalogOfBefore opens a directory whose catalog says nothing of manifests: it takes
// the archive's latest version as seen, as it was then, and from then on by its manifest.
func TestCatalogOfBefore(t *testing.T) {
	for _, name := range mergeEngines {
		for _, changed := range []bool{false, true} {
			d := simDisk(t, 0)
			o := store.Options{Dir: "dir", FS: d, Archive: archiveOn(t, d, snapshot.Options{})}
			e := mustOpen(t, name, o)
			write(t, e, "k", "v")
			require.Equal(t, store.Version(1), snap(t, e))
			require.NoError(t, e.Close())
			b, err := catalog.ReadFile(d, "dir/CATALOG", 1<<20)
			require.NoError(t, err)
			s, err := catalog.Decode(b)
			require.NoError(t, err)
			require.NotNil(t, s.Seen)
			s.ParentManifest, s.Seen, s.Writer = "", nil, store.Writer{}
			b, err = s.Encode()
			require.NoError(t, err)
			require.NoError(t, catalog.WriteFile(d, "dir", "CATALOG", "CATALOG.tmp", b))
			e = mustOpen(t, name, o)
			want := store.Version(1)
			if changed {
				write(t, e, "k", "w")
				want = 2
			}
			require.Equal(t, want, snap(t, e))
			write(t, e, "k", "x")
			require.Equal(t, want+1, snap(t, e))
			other := mustOpen(t, name, store.Options{Dir: "other", FS: d, Archive: o.Archive})
			write(t, other, "k", "other")
			snap(t, other)
			require.NoError(t, e.Close())
			e = mustOpen(t, name, o)
			conflicts(t, e)
			require.NoError(t, e.Close())
			require.NoError(t, other.Close())
		}
	}
}

// TestCopyTakesOneVersion opens two copies of one directory, which have the number of one writer:
// each may take the other's version for its own once after it was opened, and not once it has
// published.
func TestCopyTakesOneVersion(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			on := func(dir string) store.Engine {
				return mustOpen(t, name, store.Options{Dir: dir, FS: fs, Archive: archiveOn(t, fs, snapshot.Options{})})
			}
			e := on("a")
			write(t, e, "k", "one")
			require.Equal(t, store.Version(1), snap(t, e))
			require.NoError(t, e.Close())
			done, err := vfs.Clone(fs, fs, "a", "b")
			require.NoError(t, err)
			require.True(t, done)

			a, b := on("a"), on("b")
			write(t, a, "k", "a")
			require.Equal(t, store.Version(2), snap(t, a))
			write(t, b, "k", "b")
			require.Equal(t, store.Version(3), snap(t, b), "a's version, taken for its own")
			write(t, a, "l", "a")
			conflicts(t, a)
			require.NoError(t, a.Close())
			require.NoError(t, b.Close())
		})
	}
}
