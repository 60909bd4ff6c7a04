package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// Engine is what the suite needs to know of an engine.
type Engine struct {
	Name string
	// Open opens it with options that make it work often on little: small buffers,
	// early merges.
	Open func(store.Options) (store.Engine, error)
	// Durabilities are the levels that it has.
	Durabilities []store.Durability
	// Clones says that it cannot bear a disk that stops, so that crashes are made on
	// copies of the disk.
	Clones bool
	// Lazy says that it can be opened lazily; one that cannot refuses.
	Lazy bool
}

// Config is how a workload is run.
type Config struct {
	Engine     Engine
	Durability store.Durability
	Seed       uint64    // of what a crash leaves, and of disk errors
	Crash      sim.Level // how much of what was not synced survives a crash
	Errors     sim.Level // how often disk operations fail; a failed operation ends in a crash
	// CrashAt is a disk operation at which the power is cut, counted from the
	// beginning; 0 is never.
	CrashAt int64
	// FailAt is a disk operation that fails, counted from the beginning, reading too; 0
	// is none. Errors must be Low then, and no other operation fails.
	FailAt int64
	// Queued offers background work to a queue whose steps the workload runs; else it
	// runs at once.
	Queued bool
}

// Group is the size of groups at the level GroupCommit.
const Group = 3

// Outcome is what a run came to.
type Outcome struct {
	History []string // an operation and its outcome a line
	Ops     int64    // disk operations that change something
	Began   []int64  // of these, how many were before each operation of the workload
	Asked   int64    // disk operations that might have failed, with FailAt
	Crashes int      // times that the power was cut
	Cuts    int      // operations at which that was asked for, and done
	Disk    disk.FSStats
}

// Run runs the workload and returns an error that says where it departs from the
// plain map, with what was run. The engine is closed at the end, opened again, and
// compared once more.
func Run(c Config, w Workload) (Outcome, error) {
	r := &run{config: c, model: newModel(c.Durability, Group), dir: "dir"}
	err := r.all(w)
	if r.ops == 0 {
		r.ops = r.fs.Ops()
	}
	out := Outcome{r.history, r.ops, r.began, r.failing.asked, r.crashes, r.cutsMade, r.fs.Stats()}
	if err != nil {
		err = fmt.Errorf("%s, durability %s, crash at %d, failure at %d, seed %d: %w\n%s", c.Engine.Name, c.Durability,
			c.CrashAt, c.FailAt, c.Seed, err, strings.Join(r.history, "\n"))
	}
	return out, err
}

type run struct {
	config  Config
	fs      *disk.FS
	failing failing
	archive *snapshot.Archive
	queue   *store.Queue
	engine  store.Engine
	model   *model
	history []string
	crashes int
	cuts    []int64 // disk operations at which the power is to be cut
	// cutsMade is how many more there were, before the last time that it was cut.
	cutsMade int
	again    int // disk operations into opening after the next crash, 0 for none
	// attempted is what an operation that has not returned leads to, nil for nothing.
	attempted  *state
	collecting bool
	dir        string // the engine's
	branch     string // the archive's
	made       int    // directories and branches so far
	left       []leftBranch
	ops        int64 // disk operations of the workload
	began      []int64
	elsewhere  bool // another engine than the run's is at work
	// Of an engine that is crashed on copies of the disk: the copy, once its moment has passed,
	// and what the operation at work attempted so far.
	copied    *atomic.Pointer[disk.FS]
	tried     *state
	collected bool
}

// leftBranch is a branch that the run has gone on from.
type leftBranch struct {
	name     string
	versions map[store.Version]state
}

// failing decides that one disk operation fails, and leaves to its source what is not
// about that.
type failing struct {
	choice.Source
	at, asked int64
}

// Choose answers the decisions of the disk.
func (f *failing) Choose(p choice.Point) uint64 {
	switch p.Site {
	case "fs.open", "fs.write", "fs.read", "fs.sync":
	default:
		return f.Source.Choose(p)
	}
	f.asked++
	switch f.at {
	case 0:
		return f.Source.Choose(p)
	case f.asked:
		return 1
	}
	return 0
}

