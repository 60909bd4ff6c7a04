// Package maporder holds loops whose result depends on the order of a map.
package maporder

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"sync"
)

func prints(m map[string]int) {
	for k, v := range m { // want `it calls fmt.Println`
		fmt.Println(k, v)
	}
}

func collects(m map[string]int) (keys []string) {
	for k := range m { // want `it appends to keys, which this function does not sort afterwards`
		keys = append(keys, k)
	}
	return keys
}

func sortsTooEarly(m map[string]int) (keys []string) {
	sort.Strings(keys)
	for k := range m { // want `does not sort afterwards`
		keys = append(keys, k)
	}
	return keys
}

func sortsAnother(m map[string]int) (keys, others []string) {
	for k := range m { // want `does not sort afterwards`
		keys = append(keys, k)
	}
	sort.Strings(others)
	return keys, others
}

func concatenates(m map[string]string) (s string) {
	for _, v := range m { // want `it accumulates into s, which is no integer`
		s += v
	}
	return s
}

func sumsFloats(m map[string]float64) (sum float64) {
	for _, v := range m { // want `no integer`
		sum += v
	}
	return sum
}

func picksAny(m map[string]int) string {
	for k := range m { // want `which entry it returns from`
		return k
	}
	return ""
}

func picksFirstOfTwo(m map[string]int) bool {
	for _, v := range m { // want `it may leave by`
		if v == 1 {
			return true
		}
		if v == 2 {
			return false
		}
	}
	return false
}

func lastWins(m map[string]int) (last int) {
	for _, v := range m { // want `the last one to assign to last wins`
		last = v
	}
	return last
}

func collides(m map[string]int) map[int]string {
	inverse := map[int]string{}
	for k, v := range m { // want `the last one to assign to inverse\[v\] wins`
		inverse[v] = k
	}
	return inverse
}

func drawsInOrder(m map[string]int, draw func() int) map[string]int {
	out := map[string]int{}
	for k := range m { // want `it calls draw`
		out[k] = draw()
	}
	return out
}

func countsUntil(m map[string]int) (n int) {
	for _, v := range m { // want `it reads n, which it also changes`
		if n < 3 {
			n += v
		}
	}
	return n
}

func countsAndLeaves(m map[string]int) (n int) {
	for _, v := range m { // want `it leaves early after changing n`
		n++
		if v == 7 {
			break
		}
	}
	return n
}

func shortCircuits(m map[string]int) (a, b bool) {
	for _, v := range m { // want `it leaves early after changing`
		if v == 1 {
			a = true
			break
		}
		b = true
	}
	return a, b
}

func twoWays(m map[string]int) (n int) {
	for _, v := range m { // want `it changes n in two ways`
		n += v
		n |= v
	}
	return n
}

func maxOfFloats(m map[string]float64) (best float64) {
	for _, v := range m { // want `the last one to assign to best wins`
		best = max(best, v)
	}
	return best
}

func deletesOthers(m map[string]string) {
	for _, v := range m { // want `it changes the map it ranges over elsewhere than at its key`
		delete(m, v)
	}
}

func shadowedKey(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m { // want `the last one to assign to out\[k\] wins`
		k := k[:1]
		out[k] = v
	}
	return out
}

func changedKey(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m { // want `it changes its own key variable`
		k = "x"
		out[k] = v
	}
	return out
}

func writesThroughValue(m map[string]*struct{ n int }) {
	i := 0
	for _, v := range m { // want `several entries may share`
		v.n += i
	}
}

func sends(m map[string]int, out chan int) {
	for _, v := range m { // want `it contains a sendstmt`
		out <- v
	}
}

func outlives(m map[string]int) string {
	var k string
	for k = range m { // want `variables that outlive the loop`
		_ = k
	}
	return k
}

func inner(m map[string]map[string]int) []string {
	var out []string
	for _, v := range m { // want `does not sort afterwards`
		for k := range v { // want `does not sort afterwards`
			out = append(out, k)
		}
	}
	return out
}

func generic[M ~map[K]V, K comparable, V any](m M) (keys []K) {
	for k := range m { // want `does not sort afterwards`
		keys = append(keys, k)
	}
	return keys
}

func iterators(m map[string]int) ([]string, []int) {
	keys := slices.Collect(maps.Keys(m)) // want `it feeds no sort and no map`
	var values []int
	for v := range maps.Values(m) { // want `does not sort afterwards`
		values = append(values, v)
	}
	return keys, values
}

func handsOn(m map[string]int, use func(func(func(string) bool))) {
	use(maps.Keys(m)) // want `it feeds no sort and no map`
}

func reflected(v reflect.Value, s *sync.Map) []reflect.Value {
	for it := v.MapRange(); it.Next(); { // want `reflect.Value.MapRange`
	}
	var unsorted []reflect.Value
	for it := v.MapRange(); it.Next(); { // want `reflect.Value.MapRange`
		unsorted = append(unsorted, it.Key())
	}
	s.Range(func(k, v any) bool { return true }) // want `sync.Map.Range`
	keys := v.MapKeys()                          // want `they are not sorted in this function`
	return keys
}
