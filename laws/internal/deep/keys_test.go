//lint:file-ignore U1000 what is never used here is read by reflection

package deep_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/laws/internal/deep"
)

// Keys that only the values of their own entries tell: a registry by pointer.
func TestKeysThatTheirOwnValuesTell(t *testing.T) {
	type entry struct{ N int }
	type state struct {
		Registry map[*entry]*entry
		Ranked   []map[*int][1][3]*int
		Rev      int
	}
	one, two, n := &entry{1}, &entry{1}, new(int)
	s := state{map[*entry]*entry{one: one, two: two}, []map[*int][1][3]*int{{n: {{nil, n}}}}, 1}
	c := agrees(t, s)
	of := deep.Of(reflect.TypeFor[state]())
	for _, memory := range []bool{false, true} {
		o := deep.DifferenceOptions{Memory: memory}
		assert.Equal(t, "no difference", of.Differences(s, c, o).String())
		other := deep.Clone(s)
		other.Rev++
		said := of.Differences(s, other, o)
		assert.Len(t, said.Places, 1, "%v", said)
		assert.Equal(t, ".Rev", said.Places[0].Path)
		other = deep.Clone(s)
		for _, e := range other.Registry {
			e.N++
			break
		}
		assert.False(t, of.Equal(s, other))
		assert.NotEmpty(t, of.Differences(s, other, o).Places)
	}
	two.N = 2
	swapped := state{map[*entry]*entry{one: two, two: one}, s.Ranked, 1}
	assert.False(t, of.Equal(s, swapped), "keys that are the same")
}

// Keys that point to memory which equality does not look at: beyond the length of a slice, and behind
// an Equal method.
func TestKeysIntoMemoryThatIsNotCompared(t *testing.T) {
	type state struct {
		Items []int
		Temp  kelvin
		Of    map[*int]string
	}
	items, inner := []int{1, 2, 3}, new(int)
	s := state{items[:1], kelvin{1, inner}, map[*int]string{&items[2]: "spare", inner: "behind"}}
	c := agrees(t, s)
	assert.Equal(t, "spare", c.Of[&c.Items[:3][2]])
	other := deep.Clone(s)
	other.Of[&other.Items[:3][2]] = "else"
	eq := deep.EqualFunc[state]()
	assert.False(t, eq(&s, &other))
}

type kelvin struct {
	n    int
	note *int
}

func (k kelvin) Equal(l kelvin) bool { return k.n == l.n }
