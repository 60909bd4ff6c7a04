package store

import (
	"encoding/hex"
	"io"
	"strconv"
)

// Version numbers a state in an archive, from 1; versions of one archive are
// published in ascending order, and none is given twice.
type Version uint64

// Latest stands for the last version that an archive published.
const Latest Version = 0

// String is the number, or "latest".
func (v Version) String() string {
	if v == Latest {
		return "latest"
	}
	return strconv.FormatUint(uint64(v), 10)
}

// Ref is a version beyond doubt. A number alone is not: a branch that is dropped and begun
// anew gives its numbers again. The zero Ref is no version.
type Ref struct {
	Version Version `json:"version"`
	// Manifest is the name of the version's manifest, which has one content; empty where
	// only the number is known.
	Manifest string `json:"manifest,omitempty"`
}

// Is reports that both are one version, as far as both say.
func (r Ref) Is(s Ref) bool {
	return r.Version == s.Version && (r.Manifest == s.Manifest || r.Manifest == "" || s.Manifest == "")
}

// Writer is who publishes, over all openings of its directory. The zero Writer is nobody,
// and no version is its own.
type Writer struct {
	// Number is what the archive's bucket gave it, from 1.
	Number uint64 `json:"number,omitempty"`
	// First is the manifest of the first version that it knows it published: two writers with
	// one number, of two buckets, do not share it.
	First string `json:"first,omitempty"`
}

// Wrote reports that the version of the manifest is the writer's.
func (w Writer) Wrote(m *Manifest) bool {
	return w.Number != 0 && w.Number == m.Writer.Number &&
		(w.First == "" || w.First == m.Writer.First || w.First == m.Name)
}

// Hash is the SHA-256 of a segment's bytes.
type Hash [32]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is the hash in hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return hex.ErrLength
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Segment is an immutable piece of a state: a file that its engine can read.
type Segment struct {
	Hash   Hash  `json:"hash"`
	Length int64 `json:"length"` // bytes
	// Range is what of the segment counts: records of other keys do not.
	Range KeyRange `json:"range,omitzero"`
	// Index is the hash of an object that says where in the segment a key is, so that
	// one can be found without all of it; zero for none. IndexLength is its bytes.
	Index       Hash  `json:"index,omitzero"`
	IndexLength int64 `json:"index_length,omitempty"`
}

// Source is a segment and where its bytes come from. Open is nil for a segment
// that only the archive has, and OpenIndex where there is no index, or only there.
type Source struct {
	Segment
	Open      func() (io.ReadCloser, error)
	OpenIndex func() (io.ReadCloser, error)
}

// Manifest is a version: what its state consists of.
type Manifest struct {
	// Name is that of the manifest itself.
	Name    string  `json:"-"`
	Version Version `json:"version"`
	// Parent is the version that the state came from, 0 for none.
	Parent Version `json:"parent"`
	// Engine names the engine that can read the segments.
	Engine string `json:"engine"`
	// Format is the version of the segments' format.
	Format int `json:"format"`
	// Segments are the pieces, oldest first: of two that speak of one key the later
	// counts.
	Segments []Segment `json:"segments"`
	// Whole says that the segments count as wholes only: their keys cannot be told
	// apart, so that no range of them makes a state.
	Whole bool `json:"whole,omitempty"`
	// Writer is who published it; nobody's is what was split or merged, or published before
	// writers had numbers.
	Writer Writer `json:"writer,omitzero"`
}

// Draft is a version to be published.
type Draft struct {
	// Seen is the archive's latest version as its writer knows it. The draft is refused if it
	// no longer is, unless the latest is the writer's own: one of unknown outcome, or, with
	// Resumed, any.
	Seen Ref
	// Parent, Engine, Format, Segments, Whole and Writer are those of [Manifest].
	Parent   Ref
	Engine   string
	Format   int
	Segments []Source
	Whole    bool
	Writer   Writer
	// Resumed says that the writer was opened since it last published, so that what it has
	// seen may be of before that, and the archive another.
	Resumed bool
}

// Archive keeps versions. The package kvs/store/snapshot implements it over a
// [Bucket].
type Archive interface {
	// Latest is the last version published, 0 for none.
	Latest() (Version, error)
	// Ref returns version v beyond doubt, or the latest: the zero Ref for none. Errors wrap
	// [ErrVersion].
	Ref(v Version) (Ref, error)
	// Register gives a writer a number that no other has in the archive's bucket, in any
	// branch.
	Register() (Writer, error)
	// Manifest returns version v, or the latest. Errors wrap [ErrVersion],
	// [ErrMissing], [ErrCorrupt].
	Manifest(v Version) (Manifest, error)
	// Publish makes the draft the latest version, giving the bucket what it does not
	// have. uploaded is how many bytes that were, of all kinds. Errors wrap
	// [ErrConflict], or [ErrMissingSegment] for a source without Open that no
	// version kept holds.
	Publish(d Draft) (r Ref, uploaded int64, err error)
	// Upload gives the bucket a segment before any version names it, so that a later
	// Publish need not. Until then it may be collected, which Publish then repairs.
	Upload(s Source) (uploaded int64, err error)
	// Open returns the bytes of a segment of version v, which the reader must
	// verify. Errors wrap [ErrMissingSegment].
	Open(v Version, s Segment) (io.ReadCloser, error)
	// OpenRange returns n bytes of a segment of version v from offset off on, or of its
	// index, which the reader must verify. Errors wrap [ErrMissingSegment].
	OpenRange(v Version, s Segment, index bool, off, n int64) (io.ReadCloser, error)
}

// Parallel is what an archive may do besides: Each calls do for 0 to n-1, several at
// once if the archive is made for that, and returns the error of the least number for
// which there was one, once none runs any more.
type Parallel interface {
	Each(n int, do func(i int) error) error
}

// Bucket is where an archive keeps its objects: names of letters, digits, '-' and
// '.', which never change once they are put, and one head that does.
type Bucket interface {
	// Put stores size bytes of r durably under name, in place of what is there.
	Put(name string, size int64, r io.Reader) error
	// Get reads an object. Errors wrap [ErrNoObject].
	Get(name string) (io.ReadCloser, error)
	// Delete removes an object; one that is not there is no error.
	Delete(name string) error
	// List returns the names that begin with prefix, sorted.
	List(prefix string) ([]string, error)
	// Head returns the head and a tag that no other content of it ever has; both are
	// empty before the first SwapHead.
	Head() (data []byte, tag string, err error)
	// SwapHead replaces the head durably if its tag is still the given one; else the
	// error wraps [ErrConflict] and nothing changed. After another error the head may
	// or may not have been replaced.
	SwapHead(tag string, data []byte) error
}

// SoonBucket is a bucket that can store several objects with less waiting than one by
// one.
type SoonBucket interface {
	// PutSoon is Put, but the object is durable only once a Put that began after it has
	// returned without an error; until then a crash may take it.
	PutSoon(name string, size int64, r io.Reader) error
}

// RangeBucket is a bucket that reads parts of objects. Of one that is not, an archive
// reads objects from the beginning.
type RangeBucket interface {
	// GetRange reads n bytes of an object from offset off on, fewer if it ends before.
	// Errors wrap [ErrNoObject].
	GetRange(name string, off, n int64) (io.ReadCloser, error)
}
