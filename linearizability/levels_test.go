package linearizability

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/contract"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// sessionsOf builds a register history from one list of operations a session,
// each such as "w x 1" or "r y 0", the latter a read of the initial value.
func sessionsOf(t *testing.T, sessions ...[]string) *history.History {
	t.Helper()
	h := &history.History{}
	for s, ops := range sessions {
		for _, text := range ops {
			var fn, key string
			var n int64
			_, err := fmt.Sscan(text, &fn, &key, &n)
			require.NoError(t, err)
			o := history.Op{
				Index: len(h.Ops), Session: s, Node: -1, Type: history.Register, Key: key, Func: history.Read,
				Call: int64(2 * len(h.Ops)), Return: int64(2*len(h.Ops) + 1),
			}
			if fn == "w" {
				o.Func, o.Arg = history.Write, history.Int(n)
			} else if n != 0 {
				o.Out = history.Int(n)
			}
			h.Ops = append(h.Ops, o)
		}
	}
	require.NoError(t, h.Validate())
	return h
}

// figures are the five histories of Bouajjani et al. (POPL 2017), and the
// regression of a read that misses its session's own write.
var figures = []struct {
	name     string
	sessions [][]string
	verdicts string // CC, CM, CCv
	holds    []string
	broken   []string
}{
	{"a", [][]string{{"w x 1", "r x 2"}, {"w x 2", "r x 1"}}, "TTF", []string{"cm"}, []string{"ccv"}},
	{"b", [][]string{{"w z 1", "w x 1", "w y 1"}, {"w x 2", "r z 0", "r y 1", "r x 2"}}, "TFT", []string{"ccv"}, []string{"pram"}},
	{"c", [][]string{{"w x 1"}, {"w x 2", "r x 1", "r x 2"}}, "TFF", []string{"cc", "mr"}, []string{"ccv", "pram"}},
	{"d", [][]string{{"w x 1", "r y 0", "w y 1", "r x 1"}, {"w x 2", "r y 0", "w y 2", "r x 2"}}, "TTT", []string{"ccv", "cm"}, []string{"sequential"}},
	{"e", [][]string{{"w x 1", "w y 1"}, {"r y 1", "w x 2"}, {"r x 2", "r x 1"}}, "FFF", []string{"pram", "wfr"}, []string{"cc"}},
	{"own write lost", [][]string{{"w x 1", "r x 0"}}, "FFF", []string{"mr", "wfr"}, []string{"ryw"}},
}

func TestFigures(t *testing.T) {
	for _, f := range figures {
		t.Run(f.name, func(t *testing.T) {
			h := sessionsOf(t, f.sessions...)
			got := ""
			for _, level := range []string{"cc", "cm", "ccv"} {
				got += map[Status]string{OK: "T", Violation: "F"}[mustCheck(t, h, level).Status]
			}
			require.Equal(t, f.verdicts, got)
			report, err := Levels(context.Background(), h, Budget{})
			require.NoError(t, err)
			require.Equal(t, f.holds, report.Holds)
			require.Equal(t, f.broken, report.Broken)
			require.Empty(t, report.Open)
			t.Log("\n" + report.String())
		})
	}
}

