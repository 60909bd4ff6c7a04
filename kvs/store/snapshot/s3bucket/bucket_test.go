package s3bucket_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
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
)

const (
	secret = "s3cr3t-0123456789"
	token  = "t0k3n-abcdefghij"
)

// clientOf serves h and returns a client that does not try again.
func clientOf(t *testing.T, h http.Handler) *minio.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := minio.New(strings.TrimPrefix(srv.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4("key", secret, token), Region: "us-east-1", MaxRetries: 1,
	})
	require.NoError(t, err)
	return c
}

func fake() http.Handler { return gofakes3.New(s3mem.New()).Server() }

func open(t *testing.T, h http.Handler, o s3bucket.Options) *s3bucket.Bucket {
	t.Helper()
	o.Client, o.Bucket = clientOf(t, h), "versions"
	require.NoError(t, o.Client.MakeBucket(t.Context(), "versions", minio.MakeBucketOptions{}))
	b, err := s3bucket.Open(o)
	require.NoError(t, err)
	return b
}

func TestOptions(t *testing.T) {
	c := clientOf(t, fake())
	for name, o := range map[string]s3bucket.Options{
		"no client":    {Bucket: "versions"},
		"no bucket":    {Client: c},
		"slash before": {Client: c, Bucket: "versions", Prefix: "/a"},
		"slash behind": {Client: c, Bucket: "versions", Prefix: "a/"},
		"slashes":      {Client: c, Bucket: "versions", Prefix: "a//b"},
		"long prefix":  {Client: c, Bucket: "versions", Prefix: strings.Repeat("a", 513)},
		"timeout":      {Client: c, Bucket: "versions", Timeout: -1},
		"small parts":  {Client: c, Bucket: "versions", PartBytes: 5<<20 - 1},
		"large parts":  {Client: c, Bucket: "versions", PartBytes: 5<<30 + 1},
	} {
		o.Unchecked = true
		_, err := s3bucket.Open(o)
		require.ErrorIs(t, err, store.ErrOptions, name)
	}
	for _, o := range []s3bucket.Options{{PartBytes: 5 << 20}, {PartBytes: 5 << 30}, {Prefix: strings.Repeat("a", 512)}} {
		o.Client, o.Bucket, o.Unchecked = c, "versions", true
		_, err := s3bucket.Open(o)
		require.NoError(t, err)
	}
}

func TestNames(t *testing.T) {
	b := open(t, fake(), s3bucket.Options{})
	for _, name := range []string{"", "head", "probe", "seg-../x", "seg-a/b", "other", "seg-ä", "xseg-a", "page", "page-a/b"} {
		require.ErrorIs(t, b.Put(name, 1, strings.NewReader("x")), store.ErrOptions, name)
		_, err := b.Get(name)
		require.ErrorIs(t, err, store.ErrOptions, name)
		require.ErrorIs(t, b.Delete(name), store.ErrOptions, name)
	}
}

// TestPrefixesAreApart keeps two archives in one bucket of the store, and lists more
// names than one answer holds.
func TestPrefixesAreApart(t *testing.T) {
	h := fake()
	c := clientOf(t, h)
	require.NoError(t, c.MakeBucket(t.Context(), "versions", minio.MakeBucketOptions{}))
	var bs []*s3bucket.Bucket
	for _, prefix := range []string{"", "a", "a/b", "ab"} {
		b, err := s3bucket.Open(s3bucket.Options{Client: c, Bucket: "versions", Prefix: prefix})
		require.NoError(t, err)
		require.NoError(t, b.SwapHead("", []byte(prefix)))
		require.NoError(t, b.Put("seg-of-"+strings.ReplaceAll(prefix, "/", "."), 1, strings.NewReader("x")))
		bs = append(bs, b)
	}
	for i, prefix := range []string{"", "a", "a/b", "ab"} {
		data, _, err := bs[i].Head()
		require.NoError(t, err)
		require.Equal(t, prefix, string(data))
		names, err := bs[i].List("")
		require.NoError(t, err)
		require.Equal(t, []string{"seg-of-" + strings.ReplaceAll(prefix, "/", ".")}, names)
	}
	var want []string
	for i := range 1203 {
		want = append(want, fmt.Sprintf("seg-%04d", i))
		require.NoError(t, bs[1].Put(want[i], 1, strings.NewReader("x")))
	}
	names, err := bs[1].List("seg-")
	require.NoError(t, err)
	require.Equal(t, append(want, "seg-of-a"), names)
}

