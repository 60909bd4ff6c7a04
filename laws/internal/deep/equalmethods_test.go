//lint:file-ignore U1000 what is never used here is read by reflection

package deep_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// celsius has its equality on its pointers; near takes anything; like an interface.
type celsius struct{ milli int }

func (c *celsius) Equal(d *celsius) bool { return c.milli/1000 == d.milli/1000 }

type near struct{ n int }

func (a near) Equal(b any) bool { c, ok := b.(near); return ok && a.n/10 == c.n/10 }

type shape interface{ Area() int }

type like struct{ w, h int }

func (l *like) Area() int          { return l.w * l.h }
func (l *like) Equal(s shape) bool { return l.Area() == s.Area() }

type sameValue struct{ n int }

func (s *sameValue) Equal(t sameValue) bool { return s.n%7 == t.n%7 }

func TestMethodsEqualAreHonoured(t *testing.T) {
	type state struct {
		temp  celsius
		near  []near
		like  *like
		value map[string]sameValue
	}
	a := state{celsius{1001}, []near{{11}}, &like{2, 6}, map[string]sameValue{"a": {1}}}
	b := state{celsius{1999}, []near{{19}}, &like{3, 4}, map[string]sameValue{"a": {8}}}
	eq := deep.EqualFunc[state]()
	assert.True(t, eq(&a, &b))
	for _, change := range []func(*state){
		func(s *state) { s.temp.milli = 2000 }, func(s *state) { s.near[0].n = 20 },
		func(s *state) { s.like.h++ }, func(s *state) { s.value["a"] = sameValue{2} },
	} {
		c := deep.Clone(b)
		change(&c)
		assert.False(t, eq(&a, &c))
	}
}

// hands is a set of digits whose bits above the tenth say how it came about.
type hands struct{ bits int }

func (h *hands) Equals(o any) bool {
	other, ok := o.(*hands)
	return ok && h.bits&1023 == other.bits&1023
}

// exact has an Equal, which counts, and an Equals beside it.
type exact struct{ n int }

func (e exact) Equal(o exact) bool  { return e.n == o.n }
func (e exact) Equals(o exact) bool { return true }

// asked has an Equals of a form that is the equality of no type.
type asked struct{ n int }

func (a asked) Equals(n int) bool { return a.n == n }

// A method Equals is the equality of a type without an Equal, as it is in packages of
// bitmaps and others.
func TestMethodsEqualsAreHonoured(t *testing.T) {
	type state struct {
		hands *hands
		exact exact
	}
	eq := deep.EqualFunc[state]()
	a, b := state{&hands{1024 + 5}, exact{1}}, state{&hands{2048 + 5}, exact{1}}
	assert.True(t, eq(&a, &b))
	assert.False(t, eq(&a, &state{&hands{6}, exact{1}}))
	assert.False(t, eq(&a, &state{&hands{5}, exact{2}}))
	assert.Empty(t, deep.IgnoredEquals(reflect.TypeFor[state]()))
	assert.Equal(t, []string{"Equals of deep_test.asked: func(int) bool"}, deep.IgnoredEquals(reflect.TypeFor[[]asked]()))
}
