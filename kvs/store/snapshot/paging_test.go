package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/disk"
)

// pages are the names of all pages in a bucket.
func pages(t require.TestingT, b store.Bucket) []string {
	names, err := b.List("page-")
	require.NoError(t, err)
	return names
}

// shelved publishes versions until there are n: with 31 of them, the next one makes a page.
func shelved(t *testing.T, b store.Bucket, n store.Version) {
	a := snapshot.New(b)
	for v := range n {
		_, _, err := publishDraft(a, draft(v, "common", fmt.Sprint("of ", v%3)))
		require.NoError(t, err)
	}
}

var paging = []situation{
	{"pages are put before the head", func(t *testing.T, open func() store.Bucket) {
		var ops []string
		b := &hooked{open(), func(op, name string) {
			if op == "put" || op == "swap" {
				ops = append(ops, strings.SplitN(op+" "+name, "-", 2)[0])
			}
		}}
		_, _, err := publishDraft(snapshot.New(b), draft(31, "common"))
		require.NoError(t, err)
		require.Equal(t, []string{"put man", "put page", "swap "}, ops)
	}},
	{"collecting between a page and the head", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { collect(t, other, 20) })
		v, _, err := publishDraft(snapshot.New(b), draft(31, "mine"))
		require.NoError(t, err)
		require.Equal(t, store.Version(32), v)
		require.Len(t, whole(t, other), 21)
	}},
	{"a writer is stalled between its page and the head, until the page went and the number was given", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() {
			for v := store.Version(31); v < 34; v++ {
				publish(t, other, v, "w")
				collect(t, other, 18)
			}
		})
		_, _, err := publishDraft(snapshot.New(b), draft(31, "mine"))
		require.ErrorIs(t, err, store.ErrConflict)
		require.Len(t, whole(t, other), 18)
	}},
	{"a writer is stalled before its page, until all of the epoch went", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "put", "page-", func() {
			collect(t, other, 17)
			collect(t, other, 17)
		})
		_, _, err := publishDraft(snapshot.New(b), draft(31, "mine"))
		require.NoError(t, err)
		require.Len(t, whole(t, other), 18)
	}},
	{"a collecting is stalled before it deletes, and others publish and collect", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "list", "page-", func() {
			publish(t, other, 31, "w")
			collect(t, other, 18)
			publish(t, other, 32, "w")
		})
		collect(t, b, 20)
		require.Len(t, whole(t, other), 19)
	}},
	{"a collecting is stalled before its head, and others publish", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "swap", "", func() { publish(t, other, 31, "w") })
		collect(t, b, 20)
		require.Len(t, whole(t, other), 20)
	}},
	{"a reader is stalled between the head and a page, until the page went", func(t *testing.T, open func() store.Bucket) {
		other := open()
		b := once(open(), "get", "page-", func() {
			publish(t, other, 31, "w")
			collect(t, other, 2)
		})
		vs, err := snapshot.New(b).Versions()
		require.NoError(t, err)
		require.Equal(t, []store.Version{31, 32}, vs)
	}},
}

// TestPagingSituations runs each of them on each kind of bucket, with so many versions
// that the next makes a page. What the head names must be whole at the end, and stay so over
// collectings, until there are no pages.
func TestPagingSituations(t *testing.T) {
	for _, s := range paging {
		t.Run(s.name, func(t *testing.T) {
			onBacks(t, func(t *testing.T, open func() store.Bucket) {
				shelved(t, open(), 31)
				s.do(t, open)
				whole(t, open())
				for _, last := range []int{19, 18, 17} {
					collect(t, open(), last)
					whole(t, open())
				}
				collect(t, open(), 16)
				require.Empty(t, pages(t, open()), "nobody names any")
				whole(t, open())
			})
		})
	}
}

