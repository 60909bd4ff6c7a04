package linearizability

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// lists judges a history at every level of transactions over lists.
func (c bruteTally) lists(t *testing.T, h *history.History) {
	holds := oracle.NewLists(h).Judge()
	for _, level := range slices.Sorted(maps.Keys(holds)) {
		c.agree(t, h, level, holds[level])
	}
}

// Every level of transactions over lists, against all commit orders.
func TestListLevelsAgreeAtRandom(t *testing.T) {
	t.Parallel()
	few, more := 3_000, 200
	if *long {
		few, more = 1_000_000, 2_000
	}
	counts := bruteTally{}
	for seed := range few {
		h := oracle.SomeLists(uint64(seed), 4, 2+seed%2, 2)
		require.NoError(t, h.Validate(), "seed %d%s", seed, dump{h})
		if counts.lists(t, h); seed%50_000 == 49_999 {
			t.Logf("%d histories so far", seed+1)
		}
	}
	for seed := range more {
		counts.lists(t, oracle.SomeLists(uint64(seed), 5+seed%2, 3, 2+seed%2))
	}
	counts.report(t, few+more, 30)
}

// listsOf builds a history of lists from one text a session, in which bars part
// transactions and commas operations: "a x 1, r y 2 3 | r x" appends 1 to x and finds y
// as [2 3], and then finds x empty. A transaction that begins with ! aborted. They follow
// one another, session by session.
func listsOf(sessions ...string) *history.History {
	h := &history.History{}
	txn := uint64(0)
	for s, text := range sessions {
		for _, ops := range strings.Split(text, "|") {
			txn++
			ops, aborted := strings.CutPrefix(strings.TrimSpace(ops), "!")
			for _, op := range strings.Split(ops, ",") {
				words := strings.Fields(op)
				o := history.Op{
					Index: len(h.Ops), Session: s, Node: -1, Type: history.AppendList, Func: history.Read, Key: words[1], Txn: txn,
					Call: int64(2 * len(h.Ops)), Return: int64(2*len(h.Ops) + 1),
				}
				var list []history.Value
				for _, w := range words[2:] {
					n, err := strconv.ParseInt(w, 10, 64)
					if err != nil {
						panic(err)
					}
					list = append(list, history.Int(n))
				}
				if o.Out = history.List(list...); words[0] == "a" {
					o.Func, o.Arg, o.Out = history.Append, list[0], history.Nil
				}
				if aborted {
					o.Outcome = history.Failed
				}
				h.Ops = append(h.Ops, o)
			}
		}
	}
	return h
}

