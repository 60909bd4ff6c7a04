package gengopter

import (
	"math"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen"
)

type mixed struct {
	n    int
	u    uint8
	f    float64
	c    complex128
	b    bool
	s    string
	list []int
	m    map[string]int
	p    *int
	any  any
	arr  [2]string
}

// A value is known again by what it holds and by what it points at.
func TestSame(t *testing.T) {
	n, list, m := 1, []int{1, 2}, map[string]int{}
	v := mixed{1, 2, math.NaN(), 1i, true, "s", list, m, &n, list, [2]string{"a", "b"}}
	assert.True(t, same(v, v))
	for name, change := range map[string]func(v *mixed){
		"int":            func(v *mixed) { v.n++ },
		"uint":           func(v *mixed) { v.u++ },
		"float":          func(v *mixed) { v.f = 1 },
		"complex":        func(v *mixed) { v.c = 2 },
		"bool":           func(v *mixed) { v.b = false },
		"string":         func(v *mixed) { v.s = "t" },
		"another slice":  func(v *mixed) { v.list = []int{1, 2} },
		"shorter slice":  func(v *mixed) { v.list = v.list[:1] },
		"another map":    func(v *mixed) { v.m = map[string]int{} },
		"nil map":        func(v *mixed) { v.m = nil },
		"pointer":        func(v *mixed) { v.p = new(int) },
		"interface":      func(v *mixed) { v.any = []int{1, 2} },
		"interface nil":  func(v *mixed) { v.any = nil },
		"interface type": func(v *mixed) { v.any = 3 },
		"array":          func(v *mixed) { v.arr[1] = "c" },
	} {
		w := v
		change(&w)
		assert.False(t, same(v, w), name)
		assert.True(t, same(w, w), name)
	}
}

// Of values that it did not make, a shrinker knows nothing smaller.
func TestStrangersAreNotShrunk(t *testing.T) {
	p := gopter.DefaultGenParameters().CloneWithSeed(1)
	r := Of(gen.Int(500, 1000))(p)
	for _, v := range []any{"another type", -1, nil} {
		_, ok := r.Shrinker(v)()
		assert.False(t, ok)
	}
	own, _ := r.Retrieve()
	_, ok := r.Shrinker(own)()
	assert.True(t, ok)
}
