package operators_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/operators"
)

// table says for each operator that package flow exports in which of the suites below,
// or of those in shipped, it is held to the laws of its class.
var table = map[string]string{
	"FromSlice": "from slice", "FromSeq": "map", "FromReader": "from reader", "Once": "once", "NewInput": "input",
	"Map": "map", "Filter": "filter", "FilterMap": "filter map", "Flatten": "flatten", "FlatMap": "flat map",
	"Tee": "tee and union", "Union": "union", "Split": "split and union",
	"Unique": "unique", "HashJoin": "join", "Cross": "cross", "Bimorphism": "bimorphism",
	"Batch": "batch", "Convert": "convert", "Explode": "explode", "Debottom": "debottom",
	"NewLoop": "a loop through unique", "Send": "channel", "Receive": "channel", "ForEach": "for each", "Collect": "map",
	"Fold": "fold", "Changes": "changes",
	"Const": "const", "MapState": "map state", "Zip": "zip", "Switch": "switch", "Threshold": "state threshold",
	"Debounce": "debounce", "Top": "top", "DebottomState": "debottom state", "Seal": "seal", "SealWhen": "seal when",
	"Subscribe": "fold", "Read": "read", "Complete": "complete",
	"Publish": "network", "Subscribed": "network",
}

// TestEveryOperator: each function of package flow that makes or takes an edge is in the
// table, and what the table names there is.
func TestEveryOperator(t *testing.T) {
	files, err := filepath.Glob("../../lattice/flow/*.go")
	require.NoError(t, err)
	exported := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := parser.ParseFile(token.NewFileSet(), path, src, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.IsExported() && hasEdge(d.Type) {
				exported[d.Name.Name] = true
			}
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(exported)), slices.Sorted(maps.Keys(table)))
	suites := allOfFlow()
	for op, name := range table {
		_, ok := suites[name]
		assert.True(t, ok, "%s is to be checked by %q, which there is not", op, name)
	}
}

// hasEdge reports that a function takes or gives an edge.
func hasEdge(f *ast.FuncType) (has bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && (id.Name == "Delta" || id.Name == "State") {
			has = true
		}
		return true
	})
	return has
}

func allOfFlow() map[string]laws.Suite {
	s := shipped()
	onDeltas(s)
	ofTwoEdges(s)
	onStates(s)
	atTheEnds(s)
	return s
}

type ints = map[int]struct{}

var (
	intSets = lattice.SetOf[int]()
	largest = lattice.Max[int]()
)

func one(n int) ints { return ints{n: {}} }

func unionInts(a, b ints) ints { return lattice.Join(intSets, a, b) }

// ofSets is an operator that hands on sets.
func ofSets[A any](build func(flow.Delta[A]) flow.Delta[ints], o flow.Options, inputs *rapid.Generator[A]) operators.Operator[A, ints, ints] {
	return operators.Operator[A, ints, ints]{
		Seq: operators.OfDelta(build, o), Merge: unionInts, Start: func() ints { return ints{} }, Inputs: inputs, Late: o.Batch != 1,
	}
}

func onDeltas(s map[string]laws.Suite) {
	twice := func(n int) []int { return []int{n, n + 1} }
	s["flatten"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] { return flow.Flatten(flow.Map(d, twice)) }, numbers()), 1, 2, 3)
	s["debottom"] = suite(ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Debottom(flow.Map(d, func(n int) lattice.Option[int] { return lattice.Option[int]{Val: n, Some: n > 1} }))
	}, numbers()), 1, 2, 3)
	threes := flow.Options{Batch: 3}
	s["batch"] = suite(ofSets(func(d flow.Delta[int]) flow.Delta[ints] { return flow.Batch(flow.Map(d, one), intSets, 2) }, threes, numbers()), 1, 2, 3)
	s["convert"] = suite(ofSets(func(d flow.Delta[int]) flow.Delta[ints] {
		return flow.Convert(flow.Batch(flow.Map(d, one), intSets, 2), lattice.Function[ints, ints]{F: halved, From: intSets, To: intSets})
	}, threes, numbers()), 1, 2, 3)
	explode := ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Explode(flow.Batch(flow.Map(d, func(n int) ints { return ints{n: {}, n + 3: {}} }), intSets, 2))
	}, numbers())
	explode.Late = true
	s["explode"] = suite(explode, 1, 2, 3)
	changes := ofSets(func(d flow.Delta[int]) flow.Delta[ints] { return flow.Changes(flow.Fold(flow.Map(d, one), intSets)) }, oneByOne, numbers())
	changes.Once, changes.Late = true, true
	s["changes"] = suite(changes, 1, 2, 3)
	channel := ofFlow(func(d flow.Delta[int]) flow.Delta[int] {
		c := flow.NewChannel[int]("c", 2)
		flow.Send(d, c)
		return flow.Receive(d.Graph(), c)
	}, numbers())
	channel.Late = true
	s["channel"] = suite(channel, 1, 2, 3)
}

