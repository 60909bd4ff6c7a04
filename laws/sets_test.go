package laws_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// A source that never shows a situation, or shows it too rarely, is no source: the
// laws of coverage fail by name, one situation at a time.
func TestCoverage(t *testing.T) {
	union := lattice.SetOf[int]()
	chain := gen.Values(ints{}, ints{1: {}}, ints{1: {}, 2: {}})
	single := gen.Subsets(1, 2, 3)[1:2]
	apart := gen.Gen[ints](func(d *gen.Draw) ints { return ints{int(d.Choose("wide", 1<<40)): {}} })
	for name, c := range map[string]struct {
		source gen.Source[ints]
		fails  []string
	}{
		"full":      {gen.WithEnds[ints](union, gen.For[ints](union, gen.SubsetOf(1, 2, 3))), nil},
		"chain":     {gen.Independent(gen.AnyIn(chain, maps.Clone[ints])), []string{"coverage/concurrent"}},
		"one state": {gen.Independent(gen.AnyIn(single, maps.Clone[ints])), []string{"coverage/distinct", "coverage/comparable", "coverage/concurrent", "coverage/bottom"}},
		"no ties":   {gen.Independent(apart), []string{"coverage/tie", "coverage/comparable", "coverage/bottom"}},
		"no ⊥": {gen.For[ints](union, gen.Map(gen.SubsetOf(1, 2, 3), func(s ints) ints { s[0] = struct{}{}; return s })),
			[]string{"coverage/bottom"}},
		// One tie in a thousand is less than the law asks for.
		"rare ties": {func(d *gen.Draw, x []ints) {
			gen.Independent(apart)(d, x)
			if d.ChooseRare("tie", 2, 4) == 1 {
				x[1] = maps.Clone(x[0])
			}
		}, []string{"coverage/tie", "coverage/comparable", "coverage/bottom"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := laws.Run(laws.Coverage(union), c.source, laws.RunOptions{Seed: 1, Cases: 2000})
			require.NoError(t, r.Err)
			assert.ElementsMatch(t, c.fails, r.Failing(), "%v", r)
		})
	}
	r := laws.Run(laws.Coverage(union), gen.Independent(gen.AnyIn(chain, maps.Clone[ints])), laws.RunOptions{Cases: 500})
	assert.Contains(t, r.String(), "law coverage/concurrent was never exercised")
	tops := laws.Coverage(lattice.Or())
	r = laws.Run(tops, gen.Independent(gen.Just(false)), laws.RunOptions{})
	assert.Contains(t, r.Failing(), "coverage/top")
	impossible, _ := laws.Exhaust(tops, gen.Bools()).Result("coverage/concurrent")
	assert.Equal(t, laws.Impossible, impossible.Status)
	r = laws.Run(laws.Coverage(lattice.Unit(), laws.OneState()), gen.Independent(gen.Just(struct{}{})), laws.RunOptions{})
	assert.True(t, r.OK())
	assert.Subset(t, r.Absent, []laws.Absence{{ID: "coverage/distinct", Why: "there is one state"}, {ID: "coverage/concurrent", Why: "the order is declared to be total"}})
}

func TestTooRareIsNamed(t *testing.T) {
	set := laws.Add(laws.Semilattice(lattice.Max[int]()), laws.Law[int]{
		ID: "mine/rare", Statement: "a = 7", Arity: 1, AtLeast: 500,
		Eval: func(_ *laws.Probe[int], x []int) laws.Outcome {
			if x[0] != 7 {
				return laws.Vacuous
			}
			return laws.Holds
		},
		Explain: func(*laws.Probe[int], []int) laws.Sides { return laws.Sides{} },
	})
	source := gen.Independent(gen.Int(0, 9))
	r := laws.Run(set, source, laws.RunOptions{Only: "mine"})
	assert.Equal(t, laws.TooRare, r.Results[0].Status)
	assert.Contains(t, r.String(), "and it asks for 500 in a thousand")
	out := &tape{name: "TestX"}
	out.run(func() { laws.CheckLawTB(out, set, "mine/rare", source, 0) })
	assert.True(t, out.failed)
	assert.Contains(t, out.text(), "too rarely exercised")
}

// tally is a set whose elements are removed for good; its garbage is whatever was
// removed once a removal is known everywhere, which a state cannot know alone.
type tally = lattice.TombstoneSet[int]

