package laws_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
)

// script is a case that no merge is about.
type script struct{ words []string }

func scriptLaw(id string, holds func(s script) bool) laws.Law[script] {
	return laws.Law[script]{
		ID: id, Statement: "a script " + id, Arity: 1,
		Eval: func(_ *laws.Probe[script], x []script) laws.Outcome {
			switch {
			case len(x[0].words) == 0:
				return laws.Vacuous
			case holds(x[0]):
				return laws.Holds
			}
			return laws.Fails
		},
		Explain: func(p *laws.Probe[script], x []script) laws.Sides {
			return laws.Sides{"the script", p.Show(x[0]), "it", "is long"}
		},
	}
}

var scripts gen.Source[script] = gen.Independent(func(d *gen.Draw) script {
	return script{make([]string, d.Index("len", 5))}
})

func TestCustomSet(t *testing.T) {
	c := laws.Custom[script]{
		Name: "script", Absent: []laws.Absence{{ID: "script/rare", Why: "nobody asked"}},
		Laws: []laws.Law[script]{
			scriptLaw("script/short", func(s script) bool { return len(s.words) < 3 }),
			scriptLaw("script/any", func(script) bool { return true }),
		},
		Show: func(s script) string { return strings.Repeat("w", len(s.words)) },
	}
	r := laws.Run(laws.CustomSet(c, laws.Equal(func(a, b int) bool { return a == b })), scripts, laws.RunOptions{Seed: 1})
	require.NoError(t, r.Err)
	assert.Equal(t, []string{"script/short"}, r.Failing())
	assert.Equal(t, c.Absent, r.Absent)
	short, _ := r.Result("script/short")
	assert.Equal(t, []laws.Binding{{Name: "a", Value: "www"}}, short.Failure.Where, "shown and made smaller")
	assert.Equal(t, "www", short.Failure.Left)

	c.Err = assert.AnError
	assert.ErrorIs(t, laws.Run(laws.CustomSet(c), scripts, laws.RunOptions{}).Err, assert.AnError)

	shown := laws.Show(func(script) string { return "mine" })
	c.Err, c.Show = nil, nil
	r = laws.Run(laws.CustomSet(c, shown), scripts, laws.RunOptions{Seed: 1})
	short, _ = r.Result("script/short")
	assert.Equal(t, "mine", short.Failure.Left)
}

func TestProbeOf(t *testing.T) {
	p, err := laws.ProbeOf[[]int](laws.Show(func([]int) string { return "list" }))
	require.NoError(t, err)
	v := []int{1}
	before := p.Fingerprint(&v)
	c := p.Copy(v)
	c[0] = 2
	assert.Equal(t, before, p.Fingerprint(&v))
	assert.False(t, p.Equal(v, c))
	assert.True(t, p.Equal(nil, []int{}))
	assert.Equal(t, "list", p.Show(v))

	_, err = laws.ProbeOf[int](laws.Show(func([]int) string { return "list" }))
	require.ErrorIs(t, err, laws.ErrSetup)
	_, err = laws.ProbeOf[func()]()
	require.ErrorIs(t, err, laws.ErrSetup)
}

func TestOptionOf(t *testing.T) {
	assert.Equal(t, reflect.TypeFor[int](), laws.State(func(i int) any { return i }).Of())
	assert.Equal(t, reflect.TypeFor[string](), laws.Show(func(s string) string { return s }).Of())
	assert.Nil(t, laws.Cases(3).Of())
	assert.Nil(t, laws.Option{}.Of())
}

// What of a value is state may be said of either end of a function.
func TestStateOfTheOtherEnd(t *testing.T) {
	type noted struct{ N, Note int }
	largest := func(a, b int) int { return max(a, b) }
	calls := 0
	f := func(n int) noted { calls++; return noted{n, calls} }
	set := laws.MorphismFunc(f, largest, func(a, b noted) noted { return noted{max(a.N, b.N), 0} }, laws.State(func(n noted) any { return n.N }))
	r := laws.Run(set, gen.Independent(gen.FromRapid(rapid.IntRange(0, 9))), laws.RunOptions{Seed: 1})
	assert.True(t, r.OK(), "%v", r)
}
