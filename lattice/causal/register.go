package causal

import (
	"cmp"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// Dotted is a value under the dot of the event that wrote it.
type Dotted[V any] struct {
	Dot Dot
	Val V
}

// MVRegister is a multi-value register: the dotted values that no later write has
// replaced. One write leaves one value; concurrent writes leave one each.
type MVRegister[V cmp.Ordered] Causal[map[Dot]V]

func mvStore[V cmp.Ordered]() Store[map[Dot]V] { return DotFunOf(lattice.Max[V]()) }

// MVRegisterOf merges multi-value registers: a value is replaced by the writes that
// knew of it and by no others. (Almeida et al., "Scalable and accurate causality
// tracking for eventually consistent stores", 2014: the sets of dotted values of
// dotted version vectors; Almeida et al. 2018, section 7.3.) Values of one dot
// differ only in states that are not [Compatible]; then the greater one is kept.
func MVRegisterOf[V cmp.Ordered]() lattice.Merge[MVRegister[V]] {
	return lattice.As[MVRegister[V]](CausalOf(mvStore[V]()))
}

// Values lists the different values in ascending order.
func (r MVRegister[V]) Values() []V {
	values := make([]V, 0, len(r.Store))
	//joinery:anyorder sorted below
	for _, v := range r.Store {
		values = append(values, v)
	}
	slices.Sort(values)
	return slices.CompactFunc(values, func(a, b V) bool { return cmp.Compare(a, b) == 0 })
}

// Siblings lists the values with their dots, in the order of the dots.
func (r MVRegister[V]) Siblings() []Dotted[V] {
	siblings := make([]Dotted[V], 0, len(r.Store))
	for _, d := range sortedDots(r.Store) {
		siblings = append(siblings, Dotted[V]{d, r.Store[d]})
	}
	return siblings
}

// Write is the delta that replaces the values known here by v; dot names the event
// and must be fresh.
func (r MVRegister[V]) Write(dot Dot, v V) (MVRegister[V], error) {
	d, err := supersede(r.Context, r.Store, dot, v)
	return MVRegister[V](d), err
}

// Clear is the delta that removes the values known here. It needs no dot.
func (r MVRegister[V]) Clear() MVRegister[V] { return MVRegister[V]{map[Dot]V{}, keysOf(r.Store)} }

// Compatible is [Compatible] for multi-value registers.
func (r MVRegister[V]) Compatible(s MVRegister[V]) bool {
	return Compatible(mvStore[V](), Causal[map[Dot]V](r), Causal[map[Dot]V](s))
}
