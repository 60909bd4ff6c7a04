package linearizability

import (
	"fmt"
	"strings"

	"github.com/joinery-go/joinery/linearizability/history"
)

// hint says what of the input decided a violation by the way it was read, where
// there is another way: an initial value that may be meant, a nil, a compare-and-set
// that failed. Since a witness is minimal, what is part of it matters. The options are
// named as history.Options and as flags of simfuzz check.
func hint(h *history.History, witness []history.Op) string {
	var hints []string
	initials := make(map[string]bool)
	nils, failures := false, false
	for i := range witness {
		o := &witness[i]
		v, observes := foundValue(o)
		switch {
		case !observes:
		case o.Func == history.CAS && o.Outcome == history.Failed:
			if !failures {
				hints = append(hints, fmt.Sprintf("#%d failed, by which %s was not there; if it says nothing: FailedCAS, --failed-cas absent", o.Index, v))
			}
			failures = true
		case o.Func == history.Read && v.IsNil() && o.Txn == 0: // texts of transactions know no nil
			if !nils {
				hints = append(hints, fmt.Sprintf("#%d returned nil, by which there was no value; if that is a value not known: NilReads, --nil unknown", o.Index))
			}
			nils = true
		case o.Type == history.Register && !v.Equal(h.Initial) && !isWritten(h, o.Key, v) && !initials[v.Key()]:
			initials[v.Key()] = true
			if failed := failedWrite(h, o.Key, v); failed != nil {
				hints = append(hints, fmt.Sprintf("only #%d wrote %s, and failed, by which it did not happen; what may have happened, as after a timeout, is to be recorded as unknown", failed.Index, v))
				continue
			}
			if like := writtenLike(h, o.Key, v); like != nil {
				hints = append(hints, fmt.Sprintf("#%d wrote %s and not %s: a text and a number differ", like.Index, like.Arg, v))
				continue
			}
			hints = append(hints, fmt.Sprintf("nobody wrote %s; if it is what registers hold at first: Initial, --initial %s", v, flagValue(v)))
		}
	}
	return strings.Join(hints, "; ")
}

// writtenLike returns a write of what looks like v and is of another kind, as the text "1"
// looks like the number 1; nil if there is none.
func writtenLike(h *history.History, key string, v history.Value) *history.Op {
	looks := func(v history.Value) string {
		if s, is := v.AsStr(); is {
			return s
		}
		return v.String()
	}
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Type == history.Register && o.Func == history.Write && o.Key == key && looks(o.Arg) == looks(v) {
			return o
		}
	}
	return nil
}

// ownReadsHint says that the other reading of OwnReads finds nothing wrong.
func (c checker) ownReadsHint(m *meter, h *history.History) string {
	if m.ownReads != OwnReadsAlways {
		return ""
	}
	m.ownReads = OwnReadsUntilRead
	r, err := c.run(m, h)
	m.ownReads = OwnReadsAlways
	if err != nil || r.status != OK {
		return ""
	}
	return "it holds if a transaction that has read its own write may then read another one, as Plume classes it: OwnReads, --own-reads until-read"
}

// withoutSessionOrder are the levels that differ from another one in that they do not ask
// for the order of the transactions of a session.
var withoutSessionOrder = map[string]string{
	"serializable": "repeatable-read", "snapshot-isolation": "pl-si", "read-committed": "monotonic-atomic-view",
}

// sessionHint says that nothing is wrong without the order of sessions, where a violation
// rests on it.
func (c checker) sessionHint(m *meter, h *history.History, reason string) string {
	other, is := withoutSessionOrder[c.Name]
	if !is || !strings.HasSuffix(anomalyOf(reason), "-process") {
		return ""
	}
	free, _ := checkerNamed(other)
	if r, err := free.run(m, h); err != nil || r.status != OK {
		return ""
	}
	return fmt.Sprintf("it holds if the order of the transactions of a session is not asked for, as Adya and Elle have this level: --model %s", other)
}

// foundValue is the value that an operation shows to have been there, or, if it is a
// compare-and-set that failed, not.
func foundValue(o *history.Op) (history.Value, bool) {
	switch {
	case o.Func == history.Read && o.Outcome == history.OK:
		return o.Out, true
	case o.Func == history.CAS && o.Outcome != history.Unknown:
		pair, _ := o.Arg.AsList()
		return pair[0], true
	}
	return history.Nil, false
}

// isWritten reports whether an operation that may have happened puts the value there.
func isWritten(h *history.History, key string, v history.Value) bool {
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Happened() && puts(o, key, v) {
			return true
		}
	}
	return false
}

// failedWrite is the first operation that would have put the value there and is known not
// to have happened; nil if there is none.
func failedWrite(h *history.History, key string, v history.Value) *history.Op {
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Outcome == history.Failed && puts(o, key, v) {
			return o
		}
	}
	return nil
}

// puts reports whether the operation is one that puts the value into the register.
func puts(o *history.Op, key string, v history.Value) bool {
	if o.Type != history.Register || o.Key != key {
		return false
	}
	pair, _ := o.Arg.AsList()
	return o.Func == history.Write && o.Arg.Equal(v) || o.Func == history.CAS && pair[1].Equal(v)
}

// flagValue writes a value as an argument of a flag, quoted for a shell.
func flagValue(v history.Value) string {
	if _, isInt := v.AsInt(); isInt {
		return v.String()
	}
	text, err := v.MarshalJSON()
	if err != nil {
		text = []byte(v.String())
	}
	return "'" + strings.ReplaceAll(string(text), "'", `'\''`) + "'"
}
