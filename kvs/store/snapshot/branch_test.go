package snapshot_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

func branch(t *testing.T, b store.Bucket, name string) *snapshot.Archive {
	t.Helper()
	a, err := snapshot.Open(b, snapshot.Options{Branch: name})
	require.NoError(t, err)
	return a
}

// wholeBranches reads all that every version of every branch names.
func wholeBranches(t *testing.T, b store.Bucket) map[string][]store.Version {
	names, err := snapshot.New(b).Branches()
	require.NoError(t, err)
	all := map[string][]store.Version{}
	for _, name := range names {
		all[name] = wholeOf(t, branch(t, b, name))
	}
	return all
}

// TestClone gives a version a branch of its own: nothing is copied, both go on apart,
// and collecting in one keeps what the other names.
func TestClone(t *testing.T) {
	onBacks(t, func(t *testing.T, open func() store.Bucket) {
		b := open()
		seeded(t, b)
		a := snapshot.New(b)
		objects, err := b.List("")
		require.NoError(t, err)
		require.NoError(t, a.Clone(2, "c"))
		after, err := b.List("")
		require.NoError(t, err)
		require.Equal(t, objects, after, "nothing is copied")
		require.ErrorIs(t, a.Clone(2, "c"), store.ErrBranch)
		require.ErrorIs(t, a.Clone(9, "d"), store.ErrVersion)
		require.ErrorIs(t, a.Clone(1, ""), store.ErrOptions)
		require.ErrorIs(t, a.Clone(1, "d/e"), store.ErrOptions)
		c := branch(t, open(), "c")
		v, err := c.Latest()
		require.NoError(t, err)
		require.Equal(t, store.Version(2), v)
		v, n, err := publishDraft(c, draft(2, "common", "old", "of the clone"))
		require.NoError(t, err)
		require.Equal(t, store.Version(3), v)
		require.Equal(t, int64(12), n, "what the parent has is not uploaded again")
		collect(t, open(), 1)
		require.Equal(t, map[string][]store.Version{"": {3}, "c": {2, 3}}, wholeBranches(t, open()))
		m, err := c.Manifest(3)
		require.NoError(t, err)
		require.Len(t, m.Segments, 3)
		m, err = snapshot.New(open()).Manifest(3)
		require.NoError(t, err)
		require.Len(t, m.Segments, 2, "one number, two branches")
		_, err = c.Collect(snapshot.Retention{Last: 1})
		require.NoError(t, err)
		require.Equal(t, map[string][]store.Version{"": {3}, "c": {3}}, wholeBranches(t, open()))
		publish(t, open(), 3, "w")
		require.ErrorIs(t, a.Drop("d"), store.ErrBranch)
		require.NoError(t, a.Drop("c"))
		collect(t, open(), 1)
		require.Equal(t, map[string][]store.Version{"": {4}}, wholeBranches(t, open()))
		names, err := b.List("seg-")
		require.NoError(t, err)
		require.Len(t, names, 1, "what only the clone named is gone")
	})
}

// TestBranchesBegin publishes to branches of which there was none, and takes all but the
// last away.
func TestBranchesBegin(t *testing.T) {
	b := newBucket()
	for _, name := range []string{"w1", "w0"} {
		v, _, err := publishDraft(branch(t, b, name), draft(0, name))
		require.NoError(t, err)
		require.Equal(t, store.Version(1), v)
	}
	a := snapshot.New(b)
	names, err := a.Branches()
	require.NoError(t, err)
	require.Equal(t, []string{"w0", "w1"}, names)
	v, err := a.Latest()
	require.NoError(t, err)
	require.Zero(t, v)
	_, err = a.Manifest(store.Latest)
	require.ErrorIs(t, err, store.ErrVersion)
	_, err = a.Collect(snapshot.Retention{Last: 1})
	require.NoError(t, err)
	require.Equal(t, map[string][]store.Version{"w0": {1}, "w1": {1}}, wholeBranches(t, b))
	require.NoError(t, a.Drop("w0"))
	require.ErrorIs(t, a.Drop("w1"), store.ErrBranch)
	require.ErrorIs(t, a.Drop(""), store.ErrBranch)
	require.Equal(t, map[string][]store.Version{"w1": {1}}, wholeBranches(t, b))
}

// TestBranchesStalled has others clone, drop, split and collect while a writer, or one
// of these, is stalled at each of its operations.
func TestBranchesStalled(t *testing.T) {
	steps := map[string]func(b store.Bucket) error{
		"publish": func(b store.Bucket) error {
			_, _, err := publishDraft(branch(t, b, "c"), draft(2, "old", "p"))
			return err
		},
		"clone": func(b store.Bucket) error { return snapshot.New(b).Clone(2, "d") },
		"split": func(b store.Bucket) error {
			return snapshot.New(b).Split(2, snapshot.Part{Branch: "s", Range: store.KeyRange{To: "m"}}, snapshot.Part{Branch: "t", Range: store.KeyRange{From: "m"}})
		},
		"merge": func(b store.Bucket) error {
			return snapshot.New(b).Merge("m", snapshot.Part{Branch: "c", Range: store.KeyRange{To: "m"}}, snapshot.Part{Branch: "", Range: store.KeyRange{From: "m"}})
		},
		"drop":    func(b store.Bucket) error { return snapshot.New(b).Drop("e") },
		"collect": func(b store.Bucket) error { _, err := snapshot.New(b).Collect(snapshot.Retention{Last: 1}); return err },
		"collect branch": func(b store.Bucket) error {
			_, err := branch(t, b, "c").Collect(snapshot.Retention{Last: 1})
			return err
		},
	}
	runs := 0
	for one, first := range steps {
		for two, second := range steps {
			for at := 1; ; at++ {
				b := newBucket()
				seeded(t, b)
				require.NoError(t, snapshot.New(b).Clone(2, "c"))
				require.NoError(t, snapshot.New(b).Clone(1, "e"))
				n := 0
				b.before = func() {
					if n++; n == at {
						before := b.before
						b.before = nil
						expected(t, second(b), one == two)
						b.before = before
					}
				}
				err := first(b)
				b.before = nil
				if n < at {
					require.NoError(t, err)
					break
				}
				expected(t, err, one == two)
				wholeBranches(t, b)
				_, err = snapshot.New(b).Collect(snapshot.Retention{Last: 1})
				require.NoError(t, err)
				wholeBranches(t, b)
				runs++
			}
		}
	}
	require.Greater(t, runs, 200)
	t.Logf("%d schedules", runs)
}

