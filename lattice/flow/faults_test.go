package flow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

var (
	maxInt = lattice.Max[int]()
	negate = lattice.Function[int, int]{F: func(v int) int { return -v }, From: maxInt, To: maxInt}
)

// refused builds a graph and is the error of starting it.
func refused(t *testing.T, build func(g *flow.Graph)) error {
	t.Helper()
	g := flow.New("bad", flow.Options{})
	build(g)
	_, err := flow.Start(g)
	require.Error(t, err)
	return err
}

func TestRefusedGraphs(t *testing.T) {
	source := func(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, numbers(3)) }
	for _, c := range []struct {
		name  string
		build func(g *flow.Graph)
		is    error
		names string
	}{
		{"dangling edge", func(g *flow.Graph) { flow.Map(source(g), affine(1, 1)).Named("lonely") }, flow.ErrDangling, `map#1 "lonely"`},
		{"dangling branch", func(g *flow.Graph) { flow.Collect(flow.Tee(source(g), 2)[0]) }, flow.ErrDangling, "tee#1[1]"},
		{"open loop", func(g *flow.Graph) { _, again := flow.NewLoop[int](g); flow.Collect(again) }, flow.ErrDangling, "loop#0"},
		{"loop closed twice", func(g *flow.Graph) {
			l, again := flow.NewLoop[int](g)
			l.Close(flow.Unique(again))
			l.Close(source(g))
		}, flow.ErrArgument, "close#4"},
		{"two readers", func(g *flow.Graph) {
			d := source(g)
			flow.Collect(d)
			flow.Collect(d)
		}, flow.ErrConsumed, "collect#2"},
		{"edge of another graph", func(g *flow.Graph) {
			flow.Collect(flow.Union(source(g), source(flow.New("other", flow.Options{}))))
		}, flow.ErrForeign, "union#1"},
		{"zero edge", func(g *flow.Graph) { flow.Collect(flow.Union(source(g), flow.Delta[int]{})) }, flow.ErrForeign, "union#1"},
		{"zero state", func(g *flow.Graph) { flow.Zip(flow.Const(g, 1, maxInt), flow.State[int]{}) }, flow.ErrForeign, "zip#1"},
		{"channel without receiver", func(g *flow.Graph) { flow.Send(source(g), flow.NewChannel[int]("c", 1)) }, flow.ErrDangling, `send#1 "c"`},
		{"channel without sender", func(g *flow.Graph) { flow.Collect(flow.Receive(g, flow.NewChannel[int]("c", 1))) }, flow.ErrDangling, `receive#0 "c"`},
		{"two senders", func(g *flow.Graph) {
			c := flow.NewChannel[int]("c", 1)
			flow.Send(source(g), c)
			flow.Send(source(g), c)
			flow.Collect(flow.Receive(g, c))
		}, flow.ErrConsumed, "send#3"},
		{"two receivers", func(g *flow.Graph) {
			c := flow.NewChannel[int]("c", 1)
			flow.Send(source(g), c)
			flow.Collect(flow.Receive(g, c))
			flow.Collect(flow.Receive(g, c))
		}, flow.ErrConsumed, "receive#4"},
		{"unsealed non-monotone step", func(g *flow.Graph) {
			flow.MapState(flow.Fold(source(g), maxInt), negate, flow.NonMonotone()).Named("rank")
		}, flow.ErrNonMonotone, `map-state#2 "rank"`},
		{"non-monotone step behind half a seal", func(g *flow.Graph) {
			s := flow.Fold(source(g), maxInt)
			pairs := lattice.PairOf(maxInt, maxInt)
			f := lattice.Function[lattice.Pair[int, int], int]{F: func(p lattice.Pair[int, int]) int { return p.First - p.Second }, From: pairs, To: maxInt}
			flow.MapState(flow.Zip(flow.Seal(s), s), f, flow.NonMonotone())
		}, flow.ErrNonMonotone, "map-state#4"},
		{"cycle without a merge", func(g *flow.Graph) {
			l, again := flow.NewLoop[int](g)
			ways := flow.Tee(flow.Map(flow.Union(source(g), again), affine(1, 1)).Named("next"), 2)
			l.Close(ways[0])
			flow.Collect(ways[1])
		}, flow.ErrCycle, `map#3 "next"`},
		{"cycle with a merge beside it", func(g *flow.Graph) {
			l, again := flow.NewLoop[int](g)
			ways := flow.Tee(flow.Union(flow.Unique(source(g)), again), 2)
			l.Close(ways[0])
			flow.Collect(flow.Unique(ways[1]))
		}, flow.ErrCycle, "loop#0"},
		{"seal that waits for itself", func(g *flow.Graph) {
			l, again := flow.NewLoop[int](g)
			s := flow.Fold(flow.Union(source(g), again), maxInt)
			l.Close(flow.Changes(flow.Seal(s)))
		}, flow.ErrCycle, "seal#4"},
		{"map over joined deltas", func(g *flow.Graph) {
			flow.Collect(flow.Map(flow.Batch(source(g), maxInt, 2), affine(1, 1)))
		}, flow.ErrClass, "map#2"},
		{"monotone map over joined deltas", func(g *flow.Graph) {
			flow.Collect(flow.Map(flow.Batch(source(g), maxInt, 2), affine(1, 1), flow.Monotone(flow.BySample(9))))
		}, flow.ErrClass, "map#2"},
		{"filter over changes", func(g *flow.Graph) {
			flow.Collect(flow.Filter(flow.Changes(flow.Fold(source(g), maxInt)), keeps(1, 1)))
		}, flow.ErrClass, "filter#3"},
		{"split of a channel's joined deltas", func(g *flow.Graph) {
			c := flow.NewChannel[int]("c", 1)
			flow.Send(flow.Batch(source(g), maxInt, 2), c)
			for _, d := range flow.Split(flow.Receive(g, c), 2, func(v int) uint64 { return uint64(v) }) {
				flow.Collect(d)
			}
		}, flow.ErrClass, "split#4"},
		{"cross of joined deltas", func(g *flow.Graph) {
			flow.Collect(flow.Cross(flow.Unique(flow.Batch(source(g), maxInt, 2)), source(g), func(a, b int) int { return a + b }))
		}, flow.ErrClass, "cross#4"},
		{"two claims", func(g *flow.Graph) {
			flow.Collect(flow.Map(source(g), affine(1, 1), flow.Claim{}, flow.Claim{}))
		}, flow.ErrArgument, "map#1"},
		{"no ⊤", func(g *flow.Graph) { flow.Top(flow.Const(g, setOf(1), sets)) }, flow.ErrArgument, "top#1"},
		{"no codec", func(g *flow.Graph) { flow.Publish(flow.Fold(source(g), lattice.Merge[int](bottomless{})), 1) }, flow.ErrArgument, "publish#2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := refused(t, c.build)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.names)
		})
	}
}

