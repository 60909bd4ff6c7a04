package catalog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// Idle returns the version that the state is, if that is the archive's latest.
// Nothing must have been set that the catalog does not say. An archive that cannot be
// read is an error: taken for one that has moved, it would get a version twice.
func (h *Home) Idle() (v store.Version, idle bool, err error) {
	s := &h.state
	if s.Published != len(s.Parts) {
		return 0, false, nil
	}
	if idle, err = h.AtLatest(); err != nil || !idle {
		return 0, false, err
	}
	if s.Published == 0 && !s.ParentEmpty {
		idle, err = h.parentIsEmpty()
		return s.Parent, idle, err
	}
	return s.Parent, true, nil
}

// AtLatest reports that the version that the state came from is the archive's latest, by its
// manifest: a number may be another version's by now.
func (h *Home) AtLatest() (bool, error) {
	s := &h.state
	if s.Parent == 0 {
		return false, nil
	}
	latest, err := h.opts.Archive.Ref(store.Latest)
	if err != nil {
		return false, fmt.Errorf("read the archive: %w", err)
	}
	return s.From().Is(latest) && (s.Seen == nil || s.Seen.Is(latest)), nil
}

// parentIsEmpty reports that the version the state came from has no segments. Without
// parts the state is empty, which says nothing of the version: merges drop what is
// deleted, from what is published too. A manifest that is lost or spoiled is of a
// version that the state is not known to be.
func (h *Home) parentIsEmpty() (bool, error) {
	m, err := h.opts.Archive.Manifest(h.state.Parent)
	switch {
	case errors.Is(err, store.ErrVersion), errors.Is(err, store.ErrMissing), errors.Is(err, store.ErrCorrupt):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the archive: %w", err)
	}
	return len(m.Segments) == 0, nil
}

// HashOf reads the part and returns the hash of what counts of it.
func (h *Home) HashOf(p Part) (store.Hash, error) {
	f, err := h.OpenPart(p.Number, p.Ext)
	if err != nil {
		return store.Hash{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, p.Length))
	if err == nil && n != p.Length {
		err = fmt.Errorf("%w: %s ends at %d of %d bytes", store.ErrCorrupt, h.Path(p.Number, p.Ext), n, p.Length)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return store.Hash{}, err
	}
	return store.Hash(sum.Sum(nil)), nil
}

// Source is the part as a segment of its own; it fills in p.Hash. It reads files
// only, and may be called while others use h.
func (h *Home) Source(p *Part) (store.Source, error) {
	if p.Hash == (store.Hash{}) {
		var err error
		if p.Hash, err = h.HashOf(*p); err != nil {
			return store.Source{}, err
		}
	}
	part := *p
	return store.Source{
		Segment: store.Segment{Hash: p.Hash, Length: p.Length, Range: p.Range},
		Open: func() (io.ReadCloser, error) {
			f, err := h.OpenPart(part.Number, part.Ext)
			if err != nil {
				return nil, err
			}
			return &section{io.NewSectionReader(f, 0, part.Length), f}, nil
		},
	}, nil
}

type section struct {
	*io.SectionReader
	io.Closer
}

// Publish gives the archive the state that the catalog says, no part of which is
// being written, and notes in the catalog that it did. uploaded counts what the archive
// was given, also by tries that failed.
//
// The archive may have dropped the version that a part's segments were from; then
// the parts themselves are uploaded.
func (h *Home) Publish() (v store.Version, uploaded int64, err error) {
	return h.publishing(h.commitNoted)
}

// PublishNoted is [Home.Publish], but what it says of the version is noted only: a crash
// before the next Commit forgets which version the state is, and nothing of the state.
func (h *Home) PublishNoted() (v store.Version, uploaded int64, err error) {
	return h.publishing(h.Note)
}

// pieces is what of the archive's a version is to name.
type pieces int

const (
	uploaded pieces = iota // what was uploaded ahead, as far as there is anything
	named                  // what versions name
	own                    // nothing: all parts are put
)

func (h *Home) publishing(done func(State) error) (v store.Version, bytes int64, err error) {
	for _, of := range []pieces{uploaded, named, own} {
		if of == uploaded && !h.ahead() {
			continue
		}
		var n int64
		v, n, err = h.publish(of, done)
		bytes += n
		if !errors.Is(err, store.ErrMissingSegment) {
			break
		}
	}
	return v, bytes, err
}

// register has the archive give the writer a number, once, and makes it durable before
// anything is published with it: who forgets a version in a crash must find it for its own.
func (h *Home) register() error {
	s := h.State()
	if s.Writer.Number != 0 {
		return nil
	}
	var err error
	if s.Writer, err = h.opts.Archive.Register(); err != nil {
		return err
	}
	return h.commitNoted(s)
}