// expected lets pass that what an act begins with was collected, and of two that are
// the same that the other one was first.
func expected(t *testing.T, err error, same bool) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrVersion) || same && (errors.Is(err, store.ErrBranch) || errors.Is(err, store.ErrConflict)) {
		return
	}
	require.NoError(t, err)
}

// TestSplitRefuses gives Split and Merge what they cannot do.
func TestSplitRefuses(t *testing.T) {
	b := newBucket()
	seeded(t, b)
	a := snapshot.New(b)
	r := func(from, to store.Key) store.KeyRange { return store.KeyRange{From: from, To: to} }
	for name, parts := range map[string][]snapshot.Part{
		"none":      {},
		"empty":     {{Branch: "x", Range: r("b", "b")}},
		"backwards": {{Branch: "x", Range: r("c", "b")}},
		"overlap":   {{Branch: "x", Range: r("", "c")}, {Branch: "y", Range: r("b", "")}},
		"all twice": {{Branch: "x"}, {Branch: "y"}},
		"a name":    {{Branch: "x/y"}},
		"no name":   {{}},
	} {
		require.ErrorIs(t, a.Split(2, parts...), store.ErrOptions, name)
		if name != "a name" && name != "no name" {
			require.ErrorIs(t, a.Merge("m", parts...), store.ErrOptions, name)
		}
	}
	require.ErrorIs(t, a.Split(7, snapshot.Part{Branch: "x"}), store.ErrVersion)
	require.ErrorIs(t, a.Merge("m", snapshot.Part{Branch: "none"}), store.ErrVersion)
	require.ErrorIs(t, a.Split(2, snapshot.Part{Branch: "x", Range: r("", "c")}, snapshot.Part{Branch: "x", Range: r("c", "")}), store.ErrBranch)
	names, err := a.Branches()
	require.NoError(t, err)
	require.Equal(t, []string{""}, names, "nothing, or all of it")
	d := draft(3, "whole")
	d.Whole = true
	_, _, err = publishDraft(a, d)
	require.NoError(t, err)
	require.ErrorIs(t, a.Split(4, snapshot.Part{Branch: "x"}), store.ErrUnsupported)
	require.ErrorIs(t, a.Merge("m", snapshot.Part{}), store.ErrUnsupported)
	d = draft(0, "x")
	d.Engine = "another"
	_, _, err = publishDraft(branch(t, b, "o"), d)
	require.NoError(t, err)
	require.NoError(t, a.Clone(3, "c"))
	require.ErrorIs(t, a.Merge("m", snapshot.Part{Branch: "c", Range: r("", "c")}, snapshot.Part{Branch: "o", Range: r("c", "")}), store.ErrForeign)
}

// TestParentsAreOfTheBranch drops a branch and begins it anew, under the same numbers, and publishes
// what came of versions of both: the number of one that is another by now is no parent's, that of one
// that is not kept is.
func TestParentsAreOfTheBranch(t *testing.T) {
	b := newBucket()
	publish(t, b, 0, "main")
	line := func(n int, content string) (refs []store.Ref) {
		a := branch(t, b, "b")
		var at store.Ref
		for i := range n {
			d := draft(0, fmt.Sprint(content, i))
			d.Seen, d.Parent = at, at
			var err error
			at, _, err = a.Publish(d)
			require.NoError(t, err)
			refs = append(refs, at)
		}
		return refs
	}
	before := line(4, "before")
	require.NoError(t, snapshot.New(b).Drop("b"))
	now := line(4, "now")
	a := branch(t, b, "b")
	_, err := a.Collect(snapshot.Retention{Last: 2})
	require.NoError(t, err)
	at := now[3]
	for _, c := range []struct {
		parent store.Ref
		want   store.Version
	}{
		{store.Ref{}, 0}, {now[3], 4}, {now[2], 3}, {now[0], 1}, {before[0], 1}, {before[3], 0}, {before[2], 0}, {store.Ref{Version: 3}, 3},
	} {
		d := draft(0, "next")
		d.Seen, d.Parent = at, c.parent
		at, _, err = a.Publish(d)
		require.NoError(t, err)
		m, err := a.Manifest(at.Version)
		require.NoError(t, err)
		require.Equal(t, c.want, m.Parent, "of %+v", c.parent)
	}
}
