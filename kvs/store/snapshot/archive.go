package snapshot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
)

// Attempts is how often Publish and Collect look again after somebody else moved
// the head, before they give up with [store.ErrBusy].
const Attempts = 64

// Archive keeps versions in a bucket. It is safe for concurrent use, and several
// may share a bucket, each of which sees what the others publish.
type Archive struct {
	mu     sync.Mutex
	bucket store.Bucket
	// manifests are those read or published, by name; a name has one content.
	manifests map[string]manifest
	// uploads are segments put by this archive and not known to be in a version yet:
	// the epoch of each.
	uploads map[store.Hash]uint64
}

var _ store.Archive = (*Archive)(nil)

// New returns the archive in a bucket, empty if the bucket is. It reads nothing yet.
func New(b store.Bucket) *Archive {
	return &Archive{bucket: b, manifests: map[string]manifest{}, uploads: map[store.Hash]uint64{}}
}

func (a *Archive) head() (head, string, error) {
	b, tag, err := a.bucket.Head()
	if err != nil {
		return head{}, "", fmt.Errorf("read the head: %w", err)
	}
	h, err := decodeHead(b)
	return h, tag, err
}

// Latest is the last version published, 0 for none.
func (a *Archive) Latest() (store.Version, error) {
	h, _, err := a.head()
	return h.Last, err
}

// Versions are those kept, ascending.
func (a *Archive) Versions() ([]store.Version, error) {
	h, _, err := a.head()
	var vs []store.Version
	for _, e := range h.Versions {
		vs = append(vs, e.Version)
	}
	return vs, err
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
	a.manifests[e.Manifest] = m
	return m, nil
}

// stale makes errMoved of an error that follows from a head which is no longer the
// one with that tag, as where somebody has dropped a version since it was read.
func (a *Archive) stale(tag string, err error) error {
	if err == nil || !errors.Is(err, store.ErrMissing) {
		return err
	}
	if _, now, e := a.bucket.Head(); e == nil && now != tag {
		return errMoved
	}
	return err
}

func (a *Archive) read(v store.Version) (manifest, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range Attempts {
		h, tag, err := a.head()
		if err != nil {
			return manifest{}, err
		}
		e, err := h.find(v)
		if err != nil {
			return manifest{}, err
		}
		m, err := a.manifest(e)
		if err = a.stale(tag, err); !errors.Is(err, errMoved) {
			return m, err
		}
	}
	return manifest{}, fmt.Errorf("version %s: %w: the head moved %d times", v, store.ErrBusy, Attempts)
}

// Manifest returns version v, or the latest.
func (a *Archive) Manifest(v store.Version) (store.Manifest, error) {
	m, err := a.read(v)
	m.Segments = append([]store.Segment(nil), m.Segments...)
	return m.Manifest, err
}

// Open returns the bytes of a segment of version v, unverified.
func (a *Archive) Open(v store.Version, s store.Segment) (io.ReadCloser, error) {
	m, err := a.read(v)
	if err != nil {
		return nil, err
	}
	for i := range m.Segments {
		if m.Segments[i] != s {
			continue
		}
		r, err := a.bucket.Get(m.object(i).String())
		if errors.Is(err, store.ErrNoObject) {
			return nil, fmt.Errorf("version %s: %w: %s: %w", m.Version, store.ErrMissingSegment, m.object(i), err)
		}
		return r, err
	}
	return nil, fmt.Errorf("version %s: %w: it does not name %s", m.Version, store.ErrMissingSegment, s.Hash)
}

// Publish makes the draft the latest version: it gives the bucket what no version
// kept has, then the manifest, then swaps the head, and reads the head again if the
// swap's outcome is not known.
func (a *Archive) Publish(d store.Draft) (v store.Version, uploaded int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(d.Segments) > MaxSegments {
		return 0, 0, fmt.Errorf("publish: %w: %d segments, at most %d", store.ErrTooMany, len(d.Segments), MaxSegments)
	}
	for range Attempts {
		v, n, err := a.publish(d)
		uploaded += n
		if !errors.Is(err, errMoved) {
			if err != nil {
				err = fmt.Errorf("publish: %w", err)
			}
			return v, uploaded, err
		}
	}
	return 0, uploaded, fmt.Errorf("publish: %w: the head moved %d times", store.ErrBusy, Attempts)
}

// errMoved is a swap that failed since the head had moved.
var errMoved = errors.New("the head has moved")

