package zoo

import (
	"maps"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/laws"
)

// updated holds the defects from public issues that show in updates, or in what
// states mean.
func updated() []Entry {
	return []Entry{
		returningElement(), keptReset(), relativeDelta(), overflow(), renumberedDeltas(), idleClock(), flippedTie(),
	}
}

// change is an operation on a collection.
type change struct {
	Key    string
	Remove bool
}

func changes() gen.Gen[change] {
	return func(d *gen.Draw) change {
		return change{Key: gen.OneOf("x", "y")(d), Remove: d.ChooseRare("remove", 2, 333) == 1}
	}
}

// threeSteps is all histories of three steps, as far as they are no more than can
// be tried.
func threeSteps[O any](ops gen.Gen[O]) gen.Universe[gen.Plan[O]] {
	u, _ := gen.Every(gen.Plans(ops, 3), 8_000)
	return u
}

// mutated is the suite of a type's updates and, where ask is given, of what its
// states mean.
func mutated[S, O, V any](name string, m lattice.Merge[S], u gen.Updates[S, O], ask func(S) V, model func([]gen.Event[O]) V) laws.Suite {
	few := threeSteps(u.Ops)
	if ask == nil {
		return laws.NewSuite(name, laws.Updates(m, u), laws.PlanSource(u), few)
	}
	updates := laws.NewSuite(name, laws.Updates(m, u, laws.DenotationChecked()), laws.PlanSource(u), few)
	meaning := laws.NewSuite(name, laws.Denotation(m, u, laws.Query[S, V]{Ask: ask}, model), laws.PlanSource(u), few)
	return laws.Together(name, updates, meaning)
}

// plain is the suite of a type's updates alone.
func plain[S, O any](name string, m lattice.Merge[S], u gen.Updates[S, O]) laws.Suite {
	return mutated[S, O, bool](name, m, u, nil, nil)
}

func returningElement() Entry {
	type state = lattice.TombstoneSet[string]
	m := lattice.TombstoneSetOf[string]()
	u := gen.Updates[state, change]{Start: lattice.CapsOf(m).Bottom, Ops: changes(), Delta: func(s state, _ int, op change) state {
		if op.Remove {
			return s.Remove(op.Key)
		}
		return s.Add(op.Key)
	}}
	// An element is there if it was added and never removed.
	model := func(seen []gen.Event[change]) []string {
		gone := map[string]bool{}
		var in []string
		for _, e := range seen {
			gone[e.Op.Key] = gone[e.Op.Key] || e.Op.Remove
		}
		for _, e := range seen {
			if !gone[e.Op.Key] {
				in = append(in, e.Op.Key)
			}
		}
		slices.Sort(in)
		return slices.Compact(in)
	}
	ask := func(s state) []string {
		return slices.Sorted(maps.Keys(s.Live))
	}
	revive := &altered[state]{of: m, mergeIn: func(t *state, d state) bool {
		grew := m.MergeIn(t, d)
		if t.Live == nil {
			t.Live = map[string]struct{}{}
		}
		for e := range d.Live { //joinery:anyorder elements are revived apart
			if _, dead := t.Dead[e]; dead {
				delete(t.Dead, e)
				t.Live[e] = struct{}{}
				grew = true
			}
		}
		return grew
	}}
	return Entry{ID: "H6", Where: "calimero core #3084, riak_dt #78", Law: "query/denotation",
		Defect: "a live copy counts for as much as the removal that has seen it: a deleted element returns",
		Faulty: mutated[state]("removable set, as published", revive, u, ask, model), Correct: mutated("removable set, correct", m, u, ask, model)}
}

