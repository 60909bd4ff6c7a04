package snapshot

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// TestMemoryIsBounded publishes and collects many times: what an archive remembers is of the
// versions that are kept, and not of all that there ever were.
func TestMemoryIsBounded(t *testing.T) {
	b, err := NewFolder("bucket", FolderOptions{FS: vfs.NewMem()})
	require.NoError(t, err)
	a := New(b)
	var at store.Ref
	for range 50 {
		at, _, err = a.Publish(store.Draft{Seen: at, Parent: at, Engine: "e", Format: 1})
		require.NoError(t, err)
		_, err = a.Collect(Retention{Last: 2})
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(a.manifests), 3)
	require.LessOrEqual(t, len(a.names), 3)
	require.Empty(t, a.uploads)
	for range 100 {
		at, _, err = a.Publish(store.Draft{Seen: at, Parent: at, Engine: "e", Format: 1})
		require.NoError(t, err)
	}
	require.Len(t, a.pages.pages, 6)
	_, err = a.Collect(Retention{Last: 20})
	require.NoError(t, err)
	require.LessOrEqual(t, len(a.pages.pages), 2)
}
