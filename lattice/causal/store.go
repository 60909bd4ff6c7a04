package causal

import (
	"fmt"
	"iter"

	"github.com/joinery-go/joinery/lattice"
)

// Causal is the state of a causal CRDT: a store of the events that still count,
// each under its dot, and the context, every event ever heard of. A dot in the
// context but not in the store is an event that was superseded or removed; that is
// why removals need no tombstones.
//
// A state is well-formed where every dot of the store is in the context and stands
// in one place of the store, and the store has no empty parts. Mutators, merges
// and decoders keep states well-formed.
type Causal[S any] struct {
	Store   S
	Context Dots
}

// Store is the shape of a dot store over the plain domain S, from which [CausalOf]
// makes a merge: [DotSet], [DotFunOf], [DotMapOf] and [DotPairOf]. It is to causal
// states what a lattice.Merge is to plain ones, and it is closed: a store is not a
// lattice by itself, only together with its context.
type Store[S any] interface {
	clone(v S) S
	empty(v S) bool

	// merge brings delta's live events into target: it joins those that are live
	// in both at the same place, striking their dots from pending, and adds those
	// that are not in seen, the target's context.
	merge(target *S, seen Dots, delta S, pending Dots) (grew bool)
	// drop removes the events whose dots are in pending, and strikes them.
	drop(target *S, pending Dots) (dropped bool)
	// leq reports whether every event of b that is in known is live in a at the
	// same place, with no greater payload.
	leq(a S, known Dots, b S) bool

	// diff is what v has live that base has not, or has less of, and that is not
	// gone there; the dots involved are added to out.
	diff(base S, gone Dots, v S, out Dots) S
	// visit hands over the dots of v, some at a time.
	visit(v S, add func(origin uint64, s Spans))
	// common adds to out the dots live in both at the same place, and reports
	// whether their payloads are equal.
	common(a, b S, out Dots) bool

	caps() storeCaps[S]
}

// storeCaps lists what a store may be able to do; nil is for cannot.
type storeCaps[S any] struct {
	atoms  func(v S, yield func(S, Dot) bool) bool
	append func(dst []byte, v S) []byte
	decode func(src []byte) (S, []byte, error)
}

// CausalOf merges causal states over a store. An event counts after a merge if it
// is live on both sides, or live on one and unheard of on the other; one that a
// side has heard of but no longer holds was removed there, and stays so. For each
// dot that is the chain unseen ⊏ live (payloads in their order) ⊏ gone, so this is
// a lattice on all well-formed states, also where two of them could never have met
// in one run; see [Compatible] for what holds only where they could. ⊥ is empty;
// there is no ⊤. Atoms are single live events and single dots that are gone.
//
// A merge costs O(|delta|) in dots and keys where what the delta supersedes stands
// under the keys that it updates. One that removes, or repeats what was removed,
// looks through the target's keys until it has found what to drop. (Almeida,
// Shoker, Baquero, "Delta state replicated data types", 2018, section 7.2.)
func CausalOf[S any](store Store[S]) lattice.Merge[Causal[S]] { return causalMerge[S]{store} }

type causalMerge[S any] struct{ store Store[S] }

func (m causalMerge[S]) MergeIn(target *Causal[S], delta Causal[S]) bool {
	// Only dots that both have heard of can be live here and gone there.
	pending := delta.Context.intersect(target.Context)
	grew := m.store.merge(&target.Store, target.Context, delta.Store, pending)
	if len(pending) > 0 && m.store.drop(&target.Store, pending) {
		grew = true
	}
	return dotsMerge{}.MergeIn(&target.Context, delta.Context) || grew
}

func (m causalMerge[S]) Compare(a, b Causal[S]) lattice.Order {
	o := dotsMerge{}.Compare(a.Context, b.Context)
	if o.Leq() && !m.store.leq(a.Store, a.Context, b.Store) {
		o &= lattice.Greater
	}
	if o.Geq() && !m.store.leq(b.Store, b.Context, a.Store) {
		o &= lattice.Less
	}
	return o
}

func (m causalMerge[S]) Clone(v Causal[S]) Causal[S] {
	return Causal[S]{m.store.clone(v.Store), dotsMerge{}.Clone(v.Context)}
}

