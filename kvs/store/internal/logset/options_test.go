package logset

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// TestOptionsAreChecked takes each option at its bounds, and one beyond.
func TestOptionsAreChecked(t *testing.T) {
	right := Options{SegmentBytes: 4096, FanIn: 4, MaxBacklog: 16, StepRecords: 256}
	require.NoError(t, right.Check())
	for name, c := range map[string]struct {
		set         func(o *Options, v int64)
		least, most int64
	}{
		"segment bytes": {func(o *Options, v int64) { o.SegmentBytes = v }, 1024, 1 << 38},
		"fan-in":        {func(o *Options, v int64) { o.FanIn, o.MaxBacklog = int(v), max(int(v)+1, 16) }, 2, 1024},
		"backlog":       {func(o *Options, v int64) { o.MaxBacklog = int(v) }, 5, catalog.MaxParts / 2},
		"step records":  {func(o *Options, v int64) { o.StepRecords = int(v) }, 1, 1 << 40},
	} {
		for v, ok := range map[int64]bool{c.least - 1: false, c.least: true, c.most: true, c.most + 1: name == "step records"} {
			o := right
			c.set(&o, v)
			if err := o.Check(); ok {
				require.NoError(t, err, "%s %d", name, v)
			} else {
				require.ErrorIs(t, err, store.ErrOptions, "%s %d", name, v)
			}
		}
	}
}
