package flow_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
	"github.com/joinery-go/joinery/laws"
)

// The classes of Table 1, found by package laws, and what Verify makes of them: a
// morphism may stand on deltas and states, a monotone function that is none on states
// alone, any other behind a seal.
func Example_table1() {
	type set = map[string]struct{}
	sets, numbers := lattice.SetOf[string](), lattice.Max[uint]()
	source := gen.For(sets, gen.SubsetOf("x", "y", "z"))
	for _, row := range []struct {
		name string
		f    func(set) uint
	}{
		{"is not empty", func(s set) uint { return uint(min(1, len(s))) }},
		{"size", func(s set) uint { return uint(len(s)) }},
		{"how many are missing", func(s set) uint { return uint(3 - len(s)) }},
	} {
		f := lattice.Function[set, uint]{F: row.f, From: sets, To: numbers}
		c := laws.Classify(f, source, laws.RunOptions{Seed: 1, Cases: 200})
		claim := flow.Checked(c.Evidence())

		onDeltas, onStates, sealed := flow.New("", flow.Options{}), flow.New("", flow.Options{}), flow.New("", flow.Options{})
		values := []set{{"x": {}}, {"y": {}}}
		deltas := func(g *flow.Graph) flow.Delta[set] { return flow.Batch(flow.FromSlice(g, values), sets, 2) }
		flow.Fold(flow.Map(deltas(onDeltas), row.f, claim), numbers)
		flow.MapState(flow.Fold(deltas(onStates), sets), f, claim)
		flow.MapState(flow.Seal(flow.Fold(deltas(sealed), sets)), f, claim)
		accepts := func(g *flow.Graph) bool { return flow.Verify(g).Err() == nil }
		fmt.Printf("%s: %v\n    on deltas %v, on states %v, sealed %v\n",
			row.name, claim.Class, accepts(onDeltas), accepts(onStates), accepts(sealed))
	}
	// Output:
	// is not empty: morphism
	//     on deltas true, on states true, sealed true
	// size: monotone tricky
	//     on deltas false, on states true, sealed true
	// how many are missing: non-monotone
	//     on deltas false, on states false, sealed true
}

func size(s map[string]struct{}) uint { return uint(len(s)) }

// A claim that rests on a check, beside one that rests on nothing: both graphs may run,
// and Verify tells them apart.
func ExampleChecked() {
	sets, numbers := lattice.SetOf[string](), lattice.Max[uint]()
	f := lattice.Function[map[string]struct{}, uint]{F: size, From: sets, To: numbers}
	found := laws.Classify(f, gen.For(sets, gen.SubsetOf("x", "y", "z")), laws.RunOptions{Seed: 1, Cases: 200})
	for _, claim := range []flow.Claim{flow.Checked(found.Evidence()), flow.Monotone(flow.BySample(200))} {
		g := flow.New("", flow.Options{})
		flow.MapState(flow.Const(g, map[string]struct{}{"x": {}}, sets), f, claim)
		fmt.Print(flow.Verify(g))
	}
	// Output:
	// edge                   carries      class            evidence
	// const#0 → map-state#1  final state  monotone tricky  sampled(200) of flow_test.size
	// edge                   carries      class            evidence
	// const#0 → map-state#1  final state  monotone tricky  assumed, though stated as sampled(200)
}

type (
	stamped = lattice.Pair[uint64, string]
	store   = map[string]stamped
)

// lww is the merge of Figure 4: last writer wins, key by key.
func lww() lattice.Merge[store] {
	return lattice.MapOf[string](lattice.DominatingPairOf(lattice.Max[uint64](), lattice.Max[string]()))
}

func put(key string, at uint64, value string) store { return store{key: {First: at, Second: value}} }

// The last-writer-wins store of Figure 4 behind a pipeline: whatever comes of a fold
// of puts is the same in every order.
func Example_figure4() {
	puts := []store{put("x", 2, "new"), put("x", 1, "old"), put("y", 1, "only"), put("x", 2, "new")}
	for range 2 {
		g := flow.New("store", flow.Options{})
		s := flow.Fold(flow.FromSlice(g, puts), lww())
		check(start(g).Run(context.Background()))
		v, _ := flow.Read(s)
		fmt.Println(v["x"].Second, v["y"].Second)
		slices.Reverse(puts)
	}
	// Output:
	// new only
	// new only
}

// A replica of a key-value store as a pipeline: puts of clients and what other
// replicas send are deltas of one state, and a read is a subscription to it, which may
// begin at any time, and goes on as long as the client likes. What the replica sends
// on is what its state has gained.
func Example_replica() {
	g := flow.New("replica", flow.Options{})
	clients, puts := flow.NewInput[store](g, 10)
	peers, gossip := flow.NewInput[store](g, 10)
	state := flow.Fold(flow.Union(puts, gossip), lww())
	sent := flow.Collect(flow.Changes(state))
	s := start(g)
	settle := func() {
		_, err := s.Settle(context.Background())
		check(err)
	}

	check(clients.Push(put("x", 1, "a")))
	settle()
	read, err := flow.Subscribe(state, func(v store) { fmt.Println("reader sees", v["x"].Second) })
	check(err)
	check(peers.Push(put("x", 3, "c")))
	settle()
	check(peers.Push(put("x", 2, "b"))) // late: it changes nothing
	settle()
	read.Cancel()
	check(clients.Push(put("x", 4, "d")))
	settle()
	for _, delta := range sent.Take() {
		for _, key := range slices.Sorted(maps.Keys(delta)) {
			fmt.Println("sends", key, delta[key].Second)
		}
	}
	// Output:
	// reader sees a
	// reader sees c
	// sends x a
	// sends x c
	// sends x d
}

