package laws_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

// TestErasedPlans: the suites for tables, whose states and operations are in boxes,
// find what those of the type's own find, with the same smallest histories in the same
// words.
func TestErasedPlans(t *testing.T) {
	failed := 0
	alike := func(name string, typed, boxed laws.Suite) {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, typed.IDs, boxed.IDs)
			assert.Equal(t, typed.Absent, boxed.Absent)
			want := typed.Exhaust()
			assert.Equal(t, want, boxed.Exhaust())
			if !want.OK() {
				failed++
			}
			for seed := range uint64(4) {
				o := laws.RunOptions{Seed: seed, Cases: 100}
				assert.Equal(t, typed.Run(o), boxed.Run(o), "seed %d", seed)
			}
		})
	}
	bits := gen.Updates[half, uint8]{
		Start: func() half { return half{Whole: true} }, Ops: gen.OneOf[uint8](1, 2, 4),
		Delta: func(s half, replica int, op uint8) half { return half{Bits: op ^ s.Bits<<replica} },
	}
	xor := joining(func(a, b half) half { return half{a.Whole || b.Whole, a.Bits ^ b.Bits} }, total[half])
	updates(alike, "deltas that toggle", xor, bits)
	updates(alike, "a mutator that writes into its state", lattice.SetOf[int](), gen.Updates[map[int]struct{}, int]{
		Start: func() map[int]struct{} { return map[int]struct{}{} }, Ops: gen.Int(0, 2),
		Apply: func(s map[int]struct{}, _, op int) map[int]struct{} { s[op] = struct{}{}; return s },
	})
	largest := gen.Updates[int, int]{Start: func() int { return 0 }, Ops: gen.Int(1, 3), Delta: func(_, _, op int) int { return op }}
	updates(alike, "the largest number", lattice.Max[int](), largest)
	updates(alike, "no updates", lattice.Max[int](), gen.Updates[int, int]{Ops: largest.Ops})

	few, _ := gen.Every(gen.Plans(largest.Ops, 2), 100_000)
	model := func(seen []gen.Event[int]) (v int) {
		for _, e := range seen {
			v = max(v, e.Op)
		}
		return v
	}
	asked := laws.Query[int, int]{Ask: same[int]}
	for name, m := range map[string]lattice.Merge[int]{"the largest": lattice.Max[int](), "the smallest": lattice.Min[int]()} {
		alike(name, laws.NewSuite("denotation", laws.Denotation(m, largest, asked, model), laws.PlanSource(largest), few),
			laws.DenotationSuite("denotation", m, largest, asked, model, few))
	}
	assert.Equal(t, 4, failed, "right and faulty types are both among them")
}

func updates[S, O any](alike func(name string, typed, boxed laws.Suite), name string, m lattice.Merge[S], u gen.Updates[S, O]) {
	few, _ := gen.Every(gen.Plans(u.Ops, 2), 100_000)
	alike(name, laws.NewSuite("updates", laws.Updates(m, u), laws.PlanSource(u), few), laws.UpdatesSuite("updates", m, u, few))
}
