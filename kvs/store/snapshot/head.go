package snapshot

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/internal/catalog"
)

// Bounds of an archive.
const (
	// MaxVersions is how many versions an archive keeps at once.
	MaxVersions = 1 << 16
	// MaxSegments is how many segments a version has.
	MaxSegments = catalog.MaxParts
	// MaxBranches is how many branches there are at once besides the main one.
	MaxBranches = 1 << 10
	// MaxBranchName is how many bytes a branch's name has.
	MaxBranchName = 64

	maxObjectBytes = 64 << 20 // of a manifest
	pagedFormat    = 4        // where a branch has pages
	headFormat     = 3        // where none has; 2 where no writer has a number, 1 where there are no branches either
	manifestFormat = 3        // 2 where its writer has no number, 1 where segments have neither range nor index either
	headTitle      = "joinery archive"
	manifestTitle  = "joinery version"
)

// head is the one object that changes.
type head struct {
	// Epoch is how often the archive was collected, plus 1.
	Epoch uint64 `json:"epoch"`
	// Writers is how many writers were given a number.
	Writers uint64 `json:"writers,omitempty"`
	line           // the main branch
	// Branches are the others, by name. None is empty.
	Branches []branch `json:"branches,omitempty"`

	// since is the epoch in which the head was read, pages are those that it named then,
	// and the epoch of each.
	since uint64
	pages map[store.Hash]uint64
}

// line is the versions of a branch.
type line struct {
	// Last is the last version published, kept or not; numbers are not used again.
	Last store.Version `json:"last"`
	// Versions are those kept, ascending. The last one is always Last.
	Versions []entry `json:"versions"`
}

type branch struct {
	Name string `json:"name"`
	line
}

type entry struct {
	Version  store.Version `json:"version"`
	Manifest string        `json:"manifest"`
}

func (e entry) ref() store.Ref { return store.Ref{Version: e.Version, Manifest: e.Manifest} }

// object names something put: its hash, and the epoch in which it was put.
type object struct {
	kind  string
	hash  store.Hash
	epoch uint64
}

const (
	segmentKind  = "seg"
	manifestKind = "man"
	pageKind     = "page"
)

// kinds are all kinds of objects.
var kinds = []string{segmentKind, manifestKind, pageKind}

func (o object) String() string { return fmt.Sprintf("%s-%s-%d", o.kind, o.hash, o.epoch) }

// parseObject reads an object's name; ok is false for what is no name of ours.
func parseObject(name string) (o object, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 3 || !slices.Contains(kinds, parts[0]) {
		return object{}, false
	}
	o.kind = parts[0]
	if err := o.hash.UnmarshalText([]byte(parts[1])); err != nil {
		return object{}, false
	}
	var err error
	o.epoch, err = strconv.ParseUint(parts[2], 10, 64)
	return o, err == nil && o.String() == name
}

// manifest is a version with the names of its segments.
type manifest struct {
	store.Manifest
	Epochs []uint64 `json:"epochs"` // of each segment's object
	// IndexEpochs are those of the segments' indexes, 0 where there is none.
	IndexEpochs []uint64 `json:"index_epochs,omitempty"`
}

func (m *manifest) object(i int) object {
	return object{segmentKind, m.Segments[i].Hash, m.Epochs[i]}
}

// index is the object of a segment's index, if it has one.
func (m *manifest) index(i int) (object, bool) {
	if m.Segments[i].IndexLength == 0 {
		return object{}, false
	}
	return object{segmentKind, m.Segments[i].Index, m.IndexEpochs[i]}, true
}

// each calls do with the objects that the manifest names.
func (m *manifest) each(do func(object)) {
	for i := range m.Segments {
		do(m.object(i))
		if o, ok := m.index(i); ok {
			do(o)
		}
	}
}

// decodeHead reads a head, and the pages that it names with get.
func decodeHead(b []byte, get pageReader) (head, error) {
	if len(b) == 0 {
		return head{Epoch: 1, since: 1}, nil
	}
	h, err := unsealHead(b, get)
	if err != nil {
		return head{}, fmt.Errorf("head: %w", err)
	}
	h.since = h.Epoch
	if h.Epoch == 0 || len(h.Versions) == 0 && len(h.Branches) == 0 && h.Writers == 0 || len(h.Branches) > MaxBranches {
		return head{}, fmt.Errorf("head: %w: epoch %d, %d versions, %d branches", store.ErrCorrupt, h.Epoch, len(h.Versions), len(h.Branches))
	}
	if err := h.check(); err != nil {
		return head{}, fmt.Errorf("head: %w", err)
	}
	last := ""
	for _, b := range h.Branches {
		if checkName(b.Name) != nil || b.Name <= last || len(b.Versions) == 0 {
			return head{}, fmt.Errorf("head: %w: branch %q after %q with %d versions", store.ErrCorrupt, b.Name, last, len(b.Versions))
		}
		last = b.Name
		if err := b.check(); err != nil {
			return head{}, fmt.Errorf("head: branch %s: %w", b.Name, err)
		}
	}
	if n := h.versions(); n > MaxVersions {
		return head{}, fmt.Errorf("head: %w: %d versions", store.ErrCorrupt, n)
	}
	return h, nil
}

