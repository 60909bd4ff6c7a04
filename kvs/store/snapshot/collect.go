package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// Retention says which versions [Archive.Collect] keeps. The latest is always kept.
type Retention struct {
	// Last is how many of the youngest versions are kept, at least 1.
	Last int
	// Versions are kept too, whatever their age.
	Versions []store.Version
}

// Collected is what a collecting did.
type Collected struct {
	Versions int // dropped
	Objects  int // deleted
	Kept     int // objects that stay
}

// Collect drops the branch's versions that are not to be kept, and deletes what no
// version of any branch names and nobody who published since can rely on. Segments that others are just
// uploading may go; they notice when they publish. A Collect that ended before it
// was done is made good by the next. Others go on with the archive while it deletes.
func (a *Archive) Collect(keep Retention) (Collected, error) {
	if keep.Last < 1 {
		return Collected{}, fmt.Errorf("collect: %w: keep the last %d versions, want at least 1", store.ErrOptions, keep.Last)
	}
	for range Attempts {
		c, old, named, err := a.retain(keep)
		if err == nil && named != nil {
			c, err = a.delete(old, named, c)
		}
		if !errors.Is(err, errMoved) {
			if err != nil {
				err = fmt.Errorf("collect: %w", err)
			}
			return c, err
		}
	}
	return Collected{}, fmt.Errorf("collect: %w: the head moved %d times", store.ErrBusy, Attempts)
}

// retain takes the other versions out of the head and begins the next epoch. What was put in epoch old
// or before and is not named may be deleted then; nil is that nothing may.
func (a *Archive) retain(keep Retention) (c Collected, old uint64, named map[string]bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h, tag, err := a.head()
	if err != nil || h.versions() == 0 {
		return Collected{}, 0, nil, err // what is put before the first version is not looked at
	}
	l := h.of(a.opts.Branch)
	all := l.Versions
	l.Versions = nil
	for i, e := range all {
		if i >= len(all)-keep.Last || slices.Contains(keep.Versions, e.Version) {
			l.Versions = append(l.Versions, e)
		}
	}
	c = Collected{Versions: len(all) - len(l.Versions)}
	if len(all) > 0 {
		h.put(a.opts.Branch, l)
	}
	named = map[string]bool{}
	for _, l := range h.lines() {
		for _, e := range l.Versions {
			// What cannot be read names nobody knows what: nothing is deleted then.
			m, err := a.manifest(e)
			if err = a.stale(tag, err); err != nil && !errors.Is(err, errMoved) {
				err = fmt.Errorf("%w; while it is kept nothing is deleted: bring it back, or publish and keep fewer", err)
			}
			if err != nil {
				return Collected{}, 0, nil, err
			}
			named[e.Manifest] = true
			m.each(func(o object) { named[o.String()] = true })
		}
	}
	old = h.Epoch
	h.Epoch++
	if _, err := a.swap(tag, &h, func(*head) bool { return false }); err != nil {
		return Collected{}, 0, nil, err
	}
	inOrder := slices.SortedFunc(maps.Keys(h.pages), func(a, b store.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, hash := range inOrder { // those that the new head names
		named[object{pageKind, hash, h.pages[hash]}.String()] = true
	}
	a.forget(&h)
	return c, old, named, nil
}

// delete removes what was put in epoch old or before and is not named.
func (a *Archive) delete(old uint64, named map[string]bool, c Collected) (Collected, error) {
	for _, kind := range kinds {
		prefix := kind + "-"
		names, err := a.bucket.List(prefix)
		if err != nil {
			return c, fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, name := range names {
			o, ours := parseObject(name)
			if !ours || o.epoch > old || named[name] {
				c.Kept++
				continue
			}
			if err := a.bucket.Delete(name); err != nil {
				return c, fmt.Errorf("delete %s: %w", name, err)
			}
			c.Objects++
		}
	}
	return c, nil
}
