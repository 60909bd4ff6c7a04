package linearizability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// transacted is a run of n transactions of up to eight operations by a store that
// serves snapshots: each reads what had been committed when it began and aborts if
// one that ended since wrote what it writes or, with serial set, read. The sessions
// are under way at the same time.
func transacted(n, sessions, keys int, serial bool) *history.History {
	type txn struct {
		at, left int
		own      map[int]int64
		read     map[int]bool
		ops      []int
	}
	rng := rand.New(rand.NewPCG(5, uint64(n)))
	h := &history.History{Name: "transacted"}
	versions := make([][][2]int64, keys) // of each register: when, and what
	open := make([]*txn, sessions)
	commits := 0
	for begun := 0; begun < n; {
		s := rng.IntN(sessions)
		t := open[s]
		if t == nil {
			begun++
			t = &txn{at: commits, left: 1 + rng.IntN(8), own: map[int]int64{}, read: map[int]bool{}}
			open[s] = t
		}
		i, k := len(h.Ops), rng.IntN(keys)
		o := history.Op{
			Index: i, Session: s, Node: -1, Type: history.Register, Func: history.Read, Key: fmt.Sprint(k), Txn: uint64(begun),
			Call: int64(2 * i), Return: int64(2*i + 1),
		}
		if len(t.ops) > 0 {
			o.Txn = h.Ops[t.ops[0]].Txn
		}
		if rng.IntN(2) == 0 {
			o.Func, o.Arg = history.Write, history.Int(int64(i+1))
			t.own[k] = int64(i + 1)
		} else {
			v, mine := t.own[k]
			t.read[k] = t.read[k] || !mine
			for j := len(versions[k]) - 1; j >= 0 && !mine; j-- {
				if versions[k][j][0] <= int64(t.at) {
					v, mine = versions[k][j][1], true
				}
			}
			if v != 0 {
				o.Out = history.Int(v)
			}
		}
		h.Ops, t.ops = append(h.Ops, o), append(t.ops, i)
		if t.left--; t.left > 0 {
			continue
		}
		open[s] = nil
		stale := false
		for k := range keys {
			_, wrote := t.own[k]
			late := len(versions[k]) > 0 && versions[k][len(versions[k])-1][0] > int64(t.at)
			stale = stale || late && (wrote || serial && t.read[k] && len(t.own) > 0)
		}
		for _, i := range t.ops {
			if stale {
				h.Ops[i].Outcome = history.Failed
			}
		}
		if stale || len(t.own) == 0 {
			continue
		}
		commits++
		for k := range keys {
			if v, wrote := t.own[k]; wrote {
				versions[k] = append(versions[k], [2]int64{int64(commits), v})
			}
		}
	}
	return h
}

// oneByOne is the history as a text without times has it, one session after the other.
func oneByOne(h *history.History) *history.History {
	c := &history.History{Name: h.Name, Untimed: true, Ops: slices.Clone(h.Ops)}
	slices.SortStableFunc(c.Ops, func(a, b history.Op) int { return a.Session - b.Session })
	for i := range c.Ops {
		c.Ops[i].Index, c.Ops[i].Call, c.Ops[i].Return = i, int64(2*i), int64(2*i+1)
	}
	return c
}

// Large runs are decided at every level within the default budget, and a violation
// in one is shown small.
func TestLargeTransactionRuns(t *testing.T) {
	t.Parallel()
	n := 2000
	if *long {
		n = 10_000
	}
	for _, c := range []struct {
		serial bool
		broken []string
	}{{true, nil}, {false, []string{"serializable"}}} {
		timed := transacted(n, 20, 200, c.serial)
		for _, h := range []*history.History{timed, oneByOne(timed)} {
			for _, level := range []string{"prefix", "snapshot-isolation", "serializable"} {
				started := time.Now()
				v := mustCheck(t, h, level)
				want := OK
				if len(c.broken) > 0 && level == c.broken[0] {
					want = Violation
					require.LessOrEqual(t, len(v.Witness), 12, "%v", v)
				}
				require.Equal(t, want, v.Status, "%s: %v", level, v)
				t.Logf("%s, serial %v, times %v: %s, %d steps, %d operations, %v", level, c.serial, !h.Untimed, v.Status, v.Steps, len(h.Ops), time.Since(started).Round(time.Millisecond))
			}
		}
	}
}

