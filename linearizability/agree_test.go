package linearizability

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// dump prints a history where a message asks for it, which most never do.
type dump struct{ *history.History }

func (d dump) String() string {
	s := ""
	for _, o := range d.Ops {
		s += "\n  " + o.String()
	}
	return s
}

var meaning = map[Status]oracle.Answer{OK: oracle.Allowed, Violation: oracle.Forbidden, Inconclusive: oracle.Ambiguous}

func shapeOf(seed uint64) oracle.Shape {
	types := []history.Type{"", history.Register, history.Counter, history.Set}
	return oracle.Shape{
		Type: types[seed/2%4], Ops: 4 + int(seed%5), Sessions: 2 + int(seed/4%2), Keys: 1 + int(seed/8%3),
		Tagged: true, Stamped: true, Unique: seed%3 > 0, Causal: seed%2 == 0, Faults: 8, Unknown: 15,
	}
}

func TestLatticeCausalAgrees(t *testing.T) {
	t.Parallel()
	counts := map[Status]int{}
	for seed := range uint64(4000) {
		h := oracle.Random(seed, shapeOf(seed))
		if !observes(h) {
			continue
		}
		v := mustCheck(t, h, "lattice-causal")
		require.Equal(t, oracle.LatticeCausal(h), meaning[v.Status], "seed %d: %v%s", seed, v, dump{h})
		require.Equal(t, v.Status, mustCheck(t, h, "causal").Status, "the model: seed %d%s", seed, dump{h})
		counts[v.Status]++
	}
	t.Logf("agreed with brute force and with the causal model: %v", counts)
	require.Greater(t, counts[OK], 500)
	require.Greater(t, counts[Violation], 500)
}

func TestConvergenceAgrees(t *testing.T) {
	t.Parallel()
	counts := map[Status]int{}
	for seed := range uint64(4000) {
		shape := shapeOf(seed)
		shape.Fence, shape.Tagged = true, seed%5 > 0
		h := oracle.Random(seed, shape)
		v := Convergence(h)
		explained, sameTags, settled := oracle.Convergence(h)
		require.Equal(t, explained && sameTags && settled, v.Status == OK, "seed %d fences %v: %v%s", seed, h.Fences, v, dump{h})
		// The model does not ask that the same tags mean the same value.
		require.Equal(t, oracle.Eventual(h), meaning[mustCheck(t, h, "eventual").Status], "the model: seed %d%s", seed, dump{h})
		require.Equal(t, explained && settled, oracle.Eventual(h) == oracle.Allowed, "seed %d%s", seed, dump{h})
		for part, holds := range map[string]bool{"explained": explained, "settled": settled, "strong-eventual": sameTags} {
			if h.Tagged || part != "strong-eventual" {
				require.Equal(t, holds, judgeBy(t, h, part) == OK, "%s: seed %d%s", part, seed, dump{h})
			}
		}
		counts[v.Status]++
	}
	t.Logf("agreed with brute force and with the eventual model: %v", counts)
	require.Greater(t, counts[OK], 500)
	require.Greater(t, counts[Violation], 500)
}

// Histories of the size of a simulated run, by a store that makes no mistakes:
// no checker may object, and the general ones must get done.
func TestCleanRunsPass(t *testing.T) {
	t.Parallel()
	counts := map[string]map[Status]int{}
	for seed := range uint64(300) {
		shape := oracle.Shape{
			Ops: 40, Sessions: 4, Keys: 3, Tagged: seed%5 > 0, Stamped: true, Unique: true,
			Causal: true, Sticky: true, Fence: true, Unknown: 10,
		}
		h := oracle.Random(seed, shape)
		for _, model := range []string{"eventual", "causal", "convergence", "lattice-causal"} {
			if model == "lattice-causal" && !h.Tagged {
				continue
			}
			v := mustCheck(t, h, model)
			if counts[model] == nil {
				counts[model] = map[Status]int{}
			}
			counts[model][v.Status]++
			if v.Status != OK && v.Status != Undecided {
				t.Fatalf("seed %d: %v", seed, v)
			}
		}
	}
	t.Logf("%v", counts)
	for model, c := range counts {
		require.LessOrEqual(t, 100*c[Undecided], c[OK], "%s: more than one in a hundred undecided", model)
	}
}

