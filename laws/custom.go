package laws

import (
	"cmp"
	"reflect"
)

// Custom is what a set of the user's own is made of, about cases of another kind than
// the states of a merge: what an operator is fed, for example.
type Custom[C any] struct {
	// Name is the name of the set, and what reports call what it checks.
	Name string
	Laws []Law[C]
	// Absent says which laws do not apply, and why.
	Absent []Absence
	// Show prints a case for a report; nil prints Go literals. What it prints must be a
	// function of the case alone.
	Show func(C) string
	// Err is an error in how the check was set up, which whoever checks reports.
	Err error
}

// CustomSet is the set of c. Its laws get a [Probe] that has no merge. Of the options,
// those that carry a function of another type than C say nothing to it.
func CustomSet[C any](c Custom[C], opts ...Option) Set[C] {
	var mine []Option
	for _, o := range opts {
		if t := o.Of(); t == nil || t == reflect.TypeFor[C]() {
			mine = append(mine, o)
		}
	}
	s := bind[C](settingsOf(mine))
	s.thing = cmp.Or(c.Name, "check")
	if c.Show != nil {
		s.show, s.literals, s.ownShow = func(v any) string { return c.Show(unbox[C](v)) }, false, true
	}
	s.fail(c.Err)
	own := set{name: c.Name, subject: s, absences: c.Absent}
	for i := range c.Laws {
		own.laws = append(own.laws, boxLaw(&c.Laws[i]))
	}
	return Set[C]{pin(own)}
}

// Of returns the type of the states that the option carries a function of, and nil if it
// carries none.
func (o Option) Of() reflect.Type {
	if g := settingsOf([]Option{o}).given(); g != nil {
		return g.typ
	}
	return nil
}

// ProbeOf is a probe of values that nothing merges, under the options given: it compares,
// copies, fingerprints and prints them as the laws do. The error is one of the set-up:
// values that cannot be compared, or an option for another type.
func ProbeOf[T any](opts ...Option) (*Probe[T], error) {
	s := bind[T](settingsOf(opts))
	return &Probe[T]{newProbe(s)}, s.err
}