func (a *Archive) publish(d store.Draft) (store.Version, int64, error) {
	h, tag, err := a.head()
	switch {
	case err != nil:
		return 0, 0, err
	case h.Last != d.Seen:
		return 0, 0, fmt.Errorf("%w: the latest version is %s, the writer knew of %s", store.ErrConflict, h.Last, d.Seen)
	case len(h.Versions) >= MaxVersions:
		return 0, 0, fmt.Errorf("%w: %d; collect some", store.ErrTooMany, len(h.Versions))
	}
	a.forget(&h)
	known, err := a.known(&h, d.Parent)
	if err != nil {
		return 0, 0, a.stale(tag, err)
	}
	m := manifest{Manifest: store.Manifest{Version: h.Last + 1, Parent: d.Parent, Engine: d.Engine, Format: d.Format}}
	var uploaded int64
	for _, s := range d.Segments {
		epoch, n, err := a.place(s, h.Epoch, known)
		uploaded += n
		if err != nil {
			return 0, uploaded, err
		}
		m.Segments, m.Epochs = append(m.Segments, s.Segment), append(m.Epochs, epoch)
	}
	b, err := m.encode()
	if err != nil {
		return 0, uploaded, err
	}
	o := object{manifestKind, sha256.Sum256(b), h.Epoch}
	if err := a.bucket.Put(o.String(), int64(len(b)), bytes.NewReader(b)); err != nil {
		return 0, uploaded, fmt.Errorf("put manifest: %w", err)
	}
	h.Last = m.Version
	h.Versions = append(h.Versions, entry{m.Version, o.String()})
	if err := a.swap(tag, &h, func(now *head) bool {
		e, err := now.find(m.Version)
		return err == nil && e.Manifest == o.String()
	}); err != nil {
		return 0, uploaded, err
	}
	a.manifests[o.String()] = m
	for _, s := range m.Segments {
		delete(a.uploads, s.Hash)
	}
	return m.Version, uploaded, nil
}

// forget lets go of what no publishing under this head can use.
func (a *Archive) forget(h *head) {
	kept := map[string]bool{}
	for _, e := range h.Versions {
		kept[e.Manifest] = true
	}
	maps.DeleteFunc(a.manifests, func(name string, _ manifest) bool { return !kept[name] })
	maps.DeleteFunc(a.uploads, func(_ store.Hash, epoch uint64) bool { return epoch != h.Epoch })
}

// known are the segments of the latest version and of the parent, if they are kept.
func (a *Archive) known(h *head, parent store.Version) (map[store.Hash]uint64, error) {
	known := map[store.Hash]uint64{}
	for _, e := range h.Versions {
		if e.Version != parent && e.Version != h.Last {
			continue
		}
		m, err := a.manifest(e)
		if err != nil {
			return nil, err
		}
		for i, s := range m.Segments {
			known[s.Hash] = m.Epochs[i]
		}
	}
	return known, nil
}

// place sees to it that the bucket has the segment and that no collecting takes it
// as long as the head stays: a version names it, or it was put in this epoch.
func (a *Archive) place(s store.Source, epoch uint64, known map[store.Hash]uint64) (uint64, int64, error) {
	if e, ok := known[s.Hash]; ok {
		return e, 0, nil
	}
	if e, ok := a.uploads[s.Hash]; ok && e == epoch {
		return e, 0, nil
	}
	if s.Open == nil {
		return 0, 0, fmt.Errorf("%w: no version kept names %s", store.ErrMissingSegment, s.Hash)
	}
	n, err := a.put(s, epoch)
	return epoch, n, err
}

func (a *Archive) put(s store.Source, epoch uint64) (int64, error) {
	r, err := s.Open()
	if err != nil {
		return 0, fmt.Errorf("segment %s: %w", s.Hash, err)
	}
	sum := sha256.New()
	err = a.bucket.Put(object{segmentKind, s.Hash, epoch}.String(), s.Length, io.TeeReader(r, sum))
	if err == nil && store.Hash(sum.Sum(nil)) != s.Hash {
		err = fmt.Errorf("%w: it is not what its hash says", store.ErrCorrupt)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return 0, fmt.Errorf("put segment %s: %w", s.Hash, err)
	}
	a.uploads[s.Hash] = epoch
	return s.Length, nil
}

// swap replaces the head, or returns errMoved. If the outcome is not known, it reads
// the head again and asks did.
func (a *Archive) swap(tag string, h *head, did func(*head) bool) error {
	b, err := h.encode()
	if err != nil {
		return err
	}
	err = a.bucket.SwapHead(tag, b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrConflict):
		// A bucket that tries again by itself may conflict with its own first try.
		if now, _, e := a.head(); e == nil && did(&now) {
			return nil
		}
		return errMoved
	}
	if now, _, e := a.head(); e == nil && did(&now) {
		return nil
	}
	return fmt.Errorf("swap the head: %w", err)
}

// Upload puts a segment before any version names it, in the present epoch.
func (a *Archive) Upload(s store.Source) (uploaded int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range Attempts {
		h, tag, err := a.head()
		if err != nil {
			return 0, fmt.Errorf("upload: %w", err)
		}
		known, err := a.known(&h, h.Last)
		if err = a.stale(tag, err); errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("upload: %w", err)
		}
		_, n, err := a.place(s, h.Epoch, known)
		return n, err
	}
	return 0, fmt.Errorf("upload: %w: the head moved %d times", store.ErrBusy, Attempts)
}
