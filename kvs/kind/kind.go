// Package kind is the types of values that a store replicates. A kind is a lattice
// with a codec and one mutator, which turns the argument of a write into a delta;
// [New] makes one of any merge over a plain Go domain. Decoders take arbitrary bytes and
// give an error that wraps [ErrDecode]; what they accept has one encoding. The package
// knows nothing of replicas, keys or messages, so clients need no more of the store than
// this to read what they are answered. (Anna, ICDE'18, section 5.)
//
// A kind may have deletes. A delete is a delta as any other, so that it can come in any
// order and as often as it likes, and what it takes away stays away. Shipped ([Default]) are
//
//	kind      a put             a delete                                     reads as absent
//	register  replaces          is a write of nothing: the later one stands  if the last write was a delete
//	set       adds an element   is refused: the set only grows               never
//	addwins   adds an element   takes away the adds that it has seen; one    without elements
//	                            that it has not seen stays
//	counter   adds an amount    takes away the amounts that it has seen      without an amount that is left
//
// Two more are for whoever registers them: [MultiValueSpec], a register that keeps all values
// which no write has replaced, and [MapOf], maps whose fields are of another kind. A kind of
// one's own is a [Spec] for [New]; that its merge is one, laws.Check(t, laws.Lattice(merge), …)
// says in a test, as that of this package does of the kinds here.
//
// What a delete has seen is what the replica that serves it holds then. What is left of
// something deleted is a tombstone: of a register its stamp, of an element the name of its
// add, of a counter's row a second number.
package kind

import (
	"errors"
	"fmt"
	"slices"

	"github.com/joinery-go/joinery/lattice"
)

// Errors of kinds, of the arguments given to them, and of bytes that are no value.
var (
	ErrDecode   = errors.New("kind: cannot decode")
	ErrKind     = errors.New("kind: invalid kind")
	ErrArgument = errors.New("kind: invalid argument")
	ErrOverflow = errors.New("kind: counter overflow")
	ErrNoDelete = errors.New("kind: has no deletes")
)

// Update is what a mutator turns into a delta.
type Update struct {
	Arg []byte // the client's argument, in the encoding of the kind
	// Clock and Origin order and name the write: the time and the session of the request,
	// the same wherever it is repeated; or, of a request without a time of its own and of
	// a kind that looks at own, the hybrid time and the incarnation of the replica. For a
	// repeat of a kind that looks at own, Origin names the request, and own is nil.
	Clock, Origin uint64
}

// Value is an element of some kind's lattice.
type Value interface {
	// MergeIn joins delta, a value of the same kind, and reports whether the
	// value strictly rose.
	MergeIn(delta Value) (grew bool)
	// Compare relates the value to another of the same kind.
	Compare(other Value) lattice.Order
	// Clone returns an independent copy.
	Clone() Value
	// Append appends the value's encoding.
	Append(dst []byte) []byte
}

// Kind is a replicated type: a lattice with a codec, and its one mutator.
type Kind interface {
	// Name identifies the kind in messages, records and errors.
	Name() string
	// New returns ⊥.
	New() Value
	// Decode reads exactly one value; arbitrary bytes give an error.
	Decode(src []byte) (Value, error)
	// DecodeInto is Decode into a value of this kind whose memory is used
	// again, and which after an error may hold anything.
	DecodeInto(v Value, src []byte) error
	// Mutate turns an update into a delta. own is the join of the deltas
	// that this origin has made for the key, and is not changed; it may be
	// nil for a kind that does not look at it.
	Mutate(u Update, own Value) (Value, error)
	// Own says whether Mutate looks at own.
	Own() bool
	// Settle is, for a kind that looks at own, the delta that takes back what v has of
	// the update of that Origin, a repeat of a request that v has already. It is the same
	// whatever else is in v, and nil if v has nothing of it or it has been taken back.
	Settle(origin uint64, v Value) Value
	// Delete turns a delete into a delta; its error wraps [ErrNoDelete] for a kind that has
	// none. seen is what the replica holds, and is not changed; it may be nil for a kind
	// that does not look at it, and is nil where nothing is held.
	Delete(u Update, seen Value) (Value, error)
	// Sees says whether Delete looks at seen.
	Sees() bool
	// Absent says whether v reads as if there were nothing, since all of it was deleted.
	Absent(v Value) bool
	// Deleted is, for a kind whose deletes stand by their time alone, what is left where all
	// that was written at that time or earlier is deleted, and nil for others.
	Deleted(clock uint64) Value
}

