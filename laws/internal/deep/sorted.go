package deep

import (
	"cmp"
	"reflect"
	"slices"
)

// mapEntry is an entry of a map, where it can be addressed.
type mapEntry struct{ key, val reflect.Value }

// sortBytes is how much of their literals keys are told apart by.
const sortBytes = 256

// sortedKeys returns the entries of map m in the order of their keys: numbers and
// strings by value, others by the beginnings of their literals, in which maps count by their
// lengths; and where these are alike, in the order of their values, likewise.
func (p *printer) sortedKeys(m reflect.Value) []mapEntry {
	type sortable struct {
		key, val string
		mapEntry
	}
	entries := make([]sortable, 0, m.Len())
	for it := m.MapRange(); it.Next(); {
		entries = append(entries, sortable{mapEntry: mapEntry{held(it.Key()), held(it.Value())}})
	}
	natural := len(entries) > 0 && isNatural(entries[0].mapEntry.key)
	for i := range entries {
		e := &entries[i]
		if !natural {
			e.key = p.sortText(e.mapEntry.key)
		}
		if !natural || e.mapEntry.key.CanFloat() && e.mapEntry.key.Float() != e.mapEntry.key.Float() {
			e.val = p.sortText(e.mapEntry.val)
		}
	}
	slices.SortFunc(entries, func(a, b sortable) int {
		c := 0
		if natural {
			c = compareKeys(a.mapEntry.key, b.mapEntry.key)
		}
		return cmp.Or(c, cmp.Compare(a.key, b.key), cmp.Compare(a.val, b.val))
	})
	sorted := make([]mapEntry, len(entries))
	for i, e := range entries {
		sorted[i] = e.mapEntry
	}
	return sorted
}

// sortText is the beginning of the literal of v, without the entries of maps.
func (p *printer) sortText(v reflect.Value) string {
	sub := printer{limit: sortBytes, home: p.home, depth: p.depth, path: p.path, brief: true}
	sub.value(v, false)
	return sub.b.String()
}

// isNatural reports keys that [compareKeys] takes.
func isNatural(v reflect.Value) bool {
	return v.CanInt() || v.CanUint() || v.CanFloat() || v.Kind() == reflect.String
}

// compareKeys compares numbers, or strings.
func compareKeys(a, b reflect.Value) int {
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.String(), b.String())
}
