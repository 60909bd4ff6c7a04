package deep

import (
	"reflect"
	"sync"
	"unsafe"
)

// anyType is what the keys and values of sync.Maps are held in, and syncedType what
// sync.Maps are looked at as.
var (
	anyType    = reflect.TypeFor[any]()
	syncedType = reflect.TypeFor[map[any]any]()
)

// snapshot returns the entries of the sync.Map at p.
func snapshot(p unsafe.Pointer) map[any]any {
	entries := make(map[any]any)
	//joinery:anyorder what is made is a map
	(*sync.Map)(p).Range(func(k, v any) bool {
		entries[k] = v
		return true
	})
	return entries
}

// fixSynced makes the memory at p a sync.Map with copies of the entries of that at
// src.
func (c *copier) fixSynced(p, src unsafe.Pointer) {
	entries := snapshot(src)
	m, box := (*sync.Map)(p), Of(anyType)
	reflect.ValueOf(m).Elem().SetZero()
	//joinery:anyorder entries are copied independently of each other
	for k, v := range entries {
		c.fixAny(box, unsafe.Pointer(&k), false)
		c.fixAny(box, unsafe.Pointer(&v), false)
		m.Store(k, v)
	}
}
