package causal_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/causal"
	"github.com/joinery-go/joinery/lattice/internal/lawtest"
)

// lawful checks a merge over joins of the states drawn.
func lawful[T any](t *testing.T, name string, m lattice.Merge[T], states *rapid.Generator[T]) {
	t.Helper()
	t.Run(name, func(t *testing.T) { lawtest.Check(t, m, lawtest.Joins(m, states)) })
}

var (
	versions = rapid.MapOfN(rapid.Uint64Range(1, 3), rapid.Uint64Range(1, 3), 0, 3)
	letters  = rapid.SampledFrom([]string{"", "a", "b"})
	amounts  = rapid.Int64Range(-2, 2)
)

// wellFormed draws any well-formed state over six dots: each is unseen, gone, or
// live where place puts it. Two such states need not be compatible, and the laws
// hold all the same.
func wellFormed[S any](place func(rt *rapid.T, s *S, d causal.Dot)) *rapid.Generator[causal.Causal[S]] {
	return rapid.Custom(func(rt *rapid.T) causal.Causal[S] {
		v := causal.Causal[S]{Context: causal.Dots{}}
		for i := range uint64(6) {
			d := causal.Dot{Origin: 1 + i%2, Seq: 1 + i/2}
			switch rapid.IntRange(0, 3).Draw(rt, "status") {
			case 0:
			case 1:
				v.Context.Add(d)
			default:
				v.Context.Add(d)
				place(rt, &v.Store, d)
			}
		}
		return v
	})
}

func placeDot(_ *rapid.T, s *causal.Dots, d causal.Dot) {
	if *s == nil {
		*s = causal.Dots{}
	}
	s.Add(d)
}

// placePayload and placeUnder place a dot with a payload, or under a key.
func placePayload[V any](payload *rapid.Generator[V]) func(*rapid.T, *map[causal.Dot]V, causal.Dot) {
	return func(rt *rapid.T, s *map[causal.Dot]V, d causal.Dot) {
		if *s == nil {
			*s = map[causal.Dot]V{}
		}
		(*s)[d] = payload.Draw(rt, "payload")
	}
}

func placeUnder[K comparable, S any](keys *rapid.Generator[K], place func(*rapid.T, *S, causal.Dot)) func(*rapid.T, *map[K]S, causal.Dot) {
	return func(rt *rapid.T, s *map[K]S, d causal.Dot) {
		if *s == nil {
			*s = map[K]S{}
		}
		k := keys.Draw(rt, "key")
		part := (*s)[k]
		place(rt, &part, d)
		(*s)[k] = part
	}
}

func placeEither[A, B any](a func(*rapid.T, *A, causal.Dot), b func(*rapid.T, *B, causal.Dot)) func(*rapid.T, *lattice.Pair[A, B], causal.Dot) {
	return func(rt *rapid.T, s *lattice.Pair[A, B], d causal.Dot) {
		if rapid.Bool().Draw(rt, "first") {
			a(rt, &s.First, d)
		} else {
			b(rt, &s.Second, d)
		}
	}
}

func TestContextsAreLawful(t *testing.T) {
	lawful(t, "Version", causal.VersionMerge(), rapid.Map(versions, func(v map[uint64]uint64) causal.Version { return v }))
	lawful(t, "Dots", causal.DotsMerge(), rapid.Map(wellFormed(placeDot), func(c causal.Causal[causal.Dots]) causal.Dots { return c.Context }))
	lawful(t, "Spans", causal.SpansMerge(), rapid.Custom(func(rt *rapid.T) causal.Spans { return spansOf(rt, numbers.Draw(rt, "numbers")) }))
}

func TestCausalTypesAreLawful(t *testing.T) {
	lawful(t, "EWFlag", causal.EWFlagMerge(), rapid.Map(wellFormed(placeDot), func(c causal.Causal[causal.Dots]) causal.EWFlag { return causal.EWFlag(c) }))
	votes := placePayload(rapid.Bool())
	lawful(t, "DWFlag", causal.DWFlagMerge(), rapid.Map(wellFormed(votes),
		func(c causal.Causal[map[causal.Dot]bool]) causal.DWFlag { return causal.DWFlag(c) }))
	lawful(t, "AWSet", causal.AWSetOf[string](), rapid.Map(wellFormed(placeUnder(letters, placeDot)),
		func(c causal.Causal[map[string]causal.Dots]) causal.AWSet[string] { return causal.AWSet[string](c) }))
	lawful(t, "RWSet", causal.RWSetOf[string](), rapid.Map(wellFormed(placeUnder(letters, votes)),
		func(c causal.Causal[map[string]map[causal.Dot]bool]) causal.RWSet[string] {
			return causal.RWSet[string](c)
		}))
	lawful(t, "MVRegister", causal.MVRegisterOf[string](), rapid.Map(wellFormed(placePayload(letters)),
		func(c causal.Causal[map[causal.Dot]string]) causal.MVRegister[string] {
			return causal.MVRegister[string](c)
		}))
	lawful(t, "Counter", causal.CounterMerge(), rapid.Map(wellFormed(placePayload(amounts)),
		func(c causal.Causal[map[causal.Dot]int64]) causal.Counter { return causal.Counter(c) }))
}

