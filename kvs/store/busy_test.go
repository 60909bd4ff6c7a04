package store_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/store"
	"github.com/joinery-go/joinery/kvs/store/lsm"
	"github.com/joinery-go/joinery/kvs/store/snapshot"
)

// TestTwoBranchesOfOneFolder has engines publish to two branches of one folder at once,
// all options being the defaults: they wait for each other.
func TestTwoBranchesOfOneFolder(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for w := range errs {
		f, err := snapshot.NewFolder(filepath.Join(dir, "bucket"), snapshot.FolderOptions{})
		require.NoError(t, err)
		a, err := snapshot.Open(f, snapshot.Options{Branch: fmt.Sprint("b", w)})
		require.NoError(t, err)
		e, err := openSmall(lsm.Name, store.Options{Dir: filepath.Join(dir, fmt.Sprint(w)), Archive: a})
		require.NoError(t, err)
		wg.Go(func() {
			for i := 0; i < 100 && errs[w] == nil; i++ {
				if errs[w] = e.Set(fmt.Appendf(nil, "key %d", i), []byte("v")); errs[w] == nil {
					_, errs[w] = e.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// TestDefaultWaitOutlastsAHolder takes the head's lock for as long as a slow sync takes.
func TestDefaultWaitOutlastsAHolder(t *testing.T) {
	dir := t.TempDir()
	f, err := snapshot.NewFolder(dir, snapshot.FolderOptions{})
	require.NoError(t, err)
	lock, err := store.Private.Lock(filepath.Join(dir, "HEAD.lock"))
	require.NoError(t, err)
	released := make(chan error)
	go func() {
		time.Sleep(100 * time.Millisecond)
		released <- lock.Close()
	}()
	require.NoError(t, f.SwapHead("", []byte("head")))
	require.NoError(t, <-released)
}