const (
	maxSteps = 100000
	maxTries = 200 // of opening under disk errors
)

func (r *run) all(w Workload) error {
	r.failing = failing{Source: choice.Seeded(r.config.Seed), at: r.config.FailAt}
	fs, err := disk.NewFS(disk.FSOptions{
		Source: &r.failing, Crash: r.config.Crash, Errors: r.config.Errors, MaxBytes: 256 << 20,
	})
	if err != nil {
		return err
	}
	r.fs = fs
	if r.config.CrashAt > 0 {
		r.arm(r.config.CrashAt)
	}
	if err := r.attempt("open", r.open); err != nil {
		return err
	}
	for _, o := range w {
		r.began = append(r.began, r.fs.Ops())
		err := r.attempt(o.String(), func() error {
			result, err := r.do(o)
			r.history = append(r.history, fmt.Sprintf("%-24s %s", o, result))
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := r.attempt("compare", r.compare); err != nil {
		return err
	}
	err = r.attempt("reopen", func() error {
		_, err := r.do(Op{Kind: Reopen})
		return err
	})
	if err != nil {
		return err
	}
	if err := r.attempt("compare", r.compare); err != nil {
		return err
	}
	if err := r.attempt("close", r.close); err != nil {
		return err
	}
	if r.config.Engine.Clones && r.engine != nil { // it is open again after a crash, and has goroutines
		if err := r.engine.Close(); err != nil {
			return err
		}
	}
	if r.config.Errors != sim.Off {
		return nil
	}
	r.ops = r.fs.Ops() // the power is cut no more
	r.fs.CrashAt(0)
	return r.compareBranches()
}

// arm has the power cut at operation n of the disk, and at those for which it was asked before.
func (r *run) arm(n int64) {
	r.cuts = append(r.cuts, n)
	r.rearm()
}

// rearm has the disk stop at the next of the operations at which the power is to be cut: a disk
// knows of one, and forgets it when the power is cut.
func (r *run) rearm() {
	now := r.fs.Ops()
	all := len(r.cuts)
	r.cuts = slices.DeleteFunc(r.cuts, func(n int64) bool { return n <= now })
	r.cutsMade += all - len(r.cuts)
	switch {
	case len(r.cuts) == 0:
	case r.config.Engine.Clones:
		r.copyAt(slices.Min(r.cuts))
	default:
		r.fs.CrashAt(slices.Min(r.cuts))
	}
}

func (r *run) close() error {
	e := r.engine
	if r.config.Engine.Clones {
		r.engine = nil // it is closed, whatever becomes of the copy of the disk
	}
	err := e.Close()
	if err == nil && r.config.Errors == sim.Off {
		// Closing need not report what nobody is promised, and the disk may have stopped in that.
		_, err = catalog.ReadFile(r.fs, r.dir+"/CATALOG", 1<<20)
	}
	return err
}

func (r *run) open() error {
	engine, err := r.openAt(r.dir, r.branch, false)
	if err != nil {
		r.engine = nil
		return err
	}
	r.engine = engine
	return nil
}

// archiveOf opens a branch of the bucket.
func (r *run) archiveOf(branch string) (*snapshot.Archive, error) {
	bucket, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: r.fs, Tries: 100})
	if err != nil {
		return nil, err
	}
	return snapshot.Open(bucket, snapshot.Options{Branch: branch})
}

// openAt opens an engine that goes on with a branch in a directory, and makes that
// branch's the run's archive.
func (r *run) openAt(dir, branch string, lazily bool) (store.Engine, error) {
	var err error
	if r.archive, err = r.archiveOf(branch); err != nil {
		return nil, err
	}
	var scheduler store.Scheduler
	if r.config.Queued {
		if r.queue, err = store.NewQueue(16); err != nil {
			return nil, err
		}
		scheduler = r.queue
	}
	return r.config.Engine.Open(store.Options{
		Dir: dir, FS: r.fs, Archive: r.archive, Durability: r.config.Durability, GroupWrites: Group, Scheduler: scheduler,
		Lazy: lazily,
	})
}

// survive lets an error pass that is the disk's doing: the power is cut, and the
// engine opened again and compared.
func (r *run) survive(what string, err error) error {
	if err == nil {
		return nil
	}
	var departs *departure
	if errors.As(err, &departs) {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !errors.Is(err, disk.ErrCrashed) && r.config.Errors == sim.Off {
		return fmt.Errorf("%s: %w", what, err)
	}
	elsewhere := r.elsewhere
	r.elsewhere = false
	if errors.Is(err, store.ErrFailed) && !elsewhere && r.engine != nil && r.engine.Close() == nil {
		return fmt.Errorf("%s failed the engine, and Close says that all is durable: %w", what, err)
	}
	if err := r.crash(); err != nil {
		return fmt.Errorf("after a crash in %s: %w", what, err)
	}
	return nil
}

// departure is an outcome that is not the plain map's.
type departure struct{ err error }

func (d *departure) Error() string { return d.err.Error() }

func departs(format string, args ...any) error { return &departure{fmt.Errorf(format, args...)} }

// crash cuts the power and opens again, until opening succeeds.
func (r *run) crash() error {
	if r.attempted != nil {
		r.model.begun(*r.attempted)
		r.attempted = nil
	}
	for range maxTries {
		r.crashes++
		r.fs.PowerCut()
		r.rearm()
		if r.again > 0 {
			r.arm(r.fs.Ops() + int64(r.again))
			r.again = 0
		}
		err := r.open()
		if err == nil && r.hasCopy() {
			if err := r.goOnCopy(); err != nil {
				return err
			}
			continue
		}
		var got state
		if err == nil {
			got, err = r.read()
		}
		var vs []store.Version
		if err == nil {
			vs, err = r.archive.Versions()
		}
		if err == nil {
			err = r.leftovers()
		}
		if err != nil {
			if d := (*departure)(nil); errors.As(err, &d) {
				return err
			}
			if errors.Is(err, disk.ErrCrashed) || r.config.Errors != sim.Off && !damage(err) {
				continue
			}
			return departs("open: %w", err)
		}
		if err := r.model.recovered(got, vs); err != nil {
			return &departure{err}
		}
		collecting := r.collecting
		r.collecting = false
		if err := r.model.archived(vs, collecting); err != nil {
			return &departure{err}
		}
		return nil
	}
	return departs("opening failed %d times", maxTries)
}

// leftovers compares the directory of an engine that was just opened with what its
// catalog names: whatever a crash left must be gone.
func (r *run) leftovers() error {
	if r.config.Errors != sim.Off || r.config.Engine.Clones {
		return nil
	}
	b, err := catalog.ReadFile(r.fs, r.dir+"/CATALOG", 1<<20)
	if err != nil {
		return err
	}
	s, err := catalog.Decode(b)
	if err != nil {
		return departs("its own catalog: %w", err)
	}
	names, err := r.fs.List(r.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		number, _, ok := strings.Cut(name, ".")
		if n, err := strconv.ParseUint(number, 10, 64); ok && err == nil && n != s.Index &&
			!slices.ContainsFunc(s.Parts, func(p catalog.Part) bool { return p.Number == n }) {
			return departs("after opening there is still %s, which the catalog does not name", name)
		}
	}
	return nil
}

// damage reports an error that must not follow from disk errors that went away.
func damage(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrForeign) || errors.Is(err, store.ErrFormat) ||
		errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrMissingSegment)
}

// read reads all keys, those never written too.
func (r *run) read() (state, error) {
	got := state{}
	for _, k := range keys {
		v, err := r.engine.Get([]byte(k))
		if err != nil {
			return nil, fmt.Errorf("get %q: %w", k, err)
		}
		if v != nil {
			got[k] = string(v)
		}
	}
	return got, nil
}

func (r *run) compare() error {
	got, err := r.read()
	if err != nil {
		return err
	}
	if !maps.Equal(got, r.model.now()) {
		return departs("it holds %v, the map %v", show(got), show(r.model.now()))
	}
	if n := r.engine.Size().Keys; n >= 0 && n != int64(len(got)) {
		return departs("Size says %d keys, there are %d", n, len(got))
	}
	return nil
}
