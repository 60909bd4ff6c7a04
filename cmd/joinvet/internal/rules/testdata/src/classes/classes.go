package classes

import (
	"strings"

	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

func half(n int) int       { return n / 2 }
func third(n int) int      { return n / 3 }
func fourth(n int) int     { return n / 4 }
func fifth(n int) int      { return n / 5 }
func even(n int) bool      { return n%2 == 0 }
func large(n int) bool     { return n > 9 }
func size(s string) int    { return len(s) }
func wide(s string) bool   { return len(s) > 9 }
func same[T any](v T) T    { return v }
func checked(n int) int    { return n }
func checkedToo(n int) int { return n }

type scale struct{ by int }

func (s scale) times(n int) int { return s.by * n }

func build(d flow.Delta[int], s flow.State[int], w flow.State[string], e flow.Evidence, sc scale, found lattice.Evidence) {
	flow.Map(d, half, flow.Morphism(e))                                                             // want `half is used as a morphism, and no test of the package checks that it is: laws.CheckMorphism does in one line`
	flow.Map(d, (third), flow.Morphism(flow.Evidence{}))                                            // want `third is used as a morphism`
	flow.Map(d, fourth, flow.Monotone(e))                                                           // want `fourth is used as monotone, .* laws.CheckMonotone`
	flow.Filter(d, even, flow.Morphism(e))                                                          // want `even is used as a morphism`
	flow.Map(d, sc.times, flow.Morphism(e))                                                         // want `times is used as a morphism`
	flow.Map(d, same[int], flow.Morphism(e))                                                        // want `same is used as a morphism`
	flow.Map(d, func(n int) int { return -n }, flow.Morphism(e))                                    // want `a function without a name is used as a morphism`
	flow.MapState(s, lattice.Function[int, bool]{F: large}, flow.Monotone(e))                       // want `large is used as monotone`
	flow.MapState(w, lattice.Function[string, int]{F: size}, flow.Monotone(flow.BySample(10)))      // want `size is used as monotone` `flow.BySample is evidence that no check has made`
	flow.MapState(w, lattice.Function[string, bool]{wide, nil, nil}, flow.Monotone(e))              // want `wide is used as monotone`
	flow.MapState(s, lattice.Function[int, int]{From: nil, F: fifth}, (flow.Morphism(e)))           // want `fifth is used as a morphism`
	flow.MapState(s, lattice.Function[int, int]{F: func(n int) int { return n }}, flow.Monotone(e)) // want `a function without a name is used as monotone`

	flow.Map(d, checked, flow.Morphism(flow.BySample(10)))              // want `flow.BySample is evidence`
	flow.Map(d, checked, flow.Morphism(flow.ByExhaustion("all of it"))) // want `flow.ByExhaustion is evidence`
	stated := flow.ByProof()                                            // want `flow.ByProof is evidence`
	flow.MapState(s, lattice.Function[int, int]{F: checked}, flow.Monotone(stated))

	// What follows is checked, claims nothing, or is not of this package.
	flow.Map(d, checked, flow.Morphism(flow.ByCheck(found)))
	flow.Map(d, checked, flow.Morphism(e))
	flow.MapState(s, lattice.Function[int, int]{F: checkedToo}, flow.Monotone(e))
	flow.Map(d, half)
	flow.Map(d, half, flow.NonMonotone())
	flow.MapState(w, lattice.Function[string, string]{F: strings.ToUpper}, flow.Monotone(e))
	chosen := half
	if sc.by > 9 {
		chosen = third
	}
	flow.Map(d, chosen, flow.Morphism(e))
	flow.MapState(s, sc.function(), flow.Monotone(e))
	flow.Map(d, third, flow.Morphism(e)) //joinery:vetted division is, of integers that only grow
}
