package gen

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

// everything is a generator of each kind that rapid has, as strings.
func everything() map[string]*rapid.Generator[string] {
	type tree struct {
		N    int
		Kids []tree
	}
	var trees *rapid.Generator[tree]
	trees = rapid.Custom(func(t *rapid.T) tree {
		return tree{rapid.Int().Draw(t, "n"), rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[tree] { return trees }), 0, 1).Draw(t, "kids")}
	})
	show := func(g any) *rapid.Generator[string] {
		switch g := g.(type) {
		case *rapid.Generator[int]:
			return rapid.Map(g, func(v int) string { return fmt.Sprint(v) })
		case *rapid.Generator[uint64]:
			return rapid.Map(g, func(v uint64) string { return fmt.Sprint(v) })
		case *rapid.Generator[float64]:
			return rapid.Map(g, func(v float64) string { return fmt.Sprint(v) })
		case *rapid.Generator[[]int]:
			return rapid.Map(g, func(v []int) string { return fmt.Sprint(v) })
		case *rapid.Generator[map[string]int]:
			return rapid.Map(g, func(v map[string]int) string { return fmt.Sprint(v) })
		case *rapid.Generator[*int]:
			return rapid.Map(g, func(v *int) string { return fmt.Sprint(v == nil) })
		case *rapid.Generator[tree]:
			return rapid.Map(g, func(v tree) string { return fmt.Sprint(v) })
		}
		panic(fmt.Sprintf("no way to show %T", g))
	}
	return map[string]*rapid.Generator[string]{
		"int": show(rapid.Int()), "range": show(rapid.IntRange(-5, 500)), "uint64": show(rapid.Uint64()), "float": show(rapid.Float64()),
		"string": rapid.String(), "regexp": rapid.StringMatching(`[a-z]{1,8}@(x|yy)+`), "runes": rapid.StringOfN(rapid.RuneFrom([]rune("äbc")), 0, 5, -1),
		"slice": show(rapid.SliceOf(rapid.Int())), "distinct": show(rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 6, rapid.ID[int])),
		"map": show(rapid.MapOf(rapid.StringN(0, 3, -1), rapid.Int())), "permutation": show(rapid.Permutation([]int{1, 2, 3, 4})),
		"sampled": rapid.SampledFrom([]string{"a", "b", "c"}), "one of": rapid.OneOf(rapid.String(), rapid.Just("x")),
		"filter": show(rapid.Int().Filter(func(n int) bool { return n%2 == 0 })), "pointer": show(rapid.Ptr(rapid.Int(), true)),
		"deferred": show(trees), "custom": rapid.Custom(func(t *rapid.T) string { return rapid.String().Draw(t, "a") + rapid.String().Draw(t, "b") }),
		"ours inside": rapid.Map(Rapid(SliceOf(FromRapid(rapid.Int()), 3)), func(v []int) string { return fmt.Sprint(v) }),
	}
}

// drawn is draw from words that were looked at.
func drawn[T any](words []uint64, g *rapid.Generator[T]) (v T, used int, err error) {
	var w lookahead
	w.begin(&Draw{src: choice.NewSequence(words)}, "words")
	w.peek, _ = choice.CanPeek(w.d.src)
	w.first(len(words))
	return draw(&w, g)
}

// The fast way and rapid's own door draw the same values and use as many words.
func TestWaysOfDrawingAgree(t *testing.T) {
	require.True(t, fastEnough(), "rapid is made in another way: draw would use its slow door")
	for name, g := range everything() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(100) {
				words := make([]uint64, 400)
				choice.Seeded(seed).(choice.Peeker).Peek("words", 0, 0, words)
				fast, used, err := drawn(words, g)
				slow, usedSlowly, errSlowly := drawSlowly(words, g)
				require.Equal(t, errSlowly, err, "seed %d", seed)
				if err != nil {
					continue
				}
				require.Equal(t, slow, fast, "seed %d", seed)
				require.Equal(t, usedSlowly, used, "seed %d", seed)
				_, _, err = drawn(words[:used-1], g)
				require.Equal(t, errOverrun, err, "seed %d: one word fewer", seed)
				again, _, err := drawn(words[:used], g)
				require.NoError(t, err)
				require.Equal(t, fast, again, "seed %d: just the words that were used", seed)
			}
		})
	}
}

