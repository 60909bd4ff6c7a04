package scenario

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// inOneTxn is a run of these operations, each of transaction 1 of session 0 unless it says
// otherwise, and that session.
func inOneTxn(t *testing.T, lines ...string) (*run, *sessionState) {
	setup, _, err := new(memory).planOf(Config{}, 1, 0)
	require.NoError(t, err)
	setup.Tagged, setup.Level = false, session.ReadCommitted.String()
	var ops []workload.Operation
	for _, line := range lines {
		o, err := workload.ParseOperation(line)
		require.NoError(t, err)
		ops = append(ops, o)
	}
	r, err := newRun(new(memory), setup, ops)
	require.NoError(t, err)
	s := &sessionState{busy: true}
	for i := range ops {
		s.queue = append(s.queue, i)
	}
	s.txn.Begin(session.ReadCommitted)
	s.txn.number = 1
	return r, s
}

// does has the session do its next operation: a write is held back, and to a read a replica
// answers v, nil if it has nothing.
func (r *run) does(t *testing.T, s *sessionState, v kind.Value) history.Value {
	at := s.queue[s.first]
	if r.ops[at].Func != history.Read {
		r.hold(s, int64(at)*10)
	} else {
		r.begin(s, int64(at)*10)
		if v == nil {
			r.take(s, nil, false)
		} else {
			r.take(s, v.Append(nil), true)
		}
	}
	require.NoError(t, r.err)
	s.first++
	return r.recorded[at].Out
}

// put is a value of a kind into which a stranger has put these arguments.
func (r *run) put(t *testing.T, name string, args ...[]byte) kind.Value {
	k, found := r.kinds.Find(name)
	require.True(t, found)
	v := k.New()
	for i, arg := range args {
		d, err := k.Mutate(kind.Update{Arg: arg, Clock: began + uint64(i), Origin: 9}, v)
		require.NoError(t, err)
		v.MergeIn(d)
	}
	return v
}

// TestReadsInTransactions: what the history shows a transaction to have read.
func TestReadsInTransactions(t *testing.T) {
	r, s := inOneTxn(t,
		`1 at 1ms s0 n0 delete register "r1" "" txn 1`,
		`2 at 2ms s0 n0 read register "r1" txn 1`,
		`3 at 3ms s0 n0 write register "r1" "v3" txn 1`,
		`4 at 4ms s0 n0 read register "r1" txn 1`,
		`5 at 5ms s0 n0 add set "a1" "e5" txn 1`,
		`6 at 6ms s0 n0 delete set "a1" "e" txn 1`,
		`7 at 7ms s0 n0 read set "a1" txn 1`,
		`8 at 8ms s0 n0 delete set "a1" "" txn 1`,
		`9 at 9ms s0 n0 read set "a1" txn 1`,
		`10 at 10ms s0 n0 inc counter "c1" "4" txn 1`,
		`11 at 11ms s0 n0 delete counter "c1" "" txn 1`,
		`12 at 12ms s0 n0 inc counter "c1" "-8" txn 1`,
		`13 at 13ms s0 n0 read counter "c1" txn 1`,
		`14 at 14ms s0 n0 read register "r2" txn 1`,
		`15 at 15ms s0 n0 delete register "r2" "" txn 1 commit`,
	)
	set := func() kind.Value { return r.put(t, "addwins", []byte("e"), []byte("f")) }
	for _, x := range []struct {
		answer kind.Value
		shows  history.Value
	}{
		{nil, history.Nil}, {r.put(t, "register", []byte("old")), history.Str("d1")}, {nil, history.Nil}, {r.put(t, "register", []byte("old")), history.Str("v3")},
		{nil, history.Nil}, {nil, history.Nil}, {set(), history.List(history.Str("e5"), history.Str("f"))}, {nil, history.Nil}, {set(), history.List()},
		{nil, history.Nil}, {nil, history.Nil}, {nil, history.Nil}, {r.put(t, "counter", kind.Amount(100)), history.Int(-8)},
		{nil, history.Nil}, {nil, history.Nil},
	} {
		got := r.does(t, s, x.answer)
		assert.True(t, x.shows.Equal(got), "#%d: %v, want %v", s.first, got, x.shows)
	}
	s.first--
	for _, w := range s.txn.Writes() {
		if !w.Replaced {
			s.txn.sending = append(s.txn.sending, int(w.Ref))
		}
	}
	assert.Equal(t, []int{2, 5, 7, 10, 11, 14}, s.txn.sending, "the delete of the register is replaced, and what was added and deleted in vain")
	r.committed(s)
	assert.Empty(t, r.failed)
	for at, want := range map[int]fate{1: fateOwn, 3: fateOwn, 6: fateOwn, 8: fateOwn, 12: fateOwn, 13: fateNone, 0: fateHeld, 14: fateHeld} {
		assert.Equal(t, want, r.fates[at], "#%d", at+1)
	}
	assert.Equal(t, history.Write, r.recorded[0].Func, "a delete of a register is a write to who knows no deletes")
}