// The query is what is live, and what may be collected is nothing that a state
// still to come may hold.
func tallies(gc func(tally) tally, compatible func(collected, other tally) bool) laws.Report {
	m := lattice.TombstoneSetOf[int]()
	var u gen.Universe[tally]
	for _, live := range gen.Subsets(1, 2) {
		for _, dead := range gen.Subsets(1, 2) {
			s := tally{Live: maps.Clone(live), Dead: dead}
			maps.DeleteFunc(s.Live, func(e int, _ struct{}) bool { _, gone := dead[e]; return gone })
			u = append(u, s)
		}
	}
	ask := func(s tally) map[int]struct{} { return s.Live }
	set := laws.Compaction(m, laws.Collection[tally, map[int]struct{}]{GC: gc, Query: laws.Query[tally, map[int]struct{}]{Ask: ask}, Compatible: compatible})
	return laws.Exhaust(set, u)
}

// Dropping tombstones is seen by a state that still holds the element, and is not
// where no such state is left.
func TestCompaction(t *testing.T) {
	drop := func(s tally) tally { return tally{Live: maps.Clone(s.Live)} }
	r := tallies(drop, nil)
	require.NoError(t, r.Err)
	assert.Contains(t, r.Failing(), "compaction/unseen")
	r = tallies(drop, func(collected, other tally) bool {
		for e := range collected.Dead {
			if _, live := other.Live[e]; live {
				return false
			}
		}
		return true
	})
	assert.Empty(t, r.Failing(), "%v", r)
	assert.NotZero(t, r.Results[0].Exercised)
}

// Collecting after the merge of collected states must come to the same as
// collecting once: a collector that counts what it has done is found out.
func TestCompactionCommutes(t *testing.T) {
	// A reader sees the sum of both fields, and collecting folds the first into the
	// second, so that collected states no longer join by the greater sum.
	type folded struct{ Open, Done int }
	m := joining(func(a, b folded) folded { return folded{max(a.Open, b.Open), max(a.Done, b.Done)} }, total[folded])
	set := laws.Compaction[folded, int](m, laws.Collection[folded, int]{
		GC:         func(s folded) folded { return folded{0, s.Open + s.Done} },
		Query:      laws.Query[folded, int]{Ask: func(s folded) int { return s.Open + s.Done }},
		Compatible: func(a, b folded) bool { return b.Open == 0 },
	})
	u := gen.Product(gen.Range(0, 2), gen.Range(0, 2), func(o, d int) folded { return folded{o, d} })
	r := laws.Exhaust(set, u)
	require.NoError(t, r.Err)
	assert.NotContains(t, r.Failing(), "compaction/commutes", "compatible states are collected already")
	set = laws.Compaction[folded, int](m, laws.Collection[folded, int]{
		GC:    func(s folded) folded { return folded{0, s.Open + s.Done} },
		Query: laws.Query[folded, int]{Ask: func(s folded) int { return s.Open + s.Done }},
	})
	assert.Contains(t, laws.Exhaust(set, u).Failing(), "compaction/commutes")
}

// The function classes of the paper, with the witnesses that the design names.
func TestClassify(t *testing.T) {
	set := lattice.SetOf[string]()
	source := gen.For(set, gen.SubsetOf("x", "y", "z"))
	o := laws.RunOptions{Seed: 1, Cases: 200}
	size := laws.Function[map[string]struct{}, uint]{
		F: func(s map[string]struct{}) uint { return uint(len(s)) }, From: set, To: lattice.Max[uint]()}
	c := laws.Classify(size, source, o)
	require.NoError(t, c.Err)
	assert.Equal(t, laws.IsTricky, c.Class)
	assert.Nil(t, c.NotMonotone)
	golden(t, "classify.txt", c.String())
	nonempty := size
	nonempty.F = func(s map[string]struct{}) uint { return uint(min(1, len(s))) }
	c = laws.Classify(nonempty, source, o)
	assert.Equal(t, laws.IsMorphism, c.Class, "%v", c)
	missing := size
	missing.F = func(s map[string]struct{}) uint { return uint(3 - len(s)) }
	c = laws.Classify(missing, source, o)
	assert.Equal(t, laws.NonMonotone, c.Class)
	assert.NotNil(t, c.NotMonotone)
	assert.NotNil(t, c.NotMorphism)
	c = laws.Classify(laws.Function[map[string]struct{}, uint]{From: set, To: lattice.Max[uint]()}, source, o)
	assert.ErrorIs(t, c.Err, laws.ErrSetup)
	assert.Contains(t, c.String(), "needs F")
}

// keys is every way in which two keys can be present.
func keys(i int, value func(int) laws.Free) map[int]laws.Free {
	m := map[int]laws.Free{}
	for k := range 2 {
		if i>>k&1 == 1 {
			m[k] = value(k)
		}
	}
	return m
}

