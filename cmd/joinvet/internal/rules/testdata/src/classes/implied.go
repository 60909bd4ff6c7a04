package classes

import (
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

func total(n int) int     { return 3 * n }
func steep(n int) int     { return n * n }
func parity(n int) int    { return n % 2 }
func upper(n int) int     { return n }
func either(a, b int) int { return a + b }
func slope(n int) int     { return n + 1 }
func climb(n int) int     { return n + 2 }
func held(n int) int      { return n + 3 }

func (s scale) function() (f lattice.Function[int, int]) { f.F = s.times; return f }

var (
	climbing = lattice.Function[int, int]{F: climb}
	settled  = lattice.Function[int, int]{F: checked}
)

func of(f func(int) int) lattice.Function[int, int] { return lattice.Function[int, int]{F: f} }

func sloping() lattice.Function[int, int] { return lattice.Function[int, int]{slope, nil, nil} }

type stage struct{ claim flow.Claim }

func implied(d flow.Delta[int], s flow.State[int], m lattice.Merge[int], e flow.Evidence) {
	flow.MapState(s, lattice.Function[int, int]{F: total}, flow.Claim{})                        // want `total is used as a morphism`
	flow.MapState(s, lattice.Function[int, int]{F: total}, flow.Claim{Evidence: e})             // want `total is used as a morphism`
	flow.MapState(s, lattice.Function[int, int]{F: steep}, flow.Claim{Class: lattice.IsTricky}) // want `steep is used as monotone`
	flow.MapState(s, lattice.Function[int, int]{F: steep}, flow.Claim{lattice.IsTricky, e})     // want `steep is used as monotone`
	flow.Convert(d, lattice.Function[int, int]{F: upper})                                       // want `upper is used as a morphism`
	flow.Bimorphism(d, d, m, m, either)                                                         // want `either is used as a morphism`
	claim := flow.Morphism(e)
	flow.Map(d, slope, claim) // want `slope is used as a morphism`
	st := stage{claim: flow.Monotone(e)}
	flow.MapState(s, of(climb), st.claim)         // want `climb is used as monotone`
	flow.MapState(s, climbing, flow.Monotone(e))  // want `climb is used as monotone`
	flow.MapState(s, sloping(), flow.Monotone(e)) // want `slope is used as monotone`
	chosen := held
	flow.Map(d, chosen, flow.Morphism(e)) // want `held is used as a morphism`

	claims := []flow.Claim{flow.Morphism(e)}
	flow.Map(d, held, claims...) // want `held is used as a morphism`
	var f lattice.Function[int, int]
	f.F = upper
	flow.Convert(d, f) // want `upper is used as a morphism`

	// What follows is checked, or claims nothing.
	flow.MapState(s, lattice.Function[int, int]{F: parity}, flow.Claim{Class: lattice.NonMonotone})
	flow.Convert(d, settled)
	flow.Convert(d, of(checked))
	flow.MapState(s, settled, flow.Claim{})
	none := flow.NonMonotone()
	flow.MapState(s, lattice.Function[int, int]{F: parity}, none)
}

func forward(d flow.Delta[int], f func(int) int, claims ...flow.Claim) flow.Delta[int] {
	return flow.Map(d, f, claims...)
}
