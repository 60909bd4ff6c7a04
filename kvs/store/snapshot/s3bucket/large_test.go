package s3bucket_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot/s3bucket"
)

// TestLargeObjectThatIsThere puts a large object into a store that refuses it as there already,
// without reading what it was sent: the source is read all the same, since it must be what its
// name says, and by nobody else at the same time, though the client may still be at it.
func TestLargeObjectThatIsThere(t *testing.T) {
	const size = 16 << 20
	h := fake()
	there := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/seg-large") {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			return
		}
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>PreconditionFailed</Code></Error>`)
	})
	b := open(t, there, s3bucket.Options{})
	src := &alone{r: io.LimitReader(zeros{}, size), twice: make(chan struct{})}
	require.NoError(t, b.Put("seg-large", size, src))
	require.EqualValues(t, size, src.n.Load())
	require.False(t, src.overlap.Load(), "two read at once")
	require.ErrorIs(t, b.Put("seg-large", size, io.LimitReader(zeros{}, size-1)), store.ErrCorrupt, "a source that ends early")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// alone counts what is read, and has its second Read take so long that others may come meanwhile.
type alone struct {
	r        io.Reader
	inside   atomic.Int32
	n, reads atomic.Int64
	overlap  atomic.Bool
	twice    chan struct{}
}

func (a *alone) Read(p []byte) (int, error) {
	if a.inside.Add(1) > 1 && a.overlap.CompareAndSwap(false, true) {
		close(a.twice)
	}
	defer a.inside.Add(-1)
	if a.reads.Add(1) == 2 {
		select {
		case <-a.twice:
		case <-time.After(300 * time.Millisecond):
		}
	}
	n, err := a.r.Read(p)
	a.n.Add(int64(n))
	return n, err
}
