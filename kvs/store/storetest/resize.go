package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestResize has one worker become four, four become three, and three one, by splitting
// and merging versions, first with nothing set in between and then with every worker
// setting and publishing. What each holds is its range of the keys and no more, no
// segment is written by splitting and merging, and the last worker holds what the first
// one would. An engine whose segments count as wholes says store.ErrUnsupported.
func TestResize(t *testing.T, e Engine) {
	lessOften(t)
	for name, busy := range map[string]bool{"idle": false, "busy": true} {
		t.Run(name, func(t *testing.T) { testResize(t, e, busy) })
	}
}

type resize struct {
	t    *testing.T
	e    Engine
	held map[string]string
	b    *snapshot.Folder
	dirs int
	open func(dir, branch string) store.Engine
}

func (r *resize) archive(branch string) *snapshot.Archive {
	a, err := snapshot.Open(r.b, snapshot.Options{Branch: branch})
	require.NoError(r.t, err)
	return a
}

func testResize(t *testing.T, e Engine, busy bool) {
	d := newDisk(t)
	r := &resize{t: t, e: e, held: map[string]string{}, b: mustFolder(t, d)}
	r.open = func(dir, branch string) store.Engine {
		w, err := e.Open(store.Options{Dir: dir, FS: d, Archive: r.archive(branch)})
		require.NoError(t, err)
		return w
	}
	first := r.open("first", "")
	for i := range 300 {
		r.set(first, i%100, i)
		if i%60 == 59 {
			_, err := first.Snapshot()
			require.NoError(t, err)
		}
	}
	before, err := r.archive("").Manifest(store.Latest)
	require.NoError(t, err)
	require.NoError(t, first.Close())
	edge := func(i int) store.Key { return store.Key(fmt.Sprintf("key %03d", i)) }
	four := parts("four", edge(20), edge(50), edge(51))
	err = r.archive("").Split(store.Latest, four...)
	if before.Whole {
		require.ErrorIs(t, err, store.ErrUnsupported)
		require.ErrorIs(t, r.archive("").Merge("m", snapshot.Part{}), store.ErrUnsupported)
		return
	}
	require.NoError(t, err)
	r.work(four, busy)
	three := parts("three", edge(40), edge(70))
	for _, p := range three {
		r.merge(p.Branch, overlap(four, p.Range))
	}
	r.work(three, busy)
	r.merge("one", three)
	after, err := r.archive("one").Manifest(store.Latest)
	require.NoError(t, err)
	if !busy {
		require.Equal(t, before.Segments, after.Segments, "the version is what it was")
	}
	r.work([]snapshot.Part{{Branch: "one"}}, busy)
	last := r.open("last", "one")
	v, err := last.Snapshot()
	require.NoError(t, err)
	latest, err := r.archive("one").Latest()
	require.NoError(t, err)
	require.Equal(t, latest, v, "nothing has changed since")
	require.NoError(t, last.Close())
}

func (r *resize) set(e store.Engine, i, serial int) {
	k, v := fmt.Sprintf("key %03d", i), value(serial, 40)
	if serial%7 == 4 { // 7 and the number of keys have no factor in common: what is deleted held something
		v = ""
	}
	require.NoError(r.t, e.Set([]byte(k), []byte(v)))
	r.held[k] = v
}

// parts are the branches of ranges of all keys that the edges make.
func parts(name string, edges ...store.Key) []snapshot.Part {
	ps := []snapshot.Part{{Branch: name + ".0"}}
	for i, e := range edges {
		ps[i].Range.To = e
		ps = append(ps, snapshot.Part{Branch: fmt.Sprint(name, ".", i+1), Range: store.KeyRange{From: e}})
	}
	return ps
}

// overlap is what of the parts is in a range.
func overlap(of []snapshot.Part, r store.KeyRange) (ps []snapshot.Part) {
	for _, p := range of {
		if p.Range = p.Range.Intersect(r); !p.Range.Empty() {
			ps = append(ps, p)
		}
	}
	return ps
}

func (r *resize) segments() []string {
	names, err := r.b.List("seg-")
	require.NoError(r.t, err)
	return names
}

// merge merges parts, by manifests alone.
func (r *resize) merge(branch string, ps []snapshot.Part) {
	before := r.segments()
	require.NoError(r.t, r.archive("").Merge(branch, ps...))
	require.Equal(r.t, before, r.segments(), "no segment is written")
}

// work opens each part, compares it, and if busy sets some keys of it, publishes, and
// collects.
func (r *resize) work(ps []snapshot.Part, busy bool) {
	for n, p := range ps {
		r.dirs++
		w := r.open(fmt.Sprint("dir", r.dirs), p.Branch)
		for i := range 100 {
			k := fmt.Sprintf("key %03d", i)
			got, err := w.Get([]byte(k))
			require.NoError(r.t, err)
			want := r.held[k]
			if !p.Range.Holds([]byte(k)) {
				want = ""
			}
			require.Equal(r.t, want, string(got), "%s of %s: %s", p.Branch, p.Range, k)
		}
		for i := range 100 {
			if busy && (i+n)%3 == 0 && p.Range.Holds(fmt.Appendf(nil, "key %03d", i)) {
				r.set(w, i, 1000*r.dirs+i)
			}
		}
		if busy {
			for range 3 {
				require.NoError(r.t, w.Set([]byte("outside"), []byte("of the range, if it is not the last")))
				_, err := w.Snapshot()
				require.NoError(r.t, err)
			}
			require.NoError(r.t, w.Set([]byte("outside"), nil))
			_, err := w.Snapshot()
			require.NoError(r.t, err)
			_, err = r.archive(p.Branch).Collect(snapshot.Retention{Last: 1})
			require.NoError(r.t, err)
		}
		require.NoError(r.t, w.Close())
	}
}