// Draft is a version that the writer of the directory may publish, yet without segments. The
// first one takes a number of the archive.
func (h *Home) Draft(format int) (store.Draft, error) {
	if err := h.register(); err != nil {
		return store.Draft{}, err
	}
	s := &h.state
	d := store.Draft{Parent: s.From(), Engine: s.Engine, Format: format, Writer: s.Writer, Resumed: h.resumed}
	if s.Seen != nil {
		d.Seen = *s.Seen
		return d, nil
	}
	var err error // a catalog of before it was kept, whose writer takes the latest for seen
	d.Seen, err = h.opts.Archive.Ref(store.Latest)
	return d, err
}

// Give publishes a draft, and has the state say what came of it. bytes are counted also
// where it fails.
func (h *Home) Give(d store.Draft, s *State) (v store.Version, bytes int64, err error) {
	r, bytes, err := h.opts.Archive.Publish(d)
	if err != nil {
		return 0, bytes, err
	}
	h.resumed = false
	s.Came(r, r)
	if s.Writer.First == "" {
		s.Writer.First = r.Manifest
	}
	return r.Version, bytes, nil
}

// ahead reports that a part was uploaded that no version names.
func (h *Home) ahead() bool {
	return slices.ContainsFunc(h.state.Parts, func(p Part) bool { return p.Uploaded != nil })
}

func (h *Home) publish(of pieces, done func(State) error) (store.Version, int64, error) {
	d, err := h.Draft(Format)
	if err != nil {
		return 0, 0, err
	}
	s := h.State()
	for i := range s.Parts {
		p := &s.Parts[i]
		if of == uploaded && p.Uploaded != nil {
			p.Remote = []store.Segment{*p.Uploaded}
		}
		p.Uploaded = nil
		sources, err := h.sources(p, of)
		if err != nil {
			return 0, 0, err
		}
		d.Segments = append(d.Segments, sources...)
	}
	v, bytes, err := h.Give(d, &s)
	if err != nil {
		return 0, bytes, err
	}
	s.Published = len(s.Parts)
	return v, bytes, done(s)
}

// sources are the segments that stand for a part, and where the archive finds what it does
// not have of them.
func (h *Home) sources(p *Part, of pieces) ([]store.Source, error) {
	if of == own || len(p.Remote) == 0 {
		if err := h.verify(p); err != nil {
			return nil, err
		}
		src, err := h.Source(p)
		if err != nil {
			return nil, err
		}
		src = WithIndex(src, h.indexOf(p.Number))
		p.Remote = []store.Segment{src.Segment}
		return []store.Source{src}, nil
	}
	var sources []store.Source
	for _, r := range p.Remote {
		src := store.Source{Segment: r}
		if r.Hash == p.Hash && of == named {
			self, err := h.Source(p)
			if err != nil {
				return nil, err
			}
			src.Open = self.Open
			src.OpenIndex = h.openIndex(p.Number, r)
		}
		sources = append(sources, src)
	}
	return sources, nil
}

// Verified has [Home.Publish] ask f about each part that has no hash yet, by its number: what
// the disk has spoiled must not go into the archive under a hash of its own.
func (h *Home) Verified(f func(number uint64) error) { h.whole = f }

func (h *Home) verify(p *Part) error {
	if h.whole == nil || p.Hash != (store.Hash{}) {
		return nil
	}
	return h.whole(p.Number)
}

// ErrNote is an error of the catalog after the archive has taken a version or a writer: the
// engine must stop, as after any failed Commit.
var ErrNote = errors.New("the archive has it, but the catalog could not be replaced")

func (h *Home) commitNoted(s State) error {
	if err := h.Commit(s); err != nil {
		return fmt.Errorf("%w: %w", ErrNote, err)
	}
	return nil
}

// Behind is the number of the first published part that stands for other segments
// than its own, which background work should upload, but for those that cannot be read.
func (h *Home) Behind(spoiled func(i int) bool) (number uint64, ok bool) {
	for i, p := range h.state.Parts[:h.state.Published] {
		if !spoiled(i) && p.Uploaded == nil && (len(p.Remote) != 1 || p.Remote[0].Hash != p.Hash) {
			return p.Number, true
		}
	}
	return 0, false
}

// Part is a part that the catalog names.
func (h *Home) Part(number uint64) (Part, bool) {
	for _, p := range h.state.Parts {
		if p.Number == number {
			return p, true
		}
	}
	return Part{}, false
}

// Uploaded notes that the archive was given a part itself, if it still counts. The
// segments that stood for it stay until a version names this one: only then no collecting
// takes it.
func (h *Home) Uploaded(number uint64, seg store.Segment) error {
	s := h.State()
	for i := range s.Parts[:s.Published] {
		if p := &s.Parts[i]; p.Number == number {
			p.Hash, p.Uploaded = seg.Hash, &seg
			return h.Commit(s)
		}
	}
	return nil
}

