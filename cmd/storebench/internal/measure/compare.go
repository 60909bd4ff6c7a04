package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/workload"
)

// Kind is a workload by its name.
type Kind struct {
	Name string
	Doc  string
	// reads is the share of reads among operations that are mixed; 0 has all updates
	// first and then as many reads.
	reads  float64
	theta  float64
	drifts bool // the hot set moves over half the keys
	budget int  // the data are so many times what values and buffers may take; 0 for no budget
	small  bool // with the small files of a sweep
}

// Budgeted reports that a workload bounds the memory of engines.
func Budgeted(workload string) bool {
	return slices.ContainsFunc(Kinds(), func(k Kind) bool { return k.Name == workload && k.budget > 0 })
}

// theta is YCSB's exponent of the zipf distribution.
const theta = 0.99

// MergingName is the workload whose sets are timed while background merges run, at few keys
// too.
const MergingName = "merging"

// Kinds are the workloads.
func Kinds() []Kind {
	return []Kind{
		{Name: "update-heavy", Doc: "all updates, then as many reads, of keys by a zipf distribution of exponent 0.99", theta: theta},
		{Name: "read-heavy", Doc: "95 reads to 5 updates, by the same distribution", theta: theta, reads: 0.95},
		{
			Name: "larger-than-memory", theta: theta, budget: 10,
			Doc: "as update-heavy, with buffers, caches and pages of a tenth of the data; memory and map keep everything, and pebble-alone its defaults",
		},
		{Name: "drifting", Doc: "as update-heavy, with a hot set that moves over half of the keys", theta: theta, drifts: true},
		{
			Name: MergingName, theta: theta, small: true,
			Doc: "as update-heavy, with files so small that background merges run all the time, while single sets are timed too; memory, map and pebble-alone have no such parameter",
		},
	}
}

// KindNames are the names of the workloads.
func KindNames() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// Work says how much is done.
type Work struct {
	Dir        string // where temporary directories are made; "" is the system's
	Keys       int
	Updates    int
	ValueBytes int
	Seed       uint64
}

// Compared is what came of one engine under a workload. What is no engine does not say how many
// merges it has, or what it holds in memory: such a figure is nil, which JSON has as null.
type Compared struct {
	Engine   string  `json:"engine"`
	Workload string  `json:"workload"`
	Sets     float64 `json:"sets_per_second"`
	Gets     float64 `json:"gets_per_second"`
	P999     float64 `json:"p999_set_us"`  // 99.9th percentile of the time of a set, whatever runs in the background
	Disk     int64   `json:"disk_bytes"`   // of what is no engine, the files that are there after a close
	Memory   *int64  `json:"memory_bytes"` // of values, pages and write buffers
	Budget   *int64  `json:"budget_bytes"` // what that is bounded to, nil where nothing bounds it
	Merges   *int64  `json:"merges"`       // in the background
	// TailMerges are those of them that ended while the sets of the percentile were timed.
	TailMerges *int64 `json:"tail_merges"`
	Merged     *int64 `json:"merged_bytes"`  // written by merges
	Refused    *int64 `json:"refused"`       // sets that were told to wait for background work
	Written    int64  `json:"written_bytes"` // keys and values that were set
}

// Progress is told how many of how many steps of a measurement are done.
type Progress func(done, total int)

// tailShare is the part of the updates that are made once more with a clock at each of
// them, for the tail; the rates are of those without.
const tailShare = 4

// Compare measures engines under a workload, rounds times, an engine after the other in
// each, so that what disturbs the machine hits all of them; it gives the median of each
// figure of each engine, once all rounds are done or the context is.
func Compare(ctx context.Context, w Work, kind Kind, names []string, rounds int, progress Progress, each func(Compared) error) error {
	if err := CheckNames(names, Names()); err != nil {
		return err
	}
	runs := map[string][]Compared{}
	var failed error
	for i := 0; i < rounds*len(names) && failed == nil; i++ {
		progress(i, rounds*len(names))
		name := names[i%len(names)]
		r, err := w.compare(ctx, kind, name, Parameters{})
		if err != nil {
			failed = fmt.Errorf("%s: %w", name, err)
			continue
		}
		runs[name] = append(runs[name], r)
	}
	for _, name := range names {
		if len(runs[name]) > 0 {
			if err := each(medians(runs[name])); err != nil {
				return errors.Join(failed, err)
			}
		}
	}
	return failed
}

