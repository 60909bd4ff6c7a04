// Package pebble is the contract of kvs/store on cockroachdb/pebble: the yardstick of
// the other engines, and the one to take where no reason speaks for another.
//
//	LOCK              held while the directory is open
//	CATALOG           which of the directories below counts, and which version it came from
//	NNNNNNNN.pebble   a directory of Pebble's own
//	NNNNNNNN.changed  a mark that it holds more than the version it came from
//
// A version consists of Pebble's sorted tables, each a segment, and of one more segment
// with the rest of a checkpoint: which table has which name, and the small files. A
// table that the archive has is not uploaded again, but one that a compaction wrote
// anew is: so the bytes on a snapshot's critical path are those changed, and what
// compactions rewrote since. The bounds of the other engines on them do not hold here.
//
// Pebble starts goroutines of its own and merges on them: Options.Scheduler is not
// used, no set gets store.ErrBackpressure (one waits where Pebble makes it wait), and
// two runs on one simulated disk differ in their file operations. Pebble cannot go on
// when its log cannot be written or synced, and would end the process: it is not told, the
// disk stays as it was then, and the engine takes no more, with store.ErrFailed and what the
// disk said (see guard). A set that was not synced is told of it by the next operation, if
// Pebble wrote it later. A table that the disk has spoiled is store.ErrCorrupt to who reads it,
// and fails the engine once a compaction meets it. What the disk has spoiled of the last log is
// told from a torn tail, but for more than one bit of what was written with the last two syncs:
// of those no log says that they were. Pebble counts on names that become durable in the order
// in which they were made; the engine sees to it that they do where that matters (see guard).
// A directory without any log is refused, one that lacks its newest of several is not told from
// one that never had it. Keys are not counted.
package pebble

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"

	"github.com/joinery-go/joinery/kvs/store"
)

// Name is the engine's name in catalogs and manifests.
const Name = "pebble"

// Options are those of all engines and some of Pebble's. Zero values stand for the
// defaults.
type Options struct {
	store.Options
	// MemtableBytes is how much is set before a table is written, 4 MiB by default.
	MemtableBytes int
	// CacheBytes is the size of the cache of blocks, 8 MiB by default.
	CacheBytes int64
}

func (o Options) withDefaults() (Options, error) {
	var err error
	if o.Options, err = o.Options.WithDefaults(); err != nil {
		return o, err
	}
	if o.MemtableBytes == 0 {
		o.MemtableBytes = 4 << 20
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 8 << 20
	}
	if o.MemtableBytes < 4<<10 || o.MemtableBytes > 1<<30 {
		return o, fmt.Errorf("%w: MemtableBytes %d, want 4 KiB to 1 GiB", store.ErrOptions, o.MemtableBytes)
	}
	if o.CacheBytes < 0 || o.CacheBytes > 1<<40 {
		return o, fmt.Errorf("%w: CacheBytes %d, want at most 1 TiB", store.ErrOptions, o.CacheBytes)
	}
	return o, nil
}

// logger passes over what Pebble reports and stops where Pebble cannot go on: what it holds in
// memory contradicts itself.
type logger struct{}

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf must not return, by Pebble's contract.
func (logger) Fatalf(format string, args ...any) {
	panic("pebble cannot go on: " + fmt.Sprintf(format, args...))
}

// listener keeps Pebble, which else would end the process, going where a table is not what was
// written: who reads it is told by the error. A compaction that meets one would be tried again
// and again, and sets wait for it in the end, without an end: so that fails the disk.
func listener(g *guard) *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(pebble.DataCorruptionInfo) {},
		BackgroundError: func(err error) {
			if pebble.IsCorruptionError(err) {
				g.fail(named(err))
			}
		},
	}
}

// named is an error of Pebble's that wraps what of the contract it is of.
func named(err error) error {
	switch {
	case errors.Is(err, store.ErrCorrupt):
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", store.ErrMissing, err)
	}
	return err
}

// openDB opens Pebble's directory, whose disk the guard watches, and makes it if it is missing.
func (o *Options) openDB(dir string) (*pebble.DB, *guard, error) {
	if _, err := o.FS.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		// The first log of a new database does not say what of it was synced; the next one does.
		db, _, err := o.open(dir)
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if err := checkLog(o.FS, dir); err != nil {
		return nil, nil, err
	}
	return o.open(dir)
}

func (o *Options) open(dir string) (*pebble.DB, *guard, error) {
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref() // the database holds it too
	g := newGuard(o.FS, dir)
	db, err := pebble.Open(dir, &pebble.Options{
		FS: g, Logger: logger{}, MemTableSize: uint64(o.MemtableBytes), Cache: cache,
		FormatMajorVersion: pebble.FormatWALSyncChunks, EventListener: listener(g),
	})
	if failed := g.failed(); failed != nil {
		if err == nil {
			failed = errors.Join(failed, db.Close())
		}
		return nil, nil, failed
	}
	return db, g, named(err)
}
