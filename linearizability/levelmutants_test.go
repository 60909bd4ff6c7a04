package linearizability

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// One seeded fault a level: the history that satisfies every level of its kind
// is changed as little as the level allows, and the level must notice while the
// levels named beside it still hold.
func TestOneMutantALevel(t *testing.T) {
	// Sequential consistency of the whole, two sessions and a reader.
	clean := [][]string{{"w x 1", "w y 1", "r x 1"}, {"r y 1", "w x 2", "r x 2"}, {"r x 1", "r x 2", "r y 1"}}
	change := func(session, op int, text string) [][]string {
		var copied [][]string
		for _, s := range clean {
			copied = append(copied, append([]string{}, s...))
		}
		copied[session][op] = text
		return copied
	}
	for _, m := range []struct {
		level, fault string
		sessions     [][]string
		still        []string
	}{
		{"ryw", "stale read of an own write", change(0, 2, "r x 0"), []string{"mr", "wfr"}},
		{"mr", "reads swapped", [][]string{{"w x 1"}, {"w x 2"}, {"r x 1", "r x 2", "r x 1"}}, []string{"cc", "ryw", "wfr"}},
		{"wfr", "a write before its cause", [][]string{{"r x 1", "w y 1"}, {"r y 1", "w x 1"}}, []string{"pram", "ryw", "mr"}},
		{"mr+mw", "writes of a session swapped", [][]string{{"w x 1", "w x 2"}, {"r x 2", "r x 1"}}, []string{"mr", "ryw", "wfr"}},
		{"ryw+mr+mw+wfr", "an own write lost and found", [][]string{{"w x 1"}, {"w x 2", "r x 1", "r x 2"}}, []string{"ryw", "mr", "wfr", "cc"}},
		{"cc", "an effect without its cause", [][]string{{"w x 1"}, {"r x 1", "w y 1"}, {"r y 1", "r x 0"}}, []string{"pram", "ryw", "mr", "wfr"}},
		{"pram", "a session's writes received swapped", [][]string{{"w x 1", "w y 1"}, {"r y 1", "r x 0"}}, []string{"ryw", "mr", "wfr"}},
		{"cm", "a session's view changes its mind", [][]string{{"w x 1"}, {"w x 2", "r x 1", "r x 2"}}, []string{"cc"}},
		{"ccv", "replicas that disagree for good", [][]string{{"w x 1", "r x 2"}, {"w x 2", "r x 1"}}, []string{"cm"}},
		{"sequential", "both miss the other's write", [][]string{{"w x 1", "r y 0"}, {"w y 1", "r x 0"}}, []string{"cm", "ccv"}},
	} {
		t.Run(m.level, func(t *testing.T) {
			h := sessionsOf(t, m.sessions...)
			v := mustCheck(t, h, m.level)
			require.Equal(t, Violation, v.Status, "%s is not noticed", m.fault)
			require.LessOrEqual(t, len(v.Witness), 5, "%v", v)
			for _, level := range m.still {
				require.Equal(t, OK, mustCheck(t, h, level).Status, level)
			}
		})
	}
	h := sessionsOf(t, clean...)
	for _, r := range registerHierarchy()[1:] {
		require.Equal(t, OK, mustCheck(t, h, r.level).Status, r.level)
	}
	require.Equal(t, Violation, mustCheck(t, sessionsOf(t, []string{"w x 1", "w x 2"}, []string{"r x 1"}), "linearizable-register").Status)
}

