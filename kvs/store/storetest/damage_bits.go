package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// resealed gives a catalog, changed, the checksum that it should have.
func resealed(t *testing.T, b []byte) []byte {
	t.Helper()
	line, body, ok := bytes.Cut(b, []byte("\n"))
	at := bytes.LastIndexByte(line, ' ')
	require.True(t, ok && at > 0)
	head := string(line[:at])
	body = bytes.TrimSuffix(body, []byte("\n"))
	return fmt.Appendf(nil, "%s %08x\n%s\n", head, record.Checksum(fmt.Appendf(nil, "%s\n%s", head, body)), body)
}

func testFormat(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	fill(t, r, 11)
	require.NoError(t, r.Close())
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	b := files["dir/CATALOG"]
	files["dir/CATALOG"] = laterSealed(t, b)
	_, err = openOn(t, e, mustDisk(t, files), nil)
	require.ErrorIs(t, err, store.ErrFormat)
	files["dir/CATALOG"] = b
	later := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b := files[name]
		switch head, rest, _ := bytes.Cut(b, []byte("\n")); {
		case name == "bucket/HEAD":
			rest = laterSealed(t, rest)
			files[name] = fmt.Appendf(nil, "%s\n%s", head, rest)
		case strings.HasPrefix(name, "dir/") && string(head) == "joinery":
			files[name] = laterFormat(b)
		default:
			continue
		}
		later++
		r, err := openOn(t, e, mustDisk(t, files), nil)
		if name == "bucket/HEAD" { // which a directory that is whole can do without, but no version
			require.NoError(t, err)
			_, err = r.Snapshot()
			require.NoError(t, r.Close())
		}
		require.ErrorIs(t, err, store.ErrFormat, name)
		files[name] = b
	}
	require.Positive(t, later)
	require.True(t, e.Clones || later > 1, "files of records have a format too")
	r = mustOpen(t, e, mustDisk(t, files))
	require.NoError(t, r.Close())
}

var sealed = regexp.MustCompile(`^(joinery [a-z]+) [0-9]+ `)

// laterSealed is what was sealed in a format that nobody knows yet.
func laterSealed(t *testing.T, b []byte) []byte {
	require.Regexp(t, sealed, string(b))
	return resealed(t, sealed.ReplaceAll(b, []byte("$1 99 ")))
}

// laterFormat is a file of records with the next format in its header.
func laterFormat(b []byte) []byte {
	b = bytes.Clone(b)
	b[9]++
	binary.LittleEndian.PutUint32(b[record.HeaderBytes-4:], record.Checksum(b[:record.HeaderBytes-4]))
	return b
}

// testVersionFormat restores versions that a later engine and another one published.
func testVersionFormat(t *testing.T, e Engine) {
	r := mustOpen(t, e, newDisk(t))
	require.NoError(t, r.Set([]byte("a"), []byte("v")))
	v, err := r.Snapshot()
	require.NoError(t, err)
	m, err := r.archive.Manifest(v)
	require.NoError(t, err)
	d := store.Draft{Seen: store.Ref{Version: v}, Parent: store.Ref{Version: v}, Engine: e.Name, Format: m.Format + 1}
	later, _, err := r.archive.Publish(d)
	require.NoError(t, err)
	d.Seen, d.Engine, d.Format = later, "another", m.Format
	other, _, err := r.archive.Publish(d)
	require.NoError(t, err)
	err = r.Restore(later.Version)
	require.ErrorIs(t, err, store.ErrFormat)
	require.ErrorContains(t, err, fmt.Sprintf("has format %d, this is %d", m.Format+1, m.Format))
	require.ErrorIs(t, r.Restore(other.Version), store.ErrForeign)
	holds(t, r, state{"a": "v"})
	require.NoError(t, r.Close())
}

