package models

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/models/oracle"
)

// Each type against an oracle that replays every order on plain data.
func TestObjectsAgreeWithOracle(t *testing.T) {
	for _, typ := range []history.Type{
		history.Register, history.Set, history.Counter, history.MultiValue, history.Map, history.Queue, history.Text,
	} {
		t.Run(string(typ), func(t *testing.T) {
			counts := tally{}
			for seed := range uint64(1200) {
				h := oracle.RandomObject(seed, typ, 4+int(seed%3), false)
				require.NoError(t, h.Validate())
				want := oracle.Forbidden
				if oracle.LinearizableObjects(h, false) {
					want = oracle.Allowed
				}
				p, err := Linearizable().Prepare(h)
				require.Equal(t, want, solve(t, p, err), "seed %d%s", seed, dump(h))
				counts[want]++
			}
			counts.require(t, map[oracle.Answer]int{oracle.Allowed: 100, oracle.Forbidden: 20})
		})
	}
}

func TestLWWRegisterAgreesWithOracle(t *testing.T) {
	counts := tally{}
	for seed := range uint64(2000) {
		h := oracle.RandomObject(seed, history.Register, 4+int(seed%3), true)
		want := oracle.Forbidden
		if oracle.LinearizableObjects(h, true) {
			want = oracle.Allowed
		}
		p, err := LWWRegister().Prepare(h)
		require.Equal(t, want, solve(t, p, err), "seed %d%s", seed, dump(h))
		counts[want]++
	}
	counts.require(t, bothOften)

	bare := sessions(t, "w x 1, r x 1")
	p, err := LWWRegister().Prepare(bare)
	require.Equal(t, oracle.Ambiguous, solve(t, p, err), "no stamps, no verdict")
}

// The same run as a last-writer-wins register and as a plain one: an older stamp
// that arrives later does not win.
func TestLWWIsNotAPlainRegister(t *testing.T) {
	h := sessions(t, "w x 1, w x 2, r x 1")
	h.Ops[0].Stamp, h.Ops[1].Stamp = history.Stamp{Clock: 9, Writer: 1}, history.Stamp{Clock: 5, Writer: 2}
	h.Ops[2].Stamp = h.Ops[0].Stamp
	p, err := LWWRegister().Prepare(h)
	require.Equal(t, oracle.Allowed, solve(t, p, err))
	p, err = Linearizable().Prepare(h)
	require.Equal(t, oracle.Forbidden, solve(t, p, err))
}

// What reads and dequeues rest on, kept, a smaller history is no worse.
func TestObjectReduction(t *testing.T) {
	for seed := range uint64(1500) {
		typ := []history.Type{history.Set, history.Queue, history.Map, history.MultiValue, history.Counter, history.Text, history.Register}[seed%7]
		lww := seed%14 == 13
		h := oracle.RandomObject(seed, typ, 6, lww)
		if !oracle.LinearizableObjects(h, lww) {
			continue
		}
		how := Linearizable().Reduce(h)
		if lww {
			how = LWWRegister().Reduce(h)
		}
		for gone := range 3 * len(h.Ops) { // each by itself, and some together
			drop := []int{gone % len(h.Ops), gone * gone % len(h.Ops), gone / len(h.Ops) * int(seed) % len(h.Ops)}
			kept := without(h, how, drop[:1+2*min(gone/len(h.Ops), 1)]...)
			require.True(t, oracle.LinearizableObjects(kept, lww), "seed %d without %d%s\nwas%s", seed, gone, dump(kept), dump(h))
		}
	}
}

// A map that is read as a whole may be recorded as a map, or as the list of its entries.
func TestWholeMapsAreMapsOrPairs(t *testing.T) {
	t.Parallel()
	counts, whole := map[oracle.Answer]int{}, 0
	for seed := range uint64(800) {
		h := oracle.RandomObject(seed, history.Map, 6, false)
		p, err := Linearizable().Prepare(h)
		want := solve(t, p, err)
		for i := range h.Ops {
			o := &h.Ops[i]
			if o.Func != history.Read || !o.Arg.IsNil() || o.Outcome != history.OK {
				continue
			}
			list, _ := o.Out.AsList()
			var entries [][2]history.Value
			for _, e := range list {
				pair, _ := e.AsList()
				entries = append(entries, [2]history.Value{pair[0], pair[1]})
			}
			whole += len(entries)
			asMap := history.MapOf(entries...)
			if distinct, _ := asMap.AsMap(); len(distinct) == len(entries) { // two of one key no map has
				o.Out = asMap
			}
		}
		p, err = Linearizable().Prepare(h)
		require.Equal(t, want, solve(t, p, err), "seed %d%s", seed, dump(h))
		counts[want]++
	}
	t.Logf("%v, %d entries read", counts, whole)
	require.Greater(t, min(counts[oracle.Allowed], counts[oracle.Forbidden], whole), 40)
}

func TestObjectsArePartitioned(t *testing.T) {
	entry := func(i int, fn history.Func, arg history.Value) history.Op {
		return history.Op{
			Index: i, Session: i, Type: history.Map, Func: fn, Key: "m", Arg: arg, Call: int64(i), Return: int64(i + 1),
		}
	}
	h := &history.History{Ops: []history.Op{
		entry(0, history.Write, history.List(history.Str("a"), history.Int(1))),
		entry(1, history.Write, history.List(history.Str("b"), history.Int(1))),
		entry(2, history.Remove, history.Str("a")),
	}}
	p, err := Linearizable().Prepare(h)
	require.NoError(t, err)
	require.Len(t, p.Parts, 2, "entries are independent")
	require.Equal(t, `map "m" entry "a"`, p.Parts[0].Name)
	h.Ops = append(h.Ops, entry(3, history.Read, history.Nil))
	p, err = Linearizable().Prepare(h)
	require.NoError(t, err)
	require.Len(t, p.Parts, 1, "unless the map is read as a whole")

	h.Ops[0].Arg = history.Int(1)
	_, err = Linearizable().Prepare(h)
	require.ErrorIs(t, err, ErrUnsupported)
}
