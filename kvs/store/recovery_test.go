package store_test

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// BenchmarkRecovery opens engines that hold a million keys, with values of 100 and of
// 1,000 bytes, after a close, as a crash leaves them, and as a crash leaves them once as much
// again is set as an engine takes at most before it saves its index, so that the tail is the
// longest. Beside each opening it reads once, in the same process, the bytes that the opening
// reads, which are those of the index and the tail: those of each file at once, no byte twice.
// It reports the medians over the rounds of the processor times of both and of their ratio,
// once for plain reading, once for reading and checking a CRC-32C of all, which is what an index
// costs that is used as it is, and once with the records of the tail decoded one by one besides,
// each of which has a checksum of its own, so that there is no reading them for less. After the
// opening it gets a key, since what opening leaves to the first get is part of recovery too. Wall
// times move too much with what else the machine does. For
// the opening after a crash the directory is copied while the engine has it open, with
// everything synced.
func BenchmarkRecovery(b *testing.B) {
	for _, name := range []string{appendlog.Name, hybridlog.Name, lsm.Name} {
		for _, valueBytes := range []int{100, 1000} {
			root := b.TempDir()
			dirs := sync.OnceValue(func() map[string]string { return recoverable(b, root, name, 1_000_000, valueBytes) })
			for _, what := range []string{"closed", "crashed", "crashed-late"} {
				b.Run(fmt.Sprintf("%s/%s/%d", name, what, valueBytes), func(b *testing.B) {
					benchRecovery(b, name, dirs()[what])
				})
			}
			require.NoError(b, os.RemoveAll(root)) // which is gigabytes
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

// longestTail is how many bytes a log engine of a million keys may write before it saves its
// index again, all but.
const longestTail = 9 << 18

// recoverable sets every key once and leaves the directory as it is while the engine runs, as it
// is once the engine has been closed, and as it is when the engine was opened again and the
// longest tail written.
func recoverable(b *testing.B, root, name string, keys, valueBytes int) map[string]string {
	dirs := map[string]string{}
	for _, what := range []string{"closed", "crashed", "crashed-late"} {
		dirs[what] = filepath.Join(root, what)
	}
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	e, err := openNamed(name, store.Options{Dir: dirs["closed"], Durability: store.None, Scheduler: q})
	require.NoError(b, err)
	values, err := workload.NewValues(1, valueBytes)
	require.NoError(b, err)
	all := workload.Keys(keys)
	for i, k := range all {
		set(b, e, k, values.Next())
		if i%1000 == 0 {
			_, err = q.Drain(1 << 30)
			require.NoError(b, err)
		}
	}
	require.NoError(b, e.Sync())
	_, err = q.Drain(1 << 30)
	require.NoError(b, err)
	require.NoError(b, os.CopyFS(dirs["crashed"], os.DirFS(dirs["closed"])))
	require.NoError(b, e.Close())
	late := filepath.Join(root, "late")
	require.NoError(b, os.CopyFS(late, os.DirFS(dirs["closed"])))
	q, err = store.NewQueue(4) // nobody runs it
	require.NoError(b, err)
	e, err = openNamed(name, store.Options{Dir: late, Durability: store.None, Scheduler: q})
	require.NoError(b, err)
	for i := range longestTail / (valueBytes + 24) {
		set(b, e, all[i*7919%keys], values.Next())
	}
	require.NoError(b, e.Sync())
	require.NoError(b, os.CopyFS(dirs["crashed-late"], os.DirFS(late)))
	require.NoError(b, e.Close())
	require.NoError(b, os.RemoveAll(late))
	return dirs
}

// readsFS is a file system that notes which bytes of which files are read from it.
type readsFS struct {
	vfs.FS
	reads map[string][][2]int64
}

func (r readsFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &readsFile{File: f, fs: r, name: name}, nil
}

type readsFile struct {
	vfs.File
	fs   readsFS
	name string
	at   int64
}

func (f *readsFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.note(f.at, n)
	f.at += int64(n)
	return n, err
}

func (f *readsFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.note(off, n)
	return n, err
}

func (f *readsFile) note(off int64, n int) {
	if n > 0 {
		f.fs.reads[f.name] = append(f.fs.reads[f.name], [2]int64{off, off + int64(n)})
	}
}

// once are the reads of a file with what overlaps or adjoins made one.
func once(reads [][2]int64) (all [][2]int64) {
	slices.SortFunc(reads, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	for _, r := range reads {
		if n := len(all); n > 0 && r[0] <= all[n-1][1] {
			all[n-1][1] = max(all[n-1][1], r[1])
			continue
		}
		all = append(all, r)
	}
	return all
}

// decodeAll decodes the records of log files among what was read: of each piece from where it
// begins, behind the file's header, to its end or to what is no record.
func decodeAll(b *testing.B, texts map[string][][]byte, reads map[string][][2]int64) (n int) {
	for name, pieces := range texts {
		if filepath.Ext(name) != ".log" {
			continue
		}
		h, err := record.DecodeHeader(pieces[0], pieces[0][8])
		require.NoError(b, err)
		for i, text := range pieces {
			off := reads[name][i][0]
			if off == 0 {
				text, off = text[record.HeaderBytes:], record.HeaderBytes
			}
			for len(text) > 0 {
				r, size, err := record.Decode(text, h.Salt(), off)
				if err != nil {
					break
				}
				records := 1
				if r.Kind == record.Batch {
					records, _, err = record.Bodies(r.Value)
					require.NoError(b, err)
				}
				text, off, n = text[size:], off+int64(size), n+records
			}
		}
	}
	return n
}

// readOnce reads bytes of files, each run of them into memory of its own.
func readOnce(b *testing.B, reads map[string][][2]int64) map[string][][]byte {
	all := map[string][][]byte{}
	for name, runs := range reads {
		f, err := os.Open(name)
		require.NoError(b, err)
		for _, r := range runs {
			text := make([]byte, r[1]-r[0])
			_, err := f.ReadAt(text, r[0])
			require.NoError(b, err)
			all[name] = append(all[name], text)
		}
		require.NoError(b, f.Close())
	}
	return all
}

// syncAll has the disk have all that a directory's files hold, as it has after a crash: what
// opening syncs is not to wait for what was copied.
func syncAll(b *testing.B, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(b, err)
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
		require.NoError(b, f.Close())
	}
}

// copied is a copy of a directory that the disk has.
func copied(b *testing.B, dir string) string {
	to := filepath.Join(b.TempDir(), "copy")
	require.NoError(b, os.CopyFS(to, os.DirFS(dir)))
	syncAll(b, to)
	runtime.GC() // what earlier rounds left is not this one's
	return to
}

// timedOpen opens the engine in a directory and gets a key, and returns the processor times.
func timedOpen(b *testing.B, name, dir string) (opened, got time.Duration) {
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	start := threadTime()
	e, err := openNamed(name, store.Options{Dir: dir, Scheduler: q})
	opened = threadTime() - start
	require.NoError(b, err)
	_, err = e.Get([]byte("a key"))
	got = threadTime() - start - opened
	require.NoError(b, err)
	require.NoError(b, e.Close())
	return opened, got
}

// noted are the bytes of files that opening a directory reads, by the files' names.
func noted(b *testing.B, name, dir string) map[string][][2]int64 {
	fs := readsFS{vfs.Default, map[string][][2]int64{}}
	q, err := store.NewQueue(4)
	require.NoError(b, err)
	dir = copied(b, dir)
	e, err := openNamed(name, store.Options{Dir: dir, Scheduler: q, FS: fs})
	require.NoError(b, err)
	reads := map[string][][2]int64{}
	for name, runs := range fs.reads {
		reads[filepath.Base(name)] = once(runs)
	}
	require.NoError(b, e.Close())
	require.NoError(b, os.RemoveAll(dir))
	return reads
}

// readTimes are the processor times of reading once, with checking and with decoding.
type readTimes struct {
	read, check, decode float64
	bytes, records      int
}

// timedReads reads the noted bytes of a directory.
func timedReads(b *testing.B, dir string, reads map[string][][2]int64) (t readTimes) {
	table := crc32.MakeTable(crc32.Castagnoli)
	there := map[string][][2]int64{}
	for name, runs := range reads {
		there[filepath.Join(dir, name)] = runs
	}
	start := threadTime()
	texts := readOnce(b, there)
	t.read = (threadTime() - start).Seconds()
	sum := uint32(0)
	for _, all := range texts {
		for _, text := range all {
			sum ^= crc32.Checksum(text, table)
			t.bytes += len(text)
		}
	}
	t.check = (threadTime() - start).Seconds()
	require.NotZero(b, sum)
	t.records = decodeAll(b, texts, there)
	t.decode = (threadTime() - start).Seconds()
	return t
}

// benchRecovery takes turns: in every other round reading comes first, so that neither has the
// processor's caches as the other left them each time. Each has a copy of the directory of its
// own, made just before. The collector does not run while either is timed: when it begins, and
// who pays for it, depends on what else the process has in memory.
func benchRecovery(b *testing.B, name, dir string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	of, reads := map[string][]float64{}, noted(b, name, dir)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var t readTimes
	for round := 0; b.Loop(); round++ {
		var opened, got time.Duration
		for turn := range 2 {
			to := copied(b, dir)
			if turn == round%2 {
				opened, got = timedOpen(b, name, to)
			} else {
				t = timedReads(b, to, reads)
			}
			require.NoError(b, os.RemoveAll(to))
		}
		for what, v := range map[string]float64{
			"open-ms": opened.Seconds() * 1e3, "get-ms": got.Seconds() * 1e3, "read-ms": t.read * 1e3, "check-ms": t.check * 1e3,
			"decode-ms": t.decode * 1e3, "open/read": opened.Seconds() / t.read, "open/check": opened.Seconds() / t.check,
			"open/decode": opened.Seconds() / t.decode,
		} {
			of[what] = append(of[what], v)
		}
	}
	for what, values := range of {
		b.ReportMetric(median(values), what)
	}
	b.ReportMetric(float64(t.bytes)/1e6, "read-MB")
	b.ReportMetric(float64(t.records), "records")
}
