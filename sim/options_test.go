package sim

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen/choice"
)

func TestBoundsAreErrorsThatNameThem(t *testing.T) {
	flood := func(f func(c *Context)) func(NodeID) Actor {
		return same(&script{onInput: func(c *Context, _ uint64) { f(c) }})
	}
	forever := &script{start: func(c *Context) { c.After(1, 1) }}
	forever.timer = func(c *Context, _ TimerID) { c.After(1, 1) }
	cases := []struct {
		name string
		o    Options
	}{
		{"events of a run", Options{Factory: same(forever), Limits: Limits{Events: 10}}},
		{"pending events", Options{Factory: flood(func(c *Context) {
			for i := range 20 {
				c.Send(0, MsgKind(i), nil)
			}
		}), Limits: Limits{Queue: 10}}},
		{"message bytes", Options{Factory: flood(func(c *Context) { c.Send(0, 0, make([]byte, 11)) }), Limits: Limits{MessageBytes: 10}}},
		{"timers of one node", Options{Factory: flood(func(c *Context) {
			for i := range TimerID(20) {
				c.After(1, i)
			}
		}), Limits: Limits{Timers: 10}}},
		{"children of one event", Options{Factory: flood(func(c *Context) {
			for range 20 {
				c.Choose("x", 2)
			}
		}), Limits: Limits{Children: 10}}},
		{"kept decisions", Options{Factory: flood(func(c *Context) {
			for range 20 {
				c.Choose("x", 2)
			}
		}), Source: sourceFunc(func(choice.Point) uint64 { return 1 }), Decisions: true, Limits: Limits{Decisions: 10}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Nodes = 1
			w := world(t, tc.o)
			require.NoError(t, w.Inject(1, 0, 1))
			err := w.RunUntil(Second)
			require.ErrorIs(t, err, ErrBound)
			require.ErrorContains(t, err, tc.name)
			require.ErrorContains(t, err, "10")
			_, err = w.Step()
			require.ErrorIs(t, err, ErrBound)
		})
	}
}

func TestMisuseIsAnError(t *testing.T) {
	w := world(t, Options{Nodes: 1, Factory: same(&script{onInput: func(c *Context, _ uint64) { c.Send(3, 0, nil) }})})
	require.ErrorIs(t, w.Inject(1, 1, 1), ErrNode)
	require.ErrorIs(t, w.Crash(-1), ErrNode)
	require.ErrorIs(t, w.Restart(5), ErrNode)
	require.ErrorIs(t, w.Inject(Forever+1, 0, 1), ErrBound)
	require.NoError(t, w.RunUntil(10))
	require.ErrorIs(t, w.Inject(1, 0, 1), ErrPast)
	require.ErrorIs(t, w.RunUntil(1), ErrPast)
	require.NoError(t, w.Inject(20, 0, 1), "none of these stopped the world")
	require.ErrorIs(t, w.RunUntil(30), ErrNode)

	w = world(t, Options{Nodes: 1, Factory: func(NodeID) Actor { return plainActor{} }})
	require.NoError(t, w.Inject(1, 0, 1))
	require.ErrorIs(t, w.RunUntil(2), ErrNoInput)

	w = world(t, Options{Nodes: 1, Factory: func(NodeID) Actor { return nil }})
	require.ErrorIs(t, w.RunUntil(2), ErrOptions)

	w = world(t, Options{Nodes: 1, Factory: same(&script{start: func(c *Context) { c.Choose("x", 2) }}),
		Source: sourceFunc(func(choice.Point) uint64 { return 2 })})
	require.ErrorIs(t, w.RunUntil(2), ErrAnswer)

	own := errors.New("own")
	w = world(t, Options{Nodes: 1, Factory: same(&script{start: func(c *Context) { c.Fail(own) }})})
	require.ErrorIs(t, w.RunUntil(2), own)
}

type plainActor struct{}

func (plainActor) Start(*Context)                   {}
func (plainActor) Receive(*Context, NodeID, []byte) {}
func (plainActor) Timer(*Context, TimerID)          {}

func TestOptionsAreChecked(t *testing.T) {
	ok := Options{Nodes: 1, Factory: same(&script{})}
	for name, change := range map[string]func(*Options){
		"Nodes":       func(o *Options) { o.Nodes = 0 },
		"too many":    func(o *Options) { o.Nodes = maxNodes + 1 },
		"Factory":     func(o *Options) { o.Factory = nil },
		"Level":       func(o *Options) { o.Crash.Level = NumLevels },
		"disk level":  func(o *Options) { o.DiskFaults = NumLevels },
		"crash nodes": func(o *Options) { o.Crash.Nodes = 2 },
		"MaxDown":     func(o *Options) { o.Crash.MaxDown = -1 },
		"grid":        func(o *Options) { o.TimerGrid = -1 },
		"records":     func(o *Options) { o.Trace.Records = -1 },
		"limits":      func(o *Options) { o.Limits.Queue = -1 },
	} {
		o := ok
		change(&o)
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions, name)
	}
	o := ok
	o.Net = &Perfect{}
	_, err := New(o)
	require.ErrorIs(t, err, ErrOptions)
}
