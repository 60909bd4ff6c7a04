package models

import (
	"fmt"
	"slices"
	"sync"

	"github.com/anishathalye/porcupine"

	"github.com/joinery-go/joinery/linearizability/history"
)

// Linearizable is linearizability of any of the shipped types: for each object
// there is one order of its operations that respects real time and in which the
// type's sequential specification gives every answer.
//
//   - register: write, read, cas;
//   - set: add, remove, read of the whole set;
//   - counter: inc, read;
//   - multi-value: a write, whose Arg is List(value, List(values replaced)), takes
//     the place of those values and leaves others; a read returns all, as SetOf;
//   - map: a write, whose Arg is List(key, value), and a remove, of a key; a read
//     of the key in Arg returns its value, Nil if absent, and a read with Arg Nil
//     all entries, as SetOf of pairs;
//   - text: write, append to its end, read of the whole;
//   - queue: enqueue, dequeue. Not a lattice: no merge of two queues keeps to the
//     order of both, which is why the simulated store has none.
//
// Objects are independent, and so are the keys of a map that is never read as a
// whole.
func Linearizable() Model {
	return objectModel(ModelInfo{
		Name:       "linearizable",
		Doc:        "operations of each object take effect in one order that respects real time, by the object's type",
		Complexity: "linear in the length, exponential in what is under way at a time, an object at a time (search)",
		Needs:      "registers, sets, counters, multi-value registers, maps, queues, texts",
	}, typeOf, nil, reduceObjects)
}

// LWWRegister is linearizability of registers that keep the write of greatest
// stamp and value, however the writes arrive. A write that knows no stamp leaves
// the history open.
func LWWRegister() Model {
	return objectModel(ModelInfo{
		Name:       "lww-register",
		Doc:        "as linearizable, for registers in which the write of the greatest stamp wins",
		Complexity: "linear in the length, exponential in what is under way at a time, a key at a time (search)",
		Needs:      "registers with write and read; writes carry stamps",
	}, func(o *history.Op) objectType {
		if o.Type == history.Register && (o.Func == history.Write || o.Func == history.Read) {
			return lwwType
		}
		return nil
	}, func(h *history.History) *Ruling {
		for i := range h.Ops {
			if o := &h.Ops[i]; o.IsPut() && o.Happened() && !o.Stamp.Known() {
				return &Ruling{Reason: fmt.Sprintf("write #%d has no stamp", o.Index)}
			}
		}
		return nil
	}, func(h *history.History) Reduction {
		r := &objectReducer{putIndex: indexPuts(h)}
		return Reduction{Restrict: restrict(h), Support: func(i int) []int {
			o := &h.Ops[i]
			if o.IsPut() {
				return nil
			}
			return r.changesBefore(i, objectOf(o), o) // any of them may be the greatest
		}}
	})
}

// objectType is a sequential specification: the state after the operation, and
// whether it can have answered as it did. States are values; Nil is the first.
type objectType func(o *history.Op, now history.Value) (next history.Value, ok bool)

// objectTypes are the types, each with its functions. The table never changes.
var objectTypes = sync.OnceValue(func() map[history.Type]objectFuncs {
	return map[history.Type]objectFuncs{
		history.Register:   {registerType, []history.Func{history.Read, history.Write, history.CAS}},
		history.Set:        {setType, []history.Func{history.Read, history.Add, history.Remove}},
		history.Counter:    {counterType, []history.Func{history.Read, history.Inc}},
		history.MultiValue: {multiValueType, []history.Func{history.Read, history.Write}},
		history.Map:        {mapType, []history.Func{history.Read, history.Write, history.Remove}},
		history.Queue:      {queueType, []history.Func{history.Enqueue, history.Dequeue}},
		history.Text:       {textType, []history.Func{history.Read, history.Write, history.Append}},
	}
})

type objectFuncs struct {
	spec  objectType
	funcs []history.Func
}

// typeOf returns the specification of the operation, nil if there is none.
func typeOf(o *history.Op) objectType {
	row := objectTypes()[o.Type]
	if !slices.Contains(row.funcs, o.Func) || !wellFormed(o) {
		return nil
	}
	return row.spec
}

// wellFormed checks what the argument must look like.
func wellFormed(o *history.Op) bool {
	pair, _ := o.Arg.AsList()
	switch {
	case o.Type == history.MultiValue && o.Func == history.Write:
		return len(pair) == 2 && pair[1].Kind() == history.KindList
	case o.Type == history.Map && o.Func == history.Write:
		return len(pair) == 2
	}
	return true
}

func registerType(o *history.Op, now history.Value) (history.Value, bool) {
	switch o.Func {
	case history.Read:
		return now, now.Equal(o.Out)
	case history.Write:
		return o.Arg, true
	}
	pair, _ := o.Arg.AsList()
	switch found := now.Equal(pair[0]); {
	case o.Outcome == history.Failed:
		return now, !found
	case found:
		return pair[1], true
	}
	return now, o.Outcome == history.Unknown
}