// Spec describes a kind over the plain domain T.
type Spec[T any] struct {
	Name   string
	Merge  lattice.Merge[T] // must have Bottom, Append and Decode
	Mutate func(u Update, own T) (T, error)
	Own    bool                                          // Mutate looks at own
	Settle func(origin uint64, v T) (taken T, some bool) // with Own; see [Kind]
	// Delete and Absent are optional, and come together; see [Kind]. Sees says that Delete
	// looks at what is held, which is ⊥ where nothing is.
	Delete func(u Update, seen T) (T, error)
	Absent func(v T) bool
	Sees   bool
	// Deleted is optional, with Delete, for a kind whose deletes stand by their time alone: the
	// state in which all that was written at that time or earlier is deleted. A value that
	// has nothing written later is below it, and any other swallows it. What such a kind
	// leaves of a key that was deleted can be forgotten once no earlier write may come; see
	// package kvs.
	Deleted func(clock uint64) T
	// Into is optional: the merge's decoder, but into memory that is used again.
	Into func(dst *T, src []byte) (rest []byte, err error)
}

// New makes a kind of a specification.
func New[T any](s Spec[T]) (Kind, error) {
	c := lattice.CapsOf(s.Merge)
	switch {
	case s.Name == "" || len(s.Name) > MaxName:
		return nil, fmt.Errorf("%w: name %q, want 1 to %d bytes", ErrKind, s.Name, MaxName)
	case s.Mutate == nil:
		return nil, fmt.Errorf("%w %s: no mutator", ErrKind, s.Name)
	case s.Own != (s.Settle != nil):
		return nil, fmt.Errorf("%w %s: it must have Settle if its mutator looks at own, and else not", ErrKind, s.Name)
	case (s.Delete == nil) != (s.Absent == nil) || (s.Sees || s.Deleted != nil) && s.Delete == nil:
		return nil, fmt.Errorf("%w %s: Delete and Absent come together, and Sees and Deleted with them", ErrKind, s.Name)
	case c.Bottom == nil || c.Append == nil || c.Decode == nil:
		return nil, fmt.Errorf("%w %s: its merge lacks ⊥ or a codec", ErrKind, s.Name)
	}
	return &kind[T]{s, c}, nil
}

// Limits on what comes from outside.
const (
	MaxName = 64      // bytes of a kind's name
	MaxArg  = 1 << 20 // bytes of the argument of a write
)

type kind[T any] struct {
	Spec[T]
	caps lattice.Caps[T]
}

func (k *kind[T]) Name() string { return k.Spec.Name }
func (k *kind[T]) Own() bool    { return k.Spec.Own }
func (k *kind[T]) New() Value   { return &value[T]{k, k.caps.Bottom()} }

func (k *kind[T]) Decode(src []byte) (Value, error) {
	v := &value[T]{kind: k}
	if err := k.DecodeInto(v, src); err != nil {
		return nil, err
	}
	return v, nil
}

func (k *kind[T]) Settle(origin uint64, v Value) Value {
	if k.Spec.Settle == nil {
		return nil
	}
	taken, some := k.Spec.Settle(origin, v.(*value[T]).v)
	if !some {
		return nil
	}
	return &value[T]{k, taken}
}

func (k *kind[T]) DecodeInto(v Value, src []byte) (err error) {
	x, rest := v.(*value[T]), []byte(nil)
	if k.Spec.Into != nil {
		rest, err = k.Spec.Into(&x.v, src)
	} else {
		x.v, rest, err = k.caps.Decode(src)
	}
	if err != nil {
		return fmt.Errorf("%w: %s value: %w", ErrDecode, k.Spec.Name, err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %s value: %d bytes left over", ErrDecode, k.Spec.Name, len(rest))
	}
	return nil
}

func (k *kind[T]) Mutate(u Update, own Value) (Value, error) {
	var past T
	if own != nil {
		past = own.(*value[T]).v
	}
	d, err := k.Spec.Mutate(u, past)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Spec.Name, err)
	}
	return &value[T]{k, d}, nil
}

