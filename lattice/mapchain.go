package lattice

import (
	"cmp"
	"reflect"
	"unsafe"
)

// chainer is implemented by the merges that keep the greater, or else the lesser,
// of two values in the order of cmp.Compare and do nothing more.
type chainer interface {
	chain() (kind reflect.Kind, keepsLesser bool)
}

// chainJoin returns a loop over a map that compares its values without calling
// the merge: of a call and a comparison of two numbers, the call is the dearer by
// far. It is nil for merges that are no chain of a common kind.
func chainJoin[K comparable, V any](m Merge[V]) func(target, delta map[K]V) bool {
	if s, ok := m.(stamper); ok {
		return stampedJoin[K, V](s)
	}
	c, ok := m.(chainer)
	if !ok {
		return nil
	}
	kind, lesser := c.chain()
	switch kind {
	case reflect.Int:
		return mergeChain[K, V, int](lesser)
	case reflect.Int64:
		return mergeChain[K, V, int64](lesser)
	case reflect.Uint64:
		return mergeChain[K, V, uint64](lesser)
	case reflect.Uint32:
		return mergeChain[K, V, uint32](lesser)
	case reflect.Float64:
		return mergeChain[K, V, float64](lesser)
	case reflect.String:
		return mergeChain[K, V, string](lesser)
	}
	return nil
}

// mergeChain is for a V that is a U by another name.
func mergeChain[K comparable, V any, U cmp.Ordered](lesser bool) func(target, delta map[K]V) bool {
	if lesser {
		return func(target, delta map[K]V) (grew bool) {
			//joinery:anyorder keys are merged independently of each other
			for k, d := range delta {
				if v, ok := target[k]; !ok || cmp.Less(*(*U)(unsafe.Pointer(&d)), *(*U)(unsafe.Pointer(&v))) {
					target[k] = d
					grew = true
				}
			}
			return grew
		}
	}
	return func(target, delta map[K]V) (grew bool) {
		//joinery:anyorder keys are merged independently of each other
		for k, d := range delta {
			if v, ok := target[k]; !ok || cmp.Less(*(*U)(unsafe.Pointer(&v)), *(*U)(unsafe.Pointer(&d))) {
				target[k] = d
				grew = true
			}
		}
		return grew
	}
}

// stamper is implemented by the merges of pairs that may be last-writer-wins as it
// mostly is: a number that rises, and on a tie the greater of two texts.
type stamper interface {
	// stamped is the kind of the number, which comes first, and where in the pair the
	// text lies; Invalid if the pair is of other parts.
	stamped() (number reflect.Kind, text uintptr)
}

// stampedJoin is chainJoin for stamped texts, nil for other pairs. Calling a
// comparison for each key took half as long again as comparing does.
func stampedJoin[K comparable, V any](s stamper) func(target, delta map[K]V) bool {
	switch kind, text := s.stamped(); kind {
	case reflect.Uint64:
		return mergeStamped[K, V, uint64](text)
	case reflect.Uint32:
		return mergeStamped[K, V, uint32](text)
	case reflect.Int64:
		return mergeStamped[K, V, int64](text)
	}
	return nil
}

// mergeStamped is for a V that begins with a U and has a string at offset text.
func mergeStamped[K comparable, V any, U uint64 | uint32 | int64](text uintptr) func(target, delta map[K]V) bool {
	return func(target, delta map[K]V) (grew bool) {
		//joinery:anyorder keys are merged independently of each other
		for k, d := range delta {
			if v, ok := target[k]; ok {
				// Written out, for calls of generic functions are not inlined here.
				have, come := unsafe.Pointer(&v), unsafe.Pointer(&d)
				had, got := *(*U)(have), *(*U)(come)
				if got < had || got == had && *(*string)(unsafe.Add(come, text)) <= *(*string)(unsafe.Add(have, text)) {
					continue
				}
			}
			target[k] = d
			grew = true
		}
		return grew
	}
}

// totalOrder is implemented by merges that may be total orders: those join to one of
// their operands, so that a comparison is all that a map needs of them.
type totalOrder[T any] interface {
	// less is nil where a part of the merge is no total order by value.
	less() func(a, b T) bool
}

func lessOf[T any](m Merge[T]) func(a, b T) bool {
	if l, ok := m.(totalOrder[T]); ok {
		return l.less()
	}
	return nil
}

// pairLess orders pairs by key, then by value. Keys of the kinds that timestamps
// are of are compared in place, and so are texts for values: last-writer-wins.
func pairLess[K, V any](key Merge[K], val Merge[V]) func(x, y Pair[K, V]) bool {
	k, v := lessOf(key), lessOf(val)
	if k == nil || v == nil {
		return nil
	}
	isText := false
	if c, ok := val.(chainer); ok {
		kind, descending := c.chain()
		isText = kind == reflect.String && !descending
	}
	if c, ok := key.(chainer); ok {
		switch kind, descending := c.chain(); {
		case descending:
		case kind == reflect.Uint64:
			return timedLess[K, V, uint64](v, isText)
		case kind == reflect.Uint32:
			return timedLess[K, V, uint32](v, isText)
		case kind == reflect.Int64:
			return timedLess[K, V, int64](v, isText)
		}
	}
	return func(x, y Pair[K, V]) bool {
		if k(x.First, y.First) {
			return true
		}
		return !k(y.First, x.First) && v(x.Second, y.Second)
	}
}

func timedLess[K, V any, U uint64 | uint32 | int64](val func(a, b V) bool, isText bool) func(x, y Pair[K, V]) bool {
	if isText {
		return func(x, y Pair[K, V]) bool {
			if a, b := *(*U)(unsafe.Pointer(&x.First)), *(*U)(unsafe.Pointer(&y.First)); a != b {
				return a < b
			}
			return *(*string)(unsafe.Pointer(&x.Second)) < *(*string)(unsafe.Pointer(&y.Second))
		}
	}
	return func(x, y Pair[K, V]) bool {
		if a, b := *(*U)(unsafe.Pointer(&x.First)), *(*U)(unsafe.Pointer(&y.First)); a != b {
			return a < b
		}
		return val(x.Second, y.Second)
	}
}