// The same for lattice values: a right run of grow sets with one tag dropped, or
// one put seen too early, each in the way that one level forbids.
func TestOneMutantALatticeLevel(t *testing.T) {
	type op struct {
		session int
		tag     uint64   // of an add
		saw     []uint64 // of a read
		key     string   // "" is s
	}
	run := func(ops ...op) *history.History {
		h := &history.History{Tagged: true}
		for i, o := range ops {
			next := history.Op{
				Index: i, Session: o.session, Node: -1, Type: history.Set, Func: history.Add, Key: cmp.Or(o.key, "s"),
				Call: int64(2 * i), Return: int64(2*i + 1),
			}
			if o.tag != 0 {
				next.Arg, next.Tag = history.Int(int64(o.tag)), o.tag
			} else {
				var elems []int64
				for _, tag := range o.saw {
					elems = append(elems, int64(tag))
				}
				next.Func, next.Out, next.Saw = history.Read, ints(elems...), append([]uint64{}, o.saw...)
			}
			h.Ops = append(h.Ops, next)
		}
		return h
	}
	read := func(session int, saw ...uint64) op { return op{session: session, saw: saw} }
	add := func(session int, tag uint64) op { return op{session: session, tag: tag} }
	addTo := func(key string, session int, tag uint64) op { return op{session: session, tag: tag, key: key} }
	readOf := func(key string, session int, saw ...uint64) op { return op{session: session, saw: saw, key: key} }
	for _, m := range []struct {
		level string
		h     *history.History
		still []string
	}{
		{"lattice-ryw", run(add(0, 1), read(0)), []string{"lattice-mr", "lattice-mw", "lattice-wfr"}},
		{"lattice-mr", run(add(0, 1), read(1, 1), read(1)), []string{"lattice-ryw", "lattice-mw", "lattice-wfr"}},
		{"lattice-mw", run(add(0, 1), add(0, 2), read(1, 2)), []string{"lattice-ryw", "lattice-mr", "lattice-wfr"}},
		{"lattice-wfr", run(add(0, 1), read(1, 1), add(1, 2), read(2, 2)), []string{"lattice-ryw", "lattice-mr", "lattice-mw"}},
		{"lattice-pram", run(add(0, 1), addTo("t", 0, 2), readOf("t", 1, 2), read(1)), []string{"lattice-ryw", "lattice-mr", "lattice-mw", "lattice-wfr"}},
		{"lattice-linearizable", run(add(0, 1), read(1)), []string{"lattice-causal"}},
	} {
		t.Run(m.level, func(t *testing.T) {
			require.Equal(t, Violation, mustCheck(t, m.h, m.level).Status)
			for _, level := range m.still {
				require.Equal(t, OK, mustCheck(t, m.h, level).Status, level)
			}
			if m.level != "lattice-linearizable" {
				require.Equal(t, Violation, mustCheck(t, m.h, "lattice-causal").Status)
			}
		})
	}
}

// The same for the three parts of convergence.
func TestOneMutantAConvergencePart(t *testing.T) {
	parts := []string{"explained", "strong-eventual", "settled"}
	for level, mutate := range map[string]func(h *history.History){
		"explained":       func(h *history.History) { nth(h, 1, history.Read, "s", 0).Out = ints(2) }, // saw both
		"strong-eventual": func(h *history.History) { nth(h, 1, history.Read, "c", 0).Out = history.Int(5) },
		"settled": func(h *history.History) { // nobody has what was acknowledged
			for session := range 2 {
				r := nth(h, session, history.Read, "c", 0)
				r.Out, r.Saw = history.Int(3), []uint64{3}
			}
		},
	} {
		h := settledRun()
		for _, part := range parts {
			require.Equal(t, OK, mustCheck(t, h, part).Status, part)
		}
		mutate(h)
		require.Equal(t, Violation, mustCheck(t, h, level).Status, level)
		if level == "settled" { // the other two see nothing wrong
			require.Equal(t, OK, mustCheck(t, h, "explained").Status)
			require.Equal(t, OK, mustCheck(t, h, "strong-eventual").Status)
		}
	}
	untagged := &history.History{Ops: []history.Op{{Type: history.Set, Func: history.Read, Key: "s", Out: ints(), Return: 1}}}
	require.Equal(t, Inconclusive, mustCheck(t, untagged, "strong-eventual").Status)
}

// The same for isolation levels.
func TestOneMutantAnIsolationLevel(t *testing.T) {
	const writers = "w 1 1\nw 2 1\n-----\nw 1 2\nw 2 2\n=====\n"
	for level, mutant := range map[string]string{
		"read-committed":       writers + "r 1 2\nr 2 1",          // back in time
		"item-cut":             writers + "r 1 1\nr 1 2",          // not repeatable
		"read-atomic":          writers + "r 1 1\nr 2 2",          // half of a transaction
		"transactional-causal": writers + "r 1 2\n-----\nr 2 1\n", // a session that forgets
	} {
		h, err := history.Decode("awdit", level, strings.NewReader(writers+"r 1 2\nr 2 2\nr 1 2"))
		require.NoError(t, err)
		require.Equal(t, OK, mustCheck(t, h, level).Status)
		h, err = history.Decode("awdit", level, strings.NewReader(mutant))
		require.NoError(t, err)
		v := mustCheck(t, h, level)
		require.Equal(t, Violation, v.Status, level)
		require.Contains(t, v.Diagram(), "1 := ")
	}
}

