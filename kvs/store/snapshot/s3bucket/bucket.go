// Package s3bucket is a bucket of kvs/store in an object store that speaks the S3
// protocol, for archives of kvs/store/snapshot. It is a package of its own, so that
// who keeps versions in a folder does not link a client for S3.
//
//	PREFIX/seg-HASH-EPOCH, and man-, page-         objects, created with If-None-Match: *
//	PREFIX/head                                    a line with its revision, then its content
//	PREFIX/probe                                   written by [Open], to see what the store does
//
// The head is replaced by a PUT with If-Match on its ETag, and made by one with
// If-None-Match: *. Its revision only ever grows, so no two heads have one content, nor
// one ETag, as long as that is a hash of the content. An object that is there already
// is not written again: its name says what it holds, and [store.Bucket.Put] is given
// nothing that its name does not fit; its length is read back after each creation.
//
// Everything depends on the store's keeping these conditions. Some that speak S3 pass
// over them, and then two writers both win: Open tries them out on the probe, and
// refuses a store that fails.
//
// The package keeps no credentials: they are the client's, which the caller makes. No
// error holds a secret of them.
package s3bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/joinery-go/joinery/kvs/store"
)

// Options describe a bucket. Zero values stand for the defaults.
type Options struct {
	// Client speaks to the store. Its retries are its own: a head that it puts twice
	// conflicts with itself, which archives tell from a conflict with others.
	Client *minio.Client
	// Bucket is the store's bucket, which must exist.
	Bucket string
	// Prefix is put before all names, with a slash between, unless it is empty.
	Prefix string
	// Context ends all that is under way, and all that comes after. It is
	// context.Background() by default.
	Context context.Context
	// Timeout is how long one request may take, its body included, 5 minutes by
	// default. Only errors depend on it.
	Timeout time.Duration
	// PartBytes is the length from which on an object is uploaded in parts, as many
	// bytes each, 64 MiB by default and at least 5 MiB, the least that S3 takes.
	PartBytes int64
	// Unchecked leaves out the trying of conditions at Open, for who may not write, or
	// has tried before.
	Unchecked bool
}

// Bucket is an open bucket. It is safe for concurrent use.
type Bucket struct {
	opts Options
	core minio.Core
}

var (
	_ store.Bucket      = (*Bucket)(nil)
	_ store.RangeBucket = (*Bucket)(nil)
)

const (
	headName     = "head"
	probeName    = "probe"
	maxHeadBytes = 64 << 20
	maxPrefix    = 512
	maxBuffered  = 4 << 20
)

func (o Options) withDefaults() (Options, error) {
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.PartBytes == 0 {
		o.PartBytes = 64 << 20
	}
	switch {
	case o.Client == nil:
		return o, fmt.Errorf("%w: no Client; make one with minio.New", store.ErrOptions)
	case o.Bucket == "":
		return o, fmt.Errorf("%w: Bucket is empty", store.ErrOptions)
	case len(o.Prefix) > maxPrefix || strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") || strings.Contains(o.Prefix, "//"):
		return o, fmt.Errorf("%w: Prefix %.80q, want at most %d bytes and no slash at either end", store.ErrOptions, o.Prefix, maxPrefix)
	case o.Timeout < 0:
		return o, fmt.Errorf("%w: Timeout %s, want more than 0", store.ErrOptions, o.Timeout)
	case o.PartBytes < 5<<20 || o.PartBytes > 5<<30:
		return o, fmt.Errorf("%w: PartBytes %d, want 5 MiB to 5 GiB", store.ErrOptions, o.PartBytes)
	}
	return o, nil
}

