package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// Snapped is what a snapshot cost.
type Snapped struct {
	Engine   string        `json:"engine"`
	Version  store.Version `json:"version"`
	Fraction float64       `json:"changed_fraction"`
	New      int64         `json:"new_bytes"`      // given to the bucket while the snapshot was waited for
	Changed  int64         `json:"changed_bytes"`  // keys and last values of the keys that changed since the parent
	Uploaded int64         `json:"uploaded_bytes"` // given to the bucket since the parent, in the background too
	// All is what was given to the bucket so far, the first version of all keys with it,
	// Changes what changed in all of those versions, and Bound is what tiering takes of that:
	// see [Bound].
	All      int64    `json:"all_uploaded_bytes"`
	Changes  int64    `json:"all_changed_bytes"`
	Bound    *float64 `json:"bound_bytes"`
	Seconds  float64  `json:"seconds"`
	FullDump float64  `json:"full_dump_seconds"` // a snapshot of the same state by an engine that writes everything
	Segments int      `json:"segments_read_by_restore"`
	Restore  float64  `json:"restore_seconds"` // opening an empty directory at the version
}

// Bound is what an engine that merges r files of a level into one of the next gives to the bucket
// over n versions, in which so many bytes changed: max(1, log_r(n)) times those. In so few
// versions that the logarithm is below 1 nothing is merged, and what changed is given once. The
// headers of files, manifests and heads come on top. It is nil for an engine that does not merge
// so.
func Bound(engine string, n int, changed int64) *float64 {
	r := fanIn[engine]
	if r == 0 {
		return nil
	}
	return new(max(1, math.Log(float64(n))/math.Log(float64(r))) * float64(changed))
}

// SnapshotWork says what is snapshot.
type SnapshotWork struct {
	Work
	Fractions []float64 // of the keys that change before a snapshot
	Rounds    int       // how often all fractions come
	// Keep is a directory to leave behind, "" for none: for each engine ENGINE/bucket and
	// ENGINE/log.jsonl, see [logged].
	Keep string
}

// logged is a line of a workload's own log: a set, or a version that holds all sets
// before it.
type logged struct {
	Key     string        `json:"key,omitempty"`
	Value   []byte        `json:"value,omitempty"` // in base64
	Version store.Version `json:"version,omitempty"`
}

