package laws

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// subject is what the laws of a set are about: a merge seen through functions over
// boxes, some of which it may not have. It is immutable once built.
type subject struct {
	typ   reflect.Type // of the states
	thing string       // what is checked, for messages; see checked
	merge string       // what lattice.NameOf names the merge; "" for plain functions

	mergeIn     func(target, delta any) bool // nil for states that have no merge
	join        func(a, b any) any
	compare     func(a, b any) lattice.Order // nil where the merge has no order
	clone       func(any) any                // the merge's own; nil where it has none
	caps        caps
	bottomParts *bottomParts

	equal    func(a, b any) bool // nil for equality of structure
	state    func(any) any       // what of a value is state; nil for all of it
	ownEqual bool                // equality is the type's or the user's, not that of structure
	cloned   bool                // the user gave Clone
	near     bool                // equality is up to a tolerance, see Tolerance
	show     func(any) string
	copy     func(any) any // always independent of the original
	// variant is an equal state with other insides, or nil where equality is not that of
	// structure.
	variant func(v any, o deep.VariantOptions) any
	asDrawn bool            // what no state drawn is like is no state: nil where all are empty; see onVariant
	noZero  bool            // a zero value cannot be merged into: a method writes into the maps of its receiver
	plain   bool            // states hold no shared memory, so nothing can be written into
	valid   func(any) error // nil where nothing was declared

	alikeAsked  bool   // the set has the law equals-alike
	chain       bool   // declared to be totally ordered
	single      bool   // declared to have one state
	noLeastDiff string // why differences are not least, "" where they are
	watchdog    Watchdog
	reportLimit int              // bytes of a state that are printed
	literals    bool             // states are printed as literals
	ownShow     bool             // by a function of the user's
	barely      func(any) string // show that runs nothing that is checked
	guards      []law            // tried where a merge was caught writing into its arguments
	guarded     bool             // the first of them is a law of the set
	err         error            // a set-up error, reported by whoever checks
}

// newSubject fills in what follows from the type and the options.
func newSubject(t reflect.Type, o settings) *subject {
	s := &subject{typ: t, copy: deep.CloneBoxes(t), plain: deep.Plain(t), reportLimit: o.reportLimit}
	if s.reportLimit <= 0 {
		s.reportLimit = DefaultReportLimit
	}
	s.show = func(v any) string { return deep.LiteralBoxWithin(v, s.reportLimit) }
	s.barely = s.show
	s.chain, s.single, s.noLeastDiff, s.watchdog, s.near = o.chain, o.single, o.noLeastDiff, o.watchdog, o.door.near
	for _, f := range []*given{o.equal, o.valid, o.show, o.clone, o.state, o.bottomParts} {
		if f != nil && f.typ != t {
			s.fail(fmt.Errorf("%w: laws.%s is for states of type %s, but the states are of type %s", ErrSetup, f.option,
				deep.TypeName(f.typ), deep.TypeName(t)))
			return s
		}
	}
	if o.equal != nil {
		s.equal, s.ownEqual = o.equal.f.(func(a, b any) bool), true
		if s.near {
			s.equal = tolerant(t, s.equal)
		}
	}
	if o.state != nil {
		s.state, s.ownEqual = o.state.f.(func(any) any), true
	}
	if o.valid != nil {
		s.valid = o.valid.f.(func(any) error)
	}
	s.literals = o.show == nil
	if o.show != nil {
		s.show, s.ownShow = orBarely(o.show.f.(func(any) string), s.barely), true
	}
	if o.clone != nil {
		s.copy, s.cloned = o.clone.f.(func(any) any), true
	}
	if o.bottomParts != nil {
		parts := o.bottomParts.f.(bottomParts)
		s.bottomParts = &parts
	}
	return s
}

// orBarely is a show of the user's that, where it panics, says so and prints as barely does:
// a report must not be lost for it.
func orBarely(show, barely func(any) string) func(any) string {
	return func(b any) (text string) {
		defer func() {
			if v := recover(); v != nil {
				text = fmt.Sprintf("%s /* the function given as Show panics: %s */", barely(b), panicText(v))
			}
		}()
		return show(b)
	}
}

// checked is what the laws of the subject are about, as messages call it.
func (s *subject) checked() string {
	if s.thing == "" {
		return "merge"
	}
	return s.thing
}

