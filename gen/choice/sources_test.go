package choice_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen/choice"
)

func points(t *rapid.T) []choice.Point {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) choice.Point {
		return choice.Point{
			Site: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "site"),
			Key:  rapid.Uint64().Draw(t, "key"),
			N:    rapid.Uint64Min(1).Draw(t, "n"),
			Rare: rapid.SampledFrom([]uint32{0, 1, choice.Permille(500), choice.Permille(1000)}).Draw(t, "rare"),
		}
	}), 0, 20).Draw(t, "points")
}

// Every source answers below N: law of the Source contract.
func TestAnswersAreInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := points(t)
		raw := rapid.SliceOf(rapid.Uint64()).Draw(t, "answers")
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		for _, src := range []choice.Source{
			choice.NewSequence(raw), choice.FromBytes(data), choice.FromRapid(t),
			choice.Seeded(7), choice.Benign, &choice.Tape{Src: choice.Seeded(8)},
		} {
			for _, p := range ps {
				if v := src.Choose(p); v >= p.N {
					t.Fatalf("%T answered %d of %d", src, v, p.N)
				}
			}
		}
	})
}

// Law: a source with another seed is one made with it, whatever it answered before.
func TestReseededIsSeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var again choice.Source = choice.Benign // none of its own kind
		for range rapid.IntRange(1, 4).Draw(t, "seeds") {
			seed := rapid.Uint64().Draw(t, "seed")
			again = choice.Reseeded(again, seed)
			for range rapid.IntRange(0, 60).Draw(t, "asked") {
				p := choice.Point{Site: rapid.SampledFrom(sitesOfMany).Draw(t, "site"), Key: rapid.Uint64Range(0, 9).Draw(t, "key"), N: 1 << 40}
				require.Equal(t, choice.Seeded(seed).Choose(p), again.Choose(p))
			}
		}
	})
}

// sitesOfMany are more sites than a source remembers.
var sitesOfMany = strings.Split("abcdefghijklmnopqrstuvwxyz", "")

func TestTapeReplaysAsSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := points(t)
		tape := &choice.Tape{Src: choice.Seeded(rapid.Uint64().Draw(t, "seed"))}
		var want []uint64
		for _, p := range ps {
			want = append(want, tape.Choose(p))
		}
		again := choice.NewSequence(tape.Answers)
		var got []uint64
		for _, p := range ps {
			got = append(got, again.Choose(p))
		}
		assert.Equal(t, want, got)
		shorter := choice.NewSequence(again.Used())
		for i, p := range ps {
			assert.Equal(t, want[i], shorter.Choose(p), "the zeros cut off are answered as zeros")
		}
	})
}

func TestSequenceClampsAndEndsInZero(t *testing.T) {
	s := choice.NewSequence([]uint64{9, 1, 4})
	assert.Equal(t, uint64(2), s.Choose(choice.Point{N: 3}))
	assert.Equal(t, uint64(0), s.Choose(choice.Point{N: 1}))
	assert.Equal(t, uint64(4), s.Choose(choice.Point{N: 5}))
	assert.Equal(t, uint64(0), s.Choose(choice.Point{N: 5}))
	assert.Equal(t, []uint64{2, 0, 4}, s.Used())
}

func TestBytes(t *testing.T) {
	s := choice.FromBytes([]byte{7, 1, 1, 0xff, 0xff, 0xff, 0xff, 3})
	assert.Equal(t, uint64(0), s.Choose(choice.Point{N: 1}), "takes no byte")
	assert.Equal(t, uint64(2), s.Choose(choice.Point{N: 5}))
	assert.Equal(t, uint64(257), s.Choose(choice.Point{N: 1000}))
	assert.Equal(t, uint64(4), s.Choose(choice.Point{N: 9, Rare: 1}), "the highest word is rare even at the least odds")
	assert.Equal(t, uint64(0), s.Choose(choice.Point{N: 9}), "the end answers 0")
}

// Rare answers come with about the odds asked for, whatever the source.
func TestRareOdds(t *testing.T) {
	const draws = 400
	p := choice.Point{Site: "rare", N: 4, Rare: choice.Permille(250)}
	fired := 0
	rapid.Check(t, func(t *rapid.T) {
		src := choice.FromRapid(t)
		for range draws {
			if src.Choose(p) != 0 {
				fired++
			}
		}
	})
	// 100 cases (20 with -short) of 400 draws at 1/4: eight standard deviations
	// at 20 cases are ±0.039.
	assert.NotZero(t, fired)
	cases := 100
	if testing.Short() {
		cases = 20
	}
	assert.InDelta(t, 0.25, float64(fired)/float64(cases*draws), 0.04)
}