// tables are the hierarchies, each with the histories against which it is held and,
// where there is one, a judge that tries orders.
var tables = []struct {
	name      string
	hierarchy hierarchy
	truth     func(t *testing.T, h *history.History) map[string]bool
	each      func(judge func(*history.History))
}{
	{"registers", registerHierarchy()[1:], registersByDefinition, func(judge func(*history.History)) {
		for n := 1; n <= 4; n++ {
			for h := range oracle.AllRegisters(n, 3, 2) {
				judge(h)
			}
		}
		for seed := range uint64(2000) {
			judge(oracle.SomeStore(seed))
			judge(doubted(oracle.SomeRegisters(seed, 6, 3, 2), seed))
		}
	}},
	{"registers in real time", registerHierarchy(), func(t *testing.T, h *history.History) map[string]bool {
		holds := registersByDefinition(t, h)
		holds["linearizable-register"] = oracle.Linearizable(h) == oracle.Allowed
		return holds
	}, func(judge func(*history.History)) {
		for seed := range uint64(2000) {
			for _, h := range []*history.History{oracle.SomeStore(seed), oracle.SomeRegisters(seed, 5, 3, 2)} {
				if h = timed(h, seed); inRealTime(h) {
					judge(h)
				}
			}
		}
	}},
	{"compare and set", casHierarchy(), func(_ *testing.T, h *history.History) map[string]bool {
		return map[string]bool{"cas-register": oracle.Linearizable(h) == oracle.Allowed, "sequential": oracle.SequentialObjects(h)}
	}, func(judge func(*history.History)) {
		for seed := range uint64(1000) {
			judge(oracle.RandomRegister(seed, oracle.Shape{Ops: 6, Sessions: 3, Keys: 2, Faults: int(seed % 20), Unknown: 10}, true))
		}
	}},
	{"transactions", transactionHierarchy(), func(_ *testing.T, h *history.History) map[string]bool {
		o := oracle.NewTransactions(h)
		free := o.Free()
		return map[string]bool{
			"repeatable-read": free.Serializable(), "pl-si": free.Snapshot(), "monotonic-atomic-view": free.ReadCommitted(), "pl-2": free.PL2(), "read-uncommitted": free.PL1(),
			"strict-serializable": o.StrictSerializable(), "serializable": o.Serializable(), "snapshot-isolation": o.Snapshot(), "prefix": o.Prefix(),
			"transactional-causal": o.Causal(), "read-atomic": o.ReadAtomic(), "read-committed": o.ReadCommitted(), "item-cut": o.ItemCut(),
		}
	}, func(judge func(*history.History)) {
		for seed := range sample(120, 200) {
			oracle.InTransactions(oracle.SomeRegisters(seed, 6, 3, 2), false, judge)
		}
		for h := range oracle.AllRegisters(4, 2, 2) { // write skew and a long fork among them
			oracle.InTransactions(h, false, judge)
		}
	}},
	{"queues", contractHierarchies[history.Queue], func(t *testing.T, h *history.History) map[string]bool {
		all := contract.All()
		queue := all[slices.IndexFunc(all, func(c contract.Contract) bool { return c.Name == "queue" })]
		return map[string]bool{"linearizable": oracle.LinearizableObjects(h, false), "queue": len(queue.Judge(h).Broken()) == 0}
	}, func(judge func(*history.History)) {
		for seed := range uint64(1000) {
			judge(oracle.RandomObject(seed, history.Queue, 6, false))
		}
	}},
	{"lists", transactionHierarchy(), func(_ *testing.T, h *history.History) map[string]bool { return oracle.NewLists(h).Judge() }, func(judge func(*history.History)) {
		judge(listsOf("a x 1", "a y 2", "r x 1, r y", "r y 2, r x")) // a long fork
		for seed := range uint64(2000) {
			judge(oracle.SomeLists(seed, 4+int(seed%2), 3+int(seed%2), 2))
		}
	}},
	{"lattices", latticeHierarchy()[:6], nil, func(judge func(*history.History)) {
		for seed := range uint64(2000) {
			judge(oracle.SomeSets(seed, 5, 3, 2))
			if h := oracle.Random(seed, shapeOf(seed)); !touching(h) {
				judge(h)
			}
		}
	}},
	{"lattices without tags", untaggedHierarchy()[:4], nil, func(judge func(*history.History)) {
		for seed := range uint64(3000) {
			shape := shapeOf(seed)
			shape.Type, shape.Tagged = []history.Type{history.Set, history.Counter}[seed%2], false
			if h := oracle.Random(seed, shape); !touching(h) {
				judge(h)
			}
		}
	}},
}

// registersByDefinition judges all register levels that do not look at time, and
// the sets of guarantees that are levels under another name.
func registersByDefinition(t *testing.T, h *history.History) map[string]bool {
	r, answer := oracle.NewRegisters(h)
	require.Equal(t, oracle.Allowed, answer, dump{h})
	holds := map[string]bool{}
	for level, judge := range byDefinition {
		holds[level] = judge(r)
	}
	require.Equal(t, holds["pram"], holds["ryw+mr+mw"], "Brzeziński et al. 2003:%s", dump{h})
	require.Equal(t, holds["cm"], holds["ryw+mr+mw+wfr"], "Brzeziński et al. 2004:%s", dump{h})
	return holds
}

// The hierarchies against small histories, by brute force and by the checkers: what is
// said to follow does follow, and of what is not said to follow some history shows
// that it does not.
func TestLadders(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		t.Run(table.name, func(t *testing.T) {
			separated := map[[2]string]bool{}
			n := 0
			table.each(func(h *history.History) {
				n++
				status := map[string]Status{}
				var truth map[string]bool
				if table.truth != nil {
					truth = table.truth(t, h)
				}
				for _, r := range table.hierarchy {
					status[r.level] = judgeBy(t, h, r.level)
					if holds, known := truth[r.level]; known {
						require.Equal(t, holds, status[r.level] == OK, "%s%s", r.level, dump{h})
					}
				}
				for pair := range apart(t, table.hierarchy, status, h) {
					separated[pair] = true
				}
			})
			var same []string
			for _, r := range table.hierarchy {
				for _, other := range table.hierarchy {
					if r.level != other.level && !table.hierarchy.implied(r.level)[other.level] && !separated[[2]string{r.level, other.level}] {
						same = append(same, r.level+" without "+other.level)
					}
				}
			}
			t.Logf("%d histories", n)
			require.Empty(t, same, "said not to follow, but no history shows it")
		})
	}
}