// varied gives the subject its variants, once its equality is known.
func (s *subject) varied() {
	if !s.ownEqual {
		s.variant = deep.VariantBox
	}
}

// chooseEqual chooses the equality where the user gave none: an Equal method on the
// type of the states or on pointers to it, by own, or structure.
func (s *subject) chooseEqual(own func(a, b any) bool) {
	onValue := equalTakes(s.typ, s.typ)
	pointer := reflect.PointerTo(s.typ)
	switch {
	case onValue || s.typ.Kind() == reflect.Interface:
		s.ownEqual = onValue // equality of structure honours the method, and looks inside interfaces
	case equalTakes(pointer, s.typ) || equalTakes(pointer, pointer):
		s.equal, s.ownEqual = own, true
	default:
		if err := deep.Check(s.typ); err != nil {
			s.fail(fmt.Errorf("%w: states cannot be compared: %w; give laws.Equal, or the type an Equal method, or say by laws.State what of a value is state", ErrSetup, err))
		}
	}
}

// ignored says which types in a state have a method Equal or Equals that takes no part in its
// equality, a line each.
func (s *subject) ignored() (lines []string) {
	if s.ownEqual {
		return nil
	}
	for _, m := range deep.IgnoredEquals(s.typ) {
		lines = append(lines, "not the equality of its type, which is that of structure: method "+m+"; laws.Equal says which states are equal")
	}
	return lines
}

// equalTakes reports that t has a method Equal(arg) bool.
func equalTakes(t, arg reflect.Type) bool {
	m, ok := t.MethodByName("Equal")
	if !ok || t.Kind() == reflect.Interface {
		return false
	}
	f := m.Type
	return !f.IsVariadic() && f.NumIn() == 2 && f.In(1) == arg && f.NumOut() == 1 && f.Out(0) == reflect.TypeFor[bool]()
}

func (s *subject) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// equality is the equality of states for laws that are not about tuples of them.
func (s *subject) equality() func(a, b any) bool {
	switch {
	case s.equal != nil:
		return s.equal
	case s.state != nil:
		equal := deep.EqualBoxes(reflect.TypeFor[any]())
		return func(a, b any) bool {
			x, y := s.state(a), s.state(b)
			return equal(&x, &y)
		}
	}
	return deep.EqualBoxes(s.typ)
}

// fingerprint is a hash that changes where a state is written into.
func (s *subject) fingerprint() func(any) uint64 {
	if s.state == nil {
		return deep.FingerprintBoxes(s.typ)
	}
	print := deep.FingerprintBoxes(reflect.TypeFor[any]())
	return func(v any) uint64 {
		state := s.state(v)
		return print(&state)
	}
}

// order is Compare, or the order that merging induces where there is none.
func (s *subject) order(equal func(a, b any) bool) func(a, b any) lattice.Order {
	if s.compare != nil {
		return s.compare
	}
	return func(a, b any) lattice.Order {
		j, o := s.join(a, b), lattice.Incomparable
		if equal(j, b) {
			o |= lattice.Less
		}
		if equal(j, a) {
			o |= lattice.Greater
		}
		return o
	}
}

// boxOf is v as a box of a state, v being one already or a state itself.
func (s *subject) boxOf(v any) (any, bool) {
	switch t := reflect.TypeOf(v); {
	case t == nil:
		return nil, false
	case t.AssignableTo(s.typ):
		b := reflect.New(s.typ)
		b.Elem().Set(reflect.ValueOf(v))
		return b.Interface(), true
	default:
		return v, t == reflect.PointerTo(s.typ)
	}
}

// probe is how a law reaches the merge it is about. It belongs to one check and is
// not for use by several goroutines.
type probe struct {
	s           *subject
	equal       func(a, b any) bool
	fingerprint func(any) uint64
	prints      [maxArity]uint64
	equalCopies bool // equal is given copies
	empties     deep.Emptiness
	nilMaps     bool // a nil map in place of an empty one was seen to make the merge panic
	nilTold     bool // the merge was seen to tell nil from empty where states have one of them alone
}

func newProbe(s *subject) *probe {
	return &probe{s: s, equal: s.equality(), fingerprint: s.fingerprint()}
}

// Join returns a ⊔ b without changing either.
func (p *probe) Join(a, b any) any { return p.s.join(a, b) }