// testMissingSegment takes each segment of the latest version out of the bucket: a
// restore names what is missing and changes nothing, in a directory that holds a state
// and in an empty one.
func testMissingSegment(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	fill(t, r, 31)
	v, err := r.Snapshot()
	require.NoError(t, err)
	m, err := r.archive.Manifest(v)
	require.NoError(t, err)
	require.NotEmpty(t, m.Segments)
	want, err := contents(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	for _, s := range m.Segments {
		less := maps.Clone(files)
		maps.DeleteFunc(less, func(name string, _ []byte) bool { return strings.Contains(name, s.Hash.String()) })
		require.Len(t, less, len(files)-1)
		d := mustDisk(t, less)
		r := mustOpen(t, e, d)
		err := r.Restore(v)
		require.ErrorIs(t, err, store.ErrMissingSegment)
		require.ErrorContains(t, err, s.Hash.String())
		holds(t, r, want)
		require.NoError(t, r.Close())
		_, err = openOn(t, e, d, func(o *store.Options) { o.Dir = "other" })
		require.ErrorIs(t, err, store.ErrMissingSegment)
	}
}

// testFlipped flips bits in all files of the directory, after a clean close and
// after a crash: opening and reading must fail by name, or find what was there.
func testFlipped(t *testing.T, e Engine) {
	for _, clean := range []bool{true, false} {
		d := newDisk(t)
		r := mustOpen(t, e, d)
		s := fill(t, r, 13)
		if clean {
			require.NoError(t, r.Close())
		} else {
			if e.strongest() != store.EveryWrite {
				require.NoError(t, r.Sync())
			}
			d.PowerCut()
		}
		files, err := ReadFiles(d, "dir", "bucket")
		require.NoError(t, err)
		refused, intact := 0, 0
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if !strings.HasPrefix(name, "dir/") {
				continue
			}
			for bit := range bitsOf(files[name]) {
				if flippedIsFound(t, e, files, name, bit, s) {
					refused++
				} else {
					intact++
				}
			}
		}
		require.Positive(t, refused)
		t.Logf("clean %v: %d flips refused, %d without effect", clean, refused, intact)
	}
}

// bitsOf chooses bits of a file: all, or some sixty that reach every bit of a byte and
// every place in a record in turn, and some of the first and last bytes.
func bitsOf(b []byte) func(func(int) bool) {
	return func(yield func(int) bool) {
		stride, edge := 1, 1
		if !*long {
			stride, edge = 1+len(b)*8/60, 29
			stride |= 1
		}
		for bit := 0; bit < len(b)*8; bit++ {
			near := bit < 32*8 || bit >= (len(b)-8)*8
			if bit%stride != 0 && (!near || bit%edge != 0) {
				continue
			}
			if !yield(bit) {
				return
			}
		}
	}
}

// flippedIsFound opens and reads with one bit flipped and reports whether that was
// refused.
func flippedIsFound(t *testing.T, e Engine, files Files, name string, bit int, want state) (refused bool) {
	t.Helper()
	spoiled := maps.Clone(files)
	spoiled[name] = bytes.Clone(files[name])
	spoiled[name][bit/8] ^= 1 << (bit % 8)
	r, err := openOn(t, e, mustDisk(t, spoiled), nil)
	if err != nil {
		require.True(t, damage(err), "bit %d of %s: %v", bit, name, err)
		return true
	}
	got, err := contents(r)
	if err != nil {
		require.True(t, damage(err), "bit %d of %s: %v", bit, name, err)
		refused = true
	} else {
		require.True(t, maps.Equal(want, got), "bit %d of %s: it holds %v, want %v", bit, name, show(got), show(want))
	}
	// What is spoiled must not get into the archive unseen either.
	if v, err := r.Snapshot(); err == nil && !refused {
		require.NoError(t, r.Restore(v), "bit %d of %s", bit, name)
		holds(t, r, want)
	}
	require.NoError(t, closed(r))
	return refused
}

// closed closes an engine that damage may keep from doing so cleanly.
func closed(r *rig) error {
	if err := r.Close(); err != nil && !damage(err) {
		return err
	}
	return nil
}

func testFlippedBucket(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	s := fill(t, r, 17)
	require.NoError(t, r.Close())
	files, err := ReadFiles(d, "dir", "bucket")
	require.NoError(t, err)
	refused := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, "bucket/") {
			continue
		}
		for bit := range bitsOf(files[name]) {
			spoiled := maps.Clone(files)
			spoiled[name] = bytes.Clone(files[name])
			spoiled[name][bit/8] ^= 1 << (bit % 8)
			r, err := openOn(t, e, mustDisk(t, spoiled), nil)
			if err != nil {
				require.True(t, damage(err), "bit %d of %s: %v", bit, name, err)
				refused++
				continue
			}
			holds(t, r, s)
			if err := r.Restore(store.Latest); err != nil {
				require.True(t, named(err), "bit %d of %s: %v", bit, name, err)
				holds(t, r, s)
				refused++
			}
			require.NoError(t, r.Close())
		}
	}
	require.Positive(t, refused)
}

