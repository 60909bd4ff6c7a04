// Package measure measures the storage engines: rates and tails of sets and gets,
// what snapshots, restores and recovery cost, and what an engine's parameters do, on
// workloads after YCSB (Cooper et al., SoCC'10), side by side with Pebble and a Go map, and
// what global snapshots of workers over engines cost.
//
// A measurement gives its results to the caller one by one, as they come, and ends soon
// after its context: what was given until then stands. Values that are read back are
// compared with those that were set, so a figure is never that of an engine that lost
// something. The package prints nothing.
package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
	"github.com/joinery-go/joinery/kvs/store/pebble"
	"github.com/joinery-go/joinery/kvs/store/yardstick"
)

// The names of what engines are measured against and what is none itself: the Go map, and
// Pebble with its default options and nothing around it.
const (
	MapName         = "map"
	PebbleAloneName = "pebble-alone"
)

// Engines are the names of all engines, in the order in which they are listed.
func Engines() []string {
	return []string{memory.Name, appendlog.Name, hybridlog.Name, lsm.Name, pebble.Name}
}

// Names are the names of what Compare can measure: all engines, the map, and Pebble alone.
func Names() []string { return append(Engines(), MapName, PebbleAloneName) }

// Among are those of the names that are known, in their order.
func Among(names, known []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(known, n) })
}

// KeepsBudget reports that what has the name can be held to a budget of memory ([Within]).
func KeepsBudget(name string) bool {
	return slices.Contains([]string{appendlog.Name, hybridlog.Name, lsm.Name, pebble.Name}, name)
}

// Subject is what is measured.
type Subject interface {
	Set(key, value []byte) error
	Get(key []byte) ([]byte, error)
	Close() error
}

// Parameters are those of the thesis. Zero stands for an engine's default; an engine
// passes over those that it does not have.
type Parameters struct {
	FanIn         int   // max runs a level
	DensityFactor int   // records a fence pointer
	MemtableBytes int   // LSM tree and Pebble
	PageBytes     int   // hybrid log
	MutablePages  int   // hybrid log
	ReadOnlyPages int   // hybrid log
	FoldPages     int   // hybrid log: the flush interval
	BufferBytes   int   // append log and the LSM tree's log
	SegmentBytes  int64 // append log: the threshold
	CacheBytes    int64 // Pebble
}

// Within are parameters with which values, write buffers and caches take at most
// budget bytes of memory, what an index takes aside. The least that is possible is
// [MinBudget].
func Within(budget int) Parameters {
	page := max(budget/8, 1024)
	return Parameters{
		MemtableBytes: max(budget/4, 4<<10), BufferBytes: max(budget/8, 1024), CacheBytes: int64(budget / 4),
		PageBytes: page, MutablePages: 4, ReadOnlyPages: 1, FoldPages: 4,
	}
}

// MinBudget is the least budget that [Within] can keep.
const MinBudget = 64 << 10

// ErrName reports a name that is none of [Names], or no engine where one is needed.
var ErrName = errors.New("no such engine")

// Open opens an engine by its name.
func Open(name string, o store.Options, p Parameters) (store.Engine, error) {
	switch name {
	case memory.Name:
		return memory.Open(memory.Options{Options: o})
	case appendlog.Name:
		return appendlog.Open(appendlog.Options{
			Options: o, SegmentBytes: p.SegmentBytes, FanIn: p.FanIn, BufferBytes: p.BufferBytes, MaxBacklog: backlog(p.FanIn, 16),
		})
	case hybridlog.Name:
		return hybridlog.Open(hybridlog.Options{
			Options: o, PageBytes: p.PageBytes, MutablePages: p.MutablePages, ReadOnlyPages: p.ReadOnlyPages, FoldPages: p.FoldPages,
			FanIn: p.FanIn, MaxBacklog: backlog(max(p.FanIn, p.MutablePages+p.FoldPages), 64),
		})
	case lsm.Name:
		return lsm.Open(lsm.Options{
			Options: o, MemtableBytes: p.MemtableBytes, MaxRunsPerLevel: p.FanIn, DensityFactor: p.DensityFactor,
			BufferBytes: p.BufferBytes, MaxBacklog: backlog(p.FanIn, 16),
		})
	case pebble.Name:
		return pebble.Open(pebble.Options{Options: o, MemtableBytes: p.MemtableBytes, CacheBytes: p.CacheBytes})
	}
	return nil, fmt.Errorf("%w: %q", ErrName, name)
}

// backlog is a bound on files that wait for a merge which n of them do not reach.
func backlog(n, least int) int { return max(4*n, least) }

// openSubject opens an engine, or what engines are measured against, which has no parameters.
func openSubject(name string, o store.Options, p Parameters) (Subject, error) {
	switch name {
	case MapName:
		return yardstick.NewMap()
	case PebbleAloneName:
		return yardstick.OpenPebble(o.Dir)
	}
	return Open(name, o, p)
}

// host runs the background work of an engine on a goroutine of its own, as a server
// does.
type host struct {
	queue *store.Queue
	stop  chan struct{}
	over  sync.WaitGroup
	turn  sync.Mutex // held while a step runs
	err   error      // what steps failed with, first
}

// idle is how long the host sleeps when there is nothing to do.
const idle = 100 * time.Microsecond

func newHost() (*host, error) {
	q, err := store.NewQueue(4)
	if err != nil {
		return nil, err
	}
	h := &host{queue: q, stop: make(chan struct{})}
	h.over.Go(func() {
		for {
			select {
			case <-h.stop:
				return
			default:
			}
			if !h.step() {
				time.Sleep(idle)
			}
		}
	})
	return h, nil
}

// step runs one step if there is one.
func (h *host) step() bool {
	h.turn.Lock()
	defer h.turn.Unlock()
	ran, err := h.queue.Step()
	if h.err == nil {
		h.err = err
	}
	return ran
}

// settle waits until no background work is left.
func (h *host) settle(ctx context.Context) error {
	for h.step() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	return h.err
}

// close stops the goroutine, and returns what background work failed with.
func (h *host) close() error {
	close(h.stop)
	h.over.Wait()
	return h.err
}

// retry is how long a set that got ErrBackpressure waits before it is tried again.
const retry = 50 * time.Microsecond

// set sets, waiting for background work where that is behind.
func set(ctx context.Context, s Subject, key, value []byte) error {
	for {
		err := s.Set(key, value)
		if !errors.Is(err, store.ErrBackpressure) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		time.Sleep(retry)
	}
}

// CheckNames refuses names that are not known.
func CheckNames(names []string, known []string) error {
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("%w: %q", ErrName, n)
		}
	}
	return nil
}
