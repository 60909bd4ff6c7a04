package flow_test

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// The scope that Verify prints for the operators of the package: inputs of up to 3
// elements of 3. inputs are all of them, in all orders and with all repetitions.
func inputs() [][]int {
	all := [][]int{{}}
	for from := 0; len(all[from]) < 3; from++ {
		for v := range 3 {
			all = append(all, append(slices.Clone(all[from]), v))
		}
	}
	return all
}

// functions yields all functions from 3 elements to n values, as tables.
func functions(n int) iter.Seq[[3]int] {
	return func(yield func([3]int) bool) {
		for i := range n * n * n {
			if !yield([3]int{i % n, i / n % n, i / n / n}) {
				return
			}
		}
	}
}

// unary is an operator on one edge and what it means for sets.
type unary struct {
	name  string
	build func(flow.Delta[int]) flow.Delta[int]
	means func(v int) []int
	once  bool // hands no element on twice
}

func unaryOperators() []unary {
	var ops []unary
	add := func(name string, once bool, build func(flow.Delta[int]) flow.Delta[int], means func(v int) []int) {
		ops = append(ops, unary{name: name, build: build, means: means, once: once})
	}
	same := func(v int) []int { return []int{v} }
	for f := range functions(3) {
		add("map", false, func(d flow.Delta[int]) flow.Delta[int] { return flow.Map(d, func(v int) int { return f[v] }) },
			func(v int) []int { return []int{f[v]} })
	}
	for f := range functions(2) {
		add("filter", false, func(d flow.Delta[int]) flow.Delta[int] { return flow.Filter(d, func(v int) bool { return f[v] == 1 }) },
			func(v int) []int { return same(v)[:f[v]] })
		add("split", false, func(d flow.Delta[int]) flow.Delta[int] {
			ways := flow.Split(d, 2, func(v int) uint64 { return uint64(f[v]) + 6 })
			return flow.Union(flow.Map(ways[0], func(v int) int { return 10 + v }), flow.Map(ways[1], func(v int) int { return 20 + v }))
		}, func(v int) []int { return []int{10*(1+f[v]) + v} })
	}
	for f := range functions(4) {
		add("filter-map", false, func(d flow.Delta[int]) flow.Delta[int] {
			return flow.FilterMap(d, func(v int) (int, bool) { return f[v], f[v] < 3 })
		}, func(v int) []int { return []int{f[v]}[:min(1, 3-f[v])] })
	}
	subsets := 8
	if testing.Short() {
		subsets = 4 // of the first two elements
	}
	for f := range functions(subsets) {
		bits := func(v int) []int {
			var vs []int
			for i := range 3 {
				if f[v]>>i&1 == 1 {
					vs = append(vs, i)
				}
			}
			return vs
		}
		add("flat-map", false, func(d flow.Delta[int]) flow.Delta[int] {
			return flow.FlatMap(d, func(v int) iter.Seq[int] { return slices.Values(bits(v)) })
		}, bits)
		add("flatten", false, func(d flow.Delta[int]) flow.Delta[int] { return flow.Flatten(flow.Map(d, bits)) }, bits)
	}
	add("unique", true, flow.Unique[int], same)
	add("union", false, func(d flow.Delta[int]) flow.Delta[int] {
		ways := flow.Tee(d, 2)
		return flow.Union(ways[0], flow.Map(ways[1], func(v int) int { return v + 3 }))
	}, func(v int) []int { return []int{v, v + 3} })
	add("tee", false, func(d flow.Delta[int]) flow.Delta[int] {
		ways := flow.Tee(d, 3)
		flow.Collect(ways[2])
		return flow.Union(ways[:2]...)
	}, same)
	add("debottom", false, func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Debottom(flow.Map(d, func(v int) lattice.Option[int] { return lattice.Option[int]{Some: v > 0, Val: v} }))
	}, func(v int) []int { return same(v)[:min(v, 1)] })
	add("loop", true, func(d flow.Delta[int]) flow.Delta[int] {
		loop, again := flow.NewLoop[int](d.Graph())
		ways := flow.Tee(flow.Unique(flow.Union(d, again)), 2)
		loop.Close(flow.Map(ways[0], func(v int) int { return min(v+1, 4) }))
		return ways[1]
	}, func(v int) []int { return numbers(5)[v:] })
	add("changes", true, func(d flow.Delta[int]) flow.Delta[int] {
		s := flow.Fold(flow.Map(d, func(v int) ints { return setOf(v) }), sets)
		return flow.Explode(flow.Changes(s))
	}, same)
	add("explode", false, func(d flow.Delta[int]) flow.Delta[int] {
		return flow.Explode(flow.Batch(flow.Map(d, func(v int) ints { return setOf(v, v+1) }), sets, 2))
	}, func(v int) []int { return []int{v, v + 1} })
	return ops
}

