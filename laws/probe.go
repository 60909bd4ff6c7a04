package laws

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// merged is a merge seen through functions, some of which it may not have. It is
// immutable once built. Nothing in it names a law or a probe: tables look through it
// at dozens of types, and whatever it names is compiled for each of them.
type merged[T any] struct {
	mergeIn     func(target *T, delta T) bool // nil for a merge that returns its result
	join        func(a, b T) T
	compare     func(a, b T) lattice.Order // nil where the merge has no order
	clone       func(T) T                  // the merge's own; nil where it has none
	caps        lattice.Caps[T]
	bottomParts *bottomParts[T]

	equal    func(a, b *T) bool
	ownEqual bool // equality is the type's or the user's, not that of structure
	show     func(T) string
	copy     func(T) T     // always independent of the original
	plain    bool          // states hold no shared memory, so nothing can be written into
	valid    func(T) error // nil where nothing was declared

	chain       bool   // declared to be totally ordered
	single      bool   // declared to have one state
	noLeastDiff string // why differences are not least, "" where they are
	watchdog    Watchdog
	err         error // a set-up error, reported by whoever checks
}

// subject is what the laws of a set are about.
type subject[T any] struct {
	merged[T]
	guards []Law[T]
}

// subjectOf binds a merge from lattice.
func subjectOf[T any](m lattice.Merge[T], opts []Option) *subject[T] {
	return &subject[T]{*mergedOf(m, opts), []Law[T]{deltaUnchanged[T](), cloneIndependent[T](), deltaNotRetained[T]()}}
}

// mergedOf looks at a merge from lattice.
func mergedOf[T any](m lattice.Merge[T], opts []Option) *merged[T] {
	s := newMerged[T](settingsOf(opts))
	s.mergeIn, s.compare, s.clone = m.MergeIn, m.Compare, m.Clone
	s.caps = lattice.CapsOf(m)
	s.join = func(a, b T) T { return lattice.Join(m, a, b) }
	return s
}

// newSubject is newMerged for those who are to check it.
func newSubject[T any](o settings) *subject[T] { return &subject[T]{merged: *newMerged[T](o)} }

// newMerged fills in what does not depend on the form of the merge.
func newMerged[T any](o settings) *merged[T] {
	t := reflect.TypeFor[T]()
	s := &merged[T]{
		show:  deep.Literal[T],
		copy:  deep.Clone[T],
		plain: deep.Plain(t),
	}
	s.chain, s.single, s.noLeastDiff, s.watchdog = o.chain, o.single, o.noLeastDiff, o.watchdog
	setEqual(s, o)
	if valid, ok, err := typed[func(T) error]("Valid", o.valid); ok {
		s.valid = valid
	} else {
		s.fail(err)
	}
	if show, ok, err := typed[func(T) string]("Show", o.show); ok {
		s.show = show
	} else {
		s.fail(err)
	}
	if clone, ok, err := typed[func(T) T]("Clone", o.clone); ok {
		s.copy = clone
	} else {
		s.fail(err)
	}
	if parts, ok, err := typed[bottomParts[T]]("BottomParts", o.bottomParts); ok {
		s.bottomParts = &parts
	} else {
		s.fail(err)
	}
	return s
}

func (s *merged[T]) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// setEqual chooses the equality: the option, an Equal method on T or *T, or
// structure.
func setEqual[T any](s *merged[T], o settings) {
	equal, ok, err := typed[func(a, b T) bool]("Equal", o.equal)
	s.fail(err)
	var zero T
	_, onValue := any(zero).(interface{ Equal(T) bool })
	_, onPointer := any(&zero).(interface{ Equal(T) bool })
	_, onPointers := any(&zero).(interface{ Equal(*T) bool })
	s.ownEqual = true
	switch {
	case ok:
		s.equal = func(a, b *T) bool { return equal(*a, *b) }
	case onValue || reflect.TypeFor[T]().Kind() == reflect.Interface:
		s.ownEqual = onValue // equality of structure honours the method, and looks inside interfaces
	case onPointer:
		s.equal = func(a, b *T) bool { return any(a).(interface{ Equal(T) bool }).Equal(*b) }
	case onPointers:
		s.equal = func(a, b *T) bool { return any(a).(interface{ Equal(*T) bool }).Equal(b) }
	default:
		s.ownEqual = false
		if err := deep.Check(reflect.TypeFor[T]()); err != nil {
			s.fail(fmt.Errorf("%w: states cannot be compared: %w; give laws.Equal, or the type an Equal method", ErrSetup, err))
		}
	}
}

