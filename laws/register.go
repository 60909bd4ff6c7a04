package laws

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Entry is a registered merge with everything it is checked by, its type of states
// forgotten. From a table of entries come the [Matrix], fuzz targets and tests.
type Entry struct {
	// Name is how the merge is written, and Domain the type of its states.
	Name, Domain string
	// Suites are the sets to check: what every merge is checked by, and what was
	// registered beside it.
	Suites []Suite
	// Free checks the first suite on any states of the domain, for merges that are
	// lawful on reachable states only; its Run is nil for all others.
	Free Suite
	// Reachable reports that the states checked are those which histories of
	// updates reach.
	Reachable bool
	// Proof is the proof for all sub-merges, of merges that have one.
	Proof *Proof
}

// With adds something to a registration; see [Register].
type With struct{ apply func(*registration) }

type registration struct {
	universe []any
	free     gen.Source[any]
	types    []reflect.Type // of the states that the options were made for
	reached  bool
	proof    func() Proof
	suites   []Suite
	opts     []Option
}

// WithUniverse gives the small universe that the laws are exhausted over.
func WithUniverse[T any](u gen.Universe[T]) With {
	boxes := boxAll(u)
	return withStates(reflect.TypeFor[T](), func(r *registration) { r.universe = boxes })
}

// Reachable declares that the source draws states that histories reach, and the
// universe, if any, holds such states; the merge claims nothing for others. free,
// which may be nil, draws any states of the domain: a law that fails on those is
// reported as holding on reachable states only.
func Reachable[T any](free gen.Source[T]) With {
	boxes := boxSource(free)
	return withStates(reflect.TypeFor[T](), func(r *registration) { r.reached, r.free = true, boxes })
}

func withStates(t reflect.Type, apply func(*registration)) With {
	return With{func(r *registration) {
		r.types = append(r.types, t)
		apply(r)
	}}
}

// WithProof gives the proof for all sub-merges.
func WithProof(proof func() Proof) With { return With{func(r *registration) { r.proof = proof }} }

// WithSuites adds suites about updates, queries or functions of the type.
func WithSuites(suites ...Suite) With {
	return With{func(r *registration) { r.suites = append(r.suites, suites...) }}
}

// WithOptions gives options for the laws.
func WithOptions(opts ...Option) With {
	return With{func(r *registration) { r.opts = append(r.opts, opts...) }}
}

func registrationOf(with []With) *registration {
	var r registration
	for _, w := range with {
		w.apply(&r)
	}
	return &r
}

// Register makes the entry of a merge that is checked by [Full] on what source
// draws, with the ends of the order put in now and then.
func Register[T any](name string, m lattice.Merge[T], source gen.Source[T], with ...With) Entry {
	r := registrationOf(with)
	return r.entry(name, subjectOf(m, r.opts), boxSource(source))
}

//go:noinline
func (r *registration) entry(name string, s *subject, source gen.Source[any]) Entry {
	for _, t := range r.types {
		if t != s.typ {
			s.fail(fmt.Errorf("%w: %s is registered with states of type %s, but its states are of type %s", ErrSetup, name,
				deep.TypeName(t), deep.TypeName(s.typ)))
		}
	}
	e := Entry{Name: name, Domain: deep.TypeName(s.typ), Reachable: r.reached}
	if !r.reached {
		source = s.withEnds(source)
	}
	all := full(s)
	e.Suites = append([]Suite{newSuite(name, all, source, r.universe)}, r.suites...)
	if r.free != nil {
		e.Free = newSuite(name, all, s.withEnds(r.free), nil)
	}
	if r.proof != nil {
		p := r.proof()
		e.Proof = &p
	}
	return e
}

// withEnds is gen.WithEnds for boxes.
func (s *subject) withEnds(source gen.Source[any]) gen.Source[any] {
	return gen.WithEndsOf(source, s.caps.bottom, s.caps.top)
}

// RegisterUpdates is [Register] for a type with mutators: its states are those
// that histories of updates reach, [Updates] is checked beside [Full], and so are
// the suites given, which are usually of [Denotation]. States of unrelated histories
// are tried as well, which the merge need not bear: see [Reachable].
func RegisterUpdates[S, O any](name string, m lattice.Merge[S], u gen.Updates[S, O], with ...With) Entry {
	r := registrationOf(with)
	opts := r.opts
	if slices.ContainsFunc(r.suites, func(s Suite) bool { return s.has("query/denotation") }) {
		opts = append(slices.Clip(opts), DenotationChecked())
	}
	updates := NewSuite(name, Updates(m, u, opts...), PlanSource(u), nil)
	source := gen.Reachable(m, u, DefaultSteps)
	with = append([]With{Reachable(gen.Unrelated(source)), WithSuites(updates)}, with...)
	return Register(name, m, source, with...)
}

// Check checks every suite of the entry under go test, over its universe and at
// random.
func (e Entry) Check(t T, opts ...Option) {
	t.Helper()
	for _, s := range e.Suites {
		s.Check(t, opts...)
		if s.Exhaust != nil {
			if r := s.Exhaust(); !r.OK() {
				t.Errorf("%v", r)
			}
		}
	}
}

// Judge makes states out of any bytes, judges one law of the entry on them, and
// returns the failure, or nil. The first two bytes choose the suite and the law;
// every law is reached, and every input is valid. It is what a fuzz target calls.
func (e Entry) Judge(data []byte) *Failure {
	first, rest := head(data)
	return e.Suites[first%len(e.Suites)].Judge(rest)
}

// head takes the first byte off, 0 if there is none.
func head(data []byte) (first int, rest []byte) {
	if len(data) == 0 {
		return 0, nil
	}
	return int(data[0]), data[1:]
}

// Fuzz makes a native fuzz target of entries: go test -fuzz then looks for bytes
// that refute a law. The first byte of an input chooses the entry; for the rest
// see [Entry.Judge].
func Fuzz(f *testing.F, entries ...Entry) {
	f.Helper()
	if len(entries) == 0 {
		f.Fatalf("%v: no entries to fuzz", ErrSetup)
	}
	for i, e := range entries {
		for j, s := range e.Suites {
			for k := range s.IDs {
				seed := choice.Mix(choice.Mix(uint64(i), uint64(j)), uint64(k))
				f.Add(append([]byte{byte(i), byte(j), byte(k)}, fmt.Sprintf("%x", seed)...))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, rest := head(data)
		if failure := entries[first%len(entries)].Judge(rest); failure != nil {
			t.Fatalf("\n%v", failure)
		}
	})
}