func TestProveUpToKeys(t *testing.T) {
	p := laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[map[int]laws.Free] { return lattice.MapOf[int](m) }, 4, keys)
	assert.True(t, p.OK(), p.Refused)
	assert.Equal(t, 159*159, p.Cases, "quotients over no, one, two and three values a key: 1 + 3·2 + 3·8 + 128")
	one := func(_ int, value func(int) laws.Free) lattice.Pair[laws.Free, laws.Free] {
		return lattice.Pair[laws.Free, laws.Free]{First: value(0), Second: value(1)}
	}
	type pair = lattice.Pair[laws.Free, laws.Free]
	p = laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[pair] { return lattice.PairOf(m, m) }, 1, one)
	assert.True(t, p.OK(), p.Refused)
	p = laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[pair] { return lattice.DominatingPairOf(m, m) }, 1, one)
	assert.Contains(t, p.Refused, "consults Compare")
	p = laws.ProveUpToKeys(func(m lattice.Merge[laws.Free]) lattice.Merge[pair] { return lattice.PairOf(m, m) }, 1,
		func(_ int, value func(int) laws.Free) pair { return pair{First: value(0), Second: value(0)} })
	assert.Contains(t, p.Refused, "two values in place 0")
}

type values = map[int]laws.Free

// higher is a map merge whose way of joining two values is given.
func higher(value func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free)) func(lattice.Merge[laws.Free]) lattice.Merge[values] {
	return func(sub lattice.Merge[laws.Free]) lattice.Merge[values] {
		return handmade[values]{
			clone: maps.Clone[values], compare: total[values],
			mergeIn: func(t *values, d values) bool {
				for k, v := range d {
					have, ok := (*t)[k]
					if !ok {
						(*t)[k] = v
						continue
					}
					value(sub, &have, v)
					(*t)[k] = have
				}
				return true
			},
		}
	}
}

// A proof is refused as soon as the merge could tell one sub-merge from another.
func TestProofsAreRefused(t *testing.T) {
	merging := func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free) { sub.MergeIn(t, d) }
	assert.True(t, laws.ProveUpToKeys(higher(merging), 4, keys).OK())
	first := map[int]laws.Free{}
	for want, value := range map[string]func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free){
		"the sides differ": func(lattice.Merge[laws.Free], *laws.Free, laws.Free) {}, // keeps the first: over Or it would pass
		"consults Compare": func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free) {
			if !sub.Compare(*t, d).Geq() {
				sub.MergeIn(t, d)
			}
		},
		// Forgets a value that did not grow: in the free semilattice alone none is.
		"the sides differ: ": func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free) {
			if !sub.MergeIn(t, d) {
				*t = laws.Free{}
			}
		},
		"looks at its values": func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free) {
			if any(*t) != any(d) {
				sub.MergeIn(t, d)
			}
		},
		"different places": func(sub lattice.Merge[laws.Free], t *laws.Free, d laws.Free) {
			if _, ok := first[0]; !ok {
				first[0] = d
			}
			sub.MergeIn(t, first[0])
			sub.MergeIn(t, d)
		},
	} {
		p := laws.ProveUpToKeys(higher(value), 4, keys)
		assert.False(t, p.OK())
		assert.Contains(t, p.Refused, want)
	}
}

// loop is what a merge does that does not return, with a watchdog that is told of it: no
// time is measured, of which a busy machine may take any.
type loop struct{ entered, stop chan struct{} }

func newLoop(t *testing.T) loop {
	l := loop{make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { close(l.stop) })
	return l
}

// run goes on for ever, as far as a check is concerned.
func (l loop) run() {
	select {
	case l.entered <- struct{}{}:
		<-l.stop
	case <-l.stop:
	}
}

// watched is the watchdog: an evaluation is given up that has come to the loop.
func (l loop) watched(evaluate func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); evaluate() }()
	select {
	case <-done:
		return true
	case <-l.entered:
		return false
	}
}