// TestNilArguments gives every operator nothing to work with: building does not
// panic, and starting names the operator.
func TestNilArguments(t *testing.T) {
	source := func(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, numbers(3)) }
	links := func(g *flow.Graph) flow.Delta[link] { return flow.Map(source(g), keyed) }
	for name, build := range map[string]func(g *flow.Graph){
		"map":        func(g *flow.Graph) { flow.Collect(flow.Map[int, int](source(g), nil)) },
		"filter":     func(g *flow.Graph) { flow.Collect(flow.Filter(source(g), nil)) },
		"filter-map": func(g *flow.Graph) { flow.Collect(flow.FilterMap[int, int](source(g), nil)) },
		"flat-map":   func(g *flow.Graph) { flow.Collect(flow.FlatMap[int, int](source(g), nil)) },
		"for-each":   func(g *flow.Graph) { flow.ForEach(source(g), nil) },
		"fold":       func(g *flow.Graph) { flow.Fold(source(g), nil) },
		"batch":      func(g *flow.Graph) { flow.Collect(flow.Batch(source(g), nil, 0)) },
		"convert":    func(g *flow.Graph) { flow.Collect(flow.Convert(source(g), lattice.Function[int, int]{})) },
		"map-state": func(g *flow.Graph) {
			flow.MapState(flow.Const(g, 1, maxInt), lattice.Function[int, int]{}, flow.Claim{})
		},
		"switch": func(g *flow.Graph) {
			flow.Switch(flow.Const(g, link{}, lattice.PairOf(maxInt, maxInt)), nil, nil)
		},
		"debottom": func(g *flow.Graph) {
			flow.DebottomState(flow.Const(g, lattice.Some(1), lattice.WithBottom(maxInt)), nil)
		},
		"debounce":   func(g *flow.Graph) { flow.Debounce(flow.Const(g, 1, maxInt), 0) },
		"const":      func(g *flow.Graph) { flow.Const(g, 1, nil) },
		"seq":        func(g *flow.Graph) { flow.Collect(flow.FromSeq[int](g, nil)) },
		"read":       func(g *flow.Graph) { flow.Collect(flow.FromReader(g, nil, 0)) },
		"input":      func(g *flow.Graph) { _, d := flow.NewInput[int](g, 0); flow.Collect(d) },
		"tee":        func(g *flow.Graph) { flow.Tee(source(g), -1) },
		"split":      func(g *flow.Graph) { flow.Split(source(g), 0, nil) },
		"union":      func(g *flow.Graph) { flow.Collect(flow.Union(flow.Delta[int]{}, source(g))) },
		"hash-join":  func(g *flow.Graph) { flow.Collect(flow.HashJoin[int, int, int, int](links(g), links(g), nil)) },
		"cross":      func(g *flow.Graph) { flow.Collect(flow.Cross[int, int, int](source(g), source(g), nil)) },
		"bimorphism": func(g *flow.Graph) { flow.Collect(flow.Bimorphism[int, int, int](source(g), source(g), nil, nil, nil)) },
		"send":       func(g *flow.Graph) { flow.Send(source(g), nil) },
		"receive":    func(g *flow.Graph) { flow.Collect(flow.Receive[int](g, nil)) },
		"subscribed": func(g *flow.Graph) { flow.Subscribed[int](g, nil, 0) },
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, refused(t, build), "operator "+name+"#") })
	}
	none := flow.Union[int]()
	flow.Collect(none)
	require.ErrorIs(t, flow.Verify(none.Graph()).Err(), flow.ErrForeign)
	_, err := flow.Start(nil)
	require.ErrorIs(t, err, flow.ErrArgument)
	var unstarted *flow.Scheduler
	require.ErrorIs(t, unstarted.Run(context.Background()), flow.ErrArgument)
	_, err = unstarted.Settle(context.Background())
	require.ErrorIs(t, err, flow.ErrArgument)
	claim, _ := flow.Examine(lattice.Function[int, int]{}, numbers(3))
	require.Equal(t, flow.NonMonotone(), claim)
	require.Equal(t, flow.DOT(), flow.DOT(nil))
	require.Equal(t, flow.Mermaid(), flow.Mermaid(nil))
	require.NotEmpty(t, flow.SVG(nil))
	_, err = flow.Subscribe(flow.State[int]{}, func(int) {})
	require.ErrorIs(t, err, flow.ErrForeign)
	_, err = flow.Subscribe(flow.Const(flow.New("g", flow.Options{}), 1, maxInt), nil)
	require.ErrorIs(t, err, flow.ErrArgument)
}