func imageOf(input []int, means func(int) []int) ints {
	out := ints{}
	for _, v := range input {
		for _, u := range means(v) {
			out[u] = struct{}{}
		}
	}
	return out
}

func outputOf(t *testing.T, batch int, input []int, build func(flow.Delta[int]) flow.Delta[int]) []int {
	g := flow.New("g", flow.Options{Batch: batch})
	out := flow.Collect(build(flow.FromSlice(g, input)))
	run(t, g)
	return out.Take()
}

// TestUnaryOperators: on every input of the scope, in every grouping, what an
// operator hands on is the union of what it hands on of each element, whatever the
// order and the repetitions. So it is a morphism of sets.
func TestUnaryOperators(t *testing.T) {
	for _, op := range unaryOperators() {
		for _, input := range inputs() {
			for batch := 1; batch <= 3; batch++ {
				got := outputOf(t, batch, input, op.build)
				want := imageOf(input, op.means)
				if !maps.Equal(setOf(got...), want) || op.once && len(got) != len(want) {
					t.Fatalf("%s in batches of %d of %v: got %v, want %v", op.name, batch, input, got, sorted(want))
				}
			}
		}
	}
}

// TestBinaryOperators does it for two inputs, of up to 2 elements of 3 each.
func TestBinaryOperators(t *testing.T) {
	short := slices.DeleteFunc(inputs(), func(vs []int) bool { return len(vs) > 2 })
	code := func(a, b int) int { return 10*a + b }
	for name, op := range map[string]struct {
		build func(a, b flow.Delta[int]) flow.Delta[int]
		match func(a, b int) bool
	}{
		"cross": {func(a, b flow.Delta[int]) flow.Delta[int] { return flow.Cross(a, b, code) }, func(int, int) bool { return true }},
		"hash-join": {func(a, b flow.Delta[int]) flow.Delta[int] {
			parity := func(v int) link { return link{First: v % 2, Second: v} }
			return flow.HashJoin(flow.Map(a, parity), flow.Map(b, parity), func(_, a, b int) int { return code(a, b) })
		}, func(a, b int) bool { return a%2 == b%2 }},
	} {
		for _, left := range short {
			for _, right := range short {
				want := ints{}
				for _, a := range left {
					for _, b := range right {
						if op.match(a, b) {
							want[code(a, b)] = struct{}{}
						}
					}
				}
				for batch := 1; batch <= 3; batch++ {
					g := flow.New("g", flow.Options{Batch: batch})
					out := flow.Collect(op.build(flow.FromSlice(g, left), flow.FromSlice(g, right)))
					run(t, g)
					got := out.Take()
					if !maps.Equal(setOf(got...), want) || len(got) != len(want) {
						t.Fatalf("%s in batches of %d of %v and %v: got %v, want %v", name, batch, left, right, got, sorted(want))
					}
				}
			}
		}
	}
}

// TestBimorphismOperator: the join of what is handed on is f of the joins.
func TestBimorphismOperator(t *testing.T) {
	short := slices.DeleteFunc(inputs(), func(vs []int) bool { return len(vs) > 2 })
	for _, left := range short {
		for _, right := range short {
			for batch := 1; batch <= 3; batch++ {
				g := flow.New("g", flow.Options{Batch: batch})
				single := func(v int) ints { return setOf(v) }
				calls := 0
				f := func(a, b ints) ints { calls++; return products(a, b) }
				a, b := flow.Map(flow.FromSlice(g, left), single), flow.Map(flow.FromSlice(g, right), single)
				s := flow.Fold(flow.Bimorphism(a, b, sets, sets, f), sets)
				run(t, g)
				require.Equal(t, sorted(products(setOf(left...), setOf(right...))), sorted(must(flow.Read(s))))
				require.LessOrEqual(t, calls, len(setOf(left...))+len(setOf(right...)), "a delta that brings nothing meets nobody")
			}
		}
	}
}

// stateOperator is an operator on a State edge of sets and what it makes of the
// value that is final.
type stateOperator struct {
	build func(flow.State[ints]) flow.State[ints]
	means func(ints) ints
}

func wrap(s ints) lattice.Option[ints] {
	if len(s) < 2 {
		return lattice.None[ints]()
	}
	return lattice.Some(s)
}

