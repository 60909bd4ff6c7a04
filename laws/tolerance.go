package laws

import (
	"math"
	"reflect"
	"unsafe"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// tolerant is near, of the option [Tolerance], where it says what it is meant to. The usual
// comparison, |x − y| ≤ ε·max(|x|, |y|), does not do so at the ends of the floating point
// numbers: an infinity is near to whatever is finite, and not to itself; a NaN is near to
// nothing, or, by the negation of >, to everything; and where a sum overflows that numbers
// are compared with, as in ε·(|x| + |y|), the greatest numbers are all near to each other. A
// merge that overflows would pass, and one that is right would fail on what has overflowed
// before. So near is never asked about such numbers:
//
//   - where both states have the same infinity, or a NaN, at one place, they are near there;
//   - where one of them has an infinity or a NaN and the other has not, or has another, near
//     is asked with numbers in their place that are far from each other: if it says near, it
//     does not look at that place;
//   - where one of two numbers is that great, near is asked about both states as they are, and
//     with every number scaled down.
//
// What is replaced are numbers of copies. near may refuse those by a panic; it is then asked
// about the states themselves.
func tolerant(t reflect.Type, near func(a, b any) bool) func(a, b any) bool {
	if !holdsFloats(t, make(map[reflect.Type]bool)) {
		return near
	}
	return func(a, b any) bool {
		var ends extremes
		x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
		pairFloats(x, y, nil, ends.look)
		if !ends.beyond && !ends.great {
			return near(a, b)
		}
		return nearAtEnds(ends, near, a, b)
	}
}

// nearAtEnds is near of states that have numbers at the ends, of which ends says.
func nearAtEnds(ends extremes, near func(a, b any) bool, a, b any) (same bool) {
	defer func() {
		if recover() != nil {
			same = near(a, b)
		}
	}()
	c, d := a, b
	if ends.beyond {
		c, d = replaced(a, b, withinRange)
	}
	if same = near(c, d); !same || !ends.great {
		return same
	}
	return near(replaced(c, d, scaledDown))
}

// extremes are what the numbers of two states come to.
type extremes struct {
	beyond bool // an infinity or a NaN
	great  bool // a number near the greatest
}

func (e *extremes) look(x, y float64, bits int) (float64, float64) {
	finite := isFinite(x) && isFinite(y)
	e.beyond = e.beyond || !finite
	e.great = e.great || finite && max(math.Abs(x), math.Abs(y)) > greatest(bits)/256
	return x, y
}

func isFinite(x float64) bool { return x-x == 0 }

// greatest is the greatest number of so many bits.
func greatest(bits int) float64 {
	if bits == 32 {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// withinRange is finite numbers in place of x and y: 0 for both if they are one infinity or
// both NaN, and numbers that are far from each other if they are not of a kind.
func withinRange(x, y float64, bits int) (float64, float64) {
	switch {
	case isFinite(x) && isFinite(y):
		return x, y
	case x == y || x != x && y != y:
		return 0, 0
	case isFinite(x):
		return x, farFrom(x, y, bits)
	case isFinite(y):
		return farFrom(y, x, bits), y
	}
	return standIn(x, bits), standIn(y, bits)
}

// farFrom is a number in place of an infinity or NaN that is not near x, whatever the
// tolerance. It is no greater than needed, since near may square it.
func farFrom(x, beyond float64, bits int) float64 {
	const room = 1 << 20
	if far := math.Abs(standIn(math.Inf(1), bits)); math.Abs(x) > far/room {
		return 0
	}
	if beyond != beyond {
		beyond = math.Inf(1)
	}
	return standIn(beyond, bits)
}

// standIn is a number in place of an infinity or NaN: those are far from each other.
func standIn(x float64, bits int) float64 {
	if x != x {
		return 0
	}
	far := math.Ldexp(1, 500)
	if bits == 32 {
		far = math.Ldexp(1, 60)
	}
	return math.Copysign(far, x)
}

// scaledDown is x and y by a factor that leaves room above the greatest numbers.
func scaledDown(x, y float64, bits int) (float64, float64) {
	const factor = 1.0 / (1 << 16)
	return x * factor, y * factor
}

// replaced is copies of two states with other numbers in the places that both have.
func replaced(a, b any, by func(x, y float64, bits int) (float64, float64)) (any, any) {
	c, d := deep.CloneBox(a), deep.CloneBox(b)
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	pairFloats(x, y, &[2]reflect.Value{reflect.ValueOf(c).Elem(), reflect.ValueOf(d).Elem()}, by)
	return c, d
}

// holdsFloats reports that values of the type may hold floating point numbers.
func holdsFloats(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Interface:
		return true
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsFloats(t.Field(i).Type, seen) {
				return true
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsFloats(t.Elem(), seen)
	}
	return false
}

// pairs goes over the floating point numbers of two values that stand at one place in both.
type pairs struct {
	by   func(x, y float64, bits int) (float64, float64)
	seen map[[2]unsafe.Pointer]bool
}

// pairFloats has by look at each pair of numbers that stand at one place in two values of one
// type, and what it returns set there in copies of them, if those are given. What the copies
// share with the values is left alone.
func pairFloats(x, y reflect.Value, copies *[2]reflect.Value, by func(x, y float64, bits int) (float64, float64)) {
	// What is walked are variables, in which unexported fields can be read and set too.
	p := pairs{by: by, seen: make(map[[2]unsafe.Pointer]bool)}
	p.walk(x, y, copies)
}

func (p *pairs) walk(x, y reflect.Value, to *[2]reflect.Value) {
	switch x.Kind() {
	case reflect.Float32, reflect.Float64:
		l, r := p.by(x.Float(), y.Float(), x.Type().Bits())
		if to != nil {
			to[0].SetFloat(l)
			to[1].SetFloat(r)
		}
	case reflect.Complex64, reflect.Complex128:
		v, w, bits := x.Complex(), y.Complex(), x.Type().Bits()/2
		l, r := p.by(real(v), real(w), bits)
		li, ri := p.by(imag(v), imag(w), bits)
		if to != nil {
			to[0].SetComplex(complex(l, li))
			to[1].SetComplex(complex(r, ri))
		}
	case reflect.Struct:
		for i := range x.NumField() {
			field := func(v reflect.Value) reflect.Value { return open(v.Field(i)) }
			p.walk(field(x), field(y), both(to, field))
		}
	case reflect.Array:
		p.elements(x, y, to)
	case reflect.Slice:
		if p.enters(x, y, to) {
			p.elements(x, y, to)
		}
	case reflect.Pointer:
		if p.enters(x, y, to) {
			p.walk(x.Elem(), y.Elem(), both(to, reflect.Value.Elem))
		}
	case reflect.Map:
		if p.enters(x, y, to) {
			p.entries(x, y, to)
		}
	case reflect.Interface:
		p.dynamic(x, y, to)
	}
}

func (p *pairs) elements(x, y reflect.Value, to *[2]reflect.Value) {
	for i := range min(x.Len(), y.Len()) {
		p.walk(x.Index(i), y.Index(i), both(to, func(v reflect.Value) reflect.Value { return v.Index(i) }))
	}
}

// enters reports that two references are to be followed: they refer to something, were not
// followed before, and their copies, if any, refer to something else.
func (p *pairs) enters(x, y reflect.Value, to *[2]reflect.Value) bool {
	if x.IsNil() || y.IsNil() || x.Kind() == reflect.Slice && (x.Len() == 0 || y.Len() == 0) {
		return false
	}
	at := [2]unsafe.Pointer{x.UnsafePointer(), y.UnsafePointer()}
	if p.seen[at] || to != nil && (to[0].UnsafePointer() == at[0] || to[1].UnsafePointer() == at[1]) {
		return false
	}
	p.seen[at] = true
	return true
}

// entries goes over the values of the keys that two maps have in common.
func (p *pairs) entries(x, y reflect.Value, to *[2]reflect.Value) {
	if !holdsFloats(x.Type().Elem(), make(map[reflect.Type]bool)) {
		return
	}
	//joinery:anyorder each pair is looked at by itself
	for entries := x.MapRange(); entries.Next(); {
		key, other := entries.Key(), y.MapIndex(entries.Key())
		if !other.IsValid() {
			continue
		}
		if to == nil {
			p.walk(variable(entries.Value()), variable(other), nil)
			continue
		}
		l, r := to[0].MapIndex(key), to[1].MapIndex(key)
		if !l.IsValid() || !r.IsValid() {
			continue // the copies of keys that hold pointers are others
		}
		room := [2]reflect.Value{variable(l), variable(r)}
		p.walk(variable(entries.Value()), variable(other), &room)
		to[0].SetMapIndex(key, room[0])
		to[1].SetMapIndex(key, room[1])
	}
}

// dynamic goes over what two interfaces hold, if that is of one type.
func (p *pairs) dynamic(x, y reflect.Value, to *[2]reflect.Value) {
	if x.IsNil() || y.IsNil() || x.Elem().Type() != y.Elem().Type() {
		return
	}
	if to == nil {
		p.walk(variable(x.Elem()), variable(y.Elem()), nil)
		return
	}
	room := [2]reflect.Value{variable(to[0].Elem()), variable(to[1].Elem())}
	p.walk(variable(x.Elem()), variable(y.Elem()), &room)
	to[0].Set(room[0])
	to[1].Set(room[1])
}

// both is f of both copies, if there are any.
func both(to *[2]reflect.Value, f func(reflect.Value) reflect.Value) *[2]reflect.Value {
	if to == nil {
		return nil
	}
	return &[2]reflect.Value{f(to[0]), f(to[1])}
}

// variable is a new one with a value in it.
func variable(v reflect.Value) reflect.Value {
	room := reflect.New(v.Type()).Elem()
	room.Set(v)
	return room
}

// open is a field of a variable as one that is exported.
func open(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}