// TestPagingStalled stalls a process at each of its operations while another does all of
// its work, and a third one within that, where publishing and collecting put pages. All
// must be whole at the end, and over one more collecting.
func TestPagingStalled(t *testing.T) {
	seed := newBucket()
	shelved(t, seed, 31)
	require.NoError(t, snapshot.New(seed).Clone(20, "c"))
	publishes := func(name string, n int) func(store.Bucket) error {
		return func(b store.Bucket) error {
			a, err := snapshot.Open(b, snapshot.Options{Branch: name})
			for range n {
				var seen store.Version
				if err == nil {
					seen, err = a.Latest()
				}
				if err == nil {
					_, _, err = publishDraft(a, draft(seen, "common", "p"))
				}
			}
			if errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		}
	}
	collects := func(last int) func(store.Bucket) error {
		return func(b store.Bucket) error {
			_, err := snapshot.New(b).Collect(snapshot.Retention{Last: last, Versions: []store.Version{3, 4}})
			return err
		}
	}
	as := []act{
		{"publish", publishes("", 1)}, {"publish to the branch", publishes("c", 1)}, {"collect some", collects(20)}, {"collect most", collects(17)},
		{"read", func(b store.Bucket) error { _, err := snapshot.New(b).Versions(); return err }},
	}
	runs := 0
	for i, first := range as {
		for j, second := range as {
			for k, third := range as {
				stride, step := 1, 1
				if !*long {
					stride, step = 2, 12
					if (i+j+k)%5 != 0 {
						continue
					}
				}
				for at, more := 1, true; more && at < 40; at += stride {
					for within := 1; ; within += step {
						ran, nested := stalledOn(t, seed, []act{first, second, third}, []int{at, within})
						runs++
						if more = ran; !nested {
							break
						}
					}
				}
			}
		}
	}
	require.Greater(t, runs, 200)
	t.Logf("%d schedules", runs)
}

// stalledOn runs acts nested at operations on a copy of a bucket; it reports whether the
// second came to run, and the third.
func stalledOn(t *testing.T, seed *bucket, as []act, at []int) (second, third bool) {
	t.Helper()
	b := &bucket{objects: maps.Clone(seed.objects), head: seed.head, tag: seed.tag}
	counts := make([]int, len(as))
	level := 0
	b.before = func() {
		counts[level]++
		if level < len(at) && counts[level] == at[level] {
			level++
			require.NoError(t, as[level].do(b), "%s at %d in %s", as[level].name, at[level-1], as[level-1].name)
			level--
		}
	}
	require.NoError(t, as[0].do(b), as[0].name)
	b.before = nil
	all := func() {
		vs, err := snapshot.New(b).Versions()
		require.NoError(t, err, "%s, at %d %s, at %d %s", as[0].name, at[0], as[1].name, at[1], as[2].name)
		for _, v := range vs {
			m, err := snapshot.New(b).Manifest(v)
			require.NoError(t, err)
			for _, s := range m.Segments {
				require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(b.objects)), func(n string) bool { return strings.HasPrefix(n, "seg-"+s.Hash.String()) }))
			}
			if v < vs[len(vs)-1]-1 {
				break
			}
		}
	}
	all()
	_, err := snapshot.New(b).Collect(snapshot.Retention{Last: 18})
	require.NoError(t, err)
	all()
	return counts[1] > 0, counts[2] > 0
}

// TestPagesAreLostOrSpoiled takes each page away, and flips each bit of it: the error names
// it, nothing is deleted, and all is there again with the page.
func TestPagesAreLostOrSpoiled(t *testing.T) {
	b := newBucket()
	shelved(t, b, 300)
	require.Len(t, pages(t, b), 19)
	for _, name := range pages(t, b) {
		good := b.objects[name]
		refused := func(want error) {
			_, err := snapshot.New(b).Versions()
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, name)
			n := len(b.objects)
			_, err = snapshot.New(b).Collect(snapshot.Retention{Last: 1})
			require.ErrorIs(t, err, want)
			_, _, err = publishDraft(snapshot.New(b), draft(300, "x"))
			require.ErrorIs(t, err, want)
			require.Len(t, b.objects, n)
		}
		delete(b.objects, name)
		refused(store.ErrMissing)
		b.objects[name] = append(bytes.Clone(good), make([]byte, 8192)...)
		refused(store.ErrCorrupt)
		for bit := 0; bit < 8*len(good); bit += 1 + 8*len(good)/37 {
			spoiled := bytes.Clone(good)
			spoiled[bit/8] ^= 1 << (bit % 8)
			b.objects[name] = spoiled
			refused(store.ErrCorrupt)
			_, err := snapshot.New(b).Latest()
			require.ErrorContains(t, err, "it is not what its name says")
		}
		b.objects[name] = good
		a, err := snapshot.Open(b, snapshot.Options{Parallel: 4})
		require.NoError(t, err)
		vs, err := a.Versions()
		require.NoError(t, err)
		require.Len(t, vs, 300)
	}
}

