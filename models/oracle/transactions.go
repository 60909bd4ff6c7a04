package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// Transactions is a small history of transactions over registers, to be judged
// by trying every commit order.
type Transactions struct {
	h      *history.History
	plume  bool    // as NewPlumeTransactions has it
	groups [][]int // positions of the operations of every transaction
	txns   [][]int // positions of the operations of each committed transaction
	of     []int   // by position: its transaction, -1 if aborted
	wrote  []map[string]int
	// realTime: a transaction that has ended comes before those that begin later.
	realTime bool
}

// NewPlumeTransactions is NewTransactions where a transaction may read a register
// that it has written from others, once it has read its own write.
func NewPlumeTransactions(h *history.History) *Transactions {
	t := NewTransactions(h)
	t.plume = true
	return t
}

// NewTransactions groups the operations: those of a session with the same Txn, or
// single ones. No operation may be indeterminate.
func NewTransactions(h *history.History) *Transactions {
	t := &Transactions{h: h, of: make([]int, len(h.Ops))}
	var groups [][]int
	for i := range h.Ops {
		o, mine := &h.Ops[i], -1
		for g, group := range groups {
			if first := &h.Ops[group[0]]; o.Txn != 0 && first.Txn == o.Txn && first.Session == o.Session {
				mine = g
			}
		}
		if mine < 0 {
			mine = len(groups)
			groups = append(groups, nil)
		}
		groups[mine] = append(groups[mine], i)
	}
	t.groups = groups
	for _, g := range groups {
		committed := true
		for _, i := range g {
			t.of[i] = -1
			committed = committed && h.Ops[i].Outcome == history.OK
		}
		if !committed {
			continue
		}
		wrote := map[string]int{}
		for _, i := range g {
			t.of[i] = len(t.txns)
			if h.Ops[i].Func != history.Read {
				wrote[h.Ops[i].Key] = i
			}
		}
		t.txns, t.wrote = append(t.txns, g), append(t.wrote, wrote)
	}
	return t
}

// source finds the write of the value that the read at i returned: a position,
// -1 for the initial value, -2 for none.
func (t *Transactions) source(i int) int {
	r := &t.h.Ops[i]
	for j := range t.h.Ops {
		if w := &t.h.Ops[j]; w.Func != history.Read && w.Key == r.Key && w.Arg.Equal(r.Out) {
			return j
		}
	}
	if r.Out.Equal(t.h.Initial) {
		return -1
	}
	return -2
}

// before returns the operation of i's transaction on i's key just before i, -1
// if there is none.
func (t *Transactions) before(i int) int {
	last := -1
	for _, j := range t.txns[t.of[i]] {
		if j < i && t.h.Ops[j].Key == t.h.Ops[i].Key {
			last = j
		}
	}
	return last
}

// committedReads calls do for every read of a committed transaction until it
// says no.
func (t *Transactions) committedReads(do func(i, source int) bool) bool {
	for i := range t.h.Ops {
		if t.h.Ops[i].Func == history.Read && t.of[i] >= 0 && !do(i, t.source(i)) {
			return false
		}
	}
	return true
}

// ItemCut demands that a register read again, not written in between, is found
// the same.
func (t *Transactions) ItemCut() bool {
	return t.committedReads(func(i, source int) bool {
		return source != -2 && t.sameAsBefore(i, source)
	})
}

func (t *Transactions) sameAsBefore(i, source int) bool {
	j := t.before(i)
	return j < 0 || t.h.Ops[j].Func != history.Read || t.source(j) == source
}

// sensible demands of a read what every level does whatever the commit order.
func (t *Transactions) sensible(i, source int) bool {
	if source == -2 || source >= 0 && t.of[source] < 0 {
		return false
	}
	own := t.ownWrite(i)
	if j := t.before(i); own >= 0 && source != own && (j == own || !t.plume) {
		return false
	}
	if source >= 0 && t.of[source] == t.of[i] {
		return source == own
	}
	return source == -1 || t.wrote[t.of[source]][t.h.Ops[i].Key] == source
}

