// Package catalog keeps an engine's directory: which files count, in which order,
// and what of them an archive has. The catalog is one small file that is replaced
// as a whole, so that each change of the list happens at once or not at all; a file
// that it does not name is left over, and removed when the directory is opened.
//
//	LOCK           held while an engine has the directory open
//	CATALOG        the State; CATALOG.tmp on the way to it
//	NNNNNNNN.ext   files of records and what can be made from them again
//	versions       a folder that may hold the archive; not looked at
//
// The package knows nothing of what is in the files.
package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/record"
)

// Format is the version of the format of versions that engines on a catalog publish.
const Format = 1

// Versions of the catalog's own format, the least that says what it does: ranges and parts
// that are away, parts that were uploaded ahead, what of the archive was seen, and an index
// or that the parent is empty.
const (
	plainFormat = iota + 1
	rangeFormat
	fileFormat
	refFormat
	indexFormat
)

// Bounds of a catalog.
const (
	MaxParts = 1 << 16
	maxBytes = 64 << 20
)

// Open is the length of a part that is being written.
const Open = -1

// Part is a file that counts.
type Part struct {
	Number uint64 `json:"number"`
	Ext    string `json:"ext"`
	// Level is how often its records have been merged.
	Level int `json:"level"`
	// Length is how many of its bytes count, or [Open].
	Length int64 `json:"length"`
	// Hash is that of the bytes that count, zero where nobody needed it yet.
	Hash store.Hash `json:"hash"`
	// Remote are segments that the archive has and that say the same, oldest first.
	Remote []store.Segment `json:"remote,omitempty"`
	// Uploaded is the part itself as a segment that the archive was given, and that no
	// version names yet: a collecting may take it, and then Remote still says the same.
	Uploaded *store.Segment `json:"uploaded,omitempty"`
	// Range is what of it counts: records of other keys do not.
	Range store.KeyRange `json:"range,omitzero"`
	// Away says that the file is not there yet: what it will be is the one segment of
	// Remote, which the archive has.
	Away bool `json:"away,omitempty"`
}

// State is what a catalog says.
type State struct {
	Engine string `json:"engine"`
	// Begun says that the directory ever held a part: one that holds none any more is
	// not for want of a state.
	Begun bool `json:"begun"`
	// Next is above the number of every part.
	Next uint64 `json:"next"`
	// Parent is the version that the first Published parts are, 0 for none.
	Parent    store.Version `json:"parent"`
	Published int           `json:"published"`
	// ParentManifest is the name of the parent's manifest, empty in catalogs of before it was
	// kept.
	ParentManifest string `json:"parent_manifest,omitempty"`
	// Seen is the archive's latest version, as this writer knows it, and nil in catalogs of
	// before it was kept.
	Seen *store.Ref `json:"seen,omitempty"`
	// Writer is who publishes, once it has published.
	Writer store.Writer `json:"writer,omitzero"`
	// ParentEmpty says that the parent holds no key, whatever segments it has.
	ParentEmpty bool `json:"parent_empty,omitempty"`
	// Index is the number of a file that the engine can make again from the parts, and of which
	// it wants to know which one to read; 0 for none.
	Index uint64 `json:"index,omitempty"`
	// Parts are the files that count, oldest first.
	Parts []Part `json:"parts"`
}

// From is the version that the state came from, beyond doubt.
func (s *State) From() store.Ref { return store.Ref{Version: s.Parent, Manifest: s.ParentManifest} }

// Came notes from which version the state came, and which of the archive's is the latest that
// was seen.
func (s *State) Came(from, seen store.Ref) {
	s.Parent, s.ParentManifest, s.Seen, s.ParentEmpty = from.Version, from.Manifest, &seen, false
}

// Clone copies the state; what Remote, Uploaded and Seen point to is never changed.
func (s State) Clone() State {
	s.Parts = append([]Part(nil), s.Parts...)
	return s
}

