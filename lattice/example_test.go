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

func ExampleAnd() {
	m := lattice.And()
	fmt.Println(lattice.Join(m, true, false), m.Compare(true, false))
	// Output: false Less
}

func ExampleUnit() {
	// A map whose values say nothing is a set.
	m := lattice.MapOf[string](lattice.Unit())
	fmt.Println(lattice.Join(m, map[string]struct{}{"x": {}}, map[string]struct{}{"y": {}}))
	// Output: map[x:{} y:{}]
}

// A configuration that knows its version: the newest one wins, and one that two
// writers based on the same version is withdrawn.
func ExampleLexPairOf() {
	m := lattice.LexPairOf(lattice.SetOf[string](), lattice.WithBottom(lattice.Max[string]()))
	type config = lattice.Pair[map[string]struct{}, lattice.Option[string]]
	base := map[string]struct{}{"v1": {}}
	ann := config{First: lattice.Join(lattice.SetOf[string](), base, map[string]struct{}{"ann": {}}), Second: lattice.Some("blue")}
	bob := config{First: lattice.Join(lattice.SetOf[string](), base, map[string]struct{}{"bob": {}}), Second: lattice.Some("red")}
	fmt.Println(lattice.Join(m, config{First: base, Second: lattice.Some("grey")}, ann).Second)
	fmt.Println(lattice.Join(m, ann, bob).Second)
	// Output:
	// blue
	// ∅
}

func ExampleWithBottom() {
	m := lattice.WithBottom(lattice.Min[string]())
	first := lattice.CapsOf(m).Bottom()
	fmt.Println(first)
	m.MergeIn(&first, lattice.Some("m"))
	m.MergeIn(&first, lattice.Some("c"))
	fmt.Println(first)
	// Output:
	// ∅
	// c
}

func ExampleWithTop() {
	m := lattice.WithTop(lattice.SetOf[int]())
	v := lattice.Some(map[int]struct{}{1: {}})
	fmt.Println(m.MergeIn(&v, lattice.None[map[int]struct{}]()), v)
	fmt.Println(m.MergeIn(&v, lattice.Some(map[int]struct{}{2: {}})), v)
	// Output:
	// true ∅
	// false ∅
}

func ExamplePointOf() {
	m := lattice.PointOf[string]()
	var owner lattice.Point[string]
	m.MergeIn(&owner, lattice.PointAt("ann"))
	m.MergeIn(&owner, lattice.PointAt("ann"))
	fmt.Println(owner)
	m.MergeIn(&owner, lattice.PointAt("bob"))
	fmt.Println(owner)
	// Output:
	// ann
	// ⊤
}

func ExampleSliceOf() {
	m := lattice.SliceOf(lattice.Max[int]())
	v := []int{5, 1}
	fmt.Println(m.MergeIn(&v, []int{2, 3, 4}), v)
	// Output: true [5 3 4]
}

func ExamplePartitionOf() {
	m := lattice.PartitionOf[string]()
	aliases := lattice.Partition[string]{}
	m.MergeIn(&aliases, lattice.Unite("ann", "anna"))
	m.MergeIn(&aliases, lattice.Unite("bob", "robert"))
	m.MergeIn(&aliases, lattice.Unite("anna", "annie"))
	fmt.Println(aliases.Classes(), aliases.Same("annie", "ann"), aliases.Find("robert"))
	// Output: [[ann anna annie] [bob robert]] true bob
}

func ExampleTombstoneSetOf() {
	m := lattice.TombstoneSetOf[string]()
	var s lattice.TombstoneSet[string]
	m.MergeIn(&s, s.Add("x"))
	m.MergeIn(&s, s.Remove("x"))
	fmt.Println(m.MergeIn(&s, s.Add("x")), s.Contains("x"))
	// Output: false false
}

func ExampleTombstoneMapOf() {
	m := lattice.TombstoneMapOf[string](lattice.Max[int]())
	var s lattice.TombstoneMap[string, int]
	m.MergeIn(&s, s.Put("x", 1))
	m.MergeIn(&s, s.Put("x", 3))
	fmt.Println(s.Get("x"))
	m.MergeIn(&s, s.Remove("x"))
	fmt.Println(s.Get("x"))
	// Output:
	// 3 true
	// 0 false
}

func ExampleAs() {
	type Scores map[string]int
	m := lattice.As[Scores](lattice.MapOf[string](lattice.Max[int]()))
	s := Scores{"ann": 3}
	fmt.Println(m.MergeIn(&s, Scores{"ann": 5, "bob": 1}), s)
	// Output: true map[ann:5 bob:1]
}

func ExampleBatchOf() {
	batch := lattice.BatchOf(lattice.OrderedSetOf[string]())
	seen := []string{"b"}
	fmt.Println(batch(&seen, [][]string{{"a", "c"}, {"b", "d"}}), seen)
	fmt.Println(batch(&seen, [][]string{{"a"}, {"d"}}), seen)
	// Output:
	// true [a b c d]
	// false [a b c d]
}
