package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim/disk"
)

// TestDamage runs an engine on inputs and disks that are not as they should be: each
// must give an error of the package store, and nothing promised may be lost.
func TestDamage(t *testing.T, e Engine) {
	lessOften(t)
	tests := map[string]func(*testing.T, Engine){
		"limits": testLimits, "closed": testClosed, "locked": testLocked, "foreign": testForeign,
		"format": testFormat, "flipped in the bucket": testFlippedBucket, "missing segment": testMissingSegment,
		"format of a version": testVersionFormat, "read only": testReadOnly, "remote": testRemote,
		"bucket fails": testBucketFails, "no archive": testNoArchive, "options": testOptions, "private": testPrivate,
		"durability": testDurability, "stats": testStats, "flipped": testFlipped, "missing": testMissing, "full": testFull,
		"handles": testHandles,
	}
	if !e.Clones { // another's merging is not told to wait for a snapshot
		tests["overwritten"] = testOverwritten
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, e) })
	}
}

// Files is the content of a file system's files by path.
type Files map[string][]byte

// ReadFiles reads all files below the directories.
func ReadFiles(fsys vfs.FS, dirs ...string) (Files, error) {
	files := Files{}
	for _, dir := range dirs {
		names, err := fsys.List(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			p := path.Join(dir, name)
			info, err := fsys.Stat(p)
			if err != nil {
				return nil, err
			}
			if info.IsDir() {
				below, err := ReadFiles(fsys, p)
				if err != nil {
					return nil, err
				}
				maps.Copy(files, below)
				continue
			}
			f, err := fsys.Open(p)
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				return nil, err
			}
			files[p] = b
		}
	}
	return files, nil
}

// Disk is a file system that holds the files, durably.
func (fl Files) Disk(o disk.FSOptions) (*disk.FS, error) {
	d, err := disk.NewFS(o)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Sorted(maps.Keys(fl)) {
		if err := d.MkdirAll(path.Dir(p), 0o700); err != nil {
			return nil, err
		}
		f, err := d.Create(p, vfs.WriteCategoryUnspecified)
		if err == nil {
			_, err = f.Write(fl[p])
		}
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return nil, err
		}
	}
	dirs := map[string]bool{}
	for p := range fl {
		dirs[path.Dir(p)] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		h, err := d.OpenDir(dir)
		if err := errors.Join(err, h.Sync(), h.Close()); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func mustDisk(t *testing.T, fl Files) *disk.FS {
	t.Helper()
	d, err := fl.Disk(disk.FSOptions{})
	require.NoError(t, err)
	return d
}

// rig is an engine on a disk with an archive.
type rig struct {
	store.Engine
	disk    vfs.FS
	archive *snapshot.Archive
	opts    store.Options
}

func mustFolder(t *testing.T, d vfs.FS) *snapshot.Folder {
	t.Helper()
	b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d})
	require.NoError(t, err)
	return b
}

func (e Engine) strongest() store.Durability { return e.Durabilities[len(e.Durabilities)-1] }

func openOn(t *testing.T, e Engine, d vfs.FS, change func(*store.Options)) (*rig, error) {
	t.Helper()
	a := snapshot.New(mustFolder(t, d))
	o := store.Options{Dir: "dir", FS: d, Archive: a, Durability: e.strongest(), GroupWrites: Group}
	if change != nil {
		change(&o)
	}
	en, err := e.Open(o)
	return &rig{en, d, a, o}, err
}

func mustOpen(t *testing.T, e Engine, d vfs.FS) *rig {
	t.Helper()
	r, err := openOn(t, e, d, nil)
	require.NoError(t, err)
	return r
}

func newDisk(t *testing.T) *disk.FS {
	t.Helper()
	d, err := disk.NewFS(disk.FSOptions{})
	require.NoError(t, err)
	return d
}

// fill does a workload of some hundred operations with two versions, and returns
// what the engine then holds.
func fill(t *testing.T, r *rig, seed uint64) state {
	t.Helper()
	s := state{}
	for i, o := range Draw(choice.Seeded(seed), 250, false) {
		switch o.Kind {
		case Set, Delete:
			v := ""
			if o.Kind == Set {
				v = value(o.Serial, o.Length)
			}
			s = s.with(keys[o.Key], v)
			require.NoError(t, r.Set([]byte(keys[o.Key]), []byte(v)))
		}
		if i == 100 || i == 180 {
			_, err := r.Snapshot()
			require.NoError(t, err)
		}
	}
	return s
}

func contents(r store.Engine) (state, error) { return (&run{engine: r}).read() }

func holds(t *testing.T, r store.Engine, want state) {
	t.Helper()
	got, err := contents(r)
	require.NoError(t, err)
	require.Equal(t, show(want), show(got))
	require.True(t, maps.Equal(want, got))
}

