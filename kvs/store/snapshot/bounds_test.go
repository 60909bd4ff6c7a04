package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// indexed is a source with an index.
func indexed(content, index string) store.Source {
	s := source(content)
	i := source(index)
	s.Index, s.IndexLength, s.OpenIndex = i.Hash, i.Length, i.Open
	return s
}

// TestIndexesAreKept collects, and publishes again, while versions name indexes.
func TestIndexesAreKept(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	d := draft(0, "plain")
	d.Segments = append(d.Segments, indexed("records", "where they are"))
	v, n, err := publishDraft(a, d)
	require.NoError(t, err)
	require.Equal(t, int64(len("plain")+len("records")+len("where they are")), n)
	_, err = a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	m, err := snapshot.New(b).Manifest(v)
	require.NoError(t, err)
	r, err := snapshot.New(b).OpenRange(v, m.Segments[1], true, 6, 4)
	require.NoError(t, err)
	p, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "they", string(p))
	d.Seen.Version, d.Parent.Version = v, v
	_, n, err = publishDraft(a, d)
	require.NoError(t, err)
	require.Zero(t, n, "a version names all of it")
}

// TestRangesOfWholeObjects reads parts from a bucket that has only whole objects.
func TestRangesOfWholeObjects(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	v, _, err := publishDraft(a, draft(0, "0123456789"))
	require.NoError(t, err)
	m, err := a.Manifest(v)
	require.NoError(t, err)
	read := func(off, n int64) string {
		r, err := a.OpenRange(v, m.Segments[0], false, off, n)
		require.NoError(t, err)
		p, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		return string(p)
	}
	require.Equal(t, "345", read(3, 3))
	require.Equal(t, "89", read(8, 5))
	require.Equal(t, "", read(20, 5), "behind the end")
	bad := &broken{bucket: b, err: errors.New("broken"), after: 2}
	a = snapshot.New(bad)
	_, err = a.Manifest(v)
	require.NoError(t, err)
	bad.on = true
	_, err = a.OpenRange(v, m.Segments[0], false, 3, 3)
	require.ErrorIs(t, err, bad.err)
	require.Equal(t, 1, bad.closed, "what failed is closed")
	clear(b.objects)
	_, err = snapshot.New(bad).OpenRange(v, m.Segments[0], false, 3, 3)
	require.ErrorIs(t, err, store.ErrMissing)
	_, err = a.OpenRange(v, m.Segments[0], false, 3, 3)
	require.ErrorIs(t, err, store.ErrMissingSegment)
}

// broken is a bucket whose objects fail after some bytes, once on.
type broken struct {
	*bucket
	err    error
	after  int64
	on     bool
	closed int
}

func (b *broken) Get(name string) (io.ReadCloser, error) {
	r, err := b.bucket.Get(name)
	if err != nil || !b.on {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, b.after), &failing{b.err}), closer(func() error { b.closed++; return nil })}, nil
}

type closer func() error

func (c closer) Close() error { return c() }

// TestFolderRefusesNames asks a folder for parts of what is no object.
func TestFolderRefusesNames(t *testing.T) {
	f, err := snapshot.NewFolder(t.TempDir(), snapshot.FolderOptions{})
	require.NoError(t, err)
	require.NoError(t, f.SwapHead("", []byte("head")))
	for _, name := range []string{"HEAD", "seg-../HEAD", "page-../HEAD", "page", "", "other"} {
		_, err = f.GetRange(name, 0, 1)
		require.ErrorIs(t, err, store.ErrOptions, name)
		require.ErrorIs(t, f.PutSoon(name, 1, strings.NewReader("x")), store.ErrOptions, name)
	}
	require.NoError(t, f.PutSoon("seg-a", 1, strings.NewReader("x")))
	r, err := f.Get("seg-a")
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

// TestFolderSaysWhat spoils the head of a folder, and takes the one lock that it may try.
func TestFolderSaysWhat(t *testing.T) {
	dir := t.TempDir()
	f, err := snapshot.NewFolder(dir, snapshot.FolderOptions{Tries: 1})
	require.NoError(t, err)
	for _, head := range []string{"", "1", "x\nhead", "0\nhead", "01\nhead", "-1\nhead", "\nhead", "18446744073709551616\nhead"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "HEAD"), []byte(head), 0o600))
		_, _, err := f.Head()
		require.ErrorIs(t, err, store.ErrCorrupt, "%q", head)
	}
	lock, err := store.Private.Lock(filepath.Join(dir, "upload-0.lock"))
	require.NoError(t, err)
	err = f.Put("seg-a", 1, strings.NewReader("x"))
	require.ErrorIs(t, err, store.ErrBusy)
	require.ErrorContains(t, err, "put "+filepath.Join(dir, "seg-a"))
	require.NoError(t, lock.Close())
	require.NoError(t, f.Put("seg-a", 1, strings.NewReader("x")))
}

