package lattice

import (
	"fmt"
	"iter"
	"reflect"
	"unsafe"
)

// As lends the merge of U to a type T with the same underlying type, so that a
// named type with methods of its own needs no merge of its own:
//
//	type Scores map[string]int
//	As[Scores](MapOf[string](Max[int]()))
//
// The result can do whatever m can, at the same cost. As panics where T and U do
// not have identical underlying types, which is an error of the program, not of
// its data; interface types are refused too.
func As[T, U any](m Merge[U]) Merge[T] {
	t, u := reflect.TypeFor[T](), reflect.TypeFor[U]()
	if t.Kind() != u.Kind() || t.Kind() == reflect.Interface || !t.ConvertibleTo(u) {
		panic(fmt.Sprintf("lattice.As: %v and %v do not have the same underlying type", t, u))
	}
	return asMerge[T, U]{m}
}

type asMerge[T, U any] struct{ m Merge[U] }

// under and over look at the same memory by the other name: types of one kind that
// convert to each other have one layout.
func under[U, T any](p *T) *U { return (*U)(unsafe.Pointer(p)) }

func over[T, U any](u U) T { return *(*T)(unsafe.Pointer(&u)) }

func (m asMerge[T, U]) MergeIn(target *T, delta T) bool {
	return m.m.MergeIn(under[U](target), *under[U](&delta))
}

func (m asMerge[T, U]) Compare(a, b T) Order { return m.m.Compare(*under[U](&a), *under[U](&b)) }

func (m asMerge[T, U]) Clone(v T) T { return over[T](m.m.Clone(*under[U](&v))) }

func (m asMerge[T, U]) valueJoin() func(a, b T) (T, bool) {
	join := valueJoinOf(m.m)
	if join == nil {
		return nil
	}
	return func(a, b T) (T, bool) {
		u, rose := join(*under[U](&a), *under[U](&b))
		return over[T](u), rose
	}
}

func (m asMerge[T, U]) Caps() Caps[T] {
	u := CapsOf(m.m)
	var c Caps[T]
	if u.Bottom != nil {
		c.Bottom = func() T { return over[T](u.Bottom()) }
	}
	if u.Top != nil {
		c.Top = func() T { return over[T](u.Top()) }
	}
	if u.Join != nil {
		c.Join = func(a, b T) T { return over[T](u.Join(*under[U](&a), *under[U](&b))) }
	}
	if u.Batch != nil {
		c.Batch = func(target *T, deltas []T) bool {
			return u.Batch(under[U](target), *under[[]U](&deltas))
		}
	}
	if u.Diff != nil {
		c.Diff = func(base, v T) T { return over[T](u.Diff(*under[U](&base), *under[U](&v))) }
	}
	if u.Atoms != nil {
		c.Atoms = func(v T) iter.Seq[T] {
			return func(yield func(T) bool) {
				for a := range u.Atoms(*under[U](&v)) {
					if !yield(over[T](a)) {
						return
					}
				}
			}
		}
	}
	if u.Append != nil && u.Decode != nil {
		c.Append = func(dst []byte, v T) []byte { return u.Append(dst, *under[U](&v)) }
		c.Decode = func(src []byte) (T, []byte, error) {
			v, rest, err := u.Decode(src)
			return over[T](v), rest, err
		}
	}
	return c
}