// unsealHead reads a head of any format, unchecked.
func unsealHead(b []byte, get pageReader) (head, error) {
	if !bytes.HasPrefix(b, fmt.Appendf(nil, "%s %d ", headTitle, pagedFormat)) {
		var h head
		err := catalog.Unseal(headTitle, pagedFormat, b, &h)
		return h, err
	}
	var p pagedHead
	if err := catalog.Unseal(headTitle, pagedFormat, b, &p); err != nil {
		return head{}, err
	}
	return p.head(get)
}

// check refuses versions that no branch has.
func (l *line) check() error {
	var before store.Version
	for _, e := range l.Versions {
		if e.Version <= before {
			return fmt.Errorf("%w: version %s after %s", store.ErrCorrupt, e.Version, before)
		}
		before = e.Version
		if o, ok := parseObject(e.Manifest); !ok || o.kind != manifestKind {
			return fmt.Errorf("%w: version %s has manifest %q", store.ErrCorrupt, e.Version, e.Manifest)
		}
	}
	if before != l.Last {
		return fmt.Errorf("%w: version %s is not the last kept", store.ErrCorrupt, l.Last)
	}
	return nil
}

// checkName refuses names that no branch has: 1 to MaxBranchName letters, digits, '-'
// and '.'.
func checkName(name string) error {
	ok := name != "" && len(name) <= MaxBranchName
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if !ok {
		return fmt.Errorf("%w: branch %.80q, want 1 to %d letters, digits, '-' and '.'", store.ErrOptions, name, MaxBranchName)
	}
	return nil
}

// versions is how many versions are kept.
func (h *head) versions() int {
	n := len(h.Versions)
	for _, b := range h.Branches {
		n += len(b.Versions)
	}
	return n
}

// lines are all branches, the main one first.
func (h *head) lines() []*line {
	ls := []*line{&h.line}
	for i := range h.Branches {
		ls = append(ls, &h.Branches[i].line)
	}
	return ls
}

// of is the branch of that name, "" for the main one; one that is not there is empty.
func (h *head) of(name string) line {
	if name == "" {
		return h.line
	}
	if i, ok := h.at(name); ok {
		return h.Branches[i].line
	}
	return line{}
}

func (h *head) at(name string) (int, bool) {
	return slices.BinarySearchFunc(h.Branches, name, func(b branch, name string) int { return strings.Compare(b.Name, name) })
}

// put makes l the branch of that name.
func (h *head) put(name string, l line) {
	if name == "" {
		h.line = l
		return
	}
	i, ok := h.at(name)
	if !ok {
		h.Branches = slices.Insert(h.Branches, i, branch{Name: name})
	}
	h.Branches[i].line = l
}

// plainFormat is the least format of a head without pages that says what it says.
func (h *head) plainFormat() int {
	switch {
	case h.Writers > 0:
		return headFormat
	case len(h.Branches) > 0:
		return 2
	}
	return 1
}

// find is the entry of a version, or of the latest.
func (l *line) find(v store.Version) (entry, error) {
	if len(l.Versions) == 0 {
		return entry{}, fmt.Errorf("%w: %s; there is none yet", store.ErrVersion, v)
	}
	if v == store.Latest {
		return l.Versions[len(l.Versions)-1], nil
	}
	for _, e := range l.Versions {
		if e.Version == v {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("%w: %s; there are %d from %s to %s", store.ErrVersion, v,
		len(l.Versions), l.Versions[0].Version, l.Last)
}

func decodeManifest(b []byte) (manifest, error) {
	var m manifest
	if err := catalog.Unseal(manifestTitle, manifestFormat, b, &m); err != nil {
		return manifest{}, err
	}
	if len(m.Segments) > MaxSegments || len(m.Epochs) != len(m.Segments) || m.Version == 0 ||
		len(m.IndexEpochs) != 0 && len(m.IndexEpochs) != len(m.Segments) {
		return manifest{}, fmt.Errorf("%w: version %s with %d segments and %d and %d epochs", store.ErrCorrupt,
			m.Version, len(m.Segments), len(m.Epochs), len(m.IndexEpochs))
	}
	if o, ok := parseObject(m.Writer.First); m.Writer.First != "" && (!ok || o.kind != manifestKind || m.Writer.Number == 0) {
		return manifest{}, fmt.Errorf("%w: version %s of writer %d, which began with %q", store.ErrCorrupt, m.Version, m.Writer.Number, m.Writer.First)
	}
	for i, s := range m.Segments {
		if err := s.Check(); err != nil {
			return manifest{}, fmt.Errorf("segment %s: %w", s.Hash, err)
		}
		if s.IndexLength > 0 && len(m.IndexEpochs) == 0 || len(m.IndexEpochs) > 0 && (m.IndexEpochs[i] == 0) != (s.IndexLength == 0) {
			return manifest{}, fmt.Errorf("%w: segment %s has an index of no epoch, or an epoch of no index", store.ErrCorrupt, s.Hash)
		}
	}
	return m, nil
}

func (m *manifest) encode() ([]byte, error) {
	format := 1
	if m.Whole || slices.ContainsFunc(m.Segments, func(s store.Segment) bool { return !s.Plain() }) {
		format = 2
	}
	if m.Writer != (store.Writer{}) {
		format = manifestFormat
	}
	return catalog.Seal(manifestTitle, format, m)
}
