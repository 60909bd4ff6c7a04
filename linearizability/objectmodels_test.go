package linearizability

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/linearizability/history"
)

// everyOrder reports whether some order of the operations that respects real time lets each
// of them take effect; those of unknown outcome may be left out.
func everyOrder[S any](ops []history.Op, state S, step func(S, *history.Op) (S, bool)) bool {
	if !slices.ContainsFunc(ops, func(o history.Op) bool { return o.Outcome != history.Unknown }) {
		return true
	}
	for i := range ops {
		first := !slices.ContainsFunc(ops, func(o history.Op) bool { return effect(&o) < ops[i].Call })
		if !first {
			continue
		}
		rest := slices.Delete(slices.Clone(ops), i, i+1)
		if ops[i].Outcome == history.Unknown && everyOrder(rest, state, step) {
			return true
		}
		if next, ok := step(state, &ops[i]); ok && everyOrder(rest, next, step) {
			return true
		}
	}
	return false
}

// overlapping gives operations intervals, and leaves some without a return.
func overlapping(rng *rand.Rand, ops []history.Op) *history.History {
	for i := range ops {
		o := &ops[i]
		o.Session, o.Node, o.Call = i, -1, int64(2*i-rng.IntN(6))
		if o.Return = int64(2*i + rng.IntN(6)); rng.IntN(8) == 0 && o.IsPut() {
			o.Outcome, o.Return = history.Unknown, history.Pending
		}
	}
	return inOrder(&history.History{Ops: ops})
}

// someMutex is a history of a mutex, most often of turns.
func someMutex(seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 51))
	ops := make([]history.Op, 2+rng.IntN(6))
	for i := range ops {
		ops[i] = history.Op{Type: history.Lock, Func: []history.Func{history.Acquire, history.Release}[(i+rng.IntN(5)/4)%2]}
	}
	return overlapping(rng, ops)
}

// plainMutex reports whether there is an order in which acquires and releases take turns.
func plainMutex(h *history.History) bool {
	return everyOrder(h.Ops, false, func(held bool, o *history.Op) (bool, bool) {
		acquires := o.Func == history.Acquire
		return acquires, held != acquires
	})
}

// A mutex without owners, against every order.
func TestMutexAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	for seed := range sample(20_000, 1_000_000) {
		h := someMutex(seed)
		counts.agree(t, h, "mutex", plainMutex(h))
	}
	counts.report(t, int(sample(20_000, 1_000_000)), 1000)
	h := sessionsOfLock("a0 a1")
	v := mustCheck(t, h, "mutex")
	require.Contains(t, v.Reason, "#1 acquired it, which #0 had done")
	require.Equal(t, OK, mustCheck(t, sessionsOfLock("a0 r1 a1 r0"), "mutex").Status, "anybody may release it")
	require.Equal(t, Violation, mustCheck(t, sessionsOfLock("a0 r1 a1 r0"), "lock").Status)
	require.Contains(t, mustCheck(t, sessionsOfLock("r0"), "mutex").Reason, "nobody had called acquire")
	require.Contains(t, mustCheck(t, sessionsOfLock("a0 r0 r1"), "mutex").Reason, "#2 released it after as many others as had called acquire")
}

// sessionsOfLock is one operation after the other: a0 acquires in session 0, r1 releases in
// session 1.
func sessionsOfLock(text string) *history.History {
	h := &history.History{}
	for i, word := range strings.Fields(text) {
		o := history.Op{Index: i, Session: int(word[1] - '0'), Node: -1, Type: history.Lock, Func: history.Acquire, Call: int64(2 * i), Return: int64(2*i + 1)}
		if word[0] == 'r' {
			o.Func = history.Release
		}
		h.Ops = append(h.Ops, o)
	}
	return h
}

// plainEtcd is a store in the plainest way: what is in it, and what it said.
type plainEtcd struct {
	revision, compacted int
	keys                map[string]plainKey
	leases              map[int]bool
}

type plainKey struct {
	value                  string
	revision, version, due int
}

func (p plainEtcd) copied() plainEtcd {
	q := plainEtcd{p.revision, p.compacted, map[string]plainKey{}, map[int]bool{}}
	for k, v := range p.keys {
		q.keys[k] = v
	}
	for l := range p.leases {
		q.leases[l] = true
	}
	return q
}

// plainRequest is one of the requests that the test makes.
type plainRequest struct {
	what      string // get, put, delete, cas, grant, revoke, compact, defragment
	key       string
	value     string
	lease, at int
}

