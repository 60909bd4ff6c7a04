package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// lazySizes are the numbers of keys of which BenchmarkLazy has a version each.
var lazySizes = []int{10_000, 1_000_000}

// BenchmarkLazy opens an empty directory lazily at a version of 10,000 keys and at one of a
// million, in turn, and gets a key. It reports the medians over the rounds of the times until the
// get is answered, and of their ratio within a round. The archive is a folder, and the engine the
// LSM tree, which is the one that opens lazily. The collector does not run while that is timed.
func BenchmarkLazy(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	root := b.TempDir()
	for _, n := range lazySizes {
		publishKeys(b, filepath.Join(root, fmt.Sprint(n)), n)
	}
	times, ratios := map[int][]float64{}, []float64(nil)
	for round := 0; b.Loop(); round++ {
		var took [2]float64
		for turn := range lazySizes {
			i := (turn + round) % len(lazySizes)
			n := lazySizes[i]
			took[i] = firstGet(b, filepath.Join(root, fmt.Sprint(n)), n, round)
			times[n] = append(times[n], took[i]*1e3)
		}
		ratios = append(ratios, took[1]/took[0])
	}
	for n, t := range times {
		b.ReportMetric(median(t), fmt.Sprintf("%d-keys-ms", n))
	}
	b.ReportMetric(median(ratios), "1000000/10000")
}

// publishKeys publishes a version of n keys with values of 100 bytes in a bucket.
func publishKeys(b *testing.B, bucket string, n int) {
	folder, err := snapshot.NewFolder(bucket, snapshot.FolderOptions{})
	require.NoError(b, err)
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	e, err := lsm.Open(lsm.Options{Options: store.Options{Dir: b.TempDir(), Scheduler: q, Archive: snapshot.New(folder)}})
	require.NoError(b, err)
	values, err := workload.NewValues(1, benchValue)
	require.NoError(b, err)
	for i, k := range workload.Keys(n) {
		set(b, e, k, values.Next())
		if i%1000 == 0 {
			_, err = q.Drain(1 << 30)
			require.NoError(b, err)
		}
	}
	_, err = e.Snapshot()
	require.NoError(b, err)
	require.NoError(b, e.Close())
}

// firstGet is how long it takes to open an empty directory lazily and get one of n keys.
func firstGet(b *testing.B, bucket string, n, round int) float64 {
	folder, err := snapshot.NewFolder(bucket, snapshot.FolderOptions{})
	require.NoError(b, err)
	q, err := store.NewQueue(4) // nobody fetches the rest
	require.NoError(b, err)
	dir := b.TempDir()
	key := workload.Key(nil, round*7919%n)
	runtime.GC()
	start := time.Now()
	e, err := lsm.Open(lsm.Options{Options: store.Options{Dir: dir, Scheduler: q, Archive: snapshot.New(folder), Lazy: true}})
	require.NoError(b, err)
	v, err := e.Get(key)
	took := time.Since(start).Seconds()
	require.NoError(b, err)
	require.Len(b, v, benchValue)
	require.NoError(b, e.Close())
	require.NoError(b, os.RemoveAll(dir))
	return took
}
