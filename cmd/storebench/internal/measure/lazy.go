package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// LazyEngines are the engines that open an empty directory lazily: the others must read all of a
// version to find a key.
func LazyEngines() []string { return []string{lsm.Name} }

// LazyWork says which versions are opened lazily, and how often.
type LazyWork struct {
	Work
	EachKeys []int
	Rounds   int
}

// Lazied is what it took to open an empty directory at a version and get a key, in seconds: lazily,
// the median and the longest of all rounds, and once with all of the version restored first.
type Lazied struct {
	Engine string  `json:"engine"`
	Keys   int     `json:"keys"`
	Rounds int     `json:"rounds"`
	First  float64 `json:"lazy_first_get_seconds"`
	Worst  float64 `json:"worst_lazy_first_get_seconds"`
	Eager  float64 `json:"eager_first_get_seconds"`
}

// Lazies measures lazy opening. The numbers of keys take turns, round by round, so that they meet
// the same load of the machine; nothing is fetched in the background meanwhile, and the collector
// of garbage does not run while something is timed.
func Lazies(ctx context.Context, w LazyWork, names []string, progress Progress, each func(Lazied) error) error {
	if err := CheckNames(names, LazyEngines()); err != nil {
		return err
	}
	done, total := 0, len(names)*(2+w.Rounds)*len(w.EachKeys)
	for _, name := range names {
		list, err := w.lazies(ctx, name, func() { done++; progress(done, total) })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range list {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w LazyWork) lazies(ctx context.Context, name string, step func()) (list []Lazied, err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var all []*published
	for i, n := range w.EachKeys {
		p := &published{name: name, dir: filepath.Join(dir, fmt.Sprint(i))}
		if err := p.publish(ctx, w.Work, n); err != nil {
			return nil, err
		}
		all = append(all, p)
		step()
	}
	took := make([][]time.Duration, len(all))
	eager := make([]time.Duration, len(all))
	for round := range w.Rounds {
		for turn := range all {
			i := (turn + round) % len(all)
			d, err := all[i].firstGet(ctx, round, true)
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], d)
			step()
		}
	}
	for i, p := range all {
		if eager[i], err = p.firstGet(ctx, 0, false); err != nil {
			return nil, err
		}
		step()
	}
	for i, n := range w.EachKeys {
		list = append(list, Lazied{
			Engine: name, Keys: n, Rounds: w.Rounds, First: spreadOf(took[i]).P50, Worst: slices.Max(took[i]).Seconds(), Eager: eager[i].Seconds(),
		})
	}
	return list, nil
}

// published is a version of an engine in a bucket of its own.
type published struct {
	name, dir string
	last      [][]byte // that was set, by key
	opened    int
}

func (p *published) archive() (store.Archive, error) {
	folder, err := snapshot.NewFolder(filepath.Join(p.dir, "bucket"), snapshot.FolderOptions{})
	if err != nil {
		return nil, err
	}
	return snapshot.New(folder), nil
}

// publish sets every key, publishes that, and removes the engine's directory.
func (p *published) publish(ctx context.Context, w Work, keys int) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	a, err := p.archive()
	if err != nil {
		return err
	}
	h, err := newHost()
	if err != nil {
		return err
	}
	filled := filepath.Join(p.dir, "filled")
	e, err := Open(p.name, store.Options{Dir: filled, Archive: a, Scheduler: h.queue}, Parameters{})
	if err != nil {
		return errors.Join(err, h.close())
	}
	b := &bench{work: w, ctx: ctx, s: e, keys: workload.Keys(keys), last: make([][]byte, keys)}
	if b.values, err = workload.NewValues(w.Seed, w.ValueBytes); err == nil {
		err = b.load()
	}
	if err == nil {
		_, err = e.Snapshot()
	}
	p.last = b.last
	return errors.Join(err, h.close(), e.Close(), os.RemoveAll(filled))
}

// firstGet is how long it takes to open an empty directory at the version and get a key, another
// one in each round.
func (p *published) firstGet(ctx context.Context, round int, lazy bool) (took time.Duration, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	a, err := p.archive()
	if err != nil {
		return 0, err
	}
	q, err := store.NewQueue(4) // nobody takes its steps
	if err != nil {
		return 0, err
	}
	p.opened++
	dir := filepath.Join(p.dir, fmt.Sprint("opened-", p.opened))
	i := round * stride % len(p.last)
	key := workload.Key(nil, i)
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	start := time.Now()
	e, err := Open(p.name, store.Options{Dir: dir, Archive: a, Scheduler: q, Lazy: lazy}, Parameters{})
	if err != nil {
		return 0, err
	}
	v, err := e.Get(key)
	took = time.Since(start)
	if err == nil && !slices.Equal(v, p.last[i]) {
		err = fmt.Errorf("%w: key %q has not the value that was set last", store.ErrCorrupt, key)
	}
	return took, errors.Join(err, e.Close(), os.RemoveAll(dir))
}
