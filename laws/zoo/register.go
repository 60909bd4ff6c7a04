package zoo

import (
	"maps"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
)

// Sibling is a written value with the clock of its write.
type Sibling struct {
	Clock Clock
	Value string
}

// Siblings is the state of a causal register: writes none of which happened
// before another.
type Siblings map[Sibling]struct{}

// register merges causal registers: the union of the writes less those that a
// write of the other side has seen. a ⊑ b iff every write of a is in b or was
// seen by a write of b.
type register struct{}

func before(s, t Sibling) bool {
	return s.Clock != t.Clock && clocks{}.Compare(s.Clock, t.Clock).Leq()
}

// seen reports whether a write of s saw w.
func (s Siblings) seen(w Sibling) bool {
	//joinery:anyorder any one will do
	for o := range s {
		if before(w, o) {
			return true
		}
	}
	return false
}

func (register) MergeIn(target *Siblings, delta Siblings) (grew bool) {
	fresh := Siblings{}
	//joinery:anyorder writes are kept or dropped independently of each other
	for w := range delta {
		if _, ok := (*target)[w]; !ok && !target.seen(w) {
			fresh[w] = struct{}{}
		}
	}
	if len(fresh) == 0 {
		return false
	}
	maps.DeleteFunc(*target, func(w Sibling, _ struct{}) bool { return fresh.seen(w) })
	if *target == nil {
		*target = fresh
	} else {
		maps.Copy(*target, fresh)
	}
	return true
}

func (register) Compare(a, b Siblings) lattice.Order {
	covers := func(a, b Siblings) bool {
		//joinery:anyorder all writes must be covered
		for w := range a {
			if _, ok := b[w]; !ok && !b.seen(w) {
				return false
			}
		}
		return true
	}
	o := lattice.Incomparable
	if covers(a, b) {
		o |= lattice.Less
	}
	if covers(b, a) {
		o |= lattice.Greater
	}
	return o
}

func (register) Clone(v Siblings) Siblings { return maps.Clone(v) }

func (register) Caps() lattice.Caps[Siblings] {
	return lattice.Caps[Siblings]{Bottom: func() Siblings { return Siblings{} }}
}

// unseen makes a state of any writes.
func unseen(ws ...Sibling) Siblings {
	s := Siblings{}
	for _, w := range ws {
		register{}.MergeIn(&s, Siblings{w: {}})
	}
	return s
}

func siblings() gen.Gen[Siblings] {
	clock, value := gen.AnyIn(clockValues(), nil), gen.OneOf("x", "y", "z")
	one := gen.Gen[Sibling](func(d *gen.Draw) Sibling { return Sibling{clock(d), value(d)} })
	return gen.Map(gen.SliceOf(one, 3), func(ws []Sibling) Siblings { return unseen(ws...) })
}

// antichains is every state of up to three writes from a few, which hold ties,
// chains and concurrent pairs.
func antichains() gen.Universe[Siblings] {
	writes := []Sibling{{Clock{1, 0}, "x"}, {Clock{0, 1}, "y"}, {Clock{2, 0}, "z"}, {Clock{1, 1}, "x"}, {Clock{1, 1}, "y"}, {Clock{2, 1}, "x"}}
	var u gen.Universe[Siblings]
	for mask := range 1 << len(writes) {
		var ws []Sibling
		for i, w := range writes {
			if mask>>i&1 == 1 {
				ws = append(ws, w)
			}
		}
		if s := unseen(ws...); len(s) == len(ws) {
			u = append(u, s)
		}
	}
	return u
}
