// Package lsm is the log-structured merge-tree engine: a sorted table in memory under
// a write-ahead log, which is written as a sorted run when it is full; of the runs,
// several of one level are merged into one of the next (Gavalas's thesis, "LSM
// engine"; O'Neil et al., 1996; tiering as in Dayan et al., SIGMOD'17).
//
//	set ─► write-ahead log, table in memory
//	         └─ full ─► run of level 0 ─┬─ MaxRunsPerLevel ─► run of level 1 ─► …
//	get ─► table ─► runs, the youngest first: Bloom filter, fence pointers, one block
//
// The write-ahead log is a file of batches, each what was written at once, under one checksum. A
// crash that tears one takes all of it, which no sync had promised.
//
// A run is a file of records in the order of their keys, none twice. Its fence
// pointers, a key every DensityFactor records or 32 KiB, and its filter lie beside it and can be
// made again from it. A tombstone goes only in a merge that begins with the oldest run:
// elsewhere an older run may still hold the key.
//
// Opened lazily, a run of a version is read in the archive until the background has
// fetched it, by an index that goes there with every run over 64 KiB: a tree of fence
// pointers, of which a get reads a block a level, and then the records between two
// fences. There is no filter in it, so a get looks into every run that may have the key.
//
// Of a run that the disk has spoiled nobody knows which keys it had, but how many, and what
// their hashes add up to. Until it is part of a version Snapshot then fails, and names it,
// unless younger runs have set all those keys again, which is told by number and sum: set all
// keys anew, or restore a version. Where more than two other keys look as if the run had had
// them, as many keys set between two of its own may, nobody can tell, and Snapshot fails still.
//
// Neither values nor keys need fit in memory: fences and filters do. Writing the table
// out is done by the set that fills it, merging in the background.
package lsm

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Name is the engine's name in catalogs and manifests.
const Name = "lsm"

// Options are those of all engines and the tree's own. Zero values stand for the
// defaults.
type Options struct {
	store.Options
	// MemtableBytes is how many bytes of keys and values the table in memory takes
	// before it is written as a run, 4 MiB by default. It is written too once its
	// write-ahead log has four times as many, which bounds the log and reading it where
	// few keys are set again and again.
	MemtableBytes int
	// MaxRunsPerLevel is how many runs of a level are merged into one of the next, 4 by
	// default.
	MaxRunsPerLevel int
	// DensityFactor is how many records there are to a fence pointer at most, 16 by
	// default: fewer cost memory, more cost reading. Records of 32 KiB together have one
	// in any case.
	DensityFactor int
	// BitsPerKey is the size of the Bloom filters, 10 by default, at which one of a
	// hundred runs without a key is read in vain.
	BitsPerKey int
	// MaxBacklog is how many runs of level 0 may wait for a merge before a set that
	// fills the table gets store.ErrBackpressure, 16 by default and more than
	// MaxRunsPerLevel.
	MaxBacklog int
	// BufferBytes is how much of the write-ahead log is kept in memory before it is
	// written as a batch, where the level of durability lets it, 64 KiB by default.
	BufferBytes int
	// StepRecords is how many records a step of background work looks at, 256 by
	// default.
	StepRecords int
}

func (o Options) withDefaults() (Options, error) {
	var err error
	if o.Options, err = o.Options.WithDefaults(); err != nil {
		return o, err
	}
	for _, d := range []struct {
		name            string
		field           *int
		value, min, max int
	}{
		{"MemtableBytes", &o.MemtableBytes, 4 << 20, 256, 1 << 30},
		{"MaxRunsPerLevel", &o.MaxRunsPerLevel, 4, 2, 1024},
		{"DensityFactor", &o.DensityFactor, 16, 1, 1 << 16},
		{"BitsPerKey", &o.BitsPerKey, 10, 1, 64},
		{"MaxBacklog", &o.MaxBacklog, 16, 3, catalog.MaxParts / 2},
		{"BufferBytes", &o.BufferBytes, 64 << 10, 1, 1 << 30},
		{"StepRecords", &o.StepRecords, 256, 1, 1 << 30},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
		if *d.field < d.min || *d.field > d.max {
			return o, fmt.Errorf("%w: %s %d, want %d to %d", store.ErrOptions, d.name, *d.field, d.min, d.max)
		}
	}
	if o.MaxBacklog <= o.MaxRunsPerLevel {
		return o, fmt.Errorf("%w: MaxBacklog %d, want more than MaxRunsPerLevel %d", store.ErrOptions, o.MaxBacklog, o.MaxRunsPerLevel)
	}
	return o, nil
}