func (k *kind[T]) Sees() bool { return k.Spec.Sees }

func (k *kind[T]) Absent(v Value) bool {
	return k.Spec.Absent != nil && k.Spec.Absent(v.(*value[T]).v)
}

func (k *kind[T]) Deleted(clock uint64) Value {
	if k.Spec.Deleted == nil {
		return nil
	}
	return &value[T]{k, k.Spec.Deleted(clock)}
}

func (k *kind[T]) Delete(u Update, seen Value) (Value, error) {
	if k.Spec.Delete == nil {
		return nil, fmt.Errorf("%s: %w", k.Spec.Name, ErrNoDelete)
	}
	held := k.caps.Bottom()
	if seen != nil {
		held = seen.(*value[T]).v
	}
	d, err := k.Spec.Delete(u, held)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.Spec.Name, err)
	}
	return &value[T]{k, d}, nil
}

type value[T any] struct {
	kind *kind[T]
	v    T
}

func (v *value[T]) MergeIn(delta Value) bool {
	return v.kind.Merge.MergeIn(&v.v, delta.(*value[T]).v)
}

func (v *value[T]) Compare(other Value) lattice.Order {
	return v.kind.Merge.Compare(v.v, other.(*value[T]).v)
}

func (v *value[T]) Clone() Value             { return &value[T]{v.kind, v.kind.Merge.Clone(v.v)} }
func (v *value[T]) Append(dst []byte) []byte { return v.kind.caps.Append(dst, v.v) }

// Get returns the plain value inside v, which must be of a kind over T.
func Get[T any](v Value) (T, bool) {
	x, ok := v.(*value[T])
	if !ok {
		var zero T
		return zero, false
	}
	return x.v, true
}

// GrowSet is a set of strings that only grows, ascending.
type GrowSet = []string

// SetSpec is the kind "set"; a put adds its argument.
func SetSpec() Spec[GrowSet] {
	return Spec[GrowSet]{Name: "set", Merge: lattice.OrderedSetOf[string](), Into: setInto, Mutate: func(u Update, _ GrowSet) (GrowSet, error) {
		return GrowSet{string(u.Arg)}, nil
	}}
}

// Kinds is the set of kinds that a replica serves.
type Kinds struct {
	names []string
	list  []Kind
}

// NewKinds returns a set of kinds; two of the same name are an error.
func NewKinds(kinds ...Kind) (*Kinds, error) {
	k := new(Kinds)
	for _, x := range kinds {
		if k.Number(x.Name()) >= 0 {
			return nil, fmt.Errorf("%w: %q is registered twice", ErrKind, x.Name())
		}
		k.list = append(k.list, x)
		k.names = append(k.names, x.Name())
	}
	return k, nil
}

// Find returns the kind of that name.
func (k *Kinds) Find(name string) (Kind, bool) {
	if at := k.Number(name); at >= 0 {
		return k.list[at], true
	}
	return nil, false
}

// Len is how many kinds there are.
func (k *Kinds) Len() int { return len(k.list) }

// At is the kind at a position.
func (k *Kinds) At(i int) Kind { return k.list[i] }

// Number is the position of the kind of that name, or -1. A store has a few, and each is
// looked at.
func (k *Kinds) Number(name string) int { return slices.Index(k.names, name) }

// Default are register, set, counter and addwins.
func Default() *Kinds {
	r, err1 := New(RegisterSpec())
	s, err2 := New(SetSpec())
	c, err3 := New(CounterSpec())
	a, err4 := New(AddWinsSpec())
	k, err5 := NewKinds(r, s, c, a)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		panic("kind: shipped kinds are invalid: " + err.Error())
	}
	return k
}
