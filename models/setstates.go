package models

import (
	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// setState is a set as bits: element n is bit n%8 of byte n/8. Zero bytes at the end are
// left off, so that equal sets are equal strings.
type setState string

// setOf is a state in a search: a set and what its elements are.
type setOf struct {
	setState
	all *[]history.Value
}

// String lists the elements, in order.
func (s setOf) String() string {
	var in []history.Value
	for n, v := range *s.all {
		if s.has(n) {
			in = append(in, v)
		}
	}
	return history.SetOf(in...).String()
}

// setStep is an operation on a set whose elements have numbers.
type setStep struct {
	op     *history.Op
	all    *[]history.Value // the elements, by number
	member int              // of an add or a remove
	shows  setState         // of a read
	never  bool             // a read of what is no set: nothing fits it
}

// numberedSet makes the steps of one set, positions given, with numbers for elements.
func numberedSet(h *history.History, at []int) []*setStep {
	numbers := make(map[string]int)
	var all []history.Value
	of := func(v history.Value) int {
		k := v.Key()
		n, known := numbers[k]
		if !known {
			n = len(numbers)
			numbers[k] = n
			all = append(all, v)
		}
		return n
	}
	steps := make([]*setStep, len(at))
	for n, i := range at {
		o := &h.Ops[i]
		s := &setStep{op: o, all: &all}
		steps[n] = s
		if o.Func != history.Read {
			s.member = of(o.Arg)
			continue
		}
		list, isList := o.Out.AsList()
		s.never = !isList && !o.Out.IsNil()
		for _, v := range list {
			m := of(v)
			s.never = s.never || s.shows.has(m)
			s.shows = s.shows.with(m)
		}
	}
	return steps
}

func (s setState) has(n int) bool { return n/8 < len(s) && s[n/8]>>(n%8)&1 == 1 }

func (s setState) with(n int) setState {
	b := make([]byte, max(len(s), n/8+1))
	copy(b, s)
	b[n/8] |= 1 << (n % 8)
	return setState(b)
}

func (s setState) without(n int) setState {
	b := []byte(s)
	b[n/8] &^= 1 << (n % 8)
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return setState(b)
}

// step is the specification of a set.
func (s *setStep) step(now setState) (setState, bool) {
	switch {
	case s.op.Func == history.Read:
		return now, !s.never && s.shows == now
	case (s.op.Func == history.Add) == now.has(s.member):
		return now, true
	case s.op.Func == history.Add:
		return now.with(s.member), true
	}
	return now.without(s.member), true
}

// operation is one of a porcupine search.
func operation(o *history.Op, input any) porcupine.Operation {
	return porcupine.Operation{ClientId: o.Session, Input: input, Call: o.Call, Return: effectiveReturn(o)}
}

// asSet is a state as that of a set: every object begins as nil.
func asSet(state any) setState {
	s, _ := state.(setOf)
	return s.setState
}
