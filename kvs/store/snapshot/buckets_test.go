package snapshot_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
	"github.com/joinery-go/joinery/kvs/store/snapshot/s3bucket"
	"github.com/joinery-go/joinery/sim/disk"
)

var long = flag.Bool("snapshot.long", false, "race a thousand times on disks that sync, and between processes, too")

// back is a kind of bucket. open makes a new one and returns what opens it again, as
// another process does.
type back struct {
	name string
	open func(t *testing.T) func() store.Bucket
	// races is how often two writers race by default.
	races int
}

// turned is a clock that goes back and forth by hours each time it is read.
type turned struct {
	mu sync.Mutex
	n  int
}

func (c *turned) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return time.Unix(1_800_000_000, 0).Add(time.Duration(c.n%5-2) * 7 * time.Hour)
}

func (c *turned) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// serveS3 starts an object store, whose clock is turned, and returns its client.
func serveS3(t *testing.T) *minio.Client {
	t.Helper()
	faker := gofakes3.New(s3mem.New(), gofakes3.WithTimeSource(&turned{}), gofakes3.WithTimeSkewLimit(0))
	srv := httptest.NewServer(faker.Server())
	t.Cleanup(srv.Close)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	t.Cleanup(transport.CloseIdleConnections)
	c, err := s3Client(strings.TrimPrefix(srv.URL, "http://"), transport)
	require.NoError(t, err)
	require.NoError(t, c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}))
	return c
}

// s3Client is a client of an object store at an address.
func s3Client(address string, transport http.RoundTripper) (*minio.Client, error) {
	return minio.New(address, &minio.Options{
		Creds: credentials.NewStaticV4("key", "secret", ""), Transport: transport, Region: "us-east-1",
	})
}

func backs() []back {
	return []back{
		{"map", func(t *testing.T) func() store.Bucket {
			b := newBucket()
			return func() store.Bucket { return b }
		}, 1000},
		{"folder", func(t *testing.T) func() store.Bucket {
			dir := filepath.Join(t.TempDir(), "bucket")
			return func() store.Bucket {
				b, err := snapshot.NewFolder(dir, snapshot.FolderOptions{Wait: patient, Tries: 100000})
				require.NoError(t, err)
				return b
			}
		}, 150},
		{"folder on a simulated disk", func(t *testing.T) func() store.Bucket {
			d, err := disk.NewFS(disk.FSOptions{})
			require.NoError(t, err)
			return func() store.Bucket {
				b, err := snapshot.NewFolder("bucket", snapshot.FolderOptions{FS: d, Wait: patient, Tries: 100000})
				require.NoError(t, err)
				return b
			}
		}, 1000},
		{"S3", func(t *testing.T) func() store.Bucket {
			c := serveS3(t)
			return func() store.Bucket {
				b, err := s3bucket.Open(s3bucket.Options{Client: c, Bucket: "bucket", Prefix: "a/b"})
				require.NoError(t, err)
				return b
			}
		}, 1000},
	}
}

// onBacks runs a test on each kind of bucket.
func onBacks(t *testing.T, test func(t *testing.T, open func() store.Bucket)) {
	for _, b := range backs() {
		t.Run(b.name, func(t *testing.T) { test(t, b.open(t)) })
	}
}

// hooked calls before with the operation and the name before each operation.
type hooked struct {
	store.Bucket
	before func(op, name string)
}

func (h *hooked) Put(name string, size int64, r io.Reader) error {
	h.before("put", name)
	return h.Bucket.Put(name, size, r)
}

func (h *hooked) Get(name string) (io.ReadCloser, error) {
	h.before("get", name)
	return h.Bucket.Get(name)
}

func (h *hooked) Delete(name string) error {
	h.before("delete", name)
	return h.Bucket.Delete(name)
}

func (h *hooked) List(prefix string) ([]string, error) {
	h.before("list", prefix)
	return h.Bucket.List(prefix)
}

func (h *hooked) Head() ([]byte, string, error) {
	h.before("head", "")
	return h.Bucket.Head()
}

func (h *hooked) SwapHead(tag string, data []byte) error {
	h.before("swap", "")
	return h.Bucket.SwapHead(tag, data)
}

