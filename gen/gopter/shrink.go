package gengopter

import (
	"iter"
	"reflect"

	"github.com/leanovate/gopter"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// MaxCandidates bounds how many smaller tapes are tried for one generated value.
const MaxCandidates = 2000

// Minimise makes the tape of a failing case smaller, for properties that shrink on
// their own. keep reports whether a case still fails in the same way and must be
// deterministic. At most [MaxCandidates] are tried and at most p.MaxShrinkCount
// kept; shrinks is how many were.
func Minimise(tape []uint64, p *gopter.GenParameters, keep func(choice.Source) bool) (least []uint64, shrinks int) {
	best := tape
	m := choice.Minimise(tape, MaxCandidates, func(src choice.Source) bool {
		used := choice.Tape{Src: src}
		if shrinks >= p.MaxShrinkCount || !keep(&used) || !choice.Smaller(used.Answers, best) {
			return false
		}
		best = used.Answers
		shrinks++
		return true
	})
	return m.Tape, shrinks
}

// shrinking makes one generated value smaller, as gopter asks for it: gopter pulls
// candidates until one fails, and then asks for the candidates of that one. The
// minimiser pushes them and wants an answer to each. So it runs as a coroutine,
// one candidate ahead: that gopter pulls another is a no to the last one, and that
// it asks to shrink the last one is a yes.
type shrinking[V any] struct {
	draw func(*gen.Draw) V
	tape []uint64 // of the value as it was generated
	// held is the smallest value that is known to fail, and asked the candidate
	// that was given to gopter and is not answered yet.
	held  V
	asked *V
	yes   bool
	// left is how many shrinks may still succeed: gopter's MaxShrinkCount.
	left int
	done bool
	next func() (V, bool)
	stop func()
}

// shrinker is the gopter.Shrinker of the value. Of a value that it did not make,
// such as another element of a slice, it knows nothing smaller.
func (s *shrinking[V]) shrinker(v any) gopter.Shrink {
	value, ok := as[V](v)
	switch {
	case !ok:
		return gopter.NoShrink
	case s.asked != nil && same(*s.asked, value):
		s.held, s.asked, s.yes = *s.asked, nil, true
		s.left--
	case !same(s.held, value):
		return gopter.NoShrink
	}
	if s.left <= 0 {
		// gopter will drop what comes now, and nothing would ever end the coroutine.
		s.finish()
	}
	return s.pull
}

// pull is the gopter.Shrink.
func (s *shrinking[V]) pull() (any, bool) {
	if s.done {
		return nil, false
	}
	if s.asked != nil {
		s.asked, s.yes = nil, false
	}
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.candidates)
	}
	v, ok := s.next()
	if !ok {
		s.finish()
		return nil, false
	}
	s.asked = &v
	return v, true
}

func (s *shrinking[V]) finish() {
	s.done = true
	if s.stop != nil {
		s.stop()
	}
}

// candidates yields smaller values; when it goes on after one, s.yes is the answer.
func (s *shrinking[V]) candidates(yield func(V) bool) {
	ended, best := false, s.tape
	choice.Minimise(s.tape, MaxCandidates, func(src choice.Source) bool {
		if ended {
			return false
		}
		used := choice.Tape{Src: src}
		v, err := drawn(s.draw, &used)
		if err != nil || !choice.Smaller(used.Answers, best) {
			return false // gopter would take it, and the minimiser not
		}
		if ended = !yield(v); ended || !s.yes {
			return false
		}
		best = used.Answers
		return true
	})
}

// same reports whether a and b are one value: equal as far as they can be compared
// without following pointers, and with the same pointers. It is how a value that
// has been through gopter's hands is known again.
func same[V any](a, b V) bool {
	return sameValue(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem())
}

func sameValue(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Slice:
		return a.Len() == b.Len() && a.UnsafePointer() == b.UnsafePointer()
	case reflect.Map, reflect.Pointer, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return a.UnsafePointer() == b.UnsafePointer()
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && sameValue(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !sameValue(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Array:
		for i := range a.Len() {
			if !sameValue(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return sameScalar(a, b)
}

// sameScalar compares what is neither a reference nor made of parts; NaN is itself.
func sameScalar(a, b reflect.Value) bool {
	switch {
	case a.CanInt():
		return a.Int() == b.Int()
	case a.CanUint():
		return a.Uint() == b.Uint()
	case a.CanFloat():
		return a.Float() == b.Float() || a.Float() != a.Float() && b.Float() != b.Float()
	case a.CanComplex():
		return a.Equal(b) // a NaN is not known again, and so not shrunk
	case a.Kind() == reflect.Bool:
		return a.Bool() == b.Bool()
	}
	return a.String() == b.String()
}
