package causal_test

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// must is for examples, whose dots are fresh and whose sums fit.
func must[T any](v T, err error) T {
	if err != nil {
		fmt.Println(err)
	}
	return v
}

func ExampleVersionMerge() {
	m := causal.VersionMerge()
	a, b := causal.Version{1: 3, 2: 1}, causal.Version{1: 2, 3: 1}
	fmt.Println(m.Compare(a, b), lattice.Join(m, a, b))
	// Output: Incomparable map[1:3 2:1 3:1]
}

func ExampleDotsMerge() {
	m := causal.DotsMerge()
	seen := causal.Dots{}
	seen.Add(causal.Dot{Origin: 1, Seq: 1})
	seen.Add(causal.Dot{Origin: 1, Seq: 3})
	fmt.Println(seen, seen.Covers(causal.Version{1: 3}))
	m.MergeIn(&seen, causal.Dots{1: {{Lo: 2, Hi: 2}}})
	fmt.Println(seen, seen.Covers(causal.Version{1: 3}))
	// Output:
	// map[1:[{1 1} {3 3}]] false
	// map[1:[{1 3}]] true
}

func ExampleSpansMerge() {
	m := causal.SpansMerge()
	s := causal.Spans{{Lo: 1, Hi: 4}, {Lo: 9, Hi: 9}}
	m.MergeIn(&s, causal.Spans{{Lo: 5, Hi: 7}})
	fmt.Println(s, s.Contains(8), s.Count())
	// Output: [{1 7} {9 9}] false 8
}

func ExampleEWFlagMerge() {
	m := causal.EWFlagMerge()
	var here causal.EWFlag
	m.MergeIn(&here, must(here.Enable(causal.Dot{Origin: 1, Seq: 1})))
	there := m.Clone(here)
	m.MergeIn(&here, here.Disable())
	m.MergeIn(&there, must(there.Enable(causal.Dot{Origin: 2, Seq: 1})))
	fmt.Println(here.Enabled(), there.Enabled(), lattice.Join(m, here, there).Enabled())
	// Output: false true true
}

func ExampleDWFlagMerge() {
	m := causal.DWFlagMerge()
	var here causal.DWFlag
	m.MergeIn(&here, must(here.Enable(causal.Dot{Origin: 1, Seq: 1})))
	there := m.Clone(here)
	m.MergeIn(&here, must(here.Disable(causal.Dot{Origin: 1, Seq: 2})))
	m.MergeIn(&there, must(there.Enable(causal.Dot{Origin: 2, Seq: 1})))
	fmt.Println(here.Enabled(), there.Enabled(), lattice.Join(m, here, there).Enabled())
	// Output: false true false
}

// A removal takes away what it has seen: the concurrent addition survives.
func ExampleAWSetOf() {
	m := causal.AWSetOf[string]()
	var here causal.AWSet[string]
	m.MergeIn(&here, must(here.Add(causal.Dot{Origin: 1, Seq: 1}, "x")))
	m.MergeIn(&here, must(here.Add(causal.Dot{Origin: 1, Seq: 2}, "y")))
	there := m.Clone(here)
	m.MergeIn(&here, here.Clear())
	m.MergeIn(&there, must(there.Add(causal.Dot{Origin: 2, Seq: 1}, "y")))
	both := lattice.Join(m, here, there)
	fmt.Println(both.Elements(), both.Context)
	// Output: [y] map[1:[{1 2}] 2:[{1 1}]]
}

func ExampleRWSetOf() {
	m := causal.RWSetOf[string]()
	var here causal.RWSet[string]
	m.MergeIn(&here, must(here.Add(causal.Dot{Origin: 1, Seq: 1}, "x")))
	there := m.Clone(here)
	m.MergeIn(&here, must(here.Remove(causal.Dot{Origin: 1, Seq: 2}, "x")))
	m.MergeIn(&there, must(there.Add(causal.Dot{Origin: 2, Seq: 1}, "x")))
	fmt.Println(there.Contains("x"), lattice.Join(m, here, there).Contains("x"))
	// Output: true false
}

func ExampleMVRegisterOf() {
	m := causal.MVRegisterOf[string]()
	var here, there causal.MVRegister[string]
	m.MergeIn(&here, must(here.Write(causal.Dot{Origin: 1, Seq: 1}, "red")))
	m.MergeIn(&there, must(there.Write(causal.Dot{Origin: 2, Seq: 1}, "blue")))
	m.MergeIn(&here, there)
	fmt.Println(here.Siblings())
	m.MergeIn(&here, must(here.Write(causal.Dot{Origin: 1, Seq: 2}, "green")))
	fmt.Println(lattice.Join(m, there, here).Values())
	// Output:
	// [{{1 1} red} {{2 1} blue}]
	// [green]
}

func ExampleCounterMerge() {
	m := causal.CounterMerge()
	var here causal.Counter
	m.MergeIn(&here, must(here.Add(causal.Dot{Origin: 1, Seq: 1}, 5)))
	there := m.Clone(here)
	m.MergeIn(&here, here.Reset())
	m.MergeIn(&there, must(there.Add(causal.Dot{Origin: 2, Seq: 1}, 2)))
	fmt.Println(must(there.Value()), must(lattice.Join(m, here, there).Value()))
	// Output: 7 2
}

