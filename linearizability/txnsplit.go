package linearizability

import (
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

// intervals returns, by transaction, the positions of the operation that was called
// first and of the one that returned last.
func intervals(h *history.History) map[txnName][2]int {
	ends := make(map[txnName][2]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Txn == 0 {
			continue
		}
		name := txnName{o.Session, o.Txn}
		e, known := ends[name]
		if !known {
			e = [2]int{i, i}
		}
		if h.Ops[e[1]].Return < o.Return {
			e[1] = i
		}
		ends[name] = e
	}
	return ends
}

// anchors returns, by transaction, the positions of operations that a smaller history
// must keep with any other one of it: of a split one the first and the last, so that
// others of the session do not come to lie outside it, and of one that failed, or may
// have, an operation that says so.
func anchors(h *history.History) map[txnName][]int {
	type span struct {
		first, last, failed int // failed: the gravest outcome is at this position
		split               bool
	}
	spans := make(map[txnName]*span)
	latest := make(map[int]uint64)
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Txn == 0 {
			latest[o.Session] = 0
			continue
		}
		name := txnName{o.Session, o.Txn}
		s := spans[name]
		if s == nil {
			s = &span{first: i, failed: i}
			spans[name] = s
		} else {
			s.split = s.split || latest[o.Session] != o.Txn
		}
		s.last = i
		if was := h.Ops[s.failed].Outcome; o.Outcome == history.Failed && was != o.Outcome || o.Outcome == history.Unknown && was == history.OK {
			s.failed = i
		}
		latest[o.Session] = o.Txn
	}
	keep := make(map[txnName][]int)
	for name, s := range spans { //joinery:anyorder each has an entry of its own
		if h.Ops[s.failed].Outcome != history.OK {
			keep[name] = append(keep[name], s.failed)
		}
		if s.split {
			keep[name] = append(keep[name], s.first, s.last)
		}
	}
	return keep
}
