package linearizability

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// fewValues is a history of some transactions over two registers of which each is written
// two values and may be at first one of them, so that reads name nothing.
func fewValues(seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 0x726570))
	h := &history.History{Name: "few values"}
	if rng.IntN(2) == 0 {
		h.Initial = history.Int(int64(rng.IntN(2)))
	}
	free := [3]int64{}
	for txn := range 2 + rng.IntN(4) {
		s := rng.IntN(3)
		call := free[s] + 1 + int64(rng.IntN(6))
		ret := call + 1 + int64(rng.IntN(8))
		outcome := history.OK
		switch rng.IntN(10) {
		case 0:
			outcome = history.Failed
		case 1:
			outcome, ret = history.Unknown, history.Pending
		}
		if free[s] = ret; ret == history.Pending {
			free[s] = call // nothing waits for one in doubt
		}
		for range 1 + rng.IntN(3) {
			o := history.Op{
				Session: s, Node: -1, Type: history.Register, Func: history.Read, Key: string("xy"[rng.IntN(2)]),
				Call: call, Return: ret, Outcome: outcome, Txn: uint64(txn + 1),
			}
			v := history.Int(int64(rng.IntN(2)))
			if o.Out = v; rng.IntN(2) == 0 {
				o.Func, o.Arg, o.Out = history.Write, v, history.Nil
			} else if rng.IntN(6) == 0 {
				o.Out = h.Initial
			}
			h.Ops = append(h.Ops, o)
		}
	}
	return inOrder(h)
}

// someOrder tries every order of the transactions, those in doubt in or out.
func someOrder(h *history.History, before func(a, b []history.Op) bool) bool {
	var txns [][]history.Op
	at := make(map[uint64]int)
	for _, o := range h.Ops {
		if o.Outcome == history.Failed {
			continue
		}
		n, known := at[o.Txn]
		if !known {
			n = len(txns)
			at[o.Txn] = n
			txns = append(txns, nil)
		}
		txns[n] = append(txns[n], o)
	}
	var try func(done int, now map[string]string) bool
	try = func(done int, now map[string]string) bool {
		left := false
		for n, t := range txns {
			if done>>n&1 == 1 {
				continue
			}
			left = left || t[0].Outcome == history.OK
			next, fits := make(map[string]string), true
			for k, v := range now {
				next[k] = v
			}
			for m, other := range txns {
				fits = fits && (m == n || done>>m&1 == 1 || other[0].Outcome != history.OK || !before(other, t))
			}
			for _, o := range t {
				switch held, written := next[o.Key]; {
				case o.Func == history.Write:
					next[o.Key] = o.Arg.Key()
				case o.Outcome != history.OK:
				case written && held != o.Out.Key(), !written && h.Initial.Key() != o.Out.Key():
					fits = false
				}
			}
			if fits && try(done|1<<n, next) {
				return true
			}
		}
		return !left
	}
	return try(0, map[string]string{})
}

func endsBefore(a, b []history.Op) bool { return effect(&a[0]) < b[0].Call }

func TestTransactionsOfRepeatedValuesAgree(t *testing.T) {
	t.Parallel()
	levels := map[string]func(a, b []history.Op) bool{
		"strict-serializable": endsBefore,
		"serializable":        func(a, b []history.Op) bool { return a[0].Session == b[0].Session && endsBefore(a, b) },
		"repeatable-read":     func(_, _ []history.Op) bool { return false },
	}
	agreed := map[Status]int{}
	for seed := range uint64(8_000) {
		h := fewValues(seed)
		for level, before := range levels {
			want := Violation
			if someOrder(h, before) {
				want = OK
			}
			v, err := Judge(context.Background(), h, level, Budget{})
			require.NoError(t, err)
			if v.Status == Inconclusive { // nothing was read
				require.False(t, observes(h), "seed %d, %s: %s", seed, level, v.Reason)
				continue
			}
			require.Equal(t, want, v.Status, "seed %d, %s: %s", seed, level, v.Reason)
			if agreed[want]++; want == Violation {
				sub := &history.History{Initial: h.Initial, Ops: v.Witness}
				require.False(t, someOrder(sub, before), "seed %d, %s: the witness is no violation", seed, level)
			}
		}
	}
	require.Greater(t, agreed[OK], 1500)
	require.Greater(t, agreed[Violation], 1500)
}

// Where an order in real time explains transactions whose values repeat, all weaker levels
// hold; where none does, those that go by what reads name are open and say why.
func TestWeakerLevelsOfRepeatedValues(t *testing.T) {
	t.Parallel()
	for _, level := range transactionHierarchy() {
		held := 0
		for seed := range uint64(300) {
			h := fewValues(seed)
			strict, err := Judge(context.Background(), h, "strict-serializable", Budget{})
			require.NoError(t, err)
			v, err := Judge(context.Background(), h, level.level, Budget{})
			require.NoError(t, err)
			if strict.Status == OK {
				require.Equal(t, OK, v.Status, "seed %d, %s: %s", seed, level.level, v.Reason)
				held++
			}
			if v.Status == Inconclusive && v.Cause != nil {
				require.ErrorIs(t, v.Cause, history.ErrNotUnique)
			}
		}
		require.Positive(t, held, level.level)
	}
}

// What a search of whole transactions cannot take stays open: transactions that run into
// each other within a session, and another reading of own reads.
func TestRepeatedValuesThatStayOpen(t *testing.T) {
	t.Parallel()
	h := &history.History{Ops: []history.Op{
		{Session: 0, Node: -1, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(1), Call: 1, Return: 2, Txn: 1},
		{Session: 0, Node: -1, Type: history.Register, Func: history.Write, Key: "x", Arg: history.Int(1), Call: 3, Return: 4, Txn: 2},
		{Session: 0, Node: -1, Type: history.Register, Func: history.Read, Key: "x", Out: history.Int(1), Call: 5, Return: 6, Txn: 1},
	}}
	h = inOrder(h)
	v, err := Judge(context.Background(), h, "strict-serializable", Budget{})
	require.NoError(t, err)
	require.Equal(t, Inconclusive, v.Status)
	h.Ops[2].Txn = 3
	v, err = Judge(context.Background(), h, "strict-serializable", Budget{})
	require.NoError(t, err)
	require.Equal(t, OK, v.Status)
	v, err = JudgeWith(context.Background(), h, "strict-serializable", Options{OwnReads: OwnReadsUntilRead})
	require.NoError(t, err)
	require.Equal(t, Inconclusive, v.Status)
}
