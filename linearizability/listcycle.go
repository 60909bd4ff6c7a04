package linearizability

import "slices"

// order returns the instants in an order that fits, first those without a predecessor;
// it lacks what is on a cycle or comes after one. O(instants + edges).
func (x *instantGraph) order() []int32 {
	all := len(x.from) - 1
	waits := make([]int32, all)
	for _, q := range x.to {
		waits[q]++
	}
	order := make([]int32, 0, all)
	for p, n := range waits {
		if n == 0 {
			order = append(order, int32(p))
		}
	}
	for next := 0; next < len(order); next++ {
		p := order[next]
		for _, q := range x.to[x.from[p]:x.from[p+1]] {
			if waits[q]--; waits[q] == 0 {
				order = append(order, q)
			}
		}
	}
	return order
}

// fits reports whether there is an order of all instants.
func (x *instantGraph) fits() bool { return len(x.order()) == len(x.from)-1 }

// knot returns the smallest set of instants of which each leads to each other one, and
// that has a cycle; nil if there is no cycle. It looks at what order leaves over.
func (x *instantGraph) knot() []int32 {
	left := make([]bool, len(x.from)-1)
	for p := range left {
		left[p] = true
	}
	for _, p := range x.order() {
		left[p] = false
	}
	var best []int32
	x.components(left, func(some []int32) {
		if len(some) > 1 && (best == nil || len(some) < len(best)) {
			best = slices.Clone(some)
		}
	})
	return best
}

// components yields the strongly connected components among the instants that are in
// (Tarjan, 1972, without recursion).
func (x *instantGraph) components(in []bool, yield func(some []int32)) {
	type frame struct{ p, next int32 }
	index := make([]int32, len(in)) // 0 is not met yet
	low := make([]int32, len(in))
	onStack := make([]bool, len(in))
	var stack []int32
	var work []frame
	count := int32(0)
	enter := func(p int32) {
		count++
		index[p], low[p] = count, count
		stack, onStack[p] = append(stack, p), true
		work = append(work, frame{p, x.from[p]})
	}
	for root := range in {
		if !in[root] || index[root] != 0 {
			continue
		}
		for enter(int32(root)); len(work) > 0; {
			f := &work[len(work)-1]
			if f.next < x.from[f.p+1] {
				q := x.to[f.next]
				f.next++
				switch {
				case !in[q]:
				case index[q] == 0:
					enter(q)
				case onStack[q]:
					low[f.p] = min(low[f.p], index[q])
				}
				continue
			}
			p := f.p
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].p
				low[up] = min(low[up], low[p])
			}
			if low[p] == index[p] {
				at := len(stack) - 1
				for stack[at] != p {
					at--
				}
				for _, q := range stack[at:] {
					onStack[q] = false
				}
				yield(stack[at:])
				stack = stack[:at]
			}
		}
	}
}

// knotSearch finds short cycles in a knot.
type knotSearch struct {
	x    *instantGraph
	in   []bool
	came []int32 // by instant: 1 + the place in to by which it was met, in the round
	met  []int32 // by instant: the round
	now  int32
}

func (x *instantGraph) searchIn(knot []int32) *knotSearch {
	all := len(x.from) - 1
	s := &knotSearch{x: x, in: make([]bool, all), came: make([]int32, all), met: make([]int32, all)}
	for _, p := range knot {
		s.in[p] = true
	}
	return s
}

// way returns places in to that lead from one instant to another one, a fewest; with
// quiet set not through an edge that says that what was read is overwritten. Nil if
// there is none.
func (s *knotSearch) way(from, to int32, quiet bool) []int32 {
	x := s.x
	s.now++
	queue := []int32{from}
	for at := 0; at < len(queue); at++ {
		p := queue[at]
		if x.g.l.m.mustStop(16) {
			return nil
		}
		for i := x.from[p]; i < x.from[p+1]; i++ {
			q := x.to[i]
			if !s.in[q] || s.met[q] == s.now || quiet && x.why[i] >= 0 && x.g.edges[x.why[i]].kind == dependsRW {
				continue
			}
			s.met[q], s.came[q] = s.now, i
			if q == to {
				return s.back(from, to)
			}
			queue = append(queue, q)
		}
	}
	return nil
}

// back follows the edges by which instants were met.
func (s *knotSearch) back(from, to int32) []int32 {
	var way []int32
	for q := to; ; {
		i := s.came[q]
		way = append(way, i)
		p, _ := slices.BinarySearch(s.x.from, i+1)
		if q = int32(p - 1); q == from {
			slices.Reverse(way)
			return way
		}
	}
}

// The bounds of the search for a short cycle: how many edges of one kind, and how many
// instantGraph to begin at. Small knots are searched through.
const (
	singlesTried = 500
	startsTried  = 64
)

// shortest returns the edges of g on a short cycle of the knot: if there is one with a
// single edge that says that what was read is overwritten, a shortest of those.
func (x *instantGraph) shortest(knot []int32) []int32 {
	s := x.searchIn(knot)
	var best []int32
	tried := 0
	for _, p := range knot {
		for i := x.from[p]; i < x.from[p+1] && tried < singlesTried; i++ {
			if q := x.to[i]; s.in[q] && x.why[i] >= 0 && x.g.edges[x.why[i]].kind == dependsRW {
				tried++
				if way := s.way(q, p, true); way != nil && (best == nil || len(way)+1 < len(best)) {
					best = append([]int32{i}, way...)
				}
			}
		}
	}
	if best == nil {
		for _, p := range knot[:min(len(knot), startsTried)] {
			if way := s.way(p, p, false); best == nil || len(way) < len(best) {
				best = way
			}
		}
	}
	var edges []int32
	for _, i := range best {
		if x.why[i] >= 0 {
			edges = append(edges, x.why[i])
		}
	}
	return edges
}