// Came returns a version, and the state that says of which it came and what of the archive
// was seen, yet without parts.
func (h *Home) Came(v store.Version) (store.Manifest, State, error) {
	s := State{Engine: h.state.Engine, Next: h.state.Next, Writer: h.state.Writer}
	var latest store.Ref
	var err error
	if v != store.Latest { // asked first: what others publish meanwhile was not seen
		if latest, err = h.opts.Archive.Ref(store.Latest); err != nil {
			return store.Manifest{}, s, err
		}
	}
	m, err := h.opts.Archive.Manifest(v)
	from := store.Ref{Version: m.Version, Manifest: m.Name}
	if v == store.Latest {
		latest = from
	}
	s.Came(from, latest)
	return m, s, err
}

// Fetch copies the segments of a version into new files, verified and durable, and
// returns the state that consists of them. It is not committed: the engine looks
// into the files first, and Restored switches. Their numbers begin at next, which
// must be above those in use. What an unfinished Fetch leaves goes at the next
// opening.
func (h *Home) Fetch(v store.Version, next uint64, ext string) (State, error) {
	return h.fetchAll(v, next, ext, func(store.Segment) bool { return true })
}

// fetchAll fetches the segments that are wanted now, and has the others' parts away.
func (h *Home) fetchAll(v store.Version, next uint64, ext string, now func(store.Segment) bool) (State, error) {
	m, s, err := h.Came(v)
	if err != nil {
		return State{}, err
	}
	cur := &h.state
	if m.Engine != cur.Engine {
		return State{}, fmt.Errorf("%w: version %s is of engine %q, this is %q", store.ErrForeign, m.Version, m.Engine, cur.Engine)
	}
	if m.Format != Format {
		return State{}, fmt.Errorf("%w: version %s has format %d, this is %d", store.ErrFormat, m.Version, m.Format, Format)
	}
	s.Next, s.Published = max(cur.Next, next), len(m.Segments)
	for _, seg := range m.Segments {
		s.Parts = append(s.Parts, Part{
			Number: s.Next, Ext: ext, Length: seg.Length, Hash: seg.Hash, Remote: []store.Segment{seg}, Range: seg.Range,
			Away: !now(seg),
		})
		s.Next++
	}
	h.named = h.named || len(s.Parts) > 0
	err = h.each(len(s.Parts), func(i int) error {
		if s.Parts[i].Away {
			return nil
		}
		if err := h.fetch(m.Version, s.Parts[i]); err != nil {
			return fmt.Errorf("segment %s: %w", s.Parts[i].Hash, err)
		}
		return nil
	})
	if err != nil {
		return State{}, errors.Join(err, h.Discard(s))
	}
	return s, nil
}

// Discard removes the files of a fetched state that is given up, so that what does not
// count takes no room.
func (h *Home) Discard(s State) error {
	var err error
	for _, p := range s.Parts {
		err = errors.Join(err, h.Remove(p.Number, p.Ext))
	}
	return err
}

// each calls do for 0 to n-1, several at once if the archive does that.
func (h *Home) each(n int, do func(i int) error) error {
	if p, ok := h.opts.Archive.(store.Parallel); ok {
		return p.Each(n, do)
	}
	for i := range n {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// fetch copies the segment of a part into its file, which is there as a whole or not. It
// changes nothing of h.
func (h *Home) fetch(v store.Version, p Part) error {
	err := h.copySegment(v, p)
	if err == nil {
		return nil
	}
	if e := h.fs.Remove(h.Path(p.Number, p.Ext)); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

func (h *Home) copySegment(v store.Version, p Part) error {
	r, err := h.opts.Archive.Open(v, p.Remote[0])
	if err != nil {
		return err
	}
	f, err := h.fs.Create(h.Path(p.Number, p.Ext), category)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	sum := sha256.New()
	n, err := io.Copy(f, io.TeeReader(io.LimitReader(r, p.Length+1), sum))
	if err == nil && (n != p.Length || store.Hash(sum.Sum(nil)) != p.Hash) {
		err = fmt.Errorf("%w: %d bytes that are not those of the manifest", store.ErrCorrupt, n)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), r.Close())
}

// Restored notes that the state is the version that it was fetched from.
func (h *Home) Restored(s State) error { return h.commitNoted(s) }

// Published is how many of the first parts are a version's.
func (h *Home) Published() int { return h.state.Published }

// Sealed reports that the part at index i is not being written.
func (h *Home) Sealed(i int) bool { return i < len(h.state.Parts) && h.state.Parts[i].Length != Open }
