package linearizability

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models"
)

// hard is a history whose search keeps what it has seen: the clients of a set are all
// under way at once, and what the last read returned no order explains.
func hard(typ history.Type, clients int) *history.History {
	h := &history.History{Name: "hard"}
	for i := range clients {
		o := history.Op{Index: i, Session: i, Node: -1, Type: typ, Key: "o", Call: int64(i), Return: 1000}
		switch v := history.Int(int64(i)); typ {
		case history.Set:
			o.Func, o.Arg = history.Add, v
			if i == clients-1 {
				o.Func = history.Remove
			}
		case history.MultiValue:
			o.Func, o.Arg = history.Write, history.List(v, history.List())
		default:
			o.Func, o.Arg = history.CAS, history.List(history.Int(int64(i/3)), v)
			if i%2 == 0 {
				o.Func, o.Arg = history.Write, v
			}
		}
		h.Ops = append(h.Ops, o)
	}
	last := history.Op{Index: clients, Session: clients, Node: -1, Type: typ, Key: "o", Func: history.Read, Call: 2000, Return: 2001}
	last.Out = history.List(history.Str("what nobody wrote"))
	h.Ops = append(h.Ops, last)
	return h
}

// A search that passes its budget of bytes has kept no more than that, within a third, as
// the collector counts it.
func TestBudgetOfBytesHolds(t *testing.T) {
	const budget = 12 << 20
	for _, typ := range []history.Type{history.Set, history.MultiValue, history.Register} {
		h := hard(typ, 24)
		live := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := live()
		m := newMeter(context.Background(), Budget{Steps: 1 << 40, Bytes: budget, Time: DefaultTime})
		var kept *realTime
		require.Equal(t, outOfBytes, stopCause(searchKept(t, m, h, &kept)))
		grown := int64(live()) - int64(before)
		runtime.KeepAlive(kept)
		t.Logf("%s: %d places, %d states, %.1f of the budget", typ, len(kept.seen), len(kept.states), float64(grown)/budget)
		require.Less(t, grown, int64(budget*4/3), typ)
		require.Greater(t, grown, int64(budget/4), "%s: nor is the estimate far from it", typ)
	}
}

func modelNamed(t *testing.T, name string) models.Model {
	t.Helper()
	all := models.All()
	i := slices.IndexFunc(all, func(m models.Model) bool { return m.Name == name })
	require.GreaterOrEqual(t, i, 0)
	return all[i]
}

// searchKept searches the one part of h, and leaves the search there to be weighed.
func searchKept(t *testing.T, m *meter, h *history.History, kept **realTime) int32 {
	t.Helper()
	c, _ := checkerNamed("linearizable")
	require.True(t, c.realTime)
	p, err := modelNamed(t, "linearizable").Prepare(h)
	require.NoError(t, err)
	if h.Ops[0].Type == history.Register {
		p, err = modelNamed(t, "cas-register").Prepare(h)
		require.NoError(t, err)
	}
	s := newRealTime(m, p, p.Parts[0])
	require.True(t, s.arrange())
	s.run()
	*kept = s
	return m.stop.Load()
}

// crossing is a history of sessions that write, and read what the next one wrote, which is
// not linearizable, so that nothing but clocks tells whether it is causal.
func crossing(sessions int) *history.History {
	h := &history.History{Name: "crossing"}
	key := func(s int) string { return string(rune('a' + s%sessions)) }
	for s := range sessions {
		h.Ops = append(h.Ops, history.Op{Session: s, Type: history.Register, Func: history.Write, Key: key(s), Arg: history.Int(1)})
	}
	for s := range sessions {
		read := history.Op{Session: s, Type: history.Register, Func: history.Read, Key: key(s + 1), Out: history.Int(1)}
		if s == 0 {
			read.Out = history.Nil // as if it had not been told yet
		}
		h.Ops = append(h.Ops, read)
	}
	return inARow(h)
}

// inARow has the operations of h one after the other.
func inARow(h *history.History) *history.History {
	for n := range h.Ops {
		o := &h.Ops[n]
		o.Index, o.Node, o.Call, o.Return = n, -1, int64(2*n), int64(2*n+1)
	}
	return h
}

// forkOfLists has two transactions that append, and two that read, of which each misses
// what the other one shows: no prefix of an order explains both.
func forkOfLists() *history.History {
	h := &history.History{Name: "fork"}
	one := history.List(history.Int(1))
	for s, key := range []string{"a", "b"} {
		h.Ops = append(h.Ops, history.Op{Session: s, Txn: 1, Type: history.AppendList, Func: history.Append, Key: key, Arg: history.Int(1)})
	}
	for s, out := range [][2]history.Value{{one, history.List()}, {history.List(), one}} {
		for n, key := range []string{"a", "b"} {
			h.Ops = append(h.Ops, history.Op{Session: 2 + s, Txn: 1, Type: history.AppendList, Func: history.Read, Key: key, Out: out[n]})
		}
	}
	return inARow(h)
}

// Vector clocks take a cell an operation and chain, which the budget of bytes bounds before
// they are made; who has more memory gives more.
func TestBudgetOfBytesBoundsClocks(t *testing.T) {
	const sessions = 70 // more than those that look at everything
	h := crossing(sessions)
	for _, c := range []struct {
		model string
		h     *history.History
		cells int64
	}{
		{"cc", h, 2 * sessions * sessions},
		{"ccv", h, 2 * sessions * sessions},
		{"cm", h, 2 * sessions * sessions},
		{"transactional-causal", h, 2 * sessions * sessions},
		{"serializable", h, 2 * sessions * sessions},
		{"transactional-causal", forkOfLists(), (4 + 2) * 4}, // a row for each element that is shown, too
	} {
		judge := func(bytes int64) Verdict {
			v, err := Judge(context.Background(), c.h, c.model, Budget{Bytes: bytes})
			require.NoError(t, err)
			return v
		}
		v := judge(4*c.cells - 1)
		require.Equal(t, Undecided, v.Status, "%s of %s: %v", c.model, c.h.Name, v)
		require.Contains(t, v.Reason, "--max-bytes", c.model)
		v = judge(4 * c.cells)
		require.Equal(t, OK, v.Status, "%s of %s: %s", c.model, c.h.Name, v.Reason)
	}
}
