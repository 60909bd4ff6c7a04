package laws

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultPatience is how long [Check] waits for one evaluation of a law, unless
// [Patience] says otherwise. Merges take microseconds.
const DefaultPatience = 10 * time.Second

// Patience sets how long [Check] waits for one evaluation before it takes the
// merge for one that does not return and fails the law with the states it was
// given; 0 waits for ever. Go cannot end a goroutine from outside: what does not
// return keeps a processor busy until the test binary ends, and what memory it takes is
// taken until then, so the laws that would follow are failed without being tried. Endless recursion cannot be caught: Go
// ends the process for it.
func Patience(d time.Duration) Option { return Option{func(s *settings) { s.patience = &d }} }

// waits is how long an evaluation of the subject is waited for; 0 is for ever.
func (o settings) waits(s *subject) time.Duration {
	switch {
	case s.watchdog != nil:
		return 0 // it watches each by itself
	case o.patience != nil:
		return *o.patience
	}
	return DefaultPatience
}

// limitText stands in Failure.Limit.
func limitText(patience time.Duration) string {
	return fmt.Sprintf("%v without a sign of it; laws.Patience sets another, 0 none", patience)
}

// watchdog is what is known from outside of a check that runs in a goroutine of
// its own. Evaluations are not timed one by one: what is looked at, once in a
// while, is whether there was progress.
type watchdog struct {
	steps   atomic.Int64           // even while a tuple is judged, odd while one is drawn
	joining atomic.Pointer[[2]any] // while states are drawn by joining: the operands, if asked for
	gone    atomic.Bool            // nobody waits any more
}

// step notes progress.
func (a *watchdog) step() {
	if a == nil {
		return
	}
	a.stay()
	a.steps.Add(1)
}

// stay ends a check that comes back after it was given up, before it can speak for
// a test that is over.
func (a *watchdog) stay() {
	if a != nil && a.gone.Load() {
		runtime.Goexit()
	}
}

// ending is how a watched check came to its end.
type ending struct {
	panicked any
	gaveUp   bool // the test
	stuck    bool // there was no progress, and it goes on
}

// watch runs check in a goroutine and waits until it ends, or until there was no
// progress for as long as patience lasts, which it reports as false. A panic of
// check, and its giving up the test, are passed on.
func (a *watchdog) watch(patience time.Duration, check func()) (ended bool) {
	if patience <= 0 {
		check()
		return true
	}
	done := make(chan ending, 2) // the check's own word, and the watch's
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
	w := &watchedCheck{watchdog: a, patience: patience, done: done}
	watching.begin(w)
	e := <-done
	watching.end(w)
	switch {
	case e.stuck:
		a.gone.Store(true)
		return false
	case e.panicked != nil:
		panic(e.panicked)
	case e.gaveUp:
		runtime.Goexit()
	}
	return true
}

// watchedCheck is a check that is looked at until it ends.
type watchedCheck struct {
	*watchdog
	patience time.Duration
	done     chan<- ending
	due      time.Time // of the next look
	before   int64     // steps at the last look
}

// watch looks at the checks of this process that are under way. One timer serves
// them all, and goes on while there are any: a timer for each would cost a few per
// cent of a check.
type watch struct {
	mu    sync.Mutex
	under []*watchedCheck
	timer *time.Timer
	next  time.Time // when the timer goes off; zero is never
}

var watching watch

func (w *watch) begin(c *watchedCheck) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.due, c.before = time.Now().Add(c.patience), c.steps.Load()
	w.under = append(w.under, c)
	w.wake(c.due)
}

func (w *watch) end(c *watchedCheck) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under = slices.DeleteFunc(w.under, func(other *watchedCheck) bool { return other == c })
}

// wake sees to it that the timer goes off at a time, if not before.
func (w *watch) wake(at time.Time) {
	switch {
	case !w.next.IsZero() && !w.next.After(at):
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(time.Until(at), w.look)
	default:
		w.timer.Reset(time.Until(at))
	}
	w.next = at
}

// look tells whoever waits for a check without progress.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.next = time.Time{}
	w.under = slices.DeleteFunc(w.under, func(c *watchedCheck) bool {
		if !now.Before(c.due) {
			steps := c.steps.Load()
			if steps == c.before {
				c.done <- ending{stuck: true}
				return true
			}
			c.before, c.due = steps, now.Add(c.patience)
		}
		w.wake(c.due)
		return false
	})
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