// ownWrite is the latest write of the key of a read in its transaction before it, -1 if
// there is none.
func (t *Transactions) ownWrite(i int) int {
	own := -1
	for _, j := range t.txns[t.of[i]] {
		if w := &t.h.Ops[j]; j < i && w.Func != history.Read && w.Key == t.h.Ops[i].Key {
			own = j
		}
	}
	return own
}

// visibility says whether transaction w is visible to the read at i, given the rank
// of each transaction in the commit order.
type visibility func(t *Transactions, w, i int, rank []int) bool

// ReadCommitted, ReadAtomic and Causal are the levels of Biswas and Enea.
func (t *Transactions) ReadCommitted() bool {
	return t.holds(false, func(t *Transactions, w, i int, _ []int) bool { return t.readBy(w, t.of[i], i) })
}

// Free is the history with each transaction in a session of its own, as levels see it
// that ask for no order of sessions.
func (t *Transactions) Free() *Transactions {
	free := *t.h
	free.Ops = append([]history.Op{}, t.h.Ops...)
	for g, group := range t.groups {
		for _, i := range group {
			free.Ops[i].Session = g
		}
	}
	return NewTransactions(&free)
}

// PL2 is Adya's read committed: reads are of what was committed, and there is an order in
// which they come after it.
func (t *Transactions) PL2() bool {
	return t.holds(false, func(*Transactions, int, int, []int) bool { return false })
}

// PL1 is Adya's read uncommitted: a transaction finds its own writes, and what it reads
// was written.
func (t *Transactions) PL1() bool {
	return t.committedReads(func(i, source int) bool {
		own := t.ownWrite(i)
		mine := source >= 0 && t.of[source] == t.of[i]
		return source != -2 && (own < 0 && !mine || source == own)
	})
}

// ReadAtomic is the level of that name.
func (t *Transactions) ReadAtomic() bool {
	return t.holds(true, func(t *Transactions, w, i int, _ []int) bool {
		return t.readBy(w, t.of[i], len(t.h.Ops)) || t.inSession(w, t.of[i])
	})
}

// Causal is transactional causal consistency.
func (t *Transactions) Causal() bool {
	n := len(t.txns)
	past := matrix(n)
	for a := range n {
		for b := range n {
			past[a][b] = t.readBy(a, b, len(t.h.Ops)) || t.inSession(a, b)
		}
	}
	closeUnder(past)
	return t.holds(true, func(t *Transactions, w, i int, _ []int) bool { return past[w][t.of[i]] })
}

// Serializable, Prefix and Snapshot are those of Biswas and Enea too, whose axioms
// speak of the commit order itself.
func (t *Transactions) Serializable() bool { return t.holds(true, committedBefore) }

func committedBefore(t *Transactions, w, i int, rank []int) bool { return rank[w] < rank[t.of[i]] }

// StrictSerializable demands in addition that no transaction commits before one that
// had ended when it began.
func (t *Transactions) StrictSerializable() bool {
	t.realTime = true
	defer func() { t.realTime = false }()
	return t.Serializable()
}

// Prefix is prefix consistency.
func (t *Transactions) Prefix() bool { return t.holds(true, inPrefix) }

// inPrefix: w commits no later than one that the reader reads from or follows in its
// session.
func inPrefix(t *Transactions, w, i int, rank []int) bool {
	for m := range t.txns {
		if rank[w] <= rank[m] && (t.readBy(m, t.of[i], len(t.h.Ops)) || t.inSession(m, t.of[i])) {
			return true
		}
	}
	return false
}

// Snapshot is snapshot isolation: prefix consistency, and what commits no later than
// an earlier writer of a register that the reader writes too is visible to it.
func (t *Transactions) Snapshot() bool {
	return t.holds(true, func(t *Transactions, w, i int, rank []int) bool {
		return inPrefix(t, w, i, rank) || t.inConflict(w, t.of[i], rank)
	})
}

