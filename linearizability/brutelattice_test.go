package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// lattices judges a tagged history at every lattice level.
func (c bruteTally) lattices(t *testing.T, h *history.History) {
	ryw, mr, mw, wfr := oracle.LatticeSession(h)
	c.agree(t, h, "lattice-causal", oracle.LatticeCausal(h) == oracle.Allowed)
	c.agree(t, h, "lattice-linearizable", oracle.LatticeLinearizable(h))
	pram := oracle.LatticePRAM(h)
	c.agree(t, h, "lattice-pram", pram)
	c.agree(t, h, "pipelined", pram)
	c.agree(t, h, "lattice-ryw", ryw)
	c.agree(t, h, "lattice-mr", mr)
	c.agree(t, h, "lattice-mw", mw)
	c.agree(t, h, "lattice-wfr", wfr)
	c.agree(t, h, "causal", oracle.Causal(h) == oracle.Allowed)
	explained, sameTags, settled := oracle.Convergence(h)
	c.agree(t, h, "explained", explained)
	c.agree(t, h, "strong-eventual", sameTags)
	c.agree(t, h, "settled", settled)
	c.agree(t, h, "convergence", explained && sameTags && settled)
	c.agree(t, h, "eventual", oracle.Eventual(h) == oracle.Allowed)
}

// fenced sets a settle fence at some time, so that convergence has something to
// say.
func fenced(h *history.History, seed uint64) *history.History {
	h.Fences = []int64{h.Ops[seed%uint64(len(h.Ops))].Call}
	return h
}

// torn empties the last value read of every third history, whatever was seen.
func torn(h *history.History, seed uint64) *history.History {
	for i := len(h.Ops) - 1; i >= 0 && seed%3 == 0; i-- {
		if r := &h.Ops[i]; r.Type == history.Set && r.Func == history.Read && r.Out.Len() > 0 {
			r.Out = history.SetOf()
			break
		}
	}
	return h
}

// Every tagged history up to five operations, three sessions and two keys, up to
// renaming, with intervals that overlap.
func TestLatticeLevelsAgreeWithDefinitions(t *testing.T) {
	t.Parallel()
	counts, all, compared := bruteTally{}, 0, 0
	for n := 1; n <= 5; n++ {
		for h := range oracle.AllSets(n, 3, 2) {
			all, compared = all+1, compared+1
			seed := uint64(all)
			counts.lattices(t, fenced(timed(h, seed), seed))
			if seed%3 == 0 {
				counts.lattices(t, torn(h, seed))
				compared++
			}
		}
	}
	t.Logf("%d histories, and %d of them with a torn value", all, compared-all)
	counts.report(t, compared, 50)
}

// Larger ones, some drawn freely and some of a sloppy store with counters,
// registers and indeterminate puts.
func TestLatticeLevelsAgreeAtRandom(t *testing.T) {
	t.Parallel()
	six, more := atRandom(10_000, 1_000)
	counts := bruteTally{}
	some := func(seed uint64, n int) {
		h := oracle.SomeSets(seed, n, 3, 2)
		if seed%2 == 0 {
			shape := shapeOf(seed / 2)
			shape.Ops = n
			h = oracle.Random(seed, shape)
		} else if seed%4 == 1 {
			h = timed(h, seed)
		}
		if seed%3 == 0 && len(h.Fences) == 0 {
			fenced(h, seed)
		}
		counts.lattices(t, torn(h, seed/7))
	}
	for seed := range six {
		some(uint64(seed), 6)
	}
	for seed := range more {
		some(uint64(seed), 7+seed%2)
	}
	counts.report(t, six+more, 100)
}

// Without tags two of the guarantees can be seen in values: never against what
// the tags say.
func TestUntaggedSessionGuarantees(t *testing.T) {
	counts := bruteTally{}
	for seed := range uint64(4000) {
		shape := shapeOf(seed)
		shape.Type, shape.Faults = []history.Type{history.Set, history.Register}[seed%2], 0
		tagged := oracle.Random(seed, shape)
		shape.Tagged = false
		plain := oracle.Random(seed, shape)
		for _, level := range []string{"lattice-ryw", "lattice-mr"} {
			got := judgeBy(t, plain, level)
			if got == Violation {
				require.Equal(t, Violation, judgeBy(t, tagged, level), "seed %d%s", seed, dump{plain})
			}
			counts.add(level, got)
		}
		require.Equal(t, Inconclusive, judgeBy(t, plain, "lattice-mw"))
	}
	t.Logf("%v", counts)
	for level, c := range counts {
		require.Greater(t, c[OK], 100, level)
		require.Greater(t, c[Violation], 20, level)
	}
}

// Two views of a last-writer-wins register. A writer whose clock is behind
// overwrites what it has read, in vain: as a lattice nothing is wrong, since the
// read returns the join of both writes, but as a register the session reads what
// it had itself replaced.
func TestTwoViewsOfARegister(t *testing.T) {
	write := func(session int, call int64, v int64, tag, clock uint64) history.Op {
		return history.Op{
			Session: session, Node: -1, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(v),
			Call: call, Return: call + 1, Tag: tag, Stamp: history.Stamp{Clock: clock, Writer: uint64(session + 1)},
		}
	}
	read := func(session int, call int64, v int64, clock, writer uint64, saw ...uint64) history.Op {
		return history.Op{
			Session: session, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Out: history.Int(v),
			Call: call, Return: call + 1, Saw: saw, Stamp: history.Stamp{Clock: clock, Writer: writer},
		}
	}
	h := inOrder(&history.History{Tagged: true, Ops: []history.Op{
		write(0, 0, 1, 1, 10), read(1, 2, 1, 10, 1, 1), write(1, 4, 2, 2, 5), read(1, 6, 1, 10, 1, 1, 2),
	}})
	require.Equal(t, OK, mustCheck(t, h, "lattice-causal").Status)
	require.Equal(t, OK, mustCheck(t, h, "lattice-ryw").Status)
	v := mustCheck(t, h, "cc")
	require.Equal(t, Violation, v.Status)
	require.Len(t, v.Witness, 4)
	require.Equal(t, Violation, mustCheck(t, h, "ryw+wfr").Status)
}