// A witness must be a violation by itself, minimal under removal of single
// operations with what rests on them, and small.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	sizes := map[string]map[int]int{}
	for seed := range uint64(400) {
		shape := shapeOf(seed)
		shape.Ops, shape.Fence, shape.Sessions = 25, true, 3
		for _, model := range []string{"eventual", "causal", "convergence", "lattice-causal", "cas-register"} {
			h := oracle.Random(seed, shape)
			if model == "cas-register" {
				h = oracle.RandomRegister(seed, oracle.Shape{Ops: 25, Sessions: 4, Keys: 2, Faults: 10, Unknown: 5}, true)
			}
			v := mustCheck(t, h, model)
			if v.Status != Violation {
				continue
			}
			if sizes[model] == nil {
				sizes[model] = map[int]int{}
			}
			sizes[model][len(v.Witness)]++
			var kept []int
			for i, o := range v.Witness {
				require.Equal(t, h.Ops[o.Index], o)
				if i > 0 {
					require.Less(t, kept[i-1], o.Index)
				}
				kept = append(kept, o.Index)
			}
			require.True(t, stillViolates(t, h, model, kept), "seed %d: %v%s", seed, v, dump{h})
			for i := range kept {
				if model == "cas-register" {
					break // minimal within the prefix that it was cut to, not within h
				}
				fewer := slices.Delete(slices.Clone(kept), i, i+1)
				require.False(t, stillViolates(t, h, model, fewer), "seed %d without %d: %v", seed, kept[i], v)
			}
			require.Equal(t, v, mustCheck(t, h, model), "the same twice")
		}
	}
	for model, bySize := range sizes {
		small, all := 0, 0
		for n, count := range bySize {
			all += count
			if n <= 6 {
				small += count
			}
		}
		t.Logf("%s: %d witnesses, sizes %v", model, all, bySize)
		require.Greater(t, all, 20, model)
		require.GreaterOrEqual(t, 10*small, 8*all, "%s: eight in ten witnesses have at most six operations", model)
	}
}

// stillViolates judges a restriction of h, after dropping what lacks support.
func stillViolates(t *testing.T, h *history.History, model string, kept []int) bool {
	for _, c := range checkers() {
		if c.Name == model {
			b, err := Budget{}.withDefaults()
			require.NoError(t, err)
			s := &shrinker{c: c, m: newMeter(context.Background(), b)}
			s.about(h)
			if c.realTime {
				return s.violates(kept)
			}
			closed := s.close(kept)
			return len(closed) > 0 && s.violates(closed)
		}
	}
	t.Fatalf("no model %s", model)
	return false
}

// Without tags the check must never contradict the tags, nor the causal model,
// and where it answers at all it answers as brute force does.
func TestUntaggedLatticeCausal(t *testing.T) {
	counts := map[Status]int{}
	for seed := range uint64(4000) {
		shape := shapeOf(seed)
		shape.Type = []history.Type{history.Set, history.Register}[seed%2]
		shape.Tagged = false
		h := oracle.Random(seed, shape)
		if !observes(h) {
			continue
		}
		r := untaggedCausal(nil, h)
		counts[r.status]++
		// The oracle does not look at time, which forbids to read what comes later.
		if want := oracle.Causal(h); r.status != Undecided && want != oracle.Ambiguous && !readsAhead(h) {
			require.Equal(t, want, meaning[r.status], "seed %d: %v%s", seed, r, dump{h})
		}
		shape.Tagged = true
		tagged := mustCheck(t, oracle.Random(seed, shape), "lattice-causal").Status
		if r.status == Violation {
			require.Equal(t, Violation, tagged, "seed %d: %v%s", seed, r, dump{h})
		}
	}
	t.Logf("%v", counts)
	require.Greater(t, counts[OK], 300)
	require.Greater(t, counts[Violation], 300)
}

// readsAhead reports whether a read returned something that was put only later.
func readsAhead(h *history.History) bool {
	for i := range h.Ops {
		for j := range h.Ops {
			r, p := &h.Ops[i], &h.Ops[j]
			list, _ := r.Out.AsList()
			saw := r.Out.Equal(p.Arg) || slices.ContainsFunc(list, p.Arg.Equal)
			if !r.IsPut() && p.IsPut() && r.Key == p.Key && saw && p.Call > r.Return {
				return true
			}
		}
	}
	return false
}

// For lattice values CC, CM and CCv are one, by their definitions: every small
// history of grow sets, with -long up to five operations, and drawn ones.
func TestCausalLevelsCollapseForLattices(t *testing.T) {
	counts := map[Status]int{}
	collapse := func(h *history.History) {
		cc, cm, ccv := oracle.LatticeLevels(h)
		require.True(t, cc == cm && cm == ccv, "%v %v %v%s", cc, cm, ccv, dump{h})
		want := Violation
		if cc {
			want = OK
		}
		got := judgeBy(t, h, "lattice-causal")
		require.Equal(t, want, got, dump{h})
		counts[got]++
	}
	largest := 4
	if *long {
		largest = 5
	}
	for n := 1; n <= largest; n++ {
		for h := range oracle.AllSets(n, 3, 2) {
			collapse(h)
		}
	}
	for seed := range uint64(3000) {
		shape := shapeOf(seed)
		shape.Type, shape.Ops, shape.Tagged = history.Set, 3+int(seed%4), true
		collapse(oracle.Random(seed, shape))
	}
	t.Logf("CC = CM = CCv by definition, and the checker: %v", counts)
	require.Greater(t, counts[OK], 300)
	require.Greater(t, counts[Violation], 300)
}