// TestRefusedNothing: what the user says of a merge or a function without a check of it is
// printed and counts for nothing, and what nobody says is assumed.
func TestRefusedNothing(t *testing.T) {
	g := flow.New("g", flow.Options{})
	a := flow.Fold(flow.Batch(fives(g), maxInt, 2, flow.ByProof()), maxInt, flow.BySample(5))
	b := flow.MapState(a, negate, flow.Morphism(flow.ByExhaustion("all of it")))
	flow.Threshold(flow.SealWhen(b, flow.Threshold(b, 1, flow.BySample(7))), 2)
	r := flow.Verify(g)
	require.NoError(t, r.Err())
	var printed []string
	for _, u := range r.Uses {
		printed = append(printed, fmt.Sprint(u.Carries, "; ", u.Class, "; ", u.Evidence))
	}
	require.Equal(t, []string{
		"elements; morphism; assumed, though stated as proved up to keys",
		"joined deltas; morphism; assumed, though stated as sampled(5)",
		"state; morphism; assumed, though stated as exhausted(all of it)",
		"state; monotone tricky; assumed, though stated as sampled(7)",
		"state; non-monotone; exhausted(inputs of up to 3 elements of 3)",
		"state; monotone tricky; assumed",
		"final state; monotone tricky; assumed",
	}, printed)
	require.Len(t, r.Assumed(), 6)
}

func TestStartedTwice(t *testing.T) {
	g := flow.New("g", flow.Options{})
	flow.Collect(flow.FromSlice(g, numbers(3)))
	_, err := flow.Start(g)
	require.NoError(t, err)
	_, err = flow.Start(g)
	require.ErrorIs(t, err, flow.ErrStarted)
	flow.Collect(flow.Once(g, 1))
	require.ErrorIs(t, flow.Verify(g).Err(), flow.ErrStarted)
}

// bomb panics at each place in turn, once.
type bomb struct{ fuse, calls int }

func (b *bomb) tick() {
	if b.calls++; b.calls == b.fuse {
		panic(errBomb)
	}
}

var errBomb = errors.New("bomb")

// panicky is a merge that panics after it has merged.
type panicky struct {
	lattice.Merge[ints]
	b *bomb
}

func (m panicky) MergeIn(target *ints, v ints) bool {
	grew := m.Merge.MergeIn(target, v)
	m.b.tick()
	return grew
}