// MergeIn merges delta into target as the merge does, and returns whether it says
// that the target grew.
func (p *probe) MergeIn(target, delta any) (grew bool) { return p.s.mergeIn(target, delta) }

// Compare returns the order of a and b that the merge states.
func (p *probe) Compare(a, b any) lattice.Order { return p.s.compare(a, b) }

// Equal reports whether two states are equal.
func (p *probe) Equal(a, b any) bool { return p.equal(a, b) }

// Copy returns a copy of v that shares nothing with it, without asking the merge.
func (p *probe) Copy(v any) any { return p.s.copy(v) }

// Fingerprint returns a hash of everything v holds.
func (p *probe) Fingerprint(v any) uint64 { return p.fingerprint(v) }

// Show prints v for a report.
func (p *probe) Show(v any) string { return p.s.show(v) }

// finding is what came of judging one tuple.
type finding struct {
	kind  findingKind
	panic any // for kinds panicked and unequated
}

type findingKind uint8

const (
	held findingKind = iota
	vacuous
	refuted
	wrote     // an argument was written into; the law was judged no further
	panicked  // the evaluation panicked
	stuck     // the evaluation did not come to an end under a watchdog
	unequated // whether states are equal was not found out
)

func (k findingKind) bad() bool { return k >= refuted }

// judge evaluates law on x. The arguments are looked at before the outcome is: a
// merge that writes into them makes both sides meaningless.
func (p *probe) judge(l *law, x []any) finding {
	if p.s.plain {
		return p.eval(l, x)
	}
	for i := range x {
		p.prints[i] = p.fingerprint(x[i])
	}
	f := p.eval(l, x)
	if f.kind == panicked || f.kind == stuck || f.kind == unequated {
		return f // what was changed half way says nothing, and may still be changing
	}
	for i := range x {
		if p.fingerprint(x[i]) != p.prints[i] {
			if p.equalWrites(x) {
				return p.judge(l, x)
			}
			return finding{kind: wrote}
		}
	}
	return f
}

// equalWrites reports that the equality of the user's own writes into what it compares
// (it sorts a buffer, say), which is not the merge's doing. From then on it is given
// copies.
func (p *probe) equalWrites(x []any) bool {
	if !p.s.ownEqual || p.equalCopies {
		return false
	}
	for i := range x {
		for j := range x {
			a, b := deep.CloneBox(x[i]), deep.CloneBox(x[j])
			before := [2]uint64{p.fingerprint(a), p.fingerprint(b)}
			p.equal(a, b)
			if before == [2]uint64{p.fingerprint(a), p.fingerprint(b)} {
				continue
			}
			own := p.equal
			p.equal = func(a, b any) bool { return own(deep.CloneBox(a), deep.CloneBox(b)) }
			p.equalCopies = true
			return true
		}
	}
	return false
}

func (p *probe) eval(l *law, x []any) finding {
	if p.s.watchdog == nil {
		return p.evalHere(l, x)
	}
	// An evaluation that was given up goes on, so it has a probe of its own, and
	// what it may still write into is not looked at again.
	found, apart := make(chan finding, 1), newProbe(p.s)
	before, judged := p.copies(x), slices.Clone(x)
	if !p.s.watchdog(func() { found <- apart.evalHere(l, judged) }) {
		copy(x, before)
		return finding{kind: stuck}
	}
	return <-found
}

func (p *probe) evalHere(l *law, x []any) (f finding) {
	defer func() {
		if v := recover(); v != nil {
			f = panickedWith(v)
		}
	}()
	switch l.eval(p, x) {
	case Holds:
		return finding{kind: held}
	case Vacuous:
		return finding{kind: vacuous}
	}
	return finding{kind: refuted}
}

// panickedWith is the finding of an evaluation that panicked. A comparison that gave up is no fault of
// the merge.
func panickedWith(v any) finding {
	if _, ok := v.(*deep.Undecided); ok {
		return finding{kind: unequated, panic: v}
	}
	return finding{kind: panicked, panic: v}
}

// copies returns deep copies of x, made without the merge or the user's Clone: it
// must be right even where those are not.
func (p *probe) copies(x []any) []any {
	c := make([]any, len(x))
	for i := range x {
		c[i] = deep.CloneBox(x[i])
	}
	return c
}
