package causal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
)

// op is an operation of any of the types; what it means is the type's affair.
type op struct {
	kind string // "add", "remove", "clear", …
	key  string
	val  string
	n    int64
	at   causal.Stamp
}

// event is an operation that happened, with all those that its origin knew of.
type event struct {
	op
	id   int
	past map[int]bool
}

// sees reports whether e happened with knowledge of f.
func (e event) sees(f event) bool { return e.past[f.id] }

// events is what a replica knows of.
type events []event

// where lists the events that are in.
func (es events) where(in func(event) bool) events {
	var out events
	for _, e := range es {
		if in(e) {
			out = append(out, e)
		}
	}
	return out
}

// maximal lists the events that no other of es has seen.
func (es events) maximal() events {
	return es.where(func(e event) bool { return !es.seenBy(e, func(event) bool { return true }) })
}

// seenBy reports whether some event of es that is in has seen e.
func (es events) seenBy(e event, in func(event) bool) bool {
	return slices.ContainsFunc(es, func(f event) bool { return in(f) && f.sees(e) })
}

func kind(names ...string) func(event) bool {
	return func(e event) bool { return slices.Contains(names, e.kind) }
}

// denotation says what the states of a type mean: the oracle computes from the
// events alone, by looking at every pair of them, what value reads from the state.
type denotation[T any] struct {
	merge  lattice.Merge[T]
	ops    []op
	mutate func(rt *rapid.T, s T, dot causal.Dot, o op) (T, error)
	value  func(rt *rapid.T, s T) any
	oracle func(known events) any
	// compatible may be nil.
	compatible func(a, b T) bool
}

// run is a history over three replicas that merge at random.
type run[T any] struct {
	denotation[T]
	rt     *rapid.T
	states [3]T
	known  [3]map[int]bool
	clocks [3]causal.Hybrid
	seqs   [3]uint64
	happen events
	deltas []T
}

// Law: the value of a state is that of the events it has seen, whichever way they
// came: as deltas, as states, or as differences, coded or not.
func denotes[T any](t *testing.T, name string, d denotation[T]) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			r := &run[T]{denotation: d, rt: rt}
			for i := range r.states {
				r.states[i] = lattice.CapsOf(d.merge).Bottom()
				r.known[i] = map[int]bool{}
			}
			for range rapid.IntRange(1, 14).Draw(rt, "steps") {
				if i := rapid.IntRange(0, 2).Draw(rt, "replica"); rapid.Bool().Draw(rt, "operate") {
					r.operate(i)
				} else {
					r.receive(i, rapid.IntRange(0, 2).Draw(rt, "from"))
				}
			}
			r.settle()
		})
	})
}

func (r *run[T]) operate(i int) {
	o := rapid.SampledFrom(r.ops).Draw(r.rt, "op")
	var err error
	r.clocks[i], err = r.clocks[i].Now(rapid.Uint64Range(0, 2).Draw(r.rt, "wall"))
	require.NoError(r.rt, err)
	o.at = causal.Stamp{Time: r.clocks[i], Origin: uint64(i)}
	r.seqs[i]++
	before := fmt.Sprint(r.states[i])
	delta, err := r.mutate(r.rt, r.states[i], causal.Dot{Origin: uint64(i), Seq: r.seqs[i]}, o)
	require.NoError(r.rt, err)
	require.Equal(r.rt, before, fmt.Sprint(r.states[i]), "a mutator changed the state")
	r.deltas = append(r.deltas, r.merge.Clone(delta))

	past := r.merge.Clone(r.states[i])
	r.merge.MergeIn(&r.states[i], delta)
	if !r.merge.Compare(past, r.states[i]).Leq() || !r.merge.Compare(delta, r.states[i]).Leq() {
		r.rt.Fatalf("%+v does not inflate: from %v to %v", o, past, r.states[i])
	}
	r.happen = append(r.happen, event{o, len(r.happen), cloneSet(r.known[i])})
	r.known[i][len(r.happen)-1] = true
	r.check(i)
}

func cloneSet(s map[int]bool) map[int]bool {
	c := make(map[int]bool, len(s))
	for k := range s {
		c[k] = true
	}
	return c
}

func (r *run[T]) receive(i, from int) {
	v := r.states[from]
	switch rapid.IntRange(0, 2).Draw(r.rt, "as") {
	case 1:
		v = lattice.CapsOf(r.merge).Diff(r.states[i], v)
	case 2:
		var err error
		v, err = lattice.Decode(r.merge, lattice.Encode(r.merge, v))
		require.NoError(r.rt, err)
	}
	r.merge.MergeIn(&r.states[i], v)
	for id := range r.known[from] {
		r.known[i][id] = true
	}
	clock, err := r.clocks[i].Update(r.clocks[from], 0)
	require.NoError(r.rt, err)
	r.clocks[i] = clock
	r.check(i)
}

