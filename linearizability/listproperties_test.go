package linearizability

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// Witnesses are violations by brute force, and none of their operations can be left out.
func TestListWitnesses(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(150) {
		h := oracle.SomeLists(seed, 5, 3, 2)
		how := reduceLists(h)
		truth := oracle.NewLists(h).Judge()
		for _, r := range transactionHierarchy() {
			if truth[r.level] {
				continue
			}
			v := mustCheck(t, h, r.level)
			require.Equal(t, Violation, v.Status)
			require.NotEmpty(t, RuledOut(anomalyOf(v.Reason)), v.Reason)
			seen[r.level]++
			if r.level == "strict-serializable" {
				how = reduceInTime(h)
			} else {
				how = reduceLists(h)
			}
			var kept []int
			for _, o := range v.Witness {
				kept = append(kept, o.Index)
			}
			require.False(t, oracle.NewLists(how.Restrict(kept)).Judge()[r.level], "%s: seed %d: %v%s", r.level, seed, v, dump{h})
			for i := range kept {
				fewer := closed(how.Support, slices.Delete(slices.Clone(kept), i, i+1))
				require.True(t, len(fewer) == 0 || oracle.NewLists(how.Restrict(fewer)).Judge()[r.level], "%s: seed %d without #%d: %v%s", r.level, seed, kept[i], v, dump{h})
			}
		}
	}
	t.Log(seen)
	for _, r := range transactionHierarchy() {
		require.Positive(t, seen[r.level], r.level)
	}
}

// closed takes out what lacks support.
func closed(support func(int) []int, kept []int) []int {
	for {
		fewer := slices.DeleteFunc(slices.Clone(kept), func(i int) bool {
			return slices.ContainsFunc(support(i), func(j int) bool { return !slices.Contains(kept, j) })
		})
		if len(fewer) == len(kept) {
			return kept
		}
		kept = fewer
	}
}

// levelsOf are the verdicts at all levels.
func levelsOf(t *testing.T, h *history.History) map[string]Status {
	all := map[string]Status{}
	for _, r := range transactionHierarchy() {
		all[r.level] = judgeBy(t, h, r.level)
	}
	return all
}

// What must not change a verdict does not: other names and numbers, other units of time,
// operations of different sessions listed in another order, a read that is made twice.
func TestListVerdictsSurviveRewriting(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		h := oracle.SomeLists(seed, 5, 3, 2)
		want := levelsOf(t, h)
		rng := rand.New(rand.NewPCG(seed, 9))
		require.Equal(t, want, levelsOf(t, renamedLists(h)), "names: seed %d%s", seed, dump{h})
		require.Equal(t, want, levelsOf(t, rescaled(h)), "time: seed %d%s", seed, dump{h})
		require.Equal(t, want, levelsOf(t, readTwice(h, rng)), "a read twice: seed %d%s", seed, dump{h})
		after := levelsOf(t, readAtTheEnd(t, h))
		for level, s := range want {
			require.Equal(t, s, after[level], "a read of all at the end, at %s: seed %d%s", level, seed, dump{h})
		}
		free := levelsOf(t, withoutSessions(h))
		for level, s := range want {
			if s == OK { // to take sessions apart asks for less
				require.Equal(t, OK, free[level], "sessions apart, at %s: seed %d%s", level, seed, dump{h})
			}
		}
		for level, with := range map[string]string{"pl-si": "snapshot-isolation", "repeatable-read": "serializable", "monotonic-atomic-view": "read-committed"} {
			require.Equal(t, want[level], free[with], "%s is %s without sessions: seed %d%s", level, with, seed, dump{h})
		}
	}
}

// renamedLists gives keys, elements and sessions other names.
func renamedLists(h *history.History) *history.History {
	g := *h
	g.Ops = slices.Clone(h.Ops)
	name := func(v history.Value) history.Value { return history.List(history.Str("element"), v) }
	for i := range g.Ops {
		o := &g.Ops[i]
		o.Key, o.Session = "list "+o.Key, 17-o.Session
		if o.IsPut() {
			o.Arg = name(o.Arg)
			continue
		}
		list, isList := o.Out.AsList()
		if !isList {
			continue
		}
		var renamed []history.Value
		for _, v := range list {
			renamed = append(renamed, name(v))
		}
		o.Out = history.List(renamed...)
	}
	return &g
}