// check refuses states that no engine commits.
func (s *State) check() error {
	if len(s.Parts) > MaxParts || s.Published < 0 || s.Published > len(s.Parts) {
		return fmt.Errorf("%w: %d parts, %d of them published", store.ErrCorrupt, len(s.Parts), s.Published)
	}
	if s.Parent == 0 && (s.ParentManifest != "" || s.ParentEmpty) || s.Writer.Number == 0 && s.Writer.First != "" ||
		s.Seen != nil && s.Seen.Version == 0 && s.Seen.Manifest != "" {
		return fmt.Errorf("%w: a manifest of no version, or no writer", store.ErrCorrupt)
	}
	seen := map[uint64]bool{}
	for i, p := range s.Parts {
		switch {
		case p.Number >= s.Next || seen[p.Number]:
			return fmt.Errorf("%w: part %d stands twice or is not below %d", store.ErrCorrupt, p.Number, s.Next)
		case p.Length < Open, p.Length == Open && i < s.Published:
			return fmt.Errorf("%w: part %d of length %d", store.ErrCorrupt, p.Number, p.Length)
		case p.Level < 0 || p.Ext == "" || strings.ContainsFunc(p.Ext, func(r rune) bool { return r < 'a' || r > 'z' }):
			return fmt.Errorf("%w: part %d of level %d with extension %q", store.ErrCorrupt, p.Number, p.Level, p.Ext)
		case (len(p.Remote) > 0) != (i < s.Published):
			return fmt.Errorf("%w: part %d has %d segments", store.ErrCorrupt, p.Number, len(p.Remote))
		case p.Range.Empty():
			return fmt.Errorf("%w: part %d of the keys %.100s", store.ErrCorrupt, p.Number, p.Range)
		case p.Away && (len(p.Remote) != 1 || p.Remote[0].Hash != p.Hash || p.Remote[0].Length != p.Length):
			return fmt.Errorf("%w: part %d is away, and not what its segment is", store.ErrCorrupt, p.Number)
		}
		if u := p.Uploaded; u != nil && (len(p.Remote) == 0 || p.Away || u.Hash != p.Hash || u.Length != p.Length || u.Check() != nil) {
			return fmt.Errorf("%w: part %d was uploaded, and is not what was", store.ErrCorrupt, p.Number)
		}
		for _, r := range p.Remote {
			if err := r.Check(); err != nil {
				return fmt.Errorf("part %d: %w", p.Number, err)
			}
		}
		seen[p.Number] = true
	}
	if s.Index != 0 && (s.Index >= s.Next || seen[s.Index]) {
		return fmt.Errorf("%w: the index %d is a part's, or not below %d", store.ErrCorrupt, s.Index, s.Next)
	}
	return nil
}

const title = "joinery catalog"

// Encode is the state as bytes that [Decode] reads.
func (s State) Encode() ([]byte, error) {
	format := plainFormat
	for _, p := range s.Parts {
		plain := p.Range == (store.KeyRange{}) && !p.Away
		for _, r := range p.Remote {
			plain = plain && r.Plain()
		}
		if !plain {
			format = max(format, rangeFormat)
		}
		if p.Uploaded != nil {
			format = fileFormat
		}
	}
	if s.Seen != nil || s.ParentManifest != "" || s.Writer != (store.Writer{}) {
		format = refFormat
	}
	if s.Index != 0 || s.ParentEmpty {
		format = indexFormat
	}
	return Seal(title, format, s)
}

// Decode reads a state. Errors wrap [store.ErrCorrupt], [store.ErrFormat],
// [store.ErrForeign].
func Decode(b []byte) (State, error) {
	var s State
	if err := Unseal(title, indexFormat, b, &s); err != nil {
		return State{}, err
	}
	return s, s.check()
}

// Seal is v as one line that names title, format and a checksum, and its JSON.
func Seal(title string, format int, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", title, err)
	}
	head := fmt.Sprintf("%s %d", title, format)
	return fmt.Appendf(nil, "%s %08x\n%s\n", head, sum(head, body), body), nil
}

// sum covers the line too, so that a spoiled format is damage and not a version.
func sum(head string, body []byte) uint32 {
	return record.Checksum(append([]byte(head+"\n"), body...))
}

// Unseal reads what [Seal] wrote into v, which must point to a zero value, in format
// or one before it. Errors wrap [store.ErrForeign], [store.ErrFormat] or [store.ErrCorrupt].
func Unseal(title string, format int, b []byte, v any) error {
	if len(b) > maxBytes {
		return fmt.Errorf("%w: %d bytes, more than %d", store.ErrCorrupt, len(b), maxBytes)
	}
	line, body, ok := bytes.Cut(b, []byte("\n"))
	var got int
	var crc uint32
	rest, known := bytes.CutPrefix(line, []byte(title+" "))
	if !known {
		return fmt.Errorf("%w: not a %s, or not any more", store.ErrCorrupt, title)
	}
	if n, err := fmt.Sscanf(string(rest), "%d %08x", &got, &crc); !ok || n != 2 || err != nil {
		return fmt.Errorf("%w: first line %q", store.ErrCorrupt, line)
	}
	body, ended := bytes.CutSuffix(body, []byte("\n"))
	head := fmt.Sprintf("%s %d", title, got)
	switch {
	case !ended || sum(head, body) != crc || string(line) != fmt.Sprintf("%s %08x", head, crc):
		return fmt.Errorf("%w: checksum of the %s", store.ErrCorrupt, title)
	case got < 1 || got > format:
		return fmt.Errorf("%w: %s of format %d, this reads up to %d", store.ErrFormat, title, got, format)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %s: %w", store.ErrCorrupt, title, err)
	}
	return nil
}