// A value is drawn from any source, and the tape that records it draws it again.
func TestFromRapidDrawsFromAnySource(t *testing.T) {
	for name, rg := range everything() {
		g := FromRapid(rg)
		for seed := range uint64(50) {
			tape := choice.Tape{Src: choice.Seeded(seed)}
			d := NewDraw(&tape)
			v := g(d)
			if d.Err() != nil {
				require.ErrorIs(t, d.Err(), ErrNoValue, name)
				continue
			}
			after := d.Choose("after", 1000)
			again := NewDraw(choice.NewSequence(tape.Answers))
			require.Equal(t, v, g(again), "%s, seed %d", name, seed)
			require.Equal(t, after, again.Choose("after", 1000), "%s, seed %d: what follows stays in place", name, seed)
			require.Equal(t, Example(g, seed), Example(g, seed))
			opaque := NewDraw(struct{ choice.Source }{choice.NewSequence(tape.Answers)})
			require.Equal(t, v, g(opaque), "%s, seed %d: a source that cannot tell in advance", name, seed)
			require.NoError(t, opaque.Err(), "%s, seed %d", name, seed)
			opaque.Reset(struct{ choice.Source }{choice.NewSequence(tape.Answers)})
			require.Equal(t, v, g(opaque), "%s, seed %d: nothing is left of what was looked at before", name, seed)
		}
	}
}

func TestGeneratorsThatGiveUp(t *testing.T) {
	for name, c := range map[string]struct {
		g    *rapid.Generator[int]
		says string
		is   error
	}{
		"nothing passes": {g: rapid.Int().Filter(func(int) bool { return false }), is: ErrNoValue},
		"panic":          {g: rapid.Custom(func(t *rapid.T) int { rapid.Int().Draw(t, "n"); panic("boom") }), says: "generator panicked: boom"},
		"fatal":          {g: rapid.Custom(func(t *rapid.T) int { rapid.Int().Draw(t, "n"); t.Fatalf("no"); return 0 }), says: "generator panicked: no"},
		"no end": {g: rapid.Custom(func(t *rapid.T) int {
			for {
				rapid.Int().Draw(t, "n")
			}
		}), is: ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDraw(choice.Seeded(1))
			FromRapid(c.g)(d)
			require.Error(t, d.Err())
			if c.is != nil {
				assert.ErrorIs(t, d.Err(), c.is)
			} else {
				assert.ErrorContains(t, d.Err(), c.says)
			}
			d.Reset(choice.Seeded(2))
			FromRapid(rapid.Int())(d)
			assert.NoError(t, d.Err(), "the next value is drawn as if nothing had been")
		})
	}
}

// Every spliced value is one that its answers alone draw, and parts tie while others
// differ.
func TestSplicedValuesCanBeDrawn(t *testing.T) {
	type pair struct{ A, B int }
	g := FromRapid(rapid.Custom(func(t *rapid.T) pair { return pair{rapid.Int().Draw(t, "a"), rapid.Int().Draw(t, "b")} }))
	ties := 0
	for seed := range uint64(1000) {
		tape := choice.Tape{Src: choice.Seeded(seed)}
		d := NewDraw(&tape)
		tuple := make([]pair, 3)
		Spliced(g)(d, tuple)
		again := make([]pair, 3)
		d.Reset(choice.NewSequence(tape.Answers))
		d.KeepPlain()
		Spliced(g)(d, again)
		require.Equal(t, tuple, again, "seed %d", seed)
		plain := append([]uint64(nil), d.Plain()...)
		Spliced(g)(NewDraw(choice.NewSequence(plain)), again)
		require.Equal(t, tuple, again, "seed %d: drawn apart by the same answers", seed)
		if (tuple[0].A == tuple[1].A) != (tuple[0].B == tuple[1].B) {
			ties++
		}
	}
	assert.Greater(t, ties, 250)
}

// A generator that panics on words that are missing, where zeros stand for them, is given
// more, and not blamed.
func TestPanicsOnMissingWordsAreNone(t *testing.T) {
	g := rapid.Custom(func(t *rapid.T) int {
		for range 20 {
			if rapid.Uint64().Draw(t, "n") == 0 {
				panic("zero")
			}
		}
		return 1
	})
	failed := 0
	for seed := range uint64(60) {
		d := NewDraw(choice.Seeded(seed))
		FromRapid(g)(d)
		words := make([]uint64, 400)
		choice.Seeded(seed).(choice.Peeker).Peek("rapid", 1, 0, words)
		_, _, err := drawSlowly(words, g)
		require.Equal(t, err, d.Err(), "seed %d", seed)
		if err != nil {
			failed++
		}
	}
	assert.Greater(t, failed, 0)
	assert.Less(t, failed, 60)
}
