package snapshot

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/joinery-go/joinery/kvs/store"
)

// Attempts is how often Publish and Collect look again after somebody else moved
// the head, before they give up with [store.ErrBusy].
const Attempts = 64

// MaxParallel bounds Options.Parallel.
const MaxParallel = 256

// Options describe an archive. Zero values stand for the defaults.
type Options struct {
	// Branch is the branch whose versions the archive reads and publishes, the main one
	// by default. One that is not there begins with the first version published.
	Branch string
	// Parallel is how many segments are uploaded or downloaded at once, 1 by default:
	// then the archive starts no goroutine, and asks the bucket for the same things in
	// the same order each time.
	Parallel int
}

// Archive keeps versions in a bucket. It is safe for concurrent use, and several
// may share a bucket, each of which sees what the others publish.
type Archive struct {
	mu     sync.Mutex
	bucket store.Bucket
	opts   Options
	// manifests are those read or published, by name; a name has one content.
	manifests map[string]manifest
	// names are those of the branch's manifests, as they were when they were last read.
	names map[store.Version]string
	// uploads are segments put by this archive and not known to be in a version yet:
	// the epoch of each.
	uploads map[store.Hash]uint64
	// unknown are versions of which nobody could say whether they were published.
	unknown []unknown
	// decoded is the head that was read last: it is read often, and seldom another.
	decoded atomic.Pointer[decoded]
	pages   pageCache
	// given counts the bytes of manifests, pages and heads that the bucket was given, swaps
	// that failed among them; registered are those of Register, which the next Publish says.
	given, registered int64
}

var (
	_ store.Archive  = (*Archive)(nil)
	_ store.Parallel = (*Archive)(nil)
)

// New returns the archive of the main branch in a bucket, empty if the bucket is. It
// reads nothing yet.
func New(b store.Bucket) *Archive {
	a, err := Open(b, Options{})
	if err != nil {
		panic("snapshot: the default options are refused: " + err.Error())
	}
	return a
}

// Open returns the archive of a branch in a bucket. It reads nothing yet. Errors wrap
// [store.ErrOptions].
func Open(b store.Bucket, o Options) (*Archive, error) {
	if o.Branch != "" {
		if err := checkName(o.Branch); err != nil {
			return nil, err
		}
	}
	if o.Parallel < 0 || o.Parallel > MaxParallel {
		return nil, fmt.Errorf("%w: Parallel %d, want 0 to %d", store.ErrOptions, o.Parallel, MaxParallel)
	}
	o.Parallel = max(o.Parallel, 1)
	return &Archive{
		bucket: b, opts: o, manifests: map[string]manifest{}, names: map[store.Version]string{}, uploads: map[store.Hash]uint64{},
	}, nil
}

// head reads the head, again if a page that it names went while somebody else moved it.
func (a *Archive) head() (head, string, error) {
	for range Attempts {
		b, tag, err := a.bucket.Head()
		if err != nil {
			return head{}, "", fmt.Errorf("read the head: %w", err)
		}
		if d := a.decoded.Load(); d != nil && d.data == string(b) {
			return d.head.clone(), tag, nil
		}
		h, err := decodeHead(b, a.readPages)
		if err == nil {
			a.pages.keep(h.pages)
			a.decoded.Store(&decoded{string(b), h})
			return h.clone(), tag, nil
		}
		if err = a.stale(tag, err); !errors.Is(err, errMoved) {
			return head{}, tag, err
		}
	}
	return head{}, "", fmt.Errorf("read the head: %w: it moved %d times", store.ErrBusy, Attempts)
}

// decoded is a head and what it was read from.
type decoded struct {
	data string
	head head
}

// clone copies the head so far that a change of one is none of the other: the entries of
// versions never change, only how many there are.
func (h head) clone() head {
	h.Branches = slices.Clone(h.Branches)
	return h
}

// Latest is the last version published, 0 for none.
func (a *Archive) Latest() (store.Version, error) {
	h, _, err := a.head()
	return h.of(a.opts.Branch).Last, err
}

// Versions are those kept, ascending.
func (a *Archive) Versions() ([]store.Version, error) {
	h, _, err := a.head()
	var vs []store.Version
	for _, e := range h.of(a.opts.Branch).Versions {
		vs = append(vs, e.Version)
	}
	return vs, err
}

// Ref returns version v beyond doubt, or the latest: the zero Ref for none.
func (a *Archive) Ref(v store.Version) (store.Ref, error) {
	h, _, err := a.head()
	l := h.of(a.opts.Branch)
	if err != nil || v == store.Latest && l.Last == 0 {
		return store.Ref{}, err
	}
	e, err := l.find(v)
	return e.ref(), err
}

// Register gives a writer a number that no other has in the bucket, in any branch. One whose
// swap of the head was not answered may be nobody's.
func (a *Archive) Register() (store.Writer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var w store.Writer
	before := a.given
	err := a.changing("register a writer", func(h *head, _ string) error {
		h.Writers++
		w.Number = h.Writers
		return nil
	})
	a.registered += a.given - before
	if err != nil {
		w = store.Writer{}
	}
	return w, err
}

