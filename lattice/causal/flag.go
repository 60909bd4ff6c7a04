package causal

import "github.com/joinery-go/joinery/lattice"

// EWFlag is an enable-wins flag: the dots of the enablings that nothing has
// superseded. It is on where there is one; ⊥ is off.
type EWFlag Causal[Dots]

// EWFlagMerge merges enable-wins flags: of an enabling and a disabling that did
// not know of each other the enabling counts. (Almeida et al. 2018, section 7.3.)
func EWFlagMerge() lattice.Merge[EWFlag] { return lattice.As[EWFlag](CausalOf(DotSet())) }

// Enabled reports whether the flag is on.
func (f EWFlag) Enabled() bool { return !f.Store.empty() }

// Enable is the delta that turns the flag on; dot names the event and must be
// fresh.
func (f EWFlag) Enable(dot Dot) (EWFlag, error) {
	if err := f.Context.fresh(dot); err != nil {
		return EWFlag{}, err
	}
	context := dotsMerge{}.Clone(f.Store)
	context.Add(dot)
	return EWFlag{dotsOf(dot), context}, nil
}

// Disable is the delta that turns off what is on here. It needs no dot.
func (f EWFlag) Disable() EWFlag { return EWFlag{Dots{}, dotsMerge{}.Clone(f.Store)} }

// Compatible is [Compatible] for flags.
func (f EWFlag) Compatible(g EWFlag) bool {
	return Compatible(DotSet(), Causal[Dots](f), Causal[Dots](g))
}

// DWFlag is a disable-wins flag: the enablings and disablings, true and false,
// that nothing has superseded. It is on where there is one and all are enablings;
// ⊥ is off.
type DWFlag Causal[map[Dot]bool]

func dwStore() Store[map[Dot]bool] { return DotFunOf(lattice.And()) }

// DWFlagMerge merges disable-wins flags: of an enabling and a disabling that did
// not know of each other the disabling counts. Unlike an enable-wins flag it keeps
// an event when it is off, since that is what a later arrival has to lose against.
// (Almeida et al. 2018, section 7.3, with off for the initial state.)
func DWFlagMerge() lattice.Merge[DWFlag] { return lattice.As[DWFlag](CausalOf(dwStore())) }

// Enabled reports whether the flag is on.
func (f DWFlag) Enabled() bool { return unanimous(f.Store) }

// unanimous reports whether there is a vote and all are in favour.
func unanimous(votes map[Dot]bool) bool {
	//joinery:anyorder a conjunction
	for _, on := range votes {
		if !on {
			return false
		}
	}
	return len(votes) > 0
}

// Enable is the delta that turns the flag on, as far as it is known here; dot
// names the event and must be fresh.
func (f DWFlag) Enable(dot Dot) (DWFlag, error) { return f.set(dot, true) }

// Disable is the delta that turns the flag off; dot names the event and must be
// fresh.
func (f DWFlag) Disable(dot Dot) (DWFlag, error) { return f.set(dot, false) }

func (f DWFlag) set(dot Dot, on bool) (DWFlag, error) {
	c, err := supersede(f.Context, f.Store, dot, on)
	return DWFlag(c), err
}

// supersede is the delta of an event with the payload x that takes the place of
// all those in store.
func supersede[V any](context Dots, store map[Dot]V, dot Dot, x V) (Causal[map[Dot]V], error) {
	if err := context.fresh(dot); err != nil {
		return Causal[map[Dot]V]{}, err
	}
	gone := keysOf(store)
	gone.Add(dot)
	return Causal[map[Dot]V]{map[Dot]V{dot: x}, gone}, nil
}

// keysOf is the set of dots that m has payloads for.
func keysOf[V any](m map[Dot]V) Dots {
	v := make(Dots)
	//joinery:anyorder a set is collected
	for d := range m {
		v.Add(d)
	}
	return v
}

// Compatible is [Compatible] for flags.
func (f DWFlag) Compatible(g DWFlag) bool {
	return Compatible(dwStore(), Causal[map[Dot]bool](f), Causal[map[Dot]bool](g))
}