// A merge that does not return is a failure of the law that met it, with the
// states that caused it.
func TestLoopsAreReported(t *testing.T) {
	l := newLoop(t)
	set := laws.Func(func(a, b int) int {
		if a == 2 && b == 3 {
			l.run()
		}
		return max(a, b)
	}, laws.Watch(l.watched))
	for _, r := range []laws.Report{
		laws.Run(set, gen.Independent(gen.Int(0, 4)), laws.RunOptions{Only: "semilattice/commutative"}),
		laws.Run(laws.Set[int](set), gen.Independent(gen.Int(2, 3)), laws.RunOptions{Only: "semilattice/commutative"}),
	} {
		require.NoError(t, r.Err)
		res, _ := r.Result("semilattice/commutative")
		require.Equal(t, laws.Failed, res.Status)
		assert.Contains(t, res.Failure.String(), "stuck  the merge does not return")
		require.Len(t, res.Failure.Where, 2)
		assert.ElementsMatch(t, []string{"2", "3"}, []string{res.Failure.Where[0].Value, res.Failure.Where[1].Value})
	}
	// A watchdog changes nothing where merges return, writes included.
	ok := laws.Run(laws.Func(func(a, b int) int { return max(a, b) }, laws.Watch(l.watched)), gen.Independent(gen.Int(0, 4)), laws.RunOptions{})
	assert.True(t, ok.OK(), "%v", ok)
	writes := laws.Run(laws.Func(func(a, b ints) ints { clear(b); return a }, laws.Watch(l.watched)),
		gen.Independent(gen.SubsetOf(1, 2)), laws.RunOptions{})
	assert.Equal(t, []string{"inplace/arguments-unchanged"}, writes.Failing())
}

func TestReportJSON(t *testing.T) {
	r := faults()["semilattice/commutative"].Run(laws.RunOptions{Seed: 1})
	b, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	golden(t, "report.json", string(b)+"\n")
	b, err = json.Marshal(laws.Run(laws.Set[int]{}, nil, laws.RunOptions{}))
	require.NoError(t, err)
	assert.Contains(t, string(b), "bound to no merge")
}

// The details show the picture and a test; the test judges the same states.
func TestDetails(t *testing.T) {
	text := ""
	for _, id := range []string{"semilattice/associative", "order/upper-bound", "order/least", "updates/batched"} {
		res, ok := faults()[id].Run(laws.RunOptions{Seed: 1, Cases: 300}).Result(id)
		require.True(t, ok)
		text += res.Failure.Details() + "\n"
	}
	golden(t, "details.txt", text)
}

func TestJudge(t *testing.T) {
	set := laws.Func(lastArrival)
	laws.Judge(t, set, "semilattice/commutative", lww{1, "a"}, lww{2, "b"})
	for says, judge := range map[string]func(t testing.TB){
		"left   a ⊔ b": func(t testing.TB) { laws.Judge(t, set, "semilattice/commutative", lww{1, "a"}, lww{1, "b"}) },
		"has no law":   func(t testing.TB) { laws.Judge(t, set, "mine/none", lww{}) },
		"is about 2":   func(t testing.TB) { laws.Judge(t, set, "semilattice/commutative", lww{}) },
		"does not apply": func(t testing.TB) {
			laws.Judge(t, laws.Order(lattice.Max[int]()), "order/antisymmetric", 1, 2)
		},
	} {
		out := &recorder{TB: t}
		func() {
			defer func() { _ = recover() }()
			judge(out)
		}()
		assert.Contains(t, strings.Join(out.said, "\n"), says)
	}
}

// Every input of a fuzz target is a valid tuple, and a faulty merge is found by
// some.
func TestJudgeBytes(t *testing.T) {
	s := faults()["semilattice/commutative"]
	var found *laws.Failure
	for seed := range uint64(300) {
		data := make([]byte, seed%40)
		for i := range data {
			data[i] = byte(choice.Mix(seed, uint64(i)))
		}
		if f := s.Judge(data); f != nil && found == nil {
			found = f
		}
	}
	require.NotNil(t, found)
	assert.Equal(t, "semilattice/commutative", found.Law)
	assert.Nil(t, laws.NewSuite("max", laws.Full(lattice.Max[int]()), gen.Independent(gen.Int(0, 9)), nil).Judge(nil))
	broken := laws.NewSuite("unbound", laws.Set[int]{}, nil, nil)
	assert.Contains(t, broken.Judge(nil).Panic, "bound to no merge")
	failing := laws.NewSuite("no states", laws.Semilattice(lattice.Max[int]()), func(*gen.Draw, []int) { panic("no states") }, nil)
	assert.Contains(t, failing.Judge(nil).Panic, "no states")
}

func TestUpdatesSetup(t *testing.T) {
	r := laws.Run(laws.Updates(lattice.Max[int](), gen.Updates[int, int]{}), gen.Independent(gen.Just(gen.Plan[int]{})), laws.RunOptions{})
	assert.ErrorIs(t, r.Err, laws.ErrSetup)
	assert.ErrorContains(t, r.Err, "updates need Start, Ops")
	r = laws.Run(laws.Totality(lattice.Max[int](), laws.Valid(func(string) error { return errors.New("") })), nil, laws.RunOptions{})
	assert.ErrorContains(t, r.Err, "laws.Valid is for states of type string")
}
