package flow_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

// check ends an example that cannot go on.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func start(g *flow.Graph) *flow.Scheduler {
	s, err := flow.Start(g)
	check(err)
	return s
}

// A pipeline from a slice to a maximum. The subscriber is told of each growth.
func Example() {
	g := flow.New("best score", flow.Options{Batch: 1})
	games := []string{"ann 30", "bob 12", "ann 41", "bob 40"}
	scores := flow.Map(flow.FromSlice(g, games), func(line string) int {
		var name string
		var points int
		_, err := fmt.Sscan(line, &name, &points)
		check(err)
		return points
	})
	best := flow.Fold(scores, lattice.MaxFrom(0))
	_, err := flow.Subscribe(best, func(v int) { fmt.Println("best", v) })
	check(err)
	check(start(g).Run(context.Background()))
	// Output:
	// best 0
	// best 30
	// best 41
}

// line is a line of a text, and occurrence a word and where it stands.
type (
	line struct {
		Number int
		Text   string
	}
	occurrence struct {
		Line, Column int
	}
)

// A word count. To count is not to merge: a line that is delivered twice would count
// twice. The graph collects the places of each word, which is a union, and counts
// them on the State edge, where counting is monotone.
func Example_wordCount() {
	type index = map[string]map[occurrence]struct{}
	places := lattice.MapOf[string](lattice.SetOf[occurrence]())
	words := func(l line) iter.Seq[index] {
		return func(yield func(index) bool) {
			for i, word := range strings.Fields(l.Text) {
				if !yield(index{word: {occurrence{l.Number, i}: {}}}) {
					return
				}
			}
		}
	}
	count := lattice.Function[index, map[string]int]{
		F: func(m index) map[string]int {
			counts := make(map[string]int)
			for word, places := range m {
				counts[word] = len(places)
			}
			return counts
		},
		From: places, To: lattice.MapOf[string](lattice.Max[int]()),
	}
	g := flow.New("word count", flow.Options{})
	lines := flow.FromSlice(g, []line{{1, "the cat"}, {2, "the dog and the cat"}, {1, "the cat"}})
	all := flow.Fold(flow.FlatMap(lines, words), places)
	counts := flow.MapState(all, count, flow.Monotone(flow.Evidence{}))
	check(start(g).Run(context.Background()))
	result, _ := flow.Read(counts)
	for _, word := range slices.Sorted(maps.Keys(result)) {
		fmt.Println(word, result[word])
	}
	// Output:
	// and 1
	// cat 2
	// dog 1
	// the 3
}

// flight is an edge of a graph of cities.
type flight struct{ From, To string }

// closure is the graph of a transitive closure.
func closure(flights []flight) (*flow.Graph, *flow.Output[flight]) {
	g := flow.New("transitive closure", flow.Options{})
	by := func(d flow.Delta[flight], key func(flight) string) flow.Delta[lattice.Pair[string, flight]] {
		return flow.Map(d, func(f flight) lattice.Pair[string, flight] {
			return lattice.Pair[string, flight]{First: key(f), Second: f}
		})
	}
	edges := flow.Tee(flow.FromSlice(g, flights).Named("flights"), 2)
	loop, longer := flow.NewLoop[flight](g)
	paths := flow.Tee(flow.Unique(flow.Union(edges[0], longer)).Named("paths"), 2)
	arrivals := by(paths[0], func(f flight) string { return f.To })
	departures := by(edges[1], func(f flight) string { return f.From })
	loop.Close(flow.HashJoin(arrivals, departures, func(_ string, a, b flight) flight { return flight{a.From, b.To} }))
	return g, flow.Collect(paths[1])
}

// A transitive closure is a cycle through a merge: it runs until it finds nothing
// new, although the graph of flights has a cycle itself.
func Example_transitiveClosure() {
	g, out := closure([]flight{{"Oslo", "Rome"}, {"Rome", "Lima"}, {"Lima", "Rome"}})
	check(start(g).Run(context.Background()))
	for _, f := range out.Take() {
		fmt.Println(f.From, "→", f.To)
	}
	// Output:
	// Oslo → Rome
	// Rome → Lima
	// Lima → Rome
	// Oslo → Lima
	// Lima → Lima
	// Rome → Rome
}

