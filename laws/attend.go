package laws

import (
	"runtime"
	"sync/atomic"
	"time"
)

// DefaultPatience is how long [Check] waits for one evaluation of a law, unless
// [Patience] says otherwise. Merges take microseconds.
const DefaultPatience = 10 * time.Second

// Patience sets how long [Check] waits for one evaluation before it takes the
// merge for one that does not return and fails the law with the states it was
// given; 0 waits for ever. Go cannot end a goroutine from outside: what does not
// return keeps a processor busy until the test binary ends, so the laws that would
// follow are failed without being tried. Endless recursion cannot be caught: Go
// ends the process for it.
func Patience(d time.Duration) Option { return Option{func(s *settings) { s.patience = &d }} }

// attendance is what is known from outside of a check that runs in a goroutine of
// its own. Evaluations are not timed one by one: what is looked at, once in a
// while, is whether there was progress.
type attendance struct {
	steps   atomic.Int64           // even while a tuple is judged, odd while one is drawn
	joining atomic.Pointer[[2]any] // while states are drawn by joining: the operands, if asked for
	gone    atomic.Bool            // nobody waits any more
}

// step notes progress.
func (a *attendance) step() {
	a.stay()
	a.steps.Add(1)
}

// stay ends a check that comes back after it was given up, before it can speak for
// a test that is over.
func (a *attendance) stay() {
	if a.gone.Load() {
		runtime.Goexit()
	}
}

// attend runs check in a goroutine and waits until it ends, or until there was no
// progress for as long as patience lasts, which it reports as false. A panic of
// check, and its giving up the test, are passed on.
func (a *attendance) attend(patience time.Duration, check func()) (ended bool) {
	if patience <= 0 {
		check()
		return true
	}
	type ending struct {
		panicked any
		gaveUp   bool
	}
	done := make(chan ending, 1)
	go func() {
		e := ending{gaveUp: true}
		defer func() {
			e.panicked = recover()
			done <- e
		}()
		roomy(0)
		check()
		e.gaveUp = false
	}()
	for {
		before := a.steps.Load()
		timer := time.NewTimer(patience)
		select {
		case e := <-done:
			timer.Stop()
			switch {
			case e.panicked != nil:
				panic(e.panicked)
			case e.gaveUp:
				runtime.Goexit()
			}
			return true
		case <-timer.C:
			if a.steps.Load() == before {
				a.gone.Store(true)
				return false
			}
		}
	}
}

// roomy makes a new goroutine's stack large enough for a check while there is next
// to nothing on it. Left to grow on its own, it is copied at each doubling with all
// the frames of rapid on it, which is a few per cent of a check.
//
//go:noinline
func roomy(i int) byte {
	var room [12 << 10]byte
	return room[i]
}
