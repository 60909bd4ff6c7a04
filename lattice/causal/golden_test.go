package causal_test

import (
	"flag"
	"testing"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestEncodingsAreKept(t *testing.T) {
	var g lawtest.Golden
	context := causal.Dots{7: {{1, 3}, {5, 300}}, 1: {{2, 2}}}
	lawtest.Encoding(t, &g, "Version", causal.VersionMerge(), causal.Version{9: 1, 2: 300})
	lawtest.Encoding(t, &g, "Spans", causal.SpansMerge(), context[7])
	lawtest.Encoding(t, &g, "Dots", causal.DotsMerge(), context)
	lawtest.Encoding(t, &g, "EWFlag", causal.EWFlagMerge(), causal.EWFlag{Store: causal.Dots{1: {{2, 2}}}, Context: context})
	lawtest.Encoding(t, &g, "DWFlag", causal.DWFlagMerge(), causal.DWFlag{Store: map[causal.Dot]bool{dot(7, 5): true, dot(1, 2): false}, Context: context})
	lawtest.Encoding(t, &g, "AWSet", causal.AWSetOf[string](),
		causal.AWSet[string]{Store: map[string]causal.Dots{"b": {7: {{1, 2}}}, "a": {1: {{2, 2}}}}, Context: context})
	lawtest.Encoding(t, &g, "RWSet", causal.RWSetOf[string](),
		causal.RWSet[string]{Store: map[string]map[causal.Dot]bool{"a": {dot(1, 2): true}}, Context: context})
	lawtest.Encoding(t, &g, "MVRegister", causal.MVRegisterOf[string](),
		causal.MVRegister[string]{Store: map[causal.Dot]string{dot(1, 2): "x", dot(7, 5): "y"}, Context: context})
	lawtest.Encoding(t, &g, "Counter", causal.CounterMerge(), causal.Counter{Store: map[causal.Dot]int64{dot(1, 2): -300}, Context: context})
	lawtest.Encoding(t, &g, "ORMap", lattice.Merge[causal.ORMap[string, map[int]causal.Dots]](causal.ORMapOf[string](causal.DotMapOf[int](causal.DotSet()))),
		causal.ORMap[string, map[int]causal.Dots]{Store: map[string]map[int]causal.Dots{"k": {-1: {1: {{2, 2}}}}}, Context: context})
	lawtest.Encoding(t, &g, "DotPair", causal.CausalOf(causal.DotPairOf(causal.DotSet(), causal.CounterStore())),
		causal.Causal[lattice.Pair[causal.Dots, map[causal.Dot]int64]]{
			Store:   lattice.Pair[causal.Dots, map[causal.Dot]int64]{First: causal.Dots{1: {{2, 2}}}, Second: map[causal.Dot]int64{dot(7, 1): 4}},
			Context: context,
		})
	lawtest.Encoding(t, &g, "GCounter", causal.GCounterMerge(), causal.GCounter{3: 5})
	lawtest.Encoding(t, &g, "PNCounter", causal.PNCounterMerge(), causal.PNCounter{First: causal.Version{3: 5}, Second: causal.Version{4: 1}})
	lawtest.Encoding(t, &g, "Hybrid", causal.HybridMerge(), causal.Hybrid{Wall: 300, Logical: 2})
	at := causal.Stamp{Time: causal.Hybrid{Wall: 300, Logical: 2}, Origin: 4}
	lawtest.Encoding(t, &g, "LWW", causal.LWWOf[string](), causal.LWW[string]{Stamp: at, Val: "x"})
	lawtest.Encoding(t, &g, "LWW unset", causal.LWWOf[string](), causal.LWW[string]{})
	lawtest.Encoding(t, &g, "LWWMap", causal.LWWMapOf[string, int](), causal.LWWMap[string, int]{"k": {Stamp: at, Deleted: true}})
	g.Check(t, *update)
}
