package catalog_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// stubborn fails to sync files once it is told to.
type stubborn struct {
	vfs.FS
	on bool
}

var errStubborn = errors.New("it cannot be synced")

type stubbornFile struct {
	vfs.File
	fs *stubborn
}

func (s *stubborn) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.OpenReadWrite(name, c, o...)
	if err != nil {
		return nil, err
	}
	return &stubbornFile{f, s}, nil
}

func (f *stubbornFile) Sync() error {
	if f.fs.on {
		return errStubborn
	}
	return f.File.Sync()
}

func home(t *testing.T, fs vfs.FS, a store.Archive) *catalog.Home {
	t.Helper()
	o, err := store.Options{Dir: "dir", FS: fs, Archive: a}.WithDefaults()
	require.NoError(t, err)
	h, err := catalog.OpenHome(o, "e", "log")
	require.NoError(t, err)
	return h
}

func newDisk(t *testing.T) *disk.FS {
	t.Helper()
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	return d
}

// TestCommitSyncsWhatIsLater commits a part that is written and not synced: the catalog
// names it only once it is durable.
func TestCommitSyncsWhatIsLater(t *testing.T) {
	d := newDisk(t)
	s := &stubborn{FS: d}
	h := home(t, s, nil)
	require.NoError(t, h.WritePartLater(1, "log", []byte("bytes")))
	h.Later(1, "log")
	state := h.State()
	state.Parts, state.Next = []catalog.Part{{Number: 1, Ext: "log", Length: 5}}, 2
	s.on = true
	require.ErrorIs(t, h.Commit(state), errStubborn)
	require.Empty(t, h.State().Parts)
	s.on = false
	require.NoError(t, h.Commit(state))
	require.NoError(t, h.Close())
	d.PowerCut()
	h = home(t, d, nil)
	require.Len(t, h.State().Parts, 1)
	b, err := h.ReadPart(1, "log", 10)
	require.NoError(t, err)
	require.Equal(t, "bytes", string(b))
	require.NoError(t, h.Close())
}

// TestShortFileIsRefused opens a directory where a file is shorter than the catalog says.
func TestShortFileIsRefused(t *testing.T) {
	for length := range 6 {
		d := newDisk(t)
		h := home(t, d, nil)
		require.NoError(t, h.WritePart(1, "log", []byte("bytes")[:length]))
		state := h.State()
		state.Parts, state.Next = []catalog.Part{{Number: 1, Ext: "log", Length: 5}}, 2
		require.NoError(t, h.Commit(state))
		require.NoError(t, h.Close())
		o, err := store.Options{Dir: "dir", FS: d}.WithDefaults()
		require.NoError(t, err)
		_, err = catalog.OpenHome(o, "e", "log")
		if length == 5 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, store.ErrCorrupt)
		require.ErrorContains(t, err, "the catalog knows of 5")
	}
}

// published is a home of two parts that are versions', of which the first stands for two
// segments.
func published(t *testing.T, d *disk.FS) *catalog.Home {
	t.Helper()
	f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	h := home(t, d, snapshot.New(f))
	state := h.State()
	for n := range uint64(3) {
		require.NoError(t, h.WritePart(n+1, "log", []byte{byte(n)}))
		state.Parts = append(state.Parts, catalog.Part{Number: n + 1, Ext: "log", Length: 1})
	}
	state.Next = 6
	require.NoError(t, h.Commit(state))
	_, _, err = h.Publish()
	require.NoError(t, err)
	state = h.State()
	for n := uint64(4); n <= 5; n++ {
		require.NoError(t, h.WritePart(n, "log", []byte{byte(n)}))
	}
	state.Parts = []catalog.Part{
		{Number: 4, Ext: "log", Length: 1, Remote: append(state.Parts[0].Remote, state.Parts[1].Remote...)},
		{Number: 5, Ext: "log", Length: 1, Remote: state.Parts[2].Remote},
	}
	state.Published = 2
	require.NoError(t, h.Commit(state))
	return h
}

