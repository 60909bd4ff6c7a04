package flow_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// fed is a graph whose only input is pushed to, in steps.
type fed struct {
	t  *testing.T
	in *flow.Input[int]
	s  flow.State[int]
	r  *flow.Scheduler
}

func newFed(t *testing.T) *fed {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 100)
	f := &fed{t: t, in: in, s: flow.Fold(d, lattice.MaxFrom(0))}
	var err error
	f.r, err = flow.Start(g)
	require.NoError(t, err)
	f.push()
	return f
}

func (f *fed) push(vs ...int) {
	k, err := f.in.PushAll(vs...)
	require.NoError(f.t, err)
	require.Equal(f.t, len(vs), k)
	_, err = f.r.Settle(context.Background())
	require.NoError(f.t, err)
}

func (f *fed) subscribe(to *[]int) *flow.Subscription[int] {
	sub, err := flow.Subscribe(f.s, func(v int) { *to = append(*to, v) })
	require.NoError(f.t, err)
	return sub
}

// TestSubscribe: who comes gets the value there is, then every growth; who leaves
// gets nothing more and changes nothing for the others.
func TestSubscribe(t *testing.T) {
	f := newFed(t)
	var a, b, c []int
	first := f.subscribe(&a)
	f.push(1, 1, 3, 2, 5)
	second := f.subscribe(&b)
	f.push(4, 6)
	first.Cancel()
	first.Cancel()
	f.push(7)
	f.subscribe(&c)
	require.False(t, second.Final())
	f.in.Close()
	f.push2()
	require.Equal(t, []int{0, 1, 3, 5, 6}, a)
	require.Equal(t, []int{5, 6, 7}, b)
	require.Equal(t, []int{7}, c)
	require.True(t, second.Final())
	var d []int
	f.subscribe(&d)
	require.Equal(t, []int{7}, d, "of a final value there is the value")
}

// push2 settles without pushing.
func (f *fed) push2() {
	st, err := f.r.Settle(context.Background())
	require.NoError(f.t, err)
	require.Equal(f.t, flow.Finished, st)
}

// TestSubscribeInside: subscribers come and go in calls of subscribers, while others
// are being told.
func TestSubscribeInside(t *testing.T) {
	f := newFed(t)
	var log []string
	subs := map[string]*flow.Subscription[int]{}
	add := func(name string, then func(v int)) {
		var err error
		subs[name], err = flow.Subscribe(f.s, func(v int) {
			log = append(log, name+string(rune('0'+v)))
			then(v)
		})
		require.NoError(t, err)
	}
	nothing := func(int) {}
	add("a", func(v int) {
		if v == 1 {
			subs["b"].Cancel() // the next in line
			subs["a"].Cancel() // itself
		}
	})
	add("b", nothing)
	add("c", func(v int) {
		if v == 1 {
			add("e", nothing)
		}
	})
	add("d", func(v int) {
		if v == 2 {
			subs["c"].Cancel() // one that was told already
		}
	})
	log = nil
	f.push(1)
	require.Equal(t, []string{"a1", "c1", "e1", "d1"}, log)
	log = nil
	f.push(2)
	require.Equal(t, []string{"c2", "d2", "e2"}, log)
	log = nil
	f.push(3)
	require.Equal(t, []string{"d3", "e3"}, log)
}

// TestSubscribersAgainstList: random coming and going, against a list of all growths.
func TestSubscribersAgainstList(t *testing.T) {
	type member struct {
		sub  *flow.Subscription[int]
		want []int
		got  []int
	}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		f := newFed(t)
		var here, gone []*member
		value := 0
		for range 60 {
			switch rng.IntN(4) {
			case 0:
				m := &member{want: []int{value}}
				m.sub = f.subscribe(&m.got)
				here = append(here, m)
			case 1:
				if len(here) > 0 {
					i := rng.IntN(len(here))
					here[i].sub.Cancel()
					gone = append(gone, here[i])
					here = slices.Delete(here, i, i+1)
				}
			default:
				v := rng.IntN(100)
				f.push(v)
				if v > value {
					value = v
					for _, m := range here {
						m.want = append(m.want, v)
					}
				}
			}
		}
		for _, m := range append(here, gone...) {
			require.Equal(t, m.want, m.got, "seed %d", seed)
		}
	}
}

// TestDo: another goroutine subscribes while the graph runs.
func TestDo(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 3})
	in, d := flow.NewInput[int](g, 10)
	s := flow.Fold(d, lattice.MaxFrom(0))
	r, err := flow.Start(g)
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- r.Run(context.Background()) }()
	got := make(chan int, 1000)
	r.Do(func() {
		if _, err := flow.Subscribe(s, func(v int) { got <- v }); err != nil {
			panic(err)
		}
	})
	require.Equal(t, 0, <-got)
	last := 0
	for v := 1; v <= 100; v++ {
		for in.Push(v) != nil { // the graph makes room, at a time that got does not tell
			select {
			case last = <-got:
			default:
				runtime.Gosched()
			}
		}
	}
	in.Close()
	require.NoError(t, <-ended)
	close(got)
	for v := range got {
		require.Greater(t, v, last)
		last = v
	}
	require.Equal(t, 100, last)
}

// TestDoPanics: a call that panics is an error, and the calls after it are made.
func TestDoPanics(t *testing.T) {
	g := flow.New("g", flow.Options{})
	flow.Collect(fives(g))
	s, err := flow.Start(g)
	require.NoError(t, err)
	var calls []int
	for i := range 4 {
		s.Do(func() {
			calls = append(calls, i)
			if i == 1 {
				panic("no")
			}
		})
	}
	require.ErrorIs(t, s.Run(context.Background()), flow.ErrPanic)
	require.Equal(t, []int{0, 1}, calls)
	require.NoError(t, s.Run(context.Background()))
	require.Equal(t, numbers(4), calls)
}
