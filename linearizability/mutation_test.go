package linearizability

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

func ints(ns ...int64) history.Value {
	var vs []history.Value
	for _, n := range ns {
		vs = append(vs, history.Int(n))
	}
	return history.SetOf(vs...)
}

// settledRun is a right history of two sessions at two replicas: concurrent puts
// to a set, a counter and a register, a fence, and reads of everything by both.
func settledRun() *history.History {
	h := &history.History{Name: "settled run", Tagged: true, Fences: []int64{100}}
	add := func(session int, call int64, o history.Op) {
		o.Index, o.Session, o.Node, o.Call, o.Return = len(h.Ops), session, session, call, call+5
		h.Ops = append(h.Ops, o)
	}
	read := func(typ history.Type, key string, out history.Value, saw ...uint64) history.Op {
		return history.Op{Type: typ, Func: history.Read, Key: key, Out: out, Saw: append([]uint64{}, saw...)}
	}
	put := func(typ history.Type, fn history.Func, key string, arg int64, tag uint64) history.Op {
		return history.Op{Type: typ, Func: fn, Key: key, Arg: history.Int(arg), Tag: tag}
	}
	early, late := history.Stamp{Clock: 1, Writer: 1}, history.Stamp{Clock: 2, Writer: 2}
	w1, w2 := put(history.Register, history.Write, "r", 7, 5), put(history.Register, history.Write, "r", 8, 6)
	w1.Stamp, w2.Stamp = early, late

	add(0, 0, put(history.Set, history.Add, "s", 1, 1))       // #0
	add(1, 2, put(history.Set, history.Add, "s", 2, 2))       // #1
	add(0, 10, read(history.Set, "s", ints(1), 1))            // #2
	add(1, 12, put(history.Counter, history.Inc, "c", 3, 3))  // #3
	add(0, 20, put(history.Counter, history.Inc, "c", -1, 4)) // #4
	add(1, 22, w1)                                            // #5
	add(0, 30, w2)                                            // #6
	add(1, 32, read(history.Set, "s", ints(1, 2), 1, 2))      // #7
	for session := range 2 {
		base := int64(110 + session)
		add(session, base, read(history.Set, "s", ints(1, 2), 1, 2))            // #8, #11
		add(session, base+20, read(history.Counter, "c", history.Int(2), 3, 4)) // #9, #12
		last := read(history.Register, "r", history.Int(8), 5, 6)
		last.Stamp = late
		add(session, base+40, last) // #10, #13
	}
	slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	for i := range h.Ops {
		h.Ops[i].Index = i
	}
	return h
}

// each finds the operation of a session on a key, counting from 0.
func nth(h *history.History, session int, fn history.Func, key string, n int) *history.Op {
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Session == session && o.Func == fn && o.Key == key {
			if n == 0 {
				return o
			}
			n--
		}
	}
	panic("the mutation names an operation that the history does not hold")
}

