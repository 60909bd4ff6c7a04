package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// side is what one of two inputs has had so far.
type side struct {
	set  ints
	done bool
}

// probe looks at a State edge whatever its type. Values are printed, which fmt does in
// the order of keys.
type probe struct {
	read  func() (string, bool) // and spoils the copy
	final func() bool           // as Complete and a subscriber see it
	told  []string
}

func probeOf[T any](t *testing.T, s flow.State[T], spoil func(T)) *probe {
	p := &probe{}
	sub, err := flow.Subscribe(s, func(v T) { p.told = append(p.told, fmt.Sprint(v)) })
	require.NoError(t, err)
	type copied struct {
		v     T
		shown string
	}
	var copies []copied
	p.read = func() (string, bool) {
		for _, c := range copies {
			require.Equal(t, c.shown, fmt.Sprint(c.v), "what was read has changed since")
		}
		v, has := flow.Read(s)
		copies = append(copies, copied{v, fmt.Sprint(v)})
		if again, _ := flow.Read(s); has {
			spoil(again)
		}
		return fmt.Sprint(v), has
	}
	p.final = func() bool {
		require.Equal(t, flow.Complete(s), sub.Final())
		return flow.Complete(s)
	}
	return p
}

// stepOperator is an operator fed by two inputs that may end at different times: what
// its edge holds at each moment, and whether that is final.
type stepOperator struct {
	build func(t *testing.T, a, b flow.State[ints]) *probe
	means func(a, b side) (string, bool)
	final func(a, b side) bool
	each  bool // reads the folds themselves, and hands on each growth of theirs
}

// The conditions for being final.
func first(a, _ side) bool   { return a.done }
func bothEnd(a, b side) bool { return a.done && b.done }

// setOperator is a stepOperator whose value is a set, which it always has.
func setOperator(build func(a, b flow.State[ints]) flow.State[ints], means func(a, b ints) ints, final func(a, b side) bool) stepOperator {
	return stepOperator{
		build: func(t *testing.T, a, b flow.State[ints]) *probe { return probeOf(t, build(a, b), spoilSet) },
		means: func(a, b side) (string, bool) { return fmt.Sprint(means(a.set, b.set)), true },
		final: final,
	}
}

func spoilSet(s ints) { s[99] = struct{}{} }

func spoilPair(p lattice.Pair[ints, ints]) { spoilSet(p.First); spoilSet(p.Second) }

func spoilNothing[T any](T) {}

// two is a once it has two elements, and nothing before.
func two(a flow.State[ints]) flow.State[ints] {
	f := lattice.Function[ints, lattice.Option[ints]]{F: wrap, From: sets, To: lattice.WithBottom(sets)}
	return flow.DebottomState(flow.MapState(a, f, flow.Monotone(flow.Evidence{})), sets)
}

func showIf(has bool, v any) (string, bool) {
	if !has {
		return "map[]", false
	}
	return fmt.Sprint(v), true
}

func has(s ints, vs ...int) bool { return sets.Compare(setOf(vs...), s).Leq() }

// elementsOf are the elements that a gains, as a Delta edge.
func elementsOf(a flow.State[ints]) flow.Delta[int] { return flow.Explode(flow.Changes(a)) }