// medians is the first run with the median of each figure that differs between runs.
func medians(runs []Compared) Compared {
	r := runs[0]
	median := func(of func(*Compared) *float64) {
		var all []float64
		for i := range runs {
			all = append(all, *of(&runs[i]))
		}
		slices.Sort(all)
		*of(&r) = all[len(all)/2]
	}
	median(func(c *Compared) *float64 { return &c.Sets })
	median(func(c *Compared) *float64 { return &c.Gets })
	median(func(c *Compared) *float64 { return &c.P999 })
	if r.TailMerges != nil {
		var all []int64
		for _, run := range runs {
			all = append(all, *run.TailMerges)
		}
		slices.Sort(all)
		r.TailMerges = new(all[len(all)/2])
	}
	return r
}

// bench is an engine under measurement.
type bench struct {
	work   Work
	ctx    context.Context
	s      Subject
	keys   [][]byte
	values *workload.Values
	last   [][]byte // that was set, by key
	done   int64    // sets
}

func (w Work) compare(ctx context.Context, kind Kind, name string, p Parameters) (r Compared, err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := newHost()
	if err != nil {
		return r, err
	}
	r = Compared{Engine: name, Workload: kind.Name}
	if kind.budget > 0 {
		budget := max(w.Keys*(workload.KeyBytes+w.ValueBytes)/kind.budget, MinBudget)
		if KeepsBudget(name) {
			r.Budget = new(int64(budget))
		}
		p = Within(budget)
	}
	if kind.small {
		p = smallBeside(w.Updates * (workload.KeyBytes + w.ValueBytes))
	}
	b := &bench{work: w, ctx: ctx, keys: workload.Keys(w.Keys), last: make([][]byte, w.Keys)}
	if b.values, err = workload.NewValues(w.Seed, w.ValueBytes); err != nil {
		return r, errors.Join(err, h.close())
	}
	b.s, err = openSubject(name, store.Options{Dir: dir, Durability: store.None, Scheduler: h.queue}, p)
	if err != nil {
		return r, errors.Join(err, h.close())
	}
	err = b.run(kind, &r)
	e, engine := b.s.(store.Engine)
	if engine && err == nil {
		err = b.note(e, h, &r)
	}
	r.Written = b.done * int64(workload.KeyBytes+w.ValueBytes)
	if err = errors.Join(err, h.close(), b.s.Close()); err == nil && !engine {
		r.Disk, err = occupied(dir)
	}
	return r, err
}

// occupied is how many bytes the files in a directory have.
func occupied(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	return bytes, err
}

// run loads the engine and does the work.
func (b *bench) run(kind Kind, r *Compared) error {
	if err := b.load(); err != nil {
		return err
	}
	o := workload.Options{Keys: b.work.Keys, Theta: kind.theta, Reads: kind.reads, Seed: b.work.Seed}
	if kind.drifts {
		o.Drift = max(1, b.work.Updates/max(1, b.work.Keys/2))
	}
	w, err := workload.New(o)
	if err != nil {
		return err
	}
	ops := w.Draw(b.work.Updates)
	if kind.reads > 0 {
		return b.mixed(withBoth(ops), r)
	}
	took, err := b.sets(ops)
	if err != nil {
		return err
	}
	r.Sets = rate(len(ops), took)
	merges := b.merges()
	if r.P999, err = b.tail(w.Draw(max(1, b.work.Updates/tailShare))); err != nil {
		return err
	}
	r.TailMerges = since(merges, b.merges())
	if took, err = b.gets(ops); err != nil {
		return err
	}
	r.Gets = rate(len(ops), took)
	return nil
}