func (m causalMerge[S]) Caps() lattice.Caps[Causal[S]] {
	store := m.store.caps()
	c := lattice.Caps[Causal[S]]{
		Bottom: func() Causal[S] { return m.Clone(Causal[S]{}) },
		Join:   func(a, b Causal[S]) Causal[S] { return lattice.Join[Causal[S]](m, a, b) },
		Diff:   m.diff,
	}
	if store.atoms != nil {
		c.Atoms = func(v Causal[S]) iter.Seq[Causal[S]] { return m.atoms(store, v) }
	}
	if store.append != nil && store.decode != nil {
		c.Append = func(dst []byte, v Causal[S]) []byte { return store.append(appendDots(dst, v.Context), v.Store) }
		c.Decode = func(src []byte) (Causal[S], []byte, error) { return m.decode(store, src) }
	}
	return c
}

func (m causalMerge[S]) diff(base, v Causal[S]) Causal[S] {
	here, there := dotsIn(m.store, base.Store), dotsIn(m.store, v.Store)
	context := here.intersect(v.Context).minus(there) // live in base, gone in v
	context.join(v.Context.minus(base.Context))
	return Causal[S]{m.store.diff(base.Store, base.Context.minus(here), v.Store, context), context}
}

// atoms yields the live events, and then the dots of those that are gone.
func (m causalMerge[S]) atoms(store storeCaps[S], v Causal[S]) iter.Seq[Causal[S]] {
	return func(yield func(Causal[S]) bool) {
		whole := store.atoms(v.Store, func(a S, d Dot) bool { return yield(Causal[S]{a, dotsOf(d)}) })
		if !whole {
			return
		}
		v.Context.minus(dotsIn(m.store, v.Store)).each(func(d Dot) bool {
			gone := m.Clone(Causal[S]{})
			gone.Context = dotsOf(d)
			return yield(gone)
		})
	}
}

func (m causalMerge[S]) decode(store storeCaps[S], src []byte) (Causal[S], []byte, error) {
	context, rest, err := decodeDots(src)
	if err != nil {
		return Causal[S]{}, src, err
	}
	s, rest, err := store.decode(rest)
	if err != nil {
		return Causal[S]{}, src, err
	}
	v := Causal[S]{s, context}
	if !wellFormed(m.store, v) {
		return Causal[S]{}, src, fmt.Errorf("%w: a dot of the store stands twice or is not in the context", ErrDecode)
	}
	return v, rest, nil
}

// dotsIn is the set of dots of a store.
func dotsIn[S any](store Store[S], v S) Dots {
	d := make(Dots)
	store.visit(v, d.joinSpans)
	return d
}

func wellFormed[S any](store Store[S], v Causal[S]) bool {
	seen, ok := make(Dots), true
	store.visit(v.Store, func(o uint64, s Spans) {
		ok = ok && subset(s, v.Context[o]) && !s.meets(seen[o])
		seen.joinSpans(o, s)
	})
	return ok
}

// Compatible reports whether two states can belong to one run: both are
// well-formed, and a dot that is live in both stands in the same place with the
// same payload, as it does where no dot was ever given to two events.
//
// The merge is a lattice without that; two things need it. The value of a merge is
// that of the union of the events only where events do not share a dot: those that
// do are taken for one. And in maps two events that share a dot and stand under
// different keys join to that dot being gone, so that "gone" is then no longer
// irreducible, and differences are no longer the least ones.
func Compatible[S any](store Store[S], a, b Causal[S]) bool {
	if !wellFormed(store, a) || !wellFormed(store, b) {
		return false
	}
	same := make(Dots)
	if !store.common(a.Store, b.Store, same) {
		return false
	}
	return dotsIn(store, a.Store).intersect(dotsIn(store, b.Store)).within(same)
}

// Next is the first dot of origin after all those in v.
func (v Dots) Next(origin uint64) (Dot, error) {
	last := v[origin].Max()
	if last+1 == 0 {
		return Dot{}, fmt.Errorf("%w: origin %d has no sequence number left", ErrOverflow, origin)
	}
	return Dot{origin, last + 1}, nil
}

// fresh checks that d may name a new event in a state with the context v.
func (v Dots) fresh(d Dot) error {
	switch {
	case d.Seq == 0:
		return fmt.Errorf("%w: sequence numbers count from 1, got {%d 0}", ErrDot, d.Origin)
	case v.Contains(d):
		return fmt.Errorf("%w: {%d %d} is in the context", ErrDot, d.Origin, d.Seq)
	}
	return nil
}
