package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// txnBuilder groups the operations of a history into transactions.
type txnBuilder struct {
	h      *history.History
	m      *meter
	index  *sourceIndex
	groups [][]int32 // positions of the operations of each transaction, in order of their first ones
	of     []int32   // by position: its group
	state  []history.Outcome
	seen   []bool // by group: another transaction read from it
	split  []bool // by group: its session did something else between its operations
}

// txnName names a transaction of several operations.
type txnName struct {
	session int
	txn     uint64
}

// groupTransactions groups and finds the write that each read returned, among
// those of aborted transactions too. O(n).
func groupTransactions(m *meter, model string, h *history.History) (*txnBuilder, result, error) {
	b := &txnBuilder{
		h:     h,
		m:     m,
		index: newSourceIndex(h, true),
		of:    make([]int32, len(h.Ops)),
	}
	named := make(map[txnName]int32)
	latest := make(map[int]int32) // session -> the group of its latest operation
	for i := range h.Ops {
		if m.mustStopAt(i) {
			return nil, result{status: Undecided}, nil
		}
		o := &h.Ops[i]
		if o.Type != history.Register || o.Func != history.Read && o.Func != history.Write {
			return nil, result{}, unsupported(model, o)
		}
		if _, ok := b.index.keys[o.Key]; !ok {
			b.index.keys[o.Key] = int32(len(b.index.keys))
		}
		if o.IsPut() {
			b.index.add(writtenTo(b.index.keys[o.Key], o.Arg), int32(i))
		}
		g, goesOn := latest[o.Session]
		if goesOn = goesOn && o.Txn != 0 && h.Ops[b.groups[g][0]].Txn == o.Txn; !goesOn {
			g = b.resumeOrBegin(named, txnName{o.Session, o.Txn})
			latest[o.Session] = g
		}
		b.groups[g] = append(b.groups[g], int32(i))
		b.of[i] = g
		if o.Outcome == history.Failed || o.Outcome == history.Unknown && b.state[g] == history.OK {
			b.state[g] = o.Outcome // a transaction of which anything failed has failed
		}
	}
	b.seen = make([]bool, len(b.groups))
	return b, b.resolve(), nil
}

// resumeOrBegin returns the group of a transaction that is not its session's latest.
func (b *txnBuilder) resumeOrBegin(named map[txnName]int32, name txnName) int32 {
	if g, known := named[name]; known {
		b.split[g] = true
		return g
	}
	g := int32(len(b.groups))
	b.groups, b.state, b.split = append(b.groups, nil), append(b.state, history.OK), append(b.split, false)
	if name.txn != 0 {
		named[name] = g
	}
	return g
}

// reads reports whether the operation is a read whose value counts. To be asked
// only before arrange.
func (b *txnBuilder) reads(i int32) bool {
	o := &b.h.Ops[i]
	return !o.IsPut() && o.Outcome == history.OK && b.state[b.of[i]] != history.Failed
}

// resolve settles the histories with a read of nothing, or of many things.
func (b *txnBuilder) resolve() result {
	open := result{status: OK}
	for i := range int32(len(b.h.Ops)) {
		if !b.reads(i) {
			continue
		}
		if b.m.mustStop(64) {
			return result{status: Undecided}
		}
		r := &b.h.Ops[i]
		src, why := b.index.sourceOf(b.h, r)
		switch {
		case src == fromNowhere:
			return result{status: Violation, method: byValues, reason: "ThinAirRead: " + why, witness: []int{int(i)}}
		case why != "":
			if open.status == OK {
				open = result{status: Inconclusive, method: byValues, reason: why, cause: b.index.notUnique(b.h, r, why)}
			}
		case src >= 0:
			if b.of[src] != b.of[i] {
				b.seen[b.of[src]] = true
			}
		}
	}
	return open
}

// source is the position of the write that the read at i returned, or initial.
// To be asked only after resolve.
func (b *txnBuilder) source(i int32) int32 {
	src, _ := b.index.sourceOf(b.h, &b.h.Ops[i])
	return src
}

// arrange numbers the transactions that happened and chains them: as operations
// in accesses, with an indeterminate one beside its session. So is a split one,
// which has a chain of its own (see overlaps).
func (b *txnBuilder) arrange(level txnLevel, own OwnReads) *transactions {
	a := &accesses{h: b.h, m: b.m, byKey: make([][]writers, len(b.index.keys))}
	t := &transactions{accesses: a, level: level, ownReads: own, wrote: make(map[[2]int32]int32), why: make(map[[2]int32]int32)}
	session := make(map[int]int32)
	for g, ops := range b.groups {
		if b.m.mustStop(64) {
			break
		}
		if b.state[g] == history.Failed || b.state[g] == history.Unknown && !b.seen[g] {
			continue
		}
		s := b.h.Ops[ops[0]].Session
		c, ok := session[s]
		parent := int32(-1)
		if beside := b.split[g]; beside || b.state[g] == history.Unknown {
			if ok {
				parent = a.chains[c][len(a.chains[c])-1]
			}
			c = a.newChain()
			if beside && b.state[g] == history.OK {
				t.splits = append(t.splits, int32(len(a.pos)))
			}
		} else if !ok {
			c = a.newChain()
			session[s] = c
		}
		n := int32(len(a.pos))
		a.pos, a.source = append(a.pos, ops[0]), append(a.source, n)
		a.chain, a.rank = append(a.chain, c), append(a.rank, int32(len(a.chains[c])))
		a.parent = append(a.parent, parent)
		a.chains[c] = append(a.chains[c], n)
		t.ops = append(t.ops, ops)
	}
	t.reads, t.more = make([][]txnRead, len(t.ops)), make([][]int32, len(t.ops))
	t.fill(b)
	return t
}