func keptReset() Entry {
	type state = causal.Counter
	m := causal.CounterMerge()
	bottom := lattice.CapsOf(m).Bottom
	reset := func(s state) state { return s.Reset() }
	updates := func(delta func(state) state) gen.Updates[state, int64] {
		change := func(onReset func(state) state) func(state, int, int64) state {
			return func(s state, replica int, n int64) state {
				if n == 0 {
					return onReset(s)
				}
				origin := uint64(replica) + 1
				delta, err := s.Add(causal.Dot{Origin: origin, Seq: s.Context[origin].Max() + 1}, n)
				if err != nil {
					return bottom() // the counter is at the end of its range
				}
				return delta
			}
		}
		return gen.Updates[state, int64]{
			Start: bottom, Ops: gen.Int[int64](0, 2), Delta: change(delta),
			Apply: func(s state, replica int, n int64) state {
				return lattice.Join(m, s, change(reset)(s, replica, n))
			},
		}
	}
	// What is removed takes effect with the next addition only.
	deferred := func(state) state { return bottom() }
	return Entry{ID: "H8", Where: "riak_dt #92, #113", Law: "updates/delta",
		Defect: "a removal that no addition follows is not sent: others keep the old value",
		Faulty: plain("resettable counter, as published", m, updates(deferred)), Correct: plain("resettable counter, correct", m, updates(reset))}
}

// slots is a count for each replica, joined by the greater.
type slots [gen.Replicas]uint8

type slotMerge struct{}

func (slotMerge) MergeIn(t *slots, d slots) bool {
	before := *t
	for i, n := range d {
		t[i] = max(t[i], n)
	}
	return *t != before
}

func (slotMerge) Compare(a, b slots) lattice.Order {
	o := lattice.Equal
	for i := range a {
		o &= lattice.Max[uint8]().Compare(a[i], b[i])
	}
	return o
}

func (slotMerge) Clone(v slots) slots { return v }

func relativeDelta() Entry {
	counter := func(delta func(s slots, r int, n uint8) slots) gen.Updates[slots, uint8] {
		return gen.Updates[slots, uint8]{
			Start: func() slots { return slots{} }, Ops: gen.Int[uint8](1, 3), Delta: delta,
			Apply: func(s slots, r int, n uint8) slots { s[r] += n; return s },
		}
	}
	return Entry{ID: "H9", Where: "akka #22648, akka.net #4185", Law: "updates/delta", Defect: "a delta holds what was added, where a state holds the sum: merging the one is not merging the other",
		Faulty:  plain("counter by deltas, as published", slotMerge{}, counter(func(_ slots, r int, n uint8) (d slots) { d[r] = n; return d })),
		Correct: plain("counter by deltas, correct", slotMerge{}, counter(func(s slots, r int, n uint8) (d slots) { d[r] = s[r] + n; return d }))}
}

func overflow() Entry {
	counter := func(add func(have, n uint8) uint8) gen.Updates[slots, uint8] {
		apply := func(s slots, r int, n uint8) slots { s[r] = add(s[r], n); return s }
		return gen.Updates[slots, uint8]{Start: func() slots { return slots{250, 250, 250} }, Ops: gen.Int[uint8](1, 9), Apply: apply}
	}
	return Entry{ID: "H11", Where: "pony-crdt #4", Law: "updates/inflates", Defect: "a count that overflows starts again from below",
		Faulty:  plain("counter, as published", slotMerge{}, counter(func(have, n uint8) uint8 { return have + n })),
		Correct: plain("counter, correct", slotMerge{}, counter(func(have, n uint8) uint8 { return have + min(n, 255-have) }))}
}