func (q plainRequest) input() string {
	put := fmt.Sprintf(`{"Type":"put-operation","Put":{"Key":%q,"Value":{"Value":%q},"LeaseID":%d}}`, q.key, q.value, q.lease)
	switch q.what {
	case "get":
		return fmt.Sprintf(`{"Type":"range","Range":{"Start":%q,"End":"","Limit":0,"Revision":%d}}`, q.key, q.at)
	case "list":
		return `{"Type":"range","Range":{"Start":"a","End":"z","Limit":1,"Revision":0}}`
	case "put":
		return `{"Type":"txn","Txn":{"OperationsOnSuccess":[` + put + `]}}`
	case "delete":
		return fmt.Sprintf(`{"Type":"txn","Txn":{"OperationsOnSuccess":[{"Type":"delete-operation","Delete":{"Key":%q}}]}}`, q.key)
	case "cas":
		return fmt.Sprintf(`{"Type":"txn","Txn":{"Conditions":[{"Key":%q,"ExpectedRevision":%d}],"OperationsOnSuccess":[%s],"OperationsOnFailure":[{"Type":"range-operation","Range":{"Start":%q}}]}}`,
			q.key, q.at, put, q.key)
	case "grant":
		return fmt.Sprintf(`{"Type":"leaseGrant","LeaseGrant":{"LeaseID":%d}}`, q.lease)
	case "revoke":
		return fmt.Sprintf(`{"Type":"leaseRevoke","LeaseRevoke":{"LeaseID":%d}}`, q.lease)
	case "compact":
		return fmt.Sprintf(`{"Type":"compact","Compact":{"Revision":%d}}`, q.at)
	}
	return `{"Type":"defragment","Defragment":{}}`
}

// do is the store after a request, and what it says.
func (p plainEtcd) do(q plainRequest) (plainEtcd, string) {
	next := p.copied()
	kvs := func(k string) (string, int) {
		v, is := p.keys[k]
		if !is {
			return `[]`, 0
		}
		return fmt.Sprintf(`[{"Key":%q,"Value":{"Value":%q},"ModRevision":%d,"Version":%d}]`, k, v.value, v.revision, v.version), 1
	}
	put := func() string {
		if q.lease == 0 || p.leases[q.lease] {
			next.revision++
			next.keys[q.key] = plainKey{q.value, next.revision, p.keys[q.key].version + 1, q.lease}
		}
		return `{"Failure":false,"Results":[{"KVs":null,"Count":0,"Deleted":0}]}`
	}
	said := ""
	switch q.what {
	case "get":
		switch list, n := kvs(q.key); {
		case q.at > p.revision:
			return p, `{"ClientError":"etcdserver: mvcc: required revision is a future revision","Revision":0}`
		case q.at > 0 && q.at < p.compacted:
			return p, `{"ClientError":"etcdserver: mvcc: required revision has been compacted","Revision":0}`
		case q.at > 0 && q.at < p.revision:
			return p, `{"Range":{"KVs":[],"Count":0},"Revision":-1}`
		default:
			said = fmt.Sprintf(`"Range":{"KVs":%s,"Count":%d}`, list, n)
		}
	case "list":
		names := []string{}
		for k := range p.keys {
			names = append(names, k)
		}
		slices.Sort(names)
		list := `[]`
		if len(names) > 0 {
			list, _ = kvs(names[0])
		}
		said = fmt.Sprintf(`"Range":{"KVs":%s,"Count":%d}`, list, len(names))
	case "put":
		said = `"Txn":` + put()
	case "delete":
		_, is := p.keys[q.key]
		n := 0
		if is {
			n = 1
			next.revision++
			delete(next.keys, q.key)
		}
		said = fmt.Sprintf(`"Txn":{"Failure":false,"Results":[{"Deleted":%d}]}`, n)
	case "cas":
		if p.keys[q.key].revision == q.at {
			said = `"Txn":` + put()
		} else {
			list, n := kvs(q.key)
			said = fmt.Sprintf(`"Txn":{"Failure":true,"Results":[{"KVs":%s,"Count":%d}]}`, list, n)
		}
	case "grant":
		next.leases[q.lease] = true
		said = `"LeaseGrant":{"LeaseID":0}`
	case "revoke":
		delete(next.leases, q.lease)
		gone := false
		for k, v := range p.keys {
			if v.due == q.lease {
				delete(next.keys, k)
				gone = true
			}
		}
		if gone {
			next.revision++
		}
		said = `"LeaseRevoke":{}`
	case "compact":
		switch {
		case q.at > p.revision:
			return p, `{"ClientError":"future rev","Revision":0}`
		case q.at <= p.compacted:
			return p, `{"ClientError":"mvcc: required revision has been compacted","Revision":0}`
		}
		next.compacted = q.at
		return next, `{"Compact":{},"Revision":-1}`
	case "defragment":
		return next, `{"Defragment":{},"Revision":-1}`
	}
	return next, fmt.Sprintf(`{%s,"Revision":%d}`, said, next.revision)
}