// unchunked takes the signed chunks of which the body of a part consists off for a
// store that, unlike those of whole objects, takes them for content.
func unchunked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			var data []byte
			for in := bufio.NewReader(r.Body); ; {
				line, err := in.ReadString('\n')
				size, _, _ := strings.Cut(line, ";")
				n, e := strconv.ParseInt(size, 16, 64)
				if err != nil || e != nil || n == 0 {
					break
				}
				chunk := make([]byte, n+2)
				if _, err := io.ReadFull(in, chunk); err != nil {
					break
				}
				data = append(data, chunk[:n]...)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
			r.Header.Set("Content-Length", fmt.Sprint(len(data)))
		}
		h.ServeHTTP(w, r)
	})
}

// TestLargeObjects puts an object in parts, from a source that cannot be read again,
// and one that is read whole first.
func TestLargeObjects(t *testing.T) {
	b := open(t, unchunked(fake()), s3bucket.Options{PartBytes: 5 << 20})
	for _, size := range []int{1, 4 << 20, 4<<20 + 1, 5 << 20, 5<<20 + 1, 11 << 20} {
		data := bytes.Repeat([]byte("0123456"), size/7+1)[:size]
		name := fmt.Sprint("seg-", size)
		for range 2 {
			require.NoError(t, b.Put(name, int64(size), io.MultiReader(bytes.NewReader(data))))
		}
		err := b.Put(name+"-short", int64(size+1), io.MultiReader(bytes.NewReader(data)))
		require.ErrorContains(t, err, "put "+name+"-short to S3 bucket versions: ")
		r, err := b.Get(name)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.True(t, bytes.Equal(data, got))
		_, err = b.Get(name + "-short")
		require.ErrorIs(t, err, store.ErrNoObject)
	}
}

// without serves a store that passes over a header of a PUT.
func without(header string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			r.Header.Del(header)
		}
		h.ServeHTTP(w, r)
	})
}

func TestStoreWithoutConditionsIsRefused(t *testing.T) {
	for _, header := range []string{"If-Match", "If-None-Match"} {
		c := clientOf(t, without(header, fake()))
		require.NoError(t, c.MakeBucket(t.Context(), "versions", minio.MakeBucketOptions{}))
		_, err := s3bucket.Open(s3bucket.Options{Client: c, Bucket: "versions"})
		require.ErrorIs(t, err, store.ErrUnsupported)
		require.ErrorContains(t, err, header)
		_, err = s3bucket.Open(s3bucket.Options{Client: c, Bucket: "versions", Unchecked: true})
		require.NoError(t, err)
	}
}

// answer serves an error to all requests, whose text holds the secrets.
func answer(status int, code string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>it was %s and %s</Message></Error>", code, secret, token)
	})
}