// TestPagesAreReadOnce opens an archive with many versions, and publishes with it: each page
// is read once, and those that it made not at all.
func TestPagesAreReadOnce(t *testing.T) {
	inner := newBucket()
	shelved(t, inner, 300)
	got := map[string]int{}
	a := snapshot.New(&hooked{inner, func(op, name string) {
		if op == "get" && strings.HasPrefix(name, "page-") {
			got[name]++
		}
	}})
	for v := store.Version(300); v < 340; v++ {
		_, _, err := publishDraft(a, draft(v, "common"))
		require.NoError(t, err)
	}
	require.Len(t, got, 19)
	for name, n := range got {
		require.Equal(t, 1, n, name)
	}
	require.Len(t, pages(t, inner), 22)
}

// TestPagedHistory publishes to branches, clones, collects and drops at random, and holds
// all that the archive says against plain lists. After a collecting the bucket has the pages
// of the head and no others.
func TestPagedHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBucket()
		plain := map[string][]store.Version{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "branch")
			a, err := snapshot.Open(b, snapshot.Options{Branch: name})
			require.NoError(t, err)
			vs := plain[name]
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				for range rapid.IntRange(1, 40).Draw(t, "publish") {
					last := store.Version(0)
					if len(vs) > 0 {
						last = vs[len(vs)-1]
					}
					v, _, err := publishDraft(a, draft(last, name, fmt.Sprint(last%5)))
					require.NoError(t, err)
					vs = append(slices.Clip(vs), v)
				}
				plain[name] = vs
			case 2:
				last := rapid.IntRange(1, 40).Draw(t, "keep")
				too := rapid.SliceOfN(rapid.Uint64Range(1, 60), 0, 20).Draw(t, "too")
				r := snapshot.Retention{Last: last}
				for _, v := range too {
					r.Versions = append(r.Versions, store.Version(v))
				}
				_, err := a.Collect(r)
				require.NoError(t, err)
				var kept []store.Version
				for i, v := range vs {
					if i >= len(vs)-last || slices.Contains(r.Versions, v) {
						kept = append(kept, v)
					}
				}
				if len(vs) > 0 {
					plain[name] = kept
				}
				if len(plain) > 0 {
					require.ElementsMatch(t, named(t, b), pages(t, b))
				}
			case 3:
				if name != "" && len(plain[name]) == 0 && len(plain[""]) > 0 {
					v := rapid.SampledFrom(plain[""]).Draw(t, "of")
					require.NoError(t, snapshot.New(b).Clone(v, name))
					plain[name] = []store.Version{v}
				}
			case 4:
				if name != "" && len(plain[name]) > 0 && len(plain) > 1 {
					require.NoError(t, snapshot.New(b).Drop(name))
					delete(plain, name)
				}
			}
			for name, want := range plain {
				a, err := snapshot.Open(b, snapshot.Options{Branch: name, Parallel: 1})
				require.NoError(t, err)
				require.Equal(t, want, wholeOf(t, a))
			}
		}
	})
}

// named are the pages that the head of a bucket names: those that a new archive reads.
func named(t require.TestingT, b *bucket) []string {
	var names []string
	_, err := snapshot.New(&hooked{b, func(op, name string) {
		if op == "get" {
			names = append(names, name)
		}
	}}).Versions()
	require.NoError(t, err)
	return names
}

