package workload

import (
	"slices"

	"github.com/joinery-go/joinery/kvs/kind"
	"github.com/joinery-go/joinery/linearizability/history"
)

// Delete is the function that deletes what a key holds, or of a set with an argument that
// element alone.
const Delete history.Func = "delete"

// Kind is the name of the kind of values that the operation is of.
func (o *Operation) Kind() string { return kindOf(o.Key, o.Type) }

// Kind is the name of the kind of values that the key holds.
func (k *Key) Kind() string { return kindOf(k.Name, k.Type) }

// Sees reports whether the operation is a delete that takes away what its replica holds, and
// so is served by owners alone, and waits as a read does.
func (o *Operation) Sees() bool { return o.Func == Delete && o.Type != history.Register }

// Counts reports whether the operation is an amount that a counter adds to its sum.
func (o *Operation) Counts() bool { return o.Type == history.Counter && o.Func == history.Inc }

// deletable reports whether the kind of the operation has deletes.
func (o *Operation) deletable() bool { return o.Kind() != string(history.Set) }

// drawDeletes has some puts be deletes.
func (p *planner) drawDeletes() {
	for i := range p.ops {
		o := &p.ops[i]
		if o.Func == history.Read || o.Amiss != "" || !o.deletable() || p.own("plan.delete", uint64(i), 5) != 4 {
			continue
		}
		at := slices.IndexFunc(p.keys, func(k placedKey) bool { return k.Name == o.Key })
		if o.Type == history.Register || holdsFor(&p.keys[at], o) {
			o.Func = Delete
		}
	}
}

// nameDelete has some deletes of a set be of an element that the plan has added, which is
// not a large one.
func (p *planner) nameDelete(o *Operation) {
	if o.Type != history.Set || p.own("plan.element", o.ID, 3) > 0 {
		return
	}
	for i := int(o.ID) - 2; i >= 0; i-- {
		if x := &p.ops[i]; x.Key == o.Key && x.Func == history.Add && sizeOf(x.Arg) == 0 {
			o.Arg = x.Arg
			return
		}
	}
}

// Deletes lists the keys, with each of their types, of which operations of the plan take
// away what others put there.
func Deletes(ops []Operation) (keys []Key) {
	for i := range ops {
		if o := &ops[i]; o.Takes() && !slices.Contains(keys, Key{o.Key, o.Type}) {
			keys = append(keys, Key{o.Key, o.Type})
		}
	}
	return keys
}

// TagsOf are the tags of the writes in a value of a tagged kind, which must not be changed.
func TagsOf(v kind.Value) (tags []uint64, tagged bool) {
	if x, ok := kind.Get[Tagged[kind.Register]](v); ok {
		return x.Second, true
	}
	if x, ok := kind.Get[Tagged[kind.GrowSet]](v); ok {
		return x.Second, true
	}
	if x, ok := kind.Get[Tagged[kind.AddWins]](v); ok {
		return x.Second, true
	}
	if x, ok := kind.Get[Tagged[kind.Map[kind.AddWins]]](v); ok {
		return x.Second, true
	}
	if x, ok := kind.Get[Tagged[kind.Map[kind.Counter]]](v); ok {
		return x.Second, true
	}
	x, ok := kind.Get[Tagged[kind.Counter]](v)
	return x.Second, ok
}
