package laws

import (
	"fmt"
	"testing"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
	"github.com/joinery-go/joinery/lattice"
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
type With[T any] struct{ apply func(*registration[T]) }

type registration[T any] struct {
	universe gen.Universe[T]
	free     gen.Source[T]
	reached  bool
	proof    func() Proof
	suites   []Suite
	opts     []Option
}

// Over gives the small universe that the laws are exhausted over.
func Over[T any](u gen.Universe[T]) With[T] {
	return With[T]{func(r *registration[T]) { r.universe = u }}
}

// Reachable declares that the source draws states that histories reach, and the
// universe, if any, holds such states; the merge claims nothing for others. free,
// which may be nil, draws any states of the domain: a law that fails on those is
// reported as holding on reachable states only.
func Reachable[T any](free gen.Source[T]) With[T] {
	return With[T]{func(r *registration[T]) { r.reached, r.free = true, free }}
}

// Proved gives the proof for all sub-merges.
func Proved[T any](proof func() Proof) With[T] {
	return With[T]{func(r *registration[T]) { r.proof = proof }}
}

// Alongside adds suites about updates, queries or functions of the type.
func Alongside[T any](suites ...Suite) With[T] {
	return With[T]{func(r *registration[T]) { r.suites = append(r.suites, suites...) }}
}

// Given gives options for the laws.
func Given[T any](opts ...Option) With[T] {
	return With[T]{func(r *registration[T]) { r.opts = append(r.opts, opts...) }}
}

// Register makes the entry of a merge that is checked by [Full] on what source
// draws, with the ends of the order put in now and then.
func Register[T any](name string, m lattice.Merge[T], source gen.Source[T], with ...With[T]) Entry {
	var r registration[T]
	for _, w := range with {
		w.apply(&r)
	}
	e := Entry{Name: name, Domain: typeName[T](), Reachable: r.reached}
	if !r.reached {
		source = gen.WithEnds(m, source)
	}
	set := full(subjectOf(m, r.opts))
	e.Suites = append([]Suite{newSuite(name, set, boxSource(source), boxAll(r.universe))}, r.suites...)
	if r.free != nil {
		e.Free = newSuite(name, set, boxSource(gen.WithEnds(m, r.free)), nil)
	}
	if r.proof != nil {
		p := r.proof()
		e.Proof = &p
	}
	return e
}

// RegisterUpdates is [Register] for a type with mutators: its states are those
// that histories of updates reach, [Updates] is checked beside [Full], and so are
// the suites given, which are usually of [Denotation]. States of unrelated histories
// are tried as well, which the merge need not bear: see [Reachable].
func RegisterUpdates[S, O any](name string, m lattice.Merge[S], u gen.Updates[S, O], with ...With[S]) Entry {
	var r registration[S]
	for _, w := range with {
		w.apply(&r)
	}
	updates := NewSuite(name, Updates(m, u, r.opts...), PlanSource(u), nil)
	source := gen.Reachable(m, u, DefaultSteps)
	with = append([]With[S]{Reachable(gen.Unrelated(source)), Alongside[S](updates)}, with...)
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