// TestFirstVersionOfAWriter: the catalog keeps the manifest of the first version that its writer has
// published, whatever it publishes after it.
func TestFirstVersionOfAWriter(t *testing.T) {
	h := published(t, newDisk(t))
	first := h.State().Writer.First
	require.NotEmpty(t, first)
	require.Equal(t, h.State().ParentManifest, first)
	_, _, err := h.Publish()
	require.NoError(t, err)
	require.Equal(t, first, h.State().Writer.First)
	require.NotEqual(t, h.State().ParentManifest, first)
	require.NoError(t, h.Close())
}

// TestBehind asks what is to be uploaded: the first part that stands for other segments,
// that can be read, and that was not uploaded yet.
func TestBehind(t *testing.T) {
	h := published(t, newDisk(t))
	behind := func(spoiled ...bool) uint64 {
		n, ok := h.Behind(func(i int) bool { return spoiled[i] })
		require.Equal(t, n != 0, ok)
		return n
	}
	require.EqualValues(t, 4, behind(false, false))
	require.EqualValues(t, 5, behind(true, false))
	require.Zero(t, behind(true, true))
	part, ok := h.Part(4)
	require.True(t, ok)
	require.EqualValues(t, 4, part.Number)
	none, ok := h.Part(6)
	require.False(t, ok, "what became of a part that does not count is nobody's failure")
	require.Zero(t, none)
	src, err := h.Source(&part)
	require.NoError(t, err)
	require.NoError(t, h.Uploaded(4, src.Segment))
	require.EqualValues(t, 5, behind(false, false))
	require.Zero(t, behind(false, true))
	require.NoError(t, h.Close())
}

// cutting cuts the power right after the catalog has its new name.
type cutting struct {
	*disk.FS
	on bool
}

func (c *cutting) Rename(from, to string) error {
	err := c.FS.Rename(from, to)
	if c.on {
		c.PowerCut()
		return errStubborn
	}
	return err
}

// TestArrivedIsDurable cuts the power while it is noted that a part that was away is
// there: a catalog that says so survives only with the file.
func TestArrivedIsDurable(t *testing.T) {
	survived := 0
	for seed := range uint64(60) {
		d, err := disk.NewFS(disk.FSOptions{Crash: sim.Extreme, Source: choice.Seeded(seed)})
		require.NoError(t, err)
		require.NoError(t, published(t, d).Close())
		f, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
		require.NoError(t, err)
		c := &cutting{FS: d}
		o, err := store.Options{Dir: "other", FS: c, Archive: snapshot.New(f)}.WithDefaults()
		require.NoError(t, err)
		h, err := catalog.OpenHome(o, "e", "log")
		require.NoError(t, err)
		state, err := h.Fetch(store.Latest, 1, "log")
		require.NoError(t, err)
		require.NoError(t, h.Discard(state))
		for i := range state.Parts {
			state.Parts[i].Away = true
		}
		require.NoError(t, h.Restored(state))
		require.NoError(t, h.Bring(h.Parent(), state.Parts[0]))
		c.on = true
		require.ErrorIs(t, h.Arrived(state.Parts[0].Number), errStubborn)
		c.on = false
		h, err = catalog.OpenHome(o, "e", "log")
		require.NoError(t, err, "seed %d", seed)
		if !h.State().Parts[0].Away {
			survived++
		}
		require.NoError(t, h.Close())
	}
	require.Positive(t, survived)
}

// noCreate is a file system on which nothing can be made.
type noCreate struct{ vfs.FS }

func (noCreate) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return nil, errStubborn }

// TestWriteFileSaysWhy fails to make a file: that there is none to remove is not what went
// wrong.
func TestWriteFileSaysWhy(t *testing.T) {
	d := newDisk(t)
	require.NoError(t, d.MkdirAll("dir", 0o700))
	err := catalog.WriteFile(noCreate{d}, "dir", "name", "tmp", nil)
	require.ErrorIs(t, err, errStubborn)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}
