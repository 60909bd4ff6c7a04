package flow_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

type (
	ints = map[int]struct{}
	link = lattice.Pair[int, int]
)

func setOf(vs ...int) ints {
	s := make(ints)
	for _, v := range vs {
		s[v] = struct{}{}
	}
	return s
}

func sorted(s ints) []int {
	vs := []int{}
	for v := range s {
		vs = append(vs, v)
	}
	slices.Sort(vs)
	return vs
}

// The functions that random graphs are made of, each with parameters k and m.
func affine(k, m int) func(int) int { return func(v int) int { return (v*k + m) % 61 } }
func keeps(k, m int) func(int) bool { return func(v int) bool { return v%(k+2) != m%(k+2) } }
func maybe(k, m int) func(int) (int, bool) {
	return func(v int) (int, bool) { return (v + m) % 61, v%(k+2) != 0 }
}
func several(k, m int) func(int) []int {
	return func(v int) []int {
		var vs []int
		for i := range (v + k) % 4 {
			vs = append(vs, (v+i*m)%61)
		}
		return vs
	}
}
func joined(k, a, b int) int { return (k*13 + a*7 + b*3) % 61 }

// instr is one operator of a random program: its inputs are the wires a and b, its
// outputs the next wires.
type instr struct {
	op   string
	a, b int
	k, m int
	data []int
	g    int // the graph of a source
}

// outputs is how many wires an instruction makes.
func (in instr) outputs() int {
	switch in.op {
	case "tee", "split":
		return 2 + in.k%2
	case "collect", "states":
		return 0
	}
	return 1
}

// plain is the twin: it computes the set that each wire carries, from all input, by
// evaluating all instructions until nothing changes.
func plain(program []instr) []ints {
	var wires []ints
	for _, in := range program {
		for range in.outputs() {
			wires = append(wires, ints{})
		}
	}
	for changed := true; changed; {
		changed = false
		at := 0
		for _, in := range program {
			for i, s := range evaluate(in, wires, at) {
				for v := range s {
					if _, ok := wires[at+i][v]; !ok {
						wires[at+i][v], changed = struct{}{}, true
					}
				}
			}
			at += in.outputs()
		}
	}
	return wires
}

func evaluate(in instr, wires []ints, at int) []ints {
	out := make([]ints, in.outputs())
	for i := range out {
		out[i] = ints{}
	}
	put := func(i, v int) { out[i][v] = struct{}{} }
	switch in.op {
	case "source", "seq", "input", "chunks":
		for _, v := range in.data {
			put(0, v)
		}
	case "union":
		for _, w := range []int{in.a, in.b} {
			for v := range wires[w] {
				put(0, v)
			}
		}
	case "hash-join", "cross":
		for a := range wires[in.a] {
			for b := range wires[in.b] {
				if in.op == "cross" {
					put(0, joined(0, a, b))
				} else if a%5 == b%5 {
					put(0, joined(a%5, a, b))
				}
			}
		}
	case "closure":
		for _, w := range []int{in.a, at} {
			for v := range wires[w] {
				if w == in.a {
					put(0, v)
				} else {
					put(0, affine(in.k, in.m)(v))
				}
			}
		}
	default:
		if in.outputs() == 0 {
			return nil
		}
		for v := range wires[in.a] {
			switch in.op {
			case "map":
				put(0, affine(in.k, in.m)(v))
			case "filter":
				if keeps(in.k, in.m)(v) {
					put(0, v)
				}
			case "filter-map":
				if u, ok := maybe(in.k, in.m)(v); ok {
					put(0, u)
				}
			case "flat-map", "flatten":
				for _, u := range several(in.k, in.m)(v) {
					put(0, u)
				}
			case "tee":
				for i := range out {
					put(i, v)
				}
			case "split":
				put(v*7%len(out), v)
			case "unique", "channel", "debottom":
				put(0, v)
			default:
				panic(in.op)
			}
		}
	}
	return out
}

var unaries = []string{"map", "filter", "filter-map", "flat-map", "flatten", "tee", "split", "unique", "channel", "debottom", "closure"}

