package standin_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/campaign"
	"github.com/joinery-go/joinery/sim/standin"
)

// cache is a library with a clock of its own: what it was told expires.
type cache struct {
	clock interface {
		Now() time.Time
		Since(t time.Time) time.Duration
		AfterFunc(d time.Duration, f func()) *standin.Timer
	}
	since time.Time
	timer *standin.Timer
	gone  []time.Duration // how long what expired was kept
}

func (k *cache) put(keep time.Duration) {
	k.since = k.clock.Now()
	expire := func() { k.gone = append(k.gone, k.clock.Since(k.since)) }
	if k.timer == nil {
		k.timer = k.clock.AfterFunc(keep, expire)
		return
	}
	k.timer.Reset(keep)
}

// node puts what it is told into a cache for 20 to 29 ms, by chance.
type node struct {
	clock *standin.Clock
	cache cache
	drawn []byte
}

func newNode() *node {
	n := &node{clock: standin.NewClock((*sim.Context).Monotonic, 5)}
	n.cache.clock = n.clock
	return n
}

func (*node) Start(*sim.Context)                       {}
func (*node) Receive(*sim.Context, sim.NodeID, []byte) {}
func (n *node) Timer(c *sim.Context, id sim.TimerID) {
	if !n.clock.Fire(c, id) {
		c.Fail(fmt.Errorf("timer %d is nobody's", id))
	}
}

func (n *node) Input(c *sim.Context, _ uint64) {
	var b [1]byte
	var err error
	standin.Rand(c, "cache.keep", 10, func() { _, err = rand.Read(b[:]) })
	if err != nil {
		c.Fail(err)
		return
	}
	n.drawn = append(n.drawn, b[0])
	n.clock.Use(c, func() { n.cache.put(time.Duration(20+b[0]) * time.Millisecond) })
}

func protocol() campaign.Protocol {
	return campaign.Protocol{
		Name:  "cache",
		Setup: campaign.Setup{Nodes: 1, Faults: campaign.Bears(sim.Clock)},
		Plan:  func(p *campaign.Plan) { p.Spread(2, 6, func(_ int, o *campaign.Op) { o.Func = "put" }) },
		New: func(*campaign.Run) campaign.Instance {
			return campaign.Instance{
				Actor: func(sim.NodeID) sim.Actor { return newNode() },
				Check: func(r *campaign.Run) error {
					n := r.World().Actor(0).(*node)
					if len(n.cache.gone) == 0 {
						return fmt.Errorf("nothing expired: of %d", len(n.drawn))
					}
					for _, kept := range n.cache.gone {
						if kept <= 0 { // how long is up to the node's clock
							return fmt.Errorf("not kept: %v", kept)
						}
					}
					for _, b := range n.drawn {
						if b > 9 {
							return fmt.Errorf("drawn beyond what there is: %d", b)
						}
					}
					return nil
				},
			}
		},
	}
}

// TestLibrary: a library under stand-ins is simulated like anything else, one seed one run,
// whose chance and time are the run's.
func TestLibrary(t *testing.T) {
	was := rand.Reader
	p := protocol()
	r, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 100, Workers: 2, TwiceEvery: 1})
	require.NoError(t, err)
	for _, res := range r.Failures {
		t.Error(res.Seed, res.Violations)
	}
	assert.Equal(t, int64(100), r.Twice, "each seed has one trace")
	assert.Equal(t, was, rand.Reader, "the process has its own again")
}

// TestStopped: a timer that is stopped does not fire, ids are used again, and there is no time
// outside of an event.
func TestStopped(t *testing.T) {
	k := standin.NewClock((*sim.Context).Wall, 1)
	var fired []string
	var first, second *standin.Timer
	p := campaign.Protocol{
		Name: "stopped", Plan: func(p *campaign.Plan) { p.Add(campaign.Op{Func: "begin", At: sim.Millisecond}) },
		New: func(*campaign.Run) campaign.Instance {
			return campaign.Instance{Actor: func(sim.NodeID) sim.Actor {
				return &actor{input: func(c *sim.Context) {
					k.Use(c, func() {
						assert.Equal(t, standin.Epoch.Add(time.Millisecond), k.Now())
						first = k.AfterFunc(5*time.Millisecond, func() { fired = append(fired, "first") })
						second = k.AfterFunc(9*time.Millisecond, func() { fired = append(fired, "second") })
						assert.True(t, first.Stop())
						assert.False(t, first.Stop())
						k.AfterFunc(-time.Second, func() { fired = append(fired, "third") }) // has the id of the first
						assert.True(t, second.Reset(2*time.Millisecond))
					})
				}, timer: func(c *sim.Context, id sim.TimerID) { assert.True(t, k.Fire(c, id)) }}
			}}
		},
	}
	_, err := p.Fuzz(t.Context(), campaign.Options{Seeds: 1, TwiceEvery: -1})
	require.NoError(t, err)
	assert.Equal(t, []string{"third", "second"}, fired)
	assert.False(t, k.Fire(nil, 1), "it has fired")
	assert.PanicsWithValue(t, "standin: the clock is asked outside of Clock.Use: by a goroutine, or by a call that is not in it", func() { k.Now() })
}

type actor struct {
	input func(*sim.Context)
	timer func(*sim.Context, sim.TimerID)
}

func (*actor) Start(*sim.Context)                       {}
func (*actor) Receive(*sim.Context, sim.NodeID, []byte) {}
func (a *actor) Timer(c *sim.Context, id sim.TimerID)   { a.timer(c, id) }
func (a *actor) Input(c *sim.Context, _ uint64)         { a.input(c) }