func testLimits(t *testing.T, e Engine) {
	d := newDisk(t)
	r, err := openOn(t, e, d, func(o *store.Options) { o.MaxKeyBytes, o.MaxValueBytes = 300, 6000 })
	require.NoError(t, err)
	long, big := bytes.Repeat([]byte("k"), 300), bytes.Repeat([]byte("v"), 6000)
	require.NoError(t, r.Set(long, big))
	for _, key := range [][]byte{nil, {}, append(long, 'k')} {
		require.ErrorIs(t, r.Set(key, []byte("v")), store.ErrKey)
		_, err := r.Get(key)
		require.ErrorIs(t, err, store.ErrKey)
	}
	require.ErrorIs(t, r.Set([]byte("k"), append(big, 'v')), store.ErrValue)
	v, err := r.Get([]byte("k"))
	require.NoError(t, err)
	require.Nil(t, v)
	require.NoError(t, r.Close())
	r = mustOpen(t, e, d)
	v, err = r.Get(long)
	require.NoError(t, err)
	require.Equal(t, big, v)
	v[0], long[0] = 'x', 'x' // what was returned and passed in is not kept
	v, err = r.Get(bytes.Repeat([]byte("k"), 300))
	require.NoError(t, err)
	require.Equal(t, big, v)
	require.NoError(t, r.Close())
}

func testClosed(t *testing.T, e Engine) {
	r := mustOpen(t, e, newDisk(t))
	require.NoError(t, r.Set([]byte("k"), []byte("v")))
	require.NoError(t, r.Close())
	_, err := r.Get([]byte("k"))
	assert.ErrorIs(t, err, store.ErrClosed)
	assert.ErrorIs(t, r.Set([]byte("k"), nil), store.ErrClosed)
	assert.ErrorIs(t, r.Sync(), store.ErrClosed)
	_, err = r.Snapshot()
	assert.ErrorIs(t, err, store.ErrClosed)
	assert.ErrorIs(t, r.Restore(store.Latest), store.ErrClosed)
	assert.ErrorIs(t, r.Close(), store.ErrClosed)
	r.Stats()
	r.Size()
}

func testLocked(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	require.NoError(t, r.Set([]byte("k"), []byte("v")))
	_, err := openOn(t, e, d, nil)
	require.ErrorIs(t, err, store.ErrLocked)
	require.NoError(t, r.Close())
	r = mustOpen(t, e, d)
	holds(t, r, state{"k": "v"}.only())
	require.NoError(t, r.Close())
}

// only drops keys that the suite does not read.
func (s state) only() state {
	t := state{}
	for _, k := range keys {
		if v, ok := s[k]; ok {
			t[k] = v
		}
	}
	return t
}

func testForeign(t *testing.T, e Engine) {
	for _, name := range []string{"notes.txt", "00000001.txt", "CATALOG.old"} {
		d := mustDisk(t, Files{"dir/" + name: []byte("of somebody")})
		_, err := openOn(t, e, d, nil)
		require.ErrorIs(t, err, store.ErrForeign)
		require.ErrorContains(t, err, name)
		files, err := ReadFiles(d, "dir")
		require.NoError(t, err)
		require.Equal(t, Files{"dir/" + name: []byte("of somebody")}, files, "nothing was touched")
	}
	d := mustDisk(t, Files{"dir/.hidden": []byte("of the desktop")})
	r := mustOpen(t, e, d)
	s := fill(t, r, 3)
	require.NoError(t, r.Close())
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	require.Contains(t, files, "dir/.hidden")
	files["dir/stranger"] = nil
	_, err = openOn(t, e, mustDisk(t, files), nil)
	require.ErrorIs(t, err, store.ErrForeign)
	delete(files, "dir/stranger")
	other := bytes.Replace(files["dir/CATALOG"], []byte(`"`+e.Name+`"`), []byte(`"another"`), 1)
	files["dir/CATALOG"] = resealed(t, other)
	_, err = openOn(t, e, mustDisk(t, files), nil)
	require.ErrorIs(t, err, store.ErrForeign)
	r = mustOpen(t, e, d)
	holds(t, r, s)
	require.NoError(t, r.Close())
}

func testMissing(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	s := fill(t, r, 5)
	require.NoError(t, r.Close())
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	refused := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if e.Clones && strings.HasSuffix(name, ".log") {
			continue // one of several of another's logs may be needed no more
		}
		less := maps.Clone(files)
		delete(less, name)
		r, err := openOn(t, e, mustDisk(t, less), nil)
		if err != nil {
			refused++
			require.True(t, named(err), "%s: %v", name, err)
			continue
		}
		if name == "bucket/HEAD" { // an archive without versions; the engine goes on without them
			require.NoError(t, r.Close())
			continue
		}
		holds(t, r, s)
		if err := r.Restore(1); err != nil {
			require.True(t, named(err), "%s: %v", name, err)
			holds(t, r, s)
		}
		require.NoError(t, r.Close())
	}
	require.Positive(t, refused)
}

// named reports an error that says what is wrong with the files.
func named(err error) bool {
	return damage(err) || errors.Is(err, store.ErrVersion)
}