func BenchmarkSerializable(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		for _, level := range []string{"transactional-causal", "prefix", "snapshot-isolation", "serializable"} {
			b.Run(fmt.Sprintf("%s/%d", level, n), func(b *testing.B) {
				h := transacted(n, 20, 1000, true)
				for b.Loop() {
					v, err := Judge(context.Background(), h, level, Budget{})
					if err != nil || v.Status != OK {
						b.Fatal(v, err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/transaction")
			})
		}
	}
}

// The anomalies by which the levels above causal consistency are told apart, with
// what holds and what is broken.
func TestAnomaliesByName(t *testing.T) {
	for name, c := range map[string]struct{ text, holds, broken, reason string }{
		"lost update": {"w(1,9,9,0) r(1,9,0,1) w(1,1,0,1) r(1,9,1,2) w(1,2,1,2)", "prefix", "pl-si", "lost update: "},
		"write skew": {
			"w(1,9,9,0) w(2,9,9,0) r(1,9,0,1) r(2,9,0,1) w(1,1,0,1) r(1,9,1,2) r(2,9,1,2) w(2,1,1,2)",
			"snapshot-isolation", "repeatable-read", "write skew (G2-item): ",
		},
		"long fork": {
			"w(1,1,0,0) w(2,1,1,1) r(1,1,2,2) r(2,0,2,2) r(1,0,3,3) r(2,1,3,3)",
			"transactional-causal", "pl-si prefix", "long fork (G-nonadjacent): ",
		},
		"writes in two orders": {
			"w(1,1,0,0) w(2,2,0,0) w(1,2,1,1) w(2,1,1,1) r(1,2,0,2) r(2,2,1,3)", "read-committed", "read-atomic", "FracturedRead",
		},
		"read skew, of three transactions": { // reads x before and y after a transaction that writes both by way of another one
			"w(1,1,0,0) r(1,1,1,1) w(2,1,1,1) r(2,1,2,2) w(3,1,2,2) r(3,1,3,3) r(1,0,3,3)", "read-atomic", "pl-si transactional-causal", "Conflict",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := history.Decode(history.Auto, name, strings.NewReader(strings.ReplaceAll(c.text, " ", "\n")))
			require.NoError(t, err)
			report, err := Levels(context.Background(), h, Budget{})
			require.NoError(t, err)
			require.Contains(t, report.Holds, c.holds)
			broken := strings.Fields(c.broken)
			require.Equal(t, broken, report.Broken)
			v := mustCheck(t, h, broken[len(broken)-1])
			require.Contains(t, v.Reason, c.reason)
			t.Log(v)
		})
	}
}

// Real time orders transactions, from the return of the last operation of one to the
// call of the first one of another; a transaction that may not have ended precedes
// nothing.
func TestStrictSerializableLooksAtTime(t *testing.T) {
	of := func(writerEnds, readerBegins int64) *history.History {
		op := func(i, session int, call, end int64) history.Op {
			return history.Op{Index: i, Session: session, Txn: 1, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Call: call, Return: end}
		}
		w, r, other := op(0, 0, 0, writerEnds), op(1, 1, readerBegins, readerBegins+1), op(2, 2, readerBegins+2, readerBegins+3)
		w.Func, w.Arg = history.Write, history.Int(1)
		other.Out = history.Int(1)
		return &history.History{Ops: []history.Op{w, r, other}}
	}
	require.Equal(t, OK, mustCheck(t, of(5, 3), "strict-serializable").Status, "they overlap")
	require.Equal(t, OK, mustCheck(t, of(5, 5), "strict-serializable").Status, "one begins at the instant at which the other one ends")
	v := mustCheck(t, of(5, 6), "strict-serializable")
	require.Equal(t, Violation, v.Status)
	require.Contains(t, v.Reason, "G-single-realtime")
	require.Contains(t, v.Reason, "#1… began after #0… had ended")
	require.Equal(t, OK, mustCheck(t, of(5, 6), "serializable").Status)
	doubt := of(history.Pending, 6)
	doubt.Ops[0].Outcome = history.Unknown
	require.Equal(t, OK, mustCheck(t, doubt, "strict-serializable").Status, "the write may have come late")
}
