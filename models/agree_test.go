package models

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// solve searches every part of a problem, without any budget.
func solve(t *testing.T, p *Problem, err error) oracle.Answer {
	t.Helper()
	require.NoError(t, err)
	if p.Settled != nil {
		if p.Settled.Violation {
			return oracle.Forbidden
		}
		return oracle.Ambiguous
	}
	for _, part := range p.Parts {
		require.Empty(t, part.Bound)
		if !porcupine.CheckOperations(p.Spec, part.Ops) {
			return oracle.Forbidden
		}
	}
	return oracle.Allowed
}

// tally counts agreed answers and demands that each kind occurred.
type tally map[oracle.Answer]int

func (c tally) require(t *testing.T, least map[oracle.Answer]int) {
	t.Helper()
	t.Logf("agreed: %d allowed, %d forbidden, %d ambiguous", c[oracle.Allowed], c[oracle.Forbidden], c[oracle.Ambiguous])
	for a, n := range least {
		require.GreaterOrEqual(t, c[a], n, "answers %v are too few for the agreement to mean anything", a)
	}
}

var bothOften = map[oracle.Answer]int{oracle.Allowed: 100, oracle.Forbidden: 100}

func dump(h *history.History) string {
	s := ""
	for _, o := range h.Ops {
		s += "\n  " + o.String()
	}
	return s
}

func TestRegisterAgreesWithOracle(t *testing.T) {
	for _, cas := range []bool{false, true} {
		counts := tally{}
		for seed := range uint64(3000) {
			shape := oracle.Shape{Ops: 3 + int(seed%5), Sessions: 3, Keys: 1 + int(seed%2), Faults: 12, Unknown: 15}
			h := oracle.RandomRegister(seed, shape, cas)
			require.NoError(t, h.Validate())
			p, err := CASRegister().Prepare(h)
			got, want := solve(t, p, err), oracle.Linearizable(h)
			require.Equal(t, want, got, "seed %d%s", seed, dump(h))
			counts[got]++
			if !cas {
				p, err := LinearizableRegister().Prepare(h)
				require.Equal(t, want, solve(t, p, err), "seed %d%s", seed, dump(h))
			}
		}
		counts.require(t, bothOften)
	}
}

// Sequential consistency against every order that keeps to the sessions', with
// compare-and-set, values written twice and operations of unknown outcome.
func TestSequentialAgreesWithOracle(t *testing.T) {
	counts := tally{}
	for seed := range uint64(6000) {
		shape := oracle.Shape{Ops: 3 + int(seed%5), Sessions: 2 + int(seed%2), Keys: 1 + int(seed%2), Faults: 12, Unknown: 15}
		h := oracle.RandomRegister(seed, shape, seed%3 > 0)
		for i := range h.Ops { // half of them with values that are written once
			if o := &h.Ops[i]; seed%4 < 2 && o.Func == history.Write {
				o.Arg = history.Int(int64(10 + i))
			}
			if o := &h.Ops[i]; seed%4 < 2 && o.Func == history.Read && o.Outcome == history.OK {
				o.Out = history.Nil
				if j := int(seed/4) % len(h.Ops); h.Ops[j].Func == history.Write && h.Ops[j].Key == o.Key {
					o.Out = history.Int(int64(10 + j))
				}
			}
		}
		want := oracle.Forbidden
		if oracle.SequentialObjects(h) {
			want = oracle.Allowed
		}
		p, err := Sequential().Prepare(h)
		require.Equal(t, want, solve(t, p, err), "seed %d%s", seed, dump(h))
		counts[want]++
	}
	counts.require(t, bothOften)
}

// replicatedShapes are the shapes over which eventual and causal are compared.
func replicatedShapes(seed uint64) oracle.Shape {
	types := []history.Type{"", history.Register, history.Counter, history.Set, history.Register}
	return oracle.Shape{
		Type: types[seed/3%5],
		Ops:  4 + int(seed%4), Sessions: 2 + int(seed/4%2), Keys: 1 + int(seed/8%3),
		Tagged: seed%3 == 0, Stamped: seed%5 < 3, Unique: seed%7 < 5, Causal: seed%2 == 0,
		Faults: 10, Unknown: 15,
	}
}

func TestEventualAgreesWithOracle(t *testing.T) {
	counts := tally{}
	for seed := range uint64(4000) {
		shape := replicatedShapes(seed)
		shape.Fence = seed%4 != 1
		h := oracle.Random(seed, shape)
		require.NoError(t, h.Validate())
		p, err := Eventual().Prepare(h)
		got, want := solve(t, p, err), oracle.Eventual(h)
		require.Equal(t, want, got, "seed %d fences %v%s", seed, h.Fences, dump(h))
		p, err = prepareEventual(h, false)
		require.Equal(t, want, solve(t, p, err), "over whole intervals: seed %d%s", seed, dump(h))
		counts[got]++
	}
	counts.require(t, bothOften)
}

