package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// txnLevel is an isolation level of transactions over registers.
type txnLevel uint8

const (
	levelReadCommitted txnLevel = iota
	levelItemCut
	levelReadAtomic
	levelTCC
	levelPrefix
	levelSnapshot
	levelSerializable
	levelStrict

	// Levels that do not ask for the order of sessions.
	levelReadUncommitted
	levelPL2
	levelMonotonic
	levelPLSI
	levelRepeatable
)

// searched is the cost of the levels that ask for one order of all transactions.
const searched = "O(n) over lists; else O(n·s²) where what is known decides, and exponential in s, sessions, where it does not"

const byCommitOrder = "commit order saturated, since reads name their writes"

// transactionCheckers are the isolation levels. A transaction are the operations of
// a session with the same Txn, wherever they stand; an operation without one is a
// transaction by itself. One transaction comes before another one of its session if
// it has ended when that begins.
//
// Read committed, read atomic and transactional causal consistency are those of
// Biswas and Enea (OOPSLA 2019): there is a commit order that extends session
// order and reads-from, and if a transaction reads a register from t1 although
// another writer t2 of it was visible to the read, then t2 commits before t1.
// Visible are, to a read: the transactions read from before it (read committed);
// those that its transaction reads from, and those before it in the session
// (read atomic); those in the causal past (transactional causal). Since what is
// visible does not depend on the commit order, the edges so demanded are
// complete, and the level holds iff they have no cycle (AWDIT, PLDI 2025).
//
// Prefix consistency, snapshot isolation and serializability are theirs too, session
// order included: what is visible depends on the commit order (see timeline). Strict
// serializability adds real time.
//
// Adya (Weak Consistency, 1999) asks for no order of the transactions of a session, and
// so do pl-2, pl-si and repeatable-read, which is serializability without predicates;
// these are what Elle calls read-committed, snapshot-isolation and serializable, where
// what is called serializable here is its strong-session-serializable. Monotonic atomic
// view is that of Bailis et al. ("Highly available transactions", VLDB 2014).
//
// Over lists these levels say of the version that a read returned what they say of the
// value of a register, and a version is what its writer made: the appends of all that
// committed no later, in their order. A list is read from all that appended to it.
//
// The patterns named in reasons are Plume's (OOPSLA 2024). Item cut isolation
// (Bailis et al., VLDB 2013) asks only that a transaction which reads a register
// again, without having written it in between, finds the same.
//
// At every level but item cut a transaction that has written a register reads its
// last write there (internal consistency), however often it reads; see OwnReads for
// another opinion.
func transactionCheckers() []checker {
	row := func(name, doc, cost string, level txnLevel) checker {
		return checker{
			ModelInfo: ModelInfo{
				Name: name, Doc: doc, Complexity: cost,
				Needs: "transactions over registers with read and write, values written once per key (where they are not, only serializability is searched, and what follows from it); or over lists with read and append, elements appended once",
			},
			judge:  func(m *meter, h *history.History) (result, error) { return judgeIsolation(m, level, name, h) },
			reduce: reduceTransactions,
			aborts: true,
		}
	}
	strict := row("strict-serializable", "one order of all transactions explains all reads, and no transaction comes before one that had ended when it began", searched, levelStrict)
	strict.reduce = reduceInTime
	return []checker{
		strict,
		row("serializable", "one order of all transactions explains all reads", searched, levelSerializable),
		row("snapshot-isolation", "each transaction reads from a prefix of the commit order, and no two that write one register overlap", searched, levelSnapshot),
		row("prefix", "each transaction reads from a prefix of the commit order", searched, levelPrefix),
		row("transactional-causal", "transactions read from an atomic, causally closed snapshot, and conflicting writes have one order", "O(n·s·log n), s sessions", levelTCC),
		row("read-atomic", "a transaction that reads from another one sees all of its writes, or newer ones", "O(n·√n)", levelReadAtomic),
		row("read-committed", "transactions read what was committed, and never back in time within one", "O(n·√n)", levelReadCommitted),
		row("item-cut", "a transaction that reads a register again finds what it found", "O(n)", levelItemCut),
		row("repeatable-read", "Adya's PL-2.99, which is his PL-3 where there are no predicates: serializable, but for the order of sessions", searched, levelRepeatable),
		row("pl-si", "Adya's snapshot isolation: snapshot-isolation, but for the order of sessions", searched, levelPLSI),
		row("monotonic-atomic-view", "once a transaction has read from another one it sees all of its writes, or newer ones", "O(n·√n)", levelMonotonic),
		row("pl-2", "Adya's read committed: transactions read what was committed, and not from each other in a cycle", "O(n)", levelPL2),
		row("read-uncommitted", "Adya's PL-1: writes have an order (of registers vacuous, since their reads do not show one)", "O(n)", levelReadUncommitted),
	}
}

