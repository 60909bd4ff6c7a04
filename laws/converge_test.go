package laws_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// ballots is how many votes each replica has counted.
type ballots [gen.Replicas]int

func noBallots() ballots { return ballots{} }

func (b ballots) counted(replica, n int) ballots { b[replica] += n; return b }

func countVotes(b ballots, replica, n int) ballots { return b.counted(replica, n) }

// newTotal is the delta of a count: the new total of its replica, and nothing else.
func newTotal(b ballots, replica, n int) (delta ballots) {
	delta[replica] = b[replica] + n
	return delta
}

func greatestBallots(a, b ballots) ballots {
	for i, n := range b {
		a[i] = max(a[i], n)
	}
	return a
}

func allVotes(b ballots) any { return b[0] + b[1] + b[2] }

// sumOf is what votes read after the operations seen.
func sumOf(seen []laws.Event[int]) any {
	n := 0
	for _, e := range seen {
		n += e.Op
	}
	return n
}

// rightBallots is a replicated counter without a fault.
func rightBallots() laws.Replicated[ballots, int] {
	return laws.Replicated[ballots, int]{
		Start: noBallots, Apply: countVotes, Delta: newTotal, Merge: greatestBallots,
		Ops: rapid.IntRange(1, 3), Value: allVotes, Model: sumOf,
	}
}

// tallied is rightBallots with a part of it changed, under the laws of Converge.
func tallied(change func(r *laws.Replicated[ballots, int]), opts ...laws.Option) laws.Suite {
	r := rightBallots()
	change(&r)
	return scheduled(laws.Convergence(r, opts...))
}

// scheduled is a set over the schedules of a small scope, and over those that the doors
// draw.
func scheduled(set laws.Set[laws.Schedule[int]]) laws.Suite {
	u, _ := laws.Schedules([]int{1, 2}, 4, 1500)
	return laws.NewSuite(set.Name(), set, laws.ScheduleSource(gen.Int(1, 3)), u)
}

// round is the latest of the rounds that were counted, and how often it was.
type round struct{ N, Times int }

// stampedOp is an operation with the time of its writing.
type stampedOp struct{ Time, Op int }

func TestConvergeFaults(t *testing.T) {
	t.Parallel()
	killAlone(t, map[string]laws.Suite{
		// A count is set, and may fall.
		"converge/inflates": tallied(func(r *laws.Replicated[ballots, int]) {
			r.Apply = func(b ballots, replica, n int) ballots { b[replica] = n; return b }
			r.Value, r.Model = nil, nil
		}),
		// Two that counted one round are added up, so that one that is merged twice is
		// counted twice. It commutes and associates: replicas that exchange once agree.
		"converge/stale": scheduled(laws.Convergence(laws.Replicated[round, int]{
			Start: func() round { return round{} },
			Apply: func(r round, _, _ int) round { return round{r.N + 1, 1} },
			Merge: func(a, b round) round {
				switch {
				case a.N > b.N:
					return a
				case a.N < b.N:
					return b
				}
				return round{a.N, a.Times + b.Times}
			},
		})),
		// The last writer wins, and of two at one time whoever was there first.
		"converge/equal": scheduled(laws.Convergence(laws.Replicated[stampedOp, int]{
			Start: func() stampedOp { return stampedOp{} },
			Apply: func(s stampedOp, _, op int) stampedOp { return stampedOp{s.Time + 1, op} },
			Merge: func(a, b stampedOp) stampedOp {
				if b.Time > a.Time {
					return b
				}
				return a
			},
		})),
		"converge/model": tallied(func(r *laws.Replicated[ballots, int]) {
			r.Value = func(b ballots) any { return b[0] + b[1] }
		}),
		// Equality is the order, which goes one way.
		"wellposed/equal-symmetric: of states that schedules reach": tallied(func(*laws.Replicated[ballots, int]) {},
			laws.Equal(func(a, b ballots) bool { return greatestBallots(a, b) == b })),
	})
}

// adding is a counter that sends what is added, with a part of it changed.
func adding(change func(c *laws.OperationBased[int, int, int])) laws.Suite {
	c := laws.OperationBased[int, int, int]{
		Start:   func() int { return 0 },
		Prepare: func(_, _, n int) int { return n },
		Effect:  func(sum, n int) int { return sum + n },
		Ops:     rapid.IntRange(1, 3), Value: func(sum int) any { return sum }, Model: sumOf,
	}
	change(&c)
	return scheduled(laws.OperationConvergence(c))
}

