package lsm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// TestDefaults holds what zero values stand for against what is said of them.
func TestDefaults(t *testing.T) {
	o, err := Options{Options: store.Options{Dir: "dir"}}.withDefaults()
	require.NoError(t, err)
	o.Options = store.Options{}
	require.Equal(t, Options{
		MemtableBytes: 4 << 20, MaxRunsPerLevel: 4, DensityFactor: 16, BitsPerKey: 10, MaxBacklog: 16, BufferBytes: 64 << 10,
		StepRecords: 256,
	}, o)
}