// TestTransactionOracle: it notices a read that shows too much or too little of its
// transaction, and a commit that sends too much, too little, in another order, or as what it is
// not.
func TestTransactionOracle(t *testing.T) {
	plan := []string{
		`1 at 1ms s0 n0 add set "a1" "e1" txn 1 commit`,
		`2 at 2ms s0 n0 add set "a1" "e2" txn 1`,
		`3 at 3ms s1 n0 add set "a1" "e3" txn 1`,
		`4 at 4ms s0 n0 delete set "a1" "" txn 1`,
		`5 at 5ms s0 n0 add set "a1" "e5" txn 1`,
		`6 at 6ms s0 n0 read set "a1" txn 1`,
		`7 at 7ms s0 n0 add set "a1" "e7" txn 1 !kind`,
		`8 at 8ms s0 n0 add set "a1" "e8" txn 1 commit`,
	}
	for name, x := range map[string]struct {
		write   func(s *sessionState) error // instead of #4
		sending []int
		bad     []string
	}{
		"as it is":     {nil, []int{3, 4, 7}, nil},
		"one too many": {nil, []int{1, 3, 4, 7}, []string{"commit"}},
		"one too few":  {nil, []int{3, 7}, []string{"commit"}},
		"in disorder":  {nil, []int{4, 3, 7}, []string{"commit"}},
		"nothing":      {nil, nil, []string{"commit"}},
		"a put":        {func(s *sessionState) error { return s.txn.Put("a1", "addwins", nil, 3, false) }, []int{3, 4, 7}, []string{"set", "commit"}},
		"not at all":   {func(s *sessionState) error { return nil }, []int{3, 4, 7}, []string{"set"}},
	} {
		r, s := inOneTxn(t, plan...)
		s.queue = []int{1, 3, 4, 5, 7}
		r.does(t, s, nil)
		if k, _ := r.kinds.Find("addwins"); x.write == nil {
			x.write = func(s *sessionState) error { return s.txn.Delete(k, "a1", nil, 3) }
		}
		require.NoError(t, x.write(s))
		s.first++
		r.does(t, s, nil)
		r.does(t, s, r.put(t, "addwins", []byte("x")))
		r.hold(s, 100)
		s.txn.sending = x.sending
		r.committed(s)
		var kinds []string
		for _, v := range r.failed {
			assert.Equal(t, oracleTransaction, v.Oracle)
			kinds = append(kinds, v.Kind)
		}
		assert.Equal(t, x.bad, kinds, "%s: %v", name, r.failed)
	}
}

