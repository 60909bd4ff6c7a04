package operators

import (
	"reflect"
	"unsafe"

	"github.com/joinery-go/joinery/laws"
)

// givesBack is about elements that are lent until the next one is asked for.
func (o *operator) givesBack() laws.Law[Feed] {
	return o.law("lent", "elements whose memory is written over when the next is asked for come to the same fold", func(b *bench) verdict {
		word := b.word()
		lent, memory := make([]any, len(word)), false
		for i, v := range word {
			lent[i] = b.a.copy(v)
			memory = overwrite(b.a.copy(v)) || memory
		}
		if !memory {
			return vacuous
		}
		return b.compared(func() (result, string) {
			r := result{word: word}
			b.lend(len(lent), func(i int) any { return lent[i] }, func(taken int) bool {
				if taken > 0 {
					overwrite(lent[taken-1])
				}
				return true
			}, func(v any) bool {
				r.out = append(r.out, b.b.copy(v))
				return true
			})
			r.fold = b.fold(b.bottom(), r.out)
			return r, b.call(r) + ", each of them lent"
		})
	})
}

// overwrite zeroes the memory that copies of what box points to share: the elements of
// slices, the entries of maps, what pointers point to. It reports whether there was any.
func overwrite(box any) bool {
	w := overwriter{been: make(map[unsafe.Pointer]bool)}
	w.within(reflect.ValueOf(box).Elem())
	return w.any
}

type overwriter struct {
	been map[unsafe.Pointer]bool
	any  bool
}

// within goes over a value that is itself left as it is.
func (w *overwriter) within(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			w.within(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			w.within(v.Index(i))
		}
	case reflect.Interface:
		w.within(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			w.zero(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() && !w.been[v.UnsafePointer()] {
			w.been[v.UnsafePointer()] = true
			w.zero(v.Elem())
		}
	case reflect.Map:
		if v.IsNil() || w.been[v.UnsafePointer()] {
			return
		}
		w.been[v.UnsafePointer()] = true
		//joinery:anyorder all entries are written over, whichever is first
		for it := v.MapRange(); it.Next(); {
			w.within(it.Value())
			w.any = true
		}
		m := v.UnsafePointer() // a field that is not exported is read by its address alone
		reflect.NewAt(v.Type(), unsafe.Pointer(&m)).Elem().Clear()
	}
}

// zero goes over a place in memory, and zeroes it.
func (w *overwriter) zero(v reflect.Value) {
	w.within(v)
	w.any = true
	reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem().SetZero()
}