// asSets leads from one merge of sets to another that joins them alike.
func asSets(from, to lattice.Merge[ints]) lattice.Function[ints, ints] {
	return lattice.Function[ints, ints]{F: func(s ints) ints { return s }, From: from, To: to}
}

// bombed are graphs with one function that goes off; each ends in the set of all
// elements that it saw, and names its operator.
var bombed = map[string]func(g *flow.Graph, b *bomb) flow.State[ints]{
	"map#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.Map(fives(g), func(v int) int { b.tick(); return v }))
	},
	"filter#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.Filter(fives(g), func(int) bool { b.tick(); return true }))
	},
	"filter-map#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.FilterMap(fives(g), func(v int) (int, bool) { b.tick(); return v, true }))
	},
	"flat-map#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.FlatMap(fives(g), func(v int) iter.Seq[int] { b.tick(); return slices.Values([]int{v}) }))
	},
	"split#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.Union(flow.Split(fives(g), 2, func(v int) uint64 { b.tick(); return uint64(v) })...))
	},
	"hash-join#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		same := func(v int) link { return link{First: v, Second: v} }
		ways := flow.Tee(fives(g), 2)
		return gather(flow.HashJoin(flow.Map(ways[0], same), flow.Map(ways[1], same), func(k, _, _ int) int { b.tick(); return k }))
	},
	"cross#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return gather(flow.Cross(flow.Once(g, 0), fives(g), func(a, v int) int { b.tick(); return a + v }))
	},
	"bimorphism#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		single := func(v int) ints { return setOf(v) }
		ways := flow.Tee(fives(g), 2)
		meet := func(a, c ints) ints {
			b.tick()
			out := ints{}
			for v := range a {
				if _, ok := c[v]; ok {
					out[v] = struct{}{}
				}
			}
			return out
		}
		return flow.Fold(flow.Bimorphism(flow.Map(ways[0], single), flow.Map(ways[1], single), sets, sets, meet), sets)
	},
	"fold#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		return flow.Fold(flow.Map(fives(g), func(v int) ints { return setOf(v) }), lattice.Merge[ints](panicky{sets, b}))
	},
	"batch#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		d := flow.Map(fives(g), func(v int) ints { return setOf(v) })
		m := lattice.Merge[ints](panicky{sets, b})
		return flow.Fold(flow.Convert(flow.Batch(d, m, 2), asSets(m, sets)), sets)
	},
	"map-state#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		f := lattice.Function[ints, ints]{F: func(s ints) ints { b.tick(); return s }, From: sets, To: sets}
		return flow.MapState(gather(fives(g)), f, flow.Morphism(flow.Evidence{}))
	},
	"subscriber": func(g *flow.Graph, b *bomb) flow.State[ints] {
		s := gather(fives(g))
		last := -1
		for range 2 {
			_, err := flow.Subscribe(s, func(v ints) {
				if len(v) > 0 {
					b.tick()
				}
				if len(v) < last {
					panic("a subscriber was told a lesser value")
				}
			})
			if err != nil {
				panic(err)
			}
		}
		return s
	},
	"for-each#": func(g *flow.Graph, b *bomb) flow.State[ints] {
		in, out := flow.NewInput[int](g, 100)
		ways := flow.Tee(fives(g), 2)
		flow.ForEach(ways[0], func(v int) {
			b.tick()
			if err := in.Push(v); err != nil {
				panic(err)
			}
			if v == 4 {
				in.Close()
			}
		})
		flow.Collect(ways[1])
		return gather(out)
	},
}

func fives(g *flow.Graph) flow.Delta[int] { return flow.FromSlice(g, numbers(5)) }

func gather(d flow.Delta[int]) flow.State[ints] {
	return flow.Fold(flow.Map(d, func(v int) ints { return setOf(v) }).Named("gather"), sets)
}

// TestPanic: wherever a function panics, the error names the operator, a run that
// follows tries again, and nothing that was accepted is lost.
func TestPanic(t *testing.T) {
	for name, build := range bombed {
		for _, o := range []flow.Options{{Batch: 1}, {Batch: 1, Watch: true}, {Batch: 2}, {Batch: 3}, {}} {
			for fuse := 1; fuse <= 6; fuse++ {
				t.Run(fmt.Sprintf("%s/%+v/%d", name, o, fuse), func(t *testing.T) {
					b := &bomb{fuse: fuse}
					g := flow.New("g", o)
					state := build(g, b)
					var told []int
					_, err := flow.Subscribe(state, func(v ints) { told = append(told, len(v)) })
					require.NoError(t, err)
					s, err := flow.Start(g)
					require.NoError(t, err)
					err = s.Run(context.Background())
					if b.calls < fuse {
						require.NoError(t, err)
					} else {
						require.ErrorIs(t, err, flow.ErrPanic)
						require.ErrorIs(t, err, errBomb)
						require.ErrorContains(t, err, name)
						require.NoError(t, s.Busy())
						require.NoError(t, s.Run(context.Background()))
					}
					v, _ := flow.Read(state)
					require.Equal(t, numbers(5), sorted(v))
					require.NoError(t, s.Busy(), "nothing runs any more")
					require.True(t, slices.IsSorted(told))
					require.Equal(t, 5, told[len(told)-1], "growth that a panic interrupted is told after all")
				})
			}
		}
	}
}

