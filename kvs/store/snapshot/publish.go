package snapshot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// errMoved is a swap that failed since the head had moved.
var errMoved = errors.New("the head has moved")

// unknown is a version whose swap of the head was not answered, nor was the question
// afterwards. Its manifest's name tells it from what anybody else published.
type unknown struct {
	seen store.Ref // what the writer knew as the latest
	m    manifest  // with the writer's number
}

// maxUnknown is how many versions of unknown outcome are remembered.
const maxUnknown = 16

// Publish makes the draft the latest version: it gives the bucket what no version
// kept has, then the manifest and what pages the head needs, then swaps the head, and
// reads the head again if the swap's outcome is not known. uploaded counts all of that,
// the head too, of each try, and what [Archive.Register] gave since the last Publish.
//
// If that cannot be read either, the error is the swap's, and the version may have
// been published all the same. The next Publish looks: if the version is there, it is
// this writer's, and the draft is published on top of it, or is it, if it says the same.
//
// A writer that was opened again may have published versions that it forgot in a crash: with
// Draft.Resumed, the latest is told by its manifest to be the writer's own, and then the draft
// is that or goes on top of it, as if it had been seen.
func (a *Archive) Publish(d store.Draft) (r store.Ref, uploaded int64, err error) {
	r, segments, rest, err := a.publishCounted(d)
	return r, segments + rest, err
}

// publishCounted is Publish, which counts segments and their indexes apart.
func (a *Archive) publishCounted(d store.Draft) (r store.Ref, segments, rest int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(d.Segments) > MaxSegments {
		return store.Ref{}, 0, 0, fmt.Errorf("publish: %w: %d segments, at most %d", store.ErrTooMany, len(d.Segments), MaxSegments)
	}
	before := a.given - a.registered
	a.registered = 0
	for range Attempts {
		r, n, err := a.publish(&d)
		segments += n
		if !errors.Is(err, errMoved) {
			if err != nil {
				err = fmt.Errorf("publish: %w", err)
			}
			return r, segments, a.given - before, err
		}
	}
	return store.Ref{}, segments, a.given - before, fmt.Errorf("publish: %w: the head moved %d times", store.ErrBusy, Attempts)
}

// publish tries once, and counts segments and their indexes.
func (a *Archive) publish(d *store.Draft) (store.Ref, int64, error) {
	var none store.Ref
	h, tag, err := a.head()
	if err != nil {
		return none, 0, err
	}
	a.forget(&h)
	l := h.of(a.opts.Branch)
	m, same := a.adopt(&l, d)
	if !same {
		m, same, err = a.resume(&l, tag, d)
	}
	if same {
		return a.settle(tag, &h, m)
	}
	switch {
	case err != nil:
		return none, 0, err
	case h.versions() >= MaxVersions:
		return none, 0, fmt.Errorf("%w: %d; collect some", store.ErrTooMany, h.versions())
	case len(l.Versions) == 0 && a.opts.Branch != "" && len(h.Branches) >= MaxBranches:
		return none, 0, fmt.Errorf("%w: %d branches; drop some", store.ErrTooMany, len(h.Branches))
	}
	known, err := a.known(&l, tag, d.Parent.Version)
	if err != nil {
		return none, 0, err
	}
	m, uploaded, err := a.place(*d, h.Epoch, known, a.soon())
	if err != nil {
		return none, uploaded, a.stale(tag, err)
	}
	m.Version, m.Parent = l.Last+1, l.parent(d.Parent)
	e, err := a.putManifest(&m, h.Epoch)
	if err != nil {
		return none, uploaded, a.stale(tag, err)
	}
	l.Last = m.Version
	l.Versions = append(l.Versions, e)
	h.put(a.opts.Branch, l)
	settled, err := a.swap(tag, &h, func(now *head) bool { return now.names(a.opts.Branch, e) })
	if err != nil {
		if !settled {
			a.unknown = append(a.unknown[max(0, len(a.unknown)-maxUnknown+1):], unknown{d.Seen, m})
		}
		return none, uploaded, err
	}
	a.published(m)
	return e.ref(), uploaded, nil
}