// A function of two lattices that is a morphism in each argument can be computed from
// deltas: each new element of one side meets what the other side has. For the product
// of sets by key this is the symmetric hash join.
func Example_symmetricHashJoin() {
	type row = lattice.Pair[string, string]
	g := flow.New("join", flow.Options{Batch: 1})
	cities := flow.FromSlice(g, []row{{First: "ann", Second: "Oslo"}, {First: "bob", Second: "Rome"}, {First: "ann", Second: "Oslo"}})
	pets := flow.FromSlice(g, []row{{First: "ann", Second: "cat"}, {First: "ann", Second: "dog"}})
	out := flow.Collect(flow.HashJoin(cities, pets, func(name, city, pet string) string { return name + " " + city + " " + pet }))
	check(start(g).Run(context.Background()))
	for _, row := range out.Take() {
		fmt.Println(row)
	}
	// Output:
	// ann Oslo cat
	// ann Oslo dog
}

// Two graphs that a channel joins, each with a scheduler of its own. They may run on
// two goroutines, or, as here, in turn: the outcome is the same.
func ExampleChannel() {
	parse, count := flow.New("parse", flow.Options{}), flow.New("count", flow.Options{})
	ch := flow.NewChannel[int]("numbers", 100)
	flow.Send(flow.Map(flow.FromSlice(parse, []string{"3", "41", "5"}), func(s string) int {
		var v int
		_, err := fmt.Sscan(s, &v)
		check(err)
		return v
	}), ch)
	best := flow.Fold(flow.Receive(count, ch), lattice.Max[int]())
	first, second := start(parse), start(count)
	check(first.Run(context.Background()))
	check(second.Run(context.Background()))
	fmt.Println(flow.Read(best))
	// Output: 41 true
}

// A state of one machine at another, over links that lose and repeat packets.
func ExamplePublish() {
	near, far := flow.New("near", flow.Options{}), flow.New("far", flow.Options{})
	outbox := flow.Publish(flow.Const(near, 7, lattice.Max[int]()), 1)
	inbox, copied := flow.Subscribed(far, lattice.Max[int](), 1024)
	packet, _ := outbox.Packet() // lost; it is pending still
	fmt.Println(len(packet) > 0, outbox.Pending())
	packet, _ = outbox.Packet()
	for range 2 { // delivered twice
		ack, err := inbox.Deliver(packet)
		check(err)
		check(outbox.Acknowledge(ack))
	}
	check(start(far).Run(context.Background()))
	v, _ := flow.Read(copied)
	fmt.Println(outbox.Pending(), v, flow.Complete(copied))
	// Output:
	// true true
	// false 7 true
}

// Graphs draw themselves, for Mermaid and for Graphviz.
func ExampleMermaid() {
	g, _ := leaderboard(true)
	fmt.Print(flow.Mermaid(g))
	// Output:
	// flowchart LR
	//   subgraph g0["leaderboard"]
	//     g0n0(["slice games"])
	//     g0n1[("fold best")]
	//     g0n2{{"seal"}}
	//     g0n3["map-state top two"]
	//   end
	//   g0n0 -->|"map[string]int"| g0n1
	//   g0n1 ==>|"map[string]int"| g0n2
	//   g0n2 ==>|"map[string]int"| g0n3
}

func ExampleDOT() {
	g, _ := leaderboard(true)
	fmt.Print(flow.DOT(g))
	// Output:
	// digraph flow {
	//   rankdir=LR;
	//   node [shape=box];
	//   subgraph cluster_0 {
	//     label="leaderboard";
	//     g0n0 [label="slice games" shape=oval];
	//     g0n1 [label="fold best" shape=cylinder];
	//     g0n2 [label="seal" shape=hexagon];
	//     g0n3 [label="map-state top two"];
	//   }
	//   g0n0 -> g0n1 [label="map[string]int"];
	//   g0n1 -> g0n2 [label="map[string]int" penwidth=2];
	//   g0n2 -> g0n3 [label="map[string]int" penwidth=2];
	// }
}

// A pipeline as an ordinary iterator: the graph runs as far as the loop asks.
func ExampleOutput_All() {
	g := flow.New("squares", flow.Options{Batch: 2})
	natural := func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
			continue
		}
	}
	out := flow.Collect(flow.Map(flow.FromSeq(g, natural), func(v int) int { return v * v }))
	s := start(g)
	defer s.Close()
	for v, err := range out.All(context.Background()) {
		check(err)
		if v > 20 {
			break
		}
		fmt.Print(v, " ")
	}
	// Output: 0 1 4 9 16
}