// renumberedDeltas is a sequence as elements by position, the root at position 0.
// Each replica has positions of its own.
func renumberedDeltas() Entry {
	type sequence = []lattice.Entry[int, string]
	m := lattice.OrderedMapOf[int](lattice.Max[string]())
	free := func(s sequence, replica int) int {
		at := replica + 1
		for _, e := range s {
			if e.Key%gen.Replicas == at%gen.Replicas && e.Key >= at {
				at = e.Key + gen.Replicas
			}
		}
		return at
	}
	u := gen.Updates[sequence, string]{
		Start: func() sequence { return sequence{{Key: 0}} }, Ops: gen.OneOf("x", "y"),
		Delta: func(s sequence, replica int, op string) sequence { return sequence{{Key: free(s, replica), Val: op}} },
		Apply: func(s sequence, replica int, op string) sequence {
			e := lattice.Entry[int, string]{Key: free(s, replica), Val: op}
			at, _ := slices.BinarySearchFunc(s, e.Key, func(o lattice.Entry[int, string], key int) int { return o.Key - key })
			return slices.Insert(slices.Clone(s), at, e)
		},
	}
	whole := func(s sequence) bool { return len(s) > 0 && s[0].Key == 0 }
	faulty := &altered[sequence]{of: m, mergeIn: func(t *sequence, d sequence) bool {
		if whole(*t) || whole(d) || len(*t) == 0 {
			return m.MergeIn(t, d)
		}
		for _, e := range d { // two deltas: the second is put behind the first
			*t = append(*t, lattice.Entry[int, string]{Key: (*t)[len(*t)-1].Key + 1, Val: e.Val})
		}
		return len(d) > 0
	}}
	return Entry{ID: "H12", Where: "js-delta-crdts #38", Law: "updates", Defect: "joining two deltas renumbers the second: the sequence that gets both is not the one that was sent",
		Faulty: plain("sequence, as published", faulty, u), Correct: plain("sequence, correct", m, u)}
}

// ticking is a last write with the logical clock of the replica that holds it.
type ticking struct {
	Clock, Time int
	Val         string
}

type tickMerge struct{ advance bool }

func (m tickMerge) MergeIn(t *ticking, d ticking) bool {
	before := *t
	if d.Time > t.Time || d.Time == t.Time && d.Val > t.Val {
		t.Time, t.Val = d.Time, d.Val
	}
	if m.advance {
		t.Clock = max(t.Clock, d.Clock)
	}
	return *t != before
}

func (tickMerge) Compare(a, b ticking) lattice.Order {
	write := lattice.DominatingPairOf(lattice.Max[int](), lattice.Max[string]())
	o := write.Compare(lattice.Pair[int, string]{First: a.Time, Second: a.Val}, lattice.Pair[int, string]{First: b.Time, Second: b.Val})
	return o & lattice.Max[int]().Compare(a.Clock, b.Clock)
}

func (tickMerge) Clone(v ticking) ticking { return v }

func idleClock() Entry {
	u := gen.Updates[ticking, string]{
		Start: func() ticking { return ticking{} }, Ops: gen.OneOf("x", "y"),
		Apply: func(s ticking, _ int, op string) ticking { return ticking{s.Clock + 1, s.Clock + 1, op} },
	}
	return Entry{ID: "H16", Where: "cr-sqlite #76", Law: "updates/inflates", Defect: "merging does not advance the logical clock: a later write is stamped before what it replaces",
		Faulty: plain("ticking write, as published", tickMerge{}, u), Correct: plain("ticking write, correct", tickMerge{advance: true}, u)}
}

func flippedTie() Entry {
	good := lattice.DominatingPairOf(lattice.Max[int](), lattice.Max[string]())
	u := gen.Updates[write, write]{
		Start: func() write { return write{} }, Ops: gen.PairOf(gen.Int(1, 3), gen.OneOf("x", "y")),
		Delta: func(_ write, _ int, op write) write { return op },
	}
	model := func(seen []gen.Event[write]) write {
		var last write
		for _, e := range seen {
			if e.Op.First > last.First || e.Op.First == last.First && e.Op.Second > last.Second {
				last = e.Op
			}
		}
		return last
	}
	ask := func(w write) write { return w }
	bad := &altered[write]{of: lattice.DominatingPairOf(lattice.Max[int](), lattice.Min[string]())}
	return Entry{ID: "H17", Where: "a tie-break the other way round", Law: "query/denotation", Defect: "of two writes at one time the lesser value wins: still a semilattice, but not the one specified",
		Faulty: mutated[write]("last write, as published", bad, u, ask, model), Correct: mutated("last write, correct", good, u, ask, model)}
}