func TestConvergeOpsFaults(t *testing.T) {
	killAlone(t, map[string]laws.Suite{
		"ops/commute": adding(func(c *laws.OperationBased[int, int, int]) {
			c.Effect = func(_, n int) int { return n }
			c.Value, c.Model = nil, nil
		}),
		"ops/duplicated": adding(func(c *laws.OperationBased[int, int, int]) { c.Duplicates = true }),
		"ops/model":      adding(func(c *laws.OperationBased[int, int, int]) { c.Value = func(sum int) any { return min(sum, 4) } }),
	})
	// One of the messages delivered so far, Go says which.
	some := laws.OperationBased[ints, int, int]{
		Start: func() ints { return ints{} }, Prepare: func(_ ints, _, n int) int { return n },
		Effect: func(s ints, n int) ints {
			s[n] = struct{}{}
			for len(s) > 1 {
				for e := range s { //joinery:anyorder that is the fault
					delete(s, e)
					break
				}
			}
			return s
		},
	}
	found(t, "ops/deterministic", scheduled(laws.OperationConvergence(some)))
}

// deltas is rightBallots with a part of it changed, under the laws of CheckDelta.
func deltas(change func(r *laws.Replicated[ballots, int])) laws.Suite {
	r := rightBallots()
	change(&r)
	set := laws.Deltas(r)
	source := laws.PlanSource(gen.Updates[ballots, int]{Ops: gen.Int(1, 3)})
	return laws.NewSuite("deltas", set, source, nil)
}

// Each fault of a delta breaks just these laws.
func TestDeltaFaults(t *testing.T) {
	increment := func(_ ballots, replica, n int) (delta ballots) { delta[replica] = n; return delta }
	for name, fault := range map[string]struct {
		suite laws.Suite
		laws  []string
	}{
		"none": {deltas(func(*laws.Replicated[ballots, int]) {}), nil},
		"the increment in place of the total": {deltas(func(r *laws.Replicated[ballots, int]) { r.Delta = increment }),
			[]string{"updates/delta", "updates/as-states"}},
		"the increment, and nothing but the model to tell": {deltas(func(r *laws.Replicated[ballots, int]) { r.Apply, r.Delta = nil, increment }),
			[]string{"query/denotation"}},
		"a value that leaves out a replica": {deltas(func(r *laws.Replicated[ballots, int]) {
			r.Value = func(b ballots) any { return b[0] + b[1] }
		}), []string{"query/denotation"}},
		"deltas that are added up": {deltas(func(r *laws.Replicated[ballots, int]) {
			r.Delta, r.Value, r.Model = increment, nil, nil
			r.Merge = func(a, b ballots) ballots {
				for i, n := range b {
					a[i] += n
				}
				return a
			}
		}), []string{"updates/inflates", "updates/duplicated", "updates/as-states"}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(*doorSeeds) {
				r := fault.suite.Run(laws.RunOptions{Seed: seed, Cases: 300, Replays: 100})
				require.NoError(t, r.Err)
				require.ElementsMatch(t, fault.laws, r.Failing(), "seed %d: %v", seed, r)
			}
		})
	}
}

// observedSet is a set whose additions win, over schedules: elements with the events that
// put them there, and the events seen.
type observedSet struct {
	In   map[int]map[[2]int]bool
	Seen ballots
}

// change adds the element n, or removes the element −n.
func (s observedSet) change(replica, n int) observedSet {
	s.Seen[replica]++ // a removal is an event too
	if s.In == nil {
		s.In = map[int]map[[2]int]bool{}
	}
	if n < 0 {
		delete(s.In, -n)
		return s
	}
	s.In[n] = map[[2]int]bool{{replica, s.Seen[replica]}: true}
	return s
}

func joinObserved(a, b observedSet) observedSet {
	j := observedSet{map[int]map[[2]int]bool{}, greatestBallots(a.Seen, b.Seen)}
	keep := func(from, other observedSet) {
		for n, dots := range from.In { //joinery:anyorder elements are joined apart
			for dot := range dots { //joinery:anyorder dots are joined apart
				if !other.In[n][dot] && other.Seen[dot[0]] >= dot[1] {
					continue // removed there
				}
				if j.In[n] == nil {
					j.In[n] = map[[2]int]bool{}
				}
				j.In[n][dot] = true
			}
		}
	}
	keep(a, b)
	keep(b, a)
	return j
}