// fill notes what each transaction wrote. Positions in b.of become nodes, -1 for
// transactions that take no part.
func (t *transactions) fill(b *txnBuilder) {
	for i := range b.of {
		b.of[i] = -1
	}
	t.writes = make([][]int32, len(t.ops))
	for n, ops := range t.ops {
		if b.m.mustStop(64 * len(ops)) {
			return
		}
		for _, i := range ops {
			b.of[i] = int32(n)
			if o := &b.h.Ops[i]; o.IsPut() {
				at := [2]int32{int32(n), b.index.keys[o.Key]}
				if _, again := t.wrote[at]; !again {
					t.writes[n] = append(t.writes[n], at[1])
				}
				t.wrote[at] = i
			}
		}
	}
	for c, nodes := range t.chains {
		for rank, n := range nodes {
			if b.m.mustStop(32 * len(t.writes[n])) {
				return
			}
			for _, k := range t.writes[n] {
				t.noteWrite(k, int32(c), int32(rank))
			}
		}
	}
}

// lastAccess is what a transaction last did with a register.
type lastAccess struct {
	wrote    int32 // position of its latest write, or -1
	wasWrite bool  // that was the last access
	returned int32 // else: the source of the last read
}

// inside looks at one transaction by itself, and collects its reads of others.
func (t *transactions) inside(b *txnBuilder, n int32) result {
	last := make(map[int32]*lastAccess)
	for _, i := range t.ops[n] {
		o := &t.h.Ops[i]
		k := b.index.keys[o.Key]
		l, again := last[k]
		if !again {
			l = &lastAccess{wrote: -1}
			last[k] = l
		}
		if o.IsPut() {
			l.wrote, l.wasWrite = i, true
			continue
		}
		if o.Outcome != history.OK {
			continue
		}
		src := b.source(i)
		why := t.wrongInside(b, n, i, src, l, again)
		if why != "" {
			return t.alone(b, n, i, src, why)
		}
		if src != initial && b.of[src] >= 0 && b.of[src] != n {
			t.more[n] = append(t.more[n], b.of[src])
		}
		if src == initial || b.of[src] != n {
			from := src
			if src != initial {
				from = b.of[src]
			}
			t.reads[n] = append(t.reads[n], txnRead{key: k, from: from, pos: i})
		}
		l.wasWrite, l.returned = false, src
	}
	return result{status: OK}
}

// wrongInside names the pattern that the read at i makes; empty if none.
func (t *transactions) wrongInside(b *txnBuilder, n, i, src int32, l *lastAccess, again bool) string {
	own := src != initial && b.of[src] == n
	changed := again && !l.wasWrite && l.returned != src
	wrote := l.wasWrite || l.wrote >= 0 && t.ownReads == OwnReadsAlways
	if t.level == levelItemCut {
		if changed {
			return "NonRepeatableRead: read #%d returns %s, where its transaction had read another value"
		}
		return ""
	}
	switch {
	case src != initial && b.of[src] < 0 && t.level != levelReadUncommitted:
		return "AbortedRead: read #%d returns %s, which aborted"
	case own && src > i:
		return "FutureRead: read #%d returns %s, which its transaction writes later"
	case wrote && src == l.wrote:
		return ""
	case own && src != l.wrote:
		return "NotMyLastWrite: read #%d returns %s, which its transaction has overwritten"
	case wrote:
		return "NotMyOwnWrite: read #%d returns %s, although its transaction has written"
	case src != initial && !own && t.level != levelReadUncommitted && t.wrote[[2]int32{b.of[src], b.index.keys[t.h.Ops[i].Key]}] != src:
		return "IntermediateRead: read #%d returns %s, which its transaction overwrote"
	case changed && t.level.repeats():
		return "NonRepeatableRead: read #%d returns %s, where its transaction had read another value"
	}
	return ""
}

// alone is a violation that one transaction and the write it read show.
func (t *transactions) alone(b *txnBuilder, n, i, src int32, why string) result {
	r := result{status: Violation, method: byValues}
	for _, j := range t.ops[n] {
		r.witness = append(r.witness, int(j))
	}
	from := "the initial value"
	if src != initial {
		from = fmt.Sprintf("#%d", t.h.Ops[src].Index)
		r.witness = append(r.witness, int(src))
		if last, ok := t.wrote[[2]int32{b.of[src], b.index.keys[t.h.Ops[i].Key]}]; ok {
			r.witness = append(r.witness, int(last))
		}
	}
	slices.Sort(r.witness)
	r.witness = slices.Compact(r.witness)
	r.reason = fmt.Sprintf(why, t.h.Ops[i].Index, from)
	return r
}
