package snapshot

import (
	"fmt"
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

	maxObjectBytes = 64 << 20 // of a manifest
	headFormat     = 1
	manifestFormat = 1
	headTitle      = "joinery archive"
	manifestTitle  = "joinery version"
)

// head is the one object that changes.
type head struct {
	// Epoch is how often the archive was collected, plus 1.
	Epoch uint64 `json:"epoch"`
	// Last is the last version published, kept or not; numbers are not used again.
	Last store.Version `json:"last"`
	// Versions are those kept, ascending. The last one is always Last.
	Versions []entry `json:"versions"`
}

type entry struct {
	Version  store.Version `json:"version"`
	Manifest string        `json:"manifest"`
}

// object names something put: its hash, and the epoch in which it was put.
type object struct {
	kind  string
	hash  store.Hash
	epoch uint64
}

const (
	segmentKind  = "seg"
	manifestKind = "man"
)

func (o object) String() string { return fmt.Sprintf("%s-%s-%d", o.kind, o.hash, o.epoch) }

// parseObject reads an object's name; ok is false for what is no name of ours.
func parseObject(name string) (o object, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 3 || parts[0] != segmentKind && parts[0] != manifestKind {
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
}

func (m *manifest) object(i int) object {
	return object{segmentKind, m.Segments[i].Hash, m.Epochs[i]}
}

func decodeHead(b []byte) (head, error) {
	if len(b) == 0 {
		return head{Epoch: 1}, nil
	}
	var h head
	if err := catalog.Unseal(headTitle, headFormat, b, &h); err != nil {
		return head{}, fmt.Errorf("head: %w", err)
	}
	if len(h.Versions) > MaxVersions || h.Epoch == 0 || len(h.Versions) == 0 {
		return head{}, fmt.Errorf("head: %w: epoch %d, %d versions", store.ErrCorrupt, h.Epoch, len(h.Versions))
	}
	if h.Versions[len(h.Versions)-1].Version != h.Last {
		return head{}, fmt.Errorf("head: %w: version %s is not the last kept", store.ErrCorrupt, h.Last)
	}
	var before store.Version
	for _, e := range h.Versions {
		if e.Version <= before {
			return head{}, fmt.Errorf("head: %w: version %s after %s", store.ErrCorrupt, e.Version, before)
		}
		before = e.Version
		if o, ok := parseObject(e.Manifest); !ok || o.kind != manifestKind {
			return head{}, fmt.Errorf("head: %w: version %s has manifest %q", store.ErrCorrupt, e.Version, e.Manifest)
		}
	}
	return h, nil
}

func (h *head) encode() ([]byte, error) { return catalog.Seal(headTitle, headFormat, h) }

// find is the entry of a version, or of the latest.
func (h *head) find(v store.Version) (entry, error) {
	if len(h.Versions) == 0 {
		return entry{}, fmt.Errorf("%w: %s; there is none yet", store.ErrVersion, v)
	}
	if v == store.Latest {
		return h.Versions[len(h.Versions)-1], nil
	}
	for _, e := range h.Versions {
		if e.Version == v {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("%w: %s; there are %d from %s to %s", store.ErrVersion, v,
		len(h.Versions), h.Versions[0].Version, h.Last)
}

func decodeManifest(b []byte) (manifest, error) {
	var m manifest
	if err := catalog.Unseal(manifestTitle, manifestFormat, b, &m); err != nil {
		return manifest{}, err
	}
	if len(m.Segments) > MaxSegments || len(m.Epochs) != len(m.Segments) || m.Version == 0 {
		return manifest{}, fmt.Errorf("%w: version %s with %d segments and %d epochs", store.ErrCorrupt,
			m.Version, len(m.Segments), len(m.Epochs))
	}
	for _, s := range m.Segments {
		if s.Length < 0 {
			return manifest{}, fmt.Errorf("%w: a segment of %d bytes", store.ErrCorrupt, s.Length)
		}
	}
	return m, nil
}

func (m *manifest) encode() ([]byte, error) { return catalog.Seal(manifestTitle, manifestFormat, m) }
