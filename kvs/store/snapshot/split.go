package snapshot

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/store"
)

// Part is a range of keys for a branch of its own.
type Part struct {
	Branch string
	Range  store.KeyRange
}

// Split makes a branch of each part, which begins with what version v, or the latest,
// says of the part's keys. The ranges must not overlap. No segment is read or written:
// the manifests name those of v, with the ranges of them that count, and leave out what
// is of other keys by its own range. Errors wrap [store.ErrVersion],
// [store.ErrUnsupported] for a version of an engine whose segments count as wholes,
// [store.ErrOptions], [store.ErrBranch], [store.ErrTooMany].
func (a *Archive) Split(v store.Version, parts ...Part) error {
	if err := disjoint(parts); err != nil {
		return fmt.Errorf("split: %w", err)
	}
	return a.change("split", func(h *head, tag string) error {
		l := h.of(a.opts.Branch)
		m, err := a.ranged(&l, v, tag)
		if err != nil {
			return err
		}
		for _, p := range parts {
			of := manifest{Manifest: m.Manifest}
			of.Parent, of.Segments, of.Writer = 0, nil, store.Writer{}
			of.take(m, p.Range)
			if err := a.start(h, p.Branch, &of); err != nil {
				return err
			}
		}
		return nil
	})
}

// Merge makes a branch that begins with what the latest versions of other branches say,
// each of the keys of its part. The ranges must not overlap, and the versions be of one
// engine and format. No segment is read or written; one that several of them name is
// named once, where its ranges adjoin. The version's number is the greatest of theirs.
// Errors are those of Split, and [store.ErrForeign] where engines or formats differ.
func (a *Archive) Merge(name string, parts ...Part) error {
	if err := disjoint(parts); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return a.change("merge", func(h *head, tag string) error {
		var out manifest
		var of []manifest
		for _, p := range parts {
			l := h.of(p.Branch)
			m, err := a.ranged(&l, store.Latest, tag)
			if err != nil {
				return fmt.Errorf("branch %q: %w", p.Branch, err)
			}
			if len(of) == 0 {
				out = manifest{Manifest: store.Manifest{Engine: m.Engine, Format: m.Format}}
			}
			if m.Engine != out.Engine || m.Format != out.Format {
				return fmt.Errorf("%w: branch %q is of engine %q, format %d, others of %q, %d", store.ErrForeign,
					p.Branch, m.Engine, m.Format, out.Engine, out.Format)
			}
			out.Version = max(out.Version, m.Version)
			var part manifest
			part.take(m, p.Range)
			of = append(of, part)
		}
		out.join(of)
		if len(out.Segments) > MaxSegments {
			return fmt.Errorf("%w: %d segments, at most %d", store.ErrTooMany, len(out.Segments), MaxSegments)
		}
		return a.start(h, name, &out)
	})
}

func disjoint(parts []Part) error {
	if len(parts) == 0 || len(parts) > MaxBranches {
		return fmt.Errorf("%w: %d parts, want 1 to %d", store.ErrOptions, len(parts), MaxBranches)
	}
	for i, p := range parts {
		if err := (store.Segment{Range: p.Range}).Check(); err != nil {
			return fmt.Errorf("%w: branch %q: the range %.100s is empty or its keys too long", store.ErrOptions, p.Branch, p.Range)
		}
		for _, q := range parts[:i] {
			if !p.Range.Intersect(q.Range).Empty() {
				return fmt.Errorf("%w: branches %q and %q share keys: %.100s and %.100s", store.ErrOptions, q.Branch, p.Branch, q.Range, p.Range)
			}
		}
	}
	return nil
}

// ranged is the manifest of a version whose segments count for ranges of keys.
func (a *Archive) ranged(l *line, v store.Version, tag string) (*manifest, error) {
	e, err := l.find(v)
	if err != nil {
		return nil, err
	}
	m, err := a.manifest(e)
	if err != nil {
		return nil, a.stale(tag, err)
	}
	if m.Whole {
		return nil, fmt.Errorf("%w: a segment of engine %q counts as a whole, and not for a range of keys; load the keys into an engine that keeps records",
			store.ErrUnsupported, m.Engine)
	}
	return &m, nil
}

// start puts the manifest, and has the head begin a branch with it. The swap of that
// head is what makes it safe to name segments of versions of the head before.
func (a *Archive) start(h *head, name string, m *manifest) error {
	e, err := a.putManifest(m, h.Epoch)
	if err != nil {
		return err
	}
	return h.begin(name, e)
}

// take adds m's segments as far as they are of keys in a range.
func (m *manifest) take(of *manifest, r store.KeyRange) {
	for i, s := range of.Segments {
		s.Range = s.Range.Intersect(r)
		if s.Range.Empty() {
			continue
		}
		m.add(s, of.Epochs[i], of.indexEpoch(i))
	}
}

func (m *manifest) indexEpoch(i int) uint64 {
	if len(m.IndexEpochs) == 0 {
		return 0
	}
	return m.IndexEpochs[i]
}

// add adds a segment, the youngest.
func (m *manifest) add(s store.Segment, epoch, index uint64) {
	if index != 0 && len(m.IndexEpochs) == 0 {
		m.IndexEpochs = make([]uint64, len(m.Segments))
	}
	m.Segments, m.Epochs = append(m.Segments, s), append(m.Epochs, epoch)
	if len(m.IndexEpochs) > 0 || index != 0 {
		m.IndexEpochs = append(m.IndexEpochs, index)
	}
}

// join adds the segments of manifests that have no keys in common, each's in order. A
// segment that several of them have next goes in once for all, where its ranges make
// one.
func (m *manifest) join(of []manifest) {
	at := make([]int, len(of))
	for {
		pick := pickNext(of, at)
		if pick < 0 {
			return
		}
		first := of[pick].Segments[at[pick]]
		epoch, index := of[pick].Epochs[at[pick]], of[pick].indexEpoch(at[pick])
		at[pick]++
		for grown := true; grown; {
			grown = false
			for i := range of {
				if at[i] == len(of[i].Segments) {
					continue
				}
				s := of[i].Segments[at[i]]
				if u, ok := adjoin(first, s); ok && of[i].Epochs[at[i]] == epoch && of[i].indexEpoch(at[i]) == index {
					first, grown = u, true
					at[i]++
				}
			}
		}
		m.add(first, epoch, index)
	}
}

// pickNext is the manifest whose next segment goes in: one that nobody has further on,
// so that all who have it have it next; the first if there is none, and -1 at the end.
func pickNext(of []manifest, at []int) int {
	first := -1
	for i := range of {
		if at[i] == len(of[i].Segments) {
			continue
		}
		if first < 0 {
			first = i
		}
		later := false
		for j := range of {
			for k := at[j] + 1; k < len(of[j].Segments); k++ {
				later = later || of[j].Segments[k].Hash == of[i].Segments[at[i]].Hash
			}
		}
		if !later {
			return i
		}
	}
	return first
}

// adjoin is one segment for two that are the same but for ranges which make one.
func adjoin(s, t store.Segment) (store.Segment, bool) {
	u := s
	switch {
	case s.Range.To != "" && s.Range.To == t.Range.From:
		u.Range.To = t.Range.To
	case t.Range.To != "" && t.Range.To == s.Range.From:
		u.Range.From = t.Range.From
	default:
		return s, false
	}
	s.Range, t.Range = store.KeyRange{}, store.KeyRange{}
	return u, s == t
}
