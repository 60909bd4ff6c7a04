// Package engines opens the storage engines of kvs/store by name, for rooms of the
// simulator that run them on a file system of package sim/disk. It refuses
// kvs/store/pebble, which starts goroutines of its own, so that a run would not repeat.
package engines

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/appendlog"
	"github.com/joinery-go/joinery/kvs/store/hybridlog"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/memory"
)

// Errors of this package, for errors.Is.
var (
	ErrEngine = errors.New("no such engine")
	ErrBytes  = errors.New("invalid size of an engine's files")
)

// The least and the most that an engine can be told to have in a file.
const (
	MinBytes = 1 << 10
	MaxBytes = 1 << 30
)

// opens has how to open an engine, with files of so many bytes, and so that few of them may
// wait for a merge.
var opens = map[string]func(o store.Options, bytes int, few bool) (store.Engine, error){
	"appendlog": func(o store.Options, bytes int, few bool) (store.Engine, error) {
		p := appendlog.Options{Options: o}
		if bytes > 0 {
			p.SegmentBytes, p.BufferBytes, p.FanIn, p.MaxBacklog = int64(bytes), bytes/4, 2, 64
		}
		if few {
			p.FanIn, p.MaxBacklog = 2, 3
		}
		return opened(appendlog.Open(p))
	},
	"hybridlog": func(o store.Options, bytes int, few bool) (store.Engine, error) {
		p := hybridlog.Options{Options: o}
		if bytes > 0 {
			p.PageBytes, p.MutablePages, p.ReadOnlyPages, p.FoldPages, p.FanIn = bytes, 2, 1, 2, 2
		}
		if few {
			p.MutablePages, p.ReadOnlyPages, p.FoldPages, p.FanIn, p.MaxBacklog = 1, 1, 1, 2, 3
		}
		return opened(hybridlog.Open(p))
	},
	"lsm": func(o store.Options, bytes int, few bool) (store.Engine, error) {
		p := lsm.Options{Options: o}
		if bytes > 0 {
			p.MemtableBytes, p.BufferBytes, p.MaxRunsPerLevel, p.DensityFactor = bytes, bytes/4, 2, 2
		}
		if few {
			p.MaxRunsPerLevel, p.MaxBacklog = 2, 3
		}
		return opened(lsm.Open(p))
	},
	"memory": func(o store.Options, _ int, _ bool) (store.Engine, error) {
		return opened(memory.Open(memory.Options{Options: o}))
	},
}

// opened keeps a failed Open from being an engine that is a nil pointer.
func opened[E store.Engine](e E, err error) (store.Engine, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Names lists the engines, sorted.
func Names() []string { return slices.Sorted(maps.Keys(opens)) }

// Check says whether there is an engine of that name, and it can be told so many bytes. It
// wraps [ErrEngine] or [ErrBytes].
func Check(name string, bytes int) error {
	switch {
	case opens[name] == nil:
		return fmt.Errorf("%w: %q: choose one of %s", ErrEngine, name, strings.Join(Names(), ", "))
	case bytes != 0 && (bytes < MinBytes || bytes > MaxBytes):
		return fmt.Errorf("%w: %d, want 0 or %d to %d", ErrBytes, bytes, MinBytes, MaxBytes)
	}
	return nil
}

// Open opens the engine of a name. With bytes, which may be 0 for the engine's defaults,
// files have about so many, and few of them are merged, so that a short run sees all that
// an engine does: a file of a log-structured engine is a log of so many bytes, a page, or
// what a table in memory has before it is written; memory writes all of it each time.
func Open(name string, o store.Options, bytes int) (store.Engine, error) {
	return open(name, o, bytes, false)
}

// OpenBehind is [Open] of an engine that refuses what is set (store.ErrBackpressure) as soon
// as three files wait for a merge, so that one comes to that whose scheduler is slow.
func OpenBehind(name string, o store.Options, bytes int) (store.Engine, error) {
	return open(name, o, bytes, true)
}

func open(name string, o store.Options, bytes int, few bool) (store.Engine, error) {
	if err := Check(name, bytes); err != nil {
		return nil, err
	}
	return opens[name](o, bytes, few)
}