// added is what a set holds after the operations seen: what was added by one that no
// removal saw.
func added(seen []laws.Event[int]) any {
	in := map[int]bool{}
	for _, e := range seen {
		removed := slices.ContainsFunc(seen, func(o laws.Event[int]) bool { return o.Op == -e.Op && o.Saw(e) })
		if e.Op > 0 && !removed {
			in[e.Op] = true
		}
	}
	return slices.Sorted(maps.Keys(in))
}

func TestConvergeDoors(t *testing.T) {
	t.Parallel()
	o := laws.Cases(*doorCases / 4)
	t.Run("counter", func(t *testing.T) { laws.Converge(t, rightBallots(), o) })
	t.Run("counter by deltas", func(t *testing.T) { laws.CheckDelta(t, rightBallots(), o) })
	t.Run("counter by deltas alone", func(t *testing.T) {
		r := rightBallots()
		r.Apply = nil
		laws.CheckDelta(t, r, o)
	})
	t.Run("counter without a model", func(t *testing.T) {
		r := rightBallots()
		r.Value, r.Model = nil, nil
		laws.Converge(t, r, o)
		laws.CheckDelta(t, r, o)
	})
	t.Run("set whose additions win", func(t *testing.T) {
		laws.Converge(t, laws.Replicated[observedSet, int]{
			Start: func() observedSet { return observedSet{} },
			Apply: observedSet.change, Merge: joinObserved,
			Ops:   rapid.SampledFrom([]int{1, 2, -1, -2}),
			Value: func(s observedSet) any { return slices.Sorted(maps.Keys(s.In)) }, Model: added,
		}, o)
	})
	t.Run("counter by operations", func(t *testing.T) {
		laws.ConvergeOps(t, laws.OperationBased[int, int, int]{
			Start: func() int { return 0 }, Prepare: func(_, _, n int) int { return n }, Effect: plus,
			Ops: rapid.IntRange(1, 3), Value: func(sum int) any { return sum }, Model: sumOf,
		}, o)
	})
	t.Run("set by operations, delivered twice", func(t *testing.T) {
		laws.ConvergeOps(t, laws.OperationBased[ints, int, int]{
			Start: func() ints { return ints{} }, Prepare: func(_ ints, _, n int) int { return n },
			Effect:     func(s ints, n int) ints { s[n] = struct{}{}; return s },
			Duplicates: true, Ops: rapid.IntRange(1, 3),
		}, o)
	})
}

func TestConvergeSetup(t *testing.T) {
	without := func(change func(r *laws.Replicated[ballots, int])) laws.Replicated[ballots, int] {
		r := rightBallots()
		change(&r)
		return r
	}
	refusedSetup(t, laws.Convergence(without(func(r *laws.Replicated[ballots, int]) { r.Start = nil })), "Start")
	refusedSetup(t, laws.Convergence(without(func(r *laws.Replicated[ballots, int]) { r.Merge = nil })), "Merge")
	refusedSetup(t, laws.Convergence(without(func(r *laws.Replicated[ballots, int]) { r.Apply = nil })), "laws.Converge needs Apply")
	refusedSetup(t, laws.Convergence(without(func(r *laws.Replicated[ballots, int]) { r.Model = nil })), "Value and Model")
	refusedSetup(t, laws.Convergence(rightBallots(), laws.MayRefuse()), "laws.MayRefuse", "Converge")
	refusedSetup(t, laws.Convergence(rightBallots(), laws.Equal(func(a, b string) bool { return a == b })), "laws.Equal", "string", "ballots")
	refusedSetup(t, laws.Deltas(without(func(r *laws.Replicated[ballots, int]) { r.Delta = nil })), "needs Delta", "laws.Converge")
	refusedSetup(t, laws.Deltas(without(func(r *laws.Replicated[ballots, int]) { r.Apply, r.Value, r.Model = nil, nil, nil })), "Apply")
	refusedSetup(t, laws.Deltas(rightBallots(), laws.Canonical()), "laws.Canonical", "CheckDelta")
	whole := laws.OperationBased[int, int, int]{Start: func() int { return 0 }, Prepare: func(_, _, n int) int { return n }, Effect: plus}
	ops := func(change func(c *laws.OperationBased[int, int, int])) laws.Set[laws.Schedule[int]] {
		c := whole
		change(&c)
		return laws.OperationConvergence(c)
	}
	refusedSetup(t, ops(func(c *laws.OperationBased[int, int, int]) { c.Start = nil }), "Start")
	refusedSetup(t, ops(func(c *laws.OperationBased[int, int, int]) { c.Prepare = nil }), "Prepare")
	refusedSetup(t, ops(func(c *laws.OperationBased[int, int, int]) { c.Effect = nil }), "Effect")
	refusedSetup(t, ops(func(c *laws.OperationBased[int, int, int]) { c.Model = sumOf }), "Value and Model")
	refusedSetup(t, laws.OperationConvergence(whole, laws.Canonical()), "laws.Canonical", "ConvergeOps")
	said := &recorder{TB: t}
	func() {
		defer func() { assert.Equal(t, stopped{}, recover()) }()
		laws.Converge(asT{said, t}, laws.Replicated[ballots, int]{Start: noBallots, Apply: countVotes, Merge: greatestBallots})
	}()
	assert.Contains(t, fmt.Sprint(said.said), "needs Ops")
}

