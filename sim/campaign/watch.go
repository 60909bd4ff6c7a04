package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// DefaultPatience is how long a run may take unless a [Watch] says otherwise.
const DefaultPatience = time.Minute

// Watch gives up runs that do not end, and says which are under way. One can watch all
// that a program runs, of any number of protocols; it must not be copied.
//
// A run that is given up is a violation, of [OracleTime], and its goroutine is left to
// itself: nothing in a Go process could end it. Whether a run is given up depends on the
// machine, so nothing else does: a run that ends has the same outcome whatever the time.
type Watch struct {
	// Patience is how long a run may take by the wall clock, or the functions that draw its
	// setup and its plan; 0 is [DefaultPatience], negative any time.
	Patience time.Duration

	mu    sync.Mutex
	next  int
	under map[int]begun
}

// begun is a run that has begun.
type begun struct {
	protocol string
	seed     uint64
	at       time.Time
}

// UnderWay is a run under way.
type UnderWay struct {
	Protocol string
	Seed     uint64
	Took     time.Duration // until now
}

// UnderWay lists the runs that are under way, and those that were given up, the longest
// first. It is safe for concurrent use.
func (w *Watch) UnderWay() []UnderWay {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []UnderWay
	for _, b := range w.under { //joinery:anyorder sorted below
		all = append(all, UnderWay{b.protocol, b.seed, since(b.at)})
	}
	slices.SortFunc(all, func(a, b UnderWay) int { return cmp.Or(cmp.Compare(b.Took, a.Took), cmp.Compare(a.Seed, b.Seed)) })
	return all
}

func (w *Watch) begin(protocol string, seed uint64) (number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under == nil {
		w.under = make(map[int]begun)
	}
	w.next++
	w.under[w.next] = begun{protocol, seed, now()}
	return w.next
}

func (w *Watch) end(number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.under, number)
}

// Await calls f, a run of a seed, and waits for it as long as the watch has patience; late is
// nil if that was long enough. Else f goes on, so it must touch nothing that others go on to
// use. An error says that f ended its goroutine. It is for hosts that run worlds themselves.
func (w *Watch) Await(protocol string, seed uint64, f func()) (late *Late, err error) {
	_, late, err = watched(w, protocol, seed, false, func() struct{} {
		f()
		return struct{}{}
	})
	return late, err
}

// Violation is that of a run that was given up.
func (l Late) Violation() Violation { return lateViolation(l) }

// Limit is how long a run may take; 0 is any time.
func (w *Watch) Limit() time.Duration { return w.patience() }

// patience is how long to wait; 0 is for ever.
func (w *Watch) patience() time.Duration {
	switch {
	case w.Patience == 0:
		return DefaultPatience
	case w.Patience < 0:
		return 0
	}
	return w.Patience
}

// Late is a call that was given up.
type Late struct {
	after time.Duration
	stack stack // where it was by then
}

// String says after which time, and in which line of the protocol: "after 1m0s, and goes
// on, in lease.(*holder).Timer at example.com/lease/lease.go:107", with the calls that led
// there, a line each.
func (l Late) String() string {
	return fmt.Sprintf("after %v, and goes on%s", l.after, l.stack.where())
}
