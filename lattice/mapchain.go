package lattice

import (
	"cmp"
	"reflect"
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
				if v, ok := target[k]; !ok || cmp.Less(read[U](&d), read[U](&v)) {
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
			if v, ok := target[k]; !ok || cmp.Less(read[U](&v), read[U](&d)) {
				target[k] = d
				grew = true
			}
		}
		return grew
	}
}
