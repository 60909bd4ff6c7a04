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