// ofTwo has the operations of a plan done, those of session 0 inside of s and those of session 1
// inside of another, each read of which finds the write at the next of these positions.
func (r *run) ofTwo(t *testing.T, s *sessionState, seen []int) {
	other := &sessionState{number: 1, busy: true}
	other.txn.Begin(session.ReadCommitted)
	other.txn.number = 1
	for at := range r.planned {
		o := &r.ops[at]
		if o.Session == 1 {
			other.queue, other.first = []int{at}, 0
			r.does(t, other, r.registerOf(t, &r.ops[seen[0]]))
			r.recorded[at].Return, r.recorded[at].Outcome = r.recorded[at].Call+1, history.OK
			seen = seen[1:]
			continue
		}
		if s.queue, s.first = []int{at}, 0; s.txn.number != o.Txn {
			s.txn.Begin(session.ReadCommitted)
			s.txn.number = o.Txn
		}
		r.does(t, s, nil)
		r.recorded[at].Stamp = history.Stamp{Clock: began + o.ID, Writer: 1}
		if o.End != workload.Commit {
			continue
		}
		for _, w := range s.txn.Writes() {
			if r.fates[w.Ref] = fateReplaced; !w.Replaced {
				h := &r.recorded[w.Ref]
				r.fates[w.Ref], h.Outcome, h.Return = fateNone, history.OK, int64(at)*10+5
			}
		}
	}
}

// registerOf is a register that has been written last by an operation.
func (r *run) registerOf(t *testing.T, o *workload.Operation) kind.Value {
	k, _ := r.kinds.Find("register")
	u := kind.Update{Clock: began + o.ID, Origin: 1}
	change := k.Delete
	if o.Func != workload.Delete {
		change, u.Arg = k.Mutate, []byte(o.Arg)
	}
	v, err := change(u, nil)
	require.NoError(t, err)
	return v
}

// TestCheckersJudgeDeletes: to the checkers of transactions a delete of a register is a write,
// so that they notice one that is seen and was not committed, or that its own transaction has
// replaced, and a register that a transaction finds once there and once deleted.
func TestCheckersJudgeDeletes(t *testing.T) {
	read := func(id, txn int, end string) string {
		return fmt.Sprintf(`%d at %dms s1 n0 read register "r1" txn %d%s`, id, id, txn, end)
	}
	for name, x := range map[string]struct {
		plan  []string
		seen  []int // by read, in their order: the position of the write that it finds
		wrong []string
	}{
		"committed": {[]string{
			`1 at 1ms s0 n0 delete register "r1" "" txn 1 commit`, read(2, 1, ""), read(3, 1, " commit"),
		}, []int{0, 0}, nil},
		"aborted": {[]string{
			`1 at 1ms s0 n0 delete register "r1" "" txn 1 abort`, read(2, 1, " commit"),
		}, []int{0}, []string{"pl-2"}},
		"replaced": {[]string{
			`1 at 1ms s0 n0 delete register "r1" "" txn 1`, `2 at 2ms s0 n0 write register "r1" "v2" txn 1 commit`, read(3, 1, " commit"),
		}, []int{0}, []string{"pl-2"}},
		"replaced by a delete": {[]string{
			`1 at 1ms s0 n0 write register "r1" "v1" txn 1`, `2 at 2ms s0 n0 delete register "r1" "" txn 1 commit`, read(3, 1, " commit"),
		}, []int{0}, []string{"pl-2"}},
		"in between": {[]string{
			`1 at 1ms s0 n0 write register "r1" "v1" txn 1 commit`, `2 at 2ms s0 n0 delete register "r1" "" txn 2 commit`, read(3, 1, ""), read(4, 1, " commit"),
		}, []int{0, 1}, []string{"item-cut"}},
	} {
		r, s := inOneTxn(t, x.plan...)
		r.ofTwo(t, s, x.seen)
		var wrong []string
		for _, model := range []string{"pl-2", "item-cut"} {
			v, err := linearizability.Judge(t.Context(), r.txnPart(), model, linearizability.Budget{})
			require.NoError(t, err)
			if v.Status == linearizability.Violation {
				wrong = append(wrong, model)
			} else {
				assert.Equal(t, linearizability.OK, v.Status, "%s by %s: %s", name, model, v.Reason)
			}
		}
		assert.Empty(t, r.failed, name)
		assert.Equal(t, x.wrong, wrong, name)
	}
}