// apart returns the pairs of levels of which the first holds and the second is
// broken; none of them may be said to follow.
func apart(t *testing.T, l hierarchy, status map[string]Status, h *history.History) map[[2]string]bool {
	pairs := map[[2]string]bool{}
	for _, r := range l {
		below := l.implied(r.level)
		for _, other := range l {
			if status[r.level] == OK && status[other.level] == Violation {
				require.False(t, below[other.level], "%s holds and %s does not:%s", r.level, other.level, dump{h})
				pairs[[2]string{r.level, other.level}] = true
			}
		}
	}
	return pairs
}

func TestLevelsOfOtherHistories(t *testing.T) {
	report, err := Levels(context.Background(), settledRun(), Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"lattice-causal", "convergence"}, report.Holds)
	require.Equal(t, []string{"lattice-linearizable"}, report.Broken)
	report, err = Levels(context.Background(), oracle.Random(1, oracle.Shape{Ops: 9, Sessions: 2, Keys: 1, Type: history.Register, Tagged: true, Stamped: true, Unique: true}), Budget{})
	require.NoError(t, err)
	require.Len(t, report.Verdicts, len(latticeHierarchy().asked(&history.History{}))+len(registerHierarchy()), "both views")
	transactions, _ := firstWithTransactions()
	report, err = Levels(context.Background(), transactions, Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"serializable"}, report.Holds)
	require.Empty(t, report.Open, "strict serializability is not asked for, as the text says nothing of time")
	strict := mustCheck(t, transactions, "strict-serializable")
	require.Equal(t, Inconclusive, strict.Status)
	require.Contains(t, strict.Reason, "real time")
	transactions.Untimed = false
	report, err = Levels(context.Background(), transactions, Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"strict-serializable"}, report.Holds)
	for seed, want := range map[uint64][]string{3: {"cas-register"}, 1: nil} {
		h := oracle.RandomRegister(seed, oracle.Shape{Ops: 9, Sessions: 2, Keys: 1, Faults: int(100 * (3 - seed) / 2)}, true)
		report, err = Levels(context.Background(), h, Budget{})
		require.NoError(t, err)
		require.Equal(t, want, report.Holds, dump{h})
	}
	report, err = Levels(context.Background(), oracle.RandomObject(1, history.MultiValue, 6, false), Budget{})
	require.NoError(t, err)
	require.Len(t, report.Verdicts, 1)
	report, err = Levels(context.Background(), oracle.RandomObject(1, history.Queue, 6, false), Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"queue"}, report.Holds)
	require.Equal(t, []string{"linearizable"}, report.Broken)
	report, err = Levels(context.Background(), oracle.Random(1, oracle.Shape{Ops: 9, Sessions: 2, Keys: 2, Type: history.Set, Causal: true}), Budget{})
	require.NoError(t, err)
	require.Equal(t, "linearizable", report.Verdicts[0].Model)
	_, err = Levels(context.Background(), &history.History{Ops: []history.Op{{Index: 3}}}, Budget{})
	require.ErrorIs(t, err, history.ErrInvalid)
}

// firstWithTransactions is two writes in one transaction, read in another.
func firstWithTransactions() (*history.History, error) {
	return history.Decode("awdit", "two transactions", strings.NewReader("w 1 1\nw 2 1\n=====\nr 1 1\nr 2 1\n"))
}

// touching reports whether a session begins an operation as another one ends.
func touching(h *history.History) bool {
	last := map[int]int64{}
	for _, o := range h.Ops {
		if end, ok := last[o.Session]; ok && end == o.Call {
			return true
		}
		last[o.Session] = o.Return
	}
	return false
}

func ExampleLevels() {
	// A session reads its own earlier write again after it has seen the newer one.
	h := &history.History{}
	for i, o := range []history.Op{
		{Session: 0, Func: history.Write, Arg: history.Int(1)},
		{Session: 1, Func: history.Read, Out: history.Int(1)},
		{Session: 1, Func: history.Write, Arg: history.Int(2)},
		{Session: 1, Func: history.Read, Out: history.Int(1)},
	} {
		o.Index, o.Type, o.Key, o.Call, o.Return = i, history.Register, "x", int64(2*i), int64(2*i+1)
		h.Ops = append(h.Ops, o)
	}
	report, err := Levels(context.Background(), h, Budget{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(report)
	// Output:
	// holds: ryw, mr, wfr
	// broken: cc, pram
	//
	// cc: WriteCORead: read #3 returns write #0, which write #2 overwrote causally before it
	//       s0      s1
	// #0    x := 1
	// #1            x = 1
	// #2            x := 2
	// #3            x = 1
	//
	// pram: CyclicHB: read #3 returns what write #2 has overwritten in the view of session 1
	//       s0      s1
	// #0    x := 1
	// #1            x = 1
	// #2            x := 2
	// #3            x = 1
}