func halved(s ints) ints {
	half := ints{}
	for n := range s {
		half[n/2] = struct{}{}
	}
	return half
}

// edges deals elements to two edges.
func edges(d flow.Delta[side]) (left, right flow.Delta[int]) {
	two := flow.Tee(d, 2)
	of := func(d flow.Delta[side], right bool) flow.Delta[int] {
		return flow.FilterMap(d, func(e side) (int, bool) { return 10*e.K + e.V, e.Right == right })
	}
	return of(two[0], false), of(two[1], true)
}

var someSides = []side{{false, 0, 1}, {true, 0, 2}, {true, 1, 3}}

func ofTwoEdges(s map[string]laws.Suite) {
	s["cross"] = suite(operators.Operator[side, match, set[match]]{
		Seq: operators.OfDelta(func(d flow.Delta[side]) flow.Delta[match] {
			left, right := edges(d)
			return flow.Cross(left, right, func(l, r int) match { return match{0, l, r} })
		}, oneByOne),
		Class: lattice.IsTricky, Late: true, Once: true, Lift: lift[match], Merge: union[match], Inputs: sides(), Start: none[match],
		Recompute: func(all []side) set[match] {
			m := none[match]()
			for _, a := range all {
				for _, b := range all {
					if !a.Right && b.Right {
						m[match{0, 10*a.K + a.V, 10*b.K + b.V}] = true
					}
				}
			}
			return m
		},
	}, someSides...)
	s["union"] = suite(operators.Operator[side, int, set[int]]{
		Seq: operators.OfDelta(func(d flow.Delta[side]) flow.Delta[int] {
			left, right := edges(d)
			return flow.Union(left, right)
		}, oneByOne),
		Late: true, Lift: lift[int], Merge: union[int], Inputs: sides(), Start: none[int],
		Recompute: func(all []side) set[int] {
			m := none[int]()
			for _, e := range all {
				m[10*e.K+e.V] = true
			}
			return m
		},
	}, someSides...)
	products := func(a, b ints) ints {
		m := ints{}
		for x := range a {
			for y := range b {
				m[100*x+y] = struct{}{}
			}
		}
		return m
	}
	bi := ofSets(func(d flow.Delta[side]) flow.Delta[ints] {
		left, right := edges(d)
		return flow.Bimorphism(flow.Map(left, one), flow.Map(right, one), intSets, intSets, products)
	}, oneByOne, sides())
	bi.Class, bi.Late = lattice.IsTricky, true
	bi.Recompute = func(all []side) ints {
		a, b := ints{}, ints{}
		for _, e := range all {
			of := a
			if e.Right {
				of = b
			}
			of[10*e.K+e.V] = struct{}{}
		}
		return products(a, b)
	}
	s["bimorphism"] = suite(bi, someSides...)
}

// ofState is an operator on a state of sets, to a state that merges by m.
func ofState[S any](m lattice.Merge[S], build func(flow.State[ints]) flow.State[S]) operators.Operator[ints, S, S] {
	return operators.Operator[ints, S, S]{
		Seq: operators.OfStates(intSets, build, oneByOne), In: operators.States, Out: operators.States,
		Merge: func(a, b S) S { return lattice.Join(m, a, b) }, Join: unionInts, Once: true,
		Late:   true, // of several operators in a row each runs in its turn
		Inputs: rapid.Custom(func(t *rapid.T) ints { return one(rapid.IntRange(0, 5).Draw(t, "n")) }),
	}
}

