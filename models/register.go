package models

import (
	"fmt"
	"math"
	"strconv"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// LinearizableRegister is the register with read and write: there is one order
// of all operations on a key that respects real time and in which each read
// returns the latest write, before the first one the history's initial value. Keys
// are independent.
func LinearizableRegister() Model {
	return registerModel(ModelInfo{
		Name:       "linearizable-register",
		Doc:        "reads and writes of each key take effect in one order that respects real time",
		Complexity: "linear in the length, exponential in what is under way at a time, a key at a time (search)",
		Needs:      "registers with read and write",
	}, false)
}

// CASRegister is LinearizableRegister with compare-and-set: a CAS that
// succeeded found its old value, one that failed found another one.
func CASRegister() Model {
	return registerModel(ModelInfo{
		Name:       "cas-register",
		Doc:        "as linearizable-register, with compare-and-set whose failures mean a mismatch",
		Complexity: "linear in the length, exponential in what is under way at a time, a key at a time (search)",
		Needs:      "registers with read, write and cas",
	}, true)
}

// registerStep is what an operation demands of the register and does to it,
// values replaced by small numbers (0 is the initial one).
type registerStep struct {
	op       *history.Op
	demands  bool // the value must be in (or, with negate, must not be)
	negate   bool
	in       int
	changes  bool // the value becomes out
	out      int
	optional bool // changes only if the value is in; never refused
}

func registerModel(info ModelInfo, cas bool) Model {
	return Model{
		ModelInfo: info,
		Prepare:   func(h *history.History) (*Problem, error) { return prepareRegister(info.Name, cas, h) },
		RealTime:  true,
		Because:   "since no polynomial way is known that is exact where values are compared and set",
		Reduce: func(h *history.History) Reduction {
			return Reduction{Support: registerSupport(h), Restrict: restrict(h)}
		},
	}
}

func prepareRegister(name string, cas bool, h *history.History) (*Problem, error) {
	values := newValueNumbers(h.Initial)
	objects, at := byObject(h)
	steps := make([]registerStep, 0, len(h.Ops))
	p := &Problem{
		StateBytes: func(any) int { return 8 },
		Observes:   func(input any) bool { return !input.(*registerStep).changes },
		Effect:     func(input any) string { return input.(*registerStep).effect() },
		Overwrites: true,
	}
	for _, k := range objects {
		part := Part{Name: k.String(), Alone: true, From: at[k], Ops: make([]porcupine.Operation, 0, len(at[k]))}
		for _, i := range part.From {
			o := &h.Ops[i]
			step, ok := values.step(o, cas)
			if !ok {
				return nil, unsupported(name, o)
			}
			steps = append(steps, step)
			part.Ops = append(part.Ops, porcupine.Operation{
				ClientId: o.Session, Input: &steps[len(steps)-1], Call: o.Call, Return: effectiveReturn(o),
			})
		}
		p.Parts = append(p.Parts, part)
	}
	p.Spec = registerSpec(values)
	nobodyWrote(p.Parts, values)
	return p, nil
}

// nobodyWrote marks the parts in which an operation found a value that none of them leaves
// there and that is not the initial one. O(operations + values).
func nobodyWrote(parts []Part, values *valueNumbers) {
	left := make([]int, len(values.values)) // by value: 1 + the last part in which an operation leaves it
	for n := range parts {
		part := &parts[n]
		for _, o := range part.Ops {
			if s := o.Input.(*registerStep); s.changes {
				left[s.out] = n + 1
			}
		}
		for i, o := range part.Ops {
			s := o.Input.(*registerStep)
			if s.demands && !s.negate && !s.optional && s.in != 0 && left[s.in] != n+1 {
				did := "read"
				if s.op.Func == history.CAS {
					did = "found"
				}
				part.Wrong = &Ruling{Violation: true, Reason: fmt.Sprintf("#%d %s %s, which nobody wrote", s.op.Index, did, values.name(s.in)), Witness: part.From[i : i+1]}
				break
			}
		}
	}
}

// effectiveReturn is the time by which an operation had its effect: an
// indeterminate one may have it arbitrarily late, even after its client was told
// that nothing is known.
func effectiveReturn(o *history.Op) int64 {
	if o.Outcome == history.Unknown {
		return history.Pending
	}
	return o.Return
}

// valueNumbers gives the values of registers small numbers, 0 to the initial one.
type valueNumbers struct {
	values []history.Value // by number
	ids    map[string]int  // by key, once there are more than a few
}

// fewValues are looked for one by one.
const fewValues = 8

func newValueNumbers(initial history.Value) *valueNumbers {
	return &valueNumbers{values: append(make([]history.Value, 0, fewValues), initial)}
}

func (n *valueNumbers) of(v history.Value) int {
	if n.ids == nil {
		for id, w := range n.values {
			if w.Equal(v) {
				return id
			}
		}
		if n.values = append(n.values, v); len(n.values) > fewValues {
			n.ids = make(map[string]int)
			for id, w := range n.values {
				n.ids[w.Key()] = id
			}
		}
		return len(n.values) - 1
	}
	key := v.Key()
	id, ok := n.ids[key]
	if !ok {
		id = len(n.values)
		n.ids[key] = id
		n.values = append(n.values, v)
	}
	return id
}

// name is the value of a number, for people.
func (n *valueNumbers) name(id int) string {
	if id < len(n.values) {
		return n.values[id].String()
	}
	return "value " + strconv.Itoa(id)
}

// step is what an operation does to a register; false if no register has it.
func (n *valueNumbers) step(o *history.Op, cas bool) (s registerStep, ok bool) {
	if o.Type != history.Register {
		return s, false
	}
	s.op = o
	switch o.Func {
	case history.Read:
		s.demands, s.in = true, n.of(o.Out)
	case history.Write:
		s.changes, s.out = true, n.of(o.Arg)
	case history.CAS:
		pair, ok := o.Arg.AsList()
		if !cas || !ok || len(pair) != 2 {
			return s, false
		}
		s.demands, s.in = true, n.of(pair[0])
		s.changes, s.out = true, n.of(pair[1])
		s.optional = o.Outcome == history.Unknown
		if o.Outcome == history.Failed {
			s.negate, s.changes = true, false
		}
	default:
		return s, false
	}
	return s, true
}

// fits reports whether a register that holds this value is what the step found.
func (s *registerStep) fits(held int) bool { return !s.demands || (held == s.in) != s.negate }

// effect names what the step does.
func (s *registerStep) effect() string {
	if !s.demands {
		return strconv.Itoa(s.out)
	}
	return fmt.Sprint(s.negate, s.in, s.out, s.optional)
}

// registerSpec is the sequential register. An indeterminate write is not
// optional: porcupine may always order it last, where nobody sees it, and that
// is the same as its never having happened.
func registerSpec(values *valueNumbers) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			now, s := state.(int), input.(*registerStep)
			holds := s.fits(now)
			switch {
			case !holds && s.optional:
				return true, now
			case !holds:
				return false, now
			case s.changes:
				return true, s.out
			}
			return true, now
		},
		Hash:              func(state any) uint64 { return uint64(state.(int)) * 0x9e3779b97f4a7c15 },
		DescribeOperation: func(input, _ any) string { return input.(*registerStep).op.String() },
		DescribeState:     func(state any) string { return values.name(state.(int)) },
	}
}