func lwwType(o *history.Op, now history.Value) (history.Value, bool) {
	held, _ := now.AsList() // value and stamp, as three
	if o.Func == history.Read {
		if len(held) == 0 {
			return now, o.Out.IsNil()
		}
		stamp := stampOf(held)
		return now, held[0].Equal(o.Out) && (!o.Stamp.Known() || o.Stamp == stamp)
	}
	if len(held) > 0 {
		if c := stampOf(held).Compare(o.Stamp); c > 0 || c == 0 && held[0].Compare(o.Arg) >= 0 {
			return now, true
		}
	}
	return history.List(o.Arg, history.Int(int64(o.Stamp.Clock)), history.Int(int64(o.Stamp.Writer))), true
}

func stampOf(held []history.Value) history.Stamp {
	clock, _ := held[1].AsInt()
	writer, _ := held[2].AsInt()
	return history.Stamp{Clock: uint64(clock), Writer: uint64(writer)}
}

// sameSet compares a set read with a state, Nil being the empty one in both.
func sameSet(out, now history.Value) bool {
	a, _ := out.AsList()
	b, _ := now.AsList()
	return (out.IsNil() || out.Kind() == history.KindList) && history.SetOf(a...).Equal(history.SetOf(b...)) && len(a) == len(b)
}

func dropping(list []history.Value, drop ...history.Value) []history.Value {
	return slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool { return slices.ContainsFunc(drop, e.Equal) })
}

func setType(o *history.Op, now history.Value) (history.Value, bool) {
	list, _ := now.AsList()
	switch o.Func {
	case history.Read:
		return now, sameSet(o.Out, now)
	case history.Add:
		return history.SetOf(append(slices.Clone(list), o.Arg)...), true
	}
	return history.SetOf(dropping(list, o.Arg)...), true
}

func counterType(o *history.Op, now history.Value) (history.Value, bool) {
	sum, _ := now.AsInt()
	if o.Func == history.Read {
		out, ok := count(o.Out)
		return now, ok && out == sum
	}
	n, ok := o.Arg.AsInt()
	return history.Int(sum + n), ok
}

func multiValueType(o *history.Op, now history.Value) (history.Value, bool) {
	list, _ := now.AsList()
	if o.Func == history.Read {
		return now, sameSet(o.Out, now)
	}
	pair, _ := o.Arg.AsList()
	replaced, _ := pair[1].AsList()
	return history.SetOf(append(dropping(list, replaced...), pair[0])...), true
}

func mapType(o *history.Op, now history.Value) (history.Value, bool) {
	entries, _ := now.AsList()
	key := o.Arg
	if o.Func == history.Write {
		pair, _ := o.Arg.AsList()
		key = pair[0]
	}
	at := slices.IndexFunc(entries, func(e history.Value) bool {
		pair, _ := e.AsList()
		return pair[0].Equal(key)
	})
	switch {
	case o.Func == history.Read && key.IsNil():
		return now, sameSet(asPairs(o.Out), now)
	case o.Func == history.Read && at < 0:
		return now, o.Out.IsNil()
	case o.Func == history.Read:
		pair, _ := entries[at].AsList()
		return now, pair[1].Equal(o.Out)
	}
	left := slices.Clone(entries)
	if at >= 0 {
		left = slices.Delete(left, at, at+1)
	}
	if o.Func == history.Write {
		left = append(left, o.Arg)
	}
	return history.SetOf(left...), true
}

// asPairs is a whole map as the list of its entries, each a pair, in which it may have been
// recorded as well.
func asPairs(whole history.Value) history.Value {
	entries, isMap := whole.AsMap()
	if !isMap {
		return whole
	}
	pairs := make([]history.Value, 0, len(entries))
	for _, e := range entries {
		pairs = append(pairs, history.List(e[0], e[1]))
	}
	return history.List(pairs...)
}

// textType knows no difference between no text and an empty one.
func textType(o *history.Op, now history.Value) (history.Value, bool) {
	held, _ := now.AsStr()
	switch arg, isText := o.Arg.AsStr(); {
	case o.Func == history.Read:
		out, _ := o.Out.AsStr()
		return now, out == held && (o.Out.IsNil() || o.Out.Kind() == history.KindStr)
	case o.Func == history.Write:
		return o.Arg, isText || o.Arg.IsNil()
	default:
		return history.Str(held + arg), isText
	}
}

func queueType(o *history.Op, now history.Value) (history.Value, bool) {
	list, _ := now.AsList()
	switch {
	case o.Func == history.Enqueue:
		return history.List(append(slices.Clone(list), o.Arg)...), true
	case len(list) == 0:
		return now, o.Outcome == history.Unknown || o.Out.IsNil()
	case o.Outcome == history.Unknown:
		return history.List(list[1:]...), true
	}
	return history.List(list[1:]...), list[0].Equal(o.Out)
}