// latest is the last version of the branch, the zero Ref for none.
func (l *line) latest() store.Ref {
	if len(l.Versions) == 0 {
		return store.Ref{}
	}
	return l.Versions[len(l.Versions)-1].ref()
}

// parent is the number of the version that a state came from, 0 if that of the branch is
// another.
func (l *line) parent(r store.Ref) store.Version {
	if r.Version == 0 {
		return 0
	}
	if e, err := l.find(r.Version); err == nil && !r.Is(e.ref()) {
		return 0
	}
	return r.Version
}

// names reports that the branch has the version, with that manifest.
func (h *head) names(branch string, e entry) bool {
	l := h.of(branch)
	got, err := l.find(e.Version)
	return err == nil && got == e
}

// published notes that a version is the branch's.
func (a *Archive) published(m manifest) {
	a.unknown = nil // no swap of theirs can succeed any more
	a.manifests[m.Name], a.names[m.Version] = m, m.Name
	m.each(func(o object) { delete(a.uploads, o.hash) })
}

// bound forgets once more manifests are known than versions are kept: an archive that never publishes
// reads those of all that others publish.
func (a *Archive) bound(h *head) {
	if len(a.manifests) > h.versions() {
		a.forget(h)
	}
}

// forget lets go of what no publishing under this head can use.
func (a *Archive) forget(h *head) {
	kept := map[string]bool{}
	for _, l := range h.lines() {
		for _, e := range l.Versions {
			kept[e.Manifest] = true
		}
	}
	maps.DeleteFunc(a.manifests, func(name string, _ manifest) bool { return !kept[name] })
	maps.DeleteFunc(a.names, func(_ store.Version, name string) bool { return !kept[name] })
	maps.DeleteFunc(a.uploads, func(_ store.Hash, epoch uint64) bool { return epoch != h.Epoch })
}

// known are the objects of the latest version and of the parent, if they are kept. A
// manifest that is lost or spoiled under this very head names nothing: what the writer
// has of it is put again, and the line goes on.
func (a *Archive) known(l *line, tag string, parent store.Version) (map[store.Hash]uint64, error) {
	known := map[store.Hash]uint64{}
	for _, e := range l.Versions {
		if e.Version != parent && e.Version != l.Last {
			continue
		}
		m, err := a.manifest(e)
		if err = a.stale(tag, err); errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m.each(func(o object) { known[o.hash] = o.epoch })
	}
	return known, nil
}

// putting is a bucket's way to put an object.
type putting func(name string, size int64, r io.Reader) error

// soon puts what is durable with the manifest, which is put after it.
func (a *Archive) soon() putting {
	if b, ok := a.bucket.(store.SoonBucket); ok {
		return b.PutSoon
	}
	return a.bucket.Put
}

// want is an object to be put.
type want struct {
	store.Segment
	open func() (io.ReadCloser, error)
}

// place sees to it that the bucket has what the draft consists of and that no
// collecting takes it as long as the head stays: a version names it, or it was put in
// this epoch. The manifest is whole but for its version.
func (a *Archive) place(d store.Draft, epoch uint64, known map[store.Hash]uint64, how putting) (manifest, int64, error) {
	m, wants, err := a.plan(d, epoch, known)
	if err != nil {
		return m, 0, err
	}
	done, err := a.put(wants, epoch, how)
	return m, a.note(wants, done, epoch), err
}

