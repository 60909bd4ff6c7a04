// Package mapsafe holds loops that do the same in every order.
package mapsafe

import (
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"
)

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k, v := range m {
		if v == 0 || strings.HasPrefix(k, "_") {
			continue
		}
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

type byLen []string

func (b byLen) Len() int           { return len(b) }
func (b byLen) Less(i, j int) bool { return len(b[i]) < len(b[j]) }
func (b byLen) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

type table struct {
	keys []string
	rows map[string]int
	seen map[string]bool
	max  int
}

func (t *table) index() {
	for k := range t.rows {
		t.keys = append(t.keys, k)
	}
	slices.SortFunc(t.keys, strings.Compare)
	sort.Sort(byLen(t.keys))
}

func (t *table) sweep() (dropped int) {
	for k, v := range t.rows {
		t.max = max(t.max, v)
		if !t.seen[k] {
			delete(t.rows, k)
			dropped++
		}
	}
	return dropped
}

func merge(dst, src map[string]int) {
	for k, v := range src {
		if old, ok := dst[k]; !ok || old < v {
			dst[k] = v
		}
	}
}

func counts(m map[string]int) (map[int]int, int, int) {
	by, sum, bits := map[int]int{}, 0, 0
	for _, v := range m {
		by[v]++
		sum += v * 2
		bits |= 1 << v
	}
	return by, sum, bits
}

func union(sets map[string]map[string]struct{}) map[string]struct{} {
	out := map[string]struct{}{}
	for _, s := range sets {
		for e := range s {
			out[e] = struct{}{}
		}
	}
	return out
}

func copies(m map[string][]int) map[string][]int {
	out := make(map[string][]int, len(m))
	for k, v := range m {
		if !slices.Contains(v, 0) {
			out[k] = slices.Clone(v)
		}
	}
	return out
}

func subset(a, b map[string]struct{}) bool {
	for e := range a {
		if _, ok := b[e]; !ok {
			return false
		}
	}
	return true
}

func has(m map[string]int) (found bool) {
	for _, v := range m {
		if v == 3 {
			found = true
			break
		}
	}
	return found
}

func extremes(m map[string]int) (hi, lo int) {
	for _, v := range m {
		if v > hi {
			hi = v
		}
		if lo > v {
			lo = v
		}
	}
	return hi, lo
}

func switches(m map[string]int) (odd, even int) {
	for _, v := range m {
		switch v % 2 {
		case 0:
			even++
		default:
			odd++
		}
		var twice = v * 2
		for i := 0; i < twice; i++ {
			odd += i
		}
	}
	return odd, even
}

func iterators(m map[string]int) ([]string, []string, map[string]int) {
	keys := slices.Collect(maps.Keys(m))
	slices.Sort(keys)
	n := 0
	for range maps.Values(m) {
		n++
	}
	return keys, slices.Sorted(maps.Keys(m)), maps.Collect(maps.All(m))
}

func reflected(v reflect.Value) []reflect.Value {
	byString := func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }
	keys := v.MapKeys()
	slices.SortFunc(keys, byString)
	var again []reflect.Value
	for it := v.MapRange(); it.Next(); {
		again = append(again, it.Key())
	}
	slices.SortFunc(again, byString)
	return keys
}

func excused(m map[string]int, visit func(string)) {
	//joinery:anyorder visit is commutative
	for k := range m {
		visit(k)
	}
	for k := range m { //joinery:anyorder visit is commutative
		visit(k)
	}
	//joinery:anyorder visit is commutative
	for it := reflect.ValueOf(m).MapRange(); it.Next(); {
		visit(it.Key().String())
	}
}

func slicesHaveAnOrder(s []string, visit func(string)) {
	for _, e := range s {
		visit(e)
	}
}