// Open returns the bucket, having tried what it depends on. Errors wrap
// [store.ErrOptions], [store.ErrUnsupported] for a store that does not keep
// conditions, or say what the store said.
func Open(o Options) (*Bucket, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open S3 bucket: %w", err)
	}
	b := &Bucket{opts: o, core: minio.Core{Client: o.Client}}
	if !o.Unchecked {
		if err := b.probe(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// probe has the store refuse to create what is there, and to replace what is something
// else by now.
func (b *Bucket) probe() error {
	fail := func(err error) error { return b.wrap("try conditions on", probeName, err) }
	if err := b.put(probeName, []byte("a"), minio.PutObjectOptions{}); err != nil {
		return fail(err)
	}
	var none, match minio.PutObjectOptions
	none.SetMatchETagExcept("*")
	match.SetMatchETag("00000000000000000000000000000000")
	for _, c := range []struct {
		header string
		opts   minio.PutObjectOptions
	}{{"If-None-Match", none}, {"If-Match", match}} {
		err := b.put(probeName, []byte("b"), c.opts)
		if err == nil {
			return fail(fmt.Errorf("%w: the store takes a PUT whose %s does not hold; writers would overwrite each other: take a store that keeps conditions on PUT",
				store.ErrUnsupported, c.header))
		}
		if !refused(err) {
			return fail(err)
		}
	}
	return nil
}

// key is the store's name of an object.
func (b *Bucket) key(name string) string {
	if b.opts.Prefix == "" {
		return name
	}
	return b.opts.Prefix + "/" + name
}

func (b *Bucket) check(op, name string) error {
	ok := strings.HasPrefix(name, "seg-") || strings.HasPrefix(name, "man-") || strings.HasPrefix(name, "page-")
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if !ok {
		return fmt.Errorf("%s %s: %w: %.80q is no object's name", op, b.opts.Bucket, store.ErrOptions, name)
	}
	return nil
}

func (b *Bucket) timed() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.opts.Context, b.opts.Timeout)
}

// put puts a few bytes in one request.
func (b *Bucket) put(name string, data []byte, o minio.PutObjectOptions) error {
	ctx, cancel := b.timed()
	defer cancel()
	o.DisableMultipart = true
	_, err := b.opts.Client.PutObject(ctx, b.opts.Bucket, b.key(name), bytes.NewReader(data), int64(len(data)), o)
	return err
}

// Put stores an object, unless it is there.
func (b *Bucket) Put(name string, size int64, r io.Reader) error {
	if err := b.check("put", name); err != nil {
		return err
	}
	ctx, cancel := b.timed()
	defer cancel()
	o := minio.PutObjectOptions{PartSize: uint64(b.opts.PartBytes), DisableMultipart: size <= b.opts.PartBytes}
	o.SetMatchETagExcept("*")
	exact := &exactly{r: r, left: size}
	out := &lent{r: exact}
	var src io.Reader = out
	if size <= maxBuffered { // read whole, it can be sent again
		data, err := io.ReadAll(exact)
		if err != nil {
			return fmt.Errorf("put %s to S3 bucket %s: %w", b.key(name), b.opts.Bucket, err)
		}
		src = bytes.NewReader(data)
	}
	_, err := b.opts.Client.PutObject(ctx, b.opts.Bucket, b.key(name), src, size, o)
	out.takeBack()
	if exact.err != nil { // what the client makes of it does not matter
		return fmt.Errorf("put %s to S3 bucket %s: %w", b.key(name), b.opts.Bucket, exact.err)
	}
	if err != nil && !refused(err) {
		return b.wrap("put", name, err)
	}
	// What is there now is what was just put, or was there before.
	stat, err := b.opts.Client.StatObject(ctx, b.opts.Bucket, b.key(name), minio.StatObjectOptions{})
	if err != nil {
		return b.wrap("read back", name, err)
	}
	if stat.Size != size {
		return b.wrap("read back", name, fmt.Errorf("%w: it has %d bytes, want %d; nobody can read it: delete it", store.ErrCorrupt, stat.Size, size))
	}
	// The rest of a source that the store did not want must be what its name says too.
	if _, err := io.Copy(io.Discard, exact); err != nil {
		return fmt.Errorf("put %s to S3 bucket %s: %w", b.key(name), b.opts.Bucket, err)
	}
	return nil
}

// lent is a reader as the client has it, until it is taken back: where the store answers before it
// has read all that it was sent, the client is still reading when it returns.
type lent struct {
	mu   sync.Mutex // guards r too
	r    io.Reader
	back bool
}

func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back {
		return 0, io.ErrClosedPipe
	}
	return l.r.Read(p)
}

// takeBack waits for a Read that is under way, and is followed by none.
func (l *lent) takeBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = true
}

// exactly passes on what it reads, and remembers an error that is not the end. An end
// before left bytes is one.
type exactly struct {
	r    io.Reader
	left int64
	err  error
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case err == io.EOF && e.left != 0 || e.left < 0:
		err = fmt.Errorf("%w: %d bytes more or less than announced", store.ErrCorrupt, e.left)
		e.err = err
	case err != nil && err != io.EOF:
		e.err = err
	}
	return n, err
}

// Get reads an object.
func (b *Bucket) Get(name string) (io.ReadCloser, error) {
	return b.get(name, minio.GetObjectOptions{})
}