func valueOf(t *testing.T, text string) (v history.Value) {
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	return v
}

// someEtcd is a history of a store that did things in another order at times, and whether
// an order of some of its operations, by their Index, is one of the plain store.
func someEtcd(t *testing.T, seed uint64) (h *history.History, holds func(*history.History) bool) {
	rng := rand.New(rand.NewPCG(seed, 52))
	var ops []history.Op
	var asked []plainRequest
	store := plainEtcd{1, 0, map[string]plainKey{}, map[int]bool{}}
	stores := []plainEtcd{store}
	for i := range 2 + rng.IntN(5) {
		q := plainRequest{
			[]string{"get", "get", "list", "put", "put", "delete", "cas", "grant", "revoke", "compact", "defragment"}[rng.IntN(11)],
			[]string{"k", "l"}[rng.IntN(2)], fmt.Sprint(rng.IntN(2)), rng.IntN(2), rng.IntN(4),
		}
		if q.what == "put" && rng.IntN(2) == 0 {
			q.lease = 0
		}
		if (q.what == "grant" || q.what == "revoke") && q.lease == 0 {
			q.lease = 1
		}
		if rng.IntN(3) > 0 && q.what == "get" {
			q.at = 0
		}
		from := store
		if rng.IntN(3) == 0 {
			from = stores[rng.IntN(len(stores))] // what it says is late
		}
		_, said := from.do(q)
		stores = append(stores, store)
		store, _ = store.do(q)
		fn := map[string]history.Func{"get": history.Read, "list": history.Read, "grant": history.EtcdGrant, "revoke": history.EtcdRevoke,
			"compact": history.EtcdCompact, "defragment": history.EtcdDefragment}[q.what]
		if fn == "" {
			fn = history.EtcdTxn
		}
		ops = append(ops, history.Op{Type: history.Etcd, Func: fn, Arg: valueOf(t, q.input()), Out: valueOf(t, said), Tag: 0, Txn: uint64(i + 1)})
		asked = append(asked, q)
	}
	h = overlapping(rng, ops)
	number := make([]uint64, len(h.Ops))
	for i := range h.Ops {
		number[i], h.Ops[i].Txn = h.Ops[i].Txn, 0
	}
	return h, func(h *history.History) bool {
		return everyOrder(h.Ops, plainEtcd{1, 0, map[string]plainKey{}, map[int]bool{}}, func(p plainEtcd, o *history.Op) (plainEtcd, bool) {
			next, said := p.do(asked[number[o.Index]-1])
			due := valueOf(t, said)
			return next, o.Outcome == history.Unknown || alikeSaid(due, o.Out)
		})
	}
}

// The store of etcd's robustness tests, against every order of a plain one: what was asked,
// and what a store said that did it in another order at times.
func TestEtcdAgreesWithBruteForce(t *testing.T) {
	t.Parallel()
	counts := bruteTally{}
	for seed := range sample(3_000, 1_000_000) {
		h, holds := someEtcd(t, seed)
		counts.agree(t, h, "etcd", holds(h))
	}
	counts.report(t, int(sample(3_000, 1_000_000)), 150)
}

// alikeSaid compares what two stores said, in the plainest way. Errors are compared by the
// word that tells them.
func alikeSaid(a, b history.Value) bool {
	word := func(v history.Value) string {
		for _, w := range []string{"future rev", "compacted"} {
			if strings.Contains(v.String(), w) {
				return w
			}
		}
		return ""
	}
	if strings.Contains(b.String(), `"Revision" -1`) { // which says nothing
		a, b = withoutRevision(a), withoutRevision(b)
	}
	return word(a) == word(b) && (word(a) != "" || a.Equal(b))
}

func withoutRevision(v history.Value) history.Value {
	entries, _ := v.AsMap()
	return history.MapOf(slices.DeleteFunc(slices.Clone(entries), func(e [2]history.Value) bool { return e[0].Equal(history.Str("Revision")) })...)
}

