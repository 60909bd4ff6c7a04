package linearizability

import (
	"fmt"

	"github.com/joinery-go/joinery/linearizability/history"
)

// search decides snapshot isolation where appends that no read shows leave open which of
// their transactions came first, as it is decided for registers: each list is one whose
// versions are known as far as reads show them. The level holds or it does not; where a
// budget runs out it is undecided.
func (l *lists) search(m *meter, g *listGraph, level txnLevel) result {
	if r := l.lostUpdates(); r.status != OK {
		return r
	}
	t, node := l.asTransactions(level == levelSnapshot)
	if r := m.clocksFit(2*len(t.ops), len(t.chains)); r.status != OK {
		return r
	}
	x := newTimeline(t, levelSnapshot)
	for _, e := range g.edges {
		if e.kind == dependsWW {
			x.put(x.commit(node[e.from]), x.begin(node[e.to]), precedence{reason: byList, key: l.keyOf[e.about], due: -1})
		}
	}
	answer, why := x.decide(m, 4*len(x.latest)+10_000, 256)
	switch answer {
	case holds:
		return result{status: OK, method: byCommitSearch}
	case open:
		return result{status: Undecided, method: byCommitSearch, reason: fmt.Sprintf("%s after %d guesses", m.stopped(), x.guesses)}
	}
	r := result{status: Violation, method: byCommitSearch, reason: GSI + ": appends that no read shows have no order in which none of their transactions overlap and each list is read as it was"}
	if len(why.cycle) > 0 {
		r.reason = GSI + ": " + x.told(why.cycle)
	}
	if !why.all {
		r.witness = t.witness(why.nodes)
	}
	return r
}

// lostUpdates looks for two transactions that read one version of a list and both append to
// it, whatever the order of the appends: whichever committed later began after the other one
// had committed, so that its read shows that one's append. O(reads × operations of theirs).
func (l *lists) lostUpdates() result {
	type version struct{ key, base int32 }
	first := make(map[version]int32) // of it: the read of a transaction that appends
	for n := range l.reads {
		r := &l.reads[n]
		if l.m.mustStop(8 + len(l.ops[r.txn])) {
			return result{status: Undecided}
		}
		w := l.appendOf(r.txn, r.key)
		if w < 0 {
			continue
		}
		at := version{r.key, r.base}
		before, known := first[at]
		switch {
		case !known:
			first[at] = int32(n)
		case l.reads[before].txn != r.txn:
			q := &l.reads[before]
			return l.wrong([]int32{q.pos, r.pos}, "%s: #%d read %q as %s, to which #%d of its transaction appended %s; "+
				"#%d read the same, and #%d of its transaction appended %s: whichever came second overlooked the other one",
				LostUpdate, l.h.Ops[q.pos].Index, l.h.Ops[q.pos].Key, l.h.Ops[q.pos].Out, l.h.Ops[l.appendOf(q.txn, q.key)].Index,
				l.h.Ops[l.appendOf(q.txn, q.key)].Arg, l.h.Ops[r.pos].Index, l.h.Ops[w].Index, l.h.Ops[w].Arg)
		}
	}
	return result{status: OK}
}

// asTransactions returns the transactions that take part as ones over registers, and the
// node of each. Without sessions each is in one of its own.
func (l *lists) asTransactions(sessions bool) (*transactions, []int32) {
	a := &accesses{h: l.h, m: l.m, byKey: make([][]writers, len(l.keys))}
	t := &transactions{accesses: a, level: levelTCC, wrote: make(map[[2]int32]int32), why: make(map[[2]int32]int32)}
	node := make([]int32, len(l.ops))
	chainOf := make(map[int]int32)
	for i, ops := range l.ops {
		if !l.part[i] {
			continue
		}
		s := l.h.Ops[ops[0]].Session
		c, known := chainOf[s]
		known = known && sessions
		parent, alone := int32(-1), !sessions || l.split[i] || l.state[i] != history.OK
		if alone {
			if known {
				parent = a.chains[c][len(a.chains[c])-1]
			}
			if c = a.newChain(); l.split[i] && l.state[i] == history.OK && sessions {
				t.splits = append(t.splits, int32(len(a.pos)))
			}
		} else if !known {
			c = a.newChain()
			chainOf[s] = c
		}
		n := int32(len(a.pos))
		node[i] = n
		a.pos, a.source = append(a.pos, ops[0]), append(a.source, n)
		a.chain, a.rank = append(a.chain, c), append(a.rank, int32(len(a.chains[c])))
		a.parent = append(a.parent, parent)
		a.chains[c] = append(a.chains[c], n)
		t.ops = append(t.ops, ops)
	}
	t.reads, t.more, t.writes = make([][]txnRead, len(t.ops)), make([][]int32, len(t.ops)), make([][]int32, len(t.ops))
	for i := range l.ops {
		if l.part[i] {
			l.accessesOf(t, int32(i), node)
		}
	}
	for c, nodes := range t.chains {
		for rank, n := range nodes {
			for _, k := range t.writes[n] {
				t.noteWrite(k, int32(c), int32(rank))
			}
		}
	}
	if sessions {
		t.orderSplits()
	}
	return t, node
}

// accessesOf fills what a transaction read and appended.
func (l *lists) accessesOf(t *transactions, i int32, node []int32) {
	n := node[i]
	for _, p := range l.ops[i] {
		if !l.h.Ops[p].IsPut() {
			continue
		}
		at := [2]int32{n, l.keyOf[p]}
		if _, again := t.wrote[at]; !again {
			t.writes[n] = append(t.writes[n], at[1])
		}
		t.wrote[at] = p
	}
	for _, r := range l.reads[l.from[i]:l.from[i+1]] {
		from := initial
		if r.base > 0 {
			from = node[l.of[l.keys[r.key].order[r.base-1]]]
			t.more[n] = append(t.more[n], from)
		}
		t.reads[n] = append(t.reads[n], txnRead{key: r.key, from: from, pos: r.pos})
	}
}
