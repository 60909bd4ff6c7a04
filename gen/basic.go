package gen

import "math"

// Integer is any type whose underlying type is a Go integer.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// smallSpan is the number of values that a wide range prefers.
const smallSpan = 8

// Int draws from lo to hi, both included, lo ≤ hi. The simplest value is the one
// nearest to zero. In ranges of 16 values or more, half of the draws are among the
// eight simplest.
func Int[I Integer](lo, hi I) Gen[I] {
	if lo > hi {
		lo, hi = hi, lo
	}
	width := uint64(hi) - uint64(lo) // number of values less one
	origin := lo
	if lo < 0 {
		origin = min(0, hi)
	}
	up, down := uint64(hi)-uint64(origin), uint64(origin)-uint64(lo)
	return func(d *Draw) I {
		var n uint64
		if width < 2*smallSpan {
			n = d.Choose("int", width+1)
		} else {
			n = wide(d, width)
		}
		return origin + outward[I](n, up, down)
	}
}

// wide draws one of width+1 numbers with a liking for small ones.
func wide(d *Draw, width uint64) uint64 {
	switch {
	case d.Choose("int.how", 2) == 0:
		return d.Choose("int", smallSpan)
	case width == math.MaxUint64:
		return d.Choose("int", 1<<63)<<1 | d.Choose("int.low", 2)
	}
	return d.Choose("int", width+1)
}

// outward maps 0, 1, 2, … to offsets 0, 1, −1, 2, −2, … as far as both sides
// reach and from there on along the longer side.
func outward[I Integer](n, up, down uint64) I {
	near := min(up, down)
	if n <= 2*near {
		half := I((n + 1) / 2)
		if n%2 == 1 {
			return half
		}
		return -half
	}
	if up > down {
		return I(n - near)
	}
	return -I(n - near)
}

// Bool draws false or true; false is simplest.
func Bool() Gen[bool] {
	return func(d *Draw) bool { return d.Choose("bool", 2) == 1 }
}

// Just always makes v, which must not hold mutable state.
func Just[T any](v T) Gen[T] { return func(*Draw) T { return v } }

// OneOf picks one of vs, which must not hold mutable state; the first is simplest.
// It needs at least one.
func OneOf[T any](first T, rest ...T) Gen[T] {
	vs := append([]T{first}, rest...)
	return func(d *Draw) T { return vs[d.Index("oneof", len(vs))] }
}

// Either draws from one of gs; the first is simplest. It needs at least one.
func Either[T any](first Gen[T], rest ...Gen[T]) Gen[T] {
	gs := append([]Gen[T]{first}, rest...)
	return func(d *Draw) T { return gs[d.Index("either", len(gs))](d) }
}

// Map makes values of U out of values of T.
func Map[T, U any](g Gen[T], f func(T) U) Gen[U] {
	return func(d *Draw) U { return f(g(d)) }
}

// String draws strings of at most maxLen runes of the alphabet; the empty string
// is simplest, and the first rune the simplest rune. A small alphabet and length
// make ties and prefixes likely.
func String(alphabet string, maxLen int) Gen[string] {
	runes := []rune(alphabet)
	return func(d *Draw) string {
		if len(runes) == 0 {
			return ""
		}
		s := make([]rune, d.Index("string.len", maxLen+1))
		for i := range s {
			s[i] = runes[d.Index("string.rune", len(runes))]
		}
		return string(s)
	}
}

// Float64 draws small numbers, some with a fraction, of either sign, and now and
// then very large and very small ones. 0 is simplest. It draws neither NaN nor
// infinities nor −0: see [Float64Any].
func Float64() Gen[float64] {
	return func(d *Draw) float64 {
		v := float64(d.Choose("float.int", 6))
		v += float64(d.Choose("float.frac", 4)) / 4
		switch d.ChooseRare("float.scale", 3, 100) {
		case 1:
			v *= 1e9
		case 2:
			v *= math.SmallestNonzeroFloat64
		}
		if d.Choose("float.sign", 2) == 1 && v != 0 {
			v = -v
		}
		return v
	}
}

// Float64Any is [Float64] with NaN, +Inf, −Inf and −0 in a fifth of the draws.
func Float64Any() Gen[float64] {
	plain := Float64()
	special := []float64{math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN()}
	return func(d *Draw) float64 {
		if i := d.ChooseRare("float.special", uint64(len(special))+1, 200); i > 0 {
			return special[i-1]
		}
		return plain(d)
	}
}