// withBoth are operations of which at least one reads and one sets, so that either has a rate.
func withBoth(ops []workload.Op) []workload.Op {
	for _, read := range []bool{false, true} {
		if !slices.ContainsFunc(ops, func(o workload.Op) bool { return o.Read == read }) {
			ops = append(ops, workload.Op{Key: ops[0].Key, Read: read})
		}
	}
	return ops
}

// merges are those in the background so far, nil of what is no engine.
func (b *bench) merges() *int64 {
	if e, ok := b.s.(store.Engine); ok {
		return new(e.Stats().Merges)
	}
	return nil
}

// since is how many there are more, nil where they are not counted.
func since(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	return new(*after - *before)
}

func rate(n int, took time.Duration) float64 { return float64(n) / max(took.Seconds(), 1e-9) }

// often is after how many operations the context is looked at.
const often = 512

func (b *bench) ended(i int) error {
	if i%often == 0 && b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return nil
}

// load sets every key once.
func (b *bench) load() error {
	for i := range b.keys {
		if err := b.ended(i); err != nil {
			return err
		}
		if err := b.set(i); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) set(key int) error {
	v := b.values.Next()
	b.last[key] = v
	b.done++
	return set(b.ctx, b.s, b.keys[key], v)
}

func (b *bench) get(key int) error {
	v, err := b.s.Get(b.keys[key])
	if err == nil && !bytes.Equal(v, b.last[key]) {
		err = fmt.Errorf("%w: key %q has not the value that was set last", store.ErrCorrupt, b.keys[key])
	}
	return err
}

func (b *bench) sets(ops []workload.Op) (time.Duration, error) {
	start := time.Now()
	for i, op := range ops {
		if err := b.ended(i); err != nil {
			return 0, err
		}
		if err := b.set(op.Key); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func (b *bench) gets(ops []workload.Op) (time.Duration, error) {
	start := time.Now()
	for i, op := range ops {
		if err := b.ended(i); err != nil {
			return 0, err
		}
		if err := b.get(op.Key); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// tail sets with a clock at each set, and returns the 99.9th percentile of them in
// microseconds.
func (b *bench) tail(ops []workload.Op) (float64, error) {
	took := make([]time.Duration, len(ops))
	last := time.Now()
	for i, op := range ops {
		if err := b.ended(i); err != nil {
			return 0, err
		}
		if err := b.set(op.Key); err != nil {
			return 0, err
		}
		now := time.Now()
		took[i], last = now.Sub(last), now
	}
	return p999(took), nil
}

// p999 is the 99.9th percentile in microseconds, 0 of none.
func p999(took []time.Duration) float64 {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return float64(took[min(len(took)-1, len(took)*999/1000)].Nanoseconds()) / 1e3
}

// mixed reads and sets in the order of the workload, with a clock at each.
func (b *bench) mixed(ops []workload.Op, r *Compared) error {
	var reading, setting time.Duration
	var took []time.Duration
	reads, merges := 0, b.merges()
	last := time.Now()
	for i, op := range ops {
		if err := b.ended(i); err != nil {
			return err
		}
		do := b.set
		if op.Read {
			do = b.get
		}
		if err := do(op.Key); err != nil {
			return err
		}
		now := time.Now()
		d := now.Sub(last)
		if last = now; op.Read {
			reading, reads = reading+d, reads+1
		} else {
			setting, took = setting+d, append(took, d)
		}
	}
	r.Gets, r.Sets, r.P999 = rate(reads, reading), rate(len(took), setting), p999(took)
	r.TailMerges = since(merges, b.merges())
	return nil
}

// note fills in what the engine says of itself, the disk once everything is on it and
// background work is done.
func (b *bench) note(e store.Engine, h *host, r *Compared) error {
	r.Memory = new(e.Size().Memory)
	if err := e.Sync(); err != nil {
		return err
	}
	if err := h.settle(b.ctx); err != nil {
		return err
	}
	stats := e.Stats()
	r.Disk, r.Merges, r.Merged, r.Refused = e.Size().Disk, new(stats.Merges), new(stats.MergedBytes), new(stats.Refused)
	return nil
}
