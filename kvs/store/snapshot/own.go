package snapshot

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// adopt looks whether versions whose outcome was unknown were published. If so they are
// what the writer of the draft has seen, and what its state came from; same reports
// that the latest one says what the draft says. What is the writer's is told by the
// manifest's name, a hash: another writer's with that name would be a version of the
// same state.
func (a *Archive) adopt(l *line, d *store.Draft) (m manifest, same bool) {
	for !d.Seen.Is(l.latest()) { // else nobody has published since: a swap may still be under way
		i := slices.IndexFunc(a.unknown, func(u unknown) bool { return u.m.Writer == d.Writer && u.seen == d.Seen && l.has(&u.m) })
		if i < 0 {
			return manifest{}, false
		}
		m := &a.unknown[i].m
		if l.Last == m.Version && m.says(l, d) {
			return *m, true
		}
		if l.parent(d.Parent) == m.Parent {
			d.Parent = m.ref()
		}
		d.Seen = m.ref()
	}
	return manifest{}, false
}

// resume refuses a draft whose writer has not seen the latest version, unless that is its
// own of before it was opened; same reports that it says what the draft says. The state may
// be of before that version too, so its parent stays what it is.
func (a *Archive) resume(l *line, tag string, d *store.Draft) (m manifest, same bool, err error) {
	if d.Seen.Is(l.latest()) || l.Last == 0 && d.Resumed {
		return manifest{}, false, nil
	}
	if d.Resumed && d.Writer.Number != 0 {
		m, err = a.manifest(l.Versions[len(l.Versions)-1])
		if err = a.stale(tag, err); errors.Is(err, errMoved) {
			return manifest{}, false, err
		}
		if err == nil && d.Writer.Wrote(&m.Manifest) {
			return m, m.says(l, d), nil
		}
	}
	conflict := fmt.Errorf("%w: the latest version is %d, the writer knew of %d, 0 being none; restore it, or take a branch",
		store.ErrConflict, l.Last, d.Seen.Version)
	if l.Last == d.Seen.Version {
		conflict = fmt.Errorf("%w: version %d is another than the one the writer knew: %s, and not %s; restore it, or take a branch",
			store.ErrConflict, l.Last, l.latest().Manifest, d.Seen.Manifest)
	}
	if err != nil {
		conflict = fmt.Errorf("%w; whose it is cannot be read: %w", conflict, err)
	}
	return manifest{}, false, conflict
}

// settle publishes what was: the head names the version already, and is swapped for
// itself, since of a swap that was not answered nobody knows whether it is durable.
func (a *Archive) settle(tag string, h *head, m manifest) (store.Ref, int64, error) {
	e := entry{m.Version, m.Name}
	if _, err := a.swap(tag, h, func(now *head) bool { return now.names(a.opts.Branch, e) }); err != nil {
		return store.Ref{}, 0, err
	}
	a.published(m)
	return e.ref(), 0, nil
}

// says reports that the version is what publishing the draft would make.
func (m *manifest) says(l *line, d *store.Draft) bool {
	same := l.parent(d.Parent) == m.Parent && d.Engine == m.Engine && d.Format == m.Format && d.Whole == m.Whole &&
		len(d.Segments) == len(m.Segments)
	for i := 0; same && i < len(m.Segments); i++ {
		same = d.Segments[i].Segment == m.Segments[i]
	}
	return same
}

func (m *manifest) ref() store.Ref { return store.Ref{Version: m.Version, Manifest: m.Name} }

// has reports that the version was published.
func (l *line) has(m *manifest) bool {
	e, err := l.find(m.Version)
	return err == nil && e.Manifest == m.Name
}
