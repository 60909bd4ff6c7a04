package measure

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// counted is a bucket that counts what it is given, and an archive in it that counts the
// segments that are opened.
type counted struct {
	store.Bucket
	folder *snapshot.Folder // the same
	mu     sync.Mutex
	put    int64 // bytes of objects, manifests among them, and of heads
	heads  int64 // of these, bytes of heads
}

// newBucket makes the bucket in dir, which must not hold one: what is measured begins
// with nothing.
func newBucket(dir string) (*counted, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	f, err := snapshot.NewFolder(dir, snapshot.FolderOptions{})
	if err != nil {
		return nil, err
	}
	return &counted{Bucket: f, folder: f}, nil
}

func (c *counted) count(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put += n
}

// given is how many bytes were put so far.
func (c *counted) given() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put
}

// givenHeads is how many of them are of heads.
func (c *counted) givenHeads() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heads
}

// Put counts the bytes that were put.
func (c *counted) Put(name string, size int64, r io.Reader) error {
	err := c.Bucket.Put(name, size, r)
	if err == nil {
		c.count(size)
	}
	return err
}

// PutSoon counts the bytes that were put.
func (c *counted) PutSoon(name string, size int64, r io.Reader) error {
	err := c.folder.PutSoon(name, size, r)
	if err == nil {
		c.count(size)
	}
	return err
}

// SwapHead counts the bytes of a head that was put.
func (c *counted) SwapHead(tag string, data []byte) error {
	err := c.Bucket.SwapHead(tag, data)
	if err == nil {
		c.count(int64(len(data)))
		c.mu.Lock()
		c.heads += int64(len(data))
		c.mu.Unlock()
	}
	return err
}

// opens is an archive that counts the segments that are read from it.
type opens struct {
	store.Archive
	mu sync.Mutex
	n  int
}

// Open counts a segment.
func (o *opens) Open(v store.Version, s store.Segment) (io.ReadCloser, error) {
	o.mu.Lock()
	o.n++
	o.mu.Unlock()
	return o.Archive.Open(v, s)
}

func (o *opens) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}
