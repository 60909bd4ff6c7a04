package storetest

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
)

// owned is a file system that calls a function before a file of an extension is made, once,
// and counts files that are made once the directory's lock is given back.
type owned struct {
	vfs.FS
	ext    string
	called atomic.Bool
	hook   func()
	free   atomic.Bool
	strays atomic.Int64
}

func (o *owned) Create(name string, w vfs.DiskWriteCategory) (vfs.File, error) {
	if o.free.Load() {
		o.strays.Add(1)
	}
	if o.hook != nil && strings.HasSuffix(name, "."+o.ext) && o.called.CompareAndSwap(false, true) {
		o.hook()
	}
	return o.FS.Create(name, w)
}

func (o *owned) Lock(name string) (io.Closer, error) {
	l, err := o.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	return &ownedLock{l, o}, nil
}

type ownedLock struct {
	io.Closer
	o *owned
}

func (l *ownedLock) Close() error {
	l.o.free.Store(true)
	return l.Closer.Close()
}

// TestClosing closes an engine while background work, without the engine's lock, is about to
// write a file of the extension, which stands beside another: the directory is given back
// only once it is written, and it is not left where the other one is gone. The engine must
// have such work after some hundred sets.
func TestClosing(t *testing.T, open func(store.Options) (store.Engine, error), ext string) {
	o := &owned{FS: newDisk(t), ext: ext}
	q, err := store.NewQueue(4)
	require.NoError(t, err)
	e, err := open(store.Options{Dir: "dir", FS: o, Scheduler: q})
	require.NoError(t, err)
	for i := 0; i < 500 && e.Size().Backlog < 3; i++ {
		require.NoError(t, e.Set(fmt.Appendf(nil, "key %d", i), make([]byte, 200)))
	}
	var closed sync.WaitGroup
	var failed error
	held := false
	o.hook = func() {
		closed.Go(func() { failed = e.Close() })
		for _, err := e.Get([]byte("key")); err == nil; _, err = e.Get([]byte("key")) {
			runtime.Gosched()
		}
		for range 10_000 { // in which Close is done, unless it waits for what is written here
			if held = o.free.Load(); held {
				return
			}
			runtime.Gosched()
		}
	}
	_, err = q.Drain(maxSteps)
	require.NoError(t, err)
	closed.Wait()
	require.NoError(t, failed)
	require.False(t, held, "the directory was given back while a file was written")
	require.Zero(t, o.strays.Load())
	require.True(t, o.free.Load(), "it came to writing, and to closing")
	names, err := o.List("dir")
	require.NoError(t, err)
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	for _, n := range names {
		if stem, ext, _ := strings.Cut(n, "."); ext == o.ext {
			require.True(t, have[stem+".run"] || have[stem+".log"], "%s is of a file that is not there", n)
		}
	}
}
