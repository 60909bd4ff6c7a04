package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
)

// DumpName is the engine whose snapshots are the naive full dump: it writes, and reads,
// everything each time.
const DumpName = memory.Name

// GlobalEngines are the engines that global snapshots are measured on, the full dump first.
func GlobalEngines() []string {
	return []string{DumpName, appendlog.Name, hybridlog.Name, lsm.Name}
}

// GlobalWork is what is done with workers over engines ([github.com/joinery-go/joinery/kvs/workers]).
type GlobalWork struct {
	Dir        string
	EachKeys   []int
	ValueBytes int
	Workers    int
	Rounds     int     // of changes and a snapshot
	Fraction   float64 // of the keys that change in a round
	Recoveries int
}

// Spread is the median and the 99th percentile of durations, in seconds.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// spreadOf sorts the list, which has at least one.
func spreadOf(list []time.Duration) Spread {
	slices.Sort(list)
	return Spread{list[len(list)/2].Seconds(), list[len(list)*99/100].Seconds()}
}

// Globaled is what workers over an engine cost: the tick of one worker in which it may take
// a snapshot, the recovery of all of them once one has lost its state, and a transaction on
// one key and on three, from when it is submitted until it is executed.
type Globaled struct {
	Engine        string  `json:"engine"`
	Keys          int     `json:"keys"`
	Snapshot      Spread  `json:"snapshot_seconds"`
	Recovery      Spread  `json:"recovery_seconds"`
	One           Spread  `json:"transaction_seconds"`
	Three         Spread  `json:"transaction_of_three_seconds"`
	SnapshotBytes float64 `json:"snapshot_bytes"` // of all workers, for a round, background work included
	RecoveryBytes float64 `json:"recovery_bytes"` // read by all workers
}