// randomProgram draws sources, operators that use each wire once, and sinks.
func randomProgram(rng *rand.Rand, graphs int) []instr {
	var program []instr
	var open []int
	next := 0
	emit := func(in instr) {
		program = append(program, in)
		for range in.outputs() {
			open = append(open, next)
			next++
		}
	}
	take := func() int {
		i := rng.IntN(len(open))
		w := open[i]
		open = slices.Delete(open, i, i+1)
		return w
	}
	for range 1 + rng.IntN(3) {
		data := make([]int, rng.IntN(30))
		for i := range data {
			data[i] = rng.IntN(61)
		}
		emit(instr{op: []string{"source", "seq", "input", "chunks"}[rng.IntN(4)], data: data, g: rng.IntN(graphs)})
	}
	for range rng.IntN(12) {
		k, m := 1+rng.IntN(5), rng.IntN(11)
		if len(open) > 1 && rng.IntN(3) == 0 {
			emit(instr{op: []string{"union", "hash-join", "cross"}[rng.IntN(3)], a: take(), b: take(), k: k, m: m})
			continue
		}
		op := unaries[rng.IntN(len(unaries))]
		if op == "channel" && graphs == 1 {
			op = "unique"
		}
		emit(instr{op: op, a: take(), k: k, m: m, g: rng.IntN(graphs)})
	}
	for len(open) > 0 {
		emit(instr{op: []string{"collect", "states"}[rng.IntN(2)], a: take(), k: rng.IntN(10), m: rng.IntN(61)})
	}
	return program
}

// built is a program as graphs.
type built struct {
	graphs  []*flow.Graph
	feeds   []func() bool // push one more element; false where all are in
	outputs []output
	states  []*states
	rng     *rand.Rand
}

type output struct {
	wire int
	once bool // each element comes once
	out  *flow.Output[int]
}

// build makes graphs of a program; wires of different graphs meet through channels.
func build(t *testing.T, program []instr, graphs int, rng *rand.Rand) *built {
	b := &built{rng: rng}
	for i := range graphs {
		b.graphs = append(b.graphs, flow.New(fmt.Sprint("g", i), flow.Options{Batch: 1 + rng.IntN(9)}))
	}
	var wires []flow.Delta[int]
	var once []bool
	for _, in := range program {
		out, single := b.operator(t, in, wires, once)
		wires = append(wires, out...)
		for range out {
			once = append(once, single)
		}
	}
	return b
}

func (b *built) move(d flow.Delta[int], g *flow.Graph) flow.Delta[int] {
	if d.Graph() == g {
		return d
	}
	ch := flow.NewChannel[int]("c", 1+b.rng.IntN(5))
	flow.Send(d, ch)
	return flow.Receive(g, ch)
}

func (b *built) source(in instr) flow.Delta[int] {
	g := b.graphs[in.g]
	switch in.op {
	case "seq":
		return flow.FromSeq(g, slices.Values(in.data))
	case "chunks":
		return flow.Flatten(flow.FromSeq(g, slices.Chunk(in.data, 7)))
	case "input":
		input, d := flow.NewInput[int](g, 3)
		rest := in.data
		b.feeds = append(b.feeds, func() bool {
			if len(rest) == 0 {
				input.Close()
				return false
			}
			if input.Push(rest[0]) == nil {
				rest = rest[1:]
			}
			return true
		})
		return d
	}
	return flow.FromSlice(g, in.data)
}

func keyed(v int) link { return link{First: v % 5, Second: v} }

