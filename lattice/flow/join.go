package flow

import (
	"fmt"

	"github.com/joinery-go/joinery/lattice"
)

// HashJoin hands on f(k, a, b) for each (k, a) of left and (k, b) of right, once for
// each different pair of them, however often they come. It is a bimorphism of sets.
// It remembers at most Options.Held elements. f must be pure.
func HashJoin[K, A, B comparable, C any](left Delta[lattice.Pair[K, A]], right Delta[lattice.Pair[K, B]], f func(K, A, B) C) Delta[C] {
	n := lost(left.Graph()).add("hash-join", joinRule)
	n.need(f != nil, "a nil function")
	j := &join[K, A, B, C]{n: n, f: f, flip: func(k K, b B, a A) C { return f(k, a, b) }}
	j.left = side[K, A]{in: read(left, n, "left"), by: make(map[K][]A), seen: make(map[lattice.Pair[K, A]]struct{})}
	j.right = side[K, B]{in: read(right, n, "right"), by: make(map[K][]B), seen: make(map[lattice.Pair[K, B]]struct{})}
	return delta(n, j)
}

// Cross hands on f(a, b) for each element a of left and b of right, once for each
// different pair of them. It is a bimorphism of sets. It remembers at most
// Options.Held elements. f must be pure.
func Cross[A, B comparable, C any](left Delta[A], right Delta[B], f func(A, B) C) Delta[C] {
	n := lost(left.Graph()).add("cross", joinRule)
	n.need(f != nil, "a nil function")
	j := &join[struct{}, A, B, C]{
		n: n,
		f: func(_ struct{}, a A, b B) C { return f(a, b) }, flip: func(_ struct{}, b B, a A) C { return f(a, b) },
	}
	j.left = side[struct{}, A]{
		in: keyed[A]{in: read(left, n, "left"), k: new(keyedBuffer[A])},
		by: make(map[struct{}][]A), seen: make(map[lattice.Pair[struct{}, A]]struct{}),
	}
	j.right = side[struct{}, B]{
		in: keyed[B]{in: read(right, n, "right"), k: new(keyedBuffer[B])},
		by: make(map[struct{}][]B), seen: make(map[lattice.Pair[struct{}, B]]struct{}),
	}
	return delta(n, j)
}

// keyed gives every element the one key there is.
type keyed[T any] struct {
	in puller[T]
	k  *keyedBuffer[T]
}

type keyedBuffer[T any] struct{ out []lattice.Pair[struct{}, T] }

func (o keyed[T]) pull() ([]lattice.Pair[struct{}, T], status) {
	in, st := o.in.pull()
	if st != ready {
		return nil, st
	}
	o.k.out = o.k.out[:0]
	for _, v := range in {
		o.k.out = append(o.k.out, lattice.Pair[struct{}, T]{Second: v})
	}
	return o.k.out, ready
}

// side is what came to one side of a join.
type side[K, V comparable] struct {
	in   puller[lattice.Pair[K, V]]
	rest []lattice.Pair[K, V] // taken and not yet joined
	by   map[K][]V            // in the order in which they came
	seen map[lattice.Pair[K, V]]struct{}
	at   int // how many matches of the element in hand are out
	end  bool
}

// fill takes more where nothing is left.
func (s *side[K, V]) fill() {
	if len(s.rest) > 0 || s.end {
		return
	}
	vs, st := s.in.pull()
	switch st {
	case ready:
		s.rest = vs
	case done:
		s.end = true
	}
}

// join is the symmetric hash join: each side's new element meets what the other
// side has.
type join[K, A, B comparable, C any] struct {
	n      *node
	f      func(K, A, B) C
	flip   func(K, B, A) C
	left   side[K, A]
	right  side[K, B]
	out    []C
	handed bool // out was handed on
}

func (j *join[K, A, B, C]) pull() ([]C, status) {
	if j.handed {
		j.out, j.handed = j.out[:0], false
	}
	for {
		j.left.fill()
		j.right.fill()
		if len(j.left.rest)+len(j.right.rest) == 0 {
			break
		}
		j.n.busy.Store(true)
		fits := meet(j, &j.left, j.right.by, j.f) && meet(j, &j.right, j.left.by, j.flip)
		j.n.busy.Store(false)
		if len(j.out) > 0 {
			j.handed = true
			return j.out, ready
		}
		if !fits {
			return nil, j.n.stop(fmt.Errorf("%w: more than Held = %d elements to join", ErrBound, j.n.g.opt.Held), j.n.g.unbounded())
		}
	}
	if j.left.end && j.right.end {
		return nil, done
	}
	return nil, pending
}

// meet joins what s has in hand with what the other side has, until a batch is full
// or there is no room to remember an element.
func meet[K, A, B, V, W comparable, C any](j *join[K, A, B, C], s *side[K, V], others map[K][]W, f func(K, V, W) C) bool {
	batch := j.n.g.opt.Batch
	for ; len(s.rest) > 0; s.rest = s.rest[1:] {
		e := s.rest[0]
		if _, dup := s.seen[e]; dup {
			continue
		}
		if len(j.left.seen)+len(j.right.seen) == j.n.g.opt.Held {
			return false
		}
		for match := others[e.First]; s.at < len(match); s.at++ {
			if len(j.out) == batch {
				return false
			}
			j.out = append(j.out, f(e.First, e.Second, match[s.at]))
		}
		s.at = 0
		s.seen[e] = struct{}{}
		s.by[e.First] = append(s.by[e.First], e.Second)
	}
	return true
}