// stateSteps are the operators on State edges.
func stateSteps() map[string]stepOperator {
	ops := map[string]stepOperator{
		"fold": setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return a }, func(a, _ ints) ints { return a }, first),
		"const": setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return flow.Const(a.Graph(), setOf(7), sets) },
			func(_, _ ints) ints { return setOf(7) }, func(_, _ side) bool { return true }),
		"map-state": setOperator(func(a, _ flow.State[ints]) flow.State[ints] {
			return flow.MapState(a, image, flow.Morphism(flow.Evidence{}))
		}, func(a, _ ints) ints { return halves(a) }, first),
		"debounce": setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return flow.Debounce(a, 2) }, func(a, _ ints) ints { return a }, first),
		"debounce of each": setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return flow.Debounce(a, 1) },
			func(a, _ ints) ints { return a }, first),
		"switch, first": setOperator(func(a, b flow.State[ints]) flow.State[ints] {
			one, _ := flow.Switch(flow.Zip(a, b), sets, sets)
			return one
		}, func(a, _ ints) ints { return a }, bothEnd),
		"switch, second": setOperator(func(a, b flow.State[ints]) flow.State[ints] {
			_, other := flow.Switch(flow.Zip(a, b), sets, sets)
			return other
		}, func(_, b ints) ints { return b }, bothEnd),
		"zip": {
			build: func(t *testing.T, a, b flow.State[ints]) *probe { return probeOf(t, flow.Zip(a, b), spoilPair) },
			means: func(a, b side) (string, bool) { return fmt.Sprint(pair(a.set, b.set)), true }, final: bothEnd,
		},
		"zip of what has no value": {
			build: func(t *testing.T, a, b flow.State[ints]) *probe { return probeOf(t, flow.Zip(two(a), b), spoilPair) },
			means: func(a, b side) (string, bool) {
				if len(a.set) < 2 {
					return fmt.Sprint(lattice.Pair[ints, ints]{}), false
				}
				return fmt.Sprint(pair(a.set, b.set)), true
			}, final: bothEnd,
		},
		"threshold": {
			build: func(t *testing.T, a, _ flow.State[ints]) *probe {
				return probeOf(t, flow.Threshold(a, setOf(0, 1)), spoilNothing[bool])
			},
			means: func(a, _ side) (string, bool) { return fmt.Sprint(has(a.set, 0, 1)), true },
			final: func(a, _ side) bool { return a.done || has(a.set, 0, 1) },
		},
		"debottom": {
			build: func(t *testing.T, a, _ flow.State[ints]) *probe { return probeOf(t, two(a), spoilSet) },
			means: func(a, _ side) (string, bool) { return showIf(len(a.set) > 1, a.set) }, final: first,
		},
		"seal": {
			build: func(t *testing.T, a, _ flow.State[ints]) *probe { return probeOf(t, flow.Seal(a), spoilSet) },
			means: func(a, _ side) (string, bool) { return showIf(a.done, a.set) }, final: first,
		},
		"seal-when": {
			build: func(t *testing.T, a, _ flow.State[ints]) *probe {
				return probeOf(t, flow.SealWhen(a, flow.Threshold(a, setOf(0, 1, 2))), spoilSet)
			},
			means: func(a, _ side) (string, bool) { return showIf(a.done || has(a.set, 0, 1, 2), a.set) },
			final: func(a, _ side) bool { return a.done || has(a.set, 0, 1, 2) },
		},
		"top": {
			build: func(t *testing.T, a, _ flow.State[ints]) *probe {
				full := lattice.Function[ints, bool]{F: func(s ints) bool { return len(s) > 1 }, From: sets, To: lattice.Or()}
				return probeOf(t, flow.Top(flow.MapState(a, full, flow.Monotone(flow.Evidence{}))), spoilNothing[bool])
			},
			means: func(a, _ side) (string, bool) { return fmt.Sprint(len(a.set) > 1), true },
			final: func(a, _ side) bool { return a.done || len(a.set) > 1 },
		},
	}
	for _, name := range []string{"fold", "const", "map-state", "debounce of each", "zip", "threshold"} {
		op := ops[name]
		op.each = true
		ops[name] = op
	}
	return ops
}

// deltaSteps are the operators on Delta edges, between what a and b gain and a fold.
func deltaSteps() map[string]stepOperator {
	unary := func(build func(flow.Delta[int]) flow.Delta[int], means func(int) int) stepOperator {
		return setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return gather(build(elementsOf(a))) },
			func(a, _ ints) ints {
				out := ints{}
				for v := range a {
					out[means(v)] = struct{}{}
				}
				return out
			}, first)
	}
	binary := func(build func(a, b flow.Delta[int]) flow.Delta[int], means func(a, b ints) ints) stepOperator {
		return setOperator(func(a, b flow.State[ints]) flow.State[ints] { return gather(build(elementsOf(a), elementsOf(b))) }, means, bothEnd)
	}
	same := func(v int) int { return v }
	met := func(key func(v int) int) func(a, b ints) ints {
		return func(a, b ints) ints {
			out := ints{}
			for x := range a {
				for y := range b {
					if key(x) == key(y) {
						out[10*x+y] = struct{}{}
					}
				}
			}
			return out
		}
	}
	return map[string]stepOperator{
		"changes": setOperator(func(a, _ flow.State[ints]) flow.State[ints] { return flow.Fold(flow.Changes(a), sets) },
			func(a, _ ints) ints { return a }, first),
		"batch": setOperator(func(a, _ flow.State[ints]) flow.State[ints] {
			return flow.Fold(flow.Batch(flow.Changes(a), sets, 2), sets)
		}, func(a, _ ints) ints { return a }, first),
		"convert": setOperator(func(a, _ flow.State[ints]) flow.State[ints] {
			return flow.Fold(flow.Convert(flow.Changes(a), image), sets)
		}, func(a, _ ints) ints { return halves(a) }, first),
		"map":    unary(func(d flow.Delta[int]) flow.Delta[int] { return flow.Map(d, func(v int) int { return v + 1 }) }, func(v int) int { return v + 1 }),
		"unique": unary(flow.Unique[int], same),
		"tee": unary(func(d flow.Delta[int]) flow.Delta[int] {
			return flow.Union(flow.Tee(d, 2)...)
		}, same),
		"split": unary(func(d flow.Delta[int]) flow.Delta[int] {
			return flow.Union(flow.Split(d, 2, func(v int) uint64 { return uint64(v) })...)
		}, same),
		"channel": unary(func(d flow.Delta[int]) flow.Delta[int] {
			ch := flow.NewChannel[int]("c", 1)
			flow.Send(d, ch)
			return flow.Receive(d.Graph(), ch)
		}, same),
		"loop": unary(func(d flow.Delta[int]) flow.Delta[int] {
			loop, again := flow.NewLoop[int](d.Graph())
			ways := flow.Tee(flow.Unique(flow.Union(d, again)), 2)
			loop.Close(ways[0])
			return ways[1]
		}, same),
		"union": binary(func(a, b flow.Delta[int]) flow.Delta[int] { return flow.Union(a, b) },
			func(a, b ints) ints { return lattice.Join(sets, a, b) }),
		"cross": binary(func(a, b flow.Delta[int]) flow.Delta[int] {
			return flow.Cross(a, b, func(a, b int) int { return 10*a + b })
		}, met(func(int) int { return 0 })),
		"hash-join": binary(func(a, b flow.Delta[int]) flow.Delta[int] {
			parity := func(v int) link { return link{First: v % 2, Second: v} }
			return flow.HashJoin(flow.Map(a, parity), flow.Map(b, parity), func(_, a, b int) int { return 10*a + b })
		}, met(func(v int) int { return v % 2 })),
		"bimorphism": setOperator(func(a, b flow.State[ints]) flow.State[ints] {
			return flow.Fold(flow.Bimorphism(flow.Changes(a), flow.Changes(b), sets, sets, products), sets)
		}, products, bothEnd),
	}
}