func stateOperators() map[string]stateOperator {
	same := func(s ints) ints { return s }
	some := lattice.WithBottom(sets)
	flags := lattice.Function[bool, ints]{F: func(b bool) ints { return setOf([]int{1}[:btoi(b)]...) }, From: lattice.Or(), To: sets}
	small := lattice.WithTop(sets)
	full := func(s ints) lattice.Option[ints] {
		if len(s) > 1 {
			return lattice.None[ints]() // ⊤
		}
		return lattice.Some(s)
	}
	return map[string]stateOperator{
		"zip": {func(s flow.State[ints]) flow.State[ints] {
			pairs := lattice.PairOf(sets, sets)
			f := lattice.Function[lattice.Pair[ints, ints], ints]{F: func(p lattice.Pair[ints, ints]) ints { return lattice.Join(sets, p.First, p.Second) }, From: pairs, To: sets}
			return flow.MapState(flow.Zip(s, flow.MapState(s, image, flow.Morphism(flow.Evidence{}))), f, flow.Morphism(flow.Evidence{}))
		}, func(s ints) ints { return lattice.Join(sets, s, halves(s)) }},
		"switch": {func(s flow.State[ints]) flow.State[ints] {
			_, second := flow.Switch(flow.Zip(s, flow.MapState(s, image, flow.Morphism(flow.Evidence{}))), sets, sets)
			return second
		}, halves},
		"threshold": {func(s flow.State[ints]) flow.State[ints] {
			return flow.MapState(flow.Threshold(s, setOf(0, 1)), flags, flow.Morphism(flow.Evidence{}))
		}, func(s ints) ints { return setOf([]int{1}[:btoi(sets.Compare(setOf(0, 1), s).Leq())]...) }},
		"debounce": {func(s flow.State[ints]) flow.State[ints] { return flow.Debounce(s, 2) }, same},
		"seal":     {func(s flow.State[ints]) flow.State[ints] { return flow.Seal(s) }, same},
		"map-state": {func(s flow.State[ints]) flow.State[ints] {
			return flow.MapState(s, image, flow.Morphism(flow.Evidence{}))
		}, halves},
		"debottom": {func(s flow.State[ints]) flow.State[ints] {
			f := lattice.Function[ints, lattice.Option[ints]]{F: wrap, From: sets, To: some}
			return flow.DebottomState(flow.MapState(s, f, flow.Monotone(flow.Evidence{})), sets)
		}, func(s ints) ints { return wrap(s).Val }},
		"top": {func(s flow.State[ints]) flow.State[ints] {
			f := lattice.Function[ints, lattice.Option[ints]]{F: full, From: sets, To: small}
			back := lattice.Function[lattice.Option[ints], ints]{F: func(o lattice.Option[ints]) ints {
				if !o.Some {
					return setOf(0, 1, 2, 3)
				}
				return o.Val
			}, From: small, To: sets}
			return flow.MapState(flow.Top(flow.MapState(s, f, flow.Monotone(flow.Evidence{}))), back, flow.Monotone(flow.Evidence{}))
		}, func(s ints) ints {
			if len(s) > 1 {
				return setOf(0, 1, 2, 3)
			}
			return s
		}},
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestStateOperators: on every input of the scope, in every grouping, each value of
// the edge is above the one before, and the last is what the operator makes of the
// final value of its input.
func TestStateOperators(t *testing.T) {
	for name, op := range stateOperators() {
		for _, input := range inputs() {
			for batch := 1; batch <= 3; batch++ {
				g := flow.New("g", flow.Options{Batch: batch})
				s := op.build(gather(flow.FromSlice(g, input)))
				w := &watch{}
				_, err := flow.Subscribe(s, func(v ints) { w.told(t, v) })
				require.NoError(t, err)
				run(t, g)
				require.True(t, flow.Complete(s))
				require.Equal(t, sorted(op.means(setOf(input...))), sorted(w.last), "%s in batches of %d of %v", name, batch, input)
			}
		}
	}
}

// TestExhausted: what Verify prints as exhausted was: every operator whose claim is
// the package's own is in one of the tests above.
func TestExhausted(t *testing.T) {
	covered := map[string]bool{
		"cross": true, "hash-join": true, "map": true,
		// They have no function and no choice: they hand on what comes, which the
		// tests above see at each end.
		"collect": true, "for-each": true, "close": true, "send": true, "publish": true,
	}
	for _, op := range unaryOperators() {
		covered[op.name] = true
	}
	for name := range stateOperators() {
		covered[name] = true
	}
	for seed := range uint64(200) {
		b, _ := randomBuilt(t, seed)
		for _, u := range flow.Verify(b.graphs...).Uses {
			op, _, _ := strings.Cut(u.To, "#")
			if u.Evidence.Support == flow.Exhausted {
				require.True(t, covered[op], "%s claims %v", u.To, u.Evidence)
				require.Equal(t, "exhausted(inputs of up to 3 elements of 3)", u.Evidence.String())
			}
		}
	}
}
