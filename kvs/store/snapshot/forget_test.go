package snapshot

import (
	"errors"
	"fmt"
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

// TestMemoryOfReadersIsBounded reads, and branches off, each version of a writer that collects the
// ones before, in archives that publish nothing themselves, or only conflict.
func TestMemoryOfReadersIsBounded(t *testing.T) {
	for _, of := range []struct {
		name string
		read func(a *Archive) error
	}{
		{"manifests", func(a *Archive) error { _, err := a.Manifest(store.Latest); return err }},
		{"splits", func(a *Archive) error {
			if err := a.Split(store.Latest, Part{Branch: "part"}); err != nil {
				return err
			}
			return a.Drop("part")
		}},
		{"conflicts", func(a *Archive) error {
			_, _, err := a.Publish(store.Draft{Engine: "e", Format: 1, Writer: store.Writer{Number: 1}, Resumed: true})
			if !errors.Is(err, store.ErrConflict) {
				return fmt.Errorf("want a conflict, not %w", err)
			}
			return nil
		}},
	} {
		t.Run(of.name, func(t *testing.T) {
			b, err := NewFolder("bucket", FolderOptions{FS: vfs.NewMem()})
			require.NoError(t, err)
			writer, reader := New(b), New(b)
			var at store.Ref
			for range 50 {
				at, _, err = writer.Publish(store.Draft{Seen: at, Parent: at, Engine: "e", Format: 1})
				require.NoError(t, err)
				require.NoError(t, of.read(reader))
				_, err = writer.Collect(Retention{Last: 2})
				require.NoError(t, err)
			}
			require.LessOrEqual(t, len(reader.manifests), 4)
			require.LessOrEqual(t, len(reader.names), 4)
			m, err := reader.Manifest(store.Latest)
			require.NoError(t, err)
			require.Equal(t, at.Version, m.Version)
		})
	}
}

// TestVersionsAreBounded has as many versions as there may be, but one: one more can be published or
// begin a branch, and then none in any way.
func TestVersionsAreBounded(t *testing.T) {
	ways := []struct {
		name  string
		begin func(a *Archive, branch string) error
	}{
		{"publish", func(a *Archive, _ string) error {
			at, err := a.Ref(store.Latest)
			if err == nil {
				_, _, err = a.Publish(store.Draft{Seen: at, Parent: at, Engine: "e", Format: 1})
			}
			return err
		}},
		{"clone", func(a *Archive, branch string) error { return a.Clone(store.Latest, branch) }},
		{"split", func(a *Archive, branch string) error { return a.Split(store.Latest, Part{Branch: branch}) }},
		{"merge", func(a *Archive, branch string) error { return a.Merge(branch, Part{}) }},
	}
	b, err := NewFolder("bucket", FolderOptions{FS: vfs.NewMem()})
	require.NoError(t, err)
	data, err := New(b).store(&head{Epoch: 1, since: 1, line: lineOf(1, MaxVersions-2)})
	require.NoError(t, err)
	require.NoError(t, b.SwapHead("", data))
	require.NoError(t, ways[0].begin(New(b), ""), "of which there is a manifest")
	data, _, err = b.Head()
	require.NoError(t, err)
	for _, way := range ways[:2] {
		t.Run(way.name, func(t *testing.T) {
			_, tag, err := b.Head()
			require.NoError(t, err)
			require.NoError(t, b.SwapHead(tag, data))
			a := New(b)
			require.NoError(t, way.begin(a, "first"))
			for _, more := range ways {
				require.ErrorIs(t, more.begin(a, "second"), store.ErrTooMany, more.name)
			}
			h, _, err := a.head()
			require.NoError(t, err)
			require.Equal(t, MaxVersions, h.versions())
		})
	}
}
