package measure

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// RecoveryWork says which directories are opened again: of all combinations of so many keys
// and values so long.
type RecoveryWork struct {
	Work
	EachKeys, EachValueBytes []int
	// Crashed has them be as a crash leaves them: all is synced and background work done, and
	// nothing was closed.
	Crashed bool
}

// Recovered is what opening a directory again cost.
type Recovered struct {
	Engine     string  `json:"engine"`
	Keys       int     `json:"keys"`
	ValueBytes int     `json:"value_bytes"`
	Crashed    bool    `json:"crashed"`
	Disk       int64   `json:"disk_bytes"`   // of all files in the directory
	Index      *int64  `json:"index_bytes"`  // of saved indexes, hints and guides, which stand for files of values; nil of an engine without such files
	Seconds    float64 `json:"seconds"`      // until the engine is open
	ReadIndex  float64 `json:"read_seconds"` // reading those once, and what they do not stand for, with a CRC-32C of all
	FirstGet   float64 `json:"first_get_us"`
}

// CanCrash reports that an engine's directory can be had as a crash leaves it: a copy of it
// while the engine is open, which of one that works on goroutines of its own is none of any
// moment.
func CanCrash(name string) bool { return name != pebble.Name }

// Recoveries measures opening engines again, after a close or a crash. All combinations are
// measured, and the values are compared afterwards.
func Recoveries(ctx context.Context, w RecoveryWork, names []string, progress Progress, each func(Recovered) error) error {
	if err := CheckNames(names, Engines()); err != nil {
		return err
	}
	for _, name := range names {
		if w.Crashed && !CanCrash(name) {
			return fmt.Errorf("%w: %s cannot be measured after a crash", ErrName, name)
		}
	}
	done, total := 0, len(names)*len(w.EachKeys)*len(w.EachValueBytes)
	for _, name := range names {
		for _, n := range w.EachKeys {
			for _, v := range w.EachValueBytes {
				w := w
				w.Keys, w.ValueBytes = n, v
				r, err := w.recovery(ctx, name)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				done++
				progress(done, total)
				if err := each(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w RecoveryWork) recovery(ctx context.Context, name string) (r Recovered, err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return r, err
	}
	all := dir
	defer func() { err = errors.Join(err, os.RemoveAll(all)) }()
	b := &bench{work: w.Work, ctx: ctx, keys: workload.Keys(w.Keys), last: make([][]byte, w.Keys)}
	if b.values, err = workload.NewValues(w.Seed, w.ValueBytes); err != nil {
		return r, err
	}
	r = Recovered{Engine: name, Keys: w.Keys, ValueBytes: w.ValueBytes, Crashed: w.Crashed}
	if fanIn[name] > 0 {
		r.Index = new(int64)
	}
	filled, crashed := filepath.Join(dir, "filled"), ""
	if w.Crashed {
		crashed = filepath.Join(dir, "crashed")
	}
	if err := b.fill(name, filled, crashed); err != nil {
		return r, err
	}
	if dir = filled; w.Crashed {
		dir = crashed
	}
	if err := readIndex(dir, &r); err != nil {
		return r, err
	}
	h, err := newHost()
	if err != nil {
		return r, err
	}
	start := time.Now()
	e, err := Open(name, store.Options{Dir: dir, Scheduler: h.queue}, Parameters{})
	if err != nil {
		return r, errors.Join(err, h.close())
	}
	r.Seconds = time.Since(start).Seconds()
	b.s = e
	start = time.Now()
	err = b.get(0)
	r.FirstGet = float64(time.Since(start).Nanoseconds()) / 1e3
	for i := 0; i < len(b.keys) && err == nil; i++ {
		if err = b.ended(i); err == nil {
			err = b.get(i)
		}
	}
	return r, errors.Join(err, h.close(), e.Close())
}

// fill sets every key, has all background work done, copies the directory as it is then if
// there is a name for the copy, and closes the engine.
func (b *bench) fill(name, dir, crashed string) error {
	h, err := newHost()
	if err != nil {
		return err
	}
	e, err := Open(name, store.Options{Dir: dir, Scheduler: h.queue}, Parameters{})
	if err != nil {
		return errors.Join(err, h.close())
	}
	b.s = e
	if err = b.load(); err == nil {
		err = e.Sync()
	}
	if err == nil {
		err = h.settle(b.ctx)
	}
	if err == nil && crashed != "" {
		err = os.CopyFS(crashed, os.DirFS(dir))
	}
	return errors.Join(err, h.close(), e.Close())
}

// readIndex reads and checks what recovery cannot do without: a saved index instead of all
// files up to its number (of one that it knows in part, the rest is left out), and of the others
// every file that no hint or guide stands for, and those instead of the files they stand for.
func readIndex(dir string, r *Recovered) error {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	saved := ""
	for _, path := range files {
		if stem, ok := strings.CutSuffix(path, ".index"); ok {
			saved = stem
		}
	}
	table, sum := crc32.MakeTable(crc32.Castagnoli), uint32(0)
	start := time.Now()
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		r.Disk += info.Size()
		base := path[:len(path)-len(filepath.Ext(path))]
		ext := filepath.Ext(path)
		index := false
		switch stands := slices.Contains(files, base+".hint") || slices.Contains(files, base+".guide"); {
		case ext == ".index":
			index = true
		case (ext == ".hint" || ext == ".log") && base <= saved:
			continue
		case ext == ".hint" || ext == ".guide":
			index = true
		case stands, ext == ".sst":
			continue // values, which recovery need not read
		}
		if index && r.Index != nil {
			*r.Index += info.Size()
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum ^= crc32.Checksum(b, table)
	}
	runtime.KeepAlive(sum)
	r.ReadIndex = time.Since(start).Seconds()
	return nil
}
