// Package standin has what stands in for a process's sources of chance and of time, while a
// library runs in a simulated world that would ask the process:
//
//	standin.Rand(c, "raft.random", 10, func() { node.Tick() })   // for crypto/rand
//	clock.Use(c, func() { cache.Get(key) })                      // for a clock that can be replaced
//
// What it gives is the run's own: choices, which a tape replays and a shrinker takes away, and
// the clock of the node, which drifts and jumps as the run's faults say.
//
// It refuses what cannot be repeated. There is no channel to wait on, since whoever waits is a
// goroutine, and which of two goroutines runs first no seed decides; the top-level functions of
// math/rand/v2 draw from the runtime, and cannot be replaced.
package standin

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/joinery-go/joinery/sim"
)

// reading is held while crypto/rand.Reader, of which the process has one, is that of a run.
var reading sync.Mutex

// Rand calls work with crypto/rand.Reader reading bytes that are choices of the run at a
// site, each one of n, at least 2 and at most 256; fewer values make shorter tapes, and all
// of them 0 is the simplest. It holds up other runs of the process that do so meanwhile, and
// work must not call Rand.
func Rand(c *sim.Context, site string, n int, work func()) {
	reading.Lock()
	was := rand.Reader
	rand.Reader = choices{c, site, min(max(n, 2), 256)}
	defer func() {
		rand.Reader = was
		reading.Unlock()
	}()
	work()
}

// choices is an endless stream of choices.
type choices struct {
	c    *sim.Context
	site string
	n    int
}

func (r choices) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.c.Choose(r.site, r.n))
	}
	return len(b), nil
}

// Clock is one for code that takes a clock: a function Now, or an interface with Now, Since
// and AfterFunc. An actor has one for each incarnation, and hands it to the library; it is not
// safe for concurrent use.
type Clock struct {
	reading func(*sim.Context) sim.Time
	first   sim.TimerID
	c       *sim.Context
	timers  []*Timer // by id, from first on; nil is free
}

// NewClock is a clock by one reading of a node's clocks, [sim.Context.Wall] or
// [sim.Context.Monotonic]. Its timers are those of the actor from an id on, as many as are
// armed at once.
func NewClock(reading func(*sim.Context) sim.Time, first sim.TimerID) *Clock {
	return &Clock{reading: reading, first: first}
}

// Epoch is what Now is at the start of the world.
var Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Use calls work, during which the clock can be read, and timers armed. Outside of it there is
// no time: to ask then is a fault of the caller, and panics.
func (k *Clock) Use(c *sim.Context, work func()) {
	was := k.c
	k.c = c
	defer func() { k.c = was }()
	work()
}

// Fire is for the actor's method Timer: it calls the function of a timer, and reports whether
// that is one of the clock's.
func (k *Clock) Fire(c *sim.Context, id sim.TimerID) (mine bool) {
	if id < k.first || id-k.first >= sim.TimerID(len(k.timers)) || k.timers[id-k.first] == nil {
		return false
	}
	t := k.timers[id-k.first]
	k.timers[id-k.first], t.armed = nil, false
	k.Use(c, t.f)
	return true
}

func (k *Clock) context() *sim.Context {
	if k.c == nil {
		panic("standin: the clock is asked outside of Clock.Use: by a goroutine, or by a call that is not in it")
	}
	return k.c
}

// Now is the node's time.
func (k *Clock) Now() time.Time { return Epoch.Add(time.Duration(k.reading(k.context()))) }

// Since is how long ago a time was, less than 0 if it is to come.
func (k *Clock) Since(t time.Time) time.Duration { return k.Now().Sub(t) }

// AfterFunc calls f after so long, as an event of the node, unless the timer is stopped.
func (k *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{k: k, f: f}
	t.Reset(d)
	return t
}

// Timer is a function to be called.
type Timer struct {
	k     *Clock
	f     func()
	id    sim.TimerID
	armed bool
}

// Stop disarms the timer, and reports whether it was armed.
func (t *Timer) Stop() bool {
	was := t.armed
	if was {
		t.k.context().Cancel(t.id)
		t.k.timers[t.id-t.k.first], t.armed = nil, false
	}
	return was
}

// Reset arms the timer anew, and reports whether it was armed.
func (t *Timer) Reset(d time.Duration) bool {
	was, k := t.armed, t.k
	if !was {
		i := 0
		for i < len(k.timers) && k.timers[i] != nil {
			i++
		}
		if i == len(k.timers) {
			k.timers = append(k.timers, nil)
		}
		k.timers[i], t.id, t.armed = t, k.first+sim.TimerID(i), true
	}
	k.context().After(sim.Time(max(d, 0)), t.id)
	return was
}
