package measure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// Recovered is what opening a directory again cost.
type Recovered struct {
	Engine     string  `json:"engine"`
	Keys       int     `json:"keys"`
	ValueBytes int     `json:"value_bytes"`
	Disk       int64   `json:"disk_bytes"`   // of all files in the directory
	Index      int64   `json:"index_bytes"`  // of saved indexes, hints and guides, which stand for files of values
	Seconds    float64 `json:"seconds"`      // until the engine is open
	ReadIndex  float64 `json:"read_seconds"` // reading those once, and what they do not stand for
	FirstGet   float64 `json:"first_get_us"`
}

// Recoveries measures opening engines that hold so many keys and values so long, after
// a close. All combinations are measured, and the values are compared afterwards.
func Recoveries(ctx context.Context, w Work, keys, valueBytes []int, names []string, progress Progress, each func(Recovered) error) error {
	if err := CheckNames(names, Engines()); err != nil {
		return err
	}
	done, total := 0, len(names)*len(keys)*len(valueBytes)
	for _, name := range names {
		for _, n := range keys {
			for _, v := range valueBytes {
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

func (w Work) recovery(ctx context.Context, name string) (r Recovered, err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{work: w, ctx: ctx, keys: workload.Keys(w.Keys), last: make([][]byte, w.Keys)}
	if b.values, err = workload.NewValues(w.Seed, w.ValueBytes); err != nil {
		return r, err
	}
	r = Recovered{Engine: name, Keys: w.Keys, ValueBytes: w.ValueBytes}
	if err := b.fill(name, dir); err != nil {
		return r, err
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

// fill sets every key, has all background work done, and closes the engine.
func (b *bench) fill(name, dir string) error {
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
	return errors.Join(err, h.close(), e.Close())
}

// readIndex reads what recovery cannot do without: a saved index instead of all files up
// to its number, and of the others every file that no hint or guide stands for, and those
// instead of the files they stand for.
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
	start := time.Now()
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		r.Disk += info.Size()
		base := path[:len(path)-len(filepath.Ext(path))]
		ext := filepath.Ext(path)
		switch stands := slices.Contains(files, base+".hint") || slices.Contains(files, base+".guide"); {
		case ext == ".index":
			r.Index += info.Size()
		case (ext == ".hint" || ext == ".log") && base <= saved:
			continue
		case ext == ".hint" || ext == ".guide":
			r.Index += info.Size()
		case stands, ext == ".sst":
			continue // values, which recovery need not read
		}
		if _, err := os.ReadFile(path); err != nil {
			return err
		}
	}
	r.ReadIndex = time.Since(start).Seconds()
	return nil
}