// TestPanicOfIterator: what an iterator has yielded before it panicked is not lost, and
// its end is not taken for the end of its elements.
func TestPanicOfIterator(t *testing.T) {
	for _, batch := range []int{1, 2, 100} {
		g := flow.New("g", flow.Options{Batch: batch})
		out := flow.Collect(flow.FromSeq(g, func(yield func(int) bool) {
			for i := range 3 {
				if !yield(i) {
					return
				}
			}
			panic("no")
		}))
		s, err := flow.Start(g)
		require.NoError(t, err)
		err = s.Run(context.Background())
		require.ErrorIs(t, err, flow.ErrPanic)
		require.ErrorContains(t, err, "seq#0")
		for range 2 {
			require.ErrorIs(t, s.Run(context.Background()), flow.ErrSource)
		}
		require.Equal(t, numbers(3), out.Take())
	}
}

// TestPanicOfOrdinaryValue: a panic with what is no error is shown.
func TestPanicOfOrdinaryValue(t *testing.T) {
	g := flow.New("g", flow.Options{})
	flow.ForEach(flow.Map(fives(g), func(v int) int { return 1 / (v - 3) }).Named("inverse"), func(int) {})
	s, err := flow.Start(g)
	require.NoError(t, err)
	err = s.Run(context.Background())
	require.ErrorContains(t, err, `map#1 "inverse"`)
	require.ErrorContains(t, err, "divide by zero")
}

// TestBlockedFunction: a function that does not return is named to another goroutine.
func TestBlockedFunction(t *testing.T) {
	for _, o := range []flow.Options{{}, {Batch: 1, Watch: true}} {
		entered, release := make(chan struct{}), make(chan struct{})
		g := flow.New("g", o)
		flow.ForEach(flow.Map(flow.Once(g, 1), func(v int) int {
			close(entered)
			<-release
			return v
		}).Named("slow"), func(int) {})
		s, err := flow.Start(g)
		require.NoError(t, err)
		require.NoError(t, s.Busy())
		ended := make(chan error)
		go func() { ended <- s.Run(context.Background()) }()
		<-entered
		err = s.Busy()
		require.ErrorIs(t, err, flow.ErrBusy)
		require.ErrorContains(t, err, `map#1 "slow"`)
		close(release)
		require.NoError(t, <-ended)
		require.NoError(t, s.Busy())
	}
}

// TestFallingState: a function that was claimed monotone and is not ends the run.
func TestFallingState(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	flow.MapState(flow.Fold(fives(g), maxInt), negate, flow.Monotone(flow.Evidence{})).Named("falls")
	s, err := flow.Start(g)
	require.NoError(t, err)
	err = s.Run(context.Background())
	require.ErrorIs(t, err, flow.ErrFell)
	require.ErrorContains(t, err, `map-state#2 "falls"`)
}

// TestBrokenSeal: what grows after its seal has opened ends the run.
func TestBrokenSeal(t *testing.T) {
	g := flow.New("g", flow.Options{Batch: 1})
	in, d := flow.NewInput[int](g, 10)
	s := flow.Fold(d, maxInt)
	sealed := flow.SealWhen(s, flow.Threshold(s, 3)).Named("early")
	sch, err := flow.Start(g)
	require.NoError(t, err)
	feed := func(v int) (flow.Status, error) {
		require.NoError(t, in.Push(v))
		return sch.Settle(context.Background())
	}
	st, err := feed(2)
	require.NoError(t, err)
	require.Equal(t, flow.Waiting, st)
	_, ok := flow.Read(sealed)
	require.False(t, ok)
	_, err = feed(3)
	require.NoError(t, err)
	v, ok := flow.Read(sealed)
	require.True(t, ok)
	require.Equal(t, 3, v)
	_, err = feed(3)
	require.NoError(t, err, "what does not grow breaks no seal")
	_, err = feed(4)
	require.ErrorIs(t, err, flow.ErrSealBroken)
	require.ErrorContains(t, err, `"early"`)
}