// GetRange reads n bytes of an object from offset off on.
func (b *Bucket) GetRange(name string, off, n int64) (io.ReadCloser, error) {
	if off < 0 || n < 1 {
		return nil, fmt.Errorf("get %s: %w: %d bytes from %d on", name, store.ErrOptions, n, off)
	}
	var o minio.GetObjectOptions
	if err := o.SetRange(off, off+n-1); err != nil {
		return nil, b.wrap("get", name, err)
	}
	return b.get(name, o)
}

func (b *Bucket) get(name string, o minio.GetObjectOptions) (io.ReadCloser, error) {
	if err := b.check("get", name); err != nil {
		return nil, err
	}
	ctx, cancel := b.timed()
	r, _, _, err := b.core.GetObject(ctx, b.opts.Bucket, b.key(name), o)
	if err != nil {
		cancel()
		return nil, b.wrap("get", name, err)
	}
	return &body{b, name, r, cancel}, nil
}

// body is an object being read.
type body struct {
	b      *Bucket
	name   string
	r      io.ReadCloser
	cancel context.CancelFunc
}

func (r *body) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = r.b.wrap("get", r.name, err)
	}
	return n, err
}

func (r *body) Close() error {
	defer r.cancel()
	return r.r.Close()
}

// Delete removes an object.
func (b *Bucket) Delete(name string) error {
	if err := b.check("delete", name); err != nil {
		return err
	}
	ctx, cancel := b.timed()
	defer cancel()
	err := b.opts.Client.RemoveObject(ctx, b.opts.Bucket, b.key(name), minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return b.wrap("delete", name, err)
	}
	return nil
}

// List returns the names that begin with prefix, sorted.
func (b *Bucket) List(prefix string) ([]string, error) {
	ctx, cancel := b.timed()
	defer cancel()
	var names []string
	for o := range b.opts.Client.ListObjectsIter(ctx, b.opts.Bucket, minio.ListObjectsOptions{Prefix: b.key(prefix), Recursive: true}) {
		if o.Err != nil {
			return nil, b.wrap("list", prefix, o.Err)
		}
		if name, ok := strings.CutPrefix(o.Key, b.key("")); ok && b.check("list", name) == nil {
			names = append(names, name)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, b.wrap("list", prefix, err) // else a listing that was cut would pass for a whole one
	}
	slices.Sort(names)
	return names, nil
}

// Head returns the head and its ETag.
func (b *Bucket) Head() (data []byte, tag string, err error) {
	_, data, tag, err = b.head()
	return data, tag, err
}

func (b *Bucket) head() (revision uint64, data []byte, tag string, err error) {
	ctx, cancel := b.timed()
	defer cancel()
	r, info, _, err := b.core.GetObject(ctx, b.opts.Bucket, b.key(headName), minio.GetObjectOptions{})
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(r, maxHeadBytes+1))
		err = errors.Join(err, r.Close())
	}
	if err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return 0, nil, "", nil
	}
	if err != nil {
		return 0, nil, "", b.wrap("get", headName, err)
	}
	line, rest, ok := bytes.Cut(data, []byte("\n"))
	revision, err = strconv.ParseUint(string(line), 10, 64)
	if !ok || err != nil || revision == 0 || strconv.FormatUint(revision, 10) != string(line) || len(data) > maxHeadBytes || info.ETag == "" {
		return 0, nil, "", b.wrap("get", headName, fmt.Errorf("%w: %d bytes that begin with %.20q, ETag %q", store.ErrCorrupt, len(data), line, info.ETag))
	}
	return revision, rest, fmt.Sprintf("%d %s", revision, info.ETag), nil
}

// SwapHead replaces the head if its ETag is still that of tag.
func (b *Bucket) SwapHead(tag string, data []byte) error {
	var o minio.PutObjectOptions
	var revision uint64
	if tag == "" {
		o.SetMatchETagExcept("*")
	} else {
		line, etag, ok := strings.Cut(tag, " ")
		var err error
		if revision, err = strconv.ParseUint(line, 10, 64); err != nil || !ok || etag == "" {
			return b.wrap("swap", headName, fmt.Errorf("%w: tag %.80q is of no head", store.ErrConflict, tag))
		}
		o.SetMatchETag(etag)
	}
	err := b.put(headName, append(strconv.AppendUint(nil, revision+1, 10), append([]byte("\n"), data...)...), o)
	if refused(err) || err != nil && tag != "" && minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return b.wrap("swap", headName, fmt.Errorf("%w: the head is no longer %q", store.ErrConflict, tag))
	}
	if err != nil {
		return b.wrap("swap", headName, err)
	}
	return nil
}
