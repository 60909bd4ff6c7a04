package deep

import "reflect"

// VariantOptions say what a variant leaves as it is; see [Variant].
type VariantOptions struct {
	// KeepMaps leaves nil maps nil, and empty ones empty: for types to whose methods a
	// nil map is no state, since it cannot be written into.
	KeepMaps bool
	// Met is told which empty slices and maps a variant may change; nil for nobody.
	Met *Emptiness
	// AsMet changes nil to empty, and back, only where both were met.
	AsMet bool
}

// Emptiness is in which forms slices and maps without elements were met, by type.
type Emptiness struct{ met map[reflect.Type]forms }

// forms are those in which collections of one type were met.
type forms uint8

const (
	asNil forms = 1 << iota
	asEmpty
)

// swaps notes an empty collection of type t, and reports whether a variant has it in the
// other form.
func (o VariantOptions) swaps(t reflect.Type, isNil bool) bool {
	if o.Met == nil {
		return true
	}
	if o.Met.met == nil {
		o.Met.met = make(map[reflect.Type]forms)
	}
	form := asEmpty
	if isNil {
		form = asNil
	}
	now := o.Met.met[t] | form
	o.Met.met[t] = now
	return !o.AsMet || now == asNil|asEmpty
}
