package laws_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/joinery-go/joinery/gen"
	"github.com/joinery-go/joinery/lattice"
	"github.com/joinery-go/joinery/laws"
)

func halved(n int) int { return n / 2 }

// A report leaves behind what was checked, of what, and in how many cases.
func TestEvidence(t *testing.T) {
	m := lattice.MaxFrom(0)
	f := laws.Function[int, int]{F: halved, From: m, To: m}
	const name = "github.com/joinery-go/joinery/laws_test.halved"
	source := gen.For(m, gen.Int(0, 9))
	o := laws.RunOptions{Seed: 1, Cases: 20}

	of := laws.Run(laws.Morphism(f).Only("morphism/joins"), source, o).Evidence().Finding()
	assert.Equal(t, lattice.Finding{Support: lattice.Sampled, Of: lattice.OfFunction, Subject: name, Class: laws.IsMorphism, Cases: 20, From: lattice.NameOf(m), To: lattice.NameOf(m)}, of)
	of = laws.Exhaust(laws.Monotone(f), gen.Range(0, 3)).Evidence().Finding()
	assert.Equal(t, lattice.Finding{Support: lattice.Exhausted, Of: lattice.OfFunction, Subject: name, Class: laws.IsTricky, Cases: 16, From: lattice.NameOf(m), To: lattice.NameOf(m), Scope: "every tuple of 4 states"}, of)
	of = laws.Exhaust(laws.MonotoneFunc(halved, func(a, b int) int { return max(a, b) }, func(a, b int) bool { return a <= b }), gen.Range(0, 3)).Evidence().Finding()
	assert.Equal(t, name, of.Subject)
	of = laws.Run(laws.Lattice(m), source, o).Evidence().Finding()
	assert.Equal(t, lattice.Finding{Support: lattice.Sampled, Of: lattice.OfLattice, Subject: lattice.NameOf(m), Cases: 100}, of)
	of = laws.Run(laws.Semilattice(m), source, o).Evidence().Finding()
	assert.Equal(t, lattice.Finding{Support: lattice.Sampled, Of: lattice.OfSemilattice, Subject: lattice.NameOf(m), Cases: 60}, of)

	c := laws.Classify(f, source, o)
	require.NoError(t, c.Err)
	assert.Equal(t, laws.IsMorphism, c.Evidence().Finding().Class)
	assert.Equal(t, name, c.Evidence().Finding().Subject)
}

// What failed, was left out, or was not exercised leaves nothing.
func TestNoEvidence(t *testing.T) {
	m := lattice.Max[int]()
	source := gen.For(m, gen.Int(0, 9))
	down := laws.Function[int, int]{F: func(n int) int { return -n }, From: m, To: m}
	for name, e := range map[string]lattice.Evidence{
		"failed":      laws.Run(laws.Monotone(down), source, laws.RunOptions{Seed: 1}).Evidence(),
		"class":       laws.Classify(down, source, laws.RunOptions{Seed: 1}).Evidence(),
		"left out":    laws.Run(laws.Lattice(m).Only("semilattice/associative", "order"), source, laws.RunOptions{Seed: 1}).Evidence(),
		"one state":   laws.Run(laws.Lattice(m), gen.For(m, gen.Int(1, 1)), laws.RunOptions{Seed: 1}).Evidence(),
		"a plain one": laws.Run(laws.OrderFunc(func(a, b int) bool { return a <= b }), source, laws.RunOptions{Seed: 1}).Evidence(),
		"set-up":      laws.Run(laws.Monotone(laws.Function[int, int]{}), source, laws.RunOptions{Seed: 1}).Evidence(),
		"empty":       laws.Exhaust(laws.Lattice(m), nil).Evidence(),
	} {
		assert.Equal(t, lattice.Evidence{}, e, name)
	}
	assert.Equal(t, "assumed", lattice.Evidence{}.String())
	assert.Empty(t, lattice.NameOf(nil))
	assert.Empty(t, lattice.NameOf((func())(nil)))
}