// Snapshots measures what snapshots of engines cost after parts of the keys changed. The
// first version, of all keys, is not among the results. Each version is restored into a
// directory of its own and compared with what was set.
func Snapshots(ctx context.Context, w SnapshotWork, names []string, progress Progress, each func(Snapped) error) error {
	if err := CheckNames(names, Engines()); err != nil {
		return err
	}
	total := len(names) * w.Rounds * len(w.Fractions)
	done := 0
	for _, name := range names {
		err := w.snapshots(ctx, name, func(s Snapped) error {
			done++
			progress(done, total)
			return each(s)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fanIn is how many files of a level engines merge into one of the next, as by default.
var fanIn = map[string]int{appendlog.Name: 4, hybridlog.Name: 8, lsm.Name: 4}

// snapping is an engine whose snapshots are measured.
type snapping struct {
	*bench
	name    string
	dir     string // of all that is temporary
	bucket  *counted
	engine  store.Engine
	host    *host
	log     *lines // nil for none
	dumping store.Engine
	made    int   // directories
	changes int64 // bytes that changed in all versions
	n       int   // versions
	rand    *rand.Rand
}

func (w SnapshotWork) snapshots(ctx context.Context, name string, each func(Snapped) error) error {
	return w.withEngine(ctx, name, func(s *snapping) error { return s.run(w, each) })
}

// withEngine opens an engine, has it measured, and removes all that is not to be kept.
func (w SnapshotWork) withEngine(ctx context.Context, name string, run func(*snapping) error) (err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &snapping{
		bench: &bench{work: w.Work, ctx: ctx, keys: workload.Keys(w.Keys), last: make([][]byte, w.Keys)},
		name:  name, dir: dir, rand: rand.New(rand.NewPCG(w.Seed, 4)),
	}
	if s.values, err = workload.NewValues(w.Seed, w.ValueBytes); err != nil {
		return err
	}
	if err := s.open(w.Keep); err != nil {
		return errors.Join(err, s.close())
	}
	return errors.Join(run(s), s.close())
}

// open opens the engine, one that dumps everything beside it, and the log.
func (s *snapping) open(keep string) (err error) {
	at := s.dir
	if keep != "" {
		at = filepath.Join(keep, s.name)
	}
	if s.bucket, err = newBucket(filepath.Join(at, "bucket")); err != nil {
		if keep != "" {
			err = fmt.Errorf("%w: %w", ErrWrite, err)
		}
		return err
	}
	if keep != "" {
		if s.log, err = createLines(filepath.Join(at, "log.jsonl")); err != nil {
			return err
		}
	}
	if s.host, err = newHost(); err != nil {
		return err
	}
	o := store.Options{Dir: s.next(), Archive: snapshot.New(s.bucket), Scheduler: s.host.queue}
	if s.engine, err = Open(s.name, o, Parameters{FanIn: fanIn[s.name]}); err != nil {
		return err
	}
	s.s = s.engine
	dumps, err := newBucket(filepath.Join(s.dir, "dumps"))
	if err != nil {
		return err
	}
	s.dumping, err = Open(memory.Name, store.Options{Dir: s.next(), Archive: snapshot.New(dumps)}, Parameters{})
	return err
}

// next is a directory that is not there yet.
func (s *snapping) next() string {
	s.made++
	return filepath.Join(s.dir, fmt.Sprintf("engine-%d", s.made))
}

func (s *snapping) close() error {
	var err error
	if s.host != nil {
		err = s.host.close()
	}
	for _, e := range []store.Engine{s.engine, s.dumping} {
		if e != nil {
			err = errors.Join(err, e.Close())
		}
	}
	if s.log != nil {
		err = errors.Join(err, s.log.close())
	}
	return err
}

func (s *snapping) run(w SnapshotWork, each func(Snapped) error) error {
	if _, err := s.measure(1); err != nil {
		return err
	}
	for range w.Rounds {
		for _, f := range w.Fractions {
			r, err := s.measure(f)
			if err != nil {
				return err
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure changes a part of the keys, takes a snapshot and a full dump beside it, and restores it.
func (s *snapping) measure(fraction float64) (r Snapped, err error) {
	if r, err = s.take(fraction); err != nil {
		return r, err
	}
	if r.FullDump, err = s.dump(); err != nil {
		return r, err
	}
	return r, s.restore(&r)
}

// take changes a part of the keys and takes a snapshot.
func (s *snapping) take(fraction float64) (r Snapped, err error) {
	r = Snapped{Engine: s.name, Fraction: fraction}
	parent := s.bucket.given()
	if r.Changed, err = s.change(fraction); err != nil {
		return r, err
	}
	before, start := s.bucket.given(), time.Now()
	if r.Version, err = s.engine.Snapshot(); err != nil {
		return r, err
	}
	r.Seconds = time.Since(start).Seconds()
	r.New = s.bucket.given() - before
	if err := s.host.settle(s.ctx); err != nil {
		return r, err
	}
	r.Uploaded = s.bucket.given() - parent
	s.n, s.changes = s.n+1, s.changes+r.Changed
	r.All, r.Changes = s.bucket.given(), s.changes
	r.Bound = Bound(s.name, s.n, s.changes)
	return r, s.log.add(logged{Version: r.Version})
}

// dump takes a full dump of the state, and says how long that took.
func (s *snapping) dump() (seconds float64, err error) {
	start := time.Now()
	if _, err := s.dumping.Snapshot(); err != nil {
		return 0, fmt.Errorf("full dump: %w", err)
	}
	return time.Since(start).Seconds(), nil
}

// change sets that part of the keys, at least one, each once and then over and over until
// there were as many sets as asked for, and returns the bytes of keys and last values.
func (s *snapping) change(fraction float64) (changed int64, err error) {
	n := min(len(s.keys), max(1, int(fraction*float64(len(s.keys))+0.5)))
	some := s.rand.Perm(len(s.keys))[:n]
	for i := range max(n, s.work.Updates) {
		k := some[i%n]
		if err := s.ended(i); err != nil {
			return 0, err
		}
		if err := s.set(k); err != nil {
			return 0, err
		}
		if err := s.dumping.Set(s.keys[k], s.last[k]); err != nil {
			return 0, fmt.Errorf("full dump: %w", err)
		}
		if err := s.log.add(logged{Key: string(s.keys[k]), Value: s.last[k]}); err != nil {
			return 0, err
		}
	}
	for _, k := range some {
		changed += int64(len(s.keys[k]) + len(s.last[k]))
	}
	return changed, nil
}

// restore opens an empty directory at the version and compares all that is in it.
func (s *snapping) restore(r *Snapped) (err error) {
	dir := s.next()
	a := &opens{Archive: snapshot.New(s.bucket.Bucket)}
	start := time.Now()
	e, err := Open(s.name, store.Options{Dir: dir, Archive: a}, Parameters{})
	if err != nil {
		return fmt.Errorf("restore version %s: %w", r.Version, err)
	}
	r.Restore, r.Segments = time.Since(start).Seconds(), a.count()
	for i, k := range s.keys {
		if err = s.ended(i); err != nil {
			break
		}
		var v []byte
		if v, err = e.Get(k); err == nil && !bytes.Equal(v, s.last[i]) {
			err = fmt.Errorf("%w: version %s: key %q has not the value that was set last", store.ErrCorrupt, r.Version, k)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, e.Close(), os.RemoveAll(dir))
}
