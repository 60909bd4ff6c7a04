package catalog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// SmallBytes is up to where a segment is fetched as a whole by who needs a part of it,
// and needs no index for that.
const SmallBytes = 64 << 10

// FetchLater is [Home.Fetch], but for segments that are small or have an index it says
// where they are, and fetches nothing: their parts are away.
func (h *Home) FetchLater(v store.Version, next uint64, ext string) (State, error) {
	return h.fetchAll(v, next, ext, func(s store.Segment) bool { return s.Length > SmallBytes && s.IndexLength == 0 })
}

// Parent is the version that the state came from.
func (h *Home) Parent() store.Version { return h.state.Parent }

// Bring fetches the file of a part that is away, of a version that names it. It changes
// nothing of h, and may be called while others use it.
func (h *Home) Bring(v store.Version, p Part) error { return h.fetch(v, p) }

// Arrived notes that the file of a part that was away is there.
func (h *Home) Arrived(number uint64) error {
	s := h.State()
	for i := range s.Parts {
		if s.Parts[i].Number == number {
			s.Parts[i].Away = false
		}
	}
	h.named = true
	return h.Commit(s)
}

// Away reads of a part that is away what is needed.
type Away struct {
	home  *Home
	seg   store.Segment
	typ   byte // of the file
	v     store.Version
	index *record.Index
	whole []byte
	kept  map[int64][]byte // blocks of the index
}

// maxKept bounds the blocks of an index that are kept.
const maxKept = 256

// Away returns the reader of a part that is away, whose file is of that type.
func (h *Home) Away(p Part, typ byte) *Away {
	return &Away{home: h, seg: p.Remote[0], typ: typ, kept: map[int64][]byte{}}
}

// Near returns the bytes of records among which that of key must be, where they begin,
// and the file's salt; none if the part cannot have it. Errors wrap
// [store.ErrMissingSegment] or [store.ErrVersion] where version v is there no longer, or
// [store.ErrCorrupt]: but for a small part, what a record says is verified by its own
// checksum only, until all has been fetched.
func (a *Away) Near(v store.Version, key []byte) (b []byte, off int64, salt uint32, err error) {
	if !a.seg.Range.Holds(key) {
		return nil, 0, 0, nil
	}
	a.v = v
	if a.seg.IndexLength == 0 {
		return a.small()
	}
	if a.index == nil {
		x := &record.Index{Read: a.block, Length: a.seg.IndexLength, End: a.seg.Length}
		if err := x.Open(); err != nil {
			return nil, 0, 0, a.named(err)
		}
		a.index = x
	}
	from, to, ok, err := a.index.Find(key)
	if err != nil || !ok {
		return nil, 0, 0, a.named(err)
	}
	if b, err = a.read(false, from, to-from); err != nil {
		return nil, 0, 0, a.named(err)
	}
	return b, from, a.index.Salt(), nil
}

func (a *Away) named(err error) error {
	if err != nil {
		err = fmt.Errorf("segment %s, not fetched yet: %w", a.seg.Hash, err)
	}
	return err
}

// block reads a block of the index, once.
func (a *Away) block(off, n int64) ([]byte, error) {
	if b, ok := a.kept[off]; ok && int64(len(b)) == n {
		return b, nil
	}
	b, err := a.read(true, off, n)
	if err == nil {
		if len(a.kept) >= maxKept {
			clear(a.kept)
		}
		a.kept[off] = b
	}
	return b, err
}

func (a *Away) read(index bool, off, n int64) ([]byte, error) {
	r, err := a.home.opts.Archive.OpenRange(a.v, a.seg, index, off, n)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err = io.ReadFull(r, b); err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("%w: it ends before %d", store.ErrCorrupt, off+n)
	}
	return b, errors.Join(err, r.Close())
}

// small reads all of a small part, once.
func (a *Away) small() (b []byte, off int64, salt uint32, err error) {
	if a.whole == nil {
		if b, err = a.read(false, 0, a.seg.Length); err != nil {
			return nil, 0, 0, a.named(err)
		}
		if sha256.Sum256(b) != a.seg.Hash {
			return nil, 0, 0, a.named(fmt.Errorf("%w: it is not what its hash says", store.ErrCorrupt))
		}
		a.whole = b
	}
	h, err := record.DecodeHeader(a.whole, a.typ)
	if err != nil {
		return nil, 0, 0, a.named(err)
	}
	return a.whole[record.HeaderBytes:], record.HeaderBytes, h.Salt(), nil
}

// WithIndex adds the image of an index to a segment's source, if there is one.
func WithIndex(s store.Source, image []byte) store.Source {
	if len(image) > 0 {
		s.Index, s.IndexLength = sha256.Sum256(image), int64(len(image))
		s.OpenIndex = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }
	}
	return s
}

// openIndex makes the index that a segment has in the archive again, from the part that it is,
// if it is asked for: nil for none. What comes out may be another.
func (h *Home) openIndex(number uint64, seg store.Segment) func() (io.ReadCloser, error) {
	if h.index == nil || seg.IndexLength == 0 {
		return nil
	}
	return func() (io.ReadCloser, error) {
		image := h.index(number)
		if sha256.Sum256(image) != seg.Index {
			return nil, fmt.Errorf("%w: index %s of segment %s, and this one makes another", store.ErrMissingSegment, seg.Index, seg.Hash)
		}
		return io.NopCloser(bytes.NewReader(image)), nil
	}
}

// Indexed has [Home.Publish] give parts the indexes that f makes of their numbers; nil
// is none.
func (h *Home) Indexed(f func(number uint64) []byte) { h.index = f }

func (h *Home) indexOf(number uint64) []byte {
	if h.index == nil {
		return nil
	}
	return h.index(number)
}