// registerSupport returns the possible sources of what an operation saw: puts
// of the value it demands (for a failed CAS, of any other value) that were not
// called after it returned and were not surely overwritten before it was called.
//
// Why that suffices: take a legal order of the whole history and delete the puts
// that were dropped. The operation's actual source is a possible one, so it
// stays, and nothing is put between the two. An indeterminate CAS that found its
// old value keeps finding it by the same argument; one that did not moves last.
//
// Where no put is a possible source the latest one of the value is named all the
// same, so that a witness shows a stale read as one, with what overwrote it, and
// not as a value from nowhere.
func registerSupport(h *history.History) func(i int) []int {
	x := indexPuts(h)
	return func(i int) []int {
		wanted := demanded(&h.Ops[i])
		if wanted == nil {
			return nil
		}
		return possibleSources(h, x.byKey[objectOf(&h.Ops[i])], i, wanted)
	}
}

// demanded tells which values of the register an operation can have found there:
// for a failed CAS all but one, for a write nil.
func demanded(o *history.Op) func(v history.Value) bool {
	switch o.Func {
	case history.Write:
		return nil
	case history.CAS:
		pair, _ := o.Arg.AsList()
		return func(v history.Value) bool { return v.Equal(pair[0]) != (o.Outcome == history.Failed) }
	}
	return o.Out.Equal
}

// possibleSources returns those of the puts of a wanted value that the operation
// at i can have found in the register.
func possibleSources(h *history.History, puts []int, i int, wanted func(history.Value) bool) []int {
	r := &h.Ops[i]
	// A put that had returned when another one was called, which in turn had
	// returned when r was called, is surely overwritten.
	cut := int64(math.MinInt64)
	for _, j := range puts {
		if w := &h.Ops[j]; w.Outcome == history.OK && w.Return < r.Call && j != i && !changesNothing(w) {
			cut = max(cut, w.Call)
		}
	}
	var sources []int
	stale := -1
	for _, j := range puts {
		w := &h.Ops[j]
		switch {
		case j == i || w.Call > effectiveReturn(r) || !wanted(written(w)) || changesNothing(w):
		case effectiveReturn(w) >= cut:
			sources = append(sources, j)
		default:
			stale = j
		}
	}
	if len(sources) == 0 && stale >= 0 {
		return []int{stale}
	}
	return sources
}

// changesNothing reports a CAS of a value to itself. It is no source of its own:
// what it left in the register is what it found there.
func changesNothing(w *history.Op) bool {
	pair, ok := w.Arg.AsList()
	return w.Func == history.CAS && ok && pair[0].Equal(pair[1])
}

// written is the value that a put of a register leaves there.
func written(w *history.Op) history.Value {
	if pair, ok := w.Arg.AsList(); ok && w.Func == history.CAS {
		return pair[1]
	}
	return w.Arg
}