// manifest reads the manifest of an entry. The caller holds mu.
func (a *Archive) manifest(e entry) (manifest, error) {
	if m, ok := a.manifests[e.Manifest]; ok {
		return m, nil
	}
	r, err := a.bucket.Get(e.Manifest)
	if errors.Is(err, store.ErrNoObject) {
		return manifest{}, fmt.Errorf("version %s: %w: manifest %s: %w", e.Version, store.ErrMissing, e.Manifest, err)
	}
	if err != nil {
		return manifest{}, fmt.Errorf("version %s: read manifest: %w", e.Version, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxObjectBytes+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return manifest{}, fmt.Errorf("version %s: read manifest: %w", e.Version, err)
	}
	if o, _ := parseObject(e.Manifest); o.hash != sha256.Sum256(b) {
		return manifest{}, fmt.Errorf("version %s: %w: manifest %s is not what its name says", e.Version, store.ErrCorrupt, e.Manifest)
	}
	m, err := decodeManifest(b)
	if err == nil && m.Version != e.Version {
		err = fmt.Errorf("%w: it is of version %s", store.ErrCorrupt, m.Version)
	}
	if err != nil {
		return manifest{}, fmt.Errorf("version %s: manifest: %w", e.Version, err)
	}
	m.Name = e.Manifest
	a.manifests[e.Manifest] = m
	return m, nil
}

// stale makes errMoved of an error that follows from a head which is no longer the
// one with that tag, as where somebody has collected since it was read.
func (a *Archive) stale(tag string, err error) error {
	if err == nil || !errors.Is(err, store.ErrMissing) && !errors.Is(err, store.ErrNoObject) {
		return err
	}
	if _, now, e := a.bucket.Head(); e == nil && now != tag {
		return errMoved
	}
	return err
}

// read reads the manifest of a version of a branch, or of its latest.
func (a *Archive) read(branch string, v store.Version) (manifest, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range Attempts {
		h, tag, err := a.head()
		if err != nil {
			return manifest{}, err
		}
		a.bound(&h)
		l := h.of(branch)
		e, err := l.find(v)
		if err != nil {
			return manifest{}, err
		}
		m, err := a.manifest(e)
		if err = a.stale(tag, err); !errors.Is(err, errMoved) {
			if err == nil && branch == a.opts.Branch {
				a.names[e.Version] = e.Manifest
			}
			return m, err
		}
	}
	return manifest{}, fmt.Errorf("version %s: %w: the head moved %d times", v, store.ErrBusy, Attempts)
}

// Manifest returns version v, or the latest.
func (a *Archive) Manifest(v store.Version) (store.Manifest, error) {
	m, err := a.read(a.opts.Branch, v)
	m.Segments = append([]store.Segment(nil), m.Segments...)
	return m.Manifest, err
}

// Open returns the bytes of a segment of version v, unverified.
func (a *Archive) Open(v store.Version, s store.Segment) (io.ReadCloser, error) {
	return a.open(v, s, false, a.bucket.Get)
}

// OpenRange returns n bytes of a segment of version v from offset off on, or of its
// index, unverified.
func (a *Archive) OpenRange(v store.Version, s store.Segment, index bool, off, n int64) (io.ReadCloser, error) {
	return a.open(v, s, index, func(name string) (io.ReadCloser, error) {
		if r, ok := a.bucket.(store.RangeBucket); ok {
			return r.GetRange(name, off, n)
		}
		r, err := a.bucket.Get(name)
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, off); err != nil && err != io.EOF {
			return nil, errors.Join(err, r.Close())
		}
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r, n), r}, nil
	})
}

// open gets an object of a version with get. The head is read only if what is known of
// the version does not lead to the object: names are those of contents, so what is
// there is what was there.
func (a *Archive) open(v store.Version, s store.Segment, index bool, get func(string) (io.ReadCloser, error)) (io.ReadCloser, error) {
	a.mu.Lock()
	m, known := a.manifests[a.names[v]]
	a.mu.Unlock()
	if known && m.Version == v {
		if o, ok := m.find(s, index); ok {
			if r, err := get(o.String()); !errors.Is(err, store.ErrNoObject) {
				return r, err
			}
		}
	}
	m, err := a.read(a.opts.Branch, v)
	if err != nil {
		return nil, err
	}
	o, ok := m.find(s, index)
	if !ok {
		return nil, fmt.Errorf("version %s: %w: it does not name %s", m.Version, store.ErrMissingSegment, s.Hash)
	}
	r, err := get(o.String())
	if errors.Is(err, store.ErrNoObject) {
		return nil, fmt.Errorf("version %s: %w: %s: %w", m.Version, store.ErrMissingSegment, o, err)
	}
	return r, err
}

// find is the object of a segment, or of its index.
func (m *manifest) find(s store.Segment, index bool) (object, bool) {
	for i := range m.Segments {
		if m.Segments[i] != s {
			continue
		}
		if index {
			return m.index(i)
		}
		return m.object(i), true
	}
	return object{}, false
}