// Each corruption of a right history must be caught by the checkers named, with
// a small witness; the right history must pass them all.
func TestMutants(t *testing.T) {
	all := []string{"eventual", "causal", "convergence", "lattice-causal"}
	settledOnly := []string{"eventual", "convergence"}
	causalOnly := []string{"causal", "lattice-causal"}
	mutants := []struct {
		name   string
		mutate func(h *history.History)
		caught []string
		passes []string
		most   int // operations in the witness
	}{
		{"none", func(*history.History) {}, nil, all, 0},
		{"dropped tag", func(h *history.History) {
			nth(h, 1, history.Read, "s", 0).Saw = []uint64{2} // its value still holds both
		}, all, nil, 2},
		{"own write not read", func(h *history.History) {
			r := nth(h, 0, history.Read, "s", 0)
			r.Out, r.Saw = ints(), []uint64{}
		}, causalOnly, settledOnly, 2},
		{"stale register", func(h *history.History) {
			r := nth(h, 0, history.Read, "r", 0)
			r.Out, r.Stamp = history.Int(7), history.Stamp{Clock: 1, Writer: 1} // saw both, returned the older
		}, all, nil, 3},
		{"torn join", func(h *history.History) {
			nth(h, 1, history.Read, "s", 0).Out = ints(2)
		}, all, nil, 2},
		{"duplicate counted twice", func(h *history.History) {
			nth(h, 1, history.Read, "c", 0).Out = history.Int(5)
		}, all, nil, 3},
		{"value from nowhere", func(h *history.History) {
			r := nth(h, 1, history.Read, "s", 1)
			r.Out, r.Saw = ints(1, 2, 9), []uint64{1, 2, 99}
		}, all, nil, 1},
		{"lost acknowledged put", func(h *history.History) {
			for session := range 2 {
				r := nth(h, session, history.Read, "c", 0)
				r.Out, r.Saw = history.Int(3), []uint64{3}
			}
		}, all, nil, 2},
		{"divergence after the fence", func(h *history.History) {
			nth(h, 0, history.Add, "s", 0).Outcome = history.Unknown // no longer due, but seen by one alone
			nth(h, 0, history.Read, "s", 0).Session = 5
			r := nth(h, 0, history.Read, "s", 0)
			r.Out, r.Saw = ints(2), []uint64{2}
		}, settledOnly, causalOnly, 3},
		{"read from the future", func(h *history.History) {
			r := nth(h, 0, history.Read, "s", 0)
			r.Call, r.Return = -9, -8
			slices.SortStableFunc(h.Ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
			for i := range h.Ops {
				h.Ops[i].Index = i
			}
		}, all, nil, 2},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			h := settledRun()
			m.mutate(h)
			for _, model := range m.caught {
				v := mustCheck(t, h, model)
				require.Equal(t, Violation, v.Status, model)
				require.LessOrEqual(t, len(v.Witness), m.most, "%v", v)
			}
			for _, model := range m.passes {
				require.Equal(t, OK, mustCheck(t, h, model).Status, model)
			}
		})
	}
}

// The same for the linearizable models.
func TestRegisterMutants(t *testing.T) {
	run := func() *history.History {
		h := &history.History{Name: "register run"}
		add := func(session int, call, ret int64, fn history.Func, arg, out history.Value) {
			h.Ops = append(h.Ops, history.Op{
				Index: len(h.Ops), Session: session, Node: -1, Type: history.Register, Func: fn, Key: "r",
				Arg: arg, Out: out, Call: call, Return: ret,
			})
		}
		n := history.Int
		add(0, 0, 3, history.Write, n(1), history.Nil)
		add(1, 1, 5, history.Read, history.Nil, history.Nil)
		add(0, 6, 8, history.Write, n(2), history.Nil)
		add(1, 9, 11, history.Read, history.Nil, n(2))
		add(0, 12, 14, history.Write, n(3), history.Nil)
		add(1, 15, 17, history.Read, history.Nil, n(3))
		return h
	}
	mutants := map[string]func(h *history.History){
		"stale read":        func(h *history.History) { h.Ops[5].Out = history.Int(2) },
		"lost write":        func(h *history.History) { h.Ops[3].Out = history.Nil },
		"thin air":          func(h *history.History) { h.Ops[3].Out = history.Int(9) },
		"time travel":       func(h *history.History) { h.Ops[1].Out = history.Int(2) },
		"failed write seen": func(h *history.History) { h.Ops[4].Outcome = history.Failed },
	}
	for _, model := range []string{"linearizable-register", "cas-register"} {
		require.Equal(t, OK, mustCheck(t, run(), model).Status)
		for name, mutate := range mutants {
			h := run()
			mutate(h)
			v := mustCheck(t, h, model)
			require.Equal(t, Violation, v.Status, "%s: %s", model, name)
			require.LessOrEqual(t, len(v.Witness), 3, "%s: %v", name, v)
		}
	}
	t.Run("cas", func(t *testing.T) {
		h := run()
		h.Ops[2].Func, h.Ops[2].Arg = history.CAS, history.List(history.Int(1), history.Int(2))
		require.Equal(t, OK, mustCheck(t, h, "cas-register").Status)
		h.Ops[2].Arg = history.List(history.Int(5), history.Int(2))
		require.Equal(t, Violation, mustCheck(t, h, "cas-register").Status, "it succeeded though nobody wrote 5")
		h.Ops[2].Arg, h.Ops[2].Outcome = history.List(history.Int(1), history.Int(2)), history.Failed
		h.Ops[3].Out = history.Int(1)
		require.Equal(t, Violation, mustCheck(t, h, "cas-register").Status, "it failed though 1 was there")
	})
}
