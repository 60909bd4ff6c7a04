package gen_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/gen/choice"
)

// logged is a type whose state tells what became of it.
func logged() gen.Updates[string, string] {
	return gen.Updates[string, string]{
		Start: func() string { return "" },
		Ops:   gen.OneOf("x", "y"),
		Apply: func(s string, _ int, op string) string { return s + op },
	}
}

func joined(a, b string) string { return "(" + a + "+" + b + ")" }

// A plan is played step by step: what replicas hold, what they have seen, and the states
// there were, old ones among those that are delivered.
func TestPlay(t *testing.T) {
	var moves []gen.Move[string, string]
	o := gen.Play(logged(), joined, gen.Plan[string]{
		{Replica: 0, Op: "a"},
		{Replica: 0, Op: "b"},
		{Replica: 1, Merge: true, From: 0, Back: 1},
		{Replica: 1, Op: "c"},
		{Replica: 0, Merge: true, From: 1},
		{Replica: 2, Merge: true, From: 2, Back: 5},
		{Replica: -1, Merge: true, From: 3, Back: -1},
	}, func(m gen.Move[string, string]) { moves = append(moves, m) })
	assert.Equal(t, [gen.Replicas]string{"(ab+(+a)c)", "(+a)c", "((+)+(ab+(+a)c))"}, o.States)
	assert.Equal(t, [gen.Replicas]uint64{0b111, 0b101, 0b111}, o.Known)
	assert.Equal(t, []gen.Version[string]{
		{"", 0}, {"a", 0b1}, {"ab", 0b11}, {"(+a)", 0b1}, {"(+a)c", 0b101}, {"(ab+(+a)c)", 0b111}, {"(+)", 0}, {"((+)+(ab+(+a)c))", 0b111},
	}, o.Versions)
	if assert.Len(t, o.Events, 3) {
		a, b, c := o.Events[0], o.Events[1], o.Events[2]
		assert.Equal(t, []bool{true, false, true, false}, []bool{b.Saw(a), a.Saw(b), c.Saw(a), c.Saw(b)})
		assert.Equal(t, []gen.Event[string]{a, c}, o.Seen(1))
		assert.Equal(t, []gen.Event[string]{b}, o.Of(0b10))
	}
	if assert.Len(t, moves, 3) {
		assert.Equal(t, "(+a)", moves[2].Before)
		assert.Equal(t, "(+a)c", moves[2].After)
		assert.Equal(t, "(+a)c", moves[2].Delta)
	}
}

func TestLongPlansAreCut(t *testing.T) {
	p := make(gen.Plan[string], gen.MaxSteps+6)
	for i := range p {
		p[i].Op = "x"
	}
	assert.Len(t, gen.Play(logged(), joined, p, nil).Events, gen.MaxSteps)
}

// Plans vary all there is to vary, and each of a scope occurs once.
func TestPlansVary(t *testing.T) {
	g := gen.Plans(logged().Ops, 6)
	seen := map[string]int{}
	for seed := range uint64(300) {
		for _, s := range g(gen.NewDraw(choice.Seeded(seed))) {
			seen["replica"+string(rune('0'+s.Replica))]++
			if s.Merge {
				seen["from"+string(rune('0'+s.From))]++
				seen["back"+string(rune('0'+s.Back))]++
			} else {
				seen[s.Op]++
			}
		}
	}
	for _, what := range []string{"replica0", "replica1", "replica2", "from0", "from1", "from2", "back0", "back1", "back2", "x", "y"} {
		assert.Greater(t, seen[what], 20, what)
	}
	all, complete := gen.Every(gen.Plans(logged().Ops, 2), 10_000)
	assert.True(t, complete)
	distinct := map[string]bool{}
	for _, p := range all {
		text := ""
		for _, s := range p {
			text += s.GoString()
		}
		distinct[text] = true
	}
	assert.Len(t, all, 1+33+33*33)
	assert.Len(t, distinct, len(all))
}

func TestSimplestOfDomains(t *testing.T) {
	d := gen.NewDraw(choice.Benign)
	assert.False(t, gen.OptionOf(gen.Just(1))(d).Some)
	assert.Empty(t, gen.Dots(2, 3)(d))
	negative, positive := 0, 0
	for seed := range uint64(200) {
		switch v := gen.Float64()(gen.NewDraw(choice.Seeded(seed))); {
		case v < 0:
			negative++
		case v > 0:
			positive++
		}
	}
	assert.Greater(t, negative, 20)
	assert.Greater(t, positive, 20)
	assert.Positive(t, gen.Float64()(gen.NewDraw(choice.NewSequence([]uint64{3}))))
}
