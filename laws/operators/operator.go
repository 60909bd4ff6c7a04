package operators

import (
	"fmt"
	"iter"
	"reflect"
	"sync"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Edge is what elements of a stream are to each other.
type Edge uint8

// The edges.
const (
	// Deltas are elements that add up: what is known is the join of all of them.
	Deltas Edge = iota
	// States are values each of which contains those before it.
	States
)

// Operator is an operator from elements of type A to elements of type B, with the fold
// over states of type S that it feeds, in plain functions. All of them are given copies,
// but for what [laws.Option] says otherwise.
type Operator[A, B, S any] struct {
	// Seq is the operator as a function of sequences; each call is a fresh instance.
	Seq func(iter.Seq[A]) iter.Seq[B]
	// Emit makes a fresh instance of the operator as a function that is called with each
	// element, and may call emit while it runs, and not later. One of Seq and Emit is given.
	Emit func() func(a A, emit func(B))

	// Class is what the operator is declared to be; it decides what it is asked.
	Class lattice.Class
	// In and Out say what the elements taken and given are. Elements taken that are
	// States need Join: inputs are then the joins of what was drawn up to each of them.
	In, Out Edge

	// Merge is the fold's, and must be right. Lift makes a state out of an element; nil
	// is for elements that are states. Start is the state the fold begins with, its ⊥;
	// without it, to have emitted nothing is another thing than to have emitted ⊥.
	Merge func(a, b S) S
	Lift  func(B) S
	Start func() S

	// Inputs draws elements.
	Inputs *rapid.Generator[A]
	// Join joins two elements that are deltas, or states. Without it elements are not
	// joined to batches.
	Join func(a, b A) A

	// Once claims that no element is emitted twice, even where elements come again.
	Once bool
	// Late declares that elements are held back and what they give is emitted later, at
	// the latest when the input ends. After a crash such an operator needs all of the
	// input; and it cannot run in a cycle.
	Late bool
	// Lent declares that elements taken are lent until the next one is asked for, as
	// what bufio.Scanner.Bytes returns is: their memory is written over then, and an
	// operator that has kept some emits what it was not given. Without it, elements are the
	// operator's to keep, though not to change.
	Lent bool
	// Longest bounds how many elements are fed; 0 means 24. Of eight feeds, seven have at
	// most six. What an operator does only after more than that, such as to forget what is
	// oldest, is seen only where this is more.
	Longest int
	// Feedback says what of an element given comes back as input, where the operator runs
	// in a cycle. Of what goes around, that is fed back which raises the fold, and
	// everything if Once is claimed. The cycle must be quiet after Within elements were
	// fed back; 0 means 1,000.
	Feedback func(B) (A, bool)
	Within   int
	// Recompute is the fold of the whole input as a plain function of what was drawn, in
	// any order. It needs Start.
	Recompute func(inputs []A) S
}

// defaultWithin is what Within means by default.
const defaultWithin = 1000

// Check checks an operator: one subtest a law. See [Laws] for which. What an option of this
// package says, the field of its name need not.
func Check[A, B, S any](t laws.T, o Operator[A, B, S], opts ...Option) {
	t.Helper()
	o, rest, err := declared(o, opts)
	check(t, o, rest, err)
}

func check[A, B, S any](t laws.T, o Operator[A, B, S], opts []laws.Option, err error) {
	t.Helper()
	set := lawsOf(o, opts, err)
	if o.Inputs == nil {
		t.Fatalf("%v: an Operator needs Inputs, to draw elements", laws.ErrSetup)
	}
	laws.Check(t, set, SourceUpTo(gen.FromRapid(o.Inputs), o.Longest), opts...)
}

// CheckSeq checks an operator of sequences, of the class given, whose elements are merged
// by merge, on elements that inputs draws. Options declare what else is to be said of it,
// such as that it is [Late]. For operators whose elements are no states there is [Check].
func CheckSeq[A, S any](t laws.T, op func(iter.Seq[A]) iter.Seq[S], class lattice.Class, merge func(a, b S) S, inputs *rapid.Generator[A], opts ...Option) {
	t.Helper()
	Check(t, Operator[A, S, S]{Seq: op, Class: class, Merge: merge, Inputs: inputs}, opts...)
}

// CheckEmit checks an operator that is called with each element: fresh makes an instance,
// with state of its own. The rest is as for [CheckSeq].
func CheckEmit[A, S any](t laws.T, fresh func() func(a A, emit func(S)), class lattice.Class, merge func(a, b S) S, inputs *rapid.Generator[A], opts ...Option) {
	t.Helper()
	Check(t, Operator[A, S, S]{Emit: fresh, Class: class, Merge: merge, Inputs: inputs}, opts...)
}

// Laws is the set that [Check] checks, on the feeds of [Source], or on all of [Feeds].
// Options are for elements of type A or B, or for states of type S, by their type.
func Laws[A, B, S any](o Operator[A, B, S], opts ...Option) laws.Set[Feed] {
	o, rest, err := declared(o, opts)
	return lawsOf(o, rest, err)
}

func lawsOf[A, B, S any](o Operator[A, B, S], opts []laws.Option, err error) laws.Set[Feed] {
	b := bind(o, opts)
	if err != nil {
		b.err = err
	}
	return laws.CustomSet(setOf(b), opts...)
}

// operator is an Operator over boxes: an any that holds a pointer to an element or a
// state. The laws are compiled once, for boxes.
type operator struct {
	run runner
	// a, b and s make what there is to know of elements taken, elements given and states.
	// What compares keeps notes, so that each evaluation has its own.
	a, b, s func() kind
	benches sync.Pool
	judging underway

	list               string // the type of a list of elements taken
	class              lattice.Class
	in, out            Edge
	once, late, cyclic bool
	lent               bool
	sequence           bool // a function of sequences
	within             int

	merge     func(a, b any) any
	lift      func(b any) any
	start     func() any // nil where there is none
	join      func(a, b any) any
	feedback  func(b any) (any, bool)
	recompute func(inputs []any) any

	err error // in the set-up
}

func box[T any](v T) any { return &v }

func unbox[T any](b any) T { return *b.(*T) }

// bind looks at an operator through boxes.
func bind[A, B, S any](o Operator[A, B, S], opts []laws.Option) *operator {
	b := &operator{list: deep.TypeName(reflect.TypeFor[[]A]()), class: o.Class, in: o.In, out: o.Out, once: o.Once, late: o.Late, lent: o.Lent, within: o.Within}
	b.check(o.missing())
	types := []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[S]()}
	for _, opt := range opts {
		b.check(concerns(opt, types))
	}
	b.a, b.b, b.s = kindOf[A](b, opts), kindOf[B](b, opts), kindOf[S](b, opts)
	if b.within <= 0 {
		b.within = defaultWithin
	}
	b.sequence = o.Seq != nil
	if b.sequence {
		b.run = ofSeq(o.Seq)
	} else {
		b.run = ofEmit(o.Emit)
	}
	b.merge = func(x, y any) any { return box(o.Merge(unbox[S](x), unbox[S](y))) }
	b.lift = func(v any) any { return v }
	if o.Lift != nil {
		b.lift = func(v any) any { return box(o.Lift(unbox[B](v))) }
	}
	if o.Start != nil {
		b.start = func() any { return box(o.Start()) }
	}
	if o.Join != nil {
		b.join = func(x, y any) any { return box(o.Join(unbox[A](x), unbox[A](y))) }
	}
	if b.cyclic = o.Feedback != nil; b.cyclic {
		b.feedback = func(v any) (any, bool) {
			a, ok := o.Feedback(unbox[B](v))
			return box(a), ok
		}
	}
	if o.Recompute != nil {
		b.recompute = func(inputs []any) any {
			typed := make([]A, len(inputs))
			for i, v := range inputs {
				typed[i] = unbox[A](v)
			}
			return box(o.Recompute(typed))
		}
	}
	return b
}

