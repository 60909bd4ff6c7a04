// Package wall is the clock of the wall for those who run simulations: it calls something
// again and again, and waits. No outcome of a run may depend on it.
package wall

import (
	"context"
	"time"
)

// Every calls f again and again, after each time of d, a millisecond at least, until it is
// told to stop, which waits for the last call. f is called by one goroutine, never twice at
// once; stop is to be called once, and not by f.
func Every(d time.Duration, f func()) (stop func()) {
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(max(d, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return func() {
		close(over)
		<-gone
	}
}

// Wait waits, so long or until the context ends, which is its error.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