// TestPagesAreDurable cuts the power at operations of a folder's disk while a version is
// published that makes pages, where what was not synced survives or not, names in any
// order: the head names nothing that is not there.
func TestPagesAreDurable(t *testing.T) {
	cuts := 0
	for seed := range uint64(12) {
		for at := int64(1); ; at++ {
			d, err := disk.NewFS(disk.FSOptions{Source: choice.Seeded(seed), Crash: sim.Extreme})
			require.NoError(t, err)
			f := newFolder(t, snapshot.FolderOptions{FS: d})
			shelved(t, f, 31)
			d.CrashAt(d.Ops() + at)
			v, _, err := publishDraft(snapshot.New(f), draft(31, "mine"))
			d.PowerCut()
			vs := whole(t, newFolder(t, snapshot.FolderOptions{FS: d}))
			if err == nil {
				require.Len(t, vs, int(v))
				break
			}
			require.GreaterOrEqual(t, len(vs), 31)
			cuts++
		}
	}
	require.Greater(t, cuts, 100)
	t.Logf("%d power cuts", cuts)
}

// soonBucket is a bucket of which names that are put soon are durable with the next Put.
type soonBucket struct {
	*bucket
	soon  map[string]bool
	swaps int
	early []string // what was not durable when a head was swapped in
}

func (s *soonBucket) Put(name string, size int64, r io.Reader) error {
	err := s.bucket.Put(name, size, r)
	if err == nil {
		clear(s.soon)
	}
	return err
}

func (s *soonBucket) PutSoon(name string, size int64, r io.Reader) error {
	s.soon[name] = true
	return s.bucket.Put(name, size, r)
}

func (s *soonBucket) SwapHead(tag string, data []byte) error {
	s.swaps++
	s.early = slices.AppendSeq(s.early, maps.Keys(s.soon))
	return s.bucket.SwapHead(tag, data)
}

// TestNothingIsNamedBeforeItIsDurable publishes versions in three branches, with clones and
// collectings in between: whichever pages are put, before pages that were there or behind them, are
// durable before a head names them, and so are segments.
func TestNothingIsNamedBeforeItIsDurable(t *testing.T) {
	b := &soonBucket{bucket: newBucket(), soon: map[string]bool{}}
	main := snapshot.New(b)
	of := []*snapshot.Archive{main, branch(t, b, "a"), branch(t, b, "z")}
	seen := make([]store.Version, len(of))
	var err error
	for n := range 700 {
		i := max(0, n%5-2) // three in five on the main branch
		seen[i], _, err = publishDraft(of[i], draft(seen[i], fmt.Sprint(n), fmt.Sprint(n%7)))
		require.NoError(t, err)
		switch {
		case n%97 == 96:
			require.NoError(t, main.Clone(store.Latest, fmt.Sprint("m", n)))
		case n%151 == 150:
			_, err = of[n%len(of)].Collect(snapshot.Retention{Last: 40, Versions: []store.Version{1, 17, 257}})
			require.NoError(t, err)
		}
		require.Empty(t, b.early, "the head of publishing %d", n)
	}
	require.Greater(t, b.swaps, 700)
	require.Greater(t, len(pages(t, b)), 10)
}

// TestAllBytesAreCounted publishes with pages, a conflict, a retry and a new writer: what
// Publish says it uploaded is what the bucket was given.
func TestAllBytesAreCounted(t *testing.T) {
	given := int64(0)
	b := &tallied{newBucket(), &given}
	a := snapshot.New(b)
	said := int64(0)
	_, err := a.Register()
	require.NoError(t, err)
	for v := range store.Version(260) {
		_, n, err := a.Publish(draft(v, fmt.Sprint(v)))
		require.NoError(t, err)
		said += n
		require.Equal(t, given, said)
	}
	_, n, err := a.Publish(draft(7, "x"))
	require.ErrorIs(t, err, store.ErrConflict)
	require.Zero(t, n)
	other := once(b, "swap", "", func() { collect(t, b.bucket, 100) })
	given = 0
	_, n, err = snapshot.New(other).Publish(draft(260, "again"))
	require.NoError(t, err)
	require.Equal(t, given, n, "of both tries")
}

// tallied is a bucket that counts what it is given.
type tallied struct {
	*bucket
	given *int64
}

func (c *tallied) Put(name string, size int64, r io.Reader) error {
	*c.given += size
	return c.bucket.Put(name, size, r)
}

func (c *tallied) SwapHead(tag string, data []byte) error {
	*c.given += int64(len(data))
	return c.bucket.SwapHead(tag, data)
}
