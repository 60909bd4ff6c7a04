package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/kvs/session"
	"github.com/joinery-go/joinery/linearizability/history"
	"github.com/joinery-go/joinery/sim/scenario/workload"
)

// The oracle "transaction" holds what a session makes of its transaction to a plain model of
// it, which knows operations of the plan and values as they are shown, and nothing of kinds: what
// a read sees of the transaction's own writes, and which of these are sent when it commits.
// Checkers of histories judge registers alone, and of these what other transactions see.
const oracleTransaction = "transaction"

// markOwnDeleted is the situation that a transaction reads what it has deleted.
const markOwnDeleted = "read of what its own transaction had deleted"

// readInTxn is what a session is shown by its current read, inside of its transaction, where v
// was answered, nil if that was nothing: v with what the transaction holds back, which may be in
// the memory of v.
func (r *run) readInTxn(s *sessionState, k kind.Kind, v kind.Value) (kind.Value, workload.Reading, error) {
	at := s.current()
	o := &r.ops[at]
	base, err := r.readingOf(o, v)
	if err != nil {
		return v, base, err
	}
	with := v
	if with == nil {
		with = k.New()
	}
	own, err := s.txn.Overlay(k, o.Key, with)
	if err != nil {
		return v, base, err
	}
	got := base
	if own {
		v, r.fates[at] = with, fateOwn
		if got, err = workload.ReadingOf(o.Type, with, r.setup.Tagged, &r.elems); err != nil {
			return v, got, err
		}
		if got.Gone {
			got.Value = r.deletedBy(s, o)
		}
	}
	held := slices.DeleteFunc(r.holds(at), func(w int) bool { return r.ops[w].Key != o.Key || r.ops[w].Type != o.Type })
	if want := r.viewed(base.Value, held); !sameView(got.Value, want) {
		r.fail(Violation{Oracle: oracleTransaction, Kind: string(o.Type), Op: string(o.Func), Node: o.Node, Message: fmt.Sprintf(
			"read #%d of %q shows %s; over %s, the writes of its transaction before it give %s", o.ID, o.Key, got.Value, base.Value, want)})
	}
	if n := len(held); n > 0 && r.ops[held[n-1]].Func == workload.Delete {
		r.Mark(markOwnDeleted)
	}
	return v, got, nil
}

// deletedBy is what the history shows the delete as which the transaction of a session holds
// back of the register that o reads.
func (r *run) deletedBy(s *sessionState, o *workload.Operation) (shown history.Value) {
	for _, w := range s.txn.Writes() {
		if w.Delete && !w.Replaced && w.Key == o.Key && w.Kind == o.Kind() {
			shown = r.ops[w.Ref].Value()
		}
	}
	return shown
}

// holds are the positions, ascending, of the writes that the transaction of the operation at a
// position holds back when that has been done, or is about to be.
func (r *run) holds(at int) (held []int) {
	last := &r.ops[at]
	for i := range r.ops[:min(at+1, r.planned)] {
		o := &r.ops[i]
		if o.Session != last.Session || o.Txn != last.Txn {
			continue
		}
		if o.Func != history.Read && o.Amiss == "" {
			held = append(held, i)
		}
		if o.End != "" && i < at {
			held = held[:0]
		}
	}
	return held
}

// viewed is a value with writes of its key applied to it in their order. A register that is
// deleted has the value that histories show the delete as.
func (r *run) viewed(v history.Value, writes []int) history.Value {
	for _, at := range writes {
		o := &r.ops[at]
		switch o.Type {
		case history.Register:
			v = o.Value()
		case history.Counter:
			v = history.Int(added(v, o))
		case history.Set:
			v = inserted(v, o)
		}
	}
	return v
}

// added is a sum after an operation.
func added(sum history.Value, o *workload.Operation) int64 {
	if o.Func == workload.Delete {
		return 0
	}
	n, _ := sum.AsInt()
	more, _ := o.Value().AsInt()
	return n + more
}

// inserted are the elements after an operation, in any order.
func inserted(elements history.Value, o *workload.Operation) history.Value {
	list, _ := elements.AsList()
	switch {
	case o.Func != workload.Delete:
		return history.List(append(slices.Clone(list), o.Value())...)
	case o.Arg == "":
		return history.List()
	}
	return history.List(slices.DeleteFunc(slices.Clone(list), history.Str(o.Arg).Equal)...)
}

// sameView reports whether two values are the same, of sets in whatever order and however
// often they have an element.
func sameView(a, b history.Value) bool {
	x, some := a.AsList()
	y, also := b.AsList()
	if some && also {
		return history.SetOf(x...).Equal(history.SetOf(y...))
	}
	return a.Equal(b)
}

// committed holds the writes that a session is about to send, as its transaction commits, to
// the model: all of them in their order, but for those of a register that a later one replaces,
// and for puts that a later delete takes away.
func (r *run) committed(s *sessionState) {
	at := s.queue[s.first]
	held := r.holds(at)
	var want []int
	for i, w := range held {
		if !slices.ContainsFunc(held[i+1:], func(later int) bool { return r.inVain(&r.ops[w], &r.ops[later]) }) {
			want = append(want, w)
		}
	}
	otherwise := func(w session.Buffered) bool { return w.Delete != (r.ops[w.Ref].Func == workload.Delete) }
	if !slices.Equal(want, s.txn.sending) || slices.ContainsFunc(s.txn.Writes(), otherwise) {
		r.fail(Violation{Oracle: oracleTransaction, Kind: "commit", Node: -1, Message: fmt.Sprintf(
			"session %d commits with #%d, and sends %s; of what it holds back %s are to be sent, each as it is asked for", s.number, r.ops[at].ID, r.listed(s.txn.sending), r.listed(want))})
	}
}

// inVain reports whether a write of a transaction is in vain if that transaction does the later
// one, too.
func (r *run) inVain(w, later *workload.Operation) bool {
	switch {
	case w.Key != later.Key || w.Type != later.Type:
		return false
	case w.Type == history.Register:
		return true
	}
	return w.Func != workload.Delete && later.Func == workload.Delete && (later.Arg == "" || later.Arg == w.Arg)
}

// listed are operations at positions by their ids.
func (r *run) listed(at []int) string {
	ids := make([]string, len(at))
	for i, w := range at {
		ids[i] = fmt.Sprintf("#%d", r.ops[w].ID)
	}
	return "[" + strings.Join(ids, " ") + "]"
}
