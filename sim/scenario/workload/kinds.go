package workload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Tagged is the domain of a tagged kind: the value, and the tags of the puts that
// are in it. It is made by composing merges and nothing else, so the store under
// test is the store that ships.
type Tagged[T any] = lattice.Pair[T, []uint64]

// Tag composes a kind with the set of its puts' tags. A put's argument is the
// tag, as a varint, before the argument of the kind.
func Tag[T any](s kind.Spec[T]) kind.Spec[Tagged[T]] {
	t := kind.Spec[Tagged[T]]{
		Name: s.Name, Own: s.Own, Sees: s.Sees, Merge: lattice.PairOf(s.Merge, lattice.OrderedSetOf[uint64]()),
		Mutate: tagging(s.Mutate),
	}
	if s.Delete != nil {
		t.Delete = tagging(s.Delete)
		t.Absent = func(v Tagged[T]) bool { return s.Absent(v.First) }
	}
	if s.Deleted != nil {
		t.Deleted = func(clock uint64) Tagged[T] { return Tagged[T]{First: s.Deleted(clock)} }
	}
	if s.Settle != nil {
		t.Settle = func(origin uint64, v Tagged[T]) (Tagged[T], bool) {
			taken, some := s.Settle(origin, v.First)
			return Tagged[T]{First: taken}, some
		}
	}
	if s.Into != nil {
		t.Into = func(dst *Tagged[T], src []byte) ([]byte, error) {
			rest, err := s.Into(&dst.First, src)
			if err != nil {
				return src, err
			}
			dst.Second, rest, err = kind.DecodeNumbers(dst.Second, rest)
			return rest, err
		}
	}
	return t
}

// tagging has the delta of a write carry the tag that its argument begins with.
func tagging[T any](delta func(u kind.Update, v T) (T, error)) func(u kind.Update, v Tagged[T]) (Tagged[T], error) {
	return func(u kind.Update, v Tagged[T]) (Tagged[T], error) {
		id, w := binary.Uvarint(u.Arg)
		if w <= 0 {
			return Tagged[T]{}, fmt.Errorf("%w: no tag", kind.ErrArgument)
		}
		u.Arg = u.Arg[w:]
		d, err := delta(u, v.First)
		return Tagged[T]{First: d, Second: []uint64{id}}, err
	}
}

// Argument appends what a put gives to the store. names are the values that it replaces if it
// [Operation.Replaces] any, as [Shown] has them; nil are none.
func (o *Operation) Argument(dst []byte, tagged bool, names []byte) ([]byte, error) {
	if o.Amiss == BadAmount {
		return append(dst, unreadable...), nil
	}
	if tagged {
		dst = binary.AppendUvarint(dst, o.ID)
	}
	if o.Func == Delete {
		return o.deleted(dst), nil
	}
	return o.content(dst, names)
}

// amount appends the argument of an increment.
func (o *Operation) amount(dst []byte) ([]byte, error) {
	n, err := strconv.ParseInt(o.Arg, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w %v: %w", ErrPlan, o, err)
	}
	return kind.AppendAmount(dst, n), nil
}

// Value is the argument of a put as the history shows it. A delete of a register writes a
// value that no other write does.
func (o *Operation) Value() history.Value {
	if o.Func == Delete {
		return history.Str("d" + strconv.FormatUint(o.ID, 10))
	}
	if o.Type == history.Counter {
		n, err := strconv.ParseInt(o.Arg, 10, 64)
		if err == nil {
			return shown(n)
		}
	}
	return history.Str(o.Arg)
}

// Reading is a value read, taken apart.
type Reading struct {
	Value history.Value
	Saw   []uint64 // tags; nil in untagged runs
	Stamp history.Stamp
	Gone  bool // a register whose last write was a delete, which has no value
}

var errReading = errors.New("workload: a read returned a value of another kind")

