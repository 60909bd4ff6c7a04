package lattice

import "fmt"

// PointState says what a [Point] knows.
type PointState uint8

// The states of a point, from ⊥ up.
const (
	Unset    PointState = iota // nothing is known: ⊥
	Known                      // one value is known
	Conflict                   // different values met: ⊤
)

// Point is the plain domain of [PointOf]. Val is the zero T unless State is Known;
// anything else, and any other state, is not of the domain.
type Point[T comparable] struct {
	State PointState
	Val   T
}

// PointAt is the point that knows v.
func PointAt[T comparable](v T) Point[T] { return Point[T]{Known, v} }

// String shows the value, ⊥ or ⊤.
func (p Point[T]) String() string {
	switch p.State {
	case Unset:
		return "⊥"
	case Known:
		return fmt.Sprint(p.Val)
	}
	return "⊤"
}

// PointOf is the flat lattice over T: all values are incomparable, ⊥ is "unset"
// and any two different values join to ⊤, "conflict". It is for what should be
// written once: a second, different write is seen and not silently dropped. T
// needs values that equal themselves (no NaN). Every operation takes constant
// time.
//
// It has no Atoms: with three or more values the lattice is not distributive, as
// x ⊑ y ⊔ z = ⊤ though x lies below neither, so a part of a join need not be the
// join of parts. (The flat lattice of constant propagation, Kildall 1973; Hydro
// has it as Point and Conflict.)
func PointOf[T comparable]() Merge[Point[T]] { return pointMerge[T]{newScalar[T]()} }

type pointMerge[T comparable] struct{ val scalar[T] }

func (m pointMerge[T]) MergeIn(target *Point[T], delta Point[T]) bool {
	v, rose := m.joinGrew(*target, delta)
	*target = v
	return rose
}

func (pointMerge[T]) Compare(a, b Point[T]) Order {
	if a.State == Known && b.State == Known && a.Val != b.Val {
		return Incomparable
	}
	return orderOf(int(a.State) - int(b.State))
}

func (pointMerge[T]) Clone(v Point[T]) Point[T] { return v }

func (pointMerge[T]) joinGrew(a, b Point[T]) (Point[T], bool) {
	switch {
	case b.State == Unset || a.State == Conflict || a == b:
		return a, false
	case a.State == Unset:
		return b, true
	}
	return Point[T]{State: Conflict}, true
}

func (m pointMerge[T]) valueJoin() func(a, b Point[T]) (Point[T], bool) { return m.joinGrew }

func (m pointMerge[T]) Caps() Caps[Point[T]] {
	c := Caps[Point[T]]{
		Bottom: func() Point[T] { return Point[T]{} },
		Top:    func() Point[T] { return Point[T]{State: Conflict} },
		Join: func(a, b Point[T]) Point[T] {
			j, _ := m.joinGrew(a, b)
			return j
		},
		Diff: func(base, v Point[T]) Point[T] {
			if m.Compare(v, base).Leq() {
				return Point[T]{}
			}
			return v
		},
	}
	if m.val.known() {
		c.Append = func(dst []byte, v Point[T]) []byte {
			dst = append(dst, byte(v.State))
			if v.State == Known {
				dst = m.val.append(dst, v.Val)
			}
			return dst
		}
		c.Decode = m.decode
	}
	return c
}

func (m pointMerge[T]) decode(src []byte) (Point[T], []byte, error) {
	if len(src) == 0 || src[0] > byte(Conflict) {
		return Point[T]{}, src, decodeErr("not the state of a point")
	}
	p, rest := Point[T]{State: PointState(src[0])}, src[1:]
	if p.State != Known {
		return p, rest, nil
	}
	v, rest, err := m.val.decode(rest)
	if err != nil {
		return Point[T]{}, src, err
	}
	if v != v {
		return Point[T]{}, src, decodeErr("a point needs a value that equals itself")
	}
	p.Val = v
	return p, rest, nil
}