func TestCausalAgreesWithOracle(t *testing.T) {
	counts := tally{}
	for seed := range uint64(4000) {
		h := oracle.Random(seed, replicatedShapes(seed))
		require.NoError(t, h.Validate())
		p, err := Causal().Prepare(h)
		got, want := solve(t, p, err), oracle.Causal(h)
		require.Equal(t, want, got, "seed %d%s", seed, dump(h))
		p, err = prepareCausal(h, readsFromToo, false)
		require.Equal(t, want, solve(t, p, err), "without pruning: seed %d%s", seed, dump(h))
		if h.Tagged {
			require.Equal(t, want, oracle.LatticeCausal(h), "the two oracles: seed %d%s", seed, dump(h))
		}
		counts[got]++
	}
	counts.require(t, map[oracle.Answer]int{oracle.Allowed: 100, oracle.Forbidden: 100, oracle.Ambiguous: 20})
}

// TestPipelinedAgreesWithOracle: with and without pruning, and where tags tell what was
// seen, by every order of a session's view.
func TestPipelinedAgreesWithOracle(t *testing.T) {
	counts := tally{}
	apart := 0 // from causal memory
	for seed := range uint64(4000) {
		h := oracle.Random(seed, replicatedShapes(seed))
		if seed%2 == 1 {
			h = oracle.SomeSets(seed, 6, 3, 2)
		}
		p, err := Pipelined().Prepare(h)
		got := solve(t, p, err)
		p, err = prepareCausal(h, sessionsAlone, false)
		require.Equal(t, got, solve(t, p, err), "without pruning: seed %d%s", seed, dump(h))
		if h.Tagged {
			require.Equal(t, oracle.LatticePRAM(h), got == oracle.Allowed, "seed %d%s", seed, dump(h))
		}
		p, err = Causal().Prepare(h)
		switch causal := solve(t, p, err); {
		case causal == oracle.Allowed:
			require.Equal(t, oracle.Allowed, got, "causal memory implies it: seed %d%s", seed, dump(h))
		case got == oracle.Allowed:
			apart++
		}
		counts[got]++
	}
	require.Greater(t, apart, 5)
	counts.require(t, map[oracle.Answer]int{oracle.Allowed: 100, oracle.Forbidden: 100, oracle.Ambiguous: 20})
}

// A restriction closed under Support must be allowed whenever the whole is:
// shrinking rests on it.
func TestReductionIsSound(t *testing.T) {
	type subject struct {
		model Model
		make  func(seed uint64) *history.History
		judge func(*history.History) oracle.Answer
	}
	subjects := []subject{
		{CASRegister(), func(seed uint64) *history.History {
			return oracle.RandomRegister(seed, oracle.Shape{Ops: 6, Sessions: 3, Keys: 1, Faults: 3, Unknown: 20}, true)
		}, oracle.Linearizable},
		{Eventual(), func(seed uint64) *history.History {
			shape := replicatedShapes(seed)
			shape.Fence, shape.Faults = true, 3
			return oracle.Random(seed, shape)
		}, oracle.Eventual},
		{Causal(), func(seed uint64) *history.History {
			shape := replicatedShapes(seed)
			shape.Faults = 3
			return oracle.Random(seed, shape)
		}, oracle.Causal},
	}
	for _, s := range subjects {
		t.Run(s.model.Name, func(t *testing.T) {
			checked := 0
			for seed := range uint64(1200) {
				h := s.make(seed)
				if s.judge(h) != oracle.Allowed {
					continue
				}
				reduction := s.model.Reduce(h)
				for drop := range h.Ops {
					sub := without(h, reduction, drop, int(seed)%len(h.Ops))
					require.Equal(t, oracle.Allowed, s.judge(sub), "seed %d without #%d:%s\nof%s", seed, drop, dump(sub), dump(h))
					checked++
				}
			}
			t.Logf("%d closed restrictions of allowed histories are allowed", checked)
			require.Greater(t, checked, 1000)
		})
	}
}

// without drops some operations and whatever is left without its support.
func without(h *history.History, reduction Reduction, drop ...int) *history.History {
	gone := map[int]bool{}
	for _, i := range drop {
		gone[i] = true
	}
	for changed := true; changed; {
		changed = false
		for i := range h.Ops {
			for _, j := range reduction.Support(i) {
				if gone[j] && !gone[i] {
					gone[i], changed = true, true
				}
			}
		}
	}
	var kept []int
	for i := range h.Ops {
		if !gone[i] {
			kept = append(kept, i)
		}
	}
	return reduction.Restrict(kept)
}
