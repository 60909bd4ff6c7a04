package kind

import (
	"fmt"

	"github.com/joinery-go/joinery/kvs/internal/varint"
	"github.com/joinery-go/joinery/lattice"
)

// Map is a map from fields to values of one kind, ascending by field.
type Map[T any] = []lattice.Entry[string, T]

// MapOf is the kind of maps whose fields hold values of another kind: a write is one of the
// field that [Field] names in its argument, and of all fields at once in a delete without
// one. A field is there once it is written; what one deletes of it is as the kind has it.
// Maps of maps are kinds as well.
func MapOf[T any](name string, of Spec[T]) Spec[Map[T]] {
	bottom := lattice.CapsOf(of.Merge).Bottom
	held := func(m Map[T], field string) T {
		for i := range m {
			if m[i].Key == field {
				return m[i].Val
			}
		}
		return bottom()
	}
	// in makes of what writes to a field what writes to the map.
	in := func(write func(Update, T) (T, error)) func(Update, Map[T]) (Map[T], error) {
		return func(u Update, m Map[T]) (Map[T], error) {
			field, rest, err := fieldOf(u.Arg)
			if err != nil {
				return nil, err
			}
			u.Arg = rest
			d, err := write(u, held(m, field))
			if err != nil {
				return nil, err
			}
			return Map[T]{{Key: field, Val: d}}, nil
		}
	}
	s := Spec[Map[T]]{Name: name, Merge: lattice.OrderedMapOf[string](of.Merge), Own: of.Own, Mutate: in(of.Mutate)}
	if of.Settle != nil {
		s.Settle = func(origin uint64, m Map[T]) (taken Map[T], some bool) {
			for i := range m {
				if d, has := of.Settle(origin, m[i].Val); has {
					taken, some = append(taken, lattice.Entry[string, T]{Key: m[i].Key, Val: d}), true
				}
			}
			return taken, some
		}
	}
	if of.Delete == nil {
		return s
	}
	one := in(of.Delete)
	s.Sees = true // which fields there are
	s.Delete = func(u Update, m Map[T]) (out Map[T], err error) {
		if len(u.Arg) > 0 {
			return one(u, m)
		}
		for i := range m {
			d, err := of.Delete(u, m[i].Val)
			if err != nil {
				return nil, err
			}
			out = append(out, lattice.Entry[string, T]{Key: m[i].Key, Val: d})
		}
		return out, nil
	}
	s.Absent = func(m Map[T]) bool {
		for i := range m {
			if !of.Absent(m[i].Val) {
				return false
			}
		}
		return true
	}
	return s
}

// Field is the argument of a write to a field of a map, of the argument for the kind that the
// field holds.
func Field(field string, arg []byte) []byte {
	b := varint.Append(nil, uint64(len(field)))
	return append(append(b, field...), arg...)
}

func fieldOf(arg []byte) (field string, rest []byte, err error) {
	if field, rest, err = text("", arg); err != nil {
		return "", nil, fmt.Errorf("%w: no field of a map: %w", ErrArgument, err)
	}
	return field, rest, nil
}
