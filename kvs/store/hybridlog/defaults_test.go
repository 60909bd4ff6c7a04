package hybridlog

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
		PageBytes: 4 << 20, MutablePages: 16, ReadOnlyPages: 4, FoldPages: 16, FanIn: 8, MaxBacklog: 64, StepRecords: 256,
	}, o)
}