// Globals measures the engines in turn, a round of each, so that they meet the same load of the
// machine, for each number of keys.
func Globals(ctx context.Context, w GlobalWork, names []string, progress Progress, each func(Globaled) error) error {
	if err := CheckNames(names, GlobalEngines()); err != nil {
		return err
	}
	total := len(w.EachKeys) * (2 + w.Rounds + w.Recoveries) * len(names)
	done := 0
	for _, keys := range w.EachKeys {
		list, err := w.globals(ctx, keys, names, func() { done++; progress(done, total) })
		if err != nil {
			return err
		}
		for _, g := range list {
			if err := each(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// running is a system of workers under measurement.
type running struct {
	*pump
	name                              string
	one, three, snapshots, recoveries []time.Duration
	in, out                           int64
	next                              int
}

func (w GlobalWork) globals(ctx context.Context, keys int, names []string, step func()) (list []Globaled, err error) {
	dir, err := os.MkdirTemp(w.Dir, "storebench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var all []*running
	defer func() {
		for _, r := range all {
			err = errors.Join(err, r.close())
		}
	}()
	for _, name := range names {
		p, err := newPump(ctx, w, keys, name, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, &running{pump: p, name: name})
	}
	for _, part := range []struct {
		times int
		do    func(*running) error
	}{
		{1, (*running).load},
		{w.Rounds, func(r *running) error { return r.change(w.Fraction) }},
		{w.Recoveries, (*running).recover},
		{1, (*running).verify},
	} {
		for turn := range part.times {
			for i := range all {
				r := all[(i+turn)%len(all)]
				if err := part.do(r); err != nil {
					return nil, fmt.Errorf("%s: %w", r.name, err)
				}
				step()
			}
		}
	}
	for _, r := range all {
		list = append(list, Globaled{
			Engine: r.name, Keys: keys, Snapshot: spreadOf(r.snapshots), Recovery: spreadOf(r.recoveries), One: spreadOf(r.one),
			Three: spreadOf(r.three), SnapshotBytes: float64(r.in) / float64(w.Rounds), RecoveryBytes: float64(r.out) / float64(w.Recoveries),
		})
	}
	return list, nil
}

// LeastGlobalKeys is how many keys there must be: some transactions are on three.
const LeastGlobalKeys = 3

// stride is prime, so that keys come in an order that visits each, but where it divides their
// number: then they come one after the other.
const stride = 7919

func (r *running) key() int {
	step := stride
	if len(r.last)%stride == 0 {
		step = 1
	}
	r.next = (r.next + step) % len(r.last)
	return r.next
}

// load sets every key.
func (r *running) load() error {
	for range 3 {
		if _, err := r.round(); err != nil {
			return err
		}
	}
	i := 0
	if err := r.putMany(len(r.last), func() int { i++; return i - 1 }); err != nil {
		return err
	}
	return r.rest()
}

// together is how many keys are set by a transaction that is not measured, and atOnce how
// many such transactions there are before all come to rest.
const together, atOnce = 32, 2000

// putMany sets n keys, by transactions on many at once.
func (r *running) putMany(n int, key func() int) error {
	for done := 0; done < n; {
		var some []int
		for len(some) < together && done < n {
			some = append(some, key())
			done++
		}
		if _, err := r.put(some...); err != nil {
			return err
		}
		if done%(together*atOnce) == 0 {
			if err := r.rest(); err != nil {
				return err
			}
		}
	}
	return nil
}

// measured is how many transactions of each kind are measured in a round, at most.
const measured = 250

// change changes a part of the keys, by transactions on one and on three as far as these are
// measured, and has the workers take a snapshot.
func (r *running) change(fraction float64) error {
	before := r.bucket.in
	n := int(fraction * float64(len(r.last)))
	pairs := min(max(1, n/4), measured)
	if err := r.putMany(max(0, n-4*pairs), r.key); err != nil {
		return err
	}
	for range pairs {
		took, err := r.put(r.key())
		if err != nil {
			return err
		}
		r.one = append(r.one, took)
		if took, err = r.put(r.key(), r.key(), r.key()); err != nil {
			return err
		}
		r.three = append(r.three, took)
	}
	ticks, err := r.round()
	if err != nil {
		return err
	}
	r.snapshots = append(r.snapshots, ticks...)
	r.in += r.bucket.in - before
	return r.rest()
}

// recover has a worker lose its state, and passes rounds until all are on a later line.
func (r *running) recover() error {
	before := r.bucket.out
	if err := r.lose(0); err != nil {
		return err
	}
	line := r.workers[1].Line()
	begin := time.Now()
	for n := 0; n == 0 || r.behind(line); n++ {
		if n > mostRounds {
			return errNoRest
		}
		if _, err := r.round(); err != nil {
			return err
		}
	}
	r.recoveries = append(r.recoveries, time.Since(begin))
	r.out += r.bucket.out - before
	return nil
}

// verify compares what keys have with what they were set to last, of a thousand of them.
func (r *running) verify() error {
	for range min(1000, len(r.last)) {
		if err := r.get(r.key()); err != nil {
			return err
		}
	}
	return nil
}

// AgainstDump is each measurement but those of the full dump in multiples of it, at the same
// number of keys; none where that was not measured.
func AgainstDump(all []Globaled) (ratios []Globaled) {
	for _, g := range all {
		at := slices.IndexFunc(all, func(d Globaled) bool { return d.Engine == DumpName && d.Keys == g.Keys })
		if at < 0 || g.Engine == DumpName {
			continue
		}
		d := all[at]
		of := func(a, b Spread) Spread { return Spread{a.P50 / b.P50, a.P99 / b.P99} }
		ratios = append(ratios, Globaled{
			Engine: g.Engine, Keys: g.Keys, Snapshot: of(g.Snapshot, d.Snapshot), Recovery: of(g.Recovery, d.Recovery), One: of(g.One, d.One),
			Three: of(g.Three, d.Three), SnapshotBytes: g.SnapshotBytes / d.SnapshotBytes, RecoveryBytes: g.RecoveryBytes / d.RecoveryBytes,
		})
	}
	return ratios
}