// ReadingOf takes a value of the named type apart. A nil v is a key not found.
//
// What it returns shares the tags of v, and nothing else that changes. elems is
// memory for a moment.
func ReadingOf(t history.Type, v kind.Value, tagged bool, elems *[]history.Value) (Reading, error) {
	if v == nil {
		return emptyReading(t, tagged), nil
	}
	switch t {
	case history.Register:
		gone := false
		out, err := read(v, tagged, func(r kind.Register) (x history.Value, stamp history.Stamp, err error) {
			stamp = history.Stamp{Clock: r.First, Writer: r.Second.First}
			if gone = !r.Second.Second.Some; gone {
				return x, stamp, nil
			}
			value, err := shorten(r.Second.Second.Val)
			return history.Str(value), stamp, err
		})
		out.Gone = gone
		return out, err
	case history.Set:
		return readSet(v, tagged, elems)
	case history.Counter:
		sum := func(c kind.Counter) (history.Value, history.Stamp, error) {
			n, err := kind.CounterSum(c)
			return shown(n), history.Stamp{}, err
		}
		if is[kind.Map[kind.Counter]](v) {
			return read(v, tagged, func(m kind.Map[kind.Counter]) (history.Value, history.Stamp, error) { return sum(counterIn(m)) })
		}
		return read(v, tagged, sum)
	}
	return Reading{}, errReading
}

// is reports whether a value is over T, tagged or not.
func is[T any](v kind.Value) bool {
	_, plain := kind.Get[T](v)
	_, pair := kind.Get[Tagged[T]](v)
	return plain || pair
}

// readSet takes a set apart, be it one that only grows or not.
func readSet(v kind.Value, tagged bool, elems *[]history.Value) (Reading, error) {
	list := func(s []string) (history.Value, history.Stamp, error) {
		*elems = (*elems)[:0]
		for _, e := range s {
			value, err := shorten(e)
			if err != nil {
				return history.Value{}, history.Stamp{}, err
			}
			*elems = append(*elems, history.Str(value))
		}
		return history.List(*elems...), history.Stamp{}, nil
	}
	switch {
	case is[kind.AddWins](v):
		return read(v, tagged, func(s kind.AddWins) (history.Value, history.Stamp, error) { return list(kind.Elements(s)) })
	case is[kind.Map[kind.AddWins]](v):
		return read(v, tagged, func(m kind.Map[kind.AddWins]) (history.Value, history.Stamp, error) { return list(elementsIn(m)) })
	}
	return read(v, tagged, list)
}

// CounterOf is the plain counter in a value of that kind, or of a map with one, tagged or not.
func CounterOf(v kind.Value) (kind.Counter, error) {
	if plain, ok := kind.Get[kind.Counter](v); ok {
		return plain, nil
	}
	if pair, ok := kind.Get[Tagged[kind.Counter]](v); ok {
		return pair.First, nil
	}
	if plain, ok := kind.Get[kind.Map[kind.Counter]](v); ok {
		return counterIn(plain), nil
	}
	if pair, ok := kind.Get[Tagged[kind.Map[kind.Counter]]](v); ok {
		return counterIn(pair.First), nil
	}
	return kind.Counter{}, errReading
}

func emptyReading(t history.Type, tagged bool) Reading {
	var r Reading
	switch t {
	case history.Set:
		r.Value = history.List()
	case history.Counter:
		r.Value = history.Int(0)
	}
	if tagged {
		r.Saw = []uint64{}
	}
	return r
}

func read[T any](v kind.Value, tagged bool, take func(T) (history.Value, history.Stamp, error)) (out Reading, err error) {
	if !tagged {
		plain, ok := kind.Get[T](v)
		if !ok {
			return out, errReading
		}
		out.Value, out.Stamp, err = take(plain)
		return out, err
	}
	pair, ok := kind.Get[Tagged[T]](v)
	if !ok {
		return out, errReading
	}
	out.Saw = pair.Second
	if out.Saw == nil {
		out.Saw = []uint64{}
	}
	out.Value, out.Stamp, err = take(pair.First)
	return out, err
}
