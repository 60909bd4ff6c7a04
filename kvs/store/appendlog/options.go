// Package appendlog is an engine of log files and an index of all keys in memory:
// every set is appended, deletes too, and says where the value is from then on
// (Gavalas's thesis, "append-log engine"; Bitcask, 2010). A log is sealed at a
// threshold; merging in the background keeps of several what the index points at.
//
// Values are on disk, keys in memory: the engine refuses none for size, but all keys
// must fit. It does not scan: there is no order among keys.
package appendlog

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/logset"
)

// Name is the engine's name in catalogs and manifests.
const Name = "appendlog"

const fileType = 'A'

// Options are those of all engines and the log's own. Zero values stand for the
// defaults.
type Options struct {
	store.Options
	// SegmentBytes is the threshold at which a log is sealed, 32 MiB by default.
	SegmentBytes int64
	// FanIn is how many logs, or merged files of one level, are merged into one, 4 by
	// default.
	FanIn int
	// MaxBacklog is how many sealed logs may wait for a merge before a set gets
	// store.ErrBackpressure, 16 by default and more than FanIn.
	MaxBacklog int
	// BufferBytes is how much is appended in memory before it is written, where the
	// level of durability lets it, 256 KiB by default.
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
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 32 << 20
	}
	if o.FanIn == 0 {
		o.FanIn = 4
	}
	if o.MaxBacklog == 0 {
		o.MaxBacklog = 16
	}
	if o.BufferBytes == 0 {
		o.BufferBytes = 256 << 10
	}
	if o.StepRecords == 0 {
		o.StepRecords = 256
	}
	if o.BufferBytes < 1 || o.BufferBytes > 1<<30 {
		return o, fmt.Errorf("%w: BufferBytes %d, want 1 to 1 GiB", store.ErrOptions, o.BufferBytes)
	}
	set := o.set()
	return o, set.Check()
}

func (o *Options) set() logset.Options {
	return logset.Options{
		Options: o.Options, Engine: Name, Type: fileType, SegmentBytes: o.SegmentBytes, FanIn: o.FanIn,
		MaxBacklog: o.MaxBacklog, StepRecords: o.StepRecords,
	}
}
