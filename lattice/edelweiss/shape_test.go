package edelweiss_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	el "github.com/joinery-go/joinery/lattice/edelweiss"
)

func ruleOf(t *testing.T, text string) el.Rule {
	t.Helper()
	p, err := el.Parse(text)
	require.NoError(t, err)
	return p.Rules[0]
}

func TestCanonical(t *testing.T) {
	const text = `r(x, w, count()) @next :- a(x, _) from y, !b(x), c(x, z) else z = 3, w := add(x, z), v in u, w < 4.`
	r := ruleOf(t, text)
	assert.Equal(t, `r(#0, #3, count()) @next :- a(#0, _) from #1, !b(#0), c(#0, #2) else #2 = 3, #3 := add(#0, #2), #5 in #4, #3 < 4.`,
		r.Canonical())
	assert.Equal(t, text, r.String(), "the rule itself is left alone")
	assert.Equal(t, "r(max(#0)) :- a(#0).", ruleOf(t, "r(max(x)) :- a(x).").Canonical())
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"r(x) :- a(x, y).", "r(p) :- a(p, q).", true},
		{"r(x) :- a(x, y).", "r(y) :- a(y, x).", true},
		{"r(x) :- a(x, y).", "r(y) :- a(x, y).", false},
		{"r(x) :- a(x, x).", "r(x) :- a(x, y).", false},
		{"r(x) :- a(x) from y.", "r(x) :- a(x) from z.", true},
		{"r(x) :- a(x) from y.", "r(x) :- a(x).", false},
		{"r(x) :- a(x) from y.", "r(x) :- a(x) from x.", false},
		{"r(x) :- a(x, 1).", "r(x) :- a(x, 2).", false},
		{`r(x) :- a(x, "#0").`, "r(x) :- a(x, x).", false},
		{"r(x) :- a(x, y), y in x.", "r(x) :- a(x, y), x in y.", false},
	} {
		assert.Equal(t, c.same, ruleOf(t, c.a).Canonical() == ruleOf(t, c.b).Canonical(), "%s %s", c.a, c.b)
	}
}

func TestShapesOfAtoms(t *testing.T) {
	r := ruleOf(t, "r(x, 1, y) :- a(x, y), !a(y, _), b(x), a(x, x) else x = 1, add := x.")
	assert.Equal(t, []int{3, 1, 0, 0}, []int{r.Reads("a"), r.Reads("b"), r.Reads("r"), r.Reads("")})
	put, ok := r.Head.Substitute(map[string]el.Term{"x": el.V("z"), "y": el.Me(), "q": el.V("x")})
	assert.True(t, ok)
	assert.Equal(t, "r(z, 1, self)", put.String())
	_, ok = r.Head.Substitute(map[string]el.Term{"x": el.V("z")})
	assert.False(t, ok)
	none, ok := el.On("r", el.C(el.Number(1))).Substitute(nil)
	assert.True(t, ok, "nothing to put is no failure")
	assert.Equal(t, "r(1)", none.String())
	assert.Equal(t, "r(x, _, _)", r.Head.First(1).String())
	assert.Equal(t, "r(x, 1, y)", r.Head.First(3).String())
	assert.Equal(t, "r(x, 1, y)", r.Head.String(), "the atom itself is left alone")
}