// TestErrorsSayWhat looks at the errors of a store that answers nothing but errors:
// each names bucket and key, says the cause and what may help, and holds no secret.
func TestErrorsSayWhat(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   string
	}{
		{403, "AccessDenied", "credentials"}, {401, "Unauthorized", "credentials"}, {404, "NoSuchBucket", "make the bucket"},
		{503, "SlowDown", "try again"}, {500, "InternalError", "try again"},
	} {
		b, err := s3bucket.Open(s3bucket.Options{Client: clientOf(t, answer(c.status, c.code)), Bucket: "versions", Prefix: "deep", Unchecked: true})
		require.NoError(t, err)
		_, getErr := b.Get("seg-x")
		_, listErr := b.List("seg-")
		_, _, headErr := b.Head()
		for op, err := range map[string]error{
			"put": b.Put("seg-x", 1, strings.NewReader("x")), "get": getErr, "list": listErr, "head": headErr,
			"delete": b.Delete("seg-x"), "swap": b.SwapHead("1 abc", []byte("x")),
		} {
			require.Error(t, err, op)
			require.ErrorContains(t, err, "versions", op)
			require.ErrorContains(t, err, "deep/", op)
			require.ErrorContains(t, err, c.code, op)
			require.ErrorContains(t, err, c.want, op)
			require.NotErrorIs(t, err, store.ErrConflict, op)
			for e := err; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), secret, op)
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), token, op)
			}
		}
	}
	for _, code := range []string{"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"} {
		status := map[string]int{"PreconditionFailed": 412, "ConditionalRequestConflict": 409, "NoSuchKey": 404}[code]
		b, err := s3bucket.Open(s3bucket.Options{Client: clientOf(t, answer(status, code)), Bucket: "versions", Unchecked: true})
		require.NoError(t, err)
		require.ErrorIs(t, b.SwapHead("1 abc", []byte("x")), store.ErrConflict)
	}
	b := open(t, fake(), s3bucket.Options{})
	for _, tag := range []string{"x", "1", "1 ", "x y"} {
		require.ErrorIs(t, b.SwapHead(tag, []byte("x")), store.ErrConflict)
	}
}

// TestNoAnswer asks stores that are gone, or do not answer in time.
func TestNoAnswer(t *testing.T) {
	released := make(chan struct{})
	silent := clientOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	t.Cleanup(func() { close(released) })
	b, err := s3bucket.Open(s3bucket.Options{Client: silent, Bucket: "versions", Timeout: 20 * time.Millisecond, Unchecked: true})
	require.NoError(t, err)
	_, _, headErr := b.Head()
	_, listErr := b.List("")
	_, getErr := b.Get("seg-x")
	for _, err := range []error{headErr, listErr, getErr, b.Put("seg-x", 1, strings.NewReader("x")), b.SwapHead("", []byte("x"))} {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "Timeout")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, err = s3bucket.Open(s3bucket.Options{Client: silent, Bucket: "versions", Context: ctx, Unchecked: true})
	require.NoError(t, err)
	_, _, err = b.Head()
	require.ErrorIs(t, err, context.Canceled)
	_, err = b.List("")
	require.ErrorIs(t, err, context.Canceled)
}

// TestForeignHead reads heads that no SwapHead wrote.
func TestForeignHead(t *testing.T) {
	h := fake()
	b := open(t, h, s3bucket.Options{})
	c := clientOf(t, h)
	for _, head := range []string{"x", "0\nx", "01\nx", "-1\nx", "1"} {
		_, err := c.PutObject(t.Context(), "versions", "head", strings.NewReader(head), int64(len(head)), minio.PutObjectOptions{})
		require.NoError(t, err)
		_, _, err = b.Head()
		require.ErrorIs(t, err, store.ErrCorrupt, head)
	}
}

// TestOtherLengthUnderTheName finds an object that is not as long as what was put.
func TestOtherLengthUnderTheName(t *testing.T) {
	b := open(t, fake(), s3bucket.Options{})
	require.NoError(t, b.Put("seg-x", 2, strings.NewReader("xx")))
	require.ErrorIs(t, b.Put("seg-x", 1, strings.NewReader("x")), store.ErrCorrupt)
}

// TestArchiveOverRetries has the client put everything twice, as after an answer that
// was lost: the writer is not in conflict with itself.
func TestArchiveOverRetries(t *testing.T) {
	h := fake()
	twice := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.ContentLength > 0 {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			first := r.Clone(r.Context())
			first.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(httptest.NewRecorder(), first)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		h.ServeHTTP(w, r)
	})
	b := open(t, twice, s3bucket.Options{})
	a := snapshot.New(b)
	for i := range store.Version(5) {
		at := store.Ref{Version: i}
		v, _, err := a.Publish(store.Draft{Seen: at, Parent: at, Engine: "test", Format: 1})
		require.NoError(t, err)
		require.Equal(t, i+1, v.Version)
	}
	_, _, err := snapshot.New(b).Publish(store.Draft{Seen: store.Ref{Version: 4}, Engine: "test", Format: 1})
	require.ErrorIs(t, err, store.ErrConflict)
}