// plan is the manifest of the draft, and what the bucket does not have of it.
func (a *Archive) plan(d store.Draft, epoch uint64, known map[store.Hash]uint64) (manifest, []want, error) {
	m := manifest{Manifest: store.Manifest{Engine: d.Engine, Format: d.Format, Whole: d.Whole, Writer: d.Writer}}
	at := maps.Clone(known)
	for h, e := range a.uploads {
		if _, ok := at[h]; !ok && e == epoch {
			at[h] = e
		}
	}
	var wants []want
	find := func(w want) (uint64, error) {
		if e, ok := at[w.Hash]; ok {
			return e, nil
		}
		if w.open == nil {
			return 0, fmt.Errorf("%w: no version kept names %s", store.ErrMissingSegment, w.Hash)
		}
		wants, at[w.Hash] = append(wants, w), epoch
		return epoch, nil
	}
	for _, s := range d.Segments {
		var e, index uint64
		if err := s.Check(); err != nil {
			return m, nil, fmt.Errorf("segment %s: %w", s.Hash, err)
		}
		e, err := find(want{s.Segment, s.Open})
		if err == nil && s.IndexLength > 0 {
			index, err = find(want{store.Segment{Hash: s.Index, Length: s.IndexLength}, s.OpenIndex})
		}
		if err != nil {
			return m, nil, err
		}
		m.Segments, m.Epochs, m.IndexEpochs = append(m.Segments, s.Segment), append(m.Epochs, e), append(m.IndexEpochs, index)
	}
	if !slices.ContainsFunc(m.IndexEpochs, func(e uint64) bool { return e != 0 }) {
		m.IndexEpochs = nil
	}
	return m, wants, nil
}

// put gives the bucket objects with how, several at once, and says which it has. It may
// be called without mu.
func (a *Archive) put(wants []want, epoch uint64, how putting) (done []bool, err error) {
	done = make([]bool, len(wants))
	err = a.Each(len(wants), func(i int) error {
		err := a.putOne(wants[i], epoch, how)
		done[i] = err == nil
		return err
	})
	return done, err
}

// note remembers the objects that were put in an epoch, and counts their bytes.
func (a *Archive) note(wants []want, done []bool, epoch uint64) (uploaded int64) {
	for i, w := range wants {
		if done[i] {
			a.uploads[w.Hash] = max(a.uploads[w.Hash], epoch)
			uploaded += w.Length
		}
	}
	return uploaded
}

func (a *Archive) putOne(w want, epoch uint64, how putting) error {
	r, err := w.open()
	if err != nil {
		return fmt.Errorf("segment %s: %w", w.Hash, err)
	}
	v := &verifier{r: r, left: w.Length, want: w.Hash, sum: sha256.New()}
	if w.Length == 0 {
		_, err = v.Read(nil) // a bucket need not
	}
	if err == nil {
		err = how(object{segmentKind, w.Hash, epoch}.String(), w.Length, v)
	}
	if err == nil && !v.verified {
		err = fmt.Errorf("%w: the bucket did not read all of it", store.ErrCorrupt)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("put segment %s: %w", w.Hash, err)
	}
	return nil
}

// putManifest gives the bucket a manifest.
func (a *Archive) putManifest(m *manifest, epoch uint64) (entry, error) {
	b, err := m.encode()
	if err != nil {
		return entry{}, err
	}
	if len(b) > maxObjectBytes {
		return entry{}, fmt.Errorf("%w: a manifest of %d bytes, at most %d", store.ErrTooMany, len(b), maxObjectBytes)
	}
	o := object{manifestKind, sha256.Sum256(b), epoch}
	if err := a.bucket.Put(o.String(), int64(len(b)), bytes.NewReader(b)); err != nil {
		return entry{}, fmt.Errorf("put manifest: %w", err)
	}
	a.given += int64(len(b))
	m.Name = o.String()
	return entry{m.Version, m.Name}, nil
}