func (t *Transactions) inConflict(w, n int, rank []int) bool {
	for m := range t.txns {
		if rank[w] > rank[m] || rank[m] >= rank[n] {
			continue
		}
		for key := range t.wrote[m] {
			if _, both := t.wrote[n][key]; both {
				return true
			}
		}
	}
	return false
}

// readBy reports whether b read from another transaction a before position end.
func (t *Transactions) readBy(a, b, end int) bool {
	for _, i := range t.txns[b] {
		if src := t.source(i); a != b && i < end && t.h.Ops[i].Func == history.Read && src >= 0 && t.of[src] == a {
			return true
		}
	}
	return false
}

func (t *Transactions) inSession(a, b int) bool {
	first, second := t.txns[a], t.txns[b]
	return first[len(first)-1] < second[0] && t.h.Ops[first[0]].Session == t.h.Ops[second[0]].Session
}

func (t *Transactions) began(n int) int64 {
	call := t.h.Ops[t.txns[n][0]].Call
	for _, i := range t.txns[n] {
		call = min(call, t.h.Ops[i].Call)
	}
	return call
}

func (t *Transactions) ended(n int) int64 {
	end := t.h.Ops[t.txns[n][0]].Return
	for _, i := range t.txns[n] {
		end = max(end, t.h.Ops[i].Return)
	}
	return end
}

// holds tries every commit order.
func (t *Transactions) holds(repeatable bool, visible visibility) bool {
	if !t.committedReads(t.sensible) || repeatable && !t.committedReads(t.sameAsBefore) {
		return false
	}
	order := identity(len(t.txns))
	found := false
	permute(order, 0, func(order []int) {
		found = found || t.fits(order, visible)
	})
	return found
}

// fits reports whether the commit order is one of the level's.
func (t *Transactions) fits(order []int, visible visibility) bool {
	rank := make([]int, len(order))
	for r, n := range order {
		rank[n] = r
	}
	for a := range t.txns {
		for b := range t.txns {
			if rank[a] > rank[b] && (t.inSession(a, b) || t.readBy(a, b, len(t.h.Ops)) || t.realTime && t.ended(a) < t.began(b)) {
				return false
			}
		}
	}
	return t.committedReads(func(i, source int) bool {
		if source >= 0 && t.of[source] == t.of[i] {
			return true
		}
		for w := range t.txns {
			_, writes := t.wrote[w][t.h.Ops[i].Key]
			if !writes || w == t.of[i] || source >= 0 && w == t.of[source] || !visible(t, w, i, rank) {
				continue
			}
			if source == -1 || rank[w] > rank[t.of[source]] {
				return false
			}
		}
		return true
	})
}

// InTransactions yields the history with its sessions cut into transactions in
// every way, and with aborts every set of them aborted.
func InTransactions(h *history.History, aborts bool, yield func(*history.History)) {
	for cut := range 1 << len(h.Ops) {
		sub := *h
		sub.Ops = append([]history.Op{}, h.Ops...)
		seen := map[int]bool{}
		txn, legal := uint64(0), true
		var starts []int
		for i := range sub.Ops {
			first := !seen[sub.Ops[i].Session] || i > 0 && sub.Ops[i-1].Session != sub.Ops[i].Session
			seen[sub.Ops[i].Session] = true
			legal = legal && (!first || cut>>i&1 == 1)
			if cut>>i&1 == 1 {
				txn++
				starts = append(starts, i)
			}
			sub.Ops[i].Txn = txn
		}
		if !legal {
			continue
		}
		for dead := range 1 << len(starts) {
			if dead > 0 && !aborts {
				break
			}
			some := sub
			some.Ops = append([]history.Op{}, sub.Ops...)
			for i := range some.Ops {
				if dead>>(some.Ops[i].Txn-1)&1 == 1 {
					some.Ops[i].Outcome = history.Failed
				}
			}
			yield(&some)
		}
	}
}