// TestRefusedDraftsGiveNothing holds Publish to no version and no bytes with an error.
func TestRefusedDraftsGiveNothing(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	_, _, err := publishDraft(a, draft(0, "one"))
	require.NoError(t, err)
	missing := draft(1, "not there")
	missing.Segments[0].Open = nil
	negative := draft(1, "x")
	negative.Segments[0].Length = -1
	for name, d := range map[string]store.Draft{"conflict": draft(7, "two"), "missing": missing, "no segment": negative} {
		v, n, err := publishDraft(a, d)
		require.Error(t, err, name)
		require.Zero(t, v, name)
		require.Zero(t, n, name)
	}
}

// TestFormatsAreThese holds the bytes that are written to the formats that older
// programs read.
func TestFormatsAreThese(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	v, _, err := publishDraft(a, draft(0, "one"))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(b.head, []byte("joinery archive 1 ")), "%s", b.head)
	require.NoError(t, a.Clone(v, "other"))
	require.True(t, bytes.HasPrefix(b.head, []byte("joinery archive 2 ")), "%s", b.head)
	formats := func() (n [3]int) {
		for name, p := range b.objects {
			if strings.HasPrefix(name, "man-") {
				for f := range n {
					if bytes.HasPrefix(p, []byte("joinery version "+string(rune('0'+f))+" ")) {
						n[f]++
					}
				}
			}
		}
		return n
	}
	require.Zero(t, formats()[2])
	d := draft(v)
	d.Segments = []store.Source{indexed("records", "where")}
	_, _, err = publishDraft(a, d)
	require.NoError(t, err)
	require.Equal(t, 1, formats()[2], "a manifest with an index")
}

// TestOpenReadsNoHead opens segments of a version that was read: what is under a hash
// does not change, so that the head need not be asked again.
func TestOpenReadsNoHead(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	v, _, err := publishDraft(a, draft(0, "one"))
	require.NoError(t, err)
	turns := 0
	b.before = func() { turns++ }
	r, err := a.Open(v, store.Segment{Hash: sha256.Sum256([]byte("one")), Length: 3})
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, 1, turns, "the object, and nothing else")
}

// stuck is a bucket whose head cannot be swapped, once on.
type stuck struct {
	*bucket
	on bool
}

func (s *stuck) SwapHead(tag string, data []byte) error {
	if s.on {
		return errors.New("no")
	}
	return s.bucket.SwapHead(tag, data)
}

// TestFailedSwapsAreForgotten: what was to be published is no part of the head that is
// known, on a branch and on the main one, whether that head was read for it or before.
func TestFailedSwapsAreForgotten(t *testing.T) {
	for i, name := range []string{"", "other", "", "other"} {
		b := &stuck{bucket: newBucket()}
		main := snapshot.New(b)
		v, _, err := publishDraft(main, draft(0, "one"))
		require.NoError(t, err)
		require.NoError(t, main.Clone(v, "other"))
		a, err := snapshot.Open(b, snapshot.Options{Branch: name})
		require.NoError(t, err)
		if i >= 2 {
			_, err = a.Latest()
			require.NoError(t, err)
		}
		b.on = true
		_, _, err = publishDraft(a, draft(v, "two"))
		require.Error(t, err)
		b.on = false
		got, err := a.Latest()
		require.NoError(t, err)
		require.Equal(t, v, got)
		all, err := a.Versions()
		require.NoError(t, err)
		require.Equal(t, []store.Version{v}, all)
		got, _, err = publishDraft(a, draft(v, "two"))
		require.NoError(t, err)
		require.Equal(t, v+1, got)
	}
}

// TestBranchesAreBounded has as many branches as there may be: one more is refused however
// it begins, and those that are there go on.
func TestBranchesAreBounded(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	v, _, err := publishDraft(a, draft(0, "one"))
	require.NoError(t, err)
	var parts []snapshot.Part
	for i := range snapshot.MaxBranches {
		parts = append(parts, snapshot.Part{
			Branch: fmt.Sprintf("b%04d", i), Range: store.KeyRange{From: store.Key(fmt.Sprintf("%04d", i)), To: store.Key(fmt.Sprintf("%04d", i+1))},
		})
	}
	require.NoError(t, a.Split(v, parts...))
	more, err := snapshot.Open(b, snapshot.Options{Branch: "more"})
	require.NoError(t, err)
	_, _, err = publishDraft(more, draft(0, "two"))
	require.ErrorIs(t, err, store.ErrTooMany)
	require.ErrorIs(t, a.Clone(v, "more"), store.ErrTooMany)
	one, err := snapshot.Open(b, snapshot.Options{Branch: "b0007"})
	require.NoError(t, err)
	_, _, err = publishDraft(one, draft(v, "three"))
	require.NoError(t, err)
	require.NoError(t, a.Drop("b0003"))
	_, _, err = publishDraft(more, draft(0, "two"))
	require.NoError(t, err)
}