// rescaled measures time in another unit.
func rescaled(h *history.History) *history.History {
	g := *h
	g.Ops = slices.Clone(h.Ops)
	for i := range g.Ops {
		o := &g.Ops[i]
		if o.Call = 1000*o.Call - 77; o.Return != history.Pending {
			o.Return = 1000*o.Return - 77
		}
	}
	return &g
}

// readTwice repeats a read that returned.
func readTwice(h *history.History, rng *rand.Rand) *history.History {
	var reads []int
	for i := range h.Ops {
		if o := &h.Ops[i]; !o.IsPut() && o.Outcome == history.OK {
			reads = append(reads, i)
		}
	}
	g := *h
	g.Ops = slices.Clone(h.Ops)
	if len(reads) > 0 {
		i := reads[rng.IntN(len(reads))]
		g.Ops = slices.Insert(g.Ops, i, g.Ops[i])
	}
	for i := range g.Ops {
		g.Ops[i].Index = i
	}
	return &g
}

// readAtTheEnd adds a session that comes after everything, and a transaction of it that
// finds each list as the history has it, if that is known of the list.
func readAtTheEnd(t *testing.T, h *history.History) *history.History {
	t.Helper()
	l, r, err := newLists(nil, levelReadUncommitted, "", h)
	require.NoError(t, err)
	if r.status != OK {
		return h
	}
	g := *h
	g.Ops = slices.Clone(h.Ops)
	for k := range l.keys {
		list := &l.keys[k]
		if len(list.unseen) > 0 || slices.ContainsFunc(list.order, func(w int32) bool { return l.state[l.of[w]] != history.OK }) {
			continue
		}
		o := history.Op{
			Index: len(g.Ops), Session: 99, Node: -1, Type: history.AppendList, Func: history.Read, Key: list.name, Txn: 1,
			Call: 1 << 40, Return: 1<<40 + 1, Out: history.List(list.base...),
		}
		g.Ops = append(g.Ops, o)
	}
	return &g
}

// A cycle that rests on the order of a session is told with the level that does not ask
// for it.
func TestSessionHint(t *testing.T) {
	v := mustCheck(t, listsOf("a x 1 | r x"), "serializable")
	require.Contains(t, v.Reason, "-process")
	require.Contains(t, v.Hint, "--model repeatable-read")
	require.Empty(t, mustCheck(t, listsOf("r x, a y 1", "r y, a x 2"), "serializable").Hint)
}

// A list that a read shows may name what nobody can tell apart.
func TestListElementsThatAreNotUnique(t *testing.T) {
	h := listsOf("a x 1", "a x 1", "r x 1")
	v, err := Judge(context.Background(), h, "serializable", Budget{})
	require.NoError(t, err)
	require.Equal(t, Inconclusive, v.Status)
	require.ErrorIs(t, v.Cause, history.ErrNotUnique)
	require.Equal(t, OK, mustCheck(t, listsOf("a x 1", "a x 1", "r x"), "serializable").Status, "which of them was first does not matter")
	h.Ops[2].Out = history.Int(3)
	_, err = Judge(context.Background(), h, "serializable", Budget{})
	require.ErrorContains(t, err, "operation not described by the model")
	h = listsOf("a x 1", "r x 1")
	h.Ops[1].Type = history.Register
	_, err = Judge(context.Background(), h, "serializable", Budget{})
	require.ErrorContains(t, err, "operation not described by the model")
}

// The search for an order of appends that no read shows may run out of steps, and then
// says so.
func TestListSearchRunsOut(t *testing.T) {
	h := listsOf("a x 1, r y, a z 1", "a x 2, r z, a y 1")
	require.Equal(t, Violation, mustCheck(t, h, "snapshot-isolation").Status)
	v, err := Judge(context.Background(), h, "snapshot-isolation", Budget{Steps: 1})
	require.NoError(t, err)
	require.Equal(t, Undecided, v.Status)
}