// once is a bucket that calls do before the first such operation.
func once(b store.Bucket, op, prefix string, do func()) *hooked {
	done := false
	return &hooked{b, func(o, name string) {
		if !done && o == op && strings.HasPrefix(name, prefix) {
			done = true
			do()
		}
	}}
}

// TestBucketContract holds the contract of buckets on each.
func TestBucketContract(t *testing.T) {
	onBacks(t, func(t *testing.T, open func() store.Bucket) {
		b := open()
		_, err := b.Get("seg-none")
		require.ErrorIs(t, err, store.ErrNoObject)
		require.NoError(t, b.Put("seg-one", 3, strings.NewReader("one")))
		require.NoError(t, b.Put("seg-one", 3, strings.NewReader("one")), "again")
		require.NoError(t, b.Put("man-two", 3, strings.NewReader("two")))
		require.NoError(t, b.Put("page-three", 5, strings.NewReader("three")))
		broken := errors.New("broken")
		for _, r := range []io.Reader{
			strings.NewReader("short"), strings.NewReader("too long"), io.MultiReader(strings.NewReader("br"), &failing{broken}),
		} {
			require.Error(t, b.Put("seg-bad", 6, r))
			_, err = b.Get("seg-bad")
			require.ErrorIs(t, err, store.ErrNoObject)
		}
		require.ErrorIs(t, b.Put("seg-bad", 6, &failing{broken}), broken)
		b = open()
		read := func(r io.ReadCloser, err error) string {
			require.NoError(t, err)
			p, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			return string(p)
		}
		require.Equal(t, "one", read(b.Get("seg-one")))
		require.Equal(t, "two", read(b.Get("man-two")))
		names, err := b.List("")
		require.NoError(t, err)
		require.Equal(t, []string{"man-two", "page-three", "seg-one"}, names)
		require.Equal(t, "three", read(b.Get("page-three")))
		names, err = b.List("seg-")
		require.NoError(t, err)
		require.Equal(t, []string{"seg-one"}, names)
		if r, ok := b.(store.RangeBucket); ok {
			require.Equal(t, "ne", read(r.GetRange("seg-one", 1, 2)))
			require.Equal(t, "e", read(r.GetRange("seg-one", 2, 20)))
			_, err = r.GetRange("seg-none", 0, 1)
			require.ErrorIs(t, err, store.ErrNoObject)
			_, err = r.GetRange("seg-one", -1, 1)
			require.ErrorIs(t, err, store.ErrOptions)
			_, err = r.GetRange("seg-one", 0, 0)
			require.ErrorIs(t, err, store.ErrOptions)
		}
		require.NoError(t, b.Delete("seg-one"))
		require.NoError(t, b.Delete("seg-one"))
		_, err = b.Get("seg-one")
		require.ErrorIs(t, err, store.ErrNoObject)

		data, tag, err := b.Head()
		require.NoError(t, err)
		require.Empty(t, data)
		require.Empty(t, tag)
		require.NoError(t, b.SwapHead("", []byte("first\nline")))
		require.ErrorIs(t, b.SwapHead("", []byte("x")), store.ErrConflict)
		data, first, err := open().Head()
		require.NoError(t, err)
		require.Equal(t, "first\nline", string(data))
		require.NoError(t, b.SwapHead(first, []byte("second")))
		require.ErrorIs(t, b.SwapHead(first, []byte("x")), store.ErrConflict)
		_, second, err := b.Head()
		require.NoError(t, err)
		require.NoError(t, b.SwapHead(second, []byte("first\nline")))
		require.ErrorIs(t, b.SwapHead(first, []byte("x")), store.ErrConflict, "the same content again is another head")
		data, _, err = b.Head()
		require.NoError(t, err)
		require.Equal(t, "first\nline", string(data))
	})
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestParallelUploads publishes, uploads, reads and collects from several goroutines on
// archives that upload several segments at once.
func TestParallelUploads(t *testing.T) {
	onBacks(t, func(t *testing.T, open func() store.Bucket) {
		if _, ok := open().(*bucket); ok {
			b := &sharedBucket{Bucket: open(), mu: &sync.Mutex{}}
			open = func() store.Bucket { return b }
		}
		var wg sync.WaitGroup
		var published [3]int
		for w := range published {
			a, err := snapshot.Open(open(), snapshot.Options{Parallel: 4})
			require.NoError(t, err)
			wg.Go(func() {
				for i := 0; published[w] < 4 && i < 200; i++ {
					seen, err := a.Latest()
					if err != nil {
						t.Error(err)
						return
					}
					d := draft(seen, "common", "common", fmt.Sprint(w, i), fmt.Sprint(w, i, "b"), fmt.Sprint(i), "common")
					v, _, err := publishDraft(a, d)
					if errors.Is(err, store.ErrConflict) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					published[w]++
					errs := a.Each(len(d.Segments), func(i int) error {
						r, err := a.Open(v, d.Segments[i].Segment)
						if errors.Is(err, store.ErrVersion) {
							return nil // collected
						}
						if err != nil {
							return err
						}
						p, err := io.ReadAll(r)
						if err == nil && !bytes.Equal(p, content(d.Segments[i])) {
							err = errors.New("not what was published")
						}
						return errors.Join(err, r.Close())
					})
					if errs != nil && !errors.Is(errs, store.ErrMissingSegment) {
						t.Error(errs)
						return
					}
				}
			})
			wg.Go(func() {
				for i := range 6 {
					if _, err := a.Upload(source(fmt.Sprint("ahead ", i))); err != nil {
						t.Error(err)
						return
					}
					if _, err := a.Collect(snapshot.Retention{Last: 20}); err != nil && !errors.Is(err, store.ErrBusy) {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		require.Equal(t, [3]int{4, 4, 4}, published)
		require.Len(t, whole(t, open()), 12)
	})
}

func content(s store.Source) []byte {
	r, err := s.Open()
	if err != nil {
		return nil
	}
	p, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return p
}

// TestEach counts calls and looks which error is returned.
func TestEach(t *testing.T) {
	for _, parallel := range []int{0, 1, 3, 50} {
		a, err := snapshot.Open(newBucket(), snapshot.Options{Parallel: parallel})
		require.NoError(t, err)
		for _, n := range []int{0, 1, 2, 40} {
			var mu sync.Mutex
			calls, now, most := make([]int, n), 0, 0
			require.NoError(t, a.Each(n, func(i int) error {
				mu.Lock()
				calls[i]++
				now++
				most = max(most, now)
				mu.Unlock()
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			}))
			require.LessOrEqual(t, most, max(parallel, 1))
			for _, c := range calls {
				require.Equal(t, 1, c)
			}
		}
		require.EqualError(t, a.Each(40, func(i int) error {
			if i >= 7 {
				return fmt.Errorf("at %d", i)
			}
			return nil
		}), "at 7")
	}
	for _, o := range []snapshot.Options{{Parallel: -1}, {Parallel: snapshot.MaxParallel + 1}, {Branch: "a/b"}, {Branch: strings.Repeat("x", 65)}} {
		_, err := snapshot.Open(newBucket(), o)
		require.ErrorIs(t, err, store.ErrOptions)
	}
}

// TestUncomparedSwapIsFound publishes to a bucket that replaces the head whatever it
// was.
func TestUncomparedSwapIsFound(t *testing.T) {
	b := &careless{bucket: newBucket()}
	_, _, err := publishDraft(snapshot.New(b), draft(0, "x"))
	require.NoError(t, err)
	_, _, err = publishDraft(snapshot.New(b), draft(1, "y"))
	require.NoError(t, err)
	b.after = func() { // a swap of a writer that saw version 0 comes right behind
		b.after = nil
		require.NoError(t, b.SwapHead("", b.first))
	}
	_, _, err = publishDraft(snapshot.New(b), draft(2, "z"))
	require.ErrorIs(t, err, store.ErrCorrupt)
}

type careless struct {
	*bucket
	first []byte
	after func()
}

func (c *careless) SwapHead(_ string, data []byte) error {
	if c.first == nil {
		c.first = bytes.Clone(data)
	}
	c.head, c.tag = bytes.Clone(data), c.tag+1
	if c.after != nil {
		c.after()
	}
	return nil
}
