package pebble_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// moment is what is done to an engine, and the value of the one key after it.
type moment struct {
	name  string
	do    func(e store.Engine) error
	value string
}

func setTo(value string) moment {
	return moment{"set " + value, func(e store.Engine) error { return e.Set([]byte("k"), []byte(value)) }, value}
}

func snapped(value string) moment {
	return moment{"snapshot", func(e store.Engine) error { _, err := e.Snapshot(); return err }, value}
}

func restored(v store.Version, value string) moment {
	return moment{"restore", func(e store.Engine) error { return e.Restore(v) }, value}
}

// openAt opens an engine on a disk that holds the archive too.
func openAt(t *testing.T, fs *disk.FS, dir string) store.Engine {
	t.Helper()
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: fs})
	require.NoError(t, err)
	e, err := suite.Open(store.Options{Dir: dir, FS: fs, Durability: store.EveryWrite, Archive: snapshot.New(bucket)})
	require.NoError(t, err)
	return e
}

// TestMomentsOfVersions cuts the power at each change of the disk while values are set between
// snapshots and restores, where none of the names that were not synced is kept, or one of them alone:
// the value is that before or after what was under way, and a version taken then has it. Of the names
// each sixteenth is tried, another one at the next moment.
func TestMomentsOfVersions(t *testing.T) {
	all := []moment{setTo("a"), snapped("a"), setTo("b"), restored(1, "a"), setTo("c"), snapped("c")}
	source := &oneName{kept: -1}
	cuts, alone := 0, 0
	for at := int64(1); ; at++ {
		fs, err := disk.NewFS(disk.FSOptions{Source: source, Crash: sim.Extreme})
		require.NoError(t, err)
		var cut *disk.FS
		done, atCut := 0, 0
		e := openAt(t, fs, "dir")
		fs.CloneAt(fs.Ops()+at, func(c *disk.FS) { cut, atCut = c, done })
		for _, m := range all {
			require.NoError(t, m.do(e), m.name)
			done++
		}
		require.NoError(t, e.Close())
		if cut == nil {
			require.Greater(t, alone, 50)
			t.Logf("%d power cuts at %d moments, %d with one name kept alone", cuts, at-1, alone)
			return
		}
		want := []string{""}
		if atCut > 0 {
			want[0] = all[atCut-1].value
		}
		want = append(want, all[min(atCut, len(all)-1)].value)
		for kept := -1; kept < 0 || kept < source.asked; {
			*source = oneName{kept: kept}
			c := cut.Clone()
			c.PowerCut()
			asked := source.asked
			e := openAt(t, c, "dir")
			got, err := e.Get([]byte("k"))
			require.NoError(t, err)
			require.Contains(t, want, string(got), "power cut at change %d, name %d kept", at, kept)
			_, err = e.Snapshot()
			require.NoError(t, err)
			require.NoError(t, e.Close())
			e = openAt(t, c, "other")
			version, err := e.Get([]byte("k"))
			require.NoError(t, err)
			require.Equal(t, string(got), string(version), "power cut at change %d, name %d kept", at, kept)
			require.NoError(t, e.Close())
			cuts++
			if asked > kept && kept >= 0 {
				alone++
			}
			source.asked = asked
			if kept < 0 {
				kept = int(at%16) - 16
			}
			kept += 16
		}
	}
}