// The same for the types of objects, each in a session and a reader after it: the
// last answer is of an earlier state, or of one that never was.
func TestOneMutantAnObjectType(t *testing.T) {
	n := history.Int
	pair := func(a, b history.Value) history.Value { return history.List(a, b) }
	put := func(typ history.Type, fn history.Func, arg history.Value) history.Op {
		return history.Op{Type: typ, Func: fn, Arg: arg}
	}
	read := func(typ history.Type, out history.Value) history.Op {
		return history.Op{Type: typ, Func: history.Read, Out: out}
	}
	stamped := func(o history.Op, clock uint64) history.Op {
		o.Stamp = history.Stamp{Clock: clock, Writer: 1}
		return o
	}
	for _, m := range []struct {
		name, model string
		ops         []history.Op
		mutant      history.Value // what the last operation answers
	}{
		{"set", "linearizable", []history.Op{
			put(history.Set, history.Add, n(1)), put(history.Set, history.Add, n(2)), put(history.Set, history.Remove, n(1)),
			read(history.Set, ints(2)),
		}, ints(1, 2)},
		{"counter", "linearizable", []history.Op{
			put(history.Counter, history.Inc, n(3)), put(history.Counter, history.Inc, n(-1)), read(history.Counter, n(2)),
		}, n(5)},
		{"multi-value", "linearizable", []history.Op{
			put(history.MultiValue, history.Write, pair(n(1), ints())), put(history.MultiValue, history.Write, pair(n(2), ints(1))),
			read(history.MultiValue, ints(2)),
		}, ints(1, 2)},
		{"map", "linearizable", []history.Op{
			put(history.Map, history.Write, pair(n(7), n(1))), put(history.Map, history.Remove, n(7)), read(history.Map, ints()),
		}, history.List(pair(n(7), n(1)))},
		{"queue", "linearizable", []history.Op{
			put(history.Queue, history.Enqueue, n(1)), put(history.Queue, history.Enqueue, n(2)),
			{Type: history.Queue, Func: history.Dequeue, Out: n(1)},
		}, n(2)},
		{"register", "linearizable", []history.Op{
			put(history.Register, history.Write, n(1)), put(history.Register, history.Write, n(2)), read(history.Register, n(2)),
		}, n(1)},
		{"late stamp", "lww-register", []history.Op{
			stamped(put(history.Register, history.Write, n(1)), 9), stamped(put(history.Register, history.Write, n(2)), 5),
			read(history.Register, n(1)),
		}, n(2)},
	} {
		t.Run(m.name, func(t *testing.T) {
			h := &history.History{}
			for i, o := range m.ops {
				o.Index, o.Session, o.Node, o.Key = i, i/2, -1, "o"
				o.Call, o.Return = int64(2*i), int64(2*i+1)
				h.Ops = append(h.Ops, o)
			}
			require.Equal(t, OK, mustCheck(t, h, m.model).Status)
			h.Ops[len(h.Ops)-1].Out = m.mutant
			v := mustCheck(t, h, m.model)
			require.Equal(t, Violation, v.Status)
			require.NotEmpty(t, v.Diagram())
		})
	}
}

// Two writes of a register that neither precede each other nor are replaced come before the one
// that a read returns which has both in its past: each of the two orders counts.
func TestEveryConflictingWriteComesBefore(t *testing.T) {
	t.Parallel()
	for late := range int64(2) {
		h := &history.History{}
		add := func(session int, fn history.Func, key string, v int64) {
			n := len(h.Ops)
			o := history.Op{Index: n, Session: session, Node: -1, Type: history.Register, Func: fn, Key: key, Call: int64(2 * n), Return: int64(2*n + 1)}
			if o.Out = history.Int(v); fn == history.Write {
				o.Arg, o.Out = o.Out, history.Nil
			}
			h.Ops = append(h.Ops, o)
		}
		add(1, history.Write, "x", 1)
		add(1, history.Write, "y", 1)
		add(2, history.Write, "x", 2)
		add(2, history.Write, "z", 1)
		add(3, history.Write, "x", 3)
		add(4, history.Read, "y", 1)
		add(4, history.Read, "z", 1)
		add(4, history.Read, "x", 3) // after 1 and 2
		require.Equal(t, OK, mustCheck(t, h, "ccv").Status)
		add(5, history.Read, "x", 3)
		add(5, history.Read, "x", 1+late) // after 3
		require.Equal(t, OK, mustCheck(t, h, "cm").Status)
		v := mustCheck(t, h, "ccv")
		require.Equal(t, Violation, v.Status)
		require.Len(t, v.Witness, 7, "%v", v)
	}
}