func onStates(s map[string]laws.Suite) {
	some := []ints{one(1), one(2)}
	image := func(e flow.State[ints]) flow.State[ints] {
		return flow.MapState(e, lattice.Function[ints, ints]{F: halved, From: intSets, To: intSets}, flow.Claim{})
	}
	pairs := lattice.PairOf(intSets, intSets)
	s["const"] = suite(ofState(largest, func(e flow.State[ints]) flow.State[int] { return flow.Const(e.Graph(), 7, largest) }), some...)
	s["map state"] = suite(ofState(intSets, image), some...)
	s["zip"] = suite(ofState(pairs, func(e flow.State[ints]) flow.State[lattice.Pair[ints, ints]] { return flow.Zip(e, image(e)) }), some...)
	s["switch"] = suite(ofState(intSets, func(e flow.State[ints]) flow.State[ints] {
		_, second := flow.Switch(flow.Zip(e, image(e)), intSets, intSets)
		return second
	}), some...)
	threshold := ofState(lattice.Or(), func(e flow.State[ints]) flow.State[bool] { return flow.Threshold(e, ints{1: {}, 2: {}}) })
	threshold.Class = lattice.IsTricky
	s["state threshold"] = suite(threshold, some...)
	s["debounce"] = suite(ofState(intSets, func(e flow.State[ints]) flow.State[ints] { return flow.Debounce(e, 2) }), some...)
	flags := lattice.Function[ints, bool]{F: func(s ints) bool { return len(s) > 0 }, From: intSets, To: lattice.Or()}
	s["top"] = suite(ofState(lattice.Or(), func(e flow.State[ints]) flow.State[bool] { return flow.Top(flow.MapState(e, flags, flow.Claim{})) }), some...)
	options := lattice.Function[ints, lattice.Option[ints]]{F: func(s ints) lattice.Option[ints] {
		if len(s) < 2 {
			return lattice.None[ints]()
		}
		return lattice.Some(s)
	}, From: intSets, To: lattice.WithBottom(intSets)}
	debottom := ofState(intSets, func(e flow.State[ints]) flow.State[ints] {
		return flow.DebottomState(flow.MapState(e, options, flow.Monotone(flow.Evidence{})), intSets)
	})
	debottom.Class = lattice.IsTricky
	s["debottom state"] = suite(debottom, some...)

	seal := func(seal func(flow.State[ints]) flow.State[ints]) operators.Operator[ints, ints, ints] {
		o := ofState(intSets, func(e flow.State[ints]) flow.State[ints] {
			missing := lattice.Function[ints, ints]{F: func(s ints) ints {
				m := ints{1: {}, 2: {}, 3: {}}
				maps.DeleteFunc(m, func(n int, _ struct{}) bool { _, ok := s[n]; return ok })
				return m
			}, From: intSets, To: intSets}
			return flow.MapState(seal(e), missing, flow.NonMonotone())
		})
		o.Class = lattice.NonMonotone
		return o
	}
	s["seal"] = suite(seal(flow.Seal[ints]), some...)
	s["seal when"] = suite(seal(func(e flow.State[ints]) flow.State[ints] {
		yes := lattice.Function[ints, bool]{F: func(ints) bool { return true }, From: intSets, To: lattice.Or()}
		return flow.SealWhen(e, flow.MapState(flow.Seal(e), yes, flow.Claim{}))
	}), some...)
}

// atOnce is an operator of sequences that builds a graph of all elements.
func atOnce[A, B any](build func(g *flow.Graph, all []A) flow.Delta[B]) func(iter.Seq[A]) iter.Seq[B] {
	return func(in iter.Seq[A]) iter.Seq[B] {
		return func(yield func(B) bool) {
			all := slices.Collect(in)
			operators.OfDelta(func(d flow.Delta[B]) flow.Delta[B] { return flow.Union(d, build(d.Graph(), all)) }, oneByOne)(func(func(B) bool) {})(yield)
		}
	}
}