func TestRapidShrinksToZero(t *testing.T) {
	var last []uint64
	rec := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }() // the recorder's FailNow
		rapid.Check(rec, func(t *rapid.T) {
			src := choice.FromRapid(t)
			got := []uint64{
				src.Choose(choice.Point{Site: "a", N: 1000}),
				src.Choose(choice.Point{Site: "b", N: 8}),
				src.Choose(choice.Point{Site: "c", N: 8, Rare: choice.Permille(300)}),
			}
			if got[0] >= 10 {
				last = got
				t.Fatalf("too large")
			}
		})
	}()
	require.True(t, rec.failed)
	assert.Equal(t, []uint64{10, 0, 0}, last)
}

// recorder is a rapid.TB that fails without failing the test around it.
type recorder struct {
	rapid.TB
	failed bool
}

func (r *recorder) Name() string          { return "recorder" }
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) FailNow()              { r.failed = true; panic("stop") }
func (r *recorder) Failed() bool          { return r.failed }
func (r *recorder) Logf(string, ...any)   {}
func (r *recorder) Log(...any)            {}

func TestExhaustSeesEverySequenceOnce(t *testing.T) {
	seen := map[string]int{}
	calls, complete := choice.Exhaust(1000, func(s choice.Source) bool {
		n := s.Choose(choice.Point{N: 3})
		key := fmt.Sprint(n)
		for range n {
			key += fmt.Sprint(" ", s.Choose(choice.Point{N: 2, Rare: 1}))
		}
		seen[key]++
		return true
	})
	assert.True(t, complete)
	assert.Equal(t, 1+2+4, calls)
	assert.Len(t, seen, calls)
}

func TestExhaustStops(t *testing.T) {
	wide := func(s choice.Source) bool { s.Choose(choice.Point{N: 100}); return true }
	calls, complete := choice.Exhaust(10, wide)
	assert.Equal(t, 10, calls)
	assert.False(t, complete)
	calls, complete = choice.Exhaust(100, wide)
	assert.Equal(t, 100, calls)
	assert.True(t, complete)
	calls, complete = choice.Exhaust(10, func(choice.Source) bool { return false })
	assert.Equal(t, 1, calls)
	assert.False(t, complete)
}

// drawList asks for a length and then for elements, the shape that is hardest to
// shrink: lowering the length must take the right elements away.
func drawList(s choice.Source) []uint64 {
	n := s.Choose(choice.Point{Site: "len", N: 12})
	list := make([]uint64, n)
	for i := range list {
		list[i] = s.Choose(choice.Point{Site: "elem", N: 1 << 20})
	}
	return list
}

func hasInversion(list []uint64) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1] > list[i] {
			return true
		}
	}
	return false
}

func TestMinimiseFindsTheLeastList(t *testing.T) {
	for seed := range uint64(50) {
		tape := &choice.Tape{Src: choice.Seeded(seed)}
		if !hasInversion(drawListKeyed(tape)) {
			continue
		}
		m := choice.Minimise(tape.Answers, 5000, func(s choice.Source) bool { return hasInversion(drawList(s)) })
		assert.True(t, m.Settled, "seed %d", seed)
		assert.Equal(t, []uint64{1, 0}, drawList(choice.NewSequence(m.Tape)), "seed %d, tape %v", seed, m.Tape)
	}
}

func drawListKeyed(s choice.Source) []uint64 {
	key := uint64(0)
	return drawList(sourceFunc(func(p choice.Point) uint64 {
		key++
		p.Key = key
		return s.Choose(p)
	}))
}

type sourceFunc func(choice.Point) uint64

func (f sourceFunc) Choose(p choice.Point) uint64 { return f(p) }

// A tape of thousands of answers gets short in few replays, which leaves the others to
// what is hard: each element asks first whether there is one more.
func TestMinimiseShortensLongTapes(t *testing.T) {
	draw := func(s choice.Source) (list []uint64) {
		for s.Choose(choice.Point{N: 1000}) > 0 {
			list = append(list, s.Choose(choice.Point{N: 1 << 20}))
		}
		return list
	}
	long := 0
	for seed := range uint64(50) {
		tape := &choice.Tape{Src: choice.Seeded(seed)}
		key := uint64(0)
		list := draw(sourceFunc(func(p choice.Point) uint64 {
			key++
			p.Key = key
			return tape.Choose(p)
		}))
		if len(list) < 1000 {
			continue
		}
		long++
		m := choice.Minimise(tape.Answers, 200, func(s choice.Source) bool { return hasInversion(draw(s)) })
		assert.LessOrEqual(t, len(draw(choice.NewSequence(m.Tape))), 3, "seed %d", seed)
	}
	assert.Greater(t, long, 5)
}

