package storetest

import (
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// Changed are the shares of the keys that TestBytes changes between two snapshots, in
// percent.
var Changed = []int{1, 10, 50}

// TestBytes takes 200 snapshots, each after a share of the keys was changed, some of
// them several times, some deleted. With D the bytes of the latest keys and values of
// the distinct keys changed since the parent, none may give the archive more than
// critical times D while it waits: segments with the headers of their files, indexes,
// manifest, and the head with its pages, which must not grow with the versions kept. D is
// about 33 kB, and with -storetest.long 110 kB; without it, fewer snapshots are taken where
// less than half of the keys change. What the engine says that it gave is what
// its bucket was given, to the byte. All that was uploaded, in the
// background too, is held to what tiering with r files a level takes, and a version may
// have r·log_r(N) segments at the Nth snapshot: so many a restore reads. It is restored,
// elsewhere, in the end.
func TestBytes(t *testing.T, open func(store.Options) (store.Engine, error), critical float64, r int) {
	lessOften(t)
	for _, percent := range Changed {
		t.Run(fmt.Sprintf("%d%%", percent), func(t *testing.T) { testBytes(t, open, critical, r, percent) })
	}
}

// weighed is a folder that counts the bytes it is given, heads among them.
type weighed struct {
	*snapshot.Folder
	given int64
}

func (w *weighed) Put(name string, size int64, r io.Reader) error {
	w.given += size
	return w.Folder.Put(name, size, r)
}

func (w *weighed) PutSoon(name string, size int64, r io.Reader) error {
	w.given += size
	return w.Folder.PutSoon(name, size, r)
}

func (w *weighed) SwapHead(tag string, data []byte) error {
	w.given += int64(len(data))
	return w.Folder.SwapHead(tag, data)
}

func testBytes(t *testing.T, open func(store.Options) (store.Engine, error), critical float64, r, percent int) {
	changed, snapshots := 300, 200
	switch {
	case *long:
		changed = 1000
	case percent < 10: // most of the time goes into what does not change
		snapshots = 25
	case percent < 50:
		snapshots = 100
	}
	keys := changed * 100 / percent
	d := newDisk(t)
	b := &weighed{Folder: mustFolder(t, d)}
	a := snapshot.New(b)
	e, err := open(store.Options{Dir: "dir", FS: d, Archive: a})
	require.NoError(t, err)
	src, asked := choice.Seeded(uint64(percent)), uint64(0)
	draw := func(n int) int {
		asked++
		return int(src.Choose(choice.Point{Site: "bytes", Key: asked, N: uint64(n)}))
	}
	held := map[string]string{}
	set := func(k int, v string) {
		key := fmt.Sprintf("key %012d", k)
		require.NoError(t, e.Set([]byte(key), []byte(v)))
		held[key] = v
	}
	for k := range keys {
		set(k, fmt.Sprintf("%0100d", k))
	}
	_, err = e.Snapshot()
	require.NoError(t, err)
	worst, sum := 0.0, int64(keys*116) // the first one is of all keys
	for i := range snapshots {
		least := int64(0)
		for k := range changed {
			k = (k*97 + i*131) % keys // 97 and keys have no factor in common: all are distinct
			for range draw(3) {
				set(k, fmt.Sprintf("%0100d", draw(1<<30)))
			}
			v := fmt.Sprintf("%0100d", draw(1<<30))
			if draw(20) == 0 {
				v = ""
			}
			set(k, v)
			least += int64(16 + len(v))
		}
		before := e.Stats().CriticalBytes
		v, err := e.Snapshot()
		require.NoError(t, err)
		spent := e.Stats().CriticalBytes - before
		require.LessOrEqual(t, float64(spent), critical*float64(least), "snapshot %d of %d changed bytes", i, least)
		s := e.Stats()
		require.Equal(t, b.given, s.CriticalBytes+s.BehindBytes, "bytes given to the bucket up to snapshot %d", i)
		worst, sum = max(worst, float64(spent)/float64(least)), sum+least
		m, err := a.Manifest(v)
		require.NoError(t, err)
		n := float64(i + 2) // the first one too
		require.LessOrEqual(t, float64(len(m.Segments)), float64(r)*math.Log(n)/math.Log(float64(r)), "segments at snapshot %d", i)
	}
	s := e.Stats()
	all := float64(s.CriticalBytes+s.BehindBytes) / float64(sum)
	log := math.Log(float64(snapshots+1)) / math.Log(float64(r))
	require.LessOrEqual(t, all, log, "all bytes are within the bound of tiering")
	t.Logf("%d%% changed, %d snapshots: critical path at worst %.3f D; all uploads %.2f D, the first one with them; log_%d(%d) is %.2f",
		percent, snapshots, worst, all, r, snapshots+1, log)
	require.NoError(t, e.Close())
	e, err = open(store.Options{Dir: "elsewhere", FS: d, Archive: a})
	require.NoError(t, err)
	for k, v := range held {
		got, err := e.Get([]byte(k))
		require.NoError(t, err)
		require.Equal(t, v, string(got))
	}
	require.NoError(t, e.Close())
}
