package store_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// killing is a file system whose process is killed right after a rename, before the
// directory is synced: locks are free then, and nothing that the disk was not asked for
// happens any more.
type killing struct {
	vfs.FS
	renames int // until the process is killed, if positive
	killed  bool
}

type processGone struct{}

func (k *killing) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (k *killing) Rename(from, to string) error {
	err := k.FS.Rename(from, to)
	if k.renames--; k.renames == 0 {
		k.killed = true
		panic(processGone{})
	}
	return err
}

// sets sets keys, and returns what is promised, and the set that was under way when the
// process was killed.
func (k *killing) sets(t *testing.T, name string, o store.Options) (promised map[string]string, key, value string) {
	promised = map[string]string{}
	defer func() {
		if r := recover(); r != nil {
			require.Equal(t, processGone{}, r)
		}
	}()
	e := mustOpen(t, name, o)
	for i := range 100 {
		key, value = fmt.Sprint("key ", i%9), fmt.Sprintf("%0200d", i)
		require.NoError(t, e.Set([]byte(key), []byte(value)))
		promised[key] = value
	}
	return promised, "", ""
}

// TestKilledThenPowerCut kills the process between the catalog's new name and the sync of
// its directory, opens the directory again, and then cuts the power: the old catalog may
// come back, so opening must not have removed what that one names.
func TestKilledThenPowerCut(t *testing.T) {
	for _, name := range mergeEngines {
		t.Run(name, func(t *testing.T) {
			tried := 0
			for seed := range 120 {
				d, err := disk.NewFS(disk.FSOptions{Crash: sim.Extreme, Source: choice.Seeded(uint64(seed))})
				require.NoError(t, err)
				k := &killing{FS: d, renames: 2 + seed%12}
				o := store.Options{Dir: "dir", FS: k, Durability: store.EveryWrite}
				promised, key, value := k.sets(t, name, o)
				if !k.killed {
					continue
				}
				tried++
				check := func() {
					e := mustOpen(t, name, o)
					for p, want := range promised {
						got, err := e.Get([]byte(p))
						require.NoError(t, err)
						if p != key || string(got) != value {
							require.Equal(t, want, string(got), "seed %d: %s", seed, p)
						}
					}
				}
				check()
				d.PowerCut()
				check()
			}
			require.Greater(t, tried, 30)
		})
	}
}

// TestDirectoryIsDurable cuts the power after a set, and a version, that was promised in
// directories that were made for it.
func TestDirectoryIsDurable(t *testing.T) {
	for _, name := range allEngines {
		t.Run(name, func(t *testing.T) {
			open := func(fs vfs.FS, dir string) store.Engine {
				f, err := snapshot.NewFolder("c/d/bucket", snapshot.FolderOptions{FS: fs})
				require.NoError(t, err)
				o := store.Options{Dir: dir, FS: fs, Archive: snapshot.New(f), Durability: store.EveryWrite}
				if name == memory.Name {
					o.Durability = store.OnSnapshot
				}
				return mustOpen(t, name, o)
			}
			for _, dir := range []string{"db", "a/b/db", "/a/b/db"} {
				m := vfs.NewCrashableMem()
				e := open(m, dir)
				require.NoError(t, e.Set([]byte("k"), []byte("v")))
				snap(t, e)
				m = m.CrashClone(vfs.CrashCloneCfg{})
				e = open(m, dir)
				holds(t, e, "k", "v")
				require.NoError(t, e.Close())
				holds(t, open(m, "other"), "k", "v")
			}
		})
	}
}