func (r *run[T]) check(i int) {
	known := r.happen.where(func(e event) bool { return r.known[i][e.id] })
	if got, want := fmt.Sprint(r.value(r.rt, r.states[i])), fmt.Sprint(r.oracle(known)); got != want {
		r.rt.Fatalf("replica %d knows %+v and shows %s, want %s; its state is %+v", i, known, got, want, r.states[i])
	}
}

// settle delivers every delta at least once, in any order and in batches: that
// must give the join of the states. Then all are compatible.
func (r *run[T]) settle() {
	all := lattice.CapsOf(r.merge).Bottom()
	for _, s := range r.states {
		r.merge.MergeIn(&all, s)
	}
	late, batch := lattice.CapsOf(r.merge).Bottom(), lattice.CapsOf(r.merge).Bottom()
	order := rapid.Permutation(append(slices.Clone(r.deltas), r.deltas...)).Draw(r.rt, "order")
	for _, d := range order {
		r.merge.MergeIn(&batch, d)
		if rapid.Bool().Draw(r.rt, "send") {
			r.merge.MergeIn(&late, batch)
			batch = lattice.CapsOf(r.merge).Bottom()
		}
	}
	r.merge.MergeIn(&late, batch)
	if r.merge.Compare(all, late) != lattice.Equal {
		r.rt.Fatalf("the states join to %v, the deltas to %v", all, late)
	}
	if got, want := fmt.Sprint(r.value(r.rt, all)), fmt.Sprint(r.oracle(r.happen)); got != want {
		r.rt.Fatalf("after everything: %s, want %s", got, want)
	}
	for _, s := range r.states {
		if r.compatible != nil && !r.compatible(s, r.states[0]) {
			r.rt.Fatalf("states of one run are not compatible: %v and %v", s, r.states[0])
		}
	}
}

func TestFlagsDenoteTheirEvents(t *testing.T) {
	ops := []op{{kind: "enable"}, {kind: "disable"}}
	denotes(t, "EWFlag", denotation[causal.EWFlag]{
		merge: causal.EWFlagMerge(), ops: ops, compatible: causal.EWFlag.Compatible,
		mutate: func(_ *rapid.T, s causal.EWFlag, d causal.Dot, o op) (causal.EWFlag, error) {
			if o.kind == "enable" {
				return s.Enable(d)
			}
			return s.Disable(), nil
		},
		value: func(_ *rapid.T, s causal.EWFlag) any { return s.Enabled() },
		oracle: func(known events) any {
			return len(known.where(func(e event) bool { return e.kind == "enable" && !known.seenBy(e, kind("disable")) })) > 0
		},
	})
	denotes(t, "DWFlag", denotation[causal.DWFlag]{
		merge: causal.DWFlagMerge(), ops: ops, compatible: causal.DWFlag.Compatible,
		mutate: func(_ *rapid.T, s causal.DWFlag, d causal.Dot, o op) (causal.DWFlag, error) {
			if o.kind == "enable" {
				return s.Enable(d)
			}
			return s.Disable(d)
		},
		value: func(_ *rapid.T, s causal.DWFlag) any { return s.Enabled() },
		oracle: func(known events) any {
			last := known.maximal()
			return len(last) > 0 && len(last.where(kind("disable"))) == 0
		},
	})
}

