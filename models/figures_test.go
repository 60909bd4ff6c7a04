package models

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// sessions builds an untagged register history from one line a session, such as
// "w x 1, r y 0", where r y 0 is a read of the initial value.
func sessions(t *testing.T, lines ...string) *history.History {
	t.Helper()
	h := &history.History{}
	now := int64(0)
	for s, line := range lines {
		for _, word := range strings.Split(line, ",") {
			var fn, key string
			var n int64
			_, err := fmt.Sscan(word, &fn, &key, &n)
			require.NoError(t, err)
			o := history.Op{
				Index: len(h.Ops), Session: s, Type: history.Register, Key: key, Func: history.Read, Call: now, Return: now + 1,
			}
			switch {
			case fn == "w":
				o.Func, o.Arg = history.Write, history.Int(n)
			case n != 0:
				o.Out = history.Int(n)
			}
			now += 2
			h.Ops = append(h.Ops, o)
		}
	}
	require.NoError(t, h.Validate())
	return h
}

// The five history figures of Bouajjani et al. (POPL 2017), of which causal
// memory allows a and d, and the textbook's small cases.
func TestCausalFigures(t *testing.T) {
	cases := []struct {
		name     string
		sessions []string
		want     oracle.Answer
	}{
		{"a: causal memory, not convergent", []string{"w x 1, r x 2", "w x 2, r x 1"}, oracle.Allowed},
		{"b: convergent, not causal memory", []string{"w z 1, w x 1, w y 1", "w x 2, r z 0, r y 1, r x 2"}, oracle.Forbidden},
		{"c: only causally consistent", []string{"w x 1", "w x 2, r x 1, r x 2"}, oracle.Forbidden},
		{"d: all of them, not sequential", []string{"w x 1, r y 0, w y 1, r x 1", "w x 2, r y 0, w y 2, r x 2"}, oracle.Allowed},
		{"e: not causally consistent", []string{"w x 1, w y 1", "r y 1, w x 2", "r x 2, r x 1"}, oracle.Forbidden},
		{"own write lost", []string{"w x 1, r x 0"}, oracle.Forbidden},
		{"thin air", []string{"w x 1", "r x 2"}, oracle.Forbidden},
		{"cycle", []string{"r x 1, w y 1", "r y 1, w x 1"}, oracle.Forbidden},
		{"ambiguous value", []string{"w x 1", "w x 1", "r x 1"}, oracle.Ambiguous},
		{"values seen in turn", []string{"w x 1", "w x 2", "r x 1, r x 2", "r x 2, r x 1"}, oracle.Allowed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := sessions(t, c.sessions...)
			p, err := Causal().Prepare(h)
			require.Equal(t, c.want, solve(t, p, err))
			require.Equal(t, c.want, oracle.Causal(h))
		})
	}
}

// An indeterminate put binds its session to nothing, but comes after what the
// session did before.
func TestCausalUnknownPuts(t *testing.T) {
	lost := func(h *history.History, i int) *history.History {
		h.Ops[i].Outcome, h.Ops[i].Return = history.Unknown, history.Pending
		return h
	}
	cases := []struct {
		name string
		h    *history.History
		want oracle.Answer
	}{
		{"never seen", lost(sessions(t, "w x 1, r x 0"), 0), oracle.Allowed},
		{"seen by its session", lost(sessions(t, "w x 1, r x 1"), 0), oracle.Allowed},
		{"later writes do not wait for it", lost(sessions(t, "w x 1, w y 1", "r y 1, r x 0, r x 1"), 0), oracle.Allowed},
		{"it waits for earlier writes", lost(sessions(t, "w x 1, w y 1", "r y 1, r x 0"), 1), oracle.Forbidden},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Causal().Prepare(c.h)
			require.Equal(t, c.want, solve(t, p, err))
			require.Equal(t, c.want, oracle.Causal(c.h))
		})
	}
}

func TestUnsupportedOperations(t *testing.T) {
	cas := &history.History{Ops: []history.Op{{
		Type: history.Register, Func: history.CAS, Arg: history.List(history.Int(1), history.Int(2)), Return: 1,
	}}}
	add := &history.History{Ops: []history.Op{{Type: history.Set, Func: history.Add, Arg: history.Int(1), Return: 1}}}
	queue := &history.History{Ops: []history.Op{{Type: "queue", Func: "push", Arg: history.Int(1), Return: 1}}}
	for _, m := range All() {
		_, err := m.Prepare(queue)
		require.ErrorIs(t, err, ErrUnsupported, m.Name)
		if m.Name != "cas-register" && m.Name != "sequential" && m.Name != "linearizable" {
			_, err = m.Prepare(cas)
			require.ErrorIs(t, err, ErrUnsupported, m.Name)
		}
		if m.RealTime && m.Name != "linearizable" {
			_, err = m.Prepare(add)
			require.ErrorIs(t, err, ErrUnsupported, m.Name)
		}
	}
}

func TestInfosAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		require.NotEmpty(t, m.Doc)
		require.NotEmpty(t, m.Complexity)
		require.NotEmpty(t, m.Needs)
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
	}
	require.Len(t, seen, len(All()))
}

func TestCountersBounded(t *testing.T) {
	incs := func(amounts ...int64) (ops []*history.Op) {
		for _, n := range amounts {
			ops = append(ops, &history.Op{Func: history.Inc, Arg: history.Int(n)})
		}
		return ops
	}
	powers := make([]int64, 20)
	for i := range powers {
		powers[i] = 1 << i
	}
	require.True(t, CountersBounded(incs(1, 2, -3, 100)))
	require.True(t, CountersBounded(incs(1<<40, 1<<41, -1<<42)), "large but few")
	require.False(t, CountersBounded(incs(powers...)), "2^20 distinct sums")
	require.False(t, CountersBounded(incs(1<<62, 1<<62)), "magnitudes leave 64 bits")
	require.False(t, CountersBounded(incs(-1<<63)))

	h := &history.History{}
	for i, n := range powers {
		h.Ops = append(h.Ops, history.Op{Index: i, Type: history.Counter, Func: history.Inc, Arg: history.Int(n), Call: int64(i), Return: int64(i) + 1})
	}
	p, err := Eventual().Prepare(h)
	require.NoError(t, err)
	require.NotEmpty(t, p.Parts[0].Bound)
}

func TestSpecsDescribeThemselves(t *testing.T) {
	h := sessions(t, "w x 1, r x 1")
	h.Ops[0].Stamp = history.Stamp{Clock: 3, Writer: 1}
	want := map[string]string{
		"linearizable":          "1",
		"lww-register":          "[1 3 1]",
		"linearizable-register": "1",
		"cas-register":          "1",
		"sequential":            "done [1], registers [1]",
		"eventual":              "issued [0]",
		"causal":                "applied [0] after 0 reads",
		"pipelined":             "applied [0] after 0 reads",
	}
	for _, m := range All() {
		p, err := m.Prepare(h)
		require.NoError(t, err)
		write := p.Parts[0].Ops[0]
		require.Equal(t, h.Ops[0].String(), p.Spec.DescribeOperation(write.Input, nil))
		ok, next := p.Spec.Step(p.Spec.Init(), write.Input, nil)
		require.True(t, ok)
		require.Equal(t, want[m.Name], p.Spec.DescribeState(next), m.Name)
		require.Positive(t, p.StateBytes(next))
	}
}
