package linearizability

import (
	"maps"

	"github.com/joinery-go/joinery/linearizability/history"
)

// A session may be in two transactions at a time, so that one of them is split: the
// session did something else between its operations. Two that overlap are in no
// order, and one that has ended when the other one begins comes before it. The
// transactions that are not split are in order, which is the session's chain; a
// split one is a chain by itself beside them, and what it precedes is said in more.

// endedBefore reports whether m, a split transaction, precedes n in their session.
func (t *transactions) endedBefore(m, n int32) bool {
	a, b := t.ops[m], t.ops[n]
	return a[len(a)-1] < b[0] && t.h.Ops[a[0]].Session == t.h.Ops[b[0]].Session
}

// orderSplits puts split transactions before those of their session that begin after
// they have ended. O(transactions × split ones under way at a time), since one that
// precedes another one which precedes a third need not be put before that.
func (t *transactions) orderSplits() {
	open := make(map[int][]int32) // session -> split ones that are not yet behind others
	next := 0
	for n := range int32(len(t.ops)) {
		if len(t.splits) == 0 {
			return
		}
		session := t.h.Ops[t.ops[n][0]].Session
		var behind []int32
		latest := int32(-1) // where the last of those behind began
		for _, m := range open[session] {
			if t.endedBefore(m, n) {
				behind, latest = append(behind, m), max(latest, t.ops[m][0])
			}
		}
		kept := open[session][:0]
		for _, m := range open[session] {
			if last := t.ops[m]; last[len(last)-1] >= latest {
				kept = append(kept, m)
			}
		}
		for _, m := range behind {
			if last := t.ops[m]; last[len(last)-1] >= latest {
				t.more[n] = append(t.more[n], m)
			}
		}
		if next < len(t.splits) && t.splits[next] == n {
			next++
			kept = append(kept, n)
		}
		open[session] = kept
	}
}

// splitTransactions returns the first and last positions of split transactions.
func splitTransactions(h *history.History) map[txnName][]int {
	ends := make(map[txnName][]int) // of all
	split := make(map[txnName]bool)
	latest := make(map[int]uint64)
	for i := range h.Ops {
		o := &h.Ops[i]
		name := txnName{o.Session, o.Txn}
		switch {
		case o.Txn == 0:
		case ends[name] == nil:
			ends[name] = []int{i, i}
		default:
			ends[name][1] = i
			split[name] = split[name] || latest[o.Session] != o.Txn
		}
		latest[o.Session] = o.Txn
	}
	maps.DeleteFunc(ends, func(name txnName, _ []int) bool { return !split[name] })
	return ends
}
