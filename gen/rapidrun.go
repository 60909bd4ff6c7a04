package gen

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// errOverrun says that a value takes more words than there are.
var errOverrun = errors.New("gen: words used up")

// rapid keeps its source of bits closed: its generators draw from a *rapid.T, and what a
// T draws from cannot be chosen, but for one door: MakeFuzz runs a property on given
// bytes. Each value would cost 13 µs that way, ten times what drawing it takes. So a T is
// kept, and each list of words is put where its source of bits keeps them. Where rapid is
// not made as expected (another version, say), the door is used each time: drawSlowly is
// what drawFast is held against.

// draw draws a value of g from the words looked at, and says how many it used. The error is
// [errOverrun], [ErrNoValue], or a [*GeneratorPanic].
//
// The zeros behind the words are drawn from too: without them rapid panics at the end of the
// words, and each generator inside of another tries again to find a value there: five to the
// power of their depth. On zeros generators end soon, and that they took one tells that words
// are missing.
func draw[T any](w *lookahead, g *rapid.Generator[T]) (v T, used int, err error) {
	if w.runner == nil && fastEnough() {
		w.runner = newRunner()
	}
	r := w.runner
	if r == nil {
		return drawSlowly(w.words(), g)
	}
	room := w.padded()
	*r.buf = room
	v, err = try(r.t, g)
	used = len(room) - len(*r.buf)
	if err != nil && err != ErrNoValue {
		w.runner = nil // whatever happened to that T, it is not used again
	}
	if used > w.ahead {
		return v, w.ahead, errOverrun // also where it panicked, which it may have done for the zeros
	}
	return v, used, err
}

// try draws a value from t and tells the ways apart in which rapid's generators give up.
func try[T any](t *rapid.T, g *rapid.Generator[T]) (v T, err error) {
	ended := false
	defer func() {
		if ended {
			return
		}
		switch p := recover(); {
		case p != nil && reflect.TypeOf(p) == invalidData():
			err = ErrNoValue
		default:
			err = &GeneratorPanic{p}
		}
	}()
	v = g.Draw(t, "state")
	ended = true
	return v, nil
}

// done is what a property panics with that needs nothing more.
type done struct{}

// bare calls f with a T that logs nothing and draws from the given words, by the door
// of rapid that is there for it. The T is the one inside of a Custom generator: that of
// the property would log each draw.
func bare(words []uint64, f func(*rapid.T)) {
	input := make([]byte, 0, 8*len(words))
	for _, w := range words {
		input = binary.LittleEndian.AppendUint64(input, w)
	}
	inside := rapid.Custom(func(t *rapid.T) struct{} {
		f(t)
		panic(done{}) // past what would log the value
	})
	rapid.MakeFuzz(func(t *rapid.T) {
		defer func() { _ = recover() }() // done, or a panic that f was to keep to itself
		inside.Draw(t, "")
	})(new(testing.T), input)
}

// drawSlowly is draw by rapid's own door.
func drawSlowly[T any](words []uint64, g *rapid.Generator[T]) (v T, used int, err error) {
	if v, err = slowly(words, g); err != nil && err != ErrNoValue {
		return v, 0, err
	}
	if err == ErrNoValue {
		// Words that do not suffice look like words that do not do; with more there may
		// come something of the former.
		for _, more := range []uint64{0, 1<<64 - 2} {
			longer := append(slices.Clone(words), slices.Repeat([]uint64{more}, 200)...)
			if _, err := slowly(longer, g); err == nil {
				return v, len(words), errOverrun
			}
		}
		return v, len(words), err
	}
	low, high := 0, len(words) // the fewest words on which it is drawn are those that it used
	for low < high {
		mid := (low + high) / 2
		if _, err := slowly(words[:mid], g); err == nil {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return v, high, nil
}

func slowly[T any](words []uint64, g *rapid.Generator[T]) (v T, err error) {
	tried := false
	bare(words, func(t *rapid.T) {
		if tried {
			panic(done{}) // Custom tries again where data are invalid; once is enough
		}
		tried = true
		v, err = try(t, g)
	})
	return v, err
}

// invalidData is the type with which rapid's generators panic where words do not do.
var invalidData = sync.OnceValue(func() (t reflect.Type) {
	bare(nil, func(bt *rapid.T) {
		defer func() {
			v := recover()
			t = reflect.TypeOf(v)
		}()
		rapid.Bool().Draw(bt, "")
	})
	return t
})

// runner is a T whose words can be set.
type runner struct {
	t   *rapid.T
	buf *[]uint64
}

// newRunner takes a T from an example, which belongs to no test, and gives it a source
// of bits of the kind that MakeFuzz uses; nil where rapid is made in another way.
func newRunner() (r *runner) {
	defer func() {
		if recover() != nil {
			r = nil
		}
	}()
	var t *rapid.T
	rapid.Custom(func(inner *rapid.T) bool {
		t = inner
		return rapid.Bool().Draw(inner, "")
	}).Example(1)
	fresh := reflect.New(fuzzed())
	buf := fresh.Elem().FieldByName("buf")
	if !buf.IsValid() || buf.Type() != reflect.TypeFor[[]uint64]() {
		return nil
	}
	bits(t).Set(fresh)
	return &runner{t: t, buf: (*[]uint64)(unsafe.Pointer(buf.UnsafeAddr()))}
}

// fuzzed is the type of the source of bits that MakeFuzz uses.
var fuzzed = sync.OnceValue(func() (source reflect.Type) {
	bare([]uint64{1}, func(t *rapid.T) { source = bits(t).Elem().Type().Elem() })
	return source
})

// bits is the field of a T that holds its source of bits.
func bits(t *rapid.T) reflect.Value {
	s := reflect.ValueOf(t).Elem().FieldByName("s")
	return reflect.NewAt(s.Type(), unsafe.Pointer(s.UnsafeAddr())).Elem()
}

// fastEnough says, once asked, whether runners work: they must draw what the door does,
// and use as many words.
var fastEnough = sync.OnceValue(func() bool {
	r := newRunner()
	if r == nil {
		return false
	}
	words := make([]uint64, 40)
	for i := range words {
		words[i] = uint64(i+1) * 0x9e3779b97f4a7c15
	}
	g := rapid.SliceOfN(rapid.Int(), 1, 3)
	*r.buf = words
	fast, err := try(r.t, g)
	if err != nil {
		return false
	}
	slow, used, err := drawSlowly(words, g)
	return err == nil && slices.Equal(fast, slow) && used == len(words)-len(*r.buf)
})