// txnRead is a read of another transaction's write.
type txnRead struct {
	key  int32
	from int32 // the transaction read from, or initial
	pos  int32
}

// transactions is a history of transactions: accesses, whose nodes are the
// transactions, and what each read and wrote.
type transactions struct {
	*accesses
	level    txnLevel
	ownReads OwnReads
	splits   []int32     // nodes whose session did something else between their operations
	ops      [][]int32   // by node: positions of its operations
	reads    [][]txnRead // by node: what it read of others, in order
	writes   [][]int32   // by node: keys that it wrote, each once
	wrote    map[[2]int32]int32
	why      map[[2]int32]int32 // writer and chain of an edge in due: the transaction whose reads demand it
}

// isolation judges a level.
func isolation(m *meter, level txnLevel, model string, h *history.History) (result, error) {
	b, r, err := groupTransactions(m, model, h)
	if err != nil || r.status != OK {
		return b.repeats(m, level, r), err
	}
	t := b.arrange(min(level, levelTCC), m.ownReads)
	for n := range t.ops {
		if m.mustStop(64 * len(t.ops[n])) {
			return result{status: Undecided}, nil
		}
		if r := t.inside(b, int32(n)); r.status != OK {
			return r, nil
		}
	}
	if level == levelItemCut {
		return result{status: OK, method: byCommitOrder}, nil
	}
	if r := t.tooWide(); r.status != OK {
		return r, nil
	}
	t.orderSplits()
	p := (&partialOrder{a: t.accesses, reader: everyone}).withEdges()
	if !p.sweep(true) {
		return t.violation(p, "CyclicCO: session order and reads-from have a cycle"), nil
	}
	if r := t.commitOrder(p); r.status != OK || level <= levelTCC {
		return r, nil
	}
	return t.ordered(m, level), nil
}

// commitOrder adds the edges that the level demands and looks for a cycle.
func (t *transactions) commitOrder(p *partialOrder) result {
	names := [...]string{levelReadCommitted: "NonMonoRead", levelReadAtomic: "FracturedRead", levelTCC: "Conflict"}
	for n := range int32(len(t.ops)) {
		if t.m.mustStop(len(t.reads[n]) * len(t.chains)) {
			return result{status: Undecided}
		}
		var bad *result
		demand := func(w int32, r txnRead) bool {
			if w == r.from || w == n {
				return true
			}
			if r.from != initial && !p.before(r.from, w) {
				if !p.before(w, r.from) && p.requires(r.from, t.chain[w], t.rank[w]) {
					t.why[[2]int32{r.from, t.chain[w]}] = n
				}
				return true
			}
			nodes := append(p.path(w, n), n)
			from := "the initial value"
			if r.from != initial {
				nodes = append(nodes, p.path(r.from, w)...)
				from = "a write that causally precedes that"
			}
			bad = &result{status: Violation, method: byCommitOrder, witness: t.witness(nodes), reason: fmt.Sprintf(
				"%sCO: read #%d sees a transaction that wrote %q (with #%d), but returns %s",
				names[t.level], t.h.Ops[r.pos].Index, t.h.Ops[r.pos].Key, t.h.Ops[t.wrote[[2]int32{w, r.key}]].Index, from)}
			return false
		}
		t.visible(p, n, demand)
		if bad != nil {
			return *bad
		}
	}
	if len(t.why) == 0 || p.sweep(false) {
		return result{status: OK, method: byCommitOrder}
	}
	return t.violation(p, names[t.level]+"AO: no commit order fits all reads")
}

