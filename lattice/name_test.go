package lattice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/lattice"
)

// TestNameOf: merges that differ in what they are made of have different names, and equal
// ones the same.
func TestNameOf(t *testing.T) {
	build := []func() any{
		func() any { return lattice.Max[int]() },
		func() any { return lattice.MaxFrom(3) },
		func() any { return lattice.MaxFrom(4) },
		func() any { return lattice.Min[int]() },
		func() any { return lattice.SetOf[int]() },
		func() any { return lattice.MapOf[string](lattice.Max[int]()) },
		func() any { return lattice.MapOf[string](lattice.Min[int]()) },
		func() any { return lattice.MapOf[string](lattice.MapOf[int](lattice.Min[int]())) },
		func() any { return lattice.PairOf(lattice.Max[int](), lattice.Min[int]()) },
		func() any { return lattice.PairOf(lattice.Min[int](), lattice.Max[int]()) },
	}
	names := map[string]int{}
	for i, b := range build {
		name := lattice.NameOf(b())
		require.Equal(t, name, lattice.NameOf(b()))
		require.NotContains(t, names, name, "%d and %d", names[name], i)
		names[name] = i
		t.Log(name)
	}
	require.Empty(t, lattice.NameOf(nil))
	require.Empty(t, lattice.NameOf((func())(nil)))
}