// equality is the equality of states for laws that are not about tuples of them.
func (s *merged[T]) equality() func(a, b T) bool {
	equal := s.equal
	if equal == nil {
		equal = deep.EqualFunc[T]()
	}
	return func(a, b T) bool { return equal(&a, &b) }
}

// orderOf is Compare, or the order that merging induces where there is none.
func orderOf[T any](s *merged[T], equal func(a, b T) bool) func(a, b T) lattice.Order {
	if s.compare != nil {
		return s.compare
	}
	return func(a, b T) lattice.Order {
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

// Probe is how a law reaches the merge it is about. It belongs to one check and
// is not for use by several goroutines.
type Probe[T any] struct {
	s           *subject[T]
	left, right T // where compared values get an address without a fresh allocation
	equal       func(a, b *T) bool
	fingerprint func(*T) uint64
	prints      [maxArity]uint64
}

func newProbe[T any](s *subject[T]) *Probe[T] {
	p := &Probe[T]{s: s, equal: s.equal, fingerprint: deep.FingerprintFunc[T]()}
	if p.equal == nil {
		p.equal = deep.EqualFunc[T]()
	}
	return p
}

// Join returns a ⊔ b without changing either.
func (p *Probe[T]) Join(a, b T) T { return p.s.join(a, b) }

// MergeIn merges delta into target as the merge does, and returns whether it says
// that the target grew. Merges that return their result are called for it.
func (p *Probe[T]) MergeIn(target *T, delta T) (grew bool) {
	if p.s.mergeIn != nil {
		return p.s.mergeIn(target, delta)
	}
	*target = p.s.join(*target, delta)
	return false
}

// Compare returns the order of a and b that the merge states.
func (p *Probe[T]) Compare(a, b T) lattice.Order { return p.s.compare(a, b) }

// Equal reports whether two states are equal (see the option [Equal]).
func (p *Probe[T]) Equal(a, b T) bool {
	p.left, p.right = a, b
	return p.equal(&p.left, &p.right)
}

// Copy returns a copy of v that shares nothing with it, without asking the merge.
func (p *Probe[T]) Copy(v T) T {
	if p.s.plain {
		return v
	}
	return p.s.copy(v)
}

// Fingerprint returns a hash of everything v holds; it changes when v is written
// into.
func (p *Probe[T]) Fingerprint(v *T) uint64 { return p.fingerprint(v) }

// Show prints v for a report.
func (p *Probe[T]) Show(v T) string { return p.s.show(v) }

// finding is what came of judging one tuple.
type finding struct {
	kind  findingKind
	panic any // for kind panicked
}

type findingKind uint8

const (
	held findingKind = iota
	vacuous
	refuted
	wrote    // an argument was written into; the law was judged no further
	panicked // the evaluation panicked
	stuck    // the evaluation did not come to an end under a watchdog
)

func (k findingKind) bad() bool { return k >= refuted }

// judge evaluates law on x. The arguments are looked at before the outcome is: a
// merge that writes into them makes both sides meaningless.
func (p *Probe[T]) judge(law *Law[T], x []T) finding {
	if p.s.plain {
		return p.eval(law, x)
	}
	for i := range x {
		p.prints[i] = p.fingerprint(&x[i])
	}
	f := p.eval(law, x)
	if f.kind == panicked || f.kind == stuck {
		return f // what was changed half way says nothing, and may still be changing
	}
	for i := range x {
		if p.fingerprint(&x[i]) != p.prints[i] {
			return finding{kind: wrote}
		}
	}
	return f
}

func (p *Probe[T]) eval(law *Law[T], x []T) finding {
	if p.s.watchdog == nil {
		return p.evalHere(law, x)
	}
	// An evaluation that was given up goes on, so it has a probe of its own, and
	// what it may still write into is not looked at again.
	found, apart := make(chan finding, 1), newProbe(p.s)
	before, judged := p.copies(x), slices.Clone(x)
	if !p.s.watchdog(func() { found <- apart.evalHere(law, judged) }) {
		copy(x, before)
		return finding{kind: stuck}
	}
	return <-found
}

func (p *Probe[T]) evalHere(law *Law[T], x []T) (f finding) {
	defer func() {
		if v := recover(); v != nil {
			f = finding{kind: panicked, panic: v}
		}
	}()
	switch law.Eval(p, x) {
	case Holds:
		return finding{kind: held}
	case Vacuous:
		return finding{kind: vacuous}
	}
	return finding{kind: refuted}
}

// copies returns deep copies of x, made without the merge or the user's Clone: it
// must be right even where those are not.
func (p *Probe[T]) copies(x []T) []T {
	c := make([]T, len(x))
	for i := range x {
		c[i] = deep.Clone(x[i])
	}
	return c
}