// cart is what a shopper did: two sets that only grow.
type cart = lattice.Pair[map[string]struct{}, map[string]struct{}]

// A shopping cart. Additions and removals are unions, from any replica, in any order.
// What is in the cart is their difference, which is not monotone, so that it waits
// for the checkout: the list of what the shopper saw, which says when all of it is
// here.
func Example_shoppingCart() {
	sets := lattice.SetOf[string]()
	carts := lattice.PairOf(sets, sets)
	items := func(vs ...string) map[string]struct{} {
		m := make(map[string]struct{})
		for _, v := range vs {
			m[v] = struct{}{}
		}
		return m
	}
	g := flow.New("cart", flow.Options{})
	actions, d := flow.NewInput[cart](g, 10)
	all := flow.Fold(d, carts).Named("cart")
	checkout := flow.Threshold(all, cart{First: items("tea", "pen", "cup"), Second: items("pen")}).Named("checkout")
	contents := lattice.Function[cart, map[string]struct{}]{
		F: func(c cart) map[string]struct{} {
			m := make(map[string]struct{})
			for v := range c.First {
				if _, removed := c.Second[v]; !removed {
					m[v] = struct{}{}
				}
			}
			return m
		},
		From: carts, To: sets,
	}
	order := flow.MapState(flow.SealWhen(all, checkout), contents, flow.NonMonotone()).Named("order")
	s := start(g)
	for _, action := range []cart{
		{Second: items("pen")}, // a removal that came before its addition
		{First: items("tea")},
		{First: items("tea", "pen")},
		{First: items("cup")},
	} {
		check(actions.Push(action))
		_, err := s.Settle(context.Background())
		check(err)
		v, ok := flow.Read(order)
		fmt.Println(ok, slices.Sorted(maps.Keys(v)))
	}
	// Output:
	// false []
	// false []
	// false []
	// true [cup tea]
}

// leaderboard is the graph of the best two players, sealed or not.
func leaderboard(sealed bool) (*flow.Graph, flow.State[[]string]) {
	g := flow.New("leaderboard", flow.Options{})
	scores := lattice.MapOf[string](lattice.Max[int]())
	games := []map[string]int{{"ann": 30}, {"bob": 12}, {"cy": 25}, {"bob": 40}}
	best := flow.Fold(flow.FromSlice(g, games).Named("games"), scores).Named("best")
	if sealed {
		best = flow.Seal(best)
	}
	top := lattice.Function[map[string]int, []string]{
		F: func(m map[string]int) []string {
			names := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return m[b] - m[a] })
			return names[:min(2, len(names))]
		},
		From: scores, To: lattice.SliceOf(lattice.Max[string]()),
	}
	return g, flow.MapState(best, top, flow.NonMonotone()).Named("top two")
}

// A leaderboard. The best score of each player only rises, but who is among the best
// two does not: others overtake. Verify names the step, and accepts it behind a seal,
// which waits for the last game.
func Example_leaderboard() {
	g, _ := leaderboard(false)
	fmt.Print(flow.Verify(g))
	fmt.Println()
	g, top := leaderboard(true)
	fmt.Print(flow.Verify(g))
	check(start(g).Run(context.Background()))
	names, _ := flow.Read(top)
	fmt.Println(names)
	// Output:
	// edge                                   carries   class         evidence
	// slice#0 "games" → fold#1 "best"        elements  morphism      assumed
	// fold#1 "best" → map-state#2 "top two"  state     non-monotone  assumed  ✗
	// flow: operator map-state#2 "top two": non-monotone step before a seal: on the edge from fold#1 "best"; put a Seal in front of it
	//
	// edge                             carries      class         evidence
	// slice#0 "games" → fold#1 "best"  elements     morphism      assumed
	// fold#1 "best" → seal#2           state        non-monotone  exhausted(inputs of up to 3 elements of 3)
	// seal#2 → map-state#3 "top two"   final state  non-monotone  assumed
	// [bob ann]
}