func ExampleGCounterMerge() {
	m := causal.GCounterMerge()
	var c causal.GCounter
	m.MergeIn(&c, must(c.Increment(1, 5)))
	m.MergeIn(&c, must(c.Increment(2, 1)))
	late := must(c.Increment(1, 2))
	fmt.Println(m.MergeIn(&c, late), m.MergeIn(&c, late), must(c.Value()))
	// Output: true false 8
}

func ExamplePNCounterMerge() {
	m := causal.PNCounterMerge()
	var c causal.PNCounter
	m.MergeIn(&c, must(c.Add(1, 5)))
	m.MergeIn(&c, must(c.Add(2, -7)))
	fmt.Println(must(c.Value()))
	// Output: -2
}

// Removing a key resets what is under it; the tag that the remover had not seen
// survives, alone.
func ExampleORMapOf() {
	type tags = map[string]causal.Dots
	m := causal.ORMapOf[string](causal.DotMapOf[string](causal.DotSet()))
	tag := func(s causal.ORMap[string, tags], dot causal.Dot, key, tag string) causal.ORMap[string, tags] {
		return must(m.Update(s, key, func(at causal.Causal[tags]) (causal.Causal[tags], error) {
			d, err := causal.AWSet[string](at).Add(dot, tag)
			return causal.Causal[tags](d), err
		}))
	}
	var here causal.ORMap[string, tags]
	m.MergeIn(&here, tag(here, causal.Dot{Origin: 1, Seq: 1}, "photo", "sea"))
	there := m.Clone(here)
	m.MergeIn(&here, m.Remove(here, "photo"))
	m.MergeIn(&there, tag(there, causal.Dot{Origin: 2, Seq: 1}, "photo", "sun"))
	fmt.Println(here.Keys(), causal.AWSet[string](there.At("photo")).Elements())
	m.MergeIn(&here, there)
	fmt.Println(here.Keys(), causal.AWSet[string](here.At("photo")).Elements())
	// Output:
	// [] [sea sun]
	// [photo] [sun]
}

// Any store makes a merge, here dots with sets for payloads.
func ExampleCausalOf() {
	m := causal.CausalOf(causal.DotFunOf(lattice.SetOf[string]()))
	d := causal.Dot{Origin: 1, Seq: 1}
	a := causal.Causal[map[causal.Dot]map[string]struct{}]{
		Store: map[causal.Dot]map[string]struct{}{d: {"x": {}}}, Context: causal.Dots{1: {{Lo: 1, Hi: 1}}},
	}
	gone := causal.Causal[map[causal.Dot]map[string]struct{}]{Context: a.Context}
	fmt.Println(m.Compare(a, gone), lattice.Join(m, a, gone).Store)
	// Output: Less map[]
}

func ExampleDotPairOf() {
	// A record of a flag and a counter under one context.
	m := causal.CausalOf(causal.DotPairOf(causal.DotSet(), causal.CounterStore()))
	type record = lattice.Pair[causal.Dots, map[causal.Dot]int64]
	var s causal.Causal[record]
	flag := must(causal.EWFlag{Store: s.Store.First, Context: s.Context}.Enable(causal.Dot{Origin: 1, Seq: 1}))
	m.MergeIn(&s, causal.Causal[record]{Store: record{First: flag.Store}, Context: flag.Context})
	count := must(causal.Counter{Store: s.Store.Second, Context: s.Context}.Add(causal.Dot{Origin: 1, Seq: 2}, 3))
	m.MergeIn(&s, causal.Causal[record]{Store: record{Second: count.Store}, Context: count.Context})
	fmt.Println(s.Store, s.Context)
	// Output: {map[1:[{1 1}]] map[{1 2}:3]} map[1:[{1 2}]]
}

func ExampleHybridMerge() {
	sent := must(causal.Hybrid{}.Now(100))
	received := must(causal.Hybrid{Wall: 90}.Update(sent, 95))
	fmt.Println(sent, received, causal.HybridMerge().Compare(sent, received))
	// Output: {100 0} {100 1} Less
}

func ExampleLWWOf() {
	m := causal.LWWOf[string]()
	at := func(wall, origin uint64) causal.Stamp {
		return causal.Stamp{Time: causal.Hybrid{Wall: wall}, Origin: origin}
	}
	var r causal.LWW[string]
	m.MergeIn(&r, must(r.Write(at(2, 1), "new")))
	m.MergeIn(&r, must(r.Write(at(1, 2), "late")))
	m.MergeIn(&r, must(r.Write(at(2, 2), "tie")))
	fmt.Println(r.Get())
	// Output: tie true
}

func ExampleLWWMapOf() {
	m := causal.LWWMapOf[string, string]()
	at := func(wall uint64) causal.Stamp { return causal.Stamp{Time: causal.Hybrid{Wall: wall}, Origin: 1} }
	var s causal.LWWMap[string, string]
	m.MergeIn(&s, must(s.Put(at(1), "x", "one")))
	m.MergeIn(&s, must(s.Put(at(2), "y", "two")))
	m.MergeIn(&s, must(s.Remove(at(3), "x")))
	m.MergeIn(&s, must(s.Put(at(2), "x", "late")))
	fmt.Println(s.Keys())
	// Output: [y]
}