// keysWhere lists the different keys of events, ascending.
func keysWhere(es events, in func(key string) bool) []string {
	keys := []string{}
	for _, e := range es {
		if e.key != "" && in(e.key) {
			keys = append(keys, e.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func about(key string) func(event) bool { return func(e event) bool { return e.key == key } }

func TestSetsDenoteTheirEvents(t *testing.T) {
	ops := []op{{kind: "add", key: "a"}, {kind: "add", key: "b"}, {kind: "remove", key: "a"}, {kind: "remove", key: "b"}}
	denotes(t, "AWSet", denotation[causal.AWSet[string]]{
		merge: causal.AWSetOf[string](), ops: append(ops, op{kind: "clear"}), compatible: causal.AWSet[string].Compatible,
		mutate: func(_ *rapid.T, s causal.AWSet[string], d causal.Dot, o op) (causal.AWSet[string], error) {
			switch o.kind {
			case "add":
				return s.Add(d, o.key)
			case "remove":
				return s.Remove(o.key), nil
			}
			return s.Clear(), nil
		},
		value:  func(_ *rapid.T, s causal.AWSet[string]) any { return s.Elements() },
		oracle: func(known events) any { return keysWhere(known, addWins(known)) },
	})
	denotes(t, "RWSet", denotation[causal.RWSet[string]]{
		merge: causal.RWSetOf[string](), ops: ops, compatible: causal.RWSet[string].Compatible,
		mutate: func(_ *rapid.T, s causal.RWSet[string], d causal.Dot, o op) (causal.RWSet[string], error) {
			if o.kind == "add" {
				return s.Add(d, o.key)
			}
			return s.Remove(d, o.key)
		},
		value: func(_ *rapid.T, s causal.RWSet[string]) any { return s.Elements() },
		oracle: func(known events) any {
			return keysWhere(known, func(key string) bool {
				last := known.where(about(key)).maximal()
				return len(last.where(kind("remove"))) == 0
			})
		},
	})
}

// addWins says of a key whether some addition of it was seen by no removal.
func addWins(known events) func(key string) bool {
	return func(key string) bool {
		removal := func(f event) bool { return f.kind == "clear" || f.kind == "remove" && f.key == key }
		return slices.ContainsFunc(known, func(e event) bool {
			return e.kind == "add" && e.key == key && !known.seenBy(e, removal)
		})
	}
}

func TestRegistersDenoteTheirEvents(t *testing.T) {
	denotes(t, "MVRegister", denotation[causal.MVRegister[string]]{
		merge: causal.MVRegisterOf[string](), compatible: causal.MVRegister[string].Compatible,
		ops: []op{{kind: "write", val: "x"}, {kind: "write", val: "y"}, {kind: "clear"}},
		mutate: func(_ *rapid.T, s causal.MVRegister[string], d causal.Dot, o op) (causal.MVRegister[string], error) {
			if o.kind == "write" {
				return s.Write(d, o.val)
			}
			return s.Clear(), nil
		},
		value: func(rt *rapid.T, s causal.MVRegister[string]) any {
			for _, sibling := range s.Siblings() {
				require.Equal(rt, s.Store[sibling.Dot], sibling.Val)
			}
			require.Len(rt, s.Siblings(), len(s.Store))
			return s.Values()
		},
		oracle: func(known events) any {
			values := []string{}
			for _, e := range known.maximal() {
				if e.kind == "write" {
					values = append(values, e.val)
				}
			}
			slices.Sort(values)
			return slices.Compact(values)
		},
	})
	denotes(t, "LWWMap", denotation[causal.LWWMap[string, string]]{
		merge: causal.LWWMapOf[string, string](), compatible: causal.LWWMap[string, string].Compatible,
		ops: []op{{kind: "put", key: "a", val: "x"}, {kind: "put", key: "a", val: "y"}, {kind: "put", key: "b", val: "x"}, {kind: "remove", key: "a"}},
		mutate: func(_ *rapid.T, s causal.LWWMap[string, string], _ causal.Dot, o op) (causal.LWWMap[string, string], error) {
			if o.kind == "put" {
				return s.Put(o.at, o.key, o.val)
			}
			return s.Remove(o.at, o.key)
		},
		value: func(_ *rapid.T, s causal.LWWMap[string, string]) any {
			values := map[string]string{}
			for _, k := range s.Keys() {
				values[k], _ = s.Get(k)
			}
			return values
		},
		oracle: func(known events) any {
			values := map[string]string{}
			for _, key := range keysWhere(known, func(string) bool { return true }) {
				last := slices.MaxFunc(known.where(about(key)), func(e, f event) int { return e.at.Compare(f.at) })
				if known.where(about(key)).seenBy(last, func(event) bool { return true }) {
					return "a write that was seen has won over one that saw it"
				}
				if last.kind == "put" {
					values[key] = last.val
				}
			}
			return values
		},
	})
}

func TestCountersDenoteTheirEvents(t *testing.T) {
	add := []op{{kind: "add", n: 1}, {kind: "add", n: 5}, {kind: "add", n: 0}}
	sum := func(es events) any {
		n := int64(0)
		for _, e := range es {
			n += e.n
		}
		return n
	}
	denotes(t, "GCounter", denotation[causal.GCounter]{
		merge: causal.GCounterMerge(), ops: add, oracle: sum,
		mutate: func(_ *rapid.T, s causal.GCounter, d causal.Dot, o op) (causal.GCounter, error) {
			return s.Increment(d.Origin, uint64(o.n))
		},
		value: func(rt *rapid.T, s causal.GCounter) any { return read(rt, s.Value) },
	})
	signed := append(add, op{kind: "add", n: -3})
	denotes(t, "PNCounter", denotation[causal.PNCounter]{
		merge: causal.PNCounterMerge(), ops: signed, oracle: sum,
		mutate: func(_ *rapid.T, s causal.PNCounter, d causal.Dot, o op) (causal.PNCounter, error) {
			return s.Add(d.Origin, o.n)
		},
		value: func(rt *rapid.T, s causal.PNCounter) any { return read(rt, s.Value) },
	})
	denotes(t, "Counter", denotation[causal.Counter]{
		merge: causal.CounterMerge(), ops: append(signed, op{kind: "reset"}), compatible: causal.Counter.Compatible,
		mutate: func(_ *rapid.T, s causal.Counter, d causal.Dot, o op) (causal.Counter, error) {
			if o.kind == "add" {
				return s.Add(d, o.n)
			}
			return s.Reset(), nil
		},
		value: func(rt *rapid.T, s causal.Counter) any { return read(rt, s.Value) },
		oracle: func(known events) any {
			return sum(known.where(func(e event) bool { return !known.seenBy(e, kind("reset")) }))
		},
	})
	denotes(t, "Counter folded", denotation[causal.Counter]{
		merge: causal.CounterMerge(), ops: append(signed, op{kind: "fold"}), compatible: causal.Counter.Compatible, oracle: sum,
		mutate: func(_ *rapid.T, s causal.Counter, d causal.Dot, o op) (causal.Counter, error) {
			if o.kind == "add" {
				return s.Add(d, o.n)
			}
			return s.Fold(d)
		},
		value: func(rt *rapid.T, s causal.Counter) any { return read(rt, s.Value) },
	})
}

func read[N any](rt *rapid.T, value func() (N, error)) N {
	n, err := value()
	require.NoError(rt, err)
	return n
}

// A map of add-wins sets: removing a key resets the set under it, and what the
// remover has not seen survives alone.
func TestMapsOfSetsDenoteTheirEvents(t *testing.T) {
	type tags = map[string]causal.Dots
	m := causal.ORMapOf[string](causal.DotMapOf[string](causal.DotSet()))
	denotes(t, "ORMap of AWSet", denotation[causal.ORMap[string, tags]]{
		merge: m, compatible: m.Compatible,
		ops: []op{
			{kind: "tag", key: "a", val: "x"}, {kind: "tag", key: "a", val: "y"}, {kind: "tag", key: "b", val: "x"},
			{kind: "untag", key: "a", val: "x"}, {kind: "remove", key: "a"}, {kind: "clear"},
		},
		mutate: func(_ *rapid.T, s causal.ORMap[string, tags], d causal.Dot, o op) (causal.ORMap[string, tags], error) {
			switch o.kind {
			case "remove":
				return m.Remove(s, o.key), nil
			case "clear":
				return m.Clear(s), nil
			}
			return m.Update(s, o.key, func(at causal.Causal[tags]) (causal.Causal[tags], error) {
				set := causal.AWSet[string](at)
				if o.kind == "untag" {
					return causal.Causal[tags](set.Remove(o.val)), nil
				}
				delta, err := set.Add(d, o.val)
				return causal.Causal[tags](delta), err
			})
		},
		value: func(_ *rapid.T, s causal.ORMap[string, tags]) any {
			shown := map[string][]string{}
			for _, k := range s.Keys() {
				shown[k] = causal.AWSet[string](s.At(k)).Elements()
			}
			return shown
		},
		oracle: func(known events) any {
			shown := map[string][]string{}
			for _, e := range known {
				gone := func(f event) bool {
					return f.kind == "clear" || f.key == e.key && (f.kind == "remove" || f.kind == "untag" && f.val == e.val)
				}
				if e.kind == "tag" && !known.seenBy(e, gone) && !slices.Contains(shown[e.key], e.val) {
					shown[e.key] = append(shown[e.key], e.val)
					slices.Sort(shown[e.key])
				}
			}
			return shown
		},
	})
}

func TestMapsOfCountersDenoteTheirEvents(t *testing.T) {
	m := causal.ORMapOf[string](causal.CounterStore())
	type state = causal.ORMap[string, map[causal.Dot]int64]
	denotes(t, "ORMap of Counter", denotation[state]{
		merge: m, compatible: m.Compatible,
		ops: []op{{kind: "add", key: "a", n: 1}, {kind: "add", key: "a", n: 4}, {kind: "add", key: "b", n: -2}, {kind: "remove", key: "a"}},
		mutate: func(_ *rapid.T, s state, d causal.Dot, o op) (state, error) {
			if o.kind == "remove" {
				return m.Remove(s, o.key), nil
			}
			return m.Update(s, o.key, func(at causal.Causal[map[causal.Dot]int64]) (causal.Causal[map[causal.Dot]int64], error) {
				delta, err := causal.Counter(at).Add(d, o.n)
				return causal.Causal[map[causal.Dot]int64](delta), err
			})
		},
		value: func(rt *rapid.T, s state) any {
			shown := map[string]int64{}
			for _, k := range s.Keys() {
				shown[k] = read(rt, causal.Counter(s.At(k)).Value)
			}
			return shown
		},
		oracle: func(known events) any {
			shown := map[string]int64{}
			for _, e := range known {
				if e.kind == "add" && !known.where(about(e.key)).seenBy(e, kind("remove")) {
					shown[e.key] += e.n
				}
			}
			return shown
		},
	})
}