// asT is a recorder with the subtests of a test.
type asT struct {
	*recorder
	t *testing.T
}

func (a asT) Run(name string, f func(t *testing.T)) bool { return a.t.Run(name, f) }

// Schedules are all there are: of one operation, at replicas that are named in the order
// of their first step, with what they hold now or held before delivered to any.
func TestSchedulesOfSmallScope(t *testing.T) {
	u, steps := laws.Schedules([]int{7}, 2, 1000)
	assert.Equal(t, 2, steps)
	var got []string
	for _, s := range u {
		got = append(got, fmt.Sprintf("%#v", s))
	}
	assert.Equal(t, []string{
		"laws.Schedule[int](nil)",
		"laws.Schedule[int]{{Replica: 0, Op: 7}}",
		"laws.Schedule[int]{{Replica: 0, Op: 7}, {Replica: 0, Op: 7}}",
		"laws.Schedule[int]{{Replica: 0, Op: 7}, {Replica: 1, Op: 7}}",
		"laws.Schedule[int]{{Replica: 0, Op: 7}, {Replica: 1, Deliver: true, From: 0}}",
	}, got)
	_, steps = laws.Schedules([]int{7}, 9, 5)
	assert.Equal(t, 2, steps, "the limit ends it")
	u, steps = laws.Schedules[int](nil, 3, 10)
	assert.Equal(t, 0, steps)
	assert.Len(t, u, 1)
}

func ExampleConverge() {
	// In a test it is laws.Converge(t, likes). The same laws, anywhere:
	likes := laws.Replicated[ballots, int]{
		Start: noBallots, Merge: greatestBallots,
		Apply: func(b ballots, _, n int) ballots { return b.counted(0, n) }, // wherever it happens
		Value: allVotes, Model: sumOf,
	}
	scope, _ := laws.Schedules([]int{1}, 3, 1000)
	r := laws.Exhaust(laws.Convergence(likes), scope)
	fmt.Println(r.Failing())
	res, _ := r.Result("converge/model")
	fmt.Print(res.Failure)
	// Output:
	// [converge/model]
	// law converge/model does not hold
	//     a state reads as the model says of the operations it has seen, also once what another replica holds is taken in
	// left   value at replica 1, with what replica 0 holds = 1 of laws_test.ballots{1, 0, 0}
	// right  model = 2
	// where
	//     a = laws.Schedule[int]{
	//         {Replica: 0, Op: 1}, // replica 0 applies it: laws_test.ballots{1, 0, 0}
	//         {Replica: 1, Op: 1}, // replica 1 applies it: laws_test.ballots{1, 0, 0}
	//     }
	// found  tuple 4 of the universe
}

