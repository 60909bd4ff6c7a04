package shipped

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/laws"
)

// contextMerges are the causal lattices that are not data types by themselves.
func contextMerges() []laws.Entry {
	spans := gen.Map(gen.Dots(1, 6), func(d causal.Dots) causal.Spans { return d[1] })
	return []laws.Entry{
		registered("causal.Version", causal.VersionMerge(), gen.Versions(3, 3), every(gen.Versions(2, 2))),
		registered("causal.Dots", causal.DotsMerge(), gen.Dots(2, 4), every(gen.Dots(2, 2))),
		registered("causal.Spans", causal.SpansMerge(), spans, every(gen.Map(gen.Dots(1, 4), func(d causal.Dots) causal.Spans { return d[1] }))),
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

func origin(replica int) uint64 { return uint64(replica) + 1 }

// next is the dot of the next event of a replica that knows of those in seen.
func next(seen causal.Dots, replica int) causal.Dot {
	return causal.Dot{Origin: origin(replica), Seq: seen[origin(replica)].Max() + 1}
}

// unlessRefused is a delta, or nothing where the type refuses the operation, as
// counters do at the end of their range.
func unlessRefused[S any](bottom func() S) func(S, error) S {
	return func(delta S, err error) S {
		if err != nil {
			return bottom()
		}
		return delta
	}
}

// histories is all plans of at most two steps: enough for an update that meets a
// concurrent one. It is none where the operations are too many for that.
func histories[O any](ops gen.Gen[O]) gen.Universe[gen.Plan[O]] {
	u, complete := gen.Every(gen.Plans(ops, 2), 3_500)
	if !complete {
		return nil
	}
	return u
}

// dataType registers a type with mutators, with the laws of updates and, where
// there is a model, that of its denotation.
func dataType[S, O, V any](name string, m lattice.Merge[S], ops gen.Gen[O], delta func(s S, replica int, op O) (S, error),
	ask func(S) V, model func(seen []gen.Event[O]) V, opts ...laws.Option) laws.Entry {
	bottom := lattice.CapsOf(m).Bottom
	refused := unlessRefused(bottom)
	u := gen.Updates[S, O]{Start: bottom, Ops: ops, Delta: func(s S, replica int, op O) S { return refused(delta(s, replica, op)) }}
	reachable := gen.Reachable(m, u, laws.DefaultSteps)
	few := histories(ops)
	updates := laws.NewSuite(name, laws.Updates(m, u, laws.DenotationChecked()), laws.PlanSource(u), few)
	denotation := laws.NewSuite(name, laws.Denotation(m, u, laws.Query[S, V]{Ask: ask}, model), laws.PlanSource(u), few)
	return laws.Register(name, m, gen.WithEnds(m, reachable), laws.WithOptions(opts...), laws.WithSuites(updates, denotation),
		laws.Reachable(gen.Unrelated(reachable)))
}

// latest lists the events that no event accepted by later has seen.
func latest[O any](seen []gen.Event[O], later func(of, e gen.Event[O]) bool) []gen.Event[O] {
	var last []gen.Event[O]
	for _, e := range seen {
		if !slices.ContainsFunc(seen, func(f gen.Event[O]) bool { return f.Saw(e) && later(e, f) }) {
			last = append(last, e)
		}
	}
	return last
}

// sorted is values in order, each once.
func sorted[T cmp.Ordered](vs []T) []T {
	slices.Sort(vs)
	return slices.Compact(vs)
}

func replicatedTypes() []laws.Entry {
	return slices.Concat(causalSets(), causalRegisters(), flags(), counters(), clocked())
}

// added is the model of an add-wins set: what was added and not removed since.
func added(seen []gen.Event[change]) []string {
	var in []string
	for _, e := range latest(seen, func(of, f gen.Event[change]) bool { return f.Op.Remove && f.Op.Key == of.Op.Key }) {
		if !e.Op.Remove {
			in = append(in, e.Op.Key)
		}
	}
	return sorted(in)
}

// agreed is the model of a remove-wins set: of the last operations on an element
// none is a removal.
func agreed(seen []gen.Event[change]) []string {
	var in, out []string
	for _, e := range latest(seen, func(of, f gen.Event[change]) bool { return f.Op.Key == of.Op.Key }) {
		if e.Op.Remove {
			out = append(out, e.Op.Key)
		} else {
			in = append(in, e.Op.Key)
		}
	}
	return slices.DeleteFunc(sorted(in), func(k string) bool { return slices.Contains(out, k) })
}

func causalSets() []laws.Entry {
	type dots = map[string]causal.Dots
	words := causal.ORMapOf[string](causal.DotMapOf[string](causal.DotSet()))
	return []laws.Entry{
		dataType("causal.AWSet[string]", causal.AWSetOf[string](), changes(),
			func(s causal.AWSet[string], replica int, op change) (causal.AWSet[string], error) {
				if op.Remove {
					return s.Remove(op.Key), nil
				}
				return s.Add(next(s.Context, replica), op.Key)
			}, causal.AWSet[string].Elements, added),
		dataType("causal.RWSet[string]", causal.RWSetOf[string](), changes(),
			func(s causal.RWSet[string], replica int, op change) (causal.RWSet[string], error) {
				if op.Remove {
					return s.Remove(next(s.Context, replica), op.Key)
				}
				return s.Add(next(s.Context, replica), op.Key)
			}, causal.RWSet[string].Elements, agreed),
		// A map whose values are add-wins sets, here of one element: a remove resets
		// the value, and an update it did not see survives.
		dataType("causal.ORMap[string, AWSet]", lattice.Merge[causal.ORMap[string, dots]](words), changes(),
			func(s causal.ORMap[string, dots], replica int, op change) (causal.ORMap[string, dots], error) {
				if op.Remove {
					return words.Remove(s, op.Key), nil
				}
				return words.Update(s, op.Key, func(part causal.Causal[dots]) (causal.Causal[dots], error) {
					delta, err := causal.AWSet[string](part).Add(next(part.Context, replica), "in")
					return causal.Causal[dots](delta), err
				})
			}, causal.ORMap[string, dots].Keys, added),
	}
}

func causalRegisters() []laws.Entry {
	return []laws.Entry{
		dataType("causal.MVRegister[string]", causal.MVRegisterOf[string](), gen.OneOf("x", "y"),
			func(s causal.MVRegister[string], replica int, op string) (causal.MVRegister[string], error) {
				return s.Write(next(s.Context, replica), op)
			}, func(s causal.MVRegister[string]) []string { return sorted(s.Values()) },
			func(seen []gen.Event[string]) []string {
				var vs []string
				for _, e := range latest(seen, func(_, _ gen.Event[string]) bool { return true }) {
					vs = append(vs, e.Op)
				}
				return sorted(vs)
			}),
	}
}

func flags() []laws.Entry {
	return []laws.Entry{
		dataType("causal.EWFlag", causal.EWFlagMerge(), gen.Bool(),
			func(f causal.EWFlag, replica int, on bool) (causal.EWFlag, error) {
				if on {
					return f.Enable(next(f.Context, replica))
				}
				return f.Disable(), nil
			}, causal.EWFlag.Enabled,
			func(seen []gen.Event[bool]) bool {
				return slices.ContainsFunc(latest(seen, func(_, f gen.Event[bool]) bool { return !f.Op }), func(e gen.Event[bool]) bool { return e.Op })
			}),
		dataType("causal.DWFlag", causal.DWFlagMerge(), gen.Bool(),
			func(f causal.DWFlag, replica int, on bool) (causal.DWFlag, error) {
				if on {
					return f.Enable(next(f.Context, replica))
				}
				return f.Disable(next(f.Context, replica))
			}, causal.DWFlag.Enabled,
			func(seen []gen.Event[bool]) bool {
				last := latest(seen, func(_, _ gen.Event[bool]) bool { return true })
				return len(last) > 0 && !slices.ContainsFunc(last, func(e gen.Event[bool]) bool { return !e.Op })
			}),
	}
}

// total is the model of a counter.
func total(seen []gen.Event[int64]) int64 {
	var n int64
	for _, e := range seen {
		n += e.Op
	}
	return n
}

// counted is the value of a counter, or the least number if it has none; the
// histories of this table stay far from the ends of the range.
func counted[N int64 | uint64](n N, err error) int64 {
	if err != nil {
		return -1 << 63
	}
	return int64(n)
}

func counters() []laws.Entry {
	return []laws.Entry{
		dataType("causal.GCounter", causal.GCounterMerge(), gen.Int[int64](0, 3),
			func(c causal.GCounter, replica int, n int64) (causal.GCounter, error) {
				return c.Increment(origin(replica), uint64(n))
			},
			func(c causal.GCounter) int64 { return counted(c.Value()) }, total),
		dataType("causal.PNCounter", causal.PNCounterMerge(), gen.Int[int64](-2, 2),
			func(c causal.PNCounter, replica int, n int64) (causal.PNCounter, error) {
				return c.Add(origin(replica), n)
			},
			func(c causal.PNCounter) int64 { return counted(c.Value()) }, total),
		dataType("causal.Counter", causal.CounterMerge(), gen.Int[int64](-2, 2),
			func(c causal.Counter, replica int, n int64) (causal.Counter, error) {
				if n == 0 {
					return c.Reset(), nil
				}
				return c.Add(next(c.Context, replica), n)
			},
			func(c causal.Counter) int64 { return counted(c.Value()) },
			func(seen []gen.Event[int64]) int64 {
				return total(latest(seen, func(_, f gen.Event[int64]) bool { return f.Op == 0 }))
			}),
	}
}

// put is a write at some reading of a physical clock, which may stand still or run
// backwards.
type put struct {
	Wall uint64
	Key  string
	Val  string
	Gone bool
}

func puts() gen.Gen[put] {
	return func(d *gen.Draw) put {
		p := put{Wall: d.Choose("wall", 3), Key: gen.OneOf("k", "l")(d), Gone: d.ChooseRare("gone", 2, 250) == 1}
		if !p.Gone {
			p.Val = gen.OneOf("x", "y")(d)
		}
		return p
	}
}

// stampsOf is the stamp of each event of a history in which a replica stamps with a
// hybrid clock that has seen what the replica has of the same register.
func stampsOf(seen []gen.Event[put], same func(a, b put) bool) map[int]causal.Stamp {
	at := make(map[int]causal.Stamp, len(seen))
	for _, e := range seen {
		var clock causal.Hybrid
		for _, f := range seen {
			if e.Saw(f) && same(e.Op, f.Op) && at[f.ID].Time.Compare(clock) > 0 {
				clock = at[f.ID].Time
			}
		}
		// An error is the end of all ticks, which no history here is near.
		if now, err := clock.Now(e.Op.Wall); err == nil {
			at[e.ID] = causal.Stamp{Time: now, Origin: origin(e.Replica)}
		}
	}
	return at
}

// lastPuts is the model of registers: by key, the write with the greatest stamp.
func lastPuts(seen []gen.Event[put], same func(a, b put) bool) map[string]put {
	at := stampsOf(seen, same)
	last := map[string]gen.Event[put]{}
	for _, e := range seen {
		if old, ok := last[e.Op.Key]; !ok || at[old.ID].Compare(at[e.ID]) < 0 {
			last[e.Op.Key] = e
		}
	}
	values := map[string]put{}
	for k, e := range last { //joinery:anyorder from map to map
		values[k] = e.Op
	}
	return values
}

func clocked() []laws.Entry {
	at := func(last causal.Stamp, replica int, wall uint64) (causal.Stamp, error) {
		now, err := last.Time.Now(wall)
		return causal.Stamp{Time: now, Origin: origin(replica)}, err
	}
	write := func(r causal.LWW[string], replica int, op put) (causal.LWW[string], error) {
		stamp, err := at(r.Stamp, replica, op.Wall)
		switch {
		case err != nil:
			return r, err
		case op.Gone:
			return r.Clear(stamp)
		}
		return r.Write(stamp, op.Val)
	}
	oneKey := gen.Map(puts(), func(p put) put { p.Key = "k"; return p })
	return []laws.Entry{
		dataType("causal.LWW[string]", causal.LWWOf[string](), oneKey, write,
			func(r causal.LWW[string]) string { v, _ := r.Get(); return v },
			func(seen []gen.Event[put]) string {
				return lastPuts(seen, func(_, _ put) bool { return true })["k"].Val
			}, laws.TotalOrder()),
		dataType("causal.LWWMap[string, string]", causal.LWWMapOf[string, string](), puts(),
			func(m causal.LWWMap[string, string], replica int, op put) (causal.LWWMap[string, string], error) {
				stamp, err := at(m[op.Key].Stamp, replica, op.Wall)
				switch {
				case err != nil:
					return m, err
				case op.Gone:
					return m.Remove(stamp, op.Key)
				}
				return m.Put(stamp, op.Key, op.Val)
			},
			func(m causal.LWWMap[string, string]) map[string]string {
				values := map[string]string{}
				for _, k := range m.Keys() {
					values[k], _ = m.Get(k)
				}
				return values
			},
			func(seen []gen.Event[put]) map[string]string {
				values := map[string]string{}
				for k, p := range lastPuts(seen, func(a, b put) bool { return a.Key == b.Key }) { //joinery:anyorder from map to map
					if !p.Gone {
						values[k] = p.Val
					}
				}
				return values
			}),
		dataType("causal.Hybrid", causal.HybridMerge(), gen.Int[uint64](0, 2),
			func(t causal.Hybrid, _ int, wall uint64) (causal.Hybrid, error) { return t.Now(wall) },
			func(causal.Hybrid) bool { return true }, func([]gen.Event[uint64]) bool { return true }, laws.TotalOrder()),
	}
}