// interleavings are all orders of the events of two inputs.
func interleavings(a, b int) []string {
	if a == 0 || b == 0 {
		return []string{strings.Repeat("a", a) + strings.Repeat("b", b)}
	}
	var all []string
	for _, s := range interleavings(a-1, b) {
		all = append(all, "a"+s)
	}
	for _, s := range interleavings(a, b-1) {
		all = append(all, "b"+s)
	}
	return all
}

// TestEachStep feeds every operator from two inputs, in all orders of their events. After
// each event the edge has the value that it should have by now, or none; it is final when
// it should be, no sooner and no later; and what was read of it is the reader's. Where
// elements go one by one, whoever reads a fold sees each growth.
func TestEachStep(t *testing.T) {
	for _, ops := range []map[string]stepOperator{stateSteps(), deltaSteps()} {
		for name, op := range ops {
			for _, o := range []flow.Options{{Batch: 1}, {Batch: 1, Watch: true}, {Batch: 2}, {}} {
				for _, order := range interleavings(3, 2) {
					t.Run(fmt.Sprintf("%s/%+v/%s", name, o, order), func(t *testing.T) { stepThrough(t, op, o, order) })
				}
			}
		}
	}
}

func stepThrough(t *testing.T, op stepOperator, o flow.Options, order string) {
	g := flow.New("g", o)
	var inputs [2]*flow.Input[int]
	var folds [2]flow.State[ints]
	for i := range inputs {
		in, d := flow.NewInput[int](g, 9)
		inputs[i], folds[i] = in, gather(d)
	}
	p := op.build(t, folds[0], folds[1])
	s, err := flow.Start(g)
	require.NoError(t, err)
	sides := [2]side{{set: ints{}}, {set: ints{}}}
	var growths []string
	note := func() {
		if v, has := op.means(sides[0], sides[1]); has && (len(growths) == 0 || growths[len(growths)-1] != v) {
			growths = append(growths, v)
		}
	}
	check := func() {
		st := settle(t, s)
		require.Equal(t, sides[0].done && sides[1].done, st == flow.Finished)
		note()
		want, wanted := op.means(sides[0], sides[1])
		got, has := p.read()
		require.Equal(t, wanted, has)
		require.Equal(t, want, got)
		require.Equal(t, op.final(sides[0], sides[1]), p.final())
		if o.Batch == 1 && op.each {
			require.Equal(t, growths, p.told)
		} else if has {
			require.Equal(t, want, p.told[len(p.told)-1])
		}
		require.Equal(t, has, len(p.told) > 0)
	}
	check()
	events := [2][][]int{{{0}, {0, 1, 2}, nil}, {{1}, nil}}
	for _, c := range order {
		i := int(c - 'a')
		vs := events[i][0]
		events[i] = slices.Delete(events[i], 0, 1)
		if vs == nil {
			sides[i].done = true
			inputs[i].Close()
		}
		for _, v := range vs {
			sides[i].set[v] = struct{}{}
			note()
		}
		if k, err := inputs[i].PushAll(vs...); vs != nil {
			require.NoError(t, err)
			require.Equal(t, len(vs), k)
		}
		check()
	}
}