// testRemote opens empty directories on an archive, and two writers on one.
func testRemote(t *testing.T, e Engine) {
	d := newDisk(t)
	r := mustOpen(t, e, d)
	fill(t, r, 19)
	v, err := r.Snapshot()
	require.NoError(t, err)
	s, err := contents(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	other, err := openOn(t, e, d, func(o *store.Options) { o.Dir = "other" })
	require.NoError(t, err)
	holds(t, other, s)
	same, err := other.Snapshot()
	require.NoError(t, err)
	require.Equal(t, v, same, "nothing happened since")
	empty, err := openOn(t, e, d, func(o *store.Options) { o.Dir, o.Empty = "empty", true })
	require.NoError(t, err)
	holds(t, empty, state{})
	require.NoError(t, empty.Set([]byte("a"), []byte("mine")))
	require.NoError(t, other.Set([]byte("a"), []byte("other")))
	_, err = other.Snapshot()
	require.NoError(t, err)
	_, err = empty.Snapshot()
	require.ErrorIs(t, err, store.ErrConflict)
	holds(t, empty, state{"a": "mine"})
	require.NoError(t, empty.Restore(store.Latest))
	holds(t, empty, s.with("a", "other"))
	require.NoError(t, empty.Set([]byte("b"), []byte("after")))
	_, err = empty.Snapshot()
	require.NoError(t, err)
	require.NoError(t, empty.Close())
	require.NoError(t, other.Close())
}

// fails is a bucket whose nth call fails, before or after it did its work.
type fails struct {
	store.Bucket
	n, after int
}

var errBucket = fmt.Errorf("the bucket's own error")

func (f *fails) turn(do func() error) error {
	f.n--
	if f.n != 0 {
		return do()
	}
	if f.after == 1 {
		if err := do(); err != nil {
			return err
		}
	}
	return errBucket
}

func (f *fails) Put(name string, size int64, r io.Reader) error {
	return f.turn(func() error { return f.Bucket.Put(name, size, r) })
}

func (f *fails) Get(name string) (r io.ReadCloser, err error) {
	err = f.turn(func() (e error) { r, e = f.Bucket.Get(name); return e })
	return r, err
}

func (f *fails) Head() (b []byte, tag string, err error) {
	err = f.turn(func() (e error) { b, tag, e = f.Bucket.Head(); return e })
	return b, tag, err
}

func (f *fails) SwapHead(tag string, b []byte) error {
	return f.turn(func() error { return f.Bucket.SwapHead(tag, b) })
}

// testBucketFails has each call of a snapshot and a restore fail in turn: the engine
// keeps its state and succeeds the next time.
func testBucketFails(t *testing.T, e Engine) {
	failed := 0
	for n := 1; n < 40; n++ {
		for after := range 2 {
			d := newDisk(t)
			b := &fails{Bucket: mustFolder(t, d), after: after}
			r, err := openOn(t, e, d, func(o *store.Options) { o.Archive = snapshot.New(b) })
			require.NoError(t, err)
			s := fill(t, r, 23)
			b.n = n
			v, err := r.Snapshot()
			if err != nil {
				failed++
				require.ErrorIs(t, err, errBucket)
			}
			holds(t, r, s)
			published := s
			s = s.with("b", "after")
			require.NoError(t, r.Set([]byte("b"), []byte("after")))
			if err != nil {
				published = s
				v, err = r.Snapshot()
				require.NoError(t, err, "call %d", n)
			}
			if err := r.Restore(1); err != nil {
				failed++
				require.ErrorIs(t, err, errBucket)
				holds(t, r, s)
			}
			if err := r.Restore(v); err != nil {
				failed++
				require.ErrorIs(t, err, errBucket)
				require.NoError(t, r.Restore(v))
			}
			holds(t, r, published)
			require.NoError(t, r.Close())
		}
	}
	require.Greater(t, failed, 10)
}