// One history an anomaly, after the figures of Adya and of Elle: by which level it is
// named, and what it rules out.
var namedAnomalies = []struct {
	anomaly  string
	sessions []string
	level    string // that names it
	broken   []string
	holds    []string
}{
	{ThinAirRead, []string{"a x 1", "r x 1 7"}, "serializable", []string{"read-uncommitted", "item-cut"}, nil},
	{DuplicateElements, []string{"a x 1", "r x 1 1"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{IncompatibleOrder, []string{"a x 1", "a x 2", "r x 1 2", "r x 2 1"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{IncompatibleOrder, []string{"a x 1, a x 2", "r x 2 1"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{IncompatibleOrder, []string{"a x 1, a x 2", "r x 2"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{Internal, []string{"a x 1, r x"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{Internal, []string{"r x 1, a x 1"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{Internal, []string{"a x 1, a x 2, r x 2 1"}, "serializable", []string{"read-uncommitted"}, []string{"item-cut"}},
	{NonRepeatableRead, []string{"a x 1", "r x, r x 1"}, "serializable", []string{"item-cut"}, []string{"read-committed"}},
	{G0, []string{"a x 1, a y 1", "a x 2, a y 2", "r x 1 2", "r y 2 1"}, "read-uncommitted", []string{"read-uncommitted"}, []string{"item-cut"}},
	{DirtyUpdate, []string{"!a x 1", "a x 2", "r x 1 2"}, "serializable", []string{"pl-2"}, []string{"read-uncommitted"}},
	{G1a, []string{"!a x 1", "r x 1"}, "serializable", []string{"pl-2"}, []string{"read-uncommitted"}},
	{G1b, []string{"a x 1, a x 2", "r x 1"}, "serializable", []string{"pl-2"}, []string{"read-uncommitted"}},
	{G1c, []string{"a x 1, r y 2", "a y 2, r x 1"}, "serializable", []string{"pl-2"}, []string{"read-uncommitted", "item-cut"}},
	{OTV, []string{"a x 1, a y 2", "r x 1, r y"}, "monotonic-atomic-view", []string{"monotonic-atomic-view"}, []string{"pl-2", "item-cut"}},
	{Fractured, []string{"a x 1, a y 2", "r y, r x 1"}, "read-atomic", []string{"pl-si", "read-atomic"}, []string{"read-committed", "item-cut"}},
	{Fractured, []string{"a x 1 | r x"}, "read-atomic", []string{"read-atomic"}, []string{"repeatable-read", "read-committed"}},
	{CausalMiss, []string{"a x 1", "r x 1, a y 2", "r y 2, r x"}, "transactional-causal", []string{"pl-si", "transactional-causal"}, []string{"read-atomic"}},
	{LostUpdate, []string{"r x, a x 1", "r x, a x 2", "r x 1 2"}, "serializable", []string{"pl-si"}, []string{"prefix"}},
	{LostUpdate, []string{"r x, a x 1", "r x, a x 2"}, "serializable", []string{"pl-si"}, []string{"prefix"}},
	{GSingle, []string{"a x 1, a y 2", "r y, r x 1"}, "serializable", []string{"pl-si", "read-atomic"}, []string{"read-committed"}},
	{LongFork, []string{"a x 1", "a y 2", "r x 1, r y", "r y 2, r x"}, "serializable", []string{"pl-si", "prefix"}, []string{"transactional-causal"}},
	{GNonadjacent, []string{"a x 1", "a y 2, a z 3", "r x 1, r y", "r z 3, a u 4", "r u 4, r x"}, "serializable", []string{"pl-si", "prefix"}, []string{"transactional-causal"}},
	{GNonadjacent, []string{"r x, a u 1", "a x 2, a v 2", "r y, a v 3", "a y 4, a u 4", "r v 2 3, r u 4 1"}, "serializable", []string{"pl-si"}, []string{"prefix"}},
	{GSI, []string{"a x 1, r y, a z 1", "a x 2, r z, a y 1"}, "snapshot-isolation", []string{"pl-si"}, []string{"prefix"}},
	{WriteSkew, []string{"r x, a y 1", "r y, a x 2"}, "serializable", []string{"repeatable-read"}, []string{"snapshot-isolation"}},
	{G2Item, []string{"r x, a y 1", "r y, a z 2", "r z, a x 3"}, "serializable", []string{"repeatable-read"}, []string{"snapshot-isolation"}},
	{GSingle + "-process", []string{"a x 1 | r x"}, "serializable", []string{"read-atomic"}, []string{"repeatable-read"}},
	{G0 + "-process", []string{"a x 1 | a x 2", "r x 2 1"}, "serializable", []string{"read-committed"}, []string{"repeatable-read"}},
	{GSingle + "-realtime", []string{"a x 1", "r x"}, "strict-serializable", []string{"strict-serializable"}, []string{"serializable"}},
}

func TestListAnomaliesByName(t *testing.T) {
	named := map[string]bool{}
	for _, c := range namedAnomalies {
		h := listsOf(c.sessions...)
		require.NoError(t, h.Validate())
		v := mustCheck(t, h, c.level)
		require.Equal(t, Violation, v.Status, c.anomaly)
		if c.anomaly != DirtyUpdate { // of which the smallest violation is the aborted read in it
			require.Equal(t, c.anomaly, anomalyOf(v.Reason), "%v", v)
		}
		r, err := judgeOnce(h, c.level)
		require.NoError(t, err)
		require.Equal(t, c.anomaly, anomalyOf(r.reason))
		t.Log(v.Reason)
		named[c.anomaly] = true
		report, err := Levels(context.Background(), h, Budget{})
		require.NoError(t, err)
		require.Equal(t, c.broken, report.Broken, "%s: %v%s", c.anomaly, report.Holds, dump{h})
		for _, level := range c.holds {
			require.Equal(t, OK, mustCheck(t, h, level).Status, "%s at %s", c.anomaly, level)
		}
		truth := oracle.NewLists(h).Judge()
		for _, level := range RuledOut(c.anomaly) {
			require.False(t, truth[level], "%s does not rule out %s%s", c.anomaly, level, dump{h})
		}
	}
	for _, a := range Anomalies() {
		require.True(t, named[a.Name], "no history shows %s", a.Name)
		require.NotEmpty(t, a.Source)
	}
}

// What an anomaly is said to rule out does not hold, by brute force, of any history that
// shows it; and of what it is not said to rule out some history that shows it has it.
func TestAnomaliesRuleOutLevels(t *testing.T) {
	t.Parallel()
	allowed := map[string]map[string]bool{} // anomaly -> levels that held beside it
	judge := func(h *history.History) {
		truth := oracle.NewLists(h).Judge()
		for level := range truth {
			r, err := judgeOnce(h, level)
			require.NoError(t, err)
			if r.status != Violation {
				continue
			}
			name := anomalyOf(r.reason)
			out := RuledOut(name)
			require.NotEmpty(t, out, "%s is no anomaly", r.reason)
			if allowed[name] == nil {
				allowed[name] = map[string]bool{}
			}
			for other, holds := range truth {
				require.False(t, holds && slices.Contains(out, other), "%s rules out %s, which holds%s", name, other, dump{h})
				if holds {
					allowed[name][other] = true
				}
			}
		}
	}
	n := uint64(2500)
	if *long {
		n = 100_000
	}
	for seed := range n {
		judge(oracle.SomeLists(seed, 4+int(seed%2), 3+int(seed%2), 2))
	}
	for _, c := range namedAnomalies {
		judge(listsOf(c.sessions...))
	}
	for _, a := range Anomalies() {
		require.NotNil(t, allowed[a.Name], a.Name)
		for _, r := range transactionHierarchy() {
			if !slices.Contains(RuledOut(a.Name), r.level) && !allowed[a.Name][r.level] {
				t.Errorf("%s is not said to rule out %s, but no history shows both", a.Name, r.level)
			}
		}
	}
}

func judgeOnce(h *history.History, model string) (result, error) {
	c, _ := checkerNamed(model)
	return c.judge(newMeter(context.Background(), Budget{Steps: DefaultSteps, Bytes: DefaultBytes, Time: DefaultTime}), h)
}
