package snapshot

import (
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/joinery-go/joinery/kvs/store"
)

// Each calls do for 0 to n-1, Options.Parallel of them at once, and returns the error
// of the least number for which there was one. After an error none is begun any more,
// and all that were have ended when Each returns.
func (a *Archive) Each(n int, do func(i int) error) error {
	if a.opts.Parallel == 1 || n < 2 {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	errs := make([]error, n)
	for range min(n, a.opts.Parallel) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = do(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// verifier passes on what it reads, but for the last bytes of what is not what its
// hash says: so nothing else ever is under the hash's name.
type verifier struct {
	r        io.Reader
	left     int64
	want     store.Hash
	sum      hash.Hash
	verified bool
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.left == 0 && v.verified {
		return 0, io.EOF
	}
	n, err := v.r.Read(p[:min(int64(len(p)), v.left)])
	v.sum.Write(p[:n])
	v.left -= int64(n)
	if v.left > 0 {
		if err == io.EOF {
			err = fmt.Errorf("%w: it ends %d bytes early", store.ErrCorrupt, v.left)
		}
		return n, err
	}
	if store.Hash(v.sum.Sum(nil)) != v.want {
		return 0, fmt.Errorf("%w: it is not what its hash says", store.ErrCorrupt)
	}
	v.verified = true
	return n, nil
}