// What is known of a request by other ways: that it was persisted, at a revision or at any.
func TestEtcdPersisted(t *testing.T) {
	put := func(key, output string, i int) history.Op {
		return history.Op{Index: i, Session: i, Node: -1, Type: history.Etcd, Func: history.EtcdTxn, Call: int64(10 * i), Return: int64(10*i + 5),
			Arg: valueOf(t, plainRequest{what: "put", key: key, value: "1"}.input()), Out: valueOf(t, output)}
	}
	get := func(revision, i int) history.Op {
		return history.Op{Index: i, Session: i, Node: -1, Type: history.Etcd, Func: history.Read, Call: int64(10 * i), Return: int64(10*i + 5),
			Arg: valueOf(t, plainRequest{what: "get", key: "m"}.input()), Out: valueOf(t, fmt.Sprintf(`{"Range":{"KVs":[],"Count":0},"Revision":%d}`, revision))}
	}
	of := func(ops ...history.Op) Status { return mustCheck(t, &history.History{Ops: ops}, "etcd").Status }
	require.Equal(t, OK, of(put("k", `{"Persisted":true}`, 0), get(2, 1)))
	require.Equal(t, Violation, of(put("k", `{"Persisted":true}`, 0), get(1, 1)), "it was persisted when it had returned")
	require.Equal(t, OK, of(put("k", `{"Persisted":true,"PersistedRevision":2}`, 0), get(2, 1)))
	require.Equal(t, Violation, of(put("k", `{"Persisted":true,"PersistedRevision":3}`, 0), get(2, 1)))
	require.Equal(t, OK, of(put("k", `{"PartialResponse":true,"Revision":2}`, 0), get(2, 1)), "as recordings of old have it")
	require.Equal(t, Violation, of(put("k", `{"PartialResponse":true,"Revision":3}`, 0), get(2, 1)))
	require.Equal(t, OK, of(put("k", `{"PartialResponse":false,"Txn":{"Failure":false,"Results":[{}]},"Revision":2}`, 0), get(2, 1)))
	long := strings.Repeat("x", 30)
	h := &history.History{Ops: []history.Op{put("k", `{"Txn":{"Failure":false,"Results":[{}]},"Revision":2}`, 0), get(2, 1)}}
	h.Ops[0].Arg = valueOf(t, plainRequest{what: "put", key: "m", value: long}.input())
	h.Ops[1].Out = valueOf(t, `{"Range":{"KVs":[{"Key":"m","Value":{"Hash":`+fmt.Sprint(etcdValue{Value: long}.normal().Hash)+`},"ModRevision":2}],"Count":1},"Revision":2}`)
	require.Equal(t, OK, mustCheck(t, h, "etcd").Status, "a long value is recorded as its hash")
	for _, bad := range []string{`{"Type":"txn","Txn":{"OperationsOnSuccess":[{"Type":"what"}]}}`, `{"Type":"txn","Txn":{"Nothing":3}}`, `{"Type":"txn"}`, `7`} {
		h.Ops[0].Arg = valueOf(t, bad)
		_, err := Judge(context.Background(), h, "etcd", Budget{})
		require.ErrorContains(t, err, "operation not described by the model", bad)
	}
	report, err := Levels(context.Background(), &history.History{Ops: []history.Op{get(1, 0)}}, Budget{})
	require.NoError(t, err)
	require.Equal(t, []string{"etcd"}, report.Holds)
}

// Counters whose increments are of one amount, against every order.
func TestStepsAgreeWithBruteForce(t *testing.T) {
	t.Parallel()
	counts, methods := bruteTally{}, 0
	for seed := range sample(20_000, 1_000_000) {
		rng := rand.New(rand.NewPCG(seed, 53))
		amount := []int64{1, 1, 3, -2}[rng.IntN(4)]
		ops := make([]history.Op, 2+rng.IntN(6))
		sum, some := int64(0), false
		for i := range ops {
			o := &ops[i]
			if o.Type, o.Func, o.Arg = history.Counter, history.Inc, history.Int(amount); rng.IntN(2) == 0 {
				sum += amount
				some = true
				continue
			}
			o.Func, o.Arg, o.Out = history.Read, history.Nil, history.Int(sum+amount*[]int64{0, 0, 0, 1, -1}[rng.IntN(5)])
		}
		h := overlapping(rng, ops)
		want := everyOrder(h.Ops, 0, func(n int64, o *history.Op) (int64, bool) {
			by, _ := o.Arg.AsInt()
			out, _ := o.Out.AsInt()
			return n + by, o.Func == history.Inc || out == n
		})
		if !observes(h) || !some {
			continue
		}
		counts.agree(t, h, "linearizable", want)
		at := make([]int, len(h.Ops))
		for i := range at {
			at[i] = i
		}
		r, fits := decideSteps(newMeter(context.Background(), defaults(t)), h, at)
		require.Equal(t, want, fits && r.status == OK, "seed %d%s", seed, dump{h})
		methods++
	}
	counts.report(t, methods, 1000)
}
