package linearizability

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// bothWays judges causal memory and PRAM with edges put in one by one and with
// edges put in at once, which must be the same.
func bothWays(t *testing.T, h *history.History) (cm, pram Status) {
	verdicts := func(few int) (cm, pram Status) {
		a, r, err := compactRegisters(nil, "cm", h)
		require.NoError(t, err)
		require.Equal(t, OK, r.status)
		pram = pramViews(a, few).status
		p, r, err := causalOrder(nil, "cm", h)
		require.NoError(t, err)
		if r.status != OK {
			return r.status, pram
		}
		return p.memoryViews(few).status, pram
	}
	cm, pram = verdicts(0)
	oneByOne, pramOneByOne := verdicts(1 << 30)
	require.Equal(t, cm, oneByOne, "cm%s", dump{h})
	require.Equal(t, pram, pramOneByOne, "pram%s", dump{h})
	return cm, pram
}

func TestViewsBothWays(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	add := func(h *history.History) {
		r, answer := oracle.NewRegisters(h)
		require.Equal(t, oracle.Allowed, answer)
		cm, pram := bothWays(t, h)
		require.Equal(t, r.CM(), cm == OK, dump{h})
		require.Equal(t, r.PRAM(), pram == OK, dump{h})
		counts.add("cm", cm)
		counts.add("pram", pram)
	}
	for n := 1; n <= 4; n++ {
		for h := range oracle.AllRegisters(n, 3, 2) {
			add(h)
		}
	}
	for seed := range uint64(4000) {
		add(oracle.SomeStore(seed))
	}
	t.Logf("%v", counts)
}

// Longer runs of causal memory, some reads of which return another write, against
// the plain twin.
func TestViewsOfLongerRuns(t *testing.T) {
	counts := map[Status]int{}
	runs := 60
	if *long {
		runs = 1000
	}
	for i := range runs {
		h := received(80+i%80, 3+i%4, 3+i%5)
		if i%3 == 0 {
			h = lagging(80+i%80, 3+i%4, 3+i%5)
		}
		rng := rand.New(rand.NewPCG(uint64(i), 11))
		for range i % 4 {
			r, w := &h.Ops[rng.IntN(len(h.Ops))], &h.Ops[rng.IntN(len(h.Ops))]
			if !r.IsPut() && w.IsPut() && w.Index < r.Index+20 {
				r.Key, r.Out = w.Key, w.Arg
			}
		}
		plain, answer := oracle.NewPatterns(h)
		require.Equal(t, oracle.Allowed, answer)
		cm, _ := bothWays(t, h)
		require.Equal(t, plain.CM(), cm == OK, "run %d", i)
		counts[cm]++
		if v := mustCheck(t, h, "cm"); v.Status == Violation {
			require.LessOrEqual(t, len(v.Witness), 20, "%v", v)
		}
	}
	t.Logf("%v", counts)
	require.Greater(t, counts[OK], 5)
	require.Greater(t, counts[Violation], 5)
}