// operator adds one instruction; once says of which wires each element comes once.
func (b *built) operator(t *testing.T, in instr, wires []flow.Delta[int], once []bool) (out []flow.Delta[int], single bool) {
	if in.data != nil || in.op == "source" || in.op == "seq" || in.op == "input" || in.op == "chunks" {
		return []flow.Delta[int]{b.source(in)}, false
	}
	a, one := wires[in.a], once[in.a]
	is := func(d flow.Delta[int]) []flow.Delta[int] { return []flow.Delta[int]{d} }
	switch in.op {
	case "map":
		return is(flow.Map(a, affine(in.k, in.m))), false
	case "filter":
		return is(flow.Filter(a, keeps(in.k, in.m))), one
	case "filter-map":
		return is(flow.FilterMap(a, maybe(in.k, in.m))), false
	case "flat-map":
		return is(flow.FlatMap(a, func(v int) iter.Seq[int] { return slices.Values(several(in.k, in.m)(v)) })), false
	case "flatten":
		return is(flow.Flatten(flow.Map(a, several(in.k, in.m)))), false
	case "tee":
		return flow.Tee(a, in.outputs()), one
	case "split":
		return flow.Split(a, in.outputs(), func(v int) uint64 { return uint64(v * 7) }), one
	case "unique":
		return is(flow.Unique(a)), true
	case "debottom":
		return is(flow.Debottom(flow.Map(a, lattice.Some[int]))), one
	case "channel":
		return is(b.move(a, b.graphs[in.g])), one
	case "closure":
		loop, again := flow.NewLoop[int](a.Graph())
		ends := flow.Tee(flow.Unique(flow.Union(again, a)), 2)
		loop.Close(flow.Map(ends[0], affine(in.k, in.m)))
		return is(ends[1]), true
	case "collect":
		b.outputs = append(b.outputs, output{wire: in.a, once: one, out: flow.Collect(a)})
		return nil, false
	case "states":
		b.states = append(b.states, newStates(t, a, in))
		return nil, false
	}
	c := b.move(wires[in.b], a.Graph())
	switch in.op {
	case "union":
		return is(flow.Union(a, c)), false
	case "hash-join":
		return is(flow.HashJoin(flow.Map(a, keyed), flow.Map(c, keyed), joined)), false
	case "cross":
		return is(flow.Cross(a, c, func(a, b int) int { return joined(0, a, b) })), false
	}
	t.Fatal(in.op)
	return nil, false
}

// run starts the graphs and lets chance choose who steps and who is fed, until all
// have finished.
func (b *built) run(t *testing.T) {
	var schedulers []*flow.Scheduler
	for _, g := range b.graphs {
		s, err := flow.Start(g)
		require.NoError(t, err)
		schedulers = append(schedulers, s)
	}
	steps := 0
	for left := len(schedulers); left > 0; steps++ {
		require.Less(t, steps, restless, "the graphs do not come to rest")
		if len(b.feeds) > 0 && b.rng.IntN(2) == 0 {
			if i := b.rng.IntN(len(b.feeds)); !b.feeds[i]() {
				b.feeds = slices.Delete(b.feeds, i, i+1)
			}
		}
		for _, st := range b.states {
			st.disturb(b.rng)
		}
		s := schedulers[b.rng.IntN(len(schedulers))]
		status, err := s.Step()
		require.NoError(t, err)
		if status != flow.Finished {
			continue
		}
		if left = 0; len(b.feeds) > 0 {
			left = 1
		}
		for _, s := range schedulers {
			if status, err := s.Step(); err != nil || status != flow.Finished {
				left = 1
			}
		}
	}
}

func (b *built) check(t *testing.T, wires []ints) {
	for _, o := range b.outputs {
		got := o.out.Take()
		require.Equal(t, sorted(wires[o.wire]), sorted(setOf(got...)))
		if o.once {
			require.Len(t, got, len(wires[o.wire]), "an element came twice")
		}
	}
	for _, s := range b.states {
		s.check(t, wires[s.wire])
	}
}

// TestTwin runs random graphs, on one to three schedulers in random order, with
// random bounds, fed while they run, and subscribed to and canceled at any step:
// every edge carries what naive evaluation of all input gives.
func TestTwin(t *testing.T) {
	runs := 1500
	if testing.Short() {
		runs = 300
	}
	for seed := range runs {
		twin(t, uint64(seed))
	}
}

func twin(t *testing.T, seed uint64) {
	b, program := randomBuilt(t, seed)
	defer func() {
		if t.Failed() {
			t.Logf("seed %d: %+v", seed, program)
		}
	}()
	b.run(t)
	b.check(t, plain(program))
}

func randomBuilt(t *testing.T, seed uint64) (*built, []instr) {
	rng := rand.New(rand.NewPCG(seed, 1))
	graphs := 1 + rng.IntN(3)
	program := randomProgram(rng, graphs)
	return build(t, program, graphs, rng), program
}