// opOf is the operation of a step.
func opOf(input any) *history.Op {
	if s, isSet := input.(*setStep); isSet {
		return s.op
	}
	return input.(objectStep).op
}

// objectBytes estimates the memory of a state.
func objectBytes(state any) int {
	v, isValue := state.(history.Value)
	if !isValue {
		return 48 + len(asSet(state))
	}
	text, _ := v.AsStr()
	return 64 + 64*v.Len() + len(text)
}

// objectStep is an operation with its specification.
type objectStep struct {
	op   *history.Op
	spec objectType
}

func objectModel(info ModelInfo, specOf func(*history.Op) objectType, open func(*history.History) *Ruling,
	reduce func(*history.History) Reduction) Model {
	describes := func(o *history.Op) bool { return !takesPart(o) || specOf(o) != nil }
	prepare := func(h *history.History) (*Problem, error) {
		for i := range h.Ops {
			if o := &h.Ops[i]; !describes(o) {
				return nil, unsupported(info.Name, o)
			}
		}
		p := &Problem{
			Spec:       objectSpec(),
			StateBytes: objectBytes,
			Observes:   func(input any) bool { return observes(opOf(input)) },
			Effect:     func(input any) string { return effect(opOf(input)) },
		}
		if open != nil {
			if p.Settled = open(h); p.Settled != nil {
				return p, nil
			}
		}
		for _, part := range partition(h) {
			if h.Ops[part.From[0]].Type == history.Set {
				for _, s := range numberedSet(h, part.From) {
					part.Ops = append(part.Ops, operation(s.op, s))
				}
				p.Parts = append(p.Parts, part)
				continue
			}
			for _, i := range part.From {
				o := &h.Ops[i]
				part.Ops = append(part.Ops, operation(o, objectStep{o, specOf(o)}))
			}
			p.Parts = append(p.Parts, part)
		}
		return p, nil
	}
	return Model{
		ModelInfo: info,
		Prepare:   onAbsent(prepare),
		Describes: describes,
		RealTime:  true,
		Because:   "since the order in which an object's operations took effect is not known",
		Reduce:    reduce,
	}
}

// observes reports whether an operation changes nothing.
func observes(o *history.Op) bool {
	return o.Func == history.Read || o.Func == history.CAS && o.Outcome == history.Failed
}

// effect names what a put of unknown outcome does.
func effect(o *history.Op) string {
	return string(o.Func) + " " + o.Stamp.String() + " " + o.Arg.Key()
}

// takesPart reports whether an operation bears on an order: it happened, or it
// failed for what it found.
func takesPart(o *history.Op) bool {
	return o.Happened() || o.Func == history.CAS && o.Outcome == history.Failed
}

// partition groups the operations by object, and those of a map that is never
// read as a whole by key.
func partition(h *history.History) []Part {
	whole := make(map[object]bool)
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Type == history.Map && o.Func == history.Read && o.Arg.IsNil() {
			whole[objectOf(o)] = true
		}
	}
	var parts []Part
	at := make(map[string]int)
	for i := range h.Ops {
		o := &h.Ops[i]
		if !takesPart(o) {
			continue
		}
		name := objectOf(o).String()
		if o.Type == history.Map && !whole[objectOf(o)] {
			key := o.Arg
			if pair, _ := o.Arg.AsList(); o.Func == history.Write {
				key = pair[0]
			}
			name += " entry " + key.String()
		}
		n, known := at[name]
		if !known {
			n = len(parts)
			at[name] = n
			parts = append(parts, Part{Name: name, Alone: true})
		}
		parts[n].From = append(parts[n].From, i)
	}
	return parts
}

// objectSpec steps values. Equal states have equal keys, by which they are
// hashed.
func objectSpec() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return history.Nil },
		Step: func(state, input, _ any) (bool, any) {
			if s, isSet := input.(*setStep); isSet {
				now := asSet(state)
				next, ok := s.step(now)
				if next == now { // as most are: the same box
					return ok, state
				}
				return ok, setOf{next, s.all}
			}
			s := input.(objectStep)
			next, ok := s.spec(s.op, state.(history.Value))
			return ok, next
		},
		Equal: func(a, b any) bool {
			x, isValue := a.(history.Value)
			y, isToo := b.(history.Value)
			if isValue && isToo {
				return x.Equal(y)
			}
			return asSet(a) == asSet(b)
		},
		Hash: func(state any) uint64 {
			h := uint64(0xcbf29ce484222325)
			key := string(asSet(state))
			if v, isValue := state.(history.Value); isValue && !v.IsNil() {
				key = v.Key()
			}
			for _, c := range []byte(key) {
				h = (h ^ uint64(c)) * 0x100000001b3
			}
			return h
		},
		DescribeOperation: func(input, _ any) string { return opOf(input).String() },
		DescribeState: func(state any) string {
			if v, isValue := state.(history.Value); isValue {
				return v.String()
			}
			return state.(setOf).String()
		},
	}
}
