package models

import (
	"slices"

	"github.com/joinery-go/joinery/linearizability/history"
)

// AbsentAtFirst returns h as specifications see it that know registers only without
// a value at first: the initial value and nil change places in every operation of a
// register. Positions are those of h, which is returned as it is where its
// registers are absent at first. Of writes with equal stamps, which the greater
// value wins, the initial value counts as nil does. O(n).
func AbsentAtFirst(h *history.History) *history.History {
	if h.Initial.IsNil() {
		return h
	}
	swap := func(v history.Value) history.Value {
		switch {
		case v.IsNil():
			return h.Initial
		case v.Equal(h.Initial):
			return history.Nil
		}
		return v
	}
	g := *h
	g.Initial, g.Ops = history.Nil, slices.Clone(h.Ops)
	for i := range g.Ops {
		o := &g.Ops[i]
		if o.Type != history.Register {
			continue
		}
		switch o.Func {
		case history.Read:
			o.Out = swap(o.Out)
		case history.Write:
			o.Arg = swap(o.Arg)
		case history.CAS:
			pair, _ := o.Arg.AsList()
			o.Arg = history.List(swap(pair[0]), swap(pair[1]))
		}
	}
	return &g
}

// onAbsent prepares histories as AbsentAtFirst gives them.
func onAbsent(prepare func(*history.History) (*Problem, error)) func(*history.History) (*Problem, error) {
	return func(h *history.History) (*Problem, error) { return prepare(AbsentAtFirst(h)) }
}
