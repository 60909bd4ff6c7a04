package gopterlaws_test

import (
	"maps"
	"reflect"
	"testing"

	"github.com/leanovate/gopter"
	ggen "github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"
	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/laws"
	"github.com/joinery-go/joinery/laws/gopterlaws"
)

// quiet is a test that drops what rapid logs about each passed run.
type quiet struct{ *testing.B }

func (quiet) Logf(string, ...any) {}

// contest is one law of one merge with the same distribution written for rapid, for
// gopter and in choices: up to three entries of three keys and ten values, or a
// register of ten times and four texts, each pair drawn independently.
type contest[S any] struct {
	merge  func(a, b S) S
	equal  func(a, b S) bool
	rapid  *rapid.Generator[S]
	gopter gopter.Gen
	gen    gen.Gen[S]
}

func mapOfMax() contest[map[string]int] {
	type state = map[string]int
	return contest[state]{
		merge: func(a, b state) state {
			j := make(state, max(len(a), len(b)))
			maps.Copy(j, a)
			for k, n := range b {
				if have, ok := j[k]; !ok || n > have {
					j[k] = n
				}
			}
			return j
		},
		equal: maps.Equal[state, state],
		rapid: rapid.Custom(func(t *rapid.T) state {
			n := rapid.IntRange(0, 3).Draw(t, "len")
			m := make(state, n)
			for range n {
				k := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
				m[k] = rapid.IntRange(0, 9).Draw(t, "value")
			}
			return m
		}),
		gopter: func(p *gopter.GenParameters) *gopter.GenResult {
			return gopterMaps(p.WithSize(4)) // an exclusive bound
		},
		gen: gen.MapOf(gen.OneOf("a", "b", "c"), gen.Int(0, 9), 3),
	}
}

var gopterMaps = ggen.MapOf(ggen.OneConstOf("a", "b", "c"), ggen.IntRange(0, 9))

func register() contest[lww] {
	time, value := gen.Int(0, 9), gen.OneOf("", "x", "y", "z")
	return contest[lww]{
		merge: func(a, b lww) lww {
			if b.Time > a.Time || b.Time == a.Time && b.Value > a.Value {
				return b
			}
			return a
		},
		equal: func(a, b lww) bool { return a == b },
		rapid: rapid.Custom(func(t *rapid.T) lww {
			at := rapid.IntRange(0, 9).Draw(t, "time")
			return lww{at, rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "value")}
		}),
		gopter: ggen.Struct(reflect.TypeFor[lww](), map[string]gopter.Gen{
			"Time": ggen.IntRange(0, 9), "Value": ggen.OneConstOf("", "x", "y", "z"),
		}),
		gen: func(d *gen.Draw) lww {
			at := time(d)
			return lww{at, value(d)}
		},
	}
}

// One operation is a run of 100 cases of commutativity. What is compared: a law
// through package laws and the same property by hand, under rapid and under gopter.
func BenchmarkCommutative(b *testing.B) {
	b.Run("map", func(b *testing.B) { race(b, mapOfMax()) })
	b.Run("register", func(b *testing.B) { race(b, register()) })
}

func race[S any](b *testing.B, c contest[S]) {
	const id = "semilattice/commutative"
	set := laws.Func(c.merge)
	trial := func(b *testing.B, source gen.Source[S]) *laws.Trial {
		trials, _, err := laws.Trials(set, source)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range trials {
			if t.Law().ID == id {
				return t
			}
		}
		b.Fatalf("no law %s", id)
		return nil
	}
	b.Run("laws", func(b *testing.B) {
		b.ReportAllocs()
		t := trial(b, gen.Independent(gen.FromRapid(c.rapid)))
		for b.Loop() {
			t.CheckRapid(quiet{b})
		}
	})
	b.Run("laws-choices", func(b *testing.B) {
		b.ReportAllocs()
		t := trial(b, gen.Independent(c.gen))
		for b.Loop() {
			t.CheckRapid(quiet{b})
		}
	})
	b.Run("laws-seeded", func(b *testing.B) {
		b.ReportAllocs()
		source := gen.Independent(c.gen)
		for b.Loop() {
			if r := laws.Run(set, source, laws.RunOptions{Seed: 1, Only: id}); !r.OK() {
				b.Fatal(r)
			}
		}
	})
	b.Run("rapid-by-hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rapid.Check(quiet{b}, func(t *rapid.T) {
				x, y := c.rapid.Draw(t, "x"), c.rapid.Draw(t, "y")
				if !c.equal(c.merge(x, y), c.merge(y, x)) {
					t.Fatalf("does not commute")
				}
			})
		}
	})
	b.Run("gopter-by-hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := prop.ForAll(func(x, y S) bool { return c.equal(c.merge(x, y), c.merge(y, x)) }, c.gopter, c.gopter)
			if r := p.Check(gopter.DefaultTestParametersWithSeed(1)); !r.Passed() {
				b.Fatal(r)
			}
		}
	})
	b.Run("gopterlaws", func(b *testing.B) {
		b.ReportAllocs()
		t := trial(b, gen.Independent(c.gen))
		for b.Loop() {
			gopterlaws.CheckLaw(b, t)
		}
	})
}
