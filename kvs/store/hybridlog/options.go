// Package hybridlog is an engine whose log begins in memory: the youngest records are
// updated in place there, those before them are in memory too but only read, and the
// rest is on disk (Gavalas's thesis, "hybrid-log engine"; FASTER, SIGMOD'18,
// sections 5 and 6).
//
//	older ─────────────────────────────────────────────► younger
//	│ merged files │ log files         │ read-only │ mutable │ tail
//	└──── on disk ─────────────────────┴──── in memory ─────┘
//
// A page of memory is the image of a log file, so a record has one address, wherever
// it is: the file and the offset there. The index maps keys to addresses, and no
// second map is needed. An update of a record outside the mutable pages, or of
// another length, appends.
//
// An update in place is out of order in the log, so what is on disk is no state that
// the engine had until all that is in memory has followed and a commit record behind
// it: the log is folded over. Recovery goes back to the last commit record. Folding is
// what Sync, Snapshot and Close do, what a group or a single write costs at those
// levels of durability, and what happens at the latest after FoldPages pages. Then its
// files are sealed, too.
//
// All keys must fit in memory. There is no order among keys.
package hybridlog

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Name is the engine's name in catalogs and manifests.
const Name = "hybridlog"

const fileType = 'H'

// Options are those of all engines and the log's own. Zero values stand for the
// defaults. A record that is longer than a page has a page of its own.
type Options struct {
	store.Options
	// PageBytes is the length of a page, and of a log file, 4 MiB by default.
	PageBytes int
	// MutablePages is how many pages are updated in place, 16 by default.
	MutablePages int
	// ReadOnlyPages is how many more are kept in memory to be read, 4 by default.
	ReadOnlyPages int
	// FoldPages is after how many pages written, beyond MutablePages, the log is folded
	// over and its files are sealed, so that they can be merged, 16 by default. A Sync, or
	// a level of durability that folds it over more often, seals nothing.
	FoldPages int
	// FanIn is how many log files, or merged files of one level, are merged into one, 8
	// by default.
	FanIn int
	// MaxBacklog is how many log files may wait for a merge before a set that needs a
	// page gets store.ErrBackpressure, 64 by default; folding over adds up to
	// MutablePages and FoldPages more at once, and it must be more than those and FanIn.
	MaxBacklog int
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
		field *int
		value int
	}{
		{&o.PageBytes, 4 << 20}, {&o.MutablePages, 16}, {&o.ReadOnlyPages, 4}, {&o.FoldPages, 16}, {&o.FanIn, 8},
		{&o.MaxBacklog, 64}, {&o.StepRecords, 256},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	switch {
	case o.MutablePages < 1 || o.ReadOnlyPages < 1 || o.FoldPages < 1 || o.MutablePages+o.ReadOnlyPages+o.FoldPages > 1<<14:
		return o, fmt.Errorf("%w: MutablePages %d, ReadOnlyPages %d, FoldPages %d: want at least 1 each and %d together at most",
			store.ErrOptions, o.MutablePages, o.ReadOnlyPages, o.FoldPages, 1<<14)
	case o.MaxBacklog <= o.MutablePages+o.FoldPages:
		return o, fmt.Errorf("%w: MaxBacklog %d, want more than MutablePages and FoldPages, %d", store.ErrOptions,
			o.MaxBacklog, o.MutablePages+o.FoldPages)
	case o.PageBytes < 1024 || o.PageBytes > 1<<30:
		return o, fmt.Errorf("%w: PageBytes %d, want 1 KiB to 1 GiB", store.ErrOptions, o.PageBytes)
	}
	set := o.set()
	return o, set.Check()
}

func (o *Options) set() logset.Options {
	return logset.Options{
		Options: o.Options, Engine: Name, Type: fileType, SegmentBytes: int64(o.PageBytes), FanIn: o.FanIn,
		MaxBacklog: o.MaxBacklog, StepRecords: o.StepRecords, Batched: true, Kept: true,
	}
}

// reserve is the room that each page keeps for a commit record.
const reserve = record.MinBytes + 8
