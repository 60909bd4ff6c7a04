package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestOutcomeUnknown has the bucket's answer to the swap lost: the head is read
// again, and tells.
func TestOutcomeUnknown(t *testing.T) {
	for _, happened := range []bool{true, false} {
		b := &lossy{bucket: newBucket(), happened: happened, lose: 1}
		v, _, err := publishDraft(snapshot.New(b), draft(0, "x"))
		if happened {
			require.NoError(t, err)
			require.Equal(t, store.Version(1), v)
		} else {
			require.ErrorIs(t, err, errLost)
			v, err = snapshot.New(b).Latest()
			require.NoError(t, err)
			require.Zero(t, v)
		}
	}
	// A bucket that tried twice by itself conflicts with its own first try.
	b := &lossy{bucket: newBucket(), happened: true, lose: 1, conflict: true}
	v, _, err := publishDraft(snapshot.New(b), draft(0, "x"))
	require.NoError(t, err)
	require.Equal(t, store.Version(1), v)
}

var errLost = errors.New("the answer was lost")

type lossy struct {
	*bucket
	happened, conflict bool
	lose               int
}

func (l *lossy) SwapHead(tag string, data []byte) error {
	l.lose--
	if l.lose != 0 {
		return l.bucket.SwapHead(tag, data)
	}
	if l.happened {
		if err := l.bucket.SwapHead(tag, data); err != nil {
			return err
		}
	}
	if l.conflict {
		return store.ErrConflict
	}
	return errLost
}

// outage is a bucket of which one swap is not answered, nor are the questions for the
// head that follow.
type outage struct {
	*bucket
	happened bool
	swaps    int // the one that is not answered, counted down
	silent   int // questions for the head that fail from then on
	conflict bool
	cut      bool
}

func (o *outage) Head() ([]byte, string, error) {
	if o.cut && o.silent > 0 {
		o.silent--
		return nil, "", errLost
	}
	return o.bucket.Head()
}

func (o *outage) SwapHead(tag string, data []byte) error {
	o.swaps--
	if o.swaps != 0 {
		return o.bucket.SwapHead(tag, data)
	}
	o.cut = true
	if o.happened {
		if err := o.bucket.SwapHead(tag, data); err != nil {
			return err
		}
	}
	if o.conflict {
		return store.ErrConflict
	}
	return errLost
}

// TestOutcomeUnknownForNow has both the swap and the question for its outcome fail. At
// the next use the writer finds its version by the name of the manifest: the same
// draft is that version, and another goes on top of it. Nothing is lost, nothing twice,
// and a version of somebody else is a conflict as ever.
func TestOutcomeUnknownForNow(t *testing.T) {
	for _, conflict := range []bool{false, true} {
		for _, happened := range []bool{false, true} {
			for _, same := range []bool{false, true} {
				for _, other := range []bool{false, true} {
					b := &outage{bucket: newBucket(), happened: happened, swaps: 2, silent: 1, conflict: conflict}
					a := snapshot.New(b)
					_, _, err := publishDraft(a, draft(0, "first"))
					require.NoError(t, err)
					_, _, err = publishDraft(a, draft(1, "second"))
					require.ErrorIs(t, err, errLost)
					require.NotErrorIs(t, err, store.ErrConflict, "nobody else has published")
					last := store.Version(1)
					if happened {
						last = 2
					}
					if other {
						last++
						_, _, err := publishDraft(snapshot.New(b.bucket), draft(last-1, "another's"))
						require.NoError(t, err)
					}
					next := draft(1, "second", "third")
					if same {
						next = draft(1, "second")
					}
					v, _, err := publishDraft(a, next)
					vs := whole(t, b.bucket)
					switch {
					case other:
						require.ErrorIs(t, err, store.ErrConflict)
						require.Len(t, vs, int(last))
						continue
					case happened && same:
						require.NoError(t, err)
						require.Equal(t, store.Version(2), v)
					case happened:
						require.NoError(t, err)
						require.Equal(t, store.Version(3), v)
						m, err := a.Manifest(v)
						require.NoError(t, err)
						require.Equal(t, store.Version(2), m.Parent)
					default:
						require.NoError(t, err)
						require.Equal(t, store.Version(2), v)
					}
					require.Equal(t, v, vs[len(vs)-1])
					_, _, err = publishDraft(a, draft(1, "second"))
					require.ErrorIs(t, err, store.ErrConflict, "a version is adopted once")
				}
			}
		}
	}
}

