package linearizability

import (
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// judgeIsolation judges a level of transactions, over lists or over registers.
func judgeIsolation(m *meter, level txnLevel, model string, h *history.History) (result, error) {
	switch {
	case ofLists(h):
		return listIsolation(m, level, model, h)
	case level == levelReadUncommitted, level == levelPL2:
		return committed(m, level, model, h)
	case level >= levelReadUncommitted:
		return sessionless(m, level, model, h)
	}
	return isolation(m, level, model, h)
}

// committed judges Adya's PL-1 and PL-2 over registers. Nothing is known of the order of
// the writes, so that there is one without a cycle of writes alone (G0), and with reads
// unless reads and the writes they are of have a cycle (G1c).
func committed(m *meter, level txnLevel, model string, h *history.History) (result, error) {
	h = withoutSessions(h)
	b, r, err := groupTransactions(m, model, h)
	if err != nil || r.status != OK {
		return b.repeats(m, level, r), err
	}
	t := b.arrange(level, m.ownReads)
	for n := range t.ops {
		if m.mustStop(64 * len(t.ops[n])) {
			return result{status: Undecided}, nil
		}
		if r := t.inside(b, int32(n)); r.status != OK {
			return r, nil
		}
	}
	if level == levelReadUncommitted {
		return result{status: OK, method: byValues}, nil
	}
	p := &partialOrder{a: t.accesses, reader: everyone}
	if !p.sweep(false) {
		return t.violation(p, G1c+": transactions read from each other in a cycle"), nil
	}
	return result{status: OK, method: byCommitOrder}, nil
}

// sessionless judges a level as Adya has it, who asks for no order of the transactions
// of a session, by the one that does: where that holds so does this, and else each
// transaction is taken to be a session of its own.
func sessionless(m *meter, level txnLevel, model string, h *history.History) (result, error) {
	like := map[txnLevel]txnLevel{levelMonotonic: levelReadCommitted, levelPLSI: levelSnapshot, levelRepeatable: levelSerializable}[level]
	r, err := isolation(m, like, model, h)
	if err != nil || r.status == OK || r.status == Inconclusive {
		return r, err
	}
	if why := m.stopped(); why != "" {
		return result{status: Undecided, method: r.method, reason: fmt.Sprintf("%s before the order of sessions was left out", why)}, nil
	}
	if len(r.witness) > 0 { // what is wrong most often does not rest on sessions
		s := &shrinker{m: m}
		s.within(h, reduceTransactions(h))
		closed := s.close(slices.Clone(r.witness))
		if some, err := isolation(m, like, model, withoutSessions(s.how.Restrict(closed))); err == nil && some.status == Violation {
			some.witness = closed
			return some, nil
		}
	}
	const cells = 1 << 26 // a chain a transaction
	if n := len(h.Ops); n*n > cells {
		if free := withoutSessions(h); countTransactions(free)*countTransactions(free) > cells {
			return result{status: Undecided, method: byVectorClocks, reason: fmt.Sprintf(
				"%d transactions in sessions of their own pass the bound of %d clock cells", countTransactions(free), cells)}, nil
		}
	}
	return isolation(m, like, model, withoutSessions(h))
}

// countTransactions counts the transactions of a history in which each is a session.
func countTransactions(h *history.History) int {
	sessions := make(map[int]struct{})
	for i := range h.Ops {
		sessions[h.Ops[i].Session] = struct{}{}
	}
	return len(sessions)
}

// withoutSessions is the history with each transaction in a session of its own.
func withoutSessions(h *history.History) *history.History {
	free := *h
	free.Ops = make([]history.Op, len(h.Ops))
	copy(free.Ops, h.Ops)
	named := make(map[txnName]int)
	for i := range free.Ops {
		o := &free.Ops[i]
		name := txnName{o.Session, o.Txn}
		n, known := named[name]
		if !known || o.Txn == 0 {
			n = i
			named[name] = n
		}
		o.Session, o.Client = n, ""
	}
	return &free
}
