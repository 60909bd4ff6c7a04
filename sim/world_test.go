package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is an actor made of functions, for tests.
type script struct {
	start     func(c *Context)
	receive   func(c *Context, from NodeID, msg []byte)
	timer     func(c *Context, id TimerID)
	onInput   func(c *Context, id uint64)
	persisted func(c *Context, token uint64)
}

func (s *script) Start(c *Context) {
	if s.start != nil {
		s.start(c)
	}
}

func (s *script) Receive(c *Context, from NodeID, msg []byte) {
	if s.receive != nil {
		s.receive(c, from, msg)
	}
}

func (s *script) Timer(c *Context, id TimerID) {
	if s.timer != nil {
		s.timer(c, id)
	}
}

func (s *script) Input(c *Context, id uint64) {
	if s.onInput != nil {
		s.onInput(c, id)
	}
}

func (s *script) Persisted(c *Context, token uint64) {
	if s.persisted != nil {
		s.persisted(c, token)
	}
}

func world(t testing.TB, o Options) *World {
	t.Helper()
	o.AssertKeys = true
	w, err := New(o)
	require.NoError(t, err)
	return w
}

func same(s *script) func(NodeID) Actor { return func(NodeID) Actor { return s } }

func TestMessageArrivesAfterLatencyWithItsBytes(t *testing.T) {
	var log []string
	s := &script{}
	s.onInput = func(c *Context, id uint64) {
		msg := []byte(fmt.Sprintf("op %d", id))
		c.Send(1, 7, msg)
		msg[0] = 'X' // the world has its own copy
		c.Send(0, 8, nil)
	}
	s.receive = func(c *Context, from NodeID, msg []byte) {
		log = append(log, fmt.Sprintf("%v %v<-%v kind %d %q", c.Now(), c.Self(), from, c.Kind(), msg))
	}
	w := world(t, Options{Nodes: 2, Factory: same(s)})
	require.NoError(t, w.Inject(5*Millisecond, 0, 9))
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, []string{`5.000001ms n0<-n0 kind 8 ""`, `6ms n1<-n0 kind 7 "op 9"`}, log)
	require.Equal(t, Second, w.Now())
	require.Equal(t, int64(2), w.Stats().Messages)
	require.Equal(t, int64(4), w.Stats().Bytes)
}

func TestTimerFiresOnceAtTheGridAndMoves(t *testing.T) {
	var fired []Time
	s := &script{}
	s.start = func(c *Context) {
		c.After(1500*Microsecond, 1)
		c.After(10*Millisecond, 2)
		c.After(3*Millisecond, 2) // moves 2 earlier
		c.After(1*Millisecond, 3)
		c.After(9*Millisecond, 3) // moves 3 later
		c.After(4*Millisecond, 4)
		c.Cancel(4)
		c.Cancel(99)
	}
	s.timer = func(c *Context, id TimerID) { fired = append(fired, c.Now()*10+Time(id)) }
	w := world(t, Options{Nodes: 1, Factory: same(s)})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, []Time{2*Millisecond*10 + 1, 3*Millisecond*10 + 2, 9*Millisecond*10 + 3}, fired)
}

func TestTimerGridsOfNodesAreShifted(t *testing.T) {
	at := map[NodeID]Time{}
	s := &script{
		start: func(c *Context) { c.After(2*Millisecond, 1) },
		timer: func(c *Context, _ TimerID) { at[c.Self()] = c.Now() },
	}
	w := world(t, Options{Nodes: 4, Factory: same(s)})
	require.NoError(t, w.RunUntil(Second))
	require.Equal(t, map[NodeID]Time{0: 2 * Millisecond, 1: 2250 * Microsecond, 2: 2500 * Microsecond, 3: 2750 * Microsecond}, at)
}

func TestTimerOfZeroMovesTimeForward(t *testing.T) {
	n := 0
	s := &script{start: func(c *Context) { c.After(0, 1) }}
	s.timer = func(c *Context, _ TimerID) { n++; c.After(-5, 1) }
	w := world(t, Options{Nodes: 1, Factory: same(s)})
	require.NoError(t, w.RunUntil(10*Millisecond))
	require.Equal(t, 10, n)
}
