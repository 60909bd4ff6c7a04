package workload

import (
	"errors"
	"slices"
	"strings"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Keys of some plans are of kinds that stand for a set or a counter of the plan:
//
//	addwins      a set that deletes take from
//	multivalue   a set of the values that no put has replaced: a put replaces those that its
//	             session has read last, which is a delete of them
//	setmap       a set whose elements lie in the fields of a map, each in the one that its
//	             name says, whence deletes take them
//	countermap   a counter in the only field of a map
//
// Of which kind a key is its letter says, and the type that it is asked for as.
const (
	shrinking  = "addwins"
	multivalue = "multivalue"
	setmap     = "setmap"
	countermap = "countermap"

	shrinkingName  = "a"
	multivalueName = "v"
	setmapName     = "m"
	countermapName = "t"
)

// counterField is the field of a map that holds a counter.
const counterField = "n"

func kindOf(key string, t history.Type) string {
	switch {
	case t == history.Set && strings.HasPrefix(key, shrinkingName):
		return shrinking
	case t == history.Set && strings.HasPrefix(key, multivalueName):
		return multivalue
	case t == history.Set && strings.HasPrefix(key, setmapName):
		return setmap
	case t == history.Counter && strings.HasPrefix(key, countermapName):
		return countermap
	}
	return string(t)
}

// richName is the name of a key of a plan with richer kinds.
func (p *planner) richName(i int, t history.Type, name string) string {
	letters := map[history.Type][]string{history.Set: {multivalueName, setmapName}, history.Counter: {countermapName}}[t]
	if at := p.own("plan.letter", uint64(i), len(letters)+1); at < len(letters) {
		return letters[at] + name[1:]
	}
	return name
}

// fieldOf is the field of a map that an element is in.
func fieldOf(element string) string {
	sum := byte(0)
	for i := range len(element) {
		sum += element[i]
	}
	return string([]byte{'f', '0' + sum%3})
}

// Name is what tells a value of a multi-value register from all others: the session that has
// written it, as replicas name it, and when.
type Name struct{ Writer, Clock uint64 }

// Shown are the values that a multi-value register shows.
type Shown struct {
	Names []Name // ascending
	Arg   []byte // as they stand in the argument of a put that replaces them
}

// ShownBy is what a multi-value register shows, be it tagged or not; none if v is another value.
func ShownBy(v kind.Value) *Shown {
	values := manyIn(v)
	s := &Shown{Arg: kind.Assign(values, "")}
	for _, w := range values {
		for _, a := range w.Val {
			if !a.Val.First {
				s.Names = append(s.Names, Name{w.Key, a.Key})
			}
		}
	}
	return s
}

func manyIn(v kind.Value) kind.AddWins {
	if plain, ok := kind.Get[kind.AddWins](v); ok {
		return plain
	}
	pair, _ := kind.Get[Tagged[kind.AddWins]](v)
	return pair.First
}

// Replaceable reports whether the operation is of a register that keeps all values which no
// put has replaced.
func (o *Operation) Replaceable() bool { return o.Kind() == multivalue }

// Replaces reports whether the operation is a put of a value in place of others.
func (o *Operation) Replaces() bool { return o.Func == history.Add && o.Replaceable() }

// Takes reports whether the operation takes away what others have put.
func (o *Operation) Takes() bool { return o.Func == Delete || o.Replaces() }

// content appends the argument of a put that is no delete; names are the values that it
// replaces where it does so, as [Shown] has them.
func (o *Operation) content(dst, names []byte) ([]byte, error) {
	switch o.Kind() {
	case multivalue:
		if len(names) == 0 {
			names = kind.Assign(nil, "")
		}
		dst = append(dst, names...)
	case setmap:
		dst = append(dst, kind.Field(fieldOf(o.Arg), nil)...)
	case countermap:
		dst = append(dst, kind.Field(counterField, nil)...)
	}
	if o.Type != history.Counter {
		return expand(dst, o.Arg)
	}
	return o.amount(dst)
}

// deleted appends the argument of a delete.
func (o *Operation) deleted(dst []byte) []byte {
	if o.Arg == "" {
		return dst
	}
	if o.Kind() == setmap {
		dst = append(dst, kind.Field(fieldOf(o.Arg), nil)...)
	}
	return append(dst, kind.Element(o.Arg)...)
}

// elementsIn are the elements of a map of sets, ascending, each once.
func elementsIn(m kind.Map[kind.AddWins]) (all []string) {
	for i := range m {
		all = append(all, kind.Elements(m[i].Val)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// counterIn is the counter of a map.
func counterIn(m kind.Map[kind.Counter]) (c kind.Counter) {
	for i := range m {
		if m[i].Key == counterField {
			return m[i].Val
		}
	}
	return c
}

// Kinds are the kinds that keys of plans are of. Foreign ones have no way of their own to be
// decoded in place, as merges of users may have none.
func Kinds(foreign bool) (*kind.Kinds, error) {
	if !foreign {
		var shipped []makes
		for i := range kind.Default().Len() {
			shipped = append(shipped, makes{kind: kind.Default().At(i)})
		}
		return together(append(shipped,
			made(kind.MultiValueSpec()), made(kind.MapOf(setmap, kind.AddWinsSpec())), made(kind.MapOf(countermap, kind.CounterSpec())),
		)...)
	}
	set, wins, many := kind.SetSpec(), kind.AddWinsSpec(), kind.MultiValueSpec()
	set.Into, wins.Into, many.Into = nil, nil, nil
	return together(
		made(kind.RegisterSpec()), made(set), made(kind.CounterSpec()), made(wins),
		made(many), made(kind.MapOf(setmap, wins)), made(kind.MapOf(countermap, kind.CounterSpec())),
	)
}

// TaggedKinds are the kinds of keys of plans, each with the tags of the writes in a value.
func TaggedKinds() (*kind.Kinds, error) {
	return together(
		made(Tag(kind.RegisterSpec())), made(Tag(kind.SetSpec())), made(Tag(kind.CounterSpec())), made(Tag(kind.AddWinsSpec())),
		made(Tag(kind.MultiValueSpec())), made(Tag(kind.MapOf(setmap, kind.AddWinsSpec()))), made(Tag(kind.MapOf(countermap, kind.CounterSpec()))),
	)
}

// makes is a kind, or why it is none.
type makes struct {
	kind kind.Kind
	err  error
}

func made[T any](s kind.Spec[T]) makes {
	k, err := kind.New(s)
	return makes{k, err}
}

func together(all ...makes) (*kind.Kinds, error) {
	var kinds []kind.Kind
	var errs []error
	for _, m := range all {
		kinds, errs = append(kinds, m.kind), append(errs, m.err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return kind.NewKinds(kinds...)
}