func ExampleConvergeOps() {
	// In a test it is laws.ConvergeOps(t, switches). The same laws, anywhere:
	switches := laws.OperationBased[bool, bool, bool]{
		Start:   func() bool { return false },
		Prepare: func(_ bool, _ int, on bool) bool { return on },
		Effect:  func(_, on bool) bool { return on }, // the last one to arrive
	}
	scope, _ := laws.Schedules([]bool{true, false}, 2, 1000)
	r := laws.Exhaust(laws.OperationConvergence(switches), scope)
	fmt.Println(r.Failing())
	res, _ := r.Result("ops/commute")
	fmt.Println(res.Failure.LeftExpr, "is", res.Failure.Left)
	fmt.Println(res.Failure.RightExpr, "is", res.Failure.Right)
	// Output:
	// [ops/commute]
	// after …, false, true is true
	// after …, true, false is false
}

func ExampleCheckDelta() {
	// In a test it is laws.CheckDelta(t, counter). The same laws, anywhere:
	counter := laws.Replicated[ballots, int]{
		Start: noBallots, Merge: greatestBallots, Apply: countVotes,
		Delta: func(_ ballots, replica, n int) (delta ballots) { delta[replica] = n; return delta }, // the increment
	}
	plans := laws.PlanSource(gen.Updates[ballots, int]{Ops: gen.Int(1, 3)})
	r := laws.Run(laws.Deltas(counter), plans, laws.RunOptions{Seed: 1})
	fmt.Println(r.Failing())
	res, _ := r.Result("updates/delta")
	fmt.Println(res.Failure.Left)
	fmt.Println(res.Failure.Right)
	// Output:
	// [updates/delta updates/as-states]
	// laws_test.ballots{2, 0, 0} with op = 1 at replica 0, s = laws_test.ballots{1, 0, 0}
	// laws_test.ballots{1, 0, 0} with δ = laws_test.ballots{1, 0, 0}
}

// The door judges of each schedule of its scope what the last step brings, which comes to
// the same as judging all of it.
func TestScopeIsJudgedWhole(t *testing.T) {
	register := func(beats func(a, b stampedOp) bool) laws.Replicated[stampedOp, int] {
		return laws.Replicated[stampedOp, int]{
			Start: func() stampedOp { return stampedOp{} },
			Apply: func(s stampedOp, _, op int) stampedOp { return stampedOp{s.Time + 1, op} },
			Merge: func(a, b stampedOp) stampedOp {
				if beats(b, a) {
					return b
				}
				return a
			},
		}
	}
	for name, r := range map[string]laws.Replicated[stampedOp, int]{
		"right":        register(func(a, b stampedOp) bool { return a.Time > b.Time || a.Time == b.Time && a.Op > b.Op }),
		"by arrival":   register(func(a, b stampedOp) bool { return a.Time > b.Time }),
		"backwards":    register(func(a, b stampedOp) bool { return a.Time < b.Time }),
		"the last one": register(func(stampedOp, stampedOp) bool { return true }),
		"not the first, not the last": register(func(a, b stampedOp) bool {
			return a.Time != b.Time && (a.Time+b.Time)%3 != 0
		}),
	} {
		u, _ := laws.Schedules([]int{1, 2}, 4, 1500)
		whole, last := laws.ScopeFailures(r, u)
		assert.Equal(t, whole, last, name)
		assert.Equal(t, name == "right", len(whole) == 0, "%s: %v", name, whole)
	}
	for name, change := range map[string]func(r *laws.Replicated[ballots, int]){
		"right": func(*laws.Replicated[ballots, int]) {},
		"falls": func(r *laws.Replicated[ballots, int]) {
			r.Apply = func(b ballots, replica, n int) ballots { b[replica] = n; return b }
		},
		"adds":    func(r *laws.Replicated[ballots, int]) { r.Merge = plusBallots },
		"a value": func(r *laws.Replicated[ballots, int]) { r.Value = func(b ballots) any { return b[0] + b[1] } },
		"late": func(r *laws.Replicated[ballots, int]) {
			r.Model = func(seen []laws.Event[int]) any { return min(4, sumOf(seen).(int)) }
		},
	} {
		r := rightBallots()
		change(&r)
		u, _ := laws.Schedules([]int{1, 2}, 4, 1500)
		whole, last := laws.ScopeFailures(r, u)
		assert.Equal(t, whole, last, name)
		assert.Equal(t, name == "right", len(whole) == 0, "%s: %v", name, whole)
	}
}

func plusBallots(a, b ballots) ballots {
	for i, n := range b {
		a[i] += n
	}
	return a
}