// visible calls demand for the reads of n and the writers of what they read that
// are visible to them, until it says no. Where of several only the last matters,
// because session order has the others before it, it is the only one.
func (t *transactions) visible(p *partialOrder, n int32, demand func(w int32, r txnRead) bool) {
	if t.level == levelTCC {
		for _, r := range t.reads[n] {
			on := t.byKey[r.key]
			for i := range on {
				count := p.row(n)[on[i].chain]
				if on[i].chain == t.chain[n] {
					count = t.rank[n]
				}
				if rank, any := on[i].latest(count); any && !demand(t.chains[on[i].chain][rank], r) {
					return
				}
			}
		}
		return
	}
	byKey := make(map[int32][]int) // key -> places among the reads
	var keys []int32
	for i, r := range t.reads[n] {
		if byKey[r.key] == nil {
			keys = append(keys, r.key)
		}
		byKey[r.key] = append(byKey[r.key], i)
	}
	met := make(map[int32]bool)
	for i, r := range t.reads[n] {
		if t.level == levelReadAtomic && !t.sessionBefore(n, r, demand) {
			return
		}
		if r.from == initial || met[r.from] {
			continue
		}
		met[r.from] = true
		// Of the keys written there and read here, by way of the shorter list.
		for _, k := range t.shared(r.from, keys, byKey) {
			for _, j := range byKey[k] {
				if (j > i || t.level == levelReadAtomic) && !demand(r.from, t.reads[n][j]) {
					return
				}
			}
		}
	}
}

// shared returns the keys that w wrote among those read.
func (t *transactions) shared(w int32, keys []int32, byKey map[int32][]int) []int32 {
	var both []int32
	if len(t.writes[w]) < len(keys) {
		for _, k := range t.writes[w] {
			if byKey[k] != nil {
				both = append(both, k)
			}
		}
		return both
	}
	for _, k := range keys {
		if _, did := t.wrote[[2]int32{w, k}]; did {
			both = append(both, k)
		}
	}
	return both
}

// sessionBefore demands that the last transaction of the session before n that
// wrote what r read commits before the one it was read from.
func (t *transactions) sessionBefore(n int32, r txnRead, demand func(int32, txnRead) bool) bool {
	past := map[int32]int32{t.chain[n]: t.rank[n]}
	if m := t.parent[n]; m >= 0 {
		past[t.chain[m]] = t.rank[m] + 1
	}
	for _, m := range t.splits {
		if t.endedBefore(m, n) {
			past[t.chain[m]] = 1
		}
	}
	on := t.byKey[r.key]
	for i := range on {
		if rank, any := on[i].latest(past[on[i].chain]); any && !demand(t.chains[on[i].chain][rank], r) {
			return false
		}
	}
	return true
}

// violation is a cycle of the order, told by the transactions on it.
func (t *transactions) violation(p *partialOrder, reason string) result {
	var all []int32
	for _, edge := range p.cycleEdges() {
		n, m := edge[0], edge[1]
		all = append(all, n, m)
		if reader, is := t.why[[2]int32{n, t.chain[m]}]; is && p.constrains(m, n) {
			all = append(append(all, reader), p.path(m, reader)...)
		}
	}
	return result{status: Violation, method: byCommitOrder, witness: t.witness(all), reason: reason}
}

// witness returns the positions of all operations of these transactions.
func (t *transactions) witness(nodes []int32) []int {
	var at []int
	for _, n := range nodes {
		for _, i := range t.ops[n] {
			at = append(at, int(i))
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}