// swap puts the pages that the head is to name, replaces it, or returns errMoved, and reads
// it again: a bucket on which
// two swaps of one head succeed is found, if the other one came first. If the outcome
// is not known, it asks did; settled is false if the head cannot be read.
func (a *Archive) swap(tag string, h *head, did func(*head) bool) (settled bool, err error) {
	b, err := a.store(h)
	if err != nil {
		return true, err
	}
	err = a.bucket.SwapHead(tag, b)
	now, is, e := a.head()
	if err == nil {
		// Neither ever falls. Branches may be dropped, so nothing follows from theirs.
		if e == nil && (now.Epoch < h.Epoch || now.Last < h.Last || now.Writers < h.Writers) {
			err = fmt.Errorf("%w: the head is one of before: the bucket does not compare before it swaps", store.ErrCorrupt)
		}
		return true, err
	}
	switch {
	case e == nil && did(&now): // also where a bucket that tries again conflicts with its own first try
		return a.confirm(is, &now, did)
	case errors.Is(err, store.ErrConflict):
		if e != nil {
			return false, fmt.Errorf("swap the head: %v; read it again: %w", err, e)
		}
		return true, errMoved
	}
	// A swap that was not answered may happen yet, as long as the head has the tag.
	return e == nil && is != tag, fmt.Errorf("swap the head: %w", err)
}

// store puts the pages that the head is to name, and returns what it is to be replaced
// by, which counts as given. Afterwards h.pages are those that it names.
func (a *Archive) store(h *head) ([]byte, error) {
	b, pages, err := h.encode()
	if err == nil {
		err = a.putPages(pages)
	}
	if err != nil {
		return nil, err
	}
	h.pages = map[store.Hash]uint64{}
	for _, p := range pages {
		h.pages[p.hash] = p.epoch
	}
	a.given += int64(len(b))
	return b, nil
}

// confirm makes a swap durable that took place and failed: a bucket may have replaced its
// head and not known whether a crash keeps that. What is swapped in after it is durable,
// and that with it; so the head is swapped for itself. A conflict says that somebody has
// swapped since, if only the bucket itself, which tried twice.
func (a *Archive) confirm(tag string, h *head, did func(*head) bool) (settled bool, err error) {
	b, err := a.store(h)
	if err != nil {
		return true, err
	}
	if err = a.bucket.SwapHead(tag, b); err == nil {
		return true, nil
	}
	if !errors.Is(err, store.ErrConflict) {
		return false, fmt.Errorf("swap the head once more: %w", err)
	}
	now, _, err := a.head()
	if err != nil {
		return false, err
	}
	if !did(&now) {
		return true, errMoved
	}
	return true, nil
}

// Upload puts a segment before any version names it, in the present epoch. Others go on
// with the archive meanwhile.
func (a *Archive) Upload(s store.Source) (uploaded int64, err error) {
	for range Attempts {
		n, err := a.upload(s)
		uploaded += n
		if !errors.Is(err, errMoved) {
			if err != nil {
				err = fmt.Errorf("upload: %w", err)
			}
			return uploaded, err
		}
	}
	return uploaded, fmt.Errorf("upload: %w: the head moved %d times", store.ErrBusy, Attempts)
}

func (a *Archive) upload(s store.Source) (uploaded int64, err error) {
	wants, epoch, tag, err := a.missing(s)
	if err != nil {
		return 0, a.stale(tag, err)
	}
	done, err := a.put(wants, epoch, a.bucket.Put)
	a.mu.Lock()
	uploaded = a.note(wants, done, epoch)
	a.mu.Unlock()
	return uploaded, a.stale(tag, err)
}

// missing is what the bucket does not have of a segment, under a head of that epoch and
// tag.
func (a *Archive) missing(s store.Source) (wants []want, epoch uint64, tag string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h, tag, err := a.head()
	if err != nil {
		return nil, 0, "", err
	}
	l := h.of(a.opts.Branch)
	known, err := a.known(&l, tag, l.Last)
	if err == nil {
		_, wants, err = a.plan(store.Draft{Segments: []store.Source{s}}, h.Epoch, known)
	}
	return wants, h.Epoch, tag, err
}
