package store_test

import (
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// BenchmarkRecovery opens engines that hold a million keys, with values of 100 and of
// 1,000 bytes, after a close and as a crash leaves them, and beside each opening reads
// once, in the same process, the files that it reads: index files, files that none stands
// for, and the catalog. It reports the medians over the rounds of the processor times of both
// and of their ratio, once for plain reading, and once for reading and checking a CRC-32C,
// which is what an index costs that is used as it is. Wall times move too much with what else
// the machine does. For the opening after a crash the directory is
// copied while the engine has it open, with everything synced.
func BenchmarkRecovery(b *testing.B) {
	for _, name := range []string{appendlog.Name, hybridlog.Name, lsm.Name} {
		for _, valueBytes := range []int{100, 1000} {
			closed, crashed := recoverable(b, name, 1_000_000, valueBytes)
			for _, d := range []struct{ name, dir string }{{"closed", closed}, {"crashed", crashed}} {
				b.Run(name+"/"+d.name+"/"+map[int]string{100: "100", 1000: "1000"}[valueBytes], func(b *testing.B) {
					benchRecovery(b, name, d.dir)
				})
			}
		}
	}
}

func openNamed(name string, o store.Options) (store.Engine, error) {
	switch name {
	case appendlog.Name:
		return appendlog.Open(appendlog.Options{Options: o})
	case hybridlog.Name:
		return hybridlog.Open(hybridlog.Options{Options: o})
	}
	return lsm.Open(lsm.Options{Options: o})
}

// recoverable sets every key once and leaves the directory as it is while the engine runs,
// and as it is once the engine has been closed.
func recoverable(b *testing.B, name string, keys, valueBytes int) (closed, crashed string) {
	closed, crashed = filepath.Join(b.TempDir(), "closed"), filepath.Join(b.TempDir(), "crashed")
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	e, err := openNamed(name, store.Options{Dir: closed, Durability: store.None, Scheduler: q})
	require.NoError(b, err)
	values, err := workload.NewValues(1, valueBytes)
	require.NoError(b, err)
	for i, k := range workload.Keys(keys) {
		set(b, e, k, values.Next())
		if i%1000 == 0 {
			_, err = q.Drain(1 << 30)
			require.NoError(b, err)
		}
	}
	require.NoError(b, e.Sync())
	_, err = q.Drain(1 << 30)
	require.NoError(b, err)
	require.NoError(b, os.CopyFS(crashed, os.DirFS(closed)))
	require.NoError(b, e.Close())
	return closed, crashed
}

// readOnce are the files that opening a directory reads.
func readOnce(b *testing.B, dir string) (files []string) {
	all, err := filepath.Glob(filepath.Join(dir, "[0-9]*.*"))
	require.NoError(b, err)
	saved := ""
	for _, path := range all {
		if stem, ok := strings.CutSuffix(path, ".index"); ok {
			saved = stem
		}
	}
	for _, path := range all {
		stem := strings.TrimSuffix(path, filepath.Ext(path))
		index := filepath.Ext(path) == ".hint" || filepath.Ext(path) == ".guide"
		stands := slices.Contains(all, stem+".hint") || slices.Contains(all, stem+".guide")
		if path == saved+".index" || stem > saved && (index || !stands) {
			files = append(files, path)
		}
	}
	return append(files, filepath.Join(dir, "CATALOG"))
}

func benchRecovery(b *testing.B, name, dir string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	files, table := readOnce(b, dir), crc32.MakeTable(crc32.Castagnoli)
	var opening, reading, checking, ratio, checked []float64
	bytes := 0
	for round := 0; b.Loop(); round++ {
		copied := filepath.Join(b.TempDir(), "copy")
		require.NoError(b, os.CopyFS(copied, os.DirFS(dir)))
		q, err := store.NewQueue(4)
		require.NoError(b, err)
		start := threadTime()
		e, err := openNamed(name, store.Options{Dir: copied, Scheduler: q})
		opened := (threadTime() - start).Seconds()
		require.NoError(b, err)
		bytes = 0
		var all [][]byte
		start = threadTime()
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(b, err)
			bytes, all = bytes+len(text), append(all, text)
		}
		read := (threadTime() - start).Seconds()
		sum := uint32(0)
		for _, text := range all {
			sum ^= crc32.Checksum(text, table)
		}
		check := (threadTime() - start).Seconds()
		opening, reading, checking = append(opening, opened*1e3), append(reading, read*1e3), append(checking, check*1e3)
		ratio, checked = append(ratio, opened/read), append(checked, opened/check)
		require.NotZero(b, sum)
		require.NoError(b, e.Close())
		require.NoError(b, os.RemoveAll(copied))
	}
	for what, of := range map[string][]float64{
		"open-ms": opening, "read-ms": reading, "check-ms": checking, "open/read": ratio, "open/check": checked,
	} {
		b.ReportMetric(median(of), what)
	}
	b.ReportMetric(float64(bytes)/1e6, "read-MB")
}
