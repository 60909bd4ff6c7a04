package deep

import (
	"bytes"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func built(text string) *strings.Builder {
	b := new(strings.Builder)
	b.WriteString(text)
	return b
}

// read is a buffer of which some was read.
func read(text string, n int) *bytes.Buffer {
	b := bytes.NewBufferString(text)
	b.Next(n)
	return b
}

// Values of the standard library that are one value in several forms are equal, without a
// method Equal.
func TestStandIns(t *testing.T) {
	sum := new(big.Rat).Add(new(big.Rat), big.NewRat(0, 7))
	rounded, _ := new(big.Float).SetPrec(100).SetInt64(3).Int(nil)
	for name, c := range map[string]struct {
		a, b  any
		equal bool
	}{
		"rat 0 as zero value and as sum": {&big.Rat{}, sum, true},
		"rat":                            {big.NewRat(1, 2), big.NewRat(2, 4), true},
		"rats that differ":               {big.NewRat(1, 2), big.NewRat(1, 3), false},
		"float of other precision":       {new(big.Float).SetPrec(53).SetInt64(3), new(big.Float).SetPrec(100).SetInt64(3), true},
		"floats that differ":             {big.NewFloat(1), big.NewFloat(-1), false},
		"int":                            {big.NewInt(3), rounded, true},
		"ints that differ":               {big.NewInt(3), big.NewInt(-3), false},
		"builder written to":             {new(strings.Builder), built(""), true},
		"builder":                        {built("ab"), built("ab"), true},
		"builders that differ":           {built("ab"), built("ba"), false},
		"buffer read from":               {read("xxab", 2), read("ab", 0), true},
		"buffers that differ":            {read("xab", 1), read("ab", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			typ := Of(anyType)
			assert.Equal(t, c.equal, typ.EqualAt(unsafe.Pointer(&c.a), unsafe.Pointer(&c.b)))
			assert.Equal(t, c.equal, typ.EqualAt(unsafe.Pointer(&c.b), unsafe.Pointer(&c.a)))
		})
	}
}

// A method Cmp of somebody else's may look at a part of the values.
func TestCmpIsNotEqual(t *testing.T) {
	eq := EqualFunc[stamped]()
	assert.False(t, eq(&stamped{1, "x"}, &stamped{1, "y"}))
}

type stamped struct {
	at   int
	text string
}

func (s *stamped) Cmp(o *stamped) int { return s.at - o.at }

// Channels are equal where they are the same.
func TestChannels(t *testing.T) {
	type worker struct{ Done chan struct{} }
	assert.NoError(t, Of(reflect.TypeFor[worker]()).Check())
	done, other := make(chan struct{}), make(chan struct{})
	eq := EqualFunc[worker]()
	assert.True(t, eq(&worker{done}, &worker{done}))
	assert.False(t, eq(&worker{done}, &worker{other}))
	kept := Clone(worker{done})
	assert.True(t, eq(&kept, &worker{done}))
}

// Differences in the values of a map are told from a to b, as others are.
func TestDifferencesInMapsKeepTheirSides(t *testing.T) {
	a, b := map[string]int{"k": 1, "only a": 1}, map[string]int{"k": 2}
	d := Of(reflect.TypeFor[map[string]int]()).DifferencesAt(unsafe.Pointer(&a), unsafe.Pointer(&b), DifferenceOptions{})
	assert.Equal(t, [][2]string{{"1", "2"}}, sidesOf(d, `["k"]`))
}

func sidesOf(d Differences, path string) (sides [][2]string) {
	for _, p := range d.Places {
		if p.Path == path {
			sides = append(sides, [2]string{p.A, p.B})
		}
	}
	return sides
}

// Parts of complex numbers that are no constants print as arguments of the builtin.
func TestLiteralOfComplexNaN(t *testing.T) {
	v := complex(1, math.NaN())
	assert.Equal(t, "complex(1, math.NaN())", Literal(v))
}

type ring struct {
	Name string
	Next *ring
}

// What is not opened is nil, with the reason: the literal compiles.
func TestLiteralOfCycleCompiles(t *testing.T) {
	r := &ring{Name: "a"}
	r.Next = r
	assert.Equal(t, `&deep.ring{Name: "a", Next: nil /* a cycle */}`, Literal(r))
}

func TestLiteralOfBigInt(t *testing.T) {
	assert.Equal(t, "big.NewInt(-5)", Literal(big.NewInt(-5)))
	assert.NotContains(t, Literal(new(big.Int).Lsh(big.NewInt(1), 80)), "NewInt")
}
