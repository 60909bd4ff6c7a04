package causal

import (
	"cmp"

	"github.com/joinery-go/joinery/lattice"
)

// AWSet is an add-wins set: for each element the dots of the additions that
// nothing has superseded. It keeps nothing of elements that were removed but the
// context, which compresses to ranges.
type AWSet[E cmp.Ordered] Causal[map[E]Dots]

func awStore[E cmp.Ordered]() Store[map[E]Dots] { return DotMapOf[E](DotSet()) }

// AWSetOf merges add-wins sets: a removal takes away the additions it has seen, so
// of an addition and a removal that did not know of each other the addition
// counts. This is the observed-remove set without tombstones. (Bieniusa et al.,
// "An optimized conflict-free replicated set", 2012; Almeida et al. 2018, section
// 7.4; Riak's set.)
func AWSetOf[E cmp.Ordered]() lattice.Merge[AWSet[E]] {
	return lattice.As[AWSet[E]](CausalOf(awStore[E]()))
}

// Contains reports whether e is in the set, in constant time.
func (s AWSet[E]) Contains(e E) bool { return !s.Store[e].empty() }

// Elements lists the elements in ascending order.
func (s AWSet[E]) Elements() []E {
	elems := make([]E, 0, len(s.Store))
	for _, e := range sortedKeys(s.Store) {
		if s.Contains(e) {
			elems = append(elems, e)
		}
	}
	return elems
}

// Add is the delta that puts e into the set; dot names the event and must be
// fresh. It takes the place of the additions of e known here.
func (s AWSet[E]) Add(dot Dot, e E) (AWSet[E], error) {
	if err := s.Context.fresh(dot); err != nil {
		return AWSet[E]{}, err
	}
	context := dotsMerge{}.Clone(s.Store[e])
	context.Add(dot)
	return AWSet[E]{map[E]Dots{e: dotsOf(dot)}, context}, nil
}

// Remove is the delta that takes out the additions of e known here, and ⊥ where
// there are none. It needs no dot.
func (s AWSet[E]) Remove(e E) AWSet[E] {
	return AWSet[E]{map[E]Dots{}, dotsMerge{}.Clone(s.Store[e])}
}

// Clear is the delta that takes out all that is in the set here.
func (s AWSet[E]) Clear() AWSet[E] { return AWSet[E]{map[E]Dots{}, dotsIn(awStore[E](), s.Store)} }

// Compatible is [Compatible] for add-wins sets.
func (s AWSet[E]) Compatible(t AWSet[E]) bool {
	return Compatible(awStore[E](), Causal[map[E]Dots](s), Causal[map[E]Dots](t))
}

// RWSet is a remove-wins set: for each element the additions and removals, true
// and false, that nothing has superseded. An element is in the set where all of
// them are additions.
type RWSet[E cmp.Ordered] Causal[map[E]map[Dot]bool]

func rwStore[E cmp.Ordered]() Store[map[E]map[Dot]bool] { return DotMapOf[E](dwStore()) }

// RWSetOf merges remove-wins sets: of an addition and a removal that did not know
// of each other the removal counts. A removed element keeps one event, which a
// later addition takes the place of. (Almeida et al. 2018, section 7.4.)
func RWSetOf[E cmp.Ordered]() lattice.Merge[RWSet[E]] {
	return lattice.As[RWSet[E]](CausalOf(rwStore[E]()))
}

// Contains reports whether e is in the set.
func (s RWSet[E]) Contains(e E) bool { return unanimous(s.Store[e]) }

// Elements lists the elements in ascending order.
func (s RWSet[E]) Elements() []E {
	elems := make([]E, 0, len(s.Store))
	for _, e := range sortedKeys(s.Store) {
		if s.Contains(e) {
			elems = append(elems, e)
		}
	}
	return elems
}

// Add is the delta that puts e into the set, as far as it is known here; dot names
// the event and must be fresh.
func (s RWSet[E]) Add(dot Dot, e E) (RWSet[E], error) { return s.set(dot, e, true) }

// Remove is the delta that takes e out of the set, whether it is there or not; dot
// names the event and must be fresh.
func (s RWSet[E]) Remove(dot Dot, e E) (RWSet[E], error) { return s.set(dot, e, false) }

func (s RWSet[E]) set(dot Dot, e E, in bool) (RWSet[E], error) {
	d, err := supersede(s.Context, s.Store[e], dot, in)
	if err != nil {
		return RWSet[E]{}, err
	}
	return RWSet[E]{map[E]map[Dot]bool{e: d.Store}, d.Context}, nil
}

// Compatible is [Compatible] for remove-wins sets.
func (s RWSet[E]) Compatible(t RWSet[E]) bool {
	return Compatible(rwStore[E](), Causal[map[E]map[Dot]bool](s), Causal[map[E]map[Dot]bool](t))
}