// TestOutcomeUnknownAfterRestore has a writer lose the outcome of a version, and then publish what came
// of any version: what goes on from the one before the lost version goes on top of that, and what was
// restored comes from what it was restored from.
func TestOutcomeUnknownAfterRestore(t *testing.T) {
	for from := store.Version(0); from <= 3; from++ {
		b := &outage{bucket: newBucket(), happened: true, swaps: 4, silent: 1}
		a := snapshot.New(b)
		for v := range store.Version(3) {
			_, _, err := publishDraft(a, draft(v, fmt.Sprint(v)))
			require.NoError(t, err)
		}
		_, _, err := publishDraft(a, draft(3, "lost"))
		require.ErrorIs(t, err, errLost)
		next := draft(3, "next")
		next.Parent.Version = from
		v, _, err := publishDraft(a, next)
		require.NoError(t, err)
		require.Equal(t, store.Version(5), v)
		m, err := a.Manifest(v)
		require.NoError(t, err)
		want := from
		if from == 3 {
			want = 4
		}
		require.Equal(t, want, m.Parent, "from %s", from)
	}
}

// TestOutcomesUnknown loses several outcomes one behind the other; whichever swap it
// was that happened, the writer goes on from it.
func TestOutcomesUnknown(t *testing.T) {
	for happens := 1; happens <= 3; happens++ {
		b := &outage{bucket: newBucket()}
		a := snapshot.New(b)
		for i := 1; i <= 3; i++ {
			b.swaps, b.silent, b.cut, b.happened = 1, 1, false, i == happens
			_, _, err := publishDraft(a, draft(0, fmt.Sprint("content ", i)))
			if i > happens {
				// The one before is found first, and this one goes on top of it.
				b.silent = 0
				if err == nil {
					break
				}
			}
			require.Error(t, err)
		}
		b.silent = 0
		v, _, err := publishDraft(a, draft(0, "last"))
		require.NoError(t, err, "%d", happens)
		vs := whole(t, b.bucket)
		require.Equal(t, v, vs[len(vs)-1])
		m, err := a.Manifest(v)
		require.NoError(t, err)
		require.Equal(t, v-1, m.Parent)
	}
}

// TestPublishAnswersLate has a swap happen only while the next one of its writer is
// under way: that one looks again and goes on top of it.
func TestPublishAnswersLate(t *testing.T) {
	b := &late{bucket: newBucket()}
	a := snapshot.New(b)
	_, _, err := publishDraft(a, draft(0, "first"))
	require.ErrorIs(t, err, errLost)
	v, _, err := publishDraft(a, draft(0, "second"))
	require.NoError(t, err)
	require.Equal(t, store.Version(2), v)
	require.Equal(t, []store.Version{1, 2}, whole(t, b.bucket))
	m, err := a.Manifest(2)
	require.NoError(t, err)
	require.Equal(t, store.Version(1), m.Parent)
}

// late does the first swap when the second comes, before it.
type late struct {
	*bucket
	tag  string
	data []byte
	n    int
}

func (l *late) SwapHead(tag string, data []byte) error {
	l.n++
	switch l.n {
	case 1:
		l.tag, l.data = tag, bytes.Clone(data)
		return errLost
	case 2:
		if err := l.bucket.SwapHead(l.tag, l.data); err != nil {
			return err
		}
	}
	return l.bucket.SwapHead(tag, data)
}

