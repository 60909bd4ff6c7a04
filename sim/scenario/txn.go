package scenario

import (
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// txnState is the transaction of a session at a level of transactions.
type txnState struct {
	session.Txn
	number  uint64 // of the one that is open; 0 is none
	sending []int  // positions of its writes that are yet to be answered, as it commits
	buffer  []int
}

func (t *txnState) reset() { t.number, t.sending = 0, nil }

// fate is what became of an operation that a transaction has kept to itself.
type fate uint8

const (
	fateNone     fate = iota
	fateHeld          // a write that is held back, and for good if the transaction does not commit
	fateReplaced      // a write that a later one of its transaction, which commits, is in place of
	fateOwn           // a read that saw writes which its own transaction held back
)

// inTxn has a session do its next operation inside of its transaction.
func (cl *client) inTxn(c *sim.Context, s *sessionState) {
	r := cl.run
	at := s.current()
	o := &r.ops[at]
	if o.Txn != s.txn.number { // what is left of an earlier one is aborted
		s.txn.Begin(s.state.Level)
		s.txn.number = o.Txn
	}
	switch {
	case o.Txn == 0 || o.Amiss != "":
		cl.issue(c, s)
	case o.Func != history.Read:
		r.hold(s, int64(c.Now()))
		cl.done(c, s)
	default:
		value, found, known := s.txn.Read(o.Key, o.Kind())
		if !known {
			cl.issue(c, s)
			return
		}
		c.Mark(markCut)
		r.begin(s, int64(c.Now()))
		h := &r.recorded[at]
		h.Return, h.Outcome = h.Call+1, history.OK
		r.take(s, value, found)
		cl.done(c, s)
	}
}

// hold has a transaction hold a write back.
func (r *run) hold(s *sessionState, now int64) {
	at := s.current()
	o := &r.ops[at]
	arg, err := o.Argument(nil, r.setup.Tagged, nil)
	switch k, _ := r.kinds.Find(o.Kind()); {
	case err != nil:
	case o.Func == workload.Delete:
		err = s.txn.Delete(k, o.Key, arg, uint64(at))
	default:
		err = s.txn.Put(o.Key, o.Kind(), arg, uint64(at), o.Type == history.Register)
	}
	if err != nil {
		r.err = err
		return
	}
	r.begin(s, now)
	h := &r.recorded[at]
	h.Return, h.Outcome, r.fates[at] = now+1, history.Failed, fateHeld
}

// goesOn has the transaction of a session that has done an operation go on, and reports
// whether it does, before the next operation.
func (cl *client) goesOn(c *sim.Context, s *sessionState) bool {
	if s.txn.number == 0 {
		return false
	}
	r := cl.run
	if len(s.txn.sending) > 0 {
		s.txn.sending = s.txn.sending[1:]
	} else if r.ops[s.current()].End == workload.Commit {
		s.txn.sending = s.txn.buffer[:0]
		for _, w := range s.txn.Writes() {
			if w.Replaced {
				r.fates[w.Ref] = fateReplaced
			} else {
				s.txn.sending = append(s.txn.sending, int(w.Ref))
			}
		}
		s.txn.buffer = s.txn.sending
		r.committed(s)
	}
	if len(s.txn.sending) > 0 {
		s.tries = 0
		cl.inject(c, s, committing)
		return true
	}
	if r.ops[s.current()].End != "" {
		s.txn.number = 0
	}
	return false
}

// txnPart is the history of registers in their transactions: what is committed, what
// never was, which nobody may have seen, and what was read. What a transaction that commits
// asked for and was refused may not have been.
func (r *run) txnPart() *history.History {
	out := &history.History{Name: "transactions", Ops: r.causal[:0]}
	type wrote struct {
		session int
		txn     uint64
		key     string
	}
	last := make(map[wrote]int) // position
	r.order = r.order[:0]
	for at := range r.recorded {
		o, h := &r.ops[at], &r.recorded[at]
		if h.Return == 0 || h.Type != history.Register || o.Amiss != "" {
			continue
		}
		r.order = append(r.order, at)
		if h.IsPut() {
			last[wrote{o.Session, o.Txn, o.Key}] = at
		}
	}
	r.inTime()
	for _, at := range r.order {
		o, h := &r.ops[at], r.recorded[at]
		if r.fates[at] == fateReplaced {
			by := &r.recorded[last[wrote{o.Session, o.Txn, o.Key}]]
			h.Outcome, h.Return = by.Outcome, by.Return
		}
		switch {
		case h.Outcome != history.Failed || r.fates[at] == fateHeld:
		case !h.IsPut():
			continue
		default: // that it was refused, the transaction did not know when it read it
			h.Outcome, h.Return = history.Unknown, history.Pending
		}
		h.Index = len(out.Ops)
		out.Ops = append(out.Ops, h)
	}
	r.causal = out.Ops
	return out
}
