package classes

import (
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/lattice/flow"
)

func fromMap(n int) int   { return n + 4 }
func beside(n int) int    { return n + 5 }
func fromSlice(n int) int { return n + 6 }
func inRange(n int) int   { return n + 7 }
func later(n int) int     { return n + 8 }
func inTable(n int) int   { return n + 9 }
func anyKey(n int) int    { return n + 10 }
func another(n int) int   { return n + 11 }

var table = map[string]func(int) int{"right": checked, "inTable": inTable}

func tables(d flow.Delta[int], s flow.State[int], e flow.Evidence, name string) {
	byName := map[string]func(int) int{"a": fromMap, "b": beside}
	flow.Map(d, byName["a"], flow.Morphism(e))      // want `fromMap is used as a morphism`
	flow.Map(d, table["inTable"], flow.Morphism(e)) // want `inTable is used as a morphism`
	flow.Map(d, table["right"], flow.Morphism(e))
	f, ok := byName["b"]
	if ok {
		flow.MapState(s, lattice.Function[int, int]{F: f}, flow.Monotone(e)) // want `beside is used as monotone`
	}
	listed := []func(int) int{checked, fromSlice}
	flow.Map(d, listed[0], flow.Morphism(e))
	flow.Map(d, listed[1], flow.Morphism(e)) // want `fromSlice is used as a morphism`
	for _, f := range [2]func(int) int{checked, inRange} {
		flow.Map(d, f, flow.Morphism(e)) // want `inRange is used as a morphism`
	}
	made := make(map[string]func(int) int)
	made["later"] = later
	flow.Map(d, made[name], flow.Morphism(e)) // want `later is used as a morphism`
	either := map[string]func(int) int{"x": anyKey, "y": another, "z": checked}
	flow.Map(d, either[name], flow.Morphism(e)) // want `anyKey is used as a morphism` `another is used as a morphism`
	functions := map[string]lattice.Function[int, int]{"up": {F: anyKey}}
	flow.MapState(s, functions["up"], flow.Monotone(e)) // want `anyKey is used as monotone`
}