func testFull(t *testing.T, e Engine) {
	for limit := int64(2000); limit < 60000; limit = limit*5/4 + 97 {
		d, err := disk.NewFS(disk.FSOptions{MaxBytes: limit})
		require.NoError(t, err)
		r, err := openOn(t, e, d, nil)
		if err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			continue
		}
		m := newModel(e.strongest(), Group)
		var full error
		for i := 0; full == nil && i < 4000; i++ {
			key, v := keys[i%Written], value(i, 200)
			if full = r.Set([]byte(key), []byte(v)); full == nil {
				m.set(key, v)
			} else {
				m.begun(m.now().with(key, v))
			}
			if full == nil && i%50 == 49 {
				if full = r.Sync(); full == nil {
					m.durable()
				}
			}
		}
		if full != nil {
			require.ErrorIs(t, full, syscall.ENOSPC)
		}
		if err := r.Close(); err == nil && full == nil {
			m.durable()
		}
		d.PowerCut()
		files, err := ReadFiles(d, "dir", "bucket")
		require.NoError(t, err)
		r = mustOpen(t, e, mustDisk(t, files))
		got, err := contents(r)
		require.NoError(t, err)
		require.NoError(t, m.recovered(got, nil), "limit %d", limit)
		require.NoError(t, r.Set([]byte("a"), []byte("again")), "with room it goes on")
		require.NoError(t, r.Close())
	}
}

// readOnly is a file system on which nothing can be changed.
type readOnly struct{ vfs.FS }

func (readOnly) denied(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}

func (r readOnly) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, r.denied("create", name)
}

func (r readOnly) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, r.denied("open", name)
}
func (r readOnly) Rename(name, _ string) error         { return r.denied("rename", name) }
func (r readOnly) Remove(name string) error            { return r.denied("remove", name) }
func (r readOnly) Lock(name string) (io.Closer, error) { return nil, r.denied("lock", name) }
func (r readOnly) MkdirAll(name string, _ os.FileMode) error {
	if _, err := r.FS.Stat(name); err == nil {
		return nil
	}
	return r.denied("mkdir", name)
}

func testReadOnly(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	s := fill(t, r, 7)
	require.NoError(t, r.Close())
	_, err := openOn(t, e, readOnly{d}, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NotErrorIs(t, err, store.ErrLocked)
	r = mustOpen(t, e, d)
	holds(t, r, s)
	require.NoError(t, r.Close())
}

func testNoArchive(t *testing.T, e Engine) {
	d := newDisk(t)
	r, err := openOn(t, e, d, func(o *store.Options) { o.Archive = nil })
	require.NoError(t, err)
	require.NoError(t, r.Set([]byte("a"), []byte("v")))
	_, err = r.Snapshot()
	require.ErrorIs(t, err, store.ErrNoArchive)
	require.ErrorIs(t, r.Restore(store.Latest), store.ErrNoArchive)
	holds(t, r, state{"a": "v"})
	require.NoError(t, r.Close())
}

func testOptions(t *testing.T, e Engine) {
	for i, o := range []store.Options{
		{}, {Dir: "dir", Durability: 9}, {Dir: "dir", GroupWrites: -1}, {Dir: "dir", MaxKeyBytes: -1},
		{Dir: "dir", MaxKeyBytes: store.MaxKeyBytes + 1}, {Dir: "dir", MaxValueBytes: store.MaxValueBytes + 1},
	} {
		o.FS = newDisk(t)
		_, err := e.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, fmt.Sprint(i))
	}
	for d := range store.EveryWrite + 1 {
		r, err := openOn(t, e, newDisk(t), func(o *store.Options) { o.Durability = d })
		if !slices.Contains(e.Durabilities, d) {
			require.ErrorIs(t, err, store.ErrOptions)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
}

// testPrivate opens the engine on the real file system: all that it makes is for its
// owner only, and a second process, or the same one under another name, is kept out.
func testPrivate(t *testing.T, e Engine) {
	dir := path.Join(t.TempDir(), "deep", "dir")
	bucket, err := snapshot.NewFolder(path.Join(dir, "versions"), snapshot.FolderOptions{})
	require.NoError(t, err)
	o := store.Options{Dir: dir, Archive: snapshot.New(bucket), Durability: e.strongest()}
	r, err := e.Open(o)
	require.NoError(t, err)
	s := fill(t, &rig{Engine: r}, 9)
	o.Dir = dir + "/../dir"
	_, err = e.Open(o)
	require.ErrorIs(t, err, store.ErrLocked)
	seen := 0
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(p string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := os.Stat(path.Join(dir, p))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s has mode %s", p, info.Mode())
		seen++
		return nil
	}))
	require.Greater(t, seen, 5)
	require.NoError(t, r.Close())
	r, err = e.Open(o)
	require.NoError(t, err)
	holds(t, r, s)
	require.NoError(t, r.Close())
}
