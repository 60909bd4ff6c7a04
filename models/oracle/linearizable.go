package oracle

import "github.com/joinery-go/joinery/linearizability/history"

// Linearizable tries every order of the operations on each register. CAS is
// included; a failed one saw another value than it expected.
func Linearizable(h *history.History) Answer {
	for _, name := range objects(h) {
		var ops []*history.Op
		for i := range h.Ops {
			o := &h.Ops[i]
			silent := o.Outcome == history.Failed && o.Func != history.CAS ||
				o.Func == history.Read && o.Outcome != history.OK
			if object(o) == name && !silent {
				ops = append(ops, o)
			}
		}
		if !someOrder(ops, h.Initial) {
			return Forbidden
		}
	}
	return Allowed
}

// someOrder reports whether the operations, from this register value on, have a
// legal order. Indeterminate ones may be left out.
func someOrder(rest []*history.Op, value history.Value) bool {
	definite := false
	for _, o := range rest {
		definite = definite || o.Outcome != history.Unknown
	}
	if !definite {
		return true
	}
	for i, o := range rest {
		if !mayBeFirst(o, rest) {
			continue
		}
		next, ok := apply(o, value)
		if !ok {
			continue
		}
		others := append(append([]*history.Op{}, rest[:i]...), rest[i+1:]...)
		if someOrder(others, next) {
			return true
		}
	}
	return false
}

func mayBeFirst(o *history.Op, rest []*history.Op) bool {
	for _, p := range rest {
		if p.Outcome != history.Unknown && p.Return < o.Call {
			return false
		}
	}
	return true
}

func apply(o *history.Op, value history.Value) (history.Value, bool) {
	switch o.Func {
	case history.Read:
		return value, value.Equal(o.Out)
	case history.Write:
		return o.Arg, true
	}
	pair, _ := o.Arg.AsList()
	matches := value.Equal(pair[0])
	if o.Outcome == history.Failed {
		return value, !matches
	}
	return pair[1], matches // an indeterminate CAS that does not match may be left out instead
}