func atTheEnds(s map[string]laws.Suite) {
	late := func(seq func(iter.Seq[int]) iter.Seq[int]) laws.Suite {
		return suite(operators.Operator[int, int, set[int]]{Seq: seq, Late: true, Lift: lift[int], Merge: union[int], Inputs: numbers()}, 1, 2, 3)
	}
	s["from slice"] = late(atOnce(flow.FromSlice[int]))
	s["once"] = late(atOnce(func(g *flow.Graph, all []int) flow.Delta[int] {
		var ds []flow.Delta[int]
		for _, n := range append(all, 9) {
			ds = append(ds, flow.Once(g, n))
		}
		return flow.Union(ds...)
	}))
	s["from reader"] = late(atOnce(func(g *flow.Graph, all []int) flow.Delta[int] {
		var text strings.Builder
		for _, n := range all {
			text.WriteString(strconv.Itoa(n) + "\n")
		}
		return flow.FilterMap(flow.FromReader(g, strings.NewReader(text.String()), 20), func(line string) (int, bool) {
			n, err := strconv.Atoi(line)
			return n, err == nil
		})
	}))
	s["input"] = late(atOnce(func(g *flow.Graph, all []int) flow.Delta[int] {
		in, d := flow.NewInput[int](g, len(all)+1)
		if _, err := in.PushAll(all...); err != nil {
			panic(err)
		}
		in.Close()
		return d
	}))
	s["for each"] = late(func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			g := flow.New("for each", oneByOne)
			var got []int
			flow.ForEach(flow.FromSlice(g, slices.Collect(in)), func(n int) { got = append(got, n) })
			ran(g)
			for _, n := range got {
				if !yield(n) {
					return
				}
			}
		}
	})
	state := func(seq func(iter.Seq[int]) iter.Seq[int]) laws.Suite {
		return suite(operators.Operator[int, int, int]{
			Seq: seq, Late: true, Out: operators.States, Once: true, Merge: larger, Join: larger, Inputs: numbers(),
		}, 1, 2, 3)
	}
	s["read"] = state(stepped(func(s flow.State[int]) (int, bool) { return flow.Read(s) }))
	s["complete"] = state(stepped(func(s flow.State[int]) (int, bool) { return 1, flow.Complete(s) }))
	s["network"] = state(overNetwork)
}

// ran runs a graph to its end.
func ran(g *flow.Graph) {
	s, err := flow.Start(g)
	if err == nil {
		err = s.Run(context.Background())
	}
	if err != nil {
		panic(err)
	}
}

// stepped looks at a fold after each step, and hands on what it sees where that changes.
func stepped(look func(flow.State[int]) (int, bool)) func(iter.Seq[int]) iter.Seq[int] {
	return func(in iter.Seq[int]) iter.Seq[int] {
		return func(yield func(int) bool) {
			g := flow.New("stepped", oneByOne)
			state := flow.Fold(flow.FromSlice(g, slices.Collect(in)), lattice.MaxFrom(-1))
			sched, err := flow.Start(g)
			if err != nil {
				panic(err)
			}
			last, told := 0, false
			for st := flow.Working; st == flow.Working; {
				if st, err = sched.Step(); err != nil {
					panic(err)
				}
				if v, ok := look(state); ok && (!told || v != last) {
					if last, told = v, true; !yield(v) {
						return
					}
				}
			}
		}
	}
}

// overNetwork sends each state to another graph, by packets of which every third is lost,
// and every second comes twice and after the one behind it.
func overNetwork(in iter.Seq[int]) iter.Seq[int] {
	return func(yield func(int) bool) {
		m := lattice.MaxFrom(-1)
		here, there := flow.New("here", oneByOne), flow.New("there", oneByOne)
		outbox := flow.Publish(flow.Fold(flow.FromSlice(here, slices.Collect(in)), m), 1)
		inbox, state := flow.Subscribed(there, m, 1<<10)
		more := true
		_, err := flow.Subscribe(state, func(v int) { more = more && yield(v) })
		s1, err1 := flow.Start(here)
		s2, err2 := flow.Start(there)
		var late []byte
		deliver := func(packet []byte) {
			if len(packet) == 0 {
				return
			}
			ack, err := inbox.Deliver(packet)
			if err == nil {
				err = outbox.Acknowledge(ack)
			}
			if err != nil {
				panic(err)
			}
		}
		for n := 0; more; n++ {
			st, err3 := s1.Step()
			packet, _ := outbox.Packet()
			if n%3 != 0 || st == flow.Finished {
				deliver(packet)
			}
			deliver(late)
			if n%2 == 0 {
				late = packet
			}
			st2, err4 := s2.Settle(context.Background())
			for _, err := range []error{err, err1, err2, err3, err4} {
				if err != nil {
					panic(err)
				}
			}
			if st == flow.Finished && st2 == flow.Finished {
				return
			}
		}
	}
}
