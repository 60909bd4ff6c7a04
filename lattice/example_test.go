package lattice_test

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// The last-writer-wins map of the paper's Figure 4, composed from merges over
// plain Go types.
func Example() {
	type lww = lattice.Pair[uint32, string]
	m := lattice.MapOf[string](lattice.DominatingPairOf(lattice.Max[uint32](), lattice.Max[string]()))

	store := map[string]lww{"x": {1, "old"}}
	fmt.Println(m.MergeIn(&store, map[string]lww{"x": {2, "new"}, "y": {1, "first"}}))
	fmt.Println(store["x"].Second, store["y"].Second)
	fmt.Println(m.MergeIn(&store, map[string]lww{"x": {1, "late"}}))
	// Two writers with one timestamp: the greater value wins at every replica.
	fmt.Println(m.MergeIn(&store, map[string]lww{"x": {2, "other"}}), store["x"].Second)
	// Output:
	// true
	// new first
	// false
	// true other
}

func ExampleMax() {
	v := 3
	m := lattice.Max[int]()
	fmt.Println(m.MergeIn(&v, 5), v, m.MergeIn(&v, 4), v)
	// Output: true 5 false 5
}

func ExampleMaxFrom() {
	m := lattice.MaxFrom(100)
	fmt.Println(lattice.CapsOf(m).Bottom(), lattice.Join(m, 100, 120))
	// Output: 100 120
}

func ExampleMin() {
	m := lattice.Min[uint8]()
	fmt.Println(lattice.Join(m, 4, 2), lattice.CapsOf(m).Bottom(), lattice.CapsOf(m).Top())
	// Output: 2 255 0
}

func ExampleOr() {
	m := lattice.Or()
	fmt.Println(lattice.Join(m, false, true), m.Compare(false, true))
	// Output: true Less
}

func ExampleSetOf() {
	m := lattice.SetOf[string]()
	a := map[string]struct{}{"x": {}}
	b := map[string]struct{}{"y": {}}
	fmt.Println(m.Compare(a, b), len(lattice.Join(m, a, b)))
	// Output: Incomparable 2
}

func ExampleIntersectOf() {
	m := lattice.IntersectOf[int]()
	a := map[int]struct{}{1: {}, 2: {}}
	fmt.Println(m.MergeIn(&a, map[int]struct{}{2: {}, 3: {}}), a)
	// Output: true map[2:{}]
}

func ExampleOrderedSetOf() {
	m := lattice.OrderedSetOf[int]()
	a := []int{1, 4}
	fmt.Println(m.MergeIn(&a, []int{2, 4, 9}), a)
	// Output: true [1 2 4 9]
}

func ExampleOrderedIntersectOf() {
	m := lattice.OrderedIntersectOf[int]()
	a := []int{1, 4, 7}
	fmt.Println(m.MergeIn(&a, []int{4, 7, 9}), a)
	// Output: true [4 7]
}

func ExampleMapOf() {
	m := lattice.MapOf[string](lattice.Max[int]())
	a := map[string]int{"x": 1, "y": 5}
	fmt.Println(m.MergeIn(&a, map[string]int{"x": 3, "y": 2}), a)
	// Output: true map[x:3 y:5]
}

func ExampleOrderedMapOf() {
	m := lattice.OrderedMapOf[string](lattice.Max[int]())
	a := []lattice.Entry[string, int]{{Key: "a", Val: 1}, {Key: "c", Val: 1}}
	fmt.Println(m.MergeIn(&a, []lattice.Entry[string, int]{{Key: "b", Val: 2}, {Key: "c", Val: 2}}), a)
	// Output: true [{a 1} {b 2} {c 2}]
}

func ExamplePairOf() {
	m := lattice.PairOf(lattice.Max[int](), lattice.Min[int]())
	fmt.Println(lattice.Join(m, lattice.Pair[int, int]{First: 1, Second: 1}, lattice.Pair[int, int]{First: 2, Second: 2}))
	// Output: {2 1}
}

func ExampleDominatingPairOf() {
	m := lattice.DominatingPairOf(lattice.Max[int](), lattice.SetOf[string]())
	type versioned = lattice.Pair[int, map[string]struct{}]
	old := versioned{First: 1, Second: map[string]struct{}{"a": {}, "b": {}}}
	fmt.Println(lattice.Join(m, old, versioned{First: 2, Second: map[string]struct{}{"c": {}}}))
	// Output: {2 map[c:{}]}
}