func TestCausalMapsAreLawful(t *testing.T) {
	type record = lattice.Pair[causal.Dots, map[int]map[causal.Dot]map[string]struct{}]
	store := causal.DotPairOf(causal.DotSet(), causal.DotMapOf[int](causal.DotFunOf(lattice.SetOf[string]())))
	payload := placePayload(rapid.MapOfN(letters, rapid.Just(struct{}{}), 0, 2))
	place := placeUnder(letters, placeEither(placeDot, placeUnder(rapid.IntRange(0, 1), payload)))
	lawful(t, "ORMap", lattice.Merge[causal.ORMap[string, record]](causal.ORMapOf[string](store)), rapid.Map(wellFormed(place),
		func(c causal.Causal[map[string]record]) causal.ORMap[string, record] {
			return causal.ORMap[string, record](c)
		}))
}

func TestPlainTypesAreLawful(t *testing.T) {
	lawful(t, "GCounter", causal.GCounterMerge(), rapid.Map(versions, func(v map[uint64]uint64) causal.GCounter { return v }))
	lawful(t, "PNCounter", causal.PNCounterMerge(), rapid.Custom(func(rt *rapid.T) causal.PNCounter {
		return causal.PNCounter{First: versions.Draw(rt, "increments"), Second: versions.Draw(rt, "decrements")}
	}))
	lawful(t, "Hybrid", causal.HybridMerge(), hybrids)
	lawful(t, "LWW", causal.LWWOf[string](), registers)
	lawful(t, "LWWMap", causal.LWWMapOf[string, string](), rapid.Map(rapid.MapOfN(letters, registers, 0, 2),
		func(m map[string]causal.LWW[string]) causal.LWWMap[string, string] { return m }))
}

var hybrids = rapid.Custom(func(rt *rapid.T) causal.Hybrid {
	return causal.Hybrid{Wall: rapid.Uint64Range(0, 2).Draw(rt, "wall"), Logical: rapid.Uint32Range(0, 2).Draw(rt, "logical")}
})

// registers tie often, in their stamps and in their values.
var registers = rapid.Custom(func(rt *rapid.T) causal.LWW[string] {
	at := causal.Stamp{Time: hybrids.Draw(rt, "time"), Origin: rapid.Uint64Range(0, 1).Draw(rt, "origin")}
	if at == (causal.Stamp{}) {
		return causal.LWW[string]{}
	}
	if rapid.Bool().Draw(rt, "deleted") {
		return causal.LWW[string]{Stamp: at, Deleted: true}
	}
	return causal.LWW[string]{Stamp: at, Val: letters.Draw(rt, "value")}
})

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 1, 1, 1, 0, 1, 1, 1, 'a', 1, 1, 1, 0, 0})
	f.Add([]byte{1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 'a'})
	f.Add([]byte{2, 1, 1, 1, 0, 1, 1, 1, 'k', 1, 2, 1, 1, 1, 0})
	f.Add([]byte{3, 1, 1, 'k', 1, 5, 1, 1, 1, 'v'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		switch kind, b := b[0]%6, b[1:]; kind {
		case 0:
			lawtest.Decoded(t, causal.AWSetOf[string](), b)
		case 1:
			lawtest.Decoded(t, causal.MVRegisterOf[string](), b)
		case 2:
			lawtest.Decoded[causal.ORMap[string, map[float64]map[causal.Dot]bool]](t,
				causal.ORMapOf[string](causal.DotMapOf[float64](causal.DotFunOf(lattice.And()))), b)
		case 3:
			lawtest.Decoded(t, causal.LWWMapOf[string, string](), b)
		case 4:
			lawtest.Decoded(t, causal.PNCounterMerge(), b)
		case 5:
			lawtest.Decoded(t, causal.CausalOf(causal.DotPairOf(causal.DotSet(), causal.CounterStore())), b)
		}
	})
}