// TestResumedWriter has a writer that was opened again publish without having seen the
// latest version: its own one is gone on from, or is the draft if that says the same, and
// nobody else's is.
func TestResumedWriter(t *testing.T) {
	b := newBucket()
	a := snapshot.New(b)
	one, err := a.Register()
	require.NoError(t, err)
	require.Equal(t, store.Writer{Number: 1}, one)
	vs, err := a.Versions()
	require.NoError(t, err)
	require.Empty(t, vs, "a bucket of a writer and no version")
	r, err := a.Ref(store.Latest)
	require.NoError(t, err)
	require.Zero(t, r)
	_, err = a.Ref(1)
	require.ErrorIs(t, err, store.ErrVersion)
	two, err := snapshot.New(b).Register()
	require.NoError(t, err)
	require.Equal(t, uint64(2), two.Number)

	of := func(w store.Writer, contents ...string) store.Draft {
		d := draft(0, contents...)
		d.Writer, d.Resumed = w, true
		return d
	}
	first, _, err := a.Publish(of(one, "first"))
	require.NoError(t, err)
	got, err := a.Ref(1)
	require.NoError(t, err)
	require.Equal(t, first, got)
	m, err := a.Manifest(1)
	require.NoError(t, err)
	require.Equal(t, one, m.Writer)
	require.Equal(t, first.Manifest, m.Name)
	same, n, _, err := snapshot.New(b).PublishCounted(of(one, "first"))
	require.NoError(t, err)
	require.Equal(t, first, same)
	require.Zero(t, n)
	for name, w := range map[string]store.Writer{
		"nobody": {}, "another": two, "of another bucket": {Number: 1, First: two.First + "man-x"},
	} {
		_, _, err = snapshot.New(b).Publish(of(w, "first"))
		require.ErrorIs(t, err, store.ErrConflict, name)
	}
	d := of(one, "second")
	d.Resumed = false
	_, _, err = snapshot.New(b).Publish(d)
	require.ErrorIs(t, err, store.ErrConflict, "what it published since it was opened it knows")

	known := store.Writer{Number: 1, First: first.Manifest}
	second, _, err := snapshot.New(b).Publish(of(known, "second"))
	require.NoError(t, err)
	require.Equal(t, store.Version(2), second.Version)
	m, err = a.Manifest(2)
	require.NoError(t, err)
	require.Zero(t, m.Parent, "the state may be of before version 1")
	third, _, err := snapshot.New(b).Publish(of(known, "third"))
	require.NoError(t, err, "by the first manifest that it names")
	require.Equal(t, store.Version(3), third.Version)

	// Whose a version is of which the manifest is lost, nobody knows.
	delete(b.objects, third.Manifest)
	_, _, err = snapshot.New(b).Publish(of(known, "fourth"))
	require.ErrorIs(t, err, store.ErrConflict)
	require.ErrorIs(t, err, store.ErrMissing)
	d = of(known, "fourth")
	d.Seen = third
	_, _, err = snapshot.New(b).Publish(d)
	require.NoError(t, err, "it has seen that version")
	d.Seen = store.Ref{Version: 4, Manifest: third.Manifest}
	d.Writer = two
	_, _, err = snapshot.New(b).Publish(d)
	require.ErrorContains(t, err, "version 4 is another than the one the writer knew")

	// What is split or merged is nobody's.
	require.NoError(t, a.Split(store.Latest, snapshot.Part{Branch: "s"}))
	m, err = branch(t, b, "s").Manifest(store.Latest)
	require.NoError(t, err)
	require.Zero(t, m.Writer)
	require.NoError(t, a.Merge("m", snapshot.Part{}))
	m, err = branch(t, b, "m").Manifest(store.Latest)
	require.NoError(t, err)
	require.Zero(t, m.Writer)
	_, _, err = branch(t, b, "m").Publish(of(known, "x"))
	require.ErrorIs(t, err, store.ErrConflict)
}