func (o *operator) check(err error) {
	if o.err == nil {
		o.err = err
	}
}

// missing says what is missing of an operator, or contradicts itself.
func (o *Operator[A, B, S]) missing() error {
	for _, need := range []struct {
		given bool
		what  string
	}{
		{(o.Seq != nil) != (o.Emit != nil), "needs one of Seq and Emit"},
		{o.Merge != nil, "needs Merge, that of the fold"},
		{o.Lift != nil || reflect.TypeFor[B]() == reflect.TypeFor[S](), "needs Lift, from elements to states of another type"},
		{o.Class <= lattice.NonMonotone, "needs a Class that there is"},
		{o.In <= States && o.Out <= States, "needs edges that there are"},
		{o.In != States || o.Join != nil, "that takes States needs Join, to make them"},
		{o.Recompute == nil || o.Start != nil, "with Recompute needs Start: what has emitted nothing is compared with a state"},
		{o.Longest >= 0, "needs a Longest that feeds can have"},
		{o.Within == 0 || o.Feedback != nil, "has nothing to be quiet Within without Feedback"},
		{o.Feedback == nil || !o.Late, "that is Late cannot have Feedback: a cycle waits for it, and it for the cycle"},
	} {
		if !need.given {
			return fmt.Errorf("%w: an Operator %s", laws.ErrSetup, need.what)
		}
	}
	return nil
}

// concerns reports an option that is for none of the types.
func concerns(o laws.Option, types []reflect.Type) error {
	of := o.Of()
	if of == nil {
		return nil
	}
	for _, t := range types {
		if of == t {
			return nil
		}
	}
	return fmt.Errorf("%w: an option is for values of type %v, but those of the operator are of types %v", laws.ErrSetup, of, types)
}

// kind is what there is to know of the values of one type.
type kind struct {
	equal func(a, b any) bool
	copy  func(any) any
	print func(any) uint64
	show  func(any) string
}

// kindOf is the kind of T under the options that are for it.
func kindOf[T any](o *operator, opts []laws.Option) func() kind {
	var mine []laws.Option
	for _, opt := range opts {
		if of := opt.Of(); of == nil || of == reflect.TypeFor[T]() {
			mine = append(mine, opt)
		}
	}
	_, err := laws.ProbeOf[T](mine...)
	o.check(err)
	return func() kind {
		p, _ := laws.ProbeOf[T](mine...) // the error is that above
		return kind{
			equal: func(a, b any) bool { return p.Equal(unbox[T](a), unbox[T](b)) },
			copy:  func(v any) any { return box(p.Copy(unbox[T](v))) },
			print: func(v any) uint64 { return p.Fingerprint(v.(*T)) },
			show:  func(v any) string { return p.Show(unbox[T](v)) },
		}
	}
}