// An answer gets smaller where another one must get larger for it, at whatever distance, and where what
// follows must get shorter.
func TestMinimiseTrades(t *testing.T) {
	for name, c := range map[string]struct {
		from, least []uint64
		fails       func(choose func(n uint64) uint64) bool
	}{
		"the next one gets larger": {[]uint64{1, 0}, []uint64{0, 10}, func(choose func(uint64) uint64) bool {
			tens, ones := choose(3), choose(50)
			return 10*tens+ones >= 10
		}},
		"a later one gets larger": {[]uint64{1, 0, 0, 0}, []uint64{0, 0, 0, 10}, func(choose func(uint64) uint64) bool {
			tens, x, y, ones := choose(3), choose(3), choose(3), choose(50)
			return 10*tens+ones >= 10 && x == y
		}},
		"two in a row": {[]uint64{0, 1, 0, 0}, []uint64{0, 0, 0, 10}, func(choose func(uint64) uint64) bool {
			hundreds, tens, x, ones := choose(3), choose(3), choose(3), choose(50)
			return 100*hundreds+10*tens+ones >= 10 && x == 0
		}},
		"one number instead of two": {[]uint64{1, 6, 6}, []uint64{0, 12}, func(choose func(uint64) uint64) bool {
			if choose(2) == 1 {
				return choose(7)+choose(7) >= 12
			}
			return choose(100) >= 12
		}},
		"one number instead of four": {[]uint64{1, 6, 6, 6, 6}, []uint64{0, 24}, func(choose func(uint64) uint64) bool {
			if choose(2) == 1 {
				return choose(7)+choose(7)+choose(7)+choose(7) >= 24
			}
			return choose(100) >= 24
		}},
		"what is left out lies further on": {[]uint64{1, 1, 6, 6}, []uint64{0, 1, 12}, func(choose func(uint64) uint64) bool {
			two, kept := choose(2), choose(3)
			if two == 1 {
				return kept == 1 && choose(7)+choose(7) >= 12
			}
			return kept == 1 && choose(100) >= 12
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := choice.Minimise(c.from, 5000, func(s choice.Source) bool {
				return c.fails(func(n uint64) uint64 { return s.Choose(choice.Point{N: n}) })
			})
			assert.Equal(t, c.least, m.Tape)
		})
	}
}

// Each way of making a tape smaller does what no other does.
func TestMinimiseInEachWay(t *testing.T) {
	for name, c := range map[string]struct {
		from, least []uint64
		fails       func(choose func(n uint64) uint64) bool
	}{
		"a short run is left out": {[]uint64{1, 3, 1, 5, 1, 4}, []uint64{1, 5}, func(choose func(uint64) uint64) bool {
			found := false
			for choose(2) == 1 {
				found = choose(10) == 5 || found
			}
			return found
		}},
		"answers change places": {[]uint64{7, 3}, []uint64{3, 7}, func(choose func(uint64) uint64) bool {
			a, b := choose(10), choose(10)
			return a == 7 && b == 3 || a == 3 && b == 7
		}},
		"equal answers stay equal": {[]uint64{9, 9}, []uint64{3, 3}, func(choose func(uint64) uint64) bool {
			a, b := choose(10), choose(10)
			return a == b && a >= 3
		}},
		"one gets smaller and the last none": {[]uint64{2, 0, 9}, []uint64{1}, func(choose func(uint64) uint64) bool {
			a, b, c := choose(10), choose(10), choose(10)
			return a == 2 && b == 0 && c == 9 || a == 1 && b == 0 && c == 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := choice.Minimise(c.from, 5000, func(s choice.Source) bool {
				return c.fails(func(n uint64) uint64 { return s.Choose(choice.Point{N: n}) })
			})
			assert.Equal(t, c.least, m.Tape)
		})
	}
}

func TestMinimiseKeepsItsBound(t *testing.T) {
	calls := 0
	tape := []uint64{5, 5, 5, 5, 5, 5}
	m := choice.Minimise(tape, 7, func(s choice.Source) bool {
		calls++
		for range 6 {
			s.Choose(choice.Point{N: 10})
		}
		return false
	})
	assert.Equal(t, 7, calls)
	assert.Equal(t, 7, m.Replays)
	assert.False(t, m.Settled)
	assert.Equal(t, tape, m.Tape, "nothing was accepted")
	assert.Equal(t, []uint64{5, 5, 5, 5, 5, 5}, tape)
}

func ExampleMinimise() {
	anyOver40 := func(s choice.Source) bool {
		found := false
		for range 4 {
			found = s.Choose(choice.Point{Site: "term", N: 100}) > 40 || found
		}
		return found
	}
	m := choice.Minimise([]uint64{21, 7, 0, 80}, 1000, anyOver40)
	fmt.Println(m.Tape, m.Settled)
	// Output: [0 0 0 41] true
}

func ExampleExhaust() {
	calls, complete := choice.Exhaust(100, func(s choice.Source) bool {
		if s.Choose(choice.Point{Site: "crash", N: 2}) == 1 {
			fmt.Println("crash before operation", s.Choose(choice.Point{Site: "when", N: 2}))
		} else {
			fmt.Println("no crash")
		}
		return true
	})
	fmt.Println(calls, complete)
	// Output:
	// no crash
	// crash before operation 0
	// crash before operation 1
	// 3 true
}
