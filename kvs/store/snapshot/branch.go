package snapshot

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/kvs/store"
)

// Branches are the names of all branches that have versions, sorted; the main one, ""
// among them if it has any.
func (a *Archive) Branches() ([]string, error) {
	h, _, err := a.head()
	if err != nil {
		return nil, err
	}
	var names []string
	if len(h.Versions) > 0 {
		names = append(names, "")
	}
	for _, b := range h.Branches {
		names = append(names, b.Name)
	}
	return names, nil
}

// Clone makes a branch that begins with version v of this one, under the same number,
// or with the latest. It copies nothing: both branches name the same manifest and
// segments, and collecting in one keeps what another names. Errors wrap
// [store.ErrVersion], [store.ErrBranch] if the branch is there, [store.ErrOptions] for a
// name that no branch has, [store.ErrTooMany].
func (a *Archive) Clone(v store.Version, name string) error {
	return a.change("clone", func(h *head, _ string) error {
		l := h.of(a.opts.Branch)
		e, err := l.find(v)
		if err != nil {
			return err
		}
		return h.begin(name, e)
	})
}

// Drop takes a branch away, with its versions. What no other names goes with the next
// collecting. The main branch stays; errors wrap [store.ErrBranch].
func (a *Archive) Drop(name string) error {
	return a.change("drop", func(h *head, _ string) error {
		i, ok := h.at(name)
		if !ok {
			return fmt.Errorf("%w: there is no %q", store.ErrBranch, name)
		}
		if h.versions() == len(h.Branches[i].Versions) {
			return fmt.Errorf("%w: %q has the only versions there are", store.ErrBranch, name)
		}
		h.Branches = slices.Delete(h.Branches, i, i+1)
		return nil
	})
}

// begin adds a branch of one version.
func (h *head) begin(name string, e entry) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, ok := h.at(name); ok {
		return fmt.Errorf("%w: there is a %q already; drop it, or take another name", store.ErrBranch, name)
	}
	if len(h.Branches) >= MaxBranches || h.versions() >= MaxVersions {
		return fmt.Errorf("%w: %d branches with %d versions", store.ErrTooMany, len(h.Branches), h.versions())
	}
	h.put(name, line{e.Version, []entry{e}})
	return nil
}

// change swaps the head for what do makes of it, again as long as others move it. A
// change whose outcome is not known is an error: the branches tell.
func (a *Archive) change(op string, do func(h *head, tag string) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changing(op, do)
}

// changing is change for who holds mu.
func (a *Archive) changing(op string, do func(h *head, tag string) error) error {
	for range Attempts {
		h, tag, err := a.head()
		if err == nil {
			a.bound(&h)
			err = do(&h, tag)
		}
		if err == nil {
			_, err = a.swap(tag, &h, func(*head) bool { return false })
		}
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		return nil
	}
	return fmt.Errorf("%s: %w: the head moved %d times", op, store.ErrBusy, Attempts)
}
