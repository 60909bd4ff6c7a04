package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// clone publishes the state, and goes on with a clone of the version.
func (r *run) clone(lazily bool) (string, error) {
	v, _, err := r.snapshot()
	if err != nil {
		return "", err
	}
	dir, branch := r.name()
	if err := r.archive.Clone(v, branch); err != nil {
		return "", err
	}
	return r.goOn(dir, branch, v, lazily)
}

// name is a directory and a branch that are not there yet.
func (r *run) name() (dir, branch string) {
	r.made++
	return fmt.Sprintf("dir%d", r.made), fmt.Sprintf("b%03d", r.made)
}

// goOn goes on with a branch of one version, of the present state, in a new directory.
// Until that is open, the engine of before is the one to open again.
func (r *run) goOn(dir, branch string, v store.Version, lazily bool) (string, error) {
	if err := r.engine.Close(); err != nil {
		return "", err
	}
	r.model.durable()
	engine, err := r.openAt(dir, branch, lazily)
	if lazily && errors.Is(err, store.ErrUnsupported) {
		engine, err = r.openAt(dir, branch, false)
	}
	if err != nil {
		return "", err
	}
	r.left = append(r.left, leftBranch{r.branch, maps.Clone(r.model.versions)})
	r.engine, r.dir, r.branch = engine, dir, branch
	r.model.versions, r.model.latest = map[store.Version]state{v: r.model.now()}, v
	return fmt.Sprintf("branch %s, version %s", branch, v), r.compare()
}

// ranges are k ranges of keys, all keys together.
func ranges(k int) []store.KeyRange {
	sorted := slices.Sorted(slices.Values(keys))
	rs := make([]store.KeyRange, k)
	for i := 1; i < k; i++ {
		edge := store.Key(sorted[i*len(sorted)/k])
		rs[i-1].To, rs[i].From = edge, edge
	}
	return rs
}

// split publishes the state, splits the version into k branches, has an engine set a key
// of each, and goes on with what they are merged into.
func (r *run) split(k int, v string) (string, error) {
	from, _, err := r.snapshot()
	if err != nil {
		return "", err
	}
	var parts []snapshot.Part
	for _, keys := range ranges(k) {
		_, branch := r.name()
		parts = append(parts, snapshot.Part{Branch: branch, Range: keys})
	}
	err = r.archive.Split(from, parts...)
	if errors.Is(err, store.ErrUnsupported) {
		return "unsupported", nil
	}
	if err != nil {
		return "", err
	}
	next, latest := r.model.now(), from
	for i, p := range parts {
		var version store.Version
		r.elsewhere = true
		if next, version, err = r.worker(p, next, v, i%2 == 0); err != nil {
			return "", err
		}
		r.elsewhere = false
		latest = max(latest, version)
	}
	dir, branch := r.name()
	if err := r.archive.Merge(branch, parts...); err != nil {
		return "", err
	}
	// The engine of before is to be opened again as it was until the new one is there.
	before := r.model.states
	r.model.states = append(slices.Clone(before), next)
	what, err := r.goOn(dir, branch, latest, false)
	if err != nil && r.branch != branch {
		r.model.states = before
	}
	return what, err
}

// worker opens a part of the state, compares it, sets one of its keys if it is to change
// something, and publishes.
func (r *run) worker(p snapshot.Part, whole state, v string, change bool) (next state, latest store.Version, err error) {
	a, err := r.archiveOf(p.Branch)
	if err != nil {
		return nil, 0, err
	}
	e, err := r.config.Engine.Open(store.Options{Dir: "of-" + p.Branch, FS: r.fs, Archive: a})
	if err != nil {
		return nil, 0, err
	}
	next, set := whole, ""
	for i, k := range keys {
		got, err := e.Get([]byte(k))
		if err != nil {
			return nil, 0, errors.Join(err, e.Close())
		}
		want := ""
		if p.Range.Holds([]byte(k)) {
			want = whole[k]
			if i < Written {
				set = k
			}
		}
		if string(got) != want {
			return nil, 0, errors.Join(departs("branch %s of %s: get %q: %q, want %q", p.Branch, p.Range, k, got, want), e.Close())
		}
	}
	if change && set != "" {
		if err := e.Set([]byte(set), []byte(v)); err != nil {
			return nil, 0, errors.Join(err, e.Close())
		}
		next = next.with(set, v)
	}
	latest, err = e.Snapshot()
	return next, latest, errors.Join(err, e.Close())
}

// compareBranches opens each branch that the run has left, in a new directory, at the
// latest version, and compares it.
func (r *run) compareBranches() error {
	for _, l := range r.left {
		latest := slices.Max(slices.Collect(maps.Keys(l.versions)))
		dir, _ := r.name()
		engine, err := r.openAt(dir, l.name, false)
		if err != nil {
			return fmt.Errorf("branch %q: %w", l.name, err)
		}
		vs, err := r.archive.Versions()
		if err == nil && !slices.Equal(vs, slices.Sorted(maps.Keys(l.versions))) {
			err = departs("branch %q has versions %v, left with %v", l.name, vs, slices.Sorted(maps.Keys(l.versions)))
		}
		want := l.versions[latest]
		for _, k := range keys {
			got, e := engine.Get([]byte(k))
			if err == nil && (e != nil || string(got) != want[k]) {
				err = departs("branch %q, version %s: get %q: %q, want %q: %w", l.name, latest, k, got, want[k], e)
			}
		}
		if err = errors.Join(err, engine.Close()); err != nil {
			return fmt.Errorf("after all: %s: %w", strings.TrimSpace(l.name), err)
		}
	}
	return nil
}
