package laws

import (
	"fmt"
	"reflect"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// MergeMethod is the ways in which a method of Go merges an argument of type S into its
// receiver. A method expression is of one of these types: (*Counter).Merge for
// func (c *Counter) Merge(other Counter) error.
//
// The forms whose receiver is S itself are for types that are pointers, maps or the
// like: with S = *Histogram, (*Histogram).Add. Of these, a form that returns an S
// returns the result, be it the receiver or a new state.
//
// A bool that is returned says that the receiver changed. An error refuses the pair. An
// S or *S returned by a form whose receiver is *S is the change that was made, to be
// sent on; nil is no change, and the receiver's own address is no change either but the
// receiver, unless [ReturnsChange] says otherwise.
type MergeMethod[S any] interface {
	func(*S, S) | func(*S, S) bool | func(*S, S) error | func(*S, S) (bool, error) | func(*S, S) (S, error) |
		func(*S, *S) | func(*S, *S) bool | func(*S, *S) error | func(*S, *S) (bool, error) | func(*S, *S) (S, error) | func(*S, *S) (*S, error) |
		func(S, S) | func(S, S) bool | func(S, S) error | func(S, S) (bool, error) | func(S, S) (S, error) | func(S, S) S
}

// CheckMethod checks a method that merges, as it is, without an adapter: that merging
// is associative, commutative and idempotent, leaves its argument alone now and later
// and shares no memory with it; that a bool that is returned says whether the receiver
// changed; that no pair is refused, or, under [MayRefuse], what becomes of those that
// are; and that a change that is returned is one (see [MergeMethod]). [NotIdempotent]
// and [NotCommutative] make it a check of methods that add or append.
func CheckMethod[S any, F MergeMethod[S]](t T, merge F, states *rapid.Generator[S], opts ...Option) {
	t.Helper()
	set := Method[S](merge, opts...).s.value()
	set.subject.sayUnsteady(t, ofRapid(states), opts)
	checkOn(t, set, set.lenient().source(ofRapid(states)), opts)
}

// Method is the set that [CheckMethod] checks.
func Method[S any, F MergeMethod[S]](merge F, opts ...Option) Set[S] {
	o := settingsOf(opts)
	f, s := any(merge), bind[S](o)
	m := &method{subject: s, form: formOf(reflect.TypeFor[F](), s.typ, o.door.returnsChange)}
	m.call = func(target, delta any) returned { return callMethod(f, target.(*S), delta.(*S)) }
	if reflect.ValueOf(f).IsNil() {
		s.fail(fmt.Errorf("%w: the method is nil", ErrSetup))
	}
	return Set[S]{pin(m.set(o))}
}

// returned is what a method returned.
type returned struct {
	changed  bool
	state    any  // a box; nil for no state, and for a nil pointer in a form that returns one
	receiver bool // the address returned is that of the receiver
	err      error
}

// callMethod calls a method of any form. It is one function, and not one a form, because
// it is compiled for each type.
func callMethod[S any](method any, t, d *S) (r returned) {
	state := func(v S, err error) { r.state, r.err = &v, err }
	switch m := method.(type) {
	case func(*S, S):
		m(t, *d)
	case func(*S, S) bool:
		r.changed = m(t, *d)
	case func(*S, S) error:
		r.err = m(t, *d)
	case func(*S, S) (bool, error):
		r.changed, r.err = m(t, *d)
	case func(*S, S) (S, error):
		state(m(t, *d))
	case func(*S, *S):
		m(t, d)
	case func(*S, *S) bool:
		r.changed = m(t, d)
	case func(*S, *S) error:
		r.err = m(t, d)
	case func(*S, *S) (bool, error):
		r.changed, r.err = m(t, d)
	case func(*S, *S) (S, error):
		state(m(t, d))
	case func(*S, *S) (*S, error):
		v, err := m(t, d)
		if r.err = err; v != nil {
			r.state, r.receiver = v, v == t
		}
	case func(S, S):
		m(*t, *d)
	case func(S, S) bool:
		r.changed = m(*t, *d)
	case func(S, S) error:
		r.err = m(*t, *d)
	case func(S, S) (bool, error):
		r.changed, r.err = m(*t, *d)
	case func(S, S) (S, error):
		state(m(*t, *d))
	case func(S, S) S:
		state(m(*t, *d), nil)
	default:
		panic(fmt.Sprintf("laws: internal: a method of type %T, which MergeMethod does not list", method))
	}
	return r
}

// methodForm is what the type of a method tells, with the options.
type methodForm struct {
	byValue bool // the receiver is S itself, and not its address
	grows   bool // returns whether the receiver changed
	refuses bool // returns an error
	result  bool // returns the result
	change  bool // returns the change
	itself  bool // may return its receiver in place of a change
}

// formOf looks at the type f of a method that merges states of type s.
func formOf(f, s reflect.Type, returnsChange bool) methodForm {
	form := methodForm{byValue: f.In(0) == s, refuses: f.NumOut() == 2}
	if f.NumOut() == 0 {
		return form
	}
	switch f.Out(0) {
	case reflect.TypeFor[bool]():
		form.grows = true
	case reflect.TypeFor[error]():
		form.refuses = true
	case s:
		form.result = form.byValue && !returnsChange
		form.change = !form.result
	default:
		form.change, form.itself = true, !returnsChange
	}
	return form
}

// method is a method that merges, over boxes.
type method struct {
	subject *subject
	form    methodForm
	call    func(target, delta any) returned
}

// usable makes set-up errors of options that say nothing to the form, and of methods
// that can change nothing.
func (m *method) usable(o settings) {
	s := m.subject
	s.knows(o, "CheckMethod", "NotCommutative", "NotIdempotent", "MayRefuse", "ReturnsChange")
	switch {
	case o.door.mayRefuse && !m.form.refuses:
		s.fail(fmt.Errorf("%w: laws.MayRefuse is for methods that return an error, and this one returns none: leave it out", ErrSetup))
	case o.door.returnsChange && !m.form.change:
		s.fail(fmt.Errorf("%w: laws.ReturnsChange is for methods that return a state, and this one returns none: leave it out", ErrSetup))
	case m.form.byValue && !m.form.result && s.plain:
		s.fail(fmt.Errorf("%w: a method whose receiver is %s, a value, can change nothing: give one of *%[2]s, or check it by laws.CheckMerge",
			ErrSetup, deep.TypeName(s.typ)))
	}
}

func (m *method) set(o settings) set {
	m.usable(o)
	s := m.subject
	s.thing = "method"
	s.mergeIn = func(target, delta any) bool {
		r := m.call(target, delta)
		if r.err != nil {
			panic(refusal{r.err})
		}
		if m.form.result {
			assign(target, r.state)
		}
		return r.changed
	}
	if m.form.byValue && !m.form.result {
		s.variant, s.noZero = nil, true // such a method writes into the maps it finds, and a nil map takes none
	}
	inPlace := inTarget(s, o).only([]string{"inplace"})
	if m.form.refuses {
		s.guards = append(s.guards, m.refusedUnchanged())
	}
	own := set{name: "method", subject: s, laws: algebra(s, "method", "associative")}
	for _, l := range []struct {
		law, option string
		left        bool
	}{{"commutative", "NotCommutative", o.door.notCommutative}, {"idempotent", "NotIdempotent", o.door.notIdempotent}} {
		if l.left {
			own.absences = append(own.absences, Absence{"method/" + l.law, "laws." + l.option + " is given"})
		} else {
			own.laws = append(own.laws, algebra(s, "method", l.law)...)
		}
	}
	own.laws = append(append(own.laws, m.laws(o)...), s.defined()...)
	if m.form.change && o.noLeastDiff != "" {
		own.absences = append(own.absences, Absence{"method/change-least", o.noLeastDiff})
	}
	all := set{name: "method", parents: []set{wellPosed(s), own, inPlace}, subject: s}
	if m.form.refuses {
		return all.mapped(unlessRefused)
	}
	return all
}

// lenient is the set for sources that join states: where the merge refuses, they go on
// with one of the two.
func (s set) lenient() set {
	if s.subject.join != nil {
		lenient := *s.subject
		lenient.join = accepting(lenient.join)
		s.subject = &lenient
	}
	return s
}
